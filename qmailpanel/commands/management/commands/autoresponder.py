"""`manage.py autoresponder`: what a mailbox answers by itself, in Plesk's syntax."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from qmailpanel.commands.find import find_address
from qmailpanel.commands.plesk import Misuse, PleskCommand, Request
from qmailpanel.commands.replies import (
    ANSWERS_ALL,
    ATTACHES_NOTHING,
    FROM_ITSELF,
    REDIRECT,
    Spelling,
    change_reply_as,
    find_reply,
)
from qmailpanel.domains.models import Address

SPELLING = Spelling(["status"], "subject", "text", "frq", "end-date")


class Command(PleskCommand):
    help = "Say what a mailbox answers by itself, in Plesk's syntax."
    usage = (
        "manage.py autoresponder --update -mail NAME@DOMAIN [-status true|false] [-subject TEXT]\n"
        "                        [-text TEXT] [-frq NUMBER] [-end-date YYYY-MM-DD|false]\n"
        "manage.py autoresponder --info -mail NAME@DOMAIN"
    )
    nameless = frozenset({"update", "info"})
    takes = frozenset({"mail", "format", *SPELLING.options})
    ignores = frozenset({"charset", "store"})
    refuses = {
        "attach": ATTACHES_NOTHING,
        "files": ATTACHES_NOTHING,
        "redirect": REDIRECT,
        "replyto": FROM_ITSELF,
        "requires": ANSWERS_ALL,
    }

    def verbs(self) -> Mapping[str, Callable[[Request], None]]:
        return {"update": self.update, "info": self.info}

    def update(self, request: Request) -> None:
        address = _find_mailname(request)
        if request.options.get("format", "plain") != "plain":
            raise Misuse("An auto-reply is plain text: -format plain.")
        change_reply_as(request, address, SPELLING)
        self.finish([address], f"Update of autoresponder for '{address}' complete")

    def info(self, request: Request) -> None:
        address = _find_mailname(request)
        reply = find_reply(address)
        self.show(
            [
                ("Mailname", address),
                ("Status", reply.on),
                ("Subject", reply.subject),
                ("Text", reply.text),
                ("End date", reply.last or ""),
            ]
        )
        self.stdout.write(f"\nSUCCESS: Gathering information for '{address}' complete")


def _find_mailname(request: Request) -> Address:
    if "mail" not in request.options:
        raise Misuse("Say whose: -mail NAME@DOMAIN.")
    return find_address(request.options["mail"])
