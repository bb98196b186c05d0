"""Where the names in a change lead: to pages that are there, and that the person may see."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.db.models import Exists, OuterRef
from django.urls import reverse

from qmailpanel.accounts.models import User
from qmailpanel.domains.models import Address, Domain, Kind
from qmailpanel.ledger.models import Change, Noun

OF_ADDRESS = (Noun.MAILBOX, Noun.ALIAS, Noun.APP_PASSWORD, Noun.AUTO_REPLY)
OF_DOMAIN = (Noun.DOMAIN, Noun.LIMITS, Noun.RESPONDER)
OF_PERSON = (Noun.PERSON, Noun.INVITATION)
PAGES = {Kind.MAILBOX: "mailboxes:detail", Kind.ALIAS: "aliases:detail"}


@dataclass(frozen=True)
class Places:
    """What some changes are about: names of domains, and pages by the numbers of rows.

    `people`: numbers by their e-mail addresses. The owner of a mailbox may have the same address.
    """

    names: Mapping[int, str]
    domains: Mapping[int, str]
    addresses: Mapping[int, str]
    people: Mapping[str, int]

    def links_of(self, change: Change) -> dict[str, str]:
        """By the names in its sentence; only those that lead somewhere."""
        domain = self.domains.get(change.domain or 0, "")
        actor = self._person(change.actor_name) if self._is_by_a_person(change) else ""
        links = {"actor": actor, "domain": domain, "target": self._target(change, domain)}
        return {name: href for name, href in links.items() if href}

    def _target(self, change: Change, domain: str) -> str:
        if change.noun in OF_ADDRESS:
            return self.addresses.get(change.address or 0, "")
        if change.noun in OF_PERSON:
            is_of_owner = change.target == change.actor_name and not self._is_by_a_person(change)
            return "" if is_of_owner else self._person(change.target)
        return domain if change.noun in OF_DOMAIN else ""

    def _is_by_a_person(self, change: Change) -> bool:
        pk = self.people.get(change.actor_name)
        return pk is not None and pk == change.actor_id

    def _person(self, email: str) -> str:
        pk = self.people.get(email)
        return reverse("people:person", args=[pk]) if pk else ""


def find_places(user: User, changes: Sequence[Change], domain: Domain | None = None) -> Places:
    """One query for all domains, one for all addresses, and one for all people, whom operators see.
    `domain`: all are of that one, which the person sees.
    """
    known = [(domain.pk, domain.name, True)] if domain else _domains_of(user, changes)
    return Places(
        names={pk: name for pk, name, _is_mine in known},
        domains={
            pk: reverse("domains:detail", args=[name]) for pk, name, is_mine in known if is_mine
        },
        addresses={} if user.is_owner else _pages_of(user, changes),
        people=people_in(user, changes),
    )


def _domains_of(user: User, changes: Iterable[Change]) -> list[tuple[int, str, bool]]:
    """Number and name of each, and whether it is one of the person's."""
    domains = {change.domain for change in changes if change.domain}
    mine = Domain.objects.for_user(user).claiming().filter(pk=OuterRef("pk"))
    rows = Domain.objects.filter(pk__in=domains).annotate(is_mine=Exists(mine))
    return list(rows.values_list("pk", "name", "is_mine"))


def people_in(user: User, changes: Iterable[Change]) -> dict[str, int]:
    """Those that are named in the changes, for operators: nobody else sees each of them."""
    if not user.is_operator:
        return {}
    named = {name for change in changes for name in (change.actor_name, change.target)}
    people = User.objects.filter(email__in=named, is_owner=False)
    return dict(people.values_list("email", "pk"))


def _pages_of(user: User, changes: Iterable[Change]) -> dict[int, str]:
    numbers = {change.address for change in changes if change.address}
    mine = Address.objects.for_user(user).filter(pk__in=numbers)
    return {
        pk: reverse(PAGES[Kind(kind)], args=[name, pk])
        for pk, kind, name in mine.values_list("pk", "kind", "domain__name")
    }
