"""Rows → what opens each mailbox. Reads the database, writes nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from django.conf import settings

from qmailpanel.mailboxes.models import AppPassword, Mailbox
from qmailpanel.qmail.formats.logins import AppRow, LoginRow

_FIELDS = ("id", "password", "must_change", "imap", "pop3", "sending", "quota", "messages")


def read_logins(domains: Sequence[int]) -> dict[int, LoginRow]:
    """By mailbox, of all that are not removed or have not yet lost their name; two queries."""
    apps = _read_apps(domains)
    rules = settings.QMAILPANEL_DOVECOT_QUOTA_RULE == "on"
    rows = Mailbox.objects.filter(address__domain__in=domains, address__claims=True)
    found = {}
    for pk, password, must_change, imap, pop3, sending, *limits in rows.values_list(*_FIELDS):
        told = limits if rules else (0, 0)
        found[pk] = LoginRow(password, must_change, imap, pop3, sending, tuple(apps[pk]), *told)
    return found


def _read_apps(domains: Sequence[int]) -> dict[int, list[AppRow]]:
    found: dict[int, list[AppRow]] = defaultdict(list)
    rows = AppPassword.objects.filter(mailbox__address__domain__in=domains).order_by("id")
    fields = ("mailbox_id", "id", "password", "mark", "imap", "pop3", "sending")
    for mailbox, *row in rows.values_list(*fields):
        found[mailbox].append(AppRow(*row))
    return found
