"""Operators, and what the ledger says of them and of signing in."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import RequestFactory
from django.utils import timezone

from qmailpanel.accounts.models import User
from qmailpanel.accounts.services import (
    add_operator,
    addresses_of,
    operators,
    record_refused,
    record_signed_in,
    set_password,
)
from qmailpanel.ledger.models import Change, Noun, Verb

LONG_AGO = timezone.now() - timedelta(days=100)
PASSWORD = "seven lanterns over quiet water"


@pytest.fixture
def newest() -> Change | None:
    """What was done last before the test."""
    return Change.objects.order_by("id").last()


def told(since: Change | None) -> list[tuple[str, str, str]]:
    changes = Change.objects.filter(id__gt=since.pk if since else 0).order_by("id")
    return [(one.verb, one.actor_name, one.target) for one in changes]


def test_mail_can_be_forwarded_to_those_whose_address_is_one(operator, colleague) -> None:
    operator.email = "root@localhost"
    assert list(addresses_of([operator, colleague])) == [colleague.email]


def test_operators_are_those_who_may_sign_in_and_the_first_comes_first(operator, colleague) -> None:
    second = add_operator("second@example.org")
    off = add_operator("off@example.org")
    User.objects.filter(pk=off.pk).update(is_active=False)
    assert list(operators()) == [operator, second]


def test_a_new_operator_is_told_once_and_one_who_comes_back_as_switched_on(newest) -> None:
    user = add_operator("Boss@example.org")
    add_operator("boss@example.org")
    User.objects.filter(pk=user.pk).update(is_active=False)
    add_operator("boss@example.org")
    assert [(verb, target) for verb, _, target in told(newest)] == [
        (Verb.GRANTED, "boss@example.org"),
        (Verb.SWITCHED_ON, "boss@example.org"),
    ]


@pytest.mark.parametrize("was_operator", [False, True])
def test_only_who_becomes_an_operator_has_time_from_then_on(colleague, was_operator) -> None:
    User.objects.filter(pk=colleague.pk).update(
        since=LONG_AGO, is_operator=was_operator, is_active=False
    )
    assert (add_operator(colleague.email).since == LONG_AGO) is was_operator


def test_the_ledger_says_who_set_a_password_and_from_where(colleague, newest) -> None:
    set_password(colleague, PASSWORD, ip="192.0.2.7")
    assert told(newest) == [(Verb.PASSWORD, colleague.email, colleague.email)]
    assert Change.objects.latest("id").ip == "192.0.2.7"
    assert User.objects.get(pk=colleague.pk).check_password(PASSWORD)


def test_the_ledger_says_who_signed_in_and_by_what(colleague, newest) -> None:
    request = RequestFactory().get("/")
    request.user = colleague
    record_signed_in(request, ["password", "totp"])
    assert told(newest) == [(Verb.SIGNED_IN, colleague.email, colleague.email)]
    assert Change.objects.latest("id").after == {"by": ["password", "totp"]}


@pytest.mark.parametrize(
    ("typed", "noted"), [("ann@example.org", "ann@example.org"), ("seven lanterns", "")]
)
def test_the_ledger_says_that_somebody_was_refused_but_no_password(
    anonymous, newest, typed, noted
) -> None:
    request = RequestFactory().get("/")
    request.user = anonymous.get("/sign-in/").wsgi_request.user
    record_refused(request, typed)
    assert told(newest) == [(Verb.REFUSED, "somebody", noted)]
    change = Change.objects.latest("id")
    assert (change.noun, change.actor, change.after) == (Noun.PERSON, None, {"by": ["password"]})


def test_who_is_signed_in_is_named_where_the_second_factor_was_wrong(colleague, newest) -> None:
    request = RequestFactory().get("/")
    request.user = colleague
    record_refused(request, colleague.email, by="totp")
    assert told(newest) == [(Verb.REFUSED, colleague.email, colleague.email)]
    assert Change.objects.latest("id").actor == colleague
