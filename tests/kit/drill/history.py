"""A drill: random acts upon a new panel, and what must be true after each of sync's."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from pathlib import Path

from qmailpanel.ledger.actors import Refused
from qmailpanel.ledger.models import Change
from qmailpanel.mailboxes.models import Mailbox
from qmailpanel.qmail.formats.shared_files import Shared
from qmailpanel.reports.models import KnownHost
from qmailpanel.sync.models import SyncQuestion
from tests.kit.disk import make_home
from tests.kit.drill.agreement import agree
from tests.kit.drill.backups import Backups
from tests.kit.drill.expected import learn
from tests.kit.drill.mail import Mail
from tests.kit.drill.operator import Operator
from tests.kit.drill.people import People
from tests.kit.drill.world import NAMES, World
from tests.kit.panels import Panel, settle

Act = tuple[str, int]

START: list[Act] = [
    ("add domain", 0), ("create", 0), ("sync", 0), ("add domain", 1), ("create", 1),
]  # fmt: skip
PEOPLE = (
    "add domain", "remove domain", "switch domain", "rename domain", "alias domain", "sub-domains",
    "unknown", "create", "create", "create", "alias", "remove", "remove", "restore", "restore as",
    "rename", "rename", "switch", "purge", "a month", "sync", "sync", "sync", "sync", "serve",
)  # fmt: skip
LATER = (*PEOPLE, "yes", "no", "by hand")


def random_history(chance: random.Random) -> list[Act]:
    """Something is put back once or twice, and all go on working."""

    def some(acts: tuple[str, ...], least: int, most: int) -> list[Act]:
        return [
            (chance.choice(acts), chance.randrange(4096))
            for _ in range(chance.randint(least, most))
        ]

    before = [*START, *some(PEOPLE, 3, 12), ("sync", 0)]
    after = [*some(("put back",), 1, 1), *some(LATER, 2, 8)]
    return [*before, *after, *some(("put back",), 0, 1), *some(LATER, 0, 6)]


class Drill:
    """A new panel on a new host with one domain of others."""

    def __init__(self, panel: Panel, backups: Path) -> None:
        shutil.rmtree(panel.home)
        make_home(panel.home, {Shared.VIRTUAL: b"old.test:7\n", Shared.RCPT: b"old.test\n"})
        KnownHost.objects.all().delete()
        self.world = World(panel)
        self.mail, self.operator = Mail(self.world), Operator(self.world)
        self.backups = Backups(self.world, backups)
        own: dict[str, Callable[[int], None]]
        own = {"sync": self.sync, "serve": self.serve, "put back": self.backups.put_back}
        self.acts = People(self.world).acts | self.operator.acts | own
        self.act("sync", 0)

    def act(self, act: str, number: int) -> None:
        try:
            self.acts[act](number)
        except Refused:
            return
        finally:
            self.world.purged |= {one.home for one in Mailbox.objects.filter(purged=True)}
        if act in self.operator.acts:
            self.sync()
        self.backups.keep()

    # what sync does

    def sync(self, number: int = 0) -> None:
        """Of all domains, or of what was changed: at a start that comes first."""
        before, panel = self.standing(), self.world.panel
        report = panel.sync_changes() if number % 2 else panel.sync()
        if number % 2 and not self.world.is_read:
            report = panel.sync()
        assert not report.error, f"{report.error} {report.cause}"
        self.look(before, is_asking=report.question is not None)

    def serve(self, _number: int) -> None:
        before = self.standing()
        settle(self.world.panel.serve())
        self.look(before, is_asking=SyncQuestion.objects.exists())

    def standing(self) -> dict[str, bytes]:
        """Everything but mail and memory."""
        return {
            str(path): path.read_bytes() if path.is_file() else b""
            for path in self.world.panel.home.rglob("*")
            if path.parent.name not in ("memory", "new")
        }

    def look(self, before: dict[str, bytes], *, is_asking: bool) -> None:
        if is_asking:
            assert self.standing() == before, "something was done while a question is open"
        else:
            self.check_asked()
            learn(self.world)
        self.world.is_read = self.world.is_known = True
        self.world.is_asking = is_asking
        self.mail.check()
        self.mail.deliver()

    def check_asked(self) -> None:
        """The host was made from this database, or somebody said that it shall be now."""
        number, digest = self.world.known.change
        is_there = Change.objects.filter(pk=number, digest=digest).exists()
        assert not number or is_there or self.world.said_yes, "nothing was asked"
        newest = Change.objects.latest("pk") if Change.objects.exists() else None
        self.world.known.change = (newest.pk, newest.digest) if newest else (0, "")
        self.world.said_yes = False

    # the end

    def end(self) -> None:
        """The operator answers and clears up; then disk and database agree, and all goes on."""
        for _ in range(8):
            self.act("yes", 1)
            if not self.operator.clear_up() and not SyncQuestion.objects.exists():
                break
        self.sync()
        agree(self.world)
        assert not self.world.panel.sync().steps
        for number in range(len(NAMES)):
            self.act("add domain", number)
