from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext

from qmailpanel.aliases.services import add_alias
from qmailpanel.domains.models import Address, Claim, Domain, Unknown
from qmailpanel.domains.names.services import add_alias_domain
from qmailpanel.domains.renaming import rename_domain
from qmailpanel.domains.services import (
    add_domain,
    change_domain,
    remove_domain,
    restore_domain,
    switch_domain,
)
from qmailpanel.ledger.actors import COMMAND, Refused
from qmailpanel.ledger.models import Change
from qmailpanel.mailboxes.removal.services import remove_mailbox
from qmailpanel.mailboxes.services import add_mailbox
from qmailpanel.qmail import names
from qmailpanel.reports.models import RoutedLine, SyncNode
from qmailpanel.reports.statuses import Status, Statuses
from tests.kit.live import make_live


def add(name, **more):
    return add_domain(COMMAND, names.DomainName(name), **more)


def facts_of_last_change():
    change = Change.objects.latest("id")
    return change.verb, change.noun, change.target, change.before, change.after


# adding


def test_a_new_domain_has_a_claim_a_prepend_and_a_ledger_line(db):
    domain = add("pandle.net", description="The seed")
    domain.refresh_from_db()
    assert (domain.name, domain.prepend, domain.enabled) == ("pandle.net", 100, True)
    assert [claim.name for claim in domain.names.filter(claims=True)] == ["pandle.net"]
    assert Change.objects.get() == domain.change
    assert domain.change.domain == domain.pk
    assert domain.change.target == "pandle.net"


def test_a_new_domain_answers_to_postmaster_and_abuse(db):
    domain = add("pandle.net", contact=names.MailAddress("operator@example.org"))
    found = domain.addresses.order_by("local").values_list("local", "kind", "destinations__target")
    assert list(found) == [
        ("abuse", "alias", "operator@example.org"),
        ("postmaster", "alias", "operator@example.org"),
    ]
    assert {address.change_id for address in domain.addresses.all()} == {domain.change_id}


def test_without_a_contact_there_are_no_aliases(db):
    assert not add("pandle.net").addresses.exists()


def test_a_contact_never_delivers_to_itself(db):
    domain = add("pandle.net", contact=names.MailAddress("Postmaster@pandle.net"))
    assert [address.local for address in domain.addresses.all()] == ["abuse"]


def test_a_domain_can_begin_switched_off(db):
    assert not add("pandle.net", enabled=False).enabled


def test_the_first_prepend_is_the_one_of_the_settings(db, settings):
    settings.QMAILPANEL_FIRST_PREPEND = 700
    assert [add("a.example").prepend, add("b.example").prepend] == [700, 701]


def test_a_prepend_is_above_all_that_the_host_has(db):
    SyncNode.objects.create(node="main", highest_prepend=204)
    assert add("a.example").prepend == 205


def test_a_prepend_the_host_has_below_the_first_does_not_matter(db):
    SyncNode.objects.create(node="main", highest_prepend=35)
    assert add("a.example").prepend == 100


def test_a_prepend_is_never_used_again(db):
    gone = add("pandle.net")
    remove_domain(COMMAND, gone)
    make_live(gone)
    assert add("pandle.net").prepend == gone.prepend + 1


def test_a_name_is_claimed_once(domain):
    with pytest.raises(Refused, match=r"^pandle\.net is a domain here already\.$") as refused:
        add("pandle.net")
    assert refused.value.field == "name"


def test_a_removed_name_stays_claimed_until_the_removal_is_live(domain):
    make_live(domain)
    remove_domain(COMMAND, domain)
    with pytest.raises(Refused, match=r"^pandle\.net is still being removed\.$"):
        add("pandle.net")
    make_live(domain)
    assert add("pandle.net") in Domain.objects.claiming()
    assert domain not in Domain.objects.claiming()


@pytest.mark.parametrize(
    ("routed", "line"),
    [
        ("pandle.net", "pandle.net"),
        ("joe@pandle.net", "joe@pandle.net:joe"),
        (".net", ".net:other"),
    ],
)
def test_a_name_that_the_host_routes_is_refused_with_the_line_shown(db, routed, line):
    RoutedLine.objects.create(
        node="main", file="control/virtualdomains", number=4, name=routed, line=line
    )
    with pytest.raises(Refused) as refused:
        add("pandle.net")
    assert f"in line 4 of control/virtualdomains: {line}. " in str(refused.value)
    assert refused.value.field == "name"
    assert not Domain.objects.exists()


@pytest.mark.parametrize("routed", ["xpandle.net", "joe@xpandle.net", ".pandle.net", "net"])
def test_a_line_about_another_name_does_not_matter(db, routed):
    RoutedLine.objects.create(node="main", file="control/locals", number=1, name=routed, line="x")
    assert add("pandle.net").pk


@pytest.mark.django_db(transaction=True)
def test_of_people_who_add_the_same_name_at_once_one_wins_and_the_others_are_told():
    def race(_):
        try:
            return add("pandle.net").name
        except Refused as refused:
            return str(refused)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(6) as pool:
        answers = sorted(pool.map(race, range(6)))
    assert answers == ["pandle.net", *["pandle.net is a domain here already."] * 5]
    assert Domain.objects.count() == Change.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_domains_added_at_once_have_prepends_of_their_own():
    def race(number):
        try:
            return add(f"d{number}.example").prepend
        finally:
            connections.close_all()

    with ThreadPoolExecutor(6) as pool:
        assert sorted(pool.map(race, range(12))) == list(range(100, 112))


# changing


def test_a_new_description_is_recorded_with_the_old_one(domain):
    change_domain(COMMAND, domain, description="The seed")
    assert facts_of_last_change() == (
        "changed",
        "domain",
        "pandle.net",
        {"description": ""},
        {"description": "The seed"},
    )
    domain.refresh_from_db()
    assert domain.change == Change.objects.latest("id")


def test_saving_without_a_difference_records_nothing(domain):
    before = Change.objects.count()
    change_domain(COMMAND, domain, description="", unknown=Unknown.BOUNCE)
    switch_domain(COMMAND, domain, on=True)
    restore_domain(COMMAND, domain)
    assert Change.objects.count() == before


def test_what_is_not_given_stays(domain):
    change_domain(COMMAND, domain, description="The seed", unknown=Unknown.DISCARD)
    change_domain(COMMAND, domain, description="Other")
    change_domain(COMMAND, domain, unknown=Unknown.BOUNCE)
    domain.refresh_from_db()
    assert (domain.description, domain.unknown) == ("Other", "bounce")


def unknown_of(domain):
    domain.refresh_from_db()
    return domain.unknown, domain.unknown_text, domain.unknown_target


def test_unknown_recipients_bounce_with_a_text_or_with_the_usual_one(domain):
    change_domain(COMMAND, domain, unknown=Unknown.BOUNCE, unknown_text=" Gone. ")
    assert unknown_of(domain) == ("bounce", "Gone.", "")
    change_domain(COMMAND, domain, unknown=Unknown.BOUNCE, unknown_text="")
    assert unknown_of(domain) == ("bounce", "", "")


def test_what_means_nothing_for_discarding_is_dropped(domain):
    change_domain(
        COMMAND, domain, unknown=Unknown.DISCARD, unknown_text="Gone.", unknown_target="a@b.example"
    )
    assert unknown_of(domain) == ("discard", "", "")


def test_unknown_recipients_are_forwarded_elsewhere(domain):
    change_domain(COMMAND, domain, unknown=Unknown.FORWARD, unknown_target="Joe@Example.ORG")
    assert unknown_of(domain) == ("forward", "", "Joe@example.org")


@pytest.mark.parametrize("typed", ["biliards", "Biliards@pandle.net"])
def test_unknown_recipients_are_delivered_to_a_mailbox(domain, typed):
    add_mailbox(COMMAND, domain, names.LocalPart("biliards"))
    change_domain(COMMAND, domain, unknown=Unknown.MAILBOX, unknown_target=typed)
    assert unknown_of(domain) == ("mailbox", "", "biliards@pandle.net")


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("description", {"description": "two\nlines"}),
        ("description", {"description": "x" * 201}),
        ("unknown_text", {"unknown": Unknown.BOUNCE, "unknown_text": "a\rb"}),
        ("unknown_target", {"unknown": Unknown.FORWARD}),
        ("unknown_target", {"unknown": Unknown.FORWARD, "unknown_target": "|/bin/sh@x.example"}),
        ("unknown_target", {"unknown": Unknown.MAILBOX}),
        ("unknown_target", {"unknown": Unknown.MAILBOX, "unknown_target": "nobody"}),
        ("unknown_target", {"unknown": Unknown.MAILBOX, "unknown_target": "gone"}),
        ("unknown_target", {"unknown": Unknown.MAILBOX, "unknown_target": "postmaster"}),
        ("unknown_target", {"unknown": Unknown.MAILBOX, "unknown_target": "a@stranger.example"}),
    ],
)
def test_settings_that_make_no_sense_are_refused_at_their_field(
    domain, other_domain, field, values
):
    add_mailbox(COMMAND, other_domain, names.LocalPart("a"))
    gone = add_mailbox(COMMAND, domain, names.LocalPart("gone"))
    remove_mailbox(COMMAND, gone)
    before = Change.objects.count()
    with pytest.raises(Refused) as refused:
        change_domain(COMMAND, domain, **values)
    assert refused.value.field == field
    assert str(refused.value).endswith(".")
    assert Change.objects.count() == before


@pytest.mark.parametrize("target", ["nobody@pandle.net", "around@pandle.net", "x@stranger.example"])
def test_unknown_recipients_are_never_sent_in_a_circle(domain, other_domain, target):
    nobody = [names.MailAddress("nobody@pandle.net")]
    add_alias(COMMAND, domain, names.AliasLocal("around"), nobody)
    change_domain(COMMAND, other_domain, unknown=Unknown.FORWARD, unknown_target=nobody[0])
    with pytest.raises(Refused, match="would come back") as refused:
        change_domain(COMMAND, domain, unknown=Unknown.FORWARD, unknown_target=target)
    assert refused.value.field == "unknown_target"


# switching, removing, restoring


def test_switching_a_domain_makes_its_addresses_pending_with_it(domain):
    address = add_mailbox(COMMAND, domain, names.LocalPart("biliards"))
    make_live(domain)
    switch_domain(COMMAND, domain, on=False)
    address.refresh_from_db()
    assert facts_of_last_change()[0] == "off"
    assert Statuses([domain.pk]).of_address(address) is Status.PENDING


def restored(domain):
    remove_domain(COMMAND, domain)
    make_live(domain)
    restore_domain(COMMAND, domain)


def renamed(domain):
    rename_domain(COMMAND, domain, names.DomainName("pandle.com"), keep=True)


WHOLE = {
    "switched": lambda domain: switch_domain(COMMAND, domain, on=False),
    "removed": lambda domain: remove_domain(COMMAND, domain),
    "restored": restored,
    "renamed": renamed,
}


@pytest.mark.parametrize("act", WHOLE.values(), ids=WHOLE)
def test_what_is_done_to_a_domain_is_done_to_all_in_it_without_writing_their_rows(domain, act):
    address = add_mailbox(COMMAND, domain, names.LocalPart("biliards"))
    alias = add_alias_domain(COMMAND, domain, names.DomainName("pandle.org"))
    make_live(domain)
    with CaptureQueriesContext(connection) as captured:
        act(domain)
    assert [sql for q in captured if 'UPDATE "domains_address"' in (sql := q["sql"])] == []
    for is_live, status in ((False, Status.PENDING), (True, Status.LIVE)):
        if is_live:
            make_live(domain)
        address, alias = Address.objects.get(pk=address.pk), Claim.objects.get(pk=alias.pk)
        statuses = Statuses([domain.pk])
        assert (statuses.of_address(address), statuses.of_name(alias)) == (status, status)


def test_switching_leaves_what_was_removed_as_it_is(domain):
    gone = add_mailbox(COMMAND, domain, names.LocalPart("gone"))
    remove_mailbox(COMMAND, gone)
    make_live(domain)
    switch_domain(COMMAND, domain, on=False)
    gone.refresh_from_db()
    assert Statuses([domain.pk]).of_address(gone) is Status.REMOVED


def test_removing_a_domain_keeps_all_its_rows(domain):
    add_mailbox(COMMAND, domain, names.LocalPart("biliards"))
    remove_domain(COMMAND, domain)
    domain.refresh_from_db()
    assert domain.removed
    assert domain.addresses.filter(removed=False).count() == 3
    assert Claim.objects.get(name="pandle.net").claims


def test_removing_twice_is_removing_once(domain):
    remove_domain(COMMAND, domain)
    before = Change.objects.count()
    remove_domain(COMMAND, domain)
    assert Change.objects.count() == before


def test_a_removed_domain_is_restored_as_it_was(domain):
    make_live(domain)
    remove_domain(COMMAND, domain)
    make_live(domain)
    restore_domain(COMMAND, domain)
    domain.refresh_from_db()
    assert not domain.removed
    assert facts_of_last_change()[0] == "restored"
    assert Statuses([domain.pk]).of_domain(domain) is Status.PENDING


def test_a_domain_is_not_restored_while_somebody_else_has_its_name(domain):
    remove_domain(COMMAND, domain)
    make_live(domain)
    newer = add("pandle.net")
    with pytest.raises(Refused, match=r"^pandle\.net is a domain here already\.$"):
        restore_domain(COMMAND, domain)
    remove_domain(COMMAND, newer)
    with pytest.raises(Refused, match="still being removed"):
        restore_domain(COMMAND, domain)
    make_live(newer)
    restore_domain(COMMAND, domain)
    assert list(Domain.objects.claiming()) == [domain]


def test_a_domain_is_not_restored_once_the_host_routes_its_name(domain):
    remove_domain(COMMAND, domain)
    RoutedLine.objects.create(
        node="main", file="control/locals", number=1, name="pandle.net", line="pandle.net"
    )
    with pytest.raises(Refused, match="line 1 of control/locals"):
        restore_domain(COMMAND, domain)


@pytest.mark.parametrize(
    "edit",
    [
        lambda domain: change_domain(COMMAND, domain, description="x"),
        lambda domain: switch_domain(COMMAND, domain, on=False),
        lambda domain: add_mailbox(COMMAND, domain, names.LocalPart("x")),
    ],
)
def test_a_removed_domain_cannot_be_edited(domain, edit):
    stale = Domain.objects.get(pk=domain.pk)
    remove_domain(COMMAND, domain)
    with pytest.raises(Refused, match=r"^pandle\.net is removed\. Restore it first\.$"):
        edit(stale)


# lists


def test_a_search_finds_what_begins_so(db):
    for name in ("pandle.net", "pan.example", "panda.example", "span.example", "pao.example"):
        add(name)
    found = Domain.objects.starting("pan").order_by("name")
    assert [domain.name for domain in found] == ["pan.example", "panda.example", "pandle.net"]


def test_a_search_reads_a_range_of_the_index(db):
    plan = Domain.objects.starting("pan").order_by("name", "id").explain()
    assert "domain_by_name" in plan or "Seq Scan" in plan  # PostgreSQL scans an empty table


def test_people_see_their_own_domains(domain, other_domain, colleague, operator):
    assert list(Domain.objects.for_user(colleague)) == [domain]
    assert set(Domain.objects.for_user(operator)) == {domain, other_domain}
