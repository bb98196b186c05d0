"""`qmailsync --once` from a timer, where no service runs."""

from __future__ import annotations

import shutil
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.utils import timezone

from qmailpanel.aliases.services import add_alias
from qmailpanel.domains.services import remove_domain
from qmailpanel.ledger.actors import SYSTEM
from qmailpanel.mailboxes.delivery.replies import change_reply
from qmailpanel.mailboxes.models import AutoReply, Mailbox
from qmailpanel.mailboxes.removal.services import remove_mailbox
from qmailpanel.qmail.names import AliasLocal, MailAddress
from qmailpanel.reports.models import Nowhere, Survey
from tests.kit.panels import Panel, settle

DAY = timedelta(days=1)


def sync_on(monkeypatch: pytest.MonkeyPatch, days: float) -> None:
    """Run the command when so many days have gone by."""
    then = timezone.now() + days * DAY
    with monkeypatch.context() as patched:
        patched.setattr(timezone, "now", lambda: then)
        call_command("qmailsync", "--once")


def test_it_starts_and_ends_replies_with_their_days(panel: Panel, monkeypatch) -> None:
    ann, day = panel.add_mailbox(panel.add_domain(), "ann"), timezone.localdate() + DAY
    change_reply(SYSTEM, ann, on=True, subject="Away", text="Away.", first=day, last=day, days=7)
    ran = []
    for days in range(3):
        sync_on(monkeypatch, days)
        ran.append(AutoReply.objects.get().running)
    assert ran == [False, True, False]


def test_it_ends_what_refuses_mail_of_a_removed_domain(panel: Panel, monkeypatch) -> None:
    domain = panel.add_domain()
    panel.add_domain("other.test")
    panel.sync()
    remove_domain(SYSTEM, domain)
    sync_on(monkeypatch, 0)
    assert "pandle.net:100" in panel.lines("control/virtualdomains")
    for half_days in range(1, 20):
        sync_on(monkeypatch, half_days / 2)
    assert "pandle.net:100" not in panel.lines("control/virtualdomains")
    assert not any(line.startswith("+100-") for line in panel.lines("users/assign"))


def test_it_purges_mail_whose_time_is_over(panel: Panel, monkeypatch) -> None:
    ann = panel.add_mailbox(panel.add_domain(), "ann")
    panel.sync()
    (panel.below("pandle.net/ann") / "Maildir/new/1").write_text("hello")
    remove_mailbox(SYSTEM, ann)
    for half_days in range(2 * 31):
        sync_on(monkeypatch, half_days / 2)
        if half_days == 2 * 29:
            assert list(panel.below(".archive").glob("*/Maildir/new/1"))
    assert Mailbox.objects.get().purged
    assert not list(panel.below(".archive").glob("*/Maildir/new/1"))


def test_it_notes_that_everything_was_read_back_and_what_goes_nowhere(panel: Panel) -> None:
    domain = panel.add_domain()
    panel.add_mailbox(domain, "ann")
    alias = add_alias(SYSTEM, domain, AliasLocal("sales"), [MailAddress(f"typo@{domain}")])
    call_command("qmailsync", "--once")
    survey = Survey.objects.get()
    assert None not in (survey.read_back, survey.at)
    assert [row.address for row in Nowhere.objects.all()] == [alias.pk]


def test_where_the_host_could_not_be_read_nobody_says_that_it_was(panel: Panel) -> None:
    panel.add_domain()
    shutil.rmtree(panel.home / "users")
    with pytest.raises(SystemExit):
        call_command("qmailsync", "--once")
    assert not Survey.objects.exclude(read_back=None).exists()


def test_the_service_does_so_too(panel: Panel) -> None:
    domain = panel.add_domain()
    settle(panel.serve())
    survey = Survey.objects.get()
    assert None not in (survey.read_back, survey.at)
    assert (survey.domains, survey.mailboxes) == (
        1,
        domain.addresses.filter(kind="mailbox").count(),
    )
