"""Removing mailboxes with their aliases, bringing both back, and purging mail."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from qmailpanel.aliases.services import add_alias, remove_alias, restore_alias
from qmailpanel.domains.access.limits import change_limits
from qmailpanel.domains.access.rights import NotAllowed
from qmailpanel.domains.models import Address, Domain, Grant
from qmailpanel.domains.routes.pointers import StillPointedTo
from qmailpanel.domains.services import remove_domain, restore_domain
from qmailpanel.ledger.actors import COMMAND, SYSTEM, Actor, Refused
from qmailpanel.ledger.models import Change
from qmailpanel.mailboxes.models import AppPassword, Mailbox
from qmailpanel.mailboxes.removal import lists, services
from qmailpanel.mailboxes.removal.services import (
    find_missing,
    purge_due,
    purge_mailbox,
    remove_mailbox,
    restore_mailbox,
)
from qmailpanel.mailboxes.services import add_mailbox, change_quota
from qmailpanel.qmail.names import AliasLocal, LocalPart, MailAddress
from qmailpanel.web.lists import Query
from tests.kit.live import make_live, write_problem

LIST = "/domains/pandle.net/mailboxes/"


@pytest.fixture
def bob(domain: Domain) -> Address:
    """A mailbox with two aliases of its own and one that delivers elsewhere too."""
    found = add_mailbox(SYSTEM, domain, LocalPart("bob"), password="seven lanterns")
    point(domain, "info", "bob@pandle.net")
    point(domain, "sales", "bob@pandle.net")
    point(domain, "team", "bob@pandle.net", "eve@side.test")
    make_live(domain)
    return found


def point(domain: Domain, local: str, *targets: str) -> Address:
    return add_alias(SYSTEM, domain, AliasLocal(local), [MailAddress(each) for each in targets])


def remove(address: Address, **more: Any) -> None:
    remove_mailbox(COMMAND, address, despite_pointers=True, **more)
    make_live(address.domain)


def reads_of(address: Address) -> tuple[int, int]:
    """How many queries that write nothing its removal with all aliases takes, and its return."""
    numbers = []
    for do in (
        lambda: remove(address, with_aliases=True),
        lambda: restore_mailbox(SYSTEM, address),
    ):
        with CaptureQueriesContext(connection) as captured:
            do()
        numbers.append(sum(query["sql"].startswith("SELECT") for query in captured))
    return numbers[0], numbers[1]


def test_any_number_of_aliases_goes_and_comes_back_with_the_same_reads(domain, bob) -> None:
    few = reads_of(bob)
    make_live(domain)
    for number in range(3):
        point(domain, f"more{number}", "bob@pandle.net")
    make_live(domain)
    assert reads_of(bob) == few
    assert there(domain) == {"info", "sales", "team", "more0", "more1", "more2"}


def there(domain: Domain) -> set[str]:
    """The aliases that deliver, besides those that every domain has."""
    rows = domain.addresses.filter(kind="alias", removed=False).values_list("local", flat=True)
    return set(rows) - {"postmaster", "abuse"}


def test_aliases_of_the_mailbox_alone_go_and_come_back_with_it(domain, bob) -> None:
    with pytest.raises(StillPointedTo, match="team"):
        remove_mailbox(COMMAND, bob, with_aliases=True)
    remove(bob, with_aliases=True)
    assert there(domain) == {"team"}
    verbs = list(Change.objects.order_by("-id").values_list("verb", "target")[:3])
    assert {target for verb, target in verbs if verb == "removed"} == {
        "bob@pandle.net", "info@pandle.net", "sales@pandle.net",
    }  # fmt: skip
    restore_mailbox(COMMAND, bob)
    assert there(domain) == {"team", "info", "sales"}
    assert find_missing(Address.objects.get(pk=bob.pk)) == []


def test_an_alias_that_went_by_itself_does_not_come_back_with_the_mailbox(domain, bob) -> None:
    remove(bob, with_aliases=True)
    info = domain.addresses.get(local="info")
    restore_alias(COMMAND, info)
    remove_alias(COMMAND, info)
    restore_mailbox(COMMAND, bob)
    assert there(domain) == {"team", "sales"}


def test_an_alias_whose_name_has_another_owner_is_named_and_stays_removed(domain, bob) -> None:
    remove(bob, with_aliases=True)
    add_mailbox(SYSTEM, domain, LocalPart("info"))
    restore_mailbox(COMMAND, bob)
    bob.refresh_from_db()
    assert [str(alias) for alias in find_missing(bob)] == ["info@pandle.net"]
    assert there(domain) == {"team", "sales"}


def test_under_another_name_its_aliases_deliver_to_the_new_one(domain, bob) -> None:
    remove(bob, with_aliases=True)
    add_mailbox(SYSTEM, domain, LocalPart("bob"))
    restore_mailbox(COMMAND, bob, local=LocalPart("robert"))
    bob.refresh_from_db()
    assert (str(bob), bob.removed, bob.claims) == ("robert@pandle.net", False, True)
    targets = domain.addresses.get(local="sales").destinations.values_list("target", flat=True)
    assert list(targets) == ["robert@pandle.net"]


def test_password_app_passwords_and_quota_come_back_as_they_were(domain, bob) -> None:
    change_quota(SYSTEM, bob, quota=5000)
    now = timezone.now()
    AppPassword.objects.create(mailbox=bob.mailbox, name="phone", password="x", created=now)
    before = Mailbox.objects.filter(address=bob).values().get()
    remove(bob)
    assert Mailbox.objects.get(address=bob).removed_at
    restore_mailbox(COMMAND, bob)
    assert Mailbox.objects.filter(address=bob).values().get() == before
    assert AppPassword.objects.filter(mailbox__address=bob).exists()


@pytest.mark.parametrize("limit", [{"mailboxes": 1}, {"pool": 6000}])
def test_a_restored_mailbox_must_fit_into_the_domain(domain, bob, limit) -> None:
    change_quota(SYSTEM, bob, quota=5000)
    remove(bob)
    add_mailbox(SYSTEM, domain, LocalPart("eve"), quota=5000)
    change_limits(SYSTEM, domain, **limit)
    with pytest.raises(Refused, match="raise the limit"):
        restore_mailbox(COMMAND, bob)


def test_purging_takes_the_passwords_and_frees_the_name(domain, bob) -> None:
    now = timezone.now()
    AppPassword.objects.create(mailbox=bob.mailbox, name="phone", password="x", created=now)
    remove(bob)
    purge_mailbox(COMMAND, bob)
    mailbox = Mailbox.objects.get(address=bob)
    assert (mailbox.purged, mailbox.password, mailbox.app_passwords.count()) == (True, "", 0)
    add_mailbox(SYSTEM, domain, LocalPart("bob"))
    with pytest.raises(Refused, match=r"^The mail of bob@pandle\.net is purged"):
        restore_mailbox(COMMAND, bob)


def test_nobody_without_the_right_purges_mail(domain, bob, stranger) -> None:
    remove(bob)
    with pytest.raises(NotAllowed):
        purge_mailbox(Actor(stranger.pk, str(stranger), None), bob)
    assert not Mailbox.objects.get(address=bob).purged


def test_the_system_leaves_alone_what_is_not_due(domain, bob, django_assert_num_queries) -> None:
    remove(bob)
    with django_assert_num_queries(2):
        purge_due(timezone.now() + timedelta(days=29))
    assert not Mailbox.objects.get(address=bob).purged
    purge_due(timezone.now() + timedelta(days=31))
    assert Mailbox.objects.get(address=bob).purged


def test_mail_is_kept_from_the_last_removal_of_its_domain_on(domain, bob) -> None:
    with time_machine.travel(timezone.now() - timedelta(days=31)):
        remove_domain(SYSTEM, domain)
        make_live(domain)
        restore_domain(SYSTEM, domain)
    remove_domain(SYSTEM, domain)
    make_live(domain)
    purge_due(timezone.now() + timedelta(days=29))
    assert not Mailbox.objects.get(address=bob).purged
    purge_due(timezone.now() + timedelta(days=31))
    assert Mailbox.objects.get(address=bob).purged


def test_mail_is_kept_while_the_removal_of_its_domain_is_not_live(
    domain, bob, django_assert_num_queries
) -> None:
    remove_domain(SYSTEM, domain)
    with django_assert_num_queries(2):
        purge_due(timezone.now() + timedelta(days=31))
    assert not Mailbox.objects.get(address=bob).purged


@pytest.mark.parametrize("is_domain", [False, True])
def test_the_system_reads_no_more_of_what_is_due_than_it_destroys(
    domain, bob, monkeypatch, is_domain
) -> None:
    for local in ("ann", "carl", "dora"):
        add_mailbox(SYSTEM, domain, LocalPart(local))
    if is_domain:
        remove_domain(SYSTEM, domain)
        make_live(domain)
    else:
        for address in domain.addresses.filter(kind="mailbox"):
            remove(address)
    monkeypatch.setattr(services, "AT_ONCE", 1)
    later = timezone.now() + timedelta(days=31)
    with CaptureQueriesContext(connection) as captured:
        assert purge_due(later)
    reads = [q["sql"] for q in captured if '"removed_at" <' in q["sql"]]
    assert [sql for sql in reads if not sql.endswith("LIMIT 2")] == []
    assert Mailbox.objects.filter(purged=True).count() == 1
    while purge_due(later):
        pass
    assert not Mailbox.objects.filter(purged=False).exists()


@pytest.mark.skipif(connection.vendor != "sqlite", reason="a small table is read whole")
def test_what_is_due_is_found_by_when_it_was_removed(domain, bob) -> None:
    with CaptureQueriesContext(connection) as captured:
        purge_due(timezone.now())
    [sql] = [q["sql"] for q in captured if '"domains_address"."removed" AND' in q["sql"]]
    with connection.cursor() as cursor:
        plan = cursor.execute(f"EXPLAIN QUERY PLAN {sql}").fetchall()
    assert "mailbox_by_removal" in str(plan)


def test_what_is_not_live_does_not_keep_the_system_from_the_others(
    domain, other_domain, bob, monkeypatch
) -> None:
    remove_mailbox(COMMAND, bob, despite_pointers=True)
    ann = add_mailbox(SYSTEM, other_domain, LocalPart("ann"))
    remove(ann)
    carl = add_mailbox(SYSTEM, other_domain, LocalPart("carl"))
    remove(carl)
    write_problem("No.", other_domain, ann)
    monkeypatch.setattr(services, "AT_ONCE", 1)
    assert not purge_due(timezone.now() + timedelta(days=31))
    purged = Mailbox.objects.filter(purged=True).values_list("address__local", flat=True)
    assert list(purged) == ["carl"]


# pages


def page(client: Any, address: str) -> str:
    text: str = client.get(address).content.decode()
    return text


def test_the_list_says_by_whom_until_when_and_what_can_be_done(as_colleague, domain, bob) -> None:
    assert "No removed mailboxes." in page(as_colleague, f"{LIST}removed/")
    as_colleague.post(f"{LIST}{bob.pk}/remove/", {"despite": "1", "aliases": "1"})
    make_live(domain)
    text = page(as_colleague, f"{LIST}removed/")
    until = timezone.now() + timedelta(days=30)
    assert "removed by colleague@example.org" in text
    assert f"{until:%Y-%m-%d}" in text
    assert ">another 4" in text
    assert f"{bob.pk}/restore/" in text
    assert f"{bob.pk}/purge/" in text


def test_the_list_costs_the_same_with_one_row_and_with_three(
    as_colleague, domain, django_assert_num_queries
) -> None:
    for count in (1, 3):
        for number in range(count):
            remove(add_mailbox(SYSTEM, domain, LocalPart(f"box{count}{number}")))
        with django_assert_num_queries(7):
            as_colleague.get(f"{LIST}removed/")


EVERYWHERE = "/removed/"


def test_what_was_removed_in_any_domain_is_one_list_the_last_first(
    as_colleague, as_operator, as_stranger, domain, other_domain, bob
) -> None:
    remove(bob)
    remove(add_mailbox(SYSTEM, other_domain, LocalPart("eve")))
    remove(add_mailbox(SYSTEM, domain, LocalPart("ann")))
    assert ">eve<" not in page(as_colleague, EVERYWHERE)
    assert ">ann<" not in page(as_stranger, EVERYWHERE)
    text = page(as_operator, EVERYWHERE)
    assert text.index(">ann<") < text.index(">eve<") < text.index(">bob<")
    assert f"/domains/pandle.net/mailboxes/{bob.pk}/restore/" in page(as_colleague, EVERYWHERE)
    assert '<time datetime="' in text
    restore_mailbox(SYSTEM, bob)
    assert ">bob<" not in page(as_operator, EVERYWHERE)


@pytest.mark.parametrize(
    ("typed", "found"),
    [("b", True), ("bob@pandle.net", True), ("ob", False), ("bob@other.example", False)],
)
def test_what_was_removed_is_found_by_how_it_begins(as_colleague, bob, typed, found) -> None:
    remove(bob)
    text = page(as_colleague, f"{EVERYWHERE}?q={typed}")
    assert (">bob<" in text) is found
    assert ("Nothing begins with" in text) is not found or found


@pytest.mark.parametrize("few", [1_000, 0])
def test_of_many_that_were_removed_each_person_sees_their_own(
    as_colleague, domain, other_domain, bob, monkeypatch, few
) -> None:
    monkeypatch.setattr(lists, "FEW", few)
    remove(bob)
    remove(add_mailbox(SYSTEM, other_domain, LocalPart("eve")))
    text = page(as_colleague, EVERYWHERE)
    assert (">bob<" in text, ">eve<" in text) == (True, False)


def test_who_may_not_restore_is_offered_nothing(as_colleague, domain, bob) -> None:
    remove(bob)
    Grant.objects.update(rights=["passwords"])
    text = page(as_colleague, EVERYWHERE)
    assert ">bob<" in text
    assert "/restore/" not in text
    assert "/purge/" not in text


def test_a_name_that_somebody_else_has_is_restored_under_another_one(
    as_colleague, domain, bob
) -> None:
    remove(bob)
    add_mailbox(SYSTEM, domain, LocalPart("bob"))
    for address in (EVERYWHERE, f"{LIST}removed/"):
        assert "Restore as…" in page(as_colleague, address)


@pytest.mark.parametrize("count", [1, 3])
def test_the_list_of_all_domains_costs_the_same_with_one_row_and_with_three(
    as_colleague, domain, django_assert_num_queries, count
) -> None:
    for number in range(count):
        box = add_mailbox(SYSTEM, domain, LocalPart(f"box{number}"))
        remove(box)
        add_mailbox(SYSTEM, domain, LocalPart(f"box{number}"))
    with django_assert_num_queries(9):
        as_colleague.get(EVERYWHERE)


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL has statistics")
def test_what_was_removed_is_read_in_the_order_of_an_index(operator, bob) -> None:
    query = Query("", 0, "", "")
    plan = lists.removed_among(operator, query).order_by("-removed_at", "-id").explain()
    assert "mailbox_by_removal" in plan


def test_before_a_removal_the_page_says_how_long_the_mail_is_kept(
    as_colleague, bob, settings
) -> None:
    text = page(as_colleague, f"{LIST}{bob.pk}/remove/")
    assert "The mail is kept 30 days" in text
    assert 'name="aliases" value="1" checked' in text
    settings.QMAILPANEL_RETENTION_DAYS = 0
    assert "The mail is kept, and Undo" in page(as_colleague, f"{LIST}{bob.pk}/remove/")


def test_a_taken_name_is_said_and_another_one_can_be_chosen(as_colleague, domain, bob) -> None:
    remove(bob)
    add_mailbox(SYSTEM, domain, LocalPart("bob"))
    here = f"{LIST}{bob.pk}/"
    assert "has another owner now" in page(as_colleague, here)
    assert as_colleague.post(f"{here}restore/").status_code == 422
    answer = as_colleague.post(f"{here}restore/", {"local": "team"})
    assert answer.status_code == 422
    text = answer.content.decode()
    assert text.count("team@pandle.net is an alias already") == 1  # at its field alone
    assert 'value="team"' in text
    assert as_colleague.post(f"{here}restore/", {"local": "robert"}).status_code == 303
    assert Address.objects.get(pk=bob.pk).local == "robert"


def test_mail_is_purged_only_once_its_address_was_typed(as_colleague, domain, bob) -> None:
    remove(bob)
    here = f"{LIST}{bob.pk}/purge/"
    answer = as_colleague.post(here, {"typed": "bob"})
    assert answer.status_code == 422
    assert "That is not the address." in answer.content.decode()
    assert not Mailbox.objects.get(address=bob).purged
    answer = as_colleague.post(here, {"typed": "bob@pandle.net"})
    assert answer.status_code == 303
    assert "Removed for good" in page(as_colleague, answer["Location"])
    assert f"{bob.pk}/restore/" not in page(as_colleague, f"{LIST}removed/")


def test_the_page_of_a_removed_domain_says_what_becomes_of_its_mail(
    as_operator, domain, bob, settings
) -> None:
    assert "kept 30 days, and Undo" in page(as_operator, "/domains/pandle.net/remove/")
    remove_domain(SYSTEM, domain)
    text = page(as_operator, LIST)
    assert "kept 30 days, then it is purged" in text
    assert "stay removed when the removal is undone" in text
    settings.QMAILPANEL_RETENTION_DAYS = 0
    assert "Its mail is kept." in page(as_operator, LIST)


def test_in_a_removed_domain_only_the_operator_purges_mail(domain, bob, colleague) -> None:
    remove_domain(SYSTEM, domain)
    make_live(domain)
    with pytest.raises(NotAllowed):
        purge_mailbox(Actor(colleague.pk, str(colleague), None), bob)
    purge_mailbox(SYSTEM, bob)
    assert Mailbox.objects.get(address=bob).purged


def test_after_a_restore_the_page_names_the_aliases_that_stayed_away(
    as_colleague, domain, bob
) -> None:
    remove(bob, with_aliases=True)
    add_mailbox(SYSTEM, domain, LocalPart("info"))
    answer = as_colleague.post(f"{LIST}{bob.pk}/restore/")
    text = page(as_colleague, answer["Location"])
    assert "could not come back" in text
    assert "info@pandle.net" in text
