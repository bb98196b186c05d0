"""Traps in program lines of dot-qmail files. See qmail-command(8)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from qmailpanel.qmail.doctor.finding import Severity, Trap
from qmailpanel.qmail.formats.commands import find_programs, is_deliverquota, name_of, read_words
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
    bases = [name_of(word) for word in programs]
    if bases and is_deliverquota(bases[-1]):
        if bases[0] != "preline":
            yield NO_PRELINE, ""
        elif "-f" not in words[: words.index(programs[-1])]:
            yield FROM_LINE, ""
    if bases[:1] == ["bouncesaying"] and len(words) > 2 and not re.search(r"\s", words[1]):
        yield THROWN_AWAY, words[2]
    if "mailbot" in bases and not any(b"$SENDER" in line for line in before):
        yield ANSWERS_BOUNCES, ""
