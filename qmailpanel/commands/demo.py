"""Three domains that show what the panel can do, for who has just started it."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import transaction

from qmailpanel.accounts.models import User
from qmailpanel.aliases.services import add_alias
from qmailpanel.domains.models import Address, Domain, Unknown
from qmailpanel.domains.services import add_domain, change_domain, switch_domain
from qmailpanel.ledger.actors import SYSTEM
from qmailpanel.ledger.models import Change
from qmailpanel.mailboxes.services import add_mailbox, change_mailbox, switch_mailbox
from qmailpanel.qmail.names import AliasLocal, DomainName, LocalPart, MailAddress


def is_new() -> bool:
    """Nobody has signed up and nothing has happened yet."""
    return not Change.objects.exists() and not User.objects.exists()


@transaction.atomic
def add_demo(contact: MailAddress) -> None:
    """All three or none. Mailboxes have no password: nobody knows a default one."""
    _add_pandle(contact)
    _add_shop(contact)
    _add_retired(contact)


@dataclass(frozen=True)
class _Domain:
    """A domain that is being filled."""

    row: Domain

    def mailbox(self, local: str, comment: str = "") -> Address:
        return add_mailbox(SYSTEM, self.row, LocalPart(local), comment=comment)

    def alias(self, local: str, *destinations: str, comment: str = "") -> Address:
        targets = [
            MailAddress(there if "@" in there else f"{there}@{self.row.name}")
            for there in destinations
        ]
        return add_alias(SYSTEM, self.row, AliasLocal(local), targets, comment=comment)


def _add(name: str, contact: MailAddress, description: str) -> _Domain:
    return _Domain(add_domain(SYSTEM, DomainName(name), contact=contact, description=description))


def _add_pandle(contact: MailAddress) -> None:
    """One mailbox with two more names."""
    pandle = _add("pandle.net", contact, "One mailbox, two more names for it")
    pandle.mailbox("biliards")
    pandle.alias("bilardi", "biliards")
    pandle.alias("webmaster", "biliards")


def _add_shop(contact: MailAddress) -> None:
    """Every unclaimed address is read by somebody; one mailbox rests."""
    shop = _add("shop.example", contact, "Unknown recipients go to the office")
    shop.mailbox("office", comment="Reads what nobody else gets")
    shop.mailbox("ada")
    away = shop.mailbox("brian", comment="Away until spring")
    shop.alias("orders", "office", "ada", "orders@warehouse.example")
    shop.alias("press", "agency@press.example", comment="The agency outside")
    change_domain(SYSTEM, shop.row, unknown=Unknown.MAILBOX, unknown_target="office@shop.example")
    change_mailbox(SYSTEM, away, refusal="Brian is away; write to office@shop.example.")
    switch_mailbox(SYSTEM, away, on=False)


def _add_retired(contact: MailAddress) -> None:
    """Unknown recipients are discarded, and the whole domain is off."""
    retired = _add("retired.example", contact, "Switched off; its mail is kept")
    retired.mailbox("archive")
    change_domain(SYSTEM, retired.row, unknown=Unknown.DISCARD)
    switch_domain(SYSTEM, retired.row, on=False)
