from __future__ import annotations

import pytest

from qmailpanel.aliases.services import (
    add_alias,
    change_alias,
    remove_alias,
    restore_alias,
    switch_alias,
)
from qmailpanel.domains.models import Unknown
from qmailpanel.domains.services import change_domain, remove_domain
from qmailpanel.ledger.actors import COMMAND, Refused
from qmailpanel.ledger.models import Change
from qmailpanel.mailboxes.services import add_mailbox
from qmailpanel.qmail.names import AliasLocal, LocalPart, MailAddress
from tests.kit.live import make_live


def add(domain, local, *targets, **more):
    destinations = [MailAddress(target) for target in targets]
    return add_alias(COMMAND, domain, AliasLocal(local), destinations, **more)


def change(address, *targets):
    return change_alias(COMMAND, address, destinations=[MailAddress(target) for target in targets])


def targets(address):
    return [there.target for there in address.destinations.all()]


@pytest.fixture
def alias(domain):
    return add(domain, "webmaster", "a@example.org", "b@example.org")


def test_a_new_alias_delivers_in_the_order_typed(domain):
    address = add(domain, "webmaster", "z@example.org", "a@example.org", comment="Both")
    address.refresh_from_db()
    assert (address.kind, address.comment) == ("alias", "Both")
    assert targets(address) == ["z@example.org", "a@example.org"]
    newest = Change.objects.latest("id")
    assert newest == address.change == address.domain.change
    assert (newest.verb, newest.noun, newest.target) == ("added", "alias", "webmaster@pandle.net")
    assert newest.after == {"comment": "Both", "destinations": ["z@example.org", "a@example.org"]}


def test_destinations_named_twice_count_once(domain):
    address = add(domain, "webmaster", "a@example.org", "b@example.org", "A@example.org")
    assert targets(address) == ["a@example.org", "b@example.org"]


def test_destinations_of_our_own_domains_are_in_lower_case(domain, other_domain):
    address = add(domain, "webmaster", "Joe@pandle.net", "Joe@stranger.example", "Joe@example.org")
    assert targets(address) == ["joe@pandle.net", "joe@stranger.example", "Joe@example.org"]


def test_other_destinations_are_recorded_with_the_old_ones(alias):
    change(alias, "c@example.org", "a@example.org")
    alias.refresh_from_db()
    newest = Change.objects.latest("id")
    assert targets(alias) == ["c@example.org", "a@example.org"]
    assert newest == alias.change == alias.domain.change
    assert newest.before == {"destinations": ["a@example.org", "b@example.org"]}
    assert newest.after == {"destinations": ["c@example.org", "a@example.org"]}


def test_another_comment_leaves_the_destinations_alone(alias):
    change_alias(COMMAND, alias, comment="Both")
    alias.refresh_from_db()
    assert (alias.comment, len(targets(alias))) == ("Both", 2)
    assert Change.objects.latest("id").after == {"comment": "Both"}


def test_saving_without_a_difference_records_nothing(alias):
    before = Change.objects.count()
    change(alias, "a@example.org", "b@example.org")
    change_alias(COMMAND, alias, comment="")
    switch_alias(COMMAND, alias, on=True)
    restore_alias(COMMAND, alias)
    assert Change.objects.count() == before


def test_an_alias_is_switched_removed_and_restored(alias):
    switch_alias(COMMAND, alias, on=False)
    remove_alias(COMMAND, alias)
    restore_alias(COMMAND, alias)
    alias.refresh_from_db()
    assert (alias.enabled, alias.removed, len(targets(alias))) == (False, False, 2)
    verbs = Change.objects.order_by("-id").values_list("verb", flat=True)
    assert list(verbs[:3]) == ["restored", "removed", "off"]


def test_one_destination_is_too_few_to_leave_out_and_100_are_enough(domain):
    with pytest.raises(Refused, match="at least one") as refused:
        add(domain, "webmaster")
    assert refused.value.field == "destinations"
    many = [f"a{number}@example.org" for number in range(100)]
    assert len(targets(add(domain, "webmaster", *many))) == 100
    with pytest.raises(Refused, match="at most 100 addresses") as refused:
        add(domain, "other", *many, "one@example.org")
    assert refused.value.field == "destinations"


# circles


def test_an_alias_cannot_deliver_to_itself(domain, alias):
    sentence = r"^webmaster@pandle\.net cannot deliver to itself\.$"
    with pytest.raises(Refused, match=sentence) as refused:
        change(alias, "a@example.org", "Webmaster@pandle.net")
    assert refused.value.field == "destinations"


def test_aliases_cannot_deliver_in_a_circle(domain, other_domain, alias):
    add(domain, "a", "b@stranger.example")
    add(other_domain, "b", "webmaster@pandle.net")
    with pytest.raises(Refused) as refused:
        change(alias, "x@example.org", "a@pandle.net")
    assert str(refused.value) == (
        "Mail to webmaster@pandle.net would come back to it from a@pandle.net."
    )
    assert targets(alias) == ["a@example.org", "b@example.org"]


def test_a_switched_off_alias_still_counts_in_a_circle(domain, alias):
    switch_alias(COMMAND, add(domain, "a", "webmaster@pandle.net"), on=False)
    with pytest.raises(Refused, match="would come back"):
        change(alias, "a@pandle.net")


def test_a_removed_alias_does_not_count_until_it_is_restored(domain, alias):
    gone = add(domain, "a", "webmaster@pandle.net")
    remove_alias(COMMAND, gone)
    change(alias, "a@pandle.net")
    with pytest.raises(Refused, match="would come back"):
        restore_alias(COMMAND, gone)


def test_a_new_alias_cannot_close_a_circle(domain, alias):
    change(alias, "later@pandle.net")
    with pytest.raises(Refused, match="would come back"):
        add(domain, "later", "webmaster@pandle.net")


def test_a_circle_through_unknown_recipients_is_a_circle(domain, alias):
    change_domain(COMMAND, domain, unknown=Unknown.FORWARD, unknown_target="webmaster@pandle.net")
    with pytest.raises(Refused, match="would come back"):
        change(alias, "nobody@pandle.net")


def test_two_ways_to_the_same_mailbox_are_no_circle(domain, alias):
    add_mailbox(COMMAND, domain, LocalPart("biliards"))
    add(domain, "a", "biliards@pandle.net")
    change(alias, "a@pandle.net", "biliards@pandle.net")
    assert len(targets(alias)) == 2


# refusals


@pytest.mark.parametrize("local", ["postmaster", "abuse"])
def test_postmaster_and_abuse_change_and_stay(domain, local):
    address = domain.addresses.get(local=local)
    with pytest.raises(Refused, match=rf"^{local}@pandle\.net stays: "):
        remove_alias(COMMAND, address)
    change(address, "other@example.org")
    assert targets(address) == ["other@example.org"]


def test_a_taken_name_is_refused(domain, alias):
    add_mailbox(COMMAND, domain, LocalPart("biliards"))
    for local, kind in (("biliards", "a mailbox"), ("webmaster", "an alias")):
        with pytest.raises(Refused, match=rf"^{local}@pandle\.net is {kind} already\.") as refused:
            add(domain, local, "a@example.org")
        assert refused.value.field == "local"


def test_a_name_is_free_once_its_removal_is_live(domain, alias):
    make_live(domain)
    remove_alias(COMMAND, alias)
    with pytest.raises(Refused, match="still being removed"):
        add_mailbox(COMMAND, domain, LocalPart("webmaster"))
    make_live(domain)
    assert add_mailbox(COMMAND, domain, LocalPart("webmaster")).claims
    with pytest.raises(Refused, match="is a mailbox already"):
        restore_alias(COMMAND, alias)


EDITS = [
    lambda alias: change(alias, "c@example.org"),
    lambda alias: change_alias(COMMAND, alias, comment="x"),
    lambda alias: switch_alias(COMMAND, alias, on=False),
]


@pytest.mark.parametrize("edit", EDITS)
def test_a_removed_alias_cannot_be_edited(alias, edit):
    remove_alias(COMMAND, alias)
    with pytest.raises(Refused, match=r"^webmaster@pandle\.net is removed\. Restore it first\.$"):
        edit(alias)


@pytest.mark.parametrize("edit", [*EDITS, lambda alias: remove_alias(COMMAND, alias)])
def test_nothing_in_a_removed_domain_can_be_edited(domain, alias, edit):
    remove_domain(COMMAND, domain)
    with pytest.raises(Refused, match=r"^pandle\.net is removed\. Restore it first\.$"):
        edit(alias)


def test_a_comment_is_one_line(domain):
    with pytest.raises(Refused, match="one line") as refused:
        add(domain, "webmaster", "a@example.org", comment="a\nb")
    assert refused.value.field == "comment"


@pytest.mark.parametrize("number", [1, 3])
def test_adding_takes_the_same_queries_for_any_number_of_destinations(
    domain, django_assert_num_queries, number
):
    many = [f"a{one}@example.org" for one in range(number)]
    with django_assert_num_queries(11):
        add(domain, "webmaster", *many)
