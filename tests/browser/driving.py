"""Reading and moving the page as its users do."""

from __future__ import annotations

import json
import urllib.request
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page


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


def control(page: Page, key: str) -> Locator:
    """A control, unfolded."""
    reveal(page, key)
    return page.locator(f'.control[data-key="{key}"]')


def asked(site: str, path: str) -> Any:
    """What the API says."""
    with urllib.request.urlopen(f"{site}{path}", timeout=60) as response:  # noqa: S310  (our own server)
        return json.load(response)
