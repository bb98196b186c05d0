"""Traps behind vdelivermail, which qmail does not see: the mailboxes of a domain of vpopmail's."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Set

from qmailpanel.qmail.doctor.assigned_homes import ExaminedHome
from qmailpanel.qmail.doctor.finding import Finding, Trap
from qmailpanel.qmail.doctor.instructions import lines_of
from qmailpanel.qmail.doctor.program_lines import NO_PROGRAM
from qmailpanel.qmail.formats.commands import find_programs, read_words
from qmailpanel.qmail.formats.vpasswd import NAME, read_boxes
from qmailpanel.qmail.names import gettext_noop

DEFAULT = ".qmail-default"
SMALLEST = 100_000  # bytes

TINY = Trap(
    gettext_noop(
        "The quota of %(name)s is %(quota)s: the mailbox takes a message and bounces others."
    ),
    gettext_noop("Say it in bytes: vsetuserquota NAME@DOMAIN 1073741824S. It knows no GB."),
)
SHADOWED = Trap(
    gettext_noop("It takes all mail of the mailbox %(name)s, which gets none."),
    gettext_noop("Remove it, or name the mailbox in it too, as ./%(name)s/Maildir/."),
)
NOWHERE = Trap(
    gettext_noop(
        "%(path)s does not exist: each message to an unknown recipient waits, up to a week, and "
        "then bounces."
    ),
    gettext_noop("Name a mailbox that is there, or say bounce-no-mailbox in its place."),
)
_LIMIT = re.compile(rb"(?:(?P<bytes>[0-9]{1,18})S?)(?:,.*)?")
_WORDS = frozenset({b"", b"delete", b"bounce-no-mailbox"})


def is_vpopmail(content: bytes) -> bool:
    """Whether a dot-qmail file hands mail to vdelivermail."""
    return next(_find_last_words(content), None) is not None


def examine_boxes(home: ExaminedHome, exists: Callable[[str], bool]) -> Iterator[Finding]:
    """Of a home with a vpasswd: what stands in it, what stands before it, and what is behind."""
    if home.boxes is None or home.boxes.content is None:
        return
    boxes = {box.name.lower(): box for box in read_boxes(home.boxes.content)}
    for name, box in boxes.items():
        limit = _LIMIT.fullmatch(box.quota)
        if limit and 0 < int(limit["bytes"]) < SMALLEST:
            yield TINY.at(f"{home.assigned.path}/{NAME}", box.number, name=name, quota=box.quota)
    yield from _find_shadows(home, boxes.keys())
    yield from _find_nowhere(home, boxes.keys())
    for path, file in home.box_dots.items():
        content = file.content if file else None
        yield from _find_programs(f"{home.assigned.path}/{path}/.qmail", content or b"", exists)


def _find_shadows(home: ExaminedHome, names: Set[bytes]) -> Iterator[Finding]:
    for dot in home.dots:
        name = dot.removeprefix(".qmail-").replace(":", ".").encode("utf-8", "surrogateescape")
        if dot != DEFAULT and name in names and not _delivers(home, dot, name):
            yield SHADOWED.at(f"{home.assigned.path}/{dot}", name=name)


def _find_programs(file: str, content: bytes, exists: Callable[[str], bool]) -> Iterator[Finding]:
    """Those that are not there, of the .qmail of a mailbox: vdelivermail obeys it."""
    for number, line in enumerate(lines_of(content), start=1):
        words = read_words(line[1:]) if line.startswith(b"|") else []
        for word in find_programs(words):
            if not exists(word):
                yield NO_PROGRAM.at(file, number, word=word)


def _delivers(home: ExaminedHome, dot: str, name: bytes) -> bool:
    """Whether the file names the mailbox's Maildir, or leaves the mail to vdelivermail."""
    content = home.dots[dot].content or b""
    return b"/" + name + b"/Maildir" in content or is_vpopmail(content)


def _find_nowhere(home: ExaminedHome, names: Set[bytes]) -> Iterator[Finding]:
    """What is no address and none of its words is the name of a directory here."""
    file = home.dots.get(DEFAULT)
    content = file.content if file else None
    for number, word in _find_last_words(content or b""):
        is_name = word not in _WORDS and b"@" not in word and not word.startswith(b"/")
        if is_name and word.lower() not in names:
            yield NOWHERE.at(f"{home.assigned.path}/{DEFAULT}", number, path=word)


def _find_last_words(content: bytes) -> Iterator[tuple[int, bytes]]:
    """What the lines with vdelivermail say of unknown recipients, by line number."""
    for number, line in enumerate(lines_of(content), start=1):
        words = read_words(line[1:]) if line.startswith(b"|") else []
        programs = (word.rpartition("/")[2] for word in find_programs(words))
        if "vdelivermail" in programs:
            yield number, line.split()[-1].strip(b"'\"")
