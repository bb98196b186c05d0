"""People who sign in to the panel, and the links that sign an operator in once."""

from __future__ import annotations

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower


class UserManager(BaseUserManager["User"]):
    """People with an account; owners of mailboxes sign in by another door."""

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

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"

    objects = UserManager()
    owners = OwnerManager()

    class Meta:
        constraints = [
            models.UniqueConstraint(Lower("email"), condition=Q(is_owner=False), name="email_once")
        ]

    def __str__(self) -> str:
        return self.email


class SignInLink(models.Model):
    """A link that signs its user in once; only the hash of its token is stored."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="links")
    digest = models.CharField(max_length=64, unique=True)
    expires = models.DateTimeField()
