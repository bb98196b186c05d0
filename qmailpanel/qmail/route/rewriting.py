"""Whose mail is it: rewrite() of qmail-send. See qmail-send(8) and qmail-control(5)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from qmailpanel.qmail.formats.shared_files import Shared

from .ends import Station, Step, readable
from .reader import ME, Reader, entries_of, first_line

NO_HOST = "control/envnoathost"
PERCENT = "control/percenthack"
LOCALS = "control/locals"
ROUTES = "control/smtproutes"


class Rewritten(NamedTuple):
    """`address`: what became of it. `local`: what qmail-lspawn is asked about; None where the mail
    leaves this host.
    """

    stations: tuple[Station, ...]
    address: bytes
    local: bytes | None


def rewrite(reader: Reader, address: bytes) -> Rewritten:
    """Raises OSError."""
    stations = list[Station]()
    if b"@" not in address:
        name, host = _default_host(reader)
        address += b"@" + host
        stations.append(Station(Step.NO_DOMAIN, name, 1, readable(address)))
    address = _hack(reader, address, stations)
    local, _, domain = address.rpartition(b"@")
    here = _find_local(reader, domain)
    if here:
        return Rewritten((*stations, here), address, local)
    virtual = _find_virtual(reader, address)
    if virtual is None:
        return Rewritten((*stations, _find_relay(reader, domain)), address, None)
    prepend, station = virtual
    text = f"{readable(prepend)}-{readable(local)}"
    return Rewritten((*stations, station._replace(text=text)), address, prepend + b"-" + local)


def _default_host(reader: Reader) -> tuple[str, bytes]:
    host = first_line(reader, NO_HOST)
    return (ME, first_line(reader, ME) or NO_HOST.encode()) if host is None else (NO_HOST, host)


def _hack(reader: Reader, address: bytes, stations: list[Station]) -> bytes:
    """`joe%a.test@b.test` is `joe@a.test` where b.test is listed."""
    listed = {entry.lower(): number for _, number, entry in entries_of(reader, PERCENT)}
    while True:
        local, _, domain = address.rpartition(b"@")
        before, percent, behind = local.rpartition(b"%")
        if not percent or domain.lower() not in listed:
            return address
        address = before + b"@" + behind
        stations.append(Station(Step.HACKED, PERCENT, listed[domain.lower()], readable(address)))


def _find_local(reader: Reader, domain: bytes) -> Station | None:
    for file, number, entry in entries_of(reader, LOCALS, or_me=True):
        if entry.lower() == domain.lower():
            return Station(Step.LOCAL, file, number, readable(entry))
    return None


def _find_virtual(reader: Reader, address: bytes) -> tuple[bytes, Station] | None:
    """Of equal keys the last line counts; a line without a prepend makes the mail leave."""
    lines = {}
    for file, number, entry in entries_of(reader, Shared.VIRTUAL):
        key, colon, prepend = entry.partition(b":")
        if colon:
            lines[key.lower()] = prepend, Station(Step.VIRTUAL, file, number)
    for key in _virtual_keys(address.lower()):
        if key in lines:
            prepend, station = lines[key]
            return (prepend, station) if prepend else None
    return None


def _virtual_keys(address: bytes) -> Iterator[bytes]:
    """The whole address, its domain, what is above it from a dot on, and nothing."""
    at = address.rindex(b"@")
    yield address
    yield address[at + 1 :]
    for place in range(at + 2, len(address)):
        if address[place : place + 1] == b".":
            yield address[place:]
    yield b""


def _find_relay(reader: Reader, domain: bytes) -> Station:
    """Where qmail-remote takes it. See qmail-remote(8)."""
    lines = {}
    for file, number, entry in entries_of(reader, ROUTES):
        key, colon, relay = entry.partition(b":")
        if colon:
            lines[key.lower()] = Station(Step.REMOTE, file, number, readable(relay))
    for key in _virtual_keys(b"@" + domain.lower()):
        if key in lines:
            return lines[key]
    return Station(Step.REMOTE, "", 0, readable(domain))
