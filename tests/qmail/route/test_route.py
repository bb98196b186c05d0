"""Where mail goes on a host that was made by hand; a real qmail delivers the same in real/."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from qmailpanel.qmail.formats import assign, cdb
from qmailpanel.qmail.host.route_reader import RouteReader
from qmailpanel.qmail.route.ends import Step
from qmailpanel.qmail.route.reader import Account
from qmailpanel.qmail.route.verdict import Verdict, verdict
from qmailpanel.qmail.route.walk import Route, ends_of, find_route
from tests.kit.route_scene import GID, LEADS, UID, Scene

pytestmark = pytest.mark.root


class Reader(RouteReader):
    """With users of its own, and a qmail-lspawn that runs."""

    default_delivery = b"./Maildir/"

    def account(self, name: bytes) -> Account | None:
        homes = {b"alias": f"{self.home}/alias".encode(), b"joe": b"/home/joe"}
        return Account(name, UID, GID, homes[name]) if name in homes else None


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    """Where the mail user may go: below pytest's own directories it may not."""
    with tempfile.TemporaryDirectory(prefix="qmailpanel-route-") as directory:
        home = Path(directory)
        home.chmod(0o755)
        (home / "bin").mkdir()
        for name in ("preline", "qmail-local"):
            (home / "bin" / name).touch(mode=0o755)
        Scene(home).build()
        compile_maps(home)
        yield home


def compile_maps(home: Path) -> None:
    with (home / "users/cdb").open("w+b") as file:
        cdb.compile_assign((home / "users/assign").read_bytes(), file)


def route_of(home: Path, address: str) -> Route:
    return find_route(Reader(str(home)), address.encode())


@pytest.mark.parametrize(("address", "expected"), LEADS.items())
def test_an_address_leads_where_it_does(home: Path, address: str, expected: str) -> None:
    assert verdict(address, list(ends_of(route_of(home, address)))) == expected


def test_of_a_user_whose_home_is_hidden_nobody_knows(home: Path) -> None:
    """The unit keeps sync from it: so nobody can say either that nobody is called so."""
    for address in ("joe@both.test", "joe-x@both.test"):
        assert verdict(address, list(ends_of(route_of(home, address)))) is Verdict.UNKNOWN


def test_who_may_not_go_on_is_told_that_there_is_more(home: Path) -> None:
    route = find_route(Reader(str(home)), b"team@pandle.net", lambda: False)
    assert [leg.address for leg in route] == ["team@pandle.net", "ann@pandle.net"]
    assert verdict("team@pandle.net", list(ends_of(route))) == Verdict.UNKNOWN


def test_in_a_large_file_a_line_is_found_too(monkeypatch: pytest.MonkeyPatch) -> None:
    content = b"=7-Joe:x:1:1:/:::\n+7-:x:1:1:/:-::\n.\n=7-late:x:1:1:/:::\n"
    assert assign.find_line(content, b"=7-joe") == (1, b"=7-Joe:x:1:1:/:::")
    assert assign.find_line(content, b"+7-") == (2, b"+7-:x:1:1:/:-::")
    assert assign.find_line(content, b"=7-late") is None
    monkeypatch.setattr(assign, "LARGE", 0)
    assert assign.find_line(content, b"+7-") == (2, b"+7-:x:1:1:/:-::")
    assert assign.find_line(content, b"=7-Joe") == (1, b"=7-Joe:x:1:1:/:::")
    assert assign.find_line(content, b"=7-late") is None
    assert assign.find_line(content, b"=7-nobody") is None


def test_each_station_has_its_file_and_line(home: Path) -> None:
    [leg, to] = route_of(home, "sales@pandle.net")
    domain = f"{home}/mailnames/pandle.net"
    assert [(s.step, s.file.replace(domain, ""), s.line, s.text) for s in leg.stations] == [
        (Step.ACCEPTED, "control/rcpthosts", 1, "pandle.net"),
        (Step.VIRTUAL, "control/virtualdomains", 1, "100-sales"),
        (Step.ASSIGNED, "users/assign", 12, f"+100-:popuser:{UID}:{GID}:{domain}:-::"),
        (Step.HOME, "", 0, "popuser"),
        (Step.FILE, "/.qmail-sales", 0, ""),
        (Step.FORWARD, "/.qmail-sales", 1, "ann@pandle.net"),
    ]
    assert leg.nexts == ("ann@pandle.net",)
    assert to.stations[0].step is Step.VIRTUAL  # the door is asked once
