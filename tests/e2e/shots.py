"""Pictures of the main pages with the demo data: `python -m tests.e2e.shots DIRECTORY`.

The README opens with `panel.png` of them, as docs/panel.png.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

from tests.e2e.product import CHROMIUM, Product, enter, wait_until

LOOKS: dict[str, dict[str, Any]] = {
    "light": {"color_scheme": "light", "viewport": {"width": 1120, "height": 700}},
    "dark": {"color_scheme": "dark", "viewport": {"width": 1120, "height": 700}},
    "phone": {"color_scheme": "light", "viewport": {"width": 375, "height": 700}},
}
PAGES = {
    "today": "/",
    "found": "/find/?q=orders@shop.example",
    "domains": "/domains/",
    "mailboxes": "/domains/shop.example/mailboxes/",
    "aliases": "/domains/shop.example/aliases/",
    "settings": "/domains/shop.example/settings/",
    "activity": "/activity/",
    "sync": "/sync/",
    "host": "/sync/host/",
    "doctor": "/sync/doctor/",
}
OPENED = {"mailbox": ("mailboxes", "brian"), "alias": ("aliases", "orders")}


def main(directory: Path) -> None:
    with tempfile.TemporaryDirectory() as world, sync_playwright() as playwright:
        browser = playwright.chromium.launch(**CHROMIUM)
        panel = Product(Path(world))
        panel.prepare(demo=True)
        panel.start()
        try:
            wait_until(lambda: panel.host.prepend("shop.example"))
            shoot(browser, panel, directory)
        finally:
            panel.stop()


def shoot(browser: Browser, panel: Product, directory: Path) -> None:
    context = browser.new_context()
    enter(context.new_page(), panel)
    state = context.storage_state()
    for look, options in LOOKS.items():
        page = browser.new_context(base_url=panel.url, storage_state=state, **options).new_page()
        _shoot_all(page, directory, look)
    page = browser.new_context(base_url=panel.url, storage_state=state, **LOOKS["light"]).new_page()
    _shoot_answer(page, directory)


def _shoot_answer(page: Page, directory: Path) -> None:
    """Where mail to an alias goes, read back from the files."""
    page.goto(PAGES["found"])
    page.get_by_text("read back from").wait_for()
    page.set_viewport_size({"width": 1120, "height": 560})
    page.screenshot(path=directory / "panel.png", animations="disabled")


def _shoot_all(page: Page, directory: Path, look: str) -> None:
    for name, address in PAGES.items():
        page.goto(address)
        _shoot(page, directory / f"{name}-{look}.png")
    for name, (of, local) in OPENED.items():
        page.goto(PAGES[of])
        page.get_by_role("link", name=f"{local}@shop.example", exact=True).click()
        _shoot(page, directory / f"{name}-{look}.png")


def _shoot(page: Page, file: Path) -> None:
    page.wait_for_load_state("networkidle")
    page.screenshot(path=file, full_page=True)


if __name__ == "__main__":
    target = Path(sys.argv[1])
    target.mkdir(parents=True, exist_ok=True)
    main(target)
