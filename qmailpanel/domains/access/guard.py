"""Nobody gets at the mail with which somebody with more rights signs in.

Whoever reads that mail can have the password reset, or accept what was offered to the address. So
nobody without at least the same rights decides where mail to it goes, over any number of hops.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Set
from contextlib import suppress
from functools import cached_property

from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_noop as _

from qmailpanel.accounts.models import User
from qmailpanel.domains.models import Claim, Domain, Invitation, Kind
from qmailpanel.domains.routes.hops import DEPARTED, Routes
from qmailpanel.qmail import names

from .rights import NotAllowed

HERE = _(
    "Somebody with more rights signs in as %(email)s. "
    "Only the operator of this host can change where its mail goes."
)
ON_THE_WAY = _(
    "Mail with which somebody with more rights signs in arrives there. "
    "Only the operator of this host can change where it goes."
)


class Guard:
    """Raises NotAllowed before a person decides about such mail in a domain; without one, never.

    Where mail goes is read once. That stays true while the person changes what is allowed,
    because no guarded mail arrives there.
    """

    def __init__(self, person: User | None, domain: Domain) -> None:
        self._person, self._domain = person, domain

    def address(self, local: str) -> None:
        """Before anything decides about mail to this address."""
        self._refuse(local, [local])

    def unknown_recipients(self) -> None:
        """Before anything decides about mail to addresses of the domain that nobody has."""
        self._refuse("", [])

    def departed(self) -> None:
        """Before anything decides about mail to its removed mailboxes."""
        departed = self._domain.addresses.claiming().filter(kind=Kind.MAILBOX, removed=True)
        self._refuse(DEPARTED, departed.values_list("local", flat=True))

    def name(self, name: str) -> None:
        """Before anything decides about all mail to a name of the domain."""
        for place, email in self._above.items():
            if place.endswith(f"@{name}"):
                raise NotAllowed(HERE, email=email)

    def _refuse(self, goal: str, locals_: Iterable[str]) -> None:
        if not self._emails:
            return
        own = {claim.name for claim in self._claims.values() if claim.domain == self._domain}
        direct = {f"{local}@{name}" for local in locals_ for name in {*own, self._domain.name}}
        for place in sorted(direct & self._above.keys()):
            raise NotAllowed(HERE, email=self._above[place])
        if f"{goal}@{self._domain.name}" in self._reached:
            raise NotAllowed(ON_THE_WAY)

    @cached_property
    def _emails(self) -> Set[str]:
        """With what those sign in who may do what the person may not.

        Somebody switched off may come back, and who was invited has those rights tomorrow.
        """
        if self._person is None:
            return set()
        me = self._person.pk
        people = User.objects.filter(Q(is_operator=True) | Q(grants__isnull=False))
        held = people.values_list("pk", "email", "is_operator", "grants__domain", "grants__rights")
        own = {domain: set(rights) for pk, _, _, domain, rights in held if pk == me}
        others = [
            (email, None if is_operator else domain, rights)
            for pk, email, is_operator, domain, rights in held
            if pk != me
        ]
        invited = Invitation.objects.filter(expires__gt=timezone.now())
        offers = invited.values_list("email", "domain", "rights")
        return {
            email
            for email, domain, rights in [*others, *offers]
            if domain is None or not set(rights) <= own.get(domain, set())
        }

    @cached_property
    def _claims(self) -> Mapping[str, Claim]:
        """By name: all of the domain, where guarded mail goes, and all that have sub-domains."""
        claims = Claim.objects.filter(
            Q(domain=self._domain) | Q(domain__subdomains=True) | Q(name__in=self._hosts),
            claims=True,
        )
        return {claim.name: claim for claim in claims.select_related("domain__responder")}

    @cached_property
    def _hosts(self) -> Set[str]:
        return {_split(email)[1] for email in self._emails}

    @cached_property
    def _above(self) -> Mapping[str, str]:
        """Where guarded mail arrives first: the address as known here → as typed."""
        return {at_home(email, self._claims): email for email in self._emails}

    @cached_property
    def _reached(self) -> Set[str]:
        """All places where guarded mail arrives."""
        routes = Routes(self._claims.values(), self._hosts)
        return routes.find_origins(self._above).keys()


def at_home(email: str, claims: Mapping[str, Claim]) -> str:
    """The address as it is known here: its domain in ASCII, a sub-domain as what it is mail to."""
    local, host = _split(email)
    if host not in claims:
        above = (claims[name].domain for name in _parents(host) if name in claims)
        host = next((domain.name for domain in above if domain.subdomains), host)
    return f"{local}@{host}"


def _split(email: str) -> tuple[str, str]:
    """Local part and domain, in the spelling of this host."""
    local, _at, host = email.strip().lower().rpartition("@")
    with suppress(names.InvalidName):  # else it is no name of ours
        host = str(names.DomainName(host))
    return local.strip(chr(34)), host


def _parents(host: str) -> Iterator[str]:
    labels = host.split(".")
    return (".".join(labels[start:]) for start in range(1, len(labels)))
