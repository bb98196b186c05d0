"""The path of a mail as a picture: from whoever sends it to where it is delivered or refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.conf import settings
from django.utils.translation import gettext as _

from qmailpanel.qmail.names import MailUser

from .models import Address, Domain, Unknown

Hops = list[list["Node"]]


@dataclass(frozen=True, slots=True)
class Node:
    """One box: what one could find in a file, what happens there, and how it is drawn."""

    text: str
    caption: str = ""
    tone: str = ""


def path_of(address: Address, ends: Sequence[Node]) -> Hops:
    """The path of mail to an address, up to `ends`, where it is not stopped before."""
    if address.removed:
        ends = [refused(_("no mailbox here by that name"))]
    elif not address.enabled:
        ends = [refused(address.refusal or _("switched off"))]
    return _path(address.domain, str(address), address.local, _("looked up in users/cdb"), ends)


def path_of_unknown(domain: Domain) -> Hops:
    """The path of mail to addresses nobody claimed."""
    anything = f"…@{domain.name}"
    return _path(domain, anything, "default", _("nobody claimed the address"), [_unknown(domain)])


def _path(domain: Domain, to: str, local: str, caption: str, ends: Sequence[Node]) -> Hops:
    start = [Node(to, _("a mail arrives"), "start")]
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
    return forwarded(domain.unknown_target)


def maildir(local: str) -> Node:
    """Mail ends in a mailbox."""
    user = MailUser.parse(settings.QMAILPANEL_MAIL_USER).name
    return Node(f"{local}/Maildir/", _("delivered as %(user)s") % {"user": user}, "end")


def forwarded(target: str) -> Node:
    """Mail goes on to another address."""
    return Node(target, _("forwarded"), "end")


def refused(text: str) -> Node:
    """Mail ends with a refusal."""
    return Node(text, _("refused"), "stopped")
