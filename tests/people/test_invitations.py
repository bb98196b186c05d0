"""Inviting and accepting."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import time_machine
from django.core import mail
from django.db import connection, connections
from django.test import Client
from django.utils import timezone

from qmailpanel.accounts.models import User
from qmailpanel.domains.access.models import Invitation
from qmailpanel.domains.access.rights import HELPING, NotAllowed, Preset, Right
from qmailpanel.domains.models import Grant
from qmailpanel.domains.services import remove_domain
from qmailpanel.ledger.actors import SYSTEM, Actor, Refused
from qmailpanel.ledger.models import Change, Verb
from qmailpanel.mailboxes.opening.links import offer_link
from qmailpanel.mailboxes.services import add_mailbox
from qmailpanel.people.accepting import accept, find_invitations
from qmailpanel.people.granting import MOST
from qmailpanel.people.grants import revoke_rights
from qmailpanel.people.invitations import invite, invite_operator, withdraw
from qmailpanel.people.letters import send
from qmailpanel.qmail.names import LocalPart
from tests.kit.people import LINK, rights_in, user_of
from tests.kit.signing_in import confirm, type_password, with_password

EMAIL, PASSWORD = "new@example.org", "seven lanterns over quiet water"
NOBODY = Actor(None, "", "192.0.2.9")
PAGE = "/domains/pandle.net/people/"
IN_LIST = {"HX-Request": "true", "HX-Target": "list"}


@pytest.fixture
def lender(person) -> Actor:
    """Somebody with all rights, from whom nobody learns who has an account."""
    actor: Actor = person(*Right.values, email="lender@example.org")
    return actor


def token_of(link: str) -> str:
    assert link.startswith(LINK)
    return link.removeprefix(LINK)


@pytest.fixture
def token(domain) -> str:
    return token_of(invite(SYSTEM, EMAIL, [domain], HELPING).link)


def test_only_the_hash_of_the_token_is_kept(token):
    assert token not in str(list(Invitation.objects.values()))
    assert find_invitations(token) == [Invitation.objects.get()]


def test_a_new_person_has_an_account_and_just_what_was_offered(domain, token):
    user = accept(NOBODY, token, PASSWORD)
    assert (user.email, user.is_operator, user.check_password(PASSWORD)) == (EMAIL, False, True)
    assert rights_in(domain, EMAIL) == ["passwords", "switching"]
    verbs = Change.objects.order_by("id").values_list("verb", "actor_name")
    assert list(verbs)[-2:] == [(Verb.ACCEPTED, EMAIL), (Verb.GRANTED, EMAIL)]


def test_an_invitation_works_once(token):
    accept(NOBODY, token, PASSWORD)
    with pytest.raises(Refused, match="used, withdrawn or is too old"):
        accept(NOBODY, token, PASSWORD)


@pytest.mark.django_db(transaction=True)
def test_an_invitation_used_twice_at_once_makes_one_account(token):
    def race(_):
        try:
            return str(accept(NOBODY, token, PASSWORD))
        except Refused as refused:
            return refused.template
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(race, range(4)))
    assert answers.count(EMAIL) == 1
    assert User.objects.filter(email=EMAIL).count() == Grant.objects.count() == 1


def test_an_invitation_expires(token):
    Invitation.objects.update(expires=timezone.now() - timedelta(seconds=1))
    with pytest.raises(Refused):
        accept(NOBODY, token, PASSWORD)


def test_inviting_again_makes_a_new_link_and_the_old_one_ends(domain, token):
    again = token_of(invite(SYSTEM, EMAIL.upper(), [domain], Preset.MAILBOXES.rights).link)
    assert find_invitations(token) == []
    accept(NOBODY, again, PASSWORD)
    assert rights_in(domain, EMAIL) == ["addresses", "passwords", "switching"]


def test_a_withdrawn_invitation_no_longer_works(domain, token, person):
    with pytest.raises(NotAllowed):
        withdraw(person("addresses"), [Invitation.objects.get()])
    withdraw(person("granting"), [Invitation.objects.get()])
    assert find_invitations(token) == []


def test_nobody_offers_more_than_they_have(domain, person):
    actor = person("granting", "passwords")
    with pytest.raises(NotAllowed, match="cannot grant what you may not"):
        invite(actor, EMAIL, [domain], HELPING)
    with pytest.raises(NotAllowed):
        invite(person("passwords", "switching"), EMAIL, [domain], HELPING)
    with pytest.raises(NotAllowed):
        invite_operator(actor, EMAIL)


def test_who_lost_rights_since_gives_only_what_is_left(domain, person):
    actor = person("granting", "passwords", "switching", email="lender@example.org")
    token = token_of(invite(actor, EMAIL, [domain], HELPING).link)
    Grant.objects.filter(user=actor.user_id).update(rights=["granting", "passwords"])
    accept(NOBODY, token, PASSWORD)
    assert rights_in(domain, EMAIL) == ["passwords"]


def test_who_invited_many_people_goes_on_in_an_hour(domain, person):
    actor = person("granting", "passwords", "switching", email="lender@example.org")
    for number in range(MOST):
        invite(actor, f"friend{number}@example.org", [domain], HELPING)
    with pytest.raises(Refused, match="Go on in an hour"):
        invite(actor, EMAIL, [domain], HELPING)
    with time_machine.travel(timezone.now() + timedelta(minutes=61)):
        invite(actor, EMAIL, [domain], HELPING)


def test_links_made_for_owners_are_no_invitations(domain, person):
    actor = person("granting", "passwords", "switching", email="lender@example.org")
    mailbox = add_mailbox(SYSTEM, domain, LocalPart("ada"))
    for _link in range(MOST):
        offer_link(actor, mailbox)
    assert invite(actor, EMAIL, [domain], HELPING).link


def test_the_invitation_of_somebody_who_is_gone_is_worth_nothing(domain, person):
    actor = person("granting", "passwords", "switching", email="lender@example.org")
    token = token_of(invite(actor, EMAIL, [domain], HELPING).link)
    revoke_rights(SYSTEM, user_of(actor), [domain])
    with pytest.raises(Refused, match="may no longer do so"):
        accept(NOBODY, token, PASSWORD)
    assert not User.objects.filter(email=EMAIL).exists()


def test_of_whom_was_demoted_no_invitation_makes_an_operator(operator, person):
    actor = person(email=operator.email)
    token = token_of(invite_operator(actor, EMAIL).link)
    for fields in ({"is_operator": False}, {"is_active": False}):
        User.objects.filter(pk=operator.pk).update(**{"is_operator": True, **fields})
        with pytest.raises(Refused, match="may no longer do so"):
            accept(NOBODY, token, PASSWORD)
    User.objects.filter(pk=operator.pk).update(is_active=True)
    assert accept(NOBODY, token, PASSWORD).is_operator


@pytest.mark.parametrize("kept", [["granting"], ["passwords", "switching"]])
def test_who_may_grant_none_of_it_any_more_gives_nothing(domain, person, kept):
    actor = person("granting", "passwords", "switching", email="lender@example.org")
    token = token_of(invite(actor, EMAIL, [domain], HELPING).link)
    Grant.objects.filter(user=actor.user_id).update(rights=kept)
    with pytest.raises(Refused, match="may no longer do so"):
        accept(NOBODY, token, PASSWORD)


@pytest.mark.parametrize("is_late", [False, True])
def test_who_becomes_an_operator_has_a_week_from_then_unless_the_time_was_over(
    person, settings, is_late
):
    settings.QMAILPANEL_SECOND_FACTOR = "everybody"
    actor = person(email=EMAIL)
    since = timezone.now() - timedelta(days=100 if is_late else 1)
    User.objects.filter(email=EMAIL).update(since=since)
    user = accept(actor, token_of(invite_operator(SYSTEM, EMAIL).link))
    user.refresh_from_db()
    assert user.is_operator
    assert (user.since == since) is is_late


def test_the_ledger_says_who_invited_who_withdrew_and_who_accepted(domain, person):
    before = Change.objects.latest("id").pk
    actor = person("granting", "passwords", "switching", email="lender@example.org")
    invite(actor, EMAIL, [domain], HELPING)
    withdraw(actor, [Invitation.objects.get()])
    link = invite(actor, EMAIL, [domain], HELPING).link
    invitation = Invitation.objects.get()
    accept(NOBODY, token_of(link), PASSWORD)
    withdraw(actor, [invitation])
    changes = Change.objects.filter(id__gt=before).order_by("id")
    told = [(one.verb, one.actor_name, one.target, one.domain, one.after) for one in changes]
    offered = {"rights": ["passwords", "switching"]}
    where = (EMAIL, domain.pk)
    assert told == [
        (Verb.INVITED, actor.name, *where, offered),
        (Verb.REMOVED, actor.name, *where, {}),
        (Verb.INVITED, actor.name, *where, offered),
        (Verb.ACCEPTED, EMAIL, *where, {"by": actor.name}),
        (Verb.GRANTED, EMAIL, *where, offered),
    ]


def test_only_an_operator_withdraws_the_invitation_of_one(operator, domain, person):
    link = invite_operator(SYSTEM, EMAIL).link
    invitation = Invitation.objects.get()
    with pytest.raises(NotAllowed):
        withdraw(person(*Right.values, email="full@example.org"), [invitation])
    assert find_invitations(token_of(link)) == [invitation]
    withdraw(person(email=operator.email), [invitation])
    assert find_invitations(token_of(link)) == []


def test_who_has_an_account_accepts_signed_in_and_keeps_what_they_had(
    domain, other_domain, person, lender
):
    known = person("names", email=EMAIL)
    Grant.objects.create(user=user_of(known), domain=other_domain, rights=["passwords"])
    with pytest.raises(Refused, match="looks after"):
        invite(lender, EMAIL, [domain], HELPING)
    Grant.objects.filter(domain=domain, user=user_of(known)).delete()
    token = token_of(invite(lender, EMAIL, [domain], HELPING).link)
    for other in (NOBODY, person("passwords", email="other@example.org")):
        with pytest.raises(NotAllowed, match=f"Sign in as {EMAIL}"):
            accept(other, token, PASSWORD)
    accept(known, token)
    assert rights_in(domain, EMAIL) == ["passwords", "switching"]
    assert rights_in(other_domain, EMAIL) == ["passwords"]


def test_an_operator_is_invited_by_an_operator(operator, person):
    actor = person(email="operator@example.org")
    token = token_of(invite_operator(actor, EMAIL).link)
    assert accept(NOBODY, token, PASSWORD).is_operator
    with pytest.raises(Refused, match="is an operator already"):
        invite_operator(actor, EMAIL)


def test_an_open_session_elsewhere_does_not_become_an_operators(operator, person):
    with_password(user_of(person(email=EMAIL)))
    elsewhere, here = Client(), Client()
    for browser in (elsewhere, here):
        type_password(browser, EMAIL)
        confirm(browser)
    token = token_of(invite_operator(person(email=operator.email), EMAIL).link)
    here.post("/invitation/", {"token": token})
    assert here.get("/people/").status_code == 200
    assert elsewhere.get("/people/")["Location"].startswith("/sign-in/")


@pytest.mark.parametrize(
    "typed", ["", "no-at", "a@", "two words@example.org", "a@b\nc", "a@localhost", "a@example.o"]
)
def test_what_is_no_address_is_refused_at_its_field(domain, typed):
    with pytest.raises(Refused) as refused:
        invite(SYSTEM, typed, [domain], HELPING)
    assert refused.value.field == "email"


def test_nobody_is_invited_to_a_removed_domain(domain):
    remove_domain(SYSTEM, domain)
    domain.refresh_from_db()
    with pytest.raises(Refused, match="removed"):
        invite(SYSTEM, EMAIL, [domain], HELPING)


# by mail


def test_the_mail_names_who_invites_to_what_and_has_the_link(domain, person):
    invited = invite(
        person("granting", "passwords", email="lender@example.org"),
        EMAIL,
        [domain],
        frozenset({Right.PASSWORDS}),
    )
    assert send(invited)
    [message] = mail.outbox
    assert message.to == [EMAIL]
    assert message.subject == "lender@example.org asks you to look after pandle.net"
    assert invited.link in message.body.splitlines()


def test_a_link_is_built_from_the_base_url_whatever_the_host_header_says(as_colleague, domain):
    headers = {"Host": "evil.example", "X-Forwarded-Host": "evil.example"}
    data = {"email": EMAIL, "preset": "help desk"}
    assert as_colleague.post(PAGE, data, headers=headers).status_code == 400
    as_colleague.post(PAGE, data, headers={"X-Forwarded-Host": "evil.example"})
    [message] = mail.outbox
    assert LINK in message.body
    assert "evil" not in message.body


# the pages


def test_the_page_says_that_the_invitation_is_on_its_way_and_shows_no_link(as_colleague, domain):
    answer = as_colleague.post(PAGE, {"email": EMAIL, "preset": "help desk"})
    said = answer.content.decode()
    assert f"An invitation is on its way to {EMAIL}." in said
    assert "?token=" not in said
    assert EMAIL in as_colleague.get(PAGE).content.decode()


def test_where_no_mail_server_takes_it_operators_copy_the_link_and_others_ask_them(
    as_operator, as_colleague, domain, settings
):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9
    data = {"email": EMAIL, "preset": "help desk"}
    said = as_colleague.post(PAGE, data).content.decode()
    assert "could not be sent by mail. Ask the operator" in said
    assert LINK not in said
    said = as_operator.post(PAGE, data).content.decode()
    link = said.partition(LINK)[2].partition("<")[0]
    assert find_invitations(link) == [Invitation.objects.get()]


def test_a_choice_of_ones_own_is_what_is_offered(as_colleague, domain):
    as_colleague.post(PAGE, {"email": EMAIL, "preset": "own", "rights": ["names", "granting"]})
    assert Invitation.objects.get().rights == ["names", "granting"]


@pytest.mark.parametrize(
    "data",
    [
        {"email": EMAIL, "preset": "own"},
        {"email": EMAIL, "preset": "full"},
        {"email": EMAIL, "preset": "own", "rights": ["unknown"]},
        {"email": EMAIL},
    ],
)
def test_who_has_few_rights_is_refused_more_though_it_is_posted_by_hand(
    sign_in, person, domain, data
):
    browser = sign_in(user_of(person("granting", "passwords")))
    assert browser.post(PAGE, data).status_code == 422
    assert not Invitation.objects.exists()


def test_the_invited_chooses_a_password_and_is_in(anonymous, domain, token):
    page = f"/invitation/?token={token}"
    said = anonymous.get(page).content.decode()
    assert "asks you to look after the mail of pandle.net" in said
    assert Invitation.objects.exists()
    answer = anonymous.post("/invitation/", {"token": token, "password": "password"})
    assert answer.status_code == 422
    answer = anonymous.post("/invitation/", {"token": token, "password": PASSWORD})
    assert answer["Location"] == "/domains/pandle.net/"
    assert anonymous.get("/domains/pandle.net/mailboxes/").status_code == 200
    assert anonymous.get(page).status_code == 410


def test_who_has_an_account_is_led_to_the_sign_in_page_and_back(anonymous, domain, person, lender):
    person(email=EMAIL)
    token = token_of(invite(lender, EMAIL, [domain], HELPING).link)
    said = anonymous.get(f"/invitation/?token={token}").content.decode()
    assert f"Sign in as {EMAIL} to accept." in said
    assert f"/sign-in/?next=%2Finvitation%2F%3Ftoken%3D{token}" in said
    anonymous.post("/invitation/", {"token": token, "password": PASSWORD})
    assert rights_in(domain, EMAIL) is None


def test_who_is_signed_in_as_somebody_else_accepts_nothing(as_stranger, domain, person, lender):
    person(email=EMAIL)
    token = token_of(invite(lender, EMAIL, [domain], HELPING).link)
    said = as_stranger.get(f"/invitation/?token={token}").content.decode()
    assert "Sign out as stranger@example.org" in said
    as_stranger.post("/invitation/", {"token": token})
    assert rights_in(domain, "stranger@example.org") is None


def test_the_rights_of_somebody_are_changed_on_a_page(as_colleague, domain, person):
    actor = person("passwords", email="helper@example.org")
    grant = Grant.objects.get(user=actor.user_id)
    page = f"{PAGE}{grant.pk}/"
    assert "helper@example.org" in as_colleague.get(page).content.decode()
    assert as_colleague.post(page, {"preset": "mailboxes"}).status_code == 303
    assert rights_in(domain, "helper@example.org") == ["addresses", "passwords", "switching"]
    assert as_colleague.post(f"{page}revoke/").status_code == 303
    assert rights_in(domain, "helper@example.org") is None


def test_who_leaves_is_led_home(as_colleague, domain, colleague):
    grant = Grant.objects.get(user=colleague)
    assert as_colleague.post(f"{PAGE}{grant.pk}/revoke/")["Location"] == "/"


def test_operators_see_everybody(as_operator, colleague):
    assert "colleague@example.org" in as_operator.get("/people/").content.decode()


def test_an_operator_is_invited_only_by_one_who_showed_that_it_is_still_them(sign_in, operator):
    browser = sign_in(with_password(operator))
    assert browser.post("/people/invite/", {"email": EMAIL}).status_code == 302
    assert not Invitation.objects.exists()
    confirm(browser)
    said = browser.post("/people/invite/", {"email": EMAIL}).content.decode()
    assert "An invitation is on its way" in said
    invitation = Invitation.objects.get()
    assert invitation.domain is None
    assert EMAIL in browser.get("/people/").content.decode()
    assert browser.post(f"/invitations/{invitation.pk}/withdraw/").status_code == 303
    assert not Invitation.objects.exists()


def test_people_come_page_by_page_operators_first_and_are_found(as_operator, person):
    for number in range(51):
        person("passwords", email=f"p{number:02}@example.org")
    page = as_operator.get("/people/").content.decode()
    assert page.index(">operator@example.org") < page.index(">p00@")
    assert (">p48@" in page, ">p49@" in page) == (True, False)
    [cursor] = re.findall(r'rel="next" href="(.*?)"', page)
    assert ">p49@" in as_operator.get(f"/people/{cursor}").content.decode()
    found = as_operator.get("/people/?q=P50").content.decode()
    assert (">p50@" in found, ">p49@" in found) == (True, False)
    assert "No address has “nobody” in it" in as_operator.get("/people/?q=nobody").content.decode()
    part = as_operator.get("/people/?q=p50", headers=IN_LIST).content.decode()
    assert (">p50@" in part, "<html" in part) == (True, False)


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL decides by the table's size")
def test_people_are_read_in_order_of_an_index(operator):
    people = User.objects.for_user(operator).order_by("-is_operator", "email")
    assert "USING INDEX person_by_email" in people.explain()
    assert "TEMP B-TREE" not in people.explain()


def test_the_people_page_asks_as_often_for_one_as_for_many(
    as_operator, person, django_assert_num_queries
):
    person("passwords")
    with django_assert_num_queries(7):
        as_operator.get("/people/")
    for number in range(5):
        person("passwords", email=f"p{number}@example.org")
    with django_assert_num_queries(7):
        as_operator.get("/people/")
