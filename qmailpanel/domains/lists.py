"""The rows of a list of domains."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from django.conf import settings
from django.contrib.humanize.templatetags.humanize import intcomma
from django.db.models import Count, Exists, OuterRef
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from qmailpanel.reports.models import Nowhere, SyncPosition
from qmailpanel.reports.statuses import Status, Statuses
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
        self._nowhere = _count_nowhere(domain.pk for domain in domains)

    def row(
        self, domain: Domain, *, new: bool = False, focus: bool = False, why: str = ""
    ) -> DomainRow:
        badge = self._badge(domain)
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

    def _badge(self, domain: Domain) -> Badge:
        """The worst in it: what failed, else of how many addresses not all mail arrives."""
        badge, lost = domain_badge(self.statuses, domain), self._nowhere.get(domain.pk, 0)
        if not lost or badge.text or badge.status is not Status.LIVE:
            return badge
        text = ngettext("%(n)s loses mail", "%(n)s lose mail", lost) % {"n": intcomma(lost)}
        return replace(badge, text=text, look=Status.FAILED)


def _count_nowhere(domains: Iterable[int]) -> dict[int, int]:
    """By these domains: how many sync found of which those know who look after the domain."""
    here = Nowhere.objects.filter(node=settings.QMAILPANEL_NODE, hidden=False)
    found = here.filter(domain__in=[*domains]).values_list("domain")
    return dict(found.annotate(n=Count("pk")).order_by())


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
