"""What people do to a panel before the power is cut, and what they were told of it when.

Each generator step is somebody's doing; sync makes it true before the next one.
"""

from __future__ import annotations

import os
import pickle
import random
import signal
import sqlite3
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection

from qmailpanel.aliases.services import change_alias, remove_alias
from qmailpanel.domains.models import Address, Domain
from qmailpanel.domains.names.services import (
    add_alias_domain,
    remove_alias_domain,
    restore_alias_domain,
)
from qmailpanel.domains.renaming import rename_address, rename_domain
from qmailpanel.domains.services import remove_domain, restore_domain, switch_domain
from qmailpanel.ledger.actors import SYSTEM
from qmailpanel.mailboxes.removal.services import purge_mailbox, remove_mailbox, restore_mailbox
from qmailpanel.mailboxes.services import change_quota, set_password, switch_mailbox
from qmailpanel.qmail.host.errors import Busy
from qmailpanel.qmail.host.mail_host import Host
from qmailpanel.qmail.names import DomainName, LocalPart, MailAddress
from qmailpanel.qmail.plan.steps import PlaceHome, WriteFile, WriteLogins, WriteShared
from qmailpanel.state_dir import FACTOR_KEY, KEY, make_secret_key
from qmailpanel.sync.host_settings import read_layout
from qmailpanel.sync.publish import newest_change
from qmailpanel.sync.reconcile import Reconciler
from qmailpanel.sync.report import Report
from qmailpanel.sync.scope import all_domains
from tests.kit.panels import Panel
from tests.kit.power_facts import Facts, read_facts

KILLS = 4
LONGEST = 0.1  # seconds that a run may last before it is killed
BOXES = 50
HASH = "{ARGON2ID}$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$b"


@dataclass(frozen=True)
class Note:
    """Through `change` the panel had said Saved; when `facts`, also Live, and these were true.

    `position`: of the record of the disks. `database`: a copy of it.
    """

    position: int
    change: int
    facts: Facts | None
    database: Path


class NotingHost(Host):
    """Notes each text before it is written: a file must always have one of them."""

    versions: Path

    def apply(self, plan, report, pause):
        with self.versions.open("ab") as file:
            for path, content in _texts_of(plan):
                pickle.dump((path, content), file)
        return super().apply(plan, report, pause)


def _texts_of(plan) -> Iterator[tuple[str, bytes]]:
    """With each file's path below the qmail home, the mail root or the directory of logins."""
    for step in plan.steps:
        match step:
            case WriteShared(shared, _, content):
                yield str(shared), content
            case WriteFile(path, _, content):
                yield path, content
            case PlaceHome(path, _, bytes(content)):
                yield f"{path}/.qmail", content
            case WriteLogins(_, _, files):
                yield from files.items()


class History:
    """`notes` and `versions` are files outside of the disks that lose their power."""

    def __init__(self, directory: Path, record: Path, chance: random.Random) -> None:
        self.directory, self.record, self.chance = directory, record, chance
        self.panel = Panel(Path(settings.QMAILPANEL_QMAIL_HOME))
        self.number = 0

    def write(self) -> None:
        for name in (KEY, FACTOR_KEY):
            make_secret_key(Path(settings.QMAILPANEL_STATE_DIR, name))
        self.note(is_live=False)
        self.sync()
        for _ in self.changes():
            self.note(is_live=False)
            self.sync()

    def sync(self) -> None:
        report = self.reconcile_at_last()
        assert (report.error, report.question) == ("", None)
        assert not any(report.problems.values()), report
        self.note(is_live=True)

    def reconcile_at_last(self) -> Report:
        """A qmail-newu of a run that was killed may still be at work."""
        while True:
            with suppress(Busy):
                return self.reconcile(self.reconciler())
            time.sleep(0.01)

    def reconcile(self, reconciler: Reconciler) -> Report:
        """All of it, or what was changed."""
        if self.chance.random() < 0.5:
            return reconciler.reconcile([], since=0)
        return reconciler.reconcile(all_domains(), absent=True)

    def reconciler(self) -> Reconciler:
        host = NotingHost(read_layout(), str(settings.QMAILPANEL_SYNC_DIR), settings.QMAILPANEL_HUP)
        host.versions = self.directory / "versions"
        return Reconciler(host)

    def note(self, *, is_live: bool) -> None:
        self.number += 1
        position = self.record.stat().st_size
        database = self.directory / f"{self.number}.sqlite3"
        connection.ensure_connection()
        with sqlite3.connect(database) as copy:
            connection.connection.backup(copy)
        copy.close()
        note = Note(position, newest_change(), read_facts() if is_live else None, database)
        with (self.directory / "notes").open("ab") as file:
            pickle.dump(note, file)

    def changes(self) -> Iterator[None]:
        pandle = self.panel.add_domain()
        yield
        ann = self.panel.add_mailbox(pandle, "ann")
        set_password(SYSTEM, ann, stored=f"{HASH}x")
        bob = self.panel.add_mailbox(pandle, "bob")
        yield
        info = self.panel.add_alias(pandle, "info", "ann@pandle.net", "one@side.test")
        alias_domain = add_alias_domain(SYSTEM, pandle, DomainName("pandle.com"))
        yield
        self.deliver("pandle.net/ann", "pandle.net/bob")
        change_quota(SYSTEM, ann, quota=5_000_000)
        set_password(SYSTEM, ann, stored=f"{HASH}y")
        yield
        yield from self.change_two_domains(pandle)
        change_alias(SYSTEM, info, destinations=[MailAddress("bob@pandle.net")])
        change_quota(SYSTEM, ann, quota=7_000_000)
        yield
        set_password(SYSTEM, ann, stored=f"{HASH}z")  # which no other file tells of
        yield
        rename_address(SYSTEM, ann, LocalPart("anna"), keep=True)
        yield
        yield from self.remove_and_restore(bob)
        remove_alias_domain(SYSTEM, alias_domain)
        yield
        restore_alias_domain(SYSTEM, alias_domain)
        yield
        yield from self.be_killed(pandle)

    def change_two_domains(self, pandle: Domain) -> Iterator[None]:
        self.have_shards("b.test")
        one, other = self.panel.add_domain("b.test"), self.panel.add_domain("c.test")
        cora = self.panel.add_mailbox(other, "cora")
        self.panel.add_alias(pandle, "over", "cora@c.test")
        self.panel.add_mailbox(one, "bea")
        yield
        self.deliver("b.test/bea", "c.test/cora")
        for number in range(BOXES):
            self.panel.add_mailbox(one, f"box{number}")
        yield
        rename_domain(SYSTEM, other, DomainName("d.test"), keep=False)
        yield
        switch_mailbox(SYSTEM, cora, on=False)
        switch_domain(SYSTEM, one, on=False)
        yield
        switch_mailbox(SYSTEM, cora, on=True)
        switch_domain(SYSTEM, one, on=True)
        yield
        remove_domain(SYSTEM, one)
        yield
        restore_domain(SYSTEM, one)
        yield

    def remove_and_restore(self, bob: Address) -> Iterator[None]:
        remove_mailbox(SYSTEM, bob, despite_pointers=True)
        yield
        restore_mailbox(SYSTEM, bob)
        yield
        dora = self.panel.add_mailbox(bob.domain, "dora")
        yield
        remove_mailbox(SYSTEM, dora)
        yield
        purge_mailbox(SYSTEM, dora)
        yield

    def be_killed(self, pandle: Domain) -> Iterator[None]:
        """Sync is killed, and finds what it did when it starts again."""
        at = Address.objects.get(domain=pandle, local="anna")
        for number in range(KILLS):
            name = LocalPart(f"ann{number}")
            rename_address(SYSTEM, at, name, keep=False)
            self.panel.add_mailbox(pandle, f"new{number}")
            self.note(is_live=False)
            self.sync_and_kill(after=self.chance.uniform(0, LONGEST))
            yield
        cora = Address.objects.get(domain__name="d.test", local="cora")
        for number in range(4):
            set_password(SYSTEM, cora, stored=f"{HASH}{number}")
            self.note(is_live=False)
            self.sync_and_kill()
            yield
            alias = self.panel.add_alias(pandle, f"gone{number}", "one@side.test")
            yield
            remove_alias(SYSTEM, alias)
            self.note(is_live=False)
            if number % 2:
                self.sync_and_kill()
            yield

    def sync_and_kill(self, after: float | None = None) -> None:
        """So many seconds after it began, else when it is about to sync what it did."""
        connection.close()
        child = os.fork()
        if not child:
            reconciler = self.reconciler()
            if after is None:
                _end_before_sync(reconciler.host)
            with suppress(BaseException):
                self.reconcile(reconciler)
            os._exit(1)
        if after is not None:
            time.sleep(after)
            os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)

    def have_shards(self, name: str) -> None:
        """On disk: it is said to be live in them."""
        self.panel.have_shards(name)
        logins = Path(settings.QMAILPANEL_LOGIN_DIR)
        _sync(logins / f"{name}.d")
        _sync(logins)

    def deliver(self, *homes: str) -> None:
        """A message each, that the mail server may say it has."""
        for home in homes:
            new = Path(settings.QMAILPANEL_MAIL_ROOT, home, "Maildir/new")
            message = new / f"{self.number}-{home.replace('/', '-')}.mail"
            message.write_bytes(b"hello\n")
            _sync(message)
            _sync(new)


def _sync(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY)
    os.fsync(fd)
    os.close(fd)


def _end_before_sync(host: Host) -> None:
    """To homes or logins."""
    host.flush()
    host.__dict__["flush"] = lambda: None  # done: not what a run begins with is meant
    host.root.__dict__["flush"] = lambda: os._exit(1)
    fsync = os.fsync

    def end_or_sync(fd: int) -> None:
        if os.path.samestat(os.fstat(fd), os.stat(host.logins.path)):
            os._exit(1)
        fsync(fd)

    os.__dict__["fsync"] = end_or_sync


def read_all(path: Path) -> Iterator[Any]:
    with path.open("rb") as file, suppress(EOFError):
        while True:
            yield pickle.load(file)
