"""Rows hold what `throughput` answers, over draws that every point shares."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sweeping import SMALL, rows

from fleetline.beliefs import Belief, Worlds
from fleetline.catalog import load
from fleetline.deployment import throughput
from fleetline.questions.worlds import supply
from fleetline.sweeps.axes import RATES
from fleetline.sweeps.quantiles import LEVELS, most_frequent, quantiles
from fleetline.sweeps.sweep import sweep

EFFICIENCIES = (("compute_efficiency", "log-odds"), ("bandwidth_efficiency", "log-odds"), ("step_latency_s", "log"))


SPEEDS = [50, 100, 120, 300]  # between what all worlds reach and what none does


def drawn(count: int, seed: int) -> dict[str, Any]:
    """The fitted preset's efficiencies in each world, by the module that draws the world's."""
    preset = load().preset("fitted")
    values = (preset.compute_efficiency, preset.bandwidth_efficiency, preset.step_latency)
    names = ("compute efficiency", "bandwidth efficiency", "step latency")
    worlds = Worlds(count, seed)
    return {
        key: worlds.draw(name, Belief(value, *preset.intervals[key], scale))
        for (key, scale), name, value in zip(EFFICIENCIES, names, values, strict=True)
    }


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("sweeps") / "small"
    sweep(SMALL, out, keep_draws=True)
    return out


def test_every_rate_is_the_quantile_of_what_throughput_answers(small: Path) -> None:
    found = rows(small)
    assert len(found) == 2 * 2 * 3
    for row in found:
        asked = throughput(row["model"], row["system"], row["workload"], batch=row["batch"], **drawn(20, 7))
        assert row["feasible"] == np.mean(asked.feasible)
        for name in RATES:
            values = np.broadcast_to(getattr(asked, name), (20,))
            served = values[~np.isnan(values)]
            expected = np.percentile(served, [5, 50, 95]) if served.size else [None] * 3
            told = [row[f"{name}_{level}"] for level in ("p5", "p50", "p95")]
            assert told == (expected if served.size == 0 else pytest.approx(expected, rel=1e-12)), name


def test_raw_draws_are_what_throughput_answers(small: Path) -> None:
    found = rows(small, table="draws")
    assert len(found) == 2 * 2 * 3 * 20
    for row in found[::17]:
        numbers = {key: row[key] for key in ("batch", *(key for key, _ in EFFICIENCIES))}
        asked = throughput(row["model"], row["system"], "8000:1000", **numbers)
        assert row["feasible"] == asked.feasible
        if asked.feasible:
            assert row["throughput_tok_s"] == pytest.approx(float(asked.throughput_tok_s), rel=1e-12)
            assert row["served_batch"] == row["batch"]
        else:
            assert row["throughput_tok_s"] is None
            assert row["reason"] == "memory: weights, cache and activations do not fit"


def test_every_point_sees_the_same_worlds(small: Path) -> None:
    found = rows(small, "DISTINCT draw, compute_efficiency, bandwidth_efficiency", table="draws")
    assert len(found) == 20


def test_they_are_the_worlds_of_supply() -> None:
    # a point of the article's world: its speed, its speculation, the best batch
    told = supply("article", draws=40, seed=3, measured=False, preset="fitted", speculative="none").workloads[0]
    system = next(each for each in told["by_system"] if each["system"] == "gb200-nvl72")
    asked = throughput("kimi-k2.6", "gb200-nvl72", "8000:1000", speed=35, **drawn(40, 3))
    assert system["throughput_tok_s"]["p50"] == pytest.approx(np.median(asked.throughput_tok_s), rel=1e-9)


def test_one_draw_is_every_quantity_at_its_median(tmp_path: Path) -> None:
    sweep(SMALL | {"draws": 1}, tmp_path / "out")
    for row in rows(tmp_path / "out"):
        asked = throughput(row["model"], row["system"], "8000:1000", batch=row["batch"])
        assert row["feasible"] == asked.feasible
        assert row["binding"] == (str(asked.binding) or None)
        if asked.feasible:
            three = [row[f"tpot_s_{level}"] for level in ("p5", "p50", "p95")]
            assert three == pytest.approx([float(asked.tpot_s)] * 3, rel=1e-12)


def test_without_a_batch_the_best_one_is_found(tmp_path: Path) -> None:
    sweep(
        {"models": ["kimi-k2.6"], "systems": ["gb200-nvl72", "h100"], "preset": "article", "speed": [35, 1000]},
        tmp_path / "out",
    )
    rack, fast, *_ = rows(tmp_path / "out")
    asked = throughput("kimi-k2.6", "gb200-nvl72", preset="article")
    assert rack["batch"] is None
    assert rack["batch_p50"] == asked.batch
    assert rack["throughput_tok_s_p50"] == pytest.approx(float(asked.throughput_tok_s), rel=1e-12)
    assert (fast["speed"], fast["feasible"], fast["throughput_tok_s_p50"]) == (1000, 0, None)
    assert fast["reason"] == "speed: slower than wanted"


def test_where_nothing_is_uncertain_nothing_is_drawn(tmp_path: Path) -> None:
    grid = SMALL | {"preset": ["article", "ideal"], "draws": 1000}
    assert sweep(grid, tmp_path / "out").manifest["points"] == 2 * 12
    assert sweep(grid | {"speed": "1..30"}, tmp_path / "speed").manifest["points"] == 2 * 12 * 1000
    (row,) = rows(tmp_path / "out", where="model = 'kimi-k2.6' AND system = 'b200' AND preset = 'article' AND batch = 64")
    asked = throughput("kimi-k2.6", "b200", preset="article", batch=64)
    assert [row[f"tpot_s_{level}"] for level in ("p5", "p50", "p95")] == pytest.approx([float(asked.tpot_s)] * 3, rel=1e-12)


def test_a_speed_that_is_not_said_is_the_one_that_is_meant(tmp_path: Path) -> None:
    sweep({"models": ["kimi-k2.6"], "systems": ["gb200-nvl72"]}, tmp_path / "best")
    sweep({"models": ["kimi-k2.6"], "systems": ["gb200-nvl72"], "batch": 8}, tmp_path / "given")
    assert rows(tmp_path / "best", "speed") == [{"speed": 35}]
    assert rows(tmp_path / "given", "speed") == [{"speed": None}]


def test_the_share_of_draws_that_can_be_served(tmp_path: Path) -> None:
    grid = {"models": ["kimi-k2.6"], "systems": ["gb200-nvl72"], "batch": 512, "speed": SPEEDS, "draws": 200}
    sweep(grid, tmp_path / "out")
    found = rows(tmp_path / "out")
    shares = [row["feasible"] for row in found]
    assert shares == [
        np.mean(throughput("kimi-k2.6", "gb200-nvl72", batch=512, speed=speed, **drawn(200, 0)).feasible)
        for speed in SPEEDS
    ]
    assert shares[0] == 1 > shares[1] > shares[2] > shares[3] == 0
    assert [row["reason"] for row in found] == [None, *(["speed: slower than wanted"] * 3)]


def test_an_interval_is_drawn_and_a_list_is_swept(tmp_path: Path) -> None:
    grid = {"models": ["kimi-k2.6"], "systems": ["b200"], "preset": "article", "batch": 8, "draws": 500}
    sweep(grid | {"compute_efficiency": "0.4..0.8"}, tmp_path / "drawn")
    sweep(grid | {"compute_efficiency": [0.4, 0.8]}, tmp_path / "swept")
    (row,), (low, high) = rows(tmp_path / "drawn"), rows(tmp_path / "swept")
    assert row["ttft_s_p5"] < row["ttft_s_p50"] < row["ttft_s_p95"]
    assert low["ttft_s_p5"] == low["ttft_s_p95"]
    # TTFT falls with the efficiency, so its 5% point is that of the interval's upper end; 500 draws: to a few percent
    assert row["ttft_s_p5"] == pytest.approx(high["ttft_s_p50"], rel=0.05)
    assert row["ttft_s_p95"] == pytest.approx(low["ttft_s_p50"], rel=0.05)


def test_a_deployment_that_cannot_be_built_is_a_row_that_says_why(tmp_path: Path) -> None:
    found = sweep({"models": ["kimi-k2.6"], "systems": ["b200"], "tp": [2, 8], "ep": [1, 8], "batch": 8}, tmp_path / "out")
    two, wide, eight, both = (tuple(row.values()) for row in rows(tmp_path / "out", "tp, ep, feasible, reason"))
    assert two == (2, 1, 0, "memory: weights, cache and activations do not fit")
    assert wide == (2, 8, 0, "input: ep: got 8, allowed a divisor of tp x dp = 2")
    assert (eight, both) == ((8, 1, 1, None), (8, 8, 1, None))
    assert found.manifest["failures"] == [
        {"reason": "ep: got 8, allowed a divisor of tp x dp = 2", "model": "kimi-k2.6", "system": "b200", "rows": 1}
    ]


def test_rows_are_sorted(tmp_path: Path) -> None:
    grid = SMALL | {
        "draws": 1,
        "workloads": ["25000:1000", "8000:1000"],
        "schedules": ["serial", "chunked"],
        "speed": [9, 3],
    }
    sweep(grid, tmp_path / "out")
    keys = "model, system, schedule, input_tokens, output_tokens, speed, batch"
    found = [tuple(row.values()) for row in rows(tmp_path / "out", keys)]
    assert found == sorted(found)
    assert len(found) == len(set(found)) == 2 * 2 * 2 * 2 * 2 * 3


def test_only_the_rates_asked_for(tmp_path: Path) -> None:
    sweep(SMALL | {"rates": ["ttft_p99_s", "throughput_tok_s"]}, tmp_path / "out")
    told = [name for name in rows(tmp_path / "out")[0] if name.endswith("_p50")]
    assert told == ["throughput_tok_s_p50", "ttft_p99_s_p50"]


@given(arrays(float, (3, 17), elements=st.floats(-1e9, 1e9)), st.integers(0, 16))
def test_quantiles_are_numpys_over_the_draws_that_have_a_value(values: Any, missing: int) -> None:
    values = values.copy()
    values[1, :missing] = np.nan
    found = np.stack(quantiles(values))
    expected = np.nanpercentile(values, [100 * level for level in LEVELS], axis=1)
    assert found == pytest.approx(expected, rel=1e-12, abs=1e-6)


def test_no_draw_with_a_value_has_no_quantile() -> None:
    assert np.isnan(np.stack(quantiles(np.array([[np.nan, np.nan], [1.0, 2.0]])))[:, 0]).all()


def test_the_most_frequent_text() -> None:
    texts = np.array([["", "b", "b", "a"], ["", "", "", ""], ["b", "a", "", ""]], dtype=object)
    assert most_frequent(texts).tolist() == ["b", "", "a"]


def test_the_same_worlds_tell_two_points_apart_with_far_fewer_draws() -> None:
    # medians of 50 draws, 40 times: the spread of a ratio between two batches, from the same worlds and from worlds apart
    def median(batch: float, seed: int) -> float:
        return float(np.log(np.median(throughput("kimi-k2.6", "b200", batch=batch, **drawn(50, seed)).throughput_tok_s)))

    same = np.std([median(64, seed) - median(128, seed) for seed in range(40)])
    apart = np.std([median(64, seed) - median(128, seed + 40) for seed in range(40)])
    assert same < apart / 5  # so 25 times fewer draws for the same error
