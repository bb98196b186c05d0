from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta

import pytest
from django.db import connections, transaction
from django.utils import timezone

from qmailpanel.domains.models import Address
from qmailpanel.domains.services import add_domain, switch_domain
from qmailpanel.ledger.actors import COMMAND, SYSTEM, Actor, Refused
from qmailpanel.ledger.chain import verify
from qmailpanel.ledger.models import Change, Noun, Verb
from qmailpanel.ledger.services import ledger_locked, record, upcoming
from qmailpanel.ledger.trigger import fifo_has_reader, pull
from qmailpanel.mailboxes.removal.services import remove_mailbox
from qmailpanel.mailboxes.services import add_mailbox
from qmailpanel.qmail.names import DomainName, LocalPart
from qmailpanel.reports.models import SyncNode
from qmailpanel.reports.node import find_node, is_alive
from qmailpanel.reports.statuses import Status, Statuses, live_or_removed
from tests.kit.live import make_live, write_position, write_problem


@pytest.fixture
def fifo(settings, tmp_path):
    """A fifo that nobody reads yet."""
    settings.QMAILPANEL_FIFO = tmp_path / "sync.fifo"
    os.mkfifo(settings.QMAILPANEL_FIFO)
    return settings.QMAILPANEL_FIFO


@pytest.fixture
def reader(fifo):
    """The sync service, as far as the fifo goes."""
    descriptor = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    yield descriptor
    os.close(descriptor)


def write_change(target="pandle.net"):
    return record(SYSTEM, Verb.CHANGED, Noun.HOST, target)


def roll_back_a_change():
    with suppress(KeyError), ledger_locked():
        write_change()
        raise KeyError


def read_waiting(reader):
    try:
        return os.read(reader, 100)
    except BlockingIOError:
        return b""


# record


@pytest.mark.django_db(transaction=True)
def test_a_change_outside_a_transaction_is_refused():
    with pytest.raises(transaction.TransactionManagementError):
        write_change()
    assert not Change.objects.exists()


def test_a_change_keeps_who_did_what_from_where(db, operator):
    with ledger_locked():
        actor = Actor(operator.pk, operator.email, "2001:db8::1")
        record(actor, Verb.ADDED, Noun.DOMAIN, "pandle.net", domain=7, after={"enabled": True})
    change = Change.objects.get()
    assert (change.actor, change.actor_name, change.ip) == (operator, operator.email, "2001:db8::1")
    assert (change.verb, change.noun, change.target) == ("added", "domain", "pandle.net")
    assert (change.domain, change.before, change.after) == (7, {}, {"enabled": True})


def test_the_actor_of_a_request_is_the_signed_in_person(rf, operator):
    request = rf.get("/", REMOTE_ADDR="192.0.2.7")
    request.user = operator
    assert Actor.of(request) == Actor(operator.pk, operator.email, "192.0.2.7")


@pytest.mark.django_db(transaction=True)
def test_ids_have_no_gap_even_after_a_rollback():
    with ledger_locked():
        first = write_change()
    roll_back_a_change()
    with ledger_locked():
        assert upcoming() == first.id + 1
        assert write_change().id == first.id + 1


def test_ids_have_no_gap_where_a_service_within_a_service_is_refused(db):
    with ledger_locked():
        first = write_change()
        roll_back_a_change()
        assert upcoming() == first.id + 1
        assert write_change().id == first.id + 1
    assert verify().broken is None


def test_a_rollback_that_the_lock_does_not_see_writes_nothing(db):
    with ledger_locked():
        with suppress(KeyError), transaction.atomic():
            write_change()
            raise KeyError
        with pytest.raises(transaction.TransactionManagementError), transaction.atomic():
            write_change()
    assert not Change.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_ids_commit_in_order():
    """Whoever reads the newest change can rely on all older ones being there."""

    def add(_):
        try:
            with ledger_locked():
                write_change()
            return list(Change.objects.order_by("id").values_list("id", flat=True))
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        seen = list(pool.map(add, range(40)))
    assert all(ids == list(range(1, len(ids) + 1)) for ids in seen)
    assert Change.objects.count() == 40


# waking


@pytest.mark.django_db(transaction=True)
def test_a_change_wakes_the_sync_service_when_it_commits(reader):
    with ledger_locked():
        write_change()
        assert read_waiting(reader) == b""
    assert len(read_waiting(reader)) == 1


@pytest.mark.django_db(transaction=True)
def test_what_is_rolled_back_wakes_nobody(reader):
    roll_back_a_change()
    assert read_waiting(reader) == b""


def test_nobody_is_woken_where_nobody_reads(fifo):
    assert not fifo_has_reader()
    pull()


def test_nobody_is_woken_without_a_fifo(settings, tmp_path):
    settings.QMAILPANEL_FIFO = tmp_path / "missing"
    assert not fifo_has_reader()
    pull()
    assert not settings.QMAILPANEL_FIFO.exists()


def test_a_file_in_place_of_the_fifo_stays_as_it_is(settings, tmp_path):
    settings.QMAILPANEL_FIFO = tmp_path / "file"
    settings.QMAILPANEL_FIFO.write_bytes(b"mine")
    assert not fifo_has_reader()
    pull()
    assert settings.QMAILPANEL_FIFO.read_bytes() == b"mine"


def test_a_full_fifo_is_no_error(fifo, reader):
    assert fifo_has_reader()
    for _ in range(70_000):
        pull()
    assert len(os.read(reader, 100_000)) == 65_536


@pytest.mark.parametrize(("seconds", "running"), [(1, True), (9, True), (11, False), (None, False)])
def test_the_service_runs_as_long_as_its_heart_beats(db, settings, seconds, running):
    heartbeat = None if seconds is None else timezone.now() - timedelta(seconds=seconds)
    SyncNode.objects.create(node=settings.QMAILPANEL_NODE, heartbeat=heartbeat)
    assert is_alive(find_node()) is running


def test_the_heart_of_another_node_does_not_count(db):
    assert not is_alive(find_node())
    SyncNode.objects.create(node="elsewhere", heartbeat=timezone.now())
    assert not is_alive(find_node())


# statuses


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
    rows = Address.objects.filter(live_or_removed(domain="domain", address="pk", change="change"))
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


def test_a_refusal_is_a_sentence_with_the_field_it_belongs_to():
    refused = Refused("%(name)s is a domain here already.", "name", name="pandle.net")
    assert str(refused) == "pandle.net is a domain here already."
    assert (refused.field, refused.params) == ("name", {"name": "pandle.net"})
