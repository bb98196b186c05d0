"""The ledger for people: who sees which of its lines, how they look for some, and as sentences."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.safestring import SafeString

from qmailpanel.accounts.models import User
from qmailpanel.among import AMONG
from qmailpanel.domains.models import LAST, Address, Claim, Domain, OwnItem
from qmailpanel.ledger.models import Change
from qmailpanel.mailboxes.models import Mailbox
from qmailpanel.paging import Page, page

from .conditions import Condition, meeting
from .details import Detail, details_of
from .links import Places, find_places, people_in
from .sentences import Sentence, sentence_of, tells_place

NEWEST = ("-at", "-id")  # as the indexes of the ledger are
LAST_FEW = 5


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
    """One line of the ledger, for people. `place`: from where, unless the sentence says it.

    `links`: where the names in the sentence lead.
    """

    change: Change
    sentence: Sentence
    links: Mapping[str, str]
    details: list[Detail]
    place: str

    @property
    def html(self) -> SafeString:
        return self.sentence.html(self.links)


def is_shown(owner: User) -> bool:
    """Whether the owner of a mailbox may see what happened to it."""
    mine = Mailbox.objects.owned_by(owner).select_related("address__domain").first()
    return mine is not None and OwnItem.ACTIVITY not in mine.address.domain.withheld


def seen_by(user: User, domain: Domain | None = None) -> list[Condition]:
    """What is true of the changes that a person may see: the only place that says so.

    Of a `domain` it stands in the query itself; else the numbers are asked for first, which tell
    PostgreSQL how many changes there are.
    """
    if user.is_operator:
        return []
    if user.is_owner:
        mine = Mailbox.objects.owned_by(user).values_list("address", flat=True)
        return [Condition({"address__in": list(mine)})]
    domains = Domain.objects.for_user(user).values_list("pk", flat=True)
    if domain:
        return [Condition({"domain__in": domains.filter(pk=domain.pk), "actor": user.pk})]
    return [Condition({f"domain{AMONG}": set(domains), "actor": user.pk})]


def place_of(user: User, change: Change) -> str:
    """From where it was done, as far as this person may know: "" where not."""
    return change.ip or "" if user.is_operator or change.actor_id == user.pk else ""


def find_changes(user: User, wanted: Filter, domain: Domain | None = None) -> QuerySet[Change]:
    """What this person may see of what they look for."""
    seen, looked_for = seen_by(user, domain), list(_looked_for(wanted, domain))
    changes = meeting(looked_for, *seen) if domain else meeting([*seen, *looked_for])
    if wanted.since:
        changes = changes.filter(at__gte=_start_of(wanted.since))
    if wanted.until:
        changes = changes.filter(at__lt=_start_of(wanted.until + timedelta(days=1)))
    return changes


def _looked_for(wanted: Filter, domain: Domain | None) -> Iterator[Condition]:
    if domain:
        yield Condition({"domain": domain.pk})
    if wanted.domain:
        yield _of_domain(wanted.domain)
    if wanted.person:
        beginning = (wanted.person, wanted.person + LAST)
        yield Condition({"actor_name__range": beginning}, wanted.person)
    if wanted.verb:
        yield Condition({"verb": wanted.verb})


def _of_domain(text: str) -> Condition:
    """Of the domains that have the name or had it; of one alone, the index has the order too."""
    local, at, name = text.rpartition("@")
    domains = list(Claim.objects.filter(name=name).values_list("domain", flat=True).distinct())
    if at:
        addresses = Address.objects.filter(domain__in=domains, local=local)
        return Condition({"address__in": list(addresses.values_list("pk", flat=True))})
    return Condition({"domain": domains[0]} if len(domains) == 1 else {"domain__in": domains})


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
    places = find_places(user, shown.rows, domain)
    entries = [_entry(user, change, places) for change in shown.rows]
    return Page(entries, shown.next, shown.previous)


def list_last(user: User, address: Address) -> list[Entry]:
    """The last few changes of an address that the person may see, for its own page."""
    changes = meeting([Condition({"address": address.pk})], *seen_by(user, address.domain))
    last = list(changes.order_by(*NEWEST)[:LAST_FEW])
    places = Places({address.domain_id: address.domain.name}, {}, {}, people_in(user, last))
    return [_entry(user, change, places) for change in last]


def names_of(changes: Iterable[Change]) -> dict[int, str]:
    """What the domains of these changes are called today."""
    domains = {change.domain for change in changes if change.domain}
    return dict(Domain.objects.filter(pk__in=domains).values_list("pk", "name"))


def _entry(user: User, change: Change, places: Places) -> Entry:
    place = place_of(user, change)
    sentence = sentence_of(change, domain=places.names.get(change.domain or 0, ""), place=place)
    details = [] if user.is_owner else details_of(change)  # comments are not for owners
    links = places.links_of(change)
    return Entry(change, sentence, links, details, "" if tells_place(change) else place)
