"""When demand passes supply: solved by hand, against a brute search, and what must always hold."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetline.world.crossover import Crossover, crossover, summary

YEARS = [2024.0, 2025.0, 2026.0]
HORIZON = 2040.0


def solve(**changed: Any) -> Crossover:
    """One world: supply 1, 4, 16 at the starts of 2024 to 2026, then 2 a year; demand 2 at the start of 2026, 8 a year."""
    given: dict[str, Any] = {"years": YEARS, "supply": [[1.0], [4.0], [16.0]], "supply_growth": [2.0], "horizon": HORIZON}
    given |= {"demand_year": 2026.0, "demand": [2.0], "demand_growth": [8.0]}
    return crossover(**(given | changed))


def test_two_exponentials_by_hand() -> None:
    """16 x 2^t = 2 x 8^t, so 4^t = 8 and t = 1.5."""
    found = solve()
    assert found.time == pytest.approx([2027.5])
    assert not found.before.any() and not found.after.any()


def test_inside_the_history_by_hand() -> None:
    """From 4 to 16 over 2025; demand 4 at 2025.5 with growth 64 and half a year until 8 = 4 x 4^0.5: 4 x 64^t = 8 x 4^t."""
    found = solve(demand_year=2025.5, demand=[4.0], demand_growth=[64.0])
    assert found.time == pytest.approx([2025.5 + 0.25])  # 16^t = 2


def test_back_from_a_demand_that_is_over_already() -> None:
    """Demand 64 at 2026 growing 16: 64 x 16^-t = 16 x 4^-t, so 4^t = 4 and t = 1: the start of 2025."""
    assert solve(demand=[64.0], demand_growth=[16.0]).time == pytest.approx([2025.0])
    # in the slower part: 256 x 16^-t = 16 x 4^-t, t = 2: the start of the data, where demand is not over all the way
    assert solve(demand=[255.9], demand_growth=[16.0]).time == pytest.approx([2024.0], abs=1e-3)


def test_before_the_data_and_after_the_horizon_are_said_not_dated() -> None:
    early = solve(demand=[1e6], demand_growth=[1.5])
    never = solve(demand_growth=[2.0])
    late = solve(demand_growth=[2.01])
    assert (early.before.tolist(), early.after.tolist()) == ([True], [False])
    assert (never.before.tolist(), never.after.tolist()) == ([False], [True])
    assert late.after.tolist() == [True]  # 1.005^t = 8 takes 417 years
    for found in (early, never, late):
        assert np.isfinite(found.time).all()
    assert summary(early).crossover["p50"] == "before 2024-01-01"
    assert summary(never).crossover["p50"] == "after 2040-01-01"


def test_a_shortage_of_the_first_quarters_is_not_today_s() -> None:
    """Demand 8 at 2026, twice a year: 2 at 2024, over the 1 of supply then; under it since 2025, and passing it later."""
    found = solve(demand=[8.0], demand_growth=[2.0], supply_growth=[1.0])
    assert found.time == pytest.approx([2027.0])  # 8 x 2^t = 16


def test_passing_at_the_very_day_of_the_demand() -> None:
    assert solve(demand=[16.0]).time == pytest.approx([2026.0])


def test_demand_after_the_history_and_before_it() -> None:
    assert solve(demand_year=2030.0, demand=[2.0 * 8.0**4]).time == pytest.approx([2027.5])  # the line of the first test
    assert solve(demand_year=2023.0, demand=[2.0 / 8.0**3]).time == pytest.approx([2027.5])


def test_one_quarter_of_history_is_enough() -> None:
    assert solve(years=[2026.0], supply=[[16.0]]).time == pytest.approx([2027.5])


def test_worlds_are_solved_apart() -> None:
    alone = [solve(demand=[demand]).time[0] for demand in (0.5, 2.0, 100.0)]
    supply = np.repeat([[1.0], [4.0], [16.0]], 3, axis=1)
    found = solve(supply=supply, supply_growth=[2.0] * 3, demand=[0.5, 2.0, 100.0], demand_growth=[8.0] * 3)
    assert found.time.tolist() == alone


@pytest.mark.parametrize(
    "changed",
    [
        {"supply": [[0.0], [4.0], [16.0]]},
        {"demand": [math.nan]},
        {"demand_growth": [-1.0]},
        {"supply_growth": [math.inf]},
        {"years": [2024.0, 2024.0, 2026.0]},
        {"years": [], "supply": np.ones((0, 1))},
        {"horizon": 2026.0},
        {"horizon": 2030.0, "demand_year": 2031.0},
    ],
)
def test_what_is_no_rate_or_no_history_is_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="got"):
        solve(**changed)


LOGS = st.floats(-4.0, 4.0)
GROWTHS = st.floats(0.5, 20.0)


@st.composite
def worlds(draw: st.DrawFn) -> dict[str, Any]:
    logs = draw(st.lists(LOGS, min_size=1, max_size=6))
    return {
        "years": [2024.0 + 0.25 * index for index in range(len(logs))],
        "supply": np.exp(logs)[:, None],
        "supply_growth": [draw(GROWTHS)],
        "demand_year": draw(st.floats(2023.5, 2028.0)),
        "demand": [math.exp(draw(LOGS))],
        "demand_growth": [draw(GROWTHS)],
        "horizon": HORIZON,
    }


def order(found: Crossover) -> float:
    """Before the data is earliest of all, after the horizon last."""
    return -math.inf if found.before[0] else math.inf if found.after[0] else float(found.time[0])


def gap(world: dict[str, Any], year: float) -> float:
    """Log demand over supply, the plain way."""
    years, logs = world["years"], np.log(world["supply"][:, 0])
    beyond = max(0.0, year - years[-1]) * math.log(world["supply_growth"][0])
    supply = float(np.interp(year, years, logs)) + beyond
    demand = math.log(world["demand"][0]) + (year - world["demand_year"]) * math.log(world["demand_growth"][0])
    return float(demand - supply)


@given(worlds())
def test_at_the_crossover_demand_is_supply_and_between_it_and_the_day_nothing_else_happens(world: dict[str, Any]) -> None:
    found = crossover(**world)
    first = world["years"][0]
    day = max(world["demand_year"], first)
    if found.before[0]:
        assert all(gap(world, year) > -1e-9 for year in np.linspace(first, day, 50))
    elif found.after[0]:
        assert all(gap(world, year) < 1e-9 for year in np.linspace(day, HORIZON, 200))
    else:
        time = float(found.time[0])
        assert first <= time <= HORIZON
        assert abs(gap(world, time)) < 1e-6
        sign = -1.0 if time >= day else 1.0  # enough until a later passing, short since an earlier one
        assert all(sign * gap(world, year) > -1e-6 for year in np.linspace(min(day, time), max(day, time), 50))


@given(worlds(), st.floats(1.0, 50.0))
def test_more_demand_is_never_later(world: dict[str, Any], more: float) -> None:
    assert order(crossover(**(world | {"demand": [world["demand"][0] * more]}))) <= order(crossover(**world)) + 1e-9


@given(worlds(), st.floats(1.0, 10.0))
def test_faster_supply_is_never_earlier_when_the_passing_is_after_the_data(world: dict[str, Any], more: float) -> None:
    now = crossover(**world)
    faster = crossover(**(world | {"supply_growth": [world["supply_growth"][0] * more]}))
    if world["demand_year"] <= world["years"][-1] < now.time[0] and not now.before[0]:
        assert order(faster) >= order(now) - 1e-9


def test_control_less_demand_would_fail_the_property() -> None:
    """The property above is able to fail: with less demand it does."""
    assert order(solve(demand=[0.5])) > order(solve())
    assert order(solve(supply_growth=[1.5])) < order(solve())


@given(worlds(), st.floats(0.01, 100.0))
def test_scaling_both_leaves_the_time(world: dict[str, Any], scale: float) -> None:
    both = world | {"supply": world["supply"] * scale, "demand": [world["demand"][0] * scale]}
    one, other = crossover(**world), crossover(**both)
    if abs(gap(world, max(world["demand_year"], world["years"][0]))) > 1e-6:  # else which side it is on is rounding
        assert one.time == pytest.approx(other.time, abs=1e-5)


def test_the_summary_of_known_worlds() -> None:
    """Ten worlds: two before, five at the middles of 2026 to 2030, three after."""
    middles = [2026.5, 2027.5, 2028.5, 2029.5, 2030.5]
    before, after = np.arange(10) < 2, np.arange(10) >= 7
    time = np.array([2024.0] * 2 + middles + [HORIZON] * 3)
    found = summary(Crossover(time, before, after, 2024.0, HORIZON), through=[2024, 2025, 2026, 2030, 2039])
    assert found.crossover == {"p10": "before 2024-01-01", "p50": "2028-07-02", "p90": "after 2040-01-01"}
    assert found.probability_by_year == {2024: 0.2, 2025: 0.2, 2026: 0.3, 2030: 0.7, 2039: 0.7}


def test_probabilities_never_fall_and_cover_the_window() -> None:
    rng = np.random.default_rng(1)
    supply = np.repeat([[1.0], [4.0], [16.0]], 500, axis=1)
    found = crossover(
        YEARS, supply, rng.uniform(1, 4, 500), 2026.4, rng.lognormal(2, 2, 500), rng.uniform(1, 12, 500), HORIZON
    )
    by_year = summary(found).probability_by_year
    assert list(by_year) == list(range(2024, 2040))
    assert np.all(np.diff(list(by_year.values())) >= 0.0)
    assert by_year[2039] == pytest.approx(1.0 - found.after.mean())
