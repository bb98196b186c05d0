"""Inviting somebody by e-mail address: to look after domains, or to run the host."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_noop as _

from qmailpanel.accounts.models import User
from qmailpanel.accounts.tokens import digest_of, link_to, make_token
from qmailpanel.among import AMONG
from qmailpanel.domains.access.deed import Deed, deed
from qmailpanel.domains.access.models import Invitation, InvitationQuerySet
from qmailpanel.domains.access.rights import NONE, Rights, in_order
from qmailpanel.domains.models import Domain, Grant
from qmailpanel.domains.routes.hops import Routes
from qmailpanel.domains.routes.ours import Ours
from qmailpanel.environment.installed import command_name
from qmailpanel.ledger.actors import Actor, Refused
from qmailpanel.ledger.models import Noun, Verb
from qmailpanel.ledger.services import Sides, ledger_locked, record_among
from qmailpanel.qmail.names import DomainName, InvalidName, MailAddress

from .granting import Granting, refuse_flood, refuse_holders, refuse_none, refuse_off
from .grants import give

LIFETIME = timedelta(days=7)
SHARED = _(
    "Mail to %(email)s arrives in %(name)s, which others look after. Invite another address, "
    "or make the operator on the host: %(command)s operator"
)


@dataclass(frozen=True)
class Invited:
    """Who was invited to which domains, or to none and so to run the host.

    `link`: the one place to read it; none where that person has the rights at once.
    """

    email: str
    by: str
    domains: Sequence[Domain] = ()
    link: str = ""


def invite(actor: Actor, email: str, domains: Iterable[Domain], rights: Rights) -> Invited:
    """Somebody is to look after these domains. Who has an account gets the rights at once.

    But only from who may see that they have one. An older invitation of the same person to one
    of the domains no longer works.
    """
    with ledger_locked():
        granting = Granting.by(actor)
        found = granting.over(domains, refuse_none(rights))
        email = _read_email(email)
        refuse_holders(email, found)
        known = User.objects.filter(email__iexact=email).first() if granting.is_free else None
        if known is None:
            return _create_invitations(actor, email, found, rights)
        granting.refuse_own(known)
        return _grant_at_once(actor, known, found, rights)


def _grant_at_once(actor: Actor, user: User, domains: list[Domain], rights: Rights) -> Invited:
    refuse_off(user)
    _earlier(user.email, domains).delete()
    give(actor, user, dict.fromkeys(domains, rights), by=actor.name)
    return Invited(user.email, actor.name, domains)


def invite_operator(actor: Actor, email: str) -> Invited:
    """Somebody is to run this host."""
    with deed(actor, by_operator=True):
        email = _read_email(email)
        if User.objects.filter(email__iexact=email, is_operator=True, is_active=True).exists():
            raise Refused(_("%(email)s is an operator already."), "email", email=email)
        _refuse_shared(email)
        return _create_invitations(actor, email, [], NONE)


def _refuse_shared(email: str) -> None:
    """Others may lead the mail of this address elsewhere already."""
    ours = Ours()
    arrivals = Routes(ours).find_origins([email])
    domains = ours.read((place.rpartition("@")[2] for place in arrivals), removed=True)
    grant = Grant.objects.filter(domain__in=set(domains.values())).order_by("domain__name").first()
    if grant:
        words = {"email": email, "name": grant.domain.name, "command": command_name()}
        raise Refused(SHARED, "email", **words)


def _read_email(text: str) -> str:
    email = text.strip().lower()
    try:
        validate_email(email)
        local, _at, host = email.rpartition("@")
        return MailAddress(f"{local}@{DomainName(host)}")
    except (ValidationError, InvalidName):
        raise Refused(_("Enter an e-mail address, as name@example.org."), "email") from None


def _create_invitations(
    actor: Actor, email: str, domains: Sequence[Domain], rights: Rights
) -> Invited:
    """One for each domain, or one without a domain; all with one link."""
    many = Refused(_("You invited many people. Go on in an hour."), "email")
    refuse_flood(actor, Verb.INVITED, Noun.INVITATION, many)
    expires = timezone.now() + LIFETIME
    token, offered = make_token(), in_order(rights)
    places: Sequence[Domain | None] = domains or [None]
    _earlier(email, domains).delete()
    Invitation.objects.bulk_create(
        Invitation(
            email=email,
            domain=domain,
            rights=offered,
            digest=digest_of(token),
            expires=expires,
            by=actor.name,
            inviter_id=actor.user_id,
        )
        for domain in places
    )
    keys = [domain.pk if domain else None for domain in places]
    record_invitations(actor, Verb.INVITED, email, keys, {"rights": offered})
    return Invited(email, actor.name, domains, link_to("people:accept", token))


def _earlier(email: str, domains: Collection[Domain]) -> InvitationQuerySet:
    keys = {domain.pk for domain in domains}
    same = Q(**{f"domain__pk{AMONG}": keys}) if keys else Q(domain=None)
    return Invitation.objects.filter(same, email=email.lower())


def record_invitations(
    actor: Actor,
    verb: Verb,
    email: str,
    domains: Iterable[int | None],
    after: dict[str, object],
) -> None:
    """In the caller's transaction: a line for each domain."""
    told: dict[int | None, Sides] = {domain: ({}, after) for domain in domains}
    record_among(actor, verb, Noun.INVITATION, email, told)


def withdraw(actor: Actor, invitations: Sequence[Invitation]) -> None:
    """These of one person no longer work; none does nothing, since others may be quicker."""
    if not invitations:
        return
    with ledger_locked():
        granting = Granting.by(actor)
        for one in invitations:
            if one.domain is None:
                Deed(actor).require_operator()
            else:
                granting.require(NONE, one.domain)
        there = Invitation.objects.filter(**{f"pk{AMONG}": {one.pk for one in invitations}})
        keys = list(there.order_by("domain__name").values_list("domain", flat=True))
        there.delete()
        record_invitations(actor, Verb.REMOVED, invitations[0].email, keys, {})
