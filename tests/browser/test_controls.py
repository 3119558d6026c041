"""Every control that /api/v1/controls names is drawn, moves, changes the address, and is answered."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest

from browser.driving import Guard, Visit, asked, control, give, numbers, settled

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

VIEWS = ("deployment", "world", "accuracy")


def _controls(site: str, view: str) -> list[dict[str, Any]]:
    return next(each["controls"] for each in asked(site, "/api/v1/controls") if each["view"] == view)


@pytest.mark.parametrize("view", VIEWS)
def test_a_view_opens_with_numbers_and_figures(visit: Visit, view: str) -> None:
    page = visit(f"/?view={view}")
    assert page.locator("#headline").inner_text()
    assert numbers(page)
    assert page.locator("figure .chart svg").count() >= 1
    assert page.locator("#views [aria-current]").get_attribute("data-view") == view


@pytest.mark.parametrize("view", VIEWS)
def test_each_control_moves_the_address_and_is_answered(visit: Visit, site: str, view: str, guard: Guard) -> None:
    guard.allowed = {422}  # a value alone may contradict the rest; it is then told beside the control
    page = visit(f"/?view={view}")
    named = _controls(site, view)
    assert page.locator(".control").count() == len(named)
    for each in named:
        here = control(page, each["key"])
        wanted = _moved(page, here, each)
        settled(page)
        query = parse_qs(urlsplit(page.url).query)
        assert query.get(each["key"]) == [wanted], each["key"]
        assert not page.locator("#status.server, #status.offline, #status.busy").count(), each["key"]
        here.get_by_role("button", name="back to the usual value").click()
        settled(page)
        assert each["key"] not in parse_qs(urlsplit(page.url).query)


def _moved(page: Page, here: Locator, each: dict[str, Any]) -> str:
    """Move a control to another value, and say which."""
    slider = here.locator("input[type=range]")
    if slider.count():
        slider.focus()
        slider.press("ArrowLeft")
        return str(here.locator(".box").input_value())
    if each["kind"] == "choice":
        other = next(option["value"] for option in reversed(each["options"]) if option["value"] != each["default"])
        if here.locator("select").count():
            here.locator("select").select_option(other)
        else:
            here.locator(f'input[value="{other}"] + label').click()
        return str(other)
    if each["kind"] == "toggle":
        here.locator("input").click()
        return str(not each["default"]).lower()
    value = "2027-01-01" if each["kind"] == "date" else "12000:900"
    give(page, each["key"], value)
    return value


def test_a_number_is_the_commands(visit: Visit) -> None:
    page = visit("/?view=deployment&speed=50&preset=article")
    command = [
        sys.executable,
        "-m",
        "fleetline",
        "throughput",
        "kimi-k2.6",
        "gb200-nvl72",
        "--speed",
        "50",
        "--preset",
        "article",
    ]
    told = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    for key in ("throughput_tok_s", "batch", "speed_tok_s_user", "cost_usd_per_mtok_output"):
        shown = float(page.locator(f'[data-number="{key}"] .value').get_attribute("data-value") or "nan")
        assert shown == pytest.approx(told[key], rel=1e-12), key


def test_a_slider_gives_the_number_of_where_it_stands(visit: Visit, site: str) -> None:
    page = visit()
    slider = control(page, "speed").locator("input[type=range]")
    slider.fill("700")
    settled(page)
    speed = control(page, "speed").locator(".box").input_value()
    told = asked(site, f"/api/v1/views/deployment?speed={speed}")["numbers"]
    assert numbers(page) == {each["key"]: each["text"] for each in told}


def test_while_a_slider_moves_only_its_last_value_counts(visit: Visit, site: str) -> None:
    """Forty moves without a pause: the last is shown, and the server was asked no oftener than the pace allows."""
    page = visit()
    paths: list[str] = []
    page.on("request", lambda request: paths.append(request.url) if "/views/deployment" in request.url else None)
    slider = control(page, "speed").locator("input[type=range]")
    took_ms = slider.evaluate(
        """async (node) => {
            const began = performance.now();
            for (let at = 300; at <= 690; at += 10) {
                node.value = at;
                node.dispatchEvent(new Event("input", { bubbles: true }));
                await new Promise((done) => setTimeout(done, 8));
            }
            node.dispatchEvent(new Event("change", { bubbles: true }));
            return performance.now() - began;
        }"""
    )
    settled(page)
    speed = control(page, "speed").locator(".box").input_value()
    told = asked(site, f"/api/v1/views/deployment?speed={speed}")["numbers"]
    assert numbers(page) == {each["key"]: each["text"] for each in told}
    assert 1 <= len(paths) <= took_ms / 80 + 2  # main.js's pace, the first and the last
    assert parse_qs(urlsplit(page.url).query)["speed"] == [speed]


def test_an_empty_box_says_what_stands_in_for_it(visit: Visit) -> None:
    page = visit()
    assert control(page, "speed").locator(".box").get_attribute("placeholder") == "35"
