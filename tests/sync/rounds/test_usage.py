"""How full mailboxes are: what the service reads, counts and writes down."""

from __future__ import annotations

import errno
import os
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest
from django.core import mail
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qmailpanel.domains.models import Address
from qmailpanel.ledger.actors import SYSTEM
from qmailpanel.mailboxes.removal.services import remove_mailbox
from qmailpanel.mailboxes.services import change_quota, switch_mailbox
from qmailpanel.qmail.host import home_usage
from qmailpanel.qmail.host.home_usage import entered_home
from qmailpanel.qmail.pause import finish
from qmailpanel.reports.models import LastUse, Usage
from qmailpanel.sync.reconcile import open_host
from qmailpanel.sync.rounds.nearly_full import warn_owners
from qmailpanel.sync.rounds.usage import UsageRounds

DELIVERQUOTA = "/usr/sbin/deliverquota"


@pytest.fixture
def ann(panel):
    preline = panel.home / "bin/preline"
    preline.parent.mkdir(exist_ok=True)
    preline.write_text('#!/bin/sh\n[ "$1" = -f ] && shift\nexec "$@"\n')
    preline.chmod(0o755)
    return panel.add_mailbox(panel.add_domain("pandle.net"), "ann")


def look(panel):
    """A whole round, and its owners told, as by a service that just started."""
    host = open_host()
    finish(UsageRounds(host.layout, host.root.owner).read_all())
    finish(warn_owners())


def usage(address):
    return Usage.objects.get(address=address.pk)


def used(address):
    found = usage(address)
    return found.bytes, found.messages


def size(panel):
    lines = panel.below("pandle.net/ann/Maildir/maildirsize").read_text().splitlines()
    rows = [tuple(map(int, line.split())) for line in lines[1:]]
    return sum(row[0] for row in rows), sum(row[1] for row in rows)


def put(panel, name, bytes_=1000, folder="new"):
    """A message as qmail-local stores it: no size in its name."""
    path = panel.below(f"pandle.net/ann/Maildir/{folder}")
    path.mkdir(parents=True, exist_ok=True)
    (path / name).write_bytes(b"x" * bytes_)
    return path / name


def deliver(panel, bytes_):
    home = panel.below("pandle.net/ann")
    text = b"Subject: x\n\n" + b"x" * bytes_ + b"\n"
    command = [DELIVERQUOTA, "./Maildir"]
    return subprocess.run(command, input=text, cwd=home, check=False).returncode


def limit(panel, address, **limits):
    change_quota(SYSTEM, address, **limits)
    panel.sync()


def test_a_mailbox_without_a_limit_is_counted(panel, ann):
    panel.sync()
    look(panel)
    assert used(ann) == (0, 0)
    put(panel, "1.a")
    put(panel, "2.a,S=500:2,S", folder="cur")
    put(panel, "3.a:2,T", folder="cur")
    put(panel, "4.a", folder=".Sent/cur")
    put(panel, "5.a", folder=".Trash/cur")
    look(panel)
    assert used(ann) == (2500, 3)
    assert usage(ann).percent == 0


def test_a_new_limit_counts_what_is_already_there(panel, ann):
    panel.sync()
    put(panel, "1.a", 3000)
    limit(panel, ann, quota=5000)
    look(panel)
    assert used(ann) == size(panel) == (3000, 1)
    assert usage(ann).percent == 60
    assert deliver(panel, 3000) == 77


def test_panel_and_deliverquota_agree_after_deliveries_removals_and_recounts(panel, ann):
    limit(panel, ann, quota=50_000)
    for bytes_ in (2000, 3000):
        assert deliver(panel, bytes_) == 0
    look(panel)
    assert used(ann) == size(panel)
    assert used(ann)[1] == 2
    maildirsize = panel.below("pandle.net/ann/Maildir/maildirsize")
    for message in panel.below("pandle.net/ann/Maildir/new").iterdir():
        message.unlink()
    maildirsize.write_text("50000S\n")  # as doveadm quota recalc leaves it
    look(panel)
    assert used(ann) == size(panel) == (0, 0)
    assert deliver(panel, 1000) == 0
    look(panel)
    assert used(ann) == size(panel)
    assert used(ann)[1] == 1


def test_what_others_took_from_maildirsize_is_counted_again(panel, ann):
    limit(panel, ann, quota=50_000)
    deliver(panel, 1000)
    look(panel)
    before = used(ann)
    maildirsize = panel.below("pandle.net/ann/Maildir/maildirsize")
    for text in ("nonsense\n", ""):
        maildirsize.write_text(text)
        look(panel)
        assert used(ann) == before
        panel.sync()
        panel.sync()
        look(panel)
        assert used(ann) == size(panel) == before
    maildirsize.unlink()
    panel.sync()
    panel.sync()
    look(panel)
    assert used(ann) == size(panel) == before


def test_a_delivery_while_it_is_counted_is_counted_once(panel, ann, monkeypatch):
    panel.sync()
    put(panel, "1.a", 1000)
    limit(panel, ann, quota=50_000)
    whole = home_usage.OpenHome.count

    def interrupted(box):
        total = yield from whole(box)
        deliver(panel, 2000)
        return total

    monkeypatch.setattr(home_usage.OpenHome, "count", interrupted)
    look(panel)
    assert not usage(ann).counted
    monkeypatch.undo()
    look(panel)
    there = panel.below("pandle.net/ann/Maildir/new").iterdir()
    assert used(ann) == size(panel) == (sum(file.stat().st_size for file in there), 2)


def test_another_limit_is_another_percentage_at_the_next_look(panel, ann):
    limit(panel, ann, quota=10_000, messages=2)
    deliver(panel, 100)
    look(panel)
    assert usage(ann).percent == 50
    limit(panel, ann, messages=0)
    look(panel)
    assert usage(ann).percent == used(ann)[0] // 100


def test_boxes_that_changed_lately_are_looked_at_between_the_rounds(panel, ann):
    limit(panel, ann, quota=10_000)
    service = panel.serve()
    service.usage.lively.hurry()
    service.turn()
    deliver(panel, 100)
    service.usage.lively.hurry()
    service.turn()
    assert used(ann)[1] == 1


def test_a_removed_mailbox_has_no_usage(panel, ann):
    panel.sync()
    look(panel)
    remove_mailbox(SYSTEM, ann)
    panel.sync()
    look(panel)
    assert not Usage.objects.exists()


def test_saying_the_same_again_writes_nothing(panel, ann):
    limit(panel, ann, quota=5000)
    look(panel)
    before = usage(ann).at
    look(panel)
    assert usage(ann).at == before


def _link(path: Path) -> None:
    path.symlink_to("/etc/passwd")


def _fifo(path: Path) -> None:
    os.mkfifo(path)


def _huge(path: Path) -> None:
    path.write_bytes(b"5000S\n" + b"1 1\n" * 100_000)


def _second_name(path: Path) -> None:
    other = path.parent / "other"
    other.write_text("5000S\n 9 9\n")
    path.hardlink_to(other)


def _directory(path: Path) -> None:
    path.mkdir()


@pytest.mark.parametrize("plant", [_link, _fifo, _huge, _second_name, _directory])
def test_a_maildirsize_that_is_something_else_is_not_believed(panel, ann, plant):
    limit(panel, ann, quota=5000)
    put(panel, "1.a")
    path = panel.below("pandle.net/ann/Maildir/maildirsize")
    path.unlink()
    plant(path)
    look(panel)
    assert used(ann) == (1000, 1)
    assert not usage(ann).counted


@pytest.mark.parametrize("name", ["Maildir", "Maildir/new"])
def test_no_link_leads_out_of_a_home(panel, ann, name):
    other = panel.add_mailbox(ann.domain, "bob")
    panel.sync()
    look(panel)
    put(panel, "1.a")
    path = panel.below(f"pandle.net/ann/{name}")
    path.rename(path.parent / "away")
    elsewhere = panel.home / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "message").write_text("x" * 99)
    path.symlink_to(elsewhere)
    look(panel)
    assert used(ann) == (0, 0)
    assert used(other) == (0, 0)


def test_a_box_that_cannot_be_read_keeps_what_was_known_and_the_others_go_on(
    panel, ann, monkeypatch
):
    bob = panel.add_mailbox(ann.domain, "bob")
    panel.sync()
    put(panel, "1.a")
    look(panel)
    put(panel, "2.a")
    (panel.below("pandle.net/bob/Maildir/new") / "1.b").write_bytes(b"x" * 70)
    real, broken = os.scandir, panel.below("pandle.net/ann/Maildir").stat().st_ino

    def scandir(fd):
        if os.stat(fd).st_ino == broken:
            raise OSError(errno.EIO, "Input/output error")
        return real(fd)

    monkeypatch.setattr(os, "scandir", scandir)
    look(panel)
    assert used(ann) == (1000, 1)
    assert used(bob) == (70, 1)
    monkeypatch.undo()
    look(panel)
    assert used(ann) == (2000, 2)


def test_names_of_any_bytes_are_counted(panel, ann):
    panel.sync()
    folder = os.fsencode(panel.below("pandle.net/ann/Maildir")) + b"/.\xff\xfe/cur"
    os.makedirs(folder)
    with open(folder + b"/\xff\n", "wb") as file:
        file.write(b"x" * 9)
    look(panel)
    assert used(ann) == (9, 1)


def test_figures_that_nobody_can_have_are_cut(panel, ann):
    limit(panel, ann, quota=5000)
    look(panel)
    path = panel.below("pandle.net/ann/Maildir/maildirsize")
    path.write_text("5000S,0C\n" + "999999999999999999 -5\n" * 9)
    look(panel)
    assert used(ann) == (2**50, 0)
    assert usage(ann).percent == 10_000


NAMES = st.sampled_from(["a", "b,S=70", "c,S=80:2,ST", "d:2,T", "e:2,FS", ".f", "g,S=x"])
PLACES = st.sampled_from(
    ["new", "cur", "tmp", ".Sent/cur", ".Sent/tmp", ".Trash/new", ".A.B/new", "x/new"]
)
FILES = st.dictionaries(st.tuples(PLACES, NAMES), st.integers(0, 300), max_size=12)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(files=FILES)
def test_the_count_is_that_of_the_rules_written_down(tmp_path_factory, files):
    root = tmp_path_factory.mktemp("root")
    base = root / "d/l/Maildir"
    base.mkdir(parents=True)
    for (place, name), length in files.items():
        (base / place).mkdir(parents=True, exist_ok=True)
        (base / place / name).write_bytes(b"x" * length)
    told = {"b,S=70": 70, "c,S=80:2,ST": None, "d:2,T": None, ".f": None}
    counted = [
        told.get(name, length)
        for (place, name), length in files.items()
        if place in ("new", "cur", ".Sent/cur", ".A.B/new") and told.get(name, 0) is not None
    ]
    with entered_home(str(root), "d", "l") as box:
        count = box.count()
        try:
            next(count)
        except StopIteration as end:
            assert end.value == (sum(counted), len(counted))


# the owner is told


def fill(address, percent, **more):
    Usage.objects.filter(address=address.pk).update(percent=percent, **more)


def test_the_owner_is_told_once_and_again_after_there_was_room(panel, ann):
    limit(panel, ann, messages=10)
    for _ in range(9):
        deliver(panel, 10)
    look(panel)
    look(panel)
    (sent,) = mail.outbox
    assert sent.to == ["ann@pandle.net"]
    assert sent.extra_headers["Auto-Submitted"] == "auto-generated"
    assert "90% of what it may hold" in sent.body
    assert "Messages: 9 of 10" in sent.body
    limit(panel, ann, messages=12)  # 75 per cent
    look(panel)
    limit(panel, ann, messages=10)
    look(panel)
    assert len(mail.outbox) == 2
    Usage.objects.update(warned_at=timezone.now() - timedelta(days=8))
    look(panel)
    assert len(mail.outbox) == 3


def test_an_owner_who_is_told_in_a_pause_of_the_count_is_not_told_again(panel, ann, monkeypatch):
    monkeypatch.setattr(home_usage, "MESSAGES", 1)
    panel.add_mailbox(ann.domain, "bob")
    limit(panel, ann, messages=20)
    for _ in range(18):
        deliver(panel, 10)
    host = open_host()
    rounds = UsageRounds(host.layout, host.root.owner)
    finish(rounds.read_all())
    deliver(panel, 10)
    (panel.below("pandle.net/bob/Maildir/new") / "1.b").touch()
    counting = rounds.read_all()
    next(counting)
    finish(warn_owners())
    finish(counting)
    assert usage(ann).percent == 95
    finish(warn_owners())
    assert len(mail.outbox) == 1


def test_an_address_that_is_none_keeps_nobody_else_from_being_told(panel, ann):
    bob = panel.add_mailbox(ann.domain, "bob")
    limit(panel, ann, messages=20)
    limit(panel, bob, messages=20)
    look(panel)
    for address in (ann, bob):
        fill(address, 95)
    bad = "a\n=100-root:root:0:0:/root:::"
    Address.objects.filter(pk=ann.pk).update(local=bad)
    finish(warn_owners())
    assert [message.to for message in mail.outbox] == [["bob@pandle.net"]]
    assert usage(ann).warned_at


def test_nobody_is_told_who_would_not_get_it(panel, ann, settings):
    limit(panel, ann, messages=1)
    deliver(panel, 10)
    look(panel)
    assert usage(ann).percent == 100
    limit(panel, ann, messages=0)
    fill(ann, 95)
    switch_mailbox(SYSTEM, ann, on=False)
    finish(warn_owners())
    switch_mailbox(SYSTEM, ann, on=True)
    settings.QMAILPANEL_WARN_PERCENT = 0
    finish(warn_owners())
    assert mail.outbox == []


def test_a_mail_server_that_is_away_ends_nothing_and_is_tried_later(panel, ann, settings):
    limit(panel, ann, messages=10)
    for _ in range(9):
        deliver(panel, 10)
    backend, settings.EMAIL_BACKEND = (
        settings.EMAIL_BACKEND,
        "django.core.mail.backends.smtp.EmailBackend",
    )
    settings.EMAIL_PORT = 1  # nobody listens there
    service = panel.serve()
    assert usage(ann).warned_at is None
    settings.EMAIL_BACKEND = backend
    service.turn()
    assert mail.outbox == []
    service.warnings.hurry()
    service.turn()
    assert len(mail.outbox) == 1


# last use


def uses():
    return {use.what: use.ip for use in LastUse.objects.all()}


def test_what_sign_ins_left_is_read(panel, ann):
    panel.sync()
    home = panel.below("pandle.net/ann")
    (home / ".last-imap").write_text("192.0.2.7\n")
    (home / ".last-pop3").write_text("")
    (home / ".last-smtp").write_text("2001:DB8::1")
    (home / ".last-app-1").write_text("192.0.2.9")  # no app password of that number
    look(panel)
    assert uses() == {"imap": "192.0.2.7", "pop3": None, "smtp": "2001:db8::1"}
    os.utime(home / ".last-imap", (1_700_000_000, 1_700_000_000))
    look(panel)
    assert LastUse.objects.get(what="imap").at.timestamp() == 1_700_000_000


def test_what_sign_ins_cannot_have_left_is_not_believed(panel, ann):
    panel.sync()
    home = panel.below("pandle.net/ann")
    (home / ".last-imap").write_text("192.0.2.7' OR 1")
    (home / ".last-app-1").write_text("fe80::1%eth0")
    (home / ".last-pop3").symlink_to("/etc/hostname")
    (home / ".last-smtp").write_text("192.0.2.7")
    os.utime(home / ".last-smtp", (4_000_000_000, 4_000_000_000))
    look(panel)
    assert uses() == {"imap": None}
    (home / ".last-imap").write_text("fe80::1%eth0")
    look(panel)
    assert uses() == {"imap": "fe80::1"}


def test_a_mailbox_that_nobody_opened_is_known_from_others(panel, ann):
    panel.sync()
    look(panel)
    assert not Usage.objects.get(address=ann.pk).opened
    (panel.below("pandle.net/ann") / ".last-pop3").write_text("192.0.2.7\n")
    look(panel)
    assert Usage.objects.get(address=ann.pk).opened
    look(panel)
    assert Usage.objects.get(address=ann.pk).opened
