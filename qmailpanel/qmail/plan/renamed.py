"""Homes and domains that have another name now: their directories are moved before the plan.

A move swaps the directory with a symbolic link to its new name, in one step. So whoever still
looks for the old name finds it, until the link goes: mail is never without its home.
"""

from __future__ import annotations

from collections.abc import Sequence

from qmailpanel.qmail.plan.state import Section, Wanted
from qmailpanel.qmail.plan.steps import Move


def find_moves(wanted: Wanted, applied: Sequence[Section]) -> list[Move]:
    """The homes of one domain that were applied elsewhere than they are wanted or archived."""
    homes = wanted.section.homes
    targets = {**{path: home.mailbox for path, home in homes.items()}, **wanted.archive}
    moves: dict[Move, None] = {}
    for section in applied:
        news = targets.keys() - section.homes.keys()
        gone = section.homes.keys() - targets.keys() if news else ()
        places = {section.homes[path].mailbox: path for path in gone}
        for path in sorted(news):
            if targets[path] in places:
                moves[Move(places[targets[path]], path)] = None
    return list(moves)


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
