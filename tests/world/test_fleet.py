"""Chips installed by quarter, in every world: published counts, published percentiles of the sums, days on the edges."""

from __future__ import annotations

import datetime

import numpy as np
import pytest
from conftest import Tables

from fleetline.beliefs import Median, Worlds
from fleetline.catalog import load
from fleetline.catalog.rows import ChipSalesCumulativeRow, ChipSalesRow
from fleetline.errors import InputError
from fleetline.scenario import scenario
from fleetline.world.fleet import Fleet, fleet

END_OF_2025 = datetime.date(2025, 12, 31)


def named(name: str = "article", vintage: str = "2026-04", count: int = 0, correlation: float = 1.0) -> Fleet:
    """A fleet at the medians, or in `count` worlds."""
    settings = [f"fleet.name={name}", f"fleet.vintage={vintage}", f"fleet.sales_correlation={correlation}"]
    return fleet(scenario(settings=settings), Worlds(count) if count else Median())


def test_the_article_s_fleet_at_the_end_of_2025() -> None:
    # article, Introducing our setting: "1.9 million GB200 and 1.5 million GB300"; article-numbers.md has the units
    found = named()
    assert [member.system for member in found.members] == ["gb200-nvl72", "gb300-nvl72"]
    assert [float(units[0]) for units in found.units(END_OF_2025)] == pytest.approx([1_918_560, 1_500_691], abs=0.5)
    assert "H100/H200" in found.outside and "TPU v7" in found.outside


def test_the_fleet_of_every_chip_leaves_none_out() -> None:
    found = named("all", "2026-09-24")
    sold = [row for row in load().rows("chip_sales", ChipSalesRow) if row.vintage == "2026-09-24"]
    assert found.outside == ()
    last = found.quarters[-1].end
    assert sum(float(units[0]) for units in found.units(last)) == pytest.approx(sum(row.units_median for row in sold))
    assert all(member.system or member.note for member in found.members)


def test_one_name_for_two_chips_is_divided_by_date() -> None:
    # fleets.csv: H100 alone to mid-2024, then 28% H100 and 72% H200; 2,133,384 sold to 2024-06-30 (chip_sales_cumulative)
    found = named("all")
    hopper = dict.fromkeys(("h100", "h200"), 0.0)
    for member, units in zip(found.members, found.units(END_OF_2025), strict=True):
        if member.chip_type == "H100/H200":
            hopper[member.system] += float(units[0])
    assert hopper["h100"] == pytest.approx(2_133_384 + 0.28 * (4_317_291 - 2_133_384), rel=1e-5)
    assert hopper["h200"] == pytest.approx(0.72 * (4_317_291 - 2_133_384), rel=1e-5)


def test_a_day_inside_a_quarter_counts_that_quarter_pro_rata() -> None:
    # chip_sales: 417,620 B200 in Q4 2025 by the sums at its two ends; 31 of its 92 days are over on 31 October
    found = named()
    before, day, after = (
        float(found.units(datetime.date(2025, month, last))[0][0]) for month, last in ((9, 30), (10, 31), (12, 31))
    )
    assert day == pytest.approx(before + 31 / 92 * (after - before))


def published_sums() -> list[ChipSalesCumulativeRow]:
    """The sums of single chips with their percentiles."""
    rows = load().rows("chip_sales_cumulative", ChipSalesCumulativeRow)
    return [row for row in rows if row.chip_type != "ALL" and row.units_p5 is not None]


@pytest.mark.parametrize("vintage", ["2026-04", "2026-09-24"])
def test_one_score_a_chip_gives_the_published_percentiles_of_the_sums(vintage: str) -> None:
    # chip_sales_cumulative; 1%: 20,000 draws place a 5% point to about 0.3% of these values
    found = named("all", vintage, count=20_000)
    ends = [quarter.end.isoformat() for quarter in found.quarters]
    held = 0
    for row in published_sums():
        mine = [member.installed for member in found.members if member.chip_type == row.chip_type]
        if row.vintage == found.vintage and mine and row.end_date in ends:
            here = np.percentile(np.sum(mine, axis=0)[ends.index(row.end_date)], [5, 50, 95])
            assert here == pytest.approx([row.units_p5, row.units_median, row.units_p95], rel=0.01), row.line
            held += 1
    assert held >= 13


def test_independent_quarters_would_be_much_surer_than_published() -> None:
    # the control of the test above: with r = 0 the interval of B200 is less than half as wide, and each quarter's is not
    together, apart = (named(count=20_000, correlation=r) for r in (1.0, 0.0))
    for fleet_, widest in ((together, 1.01), (apart, 0.5)):
        low, high = np.percentile(fleet_.units(END_OF_2025)[0], [5, 95])
        assert np.log(high / low) / np.log(2_247_221 / 1_636_361) <= widest
    first = [np.percentile(each.members[0].sold[0], [5, 50, 95]) for each in (together, apart)]
    assert first[0] == pytest.approx(first[1], rel=0.01)


def test_what_is_missing_is_said_by_quarter() -> None:
    # README of the world data, Gaps: no H100/H200 row in Q1 2026, Amazon and Huawei absent in 2026, TPU Q2 partial
    quarters = {quarter.end.isoformat(): quarter.incomplete for quarter in named("all", "2026-09-24").quarters}
    assert quarters["2025-12-31"] == ""
    assert "H100/H200: no row" in quarters["2026-03-31"] and "Amazon: no rows" in quarters["2026-03-31"]
    assert "TPU v7: part of the quarter" in quarters["2026-06-30"]


@pytest.mark.parametrize(
    ("settings", "field", "words"),
    [
        (["fleet.vintage=2027-01"], "fleet.vintage", "known: 2026-04 (used by the May 2026 article), 2026-09-24"),
        (["fleet.vintage=2026"], "fleet.vintage", "known: "),
        (["fleet.name=al"], "fleet.name", "did you mean 'all'"),
    ],
)
def test_an_unknown_name_is_refused_with_the_known_ones(settings: list[str], field: str, words: str) -> None:
    with pytest.raises(InputError) as refused:
        fleet(scenario(settings=settings), Median())
    assert refused.value.field == field
    assert words in refused.value.message


@pytest.mark.parametrize(
    ("day", "words"),
    [
        (datetime.date(2024, 9, 30), "before 2024-10-01, the first sale"),
        (datetime.date(2026, 4, 1), "after 2026-03-31, the last day that chip sales 2026-04"),
    ],
)
def test_a_day_the_data_says_nothing_about_is_refused(day: datetime.date, words: str) -> None:
    found = named()
    with pytest.raises(InputError) as refused:
        found.units(day)
    assert refused.value.field == "fleet.as_of"
    assert words in refused.value.message
    for edge in (found.quarters[0].start, found.quarters[-1].end):
        found.check(edge)


# --- the table ----------------------------------------------------------------------------------------------------------


def test_a_chip_that_is_sold_and_in_no_row_is_an_error(tables: Tables) -> None:
    # a new name in the sales data must not fall out of the world in silence
    line = tables.line_of("chip_sales", chip_type="MI308X")
    tables.put("chip_sales", line, "chip_type", "MI455X")
    with pytest.raises(InputError) as refused:
        load()
    assert refused.value.message.startswith(f"chip_sales.csv line {line}, column chip_type: the fleet 'all' counts 0 of")


@pytest.mark.parametrize(
    ("column", "cell", "words"),
    [
        ("chip_type", "B2000", "unknown chip_type 'B2000'; did you mean 'B200'?"),
        ("system", "gb200", "unknown system 'gb200'"),
        ("gpus", "73", "got 73, gb200-nvl72 has 72"),
        ("system", "", "a row without one names its chip"),
        ("first_day", "2025-01-01", "the fleet 'all' counts 0 of the B200 sold from 2024-10-01"),
        ("share", "1.5", "less than or equal to 1"),
        ("share", "0.5", "counts 0.5 of the B200"),
    ],
)
def test_a_wrong_cell_is_named(tables: Tables, column: str, cell: str, words: str) -> None:
    tables.put("fleets", tables.line_of("fleets", fleet="all", chip_type="B200"), column, cell)
    with pytest.raises(InputError) as refused:
        load()
    assert words in refused.value.message


def test_no_sale_is_counted_twice(tables: Tables) -> None:
    line = tables.repeat("fleets", tables.line_of("fleets", fleet="article", chip_type="B200"))
    tables.put("fleets", line, "system", "b200")
    with pytest.raises(InputError, match="the fleet 'article' counts 2 of the B200"):
        load()


def test_how_much_of_a_fleet_serves_moves_no_chip() -> None:
    """Lines that only capacity depends on leave the fleet as it is, not worked out again; others do not."""
    plain = fleet(scenario("today"), Worlds(50, 0))
    for line in ("fleet.inference_share=0.4", "fleet.busy_share=0.7", "fleet.peak_over_mean=1.2"):
        assert fleet(scenario("today", [line]), Worlds(50, 0)) is plain
    assert fleet(scenario("today", ["fleet.rack_share=0.4"]), Worlds(50, 0)) is not plain
