"""The ledger as sentences."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from qmailpanel.accounts.models import User
from qmailpanel.domains.models import Domain, Unknown
from qmailpanel.ledger.models import Change, Noun, Verb
from qmailpanel.paging import Page, page

LABELS = {
    "comment": gettext_noop("Comment"),
    "contact": gettext_noop("Postmaster and abuse deliver to"),
    "description": gettext_noop("Description"),
    "destinations": gettext_noop("Delivers to"),
    "local": gettext_noop("Name"),
    "name": gettext_noop("Name"),
    "refusal": gettext_noop("Text while switched off"),
    "unknown": gettext_noop("Unknown recipients"),
    "unknown_target": gettext_noop("Unknown recipients go to"),
    "unknown_text": gettext_noop("Text for unknown recipients"),
}
SAID = {"enabled", "removed"}  # by the verb of the sentence


@dataclass(frozen=True)
class Detail:
    """One field of a change, in words: what it was and what it became ("" for nothing)."""

    label: str
    before: str
    after: str


@dataclass(frozen=True)
class Entry:
    """One line of the ledger, for people."""

    change: Change
    sentence: str
    details: list[Detail]


def list_entries(
    user: User, *, domain: Domain | None = None, after: str = "", before: str = ""
) -> Page[Entry]:
    """What happened, newest first: an operator sees all, others their own domains."""
    changes = _seen_by(user)
    if domain:
        changes = changes.filter(domain=domain.pk)
    found = page(changes, key=("-id",), after=after, before=before)
    return Page([_entry(change) for change in found.rows], found.next, found.previous)


def _seen_by(user: User) -> QuerySet[Change]:
    everything = Change.objects.all()
    if user.is_operator:
        return everything
    return everything.filter(domain__in=Domain.objects.for_user(user).values("pk"))


def _entry(change: Change) -> Entry:
    return Entry(change, _sentence(change), _details(change))


def _sentence(change: Change) -> str:
    return _("%(actor)s %(verb)s the %(noun)s %(target)s") % {
        "actor": change.actor_name,
        "verb": Verb(change.verb).label,
        "noun": Noun(change.noun).label,
        "target": change.target,
    }


def _details(change: Change) -> list[Detail]:
    fields = dict.fromkeys([*change.before, *change.after])
    details = (_detail(field, change) for field in fields if field not in SAID)
    return [detail for detail in details if detail.before or detail.after]


def _detail(field: str, change: Change) -> Detail:
    label = LABELS.get(field, field)
    before, after = (_words(field, side.get(field)) for side in (change.before, change.after))
    return Detail(_(label), before, after)


def _words(field: str, value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if field == "unknown" and value in Unknown.values:
        return str(Unknown(value).label)
    return "" if value is None else str(value)
