"""The rows of a list of domains."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from django.conf import settings
from django.db.models import Exists, OuterRef
from django.urls import reverse
from django.utils.translation import gettext as _

from qmailpanel.reports.models import SyncPosition
from qmailpanel.reports.statuses import Statuses
from qmailpanel.web.badges import Badge, domain_badge

from .frame import display
from .models import Domain, DomainQuerySet, Unknown
from .sizes import Size, Sizes


@dataclass(frozen=True, slots=True)
class DomainRow:
    """A domain as the list shows it."""

    key: str
    href: str
    display: str
    alabel: str
    description: str
    size: Size
    unknown: str
    target: str
    badge: Badge
    removed: bool
    new: bool
    focus: bool


class DomainRows:
    """Makes the rows of these domains, which came with their limits."""

    def __init__(self, domains: Sequence[Domain]) -> None:
        self.statuses = Statuses(domain.pk for domain in domains)
        self._sizes = Sizes(domains)

    def row(
        self, domain: Domain, *, new: bool = False, focus: bool = False, why: str = ""
    ) -> DomainRow:
        badge = domain_badge(self.statuses, domain)
        shown = display(domain)
        return DomainRow(
            key=badge.key,
            href=reverse("domains:detail", args=[domain.name]),
            display=shown,
            alabel=domain.name if shown != domain.name else "",
            description=domain.description,
            size=self._sizes.of(domain),
            unknown=unknown_words(domain),
            target=domain.unknown_target if domain.enabled else "",
            badge=replace(badge, why=why) if why else badge,
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


def count_behind() -> int:
    """How many domains are not live through their newest change."""
    return behind(Domain.objects.all()).count()


def behind(domains: DomainQuerySet) -> DomainQuerySet:
    """Those of them that are not live through their newest change."""
    here = SyncPosition.objects.filter(node=settings.QMAILPANEL_NODE)
    return domains.filter(
        ~Exists(here.filter(domain=OuterRef("pk"), applied__gte=OuterRef("change_id")))
    )
