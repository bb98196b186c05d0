"""Who delivers to an address, however that is written."""

from __future__ import annotations

import pytest

from qmailpanel.aliases.services import add_alias, remove_alias
from qmailpanel.domains.departed.services import set_responder
from qmailpanel.domains.models import Domain, Unknown
from qmailpanel.domains.names.services import add_alias_domain
from qmailpanel.domains.routes.pointers import (
    StillPointedTo,
    aliases_to,
    followers_of,
    pointers_to,
    references_into,
    references_to,
    refuse_pointed_to,
)
from qmailpanel.domains.services import add_domain, change_domain
from qmailpanel.ledger.actors import SYSTEM, Actor
from qmailpanel.mailboxes.delivery.forwarding import change_forwarding
from qmailpanel.mailboxes.services import add_mailbox
from qmailpanel.qmail.names import AliasLocal, DomainName, LocalPart, MailAddress


def alias(domain, local, *targets):
    return add_alias(SYSTEM, domain, AliasLocal(local), [MailAddress(one) for one in targets])


def test_what_was_written_in_another_case_before_the_name_was_ours_delivers_to_it(
    domain, other_domain
):
    alias(other_domain, "old", "Bob@new.example")
    change_domain(SYSTEM, other_domain, unknown=Unknown.FORWARD, unknown_target="BOB@New.Example")
    bob = add_mailbox(SYSTEM, domain, LocalPart("bob"))
    add_alias_domain(SYSTEM, domain, DomainName("new.example"))
    alias(other_domain, "new", "bOb@NEW.example")
    assert pointers_to(bob, SYSTEM) == [
        "new@stranger.example",
        "old@stranger.example",
        "unknown recipients of stranger.example",
    ]


def test_mail_to_a_name_below_delivers_to_it_unless_that_is_a_domain_of_its_own(
    domain, other_domain
):
    bob = add_mailbox(SYSTEM, domain, LocalPart("bob"))
    alias(other_domain, "a", "bob@mail.pandle.net")
    assert pointers_to(bob, SYSTEM) == []
    change_domain(SYSTEM, domain, subdomains=True)
    assert pointers_to(bob, SYSTEM) == ["a@stranger.example"]
    add_domain(SYSTEM, DomainName("mail.pandle.net"))
    assert pointers_to(bob, SYSTEM) == []


@pytest.mark.parametrize(("many", "end"), [(5, "a4@pandle.net"), (6, "a4@pandle.net, …")])
def test_a_refusal_names_the_first_few(domain, many, end):
    bob = add_mailbox(SYSTEM, domain, LocalPart("bob"))
    for number in range(many):
        alias(domain, f"a{number}", "bob@pandle.net")
    with pytest.raises(StillPointedTo) as refused:
        refuse_pointed_to(str(bob), references_to(bob), SYSTEM)
    assert len(refused.value.pointers) == many
    first = ", ".join(f"a{number}@pandle.net" for number in range(4))
    assert f"deliver to bob@pandle.net: {first}, {end}. When" in str(refused.value)


def test_what_nobody_delivers_to_is_not_refused(domain):
    bob = add_mailbox(SYSTEM, domain, LocalPart("bob"))
    refuse_pointed_to(str(bob), references_to(bob), SYSTEM)


def test_the_aliases_of_an_address_are_those_of_its_own_domain_that_are_there(domain, other_domain):
    bob, ann = (add_mailbox(SYSTEM, domain, LocalPart(local)) for local in ("bob", "ann"))
    near = [alias(domain, local, "bob@pandle.net") for local in ("b", "a", "gone")]
    alias(other_domain, "far", "bob@pandle.net")
    change_forwarding(SYSTEM, ann, destinations=[MailAddress("bob@pandle.net")], keeps=True)
    change_domain(SYSTEM, domain, unknown=Unknown.MAILBOX, unknown_target="bob")
    remove_alias(SYSTEM, near.pop())
    assert aliases_to(bob, references_to(bob)) == near[::-1]


def test_what_follows_a_new_name_is_what_whoever_acts_looks_after(domain, other_domain, colleague):
    bob = add_mailbox(SYSTEM, domain, LocalPart("bob"))
    mine = alias(domain, "mine", "bob@pandle.net")
    theirs = alias(other_domain, "theirs", "bob@pandle.net")
    actor = Actor(colleague.pk, str(colleague), None)
    assert [one.holder for one in followers_of(references_to(bob), actor)] == [mine]
    assert [one.holder for one in followers_of(references_to(bob), SYSTEM)] == [mine, theirs]


def test_unknown_recipients_that_are_not_delivered_deliver_to_nobody(domain, other_domain):
    bob = add_mailbox(SYSTEM, domain, LocalPart("bob"))
    Domain.objects.filter(pk=other_domain.pk).update(unknown_target="bob@pandle.net")
    assert pointers_to(bob, SYSTEM) == []
    assert [one.target for one in references_into(domain)] == ["bob@pandle.net"]


def test_what_a_domain_delivers_to_itself_does_not_come_from_outside(domain, other_domain):
    add_mailbox(SYSTEM, domain, LocalPart("bob"))
    alias(domain, "mine", "bob@pandle.net")
    theirs = alias(other_domain, "theirs", "nobody@pandle.net")
    assert [one.holder for one in references_into(domain)] == [theirs]


def test_mail_for_people_who_left_delivers_to_it(domain, other_domain):
    bob = add_mailbox(SYSTEM, domain, LocalPart("bob"))
    set_responder(
        SYSTEM, other_domain, subject="Left", text="Gone.", target="Bob@pandle.net", days=7
    )
    assert pointers_to(bob, SYSTEM) == ["mail for people who left stranger.example"]
