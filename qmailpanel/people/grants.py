"""Who looks after a domain, and what each may do there."""

from __future__ import annotations

from django.utils.translation import gettext_noop as _

from qmailpanel.accounts.models import User
from qmailpanel.domains.access.rights import (
    NONE,
    NotAllowed,
    Right,
    Rights,
    find_person,
    in_order,
    in_words,
    read_rights,
    require,
    rights_of,
)
from qmailpanel.domains.models import Domain, Grant
from qmailpanel.ledger.actors import Actor, Refused
from qmailpanel.ledger.models import Noun, Verb
from qmailpanel.ledger.services import ledger_locked, record


def refuse_more(actor: Actor, domain: Domain, rights: Rights) -> None:
    """Nobody grants more than they have."""
    require(actor, domain, Right.GRANTING)
    person = find_person(actor)
    beyond = rights - rights_of(person, domain) if person else NONE
    if beyond:
        raise NotAllowed(
            _("You cannot grant what you may not do yourself: %(what)s."),
            "rights",
            what=in_words(beyond),
        )


def refuse_none(rights: Rights) -> Rights:
    """A grant allows something; to see is part of every one."""
    if not rights:
        raise Refused(_("Choose at least one right."), "rights")
    return rights


@ledger_locked()
def change_grant(actor: Actor, grant: Grant, rights: Rights) -> Grant:
    """Other rights, neither those before nor those after more than one's own."""
    grant = _reread(grant)
    before = read_rights(grant.rights)
    _refuse_own(actor, grant)
    refuse_more(actor, grant.domain, before | refuse_none(rights))
    if rights != before:
        grant.rights = in_order(rights)
        grant.save(update_fields=["rights"])
        _say(actor, Verb.CHANGED, grant.user, grant.domain, before, rights)
    return grant


@ledger_locked()
def revoke(actor: Actor, grant: Grant) -> None:
    """All rights in the domain are gone, in open sessions too. Anybody may leave by themselves."""
    grant = _reread(grant)
    before = read_rights(grant.rights)
    if actor.user_id != grant.user_id:
        refuse_more(actor, grant.domain, before)
    grant.delete()
    _say(actor, Verb.REVOKED, grant.user, grant.domain, before, NONE)


def _reread(grant: Grant) -> Grant:
    found = Grant.objects.select_related("user", "domain").filter(pk=grant.pk).first()
    if found is None:
        raise Refused(_("This person no longer looks after the domain."))
    return found


def give(actor: Actor, user: User, domain: Domain, rights: Rights) -> Grant:
    """In the caller's transaction and by its leave: these rights, and those there were."""
    grant = Grant.objects.filter(user=user, domain=domain).first() or Grant(
        user=user, domain=domain, rights=[]
    )
    before = read_rights(grant.rights)
    grant.rights = in_order(before | rights)
    grant.save()
    _say(actor, Verb.GRANTED, user, domain, before, before | rights)
    return grant


def _refuse_own(actor: Actor, grant: Grant) -> None:
    if actor.user_id == grant.user_id:
        raise NotAllowed(_("Nobody changes their own rights. Ask somebody else who may."))


def _say(
    actor: Actor, verb: Verb, user: User, domain: Domain, before: Rights, after: Rights
) -> None:
    said = {"before": {"rights": in_order(before)}, "after": {"rights": in_order(after)}}
    record(actor, verb, Noun.PERSON, str(user), domain=domain.pk, **said)  # type: ignore[arg-type]
