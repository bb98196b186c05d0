"""Mailboxes: what an address with a Maildir has beyond the address."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models

from qmailpanel.domains.models import Address

if TYPE_CHECKING:
    from qmailpanel.accounts.models import User


class MailboxQuerySet(models.QuerySet["Mailbox"]):
    def owned_by(self, user: User) -> MailboxQuerySet:
        """The mailboxes that are ``user``'s own, and there: the door of the owner's page."""
        live = self.filter(address__removed=False, address__domain__removed=False)
        return live.filter(owner=user)


class Mailbox(models.Model):
    """The Maildir of an address; its number names the archive of its home."""

    address = models.OneToOneField(Address, on_delete=models.CASCADE, related_name="mailbox")
    password = models.CharField(max_length=255, blank=True)  # argon2id; empty: nobody can open it
    quota = models.PositiveBigIntegerField(default=0)  # bytes; 0: no limit
    owner = models.OneToOneField(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="mailbox"
    )

    objects = MailboxQuerySet.as_manager()
