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
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from operator import attrgetter
from typing import NamedTuple

from qmailpanel.qmail.formats import cdb
from qmailpanel.qmail.formats.shared_files import Part

NOBODYS = "!"
FEW = 8  # files at hand: a run reads, and writes in its mind, the same ones three times
MOST = 1_000  # mailboxes that a name has before it is large
SHARDS = tuple(f"{number:02x}" for number in range(256))


class LoginFormat(StrEnum):
    """What the name of a login file ends in. Written in this order, removed in the other."""

    MAP = ".cdb"
    LINES = ".passwd"


# by path below the login directory
LoginFiles = Mapping[str, bytes]
LoginFilesFound = Mapping[str, bytes | None]  # None: not as it should be
_NONE: LoginFilesFound = {}


class Record(NamedTuple):
    """`suffix`: what stands behind the address in the key."""

    local: str
    suffix: str
    data: str


class _Line(NamedTuple):
    """A record as it stands in the files of a name: its key there, and its data."""

    local: str
    pair: tuple[bytes, bytes]


@dataclass(frozen=True, slots=True)
class Logins:
    """The logins of one domain: the same records, by home, under each of its names.

    `part`: those of these local parts alone; None: all.
    """

    names: tuple[str, ...] = ()
    homes: Mapping[str, tuple[Record, ...]] = field(default_factory=dict, repr=False)
    part: Part | None = None

    def render(
        self, name: str, without: Set[str] = frozenset(), there: LoginFilesFound = _NONE
    ) -> LoginFiles:
        """The files of a name. `without`: homes that are not there. `there`: its files by now.

        A name that was large once keeps its shards. Of a part: the files it is in, with what is
        there of the others.
        """
        homes = self.homes.keys() - without
        lines = [_line(name, record) for home in homes for record in self.homes[home]]
        if self.part is not None:
            lines += (one for one in _read_lines(name, there) if one.local not in self.part)
        lines.sort(key=attrgetter("local"))
        has_shards = any(path.startswith(f"{shards_of(name)}/") for path in there)
        is_large = has_shards or len({line.local for line in lines}) > MOST
        shards = self.shards if has_shards else SHARDS
        stems = _divide(name, lines, shards) if is_large else {name: lines}
        pairs = {stem: tuple(line.pair for line in those) for stem, those in stems.items()}
        return {
            f"{stem}{which}": _render_file(which, those)
            for which in LoginFormat
            for stem, those in pairs.items()
        }

    @property
    def shards(self) -> Collection[str]:
        """Those that a large name has of them."""
        return SHARDS if self.part is None else sorted(set(map(shard_of, self.part)))

    def are_told_by(self, name: str, there: LoginFilesFound) -> bool:
        """Whether the files of a name that a part is in can be gone on from: they tell the same."""
        is_large = any(path.startswith(f"{shards_of(name)}/") for path in there)
        stems = [f"{shards_of(name)}/{one}" for one in self.shards] if is_large else [name]
        return all(_are_alike(stem, name, there) for stem in stems)


def shards_of(name: str) -> str:
    """Their directory."""
    return f"{name}.d"


def shard_of(local: str) -> str:
    """Two hex digits, as those who read the files compute them."""
    return hashlib.md5(local.encode(), usedforsecurity=False).hexdigest()[:2]


def _are_alike(stem: str, name: str, files: LoginFilesFound) -> bool:
    """Whether one lot of records makes all of them, each in the shard that it is asked in."""
    path = f"{stem}{LoginFormat.LINES}"
    lines = list(_read_lines(name, {path: files.get(path)}))
    pairs = tuple(line.pair for line in lines)
    shards = {shard_of(line.local) for line in lines} if "/" in stem else set()
    is_in_place = shards <= {stem.rpartition("/")[2]}
    made = {f"{stem}{which}": _render_file(which, pairs) for which in LoginFormat}
    return is_in_place and all(files.get(path) == content for path, content in made.items())


def _divide(name: str, lines: Iterable[_Line], shards: Iterable[str]) -> dict[str, list[_Line]]:
    """Into these shards, those of which stay empty too; what is in a wrong one goes."""
    divided = {shard: list[_Line]() for shard in shards}
    for line in lines:
        divided.get(shard_of(line.local), []).append(line)
    return {f"{shards_of(name)}/{shard}": those for shard, those in divided.items()}


def _line(name: str, record: Record) -> _Line:
    key = f"{record.local}@{name}{record.suffix}"
    return _Line(record.local, (key.encode(), record.data.encode()))


def _read_lines(name: str, files: LoginFilesFound) -> Iterator[_Line]:
    """What `_render_file` has made of records."""
    for path, content in files.items():
        if path.endswith(LoginFormat.LINES) and content and content.isascii():
            yield from _parse(name.encode(), content)


@lru_cache(FEW)
def _parse(name: bytes, content: bytes) -> tuple[_Line, ...]:
    lines = (line.partition(b":") for line in content.removesuffix(b"\n").split(b"\n"))
    pairs = (((key, data), key.partition(b"@" + name)) for key, _, data in lines)
    return tuple(
        _Line(local.decode(), pair)
        for pair, (local, found, suffix) in pairs
        if found and suffix[:1] in (b"", b"/")
    )


@lru_cache(FEW)
def _render_file(which: LoginFormat, pairs: tuple[tuple[bytes, bytes], ...]) -> bytes:
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
