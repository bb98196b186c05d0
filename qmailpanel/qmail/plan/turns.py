"""Dot-qmail files that turn from old targets to new ones: in which order they do.

A file turns after those that its mail comes to from then on. So all that mail meets behind a file
that turned is new already, and it never runs in a circle of old and new.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from qmailpanel.qmail.formats import dotqmail
from qmailpanel.qmail.formats.shared_files import Shared
from qmailpanel.qmail.plan.draft import Draft
from qmailpanel.qmail.plan.hops import keys_of, targets_of
from qmailpanel.qmail.plan.steps import RemoveFile, TurnStep


def order_turns(drafts: Sequence[Draft]) -> list[TurnStep]:
    """All that the drafts turn: depth first along the new routes, from their ends."""
    routes = _NewRoutes(drafts)
    ordered, seen = list[TurnStep](), set[str]()
    for first in routes.turns:
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
        section = self._directories[path.partition("/")[0]].wanted.section
        home = section.homes.get(directory) if name == ".qmail" else None
        content = home.dot_qmail if home else section.files.get(path, b"")
        for local, name in targets_of(content):
            draft = next((self._names[key] for key in keys_of(name) if key in self._names), None)
            if draft is not None:
                yield _find_file(draft, local)


def _find_file(draft: Draft, local: str) -> str:
    """The file that decides about mail to this local part."""
    key = f"={draft.wanted.section.prepend}-{local}".encode("latin-1")
    if key in draft.new[Shared.ASSIGN] and key in draft.wanted.needs:
        return f"{draft.wanted.needs[key]}/.qmail"
    own, default = (
        f"{draft.wanted.name}/.qmail-{name}" for name in (local.replace(".", ":"), "default")
    )
    return own if own in draft.wanted.section.files else default
