from __future__ import annotations

from datetime import date, datetime

import pytest
from django.db import connection
from django.utils import timezone

from bench.fill import fill, settle
from qmailpanel.accounts.models import User
from qmailpanel.activity import conditions
from qmailpanel.activity.details import Detail
from qmailpanel.activity.services import NEWEST, Filter, find_changes, list_entries
from qmailpanel.aliases.services import add_alias, change_alias
from qmailpanel.domains.models import Grant, Unknown
from qmailpanel.domains.names.services import add_alias_domain
from qmailpanel.domains.renaming import rename_domain
from qmailpanel.domains.services import add_domain, change_domain, remove_domain, switch_domain
from qmailpanel.ledger.actors import COMMAND, SYSTEM, Actor
from qmailpanel.ledger.models import Change, LedgerHead, Noun, Verb
from qmailpanel.ledger.services import ledger_locked, record
from qmailpanel.mailboxes.services import add_mailbox, set_password
from qmailpanel.qmail.names import AliasLocal, DomainName, LocalPart, MailAddress


def sentences(user, wanted=None, **more):
    return [str(entry.sentence) for entry in list_entries(user, wanted, **more).rows]


def targets(user, wanted=None):
    return [entry.change.target for entry in list_entries(user, wanted).rows]


def write(target="", *, by=COMMAND, verb=Verb.ADDED, noun=Noun.PERSON, **more):
    with ledger_locked():
        return record(by, verb, noun, target, **more)


def newest(user):
    return list_entries(user).rows[0]


def test_an_entry_is_a_sentence(domain, operator):
    actor = Actor(operator.pk, operator.email, None)
    mailbox = add_mailbox(actor, domain, LocalPart("biliards"))
    set_password(actor, mailbox, password="correct horse")
    switch_domain(COMMAND, domain, on=False)
    remove_domain(COMMAND, domain)
    assert sentences(operator) == [
        "command line removed the domain pandle.net",
        "command line switched off the domain pandle.net",
        "operator@example.org set the password of the mailbox biliards@pandle.net",
        "operator@example.org added the mailbox biliards@pandle.net",
        "system added the domain pandle.net",
    ]


def test_an_operator_sees_all_and_others_their_own_domains(
    domain, other_domain, operator, colleague, stranger
):
    write("new@example.org")
    assert len(sentences(operator)) == 3
    assert sentences(colleague) == ["system added the domain pandle.net"]
    assert sentences(stranger) == ["system added the domain stranger.example"]
    assert sentences(stranger, domain=domain) == []
    assert sentences(operator, domain=domain) == sentences(colleague)


def test_details_say_what_it_was_and_what_it_became(domain, operator):
    change_domain(COMMAND, domain, unknown=Unknown.FORWARD, unknown_target="a@example.org")
    assert newest(operator).details == [
        Detail("Unknown recipients", "Bounce with a text", "Forward to an address"),
        Detail("Unknown recipients go to", "", "a@example.org"),
    ]


def test_destinations_are_listed(domain, operator):
    there = [MailAddress("a@example.org"), MailAddress("b@example.org")]
    alias = add_alias(COMMAND, domain, AliasLocal("webmaster"), there)
    change_alias(COMMAND, alias, destinations=there[1:])
    assert newest(operator).details == [
        Detail("Delivers to", "a@example.org, b@example.org", "b@example.org")
    ]


def test_what_the_sentence_says_is_no_detail(domain, operator):
    switch_domain(COMMAND, domain, on=False)
    assert newest(operator).details == []


def test_pages_follow_each_other_from_the_newest(operator):
    for number in range(60):
        write(str(number))
    first = list_entries(operator)
    second = list_entries(operator, after=first.next)
    found = [entry.change.target for entry in [*first.rows, *second.rows]]
    assert found == [str(number) for number in reversed(range(60))]
    assert list_entries(operator, before=second.previous) == first


@pytest.mark.parametrize("number", [1, 3])
def test_a_page_and_where_its_names_lead_are_two_queries_for_any_number_of_entries(
    domain, colleague, django_assert_num_queries, number
):
    for one in range(number):
        add_mailbox(COMMAND, domain, LocalPart(f"a{one}"))
    with django_assert_num_queries(2):
        list_entries(colleague, domain=domain)


ANN, BOB = "ann@example.org", "bob@example.org"


# who sees what


def test_what_somebody_did_they_see_wherever_it_was(domain, other_domain, colleague, stranger):
    actor = Actor(colleague.pk, colleague.email, "192.0.2.7")
    write(colleague.email, by=actor, verb=Verb.SIGNED_IN)
    grant = Grant.objects.create(user=colleague, domain=other_domain, rights=["unknown"])
    change_domain(actor, other_domain, description="x")
    grant.delete()
    assert sentences(colleague)[:2] == [
        "colleague@example.org changed the domain stranger.example",
        "colleague@example.org signed in from 192.0.2.7",
    ]
    assert sentences(stranger)[0] == "colleague@example.org changed the domain stranger.example"
    assert len(sentences(stranger)) == 2


def test_from_where_is_told_to_operators_and_to_who_did_it(domain, operator, colleague, stranger):
    Grant.objects.create(user=stranger, domain=domain)
    change_domain(Actor(colleague.pk, colleague.email, "192.0.2.7"), domain, description="x")
    assert [newest(user).place for user in (operator, colleague, stranger)] == [
        "192.0.2.7",
        "192.0.2.7",
        "",
    ]
    entrance = {"verb": Verb.SIGNED_IN, "domain": domain.pk}
    write("", by=Actor(colleague.pk, colleague.email, "192.0.2.7"), **entrance)
    assert "192.0.2.7" in str(newest(operator).sentence)
    assert newest(operator).place == ""
    assert str(newest(stranger).sentence) == "colleague@example.org signed in"


# the filter


@pytest.fixture
def three_people(db):
    for name in ("ann@example.org", "ann@example.org.au", "bob@example.org", "ann@example.org"):
        write(f"by {name}", by=Actor(None, name, None))


@pytest.mark.parametrize(
    ("person", "number"),
    [
        ("ann@example.org", 2),  # exact: the longer name that begins so is somebody else
        ("ann@example.org.", 1),
        ("ann", 3),
        ("b", 1),
        ("example.org", 0),
        ("bob@example.org.au", 0),
        ("%", 0),
        ("zz", 0),
    ],
)
def test_a_person_is_found_by_name_or_by_how_it_begins(three_people, operator, person, number):
    assert len(targets(operator, Filter(person=person))) == number


def test_a_domain_is_found_by_every_name_it_has_or_had(domain, other_domain, operator):
    add_alias_domain(COMMAND, domain, DomainName("alias.example"))
    rename_domain(COMMAND, domain, DomainName("renamed.example"), keep=False)
    for name in ("pandle.net", "renamed.example", "alias.example"):
        assert len(targets(operator, Filter(domain=name))) == 3
    assert targets(operator, Filter(domain="stranger.example")) == ["stranger.example"]
    assert targets(operator, Filter(domain="nowhere.example")) == []


def test_a_filter_shows_nothing_that_one_may_not_see(domain, other_domain, stranger):
    assert targets(stranger, Filter(domain="pandle.net")) == []
    assert targets(stranger, Filter(person="system")) == ["stranger.example"]


def test_a_verb_is_looked_for(domain, operator):
    switch_domain(COMMAND, domain, on=False)
    assert sentences(operator, Filter(verb="off")) == [
        "command line switched off the domain pandle.net"
    ]


def test_both_days_are_included(operator, monkeypatch):
    moments = ["2026-11-26T23:59:59.999999", "2026-11-27T00:00:00", "2026-11-28T23:59:59.999999"]
    for moment in [*moments, "2026-11-29T00:00:00"]:
        at = datetime.fromisoformat(f"{moment}+00:00")
        monkeypatch.setattr(timezone, "now", lambda at=at: at)
        write(moment)
    since, until = date(2026, 11, 27), date(2026, 11, 28)
    assert targets(operator, Filter(since=since, until=until)) == [moments[2], moments[1]]
    assert len(targets(operator, Filter(since=since))) == 3
    assert len(targets(operator, Filter(until=until))) == 3


def test_all_that_is_given_must_be_so(domain, operator):
    switch_domain(Actor(None, ANN, None, is_trusted=True), domain, on=False)
    switch_domain(Actor(None, BOB, None, is_trusted=True), domain, on=True)
    switch_domain(Actor(None, ANN, None, is_trusted=True), domain, on=False)
    write("elsewhere", by=Actor(None, ANN, None), verb=Verb.SWITCHED_OFF)
    today = timezone.now().date()
    wanted = Filter(domain="pandle.net", person=ANN, verb="off", since=today, until=today)
    assert targets(operator, wanted) == ["pandle.net", "pandle.net"]


def test_pages_of_a_filter_follow_each_other(operator):
    for number in range(120):
        write(str(number), verb=Verb.ADDED if number % 2 else Verb.CHANGED)
    wanted = Filter(verb="added")
    first = list_entries(operator, wanted)
    second = list_entries(operator, wanted, after=first.next)
    found = [entry.change.target for entry in [*first.rows, *second.rows]]
    assert found == [str(number) for number in reversed(range(120)) if number % 2]
    assert list_entries(operator, wanted, before=second.previous) == first


PLANS = {
    "change_by_time": Filter(since=date(2026, 1, 1), until=date(2026, 1, 2)),
    "change_by_domain_time": Filter(domain="pandle.net"),
    "change_by_actor_time": Filter(person="system"),
    "change_by_verb_time": Filter(verb="added"),
}


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL decides by the table's size")
@pytest.mark.parametrize(("index", "wanted"), PLANS.items(), ids=PLANS)
def test_each_filter_is_a_stretch_of_an_index_already_in_order(domain, operator, index, wanted):
    plan = find_changes(operator, wanted).order_by(*NEWEST)[:51].explain()
    assert f"USING INDEX {index}" in plan
    assert "TEMP B-TREE" not in plan


SPREAD = {
    "a beginning": Filter(person="s"),
    "a beginning, and what was done": Filter(person="s", verb="added"),
    "a domain and what was done": Filter(domain="pandle.net", verb="added"),
}


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL has statistics")
@pytest.mark.parametrize("wanted", SPREAD.values(), ids=SPREAD)
def test_what_many_changes_meet_is_looked_for_by_time(domain, operator, monkeypatch, wanted):
    monkeypatch.setattr(conditions, "FEW", 1)
    switch_domain(Actor(None, "sybil", None, is_trusted=True), domain, on=False)
    for number in range(2):
        add_mailbox(SYSTEM, domain, LocalPart(f"m{number}"))
    assert "TEMP B-TREE" not in plan_of(operator, wanted)
    assert targets(operator, wanted)[:2] == ["m1@pandle.net", "m0@pandle.net"]


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL has statistics")
def test_what_few_changes_meet_is_found_by_its_index(domain, other_domain, operator, stranger):
    for wanted in (Filter(domain="stranger.example", verb="added"), Filter(person="s", verb="on")):
        assert "change_by_time" not in plan_of(operator, wanted)
    assert "change_by_domain_time" in plan_of(operator, Filter(domain="pandle.net", person="s"))
    of_stranger = plan_of(stranger, Filter(verb="added"))
    assert "change_by_domain_time" in of_stranger
    assert "change_by_verb_time" not in of_stranger


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no statistics")
@pytest.mark.parametrize("wanted", [Filter(), Filter(verb="added"), Filter(person="s")])
def test_who_sees_few_of_many_changes_does_not_wait_for_all(other_domain, stranger, wanted):
    head = LedgerHead.objects.get()
    lines = {"target": "'m' || n", "actor_name": "'somebody'", "domain": "n", "digest": "n"}
    at = f"'{timezone.now()}'::timestamptz + n * interval '1 second'"
    fill(Change, 30_000, id=f"{head.last} + 1 + n", at=at, verb="'added'", noun="''", **lines)
    settle()
    assert "change_by_time" not in plan_of(stranger, wanted)


def test_a_question_is_no_longer_for_who_looks_after_many_domains(domain, colleague):
    one = find_changes(colleague, Filter()).query.sql_with_params()[1]
    for number in range(3):
        other = add_domain(SYSTEM, DomainName(f"d{number}.test"))
        Grant.objects.create(user=colleague, domain=other)
    assert len(find_changes(colleague, Filter()).query.sql_with_params()[1]) == len(one)


def plan_of(user: User, wanted: Filter) -> str:
    return find_changes(user, wanted).order_by(*NEWEST)[:51].explain()
