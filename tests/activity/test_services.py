from __future__ import annotations

import pytest

from qmailpanel.activity.services import Detail, list_entries
from qmailpanel.aliases.services import add_alias, change_alias
from qmailpanel.domains.models import Unknown
from qmailpanel.domains.services import change_domain, remove_domain, switch_domain
from qmailpanel.ledger.models import Noun, Verb
from qmailpanel.ledger.services import COMMAND, Actor, ledger_locked, record
from qmailpanel.mailboxes.services import add_mailbox, set_password
from qmailpanel.qmail.names import AliasLocal, Destination, LocalPart


def sentences(user, **more):
    return [entry.sentence for entry in list_entries(user, **more).rows]


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
    with ledger_locked():
        record(COMMAND, Verb.ADDED, Noun.PERSON, "new@example.org")
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
    there = [Destination("a@example.org"), Destination("b@example.org")]
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
        with ledger_locked():
            record(COMMAND, Verb.ADDED, Noun.PERSON, str(number))
    first = list_entries(operator)
    second = list_entries(operator, after=first.next)
    targets = [entry.change.target for entry in [*first.rows, *second.rows]]
    assert targets == [str(number) for number in reversed(range(60))]
    assert list_entries(operator, before=second.previous) == first


@pytest.mark.parametrize("number", [1, 3])
def test_a_page_is_one_query_for_any_number_of_entries(
    domain, colleague, django_assert_num_queries, number
):
    for one in range(number):
        add_mailbox(COMMAND, domain, LocalPart(f"a{one}"))
    with django_assert_num_queries(1):
        list_entries(colleague, domain=domain)
