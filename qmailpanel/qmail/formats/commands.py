"""Program lines of dot-qmail files: what /bin/sh would run first. See qmail-command(8)."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

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
    if name_of(words[0]) == "preline":
        rest = [at for at, word in enumerate(words) if at and not word.startswith("-")]
        yield from find_programs(words[rest[0] :] if rest else [])


def find_maildir(words: list[str]) -> str | None:
    """The maildir that a line with deliverquota delivers to."""
    if not any(is_deliverquota(word) for word in find_programs(words)):
        return None
    at = next(at for at, word in enumerate(words) if is_deliverquota(word))
    rest = words[at + 1 :]
    while rest and rest[0].startswith("-"):
        rest = rest[2:] if rest[0] in ("-w", "-W") else rest[1:]
    return (rest[0] or None) if rest else None


def name_of(word: str) -> str:
    """The program, without the path to it."""
    return word.rpartition("/")[2]


def is_deliverquota(word: str) -> bool:
    return name_of(word).partition(".")[0] == "deliverquota"


def is_alone(text: bytes, words: list[str]) -> bool:
    """Whether the line is that one command, which nothing follows."""
    try:
        return shlex.split(text.decode("utf-8", "surrogateescape")) == words
    except ValueError:
        return False
