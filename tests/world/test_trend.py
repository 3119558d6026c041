"""Growth from every series at once: planted worlds come back, a straight line is a limit, nothing counts twice."""

from __future__ import annotations

import datetime
import math

import numpy as np
import pytest
from conftest import Tables

from fleetline.beliefs import Belief, Median, Worlds
from fleetline.errors import InputError
from fleetline.scenario import scenario
from fleetline.world.trend import CONSTANT, Statement, fit, slowed, statements, trend

PRIOR = Belief(3.0, 1.0, 10.0)
STEADY = Belief(CONSTANT, CONSTANT, CONSTANT)


def planted(growth: float, half_life: float, noise: float = 0.0, seed: int = 0) -> list[Statement]:
    """Four series of eight statements over two years and two totals, all growing alike."""
    rng = np.random.default_rng(seed)
    found = []
    for number in range(4):
        for years in np.linspace(-2.0, -0.1, 8).tolist():
            log = 18.0 + number / 2.0 + growth * float(slowed(years, half_life)) + noise * rng.standard_normal()
            found.append(
                Statement(f"series {number}", f"group {number}", "part" if number else "inside", years, float(log))
            )
    for number, years in enumerate((-0.6, -0.4)):
        log = 22.0 + growth * float(slowed(years, half_life))
        found.append(Statement(f"total {number}", "world", "total", years, log))
    return found


def test_time_that_slows_by_hand() -> None:
    # h / ln 2 (1 - 2^(-t/h)): after one half-life, half of all there ever is; long half-lives are no slowing
    assert float(slowed(2.0, 2.0)) == pytest.approx(1.0 / math.log(2.0))
    assert float(slowed(1e9, 2.0)) == pytest.approx(2.0 / math.log(2.0))
    assert float(slowed(3.0, CONSTANT)) == pytest.approx(3.0, rel=1e-5)
    assert float(slowed(0.0, 2.0)) == 0.0


def test_a_planted_steady_growth_is_recovered() -> None:
    found = fit(planted(1.6, CONSTANT), STEADY, 2026.9).best
    assert found.mean.tolist() == pytest.approx([22.0, 1.6], abs=0.02)


def test_a_planted_half_life_is_recovered() -> None:
    found = fit(planted(1.0, 1.5, noise=0.02), PRIOR, 2026.9)
    half_life = np.median(found.paths(Worlds(2000)).half_life)
    assert half_life == pytest.approx(1.5, rel=0.2)
    assert found.best.mean[1] == pytest.approx(1.0, abs=0.1)


def test_the_truth_lies_in_nine_of_ten_intervals() -> None:
    inside = []
    for seed in range(20):
        found = fit(planted(1.5, CONSTANT, noise=0.2, seed=seed), STEADY, 2026.9).best
        inside.append(abs(found.mean[1] - 1.5) < 1.645 * math.sqrt(found.covariance[1, 1]))
    assert sum(inside) >= 15  # of 20: the chance of fewer is under 5% at 90% coverage


def test_a_series_inside_another_is_not_a_second_witness() -> None:
    base = planted(1.5, CONSTANT, noise=0.1)
    more = [
        Statement(f"{each.series}, again", each.group, "inside", each.years, each.log_tokens)
        for each in base
        if each.group == "group 1"
    ]
    apart = [Statement(each.series, f"{each.series} apart", "inside", each.years, each.log_tokens) for each in more]
    spread = [math.sqrt(fit([*base, *extra], STEADY, 2026.9).best.covariance[1, 1]) for extra in (more, apart)]
    assert spread[0] > spread[1]


def test_parts_are_a_floor_and_the_larger_of_two_stands_for_a_group() -> None:
    found = trend(scenario("today"))
    assert set(found.best.parts) == {"china", "google", "openai"}
    paths = found.paths(Worlds(500))
    assert np.all(np.exp(paths.level) >= 0.5 * found.floor)  # the floor moves with the half-life
    assert paths.tokens(found.anchor).tolist() == pytest.approx(np.exp(paths.level).tolist())


def test_google_and_doubao_are_in_no_sum_twice() -> None:
    parts = trend(scenario("today")).best.parts
    said = statements(datetime.date(2025, 1, 1), datetime.date.max, 2026.9)
    assert {each.group for each in said if each.role == "part"} == set(parts)
    assert {"ByteDance", "China (National Data Administration)"} == {
        each.series.split(" | ")[0] for each in said if each.group == "china" and each.role == "part"
    }


def test_growth_that_slows_falls_behind_growth_that_does_not() -> None:
    slowing, constant = (trend(scenario("today", lines)).paths(Median()) for lines in ((), ("growth.half_life=100",)))
    far = 2032.0
    slower = slowing.log_factor(far) / slowing.growth
    assert float(slower[0]) < float((constant.log_factor(far) / constant.growth)[0])


def test_what_is_announced_later_is_not_known() -> None:
    before, after = (
        statements(datetime.date(2025, 1, 1), day, 2026.9) for day in (datetime.date(2026, 5, 25), datetime.date.max)
    )
    assert len(before) < len(after)
    assert not any("AMD" in each.series for each in before)


def test_a_series_that_is_in_no_row_is_named(tables: Tables) -> None:
    tables.put("demand_series", tables.line_of("demand_series", group="openrouter"), "series", "OpenRoute | platform")
    with pytest.raises(InputError, match=r"demand_series\.csv line 8: unknown series"):
        trend(scenario("today"))
