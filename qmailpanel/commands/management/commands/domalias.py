"""`manage.py domalias`: alias domains, in Plesk's syntax."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from qmailpanel.commands.find import find_domain
from qmailpanel.commands.plesk import Misuse, PleskCommand, Request
from qmailpanel.domains.models import Claim
from qmailpanel.domains.names.leaving import serve_elsewhere
from qmailpanel.domains.names.services import add_alias_domain, remove_alias_domain
from qmailpanel.ledger.actors import COMMAND
from qmailpanel.ledger.services import ledger_locked
from qmailpanel.qmail.names import DomainName


class Command(PleskCommand):
    help = "Add, show or remove alias domains, in Plesk's syntax."
    usage = (
        "manage.py domalias --create NAME -domain DOMAIN\n"
        "manage.py domalias --rename NAME -new-name NAME [-force]\n"
        "manage.py domalias --delete NAME [-force] [-served-elsewhere]\n"
        "manage.py domalias --info NAME\n"
        "manage.py domalias --list"
    )
    takes = frozenset({"domain", "force", "new-name", "served-elsewhere"})
    ignores = frozenset({"dns", "mail", "seo-redirect", "status", "tomcat", "web"})

    def verbs(self) -> Mapping[str, Callable[[Request], None]]:
        return {
            "create": self.create,
            "rename": self.rename,
            "delete": self.delete,
            "remove": self.delete,
            "info": self.info,
            "list": self.list,
        }

    def create(self, request: Request) -> None:
        if "domain" not in request.options:
            raise Misuse("Say whose further name it is: -domain DOMAIN.")
        name, domain = DomainName(request.name), find_domain(request.options["domain"])
        alias = add_alias_domain(COMMAND, domain, name)
        self.finish([alias.domain], f"Creation of domain alias '{alias}' completed.")

    def rename(self, request: Request) -> None:
        """No mail is kept under the name of an alias domain: the new one comes, the old goes."""
        old = _find(request.name)
        if "new-name" not in request.options:
            raise Misuse("Say the new name: -new-name NAME.")
        with ledger_locked():
            add_alias_domain(COMMAND, old.domain, DomainName(request.options["new-name"]))
            remove_alias_domain(COMMAND, old, despite_pointers=request.force)
        self.finish([old.domain], f"Rename of domain alias '{request.name}' completed.")

    def delete(self, request: Request) -> None:
        alias = _find(request.name)
        with ledger_locked():
            remove_alias_domain(COMMAND, alias, despite_pointers=request.force)
            if request.is_served_elsewhere:
                serve_elsewhere(COMMAND, alias)
        self.finish([alias.domain], f"Removal of domain alias '{alias}' completed.")

    def info(self, request: Request) -> None:
        alias = _find(request.name)
        self.show([("Domain alias", alias), ("For domain", alias.domain), ("Mail", True)])
        self.stdout.write(f"\nSUCCESS: Gathering information for '{alias}' complete.")

    def list(self, _request: Request) -> None:
        for alias in Claim.objects.aliases().filter(removed=False).order_by("name"):
            self.stdout.write(str(alias))


def _find(text: str) -> Claim:
    name = DomainName(text)
    alias = Claim.objects.aliases().filter(name=name, removed=False).first()
    if alias is None:
        raise Misuse(f"Domain alias '{name}' does not exist.")
    return alias
