"""The option -aliases: local parts that deliver to an address."""

from __future__ import annotations

from collections.abc import Iterator

from qmailpanel.aliases.services import add_alias, change_alias, remove_alias
from qmailpanel.commands.plesk import Misuse
from qmailpanel.domains.models import Address, AddressQuerySet, Kind
from qmailpanel.ledger.actors import COMMAND
from qmailpanel.qmail.names import AliasLocal, MailAddress


def change_aliases(address: Address, text: str | None) -> Iterator[Address]:
    """`add:a,b` or `del:a,b`: these deliver to the address from now on, or no longer."""
    if text is None:
        return
    verb, _, locals_ = text.partition(":")
    if verb not in {"add", "del"} or not locals_:
        raise Misuse("The option -aliases wants add:a,b or del:a,b.")
    for local in map(AliasLocal, locals_.split(",")):
        yield _add_alias(address, local) if verb == "add" else _drop_alias(address, local)


def aliases_of(address: Address) -> Iterator[str]:
    """Local parts that deliver to this address."""
    yield from _pointing_to(address).order_by("local").values_list("local", flat=True)


def _pointing_to(address: Address) -> AddressQuerySet:
    aliases = address.domain.addresses.filter(kind=Kind.ALIAS, removed=False)
    return aliases.filter(destinations__target=str(address))


def _add_alias(address: Address, local: AliasLocal) -> Address:
    return add_alias(COMMAND, address.domain, local, [MailAddress(str(address))])


def _drop_alias(address: Address, local: AliasLocal) -> Address:
    """Other destinations of the alias stay."""
    alias = _pointing_to(address).filter(local=local).first()
    if alias is None:
        raise Misuse(f"{local}@{address.domain} does not deliver to {address}.")
    targets = [destination.target for destination in alias.destinations.all()]
    others = [MailAddress(target) for target in targets if target != str(address)]
    if others:
        return change_alias(COMMAND, alias, destinations=others)
    return remove_alias(COMMAND, alias)
