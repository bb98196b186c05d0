"""A qmail home on a real disk, and the loop of a run without a database around it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from qmailpanel.qmail.formats import assign
from qmailpanel.qmail.formats.shared_files import Shared
from qmailpanel.qmail.host.mail_host import Host
from qmailpanel.qmail.layout.domain import render_domain
from qmailpanel.qmail.layout.leaving import render_left
from qmailpanel.qmail.layout.rows import DomainRows, Layout
from qmailpanel.qmail.names import MailUser
from qmailpanel.qmail.plan.order import Plan, make_plan
from qmailpanel.qmail.plan.state import Wanted
from qmailpanel.qmail.plan.steps import Failed, Step
from tests.kit.assign_map import AssignMap

MAIL_USER = MailUser("popuser", 110, 31)


def make_home(home: Path, files: dict[Shared, bytes] | None = None) -> Path:
    """An empty qmail home, with these files."""
    for directory in ("control", "users", "mailnames"):
        (home / directory).mkdir(parents=True)
    start = {Shared.ASSIGN: b".\n", Shared.VIRTUAL: b"", Shared.RCPT: b""} | (files or {})
    for shared, content in start.items():
        (home / shared).write_bytes(content)
    return home


def open_home(
    home: Path,
    hup: str = "none",
    lists: tuple[Shared, ...] = (),
    mail_user: MailUser = MAIL_USER,
) -> Host:
    layout = Layout(str(home), str(home / "mailnames"), mail_user, lists=lists)
    return Host(layout, str(home / "memory"), hup)


def want_on(host: Host, rows: Sequence[DomainRows]) -> list[Wanted]:
    left = [render_left(row, host.layout) for row in rows]
    return [*(render_domain(row, host.layout) for row in rows), *left]


def plan_on(host: Host, wanted: Sequence[Wanted], failed: Failed | None = None) -> Plan:
    applied = host.memory.applied_of(wanted)
    return make_plan(wanted, applied, host.observe(wanted, applied).actual, failed)


def make_true(
    host: Host,
    rows: Sequence[DomainRows],
    report: Callable[[Step], None] = lambda _: None,
    found: Sequence[Wanted] | None = None,
) -> Plan:
    """A run: move, observe, plan, apply until nothing is left. Returns the last plan.

    `found`: what is wanted, if not just what the rows say.
    """
    wanted = want_on(host, rows) if found is None else found
    with host.lock():
        host.moves.finish()
        applied = host.memory.applied_of(wanted)
        moves = host.moves.find_all(wanted, applied)
        causes = {w.name: host.moves.make(w, moves.get(w.name, ()), report) for w in wanted}
        failed: Failed = {name: cause for name, cause in causes.items() if cause}
        for _ in range(100):
            plan = plan_on(host, wanted, failed)
            if plan.question:
                return plan
            if not plan.steps:
                host.memory.finish(plan.after)
                host.moves.drop_links(plan.after.keys())
                return plan
            host.memory.intend(plan.after)
            outcome = host.apply(plan, report, lambda _: None)
            failed |= outcome.failed
            if outcome.error:
                raise outcome.error
    raise AssertionError(plan.steps)


def cdb_lines(home: Path) -> list[bytes]:
    """users/cdb as lines of users/assign."""
    with (home / "users/cdb").open("rb") as file:
        return list(AssignMap(file).lines())


def is_compiled(home: Path) -> bool:
    """Whether users/cdb is the map of users/assign."""
    records, _ = assign.cut((home / Shared.ASSIGN).read_bytes())
    return [assign.pair(line) for line in cdb_lines(home)] == [assign.pair(r) for r in records]
