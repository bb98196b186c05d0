"""What one domain has on the host, while it is rendered row by row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from qmailpanel.qmail.formats.assign import Assignment, Sign
from qmailpanel.qmail.formats.logins import Record
from qmailpanel.qmail.layout.rows import AliasRow, Layout, MailboxRow
from qmailpanel.qmail.names import DomainName, InvalidName
from qmailpanel.qmail.plan.state import Home, Problem

UNWRITABLE = "This address cannot be written for the mail server. What is live of it stays."


@dataclass
class Rendering:
    """See `Section` and `Wanted`. `departed`: whose mail is answered though they are removed."""

    layout: Layout
    name: DomainName
    prepend: int
    assign: dict[bytes, bytes] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    homes: dict[str, Home] = field(default_factory=dict)
    logins: dict[str, tuple[Record, ...]] = field(default_factory=dict)
    archive: dict[str, int] = field(default_factory=dict)
    owners: dict[bytes | str, int] = field(default_factory=dict)
    needs: dict[bytes, str] = field(default_factory=dict)
    departed: set[str] = field(default_factory=set)
    problems: list[Problem] = field(default_factory=list)

    def key(self, local: str) -> bytes:
        """The key of an address in users/assign."""
        return f"={self.prepend}-{local}".encode()

    def add_assignment(self, sign: Sign, local: str, path: str, dash: str = "") -> bytes:
        user = self.layout.mail_user
        line = Assignment(
            sign=sign,
            local=f"{self.prepend}-{local}",
            user=user.name,
            uid=user.uid,
            gid=user.gid,
            home=f"{self.layout.mail_root}/{path}",
            dash=dash,
            ext="",
        )
        self.assign[line.key] = line.line
        return line.key

    def add_home_assignment(self, local: str, path: str) -> None:
        """Deliver to a home, if it can be made."""
        self.needs[self.add_assignment("=", local, path)] = path

    def attempt(self, row: MailboxRow | AliasRow, render: Callable[[], None]) -> None:
        """One row that cannot be rendered fails its own address, not its domain."""
        try:
            render()
        except InvalidName as error:
            self.problems.append(Problem(UNWRITABLE, str(error), row.address))
