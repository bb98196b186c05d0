"""File systems on which homes are: while one is not mounted, nothing is made in its place.

Else many empty homes would be made where mail is, and what came meanwhile be hidden by it later.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from qmailpanel.qmail.host.errors import or_host_error
from qmailpanel.qmail.host.mail_root import MailRoot
from qmailpanel.qmail.host.marks import read_marks
from qmailpanel.qmail.host.memory import Memory
from qmailpanel.qmail.host.mounts import find_file_systems, is_mounted
from qmailpanel.qmail.plan.state import Bad, Tree, Wanted

NOT_THERE = "its mail is not there: is the file system of %s mounted?"


class FileSystems:
    """Those that the memory knows, by the paths where they are mounted.

    One is missing when nothing is mounted there, and a home that was applied is not there with its
    mark. Where all are there, their mail was moved: it is known no longer.
    """

    def __init__(self, root: MailRoot, memory: Memory) -> None:
        self.root = root
        self.memory = memory

    @or_host_error
    def note(self) -> None:
        """Those of now, before anything is made on them."""
        known = self.memory.file_systems
        self.memory.file_systems = known | set(find_file_systems(self.root.path))

    def find_missing(self) -> list[str]:
        known = self.memory.file_systems
        gone = {path for path in known if not is_mounted(path)}
        missing = list(filter(self._lacks_homes, sorted(gone)))
        self.memory.file_systems = known - (gone - {*missing})
        return missing

    def _lacks_homes(self, path: str) -> bool:
        homes = self._homes_on(path)
        return any(read_marks(self.root.path, home) != {mailbox} for home, mailbox in homes)

    def _homes_on(self, path: str) -> Iterator[tuple[str, int]]:
        """The homes that were applied there, and whose they are."""
        for name in self.memory.names():
            if not (self._is_on(name, path) or path.startswith(f"{self.root.path}/{name}/")):
                continue
            for section in self.memory.sections([name])[name][:1]:
                for home_path, home in section.homes.items():
                    if self._is_on(home_path, path):
                        yield home_path, home.mailbox

    def _is_on(self, path: str, mounted: str) -> bool:
        return f"{self.root.path}/{path}/".startswith(f"{mounted}/")

    @or_host_error
    def find_cause(self, path: str, to: str) -> str:
        """Why what is below the mail root cannot be moved `to` there, if so."""
        for missing in self.find_missing():
            if self._is_on(path, missing) and not is_mounted(f"{self.root.path}/{to}"):
                return NOT_THERE % missing
        return ""

    def hide(self, wanted: Wanted, tree: Tree, missing: Sequence[str]) -> Tree:
        """What stands in place of a domain, or of a home of it, is not to be touched."""
        for path in missing:
            bad = Bad(NOT_THERE % path)
            if self._is_on(wanted.name, path):
                return Tree(bad)
            homes = (*wanted.section.homes, *wanted.archive)
            hidden = dict.fromkeys((home for home in homes if self._is_on(home, path)), bad)
            tree = replace(tree, homes={**tree.homes, **hidden})
        return tree
