"""Would qmail-smtpd take mail to the address from a stranger? See qmail-smtpd(8)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from qmailpanel.qmail.formats.maps import MAPS
from qmailpanel.qmail.formats.shared_files import Shared

from .ends import Station, Step, readable
from .reader import Reader, entries_of

NOT_ACCEPTED = "sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)"
NOT_LISTED = "sorry, no mailbox here by that name (#5.1.1)"


def names_above(domain: bytes) -> Iterator[bytes]:
    """`a.b.c`, `.b.c`, `.c`: as lists of hosts are asked."""
    yield domain
    for at in range(1, len(domain)):
        if domain[at : at + 1] == b".":
            yield domain[at:]


def find_door(reader: Reader, address: bytes) -> Station:
    """What the list of hosts says. See rcpthosts() in notqmail."""
    _, at, domain = address.lower().rpartition(b"@")
    if reader.read(Shared.RCPT) is None:
        return Station(Step.ALL_ACCEPTED, Shared.RCPT)
    if not at:
        return Station(Step.ACCEPTED)
    entries = entries_of(reader, Shared.RCPT)
    for name in names_above(domain):
        for file, number, entry in entries:
            if entry.lower() == name:
                return Station(Step.ACCEPTED, file, number, readable(entry))
    return _find_in_more(reader, domain) or Station(Step.NOT_ACCEPTED, Shared.RCPT)


def _find_in_more(reader: Reader, domain: bytes) -> Station | None:
    its = MAPS[Shared.MORE]
    for name in names_above(domain):
        if _answer(reader, its.path, its.key(name)) is not None:
            return Station(Step.ACCEPTED, its.path, 0, readable(name))
    return None


def find_listed(reader: Reader, address: bytes) -> Iterator[Station]:
    """What each list of known recipients says, until one refuses. See docs/recipients.md."""
    for shared in reader.lists:
        station = _LISTS[shared](reader, MAPS[shared].path, address.lower())
        if station:
            yield station
            if station.step is Step.NOT_LISTED:
                return


def _ask_valid(reader: Reader, path: str, address: bytes) -> Station | None:
    local, at, domain = address.rpartition(b"@")
    above = [f"{before}-default".encode("latin-1") for before in _before_dashes(local)]
    keys = [address, *(name + at + domain for name in above), at + domain]
    return _refuse_unlisted(reader, path, keys)


def _before_dashes(local: bytes) -> Iterator[str]:
    text = local.decode("latin-1")
    while "-" in text:
        text = text.rpartition("-")[0]
        yield text


def _ask_recipients(reader: Reader, path: str, address: bytes) -> Station | None:
    key = MAPS[Shared.RECIPIENTS].key
    return _refuse_unlisted(reader, path, [key(address), key(b"@" + address.rpartition(b"@")[2])])


def _refuse_unlisted(reader: Reader, path: str, keys: list[bytes]) -> Station | None:
    try:
        named = next((key for key in keys if reader.ask(path, key) is not None), None)
    except (OSError, ValueError):
        return None  # without a list nobody is refused
    if named is None:
        return Station(Step.NOT_LISTED, path)
    return Station(Step.LISTED, path, 0, readable(named.removeprefix(b":")))


def _ask_more_valid(reader: Reader, path: str, address: bytes) -> Station | None:
    domain = b"@" + address.rpartition(b"@")[2]
    for key in (address, b"-" + address, domain, b"-" + domain):
        if _answer(reader, path, key) is not None:
            step = Step.NOT_LISTED if key.startswith(b"-") else Step.LISTED
            return Station(step, path, 0, readable(key))
    return None


def _answer(reader: Reader, path: str, key: bytes) -> bytes | None:
    try:
        return reader.ask(path, key)
    except (OSError, ValueError):
        return None


_LISTS: Mapping[Shared, Callable[[Reader, str, bytes], Station | None]] = {
    Shared.VALID: _ask_valid,
    Shared.MORE_VALID: _ask_more_valid,
    Shared.RECIPIENTS: _ask_recipients,
}
