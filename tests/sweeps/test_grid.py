"""Grids that are refused before any work, in one line, and what others stand for."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sweeping import SMALL

from fleetline.errors import InputError
from fleetline.sweeps.grid import EXAMPLE, read
from fleetline.sweeps.pieces import chunks_of, extent
from fleetline.sweeps.sweep import sweep, sweep_size

ONE: dict[str, Any] = {"models": ["kimi-k2.6"], "systems": ["b200"]}
RANGE = {"from": 1, "to": 64, "points": 7, "scale": "log"}


@pytest.mark.parametrize(
    ("given", "field", "said"),
    [
        ({"modles": ["kimi-k2.6"]}, "key", "did you mean 'models'?"),
        ({"models": ["kimi-k26"]}, "model", "did you mean 'kimi-k2.6'?"),
        ({"systems": ["gb200"]}, "system", "did you mean 'gb200-nvl72'?"),
        ({"schedules": ["chunky"]}, "schedule", "did you mean 'chunked'?"),
        ({"preset": "fited"}, "preset", "did you mean 'fitted'?"),
        ({"framework": "vlm"}, "framework", "did you mean 'vllm'?"),
        ({"price": "rented"}, "price", "'rent'"),
        ({"counting": "artcle"}, "counting", "did you mean 'article'?"),
        ({"arrivals": "closd"}, "arrivals", "did you mean 'closed'?"),
        ({"precision": "fp5"}, "precision", "fp8"),
        ({"speculative": ["none", "8:x"]}, "speculative", "such as 8:3"),
        ({"speculative": ["3:8"]}, "speculative", "accepted from 1 to verified"),
        ({"turns": "10"}, "turns", "TURNS:NEW"),
        ({"rates": ["throughput"]}, "rates", "did you mean 'throughput_tok_s'?"),
        ({"models": []}, "models", "the list is empty"),
        ({"batch": []}, "batch", "the list is empty"),
        ({"rates": []}, "rates", "the list is empty"),
        ({"models": ["kimi-k2.6", "kimi-k2.6"]}, "models", "stands twice"),
        ({"batch": [8, 1, 8.0]}, "batch", "8 stands twice"),
        ({"workloads": ["8000:1000", "8000.0:1000"]}, "workloads", "stands twice"),
        ({"draws": 0}, "draws", "from 1 to 1,000,000"),
        ({"draws": 1.5}, "draws", "whole number"),
        ({"draws": True}, "draws", "whole number"),
        ({"draws": 10**9}, "draws", "from 1 to 1,000,000"),
        ({"seed": -1}, "seed", "from 0"),
        ({"offline": 1}, "offline", "true or false"),
        ({"offline": True, "speed": 35}, "speed", "nobody waits"),
        ({"batch": "many"}, "batch", "many"),
        ({"batch": [1, "2"]}, "batch", "a number"),
        ({"batch": [1, float("nan")]}, "batch", "a number"),
        ({"batch": 0}, "batch", "at least 1"),
        ({"batch": RANGE | {"scale": "lug"}}, "batch", "'linear' or 'log'"),
        ({"batch": RANGE | {"pionts": 3}}, "batch", "did you mean 'points'?"),
        ({"batch": {"from": 1, "to": 2}}, "batch", "points: missing"),
        ({"batch": RANGE | {"points": 1}}, "batch", "points: got 1"),
        ({"batch": RANGE | {"points": 10**8}}, "batch", "points: got"),
        ({"batch": RANGE | {"from": 64}}, "batch", "not below"),
        ({"batch": RANGE | {"from": 0}}, "batch", "over 0 on a log scale"),
        ({"speed": True}, "speed", "a number"),
        ({"workloads": "8000"}, "workloads", "INPUT:OUTPUT"),
        ({"workloads": "8000:1000", "input_tokens": 5}, "workloads", "not both"),
        ({"batch": 8, "rate": 3}, "batch", "one of the two"),
        ({"preset": "kernels"}, "grid", "give degrees"),
        ({"tp": 3}, "grid", "a divisor of 8 GPUs"),
        ({"gpus": [9]}, "grid", "1..8"),
        ({"prefix_shared": 0.5}, "grid", "needs prefix_hit"),
        ({"prefill_replicas": 1}, "prefill_replicas", "only of schedule disaggregated"),
        ({"tp": 4, "schedules": ["disaggregated"]}, "prefill_replicas", "missing"),
        ({"compute_efficiency": "0.5..1.2"}, "compute_efficiency", "inside 0 to 1"),
        ({"compute_efficiency": "0.8..0.5"}, "compute_efficiency", "low is not below high"),
        ({"compute_efficiency": [0.5, 1.5]}, "compute_efficiency", "at most 1"),
        ({"batch": "0.5..2", "draws": 50}, "batch", "at least 1"),
        ({"batch": RANGE | {"points": 10**6}, "speed": RANGE | {"points": 1000}}, "yes", "GB; allowed are 10,000,000 rows"),
        ({"batch": RANGE | {"points": 101}, "draws": 10**6}, "yes", "101,000,000 points"),
        (
            {"batch": RANGE | {"points": 10**6}, "speed": RANGE | {"points": 10**6}, "max_ttft": RANGE},
            "grid",
            "at most 1e+12",
        ),
    ],
)
def test_a_bad_grid_is_one_line_before_any_work(given: dict[str, Any], field: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as refused:
        sweep(ONE | given, tmp_path / "out")
    assert refused.value.field == field
    assert said in refused.value.message
    assert "\n" not in refused.value.message
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("missing", ["models", "systems"])
def test_what_a_grid_needs(missing: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=f"{missing}: missing"):
        sweep({key: value for key, value in ONE.items() if key != missing}, tmp_path)


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"workers": 0}, "workers"),
        ({"workers": 1.5}, "workers"),
        ({"workers": 2000}, "workers"),
        ({"scheduler": ""}, "scheduler"),
    ],
)
def test_bad_workers(options: dict[str, Any], field: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as refused:
        sweep(SMALL, tmp_path / "out", **options)
    assert refused.value.field == field


def test_a_file_of_ones_own_is_not_on_a_cluster(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is not on the cluster's machines"):
        sweep(ONE | {"systems": [str(tmp_path / "rack.toml")]}, tmp_path / "out", scheduler="tcp://127.0.0.1:1")


def test_broken_files(tmp_path: Path) -> None:
    path = tmp_path / "grid.toml"
    for text, said in (("models = [", "grid"), ("draws = x", "Invalid value")):
        path.write_text(text)
        with pytest.raises(InputError, match=said):
            read(path)
    with pytest.raises(InputError, match="No such file"):
        read(tmp_path / "none.toml")


def test_order_and_spelling_do_not_matter() -> None:
    one = read({"systems": ["h200", "b200"], "models": "kimi-k2.6", "batch": [8, 1], "workloads": ["8000.0:1000"]})
    two = read({"models": ["kimi-k2.6"], "batch": [1.0, 8], "systems": ["b200", "h200"], "draws": 1})
    assert one.spec == two.spec
    assert read({"models": ["kimi-k2.6"], "systems": ["b200", "h200"], "batch": [1, 9]}).spec != two.spec


def test_the_example_is_a_grid() -> None:
    grid = read(tomllib.loads(EXAMPLE))
    assert grid.rows == 2 * 3 * 2 * 200 * 2 * 2  # models, systems, workloads, batches, schedules, speculation
    assert grid.points == grid.rows * 100
    assert sweep_size(tomllib.loads(EXAMPLE)).rows == grid.rows


def test_ranges() -> None:
    def batches(given: dict[str, Any]) -> list[float]:
        return [float(value) for value in read(ONE | {"batch": given}).numbers[-1].values[:, 0]]

    assert batches({"from": 1, "to": 5, "points": 5}) == [1, 2, 3, 4, 5]
    assert np.allclose(batches(RANGE), [1, 2, 4, 8, 16, 32, 64], rtol=1e-12)
    assert batches({"from": 1, "to": 4, "points": 9, "scale": "log", "whole": True}) == [1, 2, 3, 4]


def test_all_means_the_catalog() -> None:
    assert read({"models": "all", "systems": "all"}).rows > 500


def test_only_a_disaggregated_deployment_has_replicas_that_prefill() -> None:
    grid = read(ONE | {"schedules": ["chunked", "disaggregated"], "prefill_replicas": [1, 2], "tp": 2})
    ways = next(axis for axis in grid.ways if "schedule" in axis.columns)
    assert ways.values == (("chunked", None), ("disaggregated", 1.0), ("disaggregated", 2.0))


@pytest.mark.parametrize(
    "given",
    [
        SMALL,
        ONE | {"batch": RANGE | {"points": 10**6}, "draws": 100},
        ONE | {"batch": RANGE | {"points": 10**6}, "draws": 10**6},
        {"models": "all", "systems": "all", "tp": [1, 2, 4, 8], "ep": [1, 2, 4, 8]},
    ],
)
def test_chunks_cover_every_row_once(given: dict[str, Any]) -> None:
    grid = read(given)
    chunks = chunks_of(grid)
    assert extent(grid, 0)[0] == 0
    assert extent(grid, chunks - 1)[1] == grid.rows
    for number in range(0, chunks - 1, max(chunks // 1000, 1)):
        (start, stop), (following, _) = extent(grid, number), extent(grid, number + 1)
        assert start < stop == following
