"""A change is looked at with what it is about; what else there is, a scrub would find as it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext

from qmailpanel.aliases.services import change_alias, switch_alias
from qmailpanel.domains.departed.services import set_responder
from qmailpanel.domains.models import Address, Domain, Unknown
from qmailpanel.domains.names.services import add_alias_domain
from qmailpanel.domains.renaming import rename_address
from qmailpanel.domains.services import change_domain
from qmailpanel.ledger.actors import SYSTEM
from qmailpanel.mailboxes.delivery.replies import change_reply
from qmailpanel.mailboxes.removal.services import purge_mailbox, remove_mailbox, restore_mailbox
from qmailpanel.mailboxes.services import set_password, switch_mailbox
from qmailpanel.qmail.formats import cdb
from qmailpanel.qmail.formats.logins import MOST
from qmailpanel.qmail.formats.shared_files import Shared
from qmailpanel.qmail.host.memory import Memory
from qmailpanel.qmail.names import DomainName, LocalPart, MailAddress
from qmailpanel.qmail.plan.state import Section
from qmailpanel.reports.models import SyncProblem
from qmailpanel.reports.statuses import Status
from qmailpanel.sync.models import SyncDrift
from qmailpanel.sync.reconcile import Reconciler, open_host
from qmailpanel.sync.report import Report
from qmailpanel.sync.scope import all_domains
from tests.kit.changes import Changes
from tests.kit.panels import Panel

HASH = "{ARGON2ID}$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$b"


@pytest.fixture
def pandle(panel: Panel) -> Domain:
    domain = panel.add_domain("pandle.net")
    for local in ("ann", "bob", "joe"):
        panel.add_mailbox(domain, local)
    return domain


@pytest.fixture
def changes(pandle: Domain) -> Changes:
    return Changes()


def address_of(local: str) -> Address:
    return Address.objects.claiming().get(local=local)


def is_amiss() -> bool:
    return Reconciler(open_host()).is_amiss(all_domains(), absent=True)


def looked_at(report: Report) -> set[str]:
    return {local for part in report.parts.values() for local in part.locals}


def drifted() -> list[str]:
    return list(SyncDrift.objects.values_list("file", flat=True))


# what a change looks at


def test_a_change_looks_at_its_address_and_a_scrub_at_all_of_them(panel, pandle, changes) -> None:
    panel.write("mailnames/pandle.net/bob/.qmail", b"|/bin/false\n")
    new = panel.add_mailbox(pandle, "new")
    assert looked_at(changes.make_true()) == {"new"}
    assert panel.status(new) is Status.LIVE
    assert not drifted()
    panel.sync()
    assert drifted() == ["pandle.net/bob/.qmail"]


def test_what_was_said_of_others_is_said_on(panel, pandle, changes) -> None:
    panel.write("mailnames/pandle.net/bob/.qmail", b"|/bin/false\n")
    (panel.below("pandle.net") / "bad").write_bytes(b"in the way\n")
    bad = panel.add_mailbox(pandle, "bad")
    panel.sync()
    kept = set(SyncProblem.objects.values_list("pk")), set(SyncDrift.objects.values_list("pk"))
    panel.add_alias(pandle, "new", "out@side.test")
    again = Changes.__new__(Changes)
    again.reconciler, again.through = changes.reconciler, bad.change_id
    assert {"bad", "bob", "new"} == looked_at(again.make_true())  # who failed is tried again
    assert kept == (
        set(SyncProblem.objects.values_list("pk")),
        set(SyncDrift.objects.values_list("pk")),
    )
    assert panel.status(address_of("bob")) is Status.FAILED
    assert panel.status(address_of("new")) is Status.LIVE


def test_what_failed_is_live_when_it_could_be_had_and_others_stay_as_they_are(
    panel, pandle, changes
) -> None:
    for local in ("bad", "worse"):
        (panel.below("pandle.net") / local).write_bytes(b"in the way\n")
        panel.add_mailbox(pandle, local)
    changes.make_true()
    assert {panel.status(address_of(one)) for one in ("bad", "worse")} == {Status.FAILED}
    assert panel.status(address_of("ann")) is Status.LIVE
    (panel.below("pandle.net") / "bad").unlink()
    changes.make_true(pandle)
    assert panel.status(address_of("bad")) is Status.LIVE
    assert panel.status(address_of("worse")) is Status.FAILED


def test_an_alias_of_one_mailbox_goes_and_comes_with_it(panel, pandle, changes) -> None:
    panel.add_alias(pandle, "anna", "ann@pandle.net")
    assert looked_at(changes.make_true()) == {"anna", "ann"}
    assert panel.answer("=100-anna") == panel.answer("=100-ann")
    switch_mailbox(SYSTEM, address_of("ann"), on=False)
    assert looked_at(changes.make_true()) == {"anna", "ann"}
    assert not is_amiss()


def test_what_is_new_is_looked_at_with_all_that_its_mail_meets(panel, pandle, changes) -> None:
    panel.add_alias(pandle, "team", "ann@pandle.net", "out@side.test")
    panel.add_alias(pandle, "all", "team@pandle.net", "bob@pandle.net")
    changes.make_true()
    panel.add_alias(pandle, "new", "all@pandle.net", "out@side.test")
    assert looked_at(changes.make_true()) == {"new", "all", "team", "ann", "bob"}
    assert not is_amiss()


def test_who_gets_what_nobody_claimed_is_looked_at_when_it_is_removed(panel, pandle) -> None:
    target = "joe@pandle.net"
    change_domain(SYSTEM, pandle, unknown=Unknown.MAILBOX, unknown_target=target)
    changes = Changes()
    switch_mailbox(SYSTEM, address_of("joe"), on=False)
    changes.make_true()
    assert not is_amiss()


def test_what_is_changed_of_the_domain_itself_is_looked_at_as_a_whole(
    panel, pandle, changes
) -> None:
    change_domain(SYSTEM, pandle, unknown=Unknown.DISCARD)
    panel.add_mailbox(pandle, "new")
    assert not changes.make_true().parts
    assert panel.read("mailnames/pandle.net/.qmail-default") == b"#\n"


def test_who_has_the_name_of_somebody_removed_is_looked_at_with_its_old_home(
    panel, pandle, changes
) -> None:
    remove_mailbox(SYSTEM, address_of("joe"))
    changes.make_true()
    purge_mailbox(SYSTEM, Address.objects.get(local="joe"))
    panel.add_mailbox(pandle, "joe")
    changes.make_true()
    assert panel.status(address_of("joe")) is Status.LIVE
    assert not is_amiss()


def test_what_answers_for_somebody_removed_goes_when_they_are_back_under_another_name(
    panel, pandle
) -> None:
    set_responder(SYSTEM, pandle, subject="Gone", text="Gone.", target="out@side.test", days=7)
    changes = Changes()
    remove_mailbox(SYSTEM, address_of("joe"))
    changes.make_true()
    assert (panel.below("pandle.net") / ".qmail-joe").exists()
    restore_mailbox(SYSTEM, address_of("joe"), local=LocalPart("joseph"))
    changes.make_true()
    assert not (panel.below("pandle.net") / ".qmail-joe").exists()
    assert not is_amiss()


# what answers by itself


@pytest.fixture
def answering(panel: Panel, pandle: Domain) -> Address:
    """Ann, who has two more addresses, one of them under another name of the domain."""
    (panel.home / "bin").mkdir()
    (panel.home / "bin/qmail-inject").write_text("#!/bin/sh\n")
    (panel.home / "bin/qmail-inject").chmod(0o755)
    add_alias_domain(SYSTEM, pandle, DomainName("pandle.com"))
    panel.add_alias(pandle, "anna", "ann@pandle.net", "out@side.test")
    panel.add_alias(pandle, "info", "ann@pandle.com", "out@side.test")
    panel.add_alias(pandle, "team", "bob@pandle.net")
    ann = address_of("ann")
    days: dict[str, Any] = {"first": None, "last": None, "days": 7}
    change_reply(SYSTEM, ann, on=True, subject="Away", text="Later.", **days)
    return ann


def own_addresses(panel: Panel) -> set[str]:
    said = panel.lines("mailnames/pandle.net/ann/.qmail")
    return {line.removeprefix("#own ") for line in said if line.endswith(".net") and "#own" in line}


def test_an_answer_names_all_addresses_though_its_mailbox_alone_was_changed(
    panel, answering
) -> None:
    changes = Changes()
    named = own_addresses(panel)
    assert named == {f"{local}@pandle.net" for local in ("ann", "anna", "info")}
    set_password(SYSTEM, answering, stored=HASH)
    assert looked_at(changes.make_true()) == {"ann", "anna", "info"}
    assert own_addresses(panel) == named
    panel.add_alias(answering.domain, "new", "ann@pandle.net", "bob@pandle.net")
    changes.make_true()
    assert own_addresses(panel) == {*named, "new@pandle.net"}
    assert not is_amiss()


@pytest.mark.parametrize("local", ["anna", "info"])
def test_an_alias_that_delivers_elsewhere_is_named_no_longer(panel, answering, local) -> None:
    changes = Changes()
    named = own_addresses(panel)
    change_alias(SYSTEM, address_of(local), destinations=[MailAddress("bob@pandle.net")])
    changes.make_true()
    assert own_addresses(panel) == named - {f"{local}@pandle.net"}
    assert not is_amiss()


@pytest.mark.parametrize("local", ["anna", "info"])
def test_an_alias_that_is_switched_off_is_named_no_longer(panel, answering, local) -> None:
    changes = Changes()
    named = own_addresses(panel)
    switch_alias(SYSTEM, address_of(local), on=False)
    changes.make_true()
    assert own_addresses(panel) == named - {f"{local}@pandle.net"}
    change_alias(SYSTEM, address_of(local), destinations=[MailAddress("bob@pandle.net")])
    changes.make_true()
    assert not is_amiss()


def test_what_a_run_began_that_was_cut_is_looked_at(panel, pandle, changes) -> None:
    panel.add_mailbox(pandle, "cut")
    host = changes.reconciler.host
    wanted = host.apply

    def cut(*_arguments: object) -> None:
        raise KeyboardInterrupt

    host.apply = cut  # the run is killed
    with pytest.raises(KeyboardInterrupt):
        changes.make_true()
    host.apply = wanted
    panel.add_mailbox(pandle, "new")
    assert looked_at(changes.make_true()) == {"cut", "new"}
    assert not host.memory.unfinished("pandle.net")
    assert not is_amiss()


def test_what_a_run_meant_to_write_is_looked_at_though_nobody_changed_it_since(
    panel, pandle, changes
) -> None:
    memory = changes.reconciler.host.memory
    [bob] = memory.sections(["pandle.net"], {"pandle.net": frozenset({"bob"})})["pandle.net"]
    line = {b"=100-bob": b"=100-bob:popuser:110:31:/elsewhere/pandle.net/bob:::\n"}
    memory.intend({"pandle.net": replace(bob, lines={**bob.lines, Shared.ASSIGN: line})})
    panel.add_mailbox(pandle, "new")
    assert looked_at(changes.make_true()) == {"bob", "new"}
    assert not memory.unfinished("pandle.net")


# login files


def test_a_password_is_told_in_the_files_it_is_in_and_others_are_told_on(
    panel, pandle, changes, make_large: Callable[[], None]
) -> None:
    make_large()
    before = read_logins()
    set_password(SYSTEM, address_of("ann"), password="four lanterns at sea")
    changes.make_true()
    after = read_logins()
    [path] = {path for path in before if before[path] != after[path] and path.suffix == ".passwd"}
    assert b"ann@pandle.net:{ARGON2ID}" in after[path]
    assert not is_amiss()


@pytest.fixture(params=["a pair", "shards"])
def make_large(request, panel: Panel, changes: Changes) -> Callable[[], None]:
    def make() -> None:
        if request.param == "shards":
            panel.have_shards("pandle.net")
            panel.sync()

    return make


def read_logins() -> dict[Path, bytes]:
    files = Path(settings.QMAILPANEL_LOGIN_DIR).rglob("*.*")
    return {path: path.read_bytes() for path in files if path.is_file()}


@pytest.mark.parametrize("which", [".passwd", ".cdb"])
def test_where_the_login_files_are_gone_all_of_them_are_told_anew(
    panel, pandle, changes, which
) -> None:
    (Path(settings.QMAILPANEL_LOGIN_DIR) / f"pandle.net{which}").unlink()
    set_password(SYSTEM, address_of("ann"), password="four lanterns at sea")
    assert not changes.make_true().parts
    assert not is_amiss()


@pytest.mark.parametrize(
    "hand",
    [
        lambda text: text + b"eve@pandle.net:x:::::\n",
        lambda text: text + "# würde\n".encode(),
        lambda text: text + b"no end",
        lambda _text: b"",
    ],
)
def test_where_somebody_edited_the_login_files_all_of_them_are_told_anew(
    panel, pandle, changes, make_large: Callable[[], None], hand: Callable[[bytes], bytes]
) -> None:
    make_large()
    set_password(SYSTEM, address_of("ann"), stored=HASH)
    changes.make_true()
    before = read_logins()
    told = [path for path in before if path.suffix == ".passwd" and b"ann@" in before[path]]
    told[0].write_bytes(hand(before[told[0]]))
    set_password(SYSTEM, address_of("ann"), stored=f"{HASH}2")
    assert not changes.make_true().parts
    assert not is_amiss()


def test_a_domain_that_grows_beyond_one_pair_by_one_mailbox_tells_all_of_them(
    panel, pandle, monkeypatch
) -> None:
    monkeypatch.setattr("qmailpanel.qmail.formats.logins.MOST", 4)
    assert MOST > 4
    changes = Changes()
    for local in ("dan", "eve"):
        panel.add_mailbox(pandle, local)
        changes.make_true()
    assert not is_amiss()
    told = b"".join(text for path, text in read_logins().items() if path.suffix == ".passwd")
    assert {line.split(b"@")[0] for line in told.splitlines()} == {
        *(b"ann", b"bob", b"joe", b"dan", b"eve")
    }


# what it costs


def test_a_change_asks_the_database_as_often_however_large_its_domain_is(panel, pandle) -> None:
    asked = set()
    for count in (3, 40):
        for number in range(count):
            panel.add_mailbox(pandle, f"m{count}x{number}")
        changes = Changes()
        asked.add(min(count_queries(panel, pandle, changes, f"new{count}x{n}") for n in range(3)))
    [number] = asked  # without those of what is done now and then
    assert number <= 15  # five begin and end transactions, one is the own of `changes`


def test_a_mailbox_that_is_renamed_has_nobody_else_read_of_the_memory(
    panel, pandle, changes, monkeypatch
) -> None:
    read, everything = [], Memory.all_sections

    def note(memory: Memory) -> Iterator[tuple[str, tuple[Section, ...]]]:
        read.append(memory)
        return everything(memory)

    monkeypatch.setattr(Memory, "all_sections", note)
    rename_address(SYSTEM, address_of("ann"), LocalPart("anna"), keep=False)
    changes.make_true()
    assert not read
    assert panel.status(address_of("anna")) is Status.LIVE
    assert not is_amiss()


def test_a_map_is_not_copied_to_be_asked_about_a_few(panel, pandle, changes, monkeypatch) -> None:
    copied, copy = [], cdb.AnyMap.__init__

    def note(asked: cdb.AnyMap, file: int) -> None:
        copied.append(asked)
        copy(asked, file)

    monkeypatch.setattr(cdb.AnyMap, "__init__", note)
    panel.add_mailbox(pandle, "new")
    changes.make_true()
    assert not copied
    panel.write("users/cdb", panel.read("users/cdb").replace(b"/new\0", b"/old\0"))
    panel.add_mailbox(pandle, "newer")
    changes.make_true()
    assert panel.status(address_of("newer")) is Status.LIVE
    assert not is_amiss()


def count_queries(panel: Panel, domain: Domain, changes: Changes, local: str) -> int:
    panel.add_mailbox(domain, local)
    with CaptureQueriesContext(connection) as queries:
        changes.make_true()
    return len(queries)
