"""The steps of a plan: small facts that the host carries out and `--dry-run` prints."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from qmailpanel.qmail.formats.control import split_lines
from qmailpanel.qmail.formats.logins import LoginFiles
from qmailpanel.qmail.formats.maildir import Limits
from qmailpanel.qmail.formats.maps import MAPS
from qmailpanel.qmail.formats.shared_files import Shared
from qmailpanel.qmail.plan.state import archive_path


@dataclass(frozen=True, slots=True)
class WriteShared:
    """Replace a shared file that is still `before` (None: missing) by `content`."""

    shared: Shared
    before: bytes | None
    content: bytes
    added: tuple[bytes, ...]
    dropped: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class MakeDirectory:
    """Make the directory of a domain."""

    path: str


@dataclass(frozen=True, slots=True)
class PlaceHome:
    """Bring a home into being: out of the archive, anew, or by mending what is missing.

    `dot_qmail` is written too, unless it is None (the home has one). `limits`: those of a
    new one.
    """

    path: str
    mailbox: int
    dot_qmail: bytes | None
    limits: Limits = (0, 0)


@dataclass(frozen=True, slots=True)
class LimitHome:
    """Other limits in the maildirsize of a home; 0 for none. What it counted stays."""

    path: str
    limits: Limits


@dataclass(frozen=True, slots=True)
class WriteFile:
    """Write a dot-qmail file that is still `before` (None: missing)."""

    path: str
    before: bytes | None
    content: bytes


@dataclass(frozen=True, slots=True)
class FlushTree:
    """Have all that was made below the mail root on the disk before anything points to it."""


@dataclass(frozen=True, slots=True)
class Compile:
    """Make the map of a shared file, as qmail-newu(8) does of users/assign."""

    shared: Shared = Shared.ASSIGN


@dataclass(frozen=True, slots=True)
class TellSend:
    """Have qmail-send read virtualdomains again, and see that it did. See qmail-send(8)."""


@dataclass(frozen=True, slots=True)
class LetDeliveriesEnd:
    """Wait for deliveries that asked the map before: they still look for the files that go."""


@dataclass(frozen=True, slots=True)
class RemoveFile:
    """Remove a dot-qmail file that is still `before`."""

    path: str
    before: bytes


@dataclass(frozen=True, slots=True)
class ArchiveHome:
    """Move a home out of delivery, to where it can be restored from. Mail is never deleted."""

    path: str
    mailbox: int


@dataclass(frozen=True, slots=True)
class PurgeHome:
    """Destroy what the archive has of a mailbox, for good. `directory`: that of its domain."""

    mailbox: int
    directory: str = ""

    @property
    def path(self) -> str:
        return archive_path(self.mailbox)


@dataclass(frozen=True, slots=True)
class RemoveDirectory:
    """Remove the directory of a domain if nothing is left in it."""

    path: str


@dataclass(frozen=True, slots=True)
class Move:
    """Give a home or a domain's directory another name in the same parent.

    Until the link goes that stands at the old name then, it is found by either.
    """

    path: str
    to: str


@dataclass(frozen=True, slots=True)
class LoginsOf:
    """The login files of a name, where paths and they can fail alike."""

    name: str


@dataclass(frozen=True, slots=True)
class WriteLogins:
    """Write login files of a name of a domain. `gone`: those that it has no more."""

    domain: str
    name: str
    files: LoginFiles = field(repr=False)
    gone: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RemoveLogins:
    """Remove all login files of a name that the domain had."""

    domain: str
    name: str


@dataclass(frozen=True, slots=True)
class LetLoginsBeSeen:
    """Wait until Dovecot has looked at the login files: who is let in makes a home anew."""


Concern = str | LoginsOf | RemoveDirectory  # what a step is about; a path, most often
Failed = dict[Concern, str]  # what could not be done in this run → the cause

Making = MakeDirectory | PlaceHome | LimitHome | WriteFile
TurnStep = WriteFile | RemoveFile
PathStep = Move | Making | RemoveFile | ArchiveHome | PurgeHome | RemoveDirectory
LoginStep = WriteLogins | RemoveLogins
SharedStep = WriteShared | FlushTree | Compile | TellSend | LetDeliveriesEnd | LetLoginsBeSeen
Step = PathStep | LoginStep | SharedStep


def concern_of(step: PathStep | LoginStep) -> Concern:
    """What fails when the step does."""
    match step:
        case WriteLogins() | RemoveLogins():
            return LoginsOf(step.name)
        case RemoveDirectory():
            return step  # the domain it was of is not concerned
    return step.path


_FIXED: Mapping[type, str] = {
    FlushTree: "flush the mail root to disk",
    TellSend: "tell qmail-send (HUP)",
    LetDeliveriesEnd: "let deliveries end",
    LetLoginsBeSeen: "let Dovecot see the logins",
}


def describe(step: Step) -> str:
    """The step as the text that `qmailsync --dry-run` and the operator page show."""
    match step:
        case WriteShared(shared, before, _, added, dropped):
            head = f"{'create' if before is None else 'change'} {shared}"
            return "\n".join([head, *_change(dropped, added)])
        case WriteFile(path, before, content):
            lines = _change(split_lines(before or b""), split_lines(content))
            return "\n".join([f"write {path}", *lines])
        case RemoveFile(path, before):
            return "\n".join([f"remove {path}", *_change(split_lines(before), [])])
        case Compile(shared):
            return f"run {MAPS[shared].program}" if MAPS[shared].program else f"compile {shared}"
        case WriteLogins(_, name):
            return f"write logins of {name}"
        case RemoveLogins(_, name):
            return f"remove logins of {name}"
        case FlushTree() | TellSend() | LetDeliveriesEnd() | LetLoginsBeSeen():
            return _FIXED[type(step)]
        case _:
            return _describe_place(step)


def _describe_place(
    step: Move | MakeDirectory | PlaceHome | LimitHome | ArchiveHome | PurgeHome | RemoveDirectory,
) -> str:
    match step:
        case Move(path, to):
            return f"move {path} to {to}"
        case MakeDirectory(path):
            return f"make directory {path}"
        case LimitHome(path, limits):
            return _describe_limits(path, limits)
        case PlaceHome(path, _, dot_qmail):
            return f"{'mend' if dot_qmail is None else 'make'} home {path}"
        case ArchiveHome(path, mailbox):
            return f"archive home {path} as {archive_path(mailbox)}"
        case PurgeHome():
            return f"purge {step.path}"
        case RemoveDirectory(path):
            return f"remove directory {path} if it is empty"


def _change(dropped: Iterable[bytes], added: Iterable[bytes]) -> list[str]:
    return [f"- {_show(line)}" for line in dropped] + [f"+ {_show(line)}" for line in added]


def _show(line: bytes) -> str:
    return printable(line.rstrip(b"\n").decode("utf-8", "backslashreplace"))


def printable(text: str) -> str:
    """Text for people: control characters and foreign bytes cannot act on a terminal."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _describe_limits(path: str, limits: Limits) -> str:
    units = zip(limits, ("bytes", "messages"), strict=True)
    texts = [f"{limit} {unit}" for limit, unit in units if limit]
    return f"limit home {path} to {' and '.join(texts)}" if texts else f"unlimit home {path}"
