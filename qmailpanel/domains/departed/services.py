"""What a domain answers for people who left: mail to its removed mailboxes."""

from __future__ import annotations

from collections.abc import Callable

from django.utils.translation import gettext_noop as _

from qmailpanel.domains.access.guard import guard_left
from qmailpanel.domains.access.rights import Right, refuse_outside, require
from qmailpanel.domains.changes import refuse_removed, reread, stamp
from qmailpanel.domains.models import Domain, Responder
from qmailpanel.domains.routes.hops import LEFT, way_back
from qmailpanel.ledger.actors import Actor, Refused
from qmailpanel.ledger.models import Noun, Verb
from qmailpanel.ledger.services import ledger_locked, record
from qmailpanel.qmail.formats.reply import ReplyBody
from qmailpanel.qmail.names import InvalidName, MailAddress, ReplyText

FIELDS = ("subject", "text", "target", "days")
LONGEST = 365


def has_responder(domain: Domain) -> bool:
    """Whether anything is answered."""
    return Responder.objects.filter(domain=domain).exists()


@ledger_locked()
def set_responder(
    actor: Actor, domain: Domain, *, subject: str, text: str, target: str, days: int
) -> Responder:
    """Another answer; `target`: where the mail goes besides, or blank. Raises Refused."""
    _allow(actor, domain)
    wanted = {
        "subject": _parsed(ReplyText, subject, "subject"),
        "text": _parsed(ReplyBody, text, "text"),
        "target": _target(actor, domain, target),
        "days": _days(days),
    }
    old = Responder.objects.filter(domain=domain).first()
    before = {name: getattr(old, name) for name in FIELDS} if old else {}
    if before == wanted:
        return old or Responder(domain=domain)
    responder, _is_new = Responder.objects.update_or_create(domain=domain, defaults=wanted)
    changed = {name: value for name, value in wanted.items() if before.get(name) != value}
    kept = {name: before[name] for name in changed if name in before}
    _note(actor, Verb.CHANGED if old else Verb.ADDED, domain, kept, changed)
    return responder


@ledger_locked()
def remove_responder(actor: Actor, domain: Domain) -> None:
    """Mail for people who left is mail to unknown recipients again."""
    _allow(actor, domain)
    if Responder.objects.filter(domain=domain).delete()[0]:
        _note(actor, Verb.REMOVED, domain, {}, {})


def _allow(actor: Actor, domain: Domain) -> None:
    reread(domain)
    require(actor, domain, Right.UNKNOWN)
    refuse_removed(domain)
    guard_left(actor, domain)


def _parsed(parse: Callable[[str], str], text: str, field: str) -> str:
    try:
        return str(parse(text))
    except InvalidName as error:
        raise Refused(error.template, field, **error.params) from error


def _target(actor: Actor, domain: Domain, text: str) -> str:
    if not text.strip():
        return ""
    target = _parsed(MailAddress, text, "target")
    refuse_outside(actor, domain, [target])
    if way_back(f"{LEFT}@{domain.name}", [target]):
        raise Refused(
            _("Mail for people who left would come back again from %(target)s."),
            "target",
            target=target,
        )
    return target


def _days(days: int) -> int:
    if not 1 <= days <= LONGEST:
        raise Refused(_("Between 1 and %(most)d days are possible."), "days", most=LONGEST)
    return days


def _note(
    actor: Actor, verb: Verb, domain: Domain, before: dict[str, object], after: dict[str, object]
) -> None:
    change = record(
        actor,
        verb,
        Noun.RESPONDER,
        domain.name,
        domain=domain.pk,
        before=before,
        after=after,
    )
    stamp(change, domain)
