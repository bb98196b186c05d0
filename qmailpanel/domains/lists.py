"""Lists of rows: what the address bar asks for, and the rows of the domain list."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

from django.conf import settings
from django.db.models import Exists, OuterRef
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from qmailpanel.reports.models import SyncNode, SyncPosition, SyncProblem
from qmailpanel.reports.node import is_alive
from qmailpanel.reports.statuses import Status, Statuses
from qmailpanel.web.badges import Badge, domain_badge

from .frame import display
from .models import Domain, DomainQuerySet, Unknown


@dataclass(frozen=True, slots=True)
class DomainRow:
    """A domain as the list shows it."""

    key: str
    href: str
    display: str
    alabel: str
    description: str
    prepend: str
    unknown: str
    target: str
    badge: Badge
    is_off: bool
    removed: bool
    new: bool
    focus: bool


def domain_row(
    statuses: Statuses, domain: Domain, *, new: bool = False, focus: bool = False, why: str = ""
) -> DomainRow:
    badge = domain_badge(statuses, domain)
    shown = display(domain)
    return DomainRow(
        key=badge.key,
        href=reverse("domains:detail", args=[domain.name]),
        display=shown,
        alabel=domain.name if shown != domain.name else "",
        description=domain.description,
        prepend=str(domain.prepend),
        unknown=unknown_words(domain),
        target=domain.unknown_target if domain.enabled else "",
        badge=replace(badge, why=why) if why else badge,
        is_off=not domain.enabled,
        removed=domain.removed,
        new=new,
        focus=focus,
    )


def unknown_words(domain: Domain) -> str:
    """What happens to unknown recipients, in a word."""
    if not domain.enabled:
        return _("all mail is refused")
    if domain.unknown == Unknown.BOUNCE:
        return _("bounce")
    return _("discard") if domain.unknown == Unknown.DISCARD else "→"


class Health(NamedTuple):
    """One thing that is to be said of the host, and the operator's page that says more."""

    status: Status
    text: str
    route: str


def health(node: SyncNode | None) -> list[Health]:
    """The host in one line: all that is not as it should be, or that everything is."""
    return [*_ailments(node)] or [Health(Status.LIVE, _("Mail server up to date"), "console:page")]


def _ailments(node: SyncNode | None) -> Iterator[Health]:
    if node is None or not is_alive(node):
        yield Health(Status.PENDING, _("The sync service is not running"), "console:page")
    elif getattr(node, "asking", False):
        yield Health(Status.PENDING, _("A plan waits for your yes"), "console:page")
    elif behind := count_behind():
        text = ngettext("%(n)d domain waits for sync", "%(n)d domains wait for sync", behind)
        yield Health(Status.PENDING, text % {"n": behind}, "console:page")
    if failed := SyncProblem.objects.filter(node=settings.QMAILPANEL_NODE).count():
        text = ngettext("%(n)d failed", "%(n)d failed", failed)
        yield Health(Status.FAILED, text % {"n": failed}, "console:page")
    if node and node.drifts:
        text = ngettext("%(n)d changed by hand", "%(n)d changed by hand", node.drifts)
        yield Health(Status.FAILED, text % {"n": node.drifts}, "console:host")
    if node and node.findings:
        text = ngettext("%(n)d finding", "%(n)d findings", node.findings)
        yield Health(Status.FAILED, text % {"n": node.findings}, "console:doctor")


def count_behind() -> int:
    """How many domains are not live through their newest change."""
    return behind(Domain.objects.all()).count()


def behind(domains: DomainQuerySet) -> DomainQuerySet:
    """Those of them that are not live through their newest change."""
    here = SyncPosition.objects.filter(node=settings.QMAILPANEL_NODE)
    return domains.filter(
        ~Exists(here.filter(domain=OuterRef("pk"), applied__gte=OuterRef("change_id")))
    )
