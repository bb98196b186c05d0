"""Each system call of the host fails in each plausible way: nothing is lost, and it is said.

A case is one call site, one errno, once or lasting. CI tries each case in one of the changes;
`make soak` tries each in all of them.
"""

from __future__ import annotations

import itertools
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from django.test import Client

from qmailpanel.aliases.services import change_alias, remove_alias, restore_alias
from qmailpanel.console.decisions import put_ours_back
from qmailpanel.domains.models import Domain, Unknown
from qmailpanel.domains.names.services import (
    add_alias_domain,
    remove_alias_domain,
    restore_alias_domain,
)
from qmailpanel.domains.renaming import rename_address, rename_domain
from qmailpanel.domains.services import change_domain, remove_domain, restore_domain, switch_domain
from qmailpanel.ledger.actors import SYSTEM
from qmailpanel.mailboxes.models import Mailbox
from qmailpanel.mailboxes.removal.services import purge_mailbox, remove_mailbox, restore_mailbox
from qmailpanel.mailboxes.services import change_quota, mailbox_of, set_password, switch_mailbox
from qmailpanel.qmail.formats import assign, dotqmail
from qmailpanel.qmail.formats.cdb import AnyMap
from qmailpanel.qmail.formats.shared_files import Shared
from qmailpanel.qmail.names import DomainName, LocalPart, MailAddress
from qmailpanel.reports.models import SyncProblem
from qmailpanel.sync.models import SyncDrift
from qmailpanel.sync.reconcile import Reconciler, open_host
from qmailpanel.sync.report import Report
from qmailpanel.sync.scope import all_domains, dirty_domains
from tests.kit.faults import Call, Fault, Seam
from tests.kit.panels import Panel
from tests.kit.unsynced import Unsynced

LISTED = "home_maker late_lines login_files mail_root map_compiler memory purge shared_file"
MODULES = set(LISTED.split())  # of the host, each of which makes calls
IS_SOAK = bool(os.environ.get("TEST_SOAK"))
FOREIGN = {
    Shared.ASSIGN: [b"=7-joe:joe:7:7:/home/joe:::\n", b"+w-:alias:7:7:/w:-::note \xff\n"],
    Shared.VIRTUAL: [b"# by hand\n", b"old.test:7\n"],
    Shared.RCPT: [b"old.test\n", b".wild.test  \n"],
    Shared.MORE: [b"# many\n", b"older.test\n"],
}
cases: list[Fault] = []


@dataclass
class World:
    """A panel with all that a host can have, and a sync that goes on through all faults."""

    panel: Panel
    settings: Any
    pandle: Domain
    unsynced: Unsynced
    seam: Seam = field(default_factory=Seam)
    names: Iterator[int] = field(default_factory=itertools.count)

    def __post_init__(self) -> None:
        self.reconciler = Reconciler(open_host())

    def box(self) -> Any:
        return self.pandle.addresses.filter(kind="mailbox", local__startswith="ann").get()

    def alias(self, local: str = "team") -> Any:
        return self.pandle.addresses.get(kind="alias", local=local)

    def run(self) -> Report:
        self.reconciler.host.stamp()
        return self.reconciler.reconcile(all_domains(), absent=True)

    def run_changes(self) -> Report:
        self.reconciler.host.stamp()
        return self.reconciler.reconcile([], since=0)


# what people do, there and back again


class Way(NamedTuple):
    """What people do, and the run that makes it true: of all domains, or of what was changed."""

    change: Callable[[World], None]
    run: Callable[[World], Report]


def add_mailbox(world: World) -> None:
    world.panel.add_mailbox(world.pandle, f"new{next(world.names)}")


def come_and_go(world: World) -> None:
    bob = world.pandle.addresses.get(local="bob")
    (restore_mailbox if bob.removed else remove_mailbox)(SYSTEM, bob)


def purge(world: World) -> None:
    """Mail of a mailbox that was removed is destroyed."""
    removed = Mailbox.objects.filter(address__local__startswith="old", purged=False)
    if not removed.exists():
        fill_archive(world)
    purge_mailbox(SYSTEM, removed[0].address)


def fill_archive(world: World) -> None:
    """Many at once, because each run takes its time."""
    boxes = [world.panel.add_mailbox(world.pandle, f"old{next(world.names)}") for _ in range(20)]
    world.run()
    for box in boxes:
        home = world.panel.below(f"{world.pandle.name}/{box.local}")
        (home / "Maildir/cur/deep").mkdir()
        remove_mailbox(SYSTEM, box)
    world.run()


def switch(world: World) -> None:
    switch_mailbox(SYSTEM, world.box(), on=not world.box().enabled)


def point_elsewhere(world: World) -> None:
    """From a dot-qmail file to an assignment, and back."""
    team, inside = world.alias(), MailAddress("bob@b.test")
    box, others = MailAddress(str(world.box())), [inside, MailAddress("two@side.test")]
    is_one = team.destinations.count() == 1
    change_alias(SYSTEM, team, destinations=others if is_one else [box])


def change_file(world: World) -> None:
    targets = [MailAddress(f"some{next(world.names)}@side.test"), MailAddress("x@side.test")]
    change_alias(SYSTEM, world.alias("file"), destinations=targets)


def alias_comes_and_goes(world: World) -> None:
    alias = world.alias("file")
    (restore_alias if alias.removed else remove_alias)(SYSTEM, alias)


def limit(world: World) -> None:
    quota = 7000 if mailbox_of(world.box()).quota == 5000 else 5000
    change_quota(SYSTEM, world.box(), quota=quota)


def set_another_password(world: World) -> None:
    set_password(SYSTEM, world.box(), password=f"word {next(world.names)}")


def rename_mailbox(world: World) -> None:
    local = "ann" if world.box().local == "anna" else "anna"
    rename_address(SYSTEM, world.box(), LocalPart(local), keep=False)


def name_domain(world: World) -> None:
    name = "pandle.net" if world.pandle.name == "pandle.com" else "pandle.com"
    rename_domain(SYSTEM, world.pandle, DomainName(name), keep=False)


def name_alias_domain(world: World) -> None:
    alias = world.pandle.names.filter(name="pandle.org").first()
    if alias is None:
        add_alias_domain(SYSTEM, world.pandle, DomainName("pandle.org"))
    else:
        (restore_alias_domain if alias.removed else remove_alias_domain)(SYSTEM, alias)


def serve_domain(world: World) -> None:
    switch_domain(SYSTEM, world.pandle, on=not world.pandle.enabled)


def domain_comes_and_goes(world: World) -> None:
    (restore_domain if world.pandle.removed else remove_domain)(SYSTEM, world.pandle)


def move_between_lists(world: World) -> None:
    world.settings.QMAILPANEL_RCPTHOSTS = 3 - world.settings.QMAILPANEL_RCPTHOSTS


def lose_files(world: World) -> None:
    for name in ("users/assign", "users/cdb", "control/validrcptto.cdb"):
        (world.panel.home / name).unlink(missing_ok=True)


def write_by_hand(world: World) -> None:
    """A file that somebody changed is put back."""
    file = world.panel.below(f"{world.pandle.name}/.qmail-file")
    file.write_text("&by-hand@side.test\n")
    world.run()
    for drift in SyncDrift.objects.all():
        put_ours_back(SYSTEM, drift)


def start_anew(world: World) -> None:
    """A service that starts reads what the last one remembered."""
    switch(world)
    world.reconciler = Reconciler(open_host())


CHANGES = [
    come_and_go,
    switch,
    limit,
    set_another_password,
    point_elsewhere,
    change_file,
    alias_comes_and_goes,
    rename_mailbox,
    name_domain,
    name_alias_domain,
    serve_domain,
    domain_comes_and_goes,
    move_between_lists,
    lose_files,
    write_by_hand,
    start_anew,
    add_mailbox,
    purge,
]


@pytest.fixture
def unsynced() -> Iterator[Unsynced]:
    unsynced = Unsynced()
    with unsynced.watch():
        yield unsynced


@pytest.fixture
def world(panel: Panel, settings: Any, unsynced: Unsynced) -> World:
    for shared, raws in FOREIGN.items():
        end = b".\ndead text\n" if shared is Shared.ASSIGN else b""
        panel.write(shared, b"".join(raws) + end)
    settings.QMAILPANEL_RCPTHOSTS = 1
    settings.QMAILPANEL_RECIPIENTS = "validrcptto"
    pandle, other = panel.add_domain("pandle.net"), panel.add_domain("b.test")
    for domain in (pandle, other):
        for local in ("ann", "bob"):
            panel.add_mailbox(domain, local)
    panel.add_alias(pandle, "info", "ann@pandle.net")
    panel.add_alias(pandle, "team", "ann@pandle.net")
    panel.add_alias(pandle, "file", "one@side.test", "two@side.test")
    world = World(panel, settings, pandle, unsynced)
    world.run()
    change_domain(SYSTEM, other, unknown=Unknown.REFUSE)
    world.run()
    for home in ("pandle.net/ann", "pandle.net/bob", "b.test/ann"):
        mail = home.replace("/", "-")
        (panel.below(home) / f"Maildir/new/{mail}.mail").write_text(f"for {mail}")
    check(world)
    return world


def test_whatever_call_fails_nothing_is_lost_and_it_is_said_and_mended(world, as_operator) -> None:
    tried: set[tuple[Call, int]] = set()
    numbers = itertools.count()
    for change, run in itertools.product(CHANGES, (World.run, World.run_changes)):
        way = Way(change, run)
        calls = record(world, way)
        assert calls or run is World.run_changes
        for fault in faults_of(calls, tried):
            try:
                try_one(world, way, fault, as_operator if next(numbers) % 20 == 0 else None)
            except BaseException as error:
                error.add_note(f"{change.__name__}, {run.__name__}: {fault}")
                raise
    sys.stdout.write(f"{len(cases)} faults in system calls of the host\n")
    assert len(cases) > 400
    assert set().union(*(fault.call.modules for fault in cases)) >= MODULES


def try_one(world: World, way: Way, fault: Fault, browser: Client | None) -> None:
    if not provoke(world, way, fault):
        return
    cases.append(fault)
    check(world)
    if browser and dirty_domains(0):
        check_pages(world, browser)
    mend(world)


def record(world: World, way: Way) -> list[Call]:
    """The calls of the change, there and back again."""
    found: dict[Call, None] = {}
    for _ in range(2):
        way.change(world)
        world.pandle.refresh_from_db()
        with world.seam.watch():
            way.run(world)
        found |= world.seam.calls
        mend(world)
    return list(found)


def faults_of(calls: list[Call], tried: set[tuple[Call, int]]) -> Iterator[Fault]:
    """In CI each way to fail is tried in one change, once or lasting in turn."""
    for call in calls:
        is_alike = "purge" in call.modules and not IS_SOAK  # to a purge they are all the same
        for errno in call.errnos[: 2 if is_alike else None]:
            if (call, errno) in tried and not IS_SOAK:
                continue
            tried.add((call, errno))
            for lasting in (False, True) if IS_SOAK else (len(tried) % 2 == 0,):
                yield Fault(call, errno, lasting)


def provoke(world: World, way: Way, fault: Fault) -> bool:
    """A run with the fault. Whether its call was made, there or back again."""
    for _ in range(2):
        way.change(world)
        world.pandle.refresh_from_db()
        with world.seam.watch(fault):
            report = way.run(world)
        if world.seam.hits:
            assert report.error or problems_of(report) or not dirty_domains(0)
            return True
        mend(world)
    return False


def problems_of(report: Report) -> list[str]:
    return [one.text for problems in report.problems.values() for one in problems]


def check(world: World) -> None:
    """Every file is whole, every line and mail of others is there."""
    panel = world.panel
    for shared, raws in FOREIGN.items():
        path = panel.home / shared
        if path.exists():
            content = path.read_bytes()
            assert [line for line in content.splitlines(keepends=True) if line in raws] == raws
            assert content.endswith(b"\n")
    assert (panel.home / Shared.RCPT).exists()
    if (panel.home / Shared.ASSIGN).exists():
        records, dead = assign.cut(panel.read(Shared.ASSIGN))
        assert dead in (b"dead text\n", b"")  # what is dead may go with its file
        assert b"=101-ann:" in b"".join(records)
    check_maps(panel)
    check_logins(panel)
    assert "b.test:101" in panel.lines("control/virtualdomains")
    assert "b.test" in panel.lines("control/rcpthosts") + panel.lines("control/morercpthosts")
    for path in panel.below("").rglob(".qmail*"):
        if "qmailpanel-new" not in path.name and path.stat().st_size:
            assert path.read_bytes().endswith(b"\n"), path
            dotqmail.parse(path.read_bytes())
    mails = {path.name: path.read_text() for path in panel.below("").rglob("*.mail")}
    assert mails == {
        f"{mail}.mail": f"for {mail}" for mail in ("pandle.net-ann", "pandle.net-bob", "b.test-ann")
    }


def check_maps(panel: Panel) -> None:
    expected = {"users/cdb": b"!101-ann\0", "control/validrcptto.cdb": b"ann@b.test"}
    for name, key in expected.items():
        if (panel.home / name).exists():
            with (panel.home / name).open("rb") as file:
                assert key in [found for found, _data in AnyMap(file).records()]


def check_logins(panel: Panel) -> None:
    """Every line is whole, the map has the same, and nobody is sent where no home is."""
    for path in (panel.home / "logins").rglob("*.passwd"):
        for line in path.read_text().splitlines():
            home = line.split(":")[5]
            assert line.count(":") == 7
            assert not home or Path(home, "Maildir").is_dir(), line
    for path in (panel.home / "logins").rglob("*.cdb"):
        with path.open("rb") as file:
            assert all(data.count(b":") == 6 for _key, data in AnyMap(file).records())


def check_pages(world: World, browser: Client) -> None:
    """What failed is a sentence on the operator's page and on those it concerns."""
    page = browser.get("/sync/").content.decode()
    problems = list(SyncProblem.objects.all())
    assert problems
    for problem in problems:
        assert problem.text.endswith(".")
        assert escaped(problem.text) in page
    if any(problem.domain is None for problem in problems):
        page = browser.get(f"/domains/{world.pandle.name}/settings/").content.decode()
        assert escaped(problems[0].text) in page


def escaped(text: str) -> str:
    return text.replace("'", "&#x27;")


def mend(world: World) -> None:
    """The fault is gone: one run makes all true, and another service finds nothing amiss."""
    for _ in range(3):
        report = world.run()
        if not report.error and not dirty_domains(0) and not SyncProblem.objects.exists():
            break
    assert (report.error, report.problems and problems_of(report)) == ("", [])
    assert dirty_domains(0) == []
    assert world.unsynced.below(world.panel.home) == set()
    other = Reconciler(open_host())
    assert not other.is_amiss(all_domains(), absent=True)
    other.host.memory.close()
    check(world)
