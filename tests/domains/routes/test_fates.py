"""What becomes of mail, over every hop; and what a person is told of it."""

from __future__ import annotations

from typing import Any

import pytest
from django.conf import settings
from django.db import connection

from qmailpanel.accounts.models import User
from qmailpanel.aliases.services import add_alias, remove_alias, switch_alias
from qmailpanel.domains.addresses.badge import badge_of
from qmailpanel.domains.departed.services import set_responder
from qmailpanel.domains.models import Address, Destination, Domain, Kind, Unknown
from qmailpanel.domains.names.services import add_alias_domain
from qmailpanel.domains.routes.fates import Fates
from qmailpanel.domains.routes.picture import route_of, say_loss
from qmailpanel.domains.routes.remarks import remarks_on
from qmailpanel.domains.services import change_domain, remove_domain, switch_domain
from qmailpanel.ledger.actors import SYSTEM
from qmailpanel.mailboxes.delivery.forwarding import change_forwarding
from qmailpanel.mailboxes.removal.services import remove_mailbox
from qmailpanel.mailboxes.services import add_mailbox, hold_mailbox, switch_mailbox
from qmailpanel.qmail.layout.domain import NO_MAILBOX
from qmailpanel.qmail.names import AliasLocal, DomainName, LocalPart, MailAddress
from qmailpanel.qmail.route.ends import End, Fate
from qmailpanel.reports.models import SyncNode, SyncPosition
from qmailpanel.reports.statuses import Statuses
from tests.kit.live import make_live, write_problem, write_usage


@pytest.fixture
def anna(domain: Domain) -> Address:
    return add_mailbox(SYSTEM, domain, LocalPart("anna"))


def alias(domain: Domain, local: str, *targets: str) -> Address:
    return add_alias(SYSTEM, domain, AliasLocal(local), [MailAddress(there) for there in targets])


def fates_of(user: User, address: str) -> list[tuple[str, str]]:
    return [(end.address, str(end.fate)) for end in Fates(user).ends(address)]


def test_mail_is_followed_over_every_forward_to_all_its_ends(operator, domain, anna) -> None:
    alias(domain, "team", "anna@pandle.net", "Bob@Elsewhere.example")
    alias(domain, "sales", "team@pandle.net", "gone@pandle.net")
    assert fates_of(operator, "SALES@pandle.net") == [
        ("anna@pandle.net", Fate.ARRIVES),
        ("bob@elsewhere.example", Fate.GOES_ON),
        ("gone@pandle.net", Fate.NOBODY),
    ]


def test_mail_by_another_name_of_the_domain_is_the_same_mail(operator, domain, anna) -> None:
    add_alias_domain(SYSTEM, domain, DomainName("pandle.example"))
    assert fates_of(operator, "anna@pandle.example") == [("anna@pandle.net", Fate.ARRIVES)]


def hold(domain: Domain, anna: Address) -> None:
    hold_mailbox(SYSTEM, anna, on_hold=True)


def switch_off(domain: Domain, anna: Address) -> None:
    switch_mailbox(SYSTEM, anna, on=False)


def switch_domain_off(domain: Domain, anna: Address) -> None:
    switch_domain(SYSTEM, domain, on=False)


def fill(domain: Domain, anna: Address) -> None:
    SyncNode.objects.create(node=settings.QMAILPANEL_NODE, holds_quotas=True)
    write_usage(anna, percent=104)


def fill_though_it_forwards_too(domain: Domain, anna: Address) -> None:
    change_forwarding(SYSTEM, anna, destinations=[MailAddress("a@elsewhere.example")], keeps=True)
    fill(domain, anna)


def fill_where_nothing_counts(domain: Domain, anna: Address) -> None:
    write_usage(anna, percent=104)


def fail(domain: Domain, anna: Address) -> None:
    make_live(domain)
    write_problem("No.", domain, anna)


def leave(domain: Domain, anna: Address) -> None:
    make_live(domain)
    SyncPosition.objects.update(left=[anna.pk])


def forward(domain: Domain, anna: Address) -> None:
    change_forwarding(SYSTEM, anna, destinations=[MailAddress("a@elsewhere.example")], keeps=False)


def remove(domain: Domain, anna: Address) -> None:
    remove_mailbox(SYSTEM, anna, despite_pointers=True)


def remove_where_senders_are_answered(domain: Domain, anna: Address) -> None:
    SyncNode.objects.create(node=settings.QMAILPANEL_NODE, answers_mail=True)
    set_responder(SYSTEM, domain, subject="Gone", text="Ask Bob.", target="", days=7)
    remove_mailbox(SYSTEM, anna, despite_pointers=True)


def remove_where_nobody_answers(domain: Domain, anna: Address) -> None:
    set_responder(SYSTEM, domain, subject="Gone", text="Ask.", target="b@elsewhere.example", days=7)
    remove_mailbox(SYSTEM, anna, despite_pointers=True)


def remove_where_unknown_mail_is_discarded(domain: Domain, anna: Address) -> None:
    change_domain(SYSTEM, domain, unknown=Unknown.DISCARD)
    remove_mailbox(SYSTEM, anna, despite_pointers=True)


def remove_domain_of(domain: Domain, anna: Address) -> None:
    remove_domain(SYSTEM, domain, despite_pointers=True)


@pytest.mark.parametrize(
    ("act", "fate"),
    [
        (hold, Fate.WAITS),
        (switch_off, Fate.RETURNS),
        (switch_domain_off, Fate.RETURNS),
        (fill, Fate.FULL),
        (fill_though_it_forwards_too, Fate.FULL),
        (fill_where_nothing_counts, Fate.ARRIVES),
        (fail, Fate.UNSURE),
        (leave, Fate.UNSURE),
        (forward, Fate.GOES_ON),
        (remove, Fate.NOBODY),
        (remove_where_senders_are_answered, Fate.ANSWERED),
        (remove_where_nobody_answers, Fate.GOES_ON),
        (remove_where_unknown_mail_is_discarded, Fate.DISCARDED),
        (remove_domain_of, Fate.RETURNS),
    ],
    ids=lambda part: getattr(part, "__name__", str(part)),
)
def test_an_alias_shares_the_fate_of_its_mailbox(
    operator: User, domain: Domain, other_domain: Domain, anna: Address, act: Any, fate: Fate
) -> None:
    info = alias(other_domain, "info", "anna@pandle.net")
    act(domain, anna)
    for changed in (domain, other_domain):
        make_live(changed)
    assert [end.fate for end in Fates(operator).ends("info@stranger.example")] == [fate]
    (drawn,) = route_of(Address.objects.get(pk=info.pk), Fates(operator))[-1]
    assert (drawn.tone == "end") == (fate in (Fate.ARRIVES, Fate.ANSWERED))


def test_whoever_writes_to_nobody_reads_the_text_of_the_domain_or_ours(operator, domain) -> None:
    node = "typo@pandle.net"
    assert Fates(operator).ends(node) == [End(node, Fate.NOBODY, NO_MAILBOX)]
    change_domain(SYSTEM, domain, unknown=Unknown.BOUNCE, unknown_text="Gone.")
    assert Fates(operator).ends(node) == [End(node, Fate.NOBODY, "Gone.")]
    Domain.objects.update(unknown=Unknown.REFUSE)
    assert Fates(operator).ends(node) == [End(node, Fate.NOBODY, NO_MAILBOX)]


def test_a_ring_that_is_there_all_the_same_has_no_end(operator, domain) -> None:
    alias(domain, "a", "b@pandle.net")
    alias(domain, "b", "c@pandle.net")
    alias(domain, "c", "x@elsewhere.example")
    Destination.objects.filter(address__local="c").update(target="b@pandle.net")
    assert fates_of(operator, "a@pandle.net") == []


def test_unknown_mail_that_goes_to_a_mailbox_that_is_gone_is_nobodys(operator, domain, anna):
    change_domain(SYSTEM, domain, unknown=Unknown.MAILBOX, unknown_target="anna")
    assert fates_of(operator, "typo@pandle.net") == [("anna@pandle.net", Fate.ARRIVES)]
    remove_mailbox(SYSTEM, anna, despite_pointers=True)
    assert fates_of(operator, "typo@pandle.net") == [("anna@pandle.net", Fate.NOBODY)]


def test_an_alias_that_is_off_or_removed_takes_no_mail(operator, domain, anna) -> None:
    info = alias(domain, "info", "anna@pandle.net")
    switch_alias(SYSTEM, info, on=False)
    assert fates_of(operator, "info@pandle.net") == [("info@pandle.net", Fate.RETURNS)]
    remove_alias(SYSTEM, info)
    assert fates_of(operator, "info@pandle.net") == [("info@pandle.net", Fate.NOBODY)]


def test_of_domains_of_others_nothing_is_said_but_what_a_sender_can_find_out(
    colleague, domain, other_domain
) -> None:
    held = add_mailbox(SYSTEM, other_domain, LocalPart("held"))
    hold_mailbox(SYSTEM, held, on_hold=True)
    alias(other_domain, "secret", "boss@elsewhere.example")
    assert fates_of(colleague, "held@stranger.example") == [("held@stranger.example", Fate.GOES_ON)]
    assert fates_of(colleague, "secret@stranger.example") == [
        ("secret@stranger.example", Fate.GOES_ON)
    ]
    assert fates_of(colleague, "nobody@stranger.example") == [
        ("nobody@stranger.example", Fate.NOBODY)
    ]


def test_a_removed_mailbox_is_drawn_as_mail_to_an_unknown_recipient(operator, domain, anna):
    add_mailbox(SYSTEM, domain, LocalPart("office"))
    change_domain(SYSTEM, domain, unknown=Unknown.MAILBOX, unknown_target="office")
    remove_mailbox(SYSTEM, anna, despite_pointers=True)
    make_live(domain)
    drawn = route_of(Address.objects.get(pk=anna.pk), Fates(operator))[-1]
    assert [(node.text, node.tone) for node in drawn] == [("office/Maildir/", "end")]


def test_a_typo_is_remarked_with_the_address_that_is_written_almost_so(operator, domain) -> None:
    add_mailbox(SYSTEM, domain, LocalPart("biliards"))
    said = "biliard@pandle.net is no address here: mail to it goes back to its sender."
    near = "Did you mean biliards@pandle.net?"
    fates = Fates(operator)
    assert remarks_on(["biliard@pandle.net"], fates, operator) == [f"{said} {near}"]
    assert remarks_on(["biliards@pandle.net", "x@elsewhere.example"], fates, operator) == []


@pytest.mark.parametrize(
    ("act", "said"),
    [
        (hold, "anna@pandle.net is on hold: mail to it waits."),
        (
            switch_off,
            "Mail to anna@pandle.net goes back to its sender: “This mailbox is switched off.",
        ),
        (fill, "anna@pandle.net is full: mail to it goes back to its sender."),
        (
            remove_where_unknown_mail_is_discarded,
            "anna@pandle.net is no address here: mail to it is discarded.",
        ),
        (fill_where_nothing_counts, ""),
        (forward, ""),
        (fail, ""),
    ],
)
def test_what_is_remarked_says_what_becomes_of_mail(operator, domain, anna, act, said) -> None:
    act(domain, anna)
    remarks = remarks_on(["anna@pandle.net", "anna@pandle.net"], Fates(operator), operator)
    assert len(remarks) == bool(said)
    assert all(each.startswith(said) for each in remarks)


def test_an_owner_may_know_all_of_the_own_address_and_of_no_other(domain, anna, stranger) -> None:
    other = add_mailbox(SYSTEM, domain, LocalPart("other"))
    for box in (anna, other):
        hold_mailbox(SYSTEM, box, on_hold=True)
    fates = Fates(stranger, own=anna.pk)
    found = [end.fate for box in (anna, other) for end in fates.ends(str(box))]
    assert found == [Fate.WAITS, Fate.GOES_ON]


def test_a_removed_mailbox_of_others_for_which_somebody_answers_goes_on(
    colleague, other_domain
) -> None:
    gone = add_mailbox(SYSTEM, other_domain, LocalPart("gone"))
    remove_mailbox(SYSTEM, gone)
    set_responder(SYSTEM, other_domain, subject="Gone", text="Ask Bob.", target="", days=7)
    assert fates_of(colleague, str(gone)) == [(str(gone), Fate.GOES_ON)]


def test_nobody_is_told_of_addresses_in_domains_of_others(colleague, other_domain) -> None:
    add_mailbox(SYSTEM, other_domain, LocalPart("biliards"))
    assert remarks_on(["biliard@stranger.example"], Fates(colleague), colleague) == [
        "biliard@stranger.example is no address here: mail to it goes back to its sender."
    ]


def test_a_list_says_which_target_loses_mail(operator, domain, anna) -> None:
    targets = ["anna@pandle.net", "gone@pandle.net"]
    assert say_loss(targets[:1], Fates(operator)) == ""
    said = "gone@pandle.net: nobody has this address: goes back to the sender"
    assert say_loss(targets, Fates(operator)) == said


@pytest.mark.parametrize("many", [1, 5])
def test_many_addresses_are_followed_with_as_few_queries_as_one(
    operator, domain, many, django_assert_num_queries
) -> None:
    for number in range(many):
        add_mailbox(SYSTEM, domain, LocalPart(f"box{number}"))
        alias(domain, f"to{number}", f"box{number}@pandle.net")
    addresses = [f"to{number}@pandle.net" for number in range(many)]
    fates = Fates(operator)
    with django_assert_num_queries(9):
        fates.read(addresses)
        assert {end.fate for one in addresses for end in fates.ends(one)} == {Fate.ARRIVES}


def test_a_way_is_followed_twenty_hops_and_nobody_knows_what_is_further(
    operator, domain, anna, django_assert_max_num_queries
) -> None:
    for number in range(1, 31):
        there = f"hop{number - 1}@pandle.net" if number > 1 else "anna@pandle.net"
        alias(domain, f"hop{number}", there)
    assert fates_of(operator, "hop19@pandle.net") == [("anna@pandle.net", Fate.ARRIVES)]
    with django_assert_max_num_queries(150):
        assert [fate for _, fate in fates_of(operator, "hop30@pandle.net")] == [Fate.FURTHER]
    last = Address.objects.get(local="hop30")
    (drawn,) = route_of(last, Fates(operator))[-1]
    assert drawn.tone == "stopped"


def test_however_many_lead_into_however_long_a_way_a_page_follows_so_many_steps(
    operator, domain, anna, monkeypatch
) -> None:
    monkeypatch.setattr("qmailpanel.domains.routes.fates.STEPS", 50)
    for number in range(1, 11):
        there = f"hop{number - 1}@pandle.net" if number > 1 else "anna@pandle.net"
        alias(domain, f"hop{number}", there)
    fates = Fates(operator)
    addresses = [f"hop{number}@pandle.net" for number in range(1, 11)]
    found = [[end.fate for end in fates.ends(address)] for address in addresses]
    assert found == [[Fate.ARRIVES]] * 8 + [[Fate.FURTHER]] * 2


def test_no_more_destinations_are_read_than_a_page_follows_steps(
    operator, domain, anna, monkeypatch
) -> None:
    """However few addresses have them."""
    monkeypatch.setattr("qmailpanel.domains.routes.fates.STEPS", 20)
    monkeypatch.setattr("qmailpanel.domains.routes.fates.AT_ONCE", 2)
    for layer in range(5, 0, -1):
        there = [f"l{layer + 1}n{n}@pandle.net" for n in range(5)] if layer < 5 else [str(anna)]
        for n in range(5):
            alias(domain, f"l{layer}n{n}", *there)
    read = list[int]()

    def count(execute, sql, params, many, context):
        if "domains_destination" in sql:
            read.append(len(params))
        return execute(sql, params, many, context)

    fates, starts = Fates(operator), [f"l1n{n}@pandle.net" for n in range(5)]
    with connection.execute_wrapper(count):
        fates.read(starts)
        found = [{end.fate for end in fates.ends(start)} for start in starts]
    assert sum(read) <= 6  # addresses of which destinations were read
    assert found[0] == {Fate.FURTHER}
    assert fates_of(operator, "l5n0@pandle.net") == [("anna@pandle.net", Fate.ARRIVES)]


def test_a_long_chain_of_aliases_breaks_no_page(as_colleague, domain) -> None:
    rows = [
        Address(domain=domain, local=f"a{n:04}", kind=Kind.ALIAS, change_id=domain.change_id)
        for n in range(1_500)
    ]
    made = Address.objects.bulk_create(rows)
    Destination.objects.bulk_create(
        Destination(address=row, target=f"a{n + 1:04}@pandle.net") for n, row in enumerate(made)
    )
    for page in ("", f"{made[0].pk}/"):
        assert as_colleague.get(f"/domains/pandle.net/aliases/{page}").status_code == 200


def test_a_removed_mailbox_of_others_is_nobodys(colleague, other_domain) -> None:
    gone = add_mailbox(SYSTEM, other_domain, LocalPart("gone"))
    remove_mailbox(SYSTEM, gone)
    assert fates_of(colleague, "gone@stranger.example") == [("gone@stranger.example", Fate.NOBODY)]


def test_an_address_that_falls_to_unknown_recipients_is_remarked_all_the_same(operator, domain):
    add_mailbox(SYSTEM, domain, LocalPart("office"))
    add_mailbox(SYSTEM, domain, LocalPart("brian"))
    change_domain(SYSTEM, domain, unknown=Unknown.MAILBOX, unknown_target="office")
    assert remarks_on(["brain@pandle.net"], Fates(operator), operator) == [
        (
            "brain@pandle.net is no address here: mail to it goes where unknown recipients go. "
            "Did you mean brian@pandle.net?"
        )
    ]


def test_an_alias_is_green_only_where_all_its_mail_arrives(operator, domain, anna) -> None:
    info = alias(domain, "info", "anna@pandle.net")
    make_live(domain)
    assert badge_of(Statuses([domain.pk]), info, Fates(operator)).text == ""
    hold_mailbox(SYSTEM, anna, on_hold=True)
    make_live(domain)
    badge = badge_of(Statuses([domain.pk]), info, Fates(operator))
    assert 'class="status failed"' in badge.mark
    assert "Waits" in badge.mark
