"""The index of three letters goes with the rows, whoever writes them."""

from __future__ import annotations

import pytest
from django.db import connection

from qmailpanel.domains.models import Address, Domain

INDEXES = {"find_address", "find_removed", "find_destination"}


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL keeps its indexes itself")
def test_every_migration_leaves_the_triggers_in_place(db: None) -> None:
    """A migration that alters such a table makes it anew on SQLite, without its triggers."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        names = {name for (name,) in cursor.fetchall()}
    moments = ("insert", "update", "delete")
    assert {f"{index}_{moment}" for index in INDEXES for moment in moments} <= names


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL keeps its indexes itself")
def test_the_index_agrees_with_the_rows_after_all_kinds_of_writing(domain: Domain) -> None:
    change = domain.change
    Address.objects.bulk_create(
        Address(domain=domain, local=f"box{n}", kind="mailbox", change=change) for n in range(9)
    )
    Address.objects.filter(local="box1").update(comment="the boss")
    Address.objects.filter(local="box2").update(local="other")
    Address.objects.filter(local="box3").delete()
    Address.objects.filter(local__in=["box4", "box5", "box6"]).update(removed=True)
    Address.objects.filter(local="box5").update(removed=False)
    Address.objects.filter(local="box6").update(claims=False)
    with connection.cursor() as cursor:
        for index in INDEXES:  # raises where it does not
            cursor.execute(f"INSERT INTO {index} ({index}) VALUES ('integrity-check')")
    assert rows_in("find_address") == {"box0", "box1", "other", "box5", "box7", "box8"}
    assert rows_in("find_removed") == {"box4"}


def rows_in(index: str) -> set[str]:
    """What is found in it of what was written: by `box`, and by `other`."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT rowid FROM {index} WHERE {index} MATCH 'box OR other'")
        found = {number for (number,) in cursor.fetchall()}
    return set(Address.objects.filter(pk__in=found).values_list("local", flat=True))
