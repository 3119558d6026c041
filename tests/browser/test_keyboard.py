"""Keyboard alone, and what a screen reader is told."""

from __future__ import annotations

from browser.driving import DESK, Visit, box_of, control, numbers, settled


def test_the_first_stop_skips_to_the_answer(visit: Visit) -> None:
    page = visit()
    page.keyboard.press("Tab")
    assert page.locator(":focus").inner_text() == "Skip to the answer"
    page.keyboard.press("Enter")
    assert page.locator(":focus").get_attribute("id") == "answer"


def test_tab_reaches_every_control_and_number(visit: Visit) -> None:
    page = visit()
    page.evaluate('document.querySelectorAll("#controls details").forEach((each) => { each.open = true; })')
    wanted = set(page.locator("[data-key]").evaluate_all("(all) => all.map((each) => each.dataset.key)"))
    wanted |= set(numbers(page))
    met: set[str] = set()
    for _ in range(250):
        page.keyboard.press("Tab")
        name = page.evaluate(
            """() => { const at = document.activeElement.closest("[data-key], [data-number]");
                       return at ? at.dataset.key ?? at.dataset.number : null; }"""
        )
        met |= {name} if name else set()
        if wanted <= met:
            break
    assert wanted <= met


def test_arrows_move_a_slider(visit: Visit) -> None:
    page = visit()
    slider = control(page, "speed").locator("input[type=range]")
    slider.focus()
    before = numbers(page)
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    settled(page)
    assert numbers(page) != before
    assert page.locator(":focus").get_attribute("type") == "range"
    assert "tok/s" in (slider.get_attribute("aria-valuetext") or "")


def test_a_number_tells_its_source_by_keyboard(visit: Visit) -> None:
    page = visit()
    card = page.locator('[data-number="throughput_tok_s"]')
    source = card.locator(".source")
    assert source.is_hidden()
    card.locator(".value").focus()
    assert source.is_visible()
    assert source.inner_text()
    page.keyboard.press("Escape")
    assert source.is_hidden()
    page.keyboard.press("Enter")
    assert source.is_visible()
    assert card.locator(".value").get_attribute("aria-expanded") == "true"
    described = card.locator(".value").get_attribute("aria-describedby")
    assert page.locator(f"#{described}").inner_text() == source.inner_text()


def test_every_number_has_a_source_on_hover(visit: Visit) -> None:
    for view in ("deployment", "world", "accuracy"):
        page = visit(f"/?view={view}")
        for key in numbers(page):
            card = page.locator(f'[data-number="{key}"]')
            card.locator(".value").hover()
            assert card.locator(".source").is_visible(), key
            assert len(card.locator(".source").inner_text()) >= 5, key
            assert box_of(card.locator(".source")).right <= DESK["width"], key


def test_a_touch_opens_a_source(visit: Visit) -> None:
    page = visit(has_touch=True, viewport={"width": 390, "height": 800})
    card = page.locator('[data-number="throughput_tok_s"]')
    card.locator(".value").tap()
    assert card.locator(".source").is_visible()
    box = box_of(card.locator(".source"))
    assert box.left >= 0
    assert box.right <= 390


def test_a_new_result_is_announced_politely(visit: Visit) -> None:
    page = visit()
    region = page.locator("#told")
    assert region.get_attribute("aria-live") == "polite"
    page.wait_for_function('() => document.getElementById("told").textContent.length > 10')
    before = region.inner_text()
    control(page, "speed").locator("input[type=range]").focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function("(before) => document.getElementById('told').textContent !== before", arg=before)


def test_focus_stays_where_it_was_when_numbers_change(visit: Visit) -> None:
    page = visit()
    page.locator('[data-number="throughput_tok_s"] .value').focus()
    page.evaluate(
        """() => { const node = document.querySelector('[data-key="speed"] input[type=range]');
                   node.value = 700; node.dispatchEvent(new Event("change", { bubbles: true })); }"""
    )
    settled(page)
    assert page.evaluate('document.activeElement.closest("[data-number]")?.dataset.number') == "throughput_tok_s"
