"""When a mailbox was opened last: the files that sign-ins leave in its home."""

from __future__ import annotations

import contextlib
import time
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from ipaddress import ip_address

from django.conf import settings

from qmailpanel.mailboxes.models import AppPassword
from qmailpanel.qmail.host.home_usage import Mark, OpenHome
from qmailpanel.reports.models import LastUse

PROTOCOLS = ("imap", "pop3", "smtp")
AHEAD = 60.0  # seconds that a clock may be ahead


class LastUses:
    """Of some mailboxes: reads their homes one by one, and writes what is new in one go.

    `opened`: those that anybody opened, ever.
    """

    def __init__(self, addresses: Sequence[int]) -> None:
        here = LastUse.objects.filter(node=settings.QMAILPANEL_NODE, address__in=addresses)
        self._known = {(use.address, use.what): (use.at, use.ip) for use in here}
        self.opened = {address for address, _what in self._known}
        self._apps = defaultdict[int, list[int]](list)
        rows = AppPassword.objects.filter(mailbox__address__in=addresses)
        for address, app in rows.values_list("mailbox__address", "pk"):
            self._apps[address].append(app)
        self._fresh: list[LastUse] = []

    def read(self, address: int, home: OpenHome) -> None:
        """Each file is asked for by its name; what cannot be believed is left out."""
        for what in (*PROTOCOLS, *(f"app-{app}" for app in self._apps[address])):
            mark = home.read_mark(f".last-{what}")
            at = _time_of(mark) if mark else None
            if mark and at and self._known.get((address, what)) != (at, _ip_of(mark)):
                self.opened.add(address)
                self._fresh.append(
                    LastUse(
                        node=settings.QMAILPANEL_NODE,
                        address=address,
                        what=what,
                        at=at,
                        ip=_ip_of(mark),
                    )
                )

    def write(self) -> None:
        LastUse.objects.bulk_create(
            self._fresh,
            update_conflicts=True,
            unique_fields=["node", "address", "what"],
            update_fields=["at", "ip"],
        )


def _time_of(mark: Mark) -> datetime | None:
    """In whole seconds; None for a time that cannot be."""
    if not 0 < mark.at < time.time() + AHEAD:
        return None
    return datetime.fromtimestamp(int(mark.at), UTC)


def _ip_of(mark: Mark) -> str | None:
    """Without the zone that an address of this very network may have: databases take none."""
    with contextlib.suppress(ValueError):
        return str(ip_address(mark.text[:64].decode("ascii").strip().partition("%")[0]))
    return None
