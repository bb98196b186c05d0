"""How much there may be in a domain."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connections

from qmailpanel.aliases.services import add_alias, change_alias, remove_alias, restore_alias
from qmailpanel.domains.access.limits import (
    Room,
    change_limits,
    given,
    limits_of,
    room_of,
    storage_of,
)
from qmailpanel.domains.models import Domain, Kind
from qmailpanel.domains.renaming import rename_address
from qmailpanel.domains.services import remove_domain
from qmailpanel.ledger.actors import COMMAND, SYSTEM, Refused
from qmailpanel.ledger.models import Change
from qmailpanel.mailboxes.removal.services import remove_mailbox, restore_mailbox
from qmailpanel.mailboxes.services import add_mailbox, change_quota
from qmailpanel.qmail.names import AliasLocal, LocalPart, MailAddress

HERE = MailAddress("postmaster@pandle.net")


def limit(domain: Domain, **limits: int | None) -> None:
    change_limits(
        SYSTEM, domain, **{"mailboxes": None, "aliases": None, "destinations": None, **limits}
    )


def box(domain, local, actor=SYSTEM):
    return add_mailbox(actor, domain, LocalPart(local))


def alias(domain, local, *targets):
    return add_alias(SYSTEM, domain, AliasLocal(local), list(targets) or [HERE])


def test_the_last_that_fits_is_added_and_the_next_is_refused_by_number(domain):
    limit(domain, mailboxes=2)
    box(domain, "a")
    box(domain, "b")
    with pytest.raises(Refused) as refused:
        box(domain, "c")
    assert str(refused.value) == (
        "Mailboxes of pandle.net: 2 of 2 in use. An operator can raise the limit in its settings."
    )
    assert refused.value.field == "local"


@pytest.mark.parametrize("who", [COMMAND, SYSTEM])
def test_the_limit_holds_for_commands_and_the_system_too(domain, who):
    limit(domain, mailboxes=0)
    with pytest.raises(Refused):
        box(domain, "a", who)


def test_no_limit_is_a_value(domain):
    limit(domain, mailboxes=0)
    limit(domain)
    box(domain, "a")


def test_postmaster_and_abuse_do_not_count(domain):
    limit(domain, aliases=1)
    alias(domain, "sales")
    with pytest.raises(Refused, match="1 of 1 in use"):
        alias(domain, "info")


def test_the_old_name_that_is_kept_is_an_alias_more(domain):
    limit(domain, aliases=0)
    mailbox = box(domain, "a")
    with pytest.raises(Refused, match="Do not keep it") as refused:
        rename_address(SYSTEM, mailbox, LocalPart("b"), keep=True)
    assert refused.value.field == "keep"
    assert rename_address(SYSTEM, mailbox, LocalPart("b"), keep=False).local == "b"


def test_a_postmaster_that_gets_another_name_counts_under_it(domain):
    limit(domain, aliases=0)
    postmaster = domain.addresses.get(local="postmaster")
    with pytest.raises(Refused):
        rename_address(SYSTEM, postmaster, LocalPart("sales"), keep=True)


def test_what_is_removed_makes_room_and_comes_back_only_into_room(domain):
    limit(domain, mailboxes=1, aliases=1)
    first, sales = box(domain, "a"), alias(domain, "sales")
    remove_mailbox(SYSTEM, first)
    remove_alias(SYSTEM, sales)
    box(domain, "b")
    alias(domain, "info")
    for restore, row in ((restore_mailbox, first), (restore_alias, sales)):
        with pytest.raises(Refused):
            restore(SYSTEM, row)


def test_an_alias_has_as_many_destinations_as_it_may(domain):
    limit(domain, destinations=2)
    three = [MailAddress(f"{local}@example.org") for local in "abc"]
    with pytest.raises(Refused, match="may deliver to: at most 2"):
        alias(domain, "sales", *three)
    found = alias(domain, "sales", *three[:2])
    with pytest.raises(Refused):
        change_alias(SYSTEM, found, destinations=three)


def test_a_limit_below_what_there_is_removes_nothing_and_lets_things_shrink(domain):
    three = [MailAddress(f"{local}@example.org") for local in "abc"]
    found = alias(domain, "sales", *three)
    box(domain, "a")
    box(domain, "b")
    limit(domain, mailboxes=1, destinations=1)
    assert domain.addresses.filter(kind=Kind.MAILBOX, removed=False).count() == 2
    change_alias(SYSTEM, found, destinations=three[1:])
    assert [one.target for one in found.destinations.all()] == ["b@example.org", "c@example.org"]


@pytest.mark.parametrize(
    ("sizes", "field"),
    [
        ({"largest_quota": 10, "default_quota": 11}, "default_quota"),
        ({"pool": 10, "default_quota": 11}, "default_quota"),
        ({"pool": 10, "largest_quota": 11}, "largest_quota"),
    ],
)
def test_sizes_that_do_not_fit_into_each_other_are_refused_at_their_field(domain, sizes, field):
    with pytest.raises(Refused) as refused:
        limit(domain, **sizes)
    assert refused.value.field == field
    limit(domain, pool=10, largest_quota=10, default_quota=10)


def test_another_limit_is_recorded_with_the_old_one_and_the_same_one_is_not(domain):
    limit(domain, mailboxes=5)
    limit(domain, mailboxes=7)
    count = Change.objects.count()
    limit(domain, mailboxes=7)
    assert Change.objects.count() == count
    change = Change.objects.latest("id")
    assert (change.before, change.after) == ({"mailboxes": 5}, {"mailboxes": 7})


@pytest.mark.parametrize(
    ("used", "most", "is_full", "is_over"),
    [
        (None, None, False, False),
        (2, 3, False, False),
        (3, 3, True, False),
        (4, 3, True, True),
        (0, 0, True, False),
    ],
)
def test_room_is_full_at_the_limit_and_over_beyond_it(used, most, is_full, is_over):
    room = Room(used, most)
    assert (room.is_full, room.is_over) == (is_full, is_over)


def test_limits_are_given_back_as_they_are_now(domain):
    assert change_limits(SYSTEM, domain, mailboxes=3).mailboxes == 3
    assert limits_of(domain).mailboxes == 3


def test_room_is_counted_only_where_there_is_a_limit(domain, django_assert_num_queries):
    assert room_of(domain, Kind.MAILBOX).limit is None
    limit(domain, mailboxes=3)
    box(domain, "a")
    found = Domain.objects.select_related("limits").get(pk=domain.pk)
    with django_assert_num_queries(1):
        room = room_of(found, Kind.MAILBOX)
    assert (room.used, room.limit, room.is_full) == (1, 3, False)


def test_storage_is_what_all_quotas_give_of_what_they_may(domain):
    for local, quota in (("a", 100), ("b", 20), ("gone", 3)):
        change_quota(SYSTEM, box(domain, local), quota=quota)
    box(domain, "without")
    remove_mailbox(SYSTEM, domain.addresses.get(local="gone"))
    assert given(domain) == 120
    assert storage_of(domain) == Room(None, None)
    limit(domain, pool=500)
    assert storage_of(Domain.objects.get(pk=domain.pk)) == Room(120, 500)


def test_nothing_is_given_where_there_is_no_mailbox(domain):
    assert given(domain) == 0


def test_a_removed_domain_gets_no_limits(domain):
    remove_domain(SYSTEM, domain)
    with pytest.raises(Refused, match=r"^pandle\.net is removed"):
        limit(domain, mailboxes=1)
    assert limits_of(Domain.objects.get(pk=domain.pk)).mailboxes is None


@pytest.mark.django_db(transaction=True)
def test_of_people_who_add_the_last_mailbox_at_once_one_wins(domain):
    limit(domain, mailboxes=1)

    def race(number):
        try:
            return str(box(domain, f"m{number}"))
        except Refused as refused:
            return refused.field
        finally:
            connections.close_all()

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(race, range(6)))
    assert answers.count("local") == 5
    assert domain.addresses.filter(kind=Kind.MAILBOX).count() == 1


# the pages


def test_the_list_shows_how_many_of_how_many_and_the_form_says_why_not(as_colleague, domain):
    limit(domain, mailboxes=1)
    page = "/domains/pandle.net/mailboxes/"
    assert "0 of 1 in use." in as_colleague.get(page).content.decode()
    as_colleague.post(page, {"local": "a"})
    answer = as_colleague.post(page, {"local": "b"})
    assert answer.status_code == 422
    said = answer.content.decode()
    assert "Mailboxes of pandle.net: 1 of 1 in use." in said
    assert 'value="b"' in said


def test_who_can_raise_a_limit_is_led_to_it_and_others_are_told_who_can(
    as_operator, as_colleague, domain
):
    limit(domain, mailboxes=0)
    pages = [client.get("/domains/pandle.net/mailboxes/") for client in (as_operator, as_colleague)]
    [mine, theirs] = [page.content.decode() for page in pages]
    assert '<a href="/domains/pandle.net/settings/limits/">Raise the limit</a>' in mine
    assert "The operator of this host can" not in mine
    assert "The operator of this host can raise the limit." in theirs


def test_the_operator_sets_limits_and_others_see_them(as_operator, as_colleague, domain):
    page = "/domains/pandle.net/limits/"
    data = {"mailboxes": "10", "aliases": "", "destinations": "3"}
    assert as_operator.post(page, data).status_code == 303
    assert as_colleague.post(page, data).status_code == 404
    said = as_colleague.get("/domains/pandle.net/settings/limits/").content.decode()
    assert "Mailboxes: 0 of 10" in said
    assert "Aliases: no limit" in said
    assert "at most 3" in said


def test_the_page_of_an_alias_shows_how_many_destinations_of_how_many(as_colleague, domain):
    found = alias(domain, "sales")
    limit(domain, destinations=3)
    said = as_colleague.get(f"/domains/pandle.net/aliases/{found.pk}/").content.decode()
    assert "1 of at most 3 addresses." in said


@pytest.mark.parametrize("typed", ["-1", "many", "1.5", "99999999999"])
def test_a_limit_that_is_none_is_refused_at_its_field(as_operator, domain, typed):
    answer = as_operator.post("/domains/pandle.net/limits/", {"mailboxes": typed})
    assert answer.status_code == 422
    assert 'id="limit_mailboxes_error"' in answer.content.decode()


def test_a_lowered_limit_says_that_nothing_is_removed(as_operator, domain):
    box(domain, "a")
    box(domain, "b")
    limit(domain, mailboxes=1)
    said = as_operator.get("/domains/pandle.net/settings/limits/").content.decode()
    assert "nothing is removed" in said
