"""How full the mailboxes are and when they were opened, read beside all other work.

All homes round after round, and every few seconds those that changed lately.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress

from django.conf import settings
from django.db.models import QuerySet

from qmailpanel.domains.models import Address, Domain, Kind
from qmailpanel.qmail.host.home_usage import entered_home
from qmailpanel.qmail.layout.declared import check_row
from qmailpanel.qmail.layout.rows import Layout
from qmailpanel.qmail.names import InvalidName, MailUser
from qmailpanel.qmail.pause import Round
from qmailpanel.reports.models import LastUse, Usage
from qmailpanel.sync.publish import newest_change

from .every import Every
from .last_use import LastUses
from .measuring import DeliveringMailbox, Measuring

HOMES = 100  # between two pauses
ALL_SECONDS = 300.0
LIVELY_SECONDS = 2.0
STAYS_SECONDS = 600.0  # how long a mailbox is lively after it changed
LIVELY = 200  # how many are
CALM = 10  # per cent below the warning, from where on the next one is news again
_MEASURED = ("bytes", "messages", "counted", "stamp", "percent", "opened")


class UsageRounds:
    """Reads all homes, and more often those that changed lately; never both at once."""

    def __init__(self, layout: Layout, owner: MailUser | None) -> None:
        self.mail_root = os.path.realpath(layout.mail_root)
        self.measuring = Measuring(layout, owner)
        self.all = Every(ALL_SECONDS, self.read_all)
        self.lively = Every(LIVELY_SECONDS, self.read_lively, behind=self.all)
        self.rounds = (self.all, self.lively)
        self._through = 0
        self._lively: dict[int, float] = {}  # address → until when

    def read_all(self) -> Round[None]:
        """Every home, in the order of their numbers."""
        last, known = 0, set[int]()
        while mailboxes := _read_mailboxes(_delivering().filter(pk__gt=last)[:HOMES]):
            yield from self._read_homes(mailboxes)
            last = mailboxes[-1].address
            known.update(mailbox.address for mailbox in mailboxes)
            yield
        _forget_all_but(known)

    def read_lively(self) -> Round[None]:
        """Those that changed lately, on the panel or on the host."""
        self._note_changes()
        now = time.monotonic()
        self._lively = {a: until for a, until in self._lively.items() if until > now}
        if self._lively:
            lively = _delivering().filter(pk__in=self._lively)
            yield from self._read_homes(_read_mailboxes(lively))

    def _note_changes(self) -> None:
        newest = newest_change()
        if newest == self._through:
            return
        changed = _delivering().filter(change__gt=self._through).order_by("-change")
        for address in changed.values_list("pk", flat=True)[:LIVELY]:
            self._note_lively(address)
        self._through = newest

    def _note_lively(self, address: int) -> None:
        self._lively[address] = time.monotonic() + STAYS_SECONDS
        if len(self._lively) > LIVELY:
            del self._lively[min(self._lively, key=self._lively.__getitem__)]

    def _read_homes(self, mailboxes: Sequence[DeliveringMailbox]) -> Round[None]:
        """Write what is new of these."""
        addresses = [mailbox.address for mailbox in mailboxes]
        here = Usage.objects.filter(node=settings.QMAILPANEL_NODE, address__in=addresses)
        before = {usage.address: usage for usage in here}
        usages, uses = list[Usage](), LastUses(addresses)
        for mailbox in mailboxes:
            usage = yield from self._read_home(mailbox, before.get(mailbox.address), uses)
            if usage:
                usages.append(usage)
        self._write_news(usages, before)
        uses.write()

    def _read_home(
        self, mailbox: DeliveringMailbox, old: Usage | None, uses: LastUses
    ) -> Round[Usage | None]:
        """None where it is not there, or cannot be read."""
        try:
            with entered_home(self.mail_root, mailbox.name, mailbox.local) as home:
                uses.read(mailbox.address, home)
                usage = yield from self.measuring.measure(home, mailbox, old)
                usage.opened = mailbox.address in uses.opened
                return usage
        except OSError:
            return None

    def _write_news(self, usages: Sequence[Usage], before: Mapping[int, Usage]) -> None:
        fresh = [usage for usage in usages if _is_news(usage, before.get(usage.address))]
        _write_usages(fresh)
        for usage in fresh:
            if usage.address in before:
                self._note_lively(usage.address)
        warned = [usage for usage in usages if usage.warned_at]
        _forget_warnings([usage.address for usage in warned if _is_calm(usage)])


def _delivering() -> QuerySet[Address]:
    """Addresses with a Maildir that deliver."""
    domains = Domain.objects.claiming().filter(removed=False)
    addresses = Address.objects.claiming().filter(kind=Kind.MAILBOX, removed=False)
    return addresses.filter(domain__in=domains).order_by("pk")


def _read_mailboxes(addresses: QuerySet[Address]) -> list[DeliveringMailbox]:
    fields = ("pk", "domain_id", "domain__name", "local", "mailbox__quota", "mailbox__messages")
    mailboxes = []
    for pk, domain, name, local, quota, messages in addresses.values_list(*fields):
        mailbox = DeliveringMailbox(
            address=pk, domain=domain, name=name, local=local, quota=quota, messages=messages
        )
        with suppress(InvalidName):  # of what it has instead its address is told
            check_row(mailbox)
            mailboxes.append(mailbox)
    return mailboxes


def _is_news(usage: Usage, old: Usage | None) -> bool:
    return old is None or any(getattr(usage, name) != getattr(old, name) for name in _MEASURED)


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
    """Drop what is known of mailboxes that deliver no more."""
    for model in (Usage, LastUse):
        here = model.objects.filter(node=settings.QMAILPANEL_NODE)
        gone = sorted(set(here.values_list("address", flat=True)) - known)
        for start in range(0, len(gone), 500):
            here.filter(address__in=gone[start : start + 500]).delete()
