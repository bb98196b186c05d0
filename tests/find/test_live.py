"""Where mail goes by the files of the host, read by sync and shown to whom it concerns."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone

from qmailpanel.accounts.models import User
from qmailpanel.domains.models import Domain, Grant
from qmailpanel.ledger.actors import SYSTEM
from qmailpanel.mailboxes.services import hold_mailbox
from qmailpanel.qmail.names import MailAddress
from qmailpanel.reports.models import SyncNode
from qmailpanel.sync.errands import AT_ONCE, KEPT
from qmailpanel.sync.models import Errand
from qmailpanel.sync.service import Service
from qmailpanel.sync.services import WAITING, ask_route
from tests.kit.panels import Panel

LIVE = {"HX-Request": "true", "HX-Target": "live"}


@pytest.fixture
def service(panel: Panel) -> Service:
    """A host with pandle.net and side.test, each with an alias into the other."""
    net, side = panel.add_domain("pandle.net"), panel.add_domain("side.test")
    panel.add_mailbox(net, "ann")
    panel.add_mailbox(side, "bob")
    panel.add_alias(net, "there", "bob@side.test")
    panel.add_alias(net, "nowhere", "bobb@side.test")
    return panel.serve()


@pytest.fixture
def client(service: Service, sign_in: Any) -> Client:
    browser: Client = sign_in(person("ann@example.org", "pandle.net"))
    return browser


def person(email: str, *names: str, is_operator: bool = False) -> User:
    user = User.objects.create(email=email, is_operator=is_operator, password="argon2$x")
    for name in names:
        Grant.objects.create(user=user, domain=Domain.objects.get(name=name), rights=["addresses"])
    return user


@pytest.fixture
def as_root(service: Service, sign_in: Any) -> Client:
    browser: Client = sign_in(person("root@example.org", is_operator=True))
    return browser


def asked(client: Client, service: Service, address: str) -> str:
    """The last fragment of those that the page gets one after the other."""
    text = client.post("/find/route/", {"address": address}, headers=LIVE).content.decode()
    service.turn()
    [again] = re.findall(r'hx-get="([^"]+)"', text)
    text = client.get(again, headers=LIVE).content.decode()
    assert "hx-get" not in text
    return text


@pytest.mark.root
def test_it_says_whether_the_service_runs_that_reads_them(service, client) -> None:
    asking = {"address": "there@pandle.net"}
    SyncNode.objects.update(heartbeat=None)
    said = client.post("/find/route/", asking, headers=LIVE).content.decode()
    assert "The sync service is not running" in said
    SyncNode.objects.update(heartbeat=timezone.now())
    said = client.post("/find/route/", asking, headers=LIVE).content.decode()
    assert "Being read from the mail server" in said


@pytest.mark.root
def test_operators_see_each_line_that_decides(panel, service, as_root) -> None:
    text = asked(as_root, service, "there@pandle.net")
    assert "read back from the mail server's files at" in text
    for word in ("control/rcpthosts:", "control/virtualdomains:", "100-there", "users/assign:"):
        assert word in text
    assert ">pandle.net/.qmail-there:1<" in text
    assert "arrives here" in text
    assert "say otherwise" not in text


@pytest.mark.root
def test_where_the_files_say_otherwise_that_is_said(panel, service, as_root) -> None:
    panel.write("mailnames/pandle.net/.qmail-there", b"&x@elsewhere.example\n")
    text = asked(as_root, service, "there@pandle.net")
    assert "say otherwise" in text
    assert "Mail to there@pandle.net leaves this host for x@elsewhere.example." in text


@pytest.mark.root
def test_others_see_no_path_and_nothing_of_domains_of_other_people(service, client) -> None:
    hold_mailbox(
        SYSTEM, Domain.objects.get(name="side.test").addresses.get(local="bob"), on_hold=True
    )
    service.turn()
    text = asked(client, service, "there@pandle.net")
    assert "read back" in text
    for word in ("/", "users/assign", "100-", "hold", "waits"):
        assert word not in re.sub(r"<[^>]*>", "", text)
    assert "say otherwise" not in text
    assert "say otherwise" not in asked(client, service, "nowhere@pandle.net")


@pytest.mark.root
def test_an_address_that_percenthack_makes_one_of_other_people_shows_nothing_of_them(
    panel, service, client, as_root
) -> None:
    panel.write("control/percenthack", b"pandle.net\n")
    panel.write("mailnames/side.test/.qmail-other", b"&secret@elsewhere.example\n")
    address = "other%side.test@pandle.net"
    assert "secret@elsewhere.example" in asked(as_root, service, address)
    text = asked(client, service, address)
    assert "read back" in text
    for word in ("secret", "elsewhere", "other@side.test"):
        assert word not in text


def test_nobody_asks_about_an_address_of_other_people(service, client) -> None:
    for address in ("bob@side.test", "x@elsewhere.example", "", "@", "x"):
        assert client.post("/find/route/", {"address": address}, headers=LIVE).status_code == 200
    assert not Errand.objects.exists()


def test_nobody_sees_what_somebody_else_asked(service, client, as_root) -> None:
    as_root.post("/find/route/", {"address": "ann@pandle.net"}, headers=LIVE)
    errand = Errand.objects.get()
    assert client.get(f"/find/route/{errand.pk}/").status_code == 404
    text = client.get("/find/", {"q": "ann@pandle.net", "read": f"{errand.pk}"}).content.decode()
    assert "Being read" not in text


def test_without_a_script_the_page_shows_the_answer_too(service, client) -> None:
    answer = client.post("/find/route/", {"address": "ann@pandle.net"})
    service.turn()
    assert "read back" in client.get(answer["Location"]).content.decode()


def test_what_was_answered_is_forgotten_after_some_minutes_though_nobody_asks_again(
    service, client
) -> None:
    asked(client, service, "ann@pandle.net")
    asked(client, service, "there@pandle.net")
    first, second = Errand.objects.order_by("id")
    Errand.objects.filter(pk=first.pk).update(begun=timezone.now() - KEPT - timedelta(seconds=1))
    service.errands.hurry()
    service.turn()
    assert list(Errand.objects.all()) == [second]


def test_of_one_person_a_few_questions_wait_at_most(service, client, as_root) -> None:
    as_root.post("/find/route/", {"address": "ann@pandle.net"}, headers=LIVE)
    for number in range(WAITING + 2):
        client.post("/find/route/", {"address": f"x{number}@pandle.net"}, headers=LIVE)
    waiting = [errand.about for errand in Errand.objects.order_by("id")]
    assert waiting == ["ann@pandle.net", *(f"x{n}@pandle.net" for n in range(2, WAITING + 2))]


def test_many_questions_are_answered_a_few_at_a_time(service) -> None:
    for number in range(AT_ONCE + 1):
        ask_route(person(f"p{number}@example.org"), MailAddress("ann@pandle.net"))
    service.turn()
    assert Errand.objects.filter(answered=None).count() == 1
    service.turn()
    assert not Errand.objects.filter(answered=None).exists()


def test_while_it_is_being_read_nothing_is_said_of_what_was_found(
    service, as_root, monkeypatch
) -> None:
    text = as_root.post(
        "/find/route/", {"address": "ann@pandle.net"}, headers=LIVE
    ).content.decode()
    [again] = re.findall(r'hx-get="([^"]+)"', text)
    seen = list[str]()

    def look_meanwhile(*_of: object) -> tuple[()]:
        seen.append(as_root.get(again, headers=LIVE).content.decode())
        return ()

    monkeypatch.setattr("qmailpanel.sync.errands.find_route", look_meanwhile)
    service.turn()
    assert "Being read" in seen[0]
    assert "could not be read" in as_root.get(again, headers=LIVE).content.decode()


def test_an_errand_that_cannot_be_done_is_asked_for_once(service, as_root, monkeypatch) -> None:
    monkeypatch.setattr("qmailpanel.sync.errands.find_route", lambda *_: 1 / 0)
    as_root.post("/find/route/", {"address": "ann@pandle.net"}, headers=LIVE)
    service.turn()
    assert Errand.objects.get().answer == []
    service.turn()


@pytest.mark.parametrize("about", ["", "x", "a b@pandle.net\n", "\x01@pandle.net"])
def test_what_is_no_address_in_the_database_is_answered_with_nothing(service, about) -> None:
    node = settings.QMAILPANEL_NODE
    errand = Errand.objects.create(node=node, person=1, about=about, asked=timezone.now())
    service.turn()
    errand.refresh_from_db()
    assert (errand.answer, errand.answered is not None) == ([], True)


@pytest.mark.root
def test_what_others_wrote_is_shown_without_its_control_characters(panel, service, as_root) -> None:
    panel.write("mailnames/pandle.net/.qmail-there", b"|echo \x1b[31m\xff<b>\n")
    text = asked(as_root, service, "there@pandle.net")
    assert "echo \\x1b[31m\\xff&lt;b&gt;" in text
