"""A large domain is looked at in slices, and nothing escapes them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection

from qmailpanel.console.services import switch_hold
from qmailpanel.domains.models import Address, Domain, Unknown
from qmailpanel.domains.services import change_domain
from qmailpanel.ledger.actors import SYSTEM
from qmailpanel.mailboxes.delivery.forwarding import change_forwarding
from qmailpanel.mailboxes.removal.services import remove_mailbox
from qmailpanel.mailboxes.services import change_quota
from qmailpanel.qmail.names import MailAddress
from qmailpanel.qmail.pause import finish
from qmailpanel.sync.reconcile import Reconciler, open_host
from qmailpanel.sync.rounds import slices
from qmailpanel.sync.rounds.slices import find_large, is_amiss_anywhere
from tests.kit.panels import Panel, settle

LOCALS = ("ann", "bob", "eve", "joe", "kim", "lea")


@pytest.fixture
def pandle(panel: Panel, monkeypatch) -> Domain:
    """Six mailboxes, who deliver to each other, and an alias; looked at two by two."""
    monkeypatch.setattr(slices, "LARGE", 5)
    monkeypatch.setattr(slices, "SLICE", 2)
    domain = panel.add_domain("pandle.net")
    boxes = [panel.add_mailbox(domain, local) for local in LOCALS]
    change_forwarding(SYSTEM, boxes[0], destinations=[MailAddress("lea@pandle.net")], keeps=True)
    change_quota(SYSTEM, boxes[1], quota=10_000_000)
    panel.add_alias(domain, "anna", "ann@pandle.net")
    remove_mailbox(SYSTEM, boxes[4])
    target = "joe@pandle.net"
    change_domain(SYSTEM, domain, unknown=Unknown.MAILBOX, unknown_target=target)
    panel.sync()
    return domain


def looked_at(domain: Domain) -> list[bool]:
    """In slices, and as a whole."""
    reconciler = Reconciler(open_host())
    return [finish(is_amiss_anywhere(reconciler, domain.pk)), reconciler.is_amiss([domain.pk])]


@pytest.mark.parametrize("is_sharded", [False, True])
def test_a_domain_that_is_as_it_should_be_is_found_so(panel, pandle, is_sharded) -> None:
    if is_sharded:
        panel.have_shards("pandle.net")
        panel.sync()
    assert find_large() == {pandle.pk}
    assert looked_at(pandle) == [False, False]


def test_there_is_a_pause_behind_each_slice(pandle) -> None:
    assert len(list(is_amiss_anywhere(Reconciler(open_host()), pandle.pk))) == 5


def test_while_changes_wait_a_domain_is_looked_at_once_and_as_a_whole(panel, pandle) -> None:
    switch_hold(SYSTEM, on=True)
    assert looked_at(pandle) == [False, False]
    assert not list(is_amiss_anywhere(Reconciler(open_host()), pandle.pk))
    change_a_file(panel)
    assert looked_at(pandle) == [True, True]


def lose_a_line(panel: Panel) -> None:
    lines = panel.read("users/assign").splitlines(keepends=True)
    kept = [line for line in lines if not line.startswith(b"=100-joe:")]
    panel.write("users/assign", b"".join(kept))


def change_a_file(panel: Panel) -> None:
    panel.write("mailnames/pandle.net/lea/.qmail", b"|/bin/false\n")


def add_a_file(panel: Panel) -> None:
    panel.write("mailnames/pandle.net/.qmail-nobody", b"|/bin/false\n")


def add_a_default(panel: Panel) -> None:
    panel.write("mailnames/pandle.net/.qmail-team-default", b"|/bin/false\n")


def add_a_file_that_no_text_names(panel: Panel) -> None:
    name = os.fsencode(panel.below("pandle.net")) + b"/.qmail-\xff"
    Path(os.fsdecode(name)).write_bytes(b"|/bin/false\n")


def change_the_default(panel: Panel) -> None:
    panel.write("mailnames/pandle.net/.qmail-default", b"|/bin/false\n")


def lose_a_home(panel: Panel) -> None:
    shutil.rmtree(panel.below("pandle.net/eve"))


def lose_a_limit(panel: Panel) -> None:
    (panel.below("pandle.net/bob") / "Maildir/maildirsize").write_bytes(b"1S\n")


def lose_a_login_file(_panel: Panel) -> None:
    (Path(settings.QMAILPANEL_LOGIN_DIR) / "pandle.net.cdb").unlink()


def change_a_login_file(_panel: Panel) -> None:
    path = Path(settings.QMAILPANEL_LOGIN_DIR) / "pandle.net.passwd"
    path.write_bytes(path.read_bytes().replace(b"joe@", b"jim@"))


def lose_a_row(_panel: Panel) -> None:
    row = Address.objects.get(local="lea").pk
    with connection.cursor() as cursor:
        cursor.execute("UPDATE domains_address SET local = 'lee' WHERE id = %s", [row])


def change_a_row(_panel: Panel) -> None:
    Address.objects.filter(local="joe").update(enabled=False)


def have_a_row_that_is_no_text(_panel: Panel) -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE domains_address SET local = x'ff00' WHERE local = 'joe'")


@pytest.mark.parametrize(
    "hand",
    [
        lose_a_line,
        change_a_file,
        add_a_file,
        add_a_default,
        add_a_file_that_no_text_names,
        change_the_default,
        lose_a_home,
        lose_a_limit,
        lose_a_login_file,
        change_a_login_file,
        lose_a_row,
        change_a_row,
        have_a_row_that_is_no_text,
    ],
)
def test_whatever_a_look_at_the_whole_finds_is_found_in_slices(
    panel, pandle, hand: Callable[[Panel], None]
) -> None:
    if hand is have_a_row_that_is_no_text and connection.vendor != "sqlite":
        pytest.skip("PostgreSQL keeps texts in a text")
    hand(panel)
    assert looked_at(pandle) == [True, True]


def test_a_scrub_mends_a_large_domain(panel, pandle) -> None:
    service = panel.serve()
    shutil.rmtree(panel.below("pandle.net/eve"))
    service.scrub.hurry()
    settle(service)
    assert panel.below("pandle.net/eve/Maildir").is_dir()
    assert looked_at(pandle) == [False, False]
