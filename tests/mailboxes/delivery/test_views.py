"""The pages about where the mail of a mailbox goes, and what it answers."""

from __future__ import annotations

import pytest
from django.test import Client

from qmailpanel.domains.targets import targets_of
from qmailpanel.ledger.actors import SYSTEM
from qmailpanel.mailboxes.delivery.replies import reply_of
from qmailpanel.mailboxes.services import add_mailbox, mailbox_of
from qmailpanel.qmail.names import LocalPart
from qmailpanel.reports.models import SyncNode

PASSWORD = "seven lanterns over quiet water"
AWAY = {"part": "reply", "on": "on", "subject": "Away", "text": "In May.\r\nBye", "days": "7"}
FORWARD = {"part": "forwarding", "destinations": "bob, x@y.test", "keeps": "on"}


@pytest.fixture
def ann(domain):
    return add_mailbox(SYSTEM, domain, LocalPart("ann"), password=PASSWORD)


@pytest.fixture
def owner(ann):
    client = Client()
    client.post("/sign-in/", {"login": "ann@pandle.net", "password": PASSWORD})
    return client


def test_an_admin_sees_and_changes_both(as_operator, ann):
    page = f"/domains/pandle.net/mailboxes/{ann.pk}/mail/"
    assert as_operator.post(page, FORWARD).status_code == 303
    assert as_operator.post(page, AWAY).status_code == 303
    assert targets_of(ann) == ["bob@pandle.net", "x@y.test"]
    assert reply_of(mailbox_of(ann)).text == "In May.\nBye"
    assert "It answers now." not in as_operator.get(page).content.decode(), "nothing can answer"
    SyncNode.objects.update_or_create(node="main", defaults={"answers_mail": True})
    said = as_operator.get(page).content.decode()
    assert "bob@pandle.net" in said
    assert "It answers now." in said


def test_what_was_typed_stays_and_the_error_is_at_its_field(as_operator, ann):
    page = f"/domains/pandle.net/mailboxes/{ann.pk}/mail/"
    loop = as_operator.post(page, {**FORWARD, "destinations": "ann"})
    assert loop.status_code == 422
    assert "cannot deliver to itself" in loop.content.decode()
    wrong = {**AWAY, "first": "2026-05-02", "last": "2026-05-01", "text": "typed"}
    late = as_operator.post(page, wrong)
    assert late.status_code == 422
    assert "The last day is before the first." in late.content.decode()
    assert "typed" in late.content.decode()


def test_the_owner_changes_what_the_domain_leaves_to_them(owner, ann, domain):
    assert owner.post("/mailbox/mail/", FORWARD).status_code == 303
    assert owner.post("/mailbox/mail/", AWAY).status_code == 303
    assert reply_of(mailbox_of(ann)).running
    domain.refresh_from_db()
    domain.withheld = ["forwarding"]
    domain.save()
    said = owner.get("/mailbox/mail/").content.decode()
    assert "Save forwarding" not in said
    assert "Save auto-reply" in said
    assert owner.post("/mailbox/mail/", {**FORWARD, "destinations": ""}).status_code == 422
    domain.withheld = ["forwarding", "auto-reply"]
    domain.save()
    assert owner.get("/mailbox/mail/").status_code == 404
    assert targets_of(ann) == ["bob@pandle.net", "x@y.test"]


def test_how_a_program_that_answers_is_installed_is_told_to_operators_alone(
    as_operator, owner, ann
):
    pages = [
        (as_operator, f"/domains/pandle.net/mailboxes/{ann.pk}/mail/"),
        (owner, "/mailbox/mail/"),
    ]
    said = [client.get(page).content.decode() for client, page in pages]
    assert ["no program that answers" in page for page in said] == [True, True]
    assert ["maildrop" in page for page in said] == [True, False]


def test_mail_is_put_on_hold_and_delivered_again(as_operator, ann):
    page = f"/domains/pandle.net/mailboxes/{ann.pk}/"
    as_operator.post(f"{page}switch/", {"hold": "1"})
    assert mailbox_of(ann).on_hold
    assert "Deliver again" in as_operator.get(f"{page}more/").content.decode()
    as_operator.post(f"{page}switch/", {"hold": "0"})
    assert not mailbox_of(ann).on_hold
