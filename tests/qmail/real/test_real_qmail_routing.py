"""The routing of worlds.py, which the properties of the plan stand on, is qmail-local's own."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from qmailpanel.qmail.formats import control, dotqmail
from qmailpanel.qmail.formats.dotqmail import Comment, Forward, Instruction, Maildir, Program
from qmailpanel.qmail.formats.shared_files import Shared
from tests.kit.assign_map import AssignMap
from tests.kit.disk import make_true, open_home
from tests.kit.random_rows import LOCALS, NAMES, rows_of_host
from tests.kit.real_qmail import HOME, MAIL_ROOT, SENDER, needs_qmail, private_qmail
from tests.kit.worlds import World, settle, want

pytestmark = needs_qmail
OTHERS = ("unknown", "Ann", "JANE.ROE", "ann-x", "ann+x", "jane:roe", "default", "x", "x-y-z")
LOST = ["lost"]


def simulated(world: World, local: str, domain: str) -> list[str]:
    """Where the message goes by the simulator: the home it is about, then what is done there."""
    outcome = world.route(local, domain)
    if outcome.startswith("lost"):
        return LOST
    home, text = f"{MAIL_ROOT}/{domain}", outcome
    if outcome.startswith("mailbox "):
        mailbox, _, text = outcome.removeprefix("mailbox ").partition(": ")
        path = next(path for path, (number, _) in world.homes.items() if number == int(mailbox))
        home = f"{MAIL_ROOT}/{path}"
    return [home, *map(said, dotqmail.parse(text.encode()))]


def said(instruction: Instruction) -> str:
    """As qmail-local -n puts it."""
    words = {Maildir: "maildir ", Forward: "forward ", Program: "program ", Comment: ""}
    text = "" if isinstance(instruction, Comment) else instruction.text.decode()
    return words[type(instruction)] + text


def routed(local: str, domain: str) -> list[str]:
    """The same by qmail: virtualdomains as written, users/cdb, and qmail-local as its user."""
    path = HOME / Shared.VIRTUAL
    entries = control.entries(path.read_bytes() if path.exists() else b"")
    prepends = dict(entry.decode().split(":") for _, entry in entries)
    if domain not in prepends:
        return LOST
    name = f"{prepends[domain]}-{local}"
    with (HOME / "users/cdb").open("rb") as file:
        found = AssignMap(file).lookup(name.encode())
    return LOST if found is None else asked(found.decode().split("\0"), name, domain)


def asked(assignment: list[str], name: str, domain: str) -> list[str]:
    user, uid, gid, home, dash, ext = assignment
    arguments = [user, home, name, dash, ext, domain, SENDER, "./Maildir/"]
    done = subprocess.run(
        [f"{HOME}/bin/qmail-local", "-n", "--", *arguments],
        user=int(uid),
        group=int(gid),
        extra_groups=[],
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode == 100:
        return LOST
    assert done.returncode == 0, done
    *lines, did = done.stdout.splitlines()
    assert did.startswith("did ")
    return [home, *lines]


def both_ways(world: World, local: str, domain: str) -> tuple[list[str], list[str]]:
    ours = [line for line in simulated(world, local, domain) if line]
    return ours, routed(local, domain)


@settings(
    max_examples=12,
    deadline=None,
    phases=[Phase.generate],  # to shrink takes minutes, and the domain that differs is small
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(stages=st.lists(rows_of_host, min_size=1, max_size=3))
def test_the_simulator_routes_as_qmail_local_does(tmp_path, stages) -> None:
    with private_qmail(Path(tempfile.mkdtemp(dir=tmp_path))):
        host, world = open_home(HOME), World()
        for rows in stages:
            assert make_true(host, rows).steps == ()
            assert settle(world, want(rows)).steps == ()
            for domain in NAMES:
                for local in (*LOCALS, *OTHERS):
                    ours, theirs = both_ways(world, local, domain)
                    assert ours == theirs, (local, domain)
        host.memory.close()
