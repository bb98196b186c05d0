"""What sync notes of the host from one observation to the next."""

from __future__ import annotations

from pathlib import Path

from qmailpanel.qmail.formats.shared_files import Shared
from qmailpanel.qmail.layout.rows import DomainRows, MailboxRow
from qmailpanel.sync.host_notes import HostNotes
from tests.kit.disk import make_home, make_true, open_home, want_on
from tests.kit.worlds import cut_wanted

PANDLE = DomainRows(
    domain=1,
    name="pandle.net",
    prepend=100,
    change=1,
    mailboxes=[MailboxRow(1, 1, "ann"), MailboxRow(2, 2, "bob")],
)


def test_a_domain_stays_disturbed_until_it_was_looked_at_as_a_whole(tmp_path: Path) -> None:
    home = make_home(tmp_path / "qmail")
    host = open_home(home)
    make_true(host, [PANDLE])
    notes, whole = HostNotes(host), want_on(host, [PANDLE])[:1]
    part = [cut_wanted(one, frozenset({"ann"})) for one in whole]
    parts = {one.name: one.part for one in part}
    for looked_at, disturbed in ((part, {"pandle.net"}), (whole, set[str]())):
        lose_line(home, b"=100-bob")
        notes.observe(part, host.memory.sections(parts, parts))
        notes.settle(looked_at)
        assert notes.take_disturbed() == disturbed
        make_true(host, [PANDLE])


def lose_line(home: Path, key: bytes) -> None:
    """Somebody takes it out of users/assign."""
    path = home / Shared.ASSIGN
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(line for line in lines if not line.startswith(key + b":")))
