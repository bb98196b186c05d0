"""What is told of a log of qmail-send while it grows."""

from __future__ import annotations

from tests.kit.real_qmail import Message, Qmail

LINES = (
    "info msg 7: bytes 40 from <> qp 1 uid 0",
    "end msg 7",
    "info msg 8: bytes 40 from <> qp 2 uid 0",
    "starting delivery 2: msg 8 to local 100-biliards@pandle.net",
    "delivery 2: failure: no/",
    "end msg 8",
)


class GrowingQmail(Qmail):
    """A line more after each reading."""

    def messages(self) -> dict[int, Message]:
        messages = super().messages()
        count = len(self.log.read_text().splitlines())
        self.log.write_text("".join(f"{line}\n" for line in LINES[: count + 1]))
        return messages


def test_messages_are_told_when_all_of_them_ended(tmp_path) -> None:
    first, second = GrowingQmail(tmp_path / "log").ended([1, 2])
    assert (first.deliveries, first.ended) == ([], True)
    assert ([each.verdict for each in second.deliveries], second.ended) == (["failure"], True)
