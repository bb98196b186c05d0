"""Rows as no service wrote them, as a broken restore brings them: lists show them all the same."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from hypothesis import HealthCheck, example, given, settings, strategies

from qmailpanel.accounts.models import User
from qmailpanel.domains.models import Destination, Responder
from qmailpanel.ledger.actors import SYSTEM
from qmailpanel.mailboxes.models import AutoReply
from qmailpanel.mailboxes.removal.services import remove_mailbox
from qmailpanel.mailboxes.services import add_mailbox
from qmailpanel.qmail.names import LocalPart
from tests.kit.routes import make_rows
from tests.sync.test_hostile_columns import COLUMNS, VALUES

LISTS = (
    "/domains/",
    "/domains/pulse/",
    "/domains/pandle.net/mailboxes/",
    "/domains/pandle.net/mailboxes/removed/",
    "/domains/pandle.net/aliases/",
    "/domains/pandle.net/people/",
    "/nearly-full/",
    "/activity/",
    "/people/",
    "/requests/",
    "/sync/",
)
NAMES = [("domains_domain", "name"), ("domains_claim", "name"), ("domains_address", "local")]
EXAMPLES = 300 if os.environ.get("TEST_SOAK") else 15

pytestmark = pytest.mark.skipif(
    connection.vendor != "sqlite", reason="other databases hold a column to its type"
)


@pytest.fixture
def rows(domain, other_domain) -> dict[str, Any]:
    """A row of everything in pandle.net, which is the first domain."""
    rows = make_rows(domain)
    address = rows["mailboxes"]
    remove_mailbox(SYSTEM, add_mailbox(SYSTEM, domain, LocalPart("gone")))
    Destination.objects.create(address=address, target="me@side.test")
    Responder.objects.create(domain=domain, subject="Gone", text="Gone.")
    AutoReply.objects.create(mailbox=address.mailbox, subject="Away", text="Away.", running=True)
    return rows


@contextmanager
def put(table: str, column: str, value: str) -> Iterator[None]:
    """This value in the first row of a table, as long as the block lasts."""
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA ignore_check_constraints = ON")
        cursor.execute(f"SELECT min(rowid) FROM {table}")
        [row] = cursor.fetchone()
        cursor.execute(f'SELECT quote("{column}") FROM {table} WHERE rowid = %s', [row])
        [before] = cursor.fetchone()
        cursor.execute(f'UPDATE {table} SET "{column}" = {value} WHERE rowid = %s', [row])
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f'UPDATE {table} SET "{column}" = {before} WHERE rowid = %s', [row])


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    column=strategies.sampled_from(COLUMNS + NAMES * 5),
    value=strategies.sampled_from(VALUES),
)
@example(column=("domains_domain", "name"), value="''")
@example(column=("domains_domain", "name"), value="'|/bin/sh'")
@example(column=("domains_domain", "name"), value="x'ff00'")
@example(column=("domains_address", "local"), value="CAST(x'616eff' AS TEXT)")
@example(column=("mailboxes_mailbox", "removed_at"), value="x'ff00'")
def test_no_list_breaks_over_what_one_row_holds(
    rows: dict[str, Any], operator: User, column: tuple[str, str], value: str
) -> None:
    client = Client(raise_request_exception=False)
    client.force_login(operator)
    with put(*column, value):
        answers = {path: client.get(path).status_code for path in LISTS}
    broken = {path: code for path, code in answers.items() if code >= 500}
    assert broken == {}


def test_a_domain_whose_name_is_no_text_is_listed_with_its_bytes(rows, as_operator) -> None:
    with put("domains_domain", "name", "x'ff6e616d65'"):
        page = as_operator.get("/domains/").content.decode()
    assert "\\xffname" in page
    assert "stranger.example" in page
