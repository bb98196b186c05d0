"""Any value in any column that sync reads fails its own address or domain, at most."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection, models
from django.utils import timezone
from hypothesis import HealthCheck, given, settings, strategies

from qmailpanel.domains.models import Address, Claim, Destination, Domain, Responder
from qmailpanel.domains.names.services import add_alias_domain
from qmailpanel.ledger.actors import SYSTEM
from qmailpanel.ledger.models import Change
from qmailpanel.mailboxes.models import AppPassword, AutoReply, Mailbox
from qmailpanel.mailboxes.removal.services import purge_due, remove_mailbox
from qmailpanel.qmail.names import DomainName
from qmailpanel.reports.models import SyncProblem
from qmailpanel.reports.statuses import Status
from qmailpanel.sync.models import DriftDecision
from qmailpanel.sync.service import Service
from tests.kit.panels import Panel, settle
from tests.sync.test_injection import read_all, touch

MODELS: tuple[type[models.Model], ...] = (
    Domain,
    Claim,
    Address,
    Destination,
    Responder,
    Mailbox,
    AppPassword,
    AutoReply,
    DriftDecision,
)
COLUMNS = [
    (model._meta.db_table, field.column)
    for model in MODELS
    for field in model._meta.concrete_fields
    if not (field.primary_key or isinstance(field, models.ForeignKey))
]
VALUES = (
    "x'ff00'",
    "x'616e6e'",
    "CAST(x'616eff' AS TEXT)",
    "'a' || char(10) || '=100-root:root:0:0:/root:::'",
    "'|/bin/sh'",
    "'a' || char(0)",
    "''",
    "-5",
    "1.5",
    "9223372036854775807",
)
EXAMPLES = 400 if os.environ.get("TEST_SOAK") else 40

pytestmark = pytest.mark.skipif(
    connection.vendor != "sqlite", reason="other databases hold a column to its type"
)


class World:
    """A domain with a row of everything, and another one that goes on."""

    def __init__(self, panel: Panel) -> None:
        self.panel = panel
        self.domain, self.other = panel.add_domain(), panel.add_domain("other.test")
        ann = panel.add_mailbox(self.domain, "ann")
        self.cleo = panel.add_mailbox(self.other, "cleo")
        self.rows = {"domains_domain": self.domain.pk, "domains_address": ann.pk}
        mailbox = ann.mailbox
        mailbox.quota = 5000
        mailbox.save()
        panel.add_alias(self.domain, "info", "ann@pandle.net")
        panel.add_alias(self.domain, "team", "one@side.test", "two@side.test")
        add_alias_domain(SYSTEM, self.domain, DomainName("alias.test"))
        Destination.objects.create(address=ann, target="me@side.test")
        Responder.objects.create(domain=self.domain, subject="Gone", text="Gone.")
        AutoReply.objects.create(mailbox=mailbox, subject="Away", text="Away.", running=True)
        AppPassword.objects.create(
            mailbox=mailbox,
            name="phone",
            password="{PLAIN}x",
            mark="0" * 64,
            created=Change.objects.latest("id").at,
        )
        DriftDecision.objects.create(
            domain=self.domain,
            kind="file",
            file="pandle.net/.qmail-x",
            key="pandle.net/.qmail-x",
            side="theirs",
            change=Change.objects.latest("id"),
        )
        self.service: Service = panel.serve()
        self.turns = itertools.count()

    @contextmanager
    def put(self, table: str, column: str, value: str) -> Iterator[None]:
        """Give a row of the domain this value for as long as the block lasts."""
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA ignore_check_constraints = ON")
            cursor.execute(f"SELECT min(rowid) FROM {table}")
            row = self.rows.get(table, cursor.fetchone()[0])
            cursor.execute(f'SELECT quote("{column}") FROM {table} WHERE rowid = {row}')
            before = cursor.fetchone()[0]
            cursor.execute(f'UPDATE {table} SET "{column}" = {value} WHERE rowid = {row}')
        try:
            yield
        finally:
            with connection.cursor() as cursor:
                cursor.execute(f'UPDATE {table} SET "{column}" = {before} WHERE rowid = {row}')

    def go_on(self) -> None:
        """Both domains change, and the other one must become live."""
        is_on = next(self.turns) % 2 == 1
        Address.objects.filter(pk=self.cleo.pk).update(enabled=is_on)
        touch(self.other, self.cleo)
        Domain.objects.filter(pk=self.domain.pk).update(
            change=Change.objects.order_by("-id").values("id")[:1]
        )
        service = self.service
        for each in (*service.usage.rounds, service.replies, service.purge, service.warnings):
            each.hurry()
        settle(self.service)
        assert not SyncProblem.objects.filter(domain=None).exists()
        assert self.panel.status(self.cleo) is Status.LIVE
        dot_qmail = self.panel.below("other.test/cleo/.qmail").read_bytes()
        assert (dot_qmail == b"./Maildir/\n") == is_on
        written = read_all(self.panel)
        written += b"".join(path.read_bytes() for path in (self.panel.home / "logins").iterdir())
        assert b"root:0:0" not in written
        assert b"\n|/bin/sh" not in written


@pytest.fixture
def world(panel: Panel) -> Any:
    return World(panel)


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(column=strategies.sampled_from(COLUMNS), value=strategies.sampled_from(VALUES))
def test_a_hostile_value_in_any_column_stops_nobody_else(
    world: World, column: tuple[str, str], value: str
) -> None:
    with world.put(*column, value):
        world.go_on()
    world.go_on()


@pytest.mark.parametrize("value", VALUES)
def test_a_domain_whose_name_is_spoilt_is_told_and_goes_on_by_the_name_it_had(
    world: World, value: str
) -> None:
    before = read_all(world.panel)
    with world.put("domains_domain", "name", value):
        world.panel.sync()
        assert world.panel.status_of_domain(world.domain) is Status.FAILED
        assert read_all(world.panel) == before
    world.panel.sync()
    assert world.panel.status_of_domain(world.domain) is Status.LIVE


@pytest.mark.parametrize("value", VALUES)
def test_mail_is_not_purged_at_a_time_that_is_none(world: World, value: str) -> None:
    panel = world.panel
    ann = world.domain.addresses.get(local="ann")
    remove_mailbox(SYSTEM, ann, despite_pointers=True)
    panel.sync()
    world.rows["mailboxes_mailbox"] = ann.mailbox.pk
    with world.put("mailboxes_mailbox", "removed_at", value):
        assert not purge_due(timezone.now())
        assert panel.below(f".archive/{ann.mailbox.home}").is_dir()
    assert not Mailbox.objects.filter(purged=True).exists()
