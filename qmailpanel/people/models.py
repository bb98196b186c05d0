"""Names that were asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from qmailpanel.domains.models import Domain

if TYPE_CHECKING:
    from qmailpanel.accounts.models import User


class Outcome(models.TextChoices):
    """What became of a request."""

    OPEN = "open", _("waits for the operator")
    DONE = "done", _("accepted")
    DECLINED = "declined", _("declined")


class NameRequestQuerySet(models.QuerySet["NameRequest"]):
    def for_user(self, user: User) -> NameRequestQuerySet:
        """Those that ``user`` may see: an operator all, others their own."""
        return self if user.is_operator else self.filter(person=user)


class NameRequest(models.Model):
    """Somebody asks for a domain, or with `domain` for an alias domain of it.

    `token` stands in the TXT record that proves that the name is theirs.
    """

    name = models.CharField(max_length=253)
    domain = models.ForeignKey(Domain, null=True, on_delete=models.CASCADE, related_name="requests")
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="requests"
    )
    token = models.CharField(max_length=64)
    asked = models.DateTimeField(default=timezone.now)
    outcome = models.CharField(max_length=8, choices=Outcome, default=Outcome.OPEN)
    why = models.CharField(max_length=200, blank=True)  # of a decline, in the operator's words

    objects = NameRequestQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["name", "person"], condition=Q(outcome=Outcome.OPEN), name="asked_once"
            )
        ]

    def __str__(self) -> str:
        return self.name
