"""The ledger: one `Change` per service call, and what the sync service says about each domain.

Everything below the line "written by sync" is written by the sync service only; `domain` and
`address` are row numbers there, because the ledger lies below the apps that own those rows.
"""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class Verb(models.TextChoices):
    """What a person (or the system) did."""

    ADDED = "added", _("added")
    CHANGED = "changed", _("changed")
    PASSWORD = "password", _("set the password of")
    SWITCHED_ON = "on", _("switched on")
    SWITCHED_OFF = "off", _("switched off")
    RENAMED = "renamed", _("renamed")
    REMOVED = "removed", _("removed")
    RESTORED = "restored", _("restored")
    CONFIRMED = "confirmed", _("confirmed")
    PUT_BACK = "put back", _("put back")
    LEFT = "left", _("left alone")
    APPLIED = "applied", _("applied")
    SIGNED_IN = "signed in", _("signed in as")
    REFUSED = "refused", _("was refused to sign in as")
    ENDED = "ended", _("ended")
    INVITED = "invited", _("invited")
    ACCEPTED = "accepted", _("accepted")
    GRANTED = "granted", _("granted rights to")
    REVOKED = "revoked", _("took all rights from")
    REQUESTED = "requested", _("requested")
    DECLINED = "declined", _("declined")
    PROVED = "proved", _("proved to own")
    PURGED = "purged", _("destroyed the mail of")


class Noun(models.TextChoices):
    """What kind of thing it was done to."""

    DOMAIN = "domain", _("domain")
    MAILBOX = "mailbox", _("mailbox")
    ALIAS = "alias", _("alias")
    ALIAS_DOMAIN = "alias domain", _("alias domain")
    LINE = "line", _("line or file")
    PERSON = "person", _("person")
    HOST = "host", _("host")
    CHANGES = "changes", _("changes")
    CONFIRMING = "confirming", _("confirming")
    INVITATION = "invitation", _("invitation")
    SESSION = "session", _("session")
    FACTOR = "factor", _("second factor")
    REQUEST = "request", _("request")
    LIMITS = "limits", _("limits of")
    APP_PASSWORD = "app password", _("app password")
    AUTO_REPLY = "auto-reply", _("auto-reply of")
    RESPONDER = "responder", _("answer for people who left")


class LedgerHead(models.Model):
    """One row: id and digest of the newest change. Locked by `record()`: ids commit in order."""

    last = models.PositiveBigIntegerField(default=0)
    digest = models.CharField(max_length=64, blank=True)


class Change(models.Model):
    """One ledger line. Its id is audit trail and revision at once.

    Lines are only ever added: the database refuses everything else (`append_only.py`), and
    `digest` binds each to all before it (`chain.py`).
    """

    id = models.PositiveBigIntegerField(primary_key=True)
    at = models.DateTimeField()
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    actor_name = models.CharField(max_length=320)
    ip = models.GenericIPAddressField(null=True)
    verb = models.CharField(max_length=12, choices=Verb)
    noun = models.CharField(max_length=12, choices=Noun)
    target = models.CharField(max_length=320)
    domain = models.PositiveBigIntegerField(null=True)
    address = models.PositiveBigIntegerField(null=True)
    before = models.JSONField(default=dict)
    after = models.JSONField(default=dict)
    digest = models.CharField(max_length=64)

    class Meta:
        indexes = [
            models.Index(fields=["at", "id"], name="change_by_time"),
            models.Index(fields=["domain", "at", "id"], name="change_by_domain_time"),
            models.Index(fields=["address", "at", "id"], name="change_by_address_time"),
            models.Index(fields=["actor_name", "at", "id"], name="change_by_actor_time"),
            models.Index(fields=["verb", "at", "id"], name="change_by_verb_time"),
        ]


class Hold(models.Model):
    """One row: while `on`, changes after `through` wait until the operator applies them."""

    on = models.BooleanField(default=False)
    through = models.PositiveBigIntegerField(default=0)


# written by sync ------------------------------------------------------------------------------


class SyncNode(models.Model):
    """One mail host: is its sync service alive, and what a new domain must know of the host."""

    node = models.CharField(primary_key=True, max_length=64)
    heartbeat = models.DateTimeField(null=True)
    highest_prepend = models.PositiveIntegerField(default=0)
    note = models.TextField(blank=True)
    knows_recipients = models.BooleanField(default=False)  # qmail-smtpd asks a list of them
    holds_quotas = models.BooleanField(default=False)  # a program counts at delivery
    deliverquota = models.CharField(max_length=255, blank=True)  # … and which
    answers_mail = models.BooleanField(default=False)  # a program sends auto-replies
    preview = models.TextField(blank=True)  # steps that wait, as --dry-run prints them
    holding = models.PositiveIntegerField(default=0)  # domains that wait for the operator's apply
    done = models.PositiveIntegerField(default=0)  # steps of the run at work, if it takes long
    total = models.PositiveIntegerField(default=0)  # … and how many it has; 0 between runs
    drifts = models.PositiveIntegerField(default=0)  # lines and files the operator decides about
    alarms = models.PositiveIntegerField(default=0)  # the doctor's worst findings


class SyncPosition(models.Model):
    """Through which change a domain was tried, and through which it was read back live."""

    node = models.CharField(max_length=64)
    domain = models.PositiveBigIntegerField()
    tried = models.PositiveBigIntegerField(default=0)
    applied = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["node", "domain"], name="position_once")]


class SyncProblem(models.Model):
    """Why something is Failed. `address` none: the whole domain; `domain` none: the whole host."""

    node = models.CharField(max_length=64)
    domain = models.PositiveBigIntegerField(null=True, db_index=True)
    address = models.PositiveBigIntegerField(null=True)
    text = models.TextField()  # for everybody: what it means for mail, what happens next
    cause = models.TextField(blank=True)  # for operators: the step, the path, the error
    since = models.DateTimeField()

    def __str__(self) -> str:
        return self.text


class RoutedLine(models.Model):
    """A line of the host that already routes mail of `name`: control/locals or foreign.

    `name` is in lower case: a domain, user@domain or .parent, as virtualdomains has them.
    """

    node = models.CharField(max_length=64)
    file = models.CharField(max_length=64)
    number = models.PositiveIntegerField()
    name = models.CharField(max_length=255, db_index=True)
    line = models.CharField(max_length=1024)


class Usage(models.Model):
    """How full a mailbox is.

    `percent`: of its nearest limit, 0 without one. `counted`: its maildirsize is known to count
    all that is there. `stamp`: of the directories that were counted instead. `warned_at`: when
    the owner was told that it is nearly full.
    """

    node = models.CharField(max_length=64)
    domain = models.PositiveBigIntegerField()
    address = models.PositiveBigIntegerField()
    bytes = models.PositiveBigIntegerField(default=0)
    messages = models.PositiveBigIntegerField(default=0)
    percent = models.PositiveIntegerField(default=0)
    counted = models.BooleanField(default=False)
    stamp = models.PositiveBigIntegerField(default=0)
    at = models.DateTimeField()
    warned_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["node", "address"], name="usage_once")]
        indexes = [
            models.Index(fields=["node", "percent", "address"], name="usage_by_percent"),
            models.Index(fields=["node", "domain", "percent", "bytes"], name="usage_by_domain"),
        ]


class LastUse(models.Model):
    """When a mailbox was opened last and from where: by imap, pop3, smtp or app-<number>."""

    node = models.CharField(max_length=64)
    address = models.PositiveBigIntegerField()
    what = models.CharField(max_length=32)
    at = models.DateTimeField()
    ip = models.GenericIPAddressField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["node", "address", "what"], name="last_use_once")
        ]
