"""What the password of a mailbox opens."""

from __future__ import annotations

from django.utils.translation import gettext_noop as _

from qmailpanel.domains.access.deed import deed
from qmailpanel.domains.access.rights import Right
from qmailpanel.domains.models import Address
from qmailpanel.ledger.actors import Actor, Refused
from qmailpanel.mailboxes.owners import end_sessions

SWITCHES = ("imap", "pop3", "sending", "panel")


def change_switches(actor: Actor, address: Address, **wanted: bool) -> Address:
    """Whether it opens by IMAP, by POP3, for sending, and the panel; what is not named stays."""
    given = {name: wanted[name] for name in SWITCHES if name in wanted}
    with deed(actor, address, Right.SWITCHING) as act:
        act.guard.address(address.local)
        mailbox = address.mailbox
        closes_panel = mailbox.panel and given.get("panel") is False
        if mailbox.must_change and closes_panel:
            raise Refused(_("The owner has to choose another password here first."), "panel")
        act.change(mailbox, **given)
        if closes_panel:
            end_sessions(mailbox)
    return address
