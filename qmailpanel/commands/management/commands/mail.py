"""`manage.py mail`: mailboxes and their aliases, in Plesk's syntax."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import TypedDict

from qmailpanel.aliases.services import add_alias, change_alias, remove_alias
from qmailpanel.commands.plesk import LABEL_WIDTH, Misuse, PleskCommand, Request, find_domain
from qmailpanel.domains.models import Address, Domain, Kind
from qmailpanel.domains.renaming import rename_address
from qmailpanel.domains.routes.hops import pointers_to
from qmailpanel.domains.services import switch_domain
from qmailpanel.ledger.actors import COMMAND
from qmailpanel.ledger.services import ledger_locked
from qmailpanel.mailboxes.removal.services import remove_mailbox
from qmailpanel.mailboxes.services import (
    add_mailbox,
    change_mailbox,
    change_quota,
    has_password,
    mailbox_of,
    set_password,
    switch_mailbox,
)
from qmailpanel.qmail.names import AliasLocal, LocalPart, MailAddress
from qmailpanel.qmail.plan.steps import printable
from qmailpanel.qmail.secrets.passwords import weakness
from qmailpanel.qmail.sizes import parse_size, write_size

NO_REPLIES = "The panel has no automatic replies."
FORWARD = "Write -forwarding-addresses add:A@X,B@Y."


class Opening(TypedDict, total=False):
    """What opens a mailbox: a password or the hash of one."""

    password: str
    stored: str


class Command(PleskCommand):
    help = "Add, change, show or remove mailboxes and aliases, in Plesk's syntax."
    usage = (
        "manage.py mail --create NAME@DOMAIN [-mailbox true] [-passwd ''] [-description TEXT]\n"
        "                                    [-aliases add:A,B]\n"
        "manage.py mail --create NAME@DOMAIN -mailbox false -forwarding-addresses add:A@X,B@Y\n"
        "manage.py mail --update NAME@DOMAIN [-mailbox true|false] [-passwd '']\n"
        "                                    [-description TEXT] [-aliases add:A,B|del:A,B]\n"
        "                                    [-forwarding-addresses add:A@X|del:A@X]\n"
        "manage.py mail --remove NAME@DOMAIN\n"
        "manage.py mail --rename NAME@DOMAIN -new NAME\n"
        "manage.py mail --info NAME@DOMAIN\n"
        "manage.py mail --list [-json]\n"
        "manage.py mail --on|--off DOMAIN\n"
        "The password is taken from PSA_PASSWORD in the environment."
    )
    takes = frozenset(
        {
            "aliases",
            "description",
            "forwarding",
            "forwarding-addresses",
            "json",
            "mailbox",
            "new",
            "passwd",
            "passwd-type",
            "mbox-quota",
        }
    )
    ignores = frozenset(
        {
            "antivirus",
            "cp-access",
            "dns",
            "hosting",
            "ip",
            "multiple-sessions",
            "notify",
            "owner",
        }
    )
    refuses = {
        "autoname": NO_REPLIES,
        "autorsp": NO_REPLIES,
        "autostatus": NO_REPLIES,
        "autotext": NO_REPLIES,
        "boxpass": "Write -passwd.",
        "boxquota": "Write -mbox_quota.",
        "group": FORWARD,
        "groupmem": FORWARD,
        "mgroups": "Write -forwarding-addresses for the alias it shall be in.",
        "outgoing-messages-mbox-limit": "The panel does not count outgoing mail.",
        "rediraddr": FORWARD,
        "redirect": FORWARD,
    }

    def verbs(self) -> Mapping[str, Callable[[Request], None]]:
        return {
            "create": self.create,
            "update": self.update,
            "remove": self.remove,
            "rename": self.rename,
            "info": self.info,
            "list": self.list,
            "on": partial(self.switch, on=True),
            "off": partial(self.switch, on=False),
        }

    def create(self, request: Request) -> None:
        local, domain = _split(request.name)
        _refuse_unsupported(request)
        if request.flag("mailbox") is False:
            self.create_alias(request, domain, AliasLocal(local))
            return
        opening = self.opening(request, domain)
        with ledger_locked():
            comment = request.options.get("description", "")
            mailbox = add_mailbox(
                COMMAND,
                domain,
                LocalPart(local),
                comment=comment,
                quota=_quota(request),
                **opening,
            )
            aliases = list(_change_aliases(mailbox, request.options.get("aliases")))
        self.finish([mailbox, *aliases], f"Creation of mailname '{mailbox}' complete")

    def create_alias(self, request: Request, domain: Domain, local: AliasLocal) -> None:
        targets = _added(request.options.get("forwarding-addresses"))
        comment = request.options.get("description", "")
        alias = add_alias(COMMAND, domain, local, targets, comment=comment)
        self.finish([alias], f"Creation of mailname '{alias}' complete")

    def update(self, request: Request) -> None:
        address = _find(request.name)
        _refuse_unsupported(request)
        opening = self.opening(request, address.domain)
        with ledger_locked():
            _change_comment(address, request.options.get("description"))
            if opening:
                mailbox = _mailbox(address, " and has no password")
                set_password(COMMAND, mailbox, **opening)
            if (quota := _quota(request)) is not None:
                change_quota(COMMAND, _mailbox(address), quota=quota)
            aliases = list(_change_aliases(address, request.options.get("aliases")))
            _change_destinations(address, request.options.get("forwarding-addresses"))
            if (on := request.flag("mailbox")) is not None:
                switch_mailbox(COMMAND, _mailbox(address), on=on)
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

    def rename(self, request: Request) -> None:
        """As Plesk's, which keeps nothing of the old name; the new one may be a whole address."""
        address, old = _find(request.name), request.name
        local, at, domain = request.options.get("new", "").partition("@")
        if not local or (at and domain != address.domain.name):
            raise Misuse("Say the new name, in the same domain: -new NAME.")
        rename_address(COMMAND, address, LocalPart(local), keep=False)
        self.finish([address], f"Rename of mailname '{old}' complete")

    def info(self, request: Request) -> None:
        address = _find(request.name)
        is_mailbox = address.kind == Kind.MAILBOX
        targets = [there.target for there in address.destinations.all()]
        self.tell(
            [
                ("Mailname", address.local),
                ("Domain", address.domain),
                ("Alias(es)", " ".join(_aliases_of(address)) if is_mailbox else ""),
                ("Mailbox", is_mailbox and address.enabled),
                ("Password type", "crypt" if is_mailbox and has_password(address) else "none"),
                ("Mbox quota", _shown_quota(address)),
                ("Mailgroup", bool(targets)),
                ("Group member(s)", " ".join(targets)),
                ("Description", address.comment),
            ]
        )
        self.stdout.write(f"\nSUCCESS: Gathering information for '{address}' complete")

    def list(self, request: Request) -> None:
        """All that is not removed; JSON has Plesk's types, an alias delivers elsewhere."""
        rows = Address.objects.filter(removed=False, domain__removed=False).select_related("domain")
        types = {Kind.MAILBOX: "mailname", Kind.ALIAS: "alias"}
        found = [
            {"type": types[Kind(row.kind)], "name": str(row)}
            for row in rows.order_by("domain__name", "local")
        ]
        if request.flag("json"):
            self.stdout.write(json.dumps(found))
            return
        for one in found:
            self.stdout.write(f"{one['type']:<{LABEL_WIDTH}}{printable(one['name'])}")

    def switch(self, request: Request, *, on: bool) -> None:
        """All mail of a domain; says nothing, as Plesk's."""
        self.wait([switch_domain(COMMAND, find_domain(request.name), on=on)])

    def opening(self, request: Request, domain: Domain) -> Opening:
        """The password, or with -passwd_type crypt its hash; empty where none is given."""
        if request.options.get("passwd-type", "plain") == "crypt":
            stored = os.environ.get("PSA_PASSWORD") or request.options.get("passwd")
            return {"stored": stored} if stored else {}
        password = self.password(request, domain)
        return {} if password is None else {"password": password}

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
    if request.flag("forwarding") is False:
        raise Misuse("An alias is switched off in the panel; -forwarding false means nothing here.")
    if request.options.get("passwd-type", "plain") not in ("plain", "crypt"):
        raise Misuse("The option -passwd_type knows plain and crypt.")


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


def _quota(request: Request) -> int | None:
    """Bytes; Plesk writes -1 for no limit."""
    text = request.options.get("mbox-quota")
    return None if text is None else 0 if text == "-1" else parse_size(text)


def _shown_quota(address: Address) -> str:
    quota = mailbox_of(address).quota if address.kind == Kind.MAILBOX else 0
    return write_size(quota) if quota else "Unlimited"


def _mailbox(address: Address, why: str = ", not a mailbox") -> Address:
    if address.kind != Kind.MAILBOX:
        raise Misuse(f"{address} is an alias{why}.")
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


def _aliases_of(address: Address) -> Iterator[str]:
    """Local parts that deliver to this address."""
    aliases = address.domain.addresses.filter(kind=Kind.ALIAS, removed=False)
    found = aliases.filter(destinations__target=str(address)).order_by("local")
    yield from found.values_list("local", flat=True)


def _added(text: str | None) -> Sequence[MailAddress]:
    verb, _, listed = (text or "").partition(":")
    if verb != "add" or not listed:
        raise Misuse("Without a mailbox, say where its mail goes: -forwarding-addresses add:A@X.")
    return [MailAddress(word) for word in listed.split(",")]


def _change_destinations(address: Address, text: str | None) -> None:
    """`add:a@x,b@y` or `del:a@x`: where an alias delivers."""
    if text is None:
        return
    verb, _, listed = text.partition(":")
    if verb not in {"add", "del"} or not listed:
        raise Misuse("The option -forwarding-addresses wants add:A@X,B@Y or del:A@X.")
    if address.kind != Kind.ALIAS:
        raise Misuse(f"{address} is a mailbox; only an alias forwards.")
    named = [MailAddress(word) for word in listed.split(",")]
    there = [MailAddress(one.target) for one in address.destinations.all()]
    left = [one for one in there if one not in named]
    change_alias(COMMAND, address, destinations=left + named if verb == "add" else left)


def _add_alias(address: Address, local: AliasLocal) -> Address:
    return add_alias(COMMAND, address.domain, local, [MailAddress(str(address))])


def _drop_alias(address: Address, local: AliasLocal) -> Address:
    """Other destinations of the alias stay."""
    aliases = address.domain.addresses.filter(kind=Kind.ALIAS, removed=False)
    alias = aliases.filter(local=local, destinations__target=str(address)).first()
    if alias is None:
        raise Misuse(f"{local}@{address.domain} does not deliver to {address}.")
    targets = [there.target for there in alias.destinations.all()]
    others = [MailAddress(target) for target in targets if target != str(address)]
    if others:
        return change_alias(COMMAND, alias, destinations=others)
    return remove_alias(COMMAND, alias)
