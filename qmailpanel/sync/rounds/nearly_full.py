"""One mail to the owner of a mailbox that is nearly full, sent while there still is room for it."""

from __future__ import annotations

import logging
import smtplib
from collections.abc import Iterable
from datetime import timedelta

from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.db.models import Q
from django.template.defaultfilters import filesizeformat
from django.utils import timezone
from django.utils.translation import gettext as _

from qmailpanel.domains.fullness import FULL
from qmailpanel.domains.models import Address
from qmailpanel.mailboxes.models import Mailbox
from qmailpanel.qmail.pause import Round
from qmailpanel.reports.models import Usage

from .every import BrokeOff

log = logging.getLogger(__name__)

AGAIN = timedelta(days=7)
AT_ONCE = 20
WARN_SECONDS = 10.0
REFUSED_SECONDS = 300.0  # after the mail server refused: one that hangs costs ten seconds a try


def warn_owners() -> Round[None]:
    """Tell those who were not told yet, or a week ago. Raises BrokeOff when no mail can go."""
    if not settings.QMAILPANEL_WARN_PERCENT:
        return
    due = _find_nearly_full()
    if not due:
        return
    try:
        with get_connection() as connection:
            for usage, mailbox in due:
                _send_message(connection, _write_message(mailbox, usage))
                Usage.objects.filter(pk=usage.pk).update(warned_at=timezone.now())
                yield
    except OSError as error:  # also what smtplib raises
        raise BrokeOff(f"no mail can be sent: {error}") from error


def _send_message(connection: BaseEmailBackend, message: EmailMessage) -> None:
    """One that the mail server refuses, or that is for no address, keeps nobody else waiting."""
    try:
        connection.send_messages([message])
    except (smtplib.SMTPRecipientsRefused, ValueError) as error:
        log.warning("a warning could not be sent: %s", error)


def _find_nearly_full() -> list[tuple[Usage, Mailbox]]:
    """Those that accept mail and have room for one more."""
    here = Usage.objects.filter(
        Q(warned_at=None) | Q(warned_at__lt=timezone.now() - AGAIN),
        node=settings.QMAILPANEL_NODE,
        percent__gte=settings.QMAILPANEL_WARN_PERCENT,
        percent__lt=FULL,  # then the mail would bounce
    )
    rows = here.filter(address__in=_accepting_addresses())[:AT_ONCE]
    usages = {usage.address: usage for usage in rows}
    boxes = Mailbox.objects.filter(address__in=usages).select_related("address__domain")
    return [(usages[box.address_id], box) for box in boxes]


def _accepting_addresses() -> Iterable[int]:
    """As a subquery: addresses that are on, in domains that are."""
    on = Address.objects.claiming().filter(removed=False, enabled=True)
    return on.filter(domain__removed=False, domain__enabled=True).values_list("pk", flat=True)


def _write_message(mailbox: Mailbox, usage: Usage) -> EmailMessage:
    params = {"address": mailbox.address, "percent": usage.percent}
    lines = [
        _("The mailbox %(address)s is nearly full: %(percent)d%% of what it may hold.") % params,
        "",
        *_describe_amounts(mailbox, usage),
        "",
        _("When it is full, mail to it is refused and goes back to the sender."),
        _("Remove mail you no longer need, also from the trash, or ask for a larger mailbox."),
    ]
    return EmailMessage(
        _("Your mailbox is nearly full"),
        "\n".join(lines) + "\n",
        to=[str(mailbox.address)],
        headers={"Auto-Submitted": "auto-generated"},
    )


def _describe_amounts(mailbox: Mailbox, usage: Usage) -> Iterable[str]:
    if mailbox.quota:
        sizes = {"used": usage.bytes, "limit": mailbox.quota}
        yield _("Used: %(used)s of %(limit)s") % {k: filesizeformat(n) for k, n in sizes.items()}
    if mailbox.messages:
        counts = {"used": usage.messages, "limit": mailbox.messages}
        yield _("Messages: %(used)d of %(limit)d") % counts
