"""The syntax of Plesk's commands, the page that lists them, and what they refuse."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import load_command_class

from qmailpanel.commands import plesk
from qmailpanel.ledger.models import Change
from tests.kit.disk import make_home

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


# the seed


def test_the_lines_of_the_seed_run_as_written_on_a_fresh_database(tmp_path):
    make_home(tmp_path / "qmail")
    own = {"QMAILPANEL_STATE_DIR": str(tmp_path), "DATABASE_URL": ""}
    kept = {name: os.environ[name] for name in ("PATH", "EMAIL_URL")}

    def manage(line):
        argv = [sys.executable, "manage.py", *shlex.split(line)]
        return subprocess.run(
            argv, cwd=ROOT, env=kept | own, capture_output=True, text=True, check=False
        )

    assert manage("migrate --verbosity 0").returncode == 0
    assert manage("qmailsync --once").returncode == 0  # no domain is added to an unknown host
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
    assert all("The next run of ./manage.py qmailsync applies it." in run.stderr for run in runs)


def test_a_database_that_is_not_there_yet_is_a_sentence(tmp_path):
    argv = [sys.executable, "manage.py", "domain", "--remove", "pandle.net"]
    env = {"PATH": os.environ["PATH"], "QMAILPANEL_STATE_DIR": str(tmp_path)}
    found = subprocess.run(argv, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert (found.returncode, found.stdout) == (1, "")
    assert found.stderr == (
        "The database lacks tables that this release needs: "
        "./manage.py migrate && ./manage.py createcachetable\n"
    )


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
