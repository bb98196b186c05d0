"""What may be asked of the list of a domain's addresses: filters, order, pages."""

from __future__ import annotations

from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from django.utils import timezone

from qmailpanel.aliases.services import add_alias, switch_alias
from qmailpanel.domains.addresses import filters, lists
from qmailpanel.domains.addresses.filters import OF_KIND, Only, narrowed
from qmailpanel.domains.fullness import usages_in
from qmailpanel.domains.models import Address, Domain, Grant, Kind
from qmailpanel.ledger.actors import SYSTEM
from qmailpanel.mailboxes.delivery.forwarding import change_forwarding
from qmailpanel.mailboxes.delivery.replies import change_reply
from qmailpanel.mailboxes.removal.services import remove_mailbox
from qmailpanel.mailboxes.services import (
    add_mailbox,
    hold_mailbox,
    set_password,
    switch_mailbox,
)
from qmailpanel.qmail.names import AliasLocal, LocalPart, MailAddress
from qmailpanel.reports.models import SyncProblem, Usage
from tests.kit.live import make_live

LIST = "/domains/pandle.net/mailboxes/"
AWAY: dict[str, Any] = {
    "subject": "Away",
    "text": "Back soon.",
    "first": None,
    "last": None,
    "days": 7,
}
MANY = [pytest.param(2_500, id="few"), pytest.param(0, id="many")]


def add(domain: Domain, local: str) -> Address:
    """A mailbox of which nothing is so that could be asked for."""
    address = add_mailbox(SYSTEM, domain, LocalPart(local), password="seven lanterns")
    count(address, 1)
    return address


def count(address: Address, size: int, *, percent: int = 0, opened: bool = True) -> None:
    Usage.objects.update_or_create(
        node=settings.QMAILPANEL_NODE,
        address=address.pk,
        defaults={
            "domain": address.domain_id,
            "bytes": size,
            "percent": percent,
            "opened": opened,
            "at": timezone.now(),
        },
    )


def fail(address: Address | None, domain: Domain) -> None:
    SyncProblem.objects.create(
        node=settings.QMAILPANEL_NODE,
        domain=domain.pk,
        address=address.pk if address else None,
        text="The mail root is full.",
        since=timezone.now(),
    )


def make_so(only: Only, address: Address) -> None:
    away = MailAddress("away@example.org")
    match only:
        case Only.FULL:
            count(address, 1, percent=95)
        case Only.OFF:
            switch_mailbox(SYSTEM, address, on=False)
        case Only.HELD:
            hold_mailbox(SYSTEM, address, on_hold=True)
        case Only.FORWARDS:
            change_forwarding(SYSTEM, address, destinations=[away], keeps=False)
        case Only.REPLIES:
            change_reply(SYSTEM, address, on=True, **AWAY)
        case Only.NO_PASSWORD:
            address.mailbox.password = ""
            address.mailbox.save(update_fields=["password"])
        case Only.UNOPENED:
            count(address, 1, opened=False)
        case Only.FAILED:
            fail(address, address.domain)


def make_so_no_longer(only: Only, address: Address) -> None:
    match only:
        case Only.FULL | Only.UNOPENED:
            count(address, 1)
        case Only.OFF:
            switch_mailbox(SYSTEM, address, on=True)
        case Only.HELD:
            hold_mailbox(SYSTEM, address, on_hold=False)
        case Only.FORWARDS:
            change_forwarding(SYSTEM, address, destinations=[], keeps=True)
        case Only.REPLIES:
            change_reply(SYSTEM, address, on=False, **AWAY)
        case Only.NO_PASSWORD:
            set_password(SYSTEM, address, password="seven lanterns")
        case Only.FAILED:
            SyncProblem.objects.all().delete()


def locals_of(client: Client, query: str = "", address: str = LIST) -> list[str]:
    """In the order of the page."""
    answer = client.get(f"{address}{query}")
    assert answer.status_code == 200
    return [row.local for row in answer.context["page"].rows]


@pytest.mark.parametrize("few", MANY)
@pytest.mark.parametrize("only", Only)
def test_a_filter_shows_those_of_which_it_is_so_and_no_others(
    as_colleague: Client, domain: Domain, monkeypatch: Any, only: Only, few: int
) -> None:
    monkeypatch.setattr(filters, "FEW", few)
    add(domain, "ann")
    bob = add(domain, "bob")
    make_so(only, bob)
    assert locals_of(as_colleague, f"?only={only}") == ["bob"]
    assert locals_of(as_colleague, f"?only={only}&q=a") == []
    gone = add(domain, "bobby")
    make_so(only, gone)
    remove_mailbox(SYSTEM, gone)
    assert locals_of(as_colleague, f"?only={only}") == ["bob"]
    make_so_no_longer(only, bob)
    assert locals_of(as_colleague, f"?only={only}") == []
    assert locals_of(as_colleague) == ["ann", "bob", "bobby"]


def test_a_filter_that_finds_nothing_says_what_that_means_and_leads_back(
    as_colleague: Client, domain: Domain
) -> None:
    add(domain, "ann")
    for only in Only:
        page = as_colleague.get(f"{LIST}?only={only}").content.decode()
        assert str(filters.NOTHING[only]) in page
        assert f'<a href="{LIST}">Show all</a>' in page


def test_filter_search_and_order_go_with_each_other_and_with_the_pages(
    as_colleague: Client, domain: Domain
) -> None:
    for number in range(51):
        switch_mailbox(SYSTEM, add(domain, f"m{number:02}"), on=False)
    page = as_colleague.get(f"{LIST}?only=off&q=m&sort=used").content.decode()
    assert '<a href="?q=m&amp;only=off&amp;sort=used&amp;page=2">' in page
    assert '<a href="?q=m&amp;only=held&amp;sort=used&amp;">On hold</a>' in page
    assert '<input type="hidden" name="only" value="off">' in page
    assert '<input type="hidden" name="sort" value="used">' in page
    assert "51 found" in page


@pytest.mark.parametrize("query", ["?only=x", "?only=", "?sort=x", "?page=x", "?page=99"])
def test_what_no_list_knows_is_left_out(as_colleague: Client, domain: Domain, query: str) -> None:
    add(domain, "ann")
    assert locals_of(as_colleague, query) == ["ann"]
    page = as_colleague.get(f"{LIST}{query}").content.decode()
    assert 'aria-current="true">All</a>' in page
    assert "only=x" not in page


def test_when_the_domain_itself_failed_all_that_is_in_it_did(
    as_colleague: Client, domain: Domain
) -> None:
    add(domain, "ann")
    fail(None, domain)
    assert locals_of(as_colleague, "?only=failed") == ["ann"]


@pytest.mark.parametrize("numbered", [1_000, 0], ids=["small", "large"])
def test_by_used_the_fullest_come_first(
    as_colleague: Client, domain: Domain, monkeypatch: Any, numbered: int
) -> None:
    monkeypatch.setattr(lists, "NUMBERED", numbered)
    for local, size in (("ann", 20), ("bob", 300), ("cem", 1)):
        count(add(domain, local), size)
    assert locals_of(as_colleague, "?sort=used") == ["bob", "ann", "cem"]
    page = as_colleague.get(f"{LIST}?sort=used").content.decode()
    assert '<th scope="col" aria-sort="descending">' in page


def test_of_a_large_list_by_used_all_pages_are_reached(
    as_colleague: Client, domain: Domain, monkeypatch: Any
) -> None:
    monkeypatch.setattr(lists, "NUMBERED", 0)
    for number in range(51):
        count(add(domain, f"m{number:02}"), 100 - number)
    first = as_colleague.get(f"{LIST}?sort=used&top=1").context["page"]
    assert [row.local for row in first.rows][0::49] == ["m00", "m49"]
    assert locals_of(as_colleague, f"?sort=used&after={first.next}") == ["m50"]


def test_small_lists_have_numbers_and_large_ones_go_on_by_key(
    as_colleague: Client, domain: Domain, monkeypatch: Any
) -> None:
    for number in range(51):
        add(domain, f"m{number:02}")
    assert locals_of(as_colleague, "?page=2") == ["m50"]
    assert locals_of(as_colleague, "?page=99") == ["m50"]
    monkeypatch.setattr(lists, "NUMBERED", 50)
    page = as_colleague.get(LIST).context["page"]
    assert (page.last, page.next != "") == (0, True)
    assert locals_of(as_colleague, f"?after={page.next}") == ["m50"]


def test_a_list_says_how_many_there_are_without_those_that_were_removed(
    as_colleague: Client, domain: Domain, monkeypatch: Any
) -> None:
    remove_mailbox(SYSTEM, add(domain, "ann"))
    add(domain, "bob")
    assert "1 mailbox<" in as_colleague.get(LIST).content.decode()
    add(domain, "cem")
    assert "2 mailboxes<" in as_colleague.get(LIST).content.decode()
    monkeypatch.setattr(lists, "COUNTED", 1)
    assert "more than 1<" in as_colleague.get(LIST).content.decode()


def test_the_aliases_that_are_off_or_failed_are_found(as_colleague: Client, domain: Domain) -> None:
    aliases = "/domains/pandle.net/aliases/"
    target = [MailAddress("away@example.org")]
    sales, team = (
        add_alias(SYSTEM, domain, AliasLocal(local), target) for local in ("sales", "team")
    )
    switch_alias(SYSTEM, sales, on=False)
    fail(team, domain)
    assert locals_of(as_colleague, "?only=off", aliases) == ["sales"]
    assert locals_of(as_colleague, "?only=failed", aliases) == ["team"]
    assert "2 found" not in as_colleague.get(f"{aliases}?only=held").content.decode()
    assert "only=held" not in as_colleague.get(aliases).content.decode()


@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize("only", Only)
def test_a_filter_asks_the_database_as_often_for_one_row_as_for_three(
    as_colleague: Client,
    domain: Domain,
    django_assert_num_queries: Any,
    rows: int,
    only: Only,
) -> None:
    for number in range(rows):
        make_so(only, add(domain, f"m{number}"))
    make_live(domain)
    besides = {Only.FAILED: 1, Only.FORWARDS: 2, Only.OFF: -1}.get(only, 0)
    with django_assert_num_queries(9 + besides):
        as_colleague.get(f"{LIST}?only={only}&sort=used")


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL has statistics")
@pytest.mark.parametrize("only", [each for each in Only if each is not Only.OFF])
def test_what_a_filter_finds_stands_in_an_index(domain: Domain, only: Only) -> None:
    found, column = filters._found(domain, only)
    plan = found.values_list(column, flat=True)[:1_001].explain()
    assert INDEXES[only] in plan


INDEXES = {
    Only.FULL: "USING INDEX usage_by_domain",
    Only.HELD: "USING INDEX mailbox_on_hold (domain_id=?)",
    Only.FORWARDS: "USING INDEX mailbox_forwards (domain_id=?)",
    Only.REPLIES: "USING INDEX mailbox_replies (domain_id=?)",
    Only.NO_PASSWORD: "USING INDEX mailbox_no_password (domain_id=?)",
    Only.UNOPENED: "USING INDEX usage_unopened (node=? AND domain=?)",
    Only.FAILED: "USING INDEX reports_syncproblem_domain",
}


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL has statistics")
def test_what_is_off_and_what_is_used_most_is_read_in_the_order_of_an_index(
    domain: Domain,
) -> None:
    off = narrowed(Address.objects.all(), domain, Kind.MAILBOX, Only.OFF).rows.order_by("local")
    assert "USING INDEX address_off (domain_id=? AND kind=?)" in off.explain()
    used = usages_in(domain).order_by("-bytes", "-address")
    assert "USING INDEX usage_by_bytes (node=? AND domain=?)" in used.explain()
    assert "TEMP B-TREE" not in f"{off.explain()}{used.explain()}"


def test_every_filter_has_its_words() -> None:
    assert set(filters.NOTHING) == set(Only)
    assert set(OF_KIND[Kind.ALIAS]) < set(OF_KIND[Kind.MAILBOX])


@pytest.mark.parametrize("path", ["mailboxes", "aliases"])
def test_where_the_form_stands_below_the_list_a_link_leads_to_it(
    as_colleague: Client, domain: Domain, path: str
) -> None:
    page = as_colleague.get(f"/domains/pandle.net/{path}/").content.decode()
    assert '<p class="jump"><a href="#add">' in page
    Grant.objects.update(rights=[])
    assert 'href="#add"' not in as_colleague.get(f"/domains/pandle.net/{path}/").content.decode()
