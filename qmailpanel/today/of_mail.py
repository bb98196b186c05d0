"""What of somebody's domains and addresses needs a person: of each kind a line."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from django.conf import settings
from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from qmailpanel.accounts.models import User
from qmailpanel.domains.addresses.links import href_of
from qmailpanel.domains.frame import display
from qmailpanel.domains.fullness import FULL, nearly_full_among, nearly_full_begins
from qmailpanel.domains.models import Address, Claim, Domain
from qmailpanel.reports.models import SyncProblem, Usage
from qmailpanel.reports.node import holds_quotas
from qmailpanel.reports.statuses import Status, Statuses

from .need import COUNTED, SHOWN, Item, Need, href_for, say_more, say_number


def needs_of_mail(user: User) -> Iterator[Need]:
    """Those of an operator, or of who looks after domains."""
    yield from _of_problems(user)
    yield from _of_full(user)


def name_of(address: Address) -> SafeString:
    host = escape(display(address.domain))
    return SafeString(f'{escape(address.local)}<span class="at">@{host}</span>')


# not live


def problems_for(user: User) -> QuerySet[SyncProblem]:
    """Those of the host, and of the domains that the person looks after."""
    here = SyncProblem.objects.filter(node=settings.QMAILPANEL_NODE)
    if user.is_operator:
        return here
    mine = Domain.objects.filter(grants__user=user).values("pk")
    return here.filter(Q(domain=None) | Q(domain__in=mine))


def _of_problems(user: User) -> Iterator[Need]:
    rows = list(problems_for(user).order_by("since", "id")[: COUNTED + 1])
    named = _Named(user, rows) if rows else None
    items = [item for row in rows if named and (item := named.item(row))]
    if not items:
        return
    words = ngettext("Not live", "%(n)s are not live", len(items))
    yield Need(
        key="problems",
        tone=Status.FAILED,
        words=words % {"n": say_number(len(items))},
        items=items[:SHOWN],
        more=say_more(len(items), items[:SHOWN]),
        act=_("Look at it") if user.is_operator else "",
        href=href_for(items, reverse("console:page")),
    )


class _Named:
    """The rows that problems are about, as far as the person may see them."""

    def __init__(self, user: User, problems: list[SyncProblem]) -> None:
        self.user = user
        ids = {row.domain for row in problems if row.domain}
        domains = Domain.objects.for_user(user).filter(pk__in=ids)
        self._domains = {domain.pk: domain for domain in domains}
        addresses = Address.objects.for_user(user).select_related("domain")
        found = addresses.filter(pk__in={row.address for row in problems if row.address})
        self._addresses = {address.pk: address for address in found}
        names = Claim.objects.for_user(user).select_related("domain").filter(claims=True)
        found_names = names.filter(name__in={row.name for row in problems if row.name})
        self._names = {(name.domain_id, name.name): name for name in found_names}
        self._statuses = Statuses(ids)

    def item(self, row: SyncProblem) -> Item | None:
        """None of what waits for another try, or is not to be seen."""
        cause = row.cause if self.user.is_operator else ""
        if row.domain is None:
            return Item(_("This mail server"), said=row.text, cause=cause)
        if row.address:
            found = self._of_address(row.address)
        else:
            found = self._of_domain(row.domain, row.name)
        return Item(*found, said=row.text, cause=cause) if found else None

    def _of_address(self, pk: int) -> tuple[str, str] | None:
        address = self._addresses.get(pk)
        if address is None or self._statuses.of_address(address) is not Status.FAILED:
            return None
        return name_of(address), "" if address.domain.removed else href_of(address)

    def _of_domain(self, pk: int, name: str) -> tuple[str, str] | None:
        domain, claim = self._domains.get(pk), self._names.get((pk, name))
        if domain is None or (name and claim is None):
            return None
        status = self._statuses.of_name(claim) if claim else self._statuses.of_domain(domain)
        if status is not Status.FAILED:
            return None
        return display(claim or domain), reverse("domains:detail", args=[domain.name])


# full


def _of_full(user: User) -> Iterator[Need]:
    usages = _fullest(user)
    full, items = sum(usage.percent >= FULL for usage in usages), _full_items(user, usages[:SHOWN])
    if not usages or not items:
        return
    refuses = full > 0 and holds_quotas()
    yield Need(
        key="full",
        tone=Status.FAILED if refuses else Status.PENDING,
        words=_name_full(full) if full else _name_nearly(len(usages)),
        said=_say_full(full, len(usages) - full, refuses=refuses),
        items=items,
        more=say_more(len(usages), items),
        act=_("See them") if len(usages) > 1 else _("Look at it"),
        href=href_for(items, reverse("mailboxes:full")),
    )


def _fullest(user: User) -> list[Usage]:
    mine, domains = Address.objects.for_user(user), Domain.objects.for_user(user)
    ids = None if user.is_operator else set(domains.values_list("pk", flat=True))
    return list(nearly_full_among(mine, ids).order_by("-percent", "-address")[: COUNTED + 1])


def _name_full(number: int) -> str:
    words = ngettext("Mailbox is full", "%(n)s mailboxes are full", number)
    return words % {"n": say_number(number)}


def _name_nearly(number: int) -> str:
    words = ngettext("Mailbox is nearly full", "%(n)s mailboxes are nearly full", number)
    return words % {"n": say_number(number)}


def _say_full(full: int, nearly: int, *, refuses: bool) -> str:
    """What that means for mail, and how many will be full soon."""
    refused = ngettext("%(n)s refuses mail now", "%(n)s refuse mail now", full)
    taken = ngettext("%(n)s still gets mail", "%(n)s still get mail", full)
    soon = ngettext("%(n)s above %(percent)d%%", "%(n)s above %(percent)d%%", nearly)
    said = [
        (refused if refuses else taken) % {"n": say_number(full)} if full else "",
        soon % {"n": say_number(nearly), "percent": nearly_full_begins()} if nearly else "",
    ]
    return ", ".join(filter(None, said))


def _full_items(user: User, usages: list[Usage]) -> list[Item]:
    found = Address.objects.for_user(user).filter(pk__in=[usage.address for usage in usages])
    rows = {row.pk: row for row in found.select_related("domain")}
    said = _("%(percent)d%% of its limit")
    return [
        Item(name_of(row), href_of(row), said % {"percent": usage.percent})
        for usage in usages
        if (row := rows.get(usage.address))
    ]
