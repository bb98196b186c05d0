"""`manage.py mail`: mailboxes and their aliases, in Plesk's syntax."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping

from qmailpanel.aliases.services import add_alias, change_alias, remove_alias
from qmailpanel.domains.models import Address, Domain, Kind
from qmailpanel.domains.routes import pointers_to
from qmailpanel.ledger.services import COMMAND, ledger_locked
from qmailpanel.mailboxes.services import (
    add_mailbox,
    change_mailbox,
    remove_mailbox,
    set_password,
)
from qmailpanel.qmail.names import AliasLocal, Destination, LocalPart
from qmailpanel.qmail.passwd import weakness
from qmailpanel.sync.plesk import Misuse, PleskCommand, Request, find_domain


class Command(PleskCommand):
    help = "Add, change or remove a mailbox and its aliases, in Plesk's syntax."
    usage = (
        "manage.py mail --create NAME@DOMAIN [-mailbox true] [-passwd ''] [-description TEXT]\n"
        "                                    [-aliases add:A,B]\n"
        "manage.py mail --update NAME@DOMAIN [-passwd ''] [-description TEXT]\n"
        "                                    [-aliases add:A,B|del:A,B]\n"
        "manage.py mail --remove NAME@DOMAIN\n"
        "The password is taken from PSA_PASSWORD in the environment."
    )
    takes = {
        "aliases",
        "description",
        "mailbox",
        "passwd",
        "passwd-type",
    }
    ignores = {
        "antivirus",
        "cp-access",
        "dns",
        "hosting",
        "ip",
        "multiple-sessions",
        "notify",
        "owner",
    }

    def verbs(self) -> Mapping[str, Callable[[Request], None]]:
        return {"create": self.create, "update": self.update, "remove": self.remove}

    def create(self, request: Request) -> None:
        local, domain = _split(request.name)
        _refuse_unsupported(request)
        password = self.password(request, domain) or ""
        with ledger_locked():
            comment = request.options.get("description", "")
            mailbox = add_mailbox(
                COMMAND, domain, LocalPart(local), password=password, comment=comment
            )
            aliases = list(_change_aliases(mailbox, request.options.get("aliases")))
        self.finish([mailbox, *aliases], f"Creation of mailname '{mailbox}' complete")

    def update(self, request: Request) -> None:
        address = _find(request.name)
        _refuse_unsupported(request)
        password = self.password(request, address.domain)
        with ledger_locked():
            _change_comment(address, request.options.get("description"))
            if password is not None:
                set_password(COMMAND, _mailbox(address), password=password)
            aliases = list(_change_aliases(address, request.options.get("aliases")))
        self.finish([address, *aliases], f"Update of mailname '{address}' complete")

    def remove(self, request: Request) -> None:
        address = _find(request.name)
        if address.kind == Kind.ALIAS:
            remove_alias(COMMAND, address)
        else:
            pointers = pointers_to(address, COMMAND)
            remove_mailbox(COMMAND, address, despite_pointers=True)
            if pointers:
                self.note(
                    f"These still deliver to {address}: {', '.join(pointers)}. "
                    f"Mail to those that deliver nowhere else bounces."
                )
        self.finish([address], f"Removal of '{address}' complete")

    def password(self, request: Request, domain: Domain) -> str | None:
        """PSA_PASSWORD before -passwd, which every user of the host can read in ps(1)."""
        given = request.options.get("passwd")
        is_asked = given is not None or request.verb == "create" or not request.options
        found = (os.environ.get("PSA_PASSWORD") if is_asked else None) or given
        if found and found == given:
            self.note("A password on the command line is no secret: use PSA_PASSWORD instead.")
        if found and (why := weakness(found, [request.name, domain.name])):
            self.note(f"Warning: the password is weak. {why}")
        return found


def _refuse_unsupported(request: Request) -> None:
    if request.flag("mailbox") is False:
        raise Misuse("-mailbox false means nothing here: an address is a mailbox or an alias.")
    if request.options.get("passwd-type", "plain") != "plain":
        raise Misuse("The option -passwd_type knows only plain.")


def _split(text: str) -> tuple[str, Domain]:
    local, at, domain = text.rpartition("@")
    if not at:
        raise Misuse("Write the whole address, as biliards@pandle.net.")
    return local, find_domain(domain)


def _find(text: str) -> Address:
    local, domain = _split(text)
    address = domain.addresses.filter(local=LocalPart(local), removed=False).first()
    if address is None:
        raise Misuse(f"Mailname '{text}' does not exist.")
    return address


def _mailbox(address: Address) -> Address:
    if address.kind != Kind.MAILBOX:
        raise Misuse(f"{address} is an alias and has no password.")
    return address


def _change_comment(address: Address, comment: str | None) -> None:
    change = change_alias if address.kind == Kind.ALIAS else change_mailbox
    change(COMMAND, address, comment=comment)


def _change_aliases(address: Address, text: str | None) -> Iterator[Address]:
    """`add:a,b` or `del:a,b`: local parts that deliver to this address, or no longer do."""
    if text is None:
        return
    verb, _, listed = text.partition(":")
    if verb not in {"add", "del"} or not listed:
        raise Misuse("The option -aliases wants add:a,b or del:a,b.")
    for local in map(AliasLocal, listed.split(",")):
        yield _add_alias(address, local) if verb == "add" else _drop_alias(address, local)


def _add_alias(address: Address, local: AliasLocal) -> Address:
    return add_alias(COMMAND, address.domain, local, [Destination(str(address))])


def _drop_alias(address: Address, local: AliasLocal) -> Address:
    """Other destinations of the alias stay."""
    aliases = address.domain.addresses.filter(kind=Kind.ALIAS, removed=False)
    alias = aliases.filter(local=local, destinations__target=str(address)).first()
    if alias is None:
        raise Misuse(f"{local}@{address.domain} does not deliver to {address}.")
    targets = [there.target for there in alias.destinations.all()]
    others = [Destination(target) for target in targets if target != str(address)]
    if others:
        return change_alias(COMMAND, alias, destinations=others)
    return remove_alias(COMMAND, alias)
