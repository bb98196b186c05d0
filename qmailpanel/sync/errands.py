"""What people want to know of the host: sync alone can read its files."""

from __future__ import annotations

import logging
import time
from datetime import timedelta

from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone

from qmailpanel.qmail.host.route_reader import RouteReader
from qmailpanel.qmail.layout.rows import Layout
from qmailpanel.qmail.names import InvalidName, MailAddress
from qmailpanel.qmail.route.ends import Leg
from qmailpanel.qmail.route.walk import find_route

from .models import Errand

log = logging.getLogger(__name__)

AT_ONCE = 5
SECONDS = 1.0  # for each
SHOWN = 300  # characters of what others wrote
KEPT = timedelta(minutes=10)


def run_errands(layout: Layout) -> None:
    """Answer what waits, the oldest first."""
    for errand in _here().filter(begun=None).order_by("id")[:AT_ONCE]:
        _run(layout, errand)


def forget_errands() -> None:
    """Those that were begun long ago."""
    _here().filter(begun__lt=timezone.now() - KEPT).delete()


def _here() -> QuerySet[Errand]:
    return Errand.objects.filter(node=settings.QMAILPANEL_NODE)


def _run(layout: Layout, errand: Errand) -> None:
    """It is begun once, whatever comes of it: what ends the service then does not do so again."""
    errand.begun, errand.answer = timezone.now(), []
    errand.save(update_fields=["begun"])
    try:
        errand.answer = answer_to(layout, errand.about)
    except Exception:
        log.exception("an errand about %r could not be done", errand.about)
    errand.answered = timezone.now()
    errand.save(update_fields=["answer", "answered"])


def answer_to(layout: Layout, about: str) -> list[object]:
    """The legs of the route, as JSON has them; none of what is no address, or cannot be read."""
    end = time.monotonic() + SECONDS
    reader = RouteReader(layout.qmail_home, layout.mail_root, layout.lists)
    try:
        route = find_route(reader, MailAddress(about).encode(), lambda: time.monotonic() < end)
        return [_plain(leg) for leg in route]
    except (InvalidName, OSError):
        return []


def _plain(leg: Leg) -> object:
    return [
        _shown(leg.address),
        [[s.step, _shown(s.file), s.line, _shown(s.text)] for s in leg.stations],
        [[_shown(end.address), end.fate, _shown(end.text)] for end in leg.ends],
        [_shown(there) for there in leg.nexts],
    ]


def _shown(text: str) -> str:
    """What others wrote, in characters that every database keeps and every page shows."""
    return "".join(each if each.isprintable() else f"\\x{ord(each):02x}" for each in text[:SHOWN])
