from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.core.serializers.json import DjangoJSONEncoder
from django.db import connections

from qmailpanel.aliases.services import add_alias, change_alias
from qmailpanel.domains.models import Address, Unknown
from qmailpanel.domains.routes.pointers import StillPointedTo
from qmailpanel.domains.services import change_domain, remove_domain
from qmailpanel.ledger.actors import COMMAND, Actor, Refused
from qmailpanel.ledger.models import Change
from qmailpanel.mailboxes.models import Mailbox
from qmailpanel.mailboxes.removal.services import remove_mailbox, restore_mailbox
from qmailpanel.mailboxes.services import add_mailbox, change_mailbox, set_password, switch_mailbox
from qmailpanel.qmail.names import AliasLocal, LocalPart, MailAddress
from qmailpanel.qmail.secrets.passwords import verify_password
from tests.kit.live import make_live

SECRET = "correct horse battery staple"


def add(domain, local="biliards", **more):
    return add_mailbox(COMMAND, domain, LocalPart(local), **more)


@pytest.fixture
def mailbox(domain):
    return add(domain)


def assert_newest(address):
    """The row and its domain carry the newest change."""
    address = Address.objects.select_related("domain").get(pk=address.pk)
    newest = Change.objects.latest("id")
    assert address.change == address.domain.change == newest
    assert (newest.domain, newest.target) == (address.domain_id, str(address))
    return newest


def test_a_new_mailbox_is_an_address_with_a_hashed_password(domain):
    address = add(domain, password=SECRET, comment="The seed's")
    address.refresh_from_db()
    assert (address.kind, address.enabled, address.comment) == ("mailbox", True, "The seed's")
    assert address.mailbox.password.startswith("{ARGON2ID}")
    assert verify_password(SECRET, address.mailbox.password)
    newest = assert_newest(address)
    assert (newest.verb, newest.noun, newest.after) == (
        "added",
        "mailbox",
        {"comment": "The seed's"},
    )


def test_nobody_can_open_a_mailbox_without_a_password(mailbox):
    assert mailbox.mailbox.password == ""
    assert not verify_password("", mailbox.mailbox.password)


def test_a_password_never_reaches_the_ledger(domain):
    address = add(domain, password=SECRET)
    set_password(COMMAND, address, password=SECRET + "2")
    ledger = json.dumps(list(Change.objects.values()), cls=DjangoJSONEncoder)
    assert "horse" not in ledger
    assert "ARGON2ID" not in ledger.upper()


def test_another_password_is_recorded_without_saying_which(mailbox):
    set_password(COMMAND, mailbox, password=SECRET)
    stored = Mailbox.objects.get(address=mailbox).password
    assert verify_password(SECRET, stored)
    newest = assert_newest(mailbox)
    assert (newest.verb, newest.before, newest.after) == ("password", {}, {})


def test_comment_and_refusal_change_one_by_one(mailbox):
    change_mailbox(COMMAND, mailbox, comment="Sales")
    change_mailbox(COMMAND, mailbox, refusal="Moved away.")
    mailbox.refresh_from_db()
    assert (mailbox.comment, mailbox.refusal) == ("Sales", "Moved away.")
    assert assert_newest(mailbox).after == {"refusal": "Moved away."}


def test_switching_off_and_on_is_recorded(mailbox):
    switch_mailbox(COMMAND, mailbox, on=False)
    assert assert_newest(mailbox).verb == "off"
    switch_mailbox(COMMAND, mailbox, on=True)
    assert assert_newest(mailbox).verb == "on"


def test_saving_without_a_difference_records_nothing(mailbox):
    before = Change.objects.count()
    change_mailbox(COMMAND, mailbox, comment="", refusal="")
    switch_mailbox(COMMAND, mailbox, on=True)
    restore_mailbox(COMMAND, mailbox)
    assert Change.objects.count() == before


def test_a_removed_mailbox_keeps_its_row_and_its_password(domain):
    address = add(domain, password=SECRET)
    remove_mailbox(COMMAND, address)
    address.refresh_from_db()
    assert (address.removed, address.claims) == (True, True)
    assert address.mailbox.password
    assert assert_newest(address).verb == "removed"


def test_a_removed_mailbox_is_restored_as_it_was(mailbox):
    remove_mailbox(COMMAND, mailbox)
    restore_mailbox(COMMAND, mailbox)
    mailbox.refresh_from_db()
    assert not mailbox.removed
    assert assert_newest(mailbox).verb == "restored"


# names are claimed once


def test_a_removed_name_stays_claimed_until_the_removal_is_live(domain, mailbox):
    make_live(domain)
    remove_mailbox(COMMAND, mailbox)
    with pytest.raises(Refused, match=r"^biliards@pandle\.net is still being removed\.$"):
        add(domain)
    make_live(domain)
    newer = add(domain)
    assert newer.mailbox.pk != mailbox.mailbox.pk
    assert list(domain.addresses.claiming().filter(local="biliards")) == [newer]


def test_a_mailbox_is_not_restored_while_somebody_else_has_its_name(domain, mailbox):
    remove_mailbox(COMMAND, mailbox)
    make_live(domain)
    newer = add(domain)
    with pytest.raises(Refused, match=r"^biliards@pandle\.net is a mailbox already\."):
        restore_mailbox(COMMAND, mailbox)
    remove_mailbox(COMMAND, newer)
    make_live(domain)
    restore_mailbox(COMMAND, mailbox)
    assert list(domain.addresses.claiming().filter(local="biliards")) == [mailbox]


@pytest.mark.django_db(transaction=True)
def test_of_people_who_add_the_same_name_at_once_one_wins_and_the_others_are_told(domain):
    def race(_):
        try:
            return str(add(domain, password=SECRET))
        except Refused as refused:
            return str(refused)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        answers = sorted(pool.map(race, range(4)))
    told = "biliards@pandle.net is a mailbox already. Choose another name."
    assert answers == ["biliards@pandle.net", told, told, told]
    assert Mailbox.objects.count() == 1


# refusals


@pytest.mark.parametrize(
    ("values", "field", "sentence"),
    [
        (
            {"local": "taken"},
            "local",
            "taken@pandle.net is a mailbox already. Choose another name.",
        ),
        (
            {"local": "webmaster"},
            "local",
            "webmaster@pandle.net is an alias already. Remove the alias first.",
        ),
        (
            {"comment": "a\nb"},
            "comment",
            "Write one line, without line breaks.",
        ),
        (
            {"comment": "x" * 201},
            "comment",
            "At most 200 characters are possible; this has 201.",
        ),
        (
            {"password": "a\nb"},
            "password",
            "A password has no line breaks or control characters.",
        ),
        (
            {"password": "é" * 200},
            "password",
            "At most 255 bytes are possible.",
        ),
    ],
)
def test_what_cannot_be_added_is_refused_at_its_field(domain, values, field, sentence):
    add(domain, "taken")
    add_alias(COMMAND, domain, AliasLocal("webmaster"), [MailAddress("a@example.org")])
    before = Change.objects.count()
    with pytest.raises(Refused) as refused:
        add(domain, **values)
    assert (refused.value.field, str(refused.value)) == (field, sentence)
    assert Change.objects.count() == before


def test_an_empty_password_cannot_be_set(mailbox):
    with pytest.raises(Refused, match=r"^Enter a password\.$") as refused:
        set_password(COMMAND, mailbox, password="")
    assert refused.value.field == "password"


EDITS = [
    lambda address: set_password(COMMAND, address, password=SECRET),
    lambda address: change_mailbox(COMMAND, address, comment="x"),
    lambda address: switch_mailbox(COMMAND, address, on=False),
]


@pytest.mark.parametrize("edit", EDITS)
def test_a_removed_mailbox_cannot_be_edited_even_from_a_page_opened_before(mailbox, edit):
    stale = Address.objects.get(pk=mailbox.pk)
    remove_mailbox(COMMAND, mailbox)
    with pytest.raises(Refused, match=r"^biliards@pandle\.net is removed\. Restore it first\.$"):
        edit(stale)


@pytest.mark.parametrize("edit", [*EDITS, lambda address: remove_mailbox(COMMAND, address)])
def test_nothing_in_a_removed_domain_can_be_edited(domain, mailbox, edit):
    remove_domain(COMMAND, domain)
    with pytest.raises(Refused, match=r"^pandle\.net is removed\. Restore it first\.$"):
        edit(mailbox)


def test_nothing_in_a_removed_domain_is_restored(domain, mailbox):
    remove_mailbox(COMMAND, mailbox)
    remove_domain(COMMAND, domain)
    with pytest.raises(Refused, match=r"^pandle\.net is removed\. Restore it first\.$"):
        restore_mailbox(COMMAND, mailbox)


# pointers


@pytest.fixture
def pointed(domain, mailbox):
    """A mailbox to which an alias and the unknown recipients of its domain deliver."""
    add_alias(COMMAND, domain, AliasLocal("bilardi"), [MailAddress("biliards@pandle.net")])
    change_domain(COMMAND, domain, unknown=Unknown.MAILBOX, unknown_target="biliards")
    return mailbox


def test_removing_what_others_deliver_to_names_them_first(pointed):
    with pytest.raises(StillPointedTo) as refused:
        remove_mailbox(COMMAND, pointed)
    assert refused.value.pointers == ["bilardi@pandle.net", "unknown recipients of pandle.net"]
    assert str(refused.value) == (
        "These deliver to biliards@pandle.net: bilardi@pandle.net, unknown recipients of "
        "pandle.net. When it is removed, mail to those that deliver nowhere else bounces; "
        "they are not changed."
    )
    pointed.refresh_from_db()
    assert not pointed.removed


def test_removing_it_all_the_same_changes_none_of_them(domain, pointed):
    before = Change.objects.count()
    remove_mailbox(COMMAND, pointed, despite_pointers=True)
    assert Change.objects.count() == before + 1
    domain.refresh_from_db()
    assert domain.unknown_target == "biliards@pandle.net"
    alias = domain.addresses.get(local="bilardi")
    assert [there.target for there in alias.destinations.all()] == ["biliards@pandle.net"]


def test_the_sentence_names_a_few_pointers_and_the_list_all(domain, mailbox):
    for number in range(7):
        add_alias(COMMAND, domain, AliasLocal(f"a{number}"), [MailAddress("biliards@pandle.net")])
    with pytest.raises(StillPointedTo, match=r"a4@pandle\.net, …\. When") as refused:
        remove_mailbox(COMMAND, mailbox)
    assert len(refused.value.pointers) == 7


def test_a_domain_admin_is_not_told_other_peoples_aliases(domain, other_domain, mailbox, colleague):
    add_alias(COMMAND, other_domain, AliasLocal("secret"), [MailAddress("biliards@pandle.net")])
    with pytest.raises(StillPointedTo) as refused:
        remove_mailbox(Actor(colleague.pk, colleague.email, None), mailbox)
    assert refused.value.pointers == ["1 address of another domain"]
    assert "secret" not in str(refused.value)


def test_once_nobody_delivers_there_it_goes_without_a_question(domain, pointed):
    alias = domain.addresses.get(local="bilardi")
    change_alias(COMMAND, alias, destinations=[MailAddress("a@example.org")])
    change_domain(COMMAND, domain, unknown=Unknown.DISCARD)
    assert remove_mailbox(COMMAND, pointed).removed


@pytest.mark.parametrize("number", [1, 3])
def test_adding_takes_the_same_queries_however_full_the_domain_is(
    domain, django_assert_max_num_queries, number
):
    for one in range(number):
        add(domain, f"a{one}")
    with django_assert_max_num_queries(11):
        add(domain)
