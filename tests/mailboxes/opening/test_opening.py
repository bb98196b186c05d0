"""What opens a mailbox: app passwords, switches, links; and what is kept from owners."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest
from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.db import connections
from django.test import Client
from django.utils import timezone

from qmailpanel.accounts.models import User
from qmailpanel.domains.access.rights import NotAllowed
from qmailpanel.domains.models import Domain, Grant, OwnItem
from qmailpanel.domains.services import change_withheld, remove_domain
from qmailpanel.ledger.actors import SYSTEM, Actor, Refused
from qmailpanel.ledger.models import Change, Noun, Verb
from qmailpanel.mailboxes import owners
from qmailpanel.mailboxes.delivery.forwarding import change_own_forwarding
from qmailpanel.mailboxes.models import AppPassword, Mailbox, PasswordLink
from qmailpanel.mailboxes.opening.app_passwords import MOST, add_app_password, remove_app_password
from qmailpanel.mailboxes.opening.links import find_link, offer_link, use_link
from qmailpanel.mailboxes.opening.switches import change_switches
from qmailpanel.mailboxes.owners import owner_of, set_own_password
from qmailpanel.mailboxes.removal.services import remove_mailbox, restore_mailbox
from qmailpanel.mailboxes.services import add_mailbox, set_password
from qmailpanel.qmail.names import LocalPart
from qmailpanel.qmail.secrets.passwords import verify_evenly, verify_password, weakness
from qmailpanel.reports.models import LastUse, SyncPosition
from qmailpanel.reports.statuses import Status, Statuses
from tests.kit.signing_in import text_of

PASSWORD, NEXT = "seven lanterns over quiet water", "eleven boats below a green bridge"
ALL = {"imap": True, "pop3": True, "sending": True}


@pytest.fixture
def mailbox(domain):
    return add_mailbox(SYSTEM, domain, LocalPart("biliards"), password=PASSWORD)


@pytest.fixture
def owner(mailbox):
    user = owner_of(Mailbox.objects.get())
    return Actor(user.pk, str(user), None)


def sign_in_as(email: str, password: str = PASSWORD) -> Client:
    client = Client()
    client.post("/sign-in/", {"login": email, "password": password})
    return client


def is_in(client: Client) -> bool:
    return client.get("/mailbox/").status_code == 200


def token_of(link: str) -> str:
    return link.partition("token=")[2]


# app passwords


def test_an_app_password_is_shown_once_and_kept_as_a_hash(mailbox):
    row, text = add_app_password(SYSTEM, mailbox, name="phone", **ALL)
    assert weakness(text) is None
    assert verify_password(text, row.password)
    assert row.mark == sha256(text.encode()).hexdigest()
    change = Change.objects.latest("id")
    assert (change.verb, change.noun) == (Verb.ADDED, Noun.APP_PASSWORD)
    assert text not in str(change.after)
    mailbox.refresh_from_db()
    assert mailbox.change_id == Domain.objects.get().change_id == change.id
    assert Statuses([mailbox.domain_id]).of_address(mailbox) is Status.PENDING


def test_an_app_password_does_not_open_the_panel(mailbox):
    _row, text = add_app_password(SYSTEM, mailbox, name="phone", **ALL)
    assert not is_in(sign_in_as("biliards@pandle.net", text))


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "two\nlines"}, "name"),
        ({"name": "x" * 65}, "name"),
        ({"name": "phone"}, "name"),
        ({"imap": False, "pop3": False, "sending": False}, "imap"),
    ],
)
def test_what_is_no_app_password_is_refused_at_its_field(mailbox, fields, field):
    add_app_password(SYSTEM, mailbox, name="phone", **ALL)
    with pytest.raises(Refused) as refused:
        add_app_password(SYSTEM, mailbox, **{"name": "laptop", **ALL, **fields})
    assert refused.value.field == field
    assert AppPassword.objects.count() == 1


def test_there_are_only_so_many(mailbox):
    row = Mailbox.objects.get()
    AppPassword.objects.bulk_create(
        AppPassword(mailbox=row, name=str(n), created=timezone.now()) for n in range(MOST)
    )
    with pytest.raises(Refused, match="Remove one first"):
        add_app_password(SYSTEM, mailbox, name="one more", **ALL)


def test_the_owner_makes_and_removes_them_and_nobody_elses(mailbox, owner, domain):
    row, _text = add_app_password(owner, mailbox, name="phone", **ALL)
    other = add_mailbox(SYSTEM, domain, LocalPart("other"))
    with pytest.raises(NotAllowed):
        add_app_password(owner, other, name="phone", **ALL)
    remove_app_password(owner, mailbox, row)
    assert not AppPassword.objects.exists()
    assert Change.objects.latest("id").before == {"name": "phone"}


def test_of_an_app_password_of_another_mailbox_nothing_happens(mailbox, domain):
    other = add_mailbox(SYSTEM, domain, LocalPart("other"))
    row, _text = add_app_password(SYSTEM, other, name="phone", **ALL)
    before = Change.objects.count()
    remove_app_password(SYSTEM, mailbox, row)
    assert AppPassword.objects.count() == 1
    assert Change.objects.count() == before


def test_the_owners_page_shows_it_once(mailbox):
    client = sign_in_as("biliards@pandle.net")
    said = client.post("/mailbox/app-passwords/", {"name": "phone", "imap": "on"}).content.decode()
    text = said.partition('id="made">')[2].partition("<")[0]
    row = AppPassword.objects.get()
    assert verify_password(text, row.password)
    assert (row.imap, row.pop3, row.sending) == (True, False, False)
    assert text not in client.get("/mailbox/app-passwords/").content.decode()
    client.post(f"/mailbox/app-passwords/{row.pk}/remove/")
    assert not AppPassword.objects.exists()


def test_the_list_says_when_each_was_used_last(mailbox):
    row, _text = add_app_password(SYSTEM, mailbox, name="phone", **ALL)
    client = sign_in_as("biliards@pandle.net")
    assert "not used yet" in client.get("/mailbox/app-passwords/").content.decode()
    LastUse.objects.create(
        node="main",
        address=mailbox.pk,
        what=f"app-{row.pk}",
        at=datetime(2026, 5, 4, 12, 30, tzinfo=UTC),
        ip="192.0.2.9",
    )
    said = text_of(client.get("/mailbox/app-passwords/").content.decode())
    assert "last used 2026-05-04 12:30" in said
    assert "192.0.2.9" in said


# switches


def test_a_switch_is_a_change_and_pending(mailbox):
    change_switches(SYSTEM, mailbox, imap=False, pop3=True)
    assert not Mailbox.objects.get().imap
    change = Change.objects.latest("id")
    assert (change.before, change.after) == ({"imap": True}, {"imap": False})
    assert Statuses([mailbox.domain_id]).of_address(mailbox) is Status.PENDING


def test_the_same_again_is_no_change(mailbox):
    before = Change.objects.count()
    change_switches(SYSTEM, mailbox, imap=True, panel=True)
    assert Change.objects.count() == before


def test_whose_panel_is_off_is_out_at_once_and_stays_out(mailbox):
    client = sign_in_as("biliards@pandle.net")
    assert is_in(client)
    change_switches(SYSTEM, mailbox, panel=False)
    assert not is_in(client)
    assert not is_in(sign_in_as("biliards@pandle.net"))
    change_switches(SYSTEM, mailbox, panel=True)
    assert is_in(sign_in_as("biliards@pandle.net"))


def test_the_form_of_the_switches_sets_what_is_ticked(mailbox, operator):
    client = Client()
    client.force_login(operator)
    client.post(f"/domains/pandle.net/mailboxes/{mailbox.pk}/opens/", {"imap": "on", "panel": "on"})
    row = Mailbox.objects.get()
    assert (row.imap, row.pop3, row.sending, row.panel) == (True, False, False, True)


# another password first


def test_who_must_choose_another_password_comes_to_no_other_page(mailbox):
    set_password(SYSTEM, mailbox, password=NEXT, must_change=True)
    client = sign_in_as("biliards@pandle.net", NEXT)
    for page in ("/mailbox/", "/mailbox/app-passwords/", "/activity/"):
        assert client.get(page)["Location"] == "/mailbox/password/"
    client.post("/mailbox/password/", {"present": NEXT, "password": PASSWORD})
    assert not Mailbox.objects.get().must_change
    assert is_in(client)


def test_until_then_services_refuse_all_else(mailbox, owner):
    set_password(SYSTEM, mailbox, password=NEXT, must_change=True)
    row = Mailbox.objects.get()
    with pytest.raises(NotAllowed, match="of your own first"):
        add_app_password(owner, mailbox, name="phone", **ALL)
    with pytest.raises(NotAllowed, match="of your own first"):
        change_own_forwarding(owner, row, destinations=[], keeps=True)


def test_in_a_removed_domain_nothing_is_an_owners(mailbox, owner, domain):
    remove_domain(SYSTEM, domain)
    row = Mailbox.objects.get()
    with pytest.raises(NotAllowed, match="no longer yours"):
        change_own_forwarding(owner, row, destinations=[], keeps=True)
    with pytest.raises(NotAllowed, match="no longer yours"):
        set_own_password(owner, row, present=PASSWORD, password=NEXT)


def test_they_may_choose_one_even_where_passwords_are_kept_from_owners(mailbox, domain):
    change_withheld(SYSTEM, domain, withheld=[OwnItem.PASSWORD])
    set_password(SYSTEM, mailbox, password=NEXT, must_change=True)
    client = sign_in_as("biliards@pandle.net", NEXT)
    client.post("/mailbox/password/", {"present": NEXT, "password": PASSWORD})
    assert verify_password(PASSWORD, Mailbox.objects.get().password)
    assert client.get("/mailbox/password/").status_code == 404


def test_nobody_has_to_choose_a_password_where_the_panel_is_closed_to_them(mailbox):
    change_switches(SYSTEM, mailbox, panel=False)
    with pytest.raises(Refused, match="does not open this panel"):
        set_password(SYSTEM, mailbox, password=NEXT, must_change=True)
    change_switches(SYSTEM, mailbox, panel=True)
    set_password(SYSTEM, mailbox, password=NEXT, must_change=True)
    with pytest.raises(Refused, match="choose another password"):
        change_switches(SYSTEM, mailbox, panel=False)
    assert Mailbox.objects.get().panel


# the link for the owner


def test_with_the_link_the_owner_sets_the_password_and_is_signed_in(domain):
    address = add_mailbox(SYSTEM, domain, LocalPart("biliards"))
    link = offer_link(SYSTEM, address).removeprefix(settings.QMAILPANEL_BASE_URL)
    client = Client()
    assert client.get(link).status_code == 200
    answer = client.post("/mailbox/welcome/", {"token": token_of(link), "password": NEXT})
    assert answer["Location"] == "/mailbox/"
    assert is_in(client)
    assert verify_password(NEXT, Mailbox.objects.get().password)
    assert client.get(link).status_code == 410


def test_a_link_is_worth_what_whoever_made_it_may_still_do(mailbox):
    person = User.objects.create(email="p@example.org", password="argon2$x")
    grant = Grant.objects.create(user=person, domain=mailbox.domain, rights=["passwords"])
    token = token_of(offer_link(Actor(person.pk, str(person), None), mailbox))
    assert find_link(token)
    boss = User.objects.create(email=str(mailbox), password="argon2$x", is_operator=True)
    assert find_link(token) is None
    boss.delete()
    assert find_link(token)
    grant.delete()
    with pytest.raises(Refused):
        use_link(None, token, NEXT)
    assert Client().get("/mailbox/welcome/", {"token": token}).status_code == 410
    assert verify_password(PASSWORD, Mailbox.objects.get().password)


def test_a_link_that_is_used_ends_the_owners_sessions(mailbox):
    client = sign_in_as("biliards@pandle.net")
    use_link(None, token_of(offer_link(SYSTEM, mailbox)), NEXT)
    assert not is_in(client)


def test_a_link_does_not_outlive_a_removal(mailbox):
    token = token_of(offer_link(SYSTEM, mailbox))
    remove_mailbox(SYSTEM, mailbox)
    restore_mailbox(SYSTEM, mailbox)
    assert find_link(token) is None


@pytest.mark.parametrize("by_link", [False, True])
def test_app_passwords_go_when_somebody_else_gives_a_password(mailbox, by_link):
    add_app_password(SYSTEM, mailbox, name="phone", **ALL)
    if by_link:
        use_link(None, token_of(offer_link(SYSTEM, mailbox)), NEXT)
    else:
        set_password(SYSTEM, mailbox, password=NEXT)
    assert not AppPassword.objects.exists()


def test_app_passwords_stay_when_the_owner_chooses_a_password(mailbox, owner):
    add_app_password(SYSTEM, mailbox, name="phone", **ALL)
    set_own_password(owner, Mailbox.objects.get(), present=PASSWORD, password=NEXT)
    assert AppPassword.objects.exists()


@pytest.mark.parametrize(
    "meanwhile",
    [
        lambda address: set_password(SYSTEM, address, password=NEXT),
        lambda address: change_switches(SYSTEM, address, panel=False),
        lambda address: remove_mailbox(SYSTEM, address),
    ],
)
def test_who_signs_in_while_the_door_is_closed_stays_outside(mailbox, monkeypatch, meanwhile):
    def verify_slowly(text, stored):
        is_right = verify_evenly(text, stored)
        meanwhile(mailbox)
        return is_right

    monkeypatch.setattr(owners, "verify_evenly", verify_slowly)
    assert SESSION_KEY not in sign_in_as("biliards@pandle.net").session


def test_a_guessable_password_does_not_use_the_link_up(mailbox):
    link = offer_link(SYSTEM, mailbox)
    answer = Client().post("/mailbox/welcome/", {"token": token_of(link), "password": "biliards"})
    assert answer.status_code == 422
    assert find_link(token_of(link))


def test_used_replaced_old_and_unknown_links_look_alike(mailbox):
    old = offer_link(SYSTEM, mailbox)
    used = offer_link(SYSTEM, mailbox)
    use_link(None, token_of(used), NEXT)
    late = offer_link(SYSTEM, mailbox)
    PasswordLink.objects.update(expires=timezone.now() - timedelta(seconds=1))
    answers = {
        Client().get("/mailbox/welcome/", {"token": token}).content
        for token in (token_of(old), token_of(used), token_of(late), "unknown", "")
    }
    assert len({answer.partition(b"<main")[2] for answer in answers}) == 1


def choose_a_password(_actor, address):
    row = Mailbox.objects.get(address=address)
    user = owner_of(row)
    set_own_password(Actor(user.pk, str(user), None), row, present=PASSWORD, password=NEXT)


@pytest.mark.parametrize(
    "then",
    [remove_mailbox, lambda a, m: set_password(a, m, password=NEXT), choose_a_password],
)
def test_after_a_removal_or_another_password_the_link_is_over(mailbox, then):
    link = offer_link(SYSTEM, mailbox)
    then(SYSTEM, mailbox)
    assert find_link(token_of(link)) is None


def test_nobody_makes_a_link_for_the_mail_of_somebody_with_more_rights(mailbox, person):
    User.objects.create(email=str(mailbox), password="argon2$x", is_operator=True)
    with pytest.raises(NotAllowed, match="more rights"):
        offer_link(person("passwords"), mailbox)
    assert not PasswordLink.objects.exists()


def test_the_ledger_says_who_made_a_link_and_that_the_owner_used_it(mailbox, person):
    helper = person("passwords")
    token = token_of(offer_link(helper, mailbox))
    use_link("192.0.2.9", token, NEXT)
    offered, used = Change.objects.order_by("-id")[:2][::-1]
    assert (offered.verb, offered.noun, offered.actor_name) == (
        Verb.INVITED,
        Noun.MAILBOX,
        helper.name,
    )
    assert (used.verb, used.noun, used.actor_name) == (Verb.PASSWORD, Noun.MAILBOX, str(mailbox))
    assert used.ip == "192.0.2.9"
    where = (mailbox.domain_id, mailbox.pk, str(mailbox))
    assert {(one.domain, one.address, one.target) for one in (offered, used)} == {where}


def test_who_may_not_set_passwords_makes_no_link(mailbox):
    person = User.objects.create(email="p@example.org", password="argon2$x")
    Grant.objects.create(user=person, domain=mailbox.domain, rights=["addresses"])
    with pytest.raises(NotAllowed):
        offer_link(Actor(person.pk, str(person), None), mailbox)
    assert not PasswordLink.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_link_used_twice_at_once_sets_one_password(domain):
    address = add_mailbox(SYSTEM, domain, LocalPart("biliards"))
    token = token_of(offer_link(SYSTEM, address))

    def use(password):
        try:
            use_link(None, token, password)
        except Refused:
            return ""
        finally:
            connections.close_all()
        return password

    with ThreadPoolExecutor(4) as pool:
        done = [won for won in pool.map(use, [f"{NEXT} {n}" for n in range(4)]) if won]
    assert len(done) == 1
    assert verify_password(done[0], Mailbox.objects.get().password)


# what is kept from owners


@pytest.mark.parametrize(
    ("item", "page"),
    [
        (OwnItem.PASSWORD, "/mailbox/password/"),
        (OwnItem.APP_PASSWORDS, "/mailbox/app-passwords/"),
        (OwnItem.SIGN_INS, "/mailbox/sign-ins/"),
        (OwnItem.ACTIVITY, "/activity/"),
    ],
)
def test_what_is_withheld_is_on_no_page_of_the_owner(mailbox, domain, item, page):
    client = sign_in_as("biliards@pandle.net")
    assert page in client.get("/mailbox/").content.decode()
    assert client.get(page).status_code == 200
    change_withheld(SYSTEM, domain, withheld=[item])
    assert page not in client.get("/mailbox/").content.decode()
    assert client.get(page).status_code == 404


def test_services_refuse_what_is_withheld(mailbox, owner, domain):
    change_withheld(SYSTEM, domain, withheld=[OwnItem.APP_PASSWORDS])
    with pytest.raises(NotAllowed):
        add_app_password(owner, mailbox, name="phone", **ALL)


def test_the_operator_withholds_by_the_domains_settings(mailbox, operator, client):
    client.force_login(operator)
    client.post("/domains/pandle.net/settings/owners/", {"items": ["password", "usage"]})
    kept = set(OwnItem.values) - {"password", "usage"}
    assert set(Domain.objects.get().withheld) == kept


# the mail program


def test_a_mail_program_is_told_what_the_mailbox_opens(mailbox):
    client = sign_in_as("biliards@pandle.net")
    said = client.get("/mailbox/programs/").content.decode()
    assert "993" in said
    assert "995" in said
    assert "465" in said
    change_switches(SYSTEM, mailbox, pop3=False)
    assert "995" not in client.get("/mailbox/programs/").content.decode()


def test_the_owners_page_hears_when_it_is_live(mailbox, domain):
    client = sign_in_as("biliards@pandle.net")
    assert "/mailbox/pulse/?wait=" in client.get("/mailbox/").content.decode()
    key = {"pending": f"a{mailbox.pk}"}
    assert "Live" not in client.get("/mailbox/pulse/", key).content.decode()
    change = Domain.objects.get().change_id
    SyncPosition.objects.create(node="main", domain=domain.pk, tried=change, applied=change)
    assert "Live" in client.get("/mailbox/pulse/", key).content.decode()
    assert "/mailbox/pulse/" not in client.get("/mailbox/").content.decode()


def test_the_pulse_of_an_owner_tells_nothing_of_others(mailbox, domain):
    other = add_mailbox(SYSTEM, domain, LocalPart("other"))
    keys = {"pending": [f"a{other.pk}", f"d{domain.pk}"], "domain": f"d{domain.pk}"}
    said = sign_in_as("biliards@pandle.net").get("/mailbox/pulse/", keys).content.decode()
    assert "other" not in said
    assert f"status-a{other.pk}" not in said
