"""Files made of what is shown: looked into, not only received."""

from __future__ import annotations

import csv
import io
import json
import struct
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import TYPE_CHECKING

from browser.driving import Visit, asked, box_of, numbers

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

ADDRESS = "/?view=deployment&speed=50"
SVG = "{http://www.w3.org/2000/svg}"


def _saved(page: Page, button: Locator) -> tuple[str, bytes]:
    with page.expect_download() as started:
        button.click()
    return started.value.suggested_filename, Path(started.value.path()).read_bytes()


def test_numbers_as_csv(visit: Visit, site: str) -> None:
    page = visit(ADDRESS)
    name, content = _saved(page, page.get_by_role("button", name="Numbers as CSV"))
    rows = list(csv.DictReader(io.StringIO(content.decode())))
    told = asked(site, "/api/v1/views/deployment?speed=50")["numbers"]
    assert name == "fleetline-deployment.csv"
    assert [row["key"] for row in rows] == [each["key"] for each in told] == list(numbers(page))
    for row, each in zip(rows, told, strict=True):
        assert row["source"] == each["source"]
        assert row["unit"] == each["unit"]
        assert (row["value"] or None) == (None if each["value"] is None else row["value"])
        if isinstance(each["value"], float):
            assert float(row["value"]) == each["value"]


def test_everything_as_json(visit: Visit, site: str) -> None:
    page = visit(ADDRESS)
    name, content = _saved(page, page.get_by_role("button", name="All as JSON"))
    told = json.loads(content)
    assert name == "fleetline-deployment.json"
    assert told["address"] == page.url
    assert told["deployment"]["answer"] == asked(site, "/api/v1/views/deployment?speed=50")
    assert told["frontier"]["answer"] == asked(site, "/api/v1/views/frontier?speed=50")


def test_two_states_as_csv_say_which_is_which(visit: Visit) -> None:
    page = visit(f"{ADDRESS}&against=")
    _, content = _saved(page, page.get_by_role("button", name="Numbers as CSV"))
    assert {row["state"] for row in csv.DictReader(io.StringIO(content.decode()))} == {"A", "B"}


def test_a_figure_as_svg(visit: Visit) -> None:
    page = visit(ADDRESS)
    figure = page.locator("figure").first
    name, content = _saved(page, figure.get_by_role("button", name="SVG"))
    root = ET.fromstring(content)  # noqa: S314  (made by our own page)
    assert name == f"fleetline-{figure.get_attribute('data-figure')}.svg"
    assert root.tag == f"{SVG}svg"
    assert root.findtext(f"{SVG}title") == figure.locator("h2").inner_text()
    assert page.url in (root.findtext(f"{SVG}desc") or "")
    assert len(list(root.iter(f"{SVG}path"))) > 5
    assert b"<script" not in content


def test_a_figure_as_png(visit: Visit) -> None:
    page = visit(ADDRESS)
    figure = page.locator("figure").first
    name, content = _saved(page, figure.get_by_role("button", name="PNG"))
    width, height = struct.unpack(">II", content[16:24])
    shown = box_of(figure.locator(".chart svg"))
    assert name.endswith(".png")
    assert content.startswith(b"\x89PNG\r\n\x1a\n")
    assert abs(width - 2 * shown.width) <= 4
    assert height > 2 * shown.height
    assert len(content) > 5_000  # an empty canvas of this size has less


def test_a_figures_rows_as_csv(visit: Visit, site: str) -> None:
    page = visit(ADDRESS)
    figure = page.locator("figure").first
    _, content = _saved(page, figure.get_by_role("button", name="CSV"))
    rows = list(csv.DictReader(io.StringIO(content.decode())))
    told = asked(site, "/api/v1/views/deployment?speed=50")["figures"][0]
    assert len(rows) == sum(len(each) for each in told["data"].values())


def test_a_figures_rows_in_the_page(visit: Visit, site: str) -> None:
    page = visit(ADDRESS)
    figure = page.locator("figure").first
    figure.locator("summary").click()
    figure.locator("tbody tr").first.wait_for()
    told = asked(site, "/api/v1/views/deployment?speed=50")["figures"][0]
    assert figure.locator("tbody tr").count() == min(200, sum(len(each) for each in told["data"].values()))
