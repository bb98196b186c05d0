"""qmail-newu that fails, hangs or is killed; qmail-send that is not there or does not listen."""

from __future__ import annotations

import pytest

from qmailpanel.domains.models import Domain
from qmailpanel.qmail.host import hup, map_compiler
from qmailpanel.reports.statuses import Status
from tests.kit.panels import Panel
from tests.kit.programs import IS_DEAF, READS, make_newu, running


@pytest.fixture
def pandle(panel: Panel) -> Domain:
    for name in ("bin", "queue"):
        (panel.home / name).mkdir()
    domain = panel.add_domain("pandle.net")
    panel.add_mailbox(domain, "ann")
    panel.sync()
    return domain


@pytest.mark.parametrize(
    ("script", "cause"),
    [
        ("echo qmail-newu: fatal: bad format >&2; exit 111", "bad format"),
        ("echo half > users/cdb.tmp; exec /bin/sleep 60", "timed out"),
        ("echo half > users/cdb.tmp; kill -9 $$", "exit -9"),
        ("exit 0", "still the old one"),
    ],
)
def test_a_qmail_newu_that_does_not_do_it_costs_nobody_else_mail(
    panel, pandle, as_operator, monkeypatch, script, cause
) -> None:
    monkeypatch.setattr(map_compiler, "COMPILER_SECONDS", 0.3)
    before = panel.read("users/cdb")
    make_newu(panel.home, f"cd {panel.home}; {script}")
    bob = panel.add_mailbox(pandle, "bob")
    report = panel.sync()
    assert cause in report.cause
    assert panel.status(bob) is Status.FAILED
    assert panel.read("users/cdb") == before
    assert "=7-joe:joe:7:7:/home/joe:::" in panel.lines("users/assign")
    page = as_operator.get("/domains/pandle.net/mailboxes/").content.decode()
    assert report.error in page.replace("&#x27;", "'")
    (panel.home / "bin/qmail-newu").unlink()
    assert panel.sync().error == ""
    assert panel.status(bob) is Status.LIVE
    assert panel.answer("=100-bob")


def test_without_a_qmail_send_there_is_nobody_to_tell_and_all_is_live(
    panel, pandle, settings
) -> None:
    settings.QMAILPANEL_HUP = "auto"
    other = panel.add_domain("b.test")
    assert panel.sync().error == ""
    assert panel.status_of_domain(other) is Status.LIVE


def test_a_hup_that_is_lost_is_said_and_sent_again_before_mail_is_accepted(
    panel, pandle, settings, monkeypatch, as_operator
) -> None:
    settings.QMAILPANEL_HUP = "auto"
    monkeypatch.setattr(hup, "HUP_SECONDS", 0.3)
    other = panel.add_domain("b.test")
    with running(panel.home, IS_DEAF):
        report = panel.sync()
        assert report.error == hup.NOT_TOLD
        assert panel.status_of_domain(other) is Status.FAILED
        assert "b.test" not in panel.lines("control/rcpthosts")
        assert report.error in as_operator.get("/sync/").content.decode()
    with running(panel.home, READS):
        assert panel.sync().error == ""
    assert panel.status_of_domain(other) is Status.LIVE
    assert "b.test" in panel.lines("control/rcpthosts")
