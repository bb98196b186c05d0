"""A mailbox or an alias as its list shows it; not a template, which takes five times as long."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from html import escape

from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from qmailpanel.domains.access.limits import EXPECTED
from qmailpanel.domains.fullness import used_mark
from qmailpanel.domains.models import Address, Kind
from qmailpanel.domains.routes.fates import Fates
from qmailpanel.domains.routes.picture import say_loss
from qmailpanel.domains.targets import targets_of
from qmailpanel.reports.statuses import Status, Statuses

from .badge import badge_of


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
        host = SafeString(escape(f"@{display}"))
        remove = SafeString(escape(_("Remove")))
        return cls(request, SafeString(escape(href)), host, remove, can_remove)

    def row(
        self,
        statuses: Statuses,
        fates: Fates,
        address: Address,
        *,
        new: bool = False,
        focus: bool = False,
        why: str = "",
    ) -> SafeString:
        """The row of an address; `focus` goes to what it can do."""
        badge = badge_of(statuses, address, fates)
        key, href = badge.key, f"{self.href}{address.pk:d}/"
        name = f'{escape(address.local)}<span class="at">{self.host}</span>'
        tags = _tags(statuses, address)
        comment = f'<span class="note">{escape(address.comment)}</span>' if address.comment else ""
        return SafeString(
            f'<tr id="row-{key}" class="{"gone" if address.removed else "new" if new else ""}">'
            f'<th scope="row"><a class="hero" data-open href="{href}">{name}</a>{tags}{comment}'
            f'<span id="why-{key}" class="why">{escape(why or badge.why)}</span></th>'
            f"{_to_cell(address, fates)}"
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


def _tags(statuses: Statuses, address: Address) -> str:
    """What keeps mail from it, or people from its mail, in a few words each."""
    words = [] if address.removed else _words(statuses, address)
    return "".join(f' <span class="tag">{escape(word)}</span>' for word in words)


def _words(statuses: Statuses, address: Address) -> Iterator[str]:
    """While it is live its status says the first three."""
    if statuses.of_address(address) is not Status.LIVE:
        if not address.enabled:
            yield _("off")
        if getattr(address, "on_hold", None):
            yield _("on hold")
        if statuses.is_left(address):
            yield _("left as changed by hand")
    if getattr(address, "replies", None):
        yield _("auto-reply")
    if address.enabled and getattr(address, "has_password", None) is False:
        yield _("no password")


def _to_cell(address: Address, fates: Fates) -> str:
    """Where its mail goes on to, and what does not arrive there; of most mailboxes nothing."""
    if address.removed:
        return '<td class="to"></td>'
    targets = targets_of(address)
    if not targets:
        return '<td class="to"></td>'
    loss = say_loss(targets, fates)
    remark = f'<span class="why">{escape(loss)}</span>' if loss else ""
    keeps = f'<span class="note">{escape(_("a copy stays"))}</span>' if _keeps(address) else ""
    where = escape(joined(targets))
    return f'<td class="to"><span class="mono clip">{where}</span>{keeps}{remark}</td>'


def _keeps(address: Address) -> bool:
    return address.kind == Kind.MAILBOX and getattr(address, "keeps", None) is not False


def joined(texts: Iterable[str], most: int = 3) -> str:
    """The first few, and how many more there are."""
    some = list(texts)
    rest = len(some) - most
    return ", ".join(some[:most]) + (f" +{rest}" if rest > 0 else "")
