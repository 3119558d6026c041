"""The measured frontier: solved by hand on three runs, and on the published rows against what is printed of them."""

from __future__ import annotations

import csv
import math
from collections import defaultdict
from dataclasses import replace
from typing import Any

import pytest
from harness import COLLECTION, ROUNDING, magnitudes
from hypothesis import given
from hypothesis import strategies as st
from made_runs import engine, made_run

from fleetline.calibration.measured import Best, frontier, run_of
from fleetline.measurements import Measurement
from fleetline.runs import rows_of


def run(name: str, clients: int, tput: float, tpot: float, **changed: Any) -> Measurement:
    """A run on 8 GPUs of 8,000 tokens in and 1,000 out, so that output is a ninth of the throughput."""
    lengths = {"input_tokens": 8000, "output_tokens": 1000}
    return made_run(row_id=name, concurrency=clients, throughput_gpu=tput, tpot_s=tpot, **(lengths | changed))


# name, clients, output per GPU, speed over wall time = output x 8 GPUs / clients, speed as 1 / TPOT
# crowded     64           100                                              12.5                 50
# middle      16            80                                              40                   45.45
# alone        4            30                                              60                   62.5
THREE = [run("crowded", 64, 900.0, 0.020), run("middle", 16, 720.0, 0.022), run("alone", 4, 270.0, 0.016)]


def best(rows: list[Measurement], speed: float) -> dict[str, str]:
    """The best run's name by each definition of speed."""
    return {found.definition: found.row_id for found in frontier(rows, speed)}


@pytest.mark.parametrize(
    ("speed", "by_wall", "by_tpot"),
    [
        (12.5, "crowded", "crowded"),  # exactly as fast as wanted is fast enough
        (12.6, "middle", "crowded"),
        (35.0, "middle", "crowded"),
        (40.0, "middle", "crowded"),
        (45.0, "alone", "crowded"),
        (50.0, "alone", "crowded"),
        (50.1, "alone", "alone"),
        (60.0, "alone", "alone"),
    ],
)
@pytest.mark.parametrize("turn", [1, -1])
def test_the_best_run_is_the_most_output_of_those_fast_enough(speed: float, by_wall: str, by_tpot: str, turn: int) -> None:
    assert best(THREE[::turn], speed) == {"wall": by_wall, "tpot": by_tpot}


def test_a_speed_that_nobody_reaches_has_no_best_run() -> None:
    assert best(THREE, 61.0) == {"tpot": "alone"}
    assert best(THREE, 63.0) == {}


def test_the_figures_of_the_best_run_are_its_own() -> None:
    wall, _ = frontier(THREE, 35.0)
    assert wall.output_tok_s_gpu == pytest.approx(80.0)
    assert wall.speed_wall_tok_s_user == pytest.approx(40.0)
    assert wall.speed_tpot_tok_s_user == pytest.approx(1 / 0.022)
    assert (wall.wall_from, wall.concurrency, wall.gpus, wall.config, wall.workload) == ("rate", 16, 8, "7", "8000:1000")


def test_models_chips_and_workloads_do_not_compete() -> None:
    others: list[dict[str, Any]] = [{"model": "dsr1"}, {"hardware": "gb300"}, {"input_tokens": 1000}]
    rows = [replace(row, **changed) for changed in ({}, *others) for row in THREE]
    found = frontier(rows, 35.0)
    assert len(found) == 2 * 4
    assert {(each.model, each.hardware, each.workload) for each in found} == {
        ("kimik2.5", "gb200", "8000:1000"),
        ("dsr1", "gb200", "8000:1000"),
        ("kimik2.5", "gb300", "8000:1000"),
        ("kimik2.5", "gb200", "1000:1000"),
    }


@pytest.mark.parametrize("missing", ["tpot_s", "throughput_gpu", "gpus", "input_tokens", "output_tokens"])
def test_a_run_that_lacks_a_figure_does_not_take_part(missing: str) -> None:
    unknown: dict[str, Any] = {missing: None}
    crowded = replace(THREE[0], **unknown)
    assert run_of(crowded) is None
    assert best([crowded, *THREE[1:]], 12.5) == {"wall": "middle", "tpot": "middle"}


# --- wall time --------------------------------------------------------------------------------------------------------


def test_a_mean_ttft_gives_wall_time_directly() -> None:
    """900 tokens after 4.5 s at 20 ms each take 22.5 s: 40 tokens a second."""
    found = run_of(run("timed", 64, 900.0, 0.020, ttft_s=4.5, statistic="mean"))
    assert found is not None
    assert found.wall == pytest.approx(40.0)
    assert found.wall_from == "ttft"


def test_a_median_ttft_is_not_taken_for_a_mean() -> None:
    """README.md: "Mean TTFT is several times the median under queueing: never compare the two". The rate is used."""
    found = run_of(run("timed", 64, 900.0, 0.020, ttft_s=4.5, statistic="median"))
    assert found is not None
    assert found.wall == pytest.approx(12.5)
    assert found.wall_from == "rate"


@given(st.integers(1, 4096), st.integers(1, 72), magnitudes(1e-2, 1e2), magnitudes(1e-3, 1e-1), st.integers(100, 10_000))
def test_in_a_closed_loop_both_ways_to_wall_time_agree(
    clients: int, gpus: int, ttft: float, tpot: float, tokens_out: int
) -> None:
    """Little's law: all clients' requests, each in service for TTFT + 0.9 x output x TPOT, make the throughput."""
    length = 0.9 * tokens_out
    rate = clients * 0.9 * (8000 + tokens_out) / (ttft + length * tpot) / gpus
    shape: dict[str, Any] = {"prefill": engine(gpus), "decode": engine(gpus), "gpus": gpus, "output_tokens": tokens_out}
    timed = run_of(run("timed", clients, rate, tpot, ttft_s=ttft, statistic="mean", **shape))
    counted = run_of(run("counted", clients, rate, tpot, **shape))
    assert timed is not None and counted is not None
    assert timed.wall == pytest.approx(counted.wall, rel=ROUNDING)
    assert timed.wall < timed.by_tpot  # waiting for the first token is part of wall time alone


# --- the published rows -----------------------------------------------------------------------------------------------

# Output per GPU at 35 token/s/user, Kimi K2.5, 8k/1k. By 1/TPOT: article-numbers.md, "What the article could not see".
# By wall time it prints none: counted below from the same rows of data/inferencex/benchmarks.csv (6814 and 6888).
PUBLISHED = {("gb200", "tpot"): 1493, ("gb300", "tpot"): 1207, ("gb200", "wall"): 1470, ("gb300", "wall"): 269}


@pytest.fixture(scope="module")
def kimi() -> list[Measurement]:
    rows, _ = rows_of(())
    return [row for row in rows if row.model == "kimik2.5"]


def test_the_best_kimi_runs_are_the_published_ones(kimi: list[Measurement]) -> None:
    found = {(each.hardware, each.definition): each for each in frontier(kimi, 35.0) if each.workload == "8192:1024"}
    assert {key: math.floor(found[key].output_tok_s_gpu + 0.5) for key in PUBLISHED} == PUBLISHED
    assert {key: found[key].row_id for key in PUBLISHED} == {
        ("gb200", "tpot"): "6879",
        ("gb300", "tpot"): "6832",
        ("gb200", "wall"): "6814",
        ("gb300", "wall"): "6888",
    }
    assert all(found[key].speculation == "none" for key in PUBLISHED)
    # article-numbers.md: "107,000 and 87,000 per 72 GPUs"
    assert [round(72 * found[chip, "tpot"].output_tok_s_gpu, -3) for chip in ("gb200", "gb300")] == [107_000, 87_000]


@pytest.mark.skipif(not COLLECTION.exists(), reason=f"the collected data is not at {COLLECTION}")
def test_the_raw_table_gives_the_same_best_runs() -> None:
    """From the published cells alone: README.md, "Units" and "GPU counts"."""
    rates: dict[tuple[str, str], list[float]] = defaultdict(list)
    with (COLLECTION / "inferencex" / "benchmarks.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["model"] != "kimik2.5" or row["isl_tokens"] != "8192" or not row["median_tpot_s"]:
                continue
            if row["hardware"] not in ("gb200", "gb300") or not row["gpus_total_derived"]:
                continue
            output = float(row["tput_per_gpu_tok_s"]) * 1024 / (8192 + 1024)
            if 1.0 / float(row["median_tpot_s"]) >= 35.0:
                rates[row["hardware"], "tpot"].append(output)
            if output * float(row["gpus_total_derived"]) / float(row["conc"]) >= 35.0:
                rates[row["hardware"], "wall"].append(output)
    assert {key: math.floor(max(found) + 0.5) for key, found in rates.items()} == PUBLISHED


def test_measured_clients_account_for_their_rate(kimi: list[Measurement]) -> None:
    """README.md, caveats: of output x TPOT / clients "no Kimi row on Nvidia exceeds 1.02", MI300X id 684 reaches 1.24."""
    runs = [found for found in map(run_of, kimi) if found is not None]
    nvidia = [found.wall / found.by_tpot for found in runs if found.row.vendor == "NVIDIA"]
    assert len(nvidia) == 164  # README.md, "Kimi K2.5/K2.6 on Nvidia GPUs: 164 median rows in this file"
    assert max(nvidia) <= 1.02
    assert round(max(found.wall / found.by_tpot for found in runs if found.row.config == "684"), 2) == 1.24


def test_the_best_of_a_higher_speed_is_never_better(kimi: list[Measurement]) -> None:
    def rates(speed: float) -> dict[tuple[str, ...], float]:
        def key(each: Best) -> tuple[str, ...]:
            return each.model, each.hardware, each.workload, each.definition

        return {key(each): each.output_tok_s_gpu for each in frontier(kimi, speed)}

    slower = rates(10.0)
    for speed in (20.0, 35.0, 70.0):
        faster = rates(speed)
        assert faster.keys() <= slower.keys()
        assert all(faster[key] <= slower[key] for key in faster)
        slower = faster
