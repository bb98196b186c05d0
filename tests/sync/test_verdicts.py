"""What the rows say of mail is what the files of the host make of it, once sync is done."""

from __future__ import annotations

import os
import stat
from typing import Any

import pytest

from qmailpanel.accounts.models import User
from qmailpanel.domains.routes.fates import Fates
from qmailpanel.qmail.host.route_reader import RouteReader
from qmailpanel.qmail.route.ends import Fate
from qmailpanel.qmail.route.verdict import Verdict, verdict
from qmailpanel.qmail.route.walk import ends_of, find_route
from qmailpanel.sync.host_settings import read_layout
from tests.kit.changes import Changes
from tests.kit.life import ALSO, LOCALS, NAMES, Life
from tests.kit.panels import Panel

HISTORIES = int(os.environ.get("TEST_HISTORIES") or 4)
FIRST = int(os.environ.get("TEST_SEED") or 0)
LAYOUTS = ("none", "validrcptto", "morevalidrcptto")
PROGRAMS = (
    "qmail-local",
    "bouncesaying",
    "preline",
    "qmail-inject",
    "mailbot",
    "reformail",
    "deliverquota",
)
ASKED = [
    f"{local}@{name}"
    for name in (*NAMES, ALSO, f"x.{NAMES[0]}")
    for local in (*LOCALS, "nobody", "Ann", "ann-x", "default", "postmaster")
]


@pytest.fixture(params=range(FIRST, FIRST + HISTORIES))
def life(panel: Panel, settings: Any, request: Any) -> Life:
    settings.QMAILPANEL_RECIPIENTS = LAYOUTS[request.param % len(LAYOUTS)]
    directory = panel.home / "bin"
    directory.mkdir(exist_ok=True)
    for name in PROGRAMS:
        (directory / name).write_text("#!/bin/sh\n")
        (directory / name).chmod(0o755)
    if request.param % 2:
        settings.QMAILPANEL_DELIVERQUOTA = str(directory / "deliverquota")
        settings.QMAILPANEL_MAILBOT = str(directory / "mailbot")
    for above in (panel.home, *panel.home.parents):
        above.chmod(stat.S_IMODE(above.stat().st_mode) | 0o011)
    return Life(panel, request.param)


def live_verdict(reader: RouteReader, address: str) -> Verdict:
    """That a mailbox answers too changes nothing about where mail is."""
    ends = list(ends_of(find_route(reader, address.encode())))
    kept = [end for end in ends if end.fate is not Fate.ANSWERED]
    return verdict(address, kept or ends)


@pytest.mark.root
def test_after_any_history_the_rows_say_of_mail_what_the_live_files_do(
    life: Life, panel: Panel, operator: User
) -> None:
    life.whole_domains()
    changes, layout = Changes(), read_layout()
    for _ in range(20):
        for _ in range(3):
            life.act()
        changes.make_true()
        fates, reader = (
            Fates(operator),
            RouteReader(layout.qmail_home, layout.mail_root, layout.lists),
        )
        live = {address: live_verdict(reader, address) for address in ASKED}
        assert {address: fates.verdict(address) for address in ASKED} == live
