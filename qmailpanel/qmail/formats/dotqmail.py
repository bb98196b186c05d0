"""Dot-qmail files: what happens to a message in a home. See dot-qmail(5).

Rendering is closed: a mailbox, forwards, fixed programs that say a text, or nothing at all; what
answers is in reply.py. No text a person typed can begin a line.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from qmailpanel.qmail.names import AliasLocal, MailAddress, ReplyText

_EXTENSION = ".qmail-"
_HOLD = re.compile(rb"\|printf '%s\\n' '(.*)'; exit 111")
_PROGRAM = re.compile(rb"""\|((?:[^'" ]|'[^']*'|"[^"]*")+)""")  # the first word, as sh reads it
LEFT_FILE = ".qmail-:left-default"  # for local parts that begin with .left-, which nobody's does


class BadDotQmail(ValueError):
    """The first line is blank: qmail-local defers every message."""


@dataclass(frozen=True, slots=True)
class Instruction:
    """A delivery instruction; `text` is what stands behind its sign."""

    text: bytes


class Comment(Instruction):
    """`#…`. Alone it discards the message."""


class Program(Instruction):
    """`|command`, given to /bin/sh."""


class Mbox(Instruction):
    """A path that begins with a dot or a slash."""


class Maildir(Instruction):
    """Such a path that also ends with a slash."""


class Forward(Instruction):
    """`&address`, or a line that begins with none of the other signs."""


class ForwardOnly(Instruction):
    """`+list`: qmail-local defers at any Program, Mbox or Maildir behind it."""


def file_name(local: AliasLocal | Literal["default"]) -> str:
    """The file of an extension below its home. qmail-local looks for colons instead of dots."""
    return f"{_EXTENSION}{local.replace('.', ':')}"


def extension_of(name: str) -> str | None:
    """What a file that `file_name` names is about; None for any other file."""
    extension = name.removeprefix(_EXTENSION)
    return extension.replace(":", ".") if extension and extension != name else None


def render_mailbox() -> bytes:
    """Deliver to the Maildir of the home."""
    return b"./Maildir/\n"


def render_limited(preline: str, deliverquota: str) -> bytes:
    """The same through deliverquota, which refuses what is over the limit in maildirsize.

    Without preline the message would lack its Return-Path and Delivered-To. See preline(1) and
    deliverquota(8).
    """
    return f"|{_program(preline)} -f {_program(deliverquota)} ./Maildir\n".encode()


def _program(path: str) -> str:
    if not (path.startswith("/") and path.isprintable()):
        raise ValueError(f"not an absolute path on one line: {path!r}")
    return shlex.quote(path)


def render_forwards(targets: Iterable[MailAddress]) -> bytes:
    """One line for each address. None at all would be an empty file: delivery as by default."""
    lines = [f"&{target}\n" for target in targets]
    if not lines:
        raise ValueError("a forward without an address")
    return "".join(lines).encode("ascii")


def render_bounce(program: str, text: ReplyText) -> bytes:
    """Refuse with a text. `program` is the path of bouncesaying. See bouncesaying(1)."""
    quoted = text.replace("'", "'\\''")  # shlex.quote leaves a single word bare
    return f"|{_program(program)} '{quoted}'\n".encode()


def refuses(content: bytes) -> bool:
    """Whether it is what `render_bounce` makes."""
    program = _PROGRAM.match(content)
    return program is not None and program[1].rstrip(b"'").rpartition(b"/")[2] == b"bouncesaying"


def render_hold(text: ReplyText) -> bytes:
    """Have qmail-send try again later, as long as it keeps mail at all. See qmail-command(8)."""
    quoted = text.replace("'", "'\\''")
    return f"|printf '%s\\n' '{quoted}'; exit 111\n".encode()


def held_with(command: bytes) -> bytes | None:
    """The text with which `render_hold` keeps mail waiting; None for any other program."""
    hold = _HOLD.fullmatch(b"|" + command)
    return hold[1].replace(b"'\\''", b"'") if hold else None


def from_above(content: bytes, directory: str) -> bytes | None:
    """What a .qmail in `directory` says, as a file of the directory above it says the same.

    Of what is rendered here. None for a program that may look for files beside it.
    """
    lines = [_from_above(line, directory) for line in content.removesuffix(b"\n").split(b"\n")]
    said = [line + b"\n" for line in lines if line is not None]
    return b"".join(said) if said and len(said) == len(lines) else None


def _from_above(line: bytes, directory: str) -> bytes | None:
    if line == b"./Maildir/":
        return f"./{directory}/Maildir/".encode()
    if line.startswith(b"|") and line.endswith(b" ./Maildir"):
        return line.removesuffix(b"./Maildir") + shlex.quote(f"./{directory}/Maildir").encode()
    return line if line.startswith(b"&") or refuses(line) or _HOLD.fullmatch(line) else None


def render_discard() -> bytes:
    """A comment alone: the message is taken and gone."""
    return b"#\n"


def forwards(content: bytes) -> bool:
    return any(isinstance(each, Forward) for each in parse(content))


def parse(content: bytes) -> list[Instruction]:
    """The instructions as qmail-local reads them. None at all: delivery as by default."""
    return [instruction for _, instruction in numbered(content)]


def numbered(content: bytes) -> list[tuple[int, Instruction]]:
    """The same with their lines. Raises BadDotQmail."""
    instructions = []
    for number, raw in enumerate(content.removesuffix(b"\n").split(b"\n")):
        line = raw.rstrip(b" \t")
        instruction = _read(line)
        if instruction:
            instructions.append((number + 1, instruction))
        elif content and not number and not line.partition(b"\0")[0]:
            raise BadDotQmail("first line of .qmail file is blank")
    return instructions


def _read(line: bytes) -> Instruction | None:
    """None: no effect. A NUL ends the text, yet the last byte of the line tells a Maildir."""
    text = line.partition(b"\0")[0]
    match text[:1]:
        case b"" | b"+":
            return ForwardOnly(b"list") if text == b"+list" else None
        case b"#":
            return Comment(text[1:])
        case b"|":
            return Program(text[1:])
        case b"." | b"/":
            return Maildir(text) if line.endswith(b"/") else Mbox(text)
        case _:
            return Forward(text.removeprefix(b"&"))
