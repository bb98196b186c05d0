"""An older database is put back, or a new one stands over a host that was in use."""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable
from sqlite3 import Connection

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from qmailpanel.aliases.services import remove_alias, switch_alias
from qmailpanel.console.adoptable import find_adoptable
from qmailpanel.console.decisions import put_ours_back, take_theirs
from qmailpanel.console.services import switch_hold
from qmailpanel.domains.models import Address, Domain, Kind, Unknown
from qmailpanel.domains.names.services import add_alias_domain
from qmailpanel.domains.renaming import rename_address, rename_domain
from qmailpanel.domains.services import change_domain, remove_domain, switch_domain
from qmailpanel.ledger.actors import SYSTEM, Refused
from qmailpanel.mailboxes.removal.services import purge_mailbox, remove_mailbox
from qmailpanel.mailboxes.services import set_password, switch_mailbox
from qmailpanel.qmail.host.home_maker import MARK
from qmailpanel.qmail.names import DomainName, LocalPart
from qmailpanel.qmail.plan.questions import LEDGER_MARK
from qmailpanel.reports.models import KnownHost
from qmailpanel.reports.statuses import Status
from qmailpanel.sync.models import ForeignLine, SyncDrift, SyncQuestion
from qmailpanel.sync.services import answer_question
from tests.kit.panels import Panel
from tests.kit.restored import keep_database, keep_memory, put_back, put_memory_back


@pytest.fixture
def domain(panel: Panel) -> Domain:
    """pandle.net, live."""
    found = panel.add_domain()
    panel.sync()
    return found


def say_yes(panel: Panel) -> None:
    for _ in range(3):
        if not SyncQuestion.objects.exists():
            return
        answer_question(SYSTEM, SyncQuestion.objects.get())
        panel.sync()
    assert not SyncQuestion.objects.exists()


# the question


def test_an_older_database_always_asks_however_little_it_drops(panel, domain) -> None:
    older = keep_database()
    panel.add_mailbox(domain, "carol")
    panel.sync()
    put_back(older)
    report = panel.sync()
    assert report.question is not None
    assert panel.answer("=100-carol")
    assert "is older than" in SyncQuestion.objects.get().text
    assert "=100-carol:" in SyncQuestion.objects.get().text
    say_yes(panel)
    assert not panel.answer("=100-carol")
    assert panel.sync().question is None


def test_an_older_database_that_went_on_for_longer_is_another_one(panel, domain) -> None:
    older = keep_database()
    panel.add_mailbox(domain, "carol")
    panel.sync()
    put_back(older)
    for number in range(5):
        change_domain(SYSTEM, domain, description=f"{number}")
    assert panel.sync().question is not None
    assert "is another one than" in SyncQuestion.objects.get().text
    assert panel.answer("=100-carol")


def test_a_new_database_on_a_small_host_asks(panel) -> None:
    new = keep_database()
    panel.add_mailbox(panel.add_domain(), "carol")
    panel.sync()
    put_back(new)
    assert panel.sync().question is not None
    assert "pandle.net" in panel.lines("control/rcpthosts")
    say_yes(panel)
    assert panel.lines("control/rcpthosts") == ["old.test"]


def test_the_question_ends_when_the_newest_database_is_put_back(panel, domain) -> None:
    older = keep_database()
    carol = panel.add_mailbox(domain, "carol")
    panel.sync()
    newest = keep_database()
    put_back(older)
    assert panel.sync().question is not None
    put_back(newest)
    assert panel.sync().question is None
    assert panel.status(carol) is Status.LIVE


def test_no_change_of_an_older_database_is_applied_before_the_yes(panel, domain) -> None:
    older = keep_database()
    panel.add_mailbox(domain, "carol")
    panel.sync()
    put_back(older)
    running = panel.serve()
    erin = panel.add_mailbox(domain, "erin")
    running.turn()
    assert panel.status(erin) is Status.PENDING
    assert not panel.answer("=100-erin")
    answer_question(SYSTEM, SyncQuestion.objects.get())
    running.turn()
    assert panel.status(erin) is Status.LIVE
    assert not SyncQuestion.objects.exists()


def test_changes_that_wait_do_not_hide_an_older_database(panel, domain) -> None:
    older = keep_database()
    panel.add_mailbox(domain, "carol")
    panel.sync()
    put_back(older)
    switch_hold(SYSTEM, on=True)
    assert panel.sync().question is not None


@pytest.mark.parametrize("is_lost", [False, True])
def test_a_database_and_a_memory_of_one_earlier_moment_ask(panel, domain, is_lost) -> None:
    older, memory = keep_database(), keep_memory()
    panel.add_mailbox(domain, "carol")
    panel.sync()
    put_back(older)
    put_memory_back(None if is_lost else memory)
    panel.add_mailbox(domain, "erin")
    assert panel.sync().question is not None
    assert panel.sync().question is not None
    assert not panel.answer("=100-erin")
    say_yes(panel)
    assert panel.answer("=100-erin")
    assert panel.sync().question is None


def test_nothing_is_asked_when_the_memory_alone_is_older(panel, domain) -> None:
    memory = keep_memory()
    carol = panel.add_mailbox(domain, "carol")
    panel.sync()
    put_memory_back(memory)
    assert panel.sync().question is None
    assert panel.status(carol) is Status.LIVE


def test_a_mark_of_the_host_that_says_nothing_is_written_again(panel, domain) -> None:
    older = keep_database()
    panel.add_mailbox(domain, "carol")
    panel.sync()
    panel.write(LEDGER_MARK, b"\0" * 20)
    assert panel.sync().question is None
    put_back(older)
    put_memory_back(None)
    assert panel.sync().question is not None


def test_the_question_is_answered_by_command_too(panel, domain) -> None:
    with pytest.raises(CommandError, match="Nothing waits"):
        call_command("qmailsync", answer="yes")
    older = keep_database()
    panel.add_mailbox(domain, "carol")
    panel.sync()
    put_back(older)
    panel.sync()
    said = io.StringIO()
    call_command("qmailsync", answer="no", stdout=said)
    assert "Nothing of it is done" in said.getvalue()
    assert panel.sync().question is not None
    assert panel.answer("=100-carol")
    call_command("qmailsync", answer="yes", stdout=said)
    assert panel.sync().question is None
    assert not panel.answer("=100-carol")


def test_the_yes_counts_though_nobody_can_say_where_a_home_stands(panel, domain) -> None:
    carol = panel.add_mailbox(domain, "carol")
    panel.sync()
    older = keep_database()
    rename_address(SYSTEM, carol, LocalPart("dave"), keep=False)
    panel.sync()
    shutil.copytree(panel.below("pandle.net/dave"), panel.below("pandle.net/copy"))
    put_back(older)
    panel.sync()
    answer_question(SYSTEM, SyncQuestion.objects.get())
    for _ in range(2):
        assert panel.sync().question is None
        assert "home of one mailbox" in panel.problem(carol).cause
    shutil.rmtree(panel.below("pandle.net/copy"))
    panel.sync()
    assert panel.status(carol) is Status.LIVE


# numbers that the database gives twice


def test_a_new_mailbox_never_has_the_mail_of_a_removed_one_of_its_number(panel, domain) -> None:
    older = keep_database()
    carol = panel.add_mailbox(domain, "carol")
    panel.sync()
    (panel.below("pandle.net/carol") / "Maildir/new/1").write_text("for carol")
    remove_mailbox(SYSTEM, carol)
    panel.sync()
    put_back(older)
    dave = panel.add_mailbox(domain, "dave")
    assert dave.mailbox.pk == carol.mailbox.pk
    panel.sync()
    say_yes(panel)
    assert panel.status(dave) is Status.LIVE
    assert not list(panel.below("pandle.net/dave/Maildir/new").iterdir())
    assert list(panel.below(".archive").glob("*/Maildir/new/1"))


def test_a_home_in_use_is_never_moved_to_another_mailbox_of_its_number(panel, domain) -> None:
    older = keep_database()
    carol = panel.add_mailbox(domain, "carol")
    panel.sync()
    mail = panel.below("pandle.net/carol") / "Maildir/new/1"
    mail.write_text("for carol")
    put_back(older)
    dave = panel.add_mailbox(domain, "dave")
    assert dave.mailbox.pk == carol.mailbox.pk
    panel.sync()
    assert mail.exists()
    say_yes(panel)
    assert mail.exists()
    assert not list(panel.below("pandle.net/dave/Maildir/new").iterdir())


def test_mail_of_another_mailbox_of_its_number_is_not_purged(panel, domain) -> None:
    older = keep_database()
    carol = panel.add_mailbox(domain, "carol")
    panel.sync()
    (panel.below("pandle.net/carol") / "Maildir/new/1").write_text("for carol")
    remove_mailbox(SYSTEM, carol)
    panel.sync()
    put_back(older)
    dave = panel.add_mailbox(domain, "dave")
    panel.sync()
    say_yes(panel)
    remove_mailbox(SYSTEM, dave)
    panel.sync()
    purge_mailbox(SYSTEM, dave)
    panel.sync()
    assert list(panel.below(".archive").glob("*/Maildir/new/1"))


def test_a_restored_mailbox_has_its_own_mail_again(panel, domain) -> None:
    carol = panel.add_mailbox(domain, "carol")
    panel.sync()
    (panel.below("pandle.net/carol") / "Maildir/new/1").write_text("for carol")
    older = keep_database()
    remove_mailbox(SYSTEM, carol)
    panel.sync()
    put_back(older)
    panel.sync()
    say_yes(panel)
    assert panel.status(carol) is Status.LIVE
    assert (panel.below("pandle.net/carol") / "Maildir/new/1").exists()


# names and numbers that the host has


@pytest.mark.parametrize("is_unread", [False, True])
def test_no_domain_is_added_while_a_question_is_open(panel, is_unread) -> None:
    new = keep_database()
    panel.add_domain()
    panel.sync()
    put_back(new)
    if is_unread:
        KnownHost.objects.all().delete()
    panel.sync()
    with pytest.raises(Refused, match="waits for the operator's answer"):
        panel.add_domain("new.test")
    say_yes(panel)
    assert panel.add_domain("new.test").prepend == 101


def test_a_number_that_was_another_domains_is_not_served(panel, domain) -> None:
    older = keep_database()
    panel.add_mailbox(panel.add_domain("b.test"), "bob")
    panel.sync()
    put_back(older)
    new = panel.add_domain("new.test")
    assert new.prepend == 101
    panel.add_mailbox(new, "bob")
    panel.sync()
    say_yes(panel)
    assert panel.status_of_domain(new) is Status.FAILED
    assert "new.test" not in "".join(panel.lines("control/virtualdomains"))
    remove_domain(SYSTEM, new)
    panel.sync()
    again = panel.add_domain("new.test")
    assert again.prepend == 102
    panel.sync()
    assert panel.status_of_domain(again) is Status.LIVE


def add_with_taken_number(panel: Panel, name: str) -> None:
    """A domain that gets a number of the host's and is not served with it."""
    domain = panel.add_domain(name)
    assert domain.prepend == 100
    panel.sync()
    say_yes(panel)
    assert panel.status_of_domain(domain) is Status.FAILED
    assert not SyncDrift.objects.exists()


def test_a_number_of_another_domain_is_not_served_under_a_name_that_the_host_knows(panel) -> None:
    new = keep_database()
    panel.add_mailbox(panel.add_domain("a.test"), "carol")
    panel.add_domain("b.test")
    panel.sync()
    lose(panel, new)
    add_with_taken_number(panel, "b.test")
    assert panel.lines("control/virtualdomains") == ["old.test:7", "a.test:100", "b.test:101"]
    assert not list(find_adoptable(ForeignLine.objects.order_by("file", "number")))


def test_a_number_of_another_domain_is_not_served_under_its_further_name(panel) -> None:
    new = keep_database()
    domain = panel.add_domain("a.test")
    panel.add_mailbox(domain, "carol")
    add_alias_domain(SYSTEM, domain, DomainName("c.test"))
    panel.sync()
    lose(panel, new)
    add_with_taken_number(panel, "c.test")
    lines = panel.lines("control/virtualdomains")
    assert lines == ["old.test:7", "a.test:100", "c.test:100"]


def test_a_number_by_which_names_of_a_removed_domain_are_refused_is_given_to_nobody(panel) -> None:
    new = keep_database()
    domain = panel.add_domain("a.test")
    panel.add_mailbox(domain, "carol")
    panel.sync()
    remove_domain(SYSTEM, domain)
    panel.sync()
    assert panel.lines("control/virtualdomains") == ["old.test:7", "a.test:100"]
    lose(panel, new)
    add_with_taken_number(panel, "c.test")
    assert panel.lines("control/virtualdomains") == ["old.test:7", "a.test:100"]


def test_a_domain_whose_number_another_one_has_now_goes_with_the_yes(panel) -> None:
    new = keep_database()
    panel.add_domain("b.test")
    panel.sync()
    put_back(new)
    other = panel.add_domain("new.test")
    assert other.prepend == 100
    panel.sync()
    say_yes(panel)
    assert panel.lines("control/virtualdomains") == ["old.test:7"]


def test_a_number_that_leads_to_homes_of_a_domain_is_its_own_whatever_it_was_called(
    panel, domain
) -> None:
    """An older database, which does not know b.test, gave it that name."""
    older = keep_database()
    rename_domain(SYSTEM, domain, DomainName("new.test"), keep=False)
    carol = panel.add_mailbox(domain, "carol")
    panel.add_domain("b.test")
    panel.sync()
    newest = keep_database()
    put_back(older)
    put_memory_back(None)
    domain.refresh_from_db()
    rename_domain(SYSTEM, domain, DomainName("b.test"), keep=False)
    panel.sync()
    say_yes(panel)
    put_back(newest)
    panel.sync()
    say_yes(panel)
    assert panel.status(carol) is Status.LIVE
    assert panel.below("new.test/carol/Maildir").is_dir()


def test_a_renamed_domain_keeps_its_number(panel, domain) -> None:
    rename_domain(SYSTEM, domain, DomainName("new.test"), keep=False)
    panel.sync()
    assert panel.status_of_domain(domain) is Status.LIVE
    assert "new.test:100" in panel.lines("control/virtualdomains")
    rename_domain(SYSTEM, domain, DomainName("pandle.net"), keep=False)
    panel.sync()
    assert "pandle.net:100" in panel.lines("control/virtualdomains")


def test_no_domain_is_added_before_the_host_was_read(panel) -> None:
    KnownHost.objects.all().delete()
    with pytest.raises(Refused, match="has not read this host yet"):
        panel.add_domain("old.test")
    panel.sync()
    with pytest.raises(Refused, match=r"routes mail of old\.test already"):
        panel.add_domain("old.test")
    panel.add_domain("new.test")


# what was removed or switched off, and the memory is gone before it is done


@pytest.fixture
def people(panel, domain) -> dict[str, Address]:
    """Two mailboxes with mail, an alias of one and one that leads outside; all live."""
    rows = {local: panel.add_mailbox(domain, local) for local in ("carol", "dave")}
    rows["info"] = panel.add_alias(domain, "info", "carol@pandle.net")
    rows["out"] = panel.add_alias(domain, "out", "x@example.org")
    panel.sync()
    for local in ("carol", "dave"):
        (panel.below(f"pandle.net/{local}") / "Maildir/new/1").write_text(f"for {local}")
    return rows


@pytest.fixture(params=["lost", "older"])
def forget(request, panel, domain) -> Callable[[], None]:
    """The memory is lost, or knows the domain without anybody in it."""
    kept = keep_memory() if request.param == "older" else None
    return lambda: put_memory_back(kept)


def remove(address: Address) -> None:
    if address.kind == Kind.ALIAS:
        remove_alias(SYSTEM, address, despite_pointers=True)
    else:
        remove_mailbox(SYSTEM, address, despite_pointers=True)


def test_who_is_removed_gets_no_mail_though_the_memory_is_gone(
    panel, domain, forget, people
) -> None:
    for address in people.values():
        remove(address)
    forget()
    panel.sync()
    for local, address in people.items():
        assert not panel.answer(f"=100-{local}")
        assert panel.status(address) is Status.REMOVED
    assert not panel.below("pandle.net/.qmail-out").exists()
    assert not panel.below("pandle.net/carol").exists()
    assert len(list(panel.below(".archive").glob("*/Maildir/new/1"))) == 2
    assert not ForeignLine.objects.filter(line__contains="100-").exists()
    assert not panel.sync().steps


def test_who_is_off_gets_no_mail_though_the_memory_is_gone(panel, domain, forget, people) -> None:
    switch_mailbox(SYSTEM, people["carol"], on=False)
    switch_alias(SYSTEM, people["out"], on=False)
    forget()
    panel.sync()
    assert b"bouncesaying" in panel.read("mailnames/pandle.net/carol/.qmail")
    assert b"bouncesaying" in panel.read("mailnames/pandle.net/.qmail-out")
    assert panel.status(people["carol"]) is panel.status(people["out"]) is Status.LIVE
    assert not panel.sync().steps


def test_who_is_on_again_gets_mail_though_the_memory_is_gone(panel, domain, forget, people) -> None:
    change_domain(SYSTEM, domain, unknown=Unknown.FORWARD, unknown_target="x@example.org")
    switch_mailbox(SYSTEM, people["carol"], on=False)
    switch_domain(SYSTEM, domain, on=False)
    panel.sync()
    switch_mailbox(SYSTEM, people["carol"], on=True)
    switch_domain(SYSTEM, domain, on=True)
    forget()
    panel.sync()
    assert panel.read("mailnames/pandle.net/.qmail-default") == b"&x@example.org\n"
    assert b"bouncesaying" not in panel.read("mailnames/pandle.net/carol/.qmail")
    assert panel.status_of_domain(domain) is Status.LIVE


def test_lists_follow_another_rule_for_the_unknown_though_the_memory_is_gone(
    panel, domain, forget, people, settings
) -> None:
    settings.QMAILPANEL_RECIPIENTS = "validrcptto"
    panel.sync()
    change_domain(SYSTEM, domain, unknown=Unknown.REFUSE)
    panel.sync()
    assert "carol@pandle.net" in panel.lines("control/validrcptto")
    change_domain(SYSTEM, domain, unknown=Unknown.BOUNCE)
    forget()
    panel.sync()
    assert "carol@pandle.net" not in panel.lines("control/validrcptto")


def test_a_domain_that_is_off_gets_no_mail_though_the_memory_is_gone(
    panel, domain, forget, people
) -> None:
    switch_alias(SYSTEM, people["out"], on=False)
    panel.sync()
    switch_domain(SYSTEM, domain, on=False)
    forget()
    panel.sync()
    assert not panel.answer("=100-carol")
    assert "pandle.net" not in panel.lines("control/rcpthosts")
    assert not panel.below("pandle.net/.qmail-out").exists()
    assert panel.status_of_domain(domain) is Status.LIVE


def test_sub_domains_that_are_off_go_though_the_memory_is_gone(panel, domain, forget) -> None:
    change_domain(SYSTEM, domain, subdomains=True)
    panel.sync()
    change_domain(SYSTEM, domain, subdomains=False)
    forget()
    panel.sync()
    assert ".pandle.net:100" not in panel.lines("control/virtualdomains")
    assert ".pandle.net" not in panel.lines("control/rcpthosts")
    assert not panel.sync().steps


def test_a_domain_that_is_removed_goes_though_the_memory_is_gone(
    panel, domain, forget, people
) -> None:
    remove_domain(SYSTEM, domain)
    forget()
    panel.sync()
    assert not panel.answer("=100-carol")
    assert "pandle.net" not in panel.lines("control/rcpthosts")
    assert not list((panel.home / "logins").iterdir())
    assert len(list(panel.below(".archive").glob("*/Maildir/new/1"))) == 2
    assert panel.status_of_domain(domain) is Status.REMOVED


def test_a_removed_name_that_others_serve_by_now_stays_theirs(panel, domain, people) -> None:
    remove_domain(SYSTEM, domain)
    lines = panel.read("control/virtualdomains").replace(b"pandle.net:100", b"pandle.net:7")
    panel.write("control/virtualdomains", lines)
    put_memory_back(None)
    panel.sync()
    assert "pandle.net" in panel.lines("control/rcpthosts")
    assert "pandle.net:7" in panel.lines("control/virtualdomains")
    assert not panel.answer("=100-carol")


def test_a_home_without_a_mark_is_not_archived_for_who_is_removed(panel, domain, people) -> None:
    remove(people["carol"])
    (panel.below("pandle.net/carol") / MARK).unlink()
    put_memory_back(None)
    panel.sync()
    assert panel.below("pandle.net/carol").exists()
    assert not panel.answer("=100-carol")


def test_what_is_off_and_waits_goes_when_it_is_applied_though_the_memory_is_gone(
    panel, domain, people
) -> None:
    switch_hold(SYSTEM, on=True)
    remove(people["carol"])
    put_memory_back(None)
    panel.sync()
    assert panel.answer("=100-carol")
    switch_hold(SYSTEM, on=False)
    panel.sync()
    assert not panel.answer("=100-carol")


# what is left of a domain that nobody knows any more, when somebody new takes its name


def take_name(panel: Panel, new: Connection) -> Domain:
    """Nobody knows pandle.net any more, its lines were taken out by hand, and it is added again."""
    lose(panel, new)
    panel.sync()
    say_yes(panel)
    for name in ("users/assign", "control/virtualdomains", "control/rcpthosts"):
        lines = panel.read(name).splitlines(keepends=True)
        panel.write(name, b"".join(x for x in lines if b"100-" not in x and b"pandle" not in x))
    panel.sync()
    return panel.add_domain()


def test_dot_qmail_files_of_who_had_a_name_forward_no_mail_of_who_has_it(panel) -> None:
    new = keep_database()
    panel.add_alias(panel.add_domain(), "out", "x@example.org")
    panel.sync()
    domain = take_name(panel, new)
    panel.sync()
    assert panel.status_of_domain(domain) is Status.FAILED
    assert "pandle.net" not in panel.lines("control/rcpthosts")
    assert "pandle.net:100" not in panel.lines("control/virtualdomains")
    panel.below("pandle.net/.qmail-out").unlink()
    panel.sync()
    assert panel.status_of_domain(domain) is Status.LIVE


def test_a_name_that_rcpthosts_has_already_is_not_served_over_files_of_who_had_it(
    panel, settings
) -> None:
    new = keep_database()
    settings.QMAILPANEL_FIRST_PREPEND = 200
    panel.add_alias(panel.add_domain(), "out", "x@example.org")
    panel.sync()
    settings.QMAILPANEL_FIRST_PREPEND = 100
    lose(panel, new)
    domain = panel.add_domain()
    assert domain.prepend == 100
    panel.sync()
    say_yes(panel)
    assert panel.status_of_domain(domain) is Status.FAILED
    assert not panel.answer("+100-")
    panel.below("pandle.net/.qmail-out").unlink()
    panel.sync()
    put_ours_back(SYSTEM, SyncDrift.objects.get())
    panel.sync()
    assert panel.status_of_domain(domain) is Status.LIVE


def test_a_domain_that_was_not_served_over_files_of_others_is_removed(panel) -> None:
    new = keep_database()
    panel.add_alias(panel.add_domain(), "out", "x@example.org")
    panel.sync()
    domain = take_name(panel, new)
    panel.sync()
    assert panel.status_of_domain(domain) is Status.FAILED
    remove_domain(SYSTEM, domain)
    panel.sync()
    domain.refresh_from_db()
    assert panel.status_of_domain(domain) is Status.REMOVED
    assert panel.below("pandle.net/.qmail-out").exists()


def test_login_files_of_who_had_a_name_open_no_home_of_who_has_it(panel) -> None:
    new = keep_database()
    carol = panel.add_mailbox(panel.add_domain(), "carol")
    set_password(SYSTEM, carol, password="a good long password")
    panel.sync()
    assert b"carol" in panel.read("logins/pandle.net.passwd")
    domain = take_name(panel, new)
    panel.sync()
    assert panel.status_of_domain(domain) is Status.LIVE
    assert b"carol" not in panel.read("logins/pandle.net.passwd")
    assert b"carol" not in panel.read("logins/pandle.net.cdb")


def add_with_alias_domain(panel: Panel, domain: Domain) -> None:
    """Carol's mailbox, which her password opens by the name mail.pandle.net too."""
    add_alias_domain(SYSTEM, domain, DomainName("mail.pandle.net"))
    carol = panel.add_mailbox(domain, "carol")
    set_password(SYSTEM, carol, password="a good long password")
    panel.sync()
    assert b"carol" in panel.read("logins/mail.pandle.net.passwd")


@pytest.mark.parametrize("is_lost", [False, True])
def test_login_files_of_a_name_that_nobody_knows_any_more_go_with_the_yes(
    panel, domain, is_lost
) -> None:
    older, memory = keep_database(), keep_memory()
    add_with_alias_domain(panel, domain)
    put_back(older)
    put_memory_back(None if is_lost else memory)
    panel.sync()
    assert b"carol" in panel.read("logins/mail.pandle.net.passwd")
    say_yes(panel)
    assert {file.stem for file in panel.home.glob("logins/*")} == {"pandle.net"}


def test_login_files_of_a_name_that_nobody_knows_open_no_home_of_who_comes(panel) -> None:
    new = keep_database()
    add_with_alias_domain(panel, panel.add_domain())
    domain = take_name(panel, new)
    panel.sync()
    assert panel.status_of_domain(domain) is Status.LIVE
    assert {file.stem for file in panel.home.glob("logins/*")} == {"pandle.net"}


# whose a home is


def lose(panel: Panel, older: Connection) -> None:
    """The database of an earlier moment, and no memory."""
    put_back(older)
    put_memory_back(None)


def test_mail_of_a_mailbox_that_nobody_knows_any_more_is_not_given_to_a_new_one(
    panel, domain
) -> None:
    older = keep_database()
    panel.add_mailbox(domain, "carol")
    panel.sync()
    mail = panel.below("pandle.net/carol") / "Maildir/new/1"
    mail.write_text("for carol")
    lose(panel, older)
    another = panel.add_mailbox(domain, "carol")
    panel.sync()
    say_yes(panel)
    assert panel.status(another) is Status.FAILED
    assert "another mailbox" in panel.problem(another).cause
    assert b"carol" not in panel.read("logins/pandle.net.passwd")
    mail.parents[2].rename(panel.home / "away")
    panel.sync()
    assert panel.status(another) is Status.LIVE
    assert not list(panel.below("pandle.net/carol/Maildir/new").iterdir())


def test_a_mailbox_that_nobody_knows_any_more_is_adopted_with_its_mail(panel, domain) -> None:
    older = keep_database()
    panel.add_mailbox(domain, "carol")
    panel.sync()
    mail = panel.below("pandle.net/carol") / "Maildir/new/1"
    mail.write_text("for carol")
    lose(panel, older)
    panel.sync()
    say_yes(panel)
    [(_line, offer)] = find_adoptable(ForeignLine.objects.order_by("file", "number"))
    offer.act(SYSTEM)
    panel.sync()
    carol = Address.objects.get(local="carol")
    assert panel.status(carol) is Status.LIVE
    assert mail.read_text() == "for carol"
    assert (mail.parents[2] / MARK).read_text() == f"{carol.mailbox.home}\n"
    assert not panel.sync().steps


def test_a_home_without_a_mark_that_the_memory_does_not_know_is_nobodys(panel, domain) -> None:
    carol = panel.add_mailbox(domain, "carol")
    panel.sync()
    (panel.below("pandle.net/carol") / MARK).unlink()
    put_memory_back(None)
    panel.sync()
    assert panel.status(carol) is Status.FAILED
    assert "did not make" in panel.problem(carol).cause


def test_a_home_that_the_memory_knows_gets_its_mark(panel, domain) -> None:
    carol = panel.add_mailbox(domain, "carol")
    panel.sync()
    mark = panel.below("pandle.net/carol") / MARK
    mark.unlink()
    panel.sync()
    assert mark.read_text() == f"{carol.mailbox.home}\n"
    assert not panel.sync().steps


def test_a_lost_memory_changes_nothing(panel, domain) -> None:
    carol = panel.add_mailbox(domain, "carol")
    panel.sync()
    put_memory_back(None)
    assert not panel.sync().steps
    assert panel.status(carol) is Status.LIVE


def test_a_home_goes_back_to_its_former_name_though_somebody_else_had_the_new_one(
    panel, domain
) -> None:
    carol = panel.add_mailbox(domain, "carol")
    panel.sync()
    older = keep_database()
    rename_address(SYSTEM, carol, LocalPart("dave"), keep=False)
    panel.sync()
    (panel.below("pandle.net/dave") / "Maildir/new/1.mail").touch()
    put_back(older)
    remove_mailbox(SYSTEM, panel.add_mailbox(domain, "dave"))
    panel.sync()
    say_yes(panel)
    assert (panel.below("pandle.net/carol") / "Maildir/new/1.mail").is_file()
    assert not panel.below("pandle.net/dave").exists()


@pytest.mark.parametrize("is_lost", [False, True])
@pytest.mark.parametrize("since", ["taken", "taken and removed", "taken and renamed"])
def test_a_home_that_stands_again_is_archived_though_its_name_was_given_up(
    panel, domain, tmp_path, since, is_lost
) -> None:
    """A host of an earlier moment is put back below the newest database."""
    carol = panel.add_mailbox(domain, "carol")
    panel.sync()
    (panel.below("pandle.net/carol") / "Maildir/new/1.mail").touch()
    shutil.copytree(panel.home, tmp_path / "earlier")
    remove_mailbox(SYSTEM, carol)
    panel.sync()
    other = panel.add_mailbox(domain, "carol")
    if since == "taken and removed":
        remove_mailbox(SYSTEM, other)
    elif since == "taken and renamed":
        rename_address(SYSTEM, other, LocalPart("dave"), keep=False)
    panel.sync()
    shutil.rmtree(panel.home)
    shutil.copytree(tmp_path / "earlier", panel.home)
    if is_lost:
        put_memory_back(None)
    panel.sync()
    assert (panel.below(f".archive/{carol.mailbox.home}") / "Maildir/new/1.mail").is_file()
    assert panel.status(other) in (Status.LIVE, Status.REMOVED)
    assert (panel.answer("=100-carol") is not None) == (since == "taken")
    assert not SyncDrift.objects.exists()


def test_an_older_memory_moves_no_home_that_is_another_ones_by_now(panel, domain) -> None:
    carol = panel.add_mailbox(domain, "carol")
    panel.sync()
    memory = keep_memory()
    rename_address(SYSTEM, carol, LocalPart("carla"), keep=False)
    panel.sync()
    older = keep_database()
    remove_mailbox(SYSTEM, carol)
    panel.sync()
    panel.add_mailbox(domain, "carol")
    panel.sync()
    mail = panel.below("pandle.net/carol") / "Maildir/new/1"
    mail.write_text("for the newer carol")
    put_back(older)
    put_memory_back(memory)
    panel.sync()
    say_yes(panel)
    assert mail.exists()
    assert panel.status(carol) is Status.LIVE
    assert not list(panel.below("pandle.net/carla/Maildir/new").iterdir())


def test_an_older_memory_moves_no_domain_that_is_another_ones_by_now(panel, domain) -> None:
    panel.add_mailbox(domain, "carol")
    panel.sync()
    memory = keep_memory()
    rename_domain(SYSTEM, domain, DomainName("new.test"), keep=False)
    panel.sync()
    older = keep_database()
    remove_domain(SYSTEM, domain)
    panel.sync()
    panel.add_mailbox(panel.add_domain("pandle.net"), "bob")
    panel.sync()
    mail = panel.below("pandle.net/bob") / "Maildir/new/1"
    mail.write_text("for bob")
    put_back(older)
    put_memory_back(memory)
    panel.sync()
    say_yes(panel)
    assert mail.exists()
    assert not panel.below("pandle.net").is_symlink()
    assert "new.test:100" in panel.lines("control/virtualdomains")


def test_an_older_memory_archives_no_home_that_is_another_ones_by_now(panel, domain) -> None:
    carol = panel.add_mailbox(domain, "carol")
    panel.sync()
    memory = keep_memory()
    remove_mailbox(SYSTEM, carol)
    older = keep_database()
    panel.sync()
    purge_mailbox(SYSTEM, carol)
    panel.sync()
    panel.add_mailbox(domain, "carol")
    panel.sync()
    mail = panel.below("pandle.net/carol") / "Maildir/new/1"
    mail.write_text("for the newer carol")
    put_back(older)
    put_memory_back(memory)
    panel.sync()
    say_yes(panel)
    assert mail.exists()


@pytest.mark.parametrize("is_removed", [False, True])
@pytest.mark.parametrize("is_lost", [False, True])
def test_a_home_that_was_renamed_since_is_found_by_its_mark(
    panel, domain, is_lost, is_removed
) -> None:
    carol = panel.add_mailbox(domain, "carol")
    panel.sync()
    older, memory = keep_database(), None if is_lost else keep_memory()
    rename_address(SYSTEM, carol, LocalPart("carla"), keep=True)
    panel.add_alias(domain, "info", "carla@pandle.net")
    panel.sync()
    (panel.below("pandle.net/carla") / "Maildir/new/1").write_text("for carol")
    put_back(older)
    put_memory_back(memory)
    if is_removed:
        remove_mailbox(SYSTEM, carol)
    panel.sync()
    say_yes(panel)
    home = f".archive/{carol.mailbox.home}" if is_removed else "pandle.net/carol"
    assert (panel.below(home) / "Maildir/new/1").read_text() == "for carol"
    assert not panel.below("pandle.net/carla").exists()
    assert bool(panel.answer("=100-carol")) is not is_removed
    assert not panel.answer("=100-carla")
    assert not panel.answer("=100-info")
    assert panel.status(carol) is (Status.REMOVED if is_removed else Status.LIVE)
    assert not panel.sync().steps


@pytest.mark.parametrize("knows", ["database", "memory", "older memory", "nobody"])
def test_a_domain_that_was_renamed_is_found_by_its_homes(panel, domain, knows) -> None:
    carol = panel.add_mailbox(domain, "carol")
    panel.sync()
    (panel.below("pandle.net/carol") / "Maildir/new/1").write_text("for carol")
    older, memory = keep_database(), keep_memory() if knows == "older memory" else None
    rename_domain(SYSTEM, domain, DomainName("new.test"), keep=True)
    if knows == "database":
        put_memory_back(None)
        panel.sync()
    else:
        panel.sync()
        put_back(older)
        if knows != "memory":
            put_memory_back(memory)
        panel.sync()
        say_yes(panel)
    name = "new.test" if knows == "database" else "pandle.net"
    assert (panel.below(f"{name}/carol") / "Maildir/new/1").read_text() == "for carol"
    assert f"mailnames/{name}/carol" in str(panel.answer("=100-carol"))
    assert panel.status(carol) is Status.LIVE
    assert panel.status_of_domain(domain) is Status.LIVE
    for file in ("control/virtualdomains", "control/rcpthosts"):
        assert (b"new.test" in panel.read(file)) is (knows == "database")
    assert (panel.home / "logins/new.test.passwd").exists() is (knows == "database")
    assert not panel.sync().steps


def test_a_new_mailbox_gets_no_mail_over_a_line_that_nobody_knows_any_more(panel, domain) -> None:
    older = keep_database()
    panel.add_mailbox(domain, "carol")
    panel.add_alias(domain, "info", "carol@pandle.net")
    panel.sync()
    lose(panel, older)
    panel.below("pandle.net/carol").rename(panel.home / "away")
    another = panel.add_mailbox(domain, "carol")
    panel.sync()
    say_yes(panel)
    assert panel.status(another) is Status.FAILED
    assert "the line =100-info of users/assign" in panel.problem(another).cause
    lines = panel.read("users/assign").splitlines(keepends=True)
    panel.write("users/assign", b"".join(x for x in lines if not x.startswith(b"=100-info:")))
    panel.sync()
    assert panel.status(another) is Status.LIVE


@pytest.mark.parametrize("kind", ["alias", "switched off", "removed"])
def test_an_address_is_not_live_while_a_line_that_nobody_knows_takes_its_mail(
    panel, domain, kind
) -> None:
    bob = panel.add_mailbox(domain, "bob")
    panel.sync()
    older, memory = keep_database(), keep_memory()
    panel.add_alias(domain, "info", "bob@pandle.net")
    panel.sync()
    put_back(older)
    put_memory_back(memory)
    info = panel.add_alias(domain, "info", "x@example.org")
    if kind == "switched off":
        switch_domain(SYSTEM, domain, on=False)
    if kind == "removed":
        remove_alias(SYSTEM, info)
    panel.sync()
    say_yes(panel)
    assert panel.answer("=100-info")
    assert panel.status(info) is Status.FAILED
    assert "a foreign line for =100-info" in panel.problem(info).cause
    assert panel.status(bob) is Status.LIVE
    put_ours_back(SYSTEM, SyncDrift.objects.get())
    panel.sync()
    assert not panel.answer("=100-info")
    assert panel.status(info) is (Status.REMOVED if kind == "removed" else Status.LIVE)


@pytest.mark.parametrize("side", ["ours", "theirs"])
def test_a_dot_qmail_file_that_nobody_knows_any_more_is_shown_until_somebody_decides(
    panel, domain, side
) -> None:
    older, memory = keep_database(), keep_memory()
    panel.add_alias(domain, "out", "x@example.org")
    panel.sync()
    put_back(older)
    put_memory_back(memory)
    panel.sync()
    say_yes(panel)
    file = panel.below("pandle.net/.qmail-out")
    drift = SyncDrift.objects.get()
    assert (drift.file, drift.actual, drift.wanted) == (
        "pandle.net/.qmail-out",
        "&x@example.org",
        "",
    )
    assert panel.status_of_domain(domain) is Status.LIVE
    (put_ours_back if side == "ours" else take_theirs)(SYSTEM, drift)
    panel.sync()
    assert file.exists() == (side == "theirs")
    assert not SyncDrift.objects.exists()


def test_sub_domains_that_nobody_knows_any_more_go_with_the_yes(panel, domain) -> None:
    older, memory = keep_database(), keep_memory()
    change_domain(SYSTEM, domain, subdomains=True)
    panel.sync()
    put_back(older)
    put_memory_back(memory)
    panel.sync()
    say_yes(panel)
    assert ".pandle.net:100" not in panel.lines("control/virtualdomains")
    assert ".pandle.net" not in panel.lines("control/rcpthosts")


def test_sync_ends_where_an_older_database_gave_a_number_again(panel, domain) -> None:
    older = keep_database()
    other = panel.add_domain("b.test")
    panel.sync()
    memory = keep_memory()
    remove_domain(SYSTEM, other)
    panel.sync()
    put_back(older)
    put_memory_back(memory)
    remove_domain(SYSTEM, panel.add_domain("c.test"))
    panel.sync()
    say_yes(panel)
    report = panel.sync()
    assert not report.error
    assert not report.steps
