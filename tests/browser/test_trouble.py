"""When the answer is no, late, or not there: said in words, and the page stays usable."""

from __future__ import annotations

from typing import TYPE_CHECKING

from browser.driving import Guard, Visit, control, give, numbers, settled

if TYPE_CHECKING:
    from playwright.sync_api import Route


def test_what_is_not_feasible_says_why_and_what_to_change(visit: Visit) -> None:
    page = visit("/?view=deployment&speed=2000")
    status = page.locator("#status.infeasible")
    assert "Not feasible." in status.inner_text()
    assert "wanted 2000" in status.inner_text()
    assert status.locator("p").count() == 2
    assert numbers(page) == {}
    give(page, "speed", "20")
    assert page.locator("#status").is_hidden()
    assert numbers(page)["throughput_tok_s"]


def test_a_value_that_cannot_be_asked_is_told_beside_its_control(visit: Visit, guard: Guard) -> None:
    guard.allowed = {422}
    page = visit()
    before = numbers(page)
    give(page, "speed", "fast")
    wrong = control(page, "speed").locator(".wrong")
    assert "fast" in wrong.inner_text() or "number" in wrong.inner_text()
    assert control(page, "speed").locator(".box").get_attribute("aria-invalid") == "true"
    assert numbers(page) == before  # the last answer stays, dimmed
    assert "stale" in (page.locator("#answer").get_attribute("class") or "")
    give(page, "speed", "40")
    assert wrong.is_hidden()
    assert "stale" not in (page.locator("#answer").get_attribute("class") or "")


def test_an_unknown_name_in_a_shared_address_is_told(visit: Visit, guard: Guard) -> None:
    guard.allowed = {422}
    page = visit("/?view=deployment&model=kimi-k9&colour=blue")
    assert page.locator("#status.bad_input").inner_text().startswith("That cannot be asked.")
    page.get_by_role("button", name="Reset all").click()
    settled(page)
    assert numbers(page)["throughput_tok_s"]


def test_a_failing_server_is_not_blamed_on_the_reader(visit: Visit, guard: Guard) -> None:
    guard.allowed = {500}
    page = visit()
    page.route("**/views/deployment?*", lambda route: route.fulfill(status=500, body="oops"))
    give(page, "speed", "44")
    assert "The fault is its own" in page.locator("#status.server").inner_text()
    page.unroute("**/views/deployment?*")
    page.get_by_role("button", name="Try again").click()
    settled(page)
    assert page.locator("#status").is_hidden()


def test_a_busy_server_is_asked_again(visit: Visit, guard: Guard) -> None:
    guard.allowed = {503}
    page = visit()
    asked: list[str] = []

    def busy(route: Route) -> None:
        asked.append(route.request.url)
        if len(asked) == 1:
            route.fulfill(status=503, headers={"Retry-After": "1"}, body="{}")
        else:
            route.continue_()

    page.route("**/views/deployment?*", busy)
    give(page, "speed", "44")
    page.locator("#status").wait_for(state="hidden")
    assert len(asked) == 2
    assert "44" in numbers(page)["speed_tok_s_user"]


def test_a_slow_answer_is_announced_and_the_last_one_stays(visit: Visit) -> None:
    page = visit()
    before = numbers(page)
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/views/deployment?*", hold)
    box = control(page, "speed").locator(".box")
    box.fill("44")
    box.press("Tab")
    page.locator("#status.slow").wait_for()
    assert "Still computing" in page.locator("#status").inner_text()
    assert numbers(page) == before
    assert page.locator("#answer").get_attribute("aria-busy") == "true"
    held[0].continue_()
    settled(page)
    assert page.locator("#status").is_hidden()


def test_offline_is_told_and_ends_by_itself(visit: Visit, guard: Guard) -> None:
    page = visit()
    page.context.set_offline(True)
    give(page, "speed", "44")
    assert "You are offline" in page.locator("#status.offline").inner_text()
    guard.faults.clear()  # what the browser says of being offline
    page.context.set_offline(False)
    page.locator("#status").wait_for(state="hidden")
    assert "44" in numbers(page)["speed_tok_s_user"]


def test_the_newest_question_wins_over_a_slower_one(visit: Visit) -> None:
    """The first answer is held back and let go after the second was asked: it must not be shown."""
    page = visit()
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/views/deployment?*speed=44*", hold)
    box = control(page, "speed").locator(".box")
    box.fill("44")
    box.press("Enter")
    page.wait_for_timeout(300)
    give(page, "speed", "55")
    assert held
    assert "55" in numbers(page)["speed_tok_s_user"]
    page.wait_for_timeout(200)
    assert "55" in numbers(page)["speed_tok_s_user"]
