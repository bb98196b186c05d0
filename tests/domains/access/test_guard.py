"""Nobody gets at the mail with which somebody with more rights signs in, however it goes."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from qmailpanel.aliases.services import (
    add_alias,
    change_alias,
    remove_alias,
    restore_alias,
    switch_alias,
)
from qmailpanel.domains.access.guard import at_home
from qmailpanel.domains.access.rights import NotAllowed, Right
from qmailpanel.domains.departed.services import set_responder
from qmailpanel.domains.models import Grant, Unknown
from qmailpanel.domains.names.services import (
    add_alias_domain,
    remove_alias_domain,
    restore_alias_domain,
)
from qmailpanel.domains.services import add_domain, change_domain, remove_domain
from qmailpanel.ledger.actors import SYSTEM, Actor, Refused
from qmailpanel.mailboxes.opening.switches import change_switches
from qmailpanel.mailboxes.removal.services import remove_mailbox
from qmailpanel.mailboxes.services import (
    add_mailbox,
    change_quota,
    hold_mailbox,
    set_password,
    switch_mailbox,
)
from qmailpanel.people.accepting import accept
from qmailpanel.people.granting import MOST
from qmailpanel.people.grants import revoke_rights
from qmailpanel.people.invitations import invite, invite_operator
from qmailpanel.people.models import NameRequest
from qmailpanel.people.persons import demote, switch_person
from qmailpanel.people.requests import accept_request, request_name
from qmailpanel.qmail.names import AliasLocal, DomainName, LocalPart, MailAddress
from tests.kit.people import user_of
from tests.kit.signing_in import type_password, with_password

NEXT = "eleven boats below a green bridge"
OUTSIDE = MailAddress("x@elsewhere.example")


@pytest.fixture
def box(domain):
    return add_mailbox(SYSTEM, domain, LocalPart("box"))


def alias(domain, local, *targets):
    return add_alias(SYSTEM, domain, AliasLocal(local), [MailAddress(one) for one in targets])


def signs_in_as(user, email):
    user.email = email
    user.save()


def refused_to_reset(actor, address):
    with pytest.raises(NotAllowed, match=r"omebody with more rights"):
        set_password(actor, address, password=NEXT)


# on the way


def test_a_mailbox_that_an_alias_of_the_operators_address_leads_to(domain, box, person, operator):
    signs_in_as(operator, "boss@pandle.net")
    alias(domain, "boss", "box@pandle.net")
    refused_to_reset(person("passwords"), box)


def test_over_two_aliases(domain, box, person, operator):
    signs_in_as(operator, "boss@pandle.net")
    alias(domain, "chief", "box@pandle.net")
    alias(domain, "boss", "chief@pandle.net")
    refused_to_reset(person("passwords"), box)
    with pytest.raises(NotAllowed):
        change_alias(
            person("addresses", "forwarding"),
            domain.addresses.get(local="chief"),
            destinations=[OUTSIDE],
        )


def test_from_the_domain_of_another_tenant_and_without_saying_who_it_is(
    domain, other_domain, box, person, operator
):
    signs_in_as(operator, "boss@stranger.example")
    alias(other_domain, "boss", "box@pandle.net")
    with pytest.raises(NotAllowed) as refused:
        set_password(person("passwords"), box, password=NEXT)
    assert "boss" not in str(refused.value)


def test_through_the_unknown_recipients(domain, box, person, operator):
    signs_in_as(operator, "boss@pandle.net")
    change_domain(SYSTEM, domain, unknown=Unknown.MAILBOX, unknown_target="box")
    refused_to_reset(person("passwords"), box)
    with pytest.raises(NotAllowed):
        change_domain(person("unknown"), domain, unknown=Unknown.DISCARD)


def test_a_mailbox_on_the_way_is_not_removed_to_be_made_again(domain, box, person, operator):
    signs_in_as(operator, "boss@pandle.net")
    alias(domain, "boss", "box@pandle.net")
    with pytest.raises(NotAllowed):
        remove_mailbox(person("addresses"), box, despite_pointers=True)


def test_what_is_not_on_the_way_is_like_any_other(domain, box, person, operator):
    signs_in_as(operator, "boss@elsewhere.example")
    alias(domain, "sales", "box@pandle.net")
    set_password(person("passwords"), box, password=NEXT)


CLOSING = {
    "switch off": lambda actor, box: switch_mailbox(actor, box, on=False),
    "hold": lambda actor, box: hold_mailbox(actor, box, on_hold=True),
    "close a protocol": lambda actor, box: change_switches(actor, box, imap=False),
    "fill": lambda actor, box: change_quota(actor, box, quota=1),
}


@pytest.mark.parametrize("how", CLOSING)
def test_a_mailbox_with_the_operators_mail_is_not_closed(domain, box, person, operator, how):
    helper = person("passwords", "switching", "quotas")
    CLOSING[how](helper, add_mailbox(SYSTEM, domain, LocalPart("other")))
    signs_in_as(operator, "boss@pandle.net")
    alias(domain, "boss", "box@pandle.net")
    with pytest.raises(NotAllowed, match=r"omebody with more rights"):
        CLOSING[how](helper, box)


def test_an_alias_with_the_operators_mail_is_not_switched_off(domain, person, operator):
    signs_in_as(operator, "boss@pandle.net")
    boss = alias(domain, "boss", OUTSIDE)
    with pytest.raises(NotAllowed):
        switch_alias(person("switching"), boss, on=False)


def test_nobody_answers_for_a_removed_mailbox_with_the_operators_mail(
    domain, box, person, operator
):
    actor = person("unknown")
    remove_mailbox(SYSTEM, box)
    set_responder(actor, domain, subject="Gone", text="Ask Bob.", target="", days=7)
    signs_in_as(operator, "box@pandle.net")
    with pytest.raises(NotAllowed, match="more rights"):
        set_responder(actor, domain, subject="Left", text="Ask Bob.", target="", days=7)


def test_an_alias_domain_to_which_the_operators_mail_comes_is_not_removed(domain, person, operator):
    name = add_alias_domain(SYSTEM, domain, DomainName("pandle.org"))
    signs_in_as(operator, "boss@pandle.org")
    with pytest.raises(NotAllowed):
        remove_alias_domain(person("names"), name)


# by other spellings


def test_below_a_domain_with_sub_domains(domain, person, operator):
    boss = add_mailbox(SYSTEM, domain, LocalPart("boss"))
    signs_in_as(operator, "boss@mail.pandle.net")
    set_password(person("passwords"), boss, password=NEXT)
    change_domain(SYSTEM, domain, subdomains=True)
    refused_to_reset(person("passwords", "switching"), boss)


def test_an_alias_that_the_operators_mail_reaches_over_a_name_below(
    domain, other_domain, person, operator
):
    sales = alias(domain, "sales", OUTSIDE)
    signs_in_as(operator, "boss@stranger.example")
    alias(other_domain, "boss", "sales@mail.pandle.net")
    thief = person("addresses", "forwarding")
    change_domain(SYSTEM, domain, subdomains=True)
    with pytest.raises(NotAllowed):
        change_alias(thief, sales, destinations=[MailAddress("thief@elsewhere.example")])
    change_domain(SYSTEM, domain, subdomains=False)
    change_alias(thief, sales, destinations=[MailAddress("thief@elsewhere.example")])


def test_over_a_name_below_an_alias_domain(domain, box, other_domain, person, operator):
    add_alias_domain(SYSTEM, domain, DomainName("pandle.org"))
    change_domain(SYSTEM, domain, subdomains=True)
    signs_in_as(operator, "boss@stranger.example")
    alias(other_domain, "boss", "box@mail.pandle.org")
    refused_to_reset(person("passwords"), box)


def test_not_over_a_name_below_that_is_a_domain_of_its_own(
    domain, box, other_domain, person, operator
):
    change_domain(SYSTEM, domain, subdomains=True)
    add_domain(SYSTEM, DomainName("mail.pandle.net"))
    signs_in_as(operator, "boss@stranger.example")
    alias(other_domain, "boss", "box@mail.pandle.net")
    set_password(person("passwords"), box, password=NEXT)


def test_an_alias_domain_below_which_the_operators_mail_arrives(domain, person, operator):
    change_domain(SYSTEM, domain, subdomains=True)
    name = add_alias_domain(SYSTEM, domain, DomainName("pandle.org"))
    admin = person("names")
    remove_alias_domain(admin, name)
    signs_in_as(operator, "boss@mail.pandle.org")
    with pytest.raises(NotAllowed):
        restore_alias_domain(admin, name)


def test_with_letters_beyond_ascii(db, person, operator):
    domain = add_domain(SYSTEM, DomainName("bücher.example"))
    boss = add_mailbox(SYSTEM, domain, LocalPart("boss"))
    signs_in_as(operator, "Boss@bücher.example")
    refused_to_reset(person("passwords", of=domain), boss)


def test_an_invited_address_is_kept_as_the_host_knows_it(domain):
    invited = invite(SYSTEM, "Ann@bücher.example", [domain], frozenset({Right.NAMES}))
    assert invited.email == "ann@xn--bcher-kva.example"
    with pytest.raises(Refused):
        invite(SYSTEM, '"ann"@example.org', [domain], frozenset({Right.NAMES}))


def test_quotes_around_a_local_part_change_nothing():
    assert at_home('"Boss"@Pandle.net', {}) == "boss@pandle.net"


@pytest.mark.parametrize("host", ["localhost", "[192.0.2.1]", "a_b.example"])
def test_an_address_at_what_is_no_domain_name_is_taken_as_it_is(host):
    assert at_home(f"Boss@{host}", {}) == f"boss@{host}"


# who counts


def test_somebody_who_was_invited_to_more_counts_already(domain, box, person):
    invite(SYSTEM, "box@pandle.net", [domain], frozenset({Right.PASSWORDS}))
    set_password(person("passwords"), box, password=NEXT)
    invite(SYSTEM, "box@pandle.net", [domain], frozenset(Right))
    refused_to_reset(person("passwords", "switching"), box)


def test_somebody_who_is_switched_off_counts_still(domain, box, person):
    person(*Right.values, email="box@pandle.net")
    user = user_of(person(email="box@pandle.net"))
    user.is_active = False
    user.save()
    refused_to_reset(person("passwords"), box)


def test_no_operator_is_invited_by_an_address_that_others_look_after(domain, colleague):
    with pytest.raises(Refused, match=r"arrives in pandle\.net, which others look after"):
        invite_operator(SYSTEM, "newop@pandle.net")


@pytest.fixture
def head_office(db):
    """A domain that only operators look after."""
    contact = MailAddress("postmaster@example.org")
    return add_domain(SYSTEM, name=DomainName("head.example"), contact=contact)


@pytest.mark.parametrize(
    "invited", ["newop@any.pandle.net", "newop@PANDLE.example", "newop@x.pandle.example"]
)
def test_no_operator_is_invited_below_or_by_another_name_of_such_a_domain(
    domain, colleague, invited
):
    change_domain(SYSTEM, domain, subdomains=True)
    add_alias_domain(SYSTEM, domain, DomainName("pandle.example"))
    with pytest.raises(Refused, match=r"arrives in pandle\.net"):
        invite_operator(SYSTEM, invited)


def test_no_operator_is_invited_by_an_address_that_leads_to_such_a_domain(
    domain, colleague, head_office
):
    add_alias(SYSTEM, head_office, AliasLocal("hop"), [MailAddress("Newop@Pandle.net")])
    add_alias(SYSTEM, head_office, AliasLocal("newop"), [MailAddress("hop@head.example")])
    with pytest.raises(Refused, match=r"arrives in pandle\.net"):
        invite_operator(SYSTEM, "newop@head.example")
    change_domain(SYSTEM, head_office, unknown=Unknown.FORWARD, unknown_target="a@pandle.net")
    with pytest.raises(Refused, match=r"arrives in pandle\.net"):
        invite_operator(SYSTEM, "nobody-has-this@head.example")


def test_no_operator_is_invited_by_an_address_of_such_a_domain_that_is_removed(domain, colleague):
    remove_domain(SYSTEM, domain)
    with pytest.raises(Refused, match=r"arrives in pandle\.net"):
        invite_operator(SYSTEM, "newop@pandle.net")


def test_an_operator_is_invited_by_an_address_that_only_operators_look_after(head_office):
    assert invite_operator(SYSTEM, "newop@head.example").link


def test_the_invitation_of_an_operator_who_is_none_any_more_makes_none(operator, person):
    second = user_of(person(email="second@example.org"))
    second.is_operator = True
    second.save()
    actor = Actor(second.pk, str(second), None)
    link = invite_operator(actor, "new@example.org").link
    demote(SYSTEM, second)
    with pytest.raises(Refused, match="may no longer do so"):
        accept(Actor(None, "", None), link.rpartition("=")[2], NEXT)


def test_one_right_in_another_domain_is_enough_to_count(domain, box, person, stranger):
    signs_in_as(stranger, "box@pandle.net")
    refused_to_reset(person(*Right.values), box)


def test_the_operator_is_kept_from_nobodys_mail(domain, box, person, operator, stranger):
    signs_in_as(stranger, "box@pandle.net")
    set_password(Actor(operator.pk, str(operator), None), box, password=NEXT)


def test_an_operator_decides_about_a_name_to_which_the_mail_of_another_comes(
    domain, person, operator, colleague
):
    name = add_alias_domain(SYSTEM, domain, DomainName("pandle.org"))
    signs_in_as(colleague, "boss@pandle.org")
    assert remove_alias_domain(Actor(operator.pk, str(operator), None), name).removed


# other doors


def test_a_name_that_somebody_else_removed_does_not_come_back_by_undo(domain, person, colleague):
    alias_domain = add_alias_domain(SYSTEM, domain, DomainName("corp.example"))
    actor = person("names")
    remove_alias_domain(SYSTEM, alias_domain)
    with pytest.raises(NotAllowed, match="Somebody else removed"):
        restore_alias_domain(actor, alias_domain)
    restore_alias_domain(SYSTEM, alias_domain)
    remove_alias_domain(actor, alias_domain)
    assert not restore_alias_domain(actor, alias_domain).removed


def test_a_removed_alias_domain_is_outside(domain, person):
    gone = add_alias_domain(SYSTEM, domain, DomainName("gone.example"))
    remove_alias_domain(SYSTEM, gone)
    with pytest.raises(NotAllowed, match="outside"):
        add_alias(person("addresses"), domain, AliasLocal("a"), [MailAddress("b@gone.example")])


def test_an_alias_that_delivers_outside_comes_back_only_by_who_may_forward(domain, person):
    sales = alias(domain, "sales", str(OUTSIDE))
    actor = person("addresses")
    remove_alias(actor, sales)
    with pytest.raises(NotAllowed, match="outside"):
        restore_alias(actor, sales)


def test_somebody_who_is_nobody_may_do_nothing(domain, box):
    with pytest.raises(NotAllowed):
        switch_mailbox(Actor(None, "", None), box, on=False)


def test_who_is_switched_off_and_on_again_signs_in_anew(colleague, operator):
    browser = Client()
    type_password(browser, with_password(colleague).email)
    assert browser.get("/domains/").status_code == 200
    switch_person(SYSTEM, colleague, on=False)
    switch_person(SYSTEM, colleague, on=True)
    assert browser.get("/domains/").status_code == 302


def test_a_request_of_somebody_with_an_odd_address_is_accepted(person):
    asked = request_name(person(email="o'brien@example.org"), DomainName("wish.example"))
    assert accept_request(SYSTEM, asked).outcome == "done"


def test_what_is_gone_meanwhile_is_said(domain, colleague, person):
    grant = Grant.objects.get(user=colleague)
    Grant.objects.filter(pk=grant.pk).delete()
    with pytest.raises(Refused, match="no longer looks after"):
        revoke_rights(SYSTEM, grant.user, [grant.domain])
    asked = request_name(person(email="asker@example.org"), DomainName("wish.example"))
    NameRequest.objects.filter(pk=asked.pk).delete()
    with pytest.raises(Refused, match="was withdrawn"):
        accept_request(SYSTEM, asked)


def test_who_is_late_with_a_second_factor_adds_it_before_accepting(
    sign_in, operator, person, settings
):
    settings.QMAILPANEL_SECOND_FACTOR = "everybody"
    late = user_of(person(email="late@example.org"))
    late.since = timezone.now() - timedelta(days=30)
    late.save()
    link = invite_operator(SYSTEM, "late@example.org").link
    answer = sign_in(late).get(link.removeprefix(settings.QMAILPANEL_BASE_URL))
    assert answer["Location"] == "/security/"


def test_nobody_sends_invitations_without_end(domain, person):
    actor = person(*Right.values)
    for number in range(MOST):
        invite(actor, f"p{number}@example.org", [domain], frozenset({Right.NAMES}))
    with pytest.raises(Refused, match="Go on in an hour"):
        invite(actor, "one@example.org", [domain], frozenset({Right.NAMES}))
