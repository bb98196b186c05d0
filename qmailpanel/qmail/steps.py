"""The steps of a plan: small facts that the host carries out and `--dry-run` prints."""

from __future__ import annotations

from dataclasses import dataclass

from qmailpanel.qmail.state import Shared


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

    `dot_qmail` is written too, unless it is None (the home has one).
    """

    path: str
    mailbox: int
    dot_qmail: bytes | None


@dataclass(frozen=True, slots=True)
class WriteFile:
    """Write a dot-qmail file that is still `before` (None: missing)."""

    path: str
    before: bytes | None
    content: bytes


@dataclass(frozen=True, slots=True)
class SettleTree:
    """Have all that was made below the mail root on the disk before anything points to it."""


@dataclass(frozen=True, slots=True)
class Compile:
    """Make users/cdb from users/assign, as qmail-newu(8) does."""


@dataclass(frozen=True, slots=True)
class TellSend:
    """Have qmail-send read virtualdomains again, and see that it did. See qmail-send(8)."""


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
class RemoveDirectory:
    """Remove the directory of a domain if nothing is left in it."""

    path: str


PathStep = MakeDirectory | PlaceHome | WriteFile | RemoveFile | ArchiveHome | RemoveDirectory
Step = WriteShared | PathStep | SettleTree | Compile | TellSend


def describe(step: Step) -> str:
    """The step as the text that `qmailsync --dry-run` and the operator page show."""
    match step:
        case WriteShared(shared, before, _, added, dropped):
            head = f"{'create' if before is None else 'change'} {shared}"
            changes = [f"- {_show(line)}" for line in dropped] + [f"+ {_show(x)}" for x in added]
            return "\n".join([head, *changes])
        case MakeDirectory(path):
            return f"make directory {path}"
        case PlaceHome(path, _, dot_qmail):
            return f"{'mend' if dot_qmail is None else 'make'} home {path}"
        case WriteFile(path, before, content):
            return "\n".join([f"write {path}", *_change(before or b"", content)])
        case RemoveFile(path, before):
            return "\n".join([f"remove {path}", *_change(before, b"")])
        case ArchiveHome(path, mailbox):
            return f"archive home {path} as .archive/{mailbox}"
        case RemoveDirectory(path):
            return f"remove directory {path} if it is empty"
        case SettleTree():
            return "settle the mail root on disk"
        case Compile():
            return "run qmail-newu"
        case TellSend():
            return "tell qmail-send (HUP)"


def _change(before: bytes, after: bytes) -> list[str]:
    return [f"- {_show(line)}" for line in before.splitlines()] + [
        f"+ {_show(line)}" for line in after.splitlines()
    ]


def _show(line: bytes) -> str:
    """A line for people: control characters and foreign bytes cannot act on a terminal."""
    text = line.rstrip(b"\n").decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
