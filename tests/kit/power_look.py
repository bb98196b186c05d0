"""What must be true of disks that lost their power, before and after the panel starts again."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from qmailpanel.qmail.formats.maps import MAPS
from qmailpanel.qmail.formats.shared_files import Shared
from qmailpanel.sync.publish import newest_change
from qmailpanel.sync.reconcile import Reconciler, open_host
from qmailpanel.sync.scope import all_domains
from tests.kit.full_disk import FOREIGN
from tests.kit.power_facts import Facts, read_facts
from tests.kit.power_history import Note, read_all


@dataclass
class Look:
    """`position`: of the record, when the power went."""

    directory: Path
    notes: Sequence[Note]
    position: int
    database: Path
    is_database_cut: bool

    def look(self) -> None:
        self.check_whole()
        before = read_facts()
        self.check_nothing_live_is_missing(before)
        self.check_databases()
        self.start()
        self.check_nothing_live_is_missing(read_facts())
        self.check_as_before()

    @property
    def said(self) -> Note:
        """What the panel said last."""
        return next(n for n in reversed(self.notes) if n.position <= self.position)

    def facts(self) -> Facts:
        """What was said to be live and is live when the change under way is, too."""
        live = [(note.position, note.facts) for note in self.notes if note.facts is not None]
        before = [facts for position, facts in live if position <= self.position]
        after = [facts for position, facts in live if position > self.position]
        return frozenset.intersection(*before[-1:], *after[:1]) if before else frozenset()

    def check_whole(self) -> None:
        """Every file has one of the texts that were ever written."""
        home, root = Path(settings.QMAILPANEL_QMAIL_HOME), Path(settings.QMAILPANEL_MAIL_ROOT)
        texts = set(read_all(self.directory / "versions"))
        shared = {which: {FOREIGN.get(which)} for which in Shared}
        for which in Shared:
            shared[which] |= {content for path, content in texts if path == which}
            content = (home / which).read_bytes() if (home / which).exists() else None
            assert content in shared[which], (which, content)
        for which, its in MAPS.items():
            if (home / its.path).exists():
                content = (home / its.path).read_bytes()
                assert content in {_compiled(its, text) for text in shared[which] if text}, which
        logins = Path(settings.QMAILPANEL_LOGIN_DIR)
        for path in (*logins.rglob("[!.]*.cdb"), *logins.rglob("[!.]*.passwd")):
            assert (str(path.relative_to(logins)), path.read_bytes()) in texts, path
        known = {content for _, content in texts}
        for path in root.glob("[!.]*/.qmail-*"):
            assert path.read_bytes() in known, (path, path.read_bytes())

    def check_nothing_live_is_missing(self, facts: Facts) -> None:
        missing = self.facts() - facts
        assert not missing, sorted(map(repr, missing))[:20]

    def check_databases(self) -> None:
        """What was said to be saved is."""
        memory = Path(settings.QMAILPANEL_SYNC_DIR, "applied.sqlite3")
        for path in (memory, self.database):
            if path.exists():
                with closing(sqlite3.connect(path)) as database:
                    assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        if not self.is_database_cut:
            for path in self.database.parent.glob("db.sqlite3*"):
                path.unlink()
            shutil.copyfile(self.said.database, self.database)
        assert newest_change() >= self.said.change

    def start(self) -> None:
        """The panel starts again, with what is not live yet, and has all as it should be."""
        reconciler = Reconciler(open_host())
        reconciler.reconcile([], since=0)
        report = reconciler.reconcile(all_domains(), absent=True)
        assert not report.error, (report.error, report.cause)
        assert report.question is None, report.question
        assert not any(report.problems.values()), report.problems
        assert not any(report.drifts.values()), report.drifts
        plan = Reconciler(open_host()).preview.of(all_domains(), absent=True)
        assert (plan.steps, plan.question) == ((), None)

    def check_as_before(self) -> None:
        """What the panel once said was live at this very change is again, and nothing else."""
        change = newest_change()
        for note in self.notes:
            if note.change == change and note.facts is not None:
                facts = {fact for fact in read_facts() - note.facts if fact[0] != "mail"}
                assert not facts, sorted(map(repr, facts))[:20]
                assert not note.facts - read_facts()
                return


def _compiled(its, content: bytes) -> bytes:
    with tempfile.TemporaryFile() as file:
        its.compile(content, file)
        file.seek(0)
        return file.read()
