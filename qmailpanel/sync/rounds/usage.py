"""How full the mailboxes are and when they were opened, read beside all other work.

All homes round after round, and every few seconds those that changed lately. Where deliverquota
holds the limit, its maildirsize is believed as soon as it is known to count all that is there;
else the Maildir is counted whenever one of its directories changed.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone

from qmailpanel.domains.models import Address, Domain, Kind
from qmailpanel.qmail.formats.maildir import MaildirSize
from qmailpanel.qmail.host.home_usage import OpenHome, Total, entered_home
from qmailpanel.qmail.layout.rows import Layout
from qmailpanel.qmail.names import MailUser
from qmailpanel.qmail.pause import Round
from qmailpanel.reports.models import LastUse, Usage
from qmailpanel.sync.publish import newest_change

from .every import Every
from .last_use import LastUses

HOMES = 100  # between two pauses
ALL_SECONDS = 300.0
LIVELY_SECONDS = 2.0
STAYS_SECONDS = 600.0  # how long a box is looked at often after it changed
LIVELY = 200  # how many of them
CALM = 10  # per cent below the warning, from where on the next one is news again
MOST_PERCENT = 10_000
MOST = 2**50  # of bytes or messages; the sum of many such still fits a column


@dataclass(frozen=True, slots=True)
class BoxRow:
    """A mailbox that delivers, as the database has it."""

    address: int
    domain: int
    name: str
    local: str
    quota: int
    messages: int

    @property
    def limits(self) -> tuple[int, int]:
        return self.quota, self.messages


class UsageRounds:
    """Looks at all homes, and more often at those that changed lately; never at both at once."""

    def __init__(self, layout: Layout, owner: MailUser | None) -> None:
        self.layout = layout
        self.owner = owner
        self.all = Every(ALL_SECONDS, self.look_at_all)
        self.lively = Every(LIVELY_SECONDS, self.look_at_lively, behind=self.all)
        self.rounds = (self.all, self.lively)
        self._through = 0
        self._lively: dict[int, float] = {}  # address → until when

    def look_at_all(self) -> Round[None]:
        """Every home, in the order of their numbers."""
        last, known = 0, set[int]()
        while rows := _read_rows(_boxes().filter(pk__gt=last)[:HOMES]):
            yield from self._look(rows)
            last = rows[-1].address
            known.update(row.address for row in rows)
            yield
        _forget_all_but(known)

    def look_at_lively(self) -> Round[None]:
        """Those that changed lately, on the panel or on the host."""
        self._take_changes()
        now = time.monotonic()
        self._lively = {a: until for a, until in self._lively.items() if until > now}
        if self._lively:
            yield from self._look(_read_rows(_boxes().filter(pk__in=self._lively)))

    def _take_changes(self) -> None:
        newest = newest_change()
        if newest == self._through:
            return
        changed = _boxes().filter(change__gt=self._through).order_by("-change")
        for address in changed.values_list("pk", flat=True)[:LIVELY]:
            self._note(address)
        self._through = newest

    def _note(self, address: int) -> None:
        self._lively[address] = time.monotonic() + STAYS_SECONDS
        if len(self._lively) > LIVELY:
            del self._lively[min(self._lively, key=self._lively.__getitem__)]

    def _look(self, rows: Sequence[BoxRow]) -> Round[None]:
        """Write what is new of these boxes."""
        addresses = [row.address for row in rows]
        here = Usage.objects.filter(node=settings.QMAILPANEL_NODE, address__in=addresses)
        before = {usage.address: usage for usage in here}
        usages, uses = list[Usage](), LastUses(addresses)
        for row in rows:
            usage = yield from self._look_at_box(row, before.get(row.address), uses)
            usages += [usage] if usage else []
        self._write_news(usages, before)
        uses.write()

    def _write_news(self, usages: Sequence[Usage], before: Mapping[int, Usage]) -> None:
        fresh = [usage for usage in usages if _is_news(usage, before.get(usage.address))]
        _write_usages(fresh)
        for usage in fresh:
            if usage.address in before:
                self._note(usage.address)
        warned = [usage for usage in usages if usage.warned_at]
        _forget_warnings([usage.address for usage in warned if _is_calm(usage)])

    def _look_at_box(self, row: BoxRow, old: Usage | None, uses: LastUses) -> Round[Usage | None]:
        """What is to be said of the box; None where it is not there, or cannot be read."""
        new = _usage(row, old)
        try:
            with entered_home(self.layout.mail_root, row.name, row.local) as home:
                uses.look(row.address, home)
                yield from self._measure(home, row, new)
        except OSError:
            return None
        new.percent = _percent(row, new)
        return new

    def _measure(self, home: OpenHome, row: BoxRow, new: Usage) -> Round[None]:
        """Fill in `new`. See the module for who is believed."""
        size = home.read_size()
        held = size if self.layout.deliverquota and any(row.limits) else None
        believed = held if held and any(held.limits) else None
        if believed and believed.usage and new.counted:
            _set_total(new, believed.used)
            return
        new.counted, stamp = False, home.stamp()
        if not believed and stamp == new.stamp:
            return
        total = yield from home.count()
        _set_total(new, total)
        new.stamp = stamp
        if believed and home.read_size() == believed and home.stamp() == stamp:
            new.counted = self._mend(home, total, believed)

    def _mend(self, home: OpenHome, total: Total, size: MaildirSize) -> bool:
        """Let maildirsize count what is there: one line more, appended.

        A file that is replaced would lose the line that a delivery adds just then; an appended
        one loses none. Where anything changed while it was counted, a next look does it. Only a
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


def _boxes() -> QuerySet[Address]:
    """Addresses with a Maildir that deliver."""
    domains = Domain.objects.claiming().filter(removed=False)
    rows = Address.objects.claiming().filter(kind=Kind.MAILBOX, removed=False)
    return rows.filter(domain__in=domains).order_by("pk")


def _read_rows(boxes: QuerySet[Address]) -> list[BoxRow]:
    names = ("pk", "domain_id", "domain__name", "local", "mailbox__quota", "mailbox__messages")
    return [BoxRow(*row) for row in boxes.values_list(*names)]


def _usage(row: BoxRow, old: Usage | None) -> Usage:
    """A row to be filled in, which begins as the old one."""
    return Usage(
        node=settings.QMAILPANEL_NODE,
        domain=row.domain,
        address=row.address,
        at=timezone.now(),
        **{name: getattr(old, name) for name in _CARRIED if old},
    )


_CARRIED = ("bytes", "messages", "counted", "stamp", "warned_at")
_MEASURED = ("bytes", "messages", "counted", "stamp", "percent")


def _is_news(usage: Usage, old: Usage | None) -> bool:
    return old is None or any(getattr(usage, name) != getattr(old, name) for name in _MEASURED)


def _set_total(usage: Usage, total: Total) -> None:
    """Strangers may have written anything: no less than nothing, no more than the column holds."""
    usage.bytes, usage.messages = (min(max(number, 0), MOST) for number in total)


def _percent(row: BoxRow, usage: Usage) -> int:
    """Of the nearest limit."""
    pairs = ((usage.bytes, row.quota), (usage.messages, row.messages))
    return max(min(used * 100 // limit, MOST_PERCENT) if limit else 0 for used, limit in pairs)


def _write_usages(usages: Sequence[Usage]) -> None:
    """All but when owners were warned, which may have come about meanwhile."""
    Usage.objects.bulk_create(
        usages,
        update_conflicts=True,
        unique_fields=["node", "address"],
        update_fields=["domain", "at", *_MEASURED],
    )


def _forget_warnings(addresses: Sequence[int]) -> None:
    """The next time that these are nearly full is news again."""
    if addresses:
        here = Usage.objects.filter(node=settings.QMAILPANEL_NODE, address__in=addresses)
        here.update(warned_at=None)


def _is_calm(usage: Usage) -> bool:
    return usage.percent < settings.QMAILPANEL_WARN_PERCENT - CALM


def _forget_all_but(known: set[int]) -> None:
    """Boxes that deliver no more."""
    for model in (Usage, LastUse):
        here = model.objects.filter(node=settings.QMAILPANEL_NODE)
        gone = sorted(set(here.values_list("address", flat=True)) - known)
        for start in range(0, len(gone), 500):
            here.filter(address__in=gone[start : start + 500]).delete()
