"""The operator's pages about sync."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from qmailpanel.accounts.models import User
from qmailpanel.aliases.services import add_alias
from qmailpanel.console import overview
from qmailpanel.console.decisions import take_theirs
from qmailpanel.domains.models import Domain
from qmailpanel.ledger.actors import SYSTEM, Actor
from qmailpanel.ledger.models import Change, Noun, Verb
from qmailpanel.mailboxes.removal.services import remove_mailbox
from qmailpanel.mailboxes.services import add_mailbox
from qmailpanel.qmail.names import AliasLocal, LocalPart, MailAddress
from qmailpanel.reports.models import SyncNode
from qmailpanel.sync.models import DriftDecision, ForeignLine, SyncDrift, SyncQuestion, SyncRun
from qmailpanel.sync.services import answer_question
from tests.kit.live import make_live, write_problem

NODE = settings.QMAILPANEL_NODE


def body(response: Any) -> str:
    text: str = response.content.decode()
    return text


def run(**more: Any) -> SyncRun:
    now = timezone.now()
    return SyncRun.objects.create(node=NODE, started=now, finished=now, through=1, **more)


def question() -> SyncQuestion:
    return SyncQuestion.objects.create(
        node=NODE, digest="abc", text="Drop 412 of 1020 assignments?", asked=timezone.now()
    )


@pytest.mark.parametrize("page", ["", "plan/", "host/"])
def test_the_pages_are_for_operators(as_colleague: Client, page: str) -> None:
    assert as_colleague.get(f"/sync/{page}").status_code == 404


def test_only_operators_answer(as_colleague: Client) -> None:
    asked = question()
    assert as_colleague.post(f"/sync/questions/{asked.pk}/").status_code == 404


@pytest.mark.parametrize("page", ["", "plan/", "host/"])
def test_empty_pages_teach(as_operator: Client, page: str) -> None:
    assert 'class="empty"' in body(as_operator.get(f"/sync/{page}"))


def test_the_position_counts_the_domains_that_wait(
    as_operator: Client, domain: Domain, other_domain: Domain
) -> None:
    make_live(domain)
    found = as_operator.get("/sync/").context
    assert found["behind"] == 1
    assert found["newest"] == other_domain.change_id
    assert found["applied"] == domain.change_id


def test_running_means_a_heartbeat_of_the_last_seconds(as_operator: Client) -> None:
    node = SyncNode.objects.create(node=NODE, heartbeat=timezone.now())
    assert "Running" in body(as_operator.get("/sync/"))
    node.heartbeat = timezone.now() - timedelta(minutes=1)
    node.save()
    page = body(as_operator.get("/sync/"))
    assert "Not running" in page
    assert "Saved, waiting: the sync service is not running." in page


def test_what_failed_stands_there_with_its_cause(as_operator: Client, domain: Domain) -> None:
    address = add_mailbox(SYSTEM, domain, LocalPart("biliards"))
    problem = write_problem("It gets no mail.", domain, address)
    problem.cause = "mkdir: File exists"
    problem.save()
    write_problem("Nothing can be written.")
    page = body(as_operator.get("/sync/"))
    for text in ("biliards@pandle.net", "It gets no mail.", "mkdir: File exists", "whole host"):
        assert text in page


def test_what_failed_leads_to_the_page_of_the_address(as_operator: Client, domain: Domain) -> None:
    mailbox = add_mailbox(SYSTEM, domain, LocalPart("biliards"))
    alias = add_alias(SYSTEM, domain, AliasLocal("sales"), [MailAddress("joe@elsewhere.test")])
    gone = add_mailbox(SYSTEM, domain, LocalPart("gone"))
    remove_mailbox(SYSTEM, gone)
    for address in (mailbox, alias, gone):
        write_problem("It gets no mail.", domain, address)
    page = body(as_operator.get("/sync/"))
    for link in (f"mailboxes/{mailbox.pk}/", f"aliases/{alias.pk}/"):
        assert f'<a href="/domains/pandle.net/{link}">' in page
        assert as_operator.get(f"/domains/pandle.net/{link}").status_code == 200
    assert f"mailboxes/{gone.pk}/" not in page
    assert "gone@pandle.net" in page


def test_the_last_runs_show_their_steps_and_errors(as_operator: Client) -> None:
    run(steps="users/assign + =100-biliards", error="No space left on device")
    page = body(as_operator.get("/sync/"))
    assert "users/assign + =100-biliards" in page
    assert "No space left on device" in page


def test_of_many_that_failed_the_page_shows_the_hosts_and_the_oldest_and_counts_the_others(
    as_operator: Client, domain: Domain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(overview, "PROBLEMS", 2)
    for text in ("oldest", "older", "newest one"):
        write_problem(text, domain)
    assert "One more failed later." in body(as_operator.get("/sync/"))
    write_problem("disk full")
    page = body(as_operator.get("/sync/"))
    assert page.rindex(">disk full<") < page.index(">oldest<")
    assert ">older<" not in page
    assert "2 more failed later." in page


def test_the_page_looks_again_at_how_many_more_failed(
    as_operator: Client, domain: Domain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(overview, "PROBLEMS", 0)
    write_problem("first", domain)
    [seen] = re.findall(r"seen=(\w+)", body(as_operator.get("/sync/")))
    watch = {"HX-Request": "true", "HX-Target": "watch"}
    assert as_operator.get(f"/sync/?seen={seen}", headers=watch).status_code == 204
    write_problem("second", domain)
    assert as_operator.get(f"/sync/?seen={seen}", headers=watch).status_code == 200


def test_the_plan_asks_once_how_far_each_domain_is(as_operator: Client, domain: Domain) -> None:
    with CaptureQueriesContext(connection) as queries:
        assert "pandle.net" in body(as_operator.get("/sync/plan/"))
    [waiting] = [query["sql"] for query in queries if "reports_syncposition" in query["sql"]]
    assert waiting.count('FROM "reports_syncposition"') == 1


def test_what_the_next_run_would_do_comes_with_the_page_or_by_itself(
    as_operator: Client, domain: Domain
) -> None:
    headers = {"HX-Request": "true", "HX-Target": "plan"}
    assert "pandle.net" in body(as_operator.get("/sync/plan/"))
    part = body(as_operator.get("/sync/plan/", headers=headers))
    assert "pandle.net" in part
    assert "<html" not in part


def test_the_operators_yes_is_a_change_of_the_ledger(as_operator: Client) -> None:
    asked = question()
    assert "Drop 412 of 1020" in body(as_operator.get("/sync/"))
    assert as_operator.post(f"/sync/questions/{asked.pk}/").status_code == 303
    asked.refresh_from_db()
    assert asked.answer is not None
    assert (asked.answer.verb, asked.answer.noun) == (Verb.CONFIRMED, Noun.HOST)
    assert asked.answer.target == "abc"
    assert "Drop 412 of 1020" not in body(as_operator.get("/sync/"))


def test_a_second_yes_changes_nothing(operator: User) -> None:
    asked = question()
    actor = Actor(operator.pk, "operator", None)
    first = answer_question(actor, asked).answer_id
    assert answer_question(actor, asked).answer_id == first
    assert Change.objects.count() == 1


def test_foreign_lines_stand_under_their_file_and_drift_with_its_three_sides(
    as_operator: Client,
) -> None:
    ForeignLine.objects.create(node=NODE, file="control/rcpthosts", number=7, line="a.example")
    ForeignLine.objects.create(node="other", file="users/assign", number=1, line="not-ours")
    SyncDrift.objects.create(
        node=NODE,
        kind="line",
        file="users/assign",
        key="=100-b",
        wanted="w<1>",
        applied="l2",
        actual="a3",
    )
    page = body(as_operator.get("/sync/host/"))
    for text in ("control/rcpthosts", "7\ta.example", "=100-b", "w&lt;1&gt;", "l2", "a3"):
        assert text in page
    assert "not-ours" not in page


DRIFT = "A line or file on the host is not as the panel left it."


@pytest.mark.parametrize("page", ["/domains/", "/domains/pandle.net/mailboxes/", "/sync/"])
def test_drift_is_told_to_operators_wherever_they_are_with_the_way_to_decide(
    as_operator: Client, as_colleague: Client, domain: Domain, page: str
) -> None:
    SyncNode.objects.create(node=NODE, heartbeat=timezone.now(), drifts=1)
    assert DRIFT in unescape(body(as_operator.get(page)))
    assert '<a href="/sync/host/">Decide on it</a>' in body(as_operator.get(page))
    assert DRIFT not in unescape(body(as_colleague.get(page)))


def test_the_page_that_shows_the_drift_does_not_announce_it(as_operator: Client) -> None:
    SyncNode.objects.create(node=NODE, heartbeat=timezone.now(), drifts=1)
    assert DRIFT not in unescape(body(as_operator.get("/sync/host/")))


@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize(("page", "queries"), [("", 11), ("host/", 10)])
def test_the_pages_ask_the_database_as_often_for_one_row_as_for_three(
    as_operator: Client,
    domain: Domain,
    django_assert_num_queries: Any,
    rows: int,
    page: str,
    queries: int,
) -> None:
    for number in range(rows):
        run(steps="one")
        write_problem(f"Problem {number}", domain)
        ForeignLine.objects.create(node=NODE, file=f"f{number}", number=1, line="x")
        SyncDrift.objects.create(
            node=NODE, domain=domain.pk, kind="line", file=f"f{number}", key="k"
        )
    with django_assert_num_queries(queries):
        as_operator.get(f"/sync/{page}")


def drift(domain: Domain, actual: str = "|vacation", file: str = ".qmail-team") -> SyncDrift:
    path = f"pandle.net/{file}"
    return SyncDrift.objects.create(
        node=NODE,
        domain=domain.pk,
        kind="file",
        file=path,
        key=path,
        wanted="&a@b.test",
        actual=actual,
    )


def test_a_drift_shows_its_three_sides_and_what_can_be_done(
    as_operator: Client, domain: Domain
) -> None:
    drift(domain, "<b>vacation</b>")
    page = body(as_operator.get("/sync/host/"))
    for text in ("&amp;a@b.test", "&lt;b&gt;vacation", "Put ours back", "Keep theirs"):
        assert text in page


def test_many_files_of_addresses_without_a_row_are_one_line_that_counts_them(
    as_operator: Client, domain: Domain
) -> None:
    drift(domain)
    for number in range(100):
        path = f"pandle.net/.qmail-list{number}"
        shown = {"file": path, "key": path, "actual": "|ezmlm"}
        SyncDrift.objects.create(node=NODE, domain=domain.pk, kind="file", **shown)
    page = body(as_operator.get("/sync/host/"))
    assert page.count("<details open>") == 101
    assert page.count("<details>") == 1
    before, folded = page.split("100 files of addresses that the panel does not have")
    assert ".qmail-team" in before
    assert ".qmail-list" not in before
    assert folded.count("<summary>") == 100
    assert "Put all 101 of ours back" in before


@pytest.mark.parametrize("side", ["ours", "theirs"])
def test_the_operator_decides_a_drift(as_operator: Client, domain: Domain, side: str) -> None:
    found = drift(domain)
    assert as_operator.post(f"/sync/drifts/{found.pk}/", {"side": side}).status_code == 303
    decided = DriftDecision.objects.get()
    assert (decided.side, decided.actual, decided.domain) == (side, "|vacation", domain)
    domain.refresh_from_db()
    assert domain.change == decided.change


def test_a_decided_drift_is_no_longer_asked_about_though_sync_has_not_come_to_it(
    as_operator: Client, domain: Domain
) -> None:
    found = drift(domain)
    as_operator.post(f"/sync/drifts/{found.pk}/", {"side": "ours"})
    assert "Put ours back" not in body(as_operator.get("/sync/host/"))
    drift(domain, "|another")
    assert "Put ours back" in body(as_operator.get("/sync/host/"))


def test_all_drifts_of_a_domain_that_were_shown_are_decided_at_once(
    as_operator: Client, domain: Domain
) -> None:
    shown = [drift(domain), drift(domain, file=".qmail-info")]
    drift(domain, file=".qmail-later")
    data = {"side": "ours", "drift": [str(one.pk) for one in shown]}
    assert as_operator.post("/sync/drifts/of/pandle.net/", data).status_code == 303
    assert {one.file for one in DriftDecision.objects.all()} == {one.file for one in shown}


def test_a_drift_that_is_another_one_by_now_is_not_decided(
    as_operator: Client, domain: Domain
) -> None:
    assert as_operator.post("/sync/drifts/4711/", {"side": "ours"}).status_code == 303
    assert not DriftDecision.objects.exists()


def test_a_drift_whose_domain_is_gone_is_said(as_operator: Client, domain: Domain) -> None:
    found = SyncDrift.objects.create(
        node=NODE, kind="line", file="users/assign", key="=9-x", actual="x"
    )
    answer = as_operator.post(f"/sync/drifts/{found.pk}/", {"side": "ours"})
    assert answer.status_code == 422
    assert "no longer knows the domain" in body(answer)


def test_what_was_left_alone_comes_page_by_page(as_operator: Client, domain: Domain) -> None:
    for number in range(51):
        take_theirs(SYSTEM, drift(domain, file=f".qmail-k{number:02}"))
    page = body(as_operator.get("/sync/host/")).partition("Kept as they are")[2]
    assert (".qmail-k49<" in page, ".qmail-k50<" in page) == (True, False)
    [cursor] = re.findall(r'rel="next" href="(.*?)"', page)
    rest = body(as_operator.get(f"/sync/host/{cursor}")).partition("Kept as they are")[2]
    assert (".qmail-k49<" in rest, ".qmail-k50<" in rest) == (False, True)


def test_what_was_left_alone_can_be_put_back(as_operator: Client, domain: Domain) -> None:
    take_theirs(SYSTEM, drift(domain))
    SyncDrift.objects.all().delete()
    assert "Kept as they are" in body(as_operator.get("/sync/host/"))
    left = DriftDecision.objects.get()
    assert as_operator.post(f"/sync/kept/{left.pk}/").status_code == 303
    left.refresh_from_db()
    assert left.side == "ours"


def test_a_line_made_by_hand_is_adopted(as_operator: Client, domain: Domain) -> None:
    make_live(domain)
    home = f"{settings.QMAILPANEL_MAIL_ROOT}/pandle.net/joe"
    line = f"={domain.prepend}-joe:popuser:110:31:{home}:::"
    ForeignLine.objects.create(node=NODE, file="users/assign", number=1, line=line)
    assert "The mailbox joe@pandle.net" in body(as_operator.get("/sync/host/"))
    data = {"file": "users/assign", "line": line}
    assert as_operator.post("/sync/adopt/", data).status_code == 303
    assert domain.addresses.filter(local="joe", kind="mailbox").exists()
    assert as_operator.post("/sync/adopt/", data).status_code == 303  # a second press


@pytest.mark.parametrize("address", ["drifts/1/", "drifts/of/pandle.net/", "kept/1/", "adopt/"])
def test_only_operators_decide(as_colleague: Client, domain: Domain, address: str) -> None:
    drift(domain)
    assert as_colleague.post(f"/sync/{address}", {"side": "ours"}).status_code == 404
    assert not DriftDecision.objects.exists()
