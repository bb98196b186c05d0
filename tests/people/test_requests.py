"""Names that somebody asks for: the operator's yes, or a TXT record in DNS."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.core.cache import cache
from django.urls import reverse

from qmailpanel.domains.access.rights import NotAllowed, Right
from qmailpanel.domains.models import Domain
from qmailpanel.domains.services import add_domain
from qmailpanel.ledger.actors import SYSTEM, Refused
from qmailpanel.ledger.models import Change, Verb
from qmailpanel.people.invitations import invite
from qmailpanel.people.letters import send
from qmailpanel.people.models import NameRequest, Outcome
from qmailpanel.people.proof import record_name, record_text
from qmailpanel.people.requests import (
    MOST,
    accept_request,
    decline_request,
    prove_request,
    request_name,
    withdraw_request,
)
from qmailpanel.people.well_known import WELL_KNOWN, is_well_known
from qmailpanel.qmail.names import DomainName
from qmailpanel.web.outside import talking_outside
from tests.kit.people import rights_in
from tests.kit.zone import Zone, serve

WISH = DomainName("wish.example")


@pytest.fixture
def asked(person):
    return request_name(person(email="asker@example.org"), WISH)


@pytest.fixture
def zone(settings) -> Iterator[Zone]:
    """A real name server on loopback."""
    with serve() as (zone, address):
        settings.QMAILPANEL_RESOLVER = address
        yield zone


def publish(zone, asked, *, token: str = "") -> None:
    zone.texts[record_name(asked.name)] = ["other", record_text(token or asked.token)]


# asking


def test_asking_makes_nothing_but_a_request(asked):
    assert not Domain.objects.filter(name=WISH).exists()
    assert asked.outcome == Outcome.OPEN
    assert Change.objects.latest("id").verb == Verb.REQUESTED


def test_asking_twice_is_one_request_with_one_token(asked, person):
    again = request_name(person(email="asker@example.org"), WISH)
    assert (again.pk, again.token) == (asked.pk, asked.token)


@pytest.mark.parametrize("name", ["gmail.com", "outlook.com", "mail.yahoo.com", "web.de"])
def test_names_of_well_known_providers_are_refused(person, name):
    with pytest.raises(Refused, match="well-known mail provider"):
        request_name(person(email="asker@example.org"), DomainName(name))


def test_a_name_that_only_ends_alike_is_not_theirs():
    assert not is_well_known("notgmail.com")
    assert all(DomainName(name) == name for name in WELL_KNOWN)


def test_nobody_waits_for_more_than_a_few_names(person):
    actor = person(email="asker@example.org")
    for number in range(MOST):
        request_name(actor, DomainName(f"n{number}.example"))
    with pytest.raises(Refused, match="already wait"):
        request_name(actor, WISH)


def test_an_alias_domain_is_asked_for_only_by_who_may(domain, person):
    with pytest.raises(NotAllowed):
        request_name(person("addresses"), WISH, domain)
    assert request_name(person("names"), WISH, domain).domain == domain


# the operator's answer


def test_mail_to_postmaster_goes_to_an_operator_where_who_asked_has_no_mailbox_yet(
    person, operator
):
    accept_request(SYSTEM, request_name(person(email=f"asker@{WISH}"), WISH))
    contact = Domain.objects.get(name=WISH).addresses.get(local="postmaster").destinations.get()
    assert contact.target == operator.email


def test_the_operators_yes_makes_the_domain_and_who_asked_looks_after_it(asked):
    accept_request(SYSTEM, asked)
    domain = Domain.objects.get(name=WISH)
    assert rights_in(domain, "asker@example.org") == sorted(Right.values)
    contact = domain.addresses.get(local="postmaster").destinations.get()
    assert contact.target == "asker@example.org"
    asked.refresh_from_db()
    assert asked.outcome == Outcome.DONE


def test_saying_yes_twice_makes_one(asked):
    accept_request(SYSTEM, asked)
    accept_request(SYSTEM, asked)
    assert Domain.objects.filter(name=WISH).count() == 1


def test_nobody_but_an_operator_says_yes(asked, person):
    with pytest.raises(NotAllowed):
        accept_request(person(*Right.values, email="asker2@example.org"), asked)


def test_a_no_keeps_its_reason(asked):
    decline_request(SYSTEM, asked, "Not ours")
    assert (asked.outcome, asked.why) == (Outcome.DECLINED, "Not ours")
    accept_request(SYSTEM, asked)
    assert not Domain.objects.filter(name=WISH).exists()


def test_a_name_that_somebody_else_has_by_now_is_refused(asked):
    add_domain(SYSTEM, WISH)
    with pytest.raises(Refused, match="is a domain here already"):
        accept_request(SYSTEM, asked)
    asked.refresh_from_db()
    assert asked.outcome == Outcome.OPEN


def test_an_alias_domain_is_added_if_who_asked_still_may(domain, person):
    actor = person("names")
    asked = request_name(actor, WISH, domain)
    domain.grants.filter(user=actor.user_id).delete()
    with pytest.raises(NotAllowed):
        accept_request(SYSTEM, asked)
    person("names", email=actor.name)
    accept_request(SYSTEM, asked)
    assert domain.names.filter(name=WISH, removed=False).exists()


# DNS


def test_the_record_proves_it_without_an_operator(asked, zone, person):
    publish(zone, asked)
    prove_request(person(email="asker@example.org"), asked)
    assert rights_in(Domain.objects.get(name=WISH), "asker@example.org") is not None
    assert Verb.PROVED in Change.objects.values_list("verb", flat=True)


@pytest.mark.parametrize("how", ["no name", "no record", "another token"])
def test_without_the_record_it_waits(asked, zone, person, how):
    if how == "no record":
        zone.texts[record_name(asked.name)] = []
    if how == "another token":
        publish(zone, asked, token="0" * 32)
    with pytest.raises(Refused, match="is not there yet"):
        prove_request(person(email="asker@example.org"), asked)
    assert not Domain.objects.filter(name=WISH).exists()


def test_a_mute_resolver_is_said(asked, zone, person, monkeypatch):
    monkeypatch.setattr("qmailpanel.people.proof.SECONDS", 0.3)
    zone.mute = True
    with pytest.raises(Refused, match="DNS gives no answer"):
        prove_request(person(email="asker@example.org"), asked)


# the pages


@pytest.fixture
def as_asker(sign_in, asked):
    return sign_in(asked.person)


def test_who_asks_sees_the_record_and_others_do_not(as_asker, as_stranger, asked):
    said = as_asker.get("/requests/").content.decode()
    assert f"_qmailpanel.wish.example. IN TXT &quot;qmailpanel={asked.token}&quot;" in said.replace(
        '"', "&quot;"
    )
    assert asked.token not in as_stranger.get("/requests/").content.decode()
    assert as_stranger.post(f"/requests/{asked.pk}/prove/").status_code == 404


def test_a_bad_or_well_known_name_is_refused_at_its_field(as_asker):
    for name in ("", "no name", "gmail.com"):
        answer = as_asker.post("/requests/", {"name": name})
        assert answer.status_code == 422
        assert 'id="id_name_error"' in answer.content.decode()


def test_the_operator_sees_who_waits_and_answers(as_operator, asked):
    assert "asker@example.org" in as_operator.get("/requests/").content.decode()
    assert 'id="count-people">1<' in as_operator.get("/people/").content.decode()
    answer = as_operator.post(f"/requests/{asked.pk}/decline/", {"why": "Not ours"})
    assert answer.status_code == 303
    asked.refresh_from_db()
    assert asked.why == "Not ours"


def test_the_operator_reads_them_page_by_page_the_newest_first(as_operator, asked):
    for number in range(50):
        asked.pk, asked.name = None, f"wish{number:02}.example"
        asked.asked += timedelta(seconds=1)
        asked.save()
    page = as_operator.get("/requests/").content.decode()
    assert page.index(">wish49.example") < page.index(">wish00.example")
    assert f">{WISH}" not in page
    [cursor] = re.findall(r'rel="next" href="(.*?)"', page)
    assert f">{WISH}" in as_operator.get(f"/requests/{cursor}").content.decode()


def test_a_name_that_is_taken_is_said_to_the_operator(as_operator, asked):
    add_domain(SYSTEM, WISH)
    answer = as_operator.post(f"/requests/{asked.pk}/accept/")
    assert answer.status_code == 422
    assert "is a domain here already" in answer.content.decode()


def test_who_asked_withdraws_and_reads_the_answer_away(as_asker, asked, person):
    with pytest.raises(NotAllowed):
        withdraw_request(person(email="other@example.org"), asked)
    assert as_asker.post(f"/requests/{asked.pk}/withdraw/").status_code == 303
    assert not NameRequest.objects.exists()


def test_an_alias_domain_is_asked_for_on_the_settings_page(as_colleague, domain, colleague):
    assert "names/ask/" in as_colleague.get("/domains/pandle.net/settings/names/").content.decode()
    answer = as_colleague.post("/domains/pandle.net/names/ask/", {"name": WISH})
    assert answer["Location"] == "/requests/"
    asked = NameRequest.objects.get()
    assert (asked.domain, asked.person) == (domain, colleague)


def test_every_page_tells_the_operator_how_many_names_wait(as_operator, as_colleague, asked):
    there = '>1<span class="aside"> request waits</span></span>'
    assert there in as_operator.get("/activity/").content.decode()
    assert there not in as_colleague.get("/activity/").content.decode()
    decline_request(SYSTEM, asked, "no")
    assert there not in as_operator.get("/activity/").content.decode()


# servers elsewhere


def test_dns_keeps_no_more_than_two_threads_waiting(asked, person, zone):
    with talking_outside(), talking_outside(), pytest.raises(Refused, match="waits for other"):
        prove_request(person(email="asker@example.org"), asked)
    publish(zone, asked)
    prove_request(person(email="asker@example.org"), asked)


def test_nor_does_a_mail_server(domain):
    invited = invite(SYSTEM, "new@example.org", [domain], frozenset({Right.NAMES}))
    with talking_outside(), talking_outside():
        assert not send(invited)
    assert send(invited)


def test_nobody_has_dns_asked_more_than_five_times_a_minute(sign_in, asked, zone):
    cache.clear()
    browser = sign_in(asked.person)
    pages = [browser.post(reverse("people:prove", args=[asked.pk])) for _ in range(7)]
    assert [page.status_code for page in pages] == [422] * 7
    are_many = ["You asked often" in page.content.decode() for page in pages]
    assert are_many == [False] * 5 + [True] * 2
