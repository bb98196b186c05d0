"""Where mail goes, in one sentence."""

from __future__ import annotations

import pytest

from qmailpanel.domains.routes.sentences import SENTENCES, WORDS, mark_of, say_verdict
from qmailpanel.qmail.route.ends import End, Fate
from qmailpanel.qmail.route.verdict import Verdict, verdict

ANN, BOB, OUT = "ann@a.test", "bob@a.test", "out@b.test"


@pytest.mark.parametrize(
    ("ends", "sentence"),
    [
        ([(ANN, Fate.ARRIVES)], "Mail to ann@a.test arrives here."),
        ([(BOB, Fate.ARRIVES)], "Mail to ann@a.test goes on to bob@a.test."),
        (
            [(ANN, Fate.ARRIVES), (OUT, Fate.GOES_ON)],
            "Mail to ann@a.test arrives here and goes on to out@b.test.",
        ),
        ([(ANN, Fate.GOES_ON)], "Mail to ann@a.test leaves this host."),
        ([(OUT, Fate.GOES_ON)], "Mail to ann@a.test leaves this host for out@b.test."),
        ([(BOB, Fate.NOBODY)], "Mail to ann@a.test goes back to the sender."),
        (
            [(OUT, Fate.GOES_ON), (BOB, Fate.NOBODY)],
            "Mail to ann@a.test goes to out@b.test, and for bob@a.test back to the sender.",
        ),
        (
            [(ANN, Fate.ARRIVES), (BOB, Fate.FULL)],
            "Mail to ann@a.test goes to ann@a.test, and for bob@a.test back to the sender.",
        ),
        (
            [(OUT, Fate.GOES_ON), (BOB, Fate.WAITS)],
            "Mail to ann@a.test goes to out@b.test, and waits for bob@a.test.",
        ),
        ([(ANN, Fate.DISCARDED)], "Mail to ann@a.test is discarded: its sender hears nothing."),
        ([(ANN, Fate.UNSURE)], "Nobody knows where mail to ann@a.test goes."),
        (
            [(f"x{n}@b.test", Fate.ARRIVES) for n in range(5)],
            "Mail to ann@a.test goes on to x0@b.test, x1@b.test, x2@b.test and 2 more.",
        ),
    ],
)
def test_all_of_it_is_said(ends: list[tuple[str, Fate]], sentence: str) -> None:
    found = [End(address, fate) for address, fate in ends]
    assert say_verdict(ANN, verdict(ANN, found), found) == sentence


def test_each_verdict_has_a_word_and_a_sentence() -> None:
    assert WORDS.keys() == SENTENCES.keys() == set(Verdict)


@pytest.mark.parametrize("one", Verdict)
def test_it_is_green_only_where_mail_is_taken_here_now(one: Verdict) -> None:
    good = {Verdict.ARRIVES, Verdict.GOES_ON, Verdict.BOTH, Verdict.ANSWERED}
    assert ("status live" in mark_of(one)) == (one in good)
    assert "status live" not in mark_of(one, is_pending=True)
