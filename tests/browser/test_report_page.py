"""report.html as people open it: from a file, on a phone, in the dark, on paper, without script."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from conftest import Reported

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

DESK, PHONE = {"width": 1280, "height": 900}, {"width": 360, "height": 740}
Open = Callable[..., "Page"]


@pytest.fixture(scope="module")
def out(browser: Browser, reported: Reported) -> Path:
    """The report; not made where there is no browser."""
    return reported.out


@pytest.fixture
def opened(browser: Browser, out: Path, tmp_path: Path) -> Iterator[Open]:
    """Opens the page, alone in a folder as if it had been sent; fails the test if it logs an error or asks for anything."""
    (tmp_path / "sent").mkdir()
    sent = tmp_path / "sent" / "report.html"
    sent.write_bytes((out / "report.html").read_bytes())
    faults: list[str] = []
    contexts = []

    def visit(anchor: str = "", **context: Any) -> Page:
        contexts.append(browser.new_context(**{"viewport": DESK, "reduced_motion": "reduce"} | context))
        page = contexts[-1].new_page()
        page.set_default_timeout(60_000)
        page.on("console", lambda message: faults.append(message.text) if message.type in {"error", "warning"} else None)
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("request", lambda asked: faults.append(asked.url) if asked.url.startswith("http") else None)
        page.goto(sent.as_uri() + anchor)
        return page

    yield visit
    for context in contexts:
        context.close()
    assert faults == []


LIKE_OTHERS = ".chart svg > *, tbody tr:nth-child(n + 9)"  # most elements of the page; each costs axe its milliseconds


def sampled(page: Page) -> None:
    """Leave the page without the insides of pictures and with the first rows of each table."""
    page.evaluate(f"document.querySelectorAll('{LIKE_OTHERS}').forEach((each) => each.remove())")


def serious(page: Page, rules: str = "") -> list[str]:
    """What axe-core calls serious or critical."""
    page.evaluate((files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8"))
    found = page.evaluate(f"async () => (await axe.run({rules})).violations")
    return [
        f"{each['id']}: {each['nodes'][0]['html'][:120]}" for each in found if each["impact"] in {"serious", "critical"}
    ]


OPEN_ALL = "document.querySelectorAll('details').forEach((each) => { each.open = true; })"


def test_axe_finds_nothing_serious(opened: Open) -> None:
    page = opened(color_scheme="light")
    page.evaluate(OPEN_ALL)
    sampled(page)
    assert serious(page) == []
    page.emulate_media(color_scheme="dark")
    assert serious(page, "{runOnly: ['color-contrast']}") == []
    page.set_viewport_size({"width": 360, "height": 740})
    assert serious(page, "{rules: {'color-contrast': {enabled: false}}}") == []


@pytest.mark.long
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_axe_finds_nothing_serious_in_pictures_and_all_rows(opened: Open, theme: str, size: dict[str, int]) -> None:
    page = opened(viewport=size, color_scheme=theme)
    page.evaluate(OPEN_ALL)
    assert serious(page) == []


def test_axe_would_find_a_fault(opened: Open) -> None:
    page = opened()
    sampled(page)
    page.evaluate("document.querySelector('.chart').removeAttribute('aria-label')")
    assert any(each.startswith("role-img-alt") for each in serious(page))


def test_the_page_never_scrolls_sideways(opened: Open) -> None:
    page = opened()
    page.evaluate(OPEN_ALL)
    for width in (360, 390, 768, 1152, 1280, 1920):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_words_in_figures_can_be_read_on_a_phone(opened: Open) -> None:
    page = opened(viewport=PHONE)
    sizes = page.evaluate(
        """() => [...document.querySelectorAll(".chart svg")].filter((each) => each.getBoundingClientRect().width).map(
            (each) => [each.closest("figure").id, 11 * each.getBoundingClientRect().width / each.viewBox.baseVal.width])"""
    )
    assert len(sizes) == page.locator("figure").count()
    assert {name: size for name, size in sizes if size < 9.0} == {}  # px; the smallest letters are 11 in the picture


def test_contents_stand_beside_the_text_or_folded_above_it(opened: Open) -> None:
    page = opened()
    assert page.locator("nav.side").is_visible()
    assert page.locator(".folded").is_hidden()
    page = opened(viewport=PHONE)
    assert page.locator("nav.side").is_hidden()
    page.locator(".folded summary").click()
    page.locator(".folded a", has_text="When one passes the other").click()
    page.wait_for_function("Math.abs(document.getElementById('crossover').getBoundingClientRect().top) < 60")


def test_light_and_dark_can_be_chosen_and_stay(opened: Open) -> None:
    page = opened(color_scheme="light")

    def colours() -> list[str]:
        said = "(s) => getComputedStyle(document.querySelector(s))"
        paper = page.evaluate(f"({said})('body').backgroundColor")
        return [paper, page.evaluate(f"({said})('#figure-load_over_time rect').fill")]

    assert colours() == ["rgb(255, 255, 255)", "rgb(255, 255, 255)"]
    page.get_by_role("button", name="Show the page in dark colours").click()
    assert colours() == ["rgb(22, 25, 28)", "rgb(22, 25, 28)"]
    page.wait_for_timeout(500)  # the browser keeps what a page stores a moment later, in a process of its own
    page.reload()
    assert colours() == ["rgb(22, 25, 28)", "rgb(22, 25, 28)"]
    page.emulate_media(media="print")
    assert colours() == ["rgb(255, 255, 255)", "rgb(255, 255, 255)"]  # paper is white


def test_figures_give_their_data_and_themselves(opened: Open, out: Path) -> None:
    page = opened()
    figure = page.locator("#figure-load_over_time")
    got = {}
    for words in ("Data (CSV)", "SVG", "PNG"):
        with page.expect_download() as waiting:
            figure.get_by_role("link", name=words, exact=True).click()
        path = waiting.value.path()
        got[waiting.value.suggested_filename] = path.read_bytes()
    assert set(got) == {"today_by_time.csv", "load_over_time.svg", "load_over_time.png"}
    rows = list(csv.DictReader(io.StringIO(got["today_by_time.csv"].decode())))
    table = json.loads((out / "results.json").read_text())["tables"]["today_by_time"]
    assert [float(row["p50"]) for row in rows] == pytest.approx([row["p50"] for row in table])
    assert b"<svg" in got["load_over_time.svg"]
    assert b"demand over supply" in got["load_over_time.svg"]
    assert got["load_over_time.png"].startswith(b"\x89PNG")


def test_a_number_leads_to_where_it_comes_from_even_if_folded(opened: Open) -> None:
    page = opened()
    page.locator('a[href="#assumption-world.population"]').first.click()
    row = page.locator("[id='assumption-world.population']")
    row.wait_for(state="visible")
    assert "8.2 billion" in row.inner_text()


def test_on_paper_everything_is_opened_and_nothing_is_cut(opened: Open, tmp_path: Path) -> None:
    page = opened(viewport={"width": 680, "height": 900})  # the text of an A4 page
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator("main details:not([open])").count() == 0
    cut = page.evaluate(
        """() => [...document.querySelectorAll(".box, .chart")].filter((each) => each.scrollWidth > 682).map(
            (each) => each.textContent.slice(0, 80))"""
    )
    assert cut == []
    assert page.pdf(prefer_css_page_size=True).startswith(b"%PDF")


def test_without_script_the_page_can_be_read(opened: Open) -> None:
    page = opened(java_script_enabled=False)
    assert page.get_by_role("heading", level=1).inner_text() == "Is a compute crunch coming?"
    assert page.locator("#figure-load_over_time svg.large").is_visible()
    assert page.locator("#theme").is_hidden()
    assert page.locator("#figure-load_over_time").get_by_role("link", name="SVG").get_attribute("href") == (
        "figures/load_over_time.svg"
    )


def test_the_keyboard_finds_the_text_first_and_its_way_is_seen(opened: Open) -> None:
    page = opened()
    page.keyboard.press("Tab")
    skip = page.locator("a.skip")
    assert skip.evaluate("(each) => each === document.activeElement && each.getBoundingClientRect().left >= 0")
    assert skip.evaluate("(each) => getComputedStyle(each).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    assert page.url.endswith("#main")
