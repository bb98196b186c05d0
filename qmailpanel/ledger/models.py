"""The ledger: one `Change` for each service call, and what waits for the operator."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from qmailpanel.byte_ordered import ByteOrdered


class Verb(models.TextChoices):
    """What a person (or the system) did."""

    ADDED = "added", _("added")
    CHANGED = "changed", _("changed")
    PASSWORD = "password", _("set a password")
    SWITCHED_ON = "on", _("switched on")
    SWITCHED_OFF = "off", _("switched off")
    RENAMED = "renamed", _("renamed")
    REMOVED = "removed", _("removed")
    RESTORED = "restored", _("restored")
    CONFIRMED = "confirmed", _("confirmed")
    PUT_BACK = "put back", _("put back")
    KEPT = "kept", _("kept as it is on the host")
    APPLIED = "applied", _("applied")
    SIGNED_IN = "signed in", _("signed in")
    REFUSED = "refused", _("was refused to sign in")
    ENDED = "ended", _("ended")
    INVITED = "invited", _("invited")
    ACCEPTED = "accepted", _("accepted")
    GRANTED = "granted", _("granted rights")
    REVOKED = "revoked", _("took all rights")
    REQUESTED = "requested", _("requested")
    DECLINED = "declined", _("declined")
    PROVED = "proved", _("proved to own a name")
    PURGED = "purged", _("purged the mail")


class Noun(models.TextChoices):
    """What kind of thing it was done to. The module `words` of its app has the sentences."""

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
    TIME_ZONE = "time zone", _("time zone")
    FACTOR = "factor", _("second factor")
    REQUEST = "request", _("request")
    LIMITS = "limits", _("limits")
    APP_PASSWORD = "app password", _("app password")
    AUTO_REPLY = "auto-reply", _("auto-reply")
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
    actor_name = ByteOrdered(max_length=320)
    ip = models.GenericIPAddressField(null=True)
    verb = models.CharField(max_length=12)  # a Verb
    noun = models.CharField(max_length=12)  # a Noun
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
