"""One domain while it is planned: lines before and after, steps, and what is applied then."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from qmailpanel.qmail.formats.shared_files import Shared
from qmailpanel.qmail.plan.drift import Drift
from qmailpanel.qmail.plan.state import Home, HomeFound, Problem, Section, Tree, Wanted
from qmailpanel.qmail.plan.steps import LoginStep, PathStep, PurgeHome, RemoveFile, WriteFile


@dataclass
class Draft:
    """What one domain becomes: its lines before and after, and the steps below the mail root."""

    wanted: Wanted
    old: dict[Shared, dict[bytes, bytes]]
    new: dict[Shared, dict[bytes, bytes]] = field(default_factory=dict)
    grow: list[PathStep] = field(default_factory=list)
    shrink: list[PathStep] = field(default_factory=list)
    purge: list[PurgeHome] = field(default_factory=list)
    drifts: list[Drift] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    asked: dict[Shared, set[bytes]] = field(default_factory=dict)
    lost_homes: set[str] = field(default_factory=set)
    unsettled: set[str] = field(default_factory=set)
    blocked: bool = False
    logins: Sequence[LoginStep] = ()
    login_names: tuple[str, ...] = ()

    def drops(self, shared: Shared) -> list[bytes]:
        """Our lines that go."""
        return [line for key, line in self.old[shared].items() if key not in self.new[shared]]

    @property
    def hands_over(self) -> bool:
        """Whether addresses move from dot-qmail files that go into the map."""
        news = self.new[Shared.ASSIGN].keys() - self.old[Shared.ASSIGN].keys()
        return bool(news) and any(isinstance(s, RemoveFile | WriteFile) for s in self.shrink)

    def unasked_drops(self) -> list[bytes]:
        """Assignments that go though no row of the database asked for it."""
        known = self.wanted.known
        if known is None:
            return []
        return [line for line in self.drops(Shared.ASSIGN) if _local_of(line) not in known]

    def answers(self, shared: Shared) -> Iterator[tuple[bytes, bytes | None]]:
        """For each of our keys the line that the map must answer with, or None."""
        for key in self.asked.get(shared, ()):
            yield key, self.new[shared].get(key)

    def add_problem(self, owner: bytes | str, text: str, cause: str) -> None:
        self.problems.append(Problem(text, cause, self.wanted.owners.get(owner)))


def _local_of(line: bytes) -> str:
    """The local part of an assignment `=100-biliards:…`; empty for the wildcard `+100-:…`."""
    return line[1:].split(b":", 1)[0].partition(b"-")[2].decode("ascii", "replace")


def section_after(draft: Draft, applied: Sequence[Section], tree: Tree) -> Section | None:
    """What of a domain is on disk by the panel's doing when the plan is done.

    What could not be settled stays as it was last applied (what a run did not come to write was
    not), so that putting it back is no drift. None: nothing was settled.
    """
    if draft.blocked:
        return None
    return Section(
        draft.wanted.section.prepend,
        _lines_after(draft),
        _files_after(draft, applied, tree),
        _homes_after(draft, applied, tree),
        draft.login_names,
    )


def _lines_after(draft: Draft) -> dict[Shared, dict[bytes, bytes]]:
    lines = {shared: dict(new) for shared, new in draft.new.items()}
    for drift in draft.drifts:
        if drift.subject.line and drift.applied is not None:
            shared, key = drift.subject.line
            lines[shared][key] = drift.applied
    return {shared: new for shared, new in lines.items() if new}


def _files_after(draft: Draft, applied: Sequence[Section], tree: Tree) -> dict[str, bytes]:
    files = dict(draft.wanted.section.files)
    for path in draft.unsettled:
        files.pop(path, None)
        ours = [old.files[path] for old in applied if path in old.files]
        if ours:
            files[path] = next((text for text in ours if text == tree.files.get(path)), ours[-1])
    return files


def _homes_after(draft: Draft, applied: Sequence[Section], tree: Tree) -> dict[str, Home]:
    left = {path: _home_left(path, applied, tree) for old in applied for path in old.homes}
    left = {path: home for path, home in left.items() if path in tree.homes}
    homes = {p: h for p, h in draft.wanted.section.homes.items() if p not in draft.lost_homes}
    for path in homes.keys() & left:
        if f"{path}/.qmail" in draft.unsettled:
            homes[path] = left[path]
    return left | homes


def _home_left(path: str, applied: Sequence[Section], tree: Tree) -> Home:
    ours = [old.homes[path] for old in applied if path in old.homes]
    found = tree.homes.get(path)
    actual = found.dot_qmail if isinstance(found, HomeFound) else None
    return next((home for home in ours if home.dot_qmail == actual), ours[-1])
