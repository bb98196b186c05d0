"""The ledger for people: who sees which of its lines, how they look for some, and as sentences."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from django.db.models import Q, QuerySet, Subquery
from django.utils import timezone

from qmailpanel.accounts.models import User
from qmailpanel.domains.models import LAST, Address, Claim, Domain, OwnItem
from qmailpanel.ledger.models import Change, LedgerHead
from qmailpanel.mailboxes.models import Mailbox
from qmailpanel.paging import Page, page

from .details import Detail, details_of
from .sentences import Sentence, sentence_of, tells_place

NEWEST = ("-at", "-id")  # as the indexes of the ledger are


@dataclass(frozen=True)
class Filter:
    """What somebody looks for: all that is given must be so. Both days are included."""

    domain: str = ""  # a name it has or had, or an address there
    person: str = ""  # the name of who did it, or how that begins
    verb: str = ""
    since: date | None = None
    until: date | None = None


@dataclass(frozen=True)
class Entry:
    """One line of the ledger, for people. `place`: from where, unless the sentence says it."""

    change: Change
    sentence: Sentence
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


def _of_domain(text: str) -> Q:
    """Of the domains that have the name or had it; of one alone, the index has the order too."""
    local, at, name = text.rpartition("@")
    domains = list(Claim.objects.filter(name=name).values_list("domain", flat=True).distinct())
    if at:
        addresses = Address.objects.filter(domain__in=domains, local=local)
        return Q(address__in=list(addresses.values_list("pk", flat=True)))
    return Q(domain=domains[0]) if len(domains) == 1 else Q(domain__in=domains)


def _by(text: str) -> Q:
    """By who is called so, or by all whose names begin so; of one alone as above."""
    names = Q(actor_name__gte=text, actor_name__lt=text + LAST)
    actors = Change.objects.filter(names).order_by("actor_name").values("actor_name")
    ends = LedgerHead.objects.values_list(Subquery(actors[:1]), Subquery(actors.reverse()[:1]))
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
    shown = page(changes, key=NEWEST, after=after, before=before)
    names = {domain.pk: domain.name} if domain else names_of(shown.rows)
    entries = [_entry(user, change, names) for change in shown.rows]
    return Page(entries, shown.next, shown.previous)


def names_of(changes: Iterable[Change]) -> dict[int, str]:
    """What the domains of these changes are called today."""
    domains = {change.domain for change in changes if change.domain}
    return dict(Domain.objects.filter(pk__in=domains).values_list("pk", "name"))


def _entry(user: User, change: Change, names: Mapping[int, str]) -> Entry:
    place = place_of(user, change)
    sentence = sentence_of(change, domain=names.get(change.domain or 0, ""), place=place)
    details = [] if user.is_owner else details_of(change)  # comments are not for owners
    return Entry(change, sentence, details, "" if tells_place(change) else place)
