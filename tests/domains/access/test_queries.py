"""A change by a domain admin takes 25 queries at most, however many people there are.

Four more look what becomes of mail to addresses of this host that it names. Three of a form
made from a row look in the service's transaction whether that is still as it was.
"""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from qmailpanel.accounts.models import User
from qmailpanel.aliases.services import add_alias
from qmailpanel.domains.access.models import Invitation
from qmailpanel.domains.models import Address, Domain, Grant
from qmailpanel.domains.services import change_domain
from qmailpanel.ledger.actors import SYSTEM
from qmailpanel.mailboxes.services import add_mailbox
from qmailpanel.qmail.names import AliasLocal, LocalPart, MailAddress

PEOPLE = [1, 3, 50]
HTMX = {"hx-request": "true"}


@pytest.fixture
def crowd(domain: Domain, other_domain: Domain, operator: User) -> Any:
    """So many people with rights that the domain admin lacks; their mail arrives on this host."""
    change_domain(SYSTEM, other_domain, subdomains=True)

    def gather(number: int) -> None:
        for one in range(number):
            user = User.objects.create(email=f"p{one}@mail{one}.stranger.example")
            Grant.objects.create(user=user, domain=other_domain, rights=["names"])
            Invitation.objects.create(
                email=f"i{one}@at{one}.stranger.example",
                domain=other_domain,
                rights=["names"],
                digest=str(one),
                expires=timezone.now() + timedelta(days=1),
            )

    return gather


@pytest.fixture
def alias(domain: Domain) -> Address:
    return add_alias(SYSTEM, domain, AliasLocal("info"), [MailAddress("a@example.org")])


def queries_of(client: Client, address: str, fields: dict[str, str], target: str = "") -> int:
    """How many the POST takes in all; once the ledger is locked, nothing is asked twice."""
    with CaptureQueriesContext(connection) as captured:
        answer = client.post(address, fields, headers={**HTMX, "hx-target": target})
    assert answer.status_code in (200, 303)
    queries = [query["sql"] for query in captured]
    lock = next(n for n, sql in enumerate(queries) if "ledger_ledgerhead" in sql)
    times = Counter(queries[lock:])
    assert [sql for sql, count in times.items() if count > 1] == []
    return len(queries)


@pytest.mark.parametrize("people", PEOPLE)
def test_adding_a_mailbox(as_colleague: Client, crowd: Any, people: int) -> None:
    crowd(people)
    fields = {"local": "biliards", "password": ""}
    assert queries_of(as_colleague, "/domains/pandle.net/mailboxes/", fields, "add") == 24


@pytest.mark.parametrize("people", PEOPLE)
def test_removing_a_mailbox(as_colleague: Client, domain: Domain, crowd: Any, people: int) -> None:
    mailbox = add_mailbox(SYSTEM, domain, LocalPart("biliards"))
    crowd(people)
    href = f"/domains/pandle.net/mailboxes/{mailbox.pk}/remove/"
    assert queries_of(as_colleague, href, {"despite": "1"}, f"row-a{mailbox.pk}") == 25


@pytest.mark.parametrize("people", PEOPLE)
def test_adding_an_alias(as_colleague: Client, crowd: Any, people: int) -> None:
    crowd(people)
    fields = {"local": "info", "destinations": "b@example.org, biliards@stranger.example"}
    assert queries_of(as_colleague, "/domains/pandle.net/aliases/", fields, "add") == 29


@pytest.mark.parametrize("people", PEOPLE)
def test_changing_an_alias(as_colleague: Client, alias: Address, crowd: Any, people: int) -> None:
    crowd(people)
    fields = {"destinations": "b@example.org", "comment": "Prices"}
    assert queries_of(as_colleague, f"/domains/pandle.net/aliases/{alias.pk}/", fields) == 25


@pytest.mark.parametrize("people", PEOPLE)
def test_removing_an_alias(as_colleague: Client, alias: Address, crowd: Any, people: int) -> None:
    crowd(people)
    href = f"/domains/pandle.net/aliases/{alias.pk}/remove/"
    assert queries_of(as_colleague, href, {}, f"row-a{alias.pk}") == 24
