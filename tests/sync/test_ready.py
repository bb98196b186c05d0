"""Queries that are made once answer as those that are made each time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from django.db import connection

from qmailpanel.domains.models import Address, Domain
from qmailpanel.sync.any_text import any_text
from qmailpanel.sync.ready import MOST, Given, Row, Rows, ready

pytestmark = pytest.mark.django_db

made: list[object] = []


@pytest.fixture(autouse=True)
def forget_made() -> None:
    made.clear()


@pytest.fixture
def ask() -> Callable[..., list[Row]]:
    """Addresses of a domain with some local parts, or that are no aliases."""

    @ready
    def build(domain: Given, locals_: Sequence[Given], *, ordered: str = "local") -> Rows:
        made.append(ordered)
        rows: Rows = Address.objects.filter(domain=domain, local__in=locals_)
        return rows.order_by(ordered).values("local", "enabled", "domain__name")

    return build


@pytest.fixture
def pandle(panel) -> Domain:
    domain: Domain = panel.add_domain("pandle.net")
    for local in ("ann", "bob", "joe"):
        panel.add_mailbox(domain, local)
    return domain


def found(rows: list[Row]) -> list[Any]:
    return [row["local"] for row in rows]


def test_a_query_of_one_shape_is_made_once_and_asked_with_each_value(ask, pandle) -> None:
    assert ask(pandle.pk, ["ann"]) == [
        {"local": "ann", "enabled": True, "domain__name": "pandle.net"}
    ]
    assert found(ask(pandle.pk, ["joe"])) == ["joe"]
    assert ask(pandle.pk + 1, ["joe"]) == []
    assert len(made) == 1


def test_each_number_of_values_is_a_shape_of_its_own(ask, pandle) -> None:
    assert found(ask(pandle.pk, ["joe", "ann"])) == ["ann", "joe"]
    assert found(ask(pandle.pk, ["bob", "ann"])) == ["ann", "bob"]
    assert found(ask(pandle.pk, ["bob"])) == ["bob"]
    assert len(made) == 2


def test_what_is_given_by_name_is_part_of_the_shape(ask, pandle) -> None:
    assert found(ask(pandle.pk, ["ann", "bob"], ordered="-local")) == ["bob", "ann"]
    assert found(ask(pandle.pk, ["ann", "bob"], ordered="local")) == ["ann", "bob"]


def test_among_no_values_is_nothing(ask, pandle) -> None:
    assert ask(pandle.pk, []) == []


def test_queries_with_many_values_are_not_kept(ask, pandle) -> None:
    many = [f"nobody{number}" for number in range(MOST)]
    for _ in range(2):
        assert found(ask(pandle.pk, [*many, "ann"])) == ["ann"]
    assert len(made) == 2


@pytest.mark.skipif(connection.vendor != "sqlite", reason="others hold columns to their types")
def test_columns_are_read_as_is_said_when_it_is_asked(ask, pandle) -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE domains_domain SET name = CAST(x'ff41' AS TEXT)")
    [as_shown] = ask(pandle.pk, ["ann"])
    with any_text():
        [as_it_is] = ask(pandle.pk, ["ann"])
    assert (as_shown["domain__name"], as_it_is["domain__name"]) == ("\\xffA", b"\xffA")
    assert len(made) == 1
