"""App passwords, as rows of the layout. Reads the database, writes nothing."""

from __future__ import annotations

from collections import defaultdict

from qmailpanel.mailboxes.models import AppPassword
from qmailpanel.qmail.layout.rows import AppRow

from .asked import Asked


def read_apps(asked: Asked) -> dict[int, tuple[AppRow, ...]]:
    """By mailbox."""
    apps: dict[int, list[AppRow]] = defaultdict(list)
    passwords = AppPassword.objects.filter(asked.addressed("mailbox__address__")).order_by("id")
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
    return {mailbox: tuple(rows) for mailbox, rows in apps.items()}
