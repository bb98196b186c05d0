"""A person's page: all their domains and rights in one table, changed there."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
import time_machine
from django.core import mail
from django.utils import timezone

from qmailpanel.accounts.models import User
from qmailpanel.domains.access.rights import HELPING, NotAllowed, Preset, Right, read_rights
from qmailpanel.domains.models import Domain, Grant
from qmailpanel.domains.services import add_domain
from qmailpanel.ledger.actors import SYSTEM, Actor, Refused
from qmailpanel.ledger.models import Change, Noun, Verb
from qmailpanel.ledger.services import ledger_locked, record
from qmailpanel.people.granting import MOST
from qmailpanel.people.grants import change_rights, grant_rights, revoke_rights
from qmailpanel.qmail.names import DomainName
from tests.kit.people import rights_in, user_of

ANN = "ann@example.org"
NAMES = ["a.example", "b.example", "c.example"]
HELP = ["passwords", "switching"]


@pytest.fixture
def three(db) -> list[Domain]:
    return [add_domain(SYSTEM, DomainName(name)) for name in NAMES]


@pytest.fixture
def ann(person, three, other_domain) -> User:
    """At the help desk of three domains, and of one more that is somebody else's."""
    for domain in [*three, other_domain]:
        actor = person(*HELP, email=ANN, of=domain)
    return user_of(actor)


@pytest.fixture
def lender(person, three) -> Actor:
    """All rights in a.example, at the help desk of b.example, nothing in c.example."""
    person(*Right.values, email="lender@example.org", of=three[0])
    actor: Actor = person(*HELP, email="lender@example.org", of=three[1])
    return actor


def keys(*domains: Domain) -> list[str]:
    return [str(Grant.objects.get(user__email=ANN, domain=one).pk) for one in domains]


def held(three: list[Domain]) -> list[object]:
    return [rights_in(domain, ANN) for domain in three]


# services


def test_the_rights_of_many_domains_are_changed_at_once_each_with_its_line(three, ann):
    last = Change.objects.latest("id").pk
    change_rights(SYSTEM, ann, three[:2], Preset.MAILBOXES.rights)
    assert held(three) == [["addresses", *HELP]] * 2 + [HELP]
    told = Change.objects.filter(pk__gt=last).order_by("pk")
    assert [(one.verb, one.domain, one.target) for one in told] == [
        (Verb.CHANGED, domain.pk, ANN) for domain in three[:2]
    ]
    assert told[0].before == {"rights": HELP}
    assert told[0].after == {"rights": [*HELP, "addresses"]}


def test_where_nothing_changes_nothing_is_recorded(three, ann):
    last = Change.objects.latest("id").pk
    change_rights(SYSTEM, ann, three, HELPING)
    assert Change.objects.latest("id").pk == last


def test_who_may_not_grant_in_one_of_them_changes_none(three, ann, lender):
    for call in (
        lambda: change_rights(lender, ann, three[:2], read_rights(["passwords"])),
        lambda: revoke_rights(lender, ann, three[:2]),
    ):
        with pytest.raises(NotAllowed, match=r"let others look after the domain in b\.example"):
            call()
    assert held(three) == [HELP] * 3


def test_what_is_taken_from_many_is_gone_and_the_rest_stays(three, ann):
    revoke_rights(SYSTEM, ann, three[1:])
    assert held(three) == [HELP, None, None]


def test_a_grant_that_is_gone_meanwhile_is_named_and_nothing_is_changed(three, ann):
    Grant.objects.filter(user=ann, domain=three[1]).delete()
    with pytest.raises(Refused, match=r"no longer looks after b\.example"):
        change_rights(SYSTEM, ann, three, Preset.MAILBOXES.rights)
    assert held(three) == [HELP, None, HELP]


@pytest.mark.parametrize("service", [change_rights, grant_rights])
def test_nothing_ticked_is_refused(ann, service):
    with pytest.raises(Refused, match="Choose at least one domain"):
        service(SYSTEM, ann, [], HELPING)


def test_domains_are_added_to_somebody_one_knows_but_no_right_one_lacks(three, ann, lender):
    new = add_domain(SYSTEM, DomainName("new.example"))
    Grant.objects.create(user=user_of(lender), domain=new, rights=["granting", *HELP])
    with pytest.raises(NotAllowed, match=r"may not do yourself in new\.example"):
        grant_rights(lender, ann, [new], Preset.MAILBOXES.rights)
    grant_rights(lender, ann, [new], HELPING)
    grant = Grant.objects.get(user=ann, domain=new)
    assert (grant.rights, grant.by) == (HELP, lender.name)


def test_nobody_adds_domains_to_somebody_they_share_none_with(three, lender, person, other_domain):
    stranger = user_of(person("passwords", email="far@example.org", of=other_domain))
    with pytest.raises(NotAllowed, match="no longer share a domain"):
        grant_rights(lender, stranger, three[:1], HELPING)
    assert stranger.grants.count() == 1


def test_nobody_adds_domains_to_somebody_who_is_switched_off(three, ann):
    User.objects.filter(pk=ann.pk).update(is_active=False)
    ann.refresh_from_db()
    new = add_domain(SYSTEM, DomainName("new.example"))
    with pytest.raises(Refused, match="is switched off"):
        grant_rights(SYSTEM, ann, [new], HELPING)


def test_nobody_adds_domains_to_themselves_or_twice(three, ann, lender):
    with pytest.raises(NotAllowed, match="their own rights"):
        grant_rights(lender, user_of(lender), three[:1], HELPING)
    with pytest.raises(Refused, match=r"looks after a\.example already"):
        grant_rights(lender, ann, three[:1], HELPING)


def test_who_added_domains_very_often_goes_on_in_an_hour_and_an_operator_at_once(
    three, ann, lender, operator, sign_in
):
    new = add_domain(SYSTEM, DomainName("new.example"))
    Grant.objects.create(user=user_of(lender), domain=new, rights=Right.values)
    for _time in range(MOST):
        grant_rights(lender, ann, [new], HELPING)
        revoke_rights(lender, ann, [new])
    asked = {"domains": "new.example", "preset": "help desk"}
    answer = sign_in(user_of(lender)).post(f"/people/{ann.pk}/domains/", asked)
    page = answer.content.decode()
    said = page[page.index('id="grant_domains_error"') :].partition("</p>")[0]
    assert answer.status_code == 422
    assert "You added domains very often. Go on in an hour." in said
    assert (mail.outbox, rights_in(new, ANN)) == ([], None)
    with time_machine.travel(timezone.now() + timedelta(minutes=61)):
        grant_rights(lender, ann, [new], HELPING)
    for _time in range(MOST + 1):
        revoke_rights(SYSTEM, ann, [new])
        grant_rights(Actor(operator.pk, str(operator), None), ann, [new], HELPING)


def test_what_one_accepted_oneself_is_no_mail_to_others(three, ann, lender):
    revoke_rights(SYSTEM, ann, three[:1])
    with ledger_locked():
        for _time in range(MOST):
            record(lender, Verb.GRANTED, Noun.PERSON, lender.name, domain=three[0].pk)
    grant_rights(lender, ann, three[:1], HELPING)
    assert held(three)[0] == HELP


def test_many_rights_are_changed_with_as_many_queries_as_one(
    three, ann, operator, django_assert_num_queries
):
    actor = Actor(operator.pk, str(operator), None)
    for domains, rights in ((three[:1], Preset.FULL.rights), (three, Preset.MAILBOXES.rights)):
        with django_assert_num_queries(8):
            change_rights(actor, ann, domains, rights)
    for domains in (three[:1], three[1:]):
        with django_assert_num_queries(8):
            revoke_rights(actor, ann, domains)


# the page


def test_an_operator_sees_every_domain_with_rights_since_when_and_by_whom(
    three, ann, as_operator, operator
):
    new = add_domain(SYSTEM, DomainName("new.example"))
    grant_rights(Actor(operator.pk, str(operator), None), ann, [new], Preset.FULL.rights)
    page = as_operator.get(f"/people/{ann.pk}/").content.decode()
    assert "Looks after 5 domains." in page
    assert all(name in page for name in [*NAMES, "new.example", "stranger.example"])
    row = page[page.index(">new.example<") :]
    assert "Full: everything but the operator" in row
    assert "by operator@example.org" in row[: row.index("</tr>")]


def test_a_domain_admin_sees_shared_domains_alone_and_no_word_of_others(
    three, ann, lender, sign_in
):
    browser = sign_in(user_of(lender))
    page = browser.get(f"/people/{ann.pk}/").content.decode()
    assert "Looks after 2 domains." in page
    assert ("a.example" in page, "b.example" in page) == (True, True)
    assert ("c.example" in page, "stranger.example" in page, "sign-in" in page) == (False,) * 3
    listed = browser.get("/people/").content.decode()
    assert "2 domains" in listed[listed.index(f">{ANN}<") :]


def test_only_what_one_may_change_can_be_ticked(three, ann, lender, sign_in):
    page = sign_in(user_of(lender)).get(f"/people/{ann.pk}/").content.decode()
    assert re.findall(r'type="checkbox" name="grant" value="(\d+)"', page) == keys(three[0])


def test_of_who_has_more_rights_nothing_can_be_ticked(three, ann, person, sign_in):
    few = person("granting", "passwords", email="few@example.org", of=three[0])
    page = sign_in(user_of(few)).get(f"/people/{ann.pk}/").content.decode()
    assert 'name="grant"' not in page
    assert "In the domains you tick" not in page


@pytest.mark.parametrize("place", ["", "rights/", "domains/"])
def test_somebody_with_whom_one_shares_no_domain_has_no_page(ann, person, domain, sign_in, place):
    browser = sign_in(user_of(person(*Right.values, of=domain)))
    asked = browser.post if place else browser.get
    assert asked(f"/people/{ann.pk}/{place}").status_code == 404


def test_ticked_rows_get_other_rights_and_the_list_stays_as_it_was_searched(
    three, ann, as_operator
):
    page = as_operator.get(f"/people/{ann.pk}/").content.decode()
    assert re.search(r'value="help desk"[^>]*checked', page)
    data = {"grant": keys(*three[:2]), "do": "change", "preset": "mailboxes", "q": "example"}
    data["seen"] = re.findall(r'name="seen" value="(\w+)"', page)[0]
    answer = as_operator.post(f"/people/{ann.pk}/rights/", data)
    assert answer["Location"] == f"/people/{ann.pk}/?q=example"
    assert held(three) == [["addresses", *HELP]] * 2 + [HELP]


def test_before_rights_are_taken_away_the_page_asks_and_keeps_what_is_ticked(
    three, ann, as_operator
):
    data = {"grant": keys(*three[:2]), "do": "revoke"}
    page = as_operator.post(f"/people/{ann.pk}/rights/", data).content.decode()
    assert "Take all rights of ann@example.org in 2 domains away?" in page
    assert None not in held(three)
    ticked = re.findall(r'name="grant" value="(\d+)"[^>]*checked', page)
    assert sorted(ticked) == sorted(data["grant"])


def test_where_rights_differ_none_of_them_stands_there_already(three, ann, as_operator):
    Grant.objects.filter(pk=keys(three[0])[0]).update(rights=["addresses"])
    page = as_operator.get(f"/people/{ann.pk}/").content.decode()
    changing = page.partition('id="ticked"')[2].partition("<details")[0]
    assert 'name="preset"' in changing
    assert not re.search(r'name="preset"[^>]*checked', changing)
    answer = as_operator.post(f"/people/{ann.pk}/rights/", {"grant": keys(*three), "do": "change"})
    assert answer.status_code == 422
    assert "Choose what the person may do." in answer.content.decode()


def test_ticked_rows_are_taken_away(three, ann, as_operator):
    data = {"grant": keys(*three[:2]), "do": "revoke", "sure": "1"}
    assert as_operator.post(f"/people/{ann.pk}/rights/", data).status_code == 303
    assert held(three) == [None, None, HELP]


def test_a_choice_without_rights_or_rows_is_told_and_what_was_ticked_stays(three, ann, as_operator):
    page = f"/people/{ann.pk}/rights/"
    answer = as_operator.post(page, {"grant": keys(three[1]), "do": "change", "preset": "own"})
    assert answer.status_code == 422
    said = answer.content.decode()
    assert "Choose at least one right" in said
    assert re.findall(r'value="(\d+)" aria-label="\S+" checked', said) == keys(three[1])
    answer = as_operator.post(page, {"do": "change", "preset": "full"})
    assert (answer.status_code, "Choose at least one domain" in answer.content.decode()) == (
        422,
        True,
    )


def test_ids_of_other_peoples_grants_do_nothing(three, ann, lender, colleague, sign_in):
    browser, page = sign_in(user_of(lender)), f"/people/{ann.pk}/rights/"
    foreign = str(Grant.objects.get(user=colleague).pk)
    for ids in ([foreign], keys(three[2]), ["x"], ["9" * 30]):
        assert browser.post(page, {"grant": ids, "do": "revoke", "sure": "1"}).status_code == 422
    assert held(three) == [HELP] * 3
    assert colleague.grants.exists()


def test_all_of_the_list_means_also_what_is_on_other_pages_and_only_what_one_may(
    three, ann, lender, as_operator, sign_in
):
    data = {"every": "1", "do": "change", "preset": "full"}
    sign_in(user_of(lender)).post(f"/people/{ann.pk}/rights/", data)
    assert held(three) == [sorted(Right.values), HELP, HELP]
    many = [add_domain(SYSTEM, DomainName(f"zed{number:02}.example")) for number in range(51)]
    grant_rights(SYSTEM, ann, many, HELPING)
    page = as_operator.get(f"/people/{ann.pk}/?q=ZED").content.decode()
    assert (">zed48.example<" in page, ">zed50.example<" in page) == (True, False)
    as_operator.post(
        f"/people/{ann.pk}/rights/", {"every": "1", "do": "revoke", "sure": "1", "q": "zed"}
    )
    left = ann.grants.values_list("domain__name", flat=True)
    assert not [name for name in left if name.startswith("zed")]
    assert len(left) == 4


def test_domains_are_added_on_the_page_and_the_person_is_told(three, ann, as_operator):
    add_domain(SYSTEM, DomainName("new.example"))
    page = f"/people/{ann.pk}/domains/"
    data = {"domains": "new.example", "preset": "help desk"}
    assert as_operator.post(page, {**data, "domains": "no.example"}).status_code == 422
    answer = as_operator.post(page, data, follow=True)
    assert "Saved. A mail says so." in answer.content.decode()
    [message] = mail.outbox
    assert (message.to, message.subject) == (
        [ANN],
        "operator@example.org lets you look after new.example",
    )


def test_who_takes_the_last_shared_domain_away_is_led_to_the_list(three, ann, person, sign_in):
    admin = person(*Right.values, email="boss@example.org", of=three[0])
    browser = sign_in(user_of(admin))
    data = {"grant": keys(three[0]), "do": "revoke", "sure": "1"}
    assert browser.post(f"/people/{ann.pk}/rights/", data)["Location"] == "/people/"


def test_anybody_leaves_some_of_their_domains_on_their_own_page(three, ann, sign_in):
    browser = sign_in(ann)
    page = browser.get(f"/people/{ann.pk}/").content.decode()
    assert ("Leave them" in page, "Add domains" in page) == (True, False)
    data = {"grant": keys(*three[:2]), "do": "revoke", "sure": "1"}
    assert browser.post(f"/people/{ann.pk}/rights/", data)["Location"] == f"/people/{ann.pk}/"
    assert held(three) == [None, None, HELP]
    assert browser.post(f"/people/{ann.pk}/rights/", {**data, "do": "change"}).status_code == 422


@pytest.mark.parametrize(("kind", "queries"), [("operator", 9), ("lender", 9)])
def test_the_page_asks_as_often_for_one_as_for_many(
    three, ann, lender, operator, sign_in, django_assert_num_queries, kind, queries
):
    browser = sign_in(operator if kind == "operator" else user_of(lender))
    ann.grants.exclude(domain=three[0]).delete()
    for _round in range(2):
        with django_assert_num_queries(queries):
            browser.get(f"/people/{ann.pk}/")
        for domain in three[1:]:
            Grant.objects.get_or_create(user=ann, domain=domain, defaults={"rights": HELP})
