"""Lists of rows: what the address bar asks for, and the rows of the domain list."""

from __future__ import annotations

from dataclasses import dataclass, replace

from django.conf import settings
from django.db.models import Exists, OuterRef
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from qmailpanel.reports.models import SyncPosition
from qmailpanel.reports.statuses import Status, Statuses
from qmailpanel.web.badges import Badge, domain_badge

from .frame import display
from .models import Domain, Unknown


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
        target=domain.unknown_target,
        badge=replace(badge, why=why) if why else badge,
        is_off=not domain.enabled,
        removed=domain.removed,
        new=new,
        focus=focus,
    )


def unknown_words(domain: Domain) -> str:
    """What happens to unknown recipients, in a word."""
    if domain.unknown == Unknown.BOUNCE:
        return _("bounce")
    return _("discard") if domain.unknown == Unknown.DISCARD else "→"


def health(running: bool) -> tuple[Status, str]:
    """The host in one line."""
    if not running:
        return Status.PENDING, _("The sync service is not running")
    behind = _behind()
    if behind:
        text = ngettext("%(n)d domain waits for sync", "%(n)d domains wait for sync", behind)
        return Status.PENDING, text % {"n": behind}
    return Status.LIVE, _("Mail server up to date")


def _behind() -> int:
    """How many domains are not live through their newest change."""
    node = settings.QMAILPANEL_NODE
    positions = SyncPosition.objects.filter(node=node, domain=OuterRef("pk"))
    applied = positions.filter(applied__gte=OuterRef("change_id"))
    return Domain.objects.filter(~Exists(applied)).count()
