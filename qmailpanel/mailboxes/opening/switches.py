"""What the password of a mailbox opens."""

from __future__ import annotations

from django.utils.translation import gettext_noop as _

from qmailpanel.domains.access.rights import Right
from qmailpanel.domains.addresses import services as addresses
from qmailpanel.domains.changes import log, stamp
from qmailpanel.domains.models import Address
from qmailpanel.ledger.actors import Actor, Refused
from qmailpanel.ledger.models import Verb
from qmailpanel.ledger.services import ledger_locked
from qmailpanel.mailboxes.models import Mailbox
from qmailpanel.mailboxes.owners import end_sessions

SWITCHES = ("imap", "pop3", "sending", "panel")


@ledger_locked()
def change_switches(actor: Actor, address: Address, **wanted: bool) -> Address:
    """Whether it opens by IMAP, by POP3, for sending, and the panel; what is not named stays."""
    addresses.editable(actor, address, Right.SWITCHING)
    mailbox = Mailbox.objects.select_related("owner").get(address=address)
    before = {name: getattr(mailbox, name) for name in SWITCHES if name in wanted}
    changed = {name: before[name] for name in before if before[name] != wanted[name]}
    if not changed:
        return address
    after = {name: wanted[name] for name in changed}
    if mailbox.must_change and after.get("panel") is False:
        raise Refused(_("The owner has to choose another password here first."), "panel")
    for name, value in after.items():
        setattr(mailbox, name, value)
    mailbox.save(update_fields=list(after))
    if after.get("panel") is False:
        end_sessions(mailbox)
    stamp(log(actor, Verb.CHANGED, address, before=changed, after=after), address)
    return address
