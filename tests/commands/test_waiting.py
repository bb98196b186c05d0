"""A command waits until what it did is live, if that is to be expected."""

from __future__ import annotations

import os
import threading

import pytest
from django.db import connections

from qmailpanel.commands import plesk
from qmailpanel.domains.models import Address, Domain
from qmailpanel.ledger.actors import SYSTEM
from qmailpanel.mailboxes.services import add_mailbox
from qmailpanel.qmail.names import LocalPart
from tests.kit.live import make_live, write_position, write_problem


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
