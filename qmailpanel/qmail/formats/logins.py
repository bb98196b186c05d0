"""The login files: what Dovecot and qmailpanel-checkpassword read to let people in.

Each name of a domain has one file of each format, all made of the same records: `pandle.net.passwd`
has them as lines `key:data` (see Dovecot's page "Passwd-file"), `pandle.net.cdb` as a map. The data
is what passwd(5) has behind the name, with a hash that says its scheme.

    bob@pandle.net              {ARGON2ID}$…:110:31::<mail root>/pandle.net/bob::
    bob@pandle.net/off/pop3     no password of bob's opens it by POP3
    bob@pandle.net/imap/<mark>  an app password, by the SHA-256 of it; one record a protocol

A password `!` is right for nobody.

A large name has a directory of shards instead, `pandle.net.d/9f.passwd` and so on, so that a
password costs one of them and not all; the local part says which. A file has its records in the
order of the local parts.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from qmailpanel.qmail.formats import cdb

NOBODYS = "!"
MOST = 1_000  # mailboxes that a name has before it is large
SHARDS = tuple(f"{number:02x}" for number in range(256))


class LoginFormat(StrEnum):
    """What the name of a login file ends in. Written in this order, removed in the other."""

    MAP = ".cdb"
    LINES = ".passwd"


# by path below the login directory
LoginFiles = Mapping[str, bytes]
LoginFilesFound = Mapping[str, bytes | None]  # None: not as it should be


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

    def render(
        self, name: str, without: Set[str] = frozenset(), there: Collection[str] = ()
    ) -> LoginFiles:
        """The files of a name. `without`: homes that are not there. `there`: its files by now.

        A name that was large once keeps its shards.
        """
        homes = sorted(self.homes.keys() - without)
        records = [record for home in homes for record in self.homes[home]]
        shards = f"{shards_of(name)}/"
        is_large = len(homes) > MOST or any(path.startswith(shards) for path in there)
        stems = _divide(name, records) if is_large else {name: records}
        return {
            f"{stem}{which}": _render_file(which, [_pair(name, record) for record in those])
            for which in LoginFormat
            for stem, those in stems.items()
        }


def shards_of(name: str) -> str:
    """Their directory."""
    return f"{name}.d"


def shard_of(local: str) -> str:
    """Two hex digits, as those who read the files compute them."""
    return hashlib.md5(local.encode(), usedforsecurity=False).hexdigest()[:2]


def _divide(name: str, records: Iterable[Record]) -> dict[str, list[Record]]:
    """Into all shards, those of which stay empty too."""
    shards = {shard: list[Record]() for shard in SHARDS}
    for record in records:
        shards[shard_of(record.local)].append(record)
    return {f"{shards_of(name)}/{shard}": those for shard, those in shards.items()}


def _pair(name: str, record: Record) -> tuple[bytes, bytes]:
    return f"{record.local}@{name}{record.suffix}".encode(), record.data.encode()


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
