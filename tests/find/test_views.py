"""The field on every page, and the card of a whole address."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from qmailpanel.aliases.services import add_alias
from qmailpanel.domains.access.rights import Right
from qmailpanel.domains.models import Address, Domain, Grant
from qmailpanel.domains.routes.remarks import NEAR
from qmailpanel.ledger.actors import SYSTEM
from qmailpanel.mailboxes.delivery.forwarding import change_forwarding
from qmailpanel.mailboxes.owners import owner_of
from qmailpanel.mailboxes.services import add_mailbox, hold_mailbox, switch_mailbox
from qmailpanel.qmail.names import AliasLocal, LocalPart, MailAddress
from qmailpanel.reports.models import SyncNode
from tests.kit.live import make_live, write_usage

FIND = "/find/"
BACKEND = "qmailpanel.mailboxes.owners.MailboxBackend"


@pytest.fixture
def biliards(domain: Domain) -> Address:
    box = add_mailbox(SYSTEM, domain, LocalPart("biliards"), password="seven lanterns")
    make_live(domain)
    return box


def text_of(client: Client, asked: str) -> str:
    answer = client.get(FIND, {"q": asked})
    assert answer.status_code == 200
    return answer.content.decode()


def test_every_page_has_the_field(as_operator, as_colleague, domain) -> None:
    for client in (as_operator, as_colleague):
        for page in ("/domains/", "/domains/pandle.net/mailboxes/", "/activity/", FIND):
            assert client.get(page).content.decode().count("data-field") == 1


def test_the_matched_part_is_marked_and_what_is_typed_is_escaped(as_operator, biliards) -> None:
    assert "bi<mark>liar</mark>ds" in text_of(as_operator, "liar")
    assert "&lt;b&gt;" in text_of(as_operator, "<b>")
    assert "<b>" not in text_of(as_operator, "<b>")


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ("biliards@pandle.net", "Mail to biliards@pandle.net arrives here."),
        ("Biliards@Pandle.Net", "Mail to biliards@pandle.net arrives here."),
        ("sales@pandle.net", "Mail to sales@pandle.net goes back to the sender."),
        ("biliard@pandle.net", "Mail to biliard@pandle.net goes back to the sender."),
        ("info@pandle.net", "Mail to info@pandle.net goes on to biliards@pandle.net."),
        ("x@elsewhere.example", "Mail to x@elsewhere.example goes to a domain that is not yours."),
    ],
)
def test_a_whole_address_gets_its_answer(as_colleague, biliards, domain, asked, sentence) -> None:
    for local, target in (("sales", "biliard"), ("info", "biliards")):
        add_alias(SYSTEM, domain, AliasLocal(local), [MailAddress(f"{target}@pandle.net")])
    make_live(domain)
    assert sentence in text_of(as_colleague, asked)


def test_a_typo_is_answered_with_what_was_meant(as_colleague, biliards) -> None:
    assert "Did you mean biliards@pandle.net?" in text_of(as_colleague, "biliard@pandle.net")


def test_what_was_meant_is_found_among_however_many(as_colleague, biliards, domain) -> None:
    rows = {"domain": domain, "kind": "mailbox", "change": domain.change}
    others = [f"ba{n:04}" for n in range(2 * NEAR)] + [f"bo{n:04}" for n in range(2 * NEAR)]
    Address.objects.bulk_create(Address(local=local, **rows) for local in others)
    for typo in ("biliard", "bilirads"):
        assert "Did you mean biliards@pandle.net?" in text_of(as_colleague, f"{typo}@pandle.net")


@pytest.mark.parametrize(("count", "asked"), [(1, "sales"), (3, "sales"), (3, "sales0@pandle.net")])
def test_a_page_takes_as_many_queries_however_many_it_shows(
    as_colleague, domain, count, asked, django_assert_max_num_queries: Any
) -> None:
    for number in range(count):
        add_mailbox(SYSTEM, domain, LocalPart(f"sales{number}"))
        targets = [MailAddress(f"sales{number}@pandle.net")]
        add_alias(SYSTEM, domain, AliasLocal(f"to-{number}"), targets)
    text_of(as_colleague, asked)
    with django_assert_max_num_queries(19):
        text_of(as_colleague, asked)


def test_the_card_says_who_changed_it_last_and_opens_it(as_colleague, biliards) -> None:
    text = text_of(as_colleague, "biliards@pandle.net")
    assert "changed by system" in text
    assert f"/domains/pandle.net/mailboxes/{biliards.pk}/" in text


def test_the_card_of_a_switched_off_mailbox_is_not_green(as_colleague, biliards) -> None:
    switch_mailbox(SYSTEM, biliards, on=False)
    make_live(biliards.domain)
    text = text_of(as_colleague, "biliards@pandle.net")
    assert "goes back to the sender" in text
    assert 'class="status live"' not in text


def test_of_an_address_of_other_people_it_says_what_a_sender_can_find_out(
    as_stranger, as_colleague, biliards
) -> None:
    text = text_of(as_stranger, "biliards@pandle.net")
    assert "Mail to biliards@pandle.net goes to a domain that is not yours." in text
    for word in ("changed by", "/domains/pandle.net/", "Maildir"):
        assert word not in text
    assert "goes back to the sender" in text_of(as_stranger, "biliard@pandle.net")
    assert "Did you mean" not in text_of(as_stranger, "biliard@pandle.net")


def test_enter_opens_the_first_and_of_a_whole_address_the_card(as_operator, biliards) -> None:
    answer = as_operator.get(FIND, {"q": "liard", "open": "1"})
    assert answer["Location"] == f"/domains/pandle.net/mailboxes/{biliards.pk}/"
    answer = as_operator.get(FIND, {"q": "biliards@pandle.net", "open": "1"})
    assert answer.status_code == 200
    answer = as_operator.get(FIND, {"q": "nothing-like-it", "open": "1"})
    assert "Nothing here has" in answer.content.decode()


@pytest.mark.parametrize(
    ("here", "header"), [("/domains/", "HX-Push-Url"), ("/find/?q=bi", "HX-Replace-Url")]
)
def test_typing_stands_once_in_the_history(as_operator, biliards, here, header) -> None:
    htmx = {"HX-Request": "true", "HX-Target": "content"}
    headers = {**htmx, "HX-Current-URL": f"http://testserver{here}"}
    answer = as_operator.get(FIND, {"q": "bil"}, headers=headers)
    assert answer[header] == "/find/?q=bil"
    assert "<html" not in answer.content.decode()


@pytest.mark.parametrize(
    "asked", ["", " ", "@", "a@", "@b.test", "\0", "\x1f", "\udcff", "x" * 9999]
)
def test_whatever_is_typed_is_answered(as_operator, biliards, asked: Any) -> None:
    answer = as_operator.get(FIND, {"q": asked.encode("utf-8", "surrogatepass")})
    assert answer.status_code == 200


def test_the_pages_of_an_address_say_the_same_sentence(as_colleague, biliards, domain) -> None:
    info = add_alias(SYSTEM, domain, AliasLocal("info"), [MailAddress("biliards@pandle.net")])
    own, owner = "Mail to biliards@pandle.net arrives here.", Client()
    owner.force_login(owner_of(biliards.mailbox), backend=BACKEND)
    box = f"/domains/pandle.net/mailboxes/{biliards.pk}/"
    for client, page, sentence in (
        (as_colleague, box, own),
        (as_colleague, f"{box}mail/", own),
        (owner, "/mailbox/", own),
        (
            as_colleague,
            f"/domains/pandle.net/aliases/{info.pk}/",
            "Mail to info@pandle.net goes on to biliards@pandle.net.",
        ),
    ):
        assert sentence in client.get(page).content.decode(), page


def acts_of(client: Client, asked: str) -> dict[str, str]:
    """What the card of an address leads to."""
    card = text_of(client, asked).partition('class="answer"')[2].partition("</section>")[0]
    return {
        label: unescape(href) for href, label in re.findall(r'quiet" href="(.+?)">(.+?)<', card)
    }


@pytest.mark.parametrize(
    ("state", "label", "page"),
    [
        ("off", "Switch it on", "/more/"),
        ("on hold", "Deliver again", "/more/"),
        ("full", "Raise its quota", "/quota/"),
        ("forwarded to nobody", "Change where it delivers", "/mail/"),
    ],
)
def test_the_card_leads_to_where_its_answer_is_mended(
    as_operator: Client, biliards: Address, state: str, label: str, page: str
) -> None:
    SyncNode.objects.create(node="main", heartbeat=timezone.now(), holds_quotas=True)
    if state == "off":
        switch_mailbox(SYSTEM, biliards, on=False)
    elif state == "on hold":
        hold_mailbox(SYSTEM, biliards, on_hold=True)
    elif state == "full":
        write_usage(biliards, percent=100)
    else:
        nobody = [MailAddress("biliard@pandle.net")]
        change_forwarding(SYSTEM, biliards, destinations=nobody, keeps=True)
    make_live(biliards.domain)
    acts = acts_of(as_operator, "biliards@pandle.net")
    assert next(iter(acts)) == label
    assert acts[label] == f"/domains/pandle.net/mailboxes/{biliards.pk}{page}"
    for there in acts.values():
        assert as_operator.get(there).status_code == 200


def test_the_card_of_what_nobody_has_leads_to_what_was_meant_and_to_the_forms(
    as_operator: Client, biliards: Address
) -> None:
    acts = acts_of(as_operator, "biliard@pandle.net")
    assert list(acts) == ["biliards@pandle.net", "Add a mailbox of this name", "Add an alias"]
    assert acts["biliards@pandle.net"] == "/find/?q=biliards%40pandle.net"
    for app in ("Add a mailbox of this name", "Add an alias"):
        assert 'value="biliard"' in as_operator.get(acts[app]).content.decode()


@pytest.mark.parametrize("rights", [[], [Right.PASSWORDS]])
def test_the_card_leads_nobody_to_what_they_may_not_do(
    as_colleague: Client, colleague, domain: Domain, biliards: Address, rights: list[Right]
) -> None:
    Grant.objects.filter(user=colleague).update(rights=rights)
    switch_mailbox(SYSTEM, biliards, on=False)
    labels = ["Open biliards@pandle.net", *(["Set a password"] if rights else [])]
    assert list(acts_of(as_colleague, "biliards@pandle.net")) == [*labels, "All its changes"]
    assert acts_of(as_colleague, "biliard@pandle.net").keys() <= {"biliards@pandle.net"}


def test_the_card_of_what_others_have_leads_nowhere(as_colleague, other_domain) -> None:
    add_mailbox(SYSTEM, other_domain, LocalPart("secret"))
    assert acts_of(as_colleague, "secret@stranger.example") == {}
    assert acts_of(as_colleague, "secre@stranger.example") == {}
