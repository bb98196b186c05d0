"""One invitation for many domains; whoever has an account just gets them."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
import time_machine
from django.core import mail
from django.utils import timezone

from qmailpanel.accounts.models import User
from qmailpanel.activity.sentences import sentence_of
from qmailpanel.domains.access.models import Invitation
from qmailpanel.domains.access.rights import HELPING, NotAllowed, Right
from qmailpanel.domains.models import Domain, Grant
from qmailpanel.domains.names.services import add_alias_domain, remove_alias_domain
from qmailpanel.domains.services import add_domain, remove_domain
from qmailpanel.ledger.actors import SYSTEM, Actor, Refused
from qmailpanel.ledger.models import Change, Verb
from qmailpanel.people.accepting import accept, find_invitations
from qmailpanel.people.granting import MOST
from qmailpanel.people.grants import revoke_rights
from qmailpanel.people.invitations import invite, withdraw
from qmailpanel.people.persons import switch_person
from qmailpanel.qmail.names import DomainName
from tests.kit.people import LINK, rights_in, user_of

EMAIL, PASSWORD = "new@example.org", "seven lanterns over quiet water"
NOBODY = Actor(None, "", "192.0.2.9")
PAGES = ["/people/", "/domains/one.example/people/"]
NAMES = ["one.example", "three.example", "two.example"]


@pytest.fixture
def many(db) -> list[Domain]:
    """Three domains, in order of their names."""
    return [add_domain(SYSTEM, DomainName(name)) for name in NAMES]


@pytest.fixture
def lender(person, many) -> Actor:
    """Somebody with all rights in the first two and at the help desk of the third."""
    for domain in many[:2]:
        actor: Actor = person(*Right.values, email="lender@example.org", of=domain)
    person("passwords", "switching", email="lender@example.org", of=many[2])
    return actor


@pytest.fixture
def known(person, other_domain) -> User:
    """Somebody who looks after a domain that nobody here knows of."""
    return user_of(person("passwords", email=EMAIL, of=other_domain))


def held(many: list[Domain]) -> list[object]:
    return [rights_in(domain, EMAIL) for domain in many]


def token_of(link: str) -> str:
    assert link.startswith(LINK)
    return link.removeprefix(LINK)


def ask(**more: str) -> dict[str, str]:
    return {"email": EMAIL, "domains": "\n".join(NAMES[:2]), "preset": "help desk", **more}


# services


def test_one_link_gives_all_that_it_offers_and_works_once(many):
    token = token_of(invite(SYSTEM, EMAIL, many, HELPING).link)
    assert [str(one.domain) for one in find_invitations(token)] == NAMES
    accept(NOBODY, token, PASSWORD)
    assert held(many) == [["passwords", "switching"]] * 3
    assert find_invitations(token) == []
    assert not Invitation.objects.exists()


def test_each_domain_has_its_lines_in_the_ledger(many):
    before = Change.objects.latest("id").pk
    accept(NOBODY, token_of(invite(SYSTEM, EMAIL, many, HELPING).link), PASSWORD)
    for domain in many:
        told = Change.objects.filter(domain=domain.pk, id__gt=before).order_by("id")
        verbs = [(one.verb, one.target) for one in told]
        assert verbs == [(v, EMAIL) for v in (Verb.INVITED, Verb.ACCEPTED, Verb.GRANTED)]


def test_a_domain_in_which_the_inviter_lost_the_right_is_left_out(many, lender):
    token = token_of(invite(lender, EMAIL, many[:2], HELPING).link)
    revoke_rights(SYSTEM, user_of(lender), [many[0]])
    accept(NOBODY, token, PASSWORD)
    assert held(many) == [None, ["passwords", "switching"], None]
    told = Change.objects.filter(actor_name=EMAIL).order_by("id")
    assert [(one.verb, one.domain) for one in told] == [
        (Verb.ACCEPTED, many[1].pk),
        (Verb.REMOVED, many[0].pk),
        (Verb.GRANTED, many[1].pk),
    ]
    said = str(sentence_of(told[1], domain="one.example"))
    assert said == f"The invitation of {EMAIL} to look after one.example ended"


def test_who_may_not_grant_in_one_of_them_invites_to_none(many, lender):
    with pytest.raises(NotAllowed, match=r"let others look after the domain in two\.example"):
        invite(lender, EMAIL, many, HELPING)
    assert not Invitation.objects.exists()


def test_an_invitation_to_nothing_is_refused_at_its_field(many):
    with pytest.raises(Refused, match="Choose at least one domain") as refused:
        invite(SYSTEM, EMAIL, [], HELPING)
    assert refused.value.field == "domains"


def test_nobody_is_invited_to_many_domains_of_which_one_is_removed(many):
    remove_domain(SYSTEM, many[1])
    with pytest.raises(Refused, match=r"three\.example is removed"):
        invite(SYSTEM, EMAIL, many, HELPING)
    assert not Invitation.objects.exists()


def test_who_looks_after_one_of_them_already_is_refused_by_its_name(many, person):
    person("passwords", email=EMAIL, of=many[1])
    with pytest.raises(Refused, match=r"looks after three\.example already"):
        invite(SYSTEM, EMAIL, many, HELPING)
    assert held(many) == [None, ["passwords"], None]


def test_inviting_again_to_one_of_them_leaves_the_link_of_the_others(many):
    first = token_of(invite(SYSTEM, EMAIL, many, HELPING).link)
    again = token_of(invite(SYSTEM, EMAIL, many[:1], HELPING).link)
    assert [str(one.domain) for one in find_invitations(first)] == NAMES[1:]
    assert [str(one.domain) for one in find_invitations(again)] == NAMES[:1]


def test_an_invitation_to_many_domains_counts_once(many, lender):
    for number in range(MOST):
        invite(lender, f"friend{number}@example.org", many[:2], HELPING)
    with pytest.raises(Refused, match="Go on in an hour"):
        invite(lender, EMAIL, many[:2], HELPING)
    with time_machine.travel(timezone.now() + timedelta(minutes=61)):
        assert invite(lender, EMAIL, many[:2], HELPING).link


def test_who_has_an_account_gets_the_rights_at_once_from_an_operator(many, known, operator):
    actor = Actor(operator.pk, str(operator), None)
    invited = invite(actor, EMAIL.upper(), many, HELPING)
    assert (invited.link, held(many)) == ("", [["passwords", "switching"]] * 3)
    grant = Grant.objects.get(domain=many[0], user=known)
    assert grant.by == str(operator)


def test_an_older_invitation_ends_when_an_operator_gives_the_rights(many, lender, known):
    token = token_of(invite(lender, EMAIL, many[:2], HELPING).link)
    invite(SYSTEM, EMAIL, many[:1], HELPING)
    assert [str(one.domain) for one in find_invitations(token)] == NAMES[1:2]


def test_who_is_switched_off_gets_nothing(many, known):
    switch_person(SYSTEM, known, on=False)
    with pytest.raises(Refused, match="is switched off"):
        invite(SYSTEM, EMAIL, many, HELPING)


def test_an_operator_grants_nothing_to_themselves(many, operator):
    with pytest.raises(NotAllowed, match="their own rights"):
        invite(Actor(operator.pk, str(operator), None), operator.email, many, HELPING)


def test_the_rights_of_many_domains_are_written_as_fast_as_those_of_one(
    many, django_assert_num_queries, operator
):
    actor = Actor(operator.pk, str(operator), None)
    for domains, email in ((many[:1], "a@example.org"), (many, "b@example.org")):
        with django_assert_num_queries(25):
            accept(NOBODY, token_of(invite(actor, email, domains, HELPING).link), PASSWORD)


def test_withdrawing_what_somebody_else_withdrew_at_that_moment_changes_nothing(many):
    last = Change.objects.latest("id").pk
    withdraw(SYSTEM, [])
    assert Change.objects.latest("id").pk == last


def test_all_of_a_link_is_withdrawn_or_one_domain_of_it(many):
    token = token_of(invite(SYSTEM, EMAIL, many, HELPING).link)
    withdraw(SYSTEM, list(Invitation.objects.filter(domain=many[0])))
    assert len(find_invitations(token)) == 2
    withdraw(SYSTEM, list(Invitation.objects.all()))
    assert find_invitations(token) == []


# what a domain admin learns


def test_a_domain_admin_does_not_learn_who_has_an_account(many, lender, known, sign_in):
    """Answer, mail, list, ledger and number of queries are the same for either."""
    browser, seen = sign_in(user_of(lender)), []
    for email in (EMAIL, "not@example.org"):
        last = Change.objects.latest("id").pk
        answer = browser.post("/people/", ask(email=email)).content.decode()
        pages = [browser.get(page).content.decode() for page in PAGES]
        told = list(Change.objects.filter(pk__gt=last).values_list("verb", "noun", "domain"))
        [message] = mail.outbox
        mail.outbox.clear()
        texts = [plain(text, email) for text in [answer, *pages, message.body]]
        seen.append((texts, told, message.subject))
        Invitation.objects.all().delete()
    assert seen[0] == seen[1]
    assert held(many) == [None] * 3


def plain(text: str, email: str) -> str:
    """Without what differs each time."""
    text = re.sub(r'token=\S+|value="\w{64}"|invitations/\d+', "", text)
    return text.replace(email, "who")


def test_of_the_people_of_other_domains_a_domain_admin_sees_nothing(many, lender, known, sign_in):
    page = sign_in(user_of(lender)).get("/people/").content.decode()
    assert "lender@example.org" in page
    assert EMAIL not in page


# pages


def test_an_invitation_to_many_domains_is_one_mail_that_names_them(many, as_operator):
    said = as_operator.post("/people/", ask()).content.decode()
    assert f"An invitation is on its way to {EMAIL}." in said
    [message] = mail.outbox
    assert message.subject == "operator@example.org asks you to look after 2 domains"
    assert message.body.splitlines()[:4] == [
        "operator@example.org asks you to look after the mail of 2 domains with qmailpanel:",
        "",
        *NAMES[:2],
    ]


def test_the_invited_see_the_domains_and_accept_once(many, anonymous):
    link = invite(SYSTEM, EMAIL, many, HELPING).link
    page = anonymous.get(link).content.decode()
    assert all(f"<li>{name}</li>" in page for name in NAMES)
    data = {"token": token_of(link), "password": PASSWORD}
    assert anonymous.post("/invitation/", data)["Location"] == "/"
    listed = anonymous.get("/domains/").content.decode()
    assert all(name in listed for name in NAMES)


def test_who_has_an_account_is_told_by_mail_that_the_rights_are_there(many, known, as_operator):
    said = as_operator.post("/people/", ask()).content.decode()
    assert f"{EMAIL} has an account here and so the rights at once." in said
    [message] = mail.outbox
    assert (message.to, message.subject) == (
        [EMAIL],
        "operator@example.org lets you look after 2 domains",
    )
    assert "token" not in message.body
    assert NAMES[0] in message.body.splitlines()
    assert held(many) == [["passwords", "switching"]] * 2 + [None]


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("", "Enter at least one domain"),
        ("one.example nowhere.example", "You look after no domain of this name: nowhere.example."),
        ("one.example pandle.net", "You look after no domain of this name: pandle.net."),
        ("one.example b@d", "b@d"),
        (" ".join(f"d{n}.example" for n in range(1_001)), "Enter at most 1000 domains at once."),
    ],
)
def test_a_wrong_name_is_told_at_the_field_and_nothing_typed_is_lost(
    many, lender, domain, sign_in, typed, said
):
    answer = sign_in(user_of(lender)).post("/people/", ask(domains=typed))
    assert answer.status_code == 422
    page = answer.content.decode()
    assert said in page[page.index('id="invite_domains_error"') :]
    assert f'value="{EMAIL}"' in page
    assert not Invitation.objects.exists()


def test_names_are_taken_as_people_write_them(many, as_operator):
    add_domain(SYSTEM, DomainName("bücher.example"))
    as_operator.post("/people/", ask(domains="ONE.example, bücher.example;two.example\n"))
    invited = Invitation.objects.order_by("domain__name").values_list("domain__name", flat=True)
    assert list(invited) == ["one.example", "two.example", "xn--bcher-kva.example"]


def test_an_alias_domain_stands_for_its_domain(many, lender, domain, sign_in):
    add_alias_domain(SYSTEM, many[0], DomainName("uno.example"))
    gone = add_alias_domain(SYSTEM, many[0], DomainName("gone.example"))
    remove_alias_domain(SYSTEM, gone)
    add_alias_domain(SYSTEM, domain, DomainName("strange.example"))
    browser = sign_in(user_of(lender))
    for name in ("gone.example", "strange.example"):
        page = browser.post("/people/", ask(domains=name)).content.decode()
        assert f"You look after no domain of this name: {name}." in page
    browser.post("/people/", ask(domains="uno.example one.example three.example"))
    invited = Invitation.objects.order_by("domain__name").values_list("domain__name", flat=True)
    assert list(invited) == NAMES[:2]


def test_who_may_grant_nowhere_has_no_form_and_is_refused_by_hand(many, person, sign_in):
    browser = sign_in(user_of(person("passwords", "switching", of=many[0])))
    assert "Invite somebody" not in browser.get("/people/").content.decode()
    assert browser.post("/people/", ask(domains=NAMES[0])).status_code == 422
    assert not Invitation.objects.exists()


def test_waiting_invitations_are_listed_by_link_and_withdrawn_whole(many, as_operator):
    invite(SYSTEM, EMAIL, many, HELPING)
    page = as_operator.get("/people/").content.decode()
    assert "one.example and 2 more" in page
    pk = Invitation.objects.earliest("pk").pk
    assert as_operator.post(f"/invitations/{pk}/withdraw/", {"whole": "1"}).status_code == 303
    assert not Invitation.objects.exists()


def test_of_a_link_a_domain_admin_sees_and_withdraws_only_their_part(many, lender, domain, sign_in):
    invite(SYSTEM, EMAIL, [*many[:2], domain], HELPING)
    browser = sign_in(user_of(lender))
    page = browser.get("/people/").content.decode()
    assert "one.example and 1 more" in page
    pk = Invitation.objects.get(domain=many[0]).pk
    browser.post(f"/invitations/{pk}/withdraw/", {"whole": "1"})
    assert [one.domain for one in Invitation.objects.all()] == [domain]


def test_only_who_may_grant_in_all_of_a_link_that_they_see_finds_the_button_that_withdraws_it(
    many, lender, domain, sign_in, as_operator
):
    browser = sign_in(user_of(lender))
    seen = []
    for domains in (many[:1], [*many[:2], domain], many, many[2:]):
        Invitation.objects.all().delete()
        invite(SYSTEM, EMAIL, domains, HELPING)
        pages = [one.get("/people/").content.decode() for one in (browser, as_operator)]
        assert all(EMAIL in page for page in pages)
        seen.append(["/withdraw/" in page for page in pages])
    assert seen == [[True, True], [True, True], [False, True], [False, True]]


def test_the_people_page_of_a_domain_admin_asks_as_often_for_one_as_for_many(
    many, lender, person, sign_in, django_assert_num_queries
):
    browser = sign_in(user_of(lender))
    for count in (1, 3):
        for number in range(count):
            person("passwords", email=f"{count}-{number}@example.org", of=many[number])
            invite(SYSTEM, f"i{count}-{number}@example.org", many, HELPING)
        with django_assert_num_queries(9):
            browser.get("/people/")
