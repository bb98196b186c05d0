"""Mailboxes opened by the real Dovecot, with what sync wrote for it."""

from __future__ import annotations

import grp
import hashlib
import itertools
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from qmailpanel.domains.models import Address
from qmailpanel.domains.services import remove_domain
from qmailpanel.ledger.actors import SYSTEM
from qmailpanel.mailboxes.models import AppPassword, Mailbox
from qmailpanel.mailboxes.removal.services import remove_mailbox
from qmailpanel.mailboxes.services import change_mailbox, change_quota, mailbox_of, set_password
from qmailpanel.qmail.formats.maildir import parse
from qmailpanel.qmail.secrets.passwords import hash_password
from qmailpanel.reports.statuses import Status
from qmailpanel.sync.reconcile import open_host
from qmailpanel.sync.service import Service
from tests.kit.disk import make_home
from tests.kit.dovecot import Dovecot, installations, needs_dovecot, run_dovecot, taking_mail
from tests.kit.panels import Panel

pytestmark = needs_dovecot

FIRST, SECOND, APP = "first pass:word", "2nd Pass %word", "abcd-efgh-ijkl"  # a colon splits no line
numbers = itertools.count()


@pytest.fixture(scope="module", params=installations)
def dovecot(request: pytest.FixtureRequest) -> Iterator[Dovecot]:
    place = Path(tempfile.mkdtemp(prefix="qmailpanel-dovecot-"))
    place.chmod(0o755)
    with run_dovecot(request.param, place, place / "qmail/logins") as running:
        yield running
    shutil.rmtree(place)


@pytest.fixture
def panel(transactional_db: None, settings: Any, dovecot: Dovecot) -> Iterator[Panel]:
    home = make_home(dovecot.place / "qmail")
    settings.QMAILPANEL_QMAIL_HOME = home
    settings.QMAILPANEL_MAIL_ROOT = home / "mailnames"
    settings.QMAILPANEL_SYNC_DIR = home / "memory"
    settings.QMAILPANEL_LOGIN_DIR = home / "logins"
    settings.QMAILPANEL_FIFO = home / "sync.fifo"
    settings.QMAILPANEL_DOVECOT = "on"
    yield Panel(home)
    shutil.rmtree(home)


@pytest.fixture(params=["small", "large"])
def ann(panel: Panel, request: pytest.FixtureRequest) -> Address:
    """In a domain that Dovecot never saw before. A large one was so before it had her."""
    domain = panel.add_domain(f"d{next(numbers)}.test")
    if request.param == "large":
        panel.have_shards(domain.name)
    return panel.add_mailbox(domain, "ann")


def file_of(panel: Panel, address: Address) -> Path:
    """What Dovecot lets her in by."""
    shard = panel.home / f"logins/{address.domain}.d/7e.passwd"
    return shard if shard.exists() else panel.home / f"logins/{address.domain}.passwd"


@pytest.fixture
def service(ann: Address) -> Service:
    return Service(open_host())


def make_live(panel: Panel, service: Service, address: Address) -> float:
    """As the service does. Returns how long it took."""
    began = time.monotonic()
    service.turn()
    while panel.status(address) not in (Status.LIVE, Status.REMOVED):
        assert time.monotonic() < began + 5
        time.sleep(service._seconds_to_wait())
        service.turn()
    return time.monotonic() - began


def home_of(panel: Panel, address: Address) -> Path:
    return panel.below(f"{address.domain.name}/{address.local}")


def change_row(address: Address, **fields: Any) -> None:
    """As a service of the panel would."""
    Mailbox.objects.filter(address=address).update(**fields)
    change_mailbox(SYSTEM, address, comment=f"{timezone.now()}")


def deliver(home: Path, subject: str, size: int = 0) -> int:
    """As qmail-local runs the line of a home with a quota: the exit code."""
    mail = f"Subject: {subject}\n\n{'x' * size}\n".encode()
    command = ["/usr/sbin/deliverquota", "./Maildir"]
    done = subprocess.run(
        command, input=mail, cwd=home, user=110, group=31, extra_groups=[], check=False
    )
    return done.returncode


def test_a_password_opens_the_mailbox_as_soon_as_it_is_live_and_the_one_before_no_longer(
    panel, ann, service, dovecot
) -> None:
    set_password(SYSTEM, ann, password=FIRST)
    took = make_live(panel, service, ann)
    assert took < 2.5
    assert dovecot.imap(str(ann), FIRST)
    assert dovecot.pop3(str(ann).upper(), FIRST)
    set_password(SYSTEM, ann, password=SECOND)
    service.turn()
    assert panel.status(ann) is Status.PENDING
    make_live(panel, service, ann)
    assert (dovecot.imap(str(ann), SECOND), dovecot.pop3(str(ann), SECOND)) == (True, True)
    assert (dovecot.imap(str(ann), FIRST), dovecot.pop3(str(ann), FIRST)) == (False, False)
    assert not dovecot.imap(f"nobody@{ann.domain}", FIRST)
    assert not dovecot.imap("ann@elsewhere.test", FIRST)
    assert not dovecot.imap(f"ann@../logins/{ann.domain}", FIRST)
    assert (home_of(panel, ann) / ".last-imap").read_text() == "127.0.0.1\n"
    assert (home_of(panel, ann) / ".last-pop3").stat().st_uid == 110


def test_an_app_password_opens_its_protocols_and_is_noted(panel, ann, service, dovecot) -> None:
    set_password(SYSTEM, ann, password=FIRST)
    app = AppPassword.objects.create(
        mailbox=mailbox_of(ann),
        name="phone",
        password=hash_password(APP),
        mark=hashlib.sha256(APP.encode()).hexdigest(),
        pop3=False,
        created=timezone.now(),
    )
    change_row(ann)
    make_live(panel, service, ann)
    assert (dovecot.imap(str(ann), APP), dovecot.pop3(str(ann), APP)) == (True, False)
    assert dovecot.imap(str(ann), FIRST)
    assert (home_of(panel, ann) / f".last-app-{app.pk}").read_text() == "127.0.0.1\n"
    mark = hashlib.sha256(APP.encode()).hexdigest()
    assert not dovecot.imap(f"{ann}/imap/{mark}", APP)
    change_row(ann, must_change=True)
    make_live(panel, service, ann)
    assert (dovecot.imap(str(ann), APP), dovecot.imap(str(ann), FIRST)) == (False, False)


def test_what_is_switched_off_refuses_and_a_removed_mailbox_opens_no_more(
    panel, ann, service, dovecot
) -> None:
    set_password(SYSTEM, ann, password=FIRST)
    change_row(ann, pop3=False, sending=False)
    make_live(panel, service, ann)
    assert (dovecot.imap(str(ann), FIRST), dovecot.pop3(str(ann), FIRST)) == (True, False)
    for name, found in {"imap": True, "smtp": False, "submission": False}.items():
        said = dovecot.doveadm("auth", "test", "-x", f"service={name}", str(ann), FIRST)
        assert ("auth succeeded" in said) is found, said
    remove_mailbox(SYSTEM, ann)
    make_live(panel, service, ann)
    assert not dovecot.imap(str(ann), FIRST)
    assert not home_of(panel, ann).exists()


def test_who_signs_in_sends_and_nobody_else(panel, ann, service, dovecot) -> None:
    if not dovecot.installation.sends:
        pytest.skip("this Dovecot has no submission service")
    set_password(SYSTEM, ann, password=FIRST)
    make_live(panel, service, ann)
    with taking_mail(dovecot.relay_port) as taken:
        assert not dovecot.send(str(ann), SECOND)
        assert dovecot.send(str(ann), FIRST)
        change_row(ann, sending=False)
        make_live(panel, service, ann)
        assert not dovecot.send(str(ann), FIRST)
    assert len(taken) == 1
    assert "Subject: hello" in taken[0]


def test_dovecot_and_deliverquota_agree_on_limit_and_usage(panel, ann, service, dovecot) -> None:
    set_password(SYSTEM, ann, password=FIRST)
    change_quota(SYSTEM, ann, quota=10_240)
    make_live(panel, service, ann)
    home = home_of(panel, ann)
    assert [deliver(home, "one", 4000), deliver(home, "two", 9000)] == [0, 77]
    assert dovecot.subjects(str(ann), FIRST) == ["one"]
    with dovecot.open_imap() as client:
        client.login(str(ann), FIRST)
        assert b"OVERQUOTA" in client.append("INBOX", "", "", b"x" * 9000)[1][0]
    change_quota(SYSTEM, ann, quota=20_480)
    make_live(panel, service, ann)
    assert deliver(home, "two", 9000) == 0
    assert dovecot.subjects(str(ann), FIRST) == ["one", "two"]
    size = parse((home / "Maildir/maildirsize").read_bytes())
    assert size.limits == (20_480, 0)
    line = next(
        line
        for line in dovecot.doveadm("quota", "get", "-u", str(ann)).splitlines()
        if "STOR" in line
    )
    assert line.split()[-4:-1] == ["STORAGE", str(-(-size.used[0] // 1024)), "20"]
    assert f"home\t{home}" in dovecot.doveadm("user", str(ann))


def test_who_opens_a_mailbox_without_limits_gives_it_none(panel, ann, service, dovecot) -> None:
    set_password(SYSTEM, ann, password=FIRST)
    make_live(panel, service, ann)
    with dovecot.open_imap() as client:
        client.login(str(ann), FIRST)
        assert client.append("INBOX", "", "", b"x" * 9000)[0] == "OK"
    assert panel.sync().steps == []
    assert deliver(home_of(panel, ann), "two", 9000) == 0
    assert panel.sync().steps == []


def test_dovecot_holds_the_limits_that_the_files_tell_it(
    panel, ann, service, dovecot, settings
) -> None:
    settings.QMAILPANEL_DOVECOT_QUOTA_RULE = "on"
    change_row(ann, quota=10_240, messages=7)
    make_live(panel, service, ann)
    quota = dovecot.doveadm("quota", "get", "-u", str(ann)).split()
    assert quota[quota.index("STORAGE") + 2] == "10"
    assert quota[quota.index("MESSAGE") + 2] == "7"


def test_dovecot_may_keep_the_logins_of_a_million_mailboxes(panel, ann, service, dovecot) -> None:
    set_password(SYSTEM, ann, password=FIRST)
    make_live(panel, service, ann)
    assert dovecot.imap(str(ann), FIRST)
    assert dovecot.memory_for_logins() > 1_000_000 * 2_000


def test_two_passwords_of_one_length_within_a_second_are_both_seen(
    panel, ann, service, dovecot
) -> None:
    set_password(SYSTEM, ann, password=FIRST)
    make_live(panel, service, ann)
    assert dovecot.imap(str(ann), FIRST)
    file = file_of(panel, ann)
    times = [int(file.stat().st_mtime)]
    for word in (SECOND, FIRST, SECOND):
        set_password(SYSTEM, ann, password=word)
        service.turn()
        times.append(int(file.stat().st_mtime))
    assert times == sorted(set(times))
    make_live(panel, service, ann)
    assert (dovecot.imap(str(ann), SECOND), dovecot.imap(str(ann), FIRST)) == (True, False)


def test_each_login_file_has_its_readers_and_the_maps_only_those_who_ask(
    panel, ann, settings
) -> None:
    dovecot, mail = (grp.getgrnam(name).gr_gid for name in ("dovecot", "mail"))
    for asking, group, mode in (("no-such-group", 0, 0o600), ("mail", mail, 0o640)):
        settings.QMAILPANEL_ASK_GROUP = asking
        service = Service(open_host())
        service.turn()
        logins = panel.home / "logins"
        found = [(path.suffix, path.stat()) for path in (logins, *logins.rglob("*"))]
        assert {(suffix, each.st_mode & 0o7777, each.st_gid) for suffix, each in found} - {
            (".d", 0o711, 0)
        } == {("", 0o711, 0), (".passwd", 0o640, dovecot), (".cdb", mode, group)}
        assert {each.st_uid for _, each in found} == {0}
    remove_domain(SYSTEM, ann.domain)
    service.turn()
    assert list((panel.home / "logins").iterdir()) == []
