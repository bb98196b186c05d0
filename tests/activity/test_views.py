"""The ledger as pages."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from qmailpanel.domains.models import Domain
from qmailpanel.ledger.services import SYSTEM
from qmailpanel.mailboxes.services import add_mailbox
from qmailpanel.qmail.names import LocalPart


def body(response: Any) -> str:
    text: str = response.content.decode()
    return text


def test_what_somebody_does_is_a_sentence_with_their_name(
    as_colleague: Client, domain: Domain
) -> None:
    as_colleague.post("/domains/pandle.net/mailboxes/", {"local": "biliards"})
    for address in ("/activity/", "/domains/pandle.net/activity/"):
        page = body(as_colleague.get(address))
        assert "colleague@example.org added the mailbox biliards@pandle.net" in page


def test_other_peoples_domains_do_not_appear(
    as_stranger: Client, domain: Domain, other_domain: Domain
) -> None:
    assert "pandle.net" not in body(as_stranger.get("/activity/"))
    assert as_stranger.get("/domains/pandle.net/activity/").status_code == 404


def test_the_list_goes_on_behind_fifty(as_operator: Client, domain: Domain) -> None:
    for number in range(51):
        add_mailbox(SYSTEM, domain, LocalPart(f"m{number}"))
    first = as_operator.get("/activity/")
    assert "m50@pandle.net" in body(first)
    assert "the domain pandle.net" not in body(first)
    second = as_operator.get("/activity/", {"after": first.context["page"].next})
    assert "the domain pandle.net" in body(second)


def test_the_first_change_is_still_to_come(as_operator: Client) -> None:
    assert "Nothing has happened yet." in body(as_operator.get("/activity/"))


@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize("address", ["/activity/", "/domains/pandle.net/activity/"])
def test_the_list_asks_the_database_as_often_for_one_row_as_for_three(
    as_operator: Client,
    domain: Domain,
    django_assert_num_queries: Any,
    rows: int,
    address: str,
) -> None:
    for number in range(rows):
        add_mailbox(SYSTEM, domain, LocalPart(f"m{number}"))
    with django_assert_num_queries(5 if address == "/activity/" else 7):
        as_operator.get(address)
