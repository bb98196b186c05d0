"""users/cdb, asked as qmail-lspawn asks it."""

from __future__ import annotations

from collections.abc import Iterator

from qmailpanel.qmail.formats.cdb import AnyMap, assign_key, assign_line


class BadMap(OSError):
    """qmail-lspawn would defer every message: the map has no record of wildcards."""


class AssignMap(AnyMap):
    """users/cdb to ask."""

    def get(self, key: bytes) -> bytes | None:
        """The data that counts for the key of an assignment: `=100-biliards`, `+100-`."""
        return self.find(assign_key(key))

    def lookup(self, local: bytes) -> bytes | None:
        """What qmail-lspawn finds for a local name: data, the rest of the name at the end of it.

        Exact first, then the longest wildcard. None: the name is left to qmail-getpw(8).
        """
        wildchars = self.find(b"")
        if wildchars is None:
            raise BadMap("users/cdb does not say what wildcards end in")
        name = b"!" + local.lower()
        data = self.find(name + b"\0")
        if data is not None:
            return data
        for length in range(len(name), 0, -1):
            if length == 1 or name[length - 1] in wildchars:
                data = self.find(name[:length])
                if data is not None:
                    return data + local[length - 1 :]
        return None

    def lines(self) -> Iterator[bytes]:
        """The records as lines of users/assign, in their order: the way back when it is lost."""
        lines = (assign_line(key, data) for key, data in self.records())
        yield from (line for line in lines if line is not None)
