"""A world of its own for every run, and a fixed cast of people.

operator runs the host; colleague looks after pandle.net; stranger looks after another domain;
anonymous never signed in.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis

# a shell cannot trap what was ignored when it began, as below nohup
signal.signal(signal.SIGHUP, signal.SIG_DFL)

# how long an example takes says more of the machine than of the code
hypothesis.register_profile("panel", deadline=None, suppress_health_check=[HealthCheck.too_slow])
hypothesis.load_profile("panel")

_memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # each commit costs a fsync
_world = Path(tempfile.mkdtemp(prefix="qmailpanel-tests-", dir=_memory))
(_world / "state" / "static").mkdir(parents=True)
for _name in [name for name in os.environ if name.startswith("QMAILPANEL_")]:
    del os.environ[_name]
os.environ["QMAILPANEL_STATE_DIR"] = str(_world / "state")
os.environ["QMAILPANEL_QMAIL_HOME"] = str(_world / "qmail")
os.environ["QMAILPANEL_TIME_ZONE"] = "UTC"
os.environ["QMAILPANEL_BASE_URL"] = "http://localhost:8025"  # where browsers keep passkeys
os.environ["DATABASE_URL"] = os.environ.get("TEST_DATABASE_URL", "")
os.environ["EMAIL_URL"] = "memorymail://"
os.environ["DJANGO_SETTINGS_MODULE"] = "qmailpanel.settings"

import django  # noqa: E402 - only now may the settings be read

django.setup()

from django.db import connection, connections  # noqa: E402 - as above
from django.test import Client, TransactionTestCase  # noqa: E402 - as above
from django.utils import timezone  # noqa: E402 - as above

from qmailpanel.accounts.models import User  # noqa: E402 - as above
from qmailpanel.domains.access.rights import Right  # noqa: E402 - as above
from qmailpanel.domains.models import Domain, Grant  # noqa: E402 - as above
from qmailpanel.domains.services import add_domain  # noqa: E402 - as above
from qmailpanel.ledger.actors import SYSTEM, Actor  # noqa: E402 - as above
from qmailpanel.ledger.append_only import guard, unguard  # noqa: E402 - as above
from qmailpanel.qmail.formats.shared_files import Shared  # noqa: E402 - as above
from qmailpanel.qmail.names import DomainName, MailAddress  # noqa: E402 - as above
from qmailpanel.reports.models import KnownHost  # noqa: E402 - as above
from tests.kit.disk import make_home  # noqa: E402 - as above
from tests.kit.panels import Panel  # noqa: E402 - as above

_clear = TransactionTestCase._fixture_teardown  # type: ignore[attr-defined]  # Django's own


def _clear_all(case: TransactionTestCase) -> None:
    """Only here are changes removed: a test that commits leaves an empty database behind."""
    unguard(connection)
    try:
        _clear(case)
    finally:
        guard(connection)
        _note_host()


def _note_host() -> None:
    """The sync service has read the host: before that no domain is added, and no mail purged."""
    now = timezone.now()
    times = {"clock": now, "steady_since": now - timedelta(days=2)}
    KnownHost.objects.get_or_create(node="main", defaults=times)


TransactionTestCase._fixture_teardown = _clear_all  # type: ignore[attr-defined]  # as above


def pytest_unconfigure() -> None:
    """Nothing of the world is left."""
    shutil.rmtree(_world, ignore_errors=True)


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings_parallel_suffix: None,
) -> None:
    """A database in a file: in memory, SQLite locks differently, and tests use threads."""

    default = connections["default"].settings_dict
    if default["ENGINE"].endswith("sqlite3"):
        worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
        default["TEST"]["NAME"] = str(_world / f"{worker}.sqlite3")


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> None:
    """The tables, and the host as read."""
    with django_db_blocker.unblock():
        _note_host()


@pytest.fixture
def qmail_home(settings: Any, tmp_path: Path) -> Path:
    """An empty embedded qmail home of this test alone."""
    home = tmp_path / "qmail"
    for directory in ("control", "users"):
        (home / directory).mkdir(parents=True)
    settings.QMAILPANEL_QMAIL_HOME = home
    settings.QMAILPANEL_MAIL_ROOT = home / "mailnames"
    settings.QMAILPANEL_SYNC_DIR = home / "qmailpanel"
    settings.QMAILPANEL_LOGIN_DIR = home / "logins"
    return home


@pytest.fixture
def seed() -> int:
    """What is random can be had again: pytest shows the seed of a test that failed."""
    seed = int(os.environ.get("TEST_SEED") or random.randrange(2**32))
    sys.stdout.write(f"TEST_SEED={seed}\n")
    return seed


@pytest.fixture
def chance(seed: int) -> random.Random:
    return random.Random(seed)


@pytest.fixture
def in_memory(tmp_path: Path) -> Iterator[Path]:
    """A directory in memory where there is such a thing: thousands of fsyncs cost nothing there."""
    memory = Path("/dev/shm")
    if not os.access(memory, os.W_OK):
        yield tmp_path
        return
    path = Path(tempfile.mkdtemp(prefix="qmailpanel-tests-", dir=memory))
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def panel(transactional_db: None, settings: Any, in_memory: Path) -> Panel:
    """A panel on an embedded qmail home with one foreign domain."""
    home = make_home(
        in_memory / "qmail",
        {
            Shared.ASSIGN: b"=7-joe:joe:7:7:/home/joe:::\n.\n",
            Shared.VIRTUAL: b"old.test:7\n",
            Shared.RCPT: b"old.test\n",
        },
    )
    settings.QMAILPANEL_QMAIL_HOME = home
    settings.QMAILPANEL_MAIL_ROOT = home / "mailnames"
    settings.QMAILPANEL_SYNC_DIR = home / "memory"
    settings.QMAILPANEL_LOGIN_DIR = home / "logins"
    settings.QMAILPANEL_FIFO = in_memory / "sync.fifo"
    settings.QMAILPANEL_HUP = "none"
    return Panel(home)


@pytest.fixture
def operator(db: None) -> User:
    """Runs the host."""
    return _make_user("operator@example.org", is_operator=True)


@pytest.fixture
def domain(db: None) -> Domain:
    """pandle.net, which colleague looks after."""
    return _make_domain("pandle.net")


@pytest.fixture
def other_domain(db: None) -> Domain:
    """The domain that stranger looks after."""
    return _make_domain("stranger.example")


@pytest.fixture
def colleague(domain: Domain) -> User:
    """Looks after `domain`."""
    return _make_user("colleague@example.org", domain)


@pytest.fixture
def stranger(other_domain: Domain) -> User:
    """Looks after `other_domain`, and has no business in `domain`."""
    return _make_user("stranger@example.org", other_domain)


@pytest.fixture
def person(domain: Domain) -> Callable[..., Actor]:
    """Somebody with these rights in pandle.net, as who acts."""

    def with_rights(*rights: str, email: str = "", of: Domain = domain) -> Actor:
        name = email or f"{'-'.join(rights) or 'nobody'}@example.org"
        user, _is_new = User.objects.get_or_create(email=name, password="argon2$nobody")
        if rights:
            Grant.objects.create(user=user, domain=of, rights=list(rights))
        return Actor(user.pk, str(user), "192.0.2.7")

    return with_rights


@pytest.fixture
def sign_in() -> Callable[[User], Client]:
    """A browser in which this person is signed in."""

    def browser_of(user: User) -> Client:
        client = Client()
        client.force_login(user)
        return client

    return browser_of


@pytest.fixture
def anonymous(db: None) -> Client:
    """A browser in which nobody signed in."""

    return Client()


@pytest.fixture
def as_operator(operator: User, sign_in: Callable[[User], Client]) -> Client:
    return sign_in(operator)


@pytest.fixture
def as_colleague(colleague: User, sign_in: Callable[[User], Client]) -> Client:
    return sign_in(colleague)


@pytest.fixture
def as_stranger(stranger: User, sign_in: Callable[[User], Client]) -> Client:
    return sign_in(stranger)


def _make_user(email: str, domain: Domain | None = None, *, is_operator: bool = False) -> User:

    # "!" is what Django takes for no password; anything else counts as one that nobody knows
    user = User.objects.create(email=email, is_operator=is_operator, password="argon2$nobody")
    if domain:
        Grant.objects.create(user=user, domain=domain, rights=Right.values)
    return user


def _make_domain(name: str) -> Domain:

    contact = MailAddress("postmaster@example.org")
    return add_domain(actor=SYSTEM, name=DomainName(name), contact=contact)
