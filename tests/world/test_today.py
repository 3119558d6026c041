"""The scenario of today: chips that wait and go, sales carried on, best rates and what is reached of them, the mix."""

from __future__ import annotations

import datetime
import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Tables
from hypothesis import given, settings
from hypothesis import strategies as st

import fleetline as fl
from fleetline.beliefs import Array, Belief, Draws, Median, Worlds
from fleetline.catalog import load, table_path
from fleetline.catalog.rows import ChipSalesRow, RateRow, ReachedRow
from fleetline.cli import main
from fleetline.errors import InputError
from fleetline.scenario import SHAPES, TIERS, Scenario, scenario
from fleetline.world import best_rates
from fleetline.world.assignment import assignment, best_load, proportional_load
from fleetline.world.best_rates import Question, best_rate, explored
from fleetline.world.carried import peak_ratio
from fleetline.world.fleet import fleet
from fleetline.world.installed import Service, installed
from fleetline.world.load import Load, load_of
from fleetline.world.mix import cost_by_price, mix, shares
from fleetline.world.questions import questions
from fleetline.world.reached import score
from fleetline.world.supply import measured_supply, supply

TODAY = scenario("today")


def today(*lines: str) -> Scenario:
    return scenario("today", lines)


# --- the article's world stays ------------------------------------------------------------------------------------------


def test_the_article_s_world_is_what_it_was() -> None:
    # to the digit, as computed before there was another scenario (commit 9759796)
    found = fl.supply(fleet="article", as_of="2025-12-31", preset="article")
    assert [each["central_tok_s"] for each in found.workloads] == ARTICLE_CENTRAL
    dates = {each["workload"]: each["crossover"] for each in fl.crunch("article").workloads}
    assert dates["8000:1000"] == {"p10": "2028-12-12", "p50": "2032-08-09", "p90": "after 2035-12-31"}
    assert dates["128000:1000"] == {"p10": "2026-02-06", "p50": "2029-05-12", "p90": "after 2035-12-31"}


ARTICLE_CENTRAL = [19725740216.10186, 5470716075.908512, 461709979.90103626]


# --- chips that wait and go, by hand ------------------------------------------------------------------------------------

SOLD = np.array([[4.0, 8.0], [4.0, 8.0], [0.0, 0.0], [0.0, 0.0], [0.0, 0.0], [0.0, 0.0]])


def test_without_waiting_all_that_is_sold_serves() -> None:
    service = Service(np.zeros(2), np.full(2, np.inf))
    assert installed(SOLD, [0.0, 0.5, 1.0, 2.0, 6.0], service)[:, 0].tolist() == [0.0, 2.0, 4.0, 8.0, 8.0]


def test_chips_wait_and_go_world_by_world() -> None:
    # the first world: half a quarter's wait, three quarters of service; the second: none, one quarter of service
    service = Service(np.array([0.5, 0.0]), np.array([3.0, 1.0]))
    found = installed(SOLD, [1.0, 2.0, 4.0, 5.0, 6.0], service)
    assert found[:, 0].tolist() == [2.0, 6.0, 6.0, 2.0, 0.0]
    assert found[:, 1].tolist() == [8.0, 8.0, 0.0, 0.0, 0.0]


@settings(max_examples=30, deadline=None)
@given(st.floats(0.0, 3.0), st.floats(0.5, 20.0))
def test_no_more_serve_than_are_sold_and_a_longer_wait_leaves_fewer(lag: float, lifetime: float) -> None:
    at = np.linspace(0.0, 2.0, 9)  # while chips are sold
    one = installed(SOLD, at, Service(np.full(2, lag), np.full(2, lifetime)))
    later = installed(SOLD, at, Service(np.full(2, lag + 0.1), np.full(2, np.inf)))
    assert np.all((one >= 0.0) & (one <= installed(SOLD, at, Service(np.zeros(2), np.full(2, np.inf))) + 1e-12))
    assert np.all(later <= installed(SOLD, at, Service(np.full(2, lag), np.full(2, np.inf))) + 1e-12)


def one(chip_type: str) -> float:
    """H100-equivalents of a chip, as its sales rows count them; of one not sold yet by its peak."""
    rows = [row for row in load().rows("chip_sales", ChipSalesRow) if row.chip_type == chip_type and row.units_median]
    return rows[-1].h100e_median / rows[-1].units_median if rows else peak_ratio(chip_type)


def h100e(found: Scenario, day: datetime.date, draws: Draws) -> Array:
    chips = fleet(found, draws)
    each = [
        one(member.chip_type) * units
        for member, units in zip(chips.members, chips.units(day), strict=True)
        if member.chip_type not in {"MI455X", "TPU 8i", "TPU 8t"}  # announced, and none sold as such
    ]
    return np.asarray(np.sum(each, axis=0))


def test_the_lag_gives_what_is_known_of_deployment() -> None:
    # growth_and_supply_facts: 12 to 16 million H100e deployed at the end of 2025, of about 20 million sold
    day = datetime.date(2025, 12, 31)
    low, high = np.percentile(h100e(today("fleet.sales_correlation=0"), day, Worlds(500)), [5, 95]) / 1e6
    assert 11.0 < low < 13.0
    assert 15.0 < high < 17.0
    sold = h100e(today("fleet.lag=0", "fleet.lifetime=50"), day, Median())[0] / 1e6
    assert sold == pytest.approx(19.67, rel=0.03)  # the same facts: 19.67 million sold


def test_what_is_carried_on_agrees_with_what_others_count() -> None:
    # growth_and_supply_facts: 25 to 33 million H100e in operation in October 2026, from another source's reading
    low, middle, high = np.percentile(h100e(TODAY, datetime.date(2026, 10, 1), Worlds(500)), [5, 50, 95]) / 1e6
    assert 25.0 < middle < 33.0
    assert low < middle < high


# --- sales carried on ---------------------------------------------------------------------------------------------------


def test_a_designer_without_rows_grows_as_the_scenario_says() -> None:
    found = fleet(today("fleet.sales_growth=4", "fleet.carried_until=2026-12-31"), Median())
    place = {quarter.end: index for index, quarter in enumerate(found.quarters)}
    ascend = next(member for member in found.members if member.chip_type == "Ascend 910C")
    last, year_on = (float(ascend.sold[place[datetime.date(year, 12, 31)], 0]) for year in (2025, 2026))
    assert year_on / last == pytest.approx(4.0, rel=0.01)
    assert "Huawei" in found.quarters[-1].incomplete


def test_a_partial_quarter_is_a_floor() -> None:
    shrunk = fleet(today("fleet.sales_growth=0.1"), Median())
    b300 = next(member for member in shrunk.members if member.chip_type == "B300" and member.system == "gb300-nvl72")
    third = next(index for index, each in enumerate(shrunk.quarters) if each.end == datetime.date(2026, 9, 30))
    assert float(b300.sold[third, 0]) >= 0.7 * 408_898  # racks' share of the units_median of the partial row


def test_announced_chips_enter_from_their_date_and_keep_the_arithmetic() -> None:
    chips = fleet(today("fleet.sales_growth=1"), Median())
    rubin = next(member for member in chips.members if member.system == "vr200-nvl72")
    before = [index for index, each in enumerate(chips.quarters) if each.end < datetime.date(2026, 7, 1)]
    assert np.all(rubin.sold[before] == 0.0)
    assert float(rubin.sold[-1, 0]) > 0.0
    nvidia = ("B200", "B300", "H100/H200", "VR200 NVL72")
    total = [
        sum(float(each.sold[index, 0]) * one(each.chip_type) for each in chips.members if each.chip_type in nvidia)
        for index in range(len(chips.quarters))
    ]
    assert total[-1] == pytest.approx(total[-7], rel=1e-3)  # the last quarter of 2027, the second of 2026


def test_chips_that_are_announced_and_cannot_be_modelled_say_why() -> None:
    reasons = {each.chip_type: each.reason for each in supply(TODAY, Median()).not_counted}
    assert "no bf16 peak" in reasons["MI455X"]
    assert {"TPU 8i", "TPU 8t"} <= set(reasons)


def test_sales_cannot_be_carried_on_into_the_past() -> None:
    with pytest.raises(InputError, match=r"fleet\.carried_until: got 2025-12-31, before the last quarter of the data"):
        fleet(today("fleet.carried_until=2025-12-31"), Median())


BY_KERNELS = "serving.rates_by=reached"

# --- best rates ---------------------------------------------------------------------------------------------------------


def test_the_table_is_not_used_after_a_change(tables: Tables) -> None:
    # a table of the catalog changed since: the rate is found anew
    asked = Question("gpt-oss-120b", "b200", 8, "8000:1000", 0.0, 35.0)
    known = explored(asked)
    line = tables.line_of("rates", model="gpt-oss-120b", system="b200", workload="8000:1000")
    tables.put("rates", line, "output_tok_s", "1")
    tables.put("rates", line, "source", "make rates, tables 000000000000, code 000000000000")
    assert best_rate(asked).tok_s == pytest.approx(known.tok_s, rel=1e-9)


def test_a_table_made_with_other_code_is_probed(monkeypatch: pytest.MonkeyPatch) -> None:
    known = {best_rates._question(row): row.output_tok_s for row in load().rows("rates", RateRow)}
    data, _ = best_rates.digests(known)
    monkeypatch.setattr(best_rates, "digests", lambda _: (data, "other code"))
    for wrong, used in ((1.0, True), (1.01, False)):
        monkeypatch.setattr(best_rates, "explored", lambda asked, wrong=wrong: best_rates.Found(known[asked] * wrong))
        best_rates._tabled.cache_clear()
        assert bool(best_rates._tabled(Path())) is used
    best_rates._tabled.cache_clear()


def test_another_speed_is_found_on_the_spot() -> None:
    slow, fast = (best_rate(Question("gpt-oss-120b", "b200", 8, "8000:1000", 0.0, speed)) for speed in (35.0, 60.0))
    assert 0.0 < fast.tok_s < slow.tok_s


def test_the_shipped_table_is_in_use() -> None:
    used, rows = (len(each) for each in (best_rates._tabled(table_path("rates.csv")), load().rows("rates", RateRow)))
    assert used == rows, "rates have moved and answers by measured kernels are slow: make rates"


@pytest.mark.long
def test_the_shipped_table_has_every_question_and_its_answers() -> None:
    rows = load().rows("rates", RateRow)
    assert {row.source for row in rows} == {best_rates.source(questions(TODAY))}, "out of date: make rates"
    assert len(rows) == len(questions(TODAY)), "out of date: make rates"
    for asked in questions(TODAY)[::40]:
        assert best_rate(asked).tok_s == pytest.approx(explored(asked).tok_s, rel=1e-9)


def test_a_system_that_cannot_hold_a_model_says_why() -> None:
    found = best_rate(Question("kimi-k3", "h100", 8, "8000:1000", 0.0, 35.0))
    assert found.tok_s == 0.0
    assert found.reason.startswith("memory: weights, cache and activations do not fit")


def test_a_range_of_speeds_lies_between_its_ends() -> None:
    line = (BY_KERNELS, "fleet.name=article", "serving.workloads=8000:1000", "serving.reached_by=nothing")
    slow, fast = (
        float(supply(today(*line, f"serving.speed={each}"), Median()).workloads[0].output_tok_s[0]) for each in (30, 60)
    )
    some = supply(today(*line, "serving.speed=30..60"), Worlds(50)).workloads[0]
    rate = np.sum([each.throughput_tok_s * np.median(each.racks) for each in some.by_system], axis=0)
    assert rate.min() < rate.max()
    assert fast < slow


def test_an_efficiency_beside_measured_kernels_is_refused() -> None:
    with pytest.raises(InputError, match=r"serving\.compute_efficiency: the preset kernels has measured kernels"):
        supply(today("serving.compute_efficiency=0.5"), Median())


def test_what_is_reached_is_as_the_table_says() -> None:
    full, reached = (
        {each.system: float(each.throughput_tok_s[0]) for each in supply(today(*line), Median()).workloads[0].by_system}
        for line in ((BY_KERNELS, "serving.reached_by=nothing"), (BY_KERNELS,))
    )
    rows = {(row.system, row.model): row.central for row in load().rows("reached", ReachedRow)}
    for system in ("gb200-nvl72", "gb300-nvl72"):  # Kimi K2.5 differs from K2.6 in name alone, and has been measured
        expected = max(rows[system, None], rows[system, "kimi-k2.5"])
        assert reached[system] / full[system] == pytest.approx(expected)
    assert reached["tpu-v7"] / full["tpu-v7"] == pytest.approx(rows["any", None])  # no run is known


def test_a_model_reaches_its_own_run_at_least() -> None:
    # the known answer: at the runs' own request a measured model serves what was measured, or more where others reach more
    chosen = today(BY_KERNELS, "serving.model=gpt-oss-120b", "serving.workloads=8192:1024")
    found = {each.system: each for each in supply(chosen, Median()).workloads[0].by_system}
    measured = next(run for run in measured_supply(chosen, Median()) if run.definition == "wall")
    rows = {(row.system, row.model): row.central for row in load().rows("reached", ReachedRow)}
    more = {each.system: rows[each.system, "gpt-oss-120b"] < rows[each.system, None] for each in measured.systems}
    assert set(more.values()) == {True, False}
    for each in measured.systems:
        assert float(each.chips[0]) == pytest.approx(float(found[each.system].chips[0]))
        one = float(found[each.system].throughput_tok_s[0]) / found[each.system].gpus
        assert (one > each.output_tok_s_gpu) if more[each.system] else one == pytest.approx(each.output_tok_s_gpu, rel=1e-3)


def test_the_score_of_what_is_reached_is_standard_and_shared() -> None:
    draws = Worlds(20_000)
    one, same_model, other = (score(draws, *each) for each in (("a", "x"), ("a", "y"), ("b", "z")))
    assert one.std() == pytest.approx(1.0, abs=0.02)
    assert np.corrcoef(one, same_model)[0, 1] == pytest.approx(0.75, abs=0.02)
    assert np.corrcoef(one, other)[0, 1] == pytest.approx(0.5, abs=0.02)


# --- the mix ------------------------------------------------------------------------------------------------------------


def test_footnote_1() -> None:
    # article, footnote 1: 7.5 times the price at a margin of 50%, against a model served at cost
    assert float(cost_by_price(np.array(30.0), np.array(0.5), np.array(4.0), np.array(0.0))) == pytest.approx(3.75)


def test_shares_sum_to_one_in_every_world() -> None:
    served = mix(TODAY, Worlds(200))
    for each in (served.tier_shares, served.shape_shares):
        np.testing.assert_allclose(np.sum(list(each.values()), axis=0), 1.0)
    np.testing.assert_allclose(np.sum(list(served.split.values()), axis=0), 1.0)


def test_shares_that_do_not_sum_are_refused() -> None:
    with pytest.raises(
        InputError, match=r"mix.frontier_share \+ mix.mid_share .*: got 0.5 \+ 0.35 \+ 0.5 = 1.35, allowed 1"
    ):
        shares(today("mix.frontier_share=0.5"), Median(), TIERS)


def test_one_class_is_that_class() -> None:
    # all tokens general and mid, which is the reference: the load is output asked for over supply
    lines: tuple[str, ...] = ("mix.frontier_share=0", "mix.mid_share=1", "mix.small_share=0", "mix.general_share=1")
    lines += tuple(f"mix.{shape}_share=0" for shape in SHAPES[1:])
    found = load_of(today(*lines), Median())
    asked = found.tokens / 9.0  # 8,000 in, 1,000 out
    np.testing.assert_allclose(found.total, asked / found.supply)
    np.testing.assert_allclose(found.alone("mid"), found.total)


def test_a_bigger_model_and_a_longer_request_cost_more() -> None:
    found = load_of(TODAY, Median())
    weight = {name: float(found.weight(name)[found.now, 0]) for name in found.loads}
    assert weight["frontier", "general"] > weight["mid", "general"] > weight["small", "general"]
    assert weight["mid", "long"] > weight["mid", "agentic"] > weight["mid", "general"]
    assert weight["mid", "session"] < weight["mid", "long"]  # a cache that is reused
    assert weight["mid", "general"] == pytest.approx(1.0)  # the reference


def test_the_switch_of_efficiency_moves_both_sides_and_no_date() -> None:
    both, neither = (load_of(today(f"growth.efficiency_in={each}"), Worlds(100)) for each in ("both", "neither"))
    np.testing.assert_allclose(both.total, neither.total)
    dearer = both.cheaper[-1] > 1.0  # in a few worlds tokens get dearer
    assert dearer.mean() > 0.9
    assert np.all((both.supply[-1] > neither.supply[-1]) == dearer)
    assert np.all((both.demand[-1] > neither.demand[-1]) == dearer)
    dates = [fl.crunch("today", [f"growth.efficiency_in={each}"], draws=100) for each in ("both", "neither")]
    assert dates[0].mix is not None
    assert dates[1].mix is not None
    assert dates[0].mix["crossover"] == dates[1].mix["crossover"]
    assert dates[0].workloads == dates[1].workloads


# --- one draw a quantity ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Fickle:
    """A broken copy: what is asked for twice is drawn twice."""

    inner: Worlds
    asked: dict[str, int] = field(default_factory=dict)

    @property
    def count(self) -> int:
        return self.inner.count

    def scores(self, name: str) -> Array:
        self.asked[name] = self.asked.get(name, 0) + 1
        return replace(self.inner, chunk=self.asked[name]).scores(name)

    def draw(self, name: str, belief: Belief) -> Array:
        return belief.at(self.scores(name))


def agrees(draws: Draws) -> bool:
    """Whether supply of the mix's reference is that of `supply` at the same request: the same chips, rates and shares."""
    found = load_of(TODAY, draws)
    other = supply(TODAY, draws).workloads[0].output_tok_s
    return bool(np.allclose(found.supply[found.now], other, rtol=0.01))  # the day itself counts in one


def test_a_quantity_that_appears_twice_is_the_same_draw() -> None:
    assert agrees(Worlds(60))


def test_draws_that_differ_are_caught() -> None:
    assert not agrees(Fickle(Worlds(60)))


def test_the_same_seed_gives_the_same_bytes(capsys: pytest.CaptureFixture[str]) -> None:
    said = []
    for seed in ("3", "3", "4"):
        with pytest.raises(SystemExit) as ended:
            main(["crunch", "today", "--draws", "50", "--seed", seed, "--json"])
        assert ended.value.code == 0
        said.append(capsys.readouterr().out)
    assert said[0] == said[1] != said[2]


# --- bad scenarios ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "field_", "words"),
    [
        ("fleet.inference_share=1.2", "fleet.inference_share", "allowed a number from 1e-06 to 1 share"),
        ("fleet.inference_share=0.8..0.2", "fleet.inference_share", "low 0.8 is over high 0.2"),
        ("mix.general_share=0.9", "mix.general_share", "= 1.5, allowed 1"),
        ("fleet.as_of=2019-01-01", "fleet.as_of", "before 2022-01-01, the first sale"),
        ("fleet.as_of=0001-01-01", "fleet.as_of", "allowed a day from 2000-01-01 to 2099-12-31"),
        ("fleet.as_of=2060-01-01", "growth.half_life", "or a nearer fleet.as_of"),
        ("fleet.carried_until=9999-12-31", "fleet.carried_until", "allowed a day from 2000-01-01 to 2099-12-31"),
        ("growth.half_life=0.05", "growth.half_life", "all growth lies outside the statements"),
        ("growth.series_from=2030-01-01", "growth.series_from", "no world total from 2030-01-01 on"),
        ("serving.schedule=foo", "schedule", "serving.schedule: unknown schedule 'foo'; known: best"),
        ("growth.horizon=2026-01-01", "growth.horizon", "not after the scenario's"),
        ("growth.supply=-50", "growth.supply", "a factor: 2 means twice as much a year, not a percentage"),
        ("growth.supply=340%", "growth.supply", "a factor: 2 means twice as much a year, not a percentage"),
        ("growth.model=fast", "growth.model", "allowed constant or slowing"),
        ("growth.efficiency_in=supply", "growth.efficiency_in", "allowed both or neither"),
        ("growth.known_by=2020-01-01", "growth.series_from", "no world total"),
        ("serving.reached_by=hope", "serving.reached_by", "unknown way 'hope'"),
        ("mix.session_hit=0.9..0.99", "mix.session_hit", "got an interval"),
        ("mix.frontier_model=kimi-k9", "model", "unknown model 'kimi-k9'"),
    ],
)
def test_a_bad_scenario_is_one_line_that_names_its_key(
    line: str, field_: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["crunch", "today", "--draws", "10", "--set", line])
    assert ended.value.code == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert len(said.err.splitlines()) == 1
    error: dict[str, Any] = json.loads(said.err)["error"]
    assert error["field"] == field_
    assert words in error["message"]


# --- from the article to today ------------------------------------------------------------------------------------------


def test_the_walk_ends_where_today_is_and_its_steps_multiply() -> None:
    walk = fl.compare(draws=50)
    loads = [each.load for each in walk.steps]
    assert np.prod([each.factor for each in walk.steps]) == pytest.approx(loads[-1] / loads[0])
    found = load_of(TODAY, Median())
    assert loads[-1] == pytest.approx(float(found.total[found.now, 0]))
    moved = {key for each in walk.steps for key in each.keys}
    old = scenario("article")
    keys = {key for key in (*TODAY.assumptions, *old.assumptions) if not key.startswith("market.")}
    differing = {key for key in keys if key not in TODAY or key not in old or _cells(TODAY, key) != _cells(old, key)}
    assert moved == differing


def _cells(found: Scenario, key: str) -> tuple[object, ...]:
    line = found.assumptions[key]
    return line.value, line.low, line.high


def test_a_scenario_against_itself_does_not_move() -> None:
    walk = fl.compare("article", "article", draws=50)
    assert len(walk.steps) == 1
    assert walk.rest_factor == 1.0


def test_one_line_is_one_step() -> None:
    walk = fl.compare("today", "today", ["fleet.inference_share=0.25"], draws=50)
    assert [each.step for each in walk.steps[1:]] == ["training takes its share"]
    assert walk.steps[1].factor == pytest.approx(2.0)
    assert walk.rest_factor == pytest.approx(1.0)


def test_a_load_has_its_shape() -> None:
    found: Load = load_of(TODAY, Worlds(7))
    assert found.total.shape == (len(found.years), 7)
    assert found.years[found.now] == pytest.approx(2026.9, abs=0.01)


def test_the_way_back_takes_the_mix_away_first() -> None:
    back = fl.compare("today", "article", draws=20)
    assert back.order.startswith("backwards")
    assert back.steps[1].step == "tiers and shapes in the place of one model and request"
    there = fl.compare(draws=20)
    # the day is the later one both times
    assert back.steps[-1].load == pytest.approx(there.steps[0].load)
    assert back.steps[0].load == pytest.approx(there.steps[-1].load)


# --- which chips serve what ---------------------------------------------------------------------------------------------


def test_the_best_division_by_hand() -> None:
    # two kinds of ten chips; each serves one class at 2 and the other at 1: apart, 20 of each, in proportion 15
    rates = np.array([[2.0, 1.0], [1.0, 2.0]])
    chips, demand = np.array([10.0, 10.0]), np.array([20.0, 20.0])
    assert proportional_load(chips, rates, demand) == pytest.approx(4.0 / 3.0)
    assert best_load(chips, rates, demand) == pytest.approx(1.0)


def test_one_kind_of_chip_has_nothing_to_divide() -> None:
    rates, chips, demand = np.array([[2.0, 1.0]]), np.array([10.0]), np.array([5.0, 5.0])
    assert best_load(chips, rates, demand) == pytest.approx(proportional_load(chips, rates, demand))
    with pytest.raises(ValueError, match="no kind of chip serves"):
        best_load(chips, np.array([[2.0, 0.0]]), demand)


def test_the_proportional_division_is_the_load_and_the_best_is_no_worse() -> None:
    found, median = assignment(TODAY), load_of(TODAY, Median())
    assert found["proportional"] == pytest.approx(float(median.total[median.now, 0]), rel=1e-9)
    assert 0.5 < found["best"] / found["proportional"] <= 1.0


def test_growth_set_outright_stands_in_the_fit_s_place(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["crunch", "today", "--draws", "20", "--set", "growth.demand=3..6"])
    assert ended.value.code == 0
    growth = json.loads(capsys.readouterr().out)["demand_growth_per_year"]
    low, middle, high = (growth[each] for each in ("p5", "p50", "p95"))
    assert 2.0 < low < middle < high < 8.0


def test_demand_moves_along_growth_that_slows() -> None:
    now, later, last = (
        fl.demand("today", as_of=day, draws=50).proxies[0].output_tok_s["central"]
        for day in ("2026-11-26", "2028-11-26", "2030-11-26")
    )
    assert now < later < last
    assert later / now > last / later  # it slows


@pytest.mark.long
def test_ten_thousand_worlds_take_less_than_ten_seconds(record_property: Callable[[str, object], None]) -> None:
    # in a process of its own, start included, as on the command line
    begun = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "fleetline", "crunch", "today", "--draws", "10000"], check=True, capture_output=True
    )
    took = time.perf_counter() - begun
    record_property("seconds", round(took, 1))
    assert took < 10.0


def test_a_world_where_chips_wait_for_years_has_a_rack_and_a_very_full_one() -> None:
    found = load_of(today("fleet.lag=0.3..2"), Worlds(300))
    assert np.all(np.isfinite(found.total))
    assert found.total.max() > 1000 * np.median(found.total)  # nothing but that rack stands there
    with pytest.raises(InputError, match="no chip of the fleet serves"):
        load_of(today("fleet.lag=3"), Worlds(300))  # in the median world nothing stands yet
