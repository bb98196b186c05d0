"""The mailboxes of a domain and the page of one, as a browser sees them."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from qmailpanel.accounts.models import User
from qmailpanel.aliases.services import add_alias
from qmailpanel.domains.access.rights import Right, in_order
from qmailpanel.domains.models import Address, Domain, Grant
from qmailpanel.ledger.actors import SYSTEM
from qmailpanel.ledger.models import Change
from qmailpanel.mailboxes.delivery.forwarding import change_forwarding
from qmailpanel.mailboxes.models import Mailbox
from qmailpanel.mailboxes.opening.suggest import suggest_password
from qmailpanel.mailboxes.removal.services import remove_mailbox
from qmailpanel.mailboxes.services import add_mailbox, change_mailbox
from qmailpanel.qmail.names import AliasLocal, LocalPart, MailAddress
from qmailpanel.qmail.secrets.passwords import verify_password, weakness
from tests.kit.live import make_live

LIST = "/domains/pandle.net/mailboxes/"
GOOD = "kitten-orbit-parsley-9"


@pytest.fixture
def biliards(domain: Domain) -> Address:
    return add_mailbox(SYSTEM, domain, LocalPart("biliards"))


def ask(target: str) -> dict[str, Any]:
    """As htmx asks when the answer goes to that part of the page."""
    return {"headers": {"HX-Request": "true", "HX-Target": target}}


def row_of(local: str) -> str:
    """How the row of a list begins."""
    return f'/">{local}<span class="at">'


def body(response: Any) -> str:
    text: str = response.content.decode()
    return text


def add(client: Client, local: str, password: str = "", **more: Any) -> Any:
    return client.post(LIST, {"local": local, "password": password}, **more)


def test_a_new_mailbox_leads_back_to_the_list_with_its_row_on_top(
    as_colleague: Client, domain: Domain
) -> None:
    add_mailbox(SYSTEM, domain, LocalPart("aaron"))
    answer = add(as_colleague, "biliards")
    assert answer.status_code == 303
    page = body(as_colleague.get(answer.headers["Location"]))
    assert page.index(row_of("biliards")) < page.index(row_of("aaron"))
    assert page.count(row_of("biliards")) == 1


def test_with_htmx_a_new_mailbox_is_a_pending_row_and_an_empty_form(
    as_colleague: Client, domain: Domain
) -> None:
    page = body(add(as_colleague, "biliards", **ask("add")))
    assert "<html" not in page
    assert '<tbody hx-swap-oob="afterbegin:#rows"><tr id="row-a' in page
    assert "Pending" in page
    assert "load delay:100ms" in page
    assert 'value="biliards"' not in page
    assert "autofocus" in page


def test_what_was_typed_is_kept_beside_the_error(as_colleague: Client, domain: Domain) -> None:
    answer = add(as_colleague, "Biliards!", GOOD, **ask("add"))
    assert answer.status_code == 422
    page = body(answer)
    assert 'value="Biliards!"' in page
    assert f'value="{GOOD}"' in page
    assert 'aria-describedby="id_local_error"' in page
    assert 'id="id_local_error"' in page
    assert "! cannot be used" in page
    assert not Mailbox.objects.exists()


def test_an_address_that_is_an_alias_already_is_told_at_the_field(
    as_colleague: Client, domain: Domain
) -> None:
    answer = add(as_colleague, "postmaster")
    assert answer.status_code == 422
    assert "postmaster@pandle.net is an alias that every domain keeps." in body(answer)
    assert "<html" in body(answer)


def test_a_password_is_stored_hashed_and_stands_in_no_ledger(
    as_colleague: Client, domain: Domain
) -> None:
    add(as_colleague, "biliards", GOOD)
    assert verify_password(GOOD, Mailbox.objects.get().password)
    assert GOOD not in str(list(Change.objects.values()))


def test_an_easy_password_is_refused_with_a_sentence(as_colleague: Client, domain: Domain) -> None:
    answer = add(as_colleague, "biliards", "biliards1")
    assert answer.status_code == 422
    assert "let the panel suggest one" in body(answer)


def test_a_suggested_password_is_hard_to_guess_and_saves_nothing(
    as_colleague: Client, domain: Domain
) -> None:
    answer = as_colleague.post(LIST, {"local": "biliards", "suggest": "1"}, **ask("add"))
    assert answer.status_code == 200
    assert "Copy it now" in body(answer)
    assert 'value="biliards"' in body(answer)
    assert not Mailbox.objects.exists()
    assert weakness(suggest_password()) is None


def test_the_search_takes_the_beginning_of_the_name_or_the_whole_address(
    as_colleague: Client, biliards: Address, domain: Domain
) -> None:
    add_mailbox(SYSTEM, domain, LocalPart("yves"))
    for q in ("bil", "BIL", "biliards@pandle.net"):
        page = body(as_colleague.get(LIST, {"q": q}, **ask("list")))
        assert row_of("biliards") in page
        assert row_of("yves") not in page
    assert "Nothing begins with" in body(as_colleague.get(LIST, {"q": "<b>"}))
    assert "<b>" not in body(as_colleague.get(LIST, {"q": "<b>"}))


def test_the_list_goes_on_behind_fifty(as_colleague: Client, domain: Domain) -> None:
    for number in range(51):
        add_mailbox(SYSTEM, domain, LocalPart(f"m{number:02}"))
    first = body(as_colleague.get(LIST))
    assert row_of("m49") in first
    assert row_of("m50") not in first
    assert 'rel="next" href="?page=2"' in first
    second = body(as_colleague.get(LIST, {"page": "2"}))
    assert row_of("m50") in second
    assert row_of("m49") not in second
    assert 'rel="prev" href="?page=1"' in second


@pytest.mark.parametrize("top", ["x", "²", "-1", "99999999999999999999", "7"])
def test_any_row_may_be_asked_to_stand_on_top(
    as_colleague: Client, biliards: Address, top: str
) -> None:
    assert as_colleague.get(LIST, {"top": top, "after": "x", "before": "y"}).status_code == 200


def test_removing_asks_in_the_row_and_undo_stands_there_after(
    as_colleague: Client, biliards: Address
) -> None:
    target = f"row-a{biliards.pk}"
    asked = body(as_colleague.get(f"{LIST}{biliards.pk}/remove/", **ask(target)))
    assert asked.strip().startswith(f'<tr id="{target}" class="asking">')
    assert "Stop delivery to" in asked
    kept = body(as_colleague.get(f"{LIST}{biliards.pk}/row/", **ask(target)))
    assert f'<tr id="{target}"' in kept
    gone = body(as_colleague.post(f"{LIST}{biliards.pk}/remove/", **ask(target)))
    assert "Undo" in gone
    assert "Pending" in gone
    biliards.refresh_from_db()
    assert biliards.removed
    back = body(as_colleague.post(f"{LIST}{biliards.pk}/restore/", **ask(target)))
    assert "Undo" not in back
    biliards.refresh_from_db()
    assert not biliards.removed


def test_removing_works_without_javascript(as_colleague: Client, biliards: Address) -> None:
    page = body(as_colleague.get(f"{LIST}{biliards.pk}/remove/"))
    assert "<html" in page
    assert "Stop delivery to" in page
    answer = as_colleague.post(f"{LIST}{biliards.pk}/remove/")
    assert answer.status_code == 303
    assert "Undo" in body(as_colleague.get(answer.headers["Location"]))


def test_a_mailbox_that_others_deliver_to_names_them_and_asks(
    as_colleague: Client, domain: Domain, biliards: Address
) -> None:
    add_alias(SYSTEM, domain, AliasLocal("bilardi"), [MailAddress("biliards@pandle.net")])
    address = f"{LIST}{biliards.pk}/remove/"
    assert "bilardi@pandle.net" in body(as_colleague.get(address))
    assert as_colleague.post(address).status_code == 422
    biliards.refresh_from_db()
    assert not biliards.removed
    assert as_colleague.post(address, {"despite": "1"}).status_code == 303


def test_undo_says_so_when_somebody_else_has_the_name(
    as_colleague: Client, domain: Domain, biliards: Address
) -> None:
    remove_mailbox(SYSTEM, biliards)
    make_live(domain)
    add_mailbox(SYSTEM, domain, LocalPart("biliards"))
    target = f"row-a{biliards.pk}"
    for more in ({}, ask(target)):
        answer = as_colleague.post(f"{LIST}{biliards.pk}/restore/", **more)
        assert answer.status_code == 422
        assert "biliards@pandle.net is a mailbox already" in body(answer)


def test_the_page_of_a_mailbox_draws_the_path_of_its_mail(
    as_operator: Client, domain: Domain, biliards: Address
) -> None:
    page = body(as_operator.get(f"{LIST}{biliards.pk}/"))
    assert "<title>biliards@pandle.net · qmailpanel</title>" in page
    for stop in ("pandle.net", f"{domain.prepend}-biliards", "biliards/Maildir/"):
        assert f"<code>{stop}</code>" in page


def test_comment_and_refusal_are_changed_each_on_its_page(
    as_colleague: Client, biliards: Address
) -> None:
    page = f"{LIST}{biliards.pk}/"
    assert as_colleague.post(page, {"comment": "Second floor"})["Location"] == page
    answer = as_colleague.post(f"{page}more/", {"refusal": "On leave."})
    assert answer["Location"] == f"{page}more/"
    biliards.refresh_from_db()
    assert (biliards.comment, biliards.refusal) == ("Second floor", "On leave.")


@pytest.mark.parametrize(("field", "tab"), [("comment", ""), ("refusal", "more/")])
def test_a_remark_of_two_lines_is_told_at_its_field(
    as_colleague: Client, biliards: Address, field: str, tab: str
) -> None:
    answer = as_colleague.post(f"{LIST}{biliards.pk}/{tab}", {field: "one\ntwo"})
    assert answer.status_code == 422
    assert f'id="id_{field}_error"' in body(answer)


def test_a_password_is_set_and_an_empty_one_refused(
    as_colleague: Client, biliards: Address
) -> None:
    address = f"{LIST}{biliards.pk}/password/"
    empty = as_colleague.post(address, {"password": ""})
    assert empty.status_code == 422
    assert 'id="id_password_error"' in body(empty)
    assert as_colleague.post(address, {"password": GOOD}).status_code == 303
    assert verify_password(GOOD, Mailbox.objects.get().password)
    assert "Copy it now" in body(as_colleague.post(address, {"suggest": "1"}))


def test_off_and_on_again(as_colleague: Client, biliards: Address) -> None:
    as_colleague.post(f"{LIST}{biliards.pk}/switch/", {"on": "0"})
    assert "switched off" in body(as_colleague.get(f"{LIST}{biliards.pk}/"))
    as_colleague.post(f"{LIST}{biliards.pk}/switch/", {"on": "1"})
    biliards.refresh_from_db()
    assert biliards.enabled


def test_a_removed_mailbox_is_not_switched(as_colleague: Client, biliards: Address) -> None:
    remove_mailbox(SYSTEM, biliards)
    answer = as_colleague.post(f"{LIST}{biliards.pk}/switch/", {"on": "0"})
    assert answer.status_code == 422
    assert "Restore it first" in body(answer)


@pytest.mark.parametrize("verb", ["", "password/", "switch/", "remove/", "restore/", "row/"])
def test_somebody_elses_mailbox_does_not_exist(
    as_stranger: Client, biliards: Address, verb: str
) -> None:
    address = f"{LIST}{biliards.pk}/{verb}"
    statuses = {as_stranger.get(address).status_code, as_stranger.post(address).status_code}
    assert statuses <= {404, 405}
    own = address.replace("pandle.net", "stranger.example")
    assert as_stranger.post(own).status_code in {404, 405}


def test_an_alias_is_not_a_mailbox(as_operator: Client, domain: Domain) -> None:
    postmaster = Address.objects.get(local="postmaster")
    assert as_operator.get(f"{LIST}{postmaster.pk}/").status_code == 404


@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize("on_top", [False, True], ids=["list", "row on top"])
def test_the_list_asks_the_database_as_often_for_one_row_as_for_three(
    as_colleague: Client,
    domain: Domain,
    django_assert_num_queries: Any,
    rows: int,
    on_top: bool,
) -> None:
    added = [add_mailbox(SYSTEM, domain, LocalPart(f"m{number}")) for number in range(rows)]
    make_live(domain)
    query = {"top": str(added[0].pk)} if on_top else {}
    with django_assert_num_queries(9):
        as_colleague.get(LIST, query)
    away = MailAddress("away@example.org")
    change_forwarding(SYSTEM, added[0], destinations=[away], keeps=True)
    page = as_colleague.get(LIST, query).content.decode()
    assert 'away@example.org</span><span class="note">a copy stays</span>' in page


def test_the_list_reads_the_destinations_of_its_own_rows_alone(
    as_colleague: Client, domain: Domain
) -> None:
    add_mailbox(SYSTEM, domain, LocalPart("ann"))
    with CaptureQueriesContext(connection) as queries:
        as_colleague.get(LIST)
    asked = [query["sql"] for query in queries if "domains_destination" in query["sql"]]
    assert [sql for sql in asked if "EXISTS" in sql] == []


def test_the_pages_of_a_mailbox_stay_within_a_few_queries(
    as_colleague: Client, biliards: Address, django_assert_max_num_queries: Any
) -> None:
    most = {"": 30, "access/": 14, "mail/": 26, "quota/": 14, "more/": 11, "remove/": 14}
    for tab, queries in most.items():
        with django_assert_max_num_queries(queries):
            as_colleague.get(f"{LIST}{biliards.pk}/{tab}")


TABS = {"Overview": "", "Access": "access/", "Delivery": "mail/", "Quota": "quota/"}
TABS["More"] = "more/"


def tabs_of(page: str) -> list[str]:
    nav = page.partition('<nav class="tabs"')[2].partition("</nav>")[0]
    return re.findall(r">(\w+)</a>", nav)


def person_with(domain: Domain, *rights: Right) -> Client:
    person = User.objects.create(email="help@example.org", password="argon2$nobody")
    Grant.objects.create(user=person, domain=domain, rights=in_order(rights))
    client = Client()
    client.force_login(person)
    return client


@pytest.mark.parametrize(("name", "tab"), TABS.items())
def test_each_tab_has_an_address_of_its_own_and_names_the_others(
    as_colleague: Client, biliards: Address, name: str, tab: str
) -> None:
    here = f"{LIST}{biliards.pk}/{tab}"
    page = body(as_colleague.get(here))
    assert tabs_of(page) == list(TABS)
    assert f'href="{here}" aria-current="page">{name}<' in page


@pytest.mark.parametrize(
    ("rights", "names"),
    [
        ([], []),
        ([Right.PASSWORDS], ["Overview", "Access"]),
        ([Right.PASSWORDS, Right.SWITCHING], ["Overview", "Access", "More"]),
        ([Right.ADDRESSES], ["Overview", "Delivery", "More"]),
        ([Right.QUOTAS], ["Overview", "Quota"]),
    ],
)
def test_only_tabs_exist_in_which_the_person_may_change_something(
    domain: Domain, biliards: Address, rights: list[Right], names: list[str]
) -> None:
    page = body(person_with(domain, *rights).get(f"{LIST}{biliards.pk}/"))
    assert tabs_of(page) == names


def test_who_may_not_change_something_reads_it_and_finds_no_field_for_it(
    domain: Domain, biliards: Address
) -> None:
    change_mailbox(SYSTEM, biliards, comment="Second floor", refusal="On leave.")
    client, here = person_with(domain, Right.PASSWORDS), f"{LIST}{biliards.pk}/"
    overview, access, more = (body(client.get(here + tab)) for tab in ("", "access/", "more/"))
    assert "Second floor" in overview
    assert "not counted yet" in overview.lower()
    assert "POP3: mail programs fetch it: yes" in access
    assert "On leave." in more
    for page in (overview, access, more):
        assert not re.search(r'id="(id_comment|id_refusal|opens_imap|id_quota)"', page)
    for forms in ("Switch off", "Rename", "Remove mailbox"):
        assert forms not in more


@pytest.mark.parametrize(
    ("post", "typed", "tab"),
    [
        ("", {"comment": "one\ntwo"}, "Overview"),
        ("password/", {"password": ""}, "Access"),
        ("quota/", {"quota": "much"}, "Quota"),
        ("more/", {"refusal": "one\ntwo"}, "More"),
        ("rename/", {"local": "a b"}, "More"),
        ("app-passwords/", {"name": ""}, "Access"),
    ],
)
def test_a_form_that_is_not_good_is_answered_with_its_own_tab(
    as_colleague: Client, biliards: Address, post: str, typed: dict[str, str], tab: str
) -> None:
    answer = as_colleague.post(f"{LIST}{biliards.pk}/{post}", typed)
    assert answer.status_code == 422
    page = body(answer)
    assert f'aria-current="page">{tab}</a>' in page
    assert re.search(r'id="\w+_error"', page)


@pytest.mark.parametrize(
    ("post", "typed", "tab"),
    [
        ("password/", {"password": GOOD}, "access/"),
        ("opens/", {"imap": "on", "panel": "on"}, "access/"),
        ("quota/", {"quota": "1 GB"}, "quota/"),
        ("switch/", {"on": "0"}, "more/"),
        ("switch/", {"hold": "1"}, "more/"),
        ("rename/", {"local": "bob"}, ""),
    ],
)
def test_what_is_saved_leads_to_its_own_tab_which_says_so(
    as_colleague: Client, biliards: Address, post: str, typed: dict[str, str], tab: str
) -> None:
    here = f"{LIST}{biliards.pk}/"
    answer = as_colleague.post(f"{here}{post}", typed)
    assert answer["Location"] == f"{here}{tab}"
    assert 'class="said"' in body(as_colleague.get(f"{here}{tab}"))


@pytest.mark.parametrize("tab", TABS.values())
def test_of_a_removed_mailbox_each_address_shows_how_to_bring_it_back(
    as_colleague: Client, biliards: Address, tab: str
) -> None:
    remove_mailbox(SYSTEM, biliards)
    page = body(as_colleague.get(f"{LIST}{biliards.pk}/{tab}"))
    assert tabs_of(page) == []
    assert "Undo removal" in page
    assert "Set password" not in page
