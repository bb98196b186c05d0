"""Who looks after which domains, and what each may do there: all that is asked for, or nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from django.utils.translation import gettext_noop as _

from qmailpanel.accounts.models import User
from qmailpanel.among import AMONG
from qmailpanel.domains.access.rights import NONE, NotAllowed, Rights, in_order, read_rights
from qmailpanel.domains.models import Domain, Grant, GrantQuerySet
from qmailpanel.ledger.actors import Actor, Refused
from qmailpanel.ledger.models import Noun, Verb
from qmailpanel.ledger.services import Sides, ledger_locked, record_among

from .granting import (
    Granting,
    refuse_flood,
    refuse_holders,
    refuse_no_domain,
    refuse_none,
    refuse_off,
)


def grant_rights(
    actor: Actor, user: User, domains: Iterable[Domain], rights: Rights
) -> list[Domain]:
    """Somebody whom one knows already looks after these domains too. The same, by their names."""
    with ledger_locked():
        granting = Granting.by(actor)
        found = granting.over(domains, refuse_none(rights))
        granting.refuse_own(user)
        _refuse_unknown(granting, user)
        refuse_off(user)
        refuse_holders(user.email, found)
        if not granting.is_free:
            many = Refused(_("You added domains very often. Go on in an hour."), "domains")
            refuse_flood(actor, Verb.GRANTED, Noun.PERSON, many)
        give(actor, user, dict.fromkeys(found, rights), by=actor.name)
    return found


def _refuse_unknown(granting: Granting, user: User) -> None:
    """Whoever shares no domain with somebody does not learn here that they are known."""
    if granting.is_free or granting.person is None:
        return
    if not Grant.objects.for_user(granting.person).filter(user=user).exists():
        raise NotAllowed(_("You no longer share a domain with this person. Send an invitation."))


def change_rights(actor: Actor, user: User, domains: Iterable[Domain], rights: Rights) -> None:
    """Other rights in these domains, neither those before nor those after more than one's own."""
    with ledger_locked():
        granting = Granting.by(actor)
        grants = _read_grants(user, domains)
        granting.refuse_own(user)
        for grant in grants:
            granting.require(_rights_of(grant) | refuse_none(rights), grant.domain)
        changed = [grant for grant in grants if _rights_of(grant) != rights]
        _among(changed).update(rights=in_order(rights))
        _record(actor, Verb.CHANGED, user, [(grant, rights) for grant in changed])


def revoke_rights(actor: Actor, user: User, domains: Iterable[Domain]) -> None:
    """All rights in these domains are gone, in open sessions too. Anybody may leave."""
    with ledger_locked():
        granting = Granting.by(actor)
        grants = _read_grants(user, domains)
        for grant in grants if actor.user_id != user.pk else []:
            granting.require(_rights_of(grant), grant.domain)
        _among(grants).delete()
        _record(actor, Verb.REVOKED, user, [(grant, NONE) for grant in grants])


def _read_grants(user: User, domains: Iterable[Domain]) -> list[Grant]:
    """The person's grants as they are now. Raises Refused where one is gone."""
    names = {domain.pk: domain.name for domain in domains}
    refuse_no_domain(names)
    theirs = Grant.objects.filter(user=user, **{f"domain__pk{AMONG}": set(names)})
    grants = list(theirs.select_related("domain").order_by("domain__name"))
    gone = names.keys() - {grant.domain_id for grant in grants}
    if gone:
        missing = ", ".join(sorted(names[key] for key in gone))
        raise Refused(_("This person no longer looks after %(domains)s."), domains=missing)
    return grants


def _among(grants: Sequence[Grant]) -> GrantQuerySet:
    return Grant.objects.filter(**{f"pk{AMONG}": {grant.pk for grant in grants}})


def give(actor: Actor, user: User, offered: Mapping[Domain, Rights], *, by: str) -> None:
    """In the caller's transaction and by its leave: these rights, and those there were."""
    keys = {domain.pk for domain in offered}
    theirs = Grant.objects.filter(user=user, **{f"domain__pk{AMONG}": keys})
    held = {grant.domain_id: grant for grant in theirs}
    grants = [
        held.get(domain.pk) or Grant(user=user, domain=domain, rights=[], by=by)
        for domain in offered
    ]
    wanted = [
        (grant, _rights_of(grant) | rights)
        for grant, rights in zip(grants, offered.values(), strict=True)
    ]
    _record(actor, Verb.GRANTED, user, wanted)
    for grant, rights in wanted:
        grant.rights = in_order(rights)
    Grant.objects.bulk_create(one for one in grants if one.domain_id not in held)
    Grant.objects.bulk_update(held.values(), ["rights"])


def _record(actor: Actor, verb: Verb, user: User, wanted: Iterable[tuple[Grant, Rights]]) -> None:
    """A line for each domain; the grants still say what there was before."""
    told: dict[int | None, Sides] = {
        grant.domain_id: ({"rights": in_order(_rights_of(grant))}, {"rights": in_order(rights)})
        for grant, rights in wanted
    }
    record_among(actor, verb, Noun.PERSON, str(user), told)


def _rights_of(grant: Grant) -> Rights:
    return read_rights(grant.rights)
