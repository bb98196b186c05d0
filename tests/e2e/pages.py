"""What the tests look for on a page."""

from __future__ import annotations

from urllib.parse import urlsplit

from playwright.sync_api import Locator, Page, expect

WAITING = "Saved, waiting: the sync service is not running."


def wait_for_today(page: Page) -> None:
    """Where operators start."""
    page.wait_for_url(lambda url: urlsplit(url).path == "/")


def row_of(page: Page, name: str) -> Locator:
    """The row whose header is this domain or address."""
    link = page.get_by_role("link", name=name, exact=True)
    return page.get_by_role("row").filter(has=link)


def expect_status(page: Page, name: str, word: str) -> None:
    expect(row_of(page, name).locator(".status")).to_have_text(word)


def add_mailbox(page: Page, local: str) -> None:
    page.get_by_label("New mailbox").fill(local)
    page.get_by_label("New mailbox").press("Enter")


def open_tab(page: Page, name: str) -> None:
    """Of a mailbox, or of an owner's pages."""
    page.locator(".tabs").get_by_role("link", name=name, exact=True).click()


def save(page: Page, button: str) -> None:
    """Press it, and wait until the answer stands there: what stood there before was live too."""
    page.evaluate("document.querySelector('#said').replaceChildren()")
    page.get_by_role("button", name=button).click()
    expect(page.locator("#said")).not_to_be_empty()


def mark(page: Page) -> None:
    """So that `is_marked()` can tell whether the page was loaded again."""
    page.evaluate("window.marked = true")


def is_marked(page: Page) -> bool:
    return bool(page.evaluate("window.marked === true"))


def focused(page: Page) -> str:
    """The words of what has the focus: its label, or its text."""
    words: str = page.evaluate(
        "(e => e.labels?.[0]?.innerText ?? e.textContent)(document.activeElement)"
    )
    return " ".join(words.split())


def tab_to(page: Page, words: str, key: str = "Tab") -> None:
    """Press Tab until that has the focus."""
    for _ in range(40):
        if focused(page) == words:
            return
        page.keyboard.press(key)
    raise AssertionError(f"no Tab leads to {words}; the last one led to {focused(page)}")


def expect_copied(page: Page, name: str, text: str) -> None:
    """The button puts just this text into the clipboard, and says so."""
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name=name).click()
    expect(page.get_by_role("status").get_by_text("Copied.")).to_be_attached()
    assert page.evaluate("navigator.clipboard.readText()") == text
