"""The options -mailbox and -forwarding: whether an address keeps mail, and where it sends it.

Plesk's two switches are one state here: a mailbox that forwards keeps a copy, or does not; an
alias does nothing but forward.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from qmailpanel.aliases.services import add_alias, change_alias, switch_alias
from qmailpanel.commands.adding import read_list
from qmailpanel.commands.plesk import Misuse, Request
from qmailpanel.domains.models import Address, Domain, Kind
from qmailpanel.domains.targets import targets_of
from qmailpanel.ledger.actors import COMMAND
from qmailpanel.mailboxes.delivery.forwarding import change_forwarding
from qmailpanel.mailboxes.services import mailbox_of, switch_mailbox
from qmailpanel.qmail.names import AliasLocal, MailAddress

SWITCHES = ("forwarding", "group", "redirect")  # the first is today's, the others are older
LISTS = ("forwarding-addresses", "groupmem")
ONE = "rediraddr"
OPTIONS = frozenset({*SWITCHES, *LISTS, ONE})
SAY_WHERE = "say where its mail goes: -forwarding-addresses add:A@X."


@dataclass(frozen=True, slots=True)
class Forwarding:
    """What a command line says of forwarding. `replaces`: nobody else gets the mail any longer."""

    on: bool | None
    added: Sequence[MailAddress] = ()
    dropped: Sequence[MailAddress] = ()
    replaces: bool = False

    @property
    def names_any(self) -> bool:
        return bool(self.added or self.dropped)

    def targets_after(self, before: Sequence[str]) -> list[MailAddress]:
        """Where mail goes that goes to these addresses now."""
        if self.replaces:
            return [*self.added]
        named = {*self.added, *self.dropped}
        return [*(MailAddress(target) for target in before if target not in named), *self.added]


def read_forwarding(request: Request) -> Forwarding:
    """Raises Misuse, and InvalidName for an address that is none."""
    flags = (request.flag(option) for option in SWITCHES)
    on = next((flag for flag in flags if flag is not None), None)
    if ONE in request.options:
        return Forwarding(on, [MailAddress(request.options[ONE])], replaces=True)
    option = next((option for option in LISTS if option in request.options), None)
    if option is None:
        return Forwarding(on)
    addresses: dict[str, list[MailAddress]] = {"add": [], "del": []}
    for verb, word in read_list(request, option, wants="add:A@X,B@Y or del:A@X"):
        addresses[verb].append(MailAddress(word))
    return Forwarding(on, addresses["add"], addresses["del"])


def create_forwarder(
    domain: Domain, local: AliasLocal, wish: Forwarding, *, comment: str
) -> Address:
    """An address without a mailbox: an alias."""
    if not wish.added:
        raise Misuse(f"Without a mailbox, {SAY_WHERE}")
    alias = add_alias(COMMAND, domain, local, wish.added, comment=comment)
    if wish.on is False:
        switch_alias(COMMAND, alias, on=False)
    return alias


def change_delivery(address: Address, wish: Forwarding, *, mailbox: bool | None) -> None:
    """Forward as wished; `mailbox`: whether mail is kept here, None as before."""
    if address.kind == Kind.ALIAS:
        _change_alias(address, wish, mailbox=mailbox)
    else:
        _change_mailbox(address, wish, mailbox=mailbox)


def _change_alias(address: Address, wish: Forwarding, *, mailbox: bool | None) -> None:
    if mailbox is not None:
        raise Misuse(f"{address} is an alias, not a mailbox.")
    if wish.names_any:
        targets = wish.targets_after(targets_of(address))
        change_alias(COMMAND, address, destinations=targets)
    if wish.on is not None:
        switch_alias(COMMAND, address, on=wish.on)


def _change_mailbox(address: Address, wish: Forwarding, *, mailbox: bool | None) -> None:
    """One that shall neither keep its mail nor forward it is switched off."""
    keeps = mailbox_of(address).keeps if mailbox is None else mailbox
    targets = _targets_of_mailbox(address, wish)
    if wish.on is not None or wish.names_any or (targets and mailbox is not None):
        change_forwarding(COMMAND, address, destinations=targets, keeps=keeps)
    if mailbox is not None or not (keeps or targets):
        switch_mailbox(COMMAND, address, on=keeps or bool(targets))


def _targets_of_mailbox(address: Address, wish: Forwarding) -> list[MailAddress]:
    if wish.on is False and wish.names_any:
        raise Misuse(
            f"{address} is a mailbox, which keeps no addresses it does not forward to: "
            "leave out -forwarding false, or the addresses."
        )
    targets = [] if wish.on is False else wish.targets_after(targets_of(address))
    if wish.on and not targets:
        raise Misuse(f"To forward mail to {address}, {SAY_WHERE}")
    return targets
