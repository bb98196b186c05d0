"""The fields of a change in words: what each was and what it became."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.utils.translation import gettext as _

from qmailpanel.ledger.models import Change
from qmailpanel.ledger.wording import Field

from .gathering import all_words


@dataclass(frozen=True)
class Detail:
    """One field: what it was and what it became ("" for nothing)."""

    label: str
    before: str
    after: str


def details_of(change: Change) -> list[Detail]:
    """All that the sentence does not say."""
    return [detail for detail in _details(change) if detail.before or detail.after]


def _details(change: Change) -> Iterator[Detail]:
    """In the order of the words, since PostgreSQL keeps none of what was recorded."""
    words = all_words().get(change.noun)
    fields = words.fields if words else {}
    touched = {*change.before, *change.after}
    ordered = [name for name in fields if name in touched]
    for name in [*ordered, *sorted(touched - fields.keys())]:
        field = fields.get(name) or Field(name)
        if change.verb not in field.told_by:
            sides = (change.before, change.after)
            yield Detail(_(str(field.label)), *(_show(field, name, side) for side in sides))


def _show(field: Field, name: str, side: dict[str, object]) -> str:
    return field.show(side[name]) if name in side else ""
