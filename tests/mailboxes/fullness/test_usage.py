"""How full mailboxes are, as people see it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from qmailpanel.domains import fullness
from qmailpanel.domains.addresses import filters
from qmailpanel.domains.addresses.filters import Only, narrowed
from qmailpanel.domains.fullness import nearly_full_among
from qmailpanel.domains.models import Address, Grant, Kind, OwnItem
from qmailpanel.ledger.actors import SYSTEM
from qmailpanel.mailboxes.fullness.services import last_uses
from qmailpanel.mailboxes.models import AppPassword, Mailbox
from qmailpanel.mailboxes.removal.services import remove_mailbox
from qmailpanel.mailboxes.services import add_mailbox, change_quota, set_password
from qmailpanel.qmail.names import LocalPart
from qmailpanel.reports.models import LastUse, SyncNode, Usage
from tests.mailboxes.own.test_owners import PASSWORD, sign_in_as

LIST = "/domains/pandle.net/mailboxes/"
MB = 1 << 20


@pytest.fixture
def ann(domain):
    address = add_mailbox(SYSTEM, domain, LocalPart("ann"), quota=10 * MB)
    change_quota(SYSTEM, address, messages=100)
    return address


def use(address, megabytes, messages=1, percent=None):
    Usage.objects.update_or_create(
        node=settings.QMAILPANEL_NODE,
        address=address.pk,
        defaults={
            "domain": address.domain_id,
            "bytes": megabytes * MB,
            "messages": messages,
            "percent": megabytes * 10 if percent is None else percent,
            "at": timezone.now(),
        },
    )


def said(client, page):
    answer = client.get(page)
    assert answer.status_code == 200
    return " ".join(answer.content.decode().replace("\xa0", " ").split())


@pytest.mark.parametrize(
    ("megabytes", "words", "state"),
    [(2, "2.0 MB of 10.0 MB used", ""), (9, "(90%)", "Nearly full"), (10, "(100%)", "Full: mail")],
)
def test_the_page_of_a_mailbox_says_how_full_it_is(as_colleague, ann, megabytes, words, state):
    SyncNode.objects.create(node=settings.QMAILPANEL_NODE, holds_quotas=True)
    page = f"{LIST}{ann.pk}/"
    assert "Not counted yet" in said(as_colleague, page)
    use(ann, megabytes)
    text = said(as_colleague, page)
    assert words in text
    assert state in text
    assert "1 of 100 messages" in text
    assert ("Nearly full" in text or "Full: mail" in text) == bool(state)


def test_where_nothing_holds_quotas_a_full_mailbox_is_not_said_to_refuse(as_colleague, ann):
    use(ann, 10)
    text = said(as_colleague, f"{LIST}{ann.pk}/")
    assert "Full, but mail to it is still delivered" in text
    assert "Full: mail" not in text
    Usage.objects.all().delete()
    assert "still delivered" in said(as_colleague, "/nearly-full/")


def test_a_mailbox_without_a_limit_has_no_bar(as_colleague, ann):
    change_quota(SYSTEM, ann, quota=0, messages=0)
    use(ann, 3, percent=0)
    text = said(as_colleague, f"{LIST}{ann.pk}/")
    assert "3.0 MB used, no limit" in text
    assert "1 message, no limit" in text
    assert 'class="bar' not in text


def test_who_may_not_set_quotas_sees_how_full_it_is(as_colleague, ann):
    Grant.objects.update(rights=["addresses"])
    use(ann, 2)
    assert "2.0 MB of 10.0 MB used" in said(as_colleague, f"{LIST}{ann.pk}/")


def test_the_list_says_how_full_each_is_and_can_leave_out_those_with_room(
    as_colleague, domain, ann
):
    bob = add_mailbox(SYSTEM, domain, LocalPart("bob"))
    assert "not counted yet" in said(as_colleague, LIST)
    use(ann, 9)
    use(bob, 3, percent=0)
    text = said(as_colleague, LIST)
    assert "12.0 MB of mail in all mailboxes." in text
    assert '<a href="?only=full">1 is nearly full</a>' in text
    assert '90%<span class="aside"> nearly full' in text
    full = said(as_colleague, f"{LIST}?only=full")
    assert f'id="row-a{ann.pk}"' in full
    assert f'id="row-a{bob.pk}"' not in full
    assert '<input type="hidden" name="only" value="full">' in full
    assert f'id="row-a{ann.pk}"' not in said(as_colleague, f"{LIST}?only=full&q=b")
    use(ann, 1)
    assert "No mailbox is nearly full" in said(as_colleague, f"{LIST}?only=full")


@pytest.mark.parametrize(
    ("begins", "percent", "is_so"), [(70, 75, True), (95, 92, False), (0, 92, True)]
)
def test_lists_call_nearly_full_whoever_is_warned_and_without_warnings_from_90_per_cent_on(
    as_colleague, ann, settings, begins, percent, is_so
):
    settings.QMAILPANEL_WARN_PERCENT = begins
    assert f"One that is at {begins or 90}% of" in said(as_colleague, "/nearly-full/")
    use(ann, 7, percent=percent)
    assert ("1 is nearly full" in said(as_colleague, LIST)) is is_so
    assert (">ann<" in said(as_colleague, "/nearly-full/")) is is_so
    assert ("nearly full" in said(as_colleague, f"{LIST}?q=ann").partition("<table")[2]) is is_so


def test_the_bar_of_a_mailbox_says_nearly_full_when_its_owner_is_warned(
    as_colleague, ann, settings
):
    settings.QMAILPANEL_WARN_PERCENT = 70
    use(ann, 7)
    assert "Nearly full" in said(as_colleague, f"{LIST}{ann.pk}/")


def test_the_settings_say_how_much_mail_there_is_beside_what_is_given(as_colleague, ann):
    use(ann, 9)
    assert "Mail in all mailboxes: 9.0 MB" in said(
        as_colleague, "/domains/pandle.net/settings/limits/"
    )


def test_the_fullest_of_all_the_persons_domains_come_first(
    as_colleague, as_operator, as_stranger, domain, other_domain, ann, django_assert_max_num_queries
):
    assert "No mailbox is nearly full" in said(as_colleague, "/nearly-full/")
    bob = add_mailbox(SYSTEM, domain, LocalPart("bob"), quota=10 * MB)
    eve = add_mailbox(SYSTEM, other_domain, LocalPart("eve"), quota=10 * MB)
    for address, megabytes in ((ann, 9), (bob, 10), (eve, 9)):
        use(address, megabytes)
    with django_assert_max_num_queries(10):
        text = said(as_colleague, "/nearly-full/")
    assert text.index(">bob<") < text.index(">ann<")
    assert ">eve<" not in text
    assert ">ann<" not in said(as_stranger, "/nearly-full/")
    assert ">eve<" in said(as_operator, "/nearly-full/")
    remove_mailbox(SYSTEM, bob)
    assert ">bob<" not in said(as_colleague, "/nearly-full/")


def test_of_many_mailboxes_the_settings_alone_say_the_sum(as_colleague, domain, ann, monkeypatch):
    monkeypatch.setattr(fullness, "SUMMED", 1)
    bob = add_mailbox(SYSTEM, domain, LocalPart("bob"))
    use(ann, 9)
    assert "9.0 MB of mail in all mailboxes." in said(as_colleague, LIST)
    use(bob, 3, percent=0)
    text = said(as_colleague, LIST)
    assert "of mail in all mailboxes" not in text
    assert '<a href="?only=full">1 is nearly full</a>' in text
    assert "Mail in all mailboxes: 12.0 MB" in said(
        as_colleague, "/domains/pandle.net/settings/limits/"
    )


def test_a_list_reads_no_more_of_a_domain_than_it_sums(as_colleague, ann):
    use(ann, 9)
    with CaptureQueriesContext(connection) as queries:
        said(as_colleague, LIST)
    [sums] = [query["sql"] for query in queries if "SUM(" in query["sql"]]
    assert f"LIMIT {fullness.SUMMED + 1}" in sums


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL has statistics")
@pytest.mark.parametrize(
    ("few", "way"), [(0, "USING INDEX address_by_local"), (1, "USING INTEGER PRIMARY KEY")]
)
def test_the_nearly_full_of_a_domain_are_found_by_name_and_where_they_are_few_by_number(
    domain, ann, monkeypatch, few, way
):
    monkeypatch.setattr(filters, "FEW", few)
    use(ann, 9)
    mine = Address.objects.claiming()
    found = narrowed(mine, domain, Kind.MAILBOX, Only.FULL).rows.order_by("local")
    assert list(found) == [ann]
    plan = found.explain()
    assert way in plan
    assert "SUBQUERY 1" not in plan.replace("CORRELATED SCALAR SUBQUERY 1", "")


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL has statistics")
def test_what_is_nearly_full_is_found_without_reading_all_addresses(domain, ann):
    use(ann, 9)
    mine = Address.objects.all()
    assert "SCAN" not in nearly_full_among(mine).order_by("-percent", "-address").explain()
    few = nearly_full_among(mine, [domain.pk]).order_by("-percent", "-address").explain()
    assert "usage_by_percent" not in few


def test_of_many_that_are_nearly_full_the_fullest_come_first(
    as_colleague, domain, ann, monkeypatch
):
    monkeypatch.setattr(fullness, "FEW", 1)
    bob = add_mailbox(SYSTEM, domain, LocalPart("bob"), quota=10 * MB)
    use(ann, 9)
    use(bob, 10)
    text = said(as_colleague, "/nearly-full/")
    assert text.index(">bob<") < text.index(">ann<")


def test_the_owner_sees_it_unless_it_is_withheld(ann, domain):
    use(ann, 9)
    set_password(SYSTEM, ann, password=PASSWORD)
    browser = sign_in_as("ann@pandle.net")
    assert "9.0 MB of 10.0 MB used" in said(browser, "/mailbox/")
    domain.refresh_from_db()
    domain.withheld = [OwnItem.USAGE]
    domain.save()
    assert "9.0 MB" not in said(browser, "/mailbox/")


def test_the_last_uses_are_named_newest_first(as_colleague, ann):
    assert "Not opened yet" in said(as_colleague, f"{LIST}{ann.pk}/")
    mailbox, now = Mailbox.objects.get(address=ann), timezone.now()
    phone = AppPassword.objects.create(mailbox=mailbox, name="Phone", created=now)
    for number, what in enumerate(("imap", f"app-{phone.pk}", "app-99")):
        LastUse.objects.create(
            node=settings.QMAILPANEL_NODE,
            address=ann.pk,
            what=what,
            at=now + timedelta(seconds=number),
            ip="192.0.2.7",
        )
    assert [use.who for use in last_uses(ann)] == ["Phone", "IMAP"]
    assert "192.0.2.7" in said(as_colleague, f"{LIST}{ann.pk}/")


def test_the_sync_page_says_which_program_holds_quotas(as_operator):
    node = {"node": settings.QMAILPANEL_NODE, "heartbeat": timezone.now()}
    SyncNode.objects.create(**node, deliverquota="/usr/sbin/deliverquota")
    assert "<code>/usr/sbin/deliverquota</code>" in said(as_operator, "/sync/")
    SyncNode.objects.update(deliverquota="")
    assert "No program on this host enforces quotas" in said(as_operator, "/sync/")
