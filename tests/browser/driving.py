"""Reading and moving the page as its users do."""

from __future__ import annotations

import json
import re
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import ConsoleMessage, Locator, Page, Request, Response


DESK = {"width": 1280, "height": 900}
Visit = Callable[..., "Page"]


class Guard:
    """What a page must never do: log an error, break a promise, fail a request, or ask another host."""

    def __init__(self, site: str) -> None:
        self.site = site
        self.faults: list[str] = []
        self.allowed: set[int] = set()  # statuses that a test provokes

    def watch(self, page: Page) -> None:
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.faults.append(f"uncaught: {error}"))
        page.on("requestfailed", self._failed)
        page.on("response", self._answered)

    def _console(self, message: ConsoleMessage) -> None:
        status = re.search(r"status of (\d+)", message.text)
        if message.type in {"error", "warning"} and not (status and int(status[1]) in self.allowed):
            self.faults.append(f"console: {message.text}")

    def _failed(self, request: Request) -> None:
        if request.failure != "net::ERR_ABORTED":  # a newer question took its place
            self.faults.append(f"failed: {request.url} {request.failure}")

    def _answered(self, response: Response) -> None:
        if response.status >= 400 and response.status not in self.allowed:
            self.faults.append(f"{response.status}: {response.url}")
        if not response.url.startswith((self.site, "blob:", "data:")):
            self.faults.append(f"another host: {response.url}")


def settled(page: Page) -> None:
    """Wait until the newest question is answered and drawn."""
    page.locator('#answer[data-settled="yes"]').wait_for(state="attached")


def numbers(page: Page) -> dict[str, str]:
    """The numbers as shown: key -> words."""
    found: dict[str, str] = page.evaluate(
        """() => Object.fromEntries([...document.querySelectorAll("[data-number]")].map(
            (card) => [card.dataset.number, card.querySelector(".value").textContent]))"""
    )
    return found


def give(page: Page, key: str, text: str) -> None:
    """Type a value into the box of a control, and wait for the answer."""
    box = page.locator(f'.control[data-key="{key}"] .box, .control[data-key="{key}"] .plain input').first
    reveal(page, key)
    box.fill(text)
    box.press("Tab")
    settled(page)


def reveal(page: Page, key: str) -> None:
    """Open whatever folds a control away."""
    page.locator(f'.control[data-key="{key}"]').evaluate(
        """(node) => { for (let at = node; at; at = at.parentElement) if (at.tagName === "DETAILS") at.open = true; }"""
    )


@dataclass(frozen=True)
class Box:
    """Where something stands [px]."""

    left: float
    top: float
    width: float
    height: float

    @property
    def right(self) -> float:
        return self.left + self.width

    @property
    def bottom(self) -> float:
        return self.top + self.height


def box_of(locator: Locator) -> Box:
    """Where an element stands; it must be there to be seen."""
    found = locator.bounding_box()
    assert found is not None, f"not to be seen: {locator}"
    return Box(found["x"], found["y"], found["width"], found["height"])


def control(page: Page, key: str) -> Locator:
    """A control, unfolded."""
    reveal(page, key)
    return page.locator(f'.control[data-key="{key}"]')


def asked(site: str, path: str) -> Any:
    """What the API says."""
    with urllib.request.urlopen(f"{site}{path}", timeout=60) as response:  # noqa: S310  (our own server)
        return json.load(response)
