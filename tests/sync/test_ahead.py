"""Where the map is large, a new mailbox is live before the map has it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from qmailpanel.aliases.services import add_alias
from qmailpanel.console.services import switch_hold
from qmailpanel.domains.models import Address, Domain, Unknown
from qmailpanel.domains.renaming import rename_address, rename_domain
from qmailpanel.domains.services import change_domain, remove_domain, switch_domain
from qmailpanel.ledger.actors import SYSTEM
from qmailpanel.mailboxes.delivery.replies import change_reply
from qmailpanel.mailboxes.removal.services import remove_mailbox, restore_mailbox
from qmailpanel.mailboxes.services import add_mailbox, hold_mailbox, set_password, switch_mailbox
from qmailpanel.qmail.host.shared_file import hold_lock
from qmailpanel.qmail.names import AliasLocal, DomainName, LocalPart, MailAddress
from qmailpanel.reports.statuses import Status
from qmailpanel.sync.ahead import FEW, Way
from qmailpanel.sync.reconcile import Reconciler, open_host
from qmailpanel.sync.scope import all_domains
from qmailpanel.sync.service import Service
from tests.kit.changes import Changes
from tests.kit.panels import Panel

HASH = "{ARGON2ID}$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$b"
FILE = "mailnames/pandle.net/.qmail-new"


@pytest.fixture(autouse=True)
def _every_map_is_large(monkeypatch) -> None:
    monkeypatch.setattr("qmailpanel.sync.ahead.LARGE", 0)


@pytest.fixture
def pandle(panel: Panel) -> Domain:
    domain = panel.add_domain("pandle.net")
    panel.add_mailbox(domain, "ann")
    return domain


@pytest.fixture
def changes(pandle: Domain) -> Changes:
    changes = Changes()
    changes.go_ahead()
    return changes


@pytest.fixture
def new(panel: Panel, pandle: Domain, changes: Changes) -> Address:
    """One that is found by its file."""
    new = panel.add_mailbox(pandle, "new")
    changes.make_true()
    return new


def is_amiss(reconciler: Reconciler) -> bool:
    return reconciler.is_amiss(all_domains(), absent=True)


def has_file(panel: Panel) -> bool:
    return (panel.home / FILE).exists()


def assert_nothing_amiss(changes: Changes) -> None:
    """When nobody is ahead of the map any more."""
    changes.follow()
    changes.follow()
    assert not is_amiss(Reconciler(open_host()))


def test_a_new_mailbox_is_live_by_a_file_then_by_its_line_and_last_without_the_file(
    panel, changes, new
) -> None:
    assert panel.status(new) is Status.LIVE
    assert (panel.answer("=100-new"), has_file(panel)) == (None, True)
    assert panel.read(FILE) == b"./new/Maildir/\n"
    changes.follow()
    assert (panel.answer("=100-new") is not None, has_file(panel)) == (True, True)
    changes.follow()
    assert (panel.answer("=100-new") is not None, has_file(panel)) == (True, False)
    assert panel.status(new) is Status.LIVE


def test_a_scrub_finds_nothing_amiss_meanwhile(changes, new) -> None:
    for _ in range(3):
        assert not is_amiss(changes.reconciler)
        changes.follow()


def test_the_service_has_the_map_follow(panel, pandle) -> None:
    service = panel.serve()
    new = panel.add_mailbox(pandle, "new")
    service.turn()
    assert panel.status(new) is Status.LIVE
    assert panel.answer("=100-new") is None
    follow_once(service)
    follow_once(service)
    assert (panel.answer("=100-new") is not None, has_file(panel)) == (True, False)


@contextmanager
def others_at_work(panel: Panel) -> Iterator[None]:
    with hold_lock(str(panel.home)):
        yield


@contextmanager
def a_home_that_fails(panel: Panel) -> Iterator[None]:
    lock = panel.home / "users/.qmailpanel.lock"
    lock.unlink()
    lock.mkdir()
    yield
    lock.rmdir()


def follow_once(service: Service) -> None:
    service.following.hurry()
    while service.turn():
        pass


@pytest.mark.parametrize("hindered", [others_at_work, a_home_that_fails])
@pytest.mark.parametrize("way", [Way.FILE, Way.BOTH])
def test_what_cannot_follow_now_follows_later(panel, pandle, way, hindered) -> None:
    service = panel.serve()
    panel.add_mailbox(pandle, "new")
    service.turn()
    if way is Way.BOTH:
        follow_once(service)
    with hindered(panel):
        follow_once(service)
    follow_once(service)
    follow_once(service)
    assert (panel.answer("=100-new") is not None, has_file(panel)) == (True, False)


@pytest.mark.parametrize("way", [Way.FILE, Way.BOTH])
def test_the_next_service_goes_on_where_one_was_killed(panel, changes, new, way) -> None:
    if way is Way.BOTH:
        changes.follow()
    changes.reconciler = Reconciler(open_host())
    changes.go_ahead()
    assert not is_amiss(changes.reconciler)
    assert has_file(panel)
    assert_nothing_amiss(changes)
    assert (panel.answer("=100-new") is not None, has_file(panel)) == (True, False)


def test_who_has_a_line_keeps_it_whatever_another_database_says_of_its_number(
    panel, pandle, changes
) -> None:
    changes.reconciler.host.memory.ahead = {f"{pandle.pk}": {"ann": Way.FILE}}
    changes.reconciler = Reconciler(open_host())
    changes.go_ahead()
    set_password(SYSTEM, Address.objects.get(local="ann"), stored=HASH)
    changes.make_true()
    assert panel.answer("=100-ann") is not None
    assert_nothing_amiss(changes)


@pytest.mark.parametrize("way", [Way.FILE, Way.BOTH])
def test_whoever_looks_at_all_without_knowing_of_it_makes_the_line(
    panel, changes, new, way
) -> None:
    """As `qmailsync --once` does."""
    if way is Way.BOTH:
        changes.follow()
    panel.sync()
    assert (panel.answer("=100-new") is not None, has_file(panel)) == (True, False)
    assert panel.status(new) is Status.LIVE
    assert_nothing_amiss(changes)


def answer_mail(new: Address) -> None:
    change_reply(SYSTEM, new, on=True, subject="Away", text="Later.", first=None, last=None, days=7)


def add_some_alias(domain: Domain, local: str, *targets: str) -> None:
    add_alias(SYSTEM, domain, AliasLocal(local), [MailAddress(target) for target in targets])


@pytest.mark.parametrize("way", [Way.FILE, Way.BOTH])
@pytest.mark.parametrize(
    "act",
    [
        lambda new: set_password(SYSTEM, new, stored=HASH),
        lambda new: switch_mailbox(SYSTEM, new, on=False),
        lambda new: hold_mailbox(SYSTEM, new, on_hold=True),
        lambda new: rename_address(SYSTEM, new, LocalPart("newer"), keep=False),
        lambda new: rename_address(SYSTEM, new, LocalPart("newer"), keep=True),
        lambda new: remove_mailbox(SYSTEM, new),
        lambda new: restore_mailbox(SYSTEM, remove_mailbox(SYSTEM, new)),
        answer_mail,
        lambda new: add_some_alias(new.domain, "info", "new@pandle.net"),
        lambda new: add_some_alias(new.domain, "all", "new@pandle.net", "ann@pandle.net"),
        lambda new: add_mailbox(SYSTEM, new.domain, LocalPart("newer")),
        lambda new: change_domain(SYSTEM, new.domain, unknown=Unknown.DISCARD),
        lambda new: switch_domain(SYSTEM, new.domain, on=False),
        lambda new: rename_domain(SYSTEM, new.domain, DomainName("pandle.org"), keep=True),
        lambda new: remove_domain(SYSTEM, new.domain),
    ],
)
def test_whatever_is_done_with_it_meanwhile_comes_true(
    changes, new, way, act: Callable[[Address], object]
) -> None:
    if way is Way.BOTH:
        changes.follow()
    act(new)
    report = changes.make_true()
    assert not any(report.problems.values()), report.problems
    assert not any(report.drifts.values()), report.drifts
    assert not is_amiss(changes.reconciler)
    assert_nothing_amiss(changes)


# who waits for the map


def test_many_at_once_wait_for_the_map(panel, pandle, changes) -> None:
    for number in range(FEW + 1):
        panel.add_mailbox(pandle, f"m{number}")
    changes.make_true()
    assert panel.answer("=100-m0") is not None
    assert not is_amiss(Reconciler(open_host()))


def test_what_has_to_compile_the_map_anyway_waits_for_nobody(panel, pandle, changes) -> None:
    panel.add_mailbox(pandle, "new")
    panel.add_alias(pandle, "anna", "ann@pandle.net")
    changes.make_true()
    assert panel.answer("=100-new") is not None
    assert not has_file(panel)


@pytest.mark.parametrize(
    ("path", "content"),
    [
        (FILE, b"&somebody@side.test\n"),
        ("users/assign", b"=100-x:popuser:110:31:/home/x:::\n"),
        ("users/assign", b"+100-ne:popuser:110:31:/home/x:-::\n"),
    ],
)
def test_where_something_of_others_may_take_the_mail_the_line_comes_at_once(
    panel, pandle, path, content
) -> None:
    panel.sync()
    file = panel.home / path
    file.write_bytes(content + (file.read_bytes() if file.exists() else b""))
    changes = Changes()
    changes.go_ahead()
    panel.add_mailbox(pandle, "new")
    changes.make_true()
    assert panel.answer("=100-new") is not None


def test_where_somebody_just_wrote_a_shared_file_the_line_comes_at_once(
    panel, pandle, changes
) -> None:
    panel.write("control/rcpthosts", panel.read("control/rcpthosts") + b"other.test\n")
    panel.add_mailbox(pandle, "new")
    changes.make_true()
    assert panel.answer("=100-new") is not None


def test_where_nobody_would_have_the_map_follow_the_line_comes_at_once(panel, pandle) -> None:
    changes = Changes()
    panel.add_mailbox(pandle, "new")
    changes.make_true()
    assert panel.answer("=100-new") is not None


def test_where_the_map_is_small_it_is_compiled_at_once(panel, pandle, changes, monkeypatch) -> None:
    monkeypatch.setattr("qmailpanel.sync.ahead.LARGE", 10_000)
    panel.add_mailbox(pandle, "new")
    changes.make_true()
    assert panel.answer("=100-new") is not None


def test_while_changes_wait_for_the_operator_it_stays_as_it_is_and_then_gets_its_line(
    panel, changes, new
) -> None:
    switch_hold(SYSTEM, on=True)
    set_password(SYSTEM, new, stored=HASH)
    changes.make_true()
    changes.follow()
    assert panel.read(FILE) == b"./new/Maildir/\n"
    switch_hold(SYSTEM, on=False)
    changes.make_true(new.domain)
    assert_nothing_amiss(changes)
