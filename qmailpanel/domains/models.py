"""Domains and the names they claim; the addresses of a domain and where they deliver."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import Exists, F, OuterRef, Q
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from qmailpanel.byte_ordered import ByteOrdered
from qmailpanel.ledger.models import Change
from qmailpanel.qmail.names import display_of, stored_of

if TYPE_CHECKING:
    from qmailpanel.accounts.models import User


LAST = "\U0010ffff"  # sorts after every character of a name


class Unknown(models.TextChoices):
    """What happens to mail for addresses nobody claimed."""

    BOUNCE = "bounce", _("Bounce with a text")
    REFUSE = "refuse", _("Refuse at the door")
    DISCARD = "discard", _("Discard")
    FORWARD = "forward", _("Forward to an address")
    MAILBOX = "mailbox", _("Deliver to a mailbox")


class OwnItem(models.TextChoices):
    """What owners find on their pages, each unless the operator withholds it in the domain."""

    PASSWORD = "password", _("their password")
    APP_PASSWORDS = "app passwords", _("app passwords")
    FORWARDING = "forwarding", _("forwarding")
    AUTO_REPLY = "auto-reply", _("auto-reply")
    USAGE = "usage", _("usage")
    ADDRESSES = "addresses", _("further addresses")
    SIGN_INS = "sign-ins", _("last sign-ins")
    SECOND_FACTOR = "second factor", _("second factor")
    ACTIVITY = "activity", _("what others changed")


class Kind(models.TextChoices):
    """An address with a Maildir, or one without."""

    MAILBOX = "mailbox", _("mailbox")
    ALIAS = "alias", _("alias")


def _between(text: str) -> Q:
    return Q(name__gte=text, name__lt=text + LAST)


class DomainQuerySet(models.QuerySet["Domain"]):
    def for_user(self, user: User) -> DomainQuerySet:
        """The domains ``user`` may administer: the only door from a view to the data.

        `held`: the rights of the grant, unless the person needs none.
        """
        if user.is_operator:
            return self
        return self.filter(grants__user=user).annotate(held=F("grants__rights"))

    def claiming(self) -> DomainQuerySet:
        """Those that hold their name: all that are not removed, and at most one for each name."""
        own = Claim.objects.filter(domain=OuterRef("pk"), name=OuterRef("name"), claims=True)
        return self.filter(Q(removed=False) | Exists(own))

    def starting(self, text: str) -> DomainQuerySet:
        """Those whose name starts so, as DNS has it or as people read it.

        Ranges of the index, where LIKE would read every row.
        """
        if not text:
            return self
        whole, dot, last = text.rpartition(".")
        before = f"{stored_of(whole)}{dot}"
        coded = self.filter(_between(f"{before}xn--")).values_list("name", flat=True)
        read = [name for name in coded if display_of(name).startswith(text)]
        return self.filter(_between(before + last) | Q(name__in=read))


class Domain(models.Model):
    """A virtual domain. `change` is the newest change of the domain or any of its rows.

    `frame`: the number of the newest one that is about more than single addresses. `whole`: of the
    newest that is each of its names' and addresses' own too, but for those that were removed.
    `leaving`: removed, its number goes on refusing what still waits in the queue, until then.
    """

    name = ByteOrdered(max_length=253)
    prepend = models.PositiveIntegerField(unique=True)
    description = models.CharField(max_length=200, blank=True)
    enabled = models.BooleanField(default=True)
    unknown = models.CharField(max_length=8, choices=Unknown, default=Unknown.BOUNCE)
    unknown_text = models.CharField(max_length=200, blank=True)
    unknown_target = models.CharField(max_length=320, blank=True)
    subdomains = models.BooleanField(default=False)  # mail to any name below its names too
    withheld = models.JSONField(default=list)  # what owners may not do or see: `OwnItem` values
    removed = models.BooleanField(default=False)
    leaving = models.BooleanField(default=False)
    leaving_until = models.DateTimeField(null=True)  # None before the removal is live
    frame = models.PositiveBigIntegerField(default=0)
    whole = models.PositiveBigIntegerField(default=0)
    change = models.ForeignKey(Change, on_delete=models.PROTECT, related_name="+")

    objects = DomainQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["name", "id"], name="domain_by_name")]

    def __str__(self) -> str:
        return self.name


class ClaimQuerySet(models.QuerySet["Claim"]):
    def for_user(self, user: User) -> ClaimQuerySet:
        """The names of the domains ``user`` may administer."""
        return self if user.is_operator else self.filter(domain__grants__user=user)

    def aliases(self) -> ClaimQuerySet:
        """Alias domains that hold their name, removed or not."""
        return self.filter(claims=True).exclude(name=F("domain__name"))


class Claim(models.Model):
    """Claims a name once: a domain's own, or an alias domain's.

    `claims` is given up when somebody takes the name after the removal went live. `removed` and
    `change` are those of an alias domain; a domain's own name goes with the domain. `refuses`:
    removed, it goes on refusing mail, until then; None before the removal is live.
    """

    name = ByteOrdered(max_length=253)
    domain = models.ForeignKey(Domain, on_delete=models.CASCADE, related_name="names")
    removed = models.BooleanField(default=False)
    change = models.ForeignKey(Change, on_delete=models.PROTECT, related_name="+")
    claims = models.BooleanField(default=True)
    refuses = models.BooleanField(default=False)
    refuses_until = models.DateTimeField(null=True)

    objects = ClaimQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["name"], condition=Q(claims=True), name="name_once")
        ]

    def __str__(self) -> str:
        return self.name


class AddressQuerySet(models.QuerySet["Address"]):
    def for_user(self, user: User) -> AddressQuerySet:
        """The addresses of the domains ``user`` may administer; `held` as that of a domain."""
        if user.is_operator:
            return self
        return self.filter(domain__grants__user=user).annotate(held=F("domain__grants__rights"))

    def claiming(self) -> AddressQuerySet:
        """Those that hold their local part, removed or not."""
        return self.filter(claims=True)

    def starting(self, text: str) -> AddressQuerySet:
        """Those whose local part starts so; see `DomainQuerySet.starting()`."""
        return self.filter(local__gte=text, local__lt=text + LAST)

    def with_mailbox(self) -> AddressQuerySet:
        """Each with what a list shows of its mailbox; of an alias all None."""
        return self.annotate(
            on_hold=F("mailbox__on_hold"),
            keeps=F("mailbox__keeps"),
            replies=F("mailbox__replies"),
            quota=F("mailbox__quota"),
            has_password=Q(mailbox__password__gt=""),
        )


class Address(models.Model):
    """Claims a local part of a domain once, across mailboxes and aliases."""

    domain = models.ForeignKey(
        Domain, on_delete=models.CASCADE, related_name="addresses", db_index=False
    )
    local = ByteOrdered(max_length=64)
    kind = models.CharField(max_length=8, choices=Kind)
    enabled = models.BooleanField(default=True)
    comment = models.CharField(max_length=200, blank=True)
    refusal = models.CharField(max_length=200, blank=True)  # what a switched-off mailbox answers
    removed = models.BooleanField(default=False)
    claims = models.BooleanField(default=True)
    change = models.ForeignKey(Change, on_delete=models.PROTECT, related_name="+")

    objects = AddressQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["domain", "local"], condition=Q(claims=True), name="local_once"
            )
        ]
        indexes = [
            models.Index(fields=["domain", "kind", "local", "id"], name="address_by_local"),
            models.Index(fields=["domain", "change"], name="address_by_change"),
            models.Index(
                fields=["domain", "removed", "local"],
                condition=Q(kind="alias"),
                name="alias_by_domain",
            ),
            models.Index(
                fields=["local", "id"],
                condition=Q(claims=True, removed=False),
                name="address_there",
            ),
            models.Index(
                fields=["local", "id"], condition=Q(claims=True, removed=True), name="address_gone"
            ),
            models.Index(
                fields=["domain", "kind", "local"], condition=Q(enabled=False), name="address_off"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.local}@{self.domain.name}"


class Destination(models.Model):
    """Where an alias delivers, or a mailbox forwards to: one row each, in the order typed."""

    address = models.ForeignKey(
        Address, on_delete=models.CASCADE, related_name="destinations", db_index=False
    )
    target = models.CharField(max_length=320)  # compared in lower case

    class Meta:
        ordering = ["id"]
        indexes = [models.Index(Lower("target"), name="destination_by_target")]
        constraints = [
            models.UniqueConstraint(fields=["address", "target"], name="destination_once")
        ]


class GrantQuerySet(models.QuerySet["Grant"]):
    def for_user(self, user: User) -> GrantQuerySet:
        """The grants of the domains ``user`` may administer, everybody's."""
        return self if user.is_operator else self.filter(domain__grants__user=user)


class Grant(models.Model):
    """A person looks after a domain; `rights` are values of `rights.Right`.

    `by`: who gave the first of them, or invited to it.
    """

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="grants", db_index=False
    )
    domain = models.ForeignKey(Domain, on_delete=models.CASCADE, related_name="grants")
    rights = models.JSONField(default=list)
    since = models.DateTimeField(default=timezone.now)
    by = models.CharField(max_length=320, blank=True)

    objects = GrantQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "domain"], name="grant_once")]


class Responder(models.Model):
    """What a domain answers to mail for people who left: its removed mailboxes.

    `target`: where their mail goes besides; blank for nowhere. `days`: at most one answer in
    so many for each sender.
    """

    domain = models.OneToOneField(
        Domain, on_delete=models.CASCADE, primary_key=True, related_name="responder"
    )
    subject = models.CharField(max_length=200)
    text = models.TextField(max_length=4000)
    target = models.CharField(max_length=320, blank=True)
    days = models.PositiveSmallIntegerField(default=7)
