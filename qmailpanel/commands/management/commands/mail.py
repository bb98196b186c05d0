"""`manage.py mail`: mailboxes and their aliases, in Plesk's syntax."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import partial

from qmailpanel.aliases.services import change_alias
from qmailpanel.commands.aliases import aliases_of, change_aliases
from qmailpanel.commands.find import find_address, find_domain, split_address
from qmailpanel.commands.forwarding import OPTIONS as FORWARDING
from qmailpanel.commands.forwarding import change_delivery, create_forwarder, read_forwarding
from qmailpanel.commands.passwords import read_opening
from qmailpanel.commands.plesk import LABEL_WIDTH, Misuse, PleskCommand, Request
from qmailpanel.commands.removal import remove_address
from qmailpanel.commands.replies import (
    ANSWERS_ALL,
    ATTACHES_NOTHING,
    FROM_ITSELF,
    REDIRECT,
    Spelling,
    change_reply_as,
)
from qmailpanel.domains.models import Address, Kind
from qmailpanel.domains.renaming import rename_address
from qmailpanel.domains.services import switch_domain
from qmailpanel.domains.targets import targets_of
from qmailpanel.ledger.actors import COMMAND
from qmailpanel.ledger.services import ledger_locked
from qmailpanel.mailboxes.delivery.replies import reply_of
from qmailpanel.mailboxes.models import Mailbox
from qmailpanel.mailboxes.services import (
    add_mailbox,
    change_mailbox,
    change_quota,
    mailbox_of,
    set_password,
)
from qmailpanel.qmail.names import AliasLocal, LocalPart
from qmailpanel.qmail.plan.steps import printable
from qmailpanel.qmail.sizes import parse_size, write_size

REPLY = Spelling(["autorsp", "autostatus"], "autosubj", "autotext", "autofrq")


class Command(PleskCommand):
    help = "Add, change, show or remove mailboxes and aliases, in Plesk's syntax."
    usage = (
        "manage.py mail --create NAME@DOMAIN [-mailbox true] [-passwd ''] [-description TEXT]\n"
        "                                    [-aliases add:A,B]\n"
        "                                    [-forwarding-addresses add:A@X,B@Y]\n"
        "manage.py mail --create NAME@DOMAIN -mailbox false -forwarding-addresses add:A@X,B@Y\n"
        "manage.py mail --update NAME@DOMAIN [-mailbox true|false] [-passwd '']\n"
        "                                    [-description TEXT] [-aliases add:A,B|del:A,B]\n"
        "                                    [-forwarding true|false]\n"
        "                                    [-forwarding-addresses add:A@X|del:A@X]\n"
        "                                    [-autostatus true|false] [-autosubj TEXT]\n"
        "                                    [-autotext TEXT]\n"
        "manage.py mail --remove NAME@DOMAIN [-force]\n"
        "manage.py mail --rename NAME@DOMAIN -new NAME\n"
        "manage.py mail --info NAME@DOMAIN\n"
        "manage.py mail --list [-json]\n"
        "manage.py mail --on|--off DOMAIN\n"
        "The password is taken from PSA_PASSWORD in the environment."
    )
    takes = FORWARDING | {
        *REPLY.options,
        "aliases",
        "description",
        "force",
        "json",
        "mailbox",
        "mbox-quota",
        "new",
        "passwd",
        "passwd-type",
    }
    ignores = frozenset(
        {
            "antivirus",
            "autoname",
            "autostor",
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
        "auto-replyto": FROM_ITSELF,
        "autoatch": ATTACHES_NOTHING,
        "autored": REDIRECT,
        "autoreq": ANSWERS_ALL,
        "boxpass": "Write -passwd.",
        "boxquota": "Write -mbox_quota.",
        "mgroups": "Write -forwarding-addresses for the alias it shall be in.",
        "outgoing-messages-mbox-limit": "The panel does not count outgoing mail.",
        "repo": ATTACHES_NOTHING,
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
        local, domain = split_address(request.name)
        forwarding, comment = read_forwarding(request), request.options.get("description", "")
        opening = read_opening(request, domain, self.notice)
        with ledger_locked():
            if request.flag("mailbox") is False:
                made = create_forwarder(domain, AliasLocal(local), forwarding, comment=comment)
            else:
                made = add_mailbox(
                    COMMAND,
                    domain,
                    LocalPart(local),
                    comment=comment,
                    quota=_quota(request),
                    **opening,
                )
                change_delivery(made, forwarding, mailbox=None)
            change_reply_as(request, made, REPLY)
            aliases = list(change_aliases(request, made))
        self.finish([made, *aliases], f"Creation of mailname '{made}' complete")

    def update(self, request: Request) -> None:
        address = find_address(request.name)
        forwarding = read_forwarding(request)
        opening = read_opening(request, address.domain, self.notice)
        with ledger_locked():
            _change_comment(address, request.options.get("description"))
            if opening:
                mailbox = _require_mailbox(address, " and has no password")
                set_password(COMMAND, mailbox, **opening)
            if (quota := _quota(request)) is not None:
                change_quota(COMMAND, _require_mailbox(address), quota=quota)
            aliases = list(change_aliases(request, address))
            change_delivery(address, forwarding, mailbox=request.flag("mailbox"))
            change_reply_as(request, address, REPLY)
        self.finish([address, *aliases], f"Update of mailname '{address}' complete")

    def remove(self, request: Request) -> None:
        address = find_address(request.name)
        pointers = remove_address(request, address)
        if pointers:
            self.notice(
                f"These still deliver to {address}: {', '.join(pointers)}. "
                f"Mail to those that deliver nowhere else bounces."
            )
        self.finish([address], f"Removal of '{address}' complete")

    def rename(self, request: Request) -> None:
        """As Plesk's, which keeps nothing of the old name; the new one may be a whole address."""
        address, old = find_address(request.name), request.name
        local, at, domain = request.options.get("new", "").partition("@")
        if not local or (at and domain != address.domain.name):
            raise Misuse("Say the new name, in the same domain: -new NAME.")
        rename_address(COMMAND, address, LocalPart(local), keep=False)
        self.finish([address], f"Rename of mailname '{old}' complete")

    def info(self, request: Request) -> None:
        address = find_address(request.name)
        mailbox = mailbox_of(address) if address.kind == Kind.MAILBOX else None
        targets, has_password = targets_of(address), bool(mailbox and mailbox.password)
        answers = mailbox is not None and reply_of(mailbox).on
        self.show(
            [
                ("Mailname", address.local),
                ("Domain", address.domain),
                ("Alias(es)", " ".join(aliases_of(address)) if mailbox else ""),
                ("Mailbox", bool(mailbox and mailbox.keeps and address.enabled)),
                ("Password type", "crypt" if has_password else "none"),
                ("Mbox quota", _shown_quota(mailbox)),
                ("Mailgroup", bool(targets)),
                ("Group member(s)", " ".join(targets)),
                ("Autoresponders", "Enabled" if answers else "Disabled"),
                ("Description", address.comment),
            ]
        )
        self.stdout.write(f"\nSUCCESS: Gathering information for '{address}' complete")

    def list(self, request: Request) -> None:
        """All that is not removed; JSON has Plesk's types, an alias delivers elsewhere."""
        rows = Address.objects.filter(removed=False, domain__removed=False).select_related("domain")
        types = {Kind.MAILBOX: "mailname", Kind.ALIAS: "alias"}
        entries = [
            {"type": types[Kind(row.kind)], "name": str(row)}
            for row in rows.order_by("domain__name", "local")
        ]
        if request.flag("json"):
            self.stdout.write(json.dumps(entries))
            return
        for entry in entries:
            self.stdout.write(f"{entry['type']:<{LABEL_WIDTH}}{printable(entry['name'])}")

    def switch(self, request: Request, *, on: bool) -> None:
        """All mail of a domain; says nothing, as Plesk's."""
        self.wait([switch_domain(COMMAND, find_domain(request.name), on=on)])


def _quota(request: Request) -> int | None:
    """Bytes; Plesk writes -1 for no limit."""
    text = request.options.get("mbox-quota")
    if text is None:
        return None
    return 0 if text == "-1" else parse_size(text)


def _shown_quota(mailbox: Mailbox | None) -> str:
    return write_size(mailbox.quota) if mailbox and mailbox.quota else "Unlimited"


def _require_mailbox(address: Address, why: str = ", not a mailbox") -> Address:
    if address.kind != Kind.MAILBOX:
        raise Misuse(f"{address} is an alias{why}.")
    return address


def _change_comment(address: Address, comment: str | None) -> None:
    change = change_alias if address.kind == Kind.ALIAS else change_mailbox
    change(COMMAND, address, comment=comment)
