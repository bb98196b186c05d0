"""The login files: what Dovecot and qmailpanel-checkpassword read to let people in.

Each name of a domain has one file of each format, all made of the same records: `pandle.net.passwd`
has them as lines `key:data` (see Dovecot's page "Passwd-file"), `pandle.net.cdb` as a map. The data
is what passwd(5) has behind the name, with a hash that says its scheme.

    bob@pandle.net              {ARGON2ID}$…:110:31::<mail root>/pandle.net/bob::
    bob@pandle.net/off/pop3     no password of bob's opens it by POP3
    bob@pandle.net/imap/<mark>  an app password, by the SHA-256 of it; one record a protocol

A password `!` is right for nobody.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from qmailpanel.qmail.formats import cdb

NOBODYS = "!"


class LoginFormat(StrEnum):
    """What the name of a login file ends in. Written in this order, removed in the other."""

    MAP = ".cdb"
    LINES = ".passwd"


LoginFiles = Mapping[LoginFormat, bytes]  # of one name, as they are on disk


class Record(NamedTuple):
    """`suffix`: what stands behind the address in the key."""

    local: str
    suffix: str
    data: str


@dataclass(frozen=True, slots=True)
class Logins:
    """The logins of one domain: the same records, by home, under each of its names."""

    names: tuple[str, ...] = ()
    homes: Mapping[str, tuple[Record, ...]] = field(default_factory=dict, repr=False)

    def render(self, name: str, without: Set[str] = frozenset()) -> LoginFiles:
        """The files of a name. `without`: homes that are not there."""
        pairs = [
            (f"{record.local}@{name}{record.suffix}".encode(), record.data.encode())
            for home, records in self.homes.items()
            if home not in without
            for record in records
        ]
        return {which: _render_file(which, pairs) for which in LoginFormat}


def _render_file(which: LoginFormat, pairs: Sequence[tuple[bytes, bytes]]) -> bytes:
    match which:
        case LoginFormat.MAP:
            return _compile(pairs)
        case LoginFormat.LINES:
            return b"".join(b"%s:%s\n" % pair for pair in pairs)


def _compile(pairs: Sequence[tuple[bytes, bytes]]) -> bytes:
    with open(os.memfd_create("logins"), "w+b") as file:
        cdb.compile_records(pairs, file)
        file.seek(0)
        return file.read()
