"""The kinds of change that are measured, each as people do it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from qmailpanel.aliases.services import add_alias, remove_alias
from qmailpanel.domains.models import Address, Domain
from qmailpanel.domains.renaming import rename_address
from qmailpanel.ledger.actors import SYSTEM
from qmailpanel.mailboxes.delivery.forwarding import change_forwarding
from qmailpanel.mailboxes.removal.services import remove_mailbox
from qmailpanel.mailboxes.services import add_mailbox, change_quota, set_password
from qmailpanel.qmail.names import AliasLocal, LocalPart, MailAddress
from qmailpanel.qmail.secrets.passwords import hash_password

OUTSIDE = MailAddress("somebody@example.com")


@dataclass(frozen=True)
class Kind:
    """`goal`: how often the floor, which is that of a mailbox added. What a change of the kind
    cannot do without: `trees` of a home, `maps` written and compiled, `files` replaced.
    """

    work: str
    goal: float | None
    trees: int = 0
    maps: int = 0
    files: int = 0


ADDED = Kind("mailbox added", 1.5, trees=1, maps=1)
PASSWORD = Kind("password set", 0.5, files=1)
QUOTA = Kind("quota changed", 0.5, files=1)
FORWARDED = Kind("forwarding changed", 0.5, files=1)
RENAMED = Kind("mailbox renamed", None, maps=1)
REMOVED = Kind("mailbox removed", 1.5, maps=1)
ALIAS = Kind("alias added", None, files=1)
KINDS = (ADDED, PASSWORD, QUOTA, FORWARDED, RENAMED, REMOVED, ALIAS)


def changes_in(domain: Domain, number: int) -> Iterator[tuple[Kind, Address]]:
    """One change of each kind, committed when it is yielded. `number`: another one each time.

    The domain has as many mailboxes and aliases afterwards; taking the alias away is left to the
    caller's next look at the host.
    """
    stored = hash_password(f"another one each time: {number}")
    box = add_mailbox(SYSTEM, domain, LocalPart(f"new{number}"))
    yield ADDED, box
    yield PASSWORD, set_password(SYSTEM, box, stored=stored)
    yield QUOTA, change_quota(SYSTEM, box, quota=number << 20)
    yield FORWARDED, change_forwarding(SYSTEM, box, destinations=[OUTSIDE], keeps=True)
    yield RENAMED, rename_address(SYSTEM, box, LocalPart(f"renamed{number}"), keep=False)
    yield REMOVED, remove_mailbox(SYSTEM, box)
    alias = add_alias(SYSTEM, domain, AliasLocal(f"alias{number}"), [OUTSIDE])
    yield ALIAS, alias
    remove_alias(SYSTEM, alias)
