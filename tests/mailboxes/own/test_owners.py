"""Owners of mailboxes sign in with the address and its password, and have only that."""

from __future__ import annotations

import pytest
from django.contrib.auth.hashers import is_password_usable
from django.test import Client

from qmailpanel.accounts.models import User
from qmailpanel.aliases.services import add_alias
from qmailpanel.domains.names.services import add_alias_domain
from qmailpanel.domains.renaming import rename_address
from qmailpanel.domains.services import remove_domain
from qmailpanel.ledger.actors import SYSTEM, Actor, Refused
from qmailpanel.ledger.models import Change
from qmailpanel.mailboxes.models import Mailbox
from qmailpanel.mailboxes.owners import owner_of, set_own_password
from qmailpanel.mailboxes.removal.services import remove_mailbox, restore_mailbox
from qmailpanel.mailboxes.services import add_mailbox, change_mailbox, set_password, switch_mailbox
from qmailpanel.qmail.names import AliasLocal, DomainName, LocalPart, MailAddress
from qmailpanel.qmail.secrets.passwords import verify_password

PASSWORD, NEXT = "seven lanterns over quiet water", "eleven boats below a green bridge"


@pytest.fixture
def mailbox(domain):
    return add_mailbox(SYSTEM, domain, LocalPart("biliards"), password=PASSWORD)


def sign_in_as(email: str, password: str = PASSWORD) -> Client:
    client = Client()
    client.post("/sign-in/", {"login": email, "password": password})
    return client


def is_in(client: Client) -> bool:
    return client.get("/mailbox/").status_code == 200


def test_the_owner_signs_in_and_sees_what_the_mailbox_is(mailbox, domain):
    add_alias(SYSTEM, domain, AliasLocal("bilardi"), [MailAddress("biliards@pandle.net")])
    owner = sign_in_as("Biliards@pandle.net")
    assert owner.get("/")["Location"] == "/mailbox/"
    said = owner.get("/mailbox/").content.decode()
    assert "bilardi@pandle.net" in said
    assert User.owners.get() == Mailbox.objects.get().owner


def test_who_signs_in_twice_at_once_is_one_owner(mailbox):
    first, second = Mailbox.objects.get(), Mailbox.objects.get()
    assert owner_of(first) == owner_of(second)
    assert User.owners.count() == 1


def test_an_owner_signs_in_with_an_alias_domain_too(mailbox, domain):
    add_alias_domain(SYSTEM, domain, DomainName("further.example"))
    assert is_in(sign_in_as("biliards@further.example"))


def test_an_owner_signs_in_with_the_address_as_it_is_shown(mailbox, domain):
    add_alias_domain(SYSTEM, domain, DomainName("köln.example"))
    assert is_in(sign_in_as("biliards@köln.example"))


@pytest.mark.parametrize(
    ("email", "password"),
    [
        ("biliards@pandle.net", "wrong"),
        ("biliards@pandle.net", ""),
        ("nobody@pandle.net", PASSWORD),
        ("biliards@elsewhere.example", PASSWORD),
        ("biliards", PASSWORD),
    ],
)
def test_anything_else_signs_nobody_in(mailbox, email, password):
    assert not is_in(sign_in_as(email, password))
    assert not User.owners.exists()


def test_a_mailbox_without_a_password_opens_to_nobody(domain):
    add_mailbox(SYSTEM, domain, LocalPart("silent"))
    for password in ("", "nobody's", "x"):
        assert not is_in(sign_in_as("silent@pandle.net", password))


def test_the_owner_sets_the_next_password_and_stays_signed_in(mailbox):
    owner, other = sign_in_as("biliards@pandle.net"), sign_in_as("biliards@pandle.net")
    answer = owner.post("/mailbox/password/", {"present": PASSWORD, "password": NEXT})
    assert answer.status_code == 303
    assert verify_password(NEXT, Mailbox.objects.get().password)
    assert is_in(owner)
    assert not is_in(other)
    change = Change.objects.latest("id")
    assert (change.actor_name, change.verb, change.address) == (
        "biliards@pandle.net",
        "password",
        mailbox.pk,
    )
    assert NEXT not in str(change.after)


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({"present": "wrong", "password": NEXT}, "present"),
        ({"present": "", "password": NEXT}, "present"),
        ({"present": PASSWORD, "password": "biliards"}, "password"),
        ({"present": PASSWORD, "password": ""}, "password"),
    ],
)
def test_a_bad_password_is_refused_at_its_field(mailbox, data, field):
    owner = sign_in_as("biliards@pandle.net")
    answer = owner.post("/mailbox/password/", data)
    assert answer.status_code == 422
    assert f'id="id_{field}_error"' in answer.content.decode()
    assert verify_password(PASSWORD, Mailbox.objects.get().password)


def test_a_password_that_an_admin_sets_ends_the_owners_sessions(mailbox):
    owner = sign_in_as("biliards@pandle.net")
    set_password(SYSTEM, mailbox, password=NEXT)
    assert not is_in(owner)
    assert is_in(sign_in_as("biliards@pandle.net", NEXT))


def test_a_removed_mailbox_has_no_page_and_is_opened_again_when_it_is_back(mailbox):
    owner = sign_in_as("biliards@pandle.net")
    remove_mailbox(SYSTEM, mailbox)
    assert not is_in(owner)
    assert not is_in(sign_in_as("biliards@pandle.net"))
    restore_mailbox(SYSTEM, mailbox)
    assert is_in(sign_in_as("biliards@pandle.net"))


def test_a_session_of_before_a_removal_is_over_when_the_mailbox_is_back(mailbox):
    owner = sign_in_as("biliards@pandle.net")
    remove_mailbox(SYSTEM, mailbox)
    restore_mailbox(SYSTEM, mailbox)
    assert not is_in(owner)


def test_the_present_password_is_not_guessed_without_end(mailbox):
    owner = sign_in_as("biliards@pandle.net")
    answers = [
        owner.post("/mailbox/password/", {"present": "x", "password": NEXT}) for _ in range(12)
    ]
    assert answers[-1].status_code == 429


def test_a_password_that_was_reset_meanwhile_is_not_overwritten(mailbox):
    sign_in_as("biliards@pandle.net")
    row = Mailbox.objects.get()
    set_password(SYSTEM, mailbox, password="nine doors along the harbour")
    actor = Actor(row.owner_id, "biliards@pandle.net", None)
    with pytest.raises(Refused):
        set_own_password(actor, row, present=PASSWORD, password=NEXT)
    assert not verify_password(NEXT, Mailbox.objects.get().password)


def test_a_removed_domain_has_no_owners(mailbox, domain):
    owner = sign_in_as("biliards@pandle.net")
    remove_domain(SYSTEM, domain)
    assert not is_in(owner)


def test_a_renamed_mailbox_keeps_its_owner_under_the_new_name(mailbox):
    sign_in_as("biliards@pandle.net")
    rename_address(SYSTEM, mailbox, LocalPart("snooker"), keep=False)
    assert not is_in(sign_in_as("biliards@pandle.net"))
    assert is_in(sign_in_as("snooker@pandle.net"))
    assert User.owners.get().email == "snooker@pandle.net"


def test_a_person_with_the_same_address_is_somebody_else(mailbox, operator):
    operator.email = "biliards@pandle.net"
    operator.set_password(NEXT)
    operator.save()
    owner = sign_in_as("biliards@pandle.net")
    assert is_in(owner)
    for page in ("/people/", "/sync/", "/domains/pandle.net/mailboxes/"):
        assert owner.get(page).status_code == 404
    assert sign_in_as("biliards@pandle.net", NEXT).get("/sync/").status_code == 200


def test_an_owner_has_no_account_password(mailbox):
    owner = sign_in_as("biliards@pandle.net")
    for page in ("/password/", "/password/choose/"):
        assert owner.get(page).status_code == 404
    Client().post("/password/reset/", {"email": "biliards@pandle.net"})
    assert not is_password_usable(User.owners.get().password)


def test_the_owner_does_not_read_the_remarks_of_admins(mailbox):
    change_mailbox(SYSTEM, mailbox, comment="owes us money")
    owner = sign_in_as("biliards@pandle.net")
    export = b"".join(owner.get("/activity/export.csv")).decode()
    assert "owes us money" not in owner.get("/activity/").content.decode() + export


def test_the_owner_sees_what_others_did_to_the_mailbox_and_nothing_else(mailbox, domain, colleague):
    other = add_mailbox(SYSTEM, domain, LocalPart("other"))
    switch_mailbox(Actor(colleague.pk, str(colleague), None), mailbox, on=False)
    switch_mailbox(SYSTEM, other, on=False)
    said = sign_in_as("biliards@pandle.net").get("/activity/").content.decode()
    assert "colleague@example.org" in said
    assert "other@pandle.net" not in said
