"""Who is invited to look after a domain, and how much there may be in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone

from qmailpanel.domains.models import Domain

if TYPE_CHECKING:
    from qmailpanel.accounts.models import User


class InvitationQuerySet(models.QuerySet["Invitation"]):
    def for_user(self, user: User) -> InvitationQuerySet:
        """Those that ``user`` may see: an operator all, others those to their domains."""
        if user.is_operator:
            return self
        return self.filter(domain__in=Domain.objects.for_user(user))


class Invitation(models.Model):
    """Not accepted yet: to look after a domain, or without one to run the host.

    Those of one mail have one link and so one digest: of its token, only the hash is kept.
    """

    email = models.EmailField(max_length=254)
    domain = models.ForeignKey(
        Domain, null=True, on_delete=models.CASCADE, related_name="invitations"
    )
    rights = models.JSONField(default=list)
    digest = models.CharField(max_length=64, db_index=True)
    expires = models.DateTimeField()
    by = models.CharField(max_length=320)
    inviter = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )

    objects = InvitationQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(Lower("email"), "domain", name="invited_once")]

    def __str__(self) -> str:
        return self.email

    @property
    def is_over(self) -> bool:
        """It came too late."""
        return self.expires <= timezone.now()


class Limits(models.Model):
    """How much there may be in a domain; none is no limit. A domain without a row has none."""

    domain = models.OneToOneField(
        Domain, on_delete=models.CASCADE, primary_key=True, related_name="limits"
    )
    mailboxes = models.PositiveIntegerField(null=True)
    aliases = models.PositiveIntegerField(null=True)
    destinations = models.PositiveIntegerField(null=True)  # of one alias
    pool = models.PositiveBigIntegerField(null=True)  # bytes that all quotas together may be
    largest_quota = models.PositiveBigIntegerField(null=True)  # bytes, of one mailbox
    default_quota = models.PositiveBigIntegerField(null=True)  # bytes, of a new mailbox
