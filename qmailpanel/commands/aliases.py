"""The option -aliases: local parts that deliver to an address."""

from __future__ import annotations

from collections.abc import Iterator

from qmailpanel.aliases.services import add_alias, change_alias
from qmailpanel.commands.adding import read_list
from qmailpanel.commands.plesk import Misuse, Request
from qmailpanel.commands.removal import remove_address
from qmailpanel.domains.models import Address
from qmailpanel.domains.routes.pointers import aliases_to, references_to
from qmailpanel.domains.targets import targets_of
from qmailpanel.ledger.actors import COMMAND
from qmailpanel.qmail.names import AliasLocal, MailAddress


def change_aliases(request: Request, address: Address) -> Iterator[Address]:
    """These deliver to the address from now on, or no longer."""
    if "aliases" not in request.options:
        return
    for verb, word in read_list(request, "aliases", wants="add:a,b or del:a,b"):
        local = AliasLocal(word)
        if verb == "add":
            yield add_alias(COMMAND, address.domain, local, [MailAddress(str(address))])
        else:
            yield _drop_alias(request, address, local)


def aliases_of(address: Address) -> Iterator[str]:
    """Local parts that deliver to this address."""
    for alias in aliases_to(address, references_to(address)):
        yield alias.local


def _drop_alias(request: Request, address: Address, local: AliasLocal) -> Address:
    """Other destinations of the alias stay."""
    references = references_to(address)
    aliases = {alias.local: alias for alias in aliases_to(address, references)}
    alias = aliases.get(local)
    if alias is None:
        raise Misuse(f"{local}@{address.domain} does not deliver to {address}.")
    named = {reference.target for reference in references}
    others = [MailAddress(target) for target in targets_of(alias) if target not in named]
    if others:
        return change_alias(COMMAND, alias, destinations=others)
    remove_address(request, alias)
    return alias
