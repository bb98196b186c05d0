"""How much a mailbox may hold, within the limits of its domain."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext

from qmailpanel.domains.access.limits import change_limits, count, given
from qmailpanel.domains.access.models import Limits
from qmailpanel.domains.access.rights import NotAllowed
from qmailpanel.domains.models import Grant, Kind
from qmailpanel.domains.services import add_domain
from qmailpanel.ledger.actors import SYSTEM, Actor, Refused
from qmailpanel.ledger.models import Change
from qmailpanel.mailboxes.models import Mailbox
from qmailpanel.mailboxes.removal.services import remove_mailbox, restore_mailbox
from qmailpanel.mailboxes.services import add_mailbox, change_quota
from qmailpanel.qmail.names import DomainName, LocalPart
from tests.kit.every_service.domains import DOMAINS
from tests.kit.every_service.mailboxes import MAILBOXES
from tests.kit.every_service.world import World
from tests.kit.zone import serve

MB = 1 << 20


@pytest.fixture
def zone(settings, db):
    with serve() as (zone, address):
        settings.QMAILPANEL_RESOLVER = address
        yield zone


def box(domain, local, actor=SYSTEM, **more):
    return add_mailbox(actor, domain, LocalPart(local), **more)


def quota_of(address):
    return Mailbox.objects.get(address=address).quota


def limit(domain, **limits):
    change_limits(SYSTEM, domain, **limits)


def test_a_new_mailbox_has_no_quota_or_the_domains_default(domain):
    assert quota_of(box(domain, "a")) == 0
    limit(domain, default_quota=500 * MB)
    assert quota_of(box(domain, "b")) == 500 * MB
    assert quota_of(box(domain, "c", quota=0)) == 0


def test_without_a_default_the_largest_is_what_a_new_one_has(domain):
    limit(domain, largest_quota=100 * MB)
    assert quota_of(box(domain, "a")) == 100 * MB


@pytest.mark.parametrize("quota", [0, 101 * MB])
def test_no_mailbox_holds_more_than_the_largest(domain, quota):
    limit(domain, largest_quota=100 * MB)
    with pytest.raises(Refused, match="may hold 100 MB") as refused:
        box(domain, "a", quota=quota)
    assert refused.value.field == "quota"
    mailbox = box(domain, "b", quota=50 * MB)
    with pytest.raises(Refused):
        change_quota(SYSTEM, mailbox, quota=quota)


def test_all_quotas_together_are_no_more_than_the_storage(domain):
    limit(domain, pool=100 * MB)
    first = box(domain, "a", quota=60 * MB)
    with pytest.raises(Refused, match="100 MB together, and 40 MB of that is left"):
        box(domain, "b", quota=41 * MB)
    box(domain, "b", quota=40 * MB)
    change_quota(SYSTEM, first, quota=59 * MB)
    with pytest.raises(Refused):
        change_quota(SYSTEM, first, quota=61 * MB)
    with pytest.raises(Refused):
        change_quota(SYSTEM, first, quota=0)


def test_a_removed_mailbox_gives_its_storage_back_and_comes_back_only_into_room(domain):
    limit(domain, pool=100 * MB)
    first = box(domain, "a", quota=60 * MB)
    remove_mailbox(SYSTEM, first)
    box(domain, "b", quota=60 * MB)
    with pytest.raises(Refused):
        restore_mailbox(SYSTEM, first)


def test_another_quota_is_recorded_with_the_old_one(domain):
    mailbox = box(domain, "a", quota=5 * MB)
    change_quota(SYSTEM, mailbox, quota=7 * MB)
    change_quota(SYSTEM, mailbox, quota=7 * MB)
    change = Change.objects.latest("id")
    assert (change.before, change.after) == ({"quota": 5 * MB}, {"quota": 7 * MB})
    mailbox.refresh_from_db()
    assert mailbox.change == change


def test_a_limit_of_messages_stands_beside_that_of_bytes(domain):
    mailbox = box(domain, "a", quota=5 * MB)
    change_quota(SYSTEM, mailbox, messages=100)
    change = Change.objects.latest("id")
    assert (change.before, change.after) == ({"messages": 0}, {"messages": 100})
    assert quota_of(mailbox) == 5 * MB
    change_quota(SYSTEM, mailbox, quota=0, messages=100)
    assert Change.objects.latest("id").after == {"quota": 0}


def test_who_may_not_set_quotas_adds_mailboxes_with_the_default_alone(domain, colleague):
    Grant.objects.update(rights=["addresses"])
    actor = Actor(colleague.pk, str(colleague), None)
    limit(domain, default_quota=5 * MB)
    mailbox = box(domain, "a", actor)
    with pytest.raises(NotAllowed, match="set quotas"):
        box(domain, "b", actor, quota=6 * MB)
    with pytest.raises(NotAllowed):
        change_quota(actor, mailbox, quota=6 * MB)


@pytest.mark.django_db(transaction=True)
def test_of_people_who_take_the_last_storage_at_once_one_gets_it(domain):
    limit(domain, pool=10 * MB)

    def race(number):
        try:
            return str(box(domain, f"m{number}", quota=6 * MB))
        except Refused as refused:
            return refused.field
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(race, range(4)))
    assert answers.count("quota") == 3


def test_the_quota_is_set_on_the_page_of_the_mailbox(as_colleague, domain):
    mailbox = box(domain, "a")
    page = f"/domains/pandle.net/mailboxes/{mailbox.pk}/"
    assert as_colleague.post(f"{page}quota/", {"quota": "1.5 GB"}).status_code == 303
    assert quota_of(mailbox) == 3 << 29
    said = as_colleague.get(f"{page}quota/").content.decode()
    assert 'value="1536 MB"' in said
    assert "has no deliverquota" in said
    answer = as_colleague.post(f"{page}quota/", {"quota": "1 GB", "messages": "-1"})
    assert 'id="id_messages_error"' in answer.content.decode()
    answer = as_colleague.post(f"{page}quota/", {"quota": "much"})
    assert answer.status_code == 422
    assert 'id="id_quota_error"' in answer.content.decode()
    assert as_colleague.post(f"{page}quota/", {"quota": ""}).status_code == 303
    assert quota_of(mailbox) == 0


def test_nothing_and_0_are_no_limit_on_every_page(as_operator, domain):
    mailbox = box(domain, "a", quota=5 * MB)
    page = f"/domains/pandle.net/mailboxes/{mailbox.pk}/quota/"
    assert as_operator.post(page, {"quota": "0", "messages": "0"}).status_code == 303
    assert quota_of(mailbox) == 0
    limit(domain, pool=400 * MB, largest_quota=MB)
    data = {"pool": "0", "largest_quota": "0 MB", "default_quota": ""}
    assert as_operator.post("/domains/pandle.net/limits/", data).status_code == 303
    domain.limits.refresh_from_db()
    assert (domain.limits.pool, domain.limits.largest_quota) == (None, None)


@pytest.mark.parametrize("typed", ["1.000", "1,000", "-1", "many"])
def test_a_number_that_could_be_another_one_is_never_guessed(as_operator, domain, typed):
    mailbox = box(domain, "a")
    page = f"/domains/pandle.net/mailboxes/{mailbox.pk}/quota/"
    answer = as_operator.post(page, {"quota": "", "messages": typed})
    assert "Enter a whole number, or leave it empty for no limit." in answer.content.decode()
    answer = as_operator.post("/domains/pandle.net/limits/", {"mailboxes": typed})
    assert "Enter a whole number, or leave it empty for no limit." in answer.content.decode()
    assert Limits.objects.filter(domain=domain).count() == 0


def test_the_operator_sets_the_storage_of_a_domain(as_operator, domain):
    data = {"pool": "10 GB", "largest_quota": "2 GB", "default_quota": "500 MB"}
    assert as_operator.post("/domains/pandle.net/limits/", data).status_code == 303
    domain.refresh_from_db()
    assert (domain.limits.pool, domain.limits.default_quota) == (10 << 30, 500 * MB)
    said = as_operator.get("/domains/pandle.net/settings/limits/").content.decode()
    assert 'value="10 GB"' in said
    box(domain, "a")
    said = as_operator.get("/domains/pandle.net/settings/limits/").content.decode()
    assert "500.0\xa0MB of 10.0\xa0GB given" in said
    assert "nothing is removed" not in said
    limit(domain, pool=400 * MB)
    assert quota_of(domain.addresses.get(local="a")) == 500 * MB
    said = as_operator.get("/domains/pandle.net/settings/limits/").content.decode()
    assert "nothing is removed" in said


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL has statistics")
@pytest.mark.parametrize("asked", [given, partial(count, kind=Kind.MAILBOX)], ids=["sum", "number"])
def test_what_there_is_already_is_read_from_one_stretch_of_an_index(domain, asked):
    with CaptureQueriesContext(connection) as queries:
        asked(domain)
    [query] = queries
    with connection.cursor() as cursor:
        plan = cursor.execute(f"EXPLAIN QUERY PLAN {query['sql']}").fetchall()
    assert plan[0][-1].startswith("SEARCH mailboxes_mailbox USING COVERING INDEX mailbox_by_quota")
    assert "domains_address" not in str(plan)


def test_the_two_that_every_domain_must_have_do_not_count_as_mailboxes_either(db):
    domain = add_domain(SYSTEM, DomainName("no-contact.test"))
    for local in ("ann", "abuse", "bob", "postmaster"):
        box(domain, local)
    assert count(domain, Kind.MAILBOX) == 2
    remove_mailbox(SYSTEM, domain.addresses.get(local="bob"))
    assert count(domain, Kind.MAILBOX) == 1


@pytest.mark.parametrize("case", [*MAILBOXES, *DOMAINS], ids=lambda case: case.name)
def test_after_every_service_a_mailbox_counts_where_and_while_its_address_is_there(case, zone):
    world = World(zone)
    case.before(world)
    case.call(world)
    for mailbox in Mailbox.objects.select_related("address"):
        assert mailbox.domain_id == mailbox.address.domain_id
        assert (mailbox.removed_at is not None) == mailbox.address.removed
