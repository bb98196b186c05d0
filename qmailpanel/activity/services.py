"""The ledger for people: who sees which of its lines, how they look for some, and as sentences."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import partial
from typing import Any

from django.db.models import Q, QuerySet, Subquery
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from qmailpanel.accounts.models import User
from qmailpanel.domains.models import LAST, Claim, Domain, OwnItem, Unknown
from qmailpanel.ledger.models import Change, LedgerHead, Noun
from qmailpanel.mailboxes.models import Mailbox
from qmailpanel.paging import Page, page
from qmailpanel.qmail.sizes import write_size

from .sentences import Said, say, says_place

NEWEST = ("-at", "-id")  # as the indexes of the ledger are
LABELS = {
    "aliases": gettext_noop("Aliases that went with it"),
    "changes": gettext_noop("Changes"),
    "comment": gettext_noop("Comment"),
    "contact": gettext_noop("Postmaster and abuse deliver to"),
    "days": gettext_noop("Days between two answers"),
    "description": gettext_noop("Description"),
    "destinations": gettext_noop("Delivers to"),
    "first": gettext_noop("First day"),
    "imap": gettext_noop("IMAP"),
    "keeps": gettext_noop("A copy stays"),
    "last": gettext_noop("Last day"),
    "local": gettext_noop("Name"),
    "messages": gettext_noop("Quota of messages"),
    "method": gettext_noop("With"),
    "must_change": gettext_noop("The owner must choose another one"),
    "name": gettext_noop("Name"),
    "on": gettext_noop("Answers by itself"),
    "on_hold": gettext_noop("On hold"),
    "panel": gettext_noop("Opens the panel"),
    "pop3": gettext_noop("POP3"),
    "protocols": gettext_noop("Opens"),
    "quota": gettext_noop("Quota"),
    "refusal": gettext_noop("Text while on hold or switched off"),
    "rights": gettext_noop("Rights"),
    "sending": gettext_noop("Sending"),
    "subdomains": gettext_noop("Mail to all sub-domains"),
    "subject": gettext_noop("Subject"),
    "target": gettext_noop("Mail goes on to"),
    "text": gettext_noop("Text"),
    "unknown": gettext_noop("Unknown recipients"),
    "unknown_target": gettext_noop("Unknown recipients go to"),
    "unknown_text": gettext_noop("Text for unknown recipients"),
    "withheld": gettext_noop("Kept from owners"),
}
LABELS_OF_LIMITS = {
    "aliases": gettext_noop("Aliases"),
    "destinations": gettext_noop("Destinations"),
    "mailboxes": gettext_noop("Mailboxes"),
}
SAID = {"enabled", "removed"}  # by the verb of the sentence


@dataclass(frozen=True)
class Filter:
    """What somebody looks for: all that is given must be so. Both days are included."""

    domain: str = ""  # a name it has or had
    person: str = ""  # the name of who did it, or how that begins
    verb: str = ""
    since: date | None = None
    until: date | None = None


@dataclass(frozen=True)
class Detail:
    """One field of a change, in words: what it was and what it became ("" for nothing)."""

    label: str
    before: str
    after: str


@dataclass(frozen=True)
class Entry:
    """One line of the ledger, for people. `place`: from where, unless the sentence says it."""

    change: Change
    sentence: Said
    details: list[Detail]
    place: str


def is_shown(owner: User) -> bool:
    """Whether the owner of a mailbox may see what happened to it."""
    mine = Mailbox.objects.owned_by(owner).select_related("address__domain").first()
    return mine is not None and OwnItem.ACTIVITY not in mine.address.domain.withheld


def seen_by(user: User) -> QuerySet[Change]:
    """The changes that a person may see: the only place that says so."""
    if user.is_operator:
        return Change.objects.all()
    if user.is_owner:
        mine = Mailbox.objects.owned_by(user).values("address")
        return Change.objects.filter(address__in=mine)
    in_own_domains = Q(domain__in=Domain.objects.for_user(user).values("pk"))
    done_by_themself = Q(actor=user)
    return Change.objects.filter(in_own_domains | done_by_themself)


def place_of(user: User, change: Change) -> str:
    """From where it was done, as far as this person may know: "" where not."""
    return change.ip or "" if user.is_operator or change.actor_id == user.pk else ""


def find_changes(user: User, wanted: Filter, domain: Domain | None = None) -> QuerySet[Change]:
    """What this person may see of what they look for."""
    changes = seen_by(user)
    if domain:
        changes = changes.filter(domain=domain.pk)
    if wanted.domain:
        changes = changes.filter(_of_domain(wanted.domain))
    if wanted.person:
        changes = changes.filter(_by(wanted.person))
    if wanted.verb:
        changes = changes.filter(verb=wanted.verb)
    if wanted.since:
        changes = changes.filter(at__gte=_start_of(wanted.since))
    if wanted.until:
        changes = changes.filter(at__lt=_start_of(wanted.until + timedelta(days=1)))
    return changes


def _of_domain(name: str) -> Q:
    """Of the domains that have the name or had it; of one alone, the index has the order too."""
    found = list(Claim.objects.filter(name=name).values_list("domain", flat=True).distinct())
    return Q(domain=found[0]) if len(found) == 1 else Q(domain__in=found)


def _by(text: str) -> Q:
    """By who is called so, or by all whose names begin so; of one alone as above."""
    names = Q(actor_name__gte=text, actor_name__lt=text + LAST)
    found = Change.objects.filter(names).order_by("actor_name").values("actor_name")
    ends = LedgerHead.objects.values_list(Subquery(found[:1]), Subquery(found.reverse()[:1]))
    first, last = ends.first() or (None, None)
    if first is None:
        return Q(pk__in=())
    return Q(actor_name=first) if first in (text, last) else names


def _start_of(day: date) -> datetime:
    return datetime.combine(day, time.min, timezone.get_current_timezone())


def list_entries(
    user: User,
    wanted: Filter | None = None,
    *,
    domain: Domain | None = None,
    after: str = "",
    before: str = "",
) -> Page[Entry]:
    """A page of what happened, newest first."""
    changes = find_changes(user, wanted or Filter(), domain)
    found = page(changes, key=NEWEST, after=after, before=before)
    names = {domain.pk: domain.name} if domain else names_of(found.rows)
    entries = [_entry(user, change, names) for change in found.rows]
    return Page(entries, found.next, found.previous)


def names_of(changes: Iterable[Change]) -> dict[int, str]:
    """What the domains of these changes are called today."""
    domains = {change.domain for change in changes if change.domain}
    return dict(Domain.objects.filter(pk__in=domains).values_list("pk", "name"))


def _entry(user: User, change: Change, names: Mapping[int, str]) -> Entry:
    place = place_of(user, change)
    sentence = say(change, domain=names.get(change.domain or 0, ""), place=place)
    details = [] if user.is_owner else _details(change)  # remarks of admins are for admins
    return Entry(change, sentence, details, "" if says_place(change) else place)


def _details(change: Change) -> list[Detail]:
    fields = dict.fromkeys([*change.before, *change.after])
    details = (_detail(field, change) for field in fields if field not in SAID)
    return [detail for detail in details if detail.before or detail.after]


def _detail(field: str, change: Change) -> Detail:
    if change.noun == Noun.LIMITS:
        label, words = LABELS_OF_LIMITS.get(field, field), _words_of_limit
    else:
        label, words = LABELS.get(field, field), partial(_words, field)
    return Detail(_(label), *(words(side.get(field)) for side in (change.before, change.after)))


def _words_of_limit(value: Any) -> str:
    return _("no limit") if value is None else str(value)


def _limit(field: str, value: int) -> str:
    if not value:
        return _("no limit")
    return write_size(value) if field == "quota" else str(value)


def _words(field: str, value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if field in ("quota", "messages") and value is not None:
        return _limit(field, value)
    if field == "unknown" and value in Unknown.values:
        return str(Unknown(value).label)
    return "" if value is None else str(value)
