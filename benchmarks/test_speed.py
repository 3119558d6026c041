"""How fast questions are answered: `make bench`. By the clock, the least of several rounds: to be run on an idle machine.

Each test says under `extra_info` what it is called on the page, in which table it stands and how many points it answers.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import floor
import numpy as np
import pytest

import fleetline as fl
from fleetline import runs
from fleetline.deployment import throughput
from fleetline.frontiers import frontier
from fleetline.questions.planning import plan

HERE = Path(__file__).parent
KIMI = ("kimi-k2.6", "gb200-nvl72")
MILLION = 1_000_000
EVERY = tuple(fl.throughput(*KIMI, preset="article", batch=1).__dataclass_fields__)
THREADS = pytest.mark.parametrize("threads", [1, 2])


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


def noted(benchmark: Any, table: str, what: str, run: Callable[[], Any], points: int = 0, **more: Any) -> None:
    """Time it, and say what it is."""
    rounds = more.pop("rounds", 0)
    benchmark.extra_info.update(table=table, what=what, points=points, **more)
    if rounds:
        benchmark.pedantic(run, rounds=rounds, warmup_rounds=1 if rounds > 1 else 0)
    else:
        benchmark(run)


def read(points: dict[str, Any], names: tuple[str, ...], **options: Any) -> None:
    """Ask, and read some of the answer."""
    found = throughput(*KIMI, **(options | points))
    for name in names:
        getattr(found, name)


# --- the floor ------------------------------------------------------------------------------------------------------------


@THREADS
@pytest.mark.parametrize("flags", floor.FLAGS)
def test_fused_loop(benchmark: Any, flags: str, threads: int) -> None:
    loop = floor.compiled(flags)
    if loop is None:
        pytest.skip("no C compiler")
    points, fixed = deployments(MILLION), floor.constants(*KIMI)
    floor.check(*KIMI, points, floor.fused(loop, fixed, points, threads))
    what = f"the same arithmetic in one fused loop of C, {floor.CALLED[flags]}"
    noted(benchmark, "floor", what, lambda: floor.fused(loop, fixed, points, threads), MILLION, threads=threads)


@THREADS
def test_copy(benchmark: Any, threads: int) -> None:
    source, out = np.ones(32 * MILLION), np.ones(32 * MILLION)
    what = "a copy, 16 bytes a point"
    noted(benchmark, "floor", what, lambda: floor.copy(source, out, threads), 32 * MILLION, threads=threads)


# --- deployments ----------------------------------------------------------------------------------------------------------


@THREADS
@pytest.mark.parametrize("counting", ["article", "checkpoint"])
def test_rates(benchmark: Any, monkeypatch: pytest.MonkeyPatch, counting: str, threads: int) -> None:
    monkeypatch.setenv("FLEETLINE_THREADS", str(threads))
    points, what = deployments(MILLION), f"rates at given batches, {counting} counting"
    asked = {"preset": "article", "counting": counting}
    noted(benchmark, "deployments", what, lambda: read(points, floor.RATES, **asked), MILLION, threads=threads)


OTHERS: dict[str, tuple[int, tuple[str, ...], dict[str, Any]]] = {
    "every field at given batches, article counting": (300_000, EVERY, {"preset": "article"}),
    "rates at the best batch, article counting": (100_000, floor.RATES, {"preset": "article", "batch": None}),
    "rates at given batches, degrees, kernels and a closed loop": (100_000, floor.RATES, {"tp": 8, "preset": "kernels"}),
}


@THREADS
@pytest.mark.parametrize("what", OTHERS)
def test_other_points(benchmark: Any, monkeypatch: pytest.MonkeyPatch, what: str, threads: int) -> None:
    monkeypatch.setenv("FLEETLINE_THREADS", str(threads))
    count, names, asked = OTHERS[what]
    points = {name: values for name, values in deployments(count).items() if name not in asked}
    noted(benchmark, "deployments", what, lambda: read(points, names, **asked), count, threads=threads)


# --- questions ------------------------------------------------------------------------------------------------------------

QUESTIONS: dict[str, Callable[[], Any]] = {
    "one deployment at its best batch, one large chip": lambda: fl.throughput(*KIMI, "8000:1000"),
    "one deployment at its best batch, kernels": lambda: fl.throughput(*KIMI, "8000:1000", tp=8),
    "one deployment at a given batch": lambda: fl.throughput(*KIMI, "8000:1000", batch=64),
    "the frontier of a rack, every configuration": lambda: frontier("kimi-k2.5", "gb200-nvl72", "8000:1000"),
    "predictions of 425 runs": lambda: fl.predict(where="model=kimik2.5"),
}


@pytest.mark.parametrize("what", QUESTIONS)
def test_question(benchmark: Any, what: str) -> None:
    noted(benchmark, "questions", what, QUESTIONS[what])


LONG: dict[str, Callable[[], Any]] = {
    "a plan over all systems": lambda: plan("kimi-k2.5", "8000:1000", requests_per_s=20),
    "a fit of three efficiencies to 249 runs": lambda: fl.calibrate(where="model=kimik2.5,vendor=NVIDIA", draws=2),
}


@pytest.mark.parametrize("what", LONG)
def test_long_question(benchmark: Any, what: str) -> None:
    noted(benchmark, "questions", what, LONG[what], rounds=2)


STARTS = {
    "import fleetline": ["-c", "import fleetline"],
    "import numpy": ["-c", "import numpy"],
    "fleetline --help": ["-m", "fleetline", "--help"],
    "fleetline throughput, from the shell": ["-m", "fleetline", "throughput", *KIMI, "--json"],
    "fleetline crunch, from the shell": ["-m", "fleetline", "crunch", "--json"],
}


@pytest.mark.parametrize("what", STARTS)
def test_start(benchmark: Any, what: str) -> None:
    command = [sys.executable, *STARTS[what]]
    noted(benchmark, "questions", what, lambda: subprocess.run(command, check=True, capture_output=True), rounds=5)


# --- growth ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [10_000, 100_000, 1_000_000, 4_000_000])
def test_growth_with_the_grid(benchmark: Any, monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.setenv("FLEETLINE_THREADS", "1")
    points = deployments(size)
    run = lambda: read(points, floor.RATES, preset="article")  # noqa: E731
    noted(benchmark, "growth", "rates by points of a grid, one core", run, size, rounds=5)


@pytest.mark.parametrize("size", [1000, 10_000, 100_000, 1_000_000])
def test_growth_with_draws(benchmark: Any, size: int) -> None:
    seeds = iter(range(100))
    run = lambda: fl.crunch(draws=size, seed=next(seeds))  # noqa: E731  (another seed each: nothing is remembered)
    noted(benchmark, "growth", "supply against demand by draws", run, size, rounds=2)


@pytest.mark.parametrize("size", [100, 1000, 4000])
def test_growth_with_rows(benchmark: Any, tmp_path: Path, size: int) -> None:
    path = tmp_path / "rows.csv"
    duckdb.sql(f"COPY (SELECT * FROM '{runs.shipped()[0]}' LIMIT {size}) TO '{path}' (HEADER)")
    noted(benchmark, "growth", "predictions by rows of a file", lambda: fl.predict(path), size, rounds=3)


# --- the page, and peers --------------------------------------------------------------------------------------------------


def test_page_requests(benchmark: Any) -> None:
    script = HERE / "web_load.py"
    if not script.exists():
        pytest.skip("no server here")
    command = [sys.executable, str(script), "--requests", "200", "--json"]
    told: list[str] = []
    run = lambda: told.append(subprocess.run(command, check=True, capture_output=True, text=True).stdout)  # noqa: E731
    noted(benchmark, "page", "requests to the page's server", run, rounds=1)
    benchmark.extra_info["requests"] = json.loads(told[-1])


@pytest.mark.parametrize("name", ["aiconfigurator", "genz-llm"])
def test_peer(benchmark: Any, tmp_path: Path, name: str) -> None:
    from peers.__main__ import OUT, peers

    peer = next(each for each in peers() if each.tool.name == name)
    folder = peer.tool.folder(OUT)
    questions, python = folder / "questions.jsonl", folder / "venv" / "bin" / "python"
    if not python.exists() or not questions.exists():
        pytest.skip("no peers here: make peers")
    lines = questions.read_text(encoding="utf-8").splitlines()[:: max(sum(1 for _ in questions.open()) // 50, 1)][:50]
    numbers = iter(range(10))

    def ask(some: list[str]) -> None:
        place = next(numbers)
        asked = tmp_path / f"{place}.jsonl"
        asked.write_text("\n".join(some) + "\n", encoding="utf-8")
        command = [str(python), "-m", peer.tool.module, str(asked), str(tmp_path / f"{place}.csv")]
        environment = {"PYTHONPATH": str(HERE), "OPENBLAS_NUM_THREADS": "1", "PATH": ""}
        subprocess.run(command, check=True, capture_output=True, env=environment)

    ask(lines[:1])
    what = f"{peer.tool.requirement}: its start and {len(lines)} of the questions of docs/peers.md"
    noted(benchmark, "peers", what, lambda: ask(lines), len(lines), rounds=1)
