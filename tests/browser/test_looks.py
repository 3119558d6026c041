"""Every view, light and dark, from phone to wide screen: no sideways scroll, nothing that axe-core finds serious."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING, Any

import pytest

from browser.driving import Visit, box_of, settled

if TYPE_CHECKING:
    from playwright.sync_api import Page

ADDRESSES = {
    "deployment": "/?view=deployment",
    "world": "/?view=world",
    "accuracy": "/?view=accuracy",
    "compared": "/?view=deployment&speed=60&against=speed%3D30",
    "infeasible": "/?view=deployment&speed=2000",
}


@pytest.mark.parametrize("name", ADDRESSES)
def test_axe_finds_nothing_serious_and_nothing_scrolls_sideways(visit: Visit, name: str) -> None:
    page = visit(ADDRESSES[name], color_scheme="light")
    page.evaluate(
        """() => { document.querySelectorAll("#controls details").forEach((each) => { each.open = true; });
                  document.querySelector("figure details").open = true; }"""
    )
    for width in (360, 768, 1280, 1920):
        page.set_viewport_size({"width": width, "height": 800})
        page.wait_for_function("(width) => document.documentElement.scrollWidth <= width", arg=width)
        for left, right in page.evaluate(CHARTS):
            assert left >= 0, width
            assert right <= width + 1, width
    assert _serious(page) == []
    page.emulate_media(color_scheme="dark")
    page.wait_for_function(DRAWN)
    page.evaluate("document.querySelectorAll('tbody tr:nth-child(n + 9)').forEach((each) => each.remove())")
    assert _serious(page, "{runOnly: ['color-contrast']}") == []  # the theme changes nothing else


PAPER = "getComputedStyle(document.body).backgroundColor"
CHARTS = """() => [...document.querySelectorAll(".chart svg")].map((each) => each.getBoundingClientRect())
    .map((box) => [box.left, box.right])"""
DRAWN = f'() => [...document.querySelectorAll(".chart svg")].every((each) => each.outerHTML.includes({PAPER}))'


def test_axe_would_find_a_fault(visit: Visit) -> None:
    page = visit()
    page.evaluate(
        'document.querySelector("#headline").style.color = "#ddd"; document.documentElement.removeAttribute("lang")'
    )
    assert {"color-contrast", "html-has-lang"} <= {each[0] for each in _serious(page)}


def _serious(page: Page, rules: str = "document") -> list[tuple[str, str]]:
    page.evaluate((files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8"))
    found: list[dict[str, Any]] = page.evaluate(f"async () => (await axe.run({rules})).violations")
    return [
        (each["id"], node["html"][:200] + " " + (node.get("failureSummary") or "")[:300])
        for each in found
        if each["impact"] in {"serious", "critical"}
        for node in each["nodes"]
    ]


def test_on_a_phone_the_first_numbers_stay_in_sight(visit: Visit) -> None:
    page = visit(viewport={"width": 360, "height": 740})
    glance = page.locator("#glance")
    assert glance.is_visible()
    assert box_of(glance).bottom == pytest.approx(740, abs=1)
    assert page.locator("[data-number] .value").first.inner_text().split(" ")[0] in glance.inner_text()


def test_the_theme_can_be_switched_and_is_kept(visit: Visit) -> None:
    page = visit(color_scheme="light")
    light = page.evaluate(PAPER)
    assert page.evaluate(DRAWN)
    page.get_by_role("button", name="Dark").click()
    dark = page.evaluate(PAPER)
    assert dark != light
    page.wait_for_function(DRAWN)  # the figures follow
    page.reload()
    settled(page)
    assert page.evaluate(PAPER) == dark
    assert page.evaluate(DRAWN)


def test_the_page_runs_under_its_own_policy(visit: Visit, site: str) -> None:
    """No inline script or style and no eval; the guard fails the test if the browser refused anything."""
    page = visit()
    policy = page.evaluate("fetch('/').then((answer) => answer.headers.get('content-security-policy'))")
    assert "script-src 'self'" in policy
    assert "style-src 'self'" in policy
    assert "unsafe" not in policy
    assert page.locator("[style*=javascript], script:not([src])").count() == 0


def test_without_a_browser_required_means_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    from browser.conftest import _without

    monkeypatch.setenv("FLEETLINE_BROWSER", "required")
    with pytest.raises(pytest.fail.Exception, match="no browser"):
        _without("no browser")
    monkeypatch.delenv("FLEETLINE_BROWSER")
    with pytest.raises(pytest.skip.Exception, match="no browser"):
        _without("no browser")
