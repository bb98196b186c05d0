"""Mailboxes: what an address with a Maildir has beyond the address."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models

from qmailpanel.columns import Empty
from qmailpanel.domains.models import Address, Domain

if TYPE_CHECKING:
    from qmailpanel.accounts.models import User


class MailboxQuerySet(models.QuerySet["Mailbox"]):
    def owned_by(self, user: User) -> MailboxQuerySet:
        """The mailboxes that are ``user``'s own, and there: the door of the owner's page."""
        live = self.filter(address__removed=False, address__domain__removed=False)
        return live.filter(owner=user)


def new_home() -> int:
    """A number that no other mailbox of any database has."""
    return secrets.randbelow(2**53)


def _index_of(name: str, condition: models.Q) -> models.Index:
    """Finds the few of a domain of which that is so."""
    return models.Index(fields=["domain", "address"], condition=condition, name=f"mailbox_{name}")


class Mailbox(models.Model):
    """The Maildir of an address.

    `domain` is that of its address, for the sum of all quotas.
    `home` names its home in the archive and in sync's memory: a database that was restored gives
    row numbers twice.
    `must_change`: until the owner chose another one, the password opens the panel alone. `imap`,
    `pop3`, `sending` and `panel` say what it opens at all. `keeps`: a copy stays although mail is
    forwarded. `on_hold`: the mail server tries again later. `purged`: its mail is destroyed.
    `forwards` and `replies`: it has destinations, its auto-reply is on.
    """

    address = models.OneToOneField(Address, on_delete=models.CASCADE, related_name="mailbox")
    domain = models.ForeignKey(
        Domain, on_delete=models.CASCADE, related_name="mailboxes", db_index=False
    )
    home = models.PositiveBigIntegerField(unique=True, default=new_home)
    password = models.CharField(max_length=255, blank=True)  # a hash; empty: nobody can open it
    must_change = models.BooleanField(default=False)
    imap = models.BooleanField(default=True)
    pop3 = models.BooleanField(default=True)
    sending = models.BooleanField(default=True)
    panel = models.BooleanField(default=True)
    quota = models.PositiveBigIntegerField(default=0)  # bytes; 0: no limit
    messages = models.PositiveBigIntegerField(default=0)  # how many it may hold; 0: no limit
    keeps = models.BooleanField(default=True)
    on_hold = models.BooleanField(default=False)
    forwards = models.BooleanField(default=False)
    replies = models.BooleanField(default=False)
    removed_at = models.DateTimeField(null=True)
    purged = models.BooleanField(default=False)
    owner = models.OneToOneField(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="mailbox"
    )

    objects = MailboxQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(
                fields=["removed_at"],
                condition=models.Q(purged=False, removed_at__isnull=False),
                name="mailbox_by_removal",
            ),
            models.Index(fields=["domain", "removed_at", "quota"], name="mailbox_by_quota"),
            _index_of("on_hold", models.Q(on_hold=True)),
            _index_of("forwards", models.Q(forwards=True)),
            _index_of("replies", models.Q(replies=True)),
            _index_of("no_password", models.Q(Empty("password"), purged=False)),
        ]

    @property
    def is_limited(self) -> bool:
        return bool(self.quota or self.messages)


class AppPassword(models.Model):
    """A further password of a mailbox, for one program and the protocols it needs.

    `mark` finds its line: the SHA-256 of the password, which is never one that a person chose.
    """

    mailbox = models.ForeignKey(
        Mailbox, on_delete=models.CASCADE, related_name="app_passwords", db_index=False
    )
    name = models.CharField(max_length=64)
    password = models.CharField(max_length=255)  # a hash
    mark = models.CharField(max_length=64)
    imap = models.BooleanField(default=True)
    pop3 = models.BooleanField(default=True)
    sending = models.BooleanField(default=True)
    created = models.DateTimeField()

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["mailbox", "name"], name="app_password_once")
        ]

    def __str__(self) -> str:
        return self.name


class AutoReply(models.Model):
    """What a mailbox answers by itself, from the first day through the last.

    `running`: whether today is one of those days, changed by the system when its time comes.
    `days`: at most one answer in so many for each sender.
    """

    mailbox = models.OneToOneField(
        Mailbox, on_delete=models.CASCADE, primary_key=True, related_name="auto_reply"
    )
    on = models.BooleanField(default=True)
    subject = models.CharField(max_length=200)
    text = models.TextField(max_length=4000)
    first = models.DateField(null=True)
    last = models.DateField(null=True)
    days = models.PositiveSmallIntegerField(default=7)
    running = models.BooleanField(default=False)


class PasswordLink(models.Model):
    """A link with which the owner sets the password once; only the hash of its token is kept.

    `by`: who made it, and must still be allowed to when it is used; none for the command line.
    """

    mailbox = models.OneToOneField(
        Mailbox, on_delete=models.CASCADE, primary_key=True, related_name="password_link"
    )
    digest = models.CharField(max_length=64, unique=True)
    expires = models.DateTimeField()
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.CASCADE, related_name="+"
    )
