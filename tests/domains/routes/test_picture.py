"""The picture of a route shows what the files of the domain say."""

from __future__ import annotations

import pytest
from django.test import Client

from qmailpanel.accounts.models import User
from qmailpanel.domains.departed.services import set_responder
from qmailpanel.domains.models import Address, Domain, Unknown
from qmailpanel.domains.routes.fates import Fates
from qmailpanel.domains.routes.picture import Hops, Node, route_of, route_of_unknown
from qmailpanel.domains.services import change_domain, remove_domain, switch_domain
from qmailpanel.ledger.actors import SYSTEM
from qmailpanel.mailboxes.removal.services import remove_mailbox
from qmailpanel.mailboxes.services import add_mailbox
from qmailpanel.qmail.names import LocalPart


@pytest.fixture
def caught(domain: Domain) -> Domain:
    """Unknown recipients go to a mailbox."""
    add_mailbox(SYSTEM, domain, LocalPart("all"))
    return change_domain(SYSTEM, domain, unknown=Unknown.MAILBOX, unknown_target="all")


def ends(domain: Domain) -> list[Node]:
    return route_of_unknown(Domain.objects.get(pk=domain.pk), Fates(User(is_operator=True)))[-1]


def texts(domain: Domain) -> list[str]:
    return [node.text for node in ends(domain)]


def test_a_domain_that_is_off_or_removed_refuses_behind_the_door_too(domain) -> None:
    switch_domain(SYSTEM, domain, on=False)
    assert texts(domain) == ["not in rcpthosts", "This domain is switched off. (#5.1.2)"]
    remove_domain(SYSTEM, domain)
    assert texts(domain) == ["not in rcpthosts", "This domain is no longer served here. (#5.1.2)"]
    assert {node.tone for node in ends(domain)} == {"stopped"}
    Domain.objects.update(leaving=False)
    assert texts(domain) == ["not in rcpthosts"]


def test_a_mailbox_that_is_removed_takes_no_unknown_recipients(caught) -> None:
    assert texts(caught) == ["all/Maildir/"]
    remove_mailbox(SYSTEM, caught.addresses.get(local="all"), despite_pointers=True)
    assert [node.tone for node in ends(caught)] == ["stopped"]
    (gone,) = ends(caught)
    assert gone == Node(
        "all@pandle.net", "nobody has this address: goes back to the sender", "stopped"
    )
    set_responder(SYSTEM, caught, subject="Gone", text="Ask Bob.", target="", days=7)
    assert texts(caught) == ["all@pandle.net"]


def drawn(hops: Hops) -> list[tuple[str, str]]:
    return [(node.text, node.caption) for hop in hops for node in hop]


def test_who_is_no_operator_sees_addresses_and_no_files(caught, colleague) -> None:
    address = Address.objects.get(local="all")
    assert drawn(route_of(address, Fates(colleague))) == [
        ("", "sender"),
        ("all@pandle.net", ""),
        ("", "arrives in this mailbox"),
    ]
    assert drawn(route_of_unknown(caught, Fates(colleague))) == [
        ("", "sender"),
        ("", "nobody claimed the address"),
        ("all@pandle.net", "arrives here"),
    ]
    switch_domain(SYSTEM, caught, on=False)
    address = Address.objects.get(pk=address.pk)
    assert drawn(route_of(address, Fates(colleague))) == [
        ("", "sender"),
        ("", "refused"),
        ("This domain is switched off. (#5.1.2)", "goes back to whoever sends it from here"),
    ]


@pytest.mark.parametrize("page", ["", "mailboxes/", "mailboxes/{pk}/", "mailboxes/{pk}/mail/"])
@pytest.mark.parametrize("word", ["rcpthosts", "users/cdb", "Maildir/", "maildrop", "Prepend"])
def test_files_of_the_host_are_named_to_operators_alone(
    caught, as_colleague: Client, page, word
) -> None:
    address = Address.objects.get(local="all")
    answer = as_colleague.get(
        "/domains/" + (f"pandle.net/{page.format(pk=address.pk)}" if page else "")
    )
    assert answer.status_code == 200
    assert word not in answer.content.decode()
