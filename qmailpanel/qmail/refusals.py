"""Why a text is no name: sentences that say what to type instead."""

from __future__ import annotations

import re
import unicodedata

LABEL_LENGTH = 63
SHOWN = 64  # characters of a text within a sentence

# control characters but tab, what breaks a line, what turns its direction, halves of a character
_CONTROL = re.compile(
    "[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)


def gettext_noop(message: str) -> str:
    """Mark a sentence for translation: Django's function of that name, without Django."""
    return message


class InvalidName(ValueError):
    """What is wrong with a text a person typed: `template` filled with `params` is a sentence."""

    def __init__(self, template: str, **params: object) -> None:
        super().__init__(template % params)
        self.template = template
        self.params = params


def not_a_domain(text: str) -> InvalidName:
    """The sentence says why, where one character or one label is the reason."""
    template = gettext_noop("%(text)s is not a domain name. Use letters, digits, hyphens and dots.")
    odd = next((char for char in text.strip(" \t") if not _is_of_names(char)), "")
    if odd.isspace():
        template = gettext_noop("%(text)s is not a domain name. Write it without blanks.")
    elif odd:
        template = gettext_noop("%(text)s is not a domain name. %(char)s cannot be used.")
    elif any(len(label) > LABEL_LENGTH for label in text.split(".")):
        template = gettext_noop(
            "%(text)s is not a domain name. At most %(most)d characters stand between two dots."
        )
    return InvalidName(template, text=shown(text), char=_seen(odd), most=LABEL_LENGTH)


def _is_of_names(char: str) -> bool:
    """Letters, marks and digits of any script, hyphens and dots."""
    return char in "-.。" or unicodedata.category(char)[0] in "LMN"


def too_long(text: str, most: int) -> InvalidName:
    return InvalidName(
        gettext_noop("At most %(most)d characters are possible; this has %(length)d."),
        most=most,
        length=len(text),
    )


def refuse_control(line: str) -> None:
    """Raises InvalidName for a line that people could not see as it is; a tab they can."""
    if odd := _CONTROL.search(line):
        raise InvalidName(
            gettext_noop("The control character %(char)s cannot be used. Remove it."),
            char=_seen(odd[0]),
        )


def _seen(char: str) -> str:
    """A character as people see it, or how it is called where they cannot."""
    if char.isprintable():
        return char
    return f"U+{ord(char):04X} {unicodedata.name(char, '')}".strip()


def odd_character(template: str, char: str) -> InvalidName:
    """The template with a character that people can see; blanks have a sentence of their own."""
    if char.isspace():
        return InvalidName(gettext_noop("Write it without blanks, tabs and line breaks."))
    return InvalidName(template, char=_seen(char))


def shown(text: str) -> str:
    """A foreign text within a sentence: never longer than a line, never in control of it."""
    line = "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)
    return line if len(line) <= SHOWN else f"{line[:SHOWN]}…"
