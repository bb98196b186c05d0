"""The aliases of a mailbox, on its page."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.db import connection
from django.db.models.signals import post_init
from django.test import Client
from django.test.utils import CaptureQueriesContext

from qmailpanel.accounts.models import User
from qmailpanel.aliases.services import add_alias, remove_alias
from qmailpanel.domains.models import Address, Destination, Domain, Grant, Kind
from qmailpanel.domains.services import add_domain, change_domain
from qmailpanel.domains.targets import targets_of
from qmailpanel.ledger.actors import SYSTEM
from qmailpanel.ledger.models import Change
from qmailpanel.mailboxes.delivery.forwarding import change_forwarding
from qmailpanel.mailboxes.own.queries import find_further
from qmailpanel.mailboxes.removal.services import remove_mailbox
from qmailpanel.mailboxes.services import add_mailbox
from qmailpanel.qmail.names import AliasLocal, DomainName, LocalPart, MailAddress

TARGET = MailAddress("biliards@pandle.net")


@pytest.fixture
def biliards(domain: Domain) -> Address:
    return add_mailbox(SYSTEM, domain, LocalPart("biliards"))


def page_of(mailbox: Address) -> str:
    return f"/domains/pandle.net/mailboxes/{mailbox.pk}/"


def text(client: Client, mailbox: Address) -> str:
    page: str = client.get(page_of(mailbox)).content.decode()
    return page.partition('id="further"')[2].partition("</section>")[0]


def listed(client: Client, mailbox: Address) -> list[str]:
    found = re.findall(
        r'class="hero" href="[^"]+">([^<]+)<span class="at">([^<]+)<', text(client, mailbox)
    )
    return [local + host for local, host in found]


def test_the_page_of_a_mailbox_names_what_delivers_there_also_from_other_domains_one_looks_after(
    as_colleague: Client, colleague: User, biliards: Address, domain: Domain, other_domain: Domain
) -> None:
    add_alias(SYSTEM, other_domain, AliasLocal("pool"), [TARGET])
    add_alias(SYSTEM, domain, AliasLocal("snooker"), [TARGET, MailAddress("x@example.org")])
    add_alias(SYSTEM, domain, AliasLocal("other"), [MailAddress("x@example.org")])
    gone = add_alias(SYSTEM, domain, AliasLocal("gone"), [TARGET])
    remove_alias(SYSTEM, gone)
    near = ["snooker@pandle.net"]
    assert listed(as_colleague, biliards) == near
    assert "stranger.example" not in text(as_colleague, biliards)
    Grant.objects.create(user=colleague, domain=other_domain, rights=[])
    assert listed(as_colleague, biliards) == [*near, "pool@stranger.example"]


def test_a_mailbox_that_forwards_there_is_named_as_such(
    as_colleague: Client, biliards: Address, domain: Domain
) -> None:
    ann = add_mailbox(SYSTEM, domain, LocalPart("ann"))
    change_forwarding(SYSTEM, ann, destinations=[TARGET], keeps=True)
    assert listed(as_colleague, biliards) == ["ann@pandle.net"]
    assert "a mailbox that forwards here" in text(as_colleague, biliards)


def test_of_many_aliases_the_first_are_shown_and_the_others_counted(
    as_colleague: Client, biliards: Address, domain: Domain
) -> None:
    for number in range(22):
        add_alias(SYSTEM, domain, AliasLocal(f"a{number:02}"), [TARGET])
    assert listed(as_colleague, biliards)[-1] == "a19@pandle.net"
    assert "?q=biliards%40pandle.net" in text(as_colleague, biliards)
    assert "2 more" in text(as_colleague, biliards)


def many_aliases(domain: Domain, count: int) -> None:
    change = Change.objects.latest("pk")
    rows = [
        Address(domain=domain, kind=Kind.ALIAS, local=f"m{number:05}", change=change)
        for number in range(count)
    ]
    Address.objects.bulk_create(rows)
    Destination.objects.bulk_create(Destination(address=row, target=TARGET) for row in rows)


def test_of_very_many_no_more_are_read_than_the_page_counts(
    as_colleague: Client, biliards: Address, domain: Domain
) -> None:
    many_aliases(domain, 300)
    assert listed(as_colleague, biliards)[-1] == "m00019@pandle.net"
    assert "more than 180 more" in text(as_colleague, biliards)


def test_what_others_lead_to_a_mailbox_is_not_read_for_its_pages(
    as_colleague: Client, biliards: Address, domain: Domain, other_domain: Domain
) -> None:
    add_alias(SYSTEM, domain, AliasLocal("snooker"), [TARGET])
    many_aliases(other_domain, 300)
    read: list[Destination] = []

    def note(instance: Destination, **_more: Any) -> None:
        read.append(instance)

    post_init.connect(note, sender=Destination)
    assert listed(as_colleague, biliards) == find_further(biliards) == ["snooker@pandle.net"]
    post_init.disconnect(note, sender=Destination)
    assert len(read) < 10


def test_those_of_the_same_domain_come_first(
    as_operator: Client, biliards: Address, domain: Domain
) -> None:
    first = add_domain(SYSTEM, DomainName("aaa.example"))
    add_alias(SYSTEM, first, AliasLocal("a"), [TARGET])
    add_alias(SYSTEM, domain, AliasLocal("z"), [TARGET])
    assert listed(as_operator, biliards) == ["z@pandle.net", "a@aaa.example"]


def test_an_address_below_is_named_unless_that_is_a_domain_of_its_own(
    as_operator: Client, biliards: Address, domain: Domain
) -> None:
    change_domain(SYSTEM, domain, subdomains=True)
    add_alias(SYSTEM, domain, AliasLocal("a"), [TARGET, MailAddress("biliards@x.pandle.net")])
    add_alias(SYSTEM, domain, AliasLocal("b"), [MailAddress("Biliards@mail.pandle.net")])
    assert listed(as_operator, biliards) == ["a@pandle.net", "b@pandle.net"]
    add_domain(SYSTEM, DomainName("mail.pandle.net"))
    assert listed(as_operator, biliards) == ["a@pandle.net"]


def test_an_alias_is_added_there_and_leads_back(as_colleague: Client, biliards: Address) -> None:
    here = page_of(biliards)
    answer = as_colleague.post(f"{here}aliases/", {"local": "snooker"})
    assert answer["Location"] == here
    assert targets_of(Address.objects.get(local="snooker")) == [TARGET]
    assert "The alias is added." in as_colleague.get(here).content.decode()
    assert listed(as_colleague, biliards) == ["snooker@pandle.net"]


@pytest.mark.parametrize("typed", ["", "a b", "biliards", "postmaster"])
def test_a_name_that_cannot_be_an_alias_is_told_at_its_field_and_kept(
    as_colleague: Client, biliards: Address, typed: str
) -> None:
    saved = Change.objects.count()
    answer = as_colleague.post(f"{page_of(biliards)}aliases/", {"local": typed})
    page = answer.content.decode()
    assert answer.status_code == 422
    assert 'id="further_local_error"' in page
    assert f'value="{typed}"' in page or not typed
    assert Change.objects.count() == saved


def test_a_removed_mailbox_gets_no_alias(as_colleague: Client, biliards: Address) -> None:
    remove_mailbox(SYSTEM, biliards)
    saved = Change.objects.count()
    answer = as_colleague.post(f"{page_of(biliards)}aliases/", {"local": "snooker"})
    assert answer["Location"] == page_of(biliards)
    assert Change.objects.count() == saved


def test_who_may_not_add_addresses_sees_them_and_finds_no_form(
    as_colleague: Client, colleague: User, biliards: Address, domain: Domain
) -> None:
    add_alias(SYSTEM, domain, AliasLocal("snooker"), [TARGET])
    Grant.objects.filter(user=colleague).update(rights=["passwords"])
    assert listed(as_colleague, biliards) == ["snooker@pandle.net"]
    assert "Add alias" not in text(as_colleague, biliards)


def queries(client: Client, mailbox: Address) -> int:
    with CaptureQueriesContext(connection) as captured:
        client.get(page_of(mailbox))
    return len(captured)


def test_the_page_asks_the_database_as_often_for_one_alias_and_change_as_for_three(
    as_colleague: Client, biliards: Address, domain: Domain
) -> None:
    counts = []
    for number in range(3):
        add_alias(SYSTEM, domain, AliasLocal(f"a{number}"), [TARGET])
        counts.append(queries(as_colleague, biliards))
    assert counts[0] == counts[2] < 32


def last_changes(client: Client, mailbox: Address) -> Any:
    page = client.get(page_of(mailbox)).content.decode().replace("<bdi>", "").replace("</bdi>", "")
    return page.partition('id="changes"')[2].partition("</section>")[0]


def test_the_page_tells_the_last_five_changes_of_the_address_alone_and_leads_to_all(
    as_colleague: Client, biliards: Address, domain: Domain
) -> None:
    for number in range(5):
        as_colleague.post(page_of(biliards), {"comment": f"Floor {number}"})
    add_mailbox(SYSTEM, domain, LocalPart("ann"))
    said = last_changes(as_colleague, biliards)
    assert said.count("<time") == 5
    assert "colleague@example.org changed the mailbox biliards@pandle.net" in said
    assert "added the mailbox" not in said
    there = re.search(r'href="(/activity/[^"]+)"', said)
    assert there
    all_of_it = as_colleague.get(there[1]).content.decode().replace("<bdi>", "")
    assert "added the mailbox" in all_of_it
    assert "ann" not in all_of_it.partition("<tbody>")[2].partition("</tbody>")[0]
