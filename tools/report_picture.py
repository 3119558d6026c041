"""The picture of the report's first screen: `make screenshots`.

    python tools/report_picture.py out/report.html docs/figures/report.png

Opens the page in the system's Chromium.
"""

from __future__ import annotations

import sys
from pathlib import Path

from playwright.sync_api import ViewportSize, sync_playwright
from screenshots import browser_path

SIZE: ViewportSize = {"width": 1240, "height": 1330}  # px


def main(page: Path, picture: Path) -> None:
    """Write the picture of a report."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path(), args=["--no-sandbox", "--disable-gpu"])
        opened = browser.new_page(viewport=SIZE, color_scheme="light", reduced_motion="reduce")
        opened.goto(page.resolve().as_uri())
        opened.screenshot(path=picture)
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
