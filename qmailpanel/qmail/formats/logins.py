"""Who may open which mailbox, and how: what Dovecot and qmailpanel-checkpassword read.

A pair of files for each name of a domain, both made of the same records: `pandle.net.passwd` has
them as lines `key:data` (see Dovecot's page "Passwd-file"), `pandle.net.cdb` as a map. The data
is what passwd(5) has behind the name, with a hash that says its scheme.

    bob@pandle.net              {ARGON2ID}$…:110:31::<mail root>/pandle.net/bob::
    bob@pandle.net/off/pop3     no password of bob's opens it by POP3
    bob@pandle.net/imap/<mark>  an app password, by the SHA-256 of it; one record a protocol

A password `!` is right for nobody.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, field
from typing import NamedTuple

from qmailpanel.qmail.formats import cdb
from qmailpanel.qmail.names import InvalidName, LocalPart, MailUser, gettext_noop

PROTOCOLS = ("imap", "pop3", "smtp", "submission")
NOBODYS = "!"

_HASH = re.compile(r"\{[A-Z0-9][A-Z0-9.-]{0,30}\}[A-Za-z0-9$./=+,_*-]{1,250}")
_MARK = re.compile(r"[0-9a-f]{64}")
_HOME = re.compile(r"/[!-9;-~]+")


@dataclass(frozen=True, slots=True)
class AppRow:
    """An app password as the database has it: text not trusted."""

    number: int
    password: str = field(repr=False)
    mark: str = field(repr=False)
    imap: bool = True
    pop3: bool = True
    sending: bool = True


@dataclass(frozen=True, slots=True)
class LoginRow:
    """What opens a mailbox, as the database has it: text not trusted.

    `password`: a hash; empty for none. `must_change`: until it is another one nothing is opened.
    `storage` and `messages`: the limits to tell Dovecot; 0 for none.
    """

    password: str = field(default="", repr=False)
    must_change: bool = False
    imap: bool = True
    pop3: bool = True
    sending: bool = True
    apps: tuple[AppRow, ...] = ()
    storage: int = 0
    messages: int = 0


NO_LOGIN = LoginRow()


class Record(NamedTuple):
    """`suffix`: what stands behind the address in the key."""

    local: str
    suffix: str
    data: str


class LoginFiles(NamedTuple):
    """The pair of one name, as it is on disk."""

    passwd: bytes
    map: bytes


@dataclass(frozen=True, slots=True)
class Logins:
    """The logins of one domain: the same records, by home, under each of its names."""

    names: tuple[str, ...] = ()
    homes: Mapping[str, tuple[Record, ...]] = field(default_factory=dict, repr=False)

    def render(self, name: str, without: Set[str] = frozenset()) -> LoginFiles:
        """The files of a name. `without`: homes that are not there."""
        records = [
            (f"{record.local}@{name}{record.suffix}".encode(), record.data.encode())
            for home, found in self.homes.items()
            if home not in without
            for record in found
        ]
        return LoginFiles(b"".join(b"%s:%s\n" % record for record in records), _compile(records))


def _compile(records: Iterable[tuple[bytes, bytes]]) -> bytes:
    with open(os.memfd_create("logins"), "w+b") as file:
        cdb.compile_records(records, file)
        file.seek(0)
        return file.read()


def render_login(row: LoginRow, local: LocalPart, home: str, user: MailUser) -> tuple[Record, ...]:
    """The records of one mailbox. Raises InvalidName for what would not be one line."""
    if not _HOME.fullmatch(home):
        raise InvalidName(gettext_noop("A home is named without blanks and colons."))
    place = f"{user.uid}:{user.gid}::{home}::"
    password = NOBODYS if row.must_change or not row.password else _checked(row.password)
    found = [Record(local, "", f"{password}:{place}{_rule(row)}")]
    found += [Record(local, f"/off/{name}", f"{NOBODYS}::::::") for name in _closed(row)]
    for app in () if row.must_change else row.apps:
        found += _render_app(app, local, place, _rule(row))
    return tuple(found)


def _render_app(row: AppRow, local: LocalPart, place: str, rule: str) -> Iterator[Record]:
    if not _MARK.fullmatch(row.mark):
        raise InvalidName(gettext_noop("The mark of an app password is none."))
    extra = f"userdb_app={row.number}{' ' if rule else ''}{rule}"
    for name in _open(row):
        yield Record(local, f"/{name}/{row.mark}", f"{_checked(row.password)}:{place}{extra}")


def _rule(row: LoginRow) -> str:
    limits = [f"storage={row.storage}B"] if row.storage else []
    limits += [f"messages={row.messages}"] if row.messages else []
    return f"userdb_quota_rule=*:{':'.join(limits)}" if limits else ""


def _open(row: LoginRow | AppRow) -> list[str]:
    return [name for name in PROTOCOLS if getattr(row, name, row.sending)]


def _closed(row: LoginRow) -> list[str]:
    return [name for name in PROTOCOLS if not getattr(row, name, row.sending)]


def _checked(password: str) -> str:
    if not _HASH.fullmatch(password):
        raise InvalidName(gettext_noop("The stored password is none that a mail program can use."))
    return password
