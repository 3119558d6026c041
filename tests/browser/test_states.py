"""Two states side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from browser.driving import Visit, give, numbers, settled

if TYPE_CHECKING:
    from playwright.sync_api import Locator


def test_a_pinned_state_stands_beside_the_live_one(visit: Visit) -> None:
    page = visit("/?view=deployment&speed=30")
    pinned = numbers(page)
    page.get_by_role("button", name="Compare").click()
    settled(page)
    give(page, "speed", "60")
    assert parse_qs(urlsplit(page.url).query, keep_blank_values=True) == {
        "view": ["deployment"],
        "speed": ["60"],
        "against": ["speed=30"],
    }
    versus = page.locator('[data-number="throughput_tok_s"] .versus').inner_text()
    assert pinned["throughput_tok_s"] in versus
    a, b = (float(value.replace(",", "")) for value in (_value(pinned), _value(numbers(page))))
    assert float(versus.partition("\N{MULTIPLICATION SIGN}")[2]) == float(f"{b / a:.3g}")
    assert "30" in page.locator(".state.a").inner_text()
    assert "60" in page.locator(".state.b").inner_text()
    assert page.locator("figure").count() == 2 * page.locator("figure.a").count()


def _value(shown: dict[str, str]) -> str:
    return shown["throughput_tok_s"].split(" ")[0]


def test_two_states_are_shared_by_address(visit: Visit) -> None:
    page = visit("/?view=deployment&speed=60&against=speed%3D30")
    again = visit(f"/?{urlsplit(page.url).query}")
    assert again.locator(".versus").all_inner_texts() == page.locator(".versus").all_inner_texts()
    assert all(again.locator(".versus").all_inner_texts())


def test_both_figures_have_one_scale(visit: Visit) -> None:
    page = visit("/?view=deployment&speed=100&against=system%3Db300")
    names = page.locator("figure.a").evaluate_all("(all) => all.map((each) => each.dataset.figure)")
    assert names
    for name in names:
        first, second = (_labels(each) for each in page.locator(f'figure[data-figure="{name}"]').all())
        assert first == second, name


def _labels(figure: Locator) -> list[str]:
    """The words at the axes' ticks."""
    found = figure.locator(".role-axis-label text").evaluate_all("(all) => all.map((each) => each.textContent)")
    return sorted(filter(None, found))


def test_swap_and_drop(visit: Visit) -> None:
    page = visit("/?view=deployment&speed=60&against=speed%3D30")
    page.get_by_role("button", name="Swap A and B").click()
    settled(page)
    assert parse_qs(urlsplit(page.url).query) == {"view": ["deployment"], "speed": ["30"], "against": ["speed=60"]}
    page.get_by_role("button", name="Drop A").click()
    settled(page)
    assert "against" not in page.url
    assert page.locator("#states").is_hidden()


def test_one_of_two_is_not_feasible(visit: Visit) -> None:
    page = visit("/?view=deployment&speed=30&against=speed%3D2000")
    assert "A is not feasible." in page.locator("#status.infeasible").inner_text()
    assert numbers(page)["throughput_tok_s"]
