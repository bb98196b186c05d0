"""The ledger as a file for other programs, and what never stands in it."""

from __future__ import annotations

import csv
import gc
import json
from io import StringIO

import pytest
from django.db import OperationalError, connection

from qmailpanel.accounts.models import SignInLink, User
from qmailpanel.accounts.services import add_operator, make_sign_in_link
from qmailpanel.activity.export import export
from qmailpanel.activity.services import Filter, find_changes
from qmailpanel.activity.turns import take_turn
from qmailpanel.domains.services import change_domain, switch_domain
from qmailpanel.ledger.actors import SYSTEM, Actor
from qmailpanel.ledger.models import Change, Noun, Verb
from qmailpanel.ledger.services import ledger_locked, record
from qmailpanel.mailboxes.models import Mailbox
from qmailpanel.mailboxes.services import add_mailbox, change_mailbox, set_password
from qmailpanel.qmail.names import LocalPart

PAGES = ["/activity/", "/domains/pandle.net/activity/"]
PASSWORD = "seven lanterns over quiet water"


def read(answer):
    text = b"".join(answer.streaming_content).decode()
    assert text.startswith("\ufeff")
    return list(csv.DictReader(StringIO(text[1:], newline="")))


def write(target="", by=SYSTEM, **more):
    with ledger_locked():
        return record(by, Verb.ADDED, Noun.PERSON, target, **more)


def test_a_change_is_a_row_with_all_that_the_ledger_says_of_it(as_operator, domain, operator):
    actor = Actor(operator.pk, operator.email, "192.0.2.7")
    change_domain(actor, domain, description="Käse")
    answer = as_operator.get("/activity/export.csv")
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert answer["Content-Disposition"] == 'attachment; filename="activity.csv"'
    row = read(answer)[0]
    assert row == {
        "change": "2",
        "time (UTC)": Change.objects.get(id=2).at.isoformat(),
        "person": "operator@example.org",
        "from": "192.0.2.7",
        "what": "changed",
        "kind": "domain",
        "target": "pandle.net",
        "domain": "pandle.net",
        "before": '{"description": ""}',
        "after": '{"description": "Käse"}',
    }
    assert row["time (UTC)"].endswith("+00:00")


def test_the_file_has_all_pages_of_what_the_filter_shows(as_operator, domain):
    for number in range(60):
        add_mailbox(SYSTEM, domain, LocalPart(f"m{number}"))
        write(f"other {number}")
    rows = read(as_operator.get("/activity/export.csv", {"domain": "pandle.net"}))
    assert [row["target"] for row in rows] == [
        *(f"m{number}@pandle.net" for number in reversed(range(60))),
        "pandle.net",
    ]


def test_the_page_leads_to_the_file_of_the_same_filter(as_operator, domain):
    for page in PAGES:
        shown = as_operator.get(page, {"verb": "added"}).content.decode()
        assert f'<a href="{page}export.csv?verb=added&amp;" download>' in shown
        assert len(read(as_operator.get(f"{page}export.csv?verb=added&"))) == 1


def test_who_may_not_see_a_change_does_not_get_it_as_a_file(
    as_stranger, as_colleague, domain, other_domain
):
    assert [row["target"] for row in read(as_stranger.get("/activity/export.csv"))] == [
        "stranger.example"
    ]
    assert as_stranger.get("/domains/pandle.net/activity/export.csv").status_code == 404
    answer = as_colleague.get("/domains/pandle.net/activity/export.csv")
    assert answer["Content-Disposition"] == 'attachment; filename="activity-pandle.net.csv"'
    assert [row["target"] for row in read(answer)] == ["pandle.net"]


def test_from_where_is_for_operators_and_for_who_did_it(
    as_operator, as_colleague, domain, operator, colleague
):
    switch_domain(Actor(operator.pk, operator.email, "192.0.2.1"), domain, on=False)
    change_domain(Actor(colleague.pk, colleague.email, "192.0.2.7"), domain, description="x")
    places = {
        browser: [row["from"] for row in read(browser.get("/activity/export.csv"))]
        for browser in (as_operator, as_colleague)
    }
    assert places[as_operator] == ["192.0.2.7", "192.0.2.1", ""]
    assert places[as_colleague] == ["192.0.2.7", "", ""]


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_no_cell_is_a_formula(as_operator, domain, start):
    text = f'{start}HYPERLINK("http://x.example","a")'
    write(text, Actor(None, text, None), before={text: text})
    row = read(as_operator.get("/activity/export.csv"))[0]
    assert (row["target"], row["person"]) == (f"'{text}", f"'{text}")
    assert all(not cell.startswith(("=", "+", "-", "@", "\t", "\r")) for cell in row.values())


@pytest.mark.parametrize("text", ['a"b,c\nd', "<script>", "\u202ex", "ü" * 300, "'quoted'"])
def test_other_text_is_as_it_was_written(as_operator, db, text):
    write(text)
    assert read(as_operator.get("/activity/export.csv"))[0]["target"] == text


def test_an_empty_file_has_its_head(as_operator):
    text = b"".join(as_operator.get("/activity/export.csv").streaming_content).decode()
    assert text == "\ufeffchange,time (UTC),person,from,what,kind,target,domain,before,after\r\n"


def test_the_file_is_made_while_it_is_sent(operator, domain, django_assert_num_queries):
    for number in range(3):
        write(str(number))
    lines = export(operator, find_changes(operator, Filter()))
    with django_assert_num_queries(0):
        next(lines)
    with django_assert_num_queries(2) as queries:
        next(lines)
    assert "LIMIT 200" in queries.captured_queries[0]["sql"]


def test_its_first_line_is_sent_before_a_change_is_read(as_operator, django_assert_num_queries):
    write("1")
    answer = as_operator.get("/activity/export.csv")
    with django_assert_num_queries(0):
        first = next(iter(answer.streaming_content))
    answer.close()
    assert (
        first.decode()
        == "\ufeffchange,time (UTC),person,from,what,kind,target,domain,before,after\r\n"
    )


def test_a_thousand_and_one_changes_are_all_there_once(as_operator):
    with ledger_locked():
        for number in range(1_001):
            record(SYSTEM, Verb.ADDED, Noun.PERSON, str(number))
    rows = read(as_operator.get("/activity/export.csv"))
    assert [row["change"] for row in rows] == [str(n) for n in range(1_001, 0, -1)]


# secrets


def test_no_password_hash_or_token_ever_enters_the_ledger(db, as_operator, operator, domain):
    actor = Actor(operator.pk, operator.email, "192.0.2.7")
    address = add_mailbox(actor, domain, LocalPart("ada"), password=PASSWORD)
    hashes = [Mailbox.objects.get(address=address).password]
    set_password(actor, address, password=f"{PASSWORD}2")
    hashes.append(Mailbox.objects.get(address=address).password)
    change_mailbox(actor, address, comment="hello", refusal="gone")
    box = f"/domains/pandle.net/mailboxes/{address.pk}/"
    as_operator.post(f"{box}password/", {"password": f"{PASSWORD}3"})
    form = {"local": "bob", "password": f"{PASSWORD}4"}
    as_operator.post("/domains/pandle.net/mailboxes/", form)
    link = make_sign_in_link(add_operator("new@example.org"))
    token, digest = link.rpartition("token=")[2], SignInLink.objects.get().digest
    as_operator.post("/sign-in/link/", {"token": token})
    hashes += [mailbox.password for mailbox in Mailbox.objects.all()]
    hashes += [user.password for user in User.objects.exclude(password="")]
    assert len(set(hashes)) >= 5
    ledger = json.dumps(list(Change.objects.values()), default=str).lower()
    assert ledger.count('"verb": "password"') == 2
    for secret in ["seven", "lanterns", "argon2", "$", token, digest, *hashes]:
        assert secret.lower() not in ledger


# how many at once


@pytest.fixture
def readers(sign_in, domain):
    """The browsers of three operators."""
    emails = [f"op{number}@example.org" for number in range(3)]
    users = [User.objects.create(email=one, is_operator=True, password="x") for one in emails]
    return [sign_in(user) for user in users]


def test_a_third_file_at_once_is_refused_in_a_sentence(readers):
    first, second, third = readers
    reading = [browser.get(f"{PAGES[0]}export.csv") for browser in (first, second)]
    for page in PAGES:
        refused = third.get(f"{page}export.csv")
        assert refused.status_code == 422
        assert "is being read already" in refused.content.decode()
    for answer in reading:
        assert read(answer)
    assert read(third.get(f"{PAGES[0]}export.csv"))


def test_nobody_reads_two_at_once(readers):
    [browser, *_] = readers
    answer = browser.get(f"{PAGES[0]}export.csv")
    assert browser.get(f"{PAGES[0]}export.csv").status_code == 422
    assert read(answer)
    assert read(browser.get(f"{PAGES[0]}export.csv"))


def test_a_file_that_nobody_began_to_read_stops_nobody(readers):
    for browser in readers * 2:
        assert browser.get(f"{PAGES[0]}export.csv").status_code == 200
        gc.collect()


def test_a_reader_who_went_away_stops_nobody():
    turn = take_turn(1, iter(["a", "b"]))
    assert turn
    assert next(turn) == "a"
    assert take_turn(1, iter([])) is None
    turn.close()
    again = take_turn(1, iter([]))
    assert again
    turn.close()  # once more ends no turn of somebody else
    assert take_turn(1, iter([])) is None
    again.close()


def test_an_error_while_a_file_is_read_stops_nobody(readers, monkeypatch):
    [browser, *_] = readers
    answer = browser.get(f"{PAGES[0]}export.csv")
    with connection.execute_wrapper(_break), pytest.raises(OperationalError):
        read(answer)
    assert read(browser.get(f"{PAGES[0]}export.csv"))


def _break(*_anything):
    raise OperationalError("the database is gone")
