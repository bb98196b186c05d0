"""Today: what needs a person appears, and goes when it is mended; nobody sees what is others'."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.conf import settings
from django.db.models import F
from django.test import Client
from django.utils import timezone

from qmailpanel.accounts.models import User
from qmailpanel.aliases.services import add_alias
from qmailpanel.domains.models import Address, Domain, Grant
from qmailpanel.domains.services import add_domain
from qmailpanel.ledger.actors import SYSTEM
from qmailpanel.mailboxes.owners import owner_of
from qmailpanel.mailboxes.services import add_mailbox, switch_mailbox
from qmailpanel.people.models import NameRequest
from qmailpanel.qmail.names import AliasLocal, DomainName, LocalPart, MailAddress
from qmailpanel.qmail.pause import finish
from qmailpanel.reports.models import Nowhere, Survey, SyncNode, Usage
from qmailpanel.sync.models import HostFinding, SyncDrift, SyncQuestion
from qmailpanel.sync.rounds.nowhere import look_at_all
from qmailpanel.today import of_nowhere, views
from tests.kit.live import make_live, write_position, write_problem, write_usage

NODE = {"node": settings.QMAILPANEL_NODE}
WELL = "Nothing needs you."


def body(client: Client, page: str = "/") -> str:
    answer = client.get(page)
    assert answer.status_code == 200
    text: str = answer.content.decode()
    return text


def needs_in(client: Client) -> str:
    """What stands between the heading and the facts."""
    return body(client).partition('<div id="needs">')[2].partition('<p id="facts"')[0]


def rail(client: Client, name: str) -> int:
    """The number beside that word in the rail; it is hidden where there is nothing."""
    page = body(client, "/domains/")
    tag = page.partition(f'id="count-{name}"')[2]
    number = int(tag.partition(">")[2].partition("<")[0])
    assert tag.startswith(" hidden") == (number == 0)
    return number


@pytest.fixture
def box(domain: Domain) -> Address:
    return add_mailbox(SYSTEM, domain, LocalPart("biliards"))


@pytest.fixture
def host(box: Address, other_domain: Domain) -> SyncNode:
    """All is well."""
    for domain in Domain.objects.all():
        make_live(domain)
    Survey.objects.create(**NODE, read_back=timezone.now(), at=timezone.now())
    return SyncNode.objects.create(**NODE, heartbeat=timezone.now())


def stop_service(_box: Address) -> Callable[[], object]:
    node = SyncNode.objects.all()
    node.update(heartbeat=timezone.now() - timedelta(minutes=1))
    return lambda: node.update(heartbeat=timezone.now())


def fail(box: Address) -> Callable[[], object]:
    return write_problem("A file stands in its place.", box.domain, box).delete


def fail_domain(box: Address) -> Callable[[], object]:
    return write_problem("Its line is taken.", box.domain).delete


def lead_astray(box: Address) -> Callable[[], object]:
    alias = add_alias(
        SYSTEM, box.domain, AliasLocal("sales"), [MailAddress(f"biliard@{box.domain}")]
    )
    make_live(box.domain)
    finish(look_at_all())
    return lambda: Address.objects.filter(pk=alias.pk).update(enabled=False)


def fill(box: Address) -> Callable[[], object]:
    return write_usage(box, percent=100).delete


def touch(box: Address) -> Callable[[], object]:
    row = SyncDrift.objects.create(
        **NODE, domain=box.domain_id, kind="line", file="users/assign", key="=100-x", actual="=x"
    )
    return row.delete


def find(_box: Address) -> Callable[[], object]:
    row = HostFinding.objects.create(
        **NODE, severity="alarm", file="control/locals", number=3, meaning="Mail is lost.",
        remedy="", since=timezone.now(),
    )  # fmt: skip
    return row.delete


def ask(_box: Address) -> Callable[[], object]:
    person = User.objects.create(email="asks@example.org", password="argon2$nobody")
    row = NameRequest.objects.create(name="wanted.example", person=person, token="t")
    return row.delete


def question(_box: Address) -> Callable[[], object]:
    row = SyncQuestion.objects.create(
        **NODE, digest="d", text="All of it goes.", asked=timezone.now()
    )
    return row.delete


def hold(_box: Address) -> Callable[[], object]:
    node = SyncNode.objects.all()
    node.update(holding=2)
    return lambda: node.update(holding=0)


OF_HOST = [
    (stop_service, "The sync service is not running", "/sync/"),
    (touch, "users/assign =100-x", "/sync/host/"),
    (find, "Mail is lost.", "/sync/doctor/"),
    (ask, "wanted.example", "/requests/"),
    (question, "All of it goes.", "/sync/"),
    (hold, "2 domains wait until you apply their changes.", "/sync/"),
]


@pytest.mark.parametrize(
    ("happen", "said", "where"),
    [
        *OF_HOST,
        (fail, "A file stands in its place.", "/domains/pandle.net/mailboxes/{pk}/"),
        (
            lead_astray,
            "biliard@pandle.net is no address here",
            "/domains/pandle.net/aliases/{last}/",
        ),
        (fail_domain, "Its line is taken.", "/domains/pandle.net/"),
        (fill, "1 still gets mail", "/domains/pandle.net/mailboxes/{pk}/"),
    ],
)
def test_what_needs_a_person_has_a_line_with_one_button_until_it_is_mended(
    as_operator: Client, host: SyncNode, box: Address, happen: Any, said: str, where: str
) -> None:
    assert WELL in needs_in(as_operator)
    mend = happen(box)
    needs = needs_in(as_operator)
    assert said in needs
    assert WELL not in needs
    assert needs.count('class="button quiet"') == 1
    last = Address.objects.latest("pk").pk
    assert (
        f'href="{where.format(pk=box.pk, last=last)}">'
        in needs.partition('class="button quiet"')[2]
    )
    assert rail(as_operator, "today") == 1
    mend()
    assert WELL in needs_in(as_operator)
    finish(look_at_all())
    assert rail(as_operator, "today") == 0


@pytest.mark.parametrize(("happen", "said", "_where"), OF_HOST)
def test_what_is_of_the_host_needs_operators_alone(
    as_colleague: Client, host: SyncNode, box: Address, happen: Any, said: str, _where: str
) -> None:
    Grant.objects.create(user=User.objects.get(email="colleague@example.org"), domain=more())
    happen(box)
    assert said not in body(as_colleague)
    assert rail(as_colleague, "today") == 0


def more() -> Domain:
    domain = add_domain(SYSTEM, DomainName("more.example"))
    make_live(domain)
    return domain


@pytest.mark.parametrize(
    ("happen", "said"),
    [
        (fail, "A file stands in its place."),
        (fill, "100% of its limit"),
        (lead_astray, "biliard@pandle.net is no address here"),
    ],
)
def test_who_looks_after_a_domain_sees_what_is_of_it_and_nobody_else_does(
    as_colleague: Client,
    as_stranger: Client,
    host: SyncNode,
    box: Address,
    happen: Any,
    said: str,
) -> None:
    happen(box)
    assert said in needs_in(as_colleague)
    assert rail(as_colleague, "today") == 1
    assert rail(as_stranger, "today") == 0
    assert said not in body(as_stranger, "/domains/stranger.example/mailboxes/")
    assert as_stranger.get("/").headers["Location"] == "/domains/stranger.example/"


def test_the_cause_and_the_button_are_for_whoever_can_mend_it(
    as_operator: Client, as_colleague: Client, host: SyncNode, box: Address
) -> None:
    problem = write_problem("It is in the way.", box.domain, box)
    problem.cause = "mkdir /var/qmail/mailnames: File exists"
    problem.save()
    assert problem.cause in needs_in(as_operator)
    assert problem.cause not in body(as_colleague)
    assert "button quiet" not in needs_in(as_colleague)


def test_many_of_a_kind_are_one_line(as_operator: Client, host: SyncNode, domain: Domain) -> None:
    host.holds_quotas = True
    host.save()
    for number in range(5):
        write_usage(add_mailbox(SYSTEM, domain, LocalPart(f"m{number}")), percent=99 + number)
    needs = needs_in(as_operator)
    assert needs.count('<th scope="row">') == 1
    assert "4 mailboxes are full" in needs
    assert "4 refuse mail now, 1 above 90%" in needs
    assert "and 2 more" in needs
    assert 'href="/nearly-full/"' in needs
    assert "status failed" in needs


def test_a_try_that_is_under_way_again_is_no_failure(
    as_operator: Client, host: SyncNode, box: Address
) -> None:
    fail(box)
    assert "A file stands" in needs_in(as_operator)
    write_position(box.domain, tried=0, applied=0)
    assert "A file stands" not in needs_in(as_operator)


def test_a_note_of_the_doctor_needs_nobody(
    as_operator: Client, host: SyncNode, box: Address
) -> None:
    find(box)
    HostFinding.objects.update(severity="note")
    assert WELL in needs_in(as_operator)
    assert rail(as_operator, "sync") == 0


def test_the_rail_counts_requests_and_what_is_to_be_decided(
    as_operator: Client, host: SyncNode, box: Address
) -> None:
    for happen in (ask, touch, find, question):
        happen(box)
    assert rail(as_operator, "people") == 1
    assert rail(as_operator, "sync") == 3
    assert rail(as_operator, "today") == 4


def test_where_all_is_well_it_says_how_much_and_when_it_was_read(
    as_operator: Client, host: SyncNode
) -> None:
    needs = needs_in(as_operator)
    at = timezone.localtime(Survey.objects.get().read_back)
    assert f"2 domains, 1 mailbox, all live. All was read back at {at:%H:%M} UTC." in needs
    assert "Where mail goes was asked at " in needs


def test_what_waits_for_sync_is_not_said_to_be_live(
    as_operator: Client, host: SyncNode, domain: Domain
) -> None:
    add_mailbox(SYSTEM, domain, LocalPart("new"))
    needs = needs_in(as_operator)
    assert "all live" not in needs
    assert "1 domain waits for sync." in needs


@pytest.mark.parametrize("look", ["read_back", "at"])
@pytest.mark.parametrize("back", [None, timedelta(hours=1)])
def test_nothing_is_said_to_be_well_that_nobody_looked_at_lately(
    as_operator: Client, host: SyncNode, look: str, back: timedelta | None
) -> None:
    Survey.objects.update(**{look: timezone.now() - back if back else None})
    needs = needs_in(as_operator)
    assert WELL not in needs
    assert "all live" not in needs


def test_nothing_is_said_to_be_well_while_sync_is_down(
    as_colleague: Client, host: SyncNode, box: Address
) -> None:
    Grant.objects.create(user=User.objects.get(email="colleague@example.org"), domain=more())
    assert WELL in needs_in(as_colleague)
    stop_service(box)
    assert WELL not in needs_in(as_colleague)
    assert "all live" not in needs_in(as_colleague)


def test_of_many_domains_the_first_are_shown_and_lead_to_the_others(
    as_operator: Client, host: SyncNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "More domains" not in body(as_operator)
    Survey.objects.update(domains=1302, mailboxes=19050)
    monkeypatch.setattr(views, "SHOWN", 1)
    page = body(as_operator)
    assert "1,302 domains, 19,050 mailboxes, all live." in page
    assert "/domains/pandle.net/" in page
    assert "/domains/stranger.example/" not in page
    more = page.partition('<a rel="next" href="')[2].partition('"')[0]
    assert "/domains/stranger.example/" in body(as_operator, more)
    assert "/domains/pandle.net/" not in body(as_operator, more)


def test_who_has_one_domain_starts_there_unless_it_needs_something(
    as_colleague: Client, host: SyncNode, box: Address
) -> None:
    assert as_colleague.get("/").headers["Location"] == "/domains/pandle.net/"
    fail(box)
    assert "A file stands in its place." in needs_in(as_colleague)


def test_an_owner_starts_with_the_mailbox(host: SyncNode, box: Address) -> None:
    client = Client()
    owner = owner_of(box.mailbox)
    client.force_login(owner, backend="qmailpanel.mailboxes.owners.MailboxBackend")
    assert client.get("/").headers["Location"] == "/mailbox/"


def test_the_page_looks_again_and_hears_nothing_while_nothing_changed(
    as_operator: Client, host: SyncNode, box: Address
) -> None:
    seen = body(as_operator).partition("/?seen=")[2].partition('"')[0]
    watch = {"HX-Request": "true", "HX-Target": "watch"}
    assert as_operator.get(f"/?seen={seen}", headers=watch).status_code == 204
    fail(box)
    answer = as_operator.get(f"/?seen={seen}", headers=watch)
    assert "A file stands in its place." in answer.content.decode()


def add_box(name: str) -> Address:
    domain = add_domain(SYSTEM, DomainName(name))
    box = add_mailbox(SYSTEM, domain, LocalPart("box"))
    make_live(domain)
    return box


def test_what_was_mended_elsewhere_is_gone_at_once(
    as_operator: Client, host: SyncNode, box: Address
) -> None:
    lead_astray(box)
    assert "biliard@pandle.net" in needs_in(as_operator)
    assert "biliard@pandle.net" in body(as_operator, "/nowhere/")
    add_mailbox(SYSTEM, box.domain, LocalPart("biliard"))
    make_live(box.domain)
    assert WELL in needs_in(as_operator)
    assert "No alias and no forwarding here loses mail." in body(as_operator, "/nowhere/")


def test_one_that_still_goes_nowhere_is_found_behind_those_that_were_mended(
    as_operator: Client, host: SyncNode, box: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(of_nowhere, "ASKED", 1)
    lead_astray(box)
    add_alias(SYSTEM, box.domain, AliasLocal("info"), [MailAddress("typo@pandle.net")])
    make_live(box.domain)
    finish(look_at_all())
    add_mailbox(SYSTEM, box.domain, LocalPart("typo"))
    make_live(box.domain)
    needs = needs_in(as_operator)
    assert "sales" in needs
    assert "info" not in needs
    add_alias(SYSTEM, box.domain, AliasLocal("last"), [MailAddress("typo2@pandle.net")])
    make_live(box.domain)
    finish(look_at_all())
    assert "Not all mail to 2 addresses arrives" in needs_in(as_operator)
    assert "and 1 more" in needs_in(as_operator)


def test_what_many_lost_addresses_lead_on_is_followed_together(
    as_operator: Client,
    host: SyncNode,
    box: Address,
    monkeypatch: pytest.MonkeyPatch,
    django_assert_max_num_queries: Any,
) -> None:
    """However many of them were mended: the front page asks as often for 24 as for 8."""
    monkeypatch.setattr(of_nowhere, "ASKED", 2)
    gone = [MailAddress("gone@pandle.net")]
    for number in range(24):
        add_alias(SYSTEM, box.domain, AliasLocal(f"all{number}"), gone)
    finish(look_at_all())
    add_mailbox(SYSTEM, box.domain, LocalPart("gone"))
    make_live(box.domain)
    assert Nowhere.objects.count() == 24
    with django_assert_max_num_queries(60):
        assert WELL in needs_in(as_operator)


def test_nobody_hears_of_addresses_of_other_people(
    as_operator: Client, as_stranger: Client, host: SyncNode, box: Address, other_domain: Domain
) -> None:
    """That a mailbox of somebody else is off cannot be found out; that nobody has a name can."""
    target = MailAddress("biliards@pandle.net")
    add_alias(SYSTEM, other_domain, AliasLocal("sales"), [target])
    switch_mailbox(SYSTEM, box, on=False)
    lead_astray(box)
    make_live(other_domain)
    assert "sales" in needs_in(as_operator)
    assert rail(as_stranger, "today") == 0
    page = body(as_stranger, "/nowhere/")
    assert "sales" not in page
    assert "biliard" not in page
    add_alias(SYSTEM, other_domain, AliasLocal("info"), [MailAddress("typo@pandle.net")])
    make_live(other_domain)
    finish(look_at_all())
    assert rail(as_stranger, "today") == 1
    assert "typo@pandle.net is no address here" in needs_in(as_stranger)


def all_shown(client: Client) -> list[str]:
    """Today, the pages of what goes nowhere and a page with the rail, without what is random."""
    pages, ahead = [], ["/", "/domains/", "/nowhere/"]
    while ahead:
        text = client.get(ahead.pop(), follow=True).content.decode()
        pages.append(
            re.sub(r'name="csrfmiddlewaretoken" value="\w+"|"X-CSRFToken": "\w+"', "", text)
        )
        ahead += [
            f"/nowhere/{unescape(link)}" for link in re.findall(r'rel="next" href="(.*?)"', text)
        ]
    return pages


def add_lost(domain: Domain, number: int) -> None:
    for each in range(number):
        add_alias(SYSTEM, domain, AliasLocal(f"lost{each}"), [MailAddress("typo@pandle.net")])
    make_live(domain)


def look_at_the_same_time() -> None:
    finish(look_at_all())
    Survey.objects.update(at=F("read_back"))


@pytest.mark.parametrize("number", [0, 8, 50, 101])
@pytest.mark.parametrize("has_more_domains", [False, True])
def test_nothing_shown_or_counted_tells_what_becomes_of_mail_in_domains_of_others(
    as_colleague: Client,
    host: SyncNode,
    box: Address,
    other_domain: Domain,
    number: int,
    has_more_domains: bool,
) -> None:
    if has_more_domains:
        more = add_domain(SYSTEM, DomainName("more.example"))
        Grant.objects.create(user=User.objects.get(), domain=more)
    secret = add_mailbox(SYSTEM, other_domain, LocalPart("secret"))
    add_alias(SYSTEM, box.domain, AliasLocal("probe"), [MailAddress(str(secret))])
    add_lost(box.domain, number)
    look_at_the_same_time()
    before = all_shown(as_colleague)
    switch_mailbox(SYSTEM, secret, on=False)
    make_live(other_domain)
    look_at_the_same_time()
    assert Nowhere.objects.filter(hidden=True).count() == 1
    assert all_shown(as_colleague) == before


@pytest.mark.parametrize("number", [0, 8, 50])
def test_who_looks_after_both_domains_sees_what_one_of_them_loses_in_the_other(
    as_colleague: Client, host: SyncNode, box: Address, other_domain: Domain, number: int
) -> None:
    add_alias(SYSTEM, other_domain, AliasLocal("sales"), [MailAddress(str(box))])
    switch_mailbox(SYSTEM, box, on=False)
    add_lost(box.domain, number)
    make_live(other_domain)
    finish(look_at_all())
    assert not any("sales" in page for page in all_shown(as_colleague))
    Grant.objects.create(user=User.objects.get(), domain=other_domain)
    assert sum("sales<" in page for page in all_shown(as_colleague)) == (1 if number else 2)
    words = f"Not all mail to {number + 1} addresses arrives" if number else "Not all mail arrives"
    assert words in needs_in(as_colleague)


@pytest.mark.parametrize("mended", [range(50), range(50, 51)], ids=["first page", "last page"])
def test_nobody_is_told_that_nothing_is_lost_while_another_page_has_some(
    as_operator: Client, host: SyncNode, box: Address, mended: range
) -> None:
    for each in range(51):
        there = "gone" if each in mended else "lost"
        add_alias(
            SYSTEM, box.domain, AliasLocal(f"a{each:02}"), [MailAddress(f"{there}@pandle.net")]
        )
    finish(look_at_all())
    add_mailbox(SYSTEM, box.domain, LocalPart("gone"))
    make_live(box.domain)
    first, second = [page for page in all_shown(as_operator) if "<title>Mail that" in page]
    shown = [page.count("data-open") for page in (first, second)]
    assert sorted(shown) == [0, 51 - len(mended)]
    assert "No alias and no forwarding here loses mail." not in first + second
    assert "Those of this page lose no mail any more." in (first, second)[shown.index(0)]


@pytest.mark.parametrize(("rights", "is_offered"), [(["switching"], False), (["addresses"], True)])
def test_who_may_change_no_address_gets_no_button_for_it(
    as_colleague: Client, host: SyncNode, box: Address, rights: list[str], is_offered: bool
) -> None:
    Grant.objects.update(rights=rights)
    lead_astray(box)
    assert ("Change it" in needs_in(as_colleague)) == is_offered


def make_much(count: int) -> None:
    """So many of all that needs a person, each in domains of its own."""
    for number in range(count):
        box, other = (add_box(f"{name}{number}.example") for name in "de")
        for happen in (fail, fail_domain, fill, touch, find):
            happen(box)
        lead_astray(other)
        NameRequest.objects.create(
            name=f"w{number}.example", person=User.objects.get(), token=f"{number}"
        )


@pytest.mark.parametrize("rows", [1, 3])
def test_the_page_asks_the_database_as_often_for_one_row_as_for_three(
    as_operator: Client, django_assert_num_queries: Any, rows: int
) -> None:
    make_much(rows)
    with django_assert_num_queries(37):
        as_operator.get("/")


@pytest.mark.parametrize("rows", [1, 3])
def test_the_page_of_a_person_asks_as_often_for_one_row_as_for_three(
    as_colleague: Client, django_assert_num_queries: Any, rows: int
) -> None:
    Domain.objects.all().delete()
    make_much(rows)
    person = User.objects.get()
    Grant.objects.bulk_create(Grant(user=person, domain=each) for each in Domain.objects.all())
    with django_assert_num_queries(39):
        as_colleague.get("/")


def test_usage_of_what_was_removed_needs_nobody(
    as_operator: Client, host: SyncNode, box: Address
) -> None:
    fill(box)
    Address.objects.filter(pk=box.pk).update(removed=True)
    assert Usage.objects.exists()
    assert WELL in needs_in(as_operator)
    assert rail(as_operator, "today") == 0


@pytest.mark.parametrize("spoil", [fail, touch])
def test_it_says_that_all_is_live_only_where_nothing_failed_or_was_changed_by_hand(
    as_operator, host, box, spoil
) -> None:
    assert "all live" in body(as_operator)
    spoil(box)
    assert "all live" not in body(as_operator)


def test_whoever_is_no_operator_is_told_that_the_service_does_not_run(
    as_colleague, host, box
) -> None:
    fail(box)
    assert "the sync service is not running" not in body(as_colleague)
    stop_service(box)
    assert "the sync service is not running" in body(as_colleague)
