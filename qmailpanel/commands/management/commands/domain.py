"""`manage.py domain`: domains, in Plesk's syntax."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from qmailpanel.accounts.services import addresses_of, operators
from qmailpanel.commands.find import find_domain
from qmailpanel.commands.plesk import PleskCommand, Request
from qmailpanel.domains.models import Domain, Kind
from qmailpanel.domains.names.leaving import serve_elsewhere
from qmailpanel.domains.renaming import rename_domain
from qmailpanel.domains.services import add_domain, change_domain, remove_domain, switch_domain
from qmailpanel.environment.installed import command_name
from qmailpanel.ledger.actors import COMMAND
from qmailpanel.ledger.services import ledger_locked
from qmailpanel.qmail.names import DomainName


class Command(PleskCommand):
    help = "Add, change, show or remove domains, in Plesk's syntax."
    usage = (
        "manage.py domain --create NAME [-mail_service true|false] [-description TEXT]\n"
        "manage.py domain --update NAME [-mail_service true|false] [-description TEXT]\n"
        "                               [-new_name NAME]\n"
        "manage.py domain --remove NAME [-force] [-served-elsewhere]\n"
        "manage.py domain --info NAME\n"
        "manage.py domain --list\n"
        "manage.py domain --on|--off NAME"
    )
    takes = frozenset({"description", "force", "mail-service", "new-name", "served-elsewhere"})
    ignores = frozenset(
        {
            "clogin",
            "dns",
            "hosting",
            "ip",
            "login",
            "notify",
            "owner",
            "passwd",
            "service-plan",
            "status",
            "webspace-name",
            "www",
        }
    )

    def verbs(self) -> Mapping[str, Callable[[Request], None]]:
        return {
            "create": self.create,
            "update": self.update,
            "remove": self.remove,
            "info": self.info,
            "list": self.list,
            "on": partial(self.switch, on=True),
            "off": partial(self.switch, on=False),
        }

    def create(self, request: Request) -> None:
        name, contact = DomainName(request.name), next(addresses_of(operators()), None)
        domain = add_domain(
            COMMAND,
            name,
            description=request.options.get("description", ""),
            contact=contact,
            enabled=request.flag("mail-service") is not False,
        )
        if contact is None:
            self.notice(
                f"There is no operator yet, so {name} has no postmaster and abuse. Add them to a "
                f"mailbox: {command_name()} mail -u MAILBOX@{name} -aliases add:postmaster,abuse"
            )
        elif contact.domain == name:
            self.notice(
                f"Mail to postmaster and abuse goes to {contact}, which has no mailbox yet, and "
                f"bounces until then. "
                f"Add it: {command_name()} mail --create {contact} -mailbox true"
            )
        self.finish([domain], f"Creation of domain '{name}' completed.")

    def update(self, request: Request) -> None:
        domain, on = find_domain(request.name), request.flag("mail-service")
        name = request.options.get("new-name")
        with ledger_locked():
            if name is not None:
                rename_domain(COMMAND, domain, DomainName(name), keep=False)
            change_domain(COMMAND, domain, description=request.options.get("description"))
            if on is not None:
                switch_domain(COMMAND, domain, on=on)
        self.finish([domain], f"Update of domain '{domain}' completed.")

    def remove(self, request: Request) -> None:
        domain = find_domain(request.name)
        with ledger_locked():
            remove_domain(COMMAND, domain, despite_pointers=request.force)
            if request.is_served_elsewhere:
                serve_elsewhere(COMMAND, domain)
        self.finish([domain], f"Removal of '{domain}' completed.")

    def info(self, request: Request) -> None:
        domain = find_domain(request.name)
        addresses = domain.addresses.filter(removed=False)
        aliases = domain.names.aliases().filter(removed=False).order_by("name")
        self.show(
            [
                ("Domain name", domain),
                ("Domain alias(es)", " ".join(map(str, aliases))),
                ("Mail service", domain.enabled),
                ("Mailboxes", addresses.filter(kind=Kind.MAILBOX).count()),
                ("Aliases", addresses.filter(kind=Kind.ALIAS).count()),
                ("Unknown recipients", f"{domain.unknown} {domain.unknown_target}".rstrip()),
                ("Description", domain.description),
            ]
        )
        self.stdout.write(f"\nSUCCESS: Gathering information for '{domain}' complete.")

    def list(self, _request: Request) -> None:
        for name in Domain.objects.claiming().filter(removed=False).order_by("name"):
            self.stdout.write(str(name))

    def switch(self, request: Request, *, on: bool) -> None:
        """Says nothing, as Plesk's."""
        self.wait([switch_domain(COMMAND, find_domain(request.name), on=on)])
