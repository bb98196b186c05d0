"""Where the mail of a mailbox goes besides, or instead."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils.translation import gettext_noop as _

from qmailpanel.domains.access.deed import Deed, deed
from qmailpanel.domains.access.limits import refuse_many
from qmailpanel.domains.access.rights import Right
from qmailpanel.domains.addresses.services import replace_targets
from qmailpanel.domains.changes import differing
from qmailpanel.domains.models import Address, OwnItem
from qmailpanel.domains.routes.hops import read_targets
from qmailpanel.domains.targets import targets_of
from qmailpanel.ledger.actors import Actor, Refused
from qmailpanel.ledger.models import Verb
from qmailpanel.mailboxes.models import Mailbox
from qmailpanel.mailboxes.owners import own_deed
from qmailpanel.qmail import names

MOST = 100


def change_forwarding(
    actor: Actor, address: Address, *, destinations: Sequence[names.MailAddress], keeps: bool
) -> Address:
    """Forward to these addresses, none for not at all; `keeps`: a copy stays in the mailbox."""
    with deed(actor, address, Right.ADDRESSES) as act:
        act.guard.address(address.local)
        before = targets_of(address)
        targets = _read_targets(address, destinations, before)
        act.refuse_outside(set(targets) - set(before))
        _write_forwards(act, address.mailbox, before, targets, keeps=keeps)
    return address


def change_own_forwarding(
    actor: Actor, mailbox: Mailbox, *, destinations: Sequence[names.MailAddress], keeps: bool
) -> Address:
    """The owner's; outside too, unless the domain withholds forwarding altogether."""
    with own_deed(actor, mailbox, OwnItem.FORWARDING) as act:
        before = targets_of(mailbox.address)
        targets = _read_targets(mailbox.address, destinations, before)
        _write_forwards(act, mailbox, before, targets, keeps=keeps)
    return mailbox.address


def _read_targets(
    address: Address, destinations: Sequence[names.MailAddress], before: Sequence[str]
) -> list[str]:
    targets = read_targets(str(address), destinations)
    if len(targets) > MOST:
        raise Refused(
            _("A mailbox forwards to at most %(most)d addresses."), "destinations", most=MOST
        )
    if len(targets) > len(before):
        refuse_many(address.domain, len(targets))
    return targets


def _write_forwards(
    act: Deed, mailbox: Mailbox, present: Sequence[str], targets: Sequence[str], *, keeps: bool
) -> None:
    """Where mail goes nowhere else, a copy stays."""
    actual = {"destinations": present, "keeps": mailbox.keeps}
    before, after = differing(actual, {"destinations": targets, "keeps": keeps or not targets})
    if "keeps" in after:
        mailbox.keeps = after["keeps"]
        mailbox.save(update_fields=["keeps"])
    if "destinations" in after:
        replace_targets(mailbox.address, targets)
        mailbox.forwards = bool(targets)
        mailbox.save(update_fields=["forwards"])
    if after:
        act.record(Verb.CHANGED, before=before, after=after)
