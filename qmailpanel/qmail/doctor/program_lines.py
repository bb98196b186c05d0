"""Program lines of dot-qmail files: what /bin/sh would run first. See qmail-command(8)."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator

from qmailpanel.qmail.doctor.finding import Severity, Trap
from qmailpanel.qmail.names import gettext_noop

ALARM, NOTE = Severity.ALARM, Severity.NOTE

NO_PROGRAM = Trap(
    gettext_noop("There is no program %(word)s: each message waits, up to a week, then bounces."),
    gettext_noop(
        "Write the path of a program that is here: command -v NAME says it. On Debian "
        "deliverquota is /usr/sbin/deliverquota."
    ),
)
NO_PRELINE = Trap(
    gettext_noop(
        "Mail that deliverquota stores lacks Return-Path and Delivered-To: loops are not seen."
    ),
    gettext_noop("Write |preline -f before deliverquota, both with their whole paths."),
    NOTE,
)
FROM_LINE = Trap(
    gettext_noop("preline puts a From line of the mbox format into mail for a maildir."),
    gettext_noop("Write preline -f."),
    NOTE,
)
THROWN_AWAY = Trap(
    gettext_noop(
        "bouncesaying takes %(word)s for a program: mail is thrown away or waits, and "
        "nobody is told."
    ),
    gettext_noop("Put single quotes around the whole text."),
    ALARM,
)
ANSWERS_BOUNCES = Trap(
    gettext_noop("mailbot also answers bounces, whose sender is empty."),
    gettext_noop('Put a line before it: |[ -n "$SENDER" ] || exit 99'),
    NOTE,
)
TOO_LONG = Trap(
    gettext_noop("The command is longer than a program can be told: each message waits."),
    gettext_noop("Put it into a file and name the file here."),
)
LONGEST = 131_000  # of one argument; see execve(2)

_BUILT_IN = re.compile(
    r"[\[:.{!]|alias|break|case|cd|command|continue|echo|eval|exec|exit|export|false|for|if|printf"
    r"|read|return|set|shift|test|trap|true|umask|unset|until|while"
)
_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=")
_NAME = re.compile(r"[A-Za-z0-9_./+-]+")


def read_words(text: bytes) -> list[str]:
    """The words of the first command of a line, without assignments before it."""
    lexer = shlex.shlex(text.decode("utf-8", "surrogateescape"), posix=True, punctuation_chars=True)
    lexer.commenters, words = "", list[str]()
    try:
        for word in lexer:
            if word and set(word) <= set("();<>|&"):
                break
            if words or not _ASSIGNMENT.match(word):
                words.append(word)
    except ValueError:  # no closing quote: /bin/sh will say so
        return []
    return words


def find_programs(words: list[str]) -> Iterator[str]:
    """The programs that these words name, where a shell would not run something of its own."""
    if not words or _BUILT_IN.fullmatch(words[0]) or not _NAME.fullmatch(words[0]):
        return
    yield words[0]
    if _name_of(words[0]) == "preline":
        rest = [at for at, word in enumerate(words) if at and not word.startswith("-")]
        yield from find_programs(words[rest[0] :] if rest else [])


def find_maildir(words: list[str]) -> str | None:
    """The maildir that a line with deliverquota delivers to."""
    if not any(_is_deliverquota(word) for word in find_programs(words)):
        return None
    at = next(at for at, word in enumerate(words) if _is_deliverquota(word))
    rest = words[at + 1 :]
    while rest and rest[0].startswith("-"):
        rest = rest[2:] if rest[0] in ("-w", "-W") else rest[1:]
    return (rest[0] or None) if rest else None


def examine_command(
    text: bytes, exists: Callable[[str], bool], before: list[bytes]
) -> Iterator[tuple[Trap, str]]:
    """What is wrong with a program line, and with which word. `before`: the lines above it."""
    if len(text) > LONGEST:
        yield TOO_LONG, ""
        return
    words = read_words(text)
    programs = list(find_programs(words))
    for word in programs:
        if not exists(word):
            yield NO_PROGRAM, word
    bases = [_name_of(word) for word in programs]
    if bases and _is_deliverquota(bases[-1]):
        if bases[0] != "preline":
            yield NO_PRELINE, ""
        elif "-f" not in words[: words.index(programs[-1])]:
            yield FROM_LINE, ""
    if bases[:1] == ["bouncesaying"] and len(words) > 2 and not re.search(r"\s", words[1]):
        yield THROWN_AWAY, words[2]
    if "mailbot" in bases and not any(b"$SENDER" in line for line in before):
        yield ANSWERS_BOUNCES, ""


def _name_of(word: str) -> str:
    return word.rpartition("/")[2]


def _is_deliverquota(word: str) -> bool:
    return _name_of(word).partition(".")[0] == "deliverquota"
