"""A real browser before a real panel: one panel for all tests, a domain of its own for each."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Response, ViewportSize, expect

from tests.e2e.product import CHROMIUM, Product, enter, wait_until

# Playwright runs a loop in this thread, and Django's database would not be used beside one.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"

WIDE: ViewportSize = {"width": 1280, "height": 800}
POOL = 80  # domains made at once, because each command takes a second
FILL = """
from qmailpanel.aliases.services import add_alias
from qmailpanel.domains.services import add_domain
from qmailpanel.ledger.actors import SYSTEM
from qmailpanel.mailboxes.services import add_mailbox
from qmailpanel.qmail.names import AliasLocal, MailAddress, DomainName, LocalPart
contact = MailAddress("operator@example.org")
for number in range(%d):
    name = f"d{number:02}.example"
    domain = add_domain(SYSTEM, DomainName(name), contact=contact)
    for local in ("ada", "bob"):
        add_mailbox(SYSTEM, domain, LocalPart(local))
    add_alias(SYSTEM, domain, AliasLocal("sales"), [MailAddress(f"ada@{name}")])
"""
ANSWERED = re.compile(r"Failed to load resource: .* status of (404|410|422)")

expect.set_options(timeout=10_000)


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    return {**browser_type_launch_args, **CHROMIUM}


@pytest.fixture(scope="session")
def new_panel(tmp_path_factory: pytest.TempPathFactory) -> Product:
    """A panel in which nothing was ever done; it is copied, and never started."""
    panel = Product(tmp_path_factory.mktemp("new"))
    panel.prepare()
    return panel


@pytest.fixture
def own_panel(new_panel: Product, tmp_path: Path) -> Iterator[Product]:
    """A new panel that runs, of this test alone."""
    with running(new_panel.copy_to(tmp_path / "panel")) as panel:
        yield panel


@pytest.fixture
def own_page(browser: Browser, own_panel: Product, wrong: list[str]) -> Iterator[Page]:
    """The operator before a panel in which nothing was ever done."""
    context = browser.new_context(base_url=own_panel.url)
    listen(context, wrong)
    page = context.new_page()
    enter(page, own_panel)
    yield page
    context.close()
    assert wrong == []


@pytest.fixture(scope="session")
def panel(new_panel: Product, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """The panel that all tests share."""
    with running(new_panel.copy_to(tmp_path_factory.mktemp("shared") / "panel")) as panel:
        yield panel


@contextmanager
def running(panel: Product) -> Iterator[Product]:
    """Start it; in the end its web server has met nothing unexpected."""
    panel.start()
    try:
        yield panel
    finally:
        panel.stop()
    assert "Traceback" not in panel.log("web")


@pytest.fixture
def open_page(browser: Browser, panel: Product, wrong: list[str]) -> Iterator[Callable[[], Page]]:
    """Makes a page of a browser in which nobody signed in."""
    opened = []

    def one() -> Page:
        context = browser.new_context(base_url=panel.url, viewport=WIDE)
        listen(context, wrong)
        opened.append(context)
        return context.new_page()

    yield one
    for context in opened:
        context.close()
    assert wrong == []


@pytest.fixture(scope="session")
def base_url(panel: Product) -> str:
    return panel.url


@pytest.fixture(scope="session")
def signed_in(panel: Product, browser: Browser) -> Any:
    """The cookies of the operator."""
    context = browser.new_context()
    page = context.new_page()
    enter(page, panel)
    state = context.storage_state()
    context.close()
    return state


@pytest.fixture
def browser_context_args(browser_context_args: dict[str, Any], signed_in: Any) -> dict[str, Any]:
    """The operator's browser."""
    return {**browser_context_args, "storage_state": signed_in}


@pytest.fixture
def wrong() -> list[str]:
    """What went wrong in the browser; a test that provokes it clears the list."""
    return []


@pytest.fixture
def context(context: BrowserContext, wrong: list[str]) -> Iterator[BrowserContext]:
    """Nothing goes wrong unseen, and nothing is asked of another host."""
    listen(context, wrong)
    yield context
    assert wrong == []


def listen(context: BrowserContext, wrong: list[str]) -> None:
    """Note errors of scripts, violations of the policy, failures and foreign requests."""
    context.on("console", lambda said: _note(wrong, said.type, said.text))
    context.on("weberror", lambda error: wrong.append(str(error.error)))
    context.on("request", lambda request: _note_host(wrong, request.url))
    context.on("response", lambda answer: _note_failure(wrong, answer))


def _note(wrong: list[str], kind: str, text: str) -> None:
    if kind in ("error", "warning") and not ANSWERED.search(text):
        wrong.append(f"{kind}: {text}")


def _note_failure(wrong: list[str], answer: Response) -> None:
    if answer.status >= 500:
        wrong.append(f"{answer.status} {answer.url}")


def _note_host(wrong: list[str], url: str) -> None:
    if urlsplit(url).hostname not in ("127.0.0.1", "localhost", None):
        wrong.append(url)


@pytest.fixture(scope="session")
def _pool(panel: Product) -> Iterator[str]:
    panel.shell(FILL % POOL)
    names = [f"d{number:02}.example" for number in range(POOL)]
    wait_until(lambda: panel.has_live(names))
    return iter(names)


@pytest.fixture(scope="session")
def quiet_domain(_pool: Iterator[str]) -> str:
    """One in which no test changes anything."""
    return next(_pool)


@pytest.fixture
def domain(_pool: Iterator[str]) -> str:
    """A live domain of this test alone: mailboxes ada and bob, and sales, an alias of ada."""
    return next(_pool)


@pytest.fixture
def broken_compile(panel: Product) -> Iterator[Path]:
    """Something stands where users/cdb is written."""
    obstacle = panel.host.home / "users/cdb.tmp"
    obstacle.mkdir()
    yield obstacle
    if obstacle.is_dir():
        obstacle.rmdir()


@pytest.fixture
def stopped_sync(panel: Product) -> Iterator[None]:
    """The sync service is not running; a test may start it again."""
    panel.stop_sync()
    yield
    if panel.sync is None:
        panel.start_sync()
