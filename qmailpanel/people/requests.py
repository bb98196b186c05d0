"""Names that somebody asks for: live on the operator's yes, or when DNS proves whose they are."""

from __future__ import annotations

import secrets

from django.utils.translation import gettext_noop as _

from qmailpanel.accounts.models import User
from qmailpanel.accounts.services import addresses_of, operators
from qmailpanel.domains.access.deed import Deed, deed
from qmailpanel.domains.access.rights import ALL, Right
from qmailpanel.domains.changes import one_line
from qmailpanel.domains.models import Domain
from qmailpanel.domains.names.services import add_alias_domain
from qmailpanel.domains.services import add_domain
from qmailpanel.ledger.actors import SYSTEM, Actor, Refused
from qmailpanel.ledger.models import Noun, Verb
from qmailpanel.ledger.services import ledger_locked, record
from qmailpanel.qmail.names import DomainName, MailAddress

from .grants import give
from .models import NameRequest, Outcome
from .proof import find_proof
from .well_known import is_well_known

MOST = 20  # open requests of one person


def request_name(actor: Actor, name: DomainName, domain: Domain | None = None) -> NameRequest:
    """Ask for a domain, or for one more name of a domain. Asking again changes nothing."""
    with ledger_locked():
        act = Deed(actor, domain)
        person = act.person
        if person is None:
            raise Refused(_("Only a person can ask for a name."))
        if domain is not None:
            act.require(Right.NAMES)
        if is_well_known(name):
            raise Refused(
                _("%(name)s belongs to a well-known mail provider. Nobody but its owner gets it."),
                "name",
                name=name,
            )
        waiting = NameRequest.objects.filter(person=person, outcome=Outcome.OPEN)
        return waiting.filter(name=name).first() or _create_request(actor, person, name, domain)


def _create_request(
    actor: Actor, person: User, name: DomainName, domain: Domain | None
) -> NameRequest:
    if NameRequest.objects.filter(person=person, outcome=Outcome.OPEN).count() >= MOST:
        raise Refused(_("You already wait for %(most)d names."), "name", most=MOST)
    asked = NameRequest.objects.create(
        name=name, domain=domain, person=person, token=secrets.token_hex(16)
    )
    _record_request(actor, Verb.REQUESTED, asked)
    return asked


def accept_request(actor: Actor, asked: NameRequest) -> NameRequest:
    """The operator's yes: the name is added, and who asked looks after it."""
    with deed(actor, by_operator=True):
        return _add_name(actor, asked)


def prove_request(actor: Actor, asked: NameRequest) -> NameRequest:
    """The TXT record is there, so the name is theirs. Raises Refused: it is not, or no answer."""
    is_proved = find_proof(asked.name, asked.token)
    with ledger_locked():
        _reread(asked)
        if is_proved and asked.outcome == Outcome.OPEN:
            _record_request(actor, Verb.PROVED, asked)
            _add_name(SYSTEM, asked)
    if not is_proved:
        raise Refused(
            _("The TXT record is not there yet. New records can take an hour to be seen.")
        )
    return asked


def _add_name(actor: Actor, asked: NameRequest) -> NameRequest:
    _reread(asked)
    if asked.outcome != Outcome.OPEN:
        return asked
    name = DomainName(asked.name)
    if asked.domain:
        Deed(_as_person(asked), asked.domain).require(Right.NAMES)
        add_alias_domain(actor, asked.domain, name)
    else:
        domain = add_domain(actor, name, contact=_contact(asked.person, name))
        give(actor, asked.person, {domain: ALL}, by=actor.name)
    asked.outcome = Outcome.DONE
    asked.save(update_fields=["outcome"])
    return asked


def _contact(person: User, name: DomainName) -> MailAddress | None:
    """Who asked or, where that is an address of the new domain itself, an operator."""
    addresses = addresses_of([person, *operators()])
    return next((address for address in addresses if address.domain != name), None)


def _as_person(asked: NameRequest) -> Actor:
    return Actor(asked.person_id, str(asked.person), None)


def decline_request(actor: Actor, asked: NameRequest, why: str) -> NameRequest:
    """The operator's no, with a reason that the person reads."""
    with deed(actor, by_operator=True):
        _reread(asked)
        if asked.outcome == Outcome.OPEN:
            asked.outcome, asked.why = Outcome.DECLINED, one_line(why, "why")
            asked.save(update_fields=["outcome", "why"])
            _record_request(actor, Verb.DECLINED, asked)
    return asked


def withdraw_request(actor: Actor, asked: NameRequest) -> None:
    """Who asked no longer wants it, or has read the answer."""
    with ledger_locked():
        _reread(asked)
        if actor.user_id != asked.person_id:
            Deed(actor).require_operator()
        if asked.outcome == Outcome.OPEN:
            _record_request(actor, Verb.REMOVED, asked)
        asked.delete()


def _reread(asked: NameRequest) -> None:
    try:
        asked.refresh_from_db()
    except NameRequest.DoesNotExist:
        raise Refused(_("This request was withdrawn.")) from None


def _record_request(actor: Actor, verb: Verb, asked: NameRequest) -> None:
    after = {"domain": asked.domain.name} if asked.domain else {}
    domain = asked.domain_id
    record(actor, verb, Noun.REQUEST, asked.name, domain=domain, after=after)
