"""Maildirs and their maildirsize. See maildir(5) and maildirquota(7).

0S,0C                           limits: bytes and messages, 0 for none
           0            0       what came and went since; the sum is the usage
"""

from __future__ import annotations

import re
from dataclasses import dataclass

NAME = "Maildir"
DIRECTORIES = ("cur", "new", "tmp")
SIZE = "maildirsize"

Limits = tuple[int, int]  # of bytes and of messages, 0 for none

COUNTED = ("cur", "new")
NOT_COUNTED = ".Trash"
_SIZED = re.compile(r",S=([0-9]{1,15})(?=[,:]|$)")
_FLAGS = re.compile(r":2,([A-Za-z]*)$")
_LIMIT = re.compile(rb"[ \t]*([0-9]{1,18})([SC])[ \t\r]*")
_USAGE = re.compile(rb"[ \t]*(-?[0-9]{1,18})[ \t]+(-?[0-9]{1,18})[ \t\r]*")


class BadMaildirSize(ValueError):
    """deliverquota would not understand the file, and deliver without any limit."""


def render_usage(size: int, count: int) -> bytes:
    """A line to be added: what came or went."""
    return f"{size:12d} {count:12d}\n".encode("ascii")


@dataclass(frozen=True, slots=True)
class MaildirSize:
    """Limits of bytes and messages (0: none), and the usage lines (bytes, messages)."""

    storage: int = 0
    messages: int = 0
    usage: tuple[tuple[int, int], ...] = ((0, 0),)

    @property
    def used(self) -> tuple[int, int]:
        """Bytes and messages in the Maildir."""
        return sum(line[0] for line in self.usage), sum(line[1] for line in self.usage)

    @property
    def limits(self) -> Limits:
        return self.storage, self.messages

    def limited_to(self, limits: Limits) -> MaildirSize:
        """The same usage under other limits."""
        return MaildirSize(*limits, self.usage)

    def render(self) -> bytes:
        """The file. Limits of both kinds always, each line whole: a glued one means no limit."""
        usage = [render_usage(size, count) for size, count in self.usage]
        return f"{self.storage}S,{self.messages}C\n".encode("ascii") + b"".join(usage)


UNCOUNTED = MaildirSize(usage=()).render()  # what is there is still to be counted


def parse(content: bytes) -> MaildirSize:
    """The file of any program that keeps one. Raises BadMaildirSize."""
    first, *rest = content.removesuffix(b"\n").split(b"\n")
    limits = dict(_parse_limit(text) for text in first.split(b","))
    return MaildirSize(
        storage=limits.get(b"S", 0),
        messages=limits.get(b"C", 0),
        usage=tuple(_parse_usage(line) for line in rest),
    )


def is_counted(name: str) -> bool:
    """Whether the file of that name is a message that counts: not hidden, not flagged trashed."""
    flags = _FLAGS.search(name)
    return not name.startswith(".") and not (flags and "T" in flags[1])


def size_in(name: str) -> int | None:
    """The size that a file's name gives, which is believed. See maildirquota(7)."""
    match = _SIZED.search(name)
    return int(match[1]) if match else None


def _parse_limit(text: bytes) -> tuple[bytes, int]:
    match = _LIMIT.fullmatch(text)
    if not match:
        raise BadMaildirSize(f"not a limit: {text[:40]!r}")
    return match[2], int(match[1])


def _parse_usage(line: bytes) -> tuple[int, int]:
    match = _USAGE.fullmatch(line)
    if not match:
        raise BadMaildirSize(f"not a usage line: {line[:40]!r}")
    return int(match[1]), int(match[2])
