"""What needs a person: one line for each kind, with the first of what it is about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from qmailpanel.reports.statuses import Status

SHOWN = 3  # of one kind
COUNTED = 100  # of one kind; more are not counted


@dataclass(frozen=True, slots=True)
class Item:
    """One thing: its name, the page where it is, and what is said of it; `cause` as it is read."""

    name: str | SafeString
    href: str = ""
    said: str = ""
    cause: str = ""


@dataclass(frozen=True, slots=True)
class Need:
    """One line. `tone`: failed for what loses mail, pending for what waits.

    `more`: how many there are besides the items. `act` and `href`: the one button, if there is one.
    """

    key: str
    tone: Status
    words: str
    said: str = ""
    items: Sequence[Item] = field(default_factory=list)
    more: str = ""
    act: str = ""
    href: str = ""


def href_for(items: Sequence[Item], all_of_them: str) -> str:
    """Where the button leads: to the thing itself if there is one alone."""
    return items[0].href or all_of_them if len(items) == 1 else all_of_them


def say_more(number: int, items: Sequence[Item]) -> str:
    """How many there are besides these, of `number` in all."""
    rest = min(number, COUNTED) - len(items)
    if rest <= 0:
        return ""
    words = _("more than %(n)d more") if number > COUNTED else _("and %(n)d more")
    return words % {"n": rest}


def say_number(number: int) -> str:
    """A number of things of which no more than so many are counted."""
    return f"{COUNTED}+" if number > COUNTED else f"{number}"
