"""Removed mailboxes: their mail stays theirs, comes back, and goes for good in time."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis
from hypothesis import strategies as st

from qmailpanel.domains.models import Address, Domain
from qmailpanel.domains.renaming import rename_address
from qmailpanel.domains.services import remove_domain, restore_domain
from qmailpanel.ledger.actors import SYSTEM, Refused
from qmailpanel.ledger.models import Change
from qmailpanel.mailboxes.models import Mailbox
from qmailpanel.mailboxes.removal.services import (
    purge_due,
    purge_mailbox,
    remove_mailbox,
    restore_mailbox,
)
from qmailpanel.qmail.names import LocalPart
from qmailpanel.reports.statuses import Status
from tests.kit.mounts import may_mount, mounted
from tests.kit.panels import Panel

EXAMPLES = int(os.environ.get("TEST_ARCHIVE") or 20)
MONTH = timedelta(days=31)


@pytest.fixture
def domain(panel: Panel) -> Domain:
    """pandle.net with ann, who has mail, live."""
    found = panel.add_domain()
    panel.add_mailbox(found, "ann")
    panel.sync()
    put_mail(panel, "pandle.net/ann")
    return found


def put_mail(panel: Panel, home: str) -> Path:
    mail = panel.below(home) / "Maildir/new/1.mail"
    mail.write_text("hello")
    return mail


def box(domain: Domain) -> Address:
    return domain.addresses.filter(kind="mailbox").order_by("id")[0]


def archived(panel: Panel, address: Address) -> Path:
    return panel.below(f".archive/{address.mailbox.home}")


def remove(panel: Panel, address: Address) -> None:
    remove_mailbox(SYSTEM, address)
    panel.sync()


def test_a_mailbox_made_again_starts_empty_and_the_old_one_comes_back_under_another_name(
    panel, domain
) -> None:
    ann = box(domain)
    remove(panel, ann)
    newer = panel.add_mailbox(domain, "ann")
    panel.sync()
    assert panel.status(newer) is Status.LIVE
    assert not list(panel.below("pandle.net/ann").rglob("*.mail"))
    put_mail(panel, "pandle.net/ann").write_text("newer")
    with pytest.raises(Refused, match="is a mailbox already"):
        restore_mailbox(SYSTEM, ann)
    restore_mailbox(SYSTEM, ann, local=LocalPart("anna"))
    panel.sync()
    assert panel.status(ann) is Status.LIVE
    assert (panel.below("pandle.net/anna") / "Maildir/new/1.mail").read_text() == "hello"
    assert (panel.below("pandle.net/ann") / "Maildir/new/1.mail").read_text() == "newer"


def test_another_name_waits_until_the_removal_is_live(panel, domain) -> None:
    ann = box(domain)
    remove_mailbox(SYSTEM, ann)
    with pytest.raises(Refused, match="still being removed"):
        restore_mailbox(SYSTEM, ann, local=LocalPart("anna"))
    panel.sync()
    restore_mailbox(SYSTEM, ann, local=LocalPart("anna"))
    panel.sync()
    assert (panel.below("pandle.net/anna") / "Maildir/new/1.mail").exists()


def test_what_is_purged_is_gone_for_good_and_nothing_else(panel, domain) -> None:
    ann, bob = box(domain), panel.add_mailbox(domain, "bob")
    panel.sync()
    kept = put_mail(panel, "pandle.net/bob")
    deep = panel.below("pandle.net/ann/Maildir/.Sub.Deep/cur/a/b/c")
    deep.mkdir(parents=True)
    (deep / "2.mail").write_text("deep")
    remove(panel, ann)
    assert archived(panel, ann).is_dir()
    purge_mailbox(SYSTEM, ann)
    assert panel.status(ann) is Status.PENDING
    panel.sync()
    assert panel.status(ann) is Status.REMOVED
    assert os.listdir(panel.below(".archive")) == []
    assert kept.read_text() == "hello"
    assert panel.status(bob) is Status.LIVE
    with pytest.raises(Refused, match="purged"):
        restore_mailbox(SYSTEM, ann)


def test_what_is_not_removed_or_not_live_yet_is_not_purged(panel, domain) -> None:
    ann = box(domain)
    with pytest.raises(Refused, match="not removed"):
        purge_mailbox(SYSTEM, ann)
    remove_mailbox(SYSTEM, ann)
    with pytest.raises(Refused, match="still being removed"):
        purge_mailbox(SYSTEM, ann)
    assert not purge_due(timezone.now() + MONTH)
    assert not Mailbox.objects.filter(purged=True).exists()


def test_the_service_purges_what_was_kept_long_enough(panel, domain, settings) -> None:
    service = panel.serve()
    ann = box(domain)
    remove_mailbox(SYSTEM, ann)
    service.turn()
    Mailbox.objects.update(removed_at=timezone.now() - timedelta(days=29))
    service.purge.hurry()
    service.turn()
    assert archived(panel, ann).is_dir()
    Mailbox.objects.update(removed_at=timezone.now() - MONTH)
    settings.QMAILPANEL_RETENTION_DAYS = 0
    service.purge.hurry()
    service.turn()
    assert archived(panel, ann).is_dir()
    settings.QMAILPANEL_RETENTION_DAYS = 30
    service.purge.hurry()
    service.turn()
    assert not archived(panel, ann).exists()
    assert panel.status(ann) is Status.REMOVED
    change = Change.objects.latest("id")
    assert (change.verb, change.actor_name, change.target) == ("purged", "system", "ann@pandle.net")


def test_mail_of_a_removed_domain_goes_a_month_after_it_though_its_name_has_another_owner(
    panel, domain
) -> None:
    ann = box(domain)
    remove_domain(SYSTEM, domain)
    panel.sync()
    newer = panel.add_domain()
    panel.add_mailbox(newer, "ann")
    panel.sync()
    mail = put_mail(panel, "pandle.net/ann")
    purge_due(timezone.now() + timedelta(days=29))
    assert not Mailbox.objects.filter(purged=True).exists()
    purge_due(timezone.now() + MONTH)
    service = panel.serve()
    assert not archived(panel, ann).exists()
    assert panel.status(ann) is Status.REMOVED
    assert mail.read_text() == "hello"
    assert set(service.host.memory.names()) == {"pandle.net", ".left-100"}


def test_a_domain_restored_after_a_purge_has_the_mailboxes_that_still_have_their_mail(
    panel, domain
) -> None:
    ann = box(domain)
    remove_domain(SYSTEM, domain)
    panel.sync()
    purge_due(timezone.now() + MONTH)
    panel.sync()
    restore_domain(SYSTEM, domain)
    panel.sync()
    assert panel.status(ann) is Status.REMOVED
    assert panel.answer("=100-ann") is None
    again = panel.add_mailbox(domain, "ann")
    panel.sync()
    assert panel.status(again) is Status.LIVE


# whatever people do, in whatever order


class People:
    """They act on the mailboxes of one domain; each message is marked with whose it is."""

    LOCALS = ("ann", "bob")

    def __init__(self, panel: Panel, name: str, archive: str = ".archive") -> None:
        self.panel, self.name, self.archive = panel, name, archive
        self.domain = panel.add_domain(name)
        self.mails: dict[str, int] = {}  # its name → the mailbox it was delivered to

    def boxes(self, **wanted: object) -> list[Mailbox]:
        found = Mailbox.objects.filter(address__domain=self.domain, **wanted)
        return list(found.select_related("address__domain").order_by("pk"))

    def act(self, act: str, number: int) -> None:
        boxes = self.boxes()
        local = LocalPart(self.LOCALS[number % len(self.LOCALS)])
        if act == "create":
            self.panel.add_mailbox(self.domain, local)
        elif act == "domain":
            (restore_domain if self.domain.removed else remove_domain)(SYSTEM, self.domain)
        elif act == "a month":
            purge_due(timezone.now() + MONTH)
        elif act == "sync":
            self.sync()
        elif boxes:
            self._act_on(act, boxes[number % len(boxes)].address, local)

    def _act_on(self, act: str, address: Address, local: LocalPart) -> None:
        if act == "remove":
            remove_mailbox(SYSTEM, address, despite_pointers=True)
        elif act == "restore":
            restore_mailbox(SYSTEM, address)
        elif act == "restore as":
            restore_mailbox(SYSTEM, address, local=local)
        elif act == "rename":
            rename_address(SYSTEM, address, local, keep=False)
        elif act == "purge":
            purge_mailbox(SYSTEM, address)

    def sync(self) -> None:
        """Bring all to the host, look where the mail is, and deliver to who is live."""
        self.panel.sync()
        self.domain.refresh_from_db()
        self.check()
        for one in self.boxes(address__removed=False):
            if not self.domain.removed:
                assert self.panel.status(one.address) is Status.LIVE
                mail = f"{one.pk}-{next(NUMBERS)}.mail"
                self.mails[mail] = one.pk
                (self.home(one) / "Maildir/new" / mail).touch()

    def home(self, one: Mailbox) -> Path:
        is_there = not (one.address.removed or self.domain.removed)
        place = f"{self.name}/{one.address.local}" if is_there else f"{self.archive}/{one.home}"
        return self.panel.below(place)

    def check(self) -> None:
        """Each message is in the one place where its mailbox has it, or purged with it."""
        kept = {one.pk: one for one in self.boxes(purged=False)}
        expected = {
            self.home(kept[number]) / "Maildir/new" / mail
            for mail, number in self.mails.items()
            if number in kept
        }
        assert {p for p in self.panel.below("").rglob("*.mail") if p.name in self.mails} == expected


NUMBERS = itertools.count()
ACTS = ("create", "create", "remove", "restore", "restore as", "rename", "purge", "domain")
steps = st.tuples(st.sampled_from([*ACTS, "a month", "sync", "sync", "sync"]), st.integers(0, 5))


@pytest.fixture
def names() -> Iterator[str]:
    return (f"d{number}.test" for number in itertools.count())


random_lives = hypothesis(
    max_examples=EXAMPLES,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@random_lives
@given(acts=st.lists(steps, min_size=8, max_size=16))
def test_no_message_is_lost_or_ever_in_the_mailbox_of_somebody_else(panel, names, acts) -> None:
    live(People(panel, next(names)), acts)


@pytest.mark.root
@pytest.mark.skipif(not may_mount(), reason="needs to be root, and to mount")
@random_lives
@given(acts=st.lists(steps, min_size=8, max_size=16))
def test_nor_where_a_domain_is_on_a_file_system_of_its_own(panel, names, acts) -> None:
    name = next(names)
    with mounted(panel.below(name)):
        live(People(panel, name, f"{name}/.archive"), acts)


def live(people: People, acts: list[tuple[str, int]]) -> None:
    for act, number in [("create", 0), ("sync", 0), *acts, ("sync", 0)]:
        people.domain.refresh_from_db()
        try:
            people.act(act, number)
        except Refused:
            continue
