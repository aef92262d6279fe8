"""A browser to read pages in: one for all tests of a process, for Playwright bears no second one."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import Browser, Error, Page, expect, sync_playwright

CHROMIUM: Final = "/usr/bin/chromium"
QUIET: Final = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking")
PATIENCE_MS: Final = 120_000  # of a machine that is busy with other things
INSTALL: Final = "needs Chromium: `python -m playwright install chromium`, or Debian's package chromium"


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Headless Chromium."""
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        path = CHROMIUM if Path(CHROMIUM).exists() else None
        try:
            launched = playwright.chromium.launch(executable_path=path, args=[*QUIET, "--disable-component-update", "--disable-sync"])
        except Error:
            pytest.skip(INSTALL)
        yield launched
        launched.close()


def until(page: Page, expression: str) -> None:
    """Waits until JavaScript says yes, without evaluating text inside the page."""
    deadline = time.monotonic() + PATIENCE_MS / 1000
    while not page.evaluate(expression):
        assert time.monotonic() < deadline, f"in {PATIENCE_MS} ms it did not become true that {expression}"
        page.wait_for_timeout(50)


class Watched:
    """A page, and everything it complained about or asked the network for."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.complaints: list[str] = []
        self.requests: list[str] = []
        page.on("console", lambda message: self.complaints.append(message.text) if message.type in {"error", "warning"} else None)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda request: self.requests.append(request.url))

    def open(self, path: Path, address: str = "") -> Page:
        """Opens a page from disk and waits for its first drawing."""
        self.page.goto(f"file://{path}{address}", wait_until="commit")
        until(self.page, "window.drawnOnce === true")
        return self.page


@pytest.fixture
def watched(browser: Browser) -> Iterator[Watched]:
    """A fresh page of 1280 × 900, watched."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, accept_downloads=True)
    context.set_default_timeout(PATIENCE_MS)
    yield Watched(context.new_page())
    context.close()
