"""The card of one address, whoever has it: where its mail goes, and who changed it last."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from qmailpanel.accounts.models import User
from qmailpanel.domains.models import Address
from qmailpanel.domains.routes.fates import Fates
from qmailpanel.domains.routes.picture import Hops, route_to
from qmailpanel.domains.routes.remarks import find_near, remarks_on
from qmailpanel.domains.routes.sentences import mark_of, say_verdict
from qmailpanel.qmail.names import InvalidName, MailAddress, stored_of
from qmailpanel.qmail.route.ends import End
from qmailpanel.qmail.route.verdict import Verdict

from .acts import Act, acts_at, acts_on
from .search import Found


@dataclass(frozen=True)
class Card:
    """`row`: the person's own, if there is one. `hops`: the route as the rows say it.

    `acts`: the first mends what is wrong. `near`: what may have been meant.
    """

    address: str
    sentence: str
    mark: SafeString
    hops: Hops
    remarks: list[str]
    row: Address | None
    acts: list[Act]
    near: str


def read_address(text: str) -> str:
    """The whole address in a text; empty where it is none."""
    local, at, host = text.rpartition("@")
    if not (at and local and "." in host):
        return ""
    try:
        return str(MailAddress(f"{local}@{stored_of(host)}"))
    except InvalidName:
        return ""


def card_of(user: User, address: str, fates: Fates, found: Found) -> Card:
    """`found`: what a search for the address found."""
    ends, verdict, row = fates.ends(address), fates.verdict(address), found.own
    return Card(
        address=address,
        sentence=_sentence(user, address, verdict, ends),
        mark=mark_of(verdict, is_pending=fates.is_pending(address)),
        hops=route_to(address, fates),
        remarks=remarks_on([address], fates, user),
        row=row,
        acts=_acts(user, address, found, ends),
        near=find_near(address, fates, user) if found.home and not row else "",
    )


def _sentence(user: User, address: str, verdict: Verdict, ends: list[End]) -> str:
    """Of domains of other people here only operators know that mail to them stays on this host."""
    if verdict is Verdict.LEAVES and not user.is_operator:
        return _("Mail to %(address)s goes to a domain that is not yours.") % {"address": address}
    return say_verdict(address, verdict, ends)


def _acts(user: User, address: str, found: Found, ends: list[End]) -> list[Act]:
    if found.own:
        return acts_on(user, found.own, ends)
    return acts_at(user, found.home, address) if found.home else []
