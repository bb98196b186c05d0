from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import threading
from datetime import date
from pathlib import Path

import pytest
from django.core.management import load_command_class
from django.db import connections

from qmailpanel.aliases.services import add_alias
from qmailpanel.commands import plesk
from qmailpanel.domains.models import Address, Domain
from qmailpanel.ledger.actors import COMMAND, SYSTEM
from qmailpanel.ledger.models import Change
from qmailpanel.mailboxes.models import AutoReply, Mailbox
from qmailpanel.mailboxes.services import add_mailbox
from qmailpanel.qmail.names import AliasLocal, LocalPart, MailAddress
from qmailpanel.qmail.secrets.passwords import verify_password
from qmailpanel.reports.models import SyncNode
from tests.kit.live import make_live, write_position, write_problem

ROOT = Path(__file__).parents[2]
SEED = """
domain --create pandle.net -dns false -mail_service true -notify false -ip 192.168.1.11
mail --create biliards@pandle.net -passwd mypassword -mailbox true
mail -u biliards@pandle.net -passwd mypassword
mail -u biliards@pandle.net -aliases add:bilardi,webmaster
mail --remove biliards@pandle.net
domain --remove pandle.net
""".strip().splitlines()
SAY_WHAT = (
    "Say what to do, one of --create, --update, --remove, --info, --list, --on, --off, and a name."
)
STRONG = "wide-orchid-7-lantern"


@pytest.fixture
def run(db, capsys, monkeypatch):
    """Run a line of the shell after `./manage.py`; exit status, standard output and error."""
    monkeypatch.delenv("PSA_PASSWORD", raising=False)

    def run(line):
        words = shlex.split(line)
        code: str | int | None = 0
        try:
            load_command_class("qmailpanel.commands", words[0]).run_from_argv(["manage.py", *words])
        except SystemExit as end:
            code = end.code
        return code, *capsys.readouterr()

    return run


@pytest.fixture
def mailbox(domain, run):
    run(f"mail -c biliards@pandle.net -passwd {STRONG}")
    return domain.addresses.get(local="biliards")


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


# the seed


def test_the_lines_of_the_seed_run_as_written_on_a_fresh_database(tmp_path):
    own = {"QMAILPANEL_STATE_DIR": str(tmp_path), "DATABASE_URL": ""}
    kept = {name: os.environ[name] for name in ("PATH", "EMAIL_URL")}

    def manage(line):
        argv = [sys.executable, "manage.py", *shlex.split(line)]
        return subprocess.run(
            argv, cwd=ROOT, env=kept | own, capture_output=True, text=True, check=False
        )

    assert manage("migrate --verbosity 0").returncode == 0
    runs = [manage(line) for line in SEED]
    assert [run.returncode for run in runs] == [0] * 6
    assert [run.stdout for run in runs] == [
        "SUCCESS: Creation of domain 'pandle.net' completed.\n",
        "SUCCESS: Creation of mailname 'biliards@pandle.net' complete\n",
        "SUCCESS: Update of mailname 'biliards@pandle.net' complete\n",
        "SUCCESS: Update of mailname 'biliards@pandle.net' complete\n",
        "SUCCESS: Removal of 'biliards@pandle.net' complete\n",
        "SUCCESS: Removal of 'pandle.net' completed.\n",
    ]
    assert "Ignored, without a meaning here: -dns, -notify, -ip." in runs[0].stderr
    assert "use PSA_PASSWORD instead" in runs[1].stderr
    assert "the password is weak" in runs[1].stderr
    assert "bilardi@pandle.net, webmaster@pandle.net" in runs[4].stderr
    assert all("The next run of qmailsync applies it." in run.stderr for run in runs)


def test_a_database_that_is_not_there_yet_is_a_sentence(tmp_path):
    argv = [sys.executable, "manage.py", "domain", "--remove", "pandle.net"]
    env = {"PATH": os.environ["PATH"], "QMAILPANEL_STATE_DIR": str(tmp_path)}
    found = subprocess.run(argv, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert (found.returncode, found.stdout) == (1, "")
    assert "a new one needs manage.py migrate" in found.stderr
    assert len(found.stderr.splitlines()) == 1


# domain


def test_postmaster_and_abuse_go_to_the_first_operator(run, operator):
    code, out, err = run("domain --create new.example")
    assert (code, out) == (0, "SUCCESS: Creation of domain 'new.example' completed.\n")
    assert destinations_of("postmaster") == destinations_of("abuse") == [operator.email]
    assert "postmaster" not in err


def test_without_an_operator_a_note_says_how_to_add_them(run):
    code, _, err = run("domain --create new.example")
    assert code == 0
    assert "./manage.py mail -u MAILBOX@new.example -aliases add:postmaster,abuse" in err
    assert not Address.objects.exists()


def test_without_mail_service_a_domain_begins_switched_off(run):
    run("domain --create new.example -mail-service FALSE -description 'For later'")
    new = Domain.objects.get(name="new.example")
    assert (new.enabled, new.description) == (False, "For later")


def test_an_update_switches_and_describes(run, domain):
    code, out, _ = run("domain -u pandle.net -mail_service false -description Seed")
    assert (code, out) == (0, "SUCCESS: Update of domain 'pandle.net' completed.\n")
    domain.refresh_from_db()
    assert (domain.enabled, domain.description) == (False, "Seed")


def test_a_removed_domain_does_not_exist_for_commands(run, domain):
    assert run("domain -r pandle.net")[0] == 0
    assert run("domain -r pandle.net") == (1, "", "Domain 'pandle.net' does not exist.\n")


# mail


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


def test_dropping_an_alias_keeps_its_other_destinations(run, domain, mailbox):
    there = [MailAddress("biliards@pandle.net"), MailAddress("a@example.org")]
    add_alias(COMMAND, domain, AliasLocal("both"), there)
    run("mail -u biliards@pandle.net -aliases del:both")
    assert destinations_of("both") == ["a@example.org"]


def test_a_line_that_fails_in_its_middle_changes_nothing(run, domain, mailbox):
    code, out, err = run("mail -u biliards@pandle.net -description Sales -aliases add:one,abuse")
    assert (code, out) == (1, "")
    assert err == "abuse@pandle.net is an alias already. Remove the alias first.\n"
    mailbox.refresh_from_db()
    assert mailbox.comment == ""
    assert not domain.addresses.filter(local="one").exists()


def test_an_alias_is_removed_by_its_own_name(run, domain, mailbox):
    run("mail -u biliards@pandle.net -aliases add:bilardi")
    code, out, _ = run("mail --remove bilardi@pandle.net")
    assert (code, out) == (0, "SUCCESS: Removal of 'bilardi@pandle.net' complete\n")


# showing, switching, forwarding


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


@pytest.mark.parametrize("command", ["mail", "domain"])
def test_off_and_on_switch_a_domain_and_say_nothing(run, domain, command):
    for verb, enabled in (("--off", False), ("--on", True)):
        assert run(f"{command} {verb} pandle.net")[:2] == (0, "")
        domain.refresh_from_db()
        assert domain.enabled is enabled


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


def test_alias_domains_come_and_go(run, domain):
    code, out, _ = run("domalias --create pandle.org -domain pandle.net -web false")
    assert (code, out) == (0, "SUCCESS: Creation of domain alias 'pandle.org' completed.\n")
    assert run("domalias --list")[1] == "pandle.org\n"
    code, out, _ = run("domalias --rename pandle.org -new-name pandle.com")
    assert (code, out) == (0, "SUCCESS: Rename of domain alias 'pandle.org' completed.\n")
    assert run("domalias --list")[1] == "pandle.com\n"
    run("domalias --rename pandle.com -new-name pandle.org")
    assert "For domain:         pandle.net\n" in run("domalias --info pandle.org")[1]
    assert "Domain alias(es):   pandle.org\n" in run("domain --info pandle.net")[1]
    code, out, _ = run("domalias --delete pandle.org")
    assert (code, out) == (0, "SUCCESS: Removal of domain alias 'pandle.org' completed.\n")
    assert run("domalias --list")[1] == ""


def test_a_domain_gets_another_name_by_new_name(run, domain):
    code, out, _ = run("domain --update pandle.net -new_name pandle.com")
    assert (code, out) == (0, "SUCCESS: Update of domain 'pandle.com' completed.\n")
    assert run("domain --list")[1] == "pandle.com\n"


@pytest.mark.parametrize(
    ("wish", "known", "unknown"),
    [
        ("reject", False, "bounce"),
        ("reject", True, "refuse"),
        ("all@side.test", False, "forward all@side.test"),
    ],
)
def test_domain_pref_says_where_mail_for_unknown_recipients_goes(
    run, domain, settings, wish, known, unknown
):
    SyncNode.objects.create(node=settings.QMAILPANEL_NODE, knows_recipients=known)
    code, out, _ = run(f"domain_pref -u pandle.net -no_usr {wish}")
    assert (code, out) == (0, "SUCCESS: Update of domain preferences 'pandle.net' completed.\n")
    assert f"Unknown recipients: {unknown}\n" in run("domain --info pandle.net")[1]


# the table of the docs


def documented(command):
    """Verbs and options of a command in docs/plesk-commands.md, and what becomes of each."""
    text = (ROOT / "docs/plesk-commands.md").read_text()
    part = text.partition(f"\n## {command}\n")[2].partition("\n## ")[0]
    rows = [line.split(" | ") for line in part.splitlines() if line.startswith("| `")]
    return {word: row[1] for row in rows for word in re.findall("(-+[a-z][a-z_-]*)`", row[0])}


@pytest.mark.parametrize("name", ["mail", "autoresponder", "domain", "domalias", "domain_pref"])
def test_the_docs_name_each_verb_and_option_and_what_becomes_of_it(name):
    command = load_command_class("qmailpanel.commands", name)
    assert isinstance(command, plesk.PleskCommand)
    fates = {"supported": command.takes, "ignored": command.ignores, "refused": command.refuses}
    known = {f"-{option}": fate for fate, options in fates.items() for option in options}
    verbs = [word for word, verb in plesk.VERBS.items() if verb in command.verbs()]
    assert documented(name).keys() >= set(verbs)
    found = {word.replace("_", "-"): fate for word, fate in documented(name).items()}
    assert found == known | dict.fromkeys(verbs, "supported")


# refusals


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("domain", SAY_WHAT),
        ("domain --frobnicate x", SAY_WHAT),
        ("domain --creat x.example", SAY_WHAT),
        ("domain --create", "Behind --create a name is missing."),
        ("domain --create -dns false", "Behind --create a name is missing."),
        ("domain -c new.example -frob 1", "Unknown option -frob."),
        ("domain -c new.example word", "Unknown option word."),
        ("domain -c new.example -dns", "The option -dns needs a value."),
        ("domain -c new.example -mail_service no", "The option -mail-service is true or false."),
        ("domain -c 192.168.1.11", "192.168.1.11 looks like an IP address. Enter a domain name."),
        ("domain -c pandle.net", "pandle.net is a domain here already."),
        ("domain -u nope.example", "Domain 'nope.example' does not exist."),
        ("mail -c biliards", "Write the whole address, as biliards@pandle.net."),
        ("mail -c a@nope.example", "Domain 'nope.example' does not exist."),
        ("mail -c @pandle.net", "Enter the part before the @."),
        ("mail -u nobody@pandle.net", "Mailname 'nobody@pandle.net' does not exist."),
        ("mail -r nobody@pandle.net", "Mailname 'nobody@pandle.net' does not exist."),
        (
            "mail -c new@pandle.net -mailbox false",
            "Without a mailbox, say where its mail goes: -forwarding-addresses add:A@X.",
        ),
        (
            "mail -u biliards@pandle.net -forwarding true",
            (
                "To forward mail to biliards@pandle.net, say where its mail goes: "
                "-forwarding-addresses add:A@X."
            ),
        ),
        (
            "mail -u biliards@pandle.net -forwarding false -forwarding-addresses add:a@x.test",
            (
                "biliards@pandle.net is a mailbox, which keeps no addresses it does not forward "
                "to: leave out -forwarding false, or the addresses."
            ),
        ),
        (
            "mail -u abuse@pandle.net -autostatus true",
            "abuse@pandle.net is an alias and answers nothing.",
        ),
        ("mail -u biliards@pandle.net -autorsp true", "Enter a text."),
        (
            "mail -u biliards@pandle.net -autosubj original",
            "An auto-reply has a subject of its own: -autosubj TEXT.",
        ),
        ("mail -u biliards@pandle.net -autofrq 0", "The option -autofrq wants a number from 1 on."),
        (
            "mail -u biliards@pandle.net -autoatch add:a.pdf",
            "No -autoatch here. An auto-reply has no attachments.",
        ),
        ("autoresponder", "Say what to do, one of --update, --info."),
        ("autoresponder --update -text Hello", "Say whose: -mail NAME@DOMAIN."),
        (
            "autoresponder -u -mail biliards@pandle.net -format html",
            "An auto-reply is plain text: -format plain.",
        ),
        (
            "autoresponder -u -mail biliards@pandle.net -end-date tomorrow",
            "The option -end-date wants a day as 2026-12-31, or false.",
        ),
        (
            "autoresponder --info -mail abuse@pandle.net",
            "abuse@pandle.net is an alias and answers nothing.",
        ),
        (
            "mail -u abuse@pandle.net -forwarding-addresses a@x.test",
            "The option -forwarding-addresses wants add:A@X,B@Y or del:A@X.",
        ),
        ("mail -u abuse@pandle.net -mailbox false", "abuse@pandle.net is an alias, not a mailbox."),
        ("mail --rename biliards@pandle.net", "Say the new name, in the same domain: -new NAME."),
        (
            "mail --rename biliards@pandle.net -new x@other.example",
            "Say the new name, in the same domain: -new NAME.",
        ),
        (
            "mail -c new@pandle.net -mbox_quota much",
            "Write a size, as 500 MB or 2 GB.",
        ),
        (
            "mail -c new@pandle.net -boxquota 10M",
            "No -boxquota here. Write -mbox_quota.",
        ),
        ("domain -u pandle.net -new_name ''", "Enter a domain name, as example.org."),
        (
            "domalias --rename pandle.org -new-name x.test",
            "Domain alias 'pandle.org' does not exist.",
        ),
        (
            "domain_pref -u pandle.net",
            "Say where mail for unknown recipients goes: -no_usr reject|ADDRESS.",
        ),
        ("domain_pref -u nope.example -no_usr reject", "Domain 'nope.example' does not exist."),
        ("mail --off nope.example", "Domain 'nope.example' does not exist."),
        ("mail --info nobody@pandle.net", "Mailname 'nobody@pandle.net' does not exist."),
        ("mail --list -json -frob", "Unknown option -frob."),
        ("domain --suspend", "Behind --off a name is missing."),
        ("domain --info nope.example", "Domain 'nope.example' does not exist."),
        ("domalias --create pandle.org", "Say whose further name it is: -domain DOMAIN."),
        (
            "domalias --create pandle.net -domain pandle.net",
            "pandle.net is a domain here already.",
        ),
        ("domalias --delete pandle.net", "Domain alias 'pandle.net' does not exist."),
        ("mail -c new@pandle.net -mailbox maybe", "The option -mailbox is true or false."),
        (
            "mail -c new@pandle.net -passwd_type sym",
            "The option -passwd_type knows plain and crypt.",
        ),
        (
            "mail -c new@pandle.net -passwd_type crypt -passwd x",
            "This is no password hash that can be taken over.",
        ),
        ("mail -u biliards@pandle.net -passwd ''", "Enter a password."),
        ("mail -u abuse@pandle.net -passwd x", "abuse@pandle.net is an alias and has no password."),
        (
            "mail -u biliards@pandle.net -aliases bilardi",
            "The option -aliases wants add:a,b or del:a,b.",
        ),
        (
            "mail -u biliards@pandle.net -aliases del:abuse",
            "abuse@pandle.net does not deliver to biliards@pandle.net.",
        ),
        (
            "mail -u biliards@pandle.net -aliases add:x-owner",
            "x-owner has a meaning of its own to qmail. Choose another name.",
        ),
    ],
)
def test_bad_input_is_one_sentence_and_exit_1(run, mailbox, line, sentence):
    before = Change.objects.count()
    code, out, err = run(line)
    notes = [note for note in err.splitlines() if "no secret" not in note and "weak" not in note]
    assert (code, out, notes) == (1, "", [sentence])
    assert Change.objects.count() == before


def test_postmaster_is_not_removed(run, domain):
    code, out, err = run("mail -r postmaster@pandle.net")
    assert (code, out) == (1, "")
    assert err.startswith("postmaster@pandle.net stays: ")


def test_options_in_both_spellings_and_without_a_meaning_are_accepted(run, domain):
    code, _, err = run("mail -c new@pandle.net -cp_access true -cp-access false -antivirus off")
    assert code == 0
    assert "Ignored, without a meaning here: -cp_access, -cp-access, -antivirus." in err


@pytest.mark.parametrize(
    "options",
    ["--settings qmailpanel.settings", "--settings=qmailpanel.settings", "--traceback", "-v 2"],
)
def test_the_options_of_manage_py_stay_what_they_are(run, options):
    assert run(f"domain --create new.example {options} -dns false")[0] == 0


@pytest.mark.parametrize("command", ["domain", "mail", "autoresponder", "domalias", "domain_pref"])
@pytest.mark.parametrize("option", ["--help", "-h"])
def test_help_shows_the_verbs(run, command, option):
    code, out, _ = run(f"{command} {option}")
    assert (code, f"manage.py {command} --" in out) == (0, True)


# waiting for Live


@pytest.fixture
def service(transactional_db, settings, tmp_path):
    """A reader of the fifo that does, once it is woken, what a test asks for."""
    settings.QMAILPANEL_FIFO = tmp_path / "sync.fifo"
    os.mkfifo(settings.QMAILPANEL_FIFO)
    fifo = os.open(settings.QMAILPANEL_FIFO, os.O_RDWR)
    threads = []

    def start(react):
        def serve():
            os.read(fifo, 1)
            try:
                react(Domain.objects.get(name="pandle.net"))
            finally:
                connections.close_all()

        threads.append(threading.Thread(target=serve))
        threads[-1].start()

    yield start
    for thread in threads:
        thread.join()
    os.close(fifo)


def test_a_command_waits_until_the_service_has_made_it_live(service, run):
    service(make_live)
    code, out, err = run("domain --create pandle.net")
    assert (code, out) == (0, "SUCCESS: Creation of domain 'pandle.net' completed.\n")
    assert "Saved." not in err


def test_a_command_waits_for_a_removal_as_well(service, run):
    service(make_live)
    run("domain --create pandle.net")
    service(make_live)
    assert run("domain --remove pandle.net") == (
        0,
        "SUCCESS: Removal of 'pandle.net' completed.\n",
        "",
    )


def test_a_failure_is_exit_1_with_its_sentence(service, run):
    def fail(domain):
        write_position(domain, tried=domain.change_id, applied=0)
        write_problem("The prepend 100 is taken on this host.", domain)

    service(fail)
    code, out, err = run("domain --create pandle.net")
    assert (code, out) == (1, "")
    assert err.splitlines()[-1] == "The prepend 100 is taken on this host."


def test_a_failure_of_the_host_is_exit_1_with_its_sentence(service, run):
    def fail(domain):
        write_problem("The disk is full.")
        write_position(domain, tried=domain.change_id, applied=0)

    service(fail)
    code, _, err = run("domain --create pandle.net")
    assert (code, err.splitlines()[-1]) == (1, "The disk is full.")


def test_a_failure_of_another_address_does_not_fail_the_command(service, run, domain):
    add_mailbox(SYSTEM, domain, LocalPart("bad"))

    def fail_the_other(domain):
        write_problem("No space.", domain, Address.objects.get(local="bad"))
        make_live(domain)

    service(fail_the_other)
    assert run("mail -c good@pandle.net")[0] == 0


def test_a_service_that_takes_too_long_is_not_waited_for(service, run, monkeypatch):
    monkeypatch.setattr(plesk, "PATIENCE", 0.2)
    service(str)
    code, out, err = run("domain --create pandle.net")
    assert (code, out) == (0, "SUCCESS: Creation of domain 'pandle.net' completed.\n")
    assert "Saved. The sync service has not applied it yet; it will." in err
