"""What failed, waits, is on hold, off, full, left or gone is green on no page that shows it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from qmailpanel.aliases.services import add_alias
from qmailpanel.domains.models import Address, Domain
from qmailpanel.domains.names.services import add_alias_domain
from qmailpanel.domains.services import remove_domain, switch_domain
from qmailpanel.ledger.actors import SYSTEM
from qmailpanel.mailboxes.removal.services import remove_mailbox
from qmailpanel.mailboxes.services import (
    add_mailbox,
    change_mailbox,
    change_quota,
    hold_mailbox,
    switch_mailbox,
)
from qmailpanel.qmail.names import AliasLocal, DomainName, LocalPart, MailAddress
from qmailpanel.reports.models import Survey, SyncNode, SyncPosition
from qmailpanel.sync.models import SyncRun
from tests.kit.live import make_live, write_problem, write_usage

PASSWORD = "seven lanterns over quiet water"
DOMAIN = "/domains/pandle.net/"
OWN = ("", "password/", "app-passwords/", "mail/", "sign-ins/", "programs/")
GREEN_WAY = 'class="node end"'


@pytest.fixture(autouse=True)
def node(db: None) -> SyncNode:
    """The service runs, and the host holds quotas."""
    return SyncNode.objects.create(node="main", heartbeat=timezone.now(), holds_quotas=True)


@pytest.fixture
def ada(domain: Domain) -> Address:
    """Live, and so is to-ada, an alias of it; the domain has another name."""
    address = add_mailbox(SYSTEM, domain, LocalPart("ada"), password=PASSWORD)
    add_alias(SYSTEM, domain, AliasLocal("to-ada"), [MailAddress("ada@pandle.net")])
    add_alias_domain(SYSTEM, domain, DomainName("further.example"))
    make_live(domain)
    address.refresh_from_db()
    return address


@pytest.fixture
def owner(ada: Address) -> Client:
    client = Client()
    client.post("/sign-in/", {"login": str(ada), "password": PASSWORD})
    return client


def waits(ada: Address) -> None:
    change_mailbox(SYSTEM, ada, comment="Second floor")


def fails(ada: Address) -> None:
    write_problem("Something is in the way.", ada.domain, ada)


def fails_as_a_whole(ada: Address) -> None:
    write_problem("Somebody changed a line of it.", ada.domain)


def is_left(ada: Address) -> None:
    SyncPosition.objects.update(left=[ada.pk])


def is_full(ada: Address) -> None:
    change_quota(SYSTEM, ada, quota=1_000_000, messages=0)
    make_live(ada.domain)
    write_usage(ada, percent=100)


def afterwards(service: Callable[[Address], Any]) -> Callable[[Address], None]:
    """The service was called, and it is live."""

    def act(ada: Address) -> None:
        service(ada)
        make_live(ada.domain)

    return act


ON_HOLD = afterwards(lambda ada: hold_mailbox(SYSTEM, ada, on_hold=True))
OFF = afterwards(lambda ada: switch_mailbox(SYSTEM, ada, on=False))
REMOVED = afterwards(lambda ada: remove_mailbox(SYSTEM, ada, despite_pointers=True))
DOMAIN_OFF = afterwards(lambda ada: switch_domain(SYSTEM, ada.domain, on=False))
DOMAIN_REMOVED = afterwards(lambda ada: remove_domain(SYSTEM, ada.domain))
TAKE_NOTHING = {
    "failed": fails,
    "failed as a whole": fails_as_a_whole,
    "left as others wrote it": is_left,
    "full": is_full,
    "on hold": ON_HOLD,
    "off": OFF,
    "removed": REMOVED,
    "in a domain that is off": DOMAIN_OFF,
    "in a removed domain": DOMAIN_REMOVED,
}
STATES = {"waits": waits, **TAKE_NOTHING}
OF_DOMAIN = ("waits", "failed", "failed as a whole", "left as others wrote it")


def greens(client: Client, page: str) -> Iterator[str]:
    """What is green on a page: the rows whose status is, and ways on which mail arrives."""
    answer = client.get(page, follow=True)
    text = answer.content.decode()
    if answer.status_code == 200:
        yield from re.findall(r'id="status-(\w+)" class="status live"', text)
        yield from ["a verdict"] * text.count('<span class="status live"')
        yield from ["a way"] * text.count(GREEN_WAY)


def pages_of(ada: Address) -> list[str]:
    alias = Address.objects.get(local="to-ada")
    mailbox = f"{DOMAIN}mailboxes/{ada.pk}/"
    lists = [f"{DOMAIN}mailboxes/", f"{DOMAIN}aliases/", f"{DOMAIN}mailboxes/removed/"]
    lists += [f"{DOMAIN}mailboxes/?top={ada.pk}", f"{DOMAIN}mailboxes/?only=full", "/nearly-full/"]
    ones = [mailbox, f"{mailbox}mail/", f"{mailbox}app-passwords/", f"{mailbox}remove/"]
    return [*lists, *ones, f"{mailbox}row/", f"{DOMAIN}aliases/{alias.pk}/", *found_of(ada)]


def found_of(ada: Address) -> list[str]:
    """What was found, and the card."""
    return ["/find/?q=ada", f"/find/?q={ada}"]


def test_what_is_live_and_takes_mail_is_green(as_operator: Client, owner: Client, ada) -> None:
    """Else this file would hold nothing."""
    mine, alias = f"a{ada.pk}", f"a{Address.objects.get(local='to-ada').pk}"
    found = {page: set(greens(as_operator, page)) for page in pages_of(ada)}
    assert {mine, f"d{ada.domain_id}"} <= found[f"{DOMAIN}mailboxes/"]
    assert alias in found[f"{DOMAIN}aliases/"]
    assert {mine, "a way"} <= found[f"{DOMAIN}mailboxes/{ada.pk}/"]
    for page in found_of(ada):
        assert "a verdict" in found[page]
    assert {mine, "a way"} <= set(greens(owner, "/mailbox/"))
    name = ada.domain.names.get(name="further.example")
    assert f"n{name.pk}" in set(greens(as_operator, f"{DOMAIN}settings/names/"))


@pytest.mark.parametrize("state", STATES)
def test_a_mailbox_that_is_not_as_it_should_be(as_operator, owner, ada, state) -> None:
    STATES[state](ada)
    mine = f"a{ada.pk}"
    for page in pages_of(ada):
        assert mine not in set(greens(as_operator, page)), page
    assert "a verdict" not in set(greens(as_operator, f"/find/?q={ada}"))
    for page in OWN:
        assert mine not in set(greens(owner, f"/mailbox/{page}")), page


@pytest.mark.parametrize("state", TAKE_NOTHING)
def test_an_alias_that_leads_there_and_every_way(as_operator, owner, ada, state) -> None:
    TAKE_NOTHING[state](ada)
    alias = Address.objects.get(local="to-ada")
    for page in pages_of(ada):
        assert not {f"a{alias.pk}", "a way"} & set(greens(as_operator, page)), page
    for page in OWN:
        assert "a way" not in set(greens(owner, f"/mailbox/{page}")), page


def test_no_way_is_green_before_it_is_live(as_operator, owner, ada) -> None:
    waits(ada)
    for page in pages_of(ada):
        assert "a way" not in set(greens(as_operator, page)), page
    for page in OWN:
        assert "a way" not in set(greens(owner, f"/mailbox/{page}")), page


@pytest.mark.parametrize("state", [*OF_DOMAIN, "in a domain that is off", "in a removed domain"])
def test_a_domain_in_its_list_and_over_each_of_its_pages(as_operator, ada, state) -> None:
    STATES[state](ada)
    mine = f"d{ada.domain_id}"
    pages = [f"{DOMAIN}{page}" for page in ("settings/", "activity/", "people/", "mailboxes/")]
    for page in ("/domains/", *pages):
        assert mine not in set(greens(as_operator, page)), page


@pytest.mark.parametrize("state", ["failed as a whole", "in a domain that is off", "waits"])
def test_an_alias_domain_of_a_domain_that_is_not_served(as_operator, ada, state) -> None:
    name = ada.domain.names.get(name="further.example")
    if state == "waits":
        type(name).objects.filter(pk=name.pk).update(change=ada.change)
        SyncPosition.objects.update(applied=ada.change_id - 1, tried=ada.change_id - 1)
    else:
        STATES[state](ada)
    assert f"n{name.pk}" not in set(greens(as_operator, f"{DOMAIN}settings/names/"))


AILMENTS: dict[str, Callable[[Address], Any]] = {
    "the service stopped": lambda _ada: SyncNode.objects.update(heartbeat=None),
    "a change waits": waits,
    "an address failed": fails,
}  # what concerns the host alone: tests/today/test_page.py


def is_well(client: Client) -> bool:
    """Whether Today says that nothing is to be done, and that all is live."""
    text = client.get("/").content.decode()
    return "Nothing needs you." in text and "all live" in text


@pytest.fixture
def survey(node: SyncNode) -> Survey:
    now = timezone.now()
    return Survey.objects.create(node=node.node, read_back=now, at=now)


def test_today_is_green_where_nothing_ails(as_operator: Client, ada, survey) -> None:
    assert is_well(as_operator)


@pytest.mark.parametrize("ailment", AILMENTS)
def test_today(as_operator: Client, ada: Address, survey: Survey, ailment: str) -> None:
    AILMENTS[ailment](ada)
    assert not is_well(as_operator)


def test_the_service_is_green_while_it_runs(as_operator: Client, ada: Address) -> None:
    running = 'class="status live"'
    assert running in as_operator.get("/sync/").content.decode()
    AILMENTS["the service stopped"](ada)
    assert running not in as_operator.get("/sync/").content.decode()


@pytest.mark.parametrize("state", STATES)
def test_the_activity_pages_tell_what_was_done_and_call_none_of_it_live(
    as_operator, owner, ada, state
) -> None:
    STATES[state](ada)
    of_domain = f"{DOMAIN}activity/"
    for client, page in (
        (as_operator, "/activity/"),
        (as_operator, of_domain),
        (owner, "/activity/"),
    ):
        told = client.get(page, follow=True).content.decode().partition('id="activity"')[2]
        assert "<table" in told or client is owner, page
        assert not re.findall(r'status live|#live|class="node end"', told), page


@pytest.mark.parametrize(("failed", "is_green"), [(0, True), (2, False)])
def test_a_run_in_which_something_failed(as_operator, ada, failed, is_green) -> None:
    now = timezone.now()
    SyncRun.objects.create(
        node="main", started=now, finished=now, through=1, steps="write users/assign", failed=failed
    )
    page = as_operator.get("/sync/").content.decode().partition('id="runs-part"')[2]
    assert ('class="status live"' in page) is is_green
    assert ("2 failed" in page) is not is_green
