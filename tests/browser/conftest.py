"""A browser for the pages that getspec writes; `nox -s browser` runs these tests.

Chromium is the system's own. Every page is watched: what it says to the console, raises or asks the network for ends its test.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    path = next(filter(None, map(shutil.which, NAMES)), None)
    assert path, f"none of {', '.join(NAMES)} is installed: apt-get install chromium"
    options = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=options)
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """A page that has to be quiet."""
    opened = chromium.new_page(viewport={"width": 1280, "height": 900})
    heard: list[str] = []
    opened.on("console", lambda message: heard.append(f"console: {message.text}"))
    opened.on("pageerror", lambda error: heard.append(f"error: {error}"))
    opened.on("dialog", lambda dialog: heard.append(f"dialog: {dialog.message}"))
    opened.on(
        "request",
        lambda request: request.url.startswith("file:") or heard.append(f"request: {request.url}"),
    )
    yield opened
    opened.close()
    assert heard == [], "a report says nothing, loads nothing and sends nothing"


@pytest.fixture
def reports(tmp_path: Path) -> Path:
    return tmp_path
