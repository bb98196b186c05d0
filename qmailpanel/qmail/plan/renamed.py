"""Homes and domains that have another name now: their directories are moved before the plan.

A move swaps the directory with a symbolic link to its new name, in one step. So whoever still
looks for the old name finds it, until the link goes: mail is never without its home.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from qmailpanel.qmail.formats.shared_files import Foreign
from qmailpanel.qmail.plan.settle_homes import find_foreign_way
from qmailpanel.qmail.plan.state import Section, Wanted
from qmailpanel.qmail.plan.steps import Move


def find_moves(wanted: Wanted, applied: Sequence[Section]) -> list[Move]:
    """The homes of one domain that were applied elsewhere than they are wanted or archived."""
    targets = wanted.homes
    return list(dict.fromkeys(move for old in applied for move in _find_moves(old, targets)))


def _find_moves(old: Section, targets: Mapping[str, int]) -> Iterator[Move]:
    """Each to a place that is free by then; another move may have made it so."""
    places = {
        home.mailbox: path for path, home in old.homes.items() if targets.get(path) != home.mailbox
    }
    waiting = {path: places[number] for path, number in targets.items() if number in places}
    taken = set(old.homes)
    while ready := sorted(waiting.keys() - taken):
        for to in ready:
            path = waiting.pop(to)
            taken ^= {path, to}
            yield Move(path, to)


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
    return replace(
        section,
        files={move_path(path, move): text for path, text in section.files.items()},
        homes={move_path(path, move): home for path, home in section.homes.items()},
    )


def move_path(path: str, move: Move) -> str:
    """What a path is after the move."""
    if path == move.path:
        return move.to
    below = path.removeprefix(f"{move.path}/")
    return path if below == path else f"{move.to}/{below}"
