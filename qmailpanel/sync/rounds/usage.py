"""How full the mailboxes are and when they were opened, read beside all other work.

Round after round a few homes at a time, and every few seconds those that changed lately. Where
deliverquota holds the limit, its maildirsize is believed as soon as it is known to count all that
is there; else the Maildir is counted whenever one of its directories changed.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field

from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone

from qmailpanel.domains.models import Address, Domain, Kind
from qmailpanel.qmail.formats.maildir import MaildirSize
from qmailpanel.qmail.host.usage import Box, Total, open_box
from qmailpanel.qmail.layout.rows import Layout
from qmailpanel.qmail.names import MailUser
from qmailpanel.reports.models import LastUse, Usage
from qmailpanel.sync.publish import newest_change

from .last_use import LastUses
from .nearly_full import warn_owners

HOMES = 100  # between two breaths
ROUND_SECONDS = 300.0
QUICK_SECONDS = 2.0
LIVELY_SECONDS = 600.0  # how long a box is looked at often after it changed
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


@dataclass
class UsageRounds:
    """Looks at homes when it is time to. `step` does a small part."""

    layout: Layout
    owner: MailUser | None
    _round_at: float = 0.0
    _quick_at: float = 0.0
    _through: int = 0
    _lively: dict[int, float] = field(default_factory=dict)  # address → until when
    _work: Iterator[bool] = field(default_factory=lambda: iter(()))

    def step(self) -> bool:
        """Whether there is more to do at once."""
        if next(self._work, False):
            return True
        now = time.monotonic()
        if now >= self._round_at:
            self._round_at = now + ROUND_SECONDS
            self._work = self._look_at_all()
            return True
        if now >= self._quick_at:
            self._quick_at = now + QUICK_SECONDS
            self._work = self._look_at_lively()
        return False

    def _look_at_all(self) -> Iterator[bool]:
        """Every home, in the order of their numbers."""
        last, known = 0, set[int]()
        while rows := _read_rows(_boxes().filter(pk__gt=last)[:HOMES]):
            yield from self._look(rows)
            last = rows[-1].address
            known.update(row.address for row in rows)
            yield True
        _forget_all_but(known)
        warn_owners()

    def _look_at_lively(self) -> Iterator[bool]:
        """Those that changed lately, on the panel or on the host."""
        self._take_changes()
        now = time.monotonic()
        self._lively = {a: until for a, until in self._lively.items() if until > now}
        if not self._lively:
            return
        if (yield from self._look(_read_rows(_boxes().filter(pk__in=self._lively)))):
            warn_owners()

    def _take_changes(self) -> None:
        newest = newest_change()
        if newest == self._through:
            return
        changed = _boxes().filter(change__gt=self._through).order_by("-change")
        for address in changed.values_list("pk", flat=True)[:LIVELY]:
            self._note(address)
        self._through = newest

    def _note(self, address: int) -> None:
        self._lively[address] = time.monotonic() + LIVELY_SECONDS
        if len(self._lively) > LIVELY:
            del self._lively[min(self._lively, key=self._lively.__getitem__)]

    def _look(self, rows: Sequence[BoxRow]) -> Generator[bool, None, bool]:
        """Whether anything was news."""
        addresses = [row.address for row in rows]
        here = Usage.objects.filter(node=settings.QMAILPANEL_NODE, address__in=addresses)
        before, fresh = {old.address: old for old in here}, list[Usage]()
        uses = LastUses(addresses)
        for row in rows:
            old = before.get(row.address)
            new = yield from self._see(row, old, uses)
            if new and (old is None or _content(new) != _content(old)):
                fresh.append(new)
                if old:
                    self._note(row.address)
        _write(fresh)
        uses.write()
        return bool(fresh)

    def _see(
        self, row: BoxRow, old: Usage | None, uses: LastUses
    ) -> Generator[bool, None, Usage | None]:
        """What is to be said of the box; None where it is not there, or cannot be read."""
        new = _usage(row, old)
        try:
            with open_box(self.layout.mail_root, row.name, row.local) as box:
                uses.look(row.address, box)
                yield from self._measure(box, row, new)
        except OSError:
            return None
        new.percent = _percent(row, new)
        if new.percent < settings.QMAILPANEL_WARN_PERCENT - CALM:
            new.warned_at = None
        return new

    def _measure(self, box: Box, row: BoxRow, new: Usage) -> Iterator[bool]:
        """Fill in `new`. See the module for who is believed."""
        size = box.read_size()
        held = size if self.layout.deliverquota and any(row.limits) else None
        believed = held if held and any(held.limits) else None
        if believed and believed.usage and new.counted:
            _set_total(new, believed.used)
            return
        new.counted, stamp = False, box.stamp()
        if not believed and stamp == new.stamp:
            return
        total = yield from _breathe(box.count())
        _set_total(new, total)
        new.stamp = stamp
        if believed and box.read_size() == believed and box.stamp() == stamp:
            new.counted = self._mend(box, total, believed)

    def _mend(self, box: Box, total: Total, size: MaildirSize) -> bool:
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
            box.add(total[0] - used[0], total[1] - used[1], self.owner)
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
_FIELDS = [*_CARRIED, "percent"]


def _content(usage: Usage) -> tuple[object, ...]:
    return tuple(getattr(usage, name) for name in _FIELDS)


def _set_total(usage: Usage, total: Total) -> None:
    """Strangers may have written anything: no less than nothing, no more than the column holds."""
    usage.bytes, usage.messages = (min(max(number, 0), MOST) for number in total)


def _percent(row: BoxRow, usage: Usage) -> int:
    """Of the nearest limit."""
    pairs = ((usage.bytes, row.quota), (usage.messages, row.messages))
    return max(min(used * 100 // limit, MOST_PERCENT) if limit else 0 for used, limit in pairs)


def _breathe(count: Generator[None, None, Total]) -> Generator[bool, None, Total]:
    while True:
        try:
            next(count)
        except StopIteration as end:
            total: Total = end.value
            return total
        yield True


def _write(fresh: Sequence[Usage]) -> None:
    Usage.objects.bulk_create(
        fresh,
        update_conflicts=True,
        unique_fields=["node", "address"],
        update_fields=["domain", "at", *_FIELDS],
    )


def _forget_all_but(known: set[int]) -> None:
    """Boxes that deliver no more."""
    for model in (Usage, LastUse):
        here = model.objects.filter(node=settings.QMAILPANEL_NODE)
        gone = sorted(set(here.values_list("address", flat=True)) - known)
        for start in range(0, len(gone), 500):
            here.filter(address__in=gone[start : start + 500]).delete()
