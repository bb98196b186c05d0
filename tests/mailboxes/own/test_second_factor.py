"""The second factor of an owner, their sessions, and who takes the factor away when it is lost."""

from __future__ import annotations

import json
import re
import time
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from qmailpanel.accounts.models import User
from qmailpanel.domains.models import OwnItem
from qmailpanel.domains.renaming import rename_address
from qmailpanel.domains.services import change_withheld
from qmailpanel.ledger.actors import SYSTEM
from qmailpanel.ledger.models import Change
from qmailpanel.mailboxes.models import Mailbox
from qmailpanel.mailboxes.opening.links import offer_link
from qmailpanel.mailboxes.opening.switches import change_switches
from qmailpanel.mailboxes.owners import owner_of
from qmailpanel.mailboxes.removal.services import purge_mailbox, remove_mailbox, restore_mailbox
from qmailpanel.mailboxes.services import add_mailbox, set_password
from qmailpanel.qmail.names import LocalPart
from tests.kit.live import make_live
from tests.kit.passkeys import Key
from tests.kit.signing_in import code_of, codes_on, enrol, kinds_of, secret_on

PASSWORD, NEXT = "seven lanterns over quiet water", "eleven boats below a green bridge"
NAME = "biliards@pandle.net"
SECURITY = "/mailbox/security/"


@pytest.fixture(autouse=True)
def nobody_tried_yet(db):
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def mailbox(domain):
    return add_mailbox(SYSTEM, domain, LocalPart("biliards"), password=PASSWORD)


@pytest.fixture
def owner(mailbox):
    return owner_of(Mailbox.objects.get())


def sign_in(email: str = NAME, password: str = PASSWORD, client: Client | None = None) -> Client:
    client = client or Client()
    client.post("/sign-in/", {"login": email, "password": password})
    return client


def type_code(client: Client, code: str) -> Any:
    return client.post(reverse("mfa_authenticate"), {"code": code})


def now(secret: str) -> str:
    return code_of(secret, time.time())


def is_in(client: Client) -> bool:
    return client.get("/mailbox/").status_code == 200


# setting it up


def test_an_owner_sets_up_an_app_after_confirming_the_password_of_the_mailbox(owner):
    client = sign_in()
    asked = client.get("/security/app/add/")
    assert asked["Location"].startswith("/confirm/password/")
    assert client.post("/confirm/password/", {"password": "wrong"}).status_code == 200
    assert client.get("/security/app/add/").status_code == 302
    client.post("/confirm/password/", {"password": PASSWORD})
    page = client.get("/security/app/add/")
    answer = client.post("/security/app/add/", {"code": now(secret_on(page))})
    assert answer["Location"] == "/security/codes/"
    assert len(codes_on(client.get("/security/codes/"))) == 10
    assert kinds_of(owner) == {"totp", "recovery_codes"}
    said = client.get("/security/", follow=True).content.decode()
    assert "Set up" in said
    assert "Mail programs are not asked" in said


def test_an_owner_makes_new_recovery_codes_and_removes_the_app(owner):
    enrol(owner)
    client = sign_in()
    type_code(client, now("JBSWY3DPEHPK3PXP"))
    client.post("/confirm/password/", {"password": PASSWORD})
    page = client.post("/security/codes/new/", follow=True)
    assert len(codes_on(page)) == 10
    client.post("/security/app/remove/")
    assert kinds_of(owner) == set()


def test_an_owner_adds_a_passkey_that_is_never_enough_alone(owner):
    client, key = sign_in(), Key()
    client.post("/confirm/password/", {"password": PASSWORD})
    page = client.get("/security/passkeys/add/")
    assert "Sign in with this passkey alone" not in page.content.decode()
    challenge = page.context["js_data"]["creation_options"]["publicKey"]["challenge"]
    credential = json.dumps(key.register(challenge))
    client.post("/security/passkeys/add/", {"name": "blue key", "credential": credential})
    assert kinds_of(owner) == {"webauthn", "recovery_codes"}
    assert "enough alone" not in client.get(SECURITY).content.decode()


def test_no_passkey_of_an_owner_signs_in_without_the_password(owner):
    key, client = Key(), Client()
    key.belongs_to(owner)
    asked = client.get("/sign-in/passkey/", headers={"X-Requested-With": "XMLHttpRequest"}).json()
    credential = key.sign(asked["request_options"]["publicKey"]["challenge"], owner)
    answer = client.post("/sign-in/passkey/", {"credential": json.dumps(credential)})
    assert answer["Location"] == "/sign-in/?passkey=unknown"
    assert not is_in(client)


# being asked for it


def test_an_owner_is_asked_for_a_code_after_the_password(owner):
    secret, client = enrol(owner), Client()
    answer = client.post("/sign-in/", {"login": NAME, "password": PASSWORD})
    assert answer["Location"] == "/sign-in/second/"
    assert not is_in(client)
    assert client.get("/sign-in/second/").status_code == 200
    type_code(client, "000000" if now(secret) != "000000" else "111111")
    assert not is_in(client)
    type_code(client, now(secret))
    assert is_in(client)


def test_an_owner_shows_a_passkey_after_the_password(owner):
    key = Key()
    key.belongs_to(owner)
    client = sign_in()
    page = client.get("/sign-in/second/")
    challenge = page.context["js_data"]["request_options"]["publicKey"]["challenge"]
    client.post("/sign-in/second/", {"credential": json.dumps(key.sign(challenge, owner))})
    assert is_in(client)


def test_a_code_comes_too_late_when_the_password_was_changed_in_between(owner, mailbox):
    secret, client = enrol(owner), sign_in()
    set_password(SYSTEM, mailbox, password=NEXT)
    assert type_code(client, now(secret))["Location"] == "/sign-in/"
    assert not is_in(client)
    assert client.get("/sign-in/").status_code == 200
    sign_in(password=NEXT, client=client)
    type_code(client, now(secret))
    assert is_in(client)


def test_a_person_with_the_address_of_a_mailbox_is_not_asked_for_the_owners_code(owner):
    enrol(owner)
    person = User.objects.create(email=NAME)
    person.set_password(NEXT)
    person.save()
    assert sign_in(password=NEXT).get("/security/").status_code == 200


def test_the_link_of_an_owner_sets_the_password_and_leaves_the_factor_to_be_asked_for(
    owner, mailbox
):
    enrol(owner)
    token = offer_link(SYSTEM, mailbox).rpartition("=")[2]
    client = Client()
    page = client.post("/mailbox/welcome/", {"token": token, "password": NEXT})
    assert "Sign in with it and your second factor" in page.content.decode()
    assert not is_in(client)
    sign_in(password=NEXT, client=client)
    type_code(client, now("JBSWY3DPEHPK3PXP"))
    assert is_in(client)


def test_a_second_factor_stays_with_the_mailbox_through_rename_removal_and_restoring(
    owner, mailbox
):
    secret = enrol(owner)
    rename_address(SYSTEM, mailbox, LocalPart("snooker"), keep=False)
    remove_mailbox(SYSTEM, mailbox)
    restore_mailbox(SYSTEM, mailbox)
    client = sign_in("snooker@pandle.net")
    assert not is_in(client)
    type_code(client, now(secret))
    assert is_in(client)


def test_whoever_gets_the_name_of_a_purged_mailbox_has_nothing_of_the_former_owner(
    owner, mailbox, domain
):
    enrol(owner)
    remove_mailbox(SYSTEM, mailbox)
    make_live(domain)
    purge_mailbox(SYSTEM, mailbox)
    assert not Authenticator.objects.exists()
    make_live(domain)
    add_mailbox(SYSTEM, domain, LocalPart("biliards"), password=NEXT)
    assert is_in(sign_in(password=NEXT))
    assert User.owners.count() == 2


def test_an_owner_whose_mailbox_was_renamed_confirms_with_its_password(mailbox):
    client = sign_in()
    rename_address(SYSTEM, mailbox, LocalPart("snooker"), keep=False)
    client.post("/confirm/password/", {"password": PASSWORD})
    assert client.get("/security/app/add/").status_code == 200


# who has no such pages


PAGES = [SECURITY, "/security/app/add/", "/security/passkeys/add/", "/security/codes/new/"]


@pytest.mark.parametrize("page", PAGES)
def test_an_owner_has_no_such_page_without_the_mailbox_or_when_it_opens_no_panel(
    mailbox, owner, page
):
    client = Client()
    client.force_login(owner)
    Mailbox.objects.update(panel=False)
    assert client.get(page).status_code == 404
    Mailbox.objects.update(panel=True)
    assert client.get(page).status_code in (200, 302)
    mailbox.removed = True
    mailbox.save()
    assert client.get(page).status_code == 404


def test_switching_the_panel_off_ends_sessions_and_no_code_opens_it(owner, mailbox):
    secret, client = enrol(owner), sign_in()
    change_switches(SYSTEM, mailbox, panel=False)
    type_code(client, now(secret))
    assert not is_in(client)


@pytest.mark.parametrize("page", ["/security/app/add/", "/security/codes/new/", SECURITY])
def test_who_must_choose_a_password_first_sets_nothing_up_before(mailbox, page):
    set_password(SYSTEM, mailbox, password=NEXT, must_change=True)
    assert sign_in(password=NEXT).get(page)["Location"] == "/mailbox/password/"


def test_a_domain_that_withholds_second_factors_leaves_sessions_and_the_rest(owner, domain):
    client = sign_in()
    assert "Authenticator app" in client.get(SECURITY).content.decode()
    change_withheld(SYSTEM, domain, withheld=[OwnItem.SECOND_FACTOR])
    said = client.get(SECURITY).content.decode()
    assert "Authenticator app" not in said
    assert "Mail programs are not asked" not in said
    assert "Sessions" in said
    for page in PAGES[1:]:
        assert client.get(page).status_code == 404


# sessions


def test_an_owner_sees_and_ends_the_other_sessions(owner):
    here, there = sign_in(), sign_in()
    session = UserSession.objects.exclude(session_key=here.session.session_key).get()
    assert f"/security/sessions/{session.pk}/end/" in here.get(SECURITY).content.decode()
    here.post(f"/security/sessions/{session.pk}/end/")
    assert not is_in(there)
    there = sign_in()
    here.post("/security/sessions/end/")
    assert not is_in(there)
    assert is_in(here)


def test_an_owner_ends_nobody_elses_session(owner, operator):
    theirs = UserSession.objects.create(user=operator, ip="192.0.2.1", session_key="x")
    assert sign_in().post(f"/security/sessions/{theirs.pk}/end/").status_code == 404
    assert UserSession.objects.filter(pk=theirs.pk).exists()


def test_after_another_password_the_owner_still_sees_this_session_and_no_other(owner):
    here, _there = sign_in(), sign_in()
    here.post("/mailbox/password/", {"present": PASSWORD, "password": NEXT})
    said = here.get(SECURITY).content.decode()
    assert said.count("this one") == 1
    assert UserSession.objects.count() == 1
    assert Session.objects.count() == 1


def test_an_owner_reads_times_in_a_zone_of_their_own(owner):
    client = sign_in()
    client.post(SECURITY, {"zone": "Pacific/Auckland"})
    assert User.owners.get().zone == "Pacific/Auckland"
    assert re.search(r"since .* NZ[DS]T<", client.get(SECURITY).content.decode())
    assert client.post(SECURITY, {"zone": "Europe/Xyz"}).status_code == 422


# somebody lost it


def test_who_may_set_the_password_removes_a_second_factor_and_the_ledger_says_so(
    owner, mailbox, as_colleague
):
    here = f"/domains/pandle.net/mailboxes/{mailbox.pk}"
    assert f"{here}/second-factor/remove/" not in str(as_colleague.get(f"{here}/access/").content)
    secret = enrol(owner)
    client = sign_in()
    type_code(client, now(secret))
    assert f"{here}/second-factor/remove/" in str(as_colleague.get(f"{here}/access/").content)
    as_colleague.post(f"{here}/second-factor/remove/")
    assert kinds_of(owner) == set()
    assert not is_in(client)
    assert is_in(sign_in())
    change = Change.objects.filter(noun="factor", verb="removed").get()
    assert (change.actor_name, change.target) == ("colleague@example.org", f"app of {NAME}")
    assert (change.domain, change.address) == (mailbox.domain_id, mailbox.pk)
    said = sign_in().get("/activity/").content.decode()
    assert "colleague@example.org" in said


def test_where_there_is_none_nothing_is_removed_and_nobody_is_signed_out(
    owner, mailbox, as_colleague
):
    client = sign_in()
    last = Change.objects.latest("id").pk
    as_colleague.post(f"/domains/pandle.net/mailboxes/{mailbox.pk}/second-factor/remove/")
    assert is_in(client)
    assert Change.objects.latest("id").pk == last


def test_a_domain_admin_leaves_the_factor_of_somebody_with_more_rights(
    owner, mailbox, as_colleague, operator
):
    enrol(owner)
    operator.email = NAME
    operator.save()
    answer = as_colleague.post(f"/domains/pandle.net/mailboxes/{mailbox.pk}/second-factor/remove/")
    assert answer.status_code == 422
    assert kinds_of(owner) == {"totp"}
