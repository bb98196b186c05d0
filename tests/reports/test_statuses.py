from __future__ import annotations

import pytest

from qmailpanel.domains.models import Address
from qmailpanel.domains.services import add_domain, switch_domain
from qmailpanel.ledger.actors import COMMAND
from qmailpanel.mailboxes.removal.services import remove_mailbox
from qmailpanel.mailboxes.services import add_mailbox
from qmailpanel.qmail.names import DomainName, LocalPart
from qmailpanel.reports.statuses import Status, Statuses, live_or_removed
from tests.kit.live import make_live, write_position, write_problem


def status_of(domain):
    domain.refresh_from_db()
    return Statuses([domain.pk]).of_domain(domain)


def test_a_new_domain_is_pending_until_it_was_read_back(domain):
    assert status_of(domain) is Status.PENDING
    write_position(domain, tried=domain.change_id, applied=0)
    assert status_of(domain) is Status.PENDING
    make_live(domain)
    assert status_of(domain) is Status.LIVE


def test_an_older_address_stays_live_while_a_newer_one_is_pending(domain):
    old = add_mailbox(COMMAND, domain, LocalPart("old"))
    make_live(domain)
    new = add_mailbox(COMMAND, domain, LocalPart("new"))
    statuses = Statuses([domain.pk])
    assert statuses.of_address(old) is Status.LIVE
    assert statuses.of_address(new) is Status.PENDING
    assert statuses.of_domain(domain) is Status.PENDING


def test_a_removal_is_pending_and_then_removed(domain):
    gone = add_mailbox(COMMAND, domain, LocalPart("gone"))
    make_live(domain)
    remove_mailbox(COMMAND, gone)
    assert Statuses([domain.pk]).of_address(gone) is Status.PENDING
    make_live(domain)
    assert Statuses([domain.pk]).of_address(gone) is Status.REMOVED


def test_one_bad_home_fails_its_own_address_only(domain):
    bad = add_mailbox(COMMAND, domain, LocalPart("bad"))
    good = add_mailbox(COMMAND, domain, LocalPart("good"))
    make_live(domain)
    problem = write_problem("No space.", domain, bad)
    statuses = Statuses([domain.pk])
    assert statuses.of_address(bad) is Status.FAILED
    assert statuses.problem_of_address(bad) == problem
    assert statuses.of_address(good) is Status.LIVE
    assert statuses.of_domain(domain) is Status.LIVE
    assert statuses.problems_of_domain(domain) == [problem]


def test_a_problem_of_the_domain_fails_its_addresses_too(domain):
    address = add_mailbox(COMMAND, domain, LocalPart("biliards"))
    make_live(domain)
    write_problem("Its prepend is taken.", domain)
    statuses = Statuses([domain.pk])
    assert statuses.of_domain(domain) is Status.FAILED
    assert statuses.of_address(address) is Status.FAILED
    assert str(statuses.problem_of_address(address)) == "Its prepend is taken."


def test_a_newer_change_is_pending_though_the_older_one_failed(domain):
    write_problem("Its prepend is taken.", domain)
    write_position(domain, tried=domain.change_id, applied=0)
    assert status_of(domain) is Status.FAILED
    switch_domain(COMMAND, domain, on=False)
    assert status_of(domain) is Status.PENDING


def test_a_problem_of_the_host_fails_what_was_tried_and_not_what_is_live(domain, other_domain):
    make_live(other_domain)
    write_position(domain, tried=domain.change_id, applied=0)
    write_problem("The disk is full.")
    assert status_of(domain) is Status.FAILED
    assert status_of(other_domain) is Status.LIVE
    assert [str(problem) for problem in Statuses([]).problems_of_host] == ["The disk is full."]


def test_another_node_says_nothing_about_this_one(domain, settings):
    settings.QMAILPANEL_NODE = "elsewhere"
    make_live(domain)
    write_problem("The disk is full.", domain)
    settings.QMAILPANEL_NODE = "main"
    assert status_of(domain) is Status.PENDING


@pytest.mark.parametrize("told", [None, "host", "domain", "its own", "another's"])
@pytest.mark.parametrize(("tried", "applied"), [(0, 0), (9, 0), (9, 9)])
def test_the_database_finds_just_what_shows_as_live_or_removed(domain, told, tried, applied):
    address, other = domain.addresses.all()
    write_position(domain, tried=tried, applied=applied)
    if told:
        subjects = {
            "host": (None, None),
            "its own": (domain, address),
            "another's": (domain, other),
        }
        write_problem("No.", *subjects.get(told, (domain, None)))
    is_live = Statuses([domain.pk]).of_address(address) in (Status.LIVE, Status.REMOVED)
    rows = Address.objects.filter(
        live_or_removed(domain="domain", address="pk", changes=["change"])
    )
    assert rows.filter(pk=address.pk).exists() is is_live


@pytest.mark.parametrize("number", [1, 3])
def test_statuses_take_two_queries_for_any_number_of_rows(db, django_assert_num_queries, number):
    names = [DomainName(f"d{one}.example") for one in range(number)]
    domains = [add_domain(COMMAND, name) for name in names]
    addresses = [add_mailbox(COMMAND, domain, LocalPart("a")) for domain in domains]
    with django_assert_num_queries(2):
        statuses = Statuses(domain.pk for domain in domains)
        assert {statuses.of_domain(domain) for domain in domains} == {Status.PENDING}
        assert {statuses.of_address(address) for address in addresses} == {Status.PENDING}


def test_only_where_something_failed_is_it_asked_what(
    domain, other_domain, django_assert_num_queries
):
    make_live(domain)
    with django_assert_num_queries(1):
        assert Statuses([domain.pk]).of_domain(domain) is Status.LIVE
    for failed in (None, domain, other_domain):
        problem = write_problem("disk full", failed)
        with django_assert_num_queries(1 if failed == other_domain else 2):
            found = Statuses([domain.pk]).problems_around(domain)
        assert found == ([] if failed == other_domain else [problem])
        problem.delete()
    write_problem("no uid", other_domain)
    assert Statuses([other_domain.pk]).problems_around(other_domain)
