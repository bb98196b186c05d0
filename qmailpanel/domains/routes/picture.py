"""The route of a mail as a picture: from whoever sends it to where it is delivered or refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.conf import settings
from django.utils.translation import gettext as _

from qmailpanel.domains.models import Address, Domain, Unknown
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
        return [start, [refused(_("not in rcpthosts"))]]
    door = [Node(domain.name, _("accepted: in rcpthosts"))]
    return [start, door, [Node(f"{domain.prepend}-{local}", caption)], list(ends)]


def _unknown(domain: Domain) -> Node:
    if domain.unknown == Unknown.BOUNCE:
        text = domain.unknown_text or _("no mailbox here by that name")
        return Node(text, _("goes back to the sender"), "stopped")
    if domain.unknown == Unknown.DISCARD:
        return Node(_("discarded"), _("the sender hears nothing"), "stopped")
    if domain.unknown == Unknown.MAILBOX:
        return maildir(domain.unknown_target.rpartition("@")[0])
    return forwarded(domain.unknown_target)[0]


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
