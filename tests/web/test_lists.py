"""What is looked for in a list, whatever was typed."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import Resolver404, resolve

from qmailpanel.accounts.models import User
from qmailpanel.aliases.services import add_alias
from qmailpanel.domains.models import Domain, Grant
from qmailpanel.ledger.actors import SYSTEM
from qmailpanel.mailboxes.removal.services import remove_mailbox
from qmailpanel.mailboxes.services import add_mailbox
from qmailpanel.qmail.names import AliasLocal, LocalPart, MailAddress

LISTS = [
    ("/domains/", "pandle", "pandle.net</a>"),
    ("/domains/pandle.net/mailboxes/", "ada", ">ada<"),
    ("/domains/pandle.net/aliases/", "info", ">info<"),
    ("/domains/pandle.net/mailboxes/removed/", "gone", "gone"),
    ("/people/", "colleague", "colleague@example.org</a>"),
    ("/people/{pk}/", "pandle", "pandle.net</a>"),
]


@pytest.fixture
def rows(domain: Domain) -> None:
    for local in ("ada", "gone"):
        box = add_mailbox(SYSTEM, domain, LocalPart(local))
    remove_mailbox(SYSTEM, box)
    add_alias(SYSTEM, domain, AliasLocal("info"), [MailAddress("x@example.org")])


@pytest.mark.parametrize(("page", "q", "found"), LISTS)
def test_what_no_name_has_is_not_looked_for(
    as_operator: Client, colleague: User, rows: None, page: str, q: str, found: str
) -> None:
    """A NUL that came along would be an error on PostgreSQL."""
    typed = f" {q[:2]}\0{q[2:].upper()}\n"
    answer = as_operator.get(page.format(pk=colleague.pk), {"q": typed})
    said = answer.content.decode().partition('id="list"')[2]
    assert answer.status_code == 200
    assert found in said
    assert "\0" not in answer.content.decode()


def test_nor_where_a_form_says_what_was_looked_for(
    as_operator: Client, colleague: User, domain: Domain
) -> None:
    sent = {"q": "PAN\0dle", "every": "1", "do": "change", "preset": "help desk"}
    as_operator.post(f"/people/{colleague.pk}/rights/", sent)
    grant = Grant.objects.get(user=colleague, domain=domain)
    assert grant.rights == ["passwords", "switching"]


def test_a_name_in_an_address_with_what_no_database_takes_leads_nowhere() -> None:
    with pytest.raises(Resolver404):
        resolve("/domains/pandle\0.net/")


def test_what_is_looked_for_is_no_longer_than_an_address(as_operator: Client) -> None:
    page = as_operator.get("/people/", {"q": "x" * 5_000}).content.decode()
    assert "x" * 320 in page
    assert "x" * 321 not in page
