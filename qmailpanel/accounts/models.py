"""People who sign in to the panel, and the links that sign an operator in once."""

from __future__ import annotations

from datetime import datetime, timedelta

from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, BaseUserManager
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.functional import cached_property

# recovery codes help who lost the others; by themselves they are a second password
SECOND_FACTORS = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)


class UserManager(BaseUserManager["User"]):
    """People with an account; owners of mailboxes sign in by another door."""

    use_in_migrations = True  # allauth's ask for `objects`

    def get_queryset(self) -> models.QuerySet[User]:
        return super().get_queryset().filter(is_owner=False)

    def for_user(self, user: User) -> models.QuerySet[User]:
        """The people ``user`` may see: an operator everybody, others themselves."""
        return self.all() if user.is_operator else self.filter(pk=user.pk)

    def get_by_natural_key(self, username: str | None) -> User:
        return self.get(email__iexact=username)


class OwnerManager(models.Manager["User"]):
    """Owners of mailboxes."""

    def get_queryset(self) -> models.QuerySet[User]:
        return super().get_queryset().filter(is_owner=True)


class User(AbstractBaseUser):
    """A person; `is_operator` runs the host, the others have grants.

    `is_owner`: the owner of a mailbox, who signs in with that mailbox's password and has nothing
    but the mailbox. A person with the same address is another row.
    """

    email = models.EmailField(max_length=254)
    is_owner = models.BooleanField(default=False)
    is_operator = models.BooleanField(default=False)
    is_active = models.BooleanField(default=True)
    since = models.DateTimeField(default=timezone.now)  # a person here, or an operator
    zone = models.CharField(
        max_length=64, blank=True
    )  # in which times are shown; empty: the host's

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"

    objects = UserManager()
    owners = OwnerManager()
    everybody = models.Manager()

    class Meta:
        default_manager_name = "everybody"  # allauth locks by it the row of whoever is signed in
        constraints = [
            models.UniqueConstraint(Lower("email"), condition=Q(is_owner=False), name="email_once")
        ]
        indexes = [
            models.Index(
                fields=["-is_operator", "email"],
                condition=Q(is_owner=False),
                name="person_by_email",
            )
        ]

    def __str__(self) -> str:
        return self.email

    def has_usable_password(self) -> bool:
        """An owner's is the mailbox's; the column is what the owner's sessions are bound to."""
        return self.is_owner or super().has_usable_password()

    @cached_property
    def has_second_factor(self) -> bool:
        factors = Authenticator.objects.filter(user=self, type__in=SECOND_FACTORS)
        return bool(factors.exists())

    @property
    def factor_due(self) -> datetime | None:
        """When this person must have a second factor; None for whoever has one or needs none."""
        asked = settings.QMAILPANEL_SECOND_FACTOR
        needs = asked == "everybody" or (asked == "operators" and self.is_operator)
        if not needs or self.is_owner or self.has_second_factor:
            return None
        return self.since + timedelta(days=settings.QMAILPANEL_SECOND_FACTOR_DAYS)

    @property
    def is_factor_overdue(self) -> bool:
        due = self.factor_due
        return due is not None and due <= timezone.now()


class SignInLink(models.Model):
    """A link that signs its user in once; only the hash of its token is stored."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="links")
    digest = models.CharField(max_length=64, unique=True)
    expires = models.DateTimeField()
