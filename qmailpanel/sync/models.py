"""What the operator page shows: runs, drift and questions; and what the operator decided."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

from django.conf import settings
from django.db import models
from django.db.models import Exists, OuterRef
from django.utils.translation import gettext

from qmailpanel.domains.models import Domain
from qmailpanel.environment.installed import command_name
from qmailpanel.ledger.models import Change
from qmailpanel.qmail.plan.drift import DriftKind, Side, Subject

if TYPE_CHECKING:
    from qmailpanel.accounts.models import User


class HostQuerySet(models.QuerySet[Any]):
    """Rows about the host of this panel, which only operators may see."""

    def for_user(self, user: User) -> Self:
        """The rows of this node ``user`` may see: the only door from a view to them."""
        return self.filter(node=settings.QMAILPANEL_NODE) if user.is_operator else self.none()


class Drifting(models.Model):
    """A row about something that drifted."""

    kind = models.CharField(max_length=16)
    file = models.CharField(max_length=512)
    key = models.CharField(max_length=512)

    class Meta:
        abstract = True

    @property
    def subject(self) -> Subject:
        return Subject(DriftKind(self.kind), self.file, self.key)


class DriftQuerySet(HostQuerySet):
    def undecided(self) -> DriftQuerySet:
        """Without those that were decided, and that sync has not come to yet."""
        same = {name: OuterRef(name) for name in ("domain", "kind", "file", "key", "actual")}
        return self.exclude(Exists(DriftDecision.objects.filter(**same)))


class DecisionQuerySet(models.QuerySet["DriftDecision"]):
    def for_user(self, user: User) -> DecisionQuerySet:
        """The decisions ``user`` may see."""
        return self if user.is_operator else self.none()

    def kept(self) -> DecisionQuerySet:
        """What stays as somebody else wrote it, of domains that hold their name."""
        kept = self.filter(side=Side.THEIRS, domain__in=Domain.objects.claiming())
        return kept.select_related("domain").order_by("domain__name", "file", "key")


class SyncRun(models.Model):
    """One run that did something or failed; a failure that repeats itself is one of many tries."""

    node = models.CharField(max_length=64)
    started = models.DateTimeField()
    finished = models.DateTimeField()
    through = models.PositiveBigIntegerField()
    steps = models.TextField(blank=True)  # one line a step, as qmailsync --dry-run prints them
    error = models.TextField(blank=True)
    failed = models.PositiveIntegerField(default=0)  # problems of addresses and domains
    tries = models.PositiveIntegerField(default=1)

    objects = HostQuerySet.as_manager()


class SyncDrift(Drifting):
    """What two sides want differently: kept as it is on disk."""

    node = models.CharField(max_length=64)
    domain = models.PositiveBigIntegerField(null=True)
    wanted = models.TextField(blank=True)
    applied = models.TextField(blank=True)
    actual = models.TextField(blank=True)

    objects = DriftQuerySet.as_manager()


class DriftDecision(Drifting):
    """What the operator decided about something with this content. Written by the panel.

    Ours: it is written over, then the row goes. Theirs: it stays, and is no drift while it is so.
    """

    domain = models.ForeignKey(Domain, on_delete=models.CASCADE, related_name="+", db_index=False)
    actual = models.TextField(blank=True)
    side = models.CharField(max_length=8)
    change = models.ForeignKey(Change, on_delete=models.PROTECT, related_name="+")

    objects = DecisionQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["domain", "kind", "file", "key"], name="decided_once")
        ]


class SyncQuestion(models.Model):
    """A plan that waits for the operator's yes; `answer` is the change that gave it."""

    node = models.CharField(max_length=64)
    digest = models.CharField(max_length=64)
    text = models.TextField()
    asked = models.DateTimeField()
    answer = models.ForeignKey(Change, null=True, on_delete=models.SET_NULL, related_name="+")

    objects = HostQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["node", "digest"], name="question_once")]


class ForeignLine(models.Model):
    """A line of a shared file that is not the panel's."""

    node = models.CharField(max_length=64)
    file = models.CharField(max_length=64)
    number = models.PositiveIntegerField()
    line = models.CharField(max_length=1024)

    objects = HostQuerySet.as_manager()


def advise(remedy: str, params: Mapping[str, str]) -> str:
    """A remedy of the doctor's in words, with the command that is there."""
    return str(gettext(remedy) % {**params, "command": command_name()})


class HostFinding(models.Model):
    """What the doctor found: two templates of the ground floor's, and what fills them.

    One of many stands for `count` of them.
    """

    node = models.CharField(max_length=64)
    severity = models.CharField(max_length=8)
    file = models.CharField(max_length=1024)
    number = models.PositiveIntegerField(null=True)  # of the line
    meaning = models.TextField()
    remedy = models.TextField()
    params = models.JSONField(default=dict)
    since = models.DateTimeField()
    count = models.PositiveIntegerField(default=1)
    also = models.JSONField(default=list)  # the next few places, where there are many

    objects = HostQuerySet.as_manager()

    @property
    def place(self) -> str:
        """File and line, as compilers write it."""
        return self.file if self.number is None else f"{self.file}:{self.number}"

    @property
    def said(self) -> str:
        """What it means for mail."""
        return str(gettext(self.meaning) % self.params)

    @property
    def advice(self) -> str:
        """The remedy."""
        return advise(self.remedy, self.params)


class Examination(models.Model):
    """When the doctor examined the host of a node last.

    `asked`: when somebody wanted it examined at once, until that is done; written by the panel.
    """

    node = models.CharField(primary_key=True, max_length=64)
    at = models.DateTimeField(null=True)
    asked = models.DateTimeField(null=True)

    objects = HostQuerySet.as_manager()


class ErrandQuerySet(models.QuerySet[Any]):
    def for_user(self, user: User) -> Self:
        """Those that ``user`` asked for."""
        return self.filter(node=settings.QMAILPANEL_NODE, person=user.pk)


class Errand(models.Model):
    """Where mail to an address goes by the files of the host: asked by the panel, answered by sync.

    `begun`: when sync turned to it. `answer`: the legs of the route, see `Leg`; None until it is
    answered. All of it is forgotten after some minutes.
    """

    node = models.CharField(max_length=64)
    person = models.PositiveBigIntegerField()  # who asked
    about = models.CharField(max_length=320)
    asked = models.DateTimeField()
    begun = models.DateTimeField(null=True)
    answered = models.DateTimeField(null=True)
    answer = models.JSONField(null=True)

    objects = ErrandQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["node", "begun"], name="errand_by_turn")]


class Generation(models.Model):
    """A shared file as sync found or left it. The newest is how sync left it last.

    `content` is all of it where `head` is none; else what stands behind the first `head` and
    before the last `tail` bytes of the generation before.
    """

    node = models.CharField(max_length=64)
    file = models.CharField(max_length=64)
    number = models.PositiveIntegerField()
    at = models.DateTimeField()
    through = models.PositiveBigIntegerField()  # the newest change in it, 0 where others wrote it
    content = models.BinaryField()  # compressed with zlib
    head = models.PositiveIntegerField(null=True)
    tail = models.PositiveIntegerField(default=0)
    size = models.PositiveIntegerField()  # bytes of the file
    diff = models.TextField(blank=True)  # to the one before: lines that went and that came

    objects = HostQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["node", "file", "number"], name="generation_once")
        ]

    def __str__(self) -> str:
        return f"{self.file} {self.number}"
