"""Alias domains: further names for the addresses of a domain. Their changes are the domain's."""

from __future__ import annotations

from django.utils.translation import gettext_noop as _

from qmailpanel.domains.access.deed import Deed, deed
from qmailpanel.domains.access.rights import NotAllowed, Right
from qmailpanel.domains.changes import refuse_removed
from qmailpanel.domains.models import Claim, Domain
from qmailpanel.domains.routes.pointers import refuse_pointed_to
from qmailpanel.domains.routes.references import find_references
from qmailpanel.domains.routes.rings import refuse_rings
from qmailpanel.ledger.actors import Actor
from qmailpanel.ledger.models import Verb
from qmailpanel.ledger.services import upcoming
from qmailpanel.qmail import names

from .claims import free_name, refuse_routed
from .leaving import refuse_below


def add_alias_domain(
    actor: Actor, domain: Domain, name: names.DomainName, *, is_routed_to_it: bool = False
) -> Claim:
    """One more name for the domain's addresses; a removed one of this domain comes back.

    `is_routed_to_it`: a line of the host that is not ours routes its mail to this very domain.
    """
    with deed(actor, domain, by_operator=True) as act:
        if not is_routed_to_it:
            refuse_routed(name)
        old = domain.names.aliases().filter(name=name, removed=True).first()
        if old is not None:
            _restore(act, old)
            return old
        free_name(name)
        alias = Claim.objects.create(name=name, domain=domain, change_id=upcoming())
        act.record(Verb.ADDED, alias, after={"domain": domain.name})
        _allow(act, name)
    return alias


def remove_alias_domain(actor: Actor, alias: Claim, *, despite_pointers: bool = False) -> Claim:
    """Refuse mail to that name; asks first where anybody delivers to it."""
    with deed(actor, alias, Right.NAMES, removed=True) as act:
        refuse_removed(act.domain)
        act.guard.name(alias.name)
        if not (alias.removed or despite_pointers):
            references = find_references(act.domain, [alias.name])
            refuse_pointed_to(alias.name, references, actor)
        if not alias.removed:
            alias.refuses, alias.refuses_until = True, None
        act.change(alias, Verb.REMOVED, removed=True)
    return alias


def restore_alias_domain(actor: Actor, alias: Claim) -> Claim:
    """Undo a removal, unless somebody else has the name by now."""
    with deed(actor, alias, Right.NAMES, removed=True) as act:
        refuse_removed(act.domain)
        if alias.removed:
            _refuse_undo(act, alias)
            refuse_routed(alias.name)
            if not alias.claims:
                free_name(alias.name)
            _restore(act, alias, claims=True)
    return alias


def _restore(act: Deed, alias: Claim, **wanted: bool) -> None:
    alias.refuses, alias.refuses_until = False, None
    act.change(alias, Verb.RESTORED, removed=False, **wanted)
    _allow(act, alias.name)


def _allow(act: Deed, name: str) -> None:
    """The domain has one name more."""
    refuse_rings(act.domain, [name])
    if act.domain.subdomains:
        refuse_below(act, [name])


def _refuse_undo(act: Deed, alias: Claim) -> None:
    """Whose a name is was decided once; only who removed it brings it back without asking anew."""
    if act.admin is None:
        return
    if not alias.claims or alias.change.actor_id != act.admin.pk:
        raise NotAllowed(
            _("Somebody else removed %(name)s. Ask for it anew, or ask the operator."),
            name=alias.name,
        )
    act.guard.name(alias.name)
