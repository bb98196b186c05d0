"""A mailbox or an alias as its list shows it; not a template, which takes five times as long."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.html import escape
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from qmailpanel.domains.access.limits import EXPECTED
from qmailpanel.domains.addresses.services import targets_of
from qmailpanel.domains.fullness import used_mark
from qmailpanel.domains.models import Address, Kind
from qmailpanel.reports.statuses import Statuses
from qmailpanel.web.badges import address_badge


@dataclass(frozen=True, slots=True)
class AddressList:
    """The list that rows stand in: its address, and what follows each local part."""

    request: HttpRequest
    href: SafeString
    host: SafeString
    remove: SafeString
    can_remove: bool

    @classmethod
    def of(cls, request: HttpRequest, href: str, display: str, *, can_remove: bool) -> AddressList:
        host = escape(f"@{display}")
        return cls(request, escape(href), host, escape(_("Remove")), can_remove)

    def row(
        self,
        statuses: Statuses,
        address: Address,
        *,
        new: bool = False,
        focus: bool = False,
        why: str = "",
    ) -> SafeString:
        """The row of an address; `focus` goes to what it can do."""
        badge = address_badge(statuses, address)
        key, href = badge.key, f"{self.href}{address.pk:d}/"
        name = f'{escape(address.local)}<span class="at">{self.host}</span>'
        off = "" if address.enabled else f' <span class="tag">{escape(_("off"))}</span>'
        comment = f'<span class="note">{escape(address.comment)}</span>' if address.comment else ""
        return SafeString(
            f'<tr id="row-{key}" class="{"gone" if address.removed else "new" if new else ""}">'
            f'<th scope="row"><a class="hero" data-open href="{href}">{name}</a>{off}{comment}'
            f'<span id="why-{key}" class="why">{escape(why or badge.why)}</span></th>'
            f'<td class="to mono clip">{escape(_goes_to(address))}</td>'
            f"{_used_cell(address)}"
            f'<td class="state">{badge.mark}</td>'
            f'<td class="acts">{self._act(address, href, focus=focus)}</td></tr>'
        )

    def _act(self, address: Address, href: str, *, focus: bool) -> str:
        if not self.can_remove:
            return ""
        full = f"{escape(address.local)}{self.host}"
        if address.removed:
            named = {"href": SafeString(href), "full": SafeString(full), "focus": focus}
            return render_to_string("components/undo.html", named, self.request)
        if address.kind == Kind.ALIAS and address.local in EXPECTED:
            return ""
        return (
            f'<a class="act" href="{href}remove/" hx-get="{href}remove/" hx-target="closest tr"'
            f' hx-swap="outerHTML"{" autofocus" if focus else ""}>'
            f'{self.remove}<span class="aside"> {full}</span></a>'
        )


def _used_cell(address: Address) -> str:
    """How full a mailbox is; an alias holds nothing."""
    if address.kind != Kind.MAILBOX:
        return ""
    return f'<td class="used">{used_mark(address)}</td>'


def _goes_to(address: Address) -> str:
    """Where its mail goes."""
    if address.kind == Kind.MAILBOX:
        return f"{address.local}/Maildir/"
    return joined(targets_of(address))


def joined(texts: Iterable[str], most: int = 3) -> str:
    """The first few, and how many more there are."""
    some = list(texts)
    rest = len(some) - most
    return ", ".join(some[:most]) + (f" +{rest}" if rest > 0 else "")
