"""Dot-qmail files that turn from old targets to new ones: in which order they do.

A file turns after those that its mail comes to from then on. So all that mail meets behind a file
that turned is new already, and it never runs in a circle of old and new.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence, Set
from itertools import chain
from typing import NamedTuple

from qmailpanel.qmail.formats import dotqmail
from qmailpanel.qmail.formats.shared_files import Shared
from qmailpanel.qmail.plan.draft import Draft
from qmailpanel.qmail.plan.hops import keys_of, targets_of
from qmailpanel.qmail.plan.steps import RemoveFile, TurnStep
from qmailpanel.qmail.plan.waits import Waits, content_now, leads_to, refuses_now


class Turns(NamedTuple):
    """All that the drafts turn.

    `early`: what can before the late names come. `freed`: so too, when idle assignments are gone.
    `late`: what waits for those names. `last`: what waits until the falling names are gone.
    """

    early: list[TurnStep]
    freed: list[TurnStep]
    late: list[TurnStep]
    last: list[TurnStep]


def split_turns(drafts: Sequence[Draft], waits: Waits) -> Turns:
    """What a domain refuses until now does not wait where its late names would be refused too."""
    routes = _NewRoutes(drafts)
    leading = {
        f"{draft.wanted.needs[key]}/.qmail"
        for draft in drafts
        for key in waits.leading & draft.wanted.needs.keys()
    }
    waiting = leading - routes.turns.keys()
    ordered, freed = _order_turns(routes), set[str]()
    for step in ordered:
        before = {*routes.next_files(step.path), *routes.caught_by(step.path)}
        if routes.meets(step.path, waits.idle) or not freed.isdisjoint(before):
            freed.add(step.path)
        is_led = not waiting.isdisjoint(before) or routes.leads_to(step.path, waits.late)
        is_owed = is_led and routes.is_owed(step, waits)
        if routes.is_at_old_number(step, waits) or (is_led and not is_owed):
            waiting.add(step.path)
    last = _find_last(ordered, routes, waits)
    soon = [step for step in ordered if step.path not in last]
    return Turns(
        early=[step for step in soon if step.path not in waiting | freed],
        freed=[step for step in soon if step.path in freed - waiting],
        late=[step for step in soon if step.path in waiting],
        last=[step for step in ordered if step.path in last],
    )


def _find_last(ordered: Sequence[TurnStep], routes: _NewRoutes, waits: Waits) -> set[str]:
    """Those whose mail would still go to who has a falling name, and what leads to these."""
    last = set[str]()
    for step in ordered if waits.falling else ():
        before = {*routes.next_files(step.path), *routes.caught_by(step.path)}
        falls = routes.falls(step.path, waits) or not last.isdisjoint(before)
        if falls and not routes.cannot_wait(step, waits):
            last.add(step.path)
    return last


def _order_turns(routes: _NewRoutes) -> list[TurnStep]:
    """Depth first along the new routes, from their ends.

    Whatever catches mail for new files comes after those too, and what goes after those that led
    there; but for one that leads to what waits.
    """
    ordered, seen, waiting = list[TurnStep](), set[str](), dict[str, Iterator[str]]()
    for start in routes.turns:
        there = None if start in seen else start
        while there or waiting:
            if there:
                seen.add(there)
                first = chain(routes.caught_by(there), routes.left_by(there))
                free = (file for file in first if not routes.come_to(waiting.keys(), file))
                waiting[there] = chain(routes.next_files(there), free)
            path, following = next(reversed(waiting.items()))
            there = next((file for file in following if file not in seen), None)
            if there is None:
                del waiting[path]
                ordered += [routes.turns[path]] if path in routes.turns else []
    return ordered


class _NewRoutes:
    """From one dot-qmail file to the next, as far as these domains have them."""

    def __init__(self, drafts: Sequence[Draft]) -> None:
        self.turns = {step.path: step for draft in drafts for step in draft.turn}
        self._directories = {draft.wanted.name: draft for draft in drafts}
        self._names = {key: draft for draft in drafts for key in draft.new[Shared.VIRTUAL]}
        old = (key for draft in drafts for key in draft.old[Shared.VIRTUAL])
        self._all_names = {*self._names, *old}
        self._left = defaultdict[str, list[str]](list)
        for path, led in self._find_left(drafts):
            self._left[path].append(led)

    def _find_left(self, drafts: Sequence[Draft]) -> Iterator[tuple[str, str]]:
        """Files that go, each with one that led there."""
        names = {key: draft for draft in drafts for key in draft.old[Shared.VIRTUAL]}
        for step in self.turns.values():
            for local, name in targets_of(step.before or b""):
                draft = next((names[key] for key in keys_of(name) if key in names), None)
                own = _own_file(draft, local) if draft else ""
                if own != step.path and isinstance(self.turns.get(own), RemoveFile):
                    yield own, step.path

    def next_files(self, path: str) -> Iterator[str]:
        """Those that mail for this file comes to next."""
        directory, _, name = path.rpartition("/")
        if isinstance(self.turns.get(path), RemoveFile):
            local = dotqmail.extension_of(name) or ""
            yield _find_file(self._directories[directory], local)
            return
        for draft, local in self._targets(path):
            file, own = _find_file(draft, local), _own_file(draft, local)
            yield file
            if file != path and isinstance(self.turns.get(own), RemoveFile):
                yield own

    def caught_by(self, path: str) -> list[str]:
        """New ones whose mail comes to this file until they are there."""
        directory, _, name = path.rpartition("/")
        turns = self._directories[directory].turn if name == ".qmail-default" else ()
        return [step.path for step in turns if step.before is None]

    def left_by(self, path: str) -> list[str]:
        """Those that led to this file, if it goes, and lead elsewhere when they have turned."""
        return self._left[path]

    def come_to(self, ends: Set[str], path: str) -> bool:
        """Whether mail for this file comes to one of the ends."""
        return any(file in ends for file in self._follow(path))

    def meets(self, path: str, assignments: Set[bytes]) -> bool:
        """Whether mail for this file comes to an address that one of these has."""
        files = self._follow(path) if assignments else ()
        there = (target for file in files for target in self._targets(file))
        return any(_assignment(draft, local) in assignments for draft, local in there)

    def leads_to(self, path: str, names: Set[bytes]) -> bool:
        """Whether mail for this file is forwarded to one of these names."""
        return leads_to(self._content(path), names, self._names.keys())

    def is_at_old_number(self, step: TurnStep, waits: Waits) -> bool:
        """Whether what takes the place of this file has another number than its names lead to."""
        names = self._directories[step.path.partition("/")[0]].old[Shared.VIRTUAL]
        return isinstance(step, RemoveFile) and not waits.late.isdisjoint(names)

    def falls(self, path: str, waits: Waits) -> bool:
        """Whether mail for this file comes to a falling name."""
        files = self._follow(path)
        return any(leads_to(self._content(file), waits.falling, self._all_names) for file in files)

    def cannot_wait(self, step: TurnStep, waits: Waits) -> bool:
        """Whether until it turns its mail is refused, or goes to who has a falling name."""
        draft = self._directories[step.path.partition("/")[0]]
        now = content_now(draft, step) or b""
        return refuses_now(draft, step) or leads_to(now, waits.falling, self._all_names)

    def is_owed(self, step: TurnStep, waits: Waits) -> bool:
        """Whether mail for a late name would be refused without it, or come back to it."""
        draft = self._directories[step.path.partition("/")[0]]
        is_below = not waits.taken.isdisjoint(draft.new[Shared.VIRTUAL])
        comes_back = leads_to(content_now(draft, step) or b"", waits.taken, self._names.keys())
        return is_below and (refuses_now(draft, step) or comes_back)

    def _follow(self, path: str) -> Iterator[str]:
        """The file, and all that its mail comes to."""
        ahead, seen = [path], {path}
        while ahead:
            yield (file := ahead.pop())
            further = set(self.next_files(file)) - seen
            seen |= further
            ahead += further

    def _targets(self, path: str) -> Iterator[tuple[Draft, str]]:
        """Of these domains: whose, and the local part."""
        for local, name in targets_of(self._content(path)):
            draft = next((self._names[key] for key in keys_of(name) if key in self._names), None)
            if draft is not None:
                yield draft, local

    def _content(self, path: str) -> bytes:
        directory, _, name = path.rpartition("/")
        section = self._directories[path.partition("/")[0]].wanted.section
        home = section.homes.get(directory) if name == ".qmail" else None
        return home.dot_qmail if home else section.files.get(path, b"")


def _find_file(draft: Draft, local: str) -> str:
    """The file that decides about mail to this local part."""
    key = _assignment(draft, local)
    if key in draft.new[Shared.ASSIGN] and key in draft.wanted.needs:
        return f"{draft.wanted.needs[key]}/.qmail"
    own = _own_file(draft, local)
    return own if own in draft.wanted.section.files else f"{draft.wanted.name}/.qmail-default"


def _assignment(draft: Draft, local: str) -> bytes:
    return f"={draft.wanted.section.prepend}-{local}".encode("latin-1")


def _own_file(draft: Draft, local: str) -> str:
    return f"{draft.wanted.name}/.qmail-{local.replace('.', ':')}"
