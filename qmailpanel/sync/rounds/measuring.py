"""How full one mailbox is.

Where deliverquota holds the limit, its maildirsize is believed as soon as it is known to count all
that is there; else the Maildir is counted whenever one of its directories changed.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings
from django.utils import timezone

from qmailpanel.qmail.formats.maildir import MaildirSize
from qmailpanel.qmail.host.home_usage import OpenHome, Total
from qmailpanel.qmail.layout.rows import Layout
from qmailpanel.qmail.names import MailUser
from qmailpanel.qmail.pause import Round
from qmailpanel.reports.models import Usage

MOST_PERCENT = 10_000
MOST = 2**50  # of bytes or messages; the sum of many such still fits a column
_KEPT = ("bytes", "messages", "counted", "stamp", "warned_at")


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveringMailbox:
    """A mailbox that delivers, as the database has it; limits are 0 where there is none."""

    address: int
    domain: int
    name: str  # of the domain
    local: str
    quota: int
    messages: int

    @property
    def has_limit(self) -> bool:
        return bool(self.quota or self.messages)


@dataclass(frozen=True, slots=True)
class Measuring:
    """`owner`: whom maildirsize must belong to; None where we may not change owners."""

    layout: Layout
    owner: MailUser | None

    def measure(
        self, home: OpenHome, mailbox: DeliveringMailbox, old: Usage | None
    ) -> Round[Usage]:
        """The usage of a mailbox whose home is open. `old`: what was measured last."""
        usage = _begin_with(mailbox, old)
        size = home.read_size()
        is_limited = bool(self.layout.deliverquota and mailbox.has_limit)
        believed = size if is_limited and size and any(size.limits) else None
        if believed and believed.usage and usage.counted:
            _set_total(usage, believed.used)
        else:
            yield from self._count(home, usage, believed)
        usage.percent = _percent_of(mailbox, usage)
        return usage

    def _count(self, home: OpenHome, usage: Usage, believed: MaildirSize | None) -> Round[None]:
        usage.counted, stamp = False, home.stamp()
        if not believed and stamp == usage.stamp:
            return
        total = yield from home.count()
        _set_total(usage, total)
        usage.stamp = stamp
        if believed and home.read_size() == believed and home.stamp() == stamp:
            usage.counted = self._mend_size(home, total, believed)

    def _mend_size(self, home: OpenHome, total: Total, size: MaildirSize) -> bool:
        """Let maildirsize count what is there: one line more, appended.

        A file that is replaced would lose the line that a delivery adds just then; an appended
        one loses none. Where anything changed while it was counted, a next round does it. Only a
        delivery that has stored its message and not yet noted it is counted twice, until the
        program that holds quotas counts again by itself.
        """
        used = size.used
        if size.usage and used == total:
            return True
        try:
            home.add(total[0] - used[0], total[1] - used[1], self.owner)
        except OSError:
            return False
        return True


def _begin_with(mailbox: DeliveringMailbox, old: Usage | None) -> Usage:
    """A usage to be filled in, which begins as the old one."""
    return Usage(
        node=settings.QMAILPANEL_NODE,
        domain=mailbox.domain,
        address=mailbox.address,
        at=timezone.now(),
        **{name: getattr(old, name) for name in _KEPT if old},
    )


def _set_total(usage: Usage, total: Total) -> None:
    """Strangers may have written anything: no less than nothing, no more than the column holds."""
    usage.bytes, usage.messages = (min(max(number, 0), MOST) for number in total)


def _percent_of(mailbox: DeliveringMailbox, usage: Usage) -> int:
    """Of the nearest limit."""
    pairs = ((usage.bytes, mailbox.quota), (usage.messages, mailbox.messages))
    return max(min(used * 100 // limit, MOST_PERCENT) if limit else 0 for used, limit in pairs)
