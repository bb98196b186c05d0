"""Homes and domains that have another name now: their directories are moved before the plan.

A move swaps the directory with a symbolic link to its new name, in one step. So whoever still
looks for the old name finds it, until the link goes: mail is never without its home.
"""

from __future__ import annotations

from collections.abc import Sequence

from qmailpanel.qmail.formats.shared_files import Foreign
from qmailpanel.qmail.plan.settle_homes import find_foreign_way
from qmailpanel.qmail.plan.state import Section, Wanted
from qmailpanel.qmail.plan.steps import Move


def find_moves(wanted: Wanted, applied: Sequence[Section]) -> list[Move]:
    """The homes of one domain that were applied elsewhere than they are wanted or archived."""
    targets = wanted.homes
    moves: dict[Move, None] = {}
    for section in applied:
        news = targets.keys() - section.homes.keys()
        gone = section.homes.keys() - targets.keys() if news else ()
        places = {section.homes[path].mailbox: path for path in gone}
        for path in sorted(news):
            if targets[path] in places:
                moves[Move(places[targets[path]], path)] = None
    return list(moves)


def find_foreign_end(wanted: Wanted, moves: Sequence[Move], assigned: Foreign) -> str:
    """Why a home cannot be moved to where an assignment of others leads."""
    for path in wanted.section.homes:
        if any(path == move.to or path.startswith(f"{move.to}/") for move in moves):
            cause = find_foreign_way(wanted, path, assigned)
            if cause:
                return f"{path}: {cause}"
    return ""


def move_section(section: Section, move: Move) -> Section:
    """The section as it is after the move; its lines still say the old name."""
    return Section(
        section.prepend,
        section.lines,
        {move_path(path, move): text for path, text in section.files.items()},
        {move_path(path, move): home for path, home in section.homes.items()},
        section.logins,
    )


def move_path(path: str, move: Move) -> str:
    """What a path is after the move."""
    if path == move.path:
        return move.to
    below = path.removeprefix(f"{move.path}/")
    return path if below == path else f"{move.to}/{below}"
