"""Changes are only ever added, and an altered ledger is noticed."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction

from qmailpanel.ledger.actors import SYSTEM, Actor
from qmailpanel.ledger.append_only import guard, unguard
from qmailpanel.ledger.chain import FIELDS, Verdict, chain, verify
from qmailpanel.ledger.models import Change, LedgerHead, Noun, Verb
from qmailpanel.ledger.services import ledger_locked, record

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)
FIELDS_OF_ONE = {
    "id": 7,
    "at": NOON,
    "actor_id": 3,
    "actor_name": "ann@example.org",
    "ip": "192.0.2.7",
    "verb": "changed",
    "noun": "mailbox",
    "target": "böb@pandle.net",
    "domain": 5,
    "address": 9,
    "before": {"comment": ""},
    "after": {"comment": "hi"},
}


# the pure function


def test_the_digest_is_sha256_over_the_digest_before_and_canonical_json():
    text = (
        'before\n{"actor_id":3,"actor_name":"ann@example.org","address":9,'
        '"after":{"comment":"hi"},"at":"2026-11-28T12:00:00.000000+00:00",'
        '"before":{"comment":""},"domain":5,"id":7,"ip":"192.0.2.7","noun":"mailbox",'
        '"target":"b\\u00f6b@pandle.net","verb":"changed"}'
    )
    assert chain("before", FIELDS_OF_ONE) == hashlib.sha256(text.encode()).hexdigest()


def test_neither_the_order_of_fields_nor_the_time_zone_matters():
    other = dict(reversed(FIELDS_OF_ONE.items()))
    other["at"] = NOON.astimezone(timezone(timedelta(hours=9)))
    assert chain("before", other) == chain("before", FIELDS_OF_ONE)


OTHER = {
    "id": 8,
    "at": NOON + timedelta(microseconds=1),
    "actor_id": None,
    "actor_name": "bob@example.org",
    "ip": None,
    "verb": "added",
    "noun": "alias",
    "target": "",
    "domain": None,
    "address": None,
    "before": {},
    "after": {"comment": "ho"},
}


@pytest.mark.parametrize("field", FIELDS)
def test_every_field_counts(field):
    assert chain("", FIELDS_OF_ONE | {field: OTHER[field]}) != chain("", FIELDS_OF_ONE)


def test_the_change_before_counts():
    assert chain("a", FIELDS_OF_ONE) != chain("b", FIELDS_OF_ONE)


def test_every_column_of_a_change_is_in_the_chain():
    columns = {field.attname for field in Change._meta.concrete_fields}
    assert columns == {*FIELDS, "digest"}


# the table


def write(number, **more):
    for one in range(number):
        with ledger_locked():
            record(SYSTEM, Verb.CHANGED, Noun.HOST, f"host {one}", **more)


def statement(sql):
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)


REFUSED = [
    "UPDATE ledger_change SET target = 'x' WHERE id = 2",
    "UPDATE ledger_change SET digest = ''",
    "DELETE FROM ledger_change WHERE id = 2",
    "DELETE FROM ledger_change",
]
COLUMNS = ", ".join(str(field.column) for field in Change._meta.concrete_fields)
VALUES = COLUMNS.replace("target", "'x'")
SELECTED = f"SELECT {VALUES} FROM ledger_change WHERE id = 2"
if connection.vendor == "sqlite":
    REFUSED.append(f"INSERT OR REPLACE INTO ledger_change ({COLUMNS}) {SELECTED}")
    REFUSED.append(f"REPLACE INTO ledger_change ({COLUMNS}) {SELECTED}")
else:
    REFUSED.append("SET CONSTRAINTS ALL IMMEDIATE; TRUNCATE ledger_change CASCADE")


@pytest.mark.parametrize("sql", REFUSED)
def test_the_database_refuses_to_alter_or_remove_a_change(db, sql):
    write(3)
    before = list(Change.objects.values())
    with pytest.raises(IntegrityError, match="append-only"):
        statement(sql)
    assert list(Change.objects.values()) == before


def test_the_models_refuse_it_too(db):
    write(1)
    change = Change.objects.get()
    for act in (change.save, change.delete, Change.objects.all().delete):
        with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
            act()
    assert Change.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_test_that_commits_is_cleared_and_leaves_the_guard_behind():
    write(1)
    with pytest.raises(IntegrityError, match="append-only"):
        Change.objects.update(target="x")


def test_who_did_something_cannot_be_removed(operator):
    with ledger_locked():
        record(Actor(operator.pk, operator.email, None), Verb.CHANGED, Noun.HOST, "")
    with pytest.raises(IntegrityError):
        operator.delete()


# verification


@pytest.fixture
def unguarded(db):
    """Somebody who owns the database."""
    unguard(connection)
    yield
    guard(connection)


def command(*digests):
    out = StringIO()
    call_command("ledger", *digests, stdout=out)
    return out.getvalue()


def test_a_ledger_without_a_change_holds(db):
    assert verify() == Verdict(0, "")
    assert command() == "The ledger holds: nothing was recorded yet.\n"


def test_an_untouched_ledger_holds_through_its_newest_change(operator):
    write(2, before={"b": "ü", "a": [1, True, None]}, after={"text": "<script>\u202e"}, domain=7)
    with ledger_locked():
        actor = Actor(operator.pk, operator.email, "::FFFF:192.0.2.7")
        newest = record(actor, Verb.SIGNED_IN, Noun.PERSON, operator.email, address=4)
    assert verify() == Verdict(3, newest.digest)
    assert command() == f"The ledger holds through change 3, whose digest is {newest.digest}.\n"


def test_what_is_rolled_back_leaves_the_chain_whole(db):
    write(1)
    with suppress(KeyError), ledger_locked():
        record(SYSTEM, Verb.CHANGED, Noun.HOST, "never")
        raise KeyError
    write(1)
    assert verify().through == 2


TAMPERED = {
    "an altered field": ("UPDATE ledger_change SET target = 'x' WHERE id = 3", 3),
    "another time": ("UPDATE ledger_change SET at = '2020-01-01 00:00:00+00:00' WHERE id = 2", 2),
    "a removed change": ("DELETE FROM ledger_change WHERE id = 3", 3),
    "the first one removed": ("DELETE FROM ledger_change WHERE id = 1", 1),
    "the newest one removed": ("DELETE FROM ledger_change WHERE id = 5", 5),
    "the newest ones removed": ("DELETE FROM ledger_change WHERE id > 3", 4),
    "all of them removed": ("DELETE FROM ledger_change", 1),
    "a digest of its own": ("UPDATE ledger_change SET digest = 'x' WHERE id = 4", 4),
    "a head of another chain": ("UPDATE ledger_ledgerhead SET digest = 'x'", 5),
    "a head set back": ("UPDATE ledger_ledgerhead SET last = 4", 4),
    "no head": ("DELETE FROM ledger_ledgerhead", 1),
}


@pytest.mark.parametrize(("sql", "first"), TAMPERED.values(), ids=TAMPERED)
def test_the_first_change_that_does_not_hold_is_named(unguarded, sql, first):
    write(5)
    statement(sql)
    assert verify().broken == first
    sentence = f"The ledger does not hold: change {first} is missing or not as recorded."
    with pytest.raises(CommandError, match=sentence) as found:
        command()
    assert found.value.returncode == 1


def test_a_change_altered_together_with_its_digest_breaks_the_next_one(unguarded):
    write(3)
    changes = list(Change.objects.order_by("id"))
    changes[1].target = "x"
    fields = {name: getattr(changes[1], name) for name in FIELDS}
    digest = chain(changes[0].digest, fields)
    Change.objects.filter(id=2).update(target="x", digest=digest)
    assert verify().broken == 3


def test_the_newest_one_altered_together_with_its_digest_is_not_what_the_head_knows(unguarded):
    write(2)
    newest = Change.objects.get(id=2)
    newest.target = "x"
    digest = chain(Change.objects.get(id=1).digest, {n: getattr(newest, n) for n in FIELDS})
    Change.objects.filter(id=2).update(target="x", digest=digest)
    assert verify().broken == 2


def test_a_ledger_written_anew_lacks_the_digest_that_was_kept_elsewhere(unguarded):
    write(3)
    kept = verify().digest
    write(1)
    assert "holds through change 4" in command(kept)
    Change.objects.all().delete()
    LedgerHead.objects.all().delete()
    write(4)
    assert "holds through change 4" in command()
    with pytest.raises(CommandError, match=f"no change has the digest {kept}"):
        command(kept)


def test_a_change_that_the_head_knows_nothing_of_is_named(unguarded):
    write(2)
    LedgerHead.objects.update(last=1, digest=Change.objects.get(id=1).digest)
    assert verify().broken == 2


def test_the_ledger_is_read_a_piece_at_a_time(db, django_assert_num_queries):
    write(3)
    head_one_piece_beyond = 3
    with django_assert_num_queries(head_one_piece_beyond) as queries:
        verify()
    assert "LIMIT 1000" in queries.captured_queries[1]["sql"]


# what is not kept


@pytest.mark.parametrize("side", ["before", "after"])
@pytest.mark.parametrize("field", ["password", "hash", "token", "secret"])
def test_a_secret_is_not_recorded(db, side, field):
    sides: dict[str, Any] = {side: {field: "x"}}
    with pytest.raises(ValueError, match="the ledger keeps no secrets"), ledger_locked():
        record(SYSTEM, Verb.CHANGED, Noun.PERSON, "ann", **sides)
    assert not Change.objects.exists()
