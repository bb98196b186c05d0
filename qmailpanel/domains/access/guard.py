"""Nobody gets at the mail with which somebody with more rights signs in.

Whoever reads that mail can have the password reset, or accept what was offered to the address. So
nobody without at least the same rights decides where mail to it goes, over any number of hops.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from contextlib import suppress
from functools import cached_property

from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_noop as _

from qmailpanel.accounts.models import User
from qmailpanel.domains.models import Domain, Kind
from qmailpanel.domains.routes.hops import DEPARTED, Routes
from qmailpanel.domains.routes.ours import Ours
from qmailpanel.qmail import names

from .models import Invitation
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
        """Before anything decides about all mail to a name of the domain, or to those below it."""
        for email in self._emails:
            host = _split(email)[1]
            is_below = host.endswith(f".{name}") and self._domains.get(host) == self._domain
            if host == name or is_below:
                raise NotAllowed(HERE, email=email)

    def _refuse(self, goal: str, locals_: Iterable[str]) -> None:
        if not self._emails:
            return
        direct = {f"{local}@{self._domain.name}" for local in locals_}
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
    def _ours(self) -> Ours:
        return Ours()

    @cached_property
    def _domains(self) -> Mapping[str, Domain]:
        """By the names of guarded mail; what was removed may come back."""
        hosts = (_split(email)[1] for email in self._emails)
        return self._ours.read(hosts, removed=True)

    @cached_property
    def _above(self) -> Mapping[str, str]:
        """Where guarded mail arrives first: the address as known here → as typed."""
        return {at_home(email, self._domains): email for email in self._emails}

    @cached_property
    def _reached(self) -> Set[str]:
        """All places where guarded mail arrives."""
        return Routes(self._ours).find_origins(self._above).keys()


def at_home(email: str, domains: Mapping[str, Domain]) -> str:
    """The address as it is known here: under the name of the domain that its mail is for."""
    local, host = _split(email)
    domain = domains.get(host)
    return f"{local}@{domain.name if domain else host}"


def _split(email: str) -> tuple[str, str]:
    """Local part and domain, in the spelling of this host."""
    local, _at, host = email.strip().lower().rpartition("@")
    with suppress(names.InvalidName):  # else it is no name of ours
        host = str(names.DomainName(host))
    return local.strip(chr(34)), host
