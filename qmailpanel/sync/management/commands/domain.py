"""`manage.py domain`: domains, in Plesk's syntax."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from qmailpanel.accounts.models import User
from qmailpanel.domains.services import add_domain, change_domain, remove_domain, switch_domain
from qmailpanel.ledger.services import COMMAND, ledger_locked
from qmailpanel.qmail.names import Destination, DomainName, InvalidName
from qmailpanel.sync.plesk import PleskCommand, Request, find_domain


class Command(PleskCommand):
    help = "Add, change or remove a domain, in Plesk's syntax."
    usage = (
        "manage.py domain --create NAME [-mail_service true|false] [-description TEXT]\n"
        "manage.py domain --update NAME [-mail_service true|false] [-description TEXT]\n"
        "manage.py domain --remove NAME"
    )
    takes = {"mail-service", "description"}
    ignores = {
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

    def verbs(self) -> Mapping[str, Callable[[Request], None]]:
        return {"create": self.create, "update": self.update, "remove": self.remove}

    def create(self, request: Request) -> None:
        name, contact = DomainName(request.name), self.contact()
        domain = add_domain(
            COMMAND,
            name,
            description=request.options.get("description", ""),
            contact=contact,
            enabled=request.flag("mail-service") is not False,
        )
        if contact is None:
            self.note(
                f"There is no operator yet, so {name} has no postmaster and abuse. Add them to a "
                f"mailbox: ./manage.py mail -u MAILBOX@{name} -aliases add:postmaster,abuse"
            )
        self.finish([domain], f"Creation of domain '{name}' completed.")

    def update(self, request: Request) -> None:
        domain, on = find_domain(request.name), request.flag("mail-service")
        with ledger_locked():
            change_domain(COMMAND, domain, description=request.options.get("description"))
            if on is not None:
                switch_domain(COMMAND, domain, on=on)
        self.finish([domain], f"Update of domain '{domain}' completed.")

    def remove(self, request: Request) -> None:
        domain = remove_domain(COMMAND, find_domain(request.name))
        self.finish([domain], f"Removal of '{domain}' completed.")

    @staticmethod
    def contact() -> Destination | None:
        """Who hears of trouble: the first operator, if that is a whole address."""
        operator = User.objects.filter(is_operator=True, is_active=True).order_by("id").first()
        try:
            return Destination(operator.email) if operator else None
        except InvalidName:
            return None
