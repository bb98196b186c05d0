"""How full mailboxes are, as the sync service wrote it down."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from html import escape

from django.conf import settings
from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Subquery, Sum
from django.template.defaultfilters import filesizeformat
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from qmailpanel.among import AMONG
from qmailpanel.reports.models import Usage
from qmailpanel.web.templatetags.panel import icon

from .models import Address, AddressQuerySet, Domain

NEARLY_FULL = 90  # per cent
FULL = 100
FEW = 1_000
SUMMED = 10_000  # mailboxes; a list of more would wait for the sum


@dataclass(frozen=True, slots=True)
class Fullness:
    """Of a domain: bytes in all its mailboxes, and how many of those are nearly full.

    Of more than `SUMMED` mailboxes there is no sum, and as many at most are nearly full.
    """

    bytes: int | None
    nearly_full: int


def nearly_full_begins() -> int:
    """The per cent at which owners are warned; where nobody is, a number of its own."""
    return settings.QMAILPANEL_WARN_PERCENT or NEARLY_FULL


def is_nearly_full(percent: int) -> bool:
    return percent >= nearly_full_begins()


def usage_of(address: Address) -> Usage | None:
    """None while it is not counted."""
    return _here().filter(address=address.pk).first()


def with_usage(rows: AddressQuerySet) -> AddressQuerySet:
    """Each with what `used_mark` shows; no further query."""
    of_row = _here().filter(address=OuterRef("pk"))
    return rows.annotate(
        used_bytes=Subquery(of_row.values("bytes")[:1]),
        used_percent=Subquery(of_row.values("percent")[:1]),
    )


def usages_in(domain: Domain) -> QuerySet[Usage]:
    """How full each of its mailboxes is that was counted."""
    return _here().filter(domain=domain.pk)


def nearly_full_in(domain: Domain) -> QuerySet[Usage]:
    """The same of those that are nearly full."""
    return _nearly_full().filter(domain=domain.pk)


def nearly_full_among(
    addresses: AddressQuerySet, domains: Iterable[int] | None = None
) -> QuerySet[Usage]:
    """How full those are that are nearly full; `domains`: none but theirs are among them.

    Few are found in their domains first; of many, some come soon when one begins with the fullest.
    """
    mine = addresses.filter(pk=OuterRef("address"), removed=False)
    full = _nearly_full()
    if domains is not None:
        found = full.filter(**{f"domain{AMONG}": domains}).values_list("pk", flat=True)
        theirs = list(found[: FEW + 1])
        full = full.filter(pk__in=theirs) if len(theirs) <= FEW else full
    return full.filter(Exists(mine))


def fullness_of(domain: Domain) -> Fullness:
    """One query over a stretch of an index, the fullest first."""
    some = usages_in(domain).order_by("-percent")[: SUMMED + 1]
    full = Count("percent", filter=Q(percent__gte=nearly_full_begins()))
    found = some.aggregate(bytes=Sum("bytes"), full=full, all=Count("percent"))
    return Fullness(None if found["all"] > SUMMED else found["bytes"] or 0, found["full"])


def bytes_in(domain: Domain) -> int:
    """In all its mailboxes, however many they are."""
    return usages_in(domain).aggregate(bytes=Sum("bytes"))["bytes"] or 0


def bytes_of(domains: Iterable[int]) -> dict[int, int]:
    """The same of each of some domains; none of one in which nothing was counted yet."""
    rows = _here().filter(domain__in=set(domains)).order_by().values_list("domain")
    return dict(rows.annotate(bytes=Sum("bytes")))


def used_mark(address: Address) -> SafeString:
    """The cell of a list: how much of how much, and of what is limited a bar."""
    size, percent = _shown(address)
    if size is None:
        return format_html('<span class="soft">{}</span>', _("not counted yet"))
    text, quota = filesizeformat(size), getattr(address, "quota", None)
    if quota:
        text = _("%(used)s of %(limit)s") % {"used": text, "limit": filesizeformat(quota)}
    mark = _percent_mark(percent, nearly_full_begins(), get_language()) if percent else ""
    return SafeString(f"{escape(text)} {mark}{_bar(percent, nearly_full_begins())}")


def _shown(address: Address) -> tuple[int | None, int]:
    if not hasattr(address, "used_bytes"):
        usage = usage_of(address)
        return (usage.bytes, usage.percent) if usage else (None, 0)
    return address.used_bytes, getattr(address, "used_percent", None) or 0


@lru_cache(maxsize=1_000)
def _percent_mark(percent: int, begins: int, _language: str | None) -> SafeString:
    if percent < begins:
        return format_html('<span class="aside">{}%</span>', percent)
    word = _("full") if percent >= FULL else _("nearly full")
    return format_html(
        '<span class="status failed">{}{}%<span class="aside"> {}</span></span>',
        icon("failed"),
        percent,
        word,
    )


@lru_cache(maxsize=1_000)
def _bar(percent: int, begins: int) -> SafeString:
    """The percentage beside it says the same."""
    if not percent:
        return SafeString("")
    return format_html(
        '<svg class="bar{}" viewBox="0 0 100 1" preserveAspectRatio="none" aria-hidden="true">'
        '<rect width="100" height="1"/><rect class="part" width="{}" height="1"/></svg>',
        " full" if percent >= begins else "",
        min(percent, FULL),
    )


def _nearly_full() -> QuerySet[Usage]:
    return _here().filter(percent__gte=nearly_full_begins())


def _here() -> QuerySet[Usage]:
    return Usage.objects.filter(node=settings.QMAILPANEL_NODE)
