"""One field that finds anything one may see, in any place of its name."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from qmailpanel.accounts.models import User
from qmailpanel.aliases.services import add_alias, change_alias
from qmailpanel.domains.models import Address, Destination, Domain, Grant
from qmailpanel.domains.names.services import add_alias_domain
from qmailpanel.domains.renaming import rename_address
from qmailpanel.domains.services import add_domain, change_domain, remove_domain
from qmailpanel.find.first import LOOKED_AT, SHOWN
from qmailpanel.find.search import search
from qmailpanel.ledger.actors import SYSTEM
from qmailpanel.mailboxes.removal.services import remove_mailbox
from qmailpanel.mailboxes.services import add_mailbox, change_mailbox
from qmailpanel.qmail.names import AliasLocal, DomainName, LocalPart, MailAddress
from tests.kit.live import make_live


@pytest.fixture
def smith(domain: Domain) -> Address:
    return add_mailbox(SYSTEM, domain, LocalPart("mary.smith"))


def alias(domain: Domain, local: str, *targets: str) -> Address:
    return add_alias(SYSTEM, domain, AliasLocal(local), [MailAddress(each) for each in targets])


def locals_of(user: User, text: str) -> list[str]:
    return [row.local for row in search(user, text).addresses]


@pytest.mark.parametrize("text", ["smith", "y.sm", "mary", "ma", "mary.smith", "smith@pandle.net"])
def test_an_address_is_found_by_any_part_of_it(operator, colleague, smith, text) -> None:
    assert locals_of(operator, text) == ["mary.smith"]
    assert locals_of(colleague, text) == ["mary.smith"]


@pytest.mark.parametrize("text", ["smyth", "mith2", '"', "'", "%", "_", "a*b", "x" * 320, "@", "é"])
def test_nothing_else_is(operator, colleague, smith, text) -> None:
    assert locals_of(operator, text) == []
    assert locals_of(colleague, text) == []


def test_what_begins_so_comes_first(operator, domain) -> None:
    for local in ("aftersales", "sales", "presales", "sales.uk"):
        add_mailbox(SYSTEM, domain, LocalPart(local))
    assert locals_of(operator, "sales") == ["sales", "sales.uk", "aftersales", "presales"]


def test_an_address_is_found_by_its_comment_in_any_case(operator, colleague, smith) -> None:
    change_mailbox(SYSTEM, smith, comment="The Boss")
    for user in (operator, colleague):
        assert locals_of(user, "boss") == ["mary.smith"]
    change_mailbox(SYSTEM, smith, comment="")
    for user in (operator, colleague):
        assert locals_of(user, "boss") == []


def test_a_name_that_was_changed_is_found_as_it_is_now(operator, smith) -> None:
    make_live(smith.domain)
    rename_address(SYSTEM, smith, LocalPart("mary.jones"), keep=False)
    assert locals_of(operator, "jones") == ["mary.jones"]
    assert "mary.jones" not in locals_of(operator, "smith")


def test_aliases_are_found_by_where_they_deliver(operator, colleague, domain) -> None:
    sales = alias(domain, "sales", "Bob@Elsewhere.Example")
    for user in (operator, colleague):
        assert [one.address for one in search(user, "elsewhere").destinations] == [sales]
    change_alias(SYSTEM, sales, destinations=[MailAddress("x@side.test")])
    for user in (operator, colleague):
        assert search(user, "elsewhere").destinations == []


def test_a_removed_mailbox_is_found_among_the_removed(operator, smith) -> None:
    remove_mailbox(SYSTEM, smith, despite_pointers=True)
    found = search(operator, "smith")
    assert (found.addresses, found.removed) == ([], [smith])


def test_a_domain_is_found_as_people_write_it_by_its_description_and_its_other_names(
    operator, colleague, domain
) -> None:
    change_domain(SYSTEM, domain, description="Billiard hall")
    add_alias_domain(SYSTEM, domain, DomainName("cues.example"))
    german = add_domain(SYSTEM, DomainName("xn--mller-kva.example"))
    for text in ("andle", "billiard", "cues"):
        assert search(operator, text).domains == [domain]
        assert search(colleague, text).domains == [domain]
    assert search(operator, "üll").domains == [german]
    assert search(colleague, "üll").domains == []


def test_a_domain_of_other_people_and_all_in_it_is_not_there(
    stranger, colleague, domain, smith
) -> None:
    alias(domain, "sales", "bob@elsewhere.example")
    for text in ("smith", "mary.smith@pandle.net", "pandle", "elsewhere", "sales", "colleague"):
        assert not search(stranger, text)


def test_people_are_found_by_operators_and_by_who_shares_a_domain_with_them(
    operator, colleague, stranger
) -> None:
    assert search(operator, "colle").people == [colleague]
    assert search(colleague, "colle").people == [colleague]
    assert search(stranger, "colle").people == []


@pytest.mark.parametrize("kind", ["operator", "colleague"])
def test_however_many_there_are_some_are_shown_with_as_many_queries(
    request, domain, kind, django_assert_num_queries: Any
) -> None:
    user = request.getfixturevalue(kind)
    for count in (1, 3 * SHOWN):
        for number in range(count):
            add_mailbox(SYSTEM, domain, LocalPart(f"box-of-sales-{count}-{number}"))
        with django_assert_num_queries(8 if user.is_operator else 9):
            found = search(user, "sales")
        assert len(found.addresses) == min(count, SHOWN)
    assert found.has_more == {"addresses"}


def test_the_whole_name_of_a_domain_counts_before_those_that_begin_so(operator) -> None:
    for number in range(60):
        add_domain(SYSTEM, DomainName(f"pandle{number:02}.net"))
    named = add_domain(SYSTEM, DomainName("pandle.ne"))
    add_mailbox(SYSTEM, named, LocalPart("ann"))
    assert locals_of(operator, "ann@pandle.ne") == ["ann"]


@pytest.mark.parametrize("text", ["mary@", "mith@"])
def test_an_at_sign_alone_takes_nothing_away(operator, colleague, smith, text) -> None:
    assert locals_of(operator, text) == locals_of(colleague, text) == ["mary.smith"]


def test_however_many_were_removed_those_that_are_there_are_shown(operator, domain, smith) -> None:
    for number in range(SHOWN + 1):
        gone = add_mailbox(SYSTEM, domain, LocalPart(f"mary{number}"))
        remove_mailbox(SYSTEM, gone, despite_pointers=True)
    assert locals_of(operator, "ma") == ["mary.smith"]
    assert len(search(operator, "mary").removed) == SHOWN


def test_what_is_in_a_removed_domain_is_not_found(operator, domain, smith) -> None:
    remove_domain(SYSTEM, domain)
    assert locals_of(operator, "smith") == []


@pytest.fixture
def crowd(db: None) -> None:
    """So many of other people have the text that nobody's own are among the first."""
    domain = add_domain(SYSTEM, DomainName("crowd.test"))
    rows = {"domain": domain, "kind": "mailbox", "change": domain.change}
    there = [Address(local=f"mary{n:04}", **rows) for n in range(LOOKED_AT)]
    gone = [Address(local=f"marx{n:04}", removed=True, **rows) for n in range(LOOKED_AT)]
    Address.objects.bulk_create([*there, *gone])
    pointers = (Destination(address=row, target="mary@elsewhere.test") for row in there)
    Destination.objects.bulk_create(pointers)


@pytest.mark.parametrize("text", ["ma", "mar", "mary", "ary"])
def test_ones_own_are_found_behind_however_many_of_other_people(
    crowd, colleague, smith, text
) -> None:
    assert locals_of(colleague, text) == ["mary.smith"]


@pytest.mark.parametrize("text", ["ma", "mar", "arx"])
def test_so_are_ones_own_removed_ones(crowd, colleague, domain, text) -> None:
    gone = add_mailbox(SYSTEM, domain, LocalPart("marxy"))
    remove_mailbox(SYSTEM, gone)
    assert search(colleague, text).removed == [gone]


def test_so_are_those_that_deliver_there(crowd, colleague, domain) -> None:
    sales = alias(domain, "sales", "mary@elsewhere.test")
    assert [each.address for each in search(colleague, "elsewhere").destinations] == [sales]


def test_where_many_have_the_very_name_ones_own_comes_first(colleague, domain) -> None:
    other = add_domain(SYSTEM, DomainName("zz.test"))
    Grant.objects.create(user=colleague, domain=other, rights=["addresses"])
    change = domain.change
    theirs = [
        Domain(name=f"d{n}.test", prepend=10_000 + n, change=change) for n in range(LOOKED_AT)
    ]
    Domain.objects.bulk_create(theirs)
    rows = [(each, "info") for each in theirs] + [(domain, f"info-{n}") for n in range(SHOWN + 1)]
    Address.objects.bulk_create(
        Address(domain=each, local=local, kind="mailbox", change=change) for each, local in rows
    )
    add_mailbox(SYSTEM, other, LocalPart("info"))
    assert locals_of(colleague, "info")[0] == "info"


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL chooses for itself")
@pytest.mark.parametrize("kind", ["operator", "colleague"])
@pytest.mark.parametrize("text", ["ma", "mary", "mary.smith@pandle.net", "nobody@pandle.net"])
def test_no_search_reads_all_addresses_or_destinations(request, crowd, smith, kind, text) -> None:
    user = request.getfixturevalue(kind)
    with CaptureQueriesContext(connection) as queries:
        search(user, text)
    for query in queries.captured_queries:
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN QUERY PLAN {query['sql']}")
            plan = [step for *_ids, step in cursor.fetchall()]
        for table in ("domains_address", "domains_destination"):
            assert f"SCAN {table}" not in [step.partition(" USING")[0] for step in plan], plan


@pytest.mark.parametrize("count", [1, 3])
def test_removed_mailboxes_are_shown_with_as_many_queries_however_many(
    as_operator, domain, count, django_assert_max_num_queries: Any
) -> None:
    for number in range(count):
        gone = add_mailbox(SYSTEM, domain, LocalPart(f"smith{number}"))
        remove_mailbox(SYSTEM, gone, despite_pointers=True)
    with django_assert_max_num_queries(14):
        text = as_operator.get("/find/", {"q": "smith"}).content.decode()
    assert text.count("mail kept until") == count
