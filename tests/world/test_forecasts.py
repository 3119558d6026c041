"""Forecasts of statements, sales and records: against closed forms and by hand."""

from __future__ import annotations

import datetime
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetline.beliefs import Belief, Median, Worlds
from fleetline.errors import InputError
from fleetline.scenario import scenario
from fleetline.world.forecasts import marked, of_sales, of_tokens, quarter_of, sold
from fleetline.world.records import Known, Runs, above, best, of_record, pair_of, rises
from fleetline.world.trend import Statement, fit, predicted, surely_by, trend

TODAY = scenario("today")
DAY = datetime.date(2026, 1, 1)


def line(series: str, role: str, growth: float, level: float) -> list[Statement]:
    return [Statement(series, series, role, years, level + growth * years) for years in (-1.5, -1.0, -0.5, 0.0)]


def test_a_straight_line_is_carried_on() -> None:
    # two groups and a total that all grow 5 times a year exactly: so will the next statement
    said = line("a", "part", math.log(5.0), 10.0) + line("b", "inside", math.log(5.0), 7.0)
    said += line("w", "total", math.log(5.0), 12.0)
    found = fit(said, Belief(1e6, 1e6, 1e6), 2026.0)
    means, spreads = predicted(found, Statement("b", "b", "inside", 1.0, 0.0))
    assert means[0] == pytest.approx(7.0 + math.log(5.0), abs=0.03)
    assert spreads[0] < 0.3
    nearer = predicted(found, Statement("b", "b", "inside", 0.1, 0.0))[1]
    assert nearer[0] < spreads[0]


def test_a_new_estimate_of_the_world_is_the_world_s_level_with_an_offset_and_noise() -> None:
    # closed form: mean of the level; variances of level, offset and noise add (rounding is 0.01)
    found = trend(TODAY)
    means, spreads = predicted(found, Statement("nobody | yet", "world", "total", 0.0, 0.0))
    for mean, spread, each in zip(means, spreads, found.given, strict=True):
        assert mean == pytest.approx(each.mean[0], rel=1e-9)
        variance = each.covariance[0, 0] + each.spreads["offset"] ** 2 + each.spreads["noise"] ** 2 + 0.01**2
        assert spread == pytest.approx(math.sqrt(variance), rel=1e-6)


def test_what_the_next_statement_says_is_not_looked_at() -> None:
    one, other = (
        predicted(trend(TODAY), Statement("OpenRouter | platform", "openrouter", "inside", 0.3, y)) for y in (0.0, 99.0)
    )
    assert np.array_equal(one[0], other[0])


def test_a_forecast_of_the_same_in_another_period_is_its_multiple() -> None:
    found = trend(TODAY)
    week, day = (of_tokens(found, "OpenRouter | platform", "2027-02", per) for per in ("week", "day"))
    assert week.p50 == pytest.approx(7.0 * day.p50)
    assert day.p5 < day.p50 < day.p95
    with pytest.raises(InputError, match="unknown series"):
        of_tokens(found, "OpenRoute | platform", "2027-02", "week")


def test_a_month_is_known_when_it_is_over() -> None:
    assert surely_by("2026-05-25", datetime.date(2026, 5, 25))
    assert not surely_by("2026-05", datetime.date(2026, 5, 30))
    assert surely_by("2026-05", datetime.date(2026, 5, 31))
    assert not surely_by("2026", datetime.date(2026, 12, 30))


# --- sales --------------------------------------------------------------------------------------------------------------


def test_sales_known_whole_are_as_the_rows_say() -> None:
    # chip_sales 2026-09-24: Nvidia in Q2 2026, B200 223,222 + B300 1,334,042 + H100/H200 19,356; racks and boards add up
    found = sold(TODAY, Median())
    assert found["Nvidia", "2026-Q2"].chips[0] == pytest.approx(223_222 + 1_334_042 + 19_356)
    assert found["AMD", "2026-Q2"].chips[0] == pytest.approx(16_816 + 14_242 + 23_312 + 65_031)


def test_a_year_on_arithmetic_is_sales_growth_times_as_much() -> None:
    # scenario: twice as much a year, at the median, whichever chips carry it
    found = sold(TODAY, Median())
    assert found["Nvidia", "2027-Q2"].arithmetic[0] == pytest.approx(
        2.0 * found["Nvidia", "2026-Q2"].arithmetic[0], rel=0.01
    )


def test_a_designer_s_line_has_its_points_in_order() -> None:
    lines = of_sales(sold(TODAY, Worlds(200)), ["2026-Q4"])
    assert {each.date for each in lines} == {"2026-Q4"}
    assert {"chips sold: Nvidia", "arithmetic sold: Google"} <= {each.quantity for each in lines}
    assert all(0.0 < each.p5 <= each.p50 <= each.p95 for each in lines)


@pytest.mark.parametrize(("month", "quarter"), [(1, "2026-Q1"), (3, "2026-Q1"), (4, "2026-Q2"), (12, "2026-Q4")])
def test_quarters(month: int, quarter: str) -> None:
    assert quarter_of(datetime.date(2026, month, 1)) == quarter


# --- scores by hand -----------------------------------------------------------------------------------------------------


def test_a_score_by_hand() -> None:
    # 1, 2, 4 against 8: outside; errors ln 8, ln 4, ln 2; loss (0.05 ln 8 + 0.5 ln 4 + 0.95 ln 2) / 3
    found = marked(1.0, 2.0, 4.0, 8.0)
    assert not found.inside
    assert found.log_error == pytest.approx(math.log(4.0))
    assert found.pinball == pytest.approx((0.05 * math.log(8.0) + 0.5 * math.log(4.0) + 0.95 * math.log(2.0)) / 3.0)
    low = marked(1.0, 2.0, 4.0, 0.5)
    assert low.pinball == pytest.approx((0.95 * math.log(2.0) + 0.5 * math.log(4.0) + 0.05 * math.log(8.0)) / 3.0)
    assert marked(1.0, 1.0, 1.0, 1.0).pinball == 0.0


@given(st.floats(0.1, 10.0))
def test_the_ends_are_inside_and_no_loss_is_below_0(came: float) -> None:
    found = marked(0.5, 1.0, 2.0, came)
    assert found.inside == (0.5 <= came <= 2.0)
    assert found.pinball >= 0.0


@pytest.mark.parametrize("points", [(0.0, 1.0, 2.0, 1.0), (2.0, 1.0, 3.0, 1.0), (1.0, 2.0, 3.0, 0.0)])
def test_points_that_are_none_are_refused(points: tuple[float, float, float, float]) -> None:
    with pytest.raises(InputError, match="points in order"):
        marked(*points)


# --- records ------------------------------------------------------------------------------------------------------------


def day(number: int) -> datetime.date:
    return DAY + datetime.timedelta(days=number)


RUNS: Runs = {("m", "h", "8:1"): [(day(0), 10.0), (day(100), 20.0), (day(110), 5.0), (None, 100.0)]}
PAIR = ("m", "h", "8:1")


def test_a_record_only_rises_and_undated_runs_count_where_said() -> None:
    assert best(RUNS, PAIR, day(50), undated=False) == 10.0
    assert best(RUNS, PAIR, day(120), undated=False) == 20.0
    assert best(RUNS, PAIR, day(50), undated=True) == 100.0
    assert best(RUNS, ("m", "h", "1:1"), day(50), undated=True) is None


def test_rises_by_hand() -> None:
    # windows of 30 days from day 60 on, every 15: 60-90 none, 75-105 and 90-120 the doubling, 105-135 none
    assert rises(RUNS, day(135), 30).tolist() == pytest.approx([0.0, 0.0, math.log(2.0), math.log(2.0)])
    with pytest.raises(InputError, match="no record is followed"):
        rises(RUNS, day(80), 30)


def test_a_record_goes_on_as_it_did() -> None:
    # 60 days on from day 135 the windows are those of 60 days: 60-120 and 75-135, both with the doubling
    found = of_record(RUNS, PAIR, Known(day(135), undated=False, capped=False), day(195).isoformat(), Worlds(500))
    assert (found.p5, found.p50, found.p95) == pytest.approx((40.0, 40.0, 40.0))
    assert pair_of(found.quantity) == PAIR
    with pytest.raises(InputError, match="no run of m on h2"):
        of_record(RUNS, ("m", "h2", "8:1"), Known(day(135)), day(195).isoformat(), Median())


def test_a_ceiling_is_over_the_record_and_as_believed_without_one() -> None:
    belief, worlds = Belief(0.5, 0.2, 1.0), Worlds(4000)
    assert np.all(above(belief, 0.9, worlds) >= 0.9)
    assert np.quantile(above(belief, 1e-9, worlds), [0.05, 0.5, 0.95]) == pytest.approx([0.2, 0.5, 1.0], rel=0.05)
    # at its median, what is left is the upper half: its middle is the 75% point, 0.5 x 2 ** (0.6745 / 1.6449)
    assert np.median(above(belief, 0.5, worlds)) == pytest.approx(0.5 * 2.0 ** (0.67449 / 1.64485), rel=0.02)
