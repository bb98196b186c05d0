"""What a deed promises: the row as it is now, the rights of now, and one line in the ledger."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import pytest

from qmailpanel.domains.access.deed import deed
from qmailpanel.domains.access.limits import change_limits, limits_of
from qmailpanel.domains.access.rights import NotAllowed, Right
from qmailpanel.domains.models import Address, Domain, Grant
from qmailpanel.domains.services import change_domain, remove_domain
from qmailpanel.ledger.actors import COMMAND, Actor, Refused
from qmailpanel.ledger.models import Change, Verb
from qmailpanel.mailboxes.models import Mailbox
from qmailpanel.mailboxes.opening.app_passwords import add_app_password
from qmailpanel.mailboxes.owners import owner_of
from qmailpanel.mailboxes.services import add_mailbox, change_mailbox, mailbox_of
from qmailpanel.people.invitations import invite
from qmailpanel.qmail.names import LocalPart

Person = Callable[..., Actor]


@pytest.fixture
def box(domain: Domain) -> Address:
    return add_mailbox(COMMAND, domain, LocalPart("box"))


def as_a_page_read_it(row: Address) -> Address:
    """The same row; what others do to it from now on is not seen in it."""
    return Address.objects.select_related("domain").get(pk=row.pk)


def test_the_row_is_read_again_with_its_domain(box: Address) -> None:
    stale = as_a_page_read_it(box)
    change_mailbox(COMMAND, box, comment="Billiards")
    change_domain(COMMAND, box.domain, description="Ours")
    with deed(COMMAND, stale) as act:
        assert (stale.comment, act.domain.description) == ("Billiards", "Ours")


def test_limits_are_those_of_now(box: Address) -> None:
    stale = as_a_page_read_it(box)
    assert limits_of(stale.domain).mailboxes is None
    change_limits(COMMAND, box.domain, mailboxes=3)
    with deed(COMMAND, stale) as act:
        assert limits_of(act.domain).mailboxes == 3


def test_a_right_that_was_taken_meanwhile_is_missing(box: Address, person: Person) -> None:
    actor = person("addresses", "passwords")
    Grant.objects.filter(user=actor.user_id).update(rights=["passwords"])
    with deed(actor, box, Right.PASSWORDS) as act, pytest.raises(NotAllowed):
        act.require(Right.ADDRESSES)


def test_nothing_in_a_removed_domain_is_changed(box: Address) -> None:
    stale = as_a_page_read_it(box)
    remove_domain(COMMAND, box.domain)
    with pytest.raises(Refused, match=r"^pandle\.net is removed"), deed(COMMAND, stale):
        pass
    with deed(COMMAND, stale, removed=True) as act:
        assert act.domain.removed


def test_what_differs_is_recorded_and_nothing_else(box: Address) -> None:
    with deed(COMMAND, box) as act:
        assert act.change(box, comment="", enabled=True) is None
        change = act.change(box, Verb.SWITCHED_OFF, comment="", enabled=False)
    assert change
    assert (change.before, change.after) == ({"enabled": True}, {"enabled": False})
    assert Address.objects.get(pk=box.pk).change == change
    assert Domain.objects.get(pk=box.domain_id).change == change


def test_a_change_of_what_belongs_to_the_row_is_the_rows(box: Address) -> None:
    with deed(COMMAND, box) as act:
        change = act.change(box.mailbox, on_hold=True)
    assert change
    assert (change.target, change.address) == ("box@pandle.net", box.pk)
    assert Mailbox.objects.get(address=box).on_hold
    assert Address.objects.get(pk=box.pk).change == change


def test_what_is_refused_in_the_end_leaves_nothing_behind(box: Address) -> None:
    last = Change.objects.count()
    with suppress(Refused), deed(COMMAND, box) as act:
        act.change(box, comment="Billiards")
        raise Refused("No.")
    assert Address.objects.get(pk=box.pk).comment == ""
    assert Change.objects.count() == last


def test_the_command_line_may_do_everything_and_no_one_who_left_anything(
    box: Address, person: Person
) -> None:
    with deed(COMMAND, box, *Right, by_operator=True) as act:
        assert act.person is None
    left = Actor(0, "nobody@example.org", None)
    with pytest.raises(NotAllowed, match="no longer"), deed(left, box, Right.PASSWORDS):
        pass


# services that did not read again


def test_an_app_password_of_the_owner_keeps_what_others_changed_meanwhile(box: Address) -> None:
    owner = owner_of(mailbox_of(box))
    stale = as_a_page_read_it(box)
    change_mailbox(COMMAND, box, comment="Billiards")
    actor = Actor(owner.pk, str(owner), None)
    add_app_password(actor, stale, name="phone", imap=True, pop3=False, sending=False)
    assert Address.objects.get(pk=box.pk).comment == "Billiards"


def test_nobody_is_invited_to_a_domain_that_was_removed_meanwhile(domain: Domain) -> None:
    stale = Domain.objects.get(pk=domain.pk)
    remove_domain(COMMAND, domain)
    with pytest.raises(Refused, match=r"^pandle\.net is removed"):
        invite(COMMAND, "ann@example.org", [stale], frozenset({Right.PASSWORDS}))
