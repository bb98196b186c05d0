"""Mailboxes and aliases by `manage.py mail`, and what a mailbox answers."""

from __future__ import annotations

import json
from datetime import date

import pytest

from qmailpanel.aliases.services import add_alias
from qmailpanel.domains.models import Address
from qmailpanel.ledger.actors import COMMAND
from qmailpanel.ledger.models import Change
from qmailpanel.mailboxes.models import AutoReply, Mailbox
from qmailpanel.qmail.names import AliasLocal, MailAddress
from qmailpanel.qmail.secrets.passwords import verify_password

STRONG = "wide-orchid-7-lantern"
HASH = "$6$rounds=5000$salt$" + "a" * 86


@pytest.mark.parametrize("verb", ["-c new", "-u biliards"])
def test_a_hash_is_taken_over_as_it_is(run, mailbox, monkeypatch, verb):
    monkeypatch.setenv("PSA_PASSWORD", HASH)
    assert run(f"mail {verb}@pandle.net -passwd_type crypt -passwd ''")[0] == 0
    stored = Mailbox.objects.get(address__local=verb.split()[1]).password
    assert stored == f"{{SHA512-CRYPT}}{HASH}"


def stored_password():
    return Mailbox.objects.get(address__local="biliards").password


def destinations_of(local):
    address = Address.objects.get(local=local, removed=False)
    return [there.target for there in address.destinations.all()]


def test_the_environment_is_preferred_to_the_command_line(run, domain, monkeypatch):
    monkeypatch.setenv("PSA_PASSWORD", STRONG)
    code, _, err = run("mail --create biliards@pandle.net -passwd '' -mailbox true")
    assert (code, "no secret" in err, "weak" in err) == (0, False, False)
    assert verify_password(STRONG, stored_password())


def test_the_environment_alone_is_a_password_for_an_update(run, mailbox, monkeypatch):
    monkeypatch.setenv("PSA_PASSWORD", "other-" + STRONG)
    run("mail -u biliards@pandle.net -description Sales")
    assert verify_password(STRONG, stored_password())
    run("mail -u biliards@pandle.net")
    assert verify_password("other-" + STRONG, stored_password())


def test_a_password_is_never_printed_nor_recorded(run, domain):
    shown = run(f"mail -c biliards@pandle.net -passwd {STRONG}")
    again = run("mail -u biliards@pandle.net -passwd secret")
    assert not any(STRONG in str(text) or "secret'" in str(text) for text in (*shown, *again))
    assert STRONG not in str(list(Change.objects.values()))


def test_a_password_may_begin_with_a_dash(run, domain):
    run("mail -c biliards@pandle.net -passwd --version")
    assert verify_password("--version", stored_password())


def test_aliases_are_added_and_dropped(run, domain, mailbox):
    run("mail -u biliards@pandle.net -aliases add:bilardi,webmaster")
    assert destinations_of("bilardi") == destinations_of("webmaster") == ["biliards@pandle.net"]
    code, _, _ = run("mail -u biliards@pandle.net -aliases del:bilardi")
    assert (code, domain.addresses.get(local="bilardi").removed) == (0, True)


def test_one_line_adds_aliases_and_drops_others(run, domain, mailbox):
    run("mail -u biliards@pandle.net -aliases add:bilardi,webmaster")
    code, _, _ = run("mail -u biliards@pandle.net -aliases add:info,sales,del:bilardi,webmaster")
    gone = domain.addresses.filter(local__in=["bilardi", "webmaster"], removed=False)
    assert (code, gone.exists()) == (0, False)
    assert destinations_of("info") == destinations_of("sales") == ["biliards@pandle.net"]


def test_dropping_an_alias_keeps_its_other_destinations(run, domain, mailbox):
    there = [MailAddress("biliards@pandle.net"), MailAddress("a@example.org")]
    add_alias(COMMAND, domain, AliasLocal("both"), there)
    run("mail -u biliards@pandle.net -aliases del:both")
    assert destinations_of("both") == ["a@example.org"]


def test_a_line_that_fails_in_its_middle_changes_nothing(run, domain, mailbox):
    code, out, err = run("mail -u biliards@pandle.net -description Sales -aliases add:one,abuse")
    assert (code, out) == (1, "")
    assert err.startswith("abuse@pandle.net is an alias that every domain keeps.")
    mailbox.refresh_from_db()
    assert mailbox.comment == ""
    assert not domain.addresses.filter(local="one").exists()


def test_an_alias_is_removed_by_its_own_name(run, domain, mailbox):
    run("mail -u biliards@pandle.net -aliases add:bilardi")
    code, out, _ = run("mail --remove bilardi@pandle.net")
    assert (code, out) == (0, "SUCCESS: Removal of 'bilardi@pandle.net' complete\n")


# showing and switching


def test_info_shows_a_mailbox_in_plesks_labels_and_never_its_password(run, domain, mailbox):
    run("mail -u biliards@pandle.net -aliases add:bilardi,webmaster")
    Address.objects.filter(pk=mailbox.pk).update(comment="for \x1b[31mred")
    code, out, _ = run("mail --info biliards@pandle.net")
    assert code == 0
    assert "Mailname:           biliards\nDomain:             pandle.net\n" in out
    assert "Alias(es):          bilardi webmaster\nMailbox:            true\n" in out
    assert out.endswith("\n\nSUCCESS: Gathering information for 'biliards@pandle.net' complete\n")
    assert STRONG not in out
    assert "\x1b" not in out


def test_list_names_every_address_as_text_and_as_json(run, domain, mailbox):
    code, out, _ = run("mail --list")
    assert code == 0
    assert "mailname            biliards@pandle.net\n" in out
    code, out, _ = run("mail --list -json")
    assert {"type": "alias", "name": "postmaster@pandle.net"} in json.loads(out)
    assert {"type": "mailname", "name": "biliards@pandle.net"} in json.loads(out)
    assert run("domain --list") == (0, "pandle.net\n", "")


def test_mailbox_false_switches_a_mailbox_off_and_true_on_again(run, domain, mailbox):
    for value, enabled in (("false", False), ("true", True)):
        assert run(f"mail -u biliards@pandle.net -mailbox {value}")[0] == 0
        mailbox.refresh_from_db()
        assert mailbox.enabled is enabled


@pytest.mark.parametrize("new", ["billard", "Billard@pandle.net"])
def test_a_mailname_is_renamed_within_its_domain(run, domain, mailbox, new):
    code, out, _ = run(f"mail --rename biliards@pandle.net -new {new}")
    assert (code, out) == (0, "SUCCESS: Rename of mailname 'biliards@pandle.net' complete\n")
    mailbox.refresh_from_db()
    assert mailbox.local == "billard"


def test_postmaster_is_not_removed(run, domain):
    code, out, err = run("mail -r postmaster@pandle.net")
    assert (code, out) == (1, "")
    assert err.startswith("postmaster@pandle.net stays: ")


# forwarding and answering


def test_without_a_mailbox_an_address_forwards(run, domain):
    code, out, _ = run(
        "mail --create sales@pandle.net -mailbox false -forwarding true "
        "-forwarding-addresses add:a@x.test,b@y.test"
    )
    assert (code, out) == (0, "SUCCESS: Creation of mailname 'sales@pandle.net' complete\n")
    run("mail -u sales@pandle.net -forwarding-addresses add:c@z.test")
    run("mail -u sales@pandle.net -forwarding-addresses del:a@x.test")
    _, out, _ = run("mail -i sales@pandle.net")
    assert "Mailbox:            false\n" in out
    assert "Group member(s):    b@y.test c@z.test\n" in out


def delivery_of(local):
    """Whether it is on, whether mail is kept in it, and where mail goes besides."""
    address = Address.objects.get(local=local, removed=False)
    return address.enabled, Mailbox.objects.get(address=address).keeps, destinations_of(local)


def test_a_mailbox_forwards_and_keeps_a_copy(run, mailbox):
    line = (
        "mail -u biliards@pandle.net -forwarding true -forwarding-addresses add:a@x.test,b@y.test"
    )
    assert run(line)[0] == 0
    assert delivery_of("biliards") == (True, True, ["a@x.test", "b@y.test"])
    run("mail -u biliards@pandle.net -forwarding-addresses del:a@x.test")
    assert delivery_of("biliards") == (True, True, ["b@y.test"])
    run("mail -u biliards@pandle.net -forwarding-addresses del:b@y.test,add:c@z.test")
    assert delivery_of("biliards") == (True, True, ["c@z.test"])
    run("mail -u biliards@pandle.net -forwarding-addresses add:b@y.test,del:c@z.test")
    _, out, _ = run("mail -i biliards@pandle.net")
    assert "Mailbox:            true\n" in out
    assert "Mailgroup:          true\nGroup member(s):    b@y.test\n" in out
    run("mail -u biliards@pandle.net -forwarding false")
    assert delivery_of("biliards") == (True, True, [])


def test_a_mailbox_that_forwards_keeps_no_copy_with_mailbox_false(run, mailbox):
    run("mail -u biliards@pandle.net -forwarding-addresses add:a@x.test -mailbox false")
    assert delivery_of("biliards") == (True, False, ["a@x.test"])
    assert "Mailbox:            false\n" in run("mail -i biliards@pandle.net")[1]
    run("mail -u biliards@pandle.net -mailbox true")
    assert delivery_of("biliards") == (True, True, ["a@x.test"])


def test_a_mailbox_that_neither_keeps_nor_forwards_is_off(run, mailbox):
    run("mail -u biliards@pandle.net -mailbox false -forwarding-addresses add:a@x.test")
    run("mail -u biliards@pandle.net -forwarding false")
    assert delivery_of("biliards")[0] is False
    run("mail -u biliards@pandle.net -mailbox true")
    assert delivery_of("biliards") == (True, True, [])


def test_a_new_mailbox_may_forward_from_the_start(run, domain):
    run("mail -c new@pandle.net -mailbox true -forwarding true -forwarding-addresses add:a@x.test")
    assert delivery_of("new") == (True, True, ["a@x.test"])


def test_the_older_options_of_forwarding_do_the_same(run, mailbox):
    run("mail -u biliards@pandle.net -group true -groupmem add:a@x.test,b@y.test")
    assert delivery_of("biliards") == (True, True, ["a@x.test", "b@y.test"])
    run("mail -u biliards@pandle.net -redirect true -rediraddr c@z.test")
    assert delivery_of("biliards") == (True, True, ["c@z.test"])
    run("mail -u biliards@pandle.net -redirect false")
    assert delivery_of("biliards") == (True, True, [])


def test_forwarding_false_switches_an_alias_off_and_true_on_again(run, domain):
    run("mail -c sales@pandle.net -mailbox false -rediraddr a@x.test")
    for value, enabled in (("false", False), ("true", True)):
        assert run(f"mail -u sales@pandle.net -forwarding {value}")[0] == 0
        assert domain.addresses.get(local="sales").enabled is enabled


def test_a_mailbox_answers_by_itself_from_either_command(run, mailbox):
    run(
        "mail -u biliards@pandle.net -autorsp true -autoname v "
        "-autosubj Away -autotext 'Back soon.'"
    )
    reply = AutoReply.objects.get()
    assert (reply.on, reply.subject, reply.text, reply.last) == (True, "Away", "Back soon.", None)
    assert "Autoresponders:     Enabled\n" in run("mail -i biliards@pandle.net")[1]
    code, out, _ = run(
        "autoresponder --update -mail biliards@pandle.net -text 'Back in May.' "
        "-end-date 2999-05-01 -frq 3"
    )
    success = "SUCCESS: Update of autoresponder for 'biliards@pandle.net' complete\n"
    assert (code, out) == (0, success)
    reply = AutoReply.objects.get()
    assert (reply.on, reply.subject, reply.text) == (True, "Away", "Back in May.")
    assert (reply.last, reply.days) == (date(2999, 5, 1), 1)
    _, out, _ = run("autoresponder --info -mail biliards@pandle.net")
    assert "Status:             true\nSubject:            Away\n" in out
    run("autoresponder -u -mail biliards@pandle.net -status false -end-date false")
    reply = AutoReply.objects.get()
    assert (reply.on, reply.text, reply.last) == (False, "Back in May.", None)


def test_a_new_mailbox_may_answer_from_the_start(run, domain):
    run("mail -c new@pandle.net -autostatus true -autosubj Away -autotext 'Back soon.'")
    assert AutoReply.objects.get(mailbox__address__local="new").on
