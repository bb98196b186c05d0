"""Directories of a domain that has another name now, brought to it before anything is planned."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence, Set

from qmailpanel.qmail.host.errors import StepFailed, or_host_error
from qmailpanel.qmail.host.file_systems import FileSystems
from qmailpanel.qmail.host.mail_root import MailRoot
from qmailpanel.qmail.host.marks import read_marks
from qmailpanel.qmail.host.memory import Memory
from qmailpanel.qmail.plan.parts import local_of_path
from qmailpanel.qmail.plan.renamed import find_moves, move_path, move_section
from qmailpanel.qmail.plan.state import Applied, Section, Wanted
from qmailpanel.qmail.plan.steps import Move, Step

MovesOf = Mapping[str, Sequence[Move]]  # by domain


class Moves:
    """`moved`: called when the memory knows domains by other names. `let_end`: waits until nobody
    can still be looking for an old name.
    """

    def __init__(
        self,
        root: MailRoot,
        memory: Memory,
        file_systems: FileSystems,
        moved: Callable[[], None],
        let_end: Callable[[], None],
    ) -> None:
        self.root = root
        self.memory = memory
        self.file_systems = file_systems
        self._moved = moved
        self._let_end = let_end

    def find_all(
        self, wanted: Sequence[Wanted], applied: Applied, doubts: Collection[object] = ()
    ) -> MovesOf:
        """Those of the domains that have any. `doubts`: domains that stay where they are."""
        surely = [one for one in wanted if one.name not in doubts]
        moves = {one.name: self.find(one, applied[one.name]) for one in surely}
        return {name: those for name, those in moves.items() if those}

    @or_host_error
    def find(self, one: Wanted, sections: Sequence[Section]) -> list[Move]:
        """The directories of a domain that have another name now; that of the domain first.

        `sections`: what was applied for it under its name.
        """
        if one.held:
            return []
        former = self.find_name(one)
        if former == one.name:
            return find_moves(one, sections)
        move = Move(former, one.name)
        before = self.memory.sections([former])[former]
        return [move, *find_moves(one, [move_section(section, move) for section in before])]

    def find_name(self, one: Wanted) -> str:
        """The name it was applied under; a prepend is never given twice, so it tells."""
        prepend = one.section.prepend
        names = [one.name, *one.former]
        frames = self.memory.sections(names, dict.fromkeys(names, frozenset()))
        for name, sections in frames.items():
            if sections and sections[-1].prepend == prepend:
                return name
        owner = self.memory.owner_of(prepend)
        return owner if owner and self._had_its_homes(owner, one) else one.name

    def _had_its_homes(self, name: str, one: Wanted) -> bool:
        """Whether a name is its own that an older database, put back, does not know."""
        sections = self.memory.sections([name])[name]
        if not sections or sections[-1].prepend != one.section.prepend:
            return False
        homes = {home.mailbox for home in sections[-1].homes.values()}
        return not homes.isdisjoint(one.homes.values())

    @or_host_error
    def finish(self) -> None:
        """A run that was killed may have made a move and not have noted it."""
        begun = self.memory.moving
        if begun is None:
            return
        is_moved = self.root.is_moved(begun[2])
        self.root.flush()  # or a power cut brings the link back that led to itself
        if is_moved:
            self._note(*begun)
        else:
            self.memory.drop_move()

    @or_host_error
    def make(self, one: Wanted, moves: Sequence[Move], report: Callable[[Step], None]) -> str:
        """Carry out the moves of a domain. Returns why it could not be done, if so."""
        for move in moves:
            cause = self.file_systems.find_cause(move.path, move.to)
            if cause:
                return f"{move.path}: {cause}"
            name = move.path if "/" not in move.path else one.name
            if self._is_others(name, move):
                self._note(name, one.name, move)
                continue
            report(move)
            self.memory.begin_move(name, one.name, move)
            if any(move.to == old for old, _ in self.memory.links):
                self.root.drop_link(move.to)  # it leads here, over moves of runs that were cut
            try:
                self.root.apply(move)
            except StepFailed as error:
                self.finish()
                return f"{move.path}: {error}"
            if self.root.is_moved(move):  # what was missing is made anew
                self.root.flush()
            self._note(name, one.name, move)
        homes, links = one.section.homes, self.memory.links
        self._drop_links([link for link in links if link[0] == one.name or link[0] in homes])
        return ""

    def _is_others(self, name: str, move: Move) -> bool:
        """Whether only others have homes there: the memory is of another moment than the disk."""
        part = frozenset({local_of_path(move.path)}) if "/" in move.path else None
        sections = self.memory.sections([name], {name: part})[name]
        homes = [pair for section in sections for pair in section.homes.items()]
        known = {home.mailbox for path, home in homes if move_path(path, move) != path}
        marks = read_marks(self.root.path, move.path)
        return bool(marks) and not (marks & known)

    def _note(self, name: str, owner: str, move: Move) -> None:
        self.memory.move(name, owner, move)
        if name != owner or "/" not in move.path:  # else the lines are the same domain's
            self._moved()

    @or_host_error
    def drop_links(self, names: Set[str]) -> None:
        """Nobody looks for the old names any more: these domains are as they are wanted."""
        self._drop_links([link for link in self.memory.links if link[1].partition("/")[0] in names])

    def _drop_links(self, done: Sequence[tuple[str, str]]) -> None:
        if not done:
            return
        self._let_end()
        gone = [link for link in done if self.root.drop_link(link[0])]
        self.root.flush()  # or a power cut brings them back, and nobody knows them
        self.memory.links = [link for link in self.memory.links if link not in gone]
