"""Runs a panel on disks that record each write, cuts their power, and looks: see test_power_cut.py.

python -m tests.kit.power_cut DIRECTORY LAYOUT CUTS SEED, in mount and process namespaces of its
own: what is mounted here ends with them.
"""

from __future__ import annotations

import logging
import os
import random
import shutil
import subprocess
import sys
import time
import traceback
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import django
from django.core.management import call_command

from tests.kit.disk import make_home
from tests.kit.full_disk import FOREIGN
from tests.kit.programs import make_newu
from tests.kit.recorded_disk import Disk, Entry, read_record

ROOT = Path(__file__).parents[2]
MAKE = {
    "ext4": ["mkfs.ext4", "-q", "-b4096", "-Elazy_itable_init=0,lazy_journal_init=0,nodiscard"],
    "xfs": ["mkfs.xfs", "-q", "--unsupported", "-K", "-l", "size=8m"],
}
# noauto_da_alloc: ext4 writes no file early because it replaces another one
OPTIONS = {"ext4": "noatime,noauto_da_alloc", "xfs": "noatime,nouuid"}


class Layout(NamedTuple):
    """The file system of each disk; `recipients`: the setting. `newu`: a program makes the map."""

    disks: dict[str, str]
    newu: bool
    recipients: str
    is_database_cut: bool


LAYOUTS = {
    "ext4": Layout(
        {"host": "ext4", "logins": "xfs", "mail": "xfs", "state": "ext4"}, True, "recipients", False
    ),
    "xfs": Layout(
        {"host": "xfs", "logins": "ext4", "mail": "ext4", "state": "xfs"}, False, "none", True
    ),
}


class Machine:
    """Its disks are mounted at `directory`/disks; `images` are what they are before the history."""

    def __init__(self, directory: Path, layout: Layout) -> None:
        self.directory, self.layout = directory, layout
        self.images, self.record = directory / "images", directory / "record"
        self.home = directory / "disks/host"
        self.panel = directory / ("disks/state/panel" if layout.is_database_cut else "panel")
        self.database = self.panel / "db.sqlite3"

    def set_up(self) -> None:
        """Django, for the panel of this machine."""
        values = {
            "STATE_DIR": self.panel,
            "QMAIL_HOME": self.home,
            "MAIL_ROOT": self.directory / "disks/mail/mailnames",
            "SYNC_DIR": self.directory / "disks/state/memory",
            "LOGIN_DIR": self.directory / "disks/logins",
            "RECIPIENTS": self.layout.recipients,
            "HUP": "none",
            "DOVECOT": "off",
        }
        os.environ |= {f"QMAILPANEL_{name}": str(value) for name, value in values.items()}
        os.environ |= {"DATABASE_URL": "", "DJANGO_SETTINGS_MODULE": "qmailpanel.settings"}
        django.setup()
        logging.disable()  # what sync does would hide what is wrong

    def make_images(self) -> None:
        """With a qmail home and an empty panel."""
        for name, kind in self.layout.disks.items():
            self.images.mkdir(exist_ok=True)
            image = self.images / name
            with image.open("wb") as file:
                file.truncate(64 << 20)
            subprocess.run([*MAKE[kind], image], check=True, stdout=subprocess.DEVNULL)
        self.mount(self.images)
        in_child(self._fill)
        self.unmount()

    def _fill(self) -> None:
        make_home(self.home, FOREIGN)
        if self.layout.newu:
            (self.home / "bin").mkdir()
            program = f"{sys.executable} -m tests.kit.newu {self.home}"
            make_newu(self.home, f"cd {ROOT} && exec {program}")
        self.panel.mkdir()
        call_command("migrate", verbosity=0)

    def mount(self, images: Path) -> None:
        for name, kind in self.layout.disks.items():
            place = self.directory / "disks" / name
            place.mkdir(parents=True, exist_ok=True)
            options = f"loop,{OPTIONS[kind]}"
            subprocess.run(["mount", "-t", kind, "-o", options, images / name, place], check=True)

    def unmount(self) -> None:
        for name in self.layout.disks:
            subprocess.run(["umount", self.directory / "disks" / name], check=True)

    def live(self, history: Callable[[], None]) -> None:
        """Do it while the disks are recorded."""
        images, recorded = self.directory / "live", self.directory / "recorded"
        shutil.copytree(self.images, images)
        recorded.mkdir()
        program = [sys.executable, "-m", "tests.kit.recorded_disk"]
        script = [*program, str(images), str(recorded), str(self.record)]
        with subprocess.Popen(script, cwd=ROOT) as recorder:
            try:
                while not os.path.ismount(recorded):
                    assert recorder.poll() is None
                    time.sleep(0.01)
                self.mount(recorded)
                in_child(history)
                self.unmount()
            finally:
                subprocess.run(["umount", "--lazy", recorded], check=True)
                recorder.kill()
        shutil.rmtree(images)

    def look(self, looking: Callable[[], None]) -> None:
        """At disks that have lost their power."""
        self.mount(self.directory / "cut")
        try:
            in_child(looking)
        finally:
            self.unmount()

    def cut(self, entries: Sequence[Entry], at: Sequence[int], seed: str) -> Iterator[int]:
        """Let the power go before each of these entries, one after the other."""
        for name in ("surely", "cut"):
            (self.directory / name).mkdir()
        disks = {
            name: Disk(self.images / name, self.directory / "surely" / name)
            for name in self.layout.disks
        }
        done = 0
        for index in at:
            for entry in entries[done:index]:
                disks[entry.disk].follow(entry)
            done = index
            for name, disk in disks.items():
                disk.cut(self.directory / "cut" / name, random.Random(f"{seed} {index} {name}"))
            yield index


def in_child(do: Callable[[], None]) -> None:
    """In a process that forgets all it knew and opened."""
    child = os.fork()
    if not child:
        try:
            do()
            os._exit(0)
        finally:
            traceback.print_exc()
            os._exit(1)
    if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]):
        raise ChildFailed


class ChildFailed(Exception):
    """Its own words were printed."""


def choose(
    entries: Sequence[Entry], said: Sequence[int], cuts: int, chance: random.Random
) -> list[int]:
    """Moments of which any part may be missing, in order.

    Three of four are spread over all flushes, each before one; the others are when something was
    just said: there the record had these positions.
    """
    flushes = [i for i, e in enumerate(entries) if e.data is None and e.position > said[0]]
    many = cuts - cuts // 4
    spread = [int((n + chance.random()) * len(flushes) / many) for n in range(many)]
    positions = [entry.position for entry in entries]
    just_said = chance.sample(said[1:], min(cuts // 4, len(said) - 1))
    return sorted(
        [chance.randint(flushes[max(at - 1, 0)], flushes[at]) for at in spread]
        + [bisect_right(positions, position) for position in just_said]
    )


def main(directory: Path, layout: Layout, cuts: int, seed: str) -> int:
    """Returns after how many of the cuts something was not as it should be."""
    machine = Machine(directory, layout)
    machine.set_up()
    from tests.kit.power_history import History, read_all  # they need the settings
    from tests.kit.power_look import Look

    machine.make_images()
    chance = random.Random(seed)
    machine.live(History(directory, machine.record, chance).write)
    notes = list(read_all(directory / "notes"))
    entries = list(read_record(machine.record, machine.images))
    said = [note.position for note in notes]
    failures = 0
    for index in machine.cut(entries, choose(entries, said, cuts, chance), seed):
        position = entries[index - 1].position
        look = Look(directory, notes, position, machine.database, layout.is_database_cut)
        try:
            machine.look(look.look)
        except (ChildFailed, subprocess.CalledProcessError) as error:
            failures += 1
            sys.stderr.write(f"^ entry {index} of {len(entries)}: {error!r}\n\n")
    flushes = sum(entry.data is None for entry in entries)
    sys.stdout.write(f"{cuts} cuts in {len(entries) - flushes} writes and {flushes} flushes\n")
    return failures


if __name__ == "__main__":
    _directory, _layout, _cuts, _seed = sys.argv[1:]
    sys.exit(main(Path(_directory), LAYOUTS[_layout], int(_cuts), _seed) > 0)
