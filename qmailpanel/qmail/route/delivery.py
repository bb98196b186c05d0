"""What qmail-local makes of mail in a home. See qmail-local(8), dot-qmail(5), qmail-command(8)."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from typing import NamedTuple

from qmailpanel.qmail.formats.dotqmail import (
    BadDotQmail,
    Forward,
    ForwardOnly,
    Instruction,
    Maildir,
    Mbox,
    Program,
    numbered,
)

from .assigning import Assigned
from .ends import End, Fate, Leg, Station, Step, readable, say_error
from .programs import find_outcome
from .reader import Account, Found, Reader, Unsure
from .stores import seen, store

NO_MAILBOX = "Sorry, no mailbox here by that name. (#5.1.1)"
USAGE = (
    "qmail-local: usage: qmail-local [ -nN ] user homedir local dash ext domain sender aliasempty"
)
ONLY_FORWARDS = "Uh-oh: .qmail has %s delivery but has x bit set. (#4.7.0)"
WRITABLE = stat.S_IWOTH  # conf-patrn
DENIED = frozenset({errno.EACCES, errno.EPERM})
TEMPORARY = frozenset(  # error_temp() in notqmail
    {errno.EINTR, errno.ENOMEM, errno.ETXTBSY, errno.EIO, errno.ETIMEDOUT, errno.EAGAIN}
    | {errno.EDEADLK, errno.EBUSY, errno.ENFILE, errno.EMFILE, errno.EFBIG, errno.ENOSPC}
    | {errno.ENETDOWN, errno.ENETUNREACH, errno.ENETRESET, errno.ECONNABORTED, errno.ECONNRESET}
    | {errno.ENOBUFS, errno.ETOOMANYREFS, errno.ECONNREFUSED, errno.EHOSTDOWN, errno.EHOSTUNREACH}
    | {errno.EUSERS, errno.EDQUOT, errno.ESTALE, errno.EREMOTE, errno.ENOLCK}
)
MOST = 100  # instructions of one file that are followed
BLANK = "Uh-oh: first line of .qmail file is blank. (#4.2.1)"


class DotQmail(NamedTuple):
    """One that is there, and that the account may read."""

    path: bytes
    found: Found


class Waits(Exception):
    """Nothing is delivered now; the text is what qmail-local says."""


def deliver(reader: Reader, address: str, assigned: Assigned) -> Leg:
    """From the home on."""
    stations = list[Station]()
    try:
        return _deliver(reader, address, assigned, stations)
    except Waits as reason:
        return Leg(address, tuple(stations), (End(address, Fate.WAITS, str(reason)),))
    except Unsure:
        return Leg(address, tuple(stations), (End(address, Fate.UNSURE),))


def _deliver(reader: Reader, address: str, assigned: Assigned, stations: list[Station]) -> Leg:
    account, dash, ext = assigned
    if account.uid == 0:
        raise Waits("Not allowed to perform deliveries as root.")
    stations.append(Station(Step.HOME, readable(account.home), 0, readable(account.name)))
    if not account.home.startswith(b"/"):
        return Leg(address, tuple(stations), (End(address, Fate.RETURNS, USAGE),))
    _check_home(reader, account)
    file = _search(reader, account, dash, ext)
    if file is None and dash:
        name = readable(b".qmail" + dash + _safe(ext))
        stations.append(Station(Step.NO_FILE, f"{readable(account.home)}/{name}"))
        return Leg(address, tuple(stations), (End(address, Fate.NOBODY, NO_MAILBOX),))
    return _follow_lines(reader, address, account, file, stations)


def _check_home(reader: Reader, account: Account) -> None:
    home = seen(reader.look(account.home, account))
    error = home.error or (0 if home.is_directory else errno.ENOTDIR)
    if not error and not home.may_enter:
        error = errno.EACCES
    if error:
        why = say_error(error)
        raise Waits(f"Unable to switch to {readable(account.home)}: {why}. (#4.3.0)")
    if home.mode & WRITABLE:
        raise Waits("Uh-oh: home directory is writable. (#4.7.0)")
    if home.mode & stat.S_ISVTX:
        raise Waits("Home directory is sticky: user is editing his .qmail file. (#4.2.1)")


def _safe(ext: bytes) -> bytes:
    return ext.lower().replace(b".", b":")


def names_of(dash: bytes, ext: bytes) -> Iterator[bytes]:
    """The dot-qmail files that are looked for, in their order."""
    safe = _safe(ext)
    yield b".qmail" + dash + safe
    for length in range(len(safe), -1, -1):
        if not length or safe[length - 1 : length] == b"-":
            yield b".qmail" + dash + safe[:length] + b"default"


def _search(reader: Reader, account: Account, dash: bytes, ext: bytes) -> DotQmail | None:
    for name in names_of(dash, ext):
        path = account.home + b"/" + name
        found = seen(reader.look(path, account, read=True))
        is_shut = not (found.error or found.may_read)
        if is_shut or found.error in DENIED | TEMPORARY:
            why = say_error(found.error or errno.EACCES)
            raise Waits(f"Unable to open {readable(name)}: {why}. (#4.3.0)")
        if found.is_plain:
            if found.mode & WRITABLE:
                raise Waits("Uh-oh: .qmail file is writable. (#4.7.0)")
            if found.content is None:
                raise Unsure
            return DotQmail(path, found)
    return None


def _follow_lines(
    reader: Reader, address: str, account: Account, file: DotQmail | None, stations: list[Station]
) -> Leg:
    name = readable(file.path) if file else ""
    content = (file.found.content if file else b"") or b""
    only_forwards = bool(file and file.found.mode & stat.S_IXUSR and content)
    if file:
        stations.append(Station(Step.FILE, name))
    if not content:
        default = reader.default_delivery
        stations.append(Station(Step.BY_DEFAULT, "", 0, readable(default or b"")))
        if default is None:
            raise Unsure
        if not default:
            raise Waits(BLANK)
        content, name = default, ""
    return _Lines(reader, address, account, name, stations).follow(content, only_forwards)


class _Lines:
    """The instructions of one file, in their order. Forwards leave together, behind the last."""

    def __init__(
        self, reader: Reader, address: str, account: Account, file: str, stations: list[Station]
    ) -> None:
        self.reader = reader
        self.address = address
        self.account = account
        self.file = file
        self.stations = stations
        self.ends = list[End]()
        self.nexts = list[str]()
        self._is_over = False

    def follow(self, content: bytes, only_forwards: bool) -> Leg:
        try:
            instructions = numbered(content)
        except BadDotQmail as error:
            raise Waits(BLANK) from error
        for number, instruction in instructions[:MOST]:
            if isinstance(instruction, ForwardOnly):
                only_forwards = True
            self._do(number, instruction, only_forwards)
            if self._is_over:
                break
        if len(instructions) > MOST and not self._is_over:
            self._end(Fate.UNSURE)
        if not (self.ends or self.nexts):
            self._pass(0, Step.DISCARD, b"")
            self._end(Fate.DISCARDED)
        return Leg(self.address, tuple(self.stations), tuple(self.ends), tuple(self.nexts))

    def _do(self, number: int, instruction: Instruction, only_forwards: bool) -> None:
        match instruction:
            case Program() | Mbox() | Maildir() if only_forwards:
                kind = "prog" if isinstance(instruction, Program) else "file"
                self._stop(Fate.WAITS, ONLY_FORWARDS % kind)
            case Program():
                self._run(number, instruction.text)
            case Maildir() | Mbox():
                self._store(number, instruction)
            case Forward():
                self._pass(number, Step.FORWARD, instruction.text)
                self.nexts.append(readable(instruction.text))

    def _pass(self, number: int, step: Step, text: bytes) -> None:
        self.stations.append(Station(step, self.file, number, readable(text)))

    def _end(self, fate: Fate, text: str = "") -> None:
        self.ends.append(End(self.address, fate, text))

    def _store(self, number: int, instruction: Mbox | Maildir) -> None:
        is_maildir = isinstance(instruction, Maildir)
        self._pass(number, Step.MAILDIR if is_maildir else Step.MBOX, instruction.text)
        why = store(self.reader, self.account, instruction.text, is_maildir=is_maildir)
        if why:
            self._stop(Fate.WAITS, why)
        else:
            self._arrive(os.path.join(self.account.home, instruction.text))

    def _arrive(self, path: bytes) -> None:
        holder = self.reader.holder(os.path.normpath(path)) or self.address
        self.ends.append(End(holder, Fate.ARRIVES))

    def _run(self, number: int, command: bytes) -> None:
        self._pass(number, Step.PROGRAM, command)
        outcome = find_outcome(self.reader, self.account, command)
        if outcome.fate is None:
            self._is_over = outcome.stops
        elif outcome.path:
            self._arrive(outcome.path)
        elif outcome.stops:
            self._stop(outcome.fate, outcome.text)
        else:
            self._end(outcome.fate, outcome.text)

    def _stop(self, fate: Fate, text: str) -> None:
        """What comes behind is not reached, and what was to be forwarded stays here."""
        self._end(fate, text)
        self.nexts.clear()
        self._is_over = True
