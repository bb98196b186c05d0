"""Directories that go to their new names, before anything else is made."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from qmailpanel.qmail.host.mail_host import Host
from qmailpanel.qmail.host.moves import MovesOf
from qmailpanel.qmail.plan.renamed import find_foreign_end
from qmailpanel.qmail.plan.state import Applied, Wanted
from qmailpanel.qmail.plan.steps import Failed, Step


def make_moves(
    host: Host,
    wanted: Sequence[Wanted],
    applied: Applied,
    moves: MovesOf,
    add_step: Callable[[Step], None],
) -> Failed:
    """Make the moves of these domains. Returns the domains where that failed."""
    moving = [one for one in wanted if one.name in moves]
    failed: Failed = {}
    if moving:  # never to where an assignment that is not the panel's leads
        assigned = host.read_foreign(wanted, applied)
        ends = {one.name: find_foreign_end(one, moves[one.name], assigned) for one in moving}
        failed = {name: cause for name, cause in ends.items() if cause}
    for one in wanted:
        if one.name not in failed:
            cause = host.moves.make(one, moves.get(one.name, ()), add_step)
            failed |= {one.name: cause} if cause else {}
    return failed
