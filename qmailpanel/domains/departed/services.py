"""What a domain answers for its departed: people whose mailboxes were removed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.utils.translation import gettext_noop as _

from qmailpanel.domains.access.deed import Deed, deed
from qmailpanel.domains.access.rights import Right
from qmailpanel.domains.models import Domain, Responder
from qmailpanel.domains.routes.hops import DEPARTED, find_loop
from qmailpanel.ledger.actors import Actor, Refused, parsed
from qmailpanel.ledger.models import Noun, Verb
from qmailpanel.qmail.formats.reply import ReplyBody
from qmailpanel.qmail.names import MailAddress, ReplyText

LONGEST = 365


def has_responder(domain: Domain) -> bool:
    """Whether anything is answered."""
    return Responder.objects.filter(domain=domain).exists()


def set_responder(
    actor: Actor, domain: Domain, *, subject: str, text: str, target: str, days: int
) -> Responder:
    """Another answer; `target`: where the mail goes besides, or blank. Raises Refused."""
    with _responders_deed(actor, domain) as act:
        wanted: dict[str, Any] = {
            "subject": str(parsed(ReplyText, subject, "subject")),
            "text": str(parsed(ReplyBody, text, "text")),
            "target": _read_target(act, target),
            "days": _read_days(days),
        }
        responder = Responder.objects.filter(domain=domain).first()
        if responder:
            act.change(responder, Verb.CHANGED, Noun.RESPONDER, **wanted)
        else:
            responder = Responder.objects.create(domain=domain, **wanted)
            act.record(Verb.ADDED, noun=Noun.RESPONDER, after=wanted)
    return responder


def remove_responder(actor: Actor, domain: Domain) -> None:
    """Mail for people who left is mail to unknown recipients again."""
    with _responders_deed(actor, domain) as act:
        if Responder.objects.filter(domain=domain).delete()[0]:
            act.record(Verb.REMOVED, noun=Noun.RESPONDER)


@contextmanager
def _responders_deed(actor: Actor, domain: Domain) -> Iterator[Deed]:
    with deed(actor, domain, Right.UNKNOWN) as act:
        act.guard.departed()
        yield act


def _read_target(act: Deed, text: str) -> str:
    if not text.strip():
        return ""
    target = parsed(MailAddress, text, "target")
    act.refuse_outside([target])
    if find_loop(f"{DEPARTED}@{act.domain.name}", [target]):
        raise Refused(
            _("Mail for people who left would come back again from %(target)s."),
            "target",
            target=target,
        )
    return target


def _read_days(days: int) -> int:
    if not 1 <= days <= LONGEST:
        raise Refused(_("Between 1 and %(most)d days are possible."), "days", most=LONGEST)
    return days
