"""The price that clears, solved by hand at its limits; what pays for a fleet; no crunch."""

from __future__ import annotations

import datetime
import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fleetline as fl
from fleetline.beliefs import Median, Worlds
from fleetline.cli import main
from fleetline.errors import InputError
from fleetline.scenario import scenario
from fleetline.world import glut
from fleetline.world.load import load_of
from fleetline.world.market import Cleared, clear
from fleetline.world.mix import mix
from fleetline.world.revenue import at_list_prices


def one(load: float, elasticity: float, switching: float = 0.0) -> Cleared:
    """A market of one tier."""
    return clear([np.array([load])], [np.ones(1)], np.array([elasticity]), np.array([switching]))


def two(loads: tuple[float, float], tokens: tuple[float, float], elasticity: float, switching: float) -> Cleared:
    return clear(
        [np.array([each]) for each in loads],
        [np.array([each]) for each in tokens],
        np.array([elasticity]),
        np.array([switching]),
    )


@pytest.mark.parametrize("elasticity", [0.3, 1.0, 2.0])
def test_one_tier_by_hand(elasticity: float) -> None:
    # load 2 p^-e = 1, so p = 2^(1/e), and half of the tokens are left
    found = one(2.0, elasticity)
    assert float(found.price[0]) == pytest.approx(2.0 ** (1.0 / elasticity))
    assert float(found.priced_out[0]) == pytest.approx(0.5)
    assert float(found.moved_down[0]) == pytest.approx(0.0)
    assert float(found.load[0]) == pytest.approx(1.0)


def test_with_infinite_elasticity_the_price_stays_on_its_trend() -> None:
    found = one(2.0, 1e6)
    assert float(found.price[0]) == pytest.approx(1.0, abs=1e-5)
    assert float(found.priced_out[0]) == pytest.approx(0.5)


def test_without_any_elasticity_no_price_clears_and_the_rest_is_rationed() -> None:
    found = one(4.0, 0.0)
    assert np.isinf(found.price[0])
    assert float(found.priced_out[0]) == pytest.approx(0.75)
    assert float(found.load[0]) == pytest.approx(1.0)


def test_a_slack_fleet_sells_at_the_trend() -> None:
    found = two((0.3, 0.2), (0.5, 0.5), 0.3, 0.7)
    assert (float(found.price[0]), float(found.priced_out[0]), float(found.moved_down[0])) == (1.0, 0.0, 0.0)
    assert float(found.load[0]) == pytest.approx(0.5)


def test_switching_alone_by_hand() -> None:
    # nobody leaves; half of the tokens cost 1.6 of the fleet, half 0.2: with s staying, 1.6 s + 0.2 (1 + 1 - s) = 1
    found = two((1.6, 0.2), (0.5, 0.5), 0.0, 1.0)
    stay = 0.6 / 1.4
    assert float(found.price[0]) == pytest.approx(1.0 / stay)
    assert float(found.moved_down[0]) == pytest.approx(0.5 * (1.0 - stay))
    assert float(found.priced_out[0]) == pytest.approx(0.0, abs=1e-9)
    assert [float(each[0]) for each in found.kept] == pytest.approx([stay, 1.0])


def test_the_smallest_tier_has_nowhere_to_go() -> None:
    found = two((0.0001, 2.0), (0.0001, 0.9999), 0.0, 1.0)
    assert np.isinf(found.price[0])


@settings(max_examples=60, deadline=None)
@given(st.floats(0.1, 20.0), st.floats(1.01, 3.0), st.floats(0.05, 2.0), st.floats(0.0, 2.0))
def test_more_demand_is_never_cheaper_and_every_token_is_somewhere(
    load: float, more: float, elasticity: float, switching: float
) -> None:
    few, many = (two((0.8 * each, 0.2 * each), (0.3, 0.7), elasticity, switching) for each in (load, load * more))
    assert float(many.price[0]) >= float(few.price[0]) * (1.0 - 1e-9)
    for found in (few, many):
        served = sum(float(each[0]) for each in found.served)
        assert served + float(found.priced_out[0]) == pytest.approx(1.0)
        assert float(found.load[0]) <= 1.0 + 1e-6


def test_a_market_needs_a_tier_and_elasticities_from_zero() -> None:
    with pytest.raises(ValueError, match="one each of one tier or more"):
        clear([], [], np.ones(1), np.ones(1))
    with pytest.raises(ValueError, match="got one below 0"):
        one(2.0, -0.1)


# --- the glut -----------------------------------------------------------------------------------------------------------


def test_what_pays_by_hand() -> None:
    # 200 a year at half load is 400 at full; a cost of 100 needs a quarter
    assert float(glut.break_even(np.array(100.0), np.array(200.0), np.array(0.5))) == 0.25


def test_the_article_s_fleet_costs_its_chips() -> None:
    # 1,918,560 GB200 at 1.86 and 1,500,691 GB300 at 2.31 USD an hour (chip_specs, tco_hyperscaler), 8,766 hours a year
    found = glut.owning(scenario("article"), Median())
    assert float(found.usd_year[0]) == pytest.approx((1_918_560 * 1.86 + 1_500_691 * 2.31) * 8766.0, rel=1e-3)
    assert float(found.guessed[0]) == 0.0


def test_revenue_as_reported_and_grown() -> None:
    # growth_and_supply_facts: 110.5 billion in July and August 2026; a year later, at 5 a year, five times that
    day = datetime.date(2026, 8, 1)
    now, later = (float(glut.revenue(each, np.array(5.0))) for each in (day, day.replace(year=2027)))
    assert now == pytest.approx(110.5e9, rel=0.01)
    assert later / now == pytest.approx(5.0, rel=0.01)


def test_worlds_that_are_never_full() -> None:
    years = np.array([2026.0, 2027.0, 2028.0, 2029.0])
    load = np.array([[2.0, 0.5, 0.5], [0.5, 0.5, 0.5], [0.6, 1.2, 0.6], [9.0, 0.1, 0.7]])
    assert glut.never_full(years, load, 1, 2029.0).tolist() == [True, False, True]
    assert glut.needed(years, load, 1, 2029.0).tolist() == [0.6, 1.2, 0.6]
    assert glut.under(load, 0.55).tolist() == pytest.approx([2 / 3, 1.0, 0.0, 1 / 3])


def test_without_growth_nothing_changes_after_the_chips_that_are_known() -> None:
    still = ("growth.supply=1", "growth.efficiency=1", "growth.demand=1", "fleet.lifetime=50")
    found = load_of(scenario("today", still), Median())
    after = found.years > 2028.01
    np.testing.assert_allclose(found.total[after][1:], found.total[after][0] * np.ones_like(found.total[after][1:]))


def test_list_prices_by_hand() -> None:
    # one token a second of the mid tier alone, all of it computed input or output at 8:1, at Kimi K2.6's 0.95 and 4 USD
    lines: tuple[str, ...] = ("mix.frontier_share=0", "mix.mid_share=1", "mix.small_share=0", "mix.general_share=1")
    lines += ("mix.agentic_share=0", "mix.long_share=0", "mix.session_share=0")
    chosen = scenario("today", lines)
    found = at_list_prices(chosen, mix(chosen, Median()), np.ones(1))
    assert float(found[0]) == pytest.approx((8 * 0.95 + 4.0) / 9 / 1e6 * 365.25 * 86_400, rel=1e-3)


# --- the whole ----------------------------------------------------------------------------------------------------------


def test_the_market_of_today_adds_up() -> None:
    found = fl.market(draws=200)
    for state in (found.now, *found.years):
        assert 0.0 <= state["probability_crunch"] + state["probability_glut"] <= 1.0
        assert state["utilisation"]["p95"] <= 1.0 + 1e-6
        price = [state["price_over_trend"][point] for point in ("p5", "p50") if state["price_over_trend"][point]]
        assert price == sorted(price)
        assert all(each >= 1.0 for each in price)
    drawn = Worlds(200)
    load = load_of(scenario("today"), drawn)
    assert found.now["load"]["p50"] == pytest.approx(float(np.median(load.total[load.now])))


def test_less_elastic_buyers_pay_more() -> None:
    rigid, free = (fl.market("today", [f"market.elasticity={each}"], draws=100) for each in (0.1, 1.0))
    assert rigid.years[5]["price_over_trend"]["p50"] > free.years[5]["price_over_trend"]["p50"]


def test_a_scenario_without_a_mix_has_no_market(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(InputError, match="scenario article has no mix of tiers"):
        fl.market("article")
    with pytest.raises(SystemExit) as ended:
        main(["market", "article"])
    assert ended.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_the_command_prints_the_keys_that_stay(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["market", "today", "--draws", "50", "--json"])
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert {"now", "years", "owning", "list_prices", "no_crunch"} <= set(found)
