"""Removal of addresses by a command: what other domains deliver to goes only by force."""

from __future__ import annotations

from qmailpanel.aliases.services import remove_alias
from qmailpanel.commands.plesk import Request
from qmailpanel.domains.models import Address, Kind
from qmailpanel.domains.routes.pointers import name_pointers, references_to, refuse_pointed_to
from qmailpanel.ledger.actors import COMMAND
from qmailpanel.ledger.services import ledger_locked
from qmailpanel.mailboxes.removal.services import remove_mailbox


def remove_address(request: Request, address: Address) -> list[str]:
    """Remove it and return what still delivers there. Raises StillPointedTo."""
    with ledger_locked():
        references = references_to(address)
        if not request.force:
            others = [row for row in references if row.domain != address.domain]
            refuse_pointed_to(str(address), others, COMMAND)
        remove = remove_alias if address.kind == Kind.ALIAS else remove_mailbox
        remove(COMMAND, address, despite_pointers=True)
        return name_pointers(references, COMMAND)
