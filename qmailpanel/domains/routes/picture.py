"""The route of a mail as a picture: from whoever sends it to where it is delivered or refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.conf import settings
from django.utils.translation import gettext as _

from qmailpanel.domains.models import Address, Domain, Responder, Unknown
from qmailpanel.qmail.layout.domain import DOMAIN_OFF
from qmailpanel.qmail.layout.leaving import NOT_SERVED
from qmailpanel.qmail.names import MailUser

Hops = list[list["Node"]]
DRAWN = 5  # destinations of one alias


@dataclass(frozen=True, slots=True)
class Node:
    """One box: what one could find in a file, what happens there, and how it is drawn."""

    text: str
    caption: str = ""
    tone: str = ""


def route_of(address: Address, ends: Sequence[Node]) -> Hops:
    """The route of mail to an address, up to `ends`, where it is not stopped before."""
    if address.removed:
        ends = [refused(_("no mailbox here by that name"))]
    elif not address.enabled:
        ends = [refused(address.refusal or _("switched off"))]
    return _route(address.domain, address.local, _("looked up in users/cdb"), ends)


def route_of_unknown(domain: Domain) -> Hops:
    """The route of mail to addresses nobody claimed."""
    if domain.unknown == Unknown.REFUSE and domain.enabled and not domain.removed:
        return [[Node("", _("sender"), "start")], [refused(_("not a known recipient"))]]
    return _route(domain, "default", _("nobody claimed the address"), [_unknown(domain)])


def _route(domain: Domain, local: str, caption: str, ends: Sequence[Node]) -> Hops:
    start = [Node("", _("sender"), "start")]
    if domain.removed or not domain.enabled:
        return [start, [refused(_("not in rcpthosts")), *_refused_behind_the_door(domain)]]
    door = [Node(domain.name, _("accepted: in rcpthosts"))]
    return [start, door, [Node(f"{domain.prepend}-{local}", caption)], list(ends)]


def _refused_behind_the_door(domain: Domain) -> list[Node]:
    """What mail of this host itself meets, and of sessions that were open before."""
    if domain.removed and not domain.leaving:
        return []
    text = NOT_SERVED if domain.removed else DOMAIN_OFF
    return [Node(text, _("goes back to whoever sends it from here"), "stopped")]


def _unknown(domain: Domain) -> Node:
    if domain.unknown == Unknown.BOUNCE:
        text = domain.unknown_text or _("no mailbox here by that name")
        return Node(text, _("goes back to the sender"), "stopped")
    if domain.unknown == Unknown.DISCARD:
        return Node(_("discarded"), _("the sender hears nothing"), "stopped")
    if domain.unknown == Unknown.MAILBOX:
        return _caught(domain, domain.unknown_target.rpartition("@")[0])
    return forwarded(domain.unknown_target)[0]


def _caught(domain: Domain, local: str) -> Node:
    """By a mailbox, if it is there: see `_render_unknown` in qmail/layout/domain.py."""
    if domain.addresses.filter(local=local, removed=False).exists():
        return maildir(local)
    if Responder.objects.filter(domain=domain).exists():
        return Node(domain.unknown_target, _("answered as people who left are"), "end")
    return refused(_("no mailbox here by that name"))


def maildir(local: str) -> Node:
    """Mail ends in a mailbox."""
    user = MailUser.parse(settings.QMAILPANEL_MAIL_USER).name
    return Node(f"{local}/Maildir/", _("delivered as %(user)s") % {"user": user}, "end")


def forwarded(*targets: str) -> list[Node]:
    """Mail goes on to other addresses; of many, the first few are drawn."""
    if len(targets) == 1:
        return [Node(targets[0], _("forwarded"), "end")]
    nodes = [Node(target, "", "end") for target in targets[:DRAWN]]
    rest = len(targets) - DRAWN
    return [*nodes, Node("", _("and %(n)d more") % {"n": rest}, "end")] if rest > 0 else nodes


def refused(text: str) -> Node:
    """Mail ends with a refusal."""
    return Node(text, _("refused"), "stopped")
