"""The card of one address, whoever has it: where its mail goes, and who changed it last."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.safestring import SafeString

from qmailpanel.accounts.models import User
from qmailpanel.domains.models import Address
from qmailpanel.domains.routes.fates import Fates
from qmailpanel.domains.routes.picture import Hops, route_to
from qmailpanel.domains.routes.remarks import remarks_on
from qmailpanel.domains.routes.sentences import mark_of, say_verdict
from qmailpanel.qmail.names import InvalidName, MailAddress, stored_of

from .links import href_of


@dataclass(frozen=True)
class Card:
    """`row`: the person's own, if there is one. `hops`: the route as the rows say it."""

    address: str
    sentence: str
    mark: SafeString
    hops: Hops
    remarks: list[str]
    row: Address | None
    href: str


def read_address(text: str) -> str:
    """The whole address in a text; empty where it is none."""
    local, at, host = text.rpartition("@")
    if not (at and local and "." in host):
        return ""
    try:
        return str(MailAddress(f"{local}@{stored_of(host)}"))
    except InvalidName:
        return ""


def card_of(user: User, address: str, fates: Fates, row: Address | None) -> Card:
    ends, verdict = fates.ends(address), fates.verdict(address)
    return Card(
        address=address,
        sentence=say_verdict(address, verdict, ends),
        mark=mark_of(verdict, is_pending=fates.is_pending(address)),
        hops=route_to(address, fates),
        remarks=remarks_on([address], fates, user),
        row=row,
        href=href_of(row) if row else "",
    )
