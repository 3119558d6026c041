"""The address is the state: opened again it shows the same, and back and forward walk through what was asked."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

from browser.driving import Visit, control, give, numbers, settled


def test_an_address_opened_again_shows_the_same_numbers(visit: Visit) -> None:
    page = visit()
    give(page, "speed", "60")
    control(page, "system").locator("select").select_option("b300")
    settled(page)
    again = visit(f"/?{urlsplit(page.url).query}")
    assert numbers(again) == numbers(page)
    assert again.locator("#headline").inner_text() == page.locator("#headline").inner_text()
    assert control(again, "speed").locator(".box").input_value() == "60"
    assert control(again, "system").locator("select").input_value() == "b300"


def test_only_what_differs_stands_in_the_address(visit: Visit) -> None:
    page = visit()
    give(page, "input_tokens", "9000")
    give(page, "input_tokens", "8000")
    assert parse_qs(urlsplit(page.url).query) == {"view": ["deployment"]}


def test_back_and_forward(visit: Visit) -> None:
    page = visit()
    first = numbers(page)
    give(page, "speed", "60")
    second = numbers(page)
    page.locator('#views a[data-view="accuracy"]').click()
    settled(page)
    page.go_back()
    settled(page)
    assert numbers(page) == second
    page.go_back()
    settled(page)
    assert numbers(page) == first
    page.go_forward()
    settled(page)
    assert numbers(page) == second
    assert control(page, "speed").locator(".box").input_value() == "60"


def test_a_view_is_found_as_it_was_left(visit: Visit) -> None:
    page = visit("/?view=deployment&speed=60")
    page.locator('#views a[data-view="world"]').click()
    settled(page)
    page.locator('#views a[data-view="deployment"]').click()
    settled(page)
    assert parse_qs(urlsplit(page.url).query)["speed"] == ["60"]


def test_copy_link(visit: Visit) -> None:
    page = visit("/?view=deployment&speed=60", permissions=["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy link").click()
    page.get_by_role("button", name="Copied").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == page.url


def test_reset(visit: Visit) -> None:
    page = visit("/?view=deployment&speed=60&system=b300")
    page.get_by_role("button", name="Reset all").click()
    settled(page)
    assert parse_qs(urlsplit(page.url).query) == {"view": ["deployment"]}
    assert page.get_by_role("button", name="Reset all").is_hidden()
