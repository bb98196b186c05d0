"""How an app says in words what it records: in its module `words`, as `WORDS`, noun by noun.

Texts are marked with gettext_noop and translated where they are shown.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db.models import TextChoices
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from qmailpanel.qmail.sizes import write_size

from .models import Verb

Show = Callable[[Any], str]


def show_text(value: Any) -> str:
    """As it is; a list with commas, nothing for nothing."""
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "" if value is None else str(value)


def show_yes(value: bool) -> str:
    return _("yes") if value else _("no")


def show_on(value: bool) -> str:
    return _("on") if value else _("off")


def show_limit(value: int | None, show: Callable[[int], str] = str) -> str:
    return _("no limit") if value is None else show(value)


def show_size_limit(value: int | None) -> str:
    return show_limit(value, write_size)


def show_messages(value: int) -> str:
    """A quota of messages; 0 is none."""
    return show_limit(value or None)


def show_quota(value: int) -> str:
    """A quota of bytes; 0 is none."""
    return show_size_limit(value or None)


def show_labels(choices: type[TextChoices]) -> Show:
    """One of these choices, or a list of them; what is none of them stays as it is."""
    labels = dict(choices.choices)

    def show(value: Any) -> str:
        values = value if isinstance(value, list) else [value]
        return show_text([labels.get(each, each) for each in values])

    return show


@dataclass(frozen=True)
class Templates:
    """The sentence for a verb. It names %(actor)s, %(target)s and %(domain)s.

    `own`: the actor is the target. `no_target`: there is none. `no_domain`: it concerns none.
    """

    usual: str
    own: str = ""
    no_target: str = ""
    no_domain: str = ""


@dataclass(frozen=True)
class Field:
    """What a field is called and how its values are shown.

    `told_by`: with these verbs the sentence says it already.
    """

    label: str | Promise
    show: Show = show_text
    told_by: frozenset[Verb] = frozenset()


@dataclass(frozen=True)
class Words:
    """All that is said of one noun; its fields in the order in which they are shown."""

    sentences: Mapping[str, Templates]  # by verb
    fields: Mapping[str, Field] = field(default_factory=dict)
