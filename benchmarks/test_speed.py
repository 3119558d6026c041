"""How fast the questions are answered: `make bench`. Questions are timed in processor seconds, processes by the clock."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import Any

import numpy as np
import pytest

from fleetline.deployment import throughput
from fleetline.frontiers import frontier
from fleetline.planning import plan

processor_seconds = pytest.mark.benchmark(timer=time.process_time)
KIMI = ("kimi-k2.6", "gb200-nvl72")


def deployments(count: int) -> dict[str, Any]:
    """Points that differ in lengths, batch and efficiencies."""
    draws = np.random.default_rng(0)
    return {
        "input_tokens": draws.uniform(100, 1e5, count),
        "output_tokens": draws.uniform(10, 4000, count),
        "compute_efficiency": draws.uniform(0.3, 0.9, count),
        "bandwidth_efficiency": draws.uniform(0.2, 0.9, count),
        "batch": np.floor(draws.uniform(1, 500, count)),
    }


@processor_seconds
@pytest.mark.parametrize("counting", ["article", "checkpoint"])
def test_a_given_batch(benchmark: Any, counting: str) -> None:
    points = deployments(300_000)
    benchmark.extra_info["points"] = 300_000
    benchmark(lambda: throughput(*KIMI, preset="article", counting=counting, **points))


@processor_seconds
def test_the_best_batch(benchmark: Any) -> None:
    points = deployments(20_000) | {"batch": None}
    benchmark.extra_info["points"] = 20_000
    benchmark(lambda: throughput(*KIMI, preset="article", **points))


@processor_seconds
def test_the_frontier_of_a_rack(benchmark: Any) -> None:
    benchmark(lambda: frontier("kimi-k2.5", "gb200-nvl72", "8000:1000"))


@processor_seconds
def test_a_plan_over_all_systems(benchmark: Any) -> None:
    benchmark.pedantic(lambda: plan("kimi-k2.5", "8000:1000", requests_per_s=20), rounds=1)


@pytest.mark.parametrize("code", ["import fleetline", "import numpy"])
def test_an_import(benchmark: Any, code: str) -> None:
    benchmark.pedantic(lambda: subprocess.run([sys.executable, "-c", code], check=True), rounds=5)


def test_the_command_line_starts(benchmark: Any) -> None:
    command = [sys.executable, "-m", "fleetline", "--help"]
    benchmark.pedantic(lambda: subprocess.run(command, check=True, capture_output=True), rounds=5)
