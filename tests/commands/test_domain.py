"""Domains, alias domains and unknown recipients by their commands."""

from __future__ import annotations

import pytest

from qmailpanel.domains.models import Address, Domain
from qmailpanel.reports.models import SyncNode


def destinations_of(local):
    address = Address.objects.get(local=local, removed=False)
    return [there.target for there in address.destinations.all()]


def test_postmaster_and_abuse_go_to_the_first_operator(run, operator):
    code, out, err = run("domain --create new.example")
    assert (code, out) == (0, "SUCCESS: Creation of domain 'new.example' completed.\n")
    assert destinations_of("postmaster") == destinations_of("abuse") == [operator.email]
    assert "postmaster" not in err


def test_a_note_says_that_an_operator_in_the_new_domain_has_no_mailbox_yet(run, operator):
    code, _, err = run("domain --create example.org")
    assert (code, destinations_of("postmaster")) == (0, [operator.email])
    assert f"bounces until then. Add it: ./manage.py mail --create {operator.email}" in err


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


def test_a_domain_gets_another_name_by_new_name(run, domain):
    code, out, _ = run("domain --update pandle.net -new_name pandle.com")
    assert (code, out) == (0, "SUCCESS: Update of domain 'pandle.com' completed.\n")
    assert run("domain --list")[1] == "pandle.com\n"


@pytest.mark.parametrize("command", ["mail", "domain"])
def test_off_and_on_switch_a_domain_and_say_nothing(run, domain, command):
    for verb, enabled in (("--off", False), ("--on", True)):
        assert run(f"{command} {verb} pandle.net")[:2] == (0, "")
        domain.refresh_from_db()
        assert domain.enabled is enabled


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
