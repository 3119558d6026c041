"""A model of one's own: understood, in the address, or refused in words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest

from browser.driving import Guard, Visit, control, numbers, settled
from fleetline.webapp.upload import EXAMPLE

if TYPE_CHECKING:
    from playwright.sync_api import Page


def _give(page: Page, path: Path) -> None:
    page.locator("#config").set_input_files(path)


def test_an_uploaded_config_is_the_model(visit: Visit, tmp_path: Path) -> None:
    page = visit()
    before = numbers(page)
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(dict(EXAMPLE)), encoding="utf-8")
    _give(page, path)
    page.get_by_text("mine: 8.03 billion parameters").wait_for()
    settled(page)
    token = parse_qs(urlsplit(page.url).query)["model"][0]
    assert token.startswith("config:")
    assert control(page, "model").locator("select").input_value() == token
    assert numbers(page) != before
    again = visit(f"/?{urlsplit(page.url).query}")  # the server kept nothing: the address has it all
    assert numbers(again) == numbers(page)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{ not json", "was not understood"),
        ("[1, 2]", "was not understood"),
        (json.dumps(dict(EXAMPLE) | {"num_hidden_layers": -3}), "num_hidden_layers"),
        (json.dumps(dict(EXAMPLE) | {"model_type": "teapot"}), "was not understood"),
    ],
)
def test_a_broken_config_is_refused_in_words(visit: Visit, guard: Guard, tmp_path: Path, content: str, words: str) -> None:
    guard.allowed = {422}
    page = visit()
    before = numbers(page)
    path = tmp_path / "config.json"
    path.write_text(content, encoding="utf-8")
    _give(page, path)
    said = page.locator(".upload .said.bad")
    said.wait_for()
    assert words in said.inner_text()
    assert "Traceback" not in said.inner_text()
    assert numbers(page) == before  # and the page stays usable
    assert "model=" not in page.url


def test_weights_are_not_sent(visit: Visit, tmp_path: Path) -> None:
    page = visit()
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url) if request.method == "POST" else None)
    path = tmp_path / "model.json"
    path.write_bytes(b" " * 2_000_000)
    _give(page, path)
    page.get_by_text("Choose the configuration, not the weights").wait_for()
    assert sent == []


def test_a_config_may_be_dropped_on_the_page(visit: Visit) -> None:
    page = visit()
    page.evaluate(
        """(text) => {
            const carried = new DataTransfer();
            carried.items.add(new File([text], "dropped.json", { type: "application/json" }));
            for (const kind of ["dragover", "drop"])
                window.dispatchEvent(new DragEvent(kind, { dataTransfer: carried, bubbles: true, cancelable: true }));
        }""",
        json.dumps(dict(EXAMPLE)),
    )
    page.get_by_text("dropped: 8.03 billion parameters").wait_for()
