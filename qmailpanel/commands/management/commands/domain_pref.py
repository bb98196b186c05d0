"""`manage.py domain_pref`: what happens to unknown recipients, in Plesk's syntax."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from qmailpanel.commands.find import find_domain
from qmailpanel.commands.plesk import Misuse, PleskCommand, Request
from qmailpanel.domains.models import Unknown
from qmailpanel.domains.services import change_domain
from qmailpanel.ledger.actors import COMMAND
from qmailpanel.reports.node import knows_recipients


class Command(PleskCommand):
    help = "Say what happens to mail for unknown recipients, in Plesk's syntax."
    usage = "manage.py domain_pref --update DOMAIN -no_usr reject|ADDRESS"
    takes = frozenset({"no-usr"})
    ignores = frozenset({"sign-outgoing-mail", "webmail"})

    def verbs(self) -> Mapping[str, Callable[[Request], None]]:
        return {"update": self.update}

    def update(self, request: Request) -> None:
        """`reject` is at the door where this host can do that, and a bounce elsewhere."""
        domain, wish = find_domain(request.name), request.options.get("no-usr", "")
        if not wish:
            raise Misuse("Say where mail for unknown recipients goes: -no_usr reject|ADDRESS.")
        if wish == "reject":
            unknown = Unknown.REFUSE if knows_recipients() else Unknown.BOUNCE
            change_domain(COMMAND, domain, unknown=unknown)
        else:
            change_domain(COMMAND, domain, unknown=Unknown.FORWARD, unknown_target=wish)
        self.finish([domain], f"Update of domain preferences '{domain}' completed.")
