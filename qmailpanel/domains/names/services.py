"""Alias domains: further names for the addresses of a domain. Their changes are the domain's."""

from __future__ import annotations

from django.utils.translation import gettext_noop as _

from qmailpanel.domains.access.guard import guard_name
from qmailpanel.domains.access.rights import (
    NotAllowed,
    Right,
    find_person,
    require,
    require_operator,
)
from qmailpanel.domains.changes import amend, log, refuse_removed, reread, stamp
from qmailpanel.domains.models import Claim, Domain
from qmailpanel.ledger.actors import Actor
from qmailpanel.ledger.models import Verb
from qmailpanel.ledger.services import ledger_locked, upcoming
from qmailpanel.qmail import names

from .claims import free_name, refuse_routed


@ledger_locked()
def add_alias_domain(
    actor: Actor, domain: Domain, name: names.DomainName, *, is_routed_to_it: bool = False
) -> Claim:
    """One more name for the domain's addresses; a removed one of this domain comes back.

    `is_routed_to_it`: a line of the host that is not ours routes its mail to this very domain.
    """
    require_operator(actor)
    reread(domain)
    refuse_removed(domain)
    if not is_routed_to_it:
        refuse_routed(name)
    old = domain.names.aliases().filter(name=name, removed=True).first()
    if old is not None:
        amend(actor, Verb.RESTORED, old, removed=False)
        return old
    free_name(name)
    alias = Claim(name=name, domain=domain, change_id=upcoming())
    stamp(log(actor, Verb.ADDED, alias, before={}, after={"domain": domain.name}), alias)
    return alias


@ledger_locked()
def remove_alias_domain(actor: Actor, alias: Claim) -> Claim:
    """Refuse mail to that name; no mail is kept under it, so nothing is asked."""
    reread(alias)
    require(actor, alias.domain, Right.NAMES)
    refuse_removed(alias.domain)
    amend(actor, Verb.REMOVED, alias, removed=True)
    return alias


@ledger_locked()
def restore_alias_domain(actor: Actor, alias: Claim) -> Claim:
    """Undo a removal, unless somebody else has the name by now."""
    reread(alias)
    require(actor, alias.domain, Right.NAMES)
    refuse_removed(alias.domain)
    if alias.removed:
        _refuse_undo(actor, alias)
        refuse_routed(alias.name)
        if not alias.claims:
            free_name(alias.name)
        amend(actor, Verb.RESTORED, alias, removed=False, claims=True)
    return alias


def _refuse_undo(actor: Actor, alias: Claim) -> None:
    """Whose a name is was decided once; only who removed it brings it back without asking anew."""
    person = find_person(actor)
    if person is None or person.is_operator:
        return
    if not alias.claims or alias.change.actor_id != person.pk:
        raise NotAllowed(
            _("Somebody else removed %(name)s. Ask for it anew, or ask the operator."),
            name=alias.name,
        )
    guard_name(actor, alias.name)
