"""Rows → what opens each mailbox. Reads the database, writes nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from django.conf import settings

from qmailpanel.mailboxes.models import AppPassword, Mailbox
from qmailpanel.qmail.layout.rows import AppRow, LoginRow


def read_logins(domains: Sequence[int]) -> dict[int, LoginRow]:
    """By mailbox, of all that are not removed or have not yet lost their name; two queries."""
    apps = _read_apps(domains)
    rule = settings.QMAILPANEL_DOVECOT_QUOTA_RULE == "on"
    mailboxes = Mailbox.objects.filter(address__domain__in=domains, address__claims=True)
    rows = mailboxes.values_list(
        "id",
        "password",
        "must_change",
        "imap",
        "pop3",
        "sending",
        "quota",
        "messages",
        named=True,
    )
    return {
        row.id: LoginRow(
            password=row.password,
            must_change=row.must_change,
            imap=row.imap,
            pop3=row.pop3,
            sending=row.sending,
            apps=tuple(apps[row.id]),
            storage=row.quota,
            messages=row.messages,
            rule=rule,
        )
        for row in rows
    }


def _read_apps(domains: Sequence[int]) -> dict[int, list[AppRow]]:
    apps: dict[int, list[AppRow]] = defaultdict(list)
    passwords = AppPassword.objects.filter(mailbox__address__domain__in=domains).order_by("id")
    for row in passwords.values_list(
        "mailbox_id", "id", "password", "mark", "imap", "pop3", "sending", named=True
    ):
        app = AppRow(
            number=row.id,
            password=row.password,
            mark=row.mark,
            imap=row.imap,
            pop3=row.pop3,
            sending=row.sending,
        )
        apps[row.mailbox_id].append(app)
    return apps
