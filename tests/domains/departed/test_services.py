"""What a domain answers for people who left: who may say it, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from qmailpanel.accounts.models import User
from qmailpanel.domains.access.rights import NotAllowed
from qmailpanel.domains.departed.services import remove_responder, set_responder
from qmailpanel.domains.models import Domain, Grant, Responder, Unknown
from qmailpanel.domains.routes.hops import find_loop
from qmailpanel.domains.services import change_domain
from qmailpanel.ledger.actors import SYSTEM, Actor, Refused
from qmailpanel.ledger.models import Change, Noun, Verb
from qmailpanel.mailboxes.removal.services import remove_mailbox
from qmailpanel.mailboxes.services import add_mailbox
from qmailpanel.qmail.names import LocalPart

SAID: dict[str, Any] = {
    "subject": "Anna left",
    "text": "Write to bob@pandle.net.",
    "target": "",
    "days": 7,
}
PAGE = "/domains/pandle.net/responder/"


@pytest.fixture
def anna(domain):
    """A mailbox that is removed."""
    return remove_mailbox(SYSTEM, add_mailbox(SYSTEM, domain, LocalPart("anna")))


def test_an_answer_is_one_change_of_the_domain(domain):
    set_responder(SYSTEM, domain, **SAID)
    change = Change.objects.latest("id")
    assert (change.verb, change.noun, change.after) == (Verb.ADDED, Noun.RESPONDER, SAID)
    assert Domain.objects.get().change_id == change.pk
    set_responder(SYSTEM, domain, **SAID)
    assert Change.objects.latest("id") == change
    set_responder(SYSTEM, domain, **{**SAID, "days": 3})
    assert Change.objects.latest("id").before == {"days": 7}
    remove_responder(SYSTEM, domain)
    assert not Responder.objects.exists()
    assert Change.objects.latest("id").verb == Verb.REMOVED


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"subject": ""}, "subject"),
        ({"subject": "two\nlines"}, "subject"),
        ({"text": " "}, "text"),
        ({"text": "a\x00b"}, "text"),
        ({"target": "not an address"}, "target"),
        ({"days": 0}, "days"),
        ({"days": 366}, "days"),
    ],
)
def test_what_cannot_be_answered_is_refused_at_its_field(domain, fields, field):
    with pytest.raises(Refused) as refused:
        set_responder(SYSTEM, domain, **{**SAID, **fields})
    assert refused.value.field == field
    assert not Responder.objects.exists()


def test_mail_for_people_who_left_does_not_come_back_to_them(domain, anna):
    with pytest.raises(Refused, match="would come back"):
        set_responder(SYSTEM, domain, **{**SAID, "target": "anna@pandle.net"})
    add_mailbox(SYSTEM, domain, LocalPart("bob"))
    set_responder(SYSTEM, domain, **{**SAID, "target": "bob@pandle.net"})
    assert find_loop("bob@pandle.net", ["anna@pandle.net"]) == "anna@pandle.net"


def test_no_loop_is_left_when_the_answer_ends(domain, anna):
    elsewhere = {**SAID, "target": "x@elsewhere.example"}
    for said in (SAID, elsewhere):
        set_responder(SYSTEM, domain, **said)
        with pytest.raises(Refused, match="would come back"):
            change_domain(SYSTEM, domain, unknown=Unknown.FORWARD, unknown_target="anna@pandle.net")


def test_only_who_may_say_what_happens_to_unknown_recipients_may_say_this(domain):
    person = User.objects.create(email="p@example.org", password="argon2$x")
    grant = Grant.objects.create(user=person, domain=domain, rights=["addresses"])
    actor = Actor(person.pk, str(person), None)
    with pytest.raises(NotAllowed):
        set_responder(actor, domain, **SAID)
    grant.rights = ["unknown"]
    grant.save()
    set_responder(actor, domain, **SAID)
    with pytest.raises(NotAllowed):
        set_responder(actor, domain, **{**SAID, "target": "x@elsewhere.example"})


def test_who_has_fewer_rights_does_not_answer_mail_with_which_an_operator_signs_in(domain, anna):
    User.objects.create(email="anna@pandle.net", password="argon2$x", is_operator=True)
    person = User.objects.create(email="p@example.org", password="argon2$x")
    Grant.objects.create(user=person, domain=domain, rights=["unknown", "forwarding"])
    with pytest.raises(NotAllowed):
        set_responder(Actor(person.pk, str(person), None), domain, **SAID)


def test_the_page_saves_shows_and_ends_it(domain, operator):
    client = Client()
    client.force_login(operator)
    assert client.post(PAGE, {**SAID, "subject": ""}).status_code == 422
    assert client.post(PAGE, SAID).status_code == 303
    said = client.get("/domains/pandle.net/settings/unknown/").content.decode()
    assert "Write to bob@pandle.net." in said
    client.post(PAGE, {"remove": "1"})
    assert not Responder.objects.exists()
