"""The doctor as a command, beside the service, and on the operator's page."""

from __future__ import annotations

from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone, translation

from qmailpanel.commands.embedded import prepare_embedded_home
from qmailpanel.domains.services import change_domain
from qmailpanel.ledger.actors import SYSTEM
from qmailpanel.qmail.doctor import Severity, Trap
from qmailpanel.qmail.doctor.control_files import OPEN_RELAY
from qmailpanel.sync.models import Examination, HostFinding
from qmailpanel.sync.rounds import doctor
from qmailpanel.sync.rounds.doctor import publish_findings
from qmailpanel.sync.services import ask_examination
from tests.kit.panels import Panel, settle


@pytest.fixture
def embedded(panel: Panel, settings: Any, tmp_path: Path) -> Panel:
    """A panel on a home that it made itself, as `make run` does."""
    home = tmp_path / "own"
    settings.QMAILPANEL_QMAIL_HOME = home
    settings.QMAILPANEL_MAIL_ROOT = home / "mailnames"
    settings.QMAILPANEL_SYNC_DIR = home / "qmailpanel"
    prepare_embedded_home(home)
    return Panel(home)


def examine(*options: str) -> tuple[int, str]:
    out = StringIO()
    try:
        call_command("doctor", *options, stdout=out, no_color=True)
    except SystemExit as end:
        return int(end.code or 0), out.getvalue()
    return 0, out.getvalue()


# the command


def test_a_home_in_which_nothing_was_done_gives_nothing(embedded) -> None:
    assert examine() == (0, "Nothing was found.\n")


@pytest.mark.parametrize("recipients", ["none", "validrcptto", "morevalidrcptto", "recipients"])
def test_what_the_panel_writes_gives_nothing(embedded, settings, recipients) -> None:
    settings.QMAILPANEL_RCPTHOSTS = 1
    settings.QMAILPANEL_REJECTNONEXIST = "on"
    settings.QMAILPANEL_RECIPIENTS = recipients
    for name in ("a.test", "b.test", "c.test"):
        domain = embedded.add_domain(name)
        embedded.add_mailbox(domain, "joe.doe")
        embedded.add_alias(domain, "sales", f"joe.doe@{name}")
        embedded.add_alias(domain, "in.fo", f"joe.doe@{name}", "out@elsewhere.test")
        if recipients == "none":
            change_domain(SYSTEM, domain, subdomains=True)
    embedded.serve()
    assert examine() == (0, "Nothing was found.\n")
    assert not HostFinding.objects.exists()


def test_findings_stand_under_their_file_with_line_and_remedy_and_make_it_exit_1(embedded) -> None:
    embedded.write("control/virtualdomains", b"# old\n new.test:7\n")
    (embedded.home / "control/rcpthosts").unlink()
    code, said = examine()
    assert code == 1
    lines = said.splitlines()
    at = lines.index("control/virtualdomains")
    assert lines[at + 1].startswith("  trouble: line 2: A blank stands before")
    assert lines[at + 2] == "      Let the line begin with the name."
    assert "  alarm: It is missing: this host is an open relay" in said


def test_many_of_a_kind_are_counted_unless_all_are_asked_for(embedded) -> None:
    embedded.write("control/rcpthosts", b"".join(b"d%d.test\n" % n for n in range(25)))
    said = examine()[1]
    assert said.count("is accepted and sent on") == 1
    assert "      25 times, next at control/rcpthosts:2, control/rcpthosts:3," in said
    assert examine("--all")[1].count("is accepted and sent on") == 25


def test_a_home_that_is_not_there_is_told_as_such(settings: Any, db: None, tmp_path: Path) -> None:
    settings.QMAILPANEL_QMAIL_HOME = tmp_path / "nowhere"
    code, said = examine()
    assert code == 1
    assert said.startswith(f"{tmp_path}/nowhere\n  alarm: There is no qmail in it")
    assert "qmailpanel doctor takes it from /etc/qmailpanel/environment" in said
    assert "open relay" not in said


# beside the service


def test_the_service_publishes_what_it_finds_and_takes_it_back(embedded) -> None:
    domain = embedded.add_domain("pandle.net")
    embedded.add_mailbox(domain, "joe")
    service = embedded.serve()
    assert not HostFinding.objects.exists()
    before = embedded.read("control/rcpthosts")
    embedded.write("control/rcpthosts", before + b"nobody.test\n")
    settle(service)
    [finding] = HostFinding.objects.all()
    assert (finding.place, finding.severity) == ("control/rcpthosts:2", "trouble")
    assert "nobody.test" in finding.said
    embedded.write("control/rcpthosts", before)
    settle(service)
    assert not HostFinding.objects.exists()


@pytest.mark.parametrize("what", ["content", "mode"])
def test_files_that_only_the_doctor_reads_are_looked_at_when_somebody_touched_them(
    embedded, what
) -> None:
    service = embedded.serve()
    if what == "content":
        embedded.write("control/badmailfrom", b"spam.test\n")
    else:
        (embedded.home / "control/rcpthosts").chmod(0o666)
    settle(service)
    assert HostFinding.objects.count() == 1


def test_what_somebody_repaired_is_seen_though_a_change_came_at_the_same_time(embedded) -> None:
    domain = embedded.add_domain("pandle.net")
    service = embedded.serve()
    before = embedded.read("control/rcpthosts")
    embedded.write("control/rcpthosts", before + b"nobody.test\n")
    settle(service)
    assert HostFinding.objects.exists()
    embedded.write("control/rcpthosts", before)
    embedded.add_mailbox(domain, "joe")
    settle(service)
    assert not HostFinding.objects.exists()


def test_a_change_of_the_panels_own_makes_no_round(embedded) -> None:
    domain = embedded.add_domain("pandle.net")
    service = embedded.serve()
    embedded.add_mailbox(domain, "joe")
    service.turn()
    assert not service.doctor.has_news()
    assert not service.scrub.is_under_way
    assert not service.doctor.shared.is_under_way


@pytest.mark.parametrize("when", ["during the scrub", "during a round of the doctor"])
def test_a_file_touched_meanwhile_makes_one_more_round_and_not_many(
    embedded, when, monkeypatch
) -> None:
    monkeypatch.setattr("qmailpanel.qmail.doctor.control_lists.LINES", 2)
    for number in range(40):
        embedded.add_domain(f"d{number}.test")
    service = embedded.serve()
    (service.scrub if when == "during the scrub" else service.doctor.shared).hurry()
    service.turn()
    assert service.scrub.is_under_way or service.doctor.shared.is_under_way
    embedded.write("control/badmailfrom", b"spam.test\n")
    with CaptureQueriesContext(connection) as queries:
        settle(service)
        service.turn()
        settle(service)
    rounds = [one for one in queries if 'FROM "sync_hostfinding"' in one["sql"]]
    assert len(rounds) == (1 if when == "during the scrub" else 2)
    assert HostFinding.objects.count() == 1


def test_the_doctor_waits_for_the_scrub_which_mends_what_it_would_find(embedded) -> None:
    domain = embedded.add_domain("pandle.net")
    embedded.add_mailbox(domain, "joe")
    embedded.sync()
    (embedded.below("pandle.net/joe/Maildir/new")).rmdir()
    embedded.serve()
    assert embedded.below("pandle.net/joe/Maildir/new").is_dir()
    assert not HostFinding.objects.exists()


def test_homes_are_looked_at_once_an_hour(embedded) -> None:
    domain = embedded.add_domain("pandle.net")
    embedded.add_mailbox(domain, "joe")
    service = embedded.serve()
    (embedded.below("pandle.net/joe/Maildir/maildirsize")).write_bytes(b"5000s\n")
    service.doctor.shared.hurry()
    settle(service)
    assert not HostFinding.objects.exists()
    service.doctor.homes.hurry()
    settle(service)
    assert HostFinding.objects.get().place.endswith("joe/Maildir/maildirsize:1")
    service.doctor.shared.hurry()
    settle(service)
    assert HostFinding.objects.count() == 1


def test_homes_of_users_are_for_the_command(panel) -> None:
    """The host of `panel` has =7-joe at /home/joe, which is not there."""
    panel.serve()
    assert not HostFinding.objects.filter(file__startswith="/home").exists()
    assert "/home/joe" in examine()[1]


def test_who_wants_to_know_now_has_the_whole_host_examined_at_once(embedded) -> None:
    domain = embedded.add_domain("pandle.net")
    embedded.add_mailbox(domain, "joe")
    service = embedded.serve()
    before = timezone.now()
    (embedded.below("pandle.net/joe/Maildir/maildirsize")).write_bytes(b"5000s\n")
    settle(service)
    assert not HostFinding.objects.exists()
    ask_examination()
    settle(service)
    assert HostFinding.objects.get().place.endswith("joe/Maildir/maildirsize:1")
    assert Examination.objects.filter(asked=None, at__gt=before).exists()


def test_who_asks_during_a_round_gets_another_one(embedded, monkeypatch) -> None:
    monkeypatch.setattr("qmailpanel.qmail.doctor.control_lists.LINES", 2)
    for number in range(9):
        embedded.add_domain(f"d{number}.test")
    service = embedded.serve()
    service.doctor.shared.hurry()
    service.turn()
    assert service.doctor.shared.is_under_way
    ask_examination()
    while service.doctor.shared.is_under_way:
        service.doctor.shared.go_on()
    assert Examination.objects.get().asked is not None
    settle(service)
    assert Examination.objects.get().asked is None


ODD = Trap("%(line)s is odd.", "Do.", Severity.TROUBLE)


def test_a_finding_that_goes_on_keeps_its_row_and_time(db: None) -> None:
    one, two, three = (ODD.at("f", n, line=f"l{n}") for n in (1, 2, 3))
    publish_findings([one, two])
    rows = {row.number: (row.pk, row.since) for row in HostFinding.objects.all()}
    publish_findings([two, three, three])
    found = {row.number: (row.pk, row.since) for row in HostFinding.objects.all()}
    assert set(found) == {2, 3}
    assert found[2] == rows[2]


def test_many_equal_findings_keep_their_row_while_their_number_changes(
    as_operator: Any,
) -> None:
    rows = set[tuple[int, object]]()
    for count in (49, 50):
        also = tuple(f"f:{number}" for number in range(2, 7))
        publish_findings([replace(ODD.at("f", 1, line="l"), count=count, also=also)])
        row = HostFinding.objects.get()
        rows.add((row.pk, row.since))
        assert (row.count, row.also) == (count, list(also))
    assert len(rows) == 1
    assert "50 times, next at f:2, f:3, f:4, f:5, f:6" in page(as_operator)


def test_the_worst_are_published_when_there_are_too_many(db: None, monkeypatch: Any) -> None:
    monkeypatch.setattr(doctor, "SHOWN", 3)
    publish_findings([*(ODD.at("f", n, line="l") for n in range(5)), OPEN_RELAY.at("r")])
    kinds = sorted(HostFinding.objects.values_list("severity", flat=True))
    assert kinds == ["alarm", "trouble", "trouble"]


def test_findings_of_another_node_are_not_touched(db: None) -> None:
    HostFinding.objects.create(node="other", severity="note", file="f", since=timezone.now())
    publish_findings([])
    assert HostFinding.objects.count() == 1


# the page


def page(browser: Any, address: str = "/sync/doctor/") -> str:
    text: str = browser.get(address).content.decode()
    return text


def test_an_empty_page_teaches_and_names_the_command(as_operator: Any) -> None:
    said = page(as_operator)
    assert "Nothing was found." in said
    assert "./manage.py doctor" in said
    doctor_tab = said.partition('href="/sync/doctor/"')[2].partition("</a>")[0]
    assert 'class="tag"' not in doctor_tab


def test_the_page_shows_file_line_meaning_and_remedy(as_operator: Any) -> None:
    publish_findings([ODD.at("control/x", 7, line=b"<b>\x1b"), OPEN_RELAY.at("control/rcpthosts")])
    said = page(as_operator)
    for text in ("control/x:7", "&lt;b&gt;\\x1b is odd.", "Do.", "open relay", "an empty file"):
        assert text in said
    assert said.index("open relay") < said.index("control/x:7")


ALARM = "The doctor found what makes this host lose, refuse or relay mail."


@pytest.mark.parametrize("address", ["", "plan/", "host/", "history/"])
def test_an_alarm_and_the_count_stand_on_every_page_about_sync(
    as_operator: Any, address: str
) -> None:
    publish_findings([ODD.at("f", 1, line="l")])
    said = page(as_operator, f"/sync/{address}")
    assert ALARM not in said
    assert '<span class="tag">1<span' in said
    publish_findings([ODD.at("f", 1, line="l"), OPEN_RELAY.at("control/rcpthosts")])
    said = page(as_operator, f"/sync/{address}")
    assert ALARM in said
    assert '<a href="/sync/doctor/">See what, and the remedy</a>' in said
    assert ALARM in page(as_operator, "/domains/")
    publish_findings([])
    assert ALARM not in page(as_operator, f"/sync/{address}")


def test_the_page_says_when_the_host_was_examined_and_has_it_examined_again(
    as_operator: Any, embedded: Panel
) -> None:
    said = page(as_operator)
    assert "Look again now" in said
    assert "Looked at" not in said
    assert as_operator.post("/sync/doctor/again/").headers["Location"] == "/sync/doctor/"
    assert "The sync service is not running; it looks when it starts." in page(as_operator)
    service = embedded.serve()
    said = page(as_operator)
    assert "Looked at" in said
    assert "hx-trigger" not in said.split("Look again now")[1].split("</form>")[0]
    as_operator.post("/sync/doctor/again/")
    assert "The sync service is looking now." in page(as_operator)
    settle(service)
    assert "looking now" not in page(as_operator)


def test_the_page_is_for_operators(as_colleague: Any) -> None:
    assert as_colleague.get("/sync/doctor/").status_code == 404


def test_the_page_asks_the_database_as_often_for_one_as_for_many(as_operator: Any) -> None:
    counts = []
    for many in (1, 30):
        publish_findings([ODD.at("f", n, line="l") for n in range(many)])
        with CaptureQueriesContext(connection) as queries:
            page(as_operator)
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_sentences_are_translated_where_they_are_shown(db: None) -> None:
    publish_findings([ODD.at("f", 1, line="l")])
    with translation.override("en"):
        assert HostFinding.objects.get(node=settings.QMAILPANEL_NODE).said == "l is odd."
