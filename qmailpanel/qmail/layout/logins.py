"""What opens a mailbox: its row becomes the records that all its login files are made of."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from qmailpanel.qmail.formats.logins import NOBODYS, Record
from qmailpanel.qmail.layout.rows import AppRow, LoginRow
from qmailpanel.qmail.names import InvalidName, LocalPart, MailUser, gettext_noop

_HASH = re.compile(r"\{[A-Z0-9][A-Z0-9.-]{0,30}\}[A-Za-z0-9$./=+,_*-]{1,250}")
_MARK = re.compile(r"[0-9a-f]{64}")
_HOME = re.compile(r"/[!-9;-~]+")


def render_login(row: LoginRow, local: LocalPart, home: str, user: MailUser) -> tuple[Record, ...]:
    """The records of one mailbox. Raises InvalidName for what would not be one line."""
    if not _HOME.fullmatch(home):
        raise InvalidName(gettext_noop("A home is named without blanks and colons."))
    identity = f"{user.uid}:{user.gid}::{home}::"
    password = NOBODYS if row.must_change or not row.password else _checked(row.password)
    limits = _tell_limits(row)
    records = [Record(local, "", f"{password}:{identity}{' '.join(limits)}")]
    for protocol, is_open in _protocols(row):
        if not is_open:
            records.append(Record(local, f"/off/{protocol}", f"{NOBODYS}::::::"))
    for app in () if row.must_change else row.apps:
        records += _render_app(app, local, identity, limits)
    return tuple(records)


def _render_app(
    row: AppRow, local: LocalPart, identity: str, limits: Sequence[str]
) -> Iterator[Record]:
    if not _MARK.fullmatch(row.mark):
        raise InvalidName(gettext_noop("The mark of an app password is none."))
    extra = " ".join([f"userdb_app={row.number}", *limits])
    data = f"{_checked(row.password)}:{identity}{extra}"
    for protocol, is_open in _protocols(row):
        if is_open:
            yield Record(local, f"/{protocol}/{row.mark}", data)


def _protocols(row: LoginRow | AppRow) -> list[tuple[str, bool]]:
    """Each protocol as Dovecot and checkpassword name it, and whether it is open."""
    sending = row.sending
    return [("imap", row.imap), ("pop3", row.pop3), ("smtp", sending), ("submission", sending)]


def _tell_limits(row: LoginRow) -> list[str]:
    """To Dovecot 2.4, which otherwise takes them out of maildirsize; 2.3 passes over its words."""
    limits = [("storage", "storage_size", f"{row.storage}B")] if row.storage else []
    limits += [("messages", "message_count", f"{row.messages}")] if row.messages else []
    told = [f"userdb_quota_{name}={limit}" for _, name, limit in limits]
    rule = ":".join(f"{name}={limit}" for name, _, limit in limits)
    return [*told, f"userdb_quota_rule=*:{rule}"] if rule and row.rule else told


def _checked(password: str) -> str:
    if not _HASH.fullmatch(password):
        raise InvalidName(gettext_noop("The stored password is none that a mail program can use."))
    return password
