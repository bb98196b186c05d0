"""Aliases and forwardings that go nowhere: as sync found them, and asked again when shown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from django.conf import settings
from django.db.models import QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from qmailpanel.accounts.models import User
from qmailpanel.domains.access.rights import Right, read_rights
from qmailpanel.domains.addresses.links import href_of
from qmailpanel.domains.models import Address, Domain, Grant
from qmailpanel.domains.routes.fates import Fates
from qmailpanel.domains.routes.losses import leading_on, losses_of
from qmailpanel.domains.routes.remarks import say_end
from qmailpanel.reports.models import Nowhere
from qmailpanel.reports.statuses import Status

from .need import COUNTED, SHOWN, Item, Need, say_more, say_number
from .of_mail import name_of

ASKED = 8  # at first, whether they still do


def nowhere_for(user: User) -> QuerySet[Nowhere]:
    """Those that sync found, and of which anybody can know who looks after their own domain.

    They may be counted: the others would tell of mail in domains that are not the person's.
    """
    return _found_for(user) if user.is_operator else _found_for(user).filter(hidden=False)


def hidden_items(user: User, fates: Fates) -> list[tuple[Address, Item]]:
    """The first of the others, of which the person knows who looks after several domains.

    Ask for them last: what else is shown must not depend on how much is hidden.
    """
    if user.is_operator or len(Grant.objects.filter(user=user)[:2]) < 2:
        return []
    hidden = list(_found_for(user).filter(hidden=True).order_by("-pk")[:COUNTED])
    return lost_items(user, hidden, fates) if hidden else []


def _found_for(user: User) -> QuerySet[Nowhere]:
    """In the domains that the person looks after."""
    here = Nowhere.objects.filter(node=settings.QMAILPANEL_NODE)
    if user.is_operator:
        return here
    return here.filter(domain__in=Domain.objects.filter(grants__user=user).values("pk"))


def lost_items(user: User, rows: Sequence[Nowhere], fates: Fates) -> list[tuple[Address, Item]]:
    """Those of which it still is so, as far as the person can know."""
    mine = leading_on().for_user(user).prefetch_related("destinations")
    found = {row.pk: row for row in mine.filter(pk__in=[row.address for row in rows])}
    addresses = [found[row.address] for row in rows if row.address in found]
    asked = [address for address in addresses if address.destinations.all()]
    fates.read(map(str, asked))
    lost = ((address, losses_of(address, fates)) for address in asked)
    return [
        (address, Item(name_of(address), href_of(address), say_end(ends[0])))
        for address, ends in lost
        if ends
    ]


def needs_of_nowhere(user: User) -> Iterator[Need]:
    rows, fates = list(nowhere_for(user).order_by("-pk")[: COUNTED + 1]), Fates(user)
    lost, unasked = _ask(user, rows, fates)
    lost += hidden_items(user, fates)
    number = len(lost) + unasked
    if not lost:
        return
    address, first = lost[0]
    items, is_alone = [item for _address, item in lost[:SHOWN]], number == 1
    words = ngettext("Not all mail arrives", "Not all mail to %(n)s addresses arrives", number)
    yield Need(
        key="nowhere",
        tone=Status.FAILED,
        words=words % {"n": say_number(number)},
        items=items,
        more=say_more(number, items),
        act=_see_or_change(user, address, is_alone=is_alone),
        href=first.href if is_alone else reverse("today:nowhere"),
    )


def _ask(
    user: User, rows: Sequence[Nowhere], fates: Fates
) -> tuple[list[tuple[Address, Item]], int]:
    """The first of them, and how many are left; all where none of these is lost any more."""
    if first := lost_items(user, rows[:ASKED], fates):
        return first, len(rows[ASKED:])
    return lost_items(user, rows[ASKED:], fates), 0


def _see_or_change(user: User, address: Address, *, is_alone: bool) -> str:
    if not is_alone:
        return _("See them")
    return _("Change it") if _may_change(user, address) else ""


def _may_change(user: User, address: Address) -> bool:
    held = getattr(address, "held", None) or []
    return user.is_operator or Right.ADDRESSES in read_rights(held)
