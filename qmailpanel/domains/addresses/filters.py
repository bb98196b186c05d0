"""Those addresses of a domain of which something is so, found without looking at all of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from django.conf import settings
from django.db.models import Exists, OuterRef, QuerySet, TextChoices
from django.utils.translation import gettext_lazy as _

from qmailpanel.columns import PLAIN, Empty, Plain
from qmailpanel.domains.fullness import nearly_full_in, usages_in
from qmailpanel.domains.models import Address, AddressQuerySet, Domain, Kind
from qmailpanel.reports.models import SyncProblem

FEW = 2_500


class Only(TextChoices):
    """What may be asked of a list; the label is the link."""

    FULL = "full", _("Nearly full")
    OFF = "off", _("Off")
    HELD = "held", _("On hold")
    FORWARDS = "forwards", _("Forwards")
    REPLIES = "replies", _("Auto-reply")
    NO_PASSWORD = "no-password", _("No password")
    UNOPENED = "unopened", _("Never opened")
    FAILED = "failed", _("Failed")


NOTHING = {
    Only.FULL: _("No mailbox is nearly full."),
    Only.OFF: _("Nothing here is off."),
    Only.HELD: _("No mailbox is on hold."),
    Only.FORWARDS: _("No mailbox forwards mail."),
    Only.REPLIES: _("No mailbox has its auto-reply on."),
    Only.NO_PASSWORD: _("Every mailbox has a password."),
    Only.UNOPENED: _("Every mailbox that was looked at has been opened."),
    Only.FAILED: _("Nothing here failed."),
}
OF_KIND = {Kind.MAILBOX: tuple(Only), Kind.ALIAS: (Only.OFF, Only.FAILED)}


def only_of(kind: Kind, text: str) -> Only | None:
    """What the address bar asks for; None where that is nothing that such a list knows."""
    return Only(text) if text in OF_KIND[kind] else None


class Narrowed(NamedTuple):
    """Rows; `are_many`: to count them would take as long as to look through all of the domain."""

    rows: AddressQuerySet
    are_many: bool = False


def narrowed(mine: AddressQuerySet, domain: Domain, kind: Kind, only: Only | None) -> Narrowed:
    """Those of the domain and kind; of many, some come soon in the order of names.

    Few are found by their numbers first, so that nobody looks through all the others.
    """
    if only is None:
        return Narrowed(mine.filter(domain=domain, kind=kind))
    mine = mine.filter(removed=False)
    rows = mine.filter(domain=domain, kind=kind)
    if only == Only.OFF:
        return Narrowed(rows.filter(enabled=False))
    found, column = _found(domain, only)
    few = list(found.values_list(column, flat=True)[: FEW + 1])
    if None in few:  # the domain itself failed, and with it all that is in it
        return Narrowed(rows)
    if len(few) <= FEW:
        return Narrowed(numbered(mine, domain, kind, few))
    return Narrowed(rows.filter(Exists(found.filter(**{column: OuterRef("pk")}))), are_many=True)


def numbered(
    mine: AddressQuerySet, domain: Domain, kind: Kind, numbers: Iterable[int]
) -> AddressQuerySet:
    """Of the domain and kind those with these numbers, by which they are found."""
    plain = {PLAIN + name: Plain(name) for name in ("domain", "kind")}
    wanted = {f"{PLAIN}domain": domain.pk, f"{PLAIN}kind": kind}
    rows = Address.objects.alias(**plain).filter(pk__in=numbers, **wanted)
    return rows.filter(Exists(mine.filter(pk=OuterRef("pk"))))


def _found(domain: Domain, only: Only) -> tuple[QuerySet[Any], str]:
    """Rows of the domain, a few hundred soon read from an index, and the address of each."""
    boxes = domain.mailboxes
    match only:
        case Only.FULL:
            return nearly_full_in(domain), "address"
        case Only.UNOPENED:
            return usages_in(domain).filter(opened=False), "address"
        case Only.FAILED:
            here = SyncProblem.objects.filter(node=settings.QMAILPANEL_NODE, name="")
            return here.filter(domain=domain.pk), "address"
        case Only.NO_PASSWORD:
            return boxes.filter(Empty("password"), purged=False), "address_id"
        case Only.HELD:
            return boxes.filter(on_hold=True), "address_id"
        case Only.FORWARDS:
            return boxes.filter(forwards=True), "address_id"
        case _:
            return boxes.filter(replies=True), "address_id"
