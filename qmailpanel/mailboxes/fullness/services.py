"""How full a mailbox is and when it was opened, in words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.template.defaultfilters import filesizeformat
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from qmailpanel.domains.fullness import FULL, is_nearly_full, usage_of
from qmailpanel.domains.models import Address
from qmailpanel.mailboxes.models import AppPassword, Mailbox
from qmailpanel.reports.models import LastUse, Usage
from qmailpanel.reports.node import holds_quotas

PROTOCOLS = {"imap": "IMAP", "pop3": "POP3", "smtp": "SMTP"}


@dataclass(frozen=True, slots=True)
class Bar:
    """How much of one limit is used; `percent` is none without a limit."""

    text: str
    percent: int | None = None

    @property
    def width(self) -> int:
        return min(self.percent or 0, 100)

    @property
    def is_nearly_full(self) -> bool:
        return is_nearly_full(self.percent or 0)

    @property
    def is_full(self) -> bool:
        return (self.percent or 0) >= FULL


@dataclass(frozen=True, slots=True)
class Used:
    """The context of components/usage.html. `holds`: mail to a full mailbox is refused."""

    bars: list[Bar]
    at: datetime
    holds: bool


@dataclass(frozen=True, slots=True)
class Use:
    """When and from where somebody, or the program of an app password, came last."""

    who: str
    at: datetime
    ip: str | None


@dataclass(frozen=True, slots=True)
class AppRow:
    """An app password as the lists show it; `use`: none, never yet."""

    app: AppPassword
    use: LastUse | None


def used_of(mailbox: Mailbox, address: Address) -> Used | None:
    """None while it is not counted."""
    usage = usage_of(address)
    if usage is None:
        return None
    bars = bars_of(mailbox, usage)
    is_full = any(bar.is_full for bar in bars)
    return Used(bars, usage.at, holds=is_full and holds_quotas())


def bars_of(mailbox: Mailbox, usage: Usage) -> list[Bar]:
    """Of bytes and of messages."""
    return [
        _bar(_sized, usage.bytes, mailbox.quota),
        _bar(_counted, usage.messages, mailbox.messages),
    ]


def find_mailboxes(usages: Sequence[Usage]) -> list[tuple[Mailbox, list[Bar]]]:
    """The mailbox of each, in the same order, and how full it is."""
    boxes = Mailbox.objects.filter(address__in=[usage.address for usage in usages])
    known = {box.address_id: box for box in boxes.select_related("address__domain")}
    pairs = [(known[usage.address], usage) for usage in usages]
    return [(box, bars_of(box, usage)) for box, usage in pairs]


def _bar(words: Callable[[int, int], str], used: int, limit: int) -> Bar:
    return Bar(words(used, limit), used * 100 // limit if limit else None)


def _sized(used: int, limit: int) -> str:
    sizes = {"used": filesizeformat(used), "limit": filesizeformat(limit)}
    return (_("%(used)s of %(limit)s used") if limit else _("%(used)s used, no limit")) % sizes


def _counted(used: int, limit: int) -> str:
    counts = {"used": number_format(used), "limit": number_format(limit)}
    if limit:
        text = ngettext("%(used)s of %(limit)s message", "%(used)s of %(limit)s messages", limit)
    else:
        text = ngettext("%(used)s message, no limit", "%(used)s messages, no limit", used)
    return text % counts


def last_uses(address: Address) -> list[Use]:
    """The newest first; an app password by its name, and without one that is gone."""
    here = LastUse.objects.filter(node=settings.QMAILPANEL_NODE, address=address.pk)
    uses = list(here.order_by("-at", "what"))
    names = _app_names(address) if any(_is_app(use) for use in uses) else {}
    known = PROTOCOLS | names
    return [Use(known[use.what], use.at, use.ip) for use in uses if use.what in known]


def app_rows(mailbox: Mailbox) -> list[AppRow]:
    """The app passwords of a mailbox, and when each was used last."""
    here = LastUse.objects.filter(node=settings.QMAILPANEL_NODE, address=mailbox.address_id)
    uses = {use.what: use for use in here}
    return [AppRow(row, uses.get(f"app-{row.pk}")) for row in mailbox.app_passwords.all()]


def _is_app(use: LastUse) -> bool:
    return use.what not in PROTOCOLS


def _app_names(address: Address) -> dict[str, str]:
    rows = AppPassword.objects.filter(mailbox__address=address)
    return {f"app-{pk}": name for pk, name in rows.values_list("pk", "name")}
