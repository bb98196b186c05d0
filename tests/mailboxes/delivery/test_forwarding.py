"""Where the mail of a mailbox goes besides, or instead; and one that is on hold."""

from __future__ import annotations

import pytest

from qmailpanel.accounts.models import User
from qmailpanel.aliases.services import add_alias, change_alias
from qmailpanel.domains.access.rights import HELPING, NotAllowed, Right
from qmailpanel.domains.models import Destination, Grant
from qmailpanel.domains.targets import targets_of
from qmailpanel.ledger.actors import SYSTEM, Actor, Refused
from qmailpanel.ledger.models import Change
from qmailpanel.mailboxes.delivery.forwarding import (
    change_forwarding,
    change_own_forwarding,
)
from qmailpanel.mailboxes.owners import owner_of
from qmailpanel.mailboxes.removal.services import remove_mailbox, restore_mailbox
from qmailpanel.mailboxes.services import add_mailbox, hold_mailbox, mailbox_of
from qmailpanel.qmail.names import AliasLocal, LocalPart
from qmailpanel.qmail.names import MailAddress as Target

ELSEWHERE = Target("ann@elsewhere.example")


@pytest.fixture
def ann(domain):
    return add_mailbox(SYSTEM, domain, LocalPart("ann"))


@pytest.fixture
def bob(domain):
    return add_mailbox(SYSTEM, domain, LocalPart("bob"))


def forward(address, *targets, keeps=True, actor=SYSTEM):
    there = [Target(target) for target in targets]
    return change_forwarding(actor, address, destinations=there, keeps=keeps)


def test_a_mailbox_forwards_and_keeps_a_copy_or_not(ann):
    forward(ann, ELSEWHERE, "Bob@Pandle.net", "bob@pandle.net", keeps=False)
    assert targets_of(ann) == [ELSEWHERE, "bob@pandle.net"]
    assert not mailbox_of(ann).keeps
    assert Change.objects.latest("id").after["keeps"] is False
    forward(ann, keeps=False)
    assert mailbox_of(ann).keeps, "mail that goes nowhere else stays"


def test_saving_the_same_again_is_no_change(ann):
    forward(ann, ELSEWHERE)
    before = Change.objects.count()
    forward(ann, ELSEWHERE)
    assert Change.objects.count() == before


def test_mail_never_comes_back_to_the_mailbox_that_forwards_it(ann, bob, domain):
    with pytest.raises(Refused, match=r"ann@pandle.net cannot deliver to itself"):
        forward(ann, "ann@pandle.net")
    team = add_alias(SYSTEM, domain, AliasLocal("team"), [Target("bob@pandle.net")])
    forward(ann, "team@pandle.net")
    with pytest.raises(Refused, match=r"come back to it from ann@pandle.net"):
        forward(bob, "ann@pandle.net")
    forward(bob, ELSEWHERE)
    with pytest.raises(Refused, match=r"cannot deliver to itself|come back"):
        change_alias(SYSTEM, team, destinations=[Target("ann@pandle.net")])


def test_a_mailbox_comes_back_only_if_its_mail_does_not(ann, bob):
    forward(ann, "bob@pandle.net")
    remove_mailbox(SYSTEM, ann)
    forward(bob, "ann@pandle.net")
    with pytest.raises(Refused, match=r"come back"):
        restore_mailbox(SYSTEM, ann)


def test_mail_leaves_the_domain_only_by_those_who_may_let_it(ann, domain, colleague):
    Grant.objects.filter(user=colleague).update(rights=[Right.ADDRESSES])
    actor = Actor(colleague.pk, "colleague", None)
    forward(ann, "bob@pandle.net", actor=actor)
    with pytest.raises(NotAllowed):
        forward(ann, ELSEWHERE, actor=actor)
    assert targets_of(ann) == ["bob@pandle.net"]


def test_the_owner_forwards_their_own_mail_unless_the_domain_withholds_it(ann, bob, domain):
    mailbox = mailbox_of(ann)
    owner = Actor(owner_of(mailbox).pk, "ann@pandle.net", None)
    change_own_forwarding(owner, mailbox, destinations=[ELSEWHERE], keeps=True)
    assert targets_of(ann) == [ELSEWHERE]
    with pytest.raises(NotAllowed):
        change_own_forwarding(owner, mailbox_of(bob), destinations=[ELSEWHERE], keeps=True)
    domain.refresh_from_db()
    domain.withheld = ["forwarding"]
    domain.save()
    with pytest.raises(NotAllowed):
        change_own_forwarding(owner, mailbox, destinations=[], keeps=True)
    assert Destination.objects.filter(address=ann).count() == 1
    assert User.owners.count() == 1


def test_who_may_switch_may_hold(ann, colleague):
    Grant.objects.filter(user=colleague).update(rights=[one.value for one in HELPING])
    hold_mailbox(Actor(colleague.pk, "colleague", None), ann, on_hold=True)
    assert mailbox_of(ann).on_hold
    hold_mailbox(SYSTEM, ann, on_hold=False)
    assert not mailbox_of(ann).on_hold
