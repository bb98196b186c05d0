"""Who looks after a domain, and what each may do there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.utils.translation import gettext_noop as _

from qmailpanel.accounts.models import User
from qmailpanel.domains.access.deed import Deed
from qmailpanel.domains.access.rights import (
    NONE,
    NotAllowed,
    Right,
    Rights,
    in_order,
    in_words,
    read_rights,
)
from qmailpanel.domains.models import Domain, Grant
from qmailpanel.ledger.actors import Actor, Refused
from qmailpanel.ledger.models import Noun, Verb
from qmailpanel.ledger.services import ledger_locked, record


def refuse_more(act: Deed, rights: Rights) -> None:
    """Nobody grants more than they have."""
    act.require(Right.GRANTING)
    beyond = rights - act.rights
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


def change_grant(actor: Actor, grant: Grant, rights: Rights) -> Grant:
    """Other rights, neither those before nor those after more than one's own."""
    with _grants_deed(actor, grant) as act:
        before = read_rights(grant.rights)
        _refuse_own(actor, grant)
        refuse_more(act, before | refuse_none(rights))
        if rights != before:
            grant.rights = in_order(rights)
            grant.save(update_fields=["rights"])
            _record_rights(actor, Verb.CHANGED, grant, before, rights)
    return grant


def revoke(actor: Actor, grant: Grant) -> None:
    """All rights in the domain are gone, in open sessions too. Anybody may leave by themselves."""
    with _grants_deed(actor, grant) as act:
        before = read_rights(grant.rights)
        if actor.user_id != grant.user_id:
            refuse_more(act, before)
        grant.delete()
        _record_rights(actor, Verb.REVOKED, grant, before, NONE)


@contextmanager
def _grants_deed(actor: Actor, grant: Grant) -> Iterator[Deed]:
    """In the grant's domain, with the grant as it is now. Raises Refused where it is gone."""
    with ledger_locked():
        try:
            grant.refresh_from_db(from_queryset=Grant.objects.select_related("user", "domain"))
        except Grant.DoesNotExist:
            raise Refused(_("This person no longer looks after the domain.")) from None
        yield Deed(actor, grant.domain)


def give(actor: Actor, user: User, domain: Domain, rights: Rights) -> Grant:
    """In the caller's transaction and by its leave: these rights, and those there were."""
    grant = Grant.objects.filter(user=user, domain=domain).first() or Grant(
        user=user, domain=domain, rights=[]
    )
    before = read_rights(grant.rights)
    grant.rights = in_order(before | rights)
    grant.save()
    _record_rights(actor, Verb.GRANTED, grant, before, before | rights)
    return grant


def _refuse_own(actor: Actor, grant: Grant) -> None:
    if actor.user_id == grant.user_id:
        raise NotAllowed(_("Nobody changes their own rights. Ask somebody else who may."))


def _record_rights(actor: Actor, verb: Verb, grant: Grant, before: Rights, after: Rights) -> None:
    record(
        actor,
        verb,
        Noun.PERSON,
        str(grant.user),
        domain=grant.domain_id,
        before={"rights": in_order(before)},
        after={"rights": in_order(after)},
    )
