"""What a mail program must be told: servers and ports of the host's settings."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from qmailpanel.mailboxes.models import Mailbox

IMPLICIT = {"993", "995", "465"}  # TLS from the first byte. See RFC 8314.


@dataclass(frozen=True)
class Server:
    """Where a protocol is spoken."""

    title: Promise | str
    host: str
    port: str

    @property
    def is_implicit(self) -> bool:
        """Whether the connection is encrypted from its beginning, and not by STARTTLS."""
        return self.port in IMPLICIT


def servers_of(mailbox: Mailbox) -> list[Server]:
    """For what the mailbox opens."""
    places = (
        (mailbox.imap, _("Incoming mail: IMAP"), settings.QMAILPANEL_IMAP),
        (mailbox.pop3, _("Incoming mail: POP3"), settings.QMAILPANEL_POP3),
        (mailbox.sending, _("Outgoing mail: SMTP"), settings.QMAILPANEL_SMTP),
    )
    return [_server(title, place) for is_on, title, place in places if is_on and place]


def _server(title: Promise | str, place: str) -> Server:
    host, _colon, port = place.rpartition(":")
    return Server(title, host, port)
