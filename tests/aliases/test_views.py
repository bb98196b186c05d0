"""The aliases of a domain and the page of one, as a browser sees them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.conf import settings
from django.test import Client
from django.utils import timezone

from qmailpanel.accounts.models import User
from qmailpanel.aliases.services import add_alias, remove_alias
from qmailpanel.domains.access.limits import change_limits
from qmailpanel.domains.models import Address, Domain, Kind
from qmailpanel.ledger.actors import SYSTEM
from qmailpanel.mailboxes.services import add_mailbox
from qmailpanel.qmail.names import AliasLocal, LocalPart, MailAddress
from qmailpanel.reports.models import SyncPosition, SyncProblem

LIST = "/domains/pandle.net/aliases/"


@pytest.fixture
def sales(domain: Domain) -> Address:
    targets = [MailAddress("one@example.org"), MailAddress("two@example.org")]
    return add_alias(SYSTEM, domain, AliasLocal("sales"), targets)


def ask(target: str) -> dict[str, Any]:
    """As htmx asks when the answer goes to that part of the page."""
    return {"headers": {"HX-Request": "true", "HX-Target": target}}


def body(response: Any) -> str:
    text: str = response.content.decode()
    return text


def test_whatever_a_row_shows_is_text_and_never_markup(
    as_colleague: Client, domain: Domain
) -> None:
    wild = "<i>\"'&"
    for removed in (False, True):
        row = Address.objects.create(
            domain=domain,
            local=f"{wild}{removed}",
            kind=Kind.ALIAS,
            comment=f"{wild}comment",
            enabled=False,
            removed=removed,
            change_id=domain.change_id,
        )
        row.destinations.create(target=f"{wild}@example.org")
    node = settings.QMAILPANEL_NODE
    SyncPosition.objects.create(node=node, domain=domain.pk, tried=99, applied=99)
    SyncProblem.objects.create(
        node=node, domain=domain.pk, address=row.pk, text=f"{wild}why", since=timezone.now()
    )
    page = body(as_colleague.get(LIST))
    assert "<i>" not in page
    for text in ("True", "False", "comment", "@example.org", "why"):
        assert f"&lt;i&gt;&quot;&#x27;&amp;{text}" in page


def add(client: Client, local: str, destinations: str, **more: Any) -> Any:
    return client.post(LIST, {"local": local, "destinations": destinations}, **more)


def targets(local: str) -> list[str]:
    address = Address.objects.get(local=local)
    return [there.target for there in address.destinations.all()]


def test_an_alias_takes_one_address_or_many_and_bare_names_are_of_its_domain(
    as_colleague: Client, domain: Domain
) -> None:
    answer = add(as_colleague, "sales", "biliards, me@example.org\nyou@example.org")
    assert answer.status_code == 303
    assert targets("sales") == ["biliards@pandle.net", "me@example.org", "you@example.org"]
    page = body(as_colleague.get(answer.headers["Location"]))
    assert page.index("biliards@pandle.net, me@example.org") < page.index("postmaster")


def test_with_htmx_a_new_alias_is_a_pending_row_and_an_empty_form(
    as_colleague: Client, domain: Domain
) -> None:
    page = body(add(as_colleague, "sales", "me@example.org", **ask("add")))
    assert "<html" not in page
    assert '<tbody hx-swap-oob="afterbegin:#rows"><tr id="row-a' in page
    assert "Pending" in page


@pytest.mark.parametrize(
    ("local", "destinations", "place"),
    [
        ("default", "me@example.org", "id_local_error"),
        ("list-owner", "me@example.org", "id_local_error"),
        ("", "me@example.org", "id_local_error"),
        ("sales", "", "id_destinations_error"),
        ("sales", "|/bin/sh", "id_destinations_error"),
        ("sales", "&me@example.org", "id_destinations_error"),
        ("sales", "./Maildir/", "id_destinations_error"),
        ("sales", "-f@example.org", "id_destinations_error"),
        ("sales", "sales@pandle.net", "id_destinations_error"),
        ("sales", "me@example.org\x00", "id_destinations_error"),
    ],
)
@pytest.mark.parametrize("more", [{}, ask("add")], ids=["page", "fragment"])
def test_what_is_wrong_is_told_at_its_field(
    as_colleague: Client,
    domain: Domain,
    local: str,
    destinations: str,
    place: str,
    more: dict[str, Any],
) -> None:
    answer = add(as_colleague, local, destinations, **more)
    assert answer.status_code == 422
    assert f'id="{place}"' in body(answer)
    assert not Address.objects.filter(local="sales").exists()


def test_destinations_are_changed_one_a_line(as_colleague: Client, sales: Address) -> None:
    address = f"{LIST}{sales.pk}/"
    assert "one@example.org\ntwo@example.org</textarea>" in body(as_colleague.get(address))
    data = {"destinations": "three@example.org\nbiliards", "comment": "Orders"}
    assert as_colleague.post(address, data).status_code == 303
    assert targets("sales") == ["three@example.org", "biliards@pandle.net"]
    answer = as_colleague.post(address, {"destinations": "nonsense@", "comment": ""})
    assert answer.status_code == 422
    assert "nonsense@" in body(answer)


def test_the_path_ends_in_the_maildir_of_the_one_mailbox_it_names(
    as_operator: Client, domain: Domain
) -> None:
    add_mailbox(SYSTEM, domain, LocalPart("biliards"))
    there = [MailAddress("biliards@pandle.net")]
    alias = add_alias(SYSTEM, domain, AliasLocal("bilardi"), there)
    page = body(as_operator.get(f"{LIST}{alias.pk}/"))
    assert "<code>biliards/Maildir/</code>" in page
    assert f"<code>{domain.prepend}-bilardi</code>" in page


def test_the_path_of_a_large_alias_draws_the_first_five(
    as_colleague: Client, domain: Domain
) -> None:
    many = [MailAddress(f"n{number}@example.org") for number in range(8)]
    alias = add_alias(SYSTEM, domain, AliasLocal("all"), many)
    page = body(as_colleague.get(f"{LIST}{alias.pk}/"))
    assert "and 3 more" in page
    assert "<code>n5@example.org</code>" not in page


def test_postmaster_and_abuse_offer_no_removal(as_colleague: Client, domain: Domain) -> None:
    page = body(as_colleague.get(LIST))
    assert "postmaster" in page
    assert "/remove/" not in page
    postmaster = Address.objects.get(local="postmaster")
    answer = as_colleague.post(f"{LIST}{postmaster.pk}/remove/")
    assert answer.status_code == 422
    assert "postmaster@pandle.net stays" in body(answer)


def test_a_limit_of_destinations_is_told_where_there_is_one(
    as_colleague: Client, domain: Domain, sales: Address
) -> None:
    page = f"{LIST}{sales.pk}/"
    assert "at most" not in body(as_colleague.get(page))
    change_limits(SYSTEM, domain, destinations=7)
    assert "2 of at most 7 addresses" in body(as_colleague.get(page))


def test_postmaster_takes_mail_always(as_colleague: Client, domain: Domain) -> None:
    postmaster = Address.objects.get(local="postmaster")
    page = f"{LIST}{postmaster.pk}/"
    assert "Switch off" not in body(as_colleague.get(page))
    answer = as_colleague.post(f"{page}switch/", {"on": "0"})
    assert "postmaster@pandle.net stays" in body(answer)
    postmaster.refresh_from_db()
    assert postmaster.enabled


def test_a_mailbox_for_postmaster_is_told_the_way_there_is(
    as_colleague: Client, domain: Domain
) -> None:
    add = {"local": "postmaster"}
    answer = as_colleague.post("/domains/pandle.net/mailboxes/", add)
    assert "an alias that every domain keeps. Change where it delivers" in body(answer)


def test_removing_asks_in_the_row_and_undo_stands_there_after(
    as_colleague: Client, sales: Address
) -> None:
    target = f"row-a{sales.pk}"
    assert "asking" in body(as_colleague.get(f"{LIST}{sales.pk}/remove/", **ask(target)))
    assert "Undo" in body(as_colleague.post(f"{LIST}{sales.pk}/remove/", **ask(target)))
    sales.refresh_from_db()
    assert sales.removed
    as_colleague.post(f"{LIST}{sales.pk}/restore/", **ask(target))
    sales.refresh_from_db()
    assert not sales.removed


def test_removing_works_without_javascript(as_colleague: Client, sales: Address) -> None:
    assert "Stop mail to" in body(as_colleague.get(f"{LIST}{sales.pk}/remove/"))
    answer = as_colleague.post(f"{LIST}{sales.pk}/remove/")
    assert answer.status_code == 303
    assert "Undo" in body(as_colleague.get(answer.headers["Location"]))


def test_off_and_on_again(as_colleague: Client, sales: Address) -> None:
    as_colleague.post(f"{LIST}{sales.pk}/switch/", {"on": "0"})
    assert "switched off" in body(as_colleague.get(f"{LIST}{sales.pk}/"))
    as_colleague.post(f"{LIST}{sales.pk}/switch/", {"on": "1"})
    sales.refresh_from_db()
    assert sales.enabled


@pytest.mark.parametrize("verb", ["", "switch/", "remove/", "restore/", "row/"])
def test_somebody_elses_alias_does_not_exist(
    as_stranger: Client, sales: Address, verb: str
) -> None:
    address = f"{LIST}{sales.pk}/{verb}"
    statuses = {as_stranger.get(address).status_code, as_stranger.post(address).status_code}
    assert statuses <= {404, 405}


@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize("on_top", [False, True], ids=["list", "row on top"])
def test_the_list_asks_the_database_as_often_for_one_row_as_for_three(
    as_colleague: Client,
    domain: Domain,
    django_assert_num_queries: Any,
    rows: int,
    on_top: bool,
) -> None:
    there = [MailAddress("one@example.org"), MailAddress("two@example.org")]
    added = [add_alias(SYSTEM, domain, AliasLocal(f"m{number}"), there) for number in range(rows)]
    top = {"top": str(added[0].pk)} if on_top else {}
    with django_assert_num_queries(11):
        as_colleague.get(LIST, top)


def test_thousands_of_addresses_are_counted_before_any_is_read(as_operator, domain):
    typed = " ".join(f"a@ü{n}.de" for n in range(9_000)) + " no@address@"
    sent = {"local": "all", "destinations": typed}
    answer = as_operator.post("/domains/pandle.net/aliases/", sent)
    assert answer.status_code == 422
    assert "Enter at most 1000 addresses." in answer.content.decode()


@pytest.mark.parametrize(("days", "is_listed"), [(1, True), (3, False)])
def test_a_removed_alias_leaves_the_list_when_a_mailbox_would_be_purged(
    operator: User, sign_in: Any, sales: Address, settings: Any, days: int, is_listed: bool
) -> None:
    settings.QMAILPANEL_RETENTION_DAYS = 2
    remove_alias(SYSTEM, sales)
    with time_machine.travel(timezone.now() + timedelta(days=days)):
        as_operator = sign_in(operator)
        assert (f"row-a{sales.pk}" in body(as_operator.get(LIST))) is is_listed
