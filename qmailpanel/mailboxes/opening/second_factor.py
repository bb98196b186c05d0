"""The second factor of an owner who lost it."""

from __future__ import annotations

from qmailpanel.accounts.factors import delete_factors
from qmailpanel.domains.access.deed import deed
from qmailpanel.domains.access.rights import Right
from qmailpanel.domains.models import Address
from qmailpanel.ledger.actors import Actor
from qmailpanel.ledger.models import Noun, Verb
from qmailpanel.mailboxes.owners import end_sessions


def remove_second_factor(actor: Actor, address: Address) -> None:
    """The owner signs in anew, with the password alone: whoever found the phone is out."""
    with deed(actor, address, Right.PASSWORDS) as act:
        act.guard.address(address.local)
        mailbox = address.mailbox
        names = delete_factors(mailbox.owner) if mailbox.owner else []
        if names:
            end_sessions(mailbox)
        for name in names:
            act.record(Verb.REMOVED, noun=Noun.FACTOR, target=name)
