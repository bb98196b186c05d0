from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
from django.db import connections, transaction

from qmailpanel.ledger.actors import SYSTEM, Actor, Refused
from qmailpanel.ledger.chain import verify
from qmailpanel.ledger.models import Change, Noun, Verb
from qmailpanel.ledger.services import ledger_locked, record, upcoming
from qmailpanel.ledger.trigger import fifo_has_reader, pull


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


def test_a_refusal_is_a_sentence_with_the_field_it_belongs_to():
    refused = Refused("%(name)s is a domain here already.", "name", name="pandle.net")
    assert str(refused) == "pandle.net is a domain here already."
    assert (refused.field, refused.params) == ("name", {"name": "pandle.net"})
