"""What people are told by mail."""

from __future__ import annotations

import logging
import smtplib

from django.conf import settings
from django.core.mail import EmailMessage
from django.template.loader import render_to_string

from qmailpanel.ledger.actors import Refused
from qmailpanel.qmail.names import display_of
from qmailpanel.web.outside import talking_outside

from .invitations import Invited

logger = logging.getLogger(__name__)


def send(invited: Invited) -> bool:
    """The link, or that the rights are there. Whether a mail server took it."""
    names = [display_of(domain.name) for domain in invited.domains]
    template = "people/invitation.txt" if invited.link else "people/granted.txt"
    context = {"invited": invited, "names": names, "host": settings.QMAILPANEL_BASE_URL}
    lines = render_to_string(template, context).strip().split("\n", 1)
    message = EmailMessage(subject=lines[0], body=lines[1].strip() + "\n", to=[invited.email])
    try:
        with talking_outside():
            return bool(message.send())
    except (OSError, smtplib.SMTPException, Refused) as error:
        logger.warning("The mail server took no invitation (see EMAIL_URL): %s", error)
        return False
