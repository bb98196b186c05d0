"""Names in the database that no form let in: each page shows them as they stand there."""

from __future__ import annotations

from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone

from qmailpanel.accounts.models import User
from qmailpanel.domains.models import Address, Claim, Destination, Domain
from qmailpanel.mailboxes.owners import owner_of
from qmailpanel.people.models import NameRequest
from qmailpanel.reports.models import SyncProblem
from tests.kit.routes import ROUTES, address_of, make_rows, of_person

BAD = ["under_score.test", "xn--a.test", "no name"]
SHOWN = [route for route in ROUTES if {"name", "pk", "row"}.issuperset(route.takes)]
PEOPLE = settings.AUTHENTICATION_BACKENDS[0]
OWNERS = "qmailpanel.mailboxes.owners.MailboxBackend"


@pytest.fixture
def rows(domain, operator) -> dict[str, Any]:
    return {**make_rows(domain), **of_person(operator)}


def spoil(domain: Domain, name: str) -> None:
    """All that the database says of the domain is a bad name."""
    Claim.objects.filter(name=domain.name).update(name=name)
    Claim.objects.exclude(name=name).filter(domain=domain).update(name=f"further.{name}"[:253])
    NameRequest.objects.update(name=name)
    Domain.objects.filter(pk=domain.pk).update(name=name, unknown_target=f"x y@{name}"[:254])
    Destination.objects.update(target=f"x y@{name}"[:254])
    for address in Address.objects.filter(domain=domain):
        Address.objects.filter(pk=address.pk).update(local=f"{address.local} of {address.pk}")


def broken(user: User, backend: str, rows: dict[str, Any], name: str) -> list[str]:
    """The routes that answer this person with an error of ours."""
    client = Client(raise_request_exception=False)
    names = []
    for route in SHOWN:
        client.force_login(user, backend=backend)
        where = address_of(route, rows, name)
        answers = [client.get(where), client.get(where, headers={"HX-Request": "true"})]
        names += [route.name for answer in answers if answer.status_code >= 500]
    return names


@pytest.mark.parametrize("name", BAD)
def test_no_page_of_the_operator_breaks_over_a_bad_name(rows, domain, operator, name):
    spoil(domain, name)
    assert broken(operator, PEOPLE, rows, name) == []


def test_no_page_of_an_owner_breaks_over_a_bad_name(rows, domain):
    spoil(domain, "no name")
    rows["mailboxes"].refresh_from_db()
    assert broken(owner_of(rows["mailboxes"].mailbox), OWNERS, rows, "no name") == []


def test_a_domain_with_a_bad_name_is_shown_with_its_problem(rows, domain, as_operator):
    spoil(domain, "under_score.test")
    text = "under_score.test cannot be written."
    where = {"node": settings.QMAILPANEL_NODE, "domain": domain.pk}
    SyncProblem.objects.create(**where, text=text, since=timezone.now())
    page = as_operator.get("/domains/under_score.test/mailboxes/").content.decode()
    assert text in page
    assert "under_score.test" in as_operator.get("/domains/").content.decode()


def test_a_request_for_a_bad_name_is_answered_with_what_is_wrong(rows, as_operator):
    NameRequest.objects.update(name="under_score.test")
    answer = as_operator.post(f"/requests/{rows['people:prove'].pk}/accept/")
    assert answer.status_code == 422
    assert "under_score.test is not a domain name." in answer.content.decode()
