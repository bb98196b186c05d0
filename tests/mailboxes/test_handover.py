"""What is handed over after a mailbox was added, or its password was set."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client

from qmailpanel.accounts.models import User
from qmailpanel.domains.access.limits import change_limits
from qmailpanel.domains.models import Address, Domain, Grant
from qmailpanel.ledger.actors import SYSTEM
from qmailpanel.mailboxes.models import Mailbox
from qmailpanel.mailboxes.services import add_mailbox
from qmailpanel.qmail.names import LocalPart
from qmailpanel.qmail.secrets.passwords import verify_password

LIST = "/domains/pandle.net/mailboxes/"
TYPED = "kitten-orbit-parsley-9"
HTMX: dict[str, Any] = {"headers": {"HX-Request": "true", "HX-Target": "add"}}
WAYS = [{}, HTMX]
GB = 1 << 30


@pytest.fixture
def biliards(domain: Domain) -> Address:
    return add_mailbox(SYSTEM, domain, LocalPart("biliards"))


def body(answer: Any) -> str:
    text: str = answer.content.decode()
    return text


def fields_of(page: str) -> dict[str, str]:
    """What the form of the suggestion would send."""
    inputs = re.findall(r"<input[^>]*>", page)
    pairs = [
        (re.search(r' name="(\w+)"', one), re.search(r' value="([^"]*)"', one)) for one in inputs
    ]
    return {name[1]: value[1] if value else "" for name, value in pairs if name}


def card_of(page: str) -> str:
    return page.partition('<div id="hand"')[2].partition("</section>")[0]


@pytest.mark.parametrize("way", WAYS, ids=["page", "htmx"])
def test_a_suggested_password_is_shown_once_with_the_address_and_the_servers(
    as_colleague: Client, domain: Domain, settings: Any, way: dict[str, Any]
) -> None:
    settings.QMAILPANEL_IMAP, settings.QMAILPANEL_SMTP = (
        "imap.example.org:993",
        "mx.example.org:587",
    )
    suggested = fields_of(body(as_colleague.post(LIST, {"local": "ann", "suggest": "1"}, **way)))
    data = {"local": "ann", "password": suggested["password"], "suggested": suggested["suggested"]}
    answer = as_colleague.post(LIST, data, **way)
    assert answer.status_code == 200
    assert "no-store" in answer["Cache-Control"]
    card = card_of(body(answer))
    for word in ("ann@pandle.net", data["password"], "imap.example.org 993", "STARTTLS"):
        assert word in card
    assert "/link/" not in card, "its page would be without the password"
    assert verify_password(data["password"], Mailbox.objects.get().password)
    here = f"{LIST}{Address.objects.get(local='ann').pk}/"
    for page in (LIST, f"{LIST}?top=1", here, f"{here}access/", "/activity/"):
        assert data["password"] not in body(as_colleague.get(page))
    assert data["password"] not in str(dict(as_colleague.session))
    assert data["password"] not in as_colleague.cookies.output()


def test_sent_again_the_form_makes_no_second_mailbox_and_shows_no_card(
    as_colleague: Client, domain: Domain
) -> None:
    data = {"local": "ann", "password": TYPED, "suggested": "1"}
    assert TYPED in card_of(body(as_colleague.post(LIST, data)))
    again = as_colleague.post(LIST, data)
    assert again.status_code == 422
    assert "ann@pandle.net is a mailbox already" in body(again)
    assert card_of(body(again)).partition("</div>")[0].strip() == ">"


def test_a_password_that_somebody_typed_unseen_is_not_shown(
    as_colleague: Client, domain: Domain
) -> None:
    page = body(as_colleague.post(LIST, {"local": "ann", "password": TYPED}, **HTMX))
    assert TYPED not in page
    assert "the one that you typed" in card_of(page)
    assert as_colleague.post(LIST, {"local": "bob", "password": TYPED}).status_code == 303


def test_without_a_password_the_card_says_how_the_owner_gets_one(
    as_colleague: Client, colleague: User, domain: Domain
) -> None:
    card = card_of(body(as_colleague.post(LIST, {"local": "ann"}, **HTMX)))
    assert "none yet" in card
    assert "Make a link for the owner" in card
    Grant.objects.filter(user=colleague).update(rights=["addresses"])
    card = card_of(body(as_colleague.post(LIST, {"local": "bob"}, **HTMX)))
    assert "Make a link for the owner" not in card


def test_a_suggested_password_that_was_set_is_shown_once(
    as_colleague: Client, biliards: Address
) -> None:
    there, access = (f"{LIST}{biliards.pk}/{part}/" for part in ("password", "access"))
    suggested = fields_of(body(as_colleague.post(there, {"suggest": "1"})))
    data = {name: suggested[name] for name in ("password", "suggested")}
    answer = as_colleague.post(there, data)
    assert answer.status_code == 200
    assert data["password"] in card_of(body(answer))
    assert "The password is set." in body(answer)
    assert data["password"] not in body(as_colleague.get(access))
    assert as_colleague.post(there, {"password": TYPED})["Location"] == access


def add(client: Client, **typed: str) -> Any:
    return client.post(LIST, {"local": "ann", "password": "", **typed})


def test_a_comment_and_a_quota_are_given_with_the_name(
    as_colleague: Client, domain: Domain
) -> None:
    assert add(as_colleague, comment="Second floor", quota="2 GB").status_code == 303
    mailbox = Mailbox.objects.select_related("address").get()
    assert (mailbox.address.comment, mailbox.quota) == ("Second floor", 2 * GB)


@pytest.mark.parametrize(("typed", "given"), [("", GB), ("0", 0), ("500 MB", 500 << 20)])
def test_no_quota_typed_is_what_the_domain_gives_and_0_is_no_limit(
    as_colleague: Client, domain: Domain, typed: str, given: int
) -> None:
    change_limits(SYSTEM, domain, default_quota=GB)
    assert 'placeholder="1 GB"' in body(as_colleague.get(LIST))
    add(as_colleague, quota=typed)
    assert Mailbox.objects.get().quota == given


@pytest.mark.parametrize(
    ("field", "typed"), [("quota", "much"), ("quota", "5 GB"), ("comment", "one\ntwo")]
)
def test_what_is_wrong_with_it_is_told_at_its_field_in_the_part_that_is_open_then(
    as_colleague: Client, domain: Domain, field: str, typed: str
) -> None:
    change_limits(SYSTEM, domain, largest_quota=GB)
    closed = body(as_colleague.get(LIST))
    answer = add(as_colleague, **{field: typed})
    assert answer.status_code == 422
    page = body(answer)
    assert f'id="id_{field}_error"' in page
    assert '<details class="whole" open>' in page
    assert '<details class="whole">' in closed
    assert not Mailbox.objects.exists()


def test_a_suggestion_keeps_the_comment_and_the_quota(as_colleague: Client, domain: Domain) -> None:
    page = body(add(as_colleague, comment="Second floor", quota="2 GB", suggest="1"))
    kept = fields_of(page)
    assert (kept["local"], kept["comment"], kept["quota"]) == ("ann", "Second floor", "2 GB")


def test_who_may_not_give_a_quota_finds_no_field_for_it_and_gives_none(
    as_colleague: Client, colleague: User, domain: Domain
) -> None:
    Grant.objects.filter(user=colleague).update(rights=["addresses"])
    assert 'name="quota"' not in body(as_colleague.get(LIST))
    assert add(as_colleague, quota="2 GB").status_code == 303
    assert Mailbox.objects.get().quota == 0
