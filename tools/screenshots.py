"""Pictures of the page as it looks today: `make screenshots`.

    python tools/screenshots.py docs/figures

Serves the page on a free port, opens it in the system's Chromium, and writes page-*.png.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
SHOTS: Mapping[str, tuple[str, dict[str, Any]]] = {
    "page-deployment": ("/?view=deployment", {"viewport": {"width": 1280, "height": 1000}}),
    "page-compared": (
        "/?view=deployment&speculative=8%3A3&against=",
        {"viewport": {"width": 1280, "height": 1000}, "color_scheme": "dark"},
    ),
    "page-world": ("/?view=world", {"viewport": {"width": 1280, "height": 1000}}),
    "page-accuracy": ("/?view=accuracy", {"viewport": {"width": 1280, "height": 1000}}),
    "page-phone": ("/?view=world", {"viewport": {"width": 390, "height": 844}, "has_touch": True}),
}


def browser_path() -> str:
    """The system's Chromium.

    Raises:
        SystemExit: there is none.
    """
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        raise SystemExit(f"no browser found (looked for {', '.join(NAMES)})")
    return found


@contextmanager
def served() -> Iterator[str]:
    """The address of a server of one's own, for as long as it is needed."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "fleetline", "web", "--port", str(port), "--workers", "1"]
    address = f"http://127.0.0.1:{port}"
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as server:  # noqa: S603  (ourselves)
        try:
            _wait(server, f"{address}/healthz")
            yield address
        finally:
            server.terminate()


def _wait(server: subprocess.Popen[bytes], address: str) -> None:
    end = time.monotonic() + 120
    while time.monotonic() < end and server.poll() is None:
        try:
            with urllib.request.urlopen(address, timeout=2):  # noqa: S310  (our own server)
                return
        except OSError:
            time.sleep(0.2)
    raise SystemExit("the server did not start")


def shoot(browser: Browser, address: str, path: Path, **context: Any) -> None:
    """One picture, once the newest answer is drawn."""
    opened = browser.new_context(reduced_motion="reduce", **context)
    page = opened.new_page()
    page.set_default_timeout(120_000)
    page.goto(address)
    page.locator('#answer[data-settled="yes"]').wait_for(state="attached")
    page.screenshot(path=path)
    opened.close()


def main(folder: Path) -> None:
    """Write every picture into a folder."""
    with served() as site, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path(), args=["--no-sandbox", "--disable-gpu"])
        for name, (path, context) in SHOTS.items():
            shoot(browser, site + path, folder / f"{name}.png", **context)
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
