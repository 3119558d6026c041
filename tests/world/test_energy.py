"""Energy: published totals with their places, hand-solved powers, properties, and what must fail."""

from __future__ import annotations

import numpy as np
import pytest
from conftest import Tables
from hypothesis import given
from hypothesis import strategies as st

import fleetline as fl
from fleetline.beliefs import Median, Worlds
from fleetline.errors import InputError
from fleetline.questions import power_check
from fleetline.scenario import scenario
from fleetline.world import energy
from fleetline.world.energy import ChipPower, FleetPower, MemberPower
from fleetline.world.fleet import fleet


def test_power_of_a_chip() -> None:
    powers = energy.chip_powers()
    # chip_specs: H100 700 W rated, 1370 W all-in (SemiAnalysis); A100 400 W rated, no all-in figure
    assert powers["H100 SXM"] == ChipPower(700.0, 1370.0, derived=False)
    assert powers["A100 SXM 80GB"].derived and powers["A100 SXM 80GB"].all_in / 400.0 == pytest.approx(1.7, abs=0.1)


def test_a_fleet_by_hand() -> None:
    chips = (
        MemberPower("one", "s", np.array([1e6]), ChipPower(1000.0, 1500.0, derived=False)),
        MemberPower("two", "t", np.array([2e6]), ChipPower(500.0, 1000.0, derived=True)),
        MemberPower("no figure", "", np.array([5e6]), None),
    )
    found = FleetPower(energy.END_2025, chips)
    assert (found.rated, found.all_in, found.unknown) == (np.array([2e9]), np.array([3.5e9]), ("no figure",))
    assert energy.site_peak(found, Median()) == pytest.approx([3.5e9 * 1.4])
    assert energy.site_average(found, Median()) == pytest.approx([3.5e9 * 1.4 * 0.76])


def test_published_totals_are_met_where_they_should_be() -> None:
    checks = {each["what"]: each for each in fl.energy(draws=500).checks}

    def ratio(what: str) -> float:
        return float(checks[what]["ours_over_published"]["p50"])

    # Epoch AI's own total of rated power, 13.05 GW over the six makers; Huawei and Cambricon are not in the 2026-04 sales
    assert checks["rated power of all AI chips sold"]["published"] == pytest.approx(13.046, abs=0.001)
    assert ratio("rated power of all AI chips sold") == pytest.approx(1.0, abs=0.06)
    # epoch.ai/data-insights/ai-datacenter-power: about 30 GW
    every = checks["power for all AI chips sold by the end of 2025"]
    assert every["published"] == 30.0
    assert every["ours"]["p5"] < 30.0 < every["ours"]["p95"]
    # IEA: 415 TWh in 2024, 17% more in 2025; chips cannot take more than all data centres do
    of_all = checks["electricity of AI chips in 2025, against all data centres"]
    assert of_all["published"] == pytest.approx(415.0 * 1.17)
    assert of_all["ours_over_published"]["p95"] < 0.5


def test_what_does_not_agree_is_shown() -> None:
    """Chips sold more than double the electricity of AI in 2025; the IEA has half again for AI-focused centres."""
    checks = {each["what"]: each for each in fl.energy(draws=500).checks}
    grew = checks["growth of AI data centres' electricity in 2025"]
    assert (grew["published"], grew["ours"]["p5"] > 2.0) == (1.5, True)


def test_an_energy_is_power_over_rate() -> None:
    found = fl.energy(draws=300, workload="8000:1000")
    model = next(each for each in found.tokens if each["case"] == "model")
    # one world's joules times its rate is its power: the medians agree as far as medians do
    assert model["j_output_token"]["p50"] * model["output_tok_s"]["p50"] / 1e9 == pytest.approx(
        model["site_average_gw"]["p50"], rel=0.03
    )
    assert model["j_output_token"]["p50"] == pytest.approx(1.0 / model["output_tok_j"]["p50"], rel=1e-2)
    # every chip of the article's fleet serves, so the power is the fleet's
    assert model["site_average_gw"] == found.power_gw["site_average"]
    measured = next(each for each in found.tokens if each["case"] == "measured")
    assert measured["j_output_token"]["p50"] > model["j_output_token"]["p50"]


def test_a_shared_draw_is_one_draw() -> None:
    """Sales appear in power and in tokens: per token they cancel, and only the draw of overhead and load is left."""
    found = fl.energy(draws=2000, workload="8000:1000")
    model = next(each for each in found.tokens if each["case"] == "model")
    drawn = Worlds(2000)
    factor = energy.drawn(drawn, energy.OVERHEAD, "log") * energy.drawn(drawn, energy.LOAD, "log-odds")
    expected = np.subtract(*np.log(np.percentile(factor, [95.0, 5.0])))
    width = np.log(model["j_output_token"]["p95"] / model["j_output_token"]["p5"])
    assert width == pytest.approx(expected, rel=0.02)
    # the control: with sales drawn twice it would be wider
    rate = np.log(model["output_tok_s"]["p95"] / model["output_tok_s"]["p5"])
    assert np.hypot(expected, rate) > 1.02 * width


def test_hours_that_do_not_serve_are_not_the_tokens() -> None:
    """Half the chips training, or all of them: a token takes the same energy, and demand as much power."""
    whole = fl.energy(draws=50, workload="8000:1000")
    half = fl.energy("article", ["fleet.inference_share=0.5"], draws=50, workload="8000:1000")
    for one, other in zip(whole.tokens, half.tokens, strict=True):
        assert one["j_output_token"] == pytest.approx(other["j_output_token"])
    for one, other in zip(whole.demand, half.demand, strict=True):
        assert one["power_gw"] == pytest.approx(other["power_gw"])


def test_published_totals_are_of_chips_sold_in_every_scenario() -> None:
    """Waits for a building are taken off once, by the checks themselves."""
    sold = fl.energy(draws=50, workload="8000:1000").checks
    waiting = fl.energy("article", ["fleet.lag=0.5", "fleet.lifetime=6"], draws=50, workload="8000:1000").checks
    assert [each["ours"] for each in sold] == [each["ours"] for each in waiting]


@given(st.floats(0.0, 1e9), st.floats(0.0, 1e9))
def test_more_chips_draw_more(one: float, other: float) -> None:
    power = ChipPower(1000.0, 1500.0, derived=False)
    low, high = (
        FleetPower(energy.END_2025, (MemberPower("one", "s", np.array([count]), power),)) for count in sorted((one, other))
    )
    assert low.rated[0] <= high.rated[0] and low.all_in[0] <= high.all_in[0]
    assert low.rated[0] <= low.all_in[0]


def test_electricity_lies_between_the_years_ends() -> None:
    asked = scenario("article", ["fleet.name=all"])
    chips, draws = fleet(asked, Median()), Median()
    ends = [
        float(energy.site_average(energy.fleet_power(chips, day), draws)[0])
        for day in (energy.END_2025.replace(year=2024), energy.END_2025)
    ]
    mean = float(energy.electricity(chips, 2025, draws)[0]) / energy.HOURS_PER_YEAR / energy.central(energy.INSTALLED)
    assert ends[0] < mean < ends[1]


def test_a_chip_without_a_figure_is_told(tables: Tables) -> None:
    for quantity in ("tdp", "all_in_power"):
        tables.put(
            "chip_specs",
            tables.line_of("chip_specs", chip="GB200 NVL72", quantity=quantity, preferred="1"),
            "preferred",
            "0",
        )
    found = energy.fleet_power(fleet(scenario("article"), Median()), energy.END_2025)
    assert found.unknown == ("GB200 NVL72",)
    assert power_check.by_chip(found)[-1]["all_in_gw"] is None


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"fleet": "al"}, "did you mean 'all'?"),
        ({"as_of": "2031-01-01"}, "fleet.as_of: got 2031-01-01, after"),
        ({"workload": "8000"}, "INPUT:OUTPUT"),
        ({"draws": 0}, "draws: got 0"),
    ],
)
def test_bad_input_is_one_line(asked: dict[str, object], said: str) -> None:
    with pytest.raises(InputError) as refused:
        fl.energy(**asked)  # type: ignore[arg-type]
    assert said in refused.value.message and "\n" not in refused.value.message


def test_a_missing_row_of_the_table_is_one_line(tables: Tables) -> None:
    tables.drop_line("energy_facts", tables.line_of("energy_facts", parameter=energy.LOAD))
    with pytest.raises(InputError, match=r"energy_facts\.csv: no row of 'average draw over rated power'"):
        energy.central(energy.LOAD)
