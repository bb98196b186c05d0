"""``python -m bench.mutants --seed 1``: whether the tests beside a module notice small changes.

They are made one by one, in a process that has run these tests once already and noted what each
calls; so a change costs only the tests that come by, the fastest first, up to one that fails. Of a
property few examples are tried. What a test module works out while it is imported does not change.
Ends with 1 where fewer than nine in ten are noticed.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from types import FrameType
from typing import NamedTuple

import pytest
from django.db import connections

from bench.small_changes import Change, changes_of

PANEL = Path(__file__).resolve().parent.parent / "qmailpanel"
BESIDE = {
    "accounts/services.py": "accounts",
    "domains/access/guard.py": "domains/access",
    "domains/access/limits.py": "domains/access",
    "domains/access/rights.py": "domains/access",
    "domains/routes/*.py": "domains/routes",
    "mailboxes/opening/links.py": "mailboxes/opening",
    "mailboxes/owners.py": "mailboxes/opening mailboxes/own",
    "people/invitations.py": "people",
    "qmail/formats/dotqmail.py": "qmail/formats/test_dotqmail.py",
    "qmail/formats/logins.py": "qmail/formats/test_logins.py",
    "qmail/layout/logins.py": "qmail/layout/test_logins.py",
    "qmail/names.py": "qmail/test_names.py",
    "qmail/plan/*.py": "qmail/plan",
}
EXAMPLES, SECONDS, GOAL = 20, 30, 0.9  # some changes are none: nobody could notice them
OPTIONS = ["-p", "no:randomly", "-p", "no:cacheprovider", "-s", "-m", "not qmail and not e2e"]


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench.mutants", description="do tests notice?")
    parser.add_argument("--seed", type=int, default=random.randrange(2**32))
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--only", default="", help="a part of a module's path")
    options = parser.parse_args()
    tests = {path: there for each, there in BESIDE.items() for path in sorted(PANEL.glob(each))}
    changes = [one for path in tests for one in changes_of(path)]
    sample = random.Random(options.seed).sample(changes, min(options.count, len(changes)))
    chosen = [one for one in sample if options.only in str(one.path)]
    groups = defaultdict[str, list[Change]](list)
    for change in chosen:
        groups[tests[change.path]].append(change)
    with ProcessPoolExecutor(1, get_context("spawn"), max_tasks_per_child=1) as pool:
        noticed = sum(pool.map(_judge, groups.keys(), groups.values()))
    print(f"noticed {noticed} of {len(chosen)}, seed {options.seed}")
    sys.exit(noticed < GOAL * len(chosen))


def _judge(tests: str, changes: list[Change]) -> int:
    """How many of the changes these tests notice."""
    with os.fdopen(os.dup(1), "w") as told, open(os.devnull, "w") as nowhere:
        for each in (1, 2):
            os.dup2(nowhere.fileno(), each)
        judge, begin = _Judge(changes, partial(print, file=told, flush=True)), time.monotonic()
        code = pytest.main([*OPTIONS, *(f"tests/{each}" for each in tests.split())], [judge])
        if code not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
            raise SystemExit(f"tests/{tests} could not be run")
        judge.say(f"{tests}: {judge.noticed} of {len(changes)}, {time.monotonic() - begin:.0f} s")
    return judge.noticed


class _Judge:
    """Runs the tests as they are, then for each change."""

    def __init__(self, changes: list[Change], say: Callable[[str], None]) -> None:
        self._changes, self.say = changes, say
        self.noticed, self.failed = 0, list[str]()

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection(self) -> None:
        import hypothesis  # noqa: PLC0415 - its plugin wants to be the first

        few = hypothesis.settings(derandomize=True, database=None, max_examples=EXAMPLES)
        hypothesis.settings.register_profile("few", few, phases=list(hypothesis.Phase)[:3])
        hypothesis.settings.load_profile("few")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.failed += [report.nodeid] if report.failed else []

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        tests = sorted((_try(item) for item in session.items), key=lambda test: test.seconds)
        tests = [test for test in tests if test.item.nodeid not in self.failed]
        for name in self.failed:
            self.say(f"left out, it fails without any change: {name}")
        restore = _keep_database()
        for change in self._changes:
            restore()
            with change.made() as codes:
                is_noticed = _fail(test.item for test in tests if test.may_call(codes))
            self.noticed += is_noticed
            if not is_noticed:
                line = change.path.read_text().splitlines()[change.line - 1].strip()
                where = f"{change.path.relative_to(PANEL)}:{change.line}"
                self.say(f"not noticed: {where} {change.kind}: {line}")
        return True


def _keep_database() -> Callable[[], None]:
    """What puts it back as it is now: tests that are killed tidy nothing up."""
    connections.close_all()
    place = Path(connections["default"].settings_dict["NAME"]).parent
    kept = {file: file.read_bytes() for file in place.glob("*.sqlite3*")}

    def restore() -> None:
        for file in place.glob("*.sqlite3*"):
            file.unlink()
        for file, content in kept.items():
            file.write_bytes(content)

    return restore


class _Test(NamedTuple):
    """`called`: the identities of the codes that it runs; None for a property: it may run any."""

    item: pytest.Item
    seconds: float
    called: set[int] | None

    def may_call(self, codes: set[int]) -> bool:
        return self.called is None or not codes.isdisjoint(self.called)


def _try(item: pytest.Item) -> _Test:
    is_property = hasattr(getattr(item, "obj", None), "hypothesis")
    begin, called = time.monotonic(), set[int]()

    def note(frame: FrameType, _event: str, _arg: object) -> None:
        called.add(id(frame.f_code))

    if not is_property:
        threading.settrace(note)
        sys.settrace(note)
    _run(item)
    sys.settrace(None)
    threading.settrace(None)
    return _Test(item, time.monotonic() - begin, None if is_property else called)


def _run(item: pytest.Item) -> None:
    """What lives as long as the session lives on."""
    item.config.hook.pytest_runtest_protocol(item=item, nextitem=item.session)


def _fail(items: Iterable[pytest.Item]) -> bool:
    """Whether one of them does, in a process beside this one."""
    child = os.fork()
    if child:
        return os.waitpid(child, 0)[1] != 0
    try:
        for item in items:
            signal.alarm(SECONDS)
            before = item.session.testsfailed
            _run(item)
            if item.session.testsfailed > before:
                os._exit(1)
        os._exit(0)
    finally:
        os._exit(1)


if __name__ == "__main__":
    main()
