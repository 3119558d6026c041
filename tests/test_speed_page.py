"""The page of `make bench`: its sums, and the fused loop in C that the rates are held against."""

from __future__ import annotations

from typing import Any

import floor
import numpy as np
import pytest
import speed

LOOP = "the same arithmetic in one fused loop of C, rounded as IEEE 754 has it"


def benchmark(table: str, what: str, seconds: float, points: int, threads: int = 1) -> dict[str, Any]:
    about = {"table": table, "what": what, "points": points, "threads": threads}
    return {"name": what, "params": {}, "stats": {"min": seconds}, "extra_info": about}


RUN: dict[str, Any] = {
    "machine_info": {"cpu": {"brand_raw": "a processor", "count": 2}, "machine": "x", "python_version": "3"},
    "benchmarks": [
        benchmark("deployments", "rates at given batches, article counting", 0.1, 1_000_000),
        benchmark("deployments", "every field at given batches, article counting", 1.0, 1_000_000),
        benchmark("floor", LOOP, 0.04, 1_000_000),
        benchmark("questions", "predictions of 425 runs", 0.5, 0),
        *(benchmark("growth", "squares", size**2 * 1e-9, size) for size in (1000, 10, 100_000, 10_000)),
    ],
}


def test_the_page_divides_as_it_says() -> None:
    page = speed.text(RUN)
    assert "| rates at given batches, article counting | 10,000,000 |" in page
    assert "come at 0.40 of that rounded as IEEE 754 has it (1 thread)" in page  # 10 million of 25 million
    assert "there is no server here" in page  # nobody asked one
    assert "make peers" in page
    assert "make bench-report" in page
    reports = [benchmark("growth", "reports", size * 1e-3, size) for size in (10, 100, 1000, 10_000)]
    for each, peak in zip(reports[2:], (0.4, 0.567), strict=True):
        each["extra_info"]["peak_gb"] = peak
    assert "takes at most, by draws, 1,000: 0.40 GB; 10,000: 0.57 GB" in speed.text(
        RUN | {"benchmarks": [*RUN["benchmarks"], *reports]}
    )


def test_a_slope_is_that_of_the_larger_sizes() -> None:
    assert speed.slope(speed.growth(RUN)["squares"]) == pytest.approx(2.0)
    # the control: what every call costs alike is not growth, and does not hide it
    assert speed.slope([(1.0, 5.0), (10.0, 5.0), (1e6, 10.0), (1e7, 100.0)]) == pytest.approx(1.0)


@pytest.mark.parametrize("flags", floor.FLAGS)
def test_the_loop_in_c_finds_what_throughput_does(flags: str) -> None:
    loop = floor.compiled(flags)
    if loop is None:
        pytest.skip("no C compiler")
    asked, draws = ("kimi-k2.6", "gb200-nvl72"), np.random.default_rng(3)
    low = {"input_tokens": 100, "output_tokens": 10, "batch": 1, "compute_efficiency": 0.3, "bandwidth_efficiency": 0.2}
    high = {"input_tokens": 3e5, "output_tokens": 4e3, "batch": 5e3, "compute_efficiency": 1, "bandwidth_efficiency": 1}
    points = {name: draws.uniform(low[name], high[name], 2000) for name in floor.GIVEN}
    fixed = floor.constants(*asked)
    found = floor.fused(loop, fixed, points, 2)
    assert 0.1 < np.mean(np.isnan(found["ttft_s"])) < 0.9  # too long, or too many, for some
    floor.check(*asked, points, found)
    assert np.float64(5e-324) * np.float64(1.0) > 0.0  # subnormal numbers stay what they are
    fixed[14] *= 1.001  # the control: a step takes a thousandth longer
    with pytest.raises(AssertionError):
        floor.check(*asked, points, floor.fused(loop, fixed, points, 1))
