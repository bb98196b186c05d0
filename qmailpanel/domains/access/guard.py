"""Nobody gets at the mail with which somebody with more rights signs in.

Whoever reads that mail can have the password reset, or accept what was offered to the address. So
nobody without at least the same rights decides where mail to it goes, over any number of hops.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set

from django.utils import timezone
from django.utils.translation import gettext_noop as _

from qmailpanel.accounts.models import User
from qmailpanel.domains.models import Claim, Domain, Grant, Invitation, Kind
from qmailpanel.domains.routes.hops import LEFT, way_back
from qmailpanel.ledger.actors import Actor
from qmailpanel.qmail import names

from .rights import NotAllowed, find_person

HERE = _(
    "Somebody with more rights signs in as %(email)s. "
    "Only the operator of this host can change where its mail goes."
)
ON_THE_WAY = _(
    "Mail with which somebody with more rights signs in arrives there. "
    "Only the operator of this host can change where it goes."
)


def guard_sign_in(actor: Actor, domain: Domain, local: str) -> None:
    """Before anything decides about mail to this address. Raises NotAllowed."""
    person = find_person(actor)
    if person and not person.is_operator:
        direct = {f"{local}@{name}" for name in _names(domain)}
        _guard(person, f"{local}@{domain.name}", direct)


def guard_unknown(actor: Actor, domain: Domain) -> None:
    """The same of mail to addresses of the domain that nobody has."""
    person = find_person(actor)
    if person and not person.is_operator:
        _guard(person, f"@{domain.name}", set())


def guard_left(actor: Actor, domain: Domain) -> None:
    """The same of mail to its removed mailboxes."""
    person = find_person(actor)
    if person and not person.is_operator:
        gone = domain.addresses.claiming().filter(kind=Kind.MAILBOX, removed=True)
        names = _names(domain)
        direct = {f"{local}@{n}" for local in gone.values_list("local", flat=True) for n in names}
        _guard(person, f"{LEFT}@{domain.name}", direct)


def guard_name(actor: Actor, name: str) -> None:
    """The same of all mail to a domain's name."""
    person = find_person(actor)
    if person and not person.is_operator:
        for at, email in _above(person).items():
            if at.endswith(f"@{name}"):
                raise NotAllowed(HERE, email=email)


def _guard(person: User, goal: str, direct: Set[str]) -> None:
    above = _above(person)
    for at in sorted(direct & above.keys()):
        raise NotAllowed(HERE, email=above[at])
    if way_back(goal, above):
        raise NotAllowed(ON_THE_WAY)


def _names(domain: Domain) -> set[str]:
    """All that the domain answers to."""
    claimed = domain.names.filter(claims=True).values_list("name", flat=True)
    return {domain.name, *claimed}


def _above(person: User) -> Mapping[str, str]:
    """Where the mail of those arrives here who may do what the person may not: address → as typed.

    Somebody switched off may come back, and who was invited has those rights tomorrow.
    """
    mine = {grant.domain_id: set(grant.rights) for grant in Grant.objects.filter(user=person)}
    others = User.objects.exclude(pk=person.pk)
    emails = set(others.filter(is_operator=True).values_list("email", flat=True))
    for grant in Grant.objects.exclude(user=person).select_related("user"):
        if not set(grant.rights) <= mine.get(grant.domain_id, set()):
            emails.add(grant.user.email)
    for offer in Invitation.objects.filter(expires__gt=timezone.now()):
        if not (offer.domain_id and set(offer.rights) <= mine.get(offer.domain_id, set())):
            emails.add(offer.email)
    return {at_home(email, _below()): email for email in emails}


def _below() -> Mapping[str, str]:
    """Names below which everything is mail to a domain: name → the domain's."""
    claims = Claim.objects.filter(claims=True, domain__subdomains=True)
    return dict(claims.values_list("name", "domain__name"))


def at_home(email: str, below: Mapping[str, str]) -> str:
    """The address as it is known here: its domain in ASCII, a sub-domain as what it is mail to."""
    local, _at, host = email.strip().lower().rpartition("@")
    try:
        host = str(names.DomainName(host))
    except names.InvalidName:
        return email.strip().lower()
    parent = next((name for name in _parents(host) if name in below), None)
    if parent and not Claim.objects.filter(name=host, claims=True).exists():
        host = below[parent]
    return f"{local.strip(chr(34))}@{host}"


def _parents(host: str) -> Iterable[str]:
    labels = host.split(".")
    return (".".join(labels[start:]) for start in range(1, len(labels)))
