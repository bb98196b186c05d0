"""A file beside users/assign that says which change the host was made from, whoever forgot it."""

from __future__ import annotations

from qmailpanel.qmail.host.files import Rights, entered, put, read_plain
from qmailpanel.qmail.plan.questions import LEDGER_MARK, LedgerEnd

_RIGHTS = Rights(0o600)


class LedgerMark:
    """It is restored with the host's files, not with the memory or the database."""

    def __init__(self, home: str) -> None:
        directory, _, self.name = LEDGER_MARK.rpartition("/")
        self.directory = f"{home}/{directory}"

    def read(self) -> LedgerEnd | None:
        """None where nothing is said."""
        try:
            with entered(self.directory, follow=True) as users:
                content = read_plain(self.name, users)
        except FileNotFoundError:
            return None
        return _parse(content) if isinstance(content, bytes) else None

    def write(self, end: LedgerEnd) -> None:
        """On disk not later than the next change of users/assign."""
        with entered(self.directory, follow=True) as users:
            put(self.name, users, f"{end.change} {end.digest}\n".encode(), _RIGHTS)


def _parse(content: bytes) -> LedgerEnd | None:
    try:
        change, digest = content.decode("ascii").split()
        return LedgerEnd(int(change), digest)
    except ValueError:
        return None
