from __future__ import annotations

import pytest

from qmailpanel.aliases.services import add_alias, remove_alias
from qmailpanel.domains.departed.services import set_responder
from qmailpanel.domains.models import Domain, Unknown
from qmailpanel.domains.routes.hops import (
    find_loop,
    leads_on,
    read_targets,
    responses,
    unknown_targets,
)
from qmailpanel.domains.routes.pointers import pointers_to
from qmailpanel.domains.services import add_domain, change_domain, remove_domain
from qmailpanel.ledger.actors import COMMAND, Actor, Refused
from qmailpanel.mailboxes.removal.services import remove_mailbox
from qmailpanel.mailboxes.services import add_mailbox
from qmailpanel.qmail.names import AliasLocal, DomainName, LocalPart, MailAddress


def alias(domain, local, *targets):
    destinations = [MailAddress(target) for target in targets]
    return add_alias(COMMAND, domain, AliasLocal(local), destinations)


@pytest.fixture
def mailbox(domain):
    return add_mailbox(COMMAND, domain, LocalPart("biliards"))


def test_pointers_are_aliases_and_unknown_recipients(domain, other_domain, mailbox):
    alias(domain, "webmaster", "biliards@pandle.net", "a@example.org")
    alias(domain, "bilardi", "Biliards@pandle.net")
    alias(domain, "other", "a@example.org")
    change_domain(COMMAND, domain, unknown=Unknown.MAILBOX, unknown_target="biliards")
    change_domain(
        COMMAND, other_domain, unknown=Unknown.FORWARD, unknown_target="biliards@pandle.net"
    )
    assert pointers_to(mailbox, COMMAND) == [
        "bilardi@pandle.net",
        "webmaster@pandle.net",
        "unknown recipients of pandle.net",
        "unknown recipients of stranger.example",
    ]


def test_what_is_removed_points_nowhere(domain, other_domain, mailbox):
    remove_alias(COMMAND, alias(domain, "bilardi", "biliards@pandle.net"))
    alias(other_domain, "a", "biliards@pandle.net")
    remove_domain(COMMAND, other_domain)
    assert pointers_to(mailbox, COMMAND) == []


def test_the_addresses_of_other_people_are_counted_and_not_named(
    domain, other_domain, mailbox, colleague, operator
):
    alias(domain, "bilardi", "biliards@pandle.net")
    alias(other_domain, "secret", "biliards@pandle.net")
    actor = Actor(colleague.pk, colleague.email, None)
    assert pointers_to(mailbox, actor) == ["bilardi@pandle.net", "1 address of another domain"]
    assert "secret@stranger.example" in pointers_to(mailbox, Actor(operator.pk, "", None))
    alias(other_domain, "another", "biliards@pandle.net")
    assert pointers_to(mailbox, actor)[1] == "2 addresses of other domains"


def test_a_find_loop_is_found_over_many_hops(domain):
    alias(domain, "c", "d@pandle.net")
    alias(domain, "b", "x@example.org", "c@pandle.net")
    way = find_loop("d@pandle.net", ["y@example.org", "B@pandle.net"])
    assert way == "B@pandle.net"


def test_each_destination_is_read_once_and_one_of_ours_in_lower_case(domain):
    typed = ["Ann@Pandle.net", "ann@pandle.net", "Bob@x.test", "bob@X.test", "bob@pandle.net"]
    wanted = [MailAddress(each) for each in typed]
    assert read_targets("a@pandle.net", wanted) == [
        "ann@pandle.net",
        "Bob@x.test",
        "bob@pandle.net",
    ]


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("A@pandle.net", "a@pandle.net cannot deliver to itself."),
        ("b@pandle.net", "Mail to a@pandle.net would come back to it from b@pandle.net."),
    ],
)
def test_a_loop_is_refused_with_where_it_comes_back_from(domain, target, said):
    alias(domain, "b", "a@pandle.net")
    with pytest.raises(Refused) as refused:
        read_targets("a@pandle.net", [MailAddress("x@x.test"), MailAddress(target)])
    assert (str(refused.value), refused.value.field) == (said, "destinations")


def test_mail_for_who_left_goes_to_unknown_recipients_and_to_who_answers(domain, mailbox):
    assert not leads_on(domain)
    remove_mailbox(COMMAND, mailbox)
    change_domain(COMMAND, domain, unknown=Unknown.FORWARD, unknown_target="u@x.test")
    set_responder(COMMAND, domain, subject="Left", text="Gone.", days=7, target="d@x.test")
    for there in ("u@x.test", "d@x.test"):
        assert find_loop(there, ["biliards@pandle.net"]) == "biliards@pandle.net"
    found = Domain.objects.get(pk=domain.pk)
    assert leads_on(found)
    assert (unknown_targets(found), responses(found)) == (["u@x.test"], ["d@x.test"])
    change_domain(COMMAND, domain, unknown=Unknown.DISCARD)
    assert find_loop("u@x.test", ["biliards@pandle.net"]) is None
    assert leads_on(Domain.objects.get(pk=domain.pk))


def test_a_mailbox_is_the_end_of_a_way(domain, mailbox):
    change_domain(COMMAND, domain, unknown=Unknown.FORWARD, unknown_target="biliards@pandle.net")
    assert find_loop("x@pandle.net", ["biliards@pandle.net", "a@example.org"]) is None


def test_a_way_leads_through_unknown_recipients(domain, mailbox):
    alias(domain, "b", "nobody@pandle.net")
    assert find_loop("a@pandle.net", ["b@pandle.net"]) is None
    change_domain(COMMAND, domain, unknown=Unknown.FORWARD, unknown_target="a@example.org")
    assert find_loop("a@example.org", ["b@pandle.net"]) == "b@pandle.net"


@pytest.mark.parametrize("number", [1, 3])
def test_a_way_takes_the_same_queries_for_any_number_of_destinations(
    domain, django_assert_num_queries, number
):
    targets = [f"a{one}@pandle.net" for one in range(number)]
    for target in targets:
        alias(domain, target.split("@")[0], "b@example.org")
    with django_assert_num_queries(4):
        assert find_loop("c@pandle.net", targets) is None


@pytest.mark.parametrize("number", [1, 3])
def test_a_way_takes_the_same_queries_for_any_number_of_domains_with_departed(
    db, django_assert_num_queries, number
):
    targets = []
    for one in range(number):
        domain = add_domain(COMMAND, DomainName(f"d{one}.example"))
        left = add_mailbox(COMMAND, domain, LocalPart("ann"))
        set_responder(COMMAND, domain, subject="Left", text="Gone.", target="a@x.test", days=7)
        remove_mailbox(COMMAND, left)
        targets.append(str(left))
    with django_assert_num_queries(3):
        assert find_loop("a@x.test", targets) in targets
