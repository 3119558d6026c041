"""Stocks and serving capacity by quarter, and their growth: published factors, and series whose growth is known by hand."""

from __future__ import annotations

import datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetline.beliefs import Median, Worlds
from fleetline.errors import InputError
from fleetline.scenario import scenario
from fleetline.world.growth import end_to_end, growth, history, least_squares, stock

ENDS = [datetime.date(year, month, day) for year in (2023, 2024, 2025) for month, day in ((6, 30), (12, 31))]
H100_FLOP_S = 1.979e15  # chip_specs, H100 SXM peak_8bit_dense


def day(text: str) -> datetime.date:
    return datetime.date.fromisoformat(text)


@pytest.mark.parametrize(
    ("vintage", "start", "end", "compute", "bandwidth"),
    # growth_and_supply_facts, rows "computed: ...", as the README of the world data has them. 2%: the factors were
    # computed with 4.4 TB/s for every H100 and H200 from mid-2024, ours with 28% and 72% of the two chips
    [
        ("2026-04", "2023-12-31", "2025-12-31", 3.52, 3.28),
        ("2026-04", "2024-12-31", "2025-12-31", 3.02, 2.43),
        ("2026-09-24", "2025-06-30", "2026-06-30", 2.43, 2.08),
    ],
)
def test_growth_as_recomputed_from_the_same_data(
    vintage: str, start: str, end: str, compute: float, bandwidth: float
) -> None:
    asked = scenario(settings=[f"fleet.vintage={vintage}"])
    found = {each.quantity: each for each in growth(asked, Median(), [(day(start), day(end))])}
    assert float(found["compute"].end_to_end[0]) == pytest.approx(compute, rel=0.02)
    assert float(found["bandwidth"].end_to_end[0]) == pytest.approx(bandwidth, rel=0.02)


def test_the_article_s_factors_stand_beside() -> None:
    # article, The present and future of inference: 3.4x a year of compute, 4.1x of bandwidth, capacity modelled as 3.4x
    found = {each.quantity: each.article for each in growth(scenario(), Median())}
    assert found == {
        "compute": 3.4,
        "bandwidth": 4.1,
        **{f"serving {workload}": 3.4 for workload in ("8000:1000", "25000:1000", "128000:1000")},
    }


def test_the_stocks_at_the_end_of_2025() -> None:
    # growth_and_supply_facts: 19.67M H100e and 73.3M TB/s ("computed: ..."); Epoch AI, hbm-shipped: about 70M TB/s
    asked, last = scenario(), datetime.date(2025, 12, 31)
    compute, bandwidth = (stock(asked, Median(), name) for name in ("compute", "bandwidth"))
    here = compute.dates.index(last)
    assert float(compute.total[here, 0]) / H100_FLOP_S == pytest.approx(19.67e6, rel=0.001)
    assert float(bandwidth.total[here, 0]) / 1e12 == pytest.approx(73.3e6, rel=0.02)
    assert compute.unknown == bandwidth.unknown == ()


def test_a_chip_without_the_figure_is_named_and_in_no_total() -> None:
    asked = scenario(settings=["fleet.vintage=2026-09-24"])
    assert stock(asked, Median(), "bandwidth").unknown == ("Siyuan 590",)
    assert stock(asked, Median(), "compute").unknown == ()


# --- the factor of a series ---------------------------------------------------------------------------------------------


@given(factor=st.floats(0.2, 20.0), size=st.floats(1e-3, 1e12), cut=st.integers(0, 300))
def test_steady_growth_is_found_by_both_ways_in_any_window(factor: float, size: float, cut: int) -> None:
    years = np.array([(end - ENDS[0]).days / 365.25 for end in ENDS])
    values = (size * factor**years)[:, None]
    window = (ENDS[0] + datetime.timedelta(days=cut), ENDS[-1] - datetime.timedelta(days=cut // 2))
    for way in (end_to_end, least_squares):
        assert float(way(ENDS, values, *window)[0]) == pytest.approx(factor, rel=1e-9)


def test_a_bend_is_weighed_by_least_squares_and_not_by_the_ends() -> None:
    # by hand, logs 0, 1, 1, 1 at steps 0 to 3: the ends give 1/3 a step, the line sum((x - 1.5) y) / sum((x - 1.5)^2) = 0.3
    dates = [datetime.date(2024, 1, 1) + datetime.timedelta(days=100 * step) for step in range(4)]
    values = np.exp(np.array([0.0, 1.0, 1.0, 1.0]))[:, None]
    step = 100 / 365.25
    assert float(end_to_end(dates, values, dates[0], dates[-1])[0]) == pytest.approx(np.exp(1 / 3 / step))
    assert float(least_squares(dates, values, dates[0], dates[-1])[0]) == pytest.approx(np.exp(0.3 / step))


@pytest.mark.parametrize(("start", "end"), [("2023-06-29", "2024-01-01"), ("2024-01-01", "2026-01-01")])
def test_a_window_outside_the_data_is_refused(start: str, end: str) -> None:
    for way in (end_to_end, least_squares):
        with pytest.raises(InputError, match="allowed 2023-06-30 to 2025-12-31"):
            way(ENDS, np.ones((len(ENDS), 1)), day(start), day(end))


def test_an_empty_window_is_refused() -> None:
    with pytest.raises(InputError, match="is not before"):
        end_to_end(ENDS, np.ones((len(ENDS), 1)), ENDS[1], ENDS[1])


# --- serving capacity by quarter ----------------------------------------------------------------------------------------


def test_capacity_by_quarter_begins_with_the_first_chips_and_never_falls() -> None:
    past = history(scenario(settings=["serving.preset=fitted"]), Worlds(50))
    assert past.dates[0] == datetime.date(2024, 12, 31)  # chip_sales: the first B200 are of Q4 2024
    for rates in past.output_tok_s.values():
        assert rates.shape == (len(past.dates), 50)
        assert np.all(rates[0] > 0.0) and np.all(np.diff(rates, axis=0) > 0.0)
    assert past.incomplete[-1] and not past.incomplete[0]


def test_growth_has_an_interval_and_covers_the_median() -> None:
    window = (datetime.date(2024, 12, 31), datetime.date(2025, 12, 31))
    drawn = growth(scenario(), Worlds(500), [window])
    middle = growth(scenario(), Median(), [window])
    for one, other in zip(drawn, middle, strict=True):
        low, high = np.percentile(one.end_to_end, [5, 95])
        assert low < float(other.end_to_end[0]) < high
