"""The domain list, the settings of a domain, and the pulse, as a browser sees them."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone

from qmailpanel.accounts.models import User
from qmailpanel.domains.models import Domain, Grant, Unknown
from qmailpanel.domains.services import add_domain, change_domain, remove_domain, switch_domain
from qmailpanel.ledger.actors import SYSTEM
from qmailpanel.mailboxes.services import add_mailbox
from qmailpanel.qmail.names import DomainName, LocalPart
from qmailpanel.reports.models import Nowhere, SyncNode
from tests.kit.live import make_live, write_position, write_problem

HTMX = {"HX-Request": "true"}
LIST = "/domains/"
UNKNOWN = "/domains/pandle.net/settings/unknown/"


def ask(target: str) -> dict[str, Any]:
    """As htmx asks when the answer goes to that part of the page."""
    return {"headers": {**HTMX, "HX-Target": target}}


def add(client: Client, name: str, **more: Any) -> Any:
    return client.post("/domains/add/", {"name": name, "contact": "me@example.org"}, **more)


def body(response: Any) -> str:
    text: str = response.content.decode()
    return text


def test_a_new_domain_leads_back_to_the_list_with_its_row_on_top(
    as_operator: Client, domain: Domain
) -> None:
    answer = add(as_operator, "Zoo.Example")
    assert answer.status_code == 303
    page = body(as_operator.get(answer.headers["Location"]))
    assert page.index("zoo.example") < page.index("pandle.net")


def test_with_htmx_a_new_domain_is_a_row_and_an_empty_form(as_operator: Client) -> None:
    answer = add(as_operator, "zoo.example", **ask("add"))
    assert answer.status_code == 200
    page = body(answer)
    assert "<html" not in page
    assert '<tbody hx-swap-oob="afterbegin:#rows">' in page
    assert 'value="zoo.example"' not in page
    assert "Pending" in page


@pytest.mark.parametrize("more", [{}, ask("add")], ids=["page", "fragment"])
def test_a_bad_name_is_told_at_its_field_and_kept(as_operator: Client, more: Any) -> None:
    answer = add(as_operator, "pandle", **more)
    assert answer.status_code == 422
    page = body(answer)
    assert 'value="pandle"' in page
    assert 'id="id_name_error"' in page
    assert "pandle is only one word" in page
    assert ("<html" in page) is (not more)


@pytest.mark.parametrize("more", [{}, ask("add")], ids=["page", "fragment"])
@pytest.mark.parametrize("contact", ["me@köln.example", "Abuse@xn--kln-sna.example"])
def test_a_contact_without_a_mailbox_is_asked_about(
    as_operator: Client, contact: str, more: Any
) -> None:
    box, data = 'name="later"', {"name": "köln.example", "contact": contact}
    assert box not in body(as_operator.get(LIST))
    answer = as_operator.post("/domains/add/", data, **more)
    assert answer.status_code == 422
    assert "has no mailbox yet, and until then mail to it bounces." in body(answer)
    assert box in body(answer)
    assert not Domain.objects.exists()
    assert as_operator.post("/domains/add/", {**data, "later": "on"}, **more).status_code < 400
    assert Domain.objects.get().addresses.filter(local="postmaster").exists()


def test_a_name_that_is_taken_is_told_at_its_field(as_operator: Client, domain: Domain) -> None:
    page = body(add(as_operator, "pandle.net"))
    assert 'id="id_name_error"' in page
    assert "pandle.net is a domain here already" in page


def test_a_domain_admin_can_add_remove_and_switch_nothing(
    as_colleague: Client, domain: Domain
) -> None:
    assert add(as_colleague, "mine.example").status_code == 404
    for verb in ("switch", "remove", "restore"):
        assert as_colleague.post(f"/domains/pandle.net/{verb}/").status_code == 404
    domain.refresh_from_db()
    assert domain.enabled
    assert not domain.removed


def test_somebody_elses_domain_does_not_exist(as_stranger: Client, domain: Domain) -> None:
    for tab in ("", "mailboxes/", "aliases/", "settings/", "activity/"):
        answer = as_stranger.get(f"/domains/pandle.net/{tab}", follow=True)
        assert answer.status_code == 404


def test_the_list_shows_only_domains_the_person_looks_after(
    as_colleague: Client, domain: Domain, other_domain: Domain
) -> None:
    page = body(as_colleague.get(LIST))
    assert "pandle.net" in page
    assert "stranger.example" not in page


def test_the_search_finds_by_the_beginning_and_lives_in_the_address(
    as_operator: Client, domain: Domain, other_domain: Domain
) -> None:
    page = body(as_operator.get(LIST, {"q": "pan"}))
    assert "/domains/pandle.net/" in page
    assert "/domains/stranger.example/" not in page
    part = body(as_operator.get(LIST, {"q": "pan"}, **ask("list")))
    assert part.lstrip().startswith('<div id="list"')


@pytest.mark.parametrize(
    "typed",
    [
        *("m", "mün", "MÜNCHEN", "mu\N{COMBINING DIAERESIS}nchen", "münchen.example", "xn--mn"),
        *("post.mün", "post.münchen.exa", "anna@münchen.example", "anna@post"),
    ],
)
def test_the_search_takes_a_name_as_the_page_shows_it(as_operator: Client, typed: str) -> None:
    for name in ["münchen.example", "post.münchen.example", "köln.example"]:
        add(as_operator, name)
    page = body(as_operator.get(LIST, {"q": typed}))
    is_below = "post" in typed
    assert ("/domains/post.xn--mnchen-3ya.example/" in page) == is_below
    assert ("/domains/xn--mnchen-3ya.example/" in page) != is_below
    assert "/domains/xn--kln-sna.example/" not in page


def test_a_domain_goes_when_its_name_is_typed_as_the_page_shows_it(as_operator: Client) -> None:
    add(as_operator, "köln.example")
    koeln = Domain.objects.get(name="xn--kln-sna.example")
    add_mailbox(SYSTEM, koeln, LocalPart("anna"))
    address = f"/domains/{koeln.name}/remove/"
    assert as_operator.post(address, {"typed": "Köln.example"}).status_code == 303
    koeln.refresh_from_db()
    assert koeln.removed


def test_a_name_with_umlauts_is_shown_as_people_write_it(as_operator: Client) -> None:
    add(as_operator, "köln.example")
    page = body(as_operator.get("/domains/xn--kln-sna.example/mailboxes/"))
    assert "<h1>köln.example</h1>" in page
    assert "xn--kln-sna.example</p>" in page


def test_the_settings_say_that_a_bounce_answers_forged_senders(
    as_operator: Client, domain: Domain
) -> None:
    page = body(as_operator.get(UNKNOWN))
    assert "forged" in page
    assert "rcpthosts" in page


def change(client: Client, **fields: str) -> Any:
    return client.post(UNKNOWN, {"unknown": "bounce", **fields})


def test_unknown_recipients_can_be_forwarded(as_colleague: Client, domain: Domain) -> None:
    answer = change(as_colleague, unknown="forward", forward="me@example.org", mailbox="|/bin/sh")
    assert answer.status_code == 303
    domain.refresh_from_db()
    assert (domain.unknown, domain.unknown_target) == (Unknown.FORWARD, "me@example.org")


def test_unknown_recipients_can_be_delivered_to_a_mailbox(
    as_colleague: Client, domain: Domain
) -> None:
    add_mailbox(SYSTEM, domain, LocalPart("biliards"))
    assert change(as_colleague, unknown="mailbox", mailbox="biliards").status_code == 303
    domain.refresh_from_db()
    assert domain.unknown_target == "biliards@pandle.net"


def test_refusing_at_the_door_is_a_choice_only_where_the_host_can(
    as_colleague: Client, domain: Domain
) -> None:
    assert "Refuse at the door" not in body(as_colleague.get(UNKNOWN))
    SyncNode.objects.create(node="main", knows_recipients=True)
    assert "Refuse at the door" in body(as_colleague.get(UNKNOWN))
    assert change(as_colleague, unknown="refuse").status_code == 303
    page = body(as_colleague.get(UNKNOWN))
    assert "not a known recipient" in page


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({"unknown": "refuse"}, "id_unknown_error"),
        ({"unknown": "forward", "forward": "|/bin/sh"}, "id_forward_error"),
        ({"unknown": "forward", "forward": ""}, "id_forward_error"),
        ({"unknown": "mailbox", "mailbox": "nobody"}, "id_mailbox_error"),
        ({"unknown": "bounce", "unknown_text": "one\ntwo"}, "id_unknown_text_error"),
        ({"unknown": "nothing"}, "id_unknown_error"),
    ],
)
def test_what_is_wrong_in_the_settings_is_told_at_its_field(
    as_colleague: Client, domain: Domain, fields: dict[str, str], place: str
) -> None:
    before = domain.change_id
    answer = change(as_colleague, **fields)
    assert answer.status_code == 422
    assert f'id="{place}"' in body(answer)
    domain.refresh_from_db()
    assert domain.change_id == before


def test_a_description_of_two_lines_is_told_at_its_field(
    as_colleague: Client, domain: Domain
) -> None:
    answer = as_colleague.post("/domains/pandle.net/settings/", {"description": "one\ntwo"})
    assert answer.status_code == 422
    assert 'id="id_description_error"' in body(answer)


def parts_of(page: str) -> list[str]:
    nav = page.partition('<nav class="parts"')[2].partition("</nav>")[0]
    return re.findall(r">([^<]+)</a>", nav)


PARTS = {"General": "", "Unknown recipients": "unknown/", "Names": "names/", "Limits": "limits/"}


@pytest.mark.parametrize(("title", "part"), PARTS.items())
def test_each_part_of_the_settings_has_an_address_of_its_own_and_names_the_others(
    as_operator: Client, as_colleague: Client, domain: Domain, title: str, part: str
) -> None:
    here = f"/domains/pandle.net/settings/{part}"
    pages = [body(client.get(here)) for client in (as_operator, as_colleague)]
    assert [parts_of(page) for page in pages] == [[*PARTS, "Owners", "Remove"], list(PARTS)]
    for page in pages:
        assert f'<a href="{here}" aria-current="page">{title}</a>' in page


def test_what_is_for_operators_is_a_part_of_their_settings_alone(
    as_operator: Client, as_colleague: Client, domain: Domain
) -> None:
    for part in ("settings/owners/", "remove/"):
        there = f"/domains/pandle.net/{part}"
        assert f'<a href="{there}" aria-current="page">' in body(as_operator.get(there))
        assert as_colleague.get(there).status_code == 404
    general = [
        body(client.get("/domains/pandle.net/settings/")) for client in (as_operator, as_colleague)
    ]
    assert [f"<code>{domain.prepend}</code>" in page for page in general] == [True, False]
    assert ["Switch off" in page for page in general] == [True, False]


def test_who_may_not_change_settings_reads_them_and_finds_no_field(
    as_colleague: Client, colleague: User, domain: Domain
) -> None:
    change(as_colleague, unknown="forward", forward="me@example.org")
    as_colleague.post("/domains/pandle.net/settings/", {"description": "Of the club"})
    Grant.objects.filter(user=colleague).update(rights=["passwords"])
    general = body(as_colleague.get("/domains/pandle.net/settings/"))
    unknown = body(as_colleague.get(UNKNOWN))
    assert "Of the club" in general
    assert "Forward to an address <code>me@example.org</code>" in unknown
    for page in (general, unknown):
        assert not re.search(r'<(input|textarea)[^>]* name="(description|unknown|subject)', page)
        assert "Save<" not in page


@pytest.mark.parametrize(
    ("post", "typed", "part"),
    [
        ("settings/", {"description": "one\ntwo"}, "General"),
        ("settings/unknown/", {"unknown": "nothing"}, "Unknown recipients"),
        ("responder/", {"subject": ""}, "Unknown recipients"),
        ("names/", {"name": "a b"}, "Names"),
        ("rename/", {"name": "a b"}, "Names"),
        ("limits/", {"mailboxes": "many"}, "Limits"),
        ("settings/owners/", {"items": ["nothing"]}, "Owners"),
    ],
)
def test_a_form_of_the_settings_that_is_not_good_is_answered_with_its_own_part(
    as_operator: Client, domain: Domain, post: str, typed: dict[str, Any], part: str
) -> None:
    answer = as_operator.post(f"/domains/pandle.net/{post}", typed)
    assert answer.status_code == 422
    assert f'aria-current="page">{part}</a>' in body(answer)


@pytest.mark.parametrize(
    ("post", "typed", "part"),
    [
        ("switch/", {"on": "0"}, ""),
        ("subdomains/", {"on": "1"}, "names/"),
        ("names/", {"name": "further.example"}, "names/"),
        ("limits/", {"mailboxes": "9"}, "limits/"),
        ("settings/owners/", {"items": ["usage"]}, "owners/"),
        ("settings/unknown/", {"unknown": "discard"}, "unknown/"),
    ],
)
def test_what_is_saved_in_the_settings_leads_to_its_own_part_which_says_so(
    as_operator: Client, domain: Domain, post: str, typed: dict[str, Any], part: str
) -> None:
    answer = as_operator.post(f"/domains/pandle.net/{post}", typed)
    assert answer["Location"] == f"/domains/pandle.net/settings/{part}"
    assert 'class="said"' in body(as_operator.get(answer["Location"]))


@pytest.mark.parametrize("part", [*PARTS.values(), "owners/"])
def test_of_a_removed_domain_the_settings_are_read_and_not_changed(
    as_operator: Client, domain: Domain, part: str
) -> None:
    remove_domain(SYSTEM, domain)
    page = body(as_operator.get(f"/domains/pandle.net/settings/{part}"))
    assert parts_of(page) == list(PARTS)
    assert "Save<" not in page
    assert "Set limits" not in page


def test_off_and_on_again(as_operator: Client, domain: Domain) -> None:
    as_operator.post("/domains/pandle.net/switch/", {"on": "0"})
    page = body(as_operator.get("/domains/pandle.net/settings/"))
    assert "switched off" in page
    as_operator.post("/domains/pandle.net/switch/", {"on": "1"})
    domain.refresh_from_db()
    assert domain.enabled


def test_a_domain_with_mailboxes_goes_only_when_its_name_is_typed(
    as_operator: Client, domain: Domain
) -> None:
    add_mailbox(SYSTEM, domain, LocalPart("biliards"))
    address = "/domains/pandle.net/remove/"
    answer = as_operator.post(address, {"typed": "pandle"})
    assert answer.status_code == 422
    assert 'id="id_typed_error"' in body(answer)
    assert (
        as_operator.post("/domains/pandle.net/remove/", {"typed": "pandle.net"}).status_code == 303
    )
    domain.refresh_from_db()
    assert domain.removed


def test_a_removed_domain_comes_back_with_undo(as_operator: Client, domain: Domain) -> None:
    assert as_operator.post("/domains/pandle.net/remove/").status_code == 303
    make_live(domain)
    page = body(as_operator.get(LIST))
    assert "Removed" in page
    assert "the removal of pandle.net" in page
    row = as_operator.post("/domains/pandle.net/restore/", **ask(f"row-d{domain.pk}"))
    assert f'<tr id="row-d{domain.pk}"' in body(row)
    domain.refresh_from_db()
    assert not domain.removed


def test_the_banner_says_that_sync_does_not_run(as_operator: Client) -> None:
    sentence = "Saved, waiting: the sync service is not running."
    assert sentence in body(as_operator.get(LIST))
    SyncNode.objects.create(node=settings.QMAILPANEL_NODE, heartbeat=timezone.now())
    assert sentence not in body(as_operator.get(LIST))


def test_causes_are_for_operators_only(
    as_operator: Client, as_colleague: Client, domain: Domain
) -> None:
    problem = write_problem("Mail to pandle.net waits.", domain)
    problem.cause = "open /var/qmail: refused"
    problem.save()
    address = "/domains/pandle.net/mailboxes/"
    for client, sees in ((as_operator, True), (as_colleague, False)):
        page = body(client.get(address))
        assert "Mail to pandle.net waits." in page
        assert ("open /var/qmail" in page) is sees


def test_the_cause_of_what_failed_is_on_the_page_of_the_address_for_operators_only(
    as_operator: Client, as_colleague: Client, domain: Domain
) -> None:
    address = add_mailbox(SYSTEM, domain, LocalPart("biliards"))
    make_live(domain)
    problem = write_problem("A file stands in its place.", domain, address)
    problem.cause = "pandle.net/biliards: Not a directory"
    problem.save()
    for client, sees in ((as_operator, True), (as_colleague, False)):
        page = body(client.get(f"/domains/pandle.net/mailboxes/{address.pk}/"))
        assert "A file stands in its place." in page
        assert ("<code>pandle.net/biliards: Not a directory</code>" in page) is sees


def pulse(client: Client, *keys: str, wait: int = 100, **more: str) -> str:
    query: dict[str, Any] = {"pending": keys, "wait": wait, **more}
    return body(client.get("/pulse/", query, **ask("pulse")))


def test_the_pulse_brings_only_rows_that_are_no_longer_pending(
    as_operator: Client, domain: Domain, other_domain: Domain
) -> None:
    make_live(domain)
    page = pulse(as_operator, f"d{domain.pk}", f"d{other_domain.pk}")
    assert f'id="status-d{domain.pk}" class="status live" hx-swap-oob="true"' in page
    assert f"status-d{other_domain.pk}" not in page
    assert "pandle.net is live." in page


def test_the_pulse_waits_twice_as_long_each_time_and_sleeps_when_nothing_is_pending(
    as_operator: Client, domain: Domain
) -> None:
    assert "load delay:200ms" in pulse(as_operator, f"d{domain.pk}")
    assert "load delay:5000ms" in pulse(as_operator, f"d{domain.pk}", wait=4000)
    make_live(domain)
    assert "hx-get" not in pulse(as_operator, f"d{domain.pk}")
    assert "hx-get" not in pulse(as_operator)


@pytest.mark.parametrize("rows", [1, 3])
def test_the_pulse_asks_the_database_as_often_for_one_address_as_for_three(
    as_operator: Client, domain: Domain, django_assert_num_queries: Any, rows: int
) -> None:
    added = [add_mailbox(SYSTEM, domain, LocalPart(f"m{number}")) for number in range(rows)]
    make_live(domain)
    with django_assert_num_queries(6):
        pulse(as_operator, *(f"a{address.pk}" for address in added))


def test_the_pulse_says_nothing_of_other_peoples_rows(as_stranger: Client, domain: Domain) -> None:
    address = add_mailbox(SYSTEM, domain, LocalPart("biliards"))
    make_live(domain)
    page = pulse(as_stranger, f"d{domain.pk}", f"a{address.pk}", domain=f"d{domain.pk}")
    assert "status" not in page
    assert "pandle.net" not in page


def test_a_failed_address_says_why_below_it(as_operator: Client, domain: Domain) -> None:
    address = add_mailbox(SYSTEM, domain, LocalPart("biliards"))
    domain.refresh_from_db()
    write_position(domain, tried=domain.change_id, applied=0)
    write_problem("A file stands in its place.", domain, address)
    page = pulse(as_operator, f"a{address.pk}")
    assert "status failed" in page
    assert f'id="why-a{address.pk}"' in page
    assert "A file stands in its place." in page


def test_a_domain_is_not_live_while_an_address_of_it_failed(
    as_operator: Client, domain: Domain
) -> None:
    address = add_mailbox(SYSTEM, domain, LocalPart("biliards"))
    make_live(domain)
    problem = write_problem("A file stands in its place.", domain, address)
    for page in (LIST, "/domains/pandle.net/settings/"):
        said = body(as_operator.get(page))
        assert f'id="status-d{domain.pk}" class="status failed"' in said
        assert "1 failed" in said
    problem.delete()
    assert f'id="status-d{domain.pk}" class="status live"' in body(as_operator.get(LIST))


def test_the_pulse_goes_on_for_a_failed_row_and_says_only_when_it_is_live(
    as_operator: Client, domain: Domain
) -> None:
    write_position(domain, tried=domain.change_id, applied=0)
    problem = write_problem("A file stands in its place.", domain)
    listed = body(as_operator.get(LIST))
    assert f'name="failed" value="d{domain.pk}"' in listed
    assert "load delay:100ms" in listed
    page = pulse(as_operator, failed=f"d{domain.pk}")
    assert "load delay:200ms" in page
    assert "status-" not in page
    problem.delete()
    make_live(domain)
    page = pulse(as_operator, failed=f"d{domain.pk}")
    assert f'id="status-d{domain.pk}" class="status live" hx-swap-oob="true"' in page
    assert "hx-get" not in page


@pytest.mark.parametrize("row", ["a", "dx", "a²", "a-1", "d99999999999999999999", ""])
def test_the_pulse_survives_any_row_name(as_operator: Client, row: str) -> None:
    assert 'id="pulse"' in pulse(as_operator, row)


def test_a_signed_out_pulse_leads_the_window_to_the_sign_in_page(anonymous: Client) -> None:
    answer = anonymous.get("/pulse/", **ask("pulse"))
    assert answer.headers["HX-Redirect"].startswith("/sign-in/")


def fill(count: int) -> None:
    for number in range(count):
        domain = add_domain(SYSTEM, DomainName(f"d{number}.example"))
        if number:
            switch_domain(SYSTEM, domain, on=False)


@pytest.mark.parametrize("rows", [1, 3])
def test_the_list_asks_the_database_as_often_for_one_row_as_for_three(
    as_operator: Client, django_assert_num_queries: Any, rows: int
) -> None:
    fill(rows)
    SyncNode.objects.create(node=settings.QMAILPANEL_NODE, heartbeat=timezone.now())
    with django_assert_num_queries(13):
        as_operator.get(LIST)


@pytest.mark.parametrize("rows", [1, 3])
def test_the_pulse_asks_the_database_as_often_for_one_row_as_for_three(
    as_operator: Client, django_assert_num_queries: Any, rows: int
) -> None:
    fill(rows)
    keys = [f"d{pk}" for pk in Domain.objects.values_list("pk", flat=True)]
    with django_assert_num_queries(6):
        pulse(as_operator, *keys)


def test_a_removed_domain_offers_no_form_that_adds(as_operator: Client, domain: Domain) -> None:
    remove_domain(SYSTEM, domain)
    page = body(as_operator.get("/domains/pandle.net/mailboxes/"))
    assert 'id="add"' not in page
    assert "pandle.net is removed" in page


def test_the_list_says_that_a_domain_that_is_off_refuses_all_mail(as_operator, domain) -> None:
    change_domain(SYSTEM, domain, unknown=Unknown.FORWARD, unknown_target="a@example.org")
    assert "a@example.org" in as_operator.get("/domains/").content.decode()
    switch_domain(SYSTEM, domain, on=False)
    page = as_operator.get("/domains/").content.decode()
    assert "all mail is refused" in page
    assert "a@example.org" not in page


def test_a_domain_is_not_live_in_its_list_where_an_alias_loses_mail(
    as_colleague: Client, domain: Domain
) -> None:
    make_live(domain)
    assert ">Live</span>" in _row_of(as_colleague, domain)
    here = {"node": "main", "domain": domain.pk}
    Nowhere.objects.create(**here, address=1)
    Nowhere.objects.create(**here, address=2, hidden=True)
    row = _row_of(as_colleague, domain)
    assert "1 loses mail" in row
    assert 'class="status failed"' in row


def _row_of(client: Client, domain: Domain) -> str:
    page = client.get("/domains/").content.decode()
    return page.partition(f'id="row-d{domain.pk}"')[2].partition("</tr>")[0]
