"""The ledger as pages."""

from __future__ import annotations

import html
import re
from typing import Any

import pytest
from django.test import Client

from qmailpanel.accounts.models import User
from qmailpanel.domains.models import Address, Claim, Domain, Grant
from qmailpanel.ledger.actors import SYSTEM, Actor
from qmailpanel.ledger.models import Noun, Verb
from qmailpanel.ledger.services import ledger_locked, record
from qmailpanel.mailboxes.services import add_mailbox
from qmailpanel.qmail.names import LocalPart

HERE = "/activity/"


@pytest.fixture
def mailbox(domain: Domain) -> Address:
    return add_mailbox(SYSTEM, domain, LocalPart("biliards"))


def body(response: Any) -> str:
    """The page, without the marks that keep names apart, and without their links."""
    return re.sub(r'<a href="[^"]*"><bdi>|</bdi></a>|</?bdi>', "", response.content.decode())


def test_what_somebody_does_is_a_sentence_with_their_name(
    as_colleague: Client, domain: Domain
) -> None:
    as_colleague.post("/domains/pandle.net/mailboxes/", {"local": "biliards"})
    for address in ("/activity/", "/domains/pandle.net/activity/"):
        page = body(as_colleague.get(address))
        assert "colleague@example.org added the mailbox biliards@pandle.net" in page


def test_other_peoples_domains_do_not_appear(
    as_stranger: Client, domain: Domain, other_domain: Domain
) -> None:
    assert "pandle.net" not in body(as_stranger.get("/activity/"))
    assert as_stranger.get("/domains/pandle.net/activity/").status_code == 404


def test_the_list_goes_on_behind_fifty(as_operator: Client, domain: Domain) -> None:
    for number in range(51):
        add_mailbox(SYSTEM, domain, LocalPart(f"m{number}"))
    first = as_operator.get("/activity/")
    assert "m50@pandle.net" in body(first)
    assert "the domain pandle.net" not in body(first)
    second = as_operator.get("/activity/", {"after": first.context["page"].next})
    assert "the domain pandle.net" in body(second)


def test_the_first_change_is_still_to_come(as_operator: Client) -> None:
    assert "Nothing has happened yet." in body(as_operator.get("/activity/"))


PAGES = ["/activity/", "/domains/pandle.net/activity/"]


@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize("address", PAGES)
def test_the_list_asks_the_database_as_often_for_one_row_as_for_three(
    as_operator: Client,
    domain: Domain,
    django_assert_num_queries: Any,
    rows: int,
    address: str,
) -> None:
    for number in range(rows):
        add_mailbox(SYSTEM, domain, LocalPart(f"m{number}"))
    with django_assert_num_queries(9 if address == "/activity/" else 10):
        as_operator.get(address)


@pytest.mark.parametrize("rows", [1, 60])
@pytest.mark.parametrize("address", PAGES)
def test_a_page_with_every_filter_takes_at_most_eleven_queries(
    as_operator: Client,
    domain: Domain,
    django_assert_max_num_queries: Any,
    rows: int,
    address: str,
) -> None:
    for number in range(rows):
        add_mailbox(SYSTEM, domain, LocalPart(f"m{number}"))
    query = {
        "domain": domain.name,
        "person": "sys",
        "verb": "added",
        "since": "2020-01-01",
        "until": "2999-12-31",
    }
    with django_assert_max_num_queries(11):
        assert "the mailbox m0@pandle.net" in body(as_operator.get(address, query)) or rows > 1


# the filter


def write(target: str, actor: Actor = SYSTEM, verb: Verb = Verb.ADDED) -> None:
    with ledger_locked():
        record(actor, verb, Noun.PERSON, target)


def test_the_filter_stands_in_the_address_and_in_the_form(
    as_operator: Client, domain: Domain, other_domain: Domain
) -> None:
    page = body(as_operator.get("/activity/", {"domain": "pandle.net", "verb": "added"}))
    assert "the domain pandle.net" in page
    assert "stranger.example" not in page
    assert 'value="pandle.net"' in page
    assert '<option value="added" selected>' in page


def test_what_happened_to_one_address_is_found_by_it(as_operator: Client, domain: Domain) -> None:
    for local in ["ann", "bob"]:
        add_mailbox(SYSTEM, domain, LocalPart(local))
    for typed in ["ann@pandle.net", " Ann@Pandle.NET"]:
        page = body(as_operator.get("/activity/", {"domain": typed}))
        assert "the mailbox ann@pandle.net" in page
        assert "bob@pandle.net" not in page
    assert "Nothing matches" in body(as_operator.get("/activity/", {"domain": "x@pandle.net"}))


@pytest.mark.parametrize("typed", ["Anna@Köln.example", "anna@xn--kln-sna.example", "Anna@XN--k"])
def test_a_person_is_found_however_the_name_is_typed(as_operator: Client, typed: str) -> None:
    for name in ["anna@xn--kln-sna.example", "anna@xn--other.example", "ben@kn.example"]:
        write(f"by {name}", Actor(None, name, None))
    page = body(as_operator.get("/activity/", {"person": typed}))
    assert "by anna@xn--kln-sna.example" in page
    assert "by anna@xn--other.example" not in page


def test_the_filter_goes_with_the_pages(as_operator: Client, domain: Domain) -> None:
    for number in range(60):
        add_mailbox(SYSTEM, domain, LocalPart(f"m{number}"))
        write(f"person {number}", verb=Verb.INVITED)
    first = as_operator.get("/activity/", {"verb": "added", "person": "system"})
    link = re.search(r'rel="next" href="([^"]+)"', body(first))
    assert link
    assert "person=system&amp;verb=added&amp;after=" in link[1]
    second = as_operator.get(f"/activity/{html.unescape(link[1])}")
    assert "the mailbox m0@pandle.net" in body(second)
    assert "person 0" not in body(second)


def test_what_matches_nothing_says_so_and_offers_to_clear_the_filter(
    as_operator: Client, domain: Domain
) -> None:
    page = body(as_operator.get("/activity/", {"person": "nobody"}))
    assert "Nothing matches this filter." in page
    assert '<a href="/activity/">Clear the filter</a>' in page
    page = body(as_operator.get("/domains/pandle.net/activity/", {"person": "nobody"}))
    assert '<a href="/domains/pandle.net/activity/">Clear the filter</a>' in page


WRONG = [
    ({"since": "yesterday"}, "since", "Enter a day as 2026-11-28."),
    ({"until": "2026-02-30"}, "until", "Enter a day as 2026-11-28."),
    ({"until": "0001-01-01"}, "until", "Enter a day as 2026-11-28."),
    ({"until": "9999-12-31"}, "until", "Enter a day as 2026-11-28."),
    ({"since": "2026-11-28", "until": "2026-11-27"}, "until", "This day is before the first one."),
    ({"verb": "x"}, "verb", "Choose one of the list."),
    ({"person": "a\0b"}, "person", "Null characters are not allowed."),
    ({"domain": "not a name"}, "domain", "is not a domain name."),
]


@pytest.mark.parametrize(("query", "field", "error"), WRONG)
@pytest.mark.parametrize("address", ["/activity/", "/activity/export.csv"])
def test_what_cannot_be_looked_for_is_told_at_its_field(
    as_operator: Client, domain: Domain, query: dict[str, str], field: str, error: str, address: str
) -> None:
    answer = as_operator.get(address, query)
    assert answer.status_code == 422
    told = re.findall(r'<p class="error" id="([^"]+)">.*?<span>([^<]+)', body(answer))
    assert [name for name, _text in told] == [f"id_{field}_error"]
    assert error in told[0][1]
    assert "the domain pandle.net" not in body(answer)


def test_htmx_gets_the_form_and_the_list_alone(as_operator: Client, domain: Domain) -> None:
    headers = {"HX-Request": "true", "HX-Target": "activity"}
    for address in PAGES:
        part = body(as_operator.get(address, {"verb": "added"}, headers=headers))
        assert part.startswith('\n<div id="activity"')
        assert "the domain pandle.net" in part
    assert as_operator.get("/activity/", {"since": "x"}, headers=headers).status_code == 422


def test_a_domains_own_page_asks_for_no_domain_and_stays_with_its_own(
    as_operator: Client, domain: Domain, other_domain: Domain
) -> None:
    page = body(as_operator.get("/domains/pandle.net/activity/", {"domain": "stranger.example"}))
    assert "the domain pandle.net" in page
    assert 'name="domain" value="stranger' not in page


# from where


def test_from_where_is_for_operators_and_for_who_did_it(
    as_operator: Client, as_colleague: Client, domain: Domain, colleague: User
) -> None:
    friend = User.objects.create(email="friend@example.org", password="argon2$nobody")
    Grant.objects.create(user=friend, domain=domain)
    as_friend = Client()
    as_friend.force_login(friend)
    as_colleague.post(
        "/domains/pandle.net/mailboxes/", {"local": "biliards"}, REMOTE_ADDR="192.0.2.7"
    )
    for browser, is_told in ((as_operator, True), (as_colleague, True), (as_friend, False)):
        for address in PAGES:
            page = body(browser.get(address))
            assert "added the mailbox biliards@pandle.net" in page
            assert ("192.0.2.7" in page) == is_told


def test_the_exact_time_is_in_the_title(as_operator: Client, domain: Domain) -> None:
    at = domain.change.at.isoformat()
    assert f'<time datetime="{at}" title="{at}">' in body(as_operator.get("/activity/"))


# hostile text

HOSTILE = [
    "<script>alert(1)</script>",
    "{{ user.password }}{% debug %}",
    "%(actor)s %s %",
    "\u202egro.elpmaxe@nna",
    '"><img src=x onerror=alert(1)>',
    "w" * 300,
]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_text(as_operator: Client, domain: Domain, text: str) -> None:
    with ledger_locked():
        record(
            Actor(None, text, None),
            Verb.CHANGED,
            Noun.PERSON,
            text,
            domain=domain.pk,
            before={text: text, "comment": text},
            after={"comment": [text, {text: text}]},
        )
        record(SYSTEM, Verb.ADDED, Noun.LINE, text, domain=domain.pk)
    for address in PAGES:
        answer = as_operator.get(address, {"person": text})
        assert answer.status_code == 200
        raw = answer.content.decode()
        assert f"<bdi>{html.escape(text)}</bdi> changed the rights of " in raw
        assert "<script>alert" not in raw
        assert "<img" not in raw.partition('<div id="activity"')[2]


def links_in(client: Client, address: str = HERE) -> set[str]:
    """Where the names in the sentences lead."""
    page = client.get(address).content.decode()
    return set(re.findall(r'<a href="([^"]*)"><bdi>', page))


def test_names_lead_to_their_pages(
    as_colleague: Client, as_operator: Client, colleague: User, domain: Domain, mailbox: Address
) -> None:
    box = f"/domains/pandle.net/mailboxes/{mailbox.pk}/"
    assert links_in(as_colleague) == {"/domains/pandle.net/", box}
    as_colleague.post(f"{box}switch/", {"on": "0"})
    assert f"/people/{colleague.pk}/" in links_in(as_operator)
    assert links_in(as_colleague) == {"/domains/pandle.net/", box}


def test_names_lead_nowhere_that_the_person_may_not_see(
    as_colleague: Client, as_operator: Client, domain: Domain, mailbox: Address
) -> None:
    as_colleague.post(f"/domains/pandle.net/mailboxes/{mailbox.pk}/switch/", {"on": "0"})
    Grant.objects.all().delete()  # what they did stays theirs to see
    assert "switched off the mailbox" in as_colleague.get(HERE).content.decode()
    assert links_in(as_colleague) == set()
    Domain.objects.update(removed=True)
    Claim.objects.update(claims=False)
    assert "/domains/pandle.net/" not in links_in(as_operator)


@pytest.mark.parametrize("rows", [1, 3])
def test_links_cost_the_same_for_one_row_as_for_three(
    as_colleague: Client, domain: Domain, django_assert_num_queries: Any, rows: int
) -> None:
    for number in range(rows):
        add_mailbox(SYSTEM, domain, LocalPart(f"m{number}"))
    with django_assert_num_queries(10):
        as_colleague.get(HERE)


def test_each_address_leads_to_what_happened_to_it(
    as_colleague: Client, domain: Domain, mailbox: Address
) -> None:
    alias = Address.objects.get(local="abuse")
    for path in (f"mailboxes/{mailbox.pk}", f"aliases/{alias.pk}"):
        page = as_colleague.get(f"/domains/pandle.net/{path}/").content.decode()
        assert '%40pandle.net">All changes of this address</a>' in page
    answer = as_colleague.get("/activity/?domain=biliards%40pandle.net")
    assert [entry.change.address for entry in answer.context["page"].rows] == [mailbox.pk]


def test_what_an_owner_did_leads_to_no_person_of_the_same_address(
    as_operator: Client, domain: Domain, mailbox: Address
) -> None:
    """Where an owner signs in, the target is the address too."""
    owner = User.everybody.create(email="same@pandle.net", is_owner=True)
    person = User.objects.create(email="same@example.org")
    User.objects.filter(pk=person.pk).update(email=owner.email)
    with ledger_locked():
        them = Actor(owner.pk, owner.email, None)
        record(them, Verb.PASSWORD, Noun.MAILBOX, str(mailbox), domain=domain.pk)
        record(them, Verb.SIGNED_IN, Noun.PERSON, owner.email)
    assert f"/people/{person.pk}/" not in links_in(as_operator)
