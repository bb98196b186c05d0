"""Mailboxes: what an address with a Maildir has beyond the address."""

from django.db import models

from qmailpanel.domains.models import Address


class Mailbox(models.Model):
    """The Maildir of an address; its number names the archive of its home."""

    address = models.OneToOneField(Address, on_delete=models.CASCADE, related_name="mailbox")
    password = models.CharField(max_length=255, blank=True)  # argon2id; empty: nobody can open it
