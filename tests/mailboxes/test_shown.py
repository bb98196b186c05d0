"""What a list and a page say of a mailbox in words: where its mail is, and who can open it."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from qmailpanel.domains.models import Address, Domain
from qmailpanel.ledger.actors import SYSTEM
from qmailpanel.mailboxes.delivery.forwarding import change_forwarding
from qmailpanel.mailboxes.services import (
    add_mailbox,
    change_mailbox,
    hold_mailbox,
    set_password,
    switch_mailbox,
)
from qmailpanel.qmail.names import LocalPart, MailAddress
from qmailpanel.reports.models import SyncPosition
from tests.kit.live import make_live

LIST = "/domains/pandle.net/mailboxes/"
PASSWORD = "seven lanterns over quiet water"
NOBODY = "nobody can open the mailbox."


@pytest.fixture
def ada(domain: Domain) -> Address:
    return add_mailbox(SYSTEM, domain, LocalPart("ada"))


def row_of(client: Client, address: Address) -> str:
    page = client.get(LIST).content.decode()
    found = re.search(rf'<tr id="row-a{address.pk}".*?</tr>', page, re.DOTALL)
    assert found
    return found[0]


def tags(client: Client, address: Address) -> list[str]:
    return re.findall(r'<span class="tag">([^<]*)</span>', row_of(client, address))


def goes_to(client: Client, address: Address) -> str:
    cell = re.search(r'<span class="mono clip">([^<]*)<', row_of(client, address))
    assert cell
    return cell[1]


def test_the_list_names_where_mail_goes_on_to_and_whether_a_copy_stays(
    as_operator: Client, ada: Address
) -> None:
    assert '<td class="to"></td>' in row_of(as_operator, ada)
    targets = [MailAddress("me@example.org")]
    change_forwarding(SYSTEM, ada, destinations=targets, keeps=True)
    assert goes_to(as_operator, ada) == "me@example.org"
    assert "a copy stays" in row_of(as_operator, ada)
    change_forwarding(SYSTEM, ada, destinations=targets, keeps=False)
    assert goes_to(as_operator, ada) == "me@example.org"
    assert "a copy stays" not in row_of(as_operator, ada)


def test_a_row_says_in_tags_what_its_status_does_not(as_operator: Client, ada: Address) -> None:
    assert tags(as_operator, ada) == ["no password"]
    set_password(SYSTEM, ada, password=PASSWORD)
    assert tags(as_operator, ada) == []
    hold_mailbox(SYSTEM, ada, on_hold=True)
    assert tags(as_operator, ada) == ["on hold"]
    make_live(ada.domain)
    assert tags(as_operator, ada) == []
    assert ">On hold</span>" in row_of(as_operator, ada)
    SyncPosition.objects.update(left=[ada.pk])
    change_mailbox(SYSTEM, ada, comment="Second floor")
    assert tags(as_operator, ada) == ["on hold", "left as changed by hand"]


def test_who_takes_no_mail_is_not_told_of_a_missing_password_as_well(
    as_operator: Client, ada: Address
) -> None:
    switch_mailbox(SYSTEM, ada, on=False)
    assert tags(as_operator, ada) == ["off"]


@pytest.mark.parametrize("state", ["on", "off", "on hold", "with a password"])
def test_mail_is_said_to_be_delivered_without_a_password_only_where_it_is(
    as_operator: Client, ada: Address, state: str
) -> None:
    if state == "off":
        switch_mailbox(SYSTEM, ada, on=False)
    if state == "on hold":
        hold_mailbox(SYSTEM, ada, on_hold=True)
    if state == "with a password":
        set_password(SYSTEM, ada, password=PASSWORD)
    page = as_operator.get(f"{LIST}{ada.pk}/").content.decode()
    assert (NOBODY in page) is (state != "with a password")
    assert ("mail is delivered, but nobody can open" in page) is (state == "on")


def test_a_suggested_password_can_be_copied_wherever_it_is_suggested(
    as_operator: Client, ada: Address
) -> None:
    copies = 'data-copy="id_password"'
    for there in (LIST, f"{LIST}{ada.pk}/password/"):
        assert copies in as_operator.post(there, {"local": "bob", "suggest": "1"}).content.decode()
        page = there.removesuffix("password/")
        assert copies not in as_operator.get(page).content.decode()
