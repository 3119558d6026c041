"""The page in the system's Chromium, served by `fleetline web`: one server and one browser for all tests of a worker.

Without a browser the tests are skipped with the reason; where FLEETLINE_BROWSER is `required` they fail instead.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from browser.driving import DESK, Guard, Visit, settled

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PATIENCE_MS = 60_000  # of a machine that does much else


def _without(reason: str) -> None:
    if os.environ.get("FLEETLINE_BROWSER") == "required":
        pytest.fail(f"FLEETLINE_BROWSER=required, but {reason}")
    pytest.skip(f"{reason}; the page is tested where there is one")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The system's Chromium."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        _without(f"no browser found (looked for {', '.join(NAMES)})")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        _without("playwright is not installed")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=found, args=["--no-sandbox", "--disable-gpu"])
        yield started
        started.close()


@pytest.fixture(scope="session")
def site(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server of one's own."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = tmp_path_factory.mktemp("server") / "log"
    command = [sys.executable, "-m", "fleetline", "web", "--port", str(port), "--workers", "1"]
    with log.open("wb") as file:
        server = subprocess.Popen(command, stdout=file, stderr=file)
    address = f"http://127.0.0.1:{port}"
    try:
        _wait(server, f"{address}/healthz", log)
        yield address
    finally:
        server.terminate()
        server.wait(timeout=20)


def _wait(server: subprocess.Popen[bytes], address: str, log: Path) -> None:
    end = time.monotonic() + 180
    while time.monotonic() < end and server.poll() is None:
        try:
            with urllib.request.urlopen(address, timeout=2):  # noqa: S310  (our own server)
                return
        except OSError:
            time.sleep(0.1)
    raise AssertionError(f"the server did not start: {log.read_text()}")


@pytest.fixture
def guard(site: str) -> Iterator[Guard]:
    """Fails the test if a page did what it must not."""
    made = Guard(site)
    yield made
    assert made.faults == []


@pytest.fixture
def visit(browser: Browser, site: str, guard: Guard) -> Iterator[Visit]:
    """Open an address of the page in a context of its own, and wait until its answer stands."""
    contexts = []

    def opened(path: str = "/", **context: Any) -> Page:
        contexts.append(browser.new_context(**{"viewport": DESK, "reduced_motion": "reduce"} | context))
        page = contexts[-1].new_page()
        page.set_default_timeout(PATIENCE_MS)
        guard.watch(page)
        page.goto(site + path)
        settled(page)
        return page

    yield opened
    for context in contexts:
        context.close()
