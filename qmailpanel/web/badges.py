"""The status of a row as it is shown."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language, gettext, gettext_lazy, ngettext

from qmailpanel.reports.statuses import (
    Changed,
    ChangedInDomain,
    NameOfDomain,
    Status,
    Statuses,
    Switched,
)
from qmailpanel.web.templatetags.panel import icon

WORDS = {
    Status.PENDING: gettext_lazy("Pending"),
    Status.LIVE: gettext_lazy("Live"),
    Status.FAILED: gettext_lazy("Failed"),
    Status.REMOVED: gettext_lazy("Removed"),
}


UNSETTLED = (Status.PENDING, Status.FAILED)


@dataclass(frozen=True, slots=True)
class Badge:
    """The status of a row as it is shown; `key` names the row within the page.

    `text`: what it says instead of the status in a word; instead of Live it is not green then.
    `look`: of what is live and not green all the same, "settled" or "failed".
    """

    key: SafeString
    status: Status
    why: str = ""
    text: str = ""
    look: str = ""

    @property
    def is_unsettled(self) -> bool:
        """Pending, or failed and tried again: the pulse goes on until it is neither."""
        return self.status in UNSETTLED

    @property
    def is_address(self) -> bool:
        """Then the row has a place for the reason why."""
        return self.key.startswith("a")

    @property
    def mark(self) -> SafeString:
        """Icon and word; while unsettled it names itself to the pulse. Every row has it."""
        return self._span("")

    @property
    def moved(self) -> SafeString:
        """The mark, to be swapped for the one the page shows."""
        return self._span(' hx-swap-oob="true"')

    def _span(self, attributes: str) -> SafeString:
        name = f'id="status-{self.key}" class="status {self._tone}"{attributes}'
        face = _face(self._shape, self._word, get_language())
        return SafeString(f"<span {name}>{face}{self._to_pulse()}</span>")

    @property
    def _tone(self) -> str:
        return self.look or ("settled" if self.text and self._is_live else self.status)

    @property
    def _shape(self) -> str:
        """No tick beside what says that it is off, or on hold."""
        if self.look == Status.FAILED:
            return Status.FAILED
        return "off" if self.text and self._is_live else self.status

    @property
    def _is_live(self) -> bool:
        return self.status is Status.LIVE

    @property
    def _word(self) -> str:
        return self.text or str(WORDS[self.status])

    def _to_pulse(self) -> str:
        if not self.is_unsettled:
            return ""
        return f'<input type="hidden" class="waiting" name="{self.status}" value="{self.key}">'


@cache
def _face(shape: str, word: str, _language: str | None) -> SafeString:
    return format_html("{}{}", icon(shape), word)


def address_key(address: ChangedInDomain) -> SafeString:
    return SafeString(f"a{address.pk:d}")


def domain_key(domain: Changed) -> SafeString:
    return SafeString(f"d{domain.pk:d}")


def address_badge(statuses: Statuses, address: ChangedInDomain) -> Badge:
    status, why = statuses.explain_address(address)
    return Badge(address_key(address), status, why)


def domain_badge(statuses: Statuses, domain: Switched) -> Badge:
    """The worst of the domain and of all that is in it."""
    failed = statuses.failed_within(domain)
    if failed:
        text = ngettext("%(n)d failed", "%(n)d failed", failed) % {"n": failed}
        return Badge(domain_key(domain), Status.FAILED, text=text)
    status = statuses.of_domain(domain)
    return Badge(domain_key(domain), status, text=_settled_word(statuses, domain, status))


def _settled_word(statuses: Statuses, domain: Switched, status: Status) -> str:
    """What is said of a domain instead of Live; empty where all of it is as the panel wants it."""
    if status is not Status.LIVE:
        return ""
    if not domain.enabled:
        return gettext("Off")
    return gettext("Left as it is") if statuses.is_left_within(domain) else ""


def unserved_word(domain: Switched) -> str:
    """What is said instead of Live of all that is in a domain; empty where the domain is served."""
    if domain.removed:
        return gettext("Domain removed")
    return "" if domain.enabled else gettext("Domain off")


def name_badge(statuses: Statuses, name: NameOfDomain) -> Badge:
    status = statuses.of_name(name)
    text = unserved_word(name.domain) if status is Status.LIVE else ""
    return Badge(SafeString(f"n{name.pk:d}"), status, text=text)
