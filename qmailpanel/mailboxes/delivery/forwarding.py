"""Where the mail of a mailbox goes besides, or instead."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils.translation import gettext_noop as _

from qmailpanel.domains.access.guard import guard_sign_in
from qmailpanel.domains.access.limits import refuse_many
from qmailpanel.domains.access.rights import Right, refuse_outside
from qmailpanel.domains.addresses import services as addresses
from qmailpanel.domains.changes import log, stamp
from qmailpanel.domains.models import Address, Destination, OwnItem
from qmailpanel.domains.routes.hops import settle_targets
from qmailpanel.ledger.actors import Actor, Refused
from qmailpanel.ledger.models import Verb
from qmailpanel.ledger.services import ledger_locked
from qmailpanel.mailboxes.models import Mailbox
from qmailpanel.mailboxes.owners import require_own
from qmailpanel.mailboxes.services import mailbox_of
from qmailpanel.qmail import names

MOST = 100


def forwards_of(address: Address) -> list[str]:
    """Where the mail of a mailbox goes besides, in the order typed."""
    return [there.target for there in address.destinations.all()]


@ledger_locked()
def change_forwarding(
    actor: Actor, address: Address, *, destinations: Sequence[names.MailAddress], keeps: bool
) -> Address:
    """Forward to these addresses, none for not at all; `keeps`: a copy stays in the mailbox."""
    addresses.editable(actor, address, Right.ADDRESSES)
    guard_sign_in(actor, address.domain, address.local)
    targets = _settled(address, destinations)
    refuse_outside(actor, address.domain, set(targets) - set(forwards_of(address)))
    _write(actor, mailbox_of(address), targets, keeps=keeps or not targets)
    return address


@ledger_locked()
def change_own_forwarding(
    actor: Actor, mailbox: Mailbox, *, destinations: Sequence[names.MailAddress], keeps: bool
) -> Address:
    """The owner's; outside too, unless the domain withholds forwarding altogether."""
    require_own(actor, mailbox, OwnItem.FORWARDING)
    targets = _settled(mailbox.address, destinations)
    _write(actor, mailbox, targets, keeps=keeps or not targets)
    return mailbox.address


def _settled(address: Address, destinations: Sequence[names.MailAddress]) -> list[str]:
    targets = settle_targets(str(address), destinations)
    if len(targets) > MOST:
        raise Refused(
            _("A mailbox forwards to at most %(most)d addresses."), "destinations", most=MOST
        )
    if len(targets) > address.destinations.count():
        refuse_many(address.domain, len(targets))
    return targets


def _write(actor: Actor, mailbox: Mailbox, targets: list[str], *, keeps: bool) -> None:
    address = mailbox.address
    before = {"destinations": forwards_of(address), "keeps": mailbox.keeps}
    after = {"destinations": targets, "keeps": keeps}
    if before == after:
        return
    mailbox.keeps = keeps
    mailbox.save(update_fields=["keeps"])
    address.destinations.all().delete()
    Destination.objects.bulk_create(Destination(address=address, target=one) for one in targets)
    changed = [name for name in after if before[name] != after[name]]
    sides = {"before": before, "after": after}
    kept = {side: {name: values[name] for name in changed} for side, values in sides.items()}
    stamp(log(actor, Verb.CHANGED, address, before=kept["before"], after=kept["after"]), address)
