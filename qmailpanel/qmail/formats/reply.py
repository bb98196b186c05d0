"""What answers a message by itself: the last lines of a dot-qmail file. See mailbot(1), RFC 3834.

Everything that was delivered before is delivered, whatever becomes of the answer: a line here
ends with 0, or with 99, which skips those behind it. See qmail-command(8). The program lines are
fixed; subject and text stand in comments of the same file, which qmail-local does not read:

    #own anna@pandle.net      addresses that are never answered, because they are its own
    #subject Away             as it stands in the header
    #text I am back in May.   one line each
"""

from __future__ import annotations

import os
import re
import shlex
import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from email.header import Header
from typing import Self

from qmailpanel.qmail.names import (
    BYTE_ORDER_MARK,
    InvalidName,
    MailAddress,
    ReplyText,
    gettext_noop,
)
from qmailpanel.qmail.refusals import refuse_control

BODY_LENGTH = 4000
WORD_BYTES = 900  # a line of a message has at most 998
WIDTH = 76
OWN = 100  # further ones would be answered once, which does no harm

# nobody, qmail's own bounces, and programs: RFC 3834, section 2
_PROGRAMS = r"mailer-daemon(@.*)?|owner-.*|.*-(owner|request|bounces)(\+.*)?(@.*)?|.*-return-.*"
_NEVER = rf"|#@\[\]|{_PROGRAMS}"
# what mailbot does not look at: all lists, wishes not to be answered, what was marked as spam
_HEADERS = r"list-.*:|x-auto-response-suppress:.*(all|oof|autoreply)|x-spam-flag: *yes"
_ONLY_WITHOUT = "[ $? -eq 1 ] || exit 99"  # grep found nothing; 2 would be a grep that failed

_BLANK = re.compile(r"[ \t\n]")  # where a line is broken: not at a non-breaking blank
_WRAPPER = textwrap.TextWrapper(WIDTH, break_long_words=False, break_on_hyphens=False)


class ReplyBody(str):
    """The text of an answer: lines without control characters, none of them with a blank end."""

    __slots__ = ()

    def __new__(cls, text: str) -> Self:
        unix = text.removeprefix(BYTE_ORDER_MARK).replace("\r\n", "\n")
        lines = [line.rstrip() for line in unix.split("\n")]
        body = "\n".join(lines).strip("\n")
        if not body.strip():
            raise InvalidName(gettext_noop("Enter a text."))
        for line in lines:
            refuse_control(line)
        if len(body) > BODY_LENGTH:
            raise InvalidName(
                gettext_noop("At most %(most)d characters are possible; this has %(length)d."),
                most=BODY_LENGTH,
                length=len(body),
            )
        if any(len(word.encode()) > WORD_BYTES for word in _BLANK.split(body)):
            raise InvalidName(gettext_noop("One word is too long for a mail. Put a blank into it."))
        return super().__new__(cls, body)


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: from which address, and to one sender at most once in so many days."""

    sender: MailAddress
    subject: ReplyText
    body: ReplyBody
    days: int
    own: tuple[MailAddress, ...] = ()


@dataclass(frozen=True, slots=True)
class Programs:
    """The programs that an answer needs. reformail is where mailbot is."""

    mailbot: str
    inject: str

    @property
    def reformail(self) -> str:
        """See reformail(1)."""
        return f"{os.path.dirname(self.mailbot)}/reformail"


def render_reply(programs: Programs, reply: Reply, file: str, database: str) -> bytes:
    """The lines for the end of the dot-qmail file `file`. `database`: who was answered, and when.

    mailbot itself does not answer what is Auto-Submitted, has a Precedence of lists, a List-Id, or
    is a report. It would answer to Reply-To, Errors-To or From, so those give way to the sender of
    the envelope. Both have the message on descriptor 0, so the text comes on another one.
    """
    lines = [*_guards(file), _answer(programs, reply, file, database), *_comments(reply)]
    return "".join(f"{line}\n" for line in lines).encode()


def is_guard(command: bytes) -> bool:
    """Whether it is a line of `render_reply` that lets a message on to the next, or to nothing."""
    return any(guard.fullmatch(command) for guard in _GUARDS)


def is_answer(command: bytes) -> bool:
    """Whether it is the line of `render_reply` that answers."""
    return _ANSWER.fullmatch(command) is not None


def _guards(file: str) -> Iterator[str]:
    name = shlex.quote(file)
    yield f"""|printf '%s\\n' "$SENDER" | grep -Eixq '{_NEVER}'; {_ONLY_WITHOUT}"""
    yield f'|grep -Fixq -e "#own $SENDER" {name}; {_ONLY_WITHOUT}'
    yield f"|sed '/^$/q' | grep -Eiq '^({_HEADERS})'; {_ONLY_WITHOUT}"


def _answer(programs: Programs, reply: Reply, file: str, database: str) -> str:
    name = shlex.quote(file)
    heard = f'{shlex.quote(programs.reformail)} -I Reply-To: -I Errors-To: -I "From: $SENDER"'
    text = f"sed -n 's/^#text //p' {name}"
    subject = f"\"$(sed -n 's/^#subject //p' {name})\""
    once = f"-d {shlex.quote(database)} -D {reply.days:d}"
    sender = shlex.quote(f"From: {reply.sender}")
    answer = f"{shlex.quote(programs.mailbot)} -c utf-8 -t /dev/fd/4 -N -S '' -s {subject} {once}"
    sent = f"{shlex.quote(programs.inject)} -a -f '' -- \"$SENDER\""
    return f"|{heard} | {{ {text} | {answer} -A {sender} {sent} 4<&0 <&3; }} 3<&0; exit 0"


def _comments(reply: Reply) -> Iterator[str]:
    own = dict.fromkeys([reply.sender, *reply.own])
    yield from (f"#own {address}" for address in list(own)[:OWN])
    header = Header(reply.subject, None if reply.subject.isascii() else "utf-8", WIDTH, "Subject")
    yield from (f"#subject {line}" for line in header.encode().split("\n"))
    yield from (f"#text {line}" for line in _flow(reply.body.split("\n")))


def _flow(lines: Iterable[str]) -> Iterator[str]:
    """As mailbot says it is: format=flowed; delsp=yes. See RFC 3676, sections 4.2 and 4.4."""
    for line in lines:
        wrapped = [line]
        if len(line) > WIDTH:
            wrapped = _WRAPPER.wrap(line)
        *soft, last = map(_stuff, wrapped)
        yield from (f"{piece}  " for piece in soft)
        yield last


def _stuff(line: str) -> str:
    return f" {line}" if line.startswith((" ", ">", "From ")) else line


# what was rendered is known again, whatever the names in it

_NAME = "QQ"
_WORD = r"""(?:[\w@%+=:,./-]+|'[^']*'(?:"'"'[^']*')*)"""  # as shlex.quote leaves or makes one


def _shape(line: str, *words: str) -> re.Pattern[bytes]:
    """Of a program line, with any word in the place of each of these."""
    pattern = re.escape(line.removeprefix("|"))
    for word in words:
        pattern = pattern.replace(re.escape(word), _WORD)
    return re.compile(pattern.encode())


_GUARDS = [_shape(line, _NAME) for line in _guards(_NAME)]
_EXAMPLE = Reply(MailAddress("a@qq.test"), ReplyText(_NAME), ReplyBody(_NAME), 0)
_ANSWER = _shape(
    _answer(Programs("/QQ/mailbot", "/QQ/inject"), _EXAMPLE, _NAME, _NAME).replace("-D 0", "-D QQ"),
    *("/QQ/reformail", "/QQ/mailbot", "/QQ/inject", "'From: a@qq.test'", _NAME),
)
