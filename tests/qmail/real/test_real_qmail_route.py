"""Where mail goes is foretold, and then it goes there."""

from __future__ import annotations

import subprocess
from collections import Counter
from collections.abc import Iterator

import pytest

from qmailpanel.qmail.host.route_reader import RouteReader
from qmailpanel.qmail.route.ends import Fate
from qmailpanel.qmail.route.verdict import Verdict, verdict
from qmailpanel.qmail.route.walk import Route, ends_of, find_route
from tests.kit.real_qmail import HOME, Qmail, needs_qmail, private_qmail, rcpt
from tests.kit.route_scene import LEADS, Scene

pytestmark = needs_qmail
SHELL = "/bin/sh: 1: "
SAID = dict.fromkeys([Fate.RETURNS, Fate.NOBODY, Fate.FULL], "failure") | {Fate.WAITS: "deferral"}


@pytest.fixture(scope="module")
def qmail(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Qmail]:
    directory = tmp_path_factory.mktemp("route")
    with private_qmail(directory) as qmail:
        Scene(HOME).build()
        subprocess.run([HOME / "bin/qmail-newu"], check=True)
        qmail.start()
        yield qmail


def foretold(route: Route) -> set[str]:
    """As the log tells it."""
    told = set[str]()
    for end in ends_of(route):
        if end.fate in SAID:
            told.add(f"{SAID[end.fate]}: {end.text}".replace("_", " "))
        elif end.fate is Fate.GOES_ON:
            told.add(f"to {end.address}")
    return told


def stored() -> Counter[str]:
    """How much mail each Maildir and mbox has."""
    found = Counter(str(path.parent) for path in HOME.rglob("Maildir/new/*"))
    mbox = HOME / "mailnames/pandle.net/mbox"
    found[str(mbox)] = mbox.read_text().count("\nSubject: ") if mbox.exists() else 0
    return found


@pytest.mark.parametrize("address", LEADS)
def test_mail_goes_where_it_was_foretold_to_go(qmail: Qmail, address: str) -> None:
    route = find_route(RouteReader(str(HOME)), address.encode())
    ends = list(ends_of(route))
    if Fate.UNSURE in {end.fate for end in ends}:
        return  # what it depends on is a program
    if ends == [end for end in ends if "#5.7.1" in end.text]:
        assert rcpt(address) == 553
        return
    before = stored()
    became = qmail.fate(qmail.queue(address, "foretold"))
    assert {text.replace(SHELL, "") for text in became} == foretold(route)
    assert (stored() - before).total() == [end.fate for end in ends].count(Fate.ARRIVES)


@pytest.mark.parametrize("address", [a for a in LEADS if "@" in a and not a.startswith("@")])
def test_the_door_takes_what_it_was_foretold_to_take(qmail: Qmail, address: str) -> None:
    route = find_route(RouteReader(str(HOME)), address.encode())
    is_ours = verdict(address, list(ends_of(route))) is not Verdict.LEAVES
    refused = any("#5.7.1" in end.text for end in ends_of(route))
    if is_ours and " " not in address:
        assert rcpt(address) == (553 if refused else 250)
