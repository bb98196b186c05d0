"""Who gets the mail, in which home: nughde_get() of qmail-lspawn, and qmail-getpw(8)."""

from __future__ import annotations

import re
from typing import NamedTuple

from qmailpanel.qmail.formats import assign
from qmailpanel.qmail.formats.maps import MAPS
from qmailpanel.qmail.formats.shared_files import Shared

from .ends import Station, Step, readable
from .reader import Account, Reader

ALIASES = b"alias"
BREAK = b"-"  # as conf-break is, unless somebody compiled another one in
LONGEST_USER = 31


class Assigned(NamedTuple):
    """What qmail-local is told. `account.home`: where it goes."""

    account: Account
    dash: bytes
    ext: bytes


class NoAssignment(Exception):
    """The map cannot be read, or says something that no program understands: the mail waits."""


def find_assigned(reader: Reader, local: bytes) -> tuple[list[Station], Assigned]:
    """Raises NoAssignment."""
    try:
        found = _ask_map(reader, local)
    except FileNotFoundError:
        found = None
    except (OSError, ValueError) as error:
        raise NoAssignment("Unable to read users/cdb: map damaged") from error
    if found:
        key, data = found
        return _stations_of(reader, key, data), _read_data(data)
    return _find_user(reader, local)


def _ask_map(reader: Reader, local: bytes) -> tuple[bytes, bytes] | None:
    """The key that was found, and its data with the rest of the name behind it."""
    path = MAPS[Shared.ASSIGN].path
    wild = reader.ask(path, b"")
    if wild is None:
        raise ValueError("no wildcards in the map")
    whole = b"!" + local.lower() + b"\0"
    data = reader.ask(path, whole)
    if data is not None:
        return whole, data
    for length in range(len(whole) - 1, 0, -1):
        if length == 1 or whole[length - 1 : length] in wild:
            data = reader.ask(path, whole[:length])
            if data is not None:
                return whole[:length], data + local[length - 1 :]
    return None


def _read_data(data: bytes) -> Assigned:
    fields = data.split(b"\0")
    if len(fields) < 6:
        raise NoAssignment("users/cdb has fewer fields than qmail-lspawn reads")
    user, uid, gid, home, dash, ext = fields[:6]
    return Assigned(Account(user, _scan(uid), _scan(gid), home), dash, ext)


def _scan(text: bytes) -> int:
    """As scan_ulong reads it: the digits at its beginning."""
    digits = re.match(rb"[0-9]*", text)
    return int(digits[0] or b"0") if digits else 0


def _stations_of(reader: Reader, key: bytes, data: bytes) -> list[Station]:
    """The line that the record was made of, where it still says so."""
    line = assign.find_line(reader.read(Shared.ASSIGN) or b"", _name_of(key))
    if line is None:
        return [Station(Step.OUTDATED, MAPS[Shared.ASSIGN].path, 0, readable(_name_of(key)))]
    number, text = line
    step = Step.ASSIGNED if data.startswith(assign.pair(text)[1]) else Step.OUTDATED
    return [Station(step, Shared.ASSIGN, number, readable(text.rstrip(b"\n")))]


def _name_of(key: bytes) -> bytes:
    """`=100-biliards`, `+100-`."""
    if key.endswith(b"\0"):
        return b"=" + key[1:-1]
    return b"+" + key[1:]


def _find_user(reader: Reader, local: bytes) -> tuple[list[Station], Assigned]:
    """The longest beginning, up to a dash, that is a user with a home of their own."""
    for at in range(len(local), -1, -1):
        is_break = at == len(local) or local[at : at + 1] == BREAK
        if at > LONGEST_USER or not is_break:
            continue
        account = reader.account(local[:at].lower())
        if account and account.uid and reader.owner(account.home) == account.uid:
            station = Station(Step.USER, "/etc/passwd", 0, readable(account.name))
            dash = BREAK if at < len(local) else b""
            return [station], Assigned(account, dash, local[at + 1 :])
    alias = reader.account(ALIASES)
    if alias is None:
        raise NoAssignment("Unable to find alias user!")
    station = Station(Step.ALIASES, "/etc/passwd", 0, readable(alias.home))
    return [station], Assigned(alias, BREAK, local)
