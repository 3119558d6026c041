"""Units hold together: another unit of time, of bytes, of money, of power or of chips changes answers as their units say.

The catalog and the scenario are written in the new unit and every command is asked again: an answer that mixes units or has
a constant with a unit of its own does not scale. `tests/laws.py` asks the same of the formulas, for every attention kind,
rewrite, schedule and placement.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
from cells import standing
from harness import magnitudes
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import fleetline as fl
from fleetline.catalog import load, rows
from fleetline.catalog.load import Catalog
from fleetline.catalog.types import Chip, CollectiveLaw, KernelLaw, Timings
from fleetline.scenario import Scenario, scenario

# the search for a batch stops within 1e-9 of the best throughput (`physics.serving.SAME`); the rest are sums
CLOSE = 1e-8
DRAWS = 16
few = settings(max_examples=2, suppress_health_check=[HealthCheck.function_scoped_fixture])
# a factor that floats multiply exactly, so that no batch at the edge of what is allowed changes sides
FACTORS = st.sampled_from([0.125, 0.5, 2.0, 16.0])


# --- the catalog in other units -----------------------------------------------------------------------------------------


def each_chip(found: Catalog, change: Callable[[Chip], Chip]) -> Catalog:
    """Every chip changed, in every system."""
    chips = {name: change(chip) for name, chip in found.chips.items()}
    systems = {name: replace(one, chip=chips[one.chip.name]) for name, one in found.systems.items()}
    return replace(found, chips=MappingProxyType(chips), systems=MappingProxyType(systems))


def times(value: Any, factor: float) -> Any:
    return None if value is None else factor * value


def in_shorter_seconds(found: Catalog, factor: float) -> Catalog:
    """Every rate `factor` times as high, every latency as many times shorter; chips cost what they cost an old second."""

    def quick(chip: Chip) -> Chip:
        peak = MappingProxyType({name: factor * value for name, value in (chip.peak or {}).items()})
        bandwidths = {name: times(getattr(chip, name), factor) for name in ("hbm_bandwidth", "scaleup_bandwidth")}
        return replace(chip, peak=peak, **bandwidths)

    def kernel(law: KernelLaw) -> KernelLaw:
        return replace(law, latency=law.latency / factor, walk=law.walk / factor)

    def collective(law: CollectiveLaw) -> CollectiveLaw:
        each = law.latency_per_doubling / factor
        return replace(law, latency=law.latency / factor, latency_per_doubling=each)

    def timings(one: Timings) -> Timings:
        return replace(
            one,
            kernels=MappingProxyType({key: kernel(law) for key, law in one.kernels.items()}),
            collectives=MappingProxyType({key: collective(law) for key, law in one.collectives.items()}),
            scale_out_latency=one.scale_out_latency / factor,
            scale_out_bandwidth=one.scale_out_bandwidth * factor,
        )

    presets = {name: replace(one, step_latency=one.step_latency / factor) for name, one in found.presets.items()}
    quicker = each_chip(found, quick)
    return replace(
        quicker,
        timings={key: timings(one) for key, one in found.timings.items()},
        presets=MappingProxyType(presets),
        defaults=MappingProxyType({**found.defaults, "speed": factor * found.defaults["speed"]}),
    )


def in_smaller_bytes(found: Catalog, factor: float) -> Catalog:
    """Everything `factor` times as many bytes, through and into as many times more."""

    def wide(chip: Chip) -> Chip:
        names = ("hbm_bandwidth", "hbm_capacity", "scaleup_bandwidth")
        return replace(chip, **{name: times(getattr(chip, name), factor) for name in names})

    formats = {
        name: replace(
            one,
            bytes_per_weight=factor * one.bytes_per_weight,
            without_fp4=one.without_fp4
            and replace(one.without_fp4, bytes_per_weight=factor * one.without_fp4.bytes_per_weight),
        )
        for name, one in found.formats.items()
    }
    checkpoints = {
        name: replace(
            one,
            formats=MappingProxyType({part: _wider(stored, factor) for part, stored in one.formats.items()}),
            kv_cache=_wider(one.kv_cache, factor),
        )
        for name, one in found.checkpoints.items()
    }
    links = {key: replace(one, scale_out_bandwidth=factor * one.scale_out_bandwidth) for key, one in found.timings.items()}
    wider = each_chip(found, wide)
    return replace(
        wider,
        formats=MappingProxyType(formats),
        checkpoints=MappingProxyType(checkpoints),
        timings=links,
        defaults=MappingProxyType({**found.defaults, "activation_bytes": factor * found.defaults["activation_bytes"]}),
    )


def _wider(stored: Any, factor: float) -> Any:
    plain = stored.without_fp4 and _wider(stored.without_fp4, factor)
    return replace(stored, bytes_per_weight=factor * stored.bytes_per_weight, without_fp4=plain)


def in_other_money(found: Catalog, factor: float) -> Catalog:
    return each_chip(found, lambda chip: replace(chip, rent=times(chip.rent, factor), own=times(chip.own, factor)))


def in_other_watts(found: Catalog, factor: float) -> Catalog:
    return each_chip(found, lambda chip: replace(chip, all_in_power=times(chip.all_in_power, factor)))


@pytest.fixture
def asking(tmp_path: Path) -> Callable[[Catalog, Callable[[], Any]], Any]:
    """Ask of another catalog."""
    count = itertools.count()

    def ask(found: Catalog, question: Callable[[], Any]) -> Any:
        with standing(found, tmp_path / str(next(count))):
            return question()

    return ask


Asking = Callable[[Catalog, Callable[[], Any]], Any]


# --- one deployment -----------------------------------------------------------------------------------------------------

CASES: tuple[tuple[str, str, Mapping[str, Any]], ...] = (
    ("kimi-k2.6", "gb200-nvl72", {"preset": "article", "speculative": "8:3"}),
    ("deepseek-v3.2", "h200", {"preset": "kernels", "tp": 8}),
    ("gpt-oss-120b", "b200", {"preset": "kernels", "tp": 2, "framework": "vllm"}),
    ("kimi-k3", "gb300-nvl72", {"preset": "kernels", "tp": 4, "dp": 4, "ep": 16, "pp": 2, "gpus": 64}),
    ("deepseek-v4-pro", "gb300-nvl72", {"preset": "kernels", "tp": 8, "schedule": "disaggregated", "price": "own"}),
    ("qwen3.5-397b-a17b", "b200", {"preset": "kernels", "tp": 8, "turns": "5:500", "turns_kept": 0.9}),
)
POWERS_OF_TIME = {
    **dict.fromkeys(("throughput_tok_s", "throughput_tok_s_gpu", "speed_tok_s_user", "interactivity_tok_s_user"), -1),
    **dict.fromkeys(("ttft_s", "ttft_p90_s", "tpot_s", "cycle_s", "network_s", "latency_s"), 1),
    **dict.fromkeys(("cost_usd_per_mtok_output", "energy_j_per_output_token"), 1),
    **dict.fromkeys(("batch", "memory_used_bytes", "memory_capacity_bytes", "critical_batch"), 0),
}


def numbers_of(found: Any, names: Mapping[str, int]) -> Mapping[str, Any]:
    return {name: getattr(found, name) for name in names}


def check_scaled(before: Mapping[str, Any], after: Mapping[str, Any], factor: float, powers: Mapping[str, int]) -> None:
    """Every number is as many times the other as the power of the unit in it says."""
    off = []
    for name, power in powers.items():
        one, other = before[name], after[name]
        if (one is None) != (other is None):
            off.append(f"{name}: {one} and {other}")
        elif one is not None and not np.allclose(np.asarray(other), factor**power * np.asarray(one), rtol=CLOSE, atol=0.0):
            off.append(f"{name}: {one} became {other}, not {factor**power:g} times as much")
    assert not off, "; ".join(off)


EACH = [pytest.param(*case, id=case[0], marks=[pytest.mark.long] if place > 1 else []) for place, case in enumerate(CASES)]


@pytest.mark.parametrize(("model", "system", "options"), EACH)
@given(factor=FACTORS)
@few
def test_a_shorter_second_shortens_times(
    asking: Asking, model: str, system: str, options: Mapping[str, Any], factor: float
) -> None:
    def ask(**more: Any) -> Mapping[str, Any]:
        return numbers_of(fl.throughput(model, system, "8000:1000", **options, **more), POWERS_OF_TIME)

    quick = in_shorter_seconds(load(), factor)
    check_scaled(ask(), asking(quick, ask), 1.0 / factor, POWERS_OF_TIME)
    limited = asking(quick, lambda: ask(speed=20.0 * factor, max_ttft=3.0 / factor))
    check_scaled(ask(speed=20.0, max_ttft=3.0), limited, 1.0 / factor, POWERS_OF_TIME)


@pytest.mark.long
@given(factor=FACTORS, speed=magnitudes(10.0, 40.0))
@few
def test_a_shorter_second_shortens_waits_and_thoughts(asking: Asking, factor: float, speed: float) -> None:
    """Requests at random, and people who think between turns."""
    quick = in_shorter_seconds(load(), factor)

    def ask(share: float) -> Mapping[str, Any]:
        options: dict[str, Any] = {"preset": "kernels", "tp": 4, "gpus": 4}
        random = fl.throughput("gpt-oss-120b", "h100", "8000:1000", **options, rate=0.5 / share, speed=speed / share)
        turns = fl.throughput(
            "gpt-oss-120b", "h100", "8000:1000", **options, turns="5:500", turns_kept=1.0, think_s=9 * share
        )
        return {
            name: np.array(
                [np.nan if value is None else float(value) for value in (getattr(random, name), getattr(turns, name))]
            )
            for name in ("throughput_tok_s", "ttft_s", "tpot_s")
        }

    powers = {"throughput_tok_s": -1, "ttft_s": 1, "tpot_s": 1}
    check_scaled(ask(1.0), asking(quick, lambda: ask(1.0 / factor)), 1.0 / factor, powers)


@pytest.mark.parametrize("preset", ["ideal", pytest.param("article", marks=pytest.mark.long)])
@given(factor=FACTORS)
@few
def test_smaller_bytes_change_only_bytes(asking: Asking, preset: str, factor: float) -> None:
    """With degrees and measured kernels values between chips have bytes of their own, two of bf16 and one of fp8."""
    powers = dict.fromkeys(POWERS_OF_TIME, 0) | {"memory_used_bytes": 1, "memory_capacity_bytes": 1}

    def ask(model: str, counting: str) -> Mapping[str, Any]:
        found = fl.throughput(model, "gb200-nvl72", "8000:1000", preset=preset, counting=counting, max_ttft=5.0)
        return numbers_of(found, powers)

    wide = in_smaller_bytes(load(), factor)
    for case in (("kimi-k2.6", "article"), ("gpt-oss-120b", "checkpoint"), ("llama-3.1-70b", "checkpoint")):
        check_scaled(ask(*case), asking(wide, partial(ask, *case)), factor, powers)


@pytest.mark.parametrize(
    ("change", "name"), [(in_other_money, "cost_usd_per_mtok_output"), (in_other_watts, "energy_j_per_output_token")]
)
@given(factor=magnitudes(1e-3, 1e3))
@few
def test_other_money_and_watts_change_only_themselves(
    asking: Asking, change: Callable[[Catalog, float], Catalog], name: str, factor: float
) -> None:
    powers = dict.fromkeys(POWERS_OF_TIME, 0) | {name: 1}
    for model, system, options in CASES[:2]:

        def ask(model: str = model, system: str = system, options: Mapping[str, Any] = options) -> Mapping[str, Any]:
            return numbers_of(fl.throughput(model, system, "8000:1000", **options), powers)

        check_scaled(ask(), asking(change(load(), factor), ask), factor, powers)


# --- a frontier and a plan ------------------------------------------------------------------------------------------------


@pytest.mark.long
def test_a_shorter_second_moves_the_whole_frontier(asking: Asking) -> None:
    def ask() -> Mapping[str, Any]:
        found = fl.frontier("gpt-oss-120b", "b200", "8000:1000", preset="kernels", tp=8)
        return {name: np.asarray(getattr(found, name), dtype=float) for name in powers}

    powers = {"batch": 0, "throughput_tok_s": -1, "speed_tok_s_user": -1, "ttft_s": 1, "tpot_s": 1}
    check_scaled(ask(), asking(in_shorter_seconds(load(), 4.0), ask), 0.25, powers)


PLANNED = {"gpus": 0, "utilisation": 0, "requests_per_s": -1, "cost_usd_hour": 0, "cost_usd_mtok_output": 1, "ttft_s": 1}


def planned(times_faster: float, systems: str = "b200,h200") -> list[Mapping[str, Any]]:
    found = fl.plan(
        "gpt-oss-120b", "8000:1000", requests_per_s=40.0 * times_faster, speed=30.0 * times_faster, systems=systems
    )
    return [{name: getattr(option, name) for name in PLANNED} for option in found]


@pytest.mark.long
def test_a_shorter_second_plans_the_same_chips(asking: Asking) -> None:
    before, after = planned(1.0), asking(in_shorter_seconds(load(), 4.0), lambda: planned(4.0))
    for one, other in zip(before, after, strict=True):
        check_scaled(one, other, 0.25, PLANNED)


# --- the world ------------------------------------------------------------------------------------------------------------


def with_line(world: Scenario, factor: float, *keys: str) -> Scenario:
    """The scenario with some numbers, and their intervals, `factor` times as large."""
    lines = dict(world.assumptions)
    for key in keys:
        line = lines[key]
        lines[key] = replace(
            line, value=_scaled(line.value, factor), low=times(line.low, factor), high=times(line.high, factor)
        )
    return replace(world, assumptions=MappingProxyType(lines))


def _scaled(value: object, factor: float) -> float:
    assert isinstance(value, float)
    return factor * value


def with_column(found: Catalog, table: str, factor: float, columns: tuple[str, ...]) -> Catalog:
    """The catalog with some columns of a table `factor` times as large."""
    new = [
        row.model_copy(update={name: times(getattr(row, name), factor) for name in columns}) for row in found.tables[table]
    ]
    return replace(found, tables=MappingProxyType({**found.tables, table: new}))


def more_chips(found: Catalog, factor: float) -> Catalog:
    names = tuple(f"{kind}_{end}" for kind in ("units", "h100e") for end in ("p5", "median", "p95"))
    return with_column(found, "chip_sales", factor, names)


def more_tokens(found: Catalog, factor: float) -> Catalog:
    return with_column(found, "token_demand", factor, ("tokens_central", "tokens_low", "tokens_high"))


def quantiles(*found: Mapping[str, Any]) -> Any:
    return np.array([list(each.values()) for each in found], dtype=float)


def world_numbers(world: Scenario) -> Mapping[str, Any]:
    """Supply, agents, power, growth and dates of a world."""
    served, passed = fl.supply(world, draws=DRAWS, measured=False), fl.crunch(world, draws=DRAWS)
    power, working = fl.energy(world, draws=DRAWS), fl.agents(world, draws=DRAWS)
    dates = [each["crossover"] for each in passed.workloads]
    load_now = {} if passed.mix is None else {"load": quantiles(passed.mix["load"]), "mix": passed.mix["crossover"]}
    return {
        "supply": quantiles(*(each["output_tok_s"] for each in served.workloads)),
        "watts": quantiles(*power.power_gw.values()),
        "joules": quantiles(*(each["j_output_token"] for each in power.tokens)),
        "agents": quantiles(*(each["agents"] for each in working.fleet)),
        "growth": quantiles(passed.supply_growth_per_year),
        "dates": dates,
    } | load_now


def check_world(before: Mapping[str, Any], after: Mapping[str, Any], factor: float, powers: Mapping[str, int]) -> None:
    """As `check_scaled`; what is not named does not change, nor does any date."""
    counted = {name: powers.get(name, 0) for name, value in before.items() if isinstance(value, np.ndarray)}
    check_scaled(before, after, factor, counted)
    for name in set(before) - set(counted):
        assert before[name] == after[name], f"{name}: {before[name]} became {after[name]}"


CHIPS = {"supply": 1, "watts": 1, "agents": 1}


@pytest.mark.long
@pytest.mark.parametrize("name", ["article", "today"])
def test_more_chips_and_as_much_more_demand_pass_on_the_same_day(asking: Asking, name: str) -> None:
    """Ten times the chips serve ten times the tokens with ten times the power, and ten times the demand meets them then."""
    world = scenario(name)
    asked = with_line(world, 10.0, "demand.engineers")
    after = asking(more_tokens(more_chips(load(), 10.0), 10.0), lambda: world_numbers(asked))
    check_world(world_numbers(world), after, 10.0, CHIPS)


@pytest.mark.long
def test_hotter_chips_need_more_power_and_nothing_else(asking: Asking) -> None:
    world, found = scenario("article"), load()
    specs = [
        row.model_copy(update={"central": repr(2.0 * float(row.central))})
        if row.quantity in {"tdp", "all_in_power"}
        else row
        for row in found.rows("chip_specs", rows.ChipSpecRow)
    ]
    hot = replace(in_other_watts(found, 2.0), tables=MappingProxyType({**found.tables, "chip_specs": specs}))
    check_world(world_numbers(world), asking(hot, lambda: world_numbers(world)), 2.0, {"watts": 1, "joules": 1})


@given(factor=FACTORS)
@few
def test_an_allowance_and_prices_in_other_money_buy_as_much(asking: Asking, factor: float) -> None:
    names = ("input_usd_per_mtok", "cached_input_usd_per_mtok", "cache_write_usd_per_mtok", "output_usd_per_mtok")
    dear = with_column(load(), "api_prices", factor, names)
    world = scenario("article")

    def ask(found: Scenario) -> Any:
        return quantiles(*(each.output_tok_s for each in fl.demand(found, draws=DRAWS).proxies))

    before = ask(world)
    assert np.allclose(asking(dear, lambda: ask(with_line(world, factor, "demand.allowance"))), before, rtol=CLOSE)
    assert not np.allclose(asking(dear, lambda: ask(world)), before, rtol=CLOSE)  # the control: prices alone


# --- controls: a number that is left in the old unit is noticed -----------------------------------------------------------


def _left_behind(name: str) -> Callable[[Catalog, float], Catalog]:
    """A shorter second for everything but one number."""

    def change(found: Catalog, factor: float) -> Catalog:
        quick = in_shorter_seconds(found, factor)
        if name == "latency":
            return replace(quick, timings={key: _as_late(one, found.timings[key]) for key, one in quick.timings.items()})
        return _with_old(quick, found, name)

    return change


def _as_late(one: Timings, old: Timings) -> Timings:
    kernels = {key: replace(law, latency=old.kernels[key].latency) for key, law in one.kernels.items()}
    return replace(one, kernels=MappingProxyType(kernels))


def _with_old(new: Catalog, old: Catalog, name: str) -> Catalog:
    """A number of every chip as it was."""
    return each_chip(new, lambda chip: replace(chip, **{name: getattr(old.chips[chip.name], name)}))


@pytest.mark.parametrize("name", ["latency", "hbm_bandwidth", "scaleup_bandwidth", "peak"])
def test_a_number_left_in_old_seconds_is_noticed(asking: Asking, name: str) -> None:
    def ask() -> Mapping[str, Any]:
        return numbers_of(fl.throughput("deepseek-v3.2", "h200", "8000:1000", preset="kernels", tp=8), POWERS_OF_TIME)

    with pytest.raises(AssertionError, match="times as much"):
        check_scaled(ask(), asking(_left_behind(name)(load(), 4.0), ask), 0.25, POWERS_OF_TIME)


@pytest.mark.parametrize("name", ["hbm_bandwidth", "hbm_capacity"])
def test_a_number_left_in_old_bytes_is_noticed(asking: Asking, name: str) -> None:
    powers = {"throughput_tok_s": 0, "memory_capacity_bytes": 1}

    def ask() -> Mapping[str, Any]:
        return numbers_of(fl.throughput("kimi-k2.6", "b200", "8000:1000", preset="ideal"), powers)

    with pytest.raises(AssertionError, match="times as much"):
        check_scaled(ask(), asking(_with_old(in_smaller_bytes(load(), 4.0), load(), name), ask), 4.0, powers)


@pytest.mark.long
def test_a_limit_left_in_old_seconds_is_noticed(asking: Asking) -> None:
    with pytest.raises(AssertionError, match="times as much"):
        for one, other in zip(planned(1.0), asking(in_shorter_seconds(load(), 4.0), lambda: planned(1.0)), strict=True):
            check_scaled(one, other, 0.25, PLANNED)


@pytest.mark.long
@pytest.mark.parametrize("change", [more_chips, lambda found, _: found])
def test_demand_or_supply_alone_moves_the_day(asking: Asking, change: Callable[[Catalog, float], Catalog]) -> None:
    world = scenario("article")
    asked = world if change is more_chips else with_line(world, 10.0, "demand.engineers")
    after = asking(change(load(), 10.0), lambda: world_numbers(asked))
    powers = CHIPS if change is more_chips else {}
    with pytest.raises(AssertionError, match="dates"):
        check_world(world_numbers(world), after, 10.0, powers)
