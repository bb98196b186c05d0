"""Dot-qmail files that turn from old targets to new ones: in which order they do.

A file turns after those that its mail comes to from then on. So all that mail meets behind a file
that turned is new already, and it never runs in a circle of old and new.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set

from qmailpanel.qmail.formats import dotqmail
from qmailpanel.qmail.formats.shared_files import Shared
from qmailpanel.qmail.plan.draft import Draft
from qmailpanel.qmail.plan.hops import keys_of, targets_of
from qmailpanel.qmail.plan.steps import RemoveFile, TurnStep
from qmailpanel.qmail.plan.waits import Waits, leads_to, refuses_now


def split_turns(drafts: Sequence[Draft], waits: Waits) -> tuple[list[TurnStep], list[TurnStep]]:
    """All that the drafts turn: what can before the late names come, and what waits for those.

    What a domain refuses until now does not wait where its late names would be refused too.
    """
    routes = _NewRoutes(drafts)
    waiting = {
        f"{draft.wanted.needs[key]}/.qmail"
        for draft in drafts
        for key in waits.leading & draft.wanted.needs.keys()
    }
    ordered = _order_turns(routes)
    for step in ordered:
        if routes.is_at_old_number(step, waits):
            waiting.add(step.path)
        is_led = not waiting.isdisjoint(routes.next_files(step.path))
        if (is_led or routes.leads_to(step.path, waits.late)) and not routes.is_owed(step, waits):
            waiting.add(step.path)
    early = [step for step in ordered if step.path not in waiting]
    return early, [step for step in ordered if step.path in waiting]


def _order_turns(routes: _NewRoutes) -> list[TurnStep]:
    """Depth first along the new routes, from their ends."""
    ordered, seen = list[TurnStep](), set[str]()
    news_first = sorted(routes.turns, key=lambda path: routes.turns[path].before is not None)
    for first in news_first:
        stack = [] if first in seen else [(first, routes.next_files(first))]
        seen.add(first)
        while stack:
            path, following = stack[-1]
            there = next((file for file in following if file not in seen), None)
            if there is not None:
                seen.add(there)
                stack.append((there, routes.next_files(there)))
                continue
            stack.pop()
            if path in routes.turns:
                ordered.append(routes.turns[path])
    return ordered


class _NewRoutes:
    """From one dot-qmail file to the next, as far as these domains have them."""

    def __init__(self, drafts: Sequence[Draft]) -> None:
        self.turns = {step.path: step for draft in drafts for step in draft.turn}
        self._directories = {draft.wanted.name: draft for draft in drafts}
        self._names = {key: draft for draft in drafts for key in draft.new[Shared.VIRTUAL]}

    def next_files(self, path: str) -> Iterator[str]:
        """Those that mail for this file comes to next, and new ones for whom it catches now."""
        directory, _, name = path.rpartition("/")
        if name == ".qmail-default":
            turns = self._directories[directory].turn
            yield from (step.path for step in turns if step.before is None)
        if isinstance(self.turns.get(path), RemoveFile):
            local = dotqmail.extension_of(name) or ""
            yield _find_file(self._directories[directory], local)
            return
        for local, name in targets_of(self._content(path)):
            draft = next((self._names[key] for key in keys_of(name) if key in self._names), None)
            if draft is not None:
                yield _find_file(draft, local)
                own = _own_file(draft, local)
                if isinstance(self.turns.get(own), RemoveFile):
                    yield own

    def leads_to(self, path: str, names: Set[bytes]) -> bool:
        """Whether mail for this file is forwarded to one of these names."""
        return leads_to(self._content(path), names, self._names.keys())

    def is_at_old_number(self, step: TurnStep, waits: Waits) -> bool:
        """Whether what takes the place of this file has another number than its names lead to."""
        names = self._directories[step.path.partition("/")[0]].old[Shared.VIRTUAL]
        return isinstance(step, RemoveFile) and not waits.late.isdisjoint(names)

    def is_owed(self, step: TurnStep, waits: Waits) -> bool:
        """Whether mail for a late name would be refused without it."""
        draft = self._directories[step.path.partition("/")[0]]
        is_below = not waits.taken.isdisjoint(draft.new[Shared.VIRTUAL])
        return is_below and refuses_now(draft, step)

    def _content(self, path: str) -> bytes:
        directory, _, name = path.rpartition("/")
        section = self._directories[path.partition("/")[0]].wanted.section
        home = section.homes.get(directory) if name == ".qmail" else None
        return home.dot_qmail if home else section.files.get(path, b"")


def _find_file(draft: Draft, local: str) -> str:
    """The file that decides about mail to this local part."""
    key = f"={draft.wanted.section.prepend}-{local}".encode("latin-1")
    if key in draft.new[Shared.ASSIGN] and key in draft.wanted.needs:
        return f"{draft.wanted.needs[key]}/.qmail"
    own = _own_file(draft, local)
    return own if own in draft.wanted.section.files else f"{draft.wanted.name}/.qmail-default"


def _own_file(draft: Draft, local: str) -> str:
    return f"{draft.wanted.name}/.qmail-{local.replace('.', ':')}"
