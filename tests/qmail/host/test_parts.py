"""The real host, looked at and changed for a part of a domain alone."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from qmailpanel.qmail.formats.shared_files import Shared
from qmailpanel.qmail.host.mail_host import Host
from qmailpanel.qmail.host.outcome import Observed
from qmailpanel.qmail.layout.rows import AliasRow, DomainRows, MailboxRow
from qmailpanel.qmail.plan.order import Plan, make_plan
from qmailpanel.qmail.plan.state import Wanted
from qmailpanel.qmail.plan.steps import RemoveDirectory
from tests.kit.disk import is_compiled, make_home, make_true, open_home, want_on
from tests.kit.worlds import cut_wanted

PANDLE = DomainRows(
    domain=1,
    name="pandle.net",
    prepend=100,
    change=1,
    mailboxes=[MailboxRow(1, 1, "ann"), MailboxRow(2, 2, "bob")],
    aliases=[AliasRow(3, "info", ("one@side.test", "two@side.test"))],
)
OTHER = replace(PANDLE, domain=2, name="b.test", prepend=101, aliases=[])
GROWN = replace(PANDLE, mailboxes=[*PANDLE.mailboxes, MailboxRow(4, 4, "jane.roe")])


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return make_home(tmp_path / "qmail")


@pytest.fixture
def host(home: Path) -> Host:
    host = open_home(home, lists=(Shared.VALID,))
    make_true(host, [PANDLE, OTHER])
    return host


def want_part(host: Host, rows: DomainRows, *locals_: str) -> list[Wanted]:
    return [cut_wanted(want_on(host, [rows])[0], frozenset(locals_))]


def look(host: Host, wanted: Sequence[Wanted]) -> tuple[Observed, Plan]:
    parts = {one.name: one.part for one in wanted}
    applied = host.memory.sections(parts, parts)
    observed = host.observe(wanted, applied)
    return observed, make_plan(wanted, applied, observed.actual)


def make_part_true(host: Host, wanted: Sequence[Wanted]) -> Observed:
    """A run about these parts; what it saw at last."""
    while True:
        observed, plan = look(host, wanted)
        if not plan.steps:
            host.memory.finish(plan.after)
            return observed
        host.memory.intend(plan.after)
        assert not host.apply(plan, lambda _: None, lambda _: None).failed


def whole_plan(host: Host, rows: DomainRows) -> tuple[Observed, Plan]:
    return look(host, [replace(one, logins=None) for one in want_on(host, [rows])])


def test_a_part_is_made_and_the_whole_is_true_then(host: Host, home: Path) -> None:
    make_part_true(host, want_part(host, GROWN, "jane.roe"))
    assert (home / "mailnames/pandle.net/jane.roe/Maildir").is_dir()
    assert is_compiled(home)
    assert whole_plan(host, GROWN)[1].steps == ()


def test_a_part_is_observed_without_a_look_at_other_addresses(host: Host, home: Path) -> None:
    below = home / "mailnames/pandle.net"
    (below / ".qmail-ann").write_bytes(b"# of somebody\n")
    (below / ".qmail-bob").write_bytes(b"# of somebody\n")
    observed, _ = look(host, want_part(host, PANDLE, "ann"))
    tree = observed.actual.trees["pandle.net"]
    assert tree.homes.keys() == {"pandle.net/ann"}
    assert tree.files.keys() == {"pandle.net/.qmail-default"}
    assert tree.strange.keys() == {"pandle.net/.qmail-ann"}


def test_no_directory_is_listed_for_a_part(host: Host, monkeypatch) -> None:
    wanted, listed, listdir = want_part(host, PANDLE, "ann"), set[str](), os.listdir

    def note(directory: int) -> list[str]:
        listed.add(os.readlink(f"/proc/self/fd/{directory}"))
        return listdir(directory)

    monkeypatch.setattr(os, "listdir", note)
    look(host, wanted)
    look(host, want_part(host, replace(PANDLE, removed=True), "ann"))
    assert f"{host.root.path}/pandle.net" not in listed
    look(host, [replace(wanted[0], section=replace(wanted[0].section, part=None))])
    assert f"{host.root.path}/pandle.net" in listed


def test_a_map_is_asked_about_a_part_alone(host: Host) -> None:
    observed, _ = look(host, want_part(host, PANDLE, "ann"))
    answers = observed.actual.maps[Shared.ASSIGN]
    assert answers is not None
    assert answers.keys() == {b"+100-", b"=100-ann"}


def without_line(home: Path, key: bytes) -> None:
    """Somebody takes a line out of users/assign."""
    path = home / Shared.ASSIGN
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(line for line in lines if not line.startswith(key + b":")))


def test_a_domain_is_disturbed_where_others_change_what_a_part_of_it_does_not_have(
    host: Host, home: Path
) -> None:
    without_line(home, b"=100-bob")
    observed = make_part_true(host, want_part(host, PANDLE, "ann"))
    assert observed.disturbed == {"pandle.net"}
    assert b"=100-bob:" not in (home / Shared.ASSIGN).read_bytes()
    assert whole_plan(host, PANDLE)[1].steps


def test_what_others_change_of_a_part_is_mended_and_disturbs_nobody(host: Host, home: Path) -> None:
    without_line(home, b"=100-ann")
    observed, plan = look(host, want_part(host, PANDLE, "ann"))
    assert plan.steps
    assert observed.disturbed == frozenset()
    make_part_true(host, want_part(host, PANDLE, "ann"))
    assert b"=100-ann:" in (home / Shared.ASSIGN).read_bytes()


def test_what_a_part_wrote_itself_disturbs_nobody(host: Host) -> None:
    assert make_part_true(host, want_part(host, GROWN, "jane.roe")).disturbed == frozenset()


def test_the_directory_of_a_domain_never_goes_with_a_part(host: Host) -> None:
    gone = replace(PANDLE, removed=True)
    steps = look(host, want_part(host, gone, "ann"))[1].steps
    assert not any(isinstance(step, RemoveDirectory) for step in steps)
