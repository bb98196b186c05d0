"""What the sync service says of its host and of each domain; only sync writes it.

`domain` and `address` are row numbers, because the rows belong to apps above this one.
"""

from django.db import models


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
    findings = models.PositiveIntegerField(default=0)  # … and all that it shows


class KnownHost(models.Model):
    """A host that sync has read: before that, nobody knows which names and numbers are in use.

    `highest_prepend`: of all that sync ever applied there, whichever database it was from.
    `asking`: a question waits for the operator, so that it is not known yet what goes. `clock`: its
    time as seen last; `steady_since`: when that jumped, or was seen first.
    """

    node = models.CharField(primary_key=True, max_length=64)
    highest_prepend = models.PositiveIntegerField(default=0)
    asking = models.BooleanField(default=False)
    clock = models.DateTimeField(null=True)
    steady_since = models.DateTimeField(null=True)


class SyncPosition(models.Model):
    """Through which change a domain was tried, and through which it was read back live.

    `left`: the addresses of which something stays as others wrote it, because an operator decided
    so; 0 is the domain itself.
    """

    node = models.CharField(max_length=64)
    domain = models.PositiveBigIntegerField()
    tried = models.PositiveBigIntegerField(default=0)
    applied = models.PositiveBigIntegerField(default=0)
    left = models.JSONField(default=list)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["node", "domain"], name="position_once")]


class SyncProblem(models.Model):
    """Why something is Failed: an address, or the alias domain `name`.

    With neither the whole domain; without `domain` the whole host.
    """

    node = models.CharField(max_length=64)
    domain = models.PositiveBigIntegerField(null=True, db_index=True)
    address = models.PositiveBigIntegerField(null=True)
    name = models.CharField(max_length=253, blank=True)
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
    the owner was told that it is nearly full. `opened`: somebody signed in, ever.
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
    opened = models.BooleanField(default=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["node", "address"], name="usage_once")]
        indexes = [
            models.Index(fields=["node", "percent", "address"], name="usage_by_percent"),
            models.Index(fields=["node", "domain", "percent", "bytes"], name="usage_by_domain"),
            models.Index(fields=["node", "domain", "bytes", "address"], name="usage_by_bytes"),
            models.Index(
                fields=["node", "domain", "address"],
                condition=models.Q(opened=False),
                name="usage_unopened",
            ),
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


class Nowhere(models.Model):
    """An alias, or a mailbox that forwards, of whose mail not all arrives.

    `hidden`: from whoever looks after its own domain alone.
    """

    node = models.CharField(max_length=64)
    domain = models.PositiveBigIntegerField()
    address = models.PositiveBigIntegerField()
    hidden = models.BooleanField(default=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["node", "address"], name="nowhere_once")]
        indexes = [models.Index(fields=["node", "domain"], name="nowhere_by_domain")]


class Survey(models.Model):
    """When all of a host was looked at last, and how much there was.

    `read_back`: when everything was found on the disk as it is wanted. `at`: when it was asked of
    all addresses where their mail goes; the counts are of that time.
    """

    node = models.CharField(primary_key=True, max_length=64)
    read_back = models.DateTimeField(null=True)
    at = models.DateTimeField(null=True)
    domains = models.PositiveIntegerField(default=0)
    mailboxes = models.PositiveIntegerField(default=0)


class LargeDomain(models.Model):
    """How much there is in a domain with so many mailboxes that no page can count them."""

    node = models.CharField(max_length=64)
    domain = models.PositiveBigIntegerField()
    mailboxes = models.PositiveIntegerField()
    bytes = models.PositiveBigIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["node", "domain"], name="large_once")]
