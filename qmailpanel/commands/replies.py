"""What a mailbox answers by itself, as the options of two commands of Plesk say it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from qmailpanel.commands.plesk import Misuse, Request
from qmailpanel.domains.models import Address, Kind
from qmailpanel.ledger.actors import COMMAND
from qmailpanel.mailboxes.delivery.replies import change_reply, reply_of
from qmailpanel.mailboxes.models import AutoReply
from qmailpanel.mailboxes.services import mailbox_of

ATTACHES_NOTHING = "An auto-reply has no attachments."
ANSWERS_ALL = "Mail is answered whatever stands in it."
FROM_ITSELF = "Answers come from the address itself."
REDIRECT = "Write mail --update A@X -forwarding-addresses add:B@Y."


def find_reply(address: Address) -> AutoReply:
    if address.kind != Kind.MAILBOX:
        raise Misuse(f"{address} is an alias and answers nothing.")
    return reply_of(mailbox_of(address))


@dataclass(frozen=True, slots=True)
class Spelling:
    """How a command calls its options; switches are more than one where Plesk has two."""

    switches: Sequence[str]
    subject: str
    text: str
    most: str
    last: str = ""

    @property
    def options(self) -> set[str]:
        return {*self.switches, self.subject, self.text, self.most, self.last} - {""}


def change_reply_as(request: Request, address: Address, spelling: Spelling) -> None:
    """Change of the auto-reply what the options say, and nothing without any of them."""
    given = request.options
    if not spelling.options & given.keys():
        return
    reply = find_reply(address)
    change_reply(
        COMMAND,
        address,
        on=_is_on(request, spelling.switches, before=reply.on),
        subject=_subject(given.get(spelling.subject), spelling.subject, before=reply.subject),
        text=given.get(spelling.text, reply.text),
        first=reply.first,
        last=_last(given.get(spelling.last), before=reply.last),
        days=_days(given.get(spelling.most), spelling.most, before=reply.days),
    )


def _is_on(request: Request, switches: Sequence[str], *, before: bool) -> bool:
    flags = [flag for flag in map(request.flag, switches) if flag is not None]
    return all(flags) if flags else before


def _subject(text: str | None, option: str, *, before: str) -> str:
    """Plesk's `original`, the subject of the mail that is answered, is none here."""
    if text == "original":
        raise Misuse(f"An auto-reply has a subject of its own: -{option} TEXT.")
    return before if text is None else text


def _last(text: str | None, *, before: date | None) -> date | None:
    if text in {None, "false"}:
        return before if text is None else None
    try:
        return date.fromisoformat(text or "")
    except ValueError:
        raise Misuse("The option -end-date wants a day as 2026-12-31, or false.") from None


def _days(text: str | None, option: str, *, before: int) -> int:
    """At most so many answers a day for each sender: one a day is the most there is."""
    if text is None:
        return before
    if not text.isdecimal() or not int(text):
        raise Misuse(f"The option -{option} wants a number from 1 on.")
    return 1
