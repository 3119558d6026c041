"""Agents of a GPU: hand-made groups, properties of the rule, the fleet's sum, and refusals."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import fleetline as fl
from fleetline.errors import InputError
from fleetline.measurements import Measurement
from fleetline.questions.agent_capacity import shipped_groups
from fleetline.world import agents
from fleetline.world.agents import Group, Price

KNOWN = next(iter(shipped_groups()["kimik3", "gb300"].rows))


def made(*points: tuple[float, float], ttft: float = 1.0) -> Group:
    """A group of rows at (P90 speed, clients) on one GPU each."""
    rows = [
        replace(KNOWN, gpus=1, concurrency=clients, slow_tpot_s=1.0 / speed, slow_ttft_s=ttft)  # type: ignore[arg-type]
        for speed, clients in points
    ]
    (group,) = agents.groups(rows).values()
    return group


def test_by_hand() -> None:
    group = made((20.0, 10), (40.0, 6), (30.0, 5), (80.0, 2))  # the third is beaten by the second
    assert group.frontier.tolist() == [0, 1, 3]
    wanted = [5.0, 20.0, 30.0, 40.0, 60.0, 80.0, 80.001]
    assert agents.agents_per_gpu(group, wanted).tolist() == pytest.approx([10, 10, 8, 6, 4, 2, math.nan], nan_ok=True)
    assert [agents.how(group, speed) for speed in (5.0, 20.0, 60.0, 81.0)] == ["start", "between", "between", "never"]


def test_a_scalar_is_an_array_of_one() -> None:
    group = made((20.0, 10), (80.0, 2))
    assert agents.agents_per_gpu(group, 50.0).shape == ()
    assert float(agents.agents_per_gpu(group, 50.0)) == agents.agents_per_gpu(group, [[50.0]])[0, 0]


SHIPPED = sorted(shipped_groups())
SPEEDS = st.floats(1.0, 500.0)


@given(st.sampled_from(SHIPPED), SPEEDS, SPEEDS)
def test_more_speed_is_never_more_agents(key: tuple[str, str], one: float, other: float) -> None:
    slow, fast = agents.agents_per_gpu(shipped_groups()[key], [min(one, other), max(one, other)])
    assert math.isnan(fast) or fast <= slow
    assert not (math.isnan(slow) and not math.isnan(fast))


@given(st.sampled_from(SHIPPED), SPEEDS)
def test_the_frontier_bounds_what_it_gives(key: tuple[str, str], speed: float) -> None:
    """Between the measured points: never under a run that is fast enough, never over the densest of all."""
    group = shipped_groups()[key]
    found = float(agents.agents_per_gpu(group, speed))
    fast = group.agents[group.speed >= speed]
    assert math.isnan(found) == (not fast.size)
    if fast.size:
        assert fast.max() * (1.0 - 1e-12) <= found <= group.agents.max() * (1.0 + 1e-12)


@given(st.sampled_from(SHIPPED), SPEEDS, st.floats(0.5, 100.0))
def test_a_shorter_wait_is_never_more_agents(key: tuple[str, str], speed: float, wait: float) -> None:
    # a run that is left out can only lower the Pareto frontier where it is its own points; in between lines may cross
    every, within = shipped_groups()[key], shipped_groups(wait)[key]
    best, fewer = agents.densest(every, speed), agents.densest(within, speed)
    if fewer is not None:
        assert best is not None and fewer.concurrency / (fewer.gpus or 1) <= best.concurrency / (best.gpus or 1)


@given(st.floats(1.0, 4.0), st.floats(1.0, 4.0))
def test_equivalents_grow_with_the_uplift_and_the_years(one: float, other: float) -> None:
    low, high = sorted((one, other))
    first, second, third = (agents.shipped(year).gb300_equivalents([low, high]) for year in agents.SHIPMENT_YEARS)
    assert first[0] == first[1]  # no HBM4 in 2025
    assert second[0] <= second[1] and third[0] <= third[1]
    assert np.all(first < second) and np.all(second < third)


def test_revenue_by_hand() -> None:
    group = replace(made((50.0, 1)), input=np.array([1000.0]), output=np.array([10.0]), reusable=np.array([0.9]))
    # 100 fresh x 3 + 900 cached x 0.3 + 10 output x 15 = 720 USD per million seconds
    assert agents.revenue_per_hour(group, Price("any", 3.0, 0.3, 15.0)).tolist() == pytest.approx([720e-6 * 3600.0])


def test_the_fleet_is_the_sum_of_its_chips() -> None:
    (found,) = fl.agents(model="kimi-k3", fleet="all", draws=200).fleet
    systems = {line["system"]: line for line in found["by_system"]}
    carried = [line for line in systems.values() if line["agents"] is not None]
    assert {line["system"] for line in carried} == {"gb200-nvl72", "gb300-nvl72", "mi355x"}
    assert all(line["reason"] for line in systems.values() if line["agents"] is None)
    assert sum(line["agents"]["p50"] for line in carried) == pytest.approx(found["agents"]["p50"], rel=0.02)
    assert systems["gb300-nvl72"]["agents"]["p50"] == pytest.approx(
        systems["gb300-nvl72"]["chips"]["p50"] * 3.971853, rel=1e-6
    )
    assert found["chips_with_a_cell"] < found["chips"]


def test_nothing_is_counted_twice() -> None:
    (found,) = fl.agents(model="dsv4", fleet="all", draws=50).fleet
    names = [line["system"] for line in found["by_system"]]
    assert len(names) == len(set(names))


def test_the_same_seed_gives_the_same_answer() -> None:
    assert fl.agents(draws=50, seed=3) == fl.agents(draws=50, seed=3)


def test_rows_of_ones_own(write: Callable[[str, str], Path]) -> None:
    path = write(
        "mine.csv",
        "id,model,hardware,conc,gpus_total,total_tput_per_gpu_tok_s,p90_intvty_tok_s_user\n1,dsv4,b300,256,8,80000,60\n",
    )
    (cell,) = fl.agents(rows=[path], draws=10).cells
    assert (cell["model"], cell["agents_per_gpu"], cell["reached"]) == ("dsv4", 256 / 8, "start")


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"model": "kimi-k33"}, "did you mean 'kimi-k3'?"),
        ({"speed": 0.0}, "speed: got 0, allowed"),
        ({"max_ttft": -1.0}, "max_ttft: got -1, allowed"),
        ({"through": 2030}, "through: got 2030, allowed 2025, 2026, 2027"),
        ({"hbm4_over_hbm3e": math.nan}, "hbm4_over_hbm3e: "),
        ({"as_of": "2030-01-01"}, "fleet.as_of: got 2030-01-01, after"),
        ({"fleet": "al"}, "did you mean 'all'?"),
        ({"rows": ["missing.csv"]}, "missing.csv: No such file"),
    ],
)
def test_bad_input_is_one_line(asked: dict[str, object], said: str) -> None:
    with pytest.raises(InputError) as refused:
        fl.agents(draws=10, **asked)  # type: ignore[arg-type]
    assert said in refused.value.message and "\n" not in refused.value.message


def test_rows_without_a_slow_speed_are_no_agents(write: Callable[[str, str], Path]) -> None:
    path = write("slow.csv", "id,model,hardware,conc,gpus_total,total_tput_per_gpu_tok_s\n1,dsv4,b300,256,8,80000\n")
    with pytest.raises(InputError, match="no agentic run with a P90 speed"):
        fl.agents(rows=[path], draws=10)


def test_a_group_within_no_wait_has_no_figure() -> None:
    group = agents.groups([KNOWN], max_ttft=1e-6)[KNOWN.model, KNOWN.hardware]
    assert (agents.how(group, 1.0), agents.densest(group, 1.0)) == ("no rows", None)
    assert math.isnan(float(agents.agents_per_gpu(group, 1.0)))
    assert isinstance(KNOWN, Measurement)
