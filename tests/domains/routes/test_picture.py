"""The picture of a route shows what the files of the domain say."""

from __future__ import annotations

from dataclasses import replace

import pytest
from django.conf import settings
from django.test import Client

from qmailpanel.accounts.models import User
from qmailpanel.aliases.services import add_alias, change_alias
from qmailpanel.domains.departed.services import set_responder
from qmailpanel.domains.models import Address, Domain, Unknown
from qmailpanel.domains.names.services import (
    add_alias_domain,
    remove_alias_domain,
    restore_alias_domain,
)
from qmailpanel.domains.routes.fates import Fates
from qmailpanel.domains.routes.picture import Hops, Node, route_of, route_of_unknown
from qmailpanel.domains.services import change_domain, remove_domain, switch_domain
from qmailpanel.ledger.actors import SYSTEM
from qmailpanel.mailboxes.removal.services import remove_mailbox
from qmailpanel.mailboxes.services import add_mailbox, change_mailbox, hold_mailbox, switch_mailbox
from qmailpanel.qmail.layout.domain import NO_MAILBOX
from qmailpanel.qmail.names import AliasLocal, DomainName, LocalPart, MailAddress
from qmailpanel.reports.models import SyncNode
from tests.kit.live import make_live, write_problem, write_usage


@pytest.fixture
def caught(domain: Domain) -> Domain:
    """Unknown recipients go to a mailbox."""
    add_mailbox(SYSTEM, domain, LocalPart("all"))
    return change_domain(SYSTEM, domain, unknown=Unknown.MAILBOX, unknown_target="all")


def make_all_live() -> None:
    for domain in Domain.objects.all():
        make_live(domain)


def ends(domain: Domain) -> list[Node]:
    """Once all is live."""
    make_all_live()
    return ends_now(domain)


def ends_now(domain: Domain) -> list[Node]:
    return route_of_unknown(Domain.objects.get(pk=domain.pk), Fates(User(is_operator=True)))[-1]


def texts(domain: Domain) -> list[str]:
    return [node.text for node in ends(domain)]


BACK, OUT = "goes back to the sender", MailAddress("x@elsewhere.example")


@pytest.mark.parametrize(
    ("fields", "end"),
    [
        ({"unknown": Unknown.BOUNCE}, Node(NO_MAILBOX, BACK, "stopped")),
        (
            {"unknown": Unknown.BOUNCE, "unknown_text": "Gone."},
            Node("Gone.", BACK, "stopped"),
        ),
        (
            {"unknown": Unknown.DISCARD},
            Node("discarded", "the sender hears nothing", "stopped"),
        ),
        ({"unknown": Unknown.FORWARD, "unknown_target": OUT}, Node(OUT, "forwarded", "")),
    ],
)
def test_what_nobody_claimed_is_drawn_from_the_door_to_its_end(domain, fields, end) -> None:
    changed = change_domain(SYSTEM, domain, **fields)
    make_all_live()
    assert route_of_unknown(changed, Fates(User(is_operator=True))) == [
        [Node("", "sender", "start")],
        [Node("pandle.net", "accepted: in rcpthosts")],
        [Node(f"{domain.prepend}-default", "nobody claimed the address")],
        [end],
    ]


def test_who_is_refused_at_the_door_is_drawn_no_further(domain) -> None:
    domain.unknown = Unknown.REFUSE
    domain.save()
    assert route_of_unknown(domain, Fates(User(is_operator=True))) == [
        [Node("", "sender", "start")],
        [Node("not a known recipient", "refused", "stopped")],
    ]
    switch_domain(SYSTEM, domain, on=False)
    assert texts(domain)[0] == "not in rcpthosts"


@pytest.fixture
def anna(domain: Domain) -> Address:
    return add_mailbox(SYSTEM, domain, LocalPart("anna"))


def draw(address: Address) -> list[Node]:
    """Once all is live."""
    make_all_live()
    return draw_now(address)


def draw_now(address: Address) -> list[Node]:
    found = Address.objects.select_related("domain").get(pk=address.pk)
    return route_of(found, Fates(User(is_operator=True)))[-1]


def test_a_mailbox_is_drawn_with_its_maildir_and_who_writes_it(domain, anna) -> None:
    make_all_live()
    hops = route_of(anna, Fates(User(is_operator=True)))
    assert hops[2:] == [
        [Node(f"{domain.prepend}-anna", "looked up in users/cdb")],
        [Node("anna/Maildir/", "delivered as popuser", "end")],
    ]


def test_where_mail_stops_at_a_mailbox_is_drawn_with_what_its_sender_reads(anna) -> None:
    hold_mailbox(SYSTEM, anna, on_hold=True)
    assert draw(anna) == [Node("", "on hold: waits at this mail server", "stopped")]
    hold_mailbox(SYSTEM, anna, on_hold=False)
    SyncNode.objects.create(node=settings.QMAILPANEL_NODE, holds_quotas=True)
    usage = write_usage(anna, percent=100)
    assert draw(anna) == [Node("anna/Maildir/", "full: goes back to the sender", "stopped")]
    usage.delete()
    switch_mailbox(SYSTEM, anna, on=False)
    (off,) = draw(anna)
    assert ("switched off" in off.text, off.caption, off.tone) == (True, BACK, "stopped")


def test_of_many_destinations_the_first_few_are_drawn(domain, other_domain, anna) -> None:
    add_mailbox(SYSTEM, other_domain, LocalPart("bob"))
    targets = [
        "anna@pandle.net",
        "bob@stranger.example",
        "gone@pandle.net",
        *(f"x{number}@elsewhere.example" for number in range(4)),
    ]
    many = add_alias(SYSTEM, domain, AliasLocal("many"), [MailAddress(one) for one in targets])
    nobody = "nobody has this address: goes back to the sender"
    assert draw(many) == [
        Node("anna/Maildir/", "delivered as popuser", "end"),
        Node("bob@stranger.example", "arrives here", "end"),
        Node("gone@pandle.net", nobody, "stopped"),
        Node("x0@elsewhere.example", "forwarded", ""),
        Node("x1@elsewhere.example", "forwarded", ""),
        Node("", "and 2 more", ""),
    ]
    change_alias(SYSTEM, many, destinations=[MailAddress(one) for one in reversed(targets)][1:])
    assert draw(many)[-1] == Node("", "and 1 more", "end")


def test_an_alias_of_an_alias_is_drawn_with_every_end_of_its_mail(domain, anna) -> None:
    inner = [MailAddress("anna@pandle.net"), OUT]
    add_alias(SYSTEM, domain, AliasLocal("team"), inner)
    outer = add_alias(SYSTEM, domain, AliasLocal("all"), [MailAddress("team@pandle.net")])
    said = f"anna@pandle.net: arrives here; {OUT}: forwarded"
    assert draw(outer) == [Node("team@pandle.net", said, "end")]


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


@pytest.mark.parametrize("unknown", [Unknown.BOUNCE, Unknown.DISCARD, Unknown.MAILBOX])
def test_mail_to_a_removed_address_goes_where_that_to_unknown_recipients_does(
    domain, operator, unknown
) -> None:
    add_mailbox(SYSTEM, domain, LocalPart("all"))
    change_domain(SYSTEM, domain, unknown=unknown, unknown_target="all")
    gone = add_mailbox(SYSTEM, domain, LocalPart("gone"))
    remove_mailbox(SYSTEM, gone)
    last = {
        Unknown.BOUNCE: (
            "No such mailbox here. (#5.1.1)",
            "goes back to the sender",
        ),
        Unknown.DISCARD: ("", "discarded: the sender hears nothing"),
        Unknown.MAILBOX: ("all/Maildir/", "delivered as popuser"),
    }
    assert drawn(route_of(gone, Fates(operator)))[-1] == last[unknown]


WAITING = {
    "the mailbox": lambda way: change_mailbox(SYSTEM, way["mailbox"], comment="New."),
    "an alias on the way": lambda way: change_alias(SYSTEM, way["alias"], comment="New."),
    "a name on the way": lambda way: (
        remove_alias_domain(SYSTEM, way["name"], despite_pointers=True),
        restore_alias_domain(SYSTEM, way["name"]),
    ),
}


@pytest.mark.parametrize("waiting", WAITING)
def test_a_way_is_green_once_all_of_it_is_live(domain, other_domain, anna, waiting) -> None:
    here, there = [MailAddress("anna@pandle.net")], [MailAddress("team@further.example")]
    way = {
        "mailbox": anna,
        "alias": add_alias(SYSTEM, domain, AliasLocal("team"), here),
        "name": add_alias_domain(SYSTEM, domain, DomainName("further.example")),
    }
    outer = add_alias(SYSTEM, other_domain, AliasLocal("to"), there)
    live = Node("team@further.example", "anna@pandle.net: arrives here", "end")
    assert draw(outer) == [live]
    WAITING[waiting](way)
    assert draw_now(outer) == [replace(live, tone="", is_pending=True)]
    assert draw(outer) == [live]


def test_the_way_of_an_alias_that_waits_itself_is_drawn_as_it_will_be(domain, anna) -> None:
    make_all_live()
    team = add_alias(SYSTEM, domain, AliasLocal("team"), [MailAddress("anna@pandle.net"), OUT])
    mailbox = Node("anna/Maildir/", "delivered as popuser", "", is_pending=True)
    assert draw_now(team) == [mailbox, Node(OUT, "forwarded", "", is_pending=True)]


def test_the_way_of_unknown_recipients_is_green_while_the_domain_is_live(caught) -> None:
    (live,) = ends(caught)
    assert live.tone == "end"
    change_domain(SYSTEM, caught, description="New.")
    assert ends_now(caught) == [replace(live, tone="", is_pending=True)]
    write_problem("Somebody changed a line of it.", caught)
    assert [node.tone for node in ends(caught)] == ["stopped"]


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
