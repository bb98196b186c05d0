"""One domain while it is planned: lines before and after, steps, and what is applied then."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from qmailpanel.qmail.formats.control import is_refused
from qmailpanel.qmail.formats.dotqmail import refuses
from qmailpanel.qmail.formats.shared_files import OurLines, Shared
from qmailpanel.qmail.plan.drift import Drift
from qmailpanel.qmail.plan.state import (
    Home,
    HomeFound,
    Problem,
    Section,
    Tree,
    Wanted,
    is_left_path,
)
from qmailpanel.qmail.plan.steps import (
    Failed,
    LoginStep,
    PathStep,
    PurgeHome,
    RemoveFile,
    TurnStep,
    WriteFile,
)

NOT_MADE = "The mail server could not be prepared for this address. It is tried again."
KEPT = "Somebody changed this on the mail server. It stays so until an operator decides."


@dataclass(kw_only=True)
class Draft:
    """What one domain becomes: its lines before and after, and the steps below the mail root.

    `turn`: files by which mail goes elsewhere from now on; `refuse`: those by which it is refused.
    `asked`: keys that its map must answer for. `lost_homes`: those that cannot be had.
    `left`: the addresses of which something stays as others wrote it, as decided; None: the domain.
    `unsettled`: files that stay as they are. `blocked`: nothing of the domain is touched.
    `is_mapped`: the map has its wildcard already.
    """

    wanted: Wanted
    applied: Sequence[Section]
    tree: Tree
    failed: Failed
    old: dict[Shared, dict[bytes, bytes]]
    new: dict[Shared, dict[bytes, bytes]] = field(default_factory=dict)
    grow: list[PathStep] = field(default_factory=list)
    turn: list[TurnStep] = field(default_factory=list)
    refuse: list[WriteFile] = field(default_factory=list)
    shrink: list[PathStep] = field(default_factory=list)
    purge: list[PurgeHome] = field(default_factory=list)
    drifts: list[Drift] = field(default_factory=list)
    left: set[int | None] = field(default_factory=set)
    problems: list[Problem] = field(default_factory=list)
    asked: dict[Shared, set[bytes]] = field(default_factory=dict)
    lost_homes: set[str] = field(default_factory=set)
    unsettled: set[str] = field(default_factory=set)
    blocked: bool = False
    is_mapped: bool = False
    logins: Sequence[LoginStep] = ()
    login_names: tuple[str, ...] = ()

    def having(self, lines: Mapping[bytes, bytes]) -> OurLines:
        """These lines as those that it has in a shared file."""
        return OurLines(self.wanted.section.prepend, lines, self.wanted.part)

    def drops(self, shared: Shared) -> list[bytes]:
        """Our lines that go."""
        return [line for key, line in self.old[shared].items() if key not in self.new[shared]]

    def serving(self, shared: Shared) -> dict[bytes, bytes]:
        """Our lines as they are, without those by which mail is refused."""
        there = self.tree.homes.items()
        texts = {path: home.dot_qmail for path, home in there if isinstance(home, HomeFound)}
        refusing = [p for p, text in texts.items() if isinstance(text, bytes) and refuses(text)]
        return self._without_refusing(shared, self.old[shared], refusing)

    def welcoming(self, shared: Shared) -> dict[bytes, bytes]:
        """Our lines as they shall be, without those by which mail shall be refused."""
        homes = self.wanted.section.homes.items()
        refusing = [path for path, home in homes if refuses(home.dot_qmail)]
        return self._without_refusing(shared, self.new[shared], refusing)

    def present(self, shared: Shared) -> dict[bytes, bytes]:
        """Our lines as they are, without those that are there for what was removed."""
        return self._without_refusing(shared, self.old[shared], ())

    def _without_refusing(
        self, shared: Shared, lines: Mapping[bytes, bytes], homes: Iterable[str]
    ) -> dict[bytes, bytes]:
        lines = {key: line for key, line in lines.items() if not self.is_refusing(line)}
        return _without(lines, homes) if shared is Shared.ASSIGN else lines

    def is_refusing(self, line: bytes) -> bool:
        """Whether it is there for what was removed. See layout/leaving.py."""
        return is_left_path(self.wanted.name) or is_refused(line)

    @property
    def stays_mapped(self) -> bool:
        """Whether the map keeps the addresses of all names that go."""
        old, new = self.old[Shared.ASSIGN], self.new[Shared.ASSIGN]
        wildcard = f"+{self.wanted.section.prepend}-".encode()
        return not self.drops(Shared.VIRTUAL) or (wildcard in old.keys() & new.keys())

    @property
    def hands_over(self) -> bool:
        """Whether addresses move from dot-qmail files that go into the map."""
        news = self.new[Shared.ASSIGN].keys() - self.old[Shared.ASSIGN].keys()
        gone = any(isinstance(step, RemoveFile) for step in self.turn)
        late = [*self.refuse, *self.shrink]
        return bool(news) and (gone or any(isinstance(step, TurnStep) for step in late))

    def unasked_drops(self) -> list[bytes]:
        """Assignments that go though no row of the database asked for it."""
        known = self.wanted.known
        if known is None:
            return []
        return [line for line in self.drops(Shared.ASSIGN) if local_of(line) not in known]

    def answers(self, shared: Shared) -> Iterator[tuple[bytes, bytes | None]]:
        """For each of our keys the line that the map must answer with, or None."""
        for key in self.asked.get(shared, ()):
            yield key, self.new[shared].get(key)

    def add_problem(self, owned: bytes | str, text: str, cause: str) -> None:
        """`owned`: the line key or path that it is about."""
        self.problems.append(Problem(text, cause, self.wanted.owners.get(owned)))

    def leave(self, owned: bytes | str) -> None:
        """This stays as others wrote it: a person decided so."""
        self.left.add(self.wanted.owners.get(owned))

    def add_drift(self, owned: bytes | str, drift: Drift, cause: str) -> None:
        self.drifts.append(drift)
        self.add_problem(owned, KEPT, cause)


def _without(lines: Mapping[bytes, bytes], homes: Iterable[str]) -> dict[bytes, bytes]:
    names = {path.rpartition("/")[2] for path in homes}
    if not names:
        return dict(lines)
    return {key: line for key, line in lines.items() if home_name(line) not in names}


def home_name(line: bytes) -> str:
    """`biliards` of `=100-biliards:…/pandle.net/biliards:::`; the domain may have a new name."""
    return line.rstrip(b":\n").rpartition(b"/")[2].decode("latin-1")


def local_of(line: bytes) -> str:
    """The local part of an assignment `=100-biliards:…`; empty for the wildcard `+100-:…`."""
    return line[1:].split(b":", 1)[0].partition(b"-")[2].decode("ascii", "replace")


def section_after(draft: Draft) -> Section | None:
    """What of a domain is on disk by the panel's doing when the plan is done.

    What could not be settled stays as it was last applied (what a run did not come to write was
    not), so that putting it back is no drift. None: nothing was settled.
    """
    if draft.blocked:
        return None
    return Section(
        prepend=draft.wanted.section.prepend,
        lines=_lines_after(draft),
        files=_files_after(draft),
        homes=_homes_after(draft),
        logins=draft.login_names,
        part=draft.wanted.part,
    )


def _lines_after(draft: Draft) -> dict[Shared, dict[bytes, bytes]]:
    lines = {shared: dict(new) for shared, new in draft.new.items()}
    for drift in draft.drifts:
        if drift.subject.line and drift.applied is not None:
            shared, key = drift.subject.line
            lines[shared][key] = drift.applied
    return {shared: new for shared, new in lines.items() if new}


def _files_after(draft: Draft) -> dict[str, bytes]:
    files = dict(draft.wanted.section.files)
    for path in draft.unsettled:
        files.pop(path, None)
        ours = [old.files[path] for old in draft.applied if path in old.files]
        actual = draft.tree.files.get(path)
        if ours:
            files[path] = next((text for text in ours if text == actual), ours[-1])
    return files


def _homes_after(draft: Draft) -> dict[str, Home]:
    """Those applied that are still there, and those wanted that could be had."""
    applied = {path: _home_applied(draft, path) for old in draft.applied for path in old.homes}
    there = {path: home for path, home in applied.items() if _is_there(draft, path, home)}
    wanted = draft.wanted.section.homes
    homes = {path: home for path, home in wanted.items() if path not in draft.lost_homes}
    for path in homes.keys() & there:
        if f"{path}/.qmail" in draft.unsettled:
            homes[path] = there[path]
    return there | homes


def _is_there(draft: Draft, path: str, home: Home) -> bool:
    """Not where another mailbox has its home by now."""
    there = draft.tree.homes.get(path)
    return there.may_be_of(home.mailbox) if isinstance(there, HomeFound) else there is not None


def _home_applied(draft: Draft, path: str) -> Home:
    """As it is there, if it was applied so, else as it was applied last."""
    ours = [old.homes[path] for old in draft.applied if path in old.homes]
    there = draft.tree.homes.get(path)
    actual = there.dot_qmail if isinstance(there, HomeFound) else None
    return next((home for home in ours if home.dot_qmail == actual), ours[-1])
