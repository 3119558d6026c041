"""The rungs between the modelled rack and the best measured run: named, in order, and nothing of the gap lost."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import pytest

from fleetline import throughput
from fleetline.calibration.measured import Best
from fleetline.errors import InputError
from fleetline.questions.gap import Step, gap
from fleetline.runs import measured

ORDER = [
    "the modelled rack",
    "without speculation",
    "the benchmark's lengths",
    "32 GPUs",
    "1229 clients",
    "the checkpoint's precisions",
    "measured: communication and the rest",
]


@pytest.fixture(scope="module")
def best() -> Best:
    """The best GB200 run of Kimi K2.5 by wall time: 32 GPUs, 1,229 clients, 1,470 tokens/s per GPU (test_measured.py)."""
    found = measured(speed=35.0, where="model=kimik2.5,hardware=gb200,input_tokens=8192")
    (wall,) = [each for each in found if each.definition == "wall"]
    return wall


def rungs(best: Best) -> list[Step]:
    return gap(best, workload="8000:1000", preset="article", speculative="8:3")


def test_the_rungs_are_in_order_from_the_model_to_the_measurement(best: Best) -> None:
    found = rungs(best)
    assert [step.step for step in found] == ORDER
    # article-numbers.md: 375,700 per rack after calibration, 271,300 without speculation; 1,470 measured
    assert found[0].output_tok_s_gpu == pytest.approx(375_700 / 72, rel=1e-3)
    assert found[1].output_tok_s_gpu == pytest.approx(271_300 / 72, rel=1e-3)
    assert found[-1].output_tok_s_gpu == best.output_tok_s_gpu


def test_the_ratios_multiply_to_the_whole_gap(best: Best) -> None:
    found = rungs(best)
    assert found[0].ratio == 1.0
    for before, after in itertools.pairwise(found):
        assert after.ratio == pytest.approx(after.output_tok_s_gpu / before.output_tok_s_gpu)
    whole = found[-1].output_tok_s_gpu / found[0].output_tok_s_gpu
    assert math.prod(step.ratio for step in found) == pytest.approx(whole)
    assert 1 / whole == pytest.approx(3.5, abs=0.1)  # article-numbers.md: 3.5 times (by 1/TPOT; by wall time 3.55)


def test_each_rung_changes_one_thing(best: Best) -> None:
    """Another run of the same configuration moves only the rungs that hold what differs."""
    base = [step.output_tok_s_gpu for step in rungs(best)]

    def moved(**changed: object) -> list[int]:
        other = [step.output_tok_s_gpu for step in rungs(replace(best, **changed))]  # type: ignore[arg-type]
        return [index for index, (left, right) in enumerate(zip(base, other, strict=True)) if left != right]

    assert moved(output_tok_s_gpu=1000.0) == [6]
    assert moved(concurrency=600) == [4, 5]
    assert moved(gpus=16) == [3, 4, 5]
    assert moved(workload="1024:1024") == [2, 3, 4, 5]
    assert moved(model="dsr1") == [0, 1, 2, 3, 4, 5]


def test_lengths_are_those_the_benchmark_draws(best: Best) -> None:
    """90% of 8,192 and of 1,024 (client's draw, physics notes section 6)."""
    drawn = throughput("kimi-k2.5", "gb200-nvl72", preset="article", input_tokens=7372.8, output_tokens=921.6)
    assert rungs(best)[2].output_tok_s_gpu == pytest.approx(float(drawn.throughput_tok_s_gpu))


@pytest.mark.parametrize(
    ("gpus", "clients", "said"),
    [
        (96, 64, "gpus: 96 is not a whole number within 1..72, the chips of gb200-nvl72"),
        (4, 1_000_000, "gap: 1000000 clients: memory"),
        (2, 64, "gap: 2 GPUs: memory"),  # 500 GB of weights in 2 x 200 GB
    ],
)
def test_a_run_that_the_rack_cannot_hold_is_refused(best: Best, gpus: int, clients: int, said: str) -> None:
    with pytest.raises(InputError, match=said):
        rungs(replace(best, gpus=gpus, concurrency=clients))


@pytest.mark.parametrize("unknown", [{"model": "gpt-6"}, {"hardware": "abacus"}])
def test_a_run_of_an_unknown_model_or_chip_is_refused(best: Best, unknown: dict[str, str]) -> None:
    """`measured` lists runs of any model; the catalog knows some."""
    with pytest.raises(InputError, match=r"gpt-6|abacus"):
        rungs(replace(best, **unknown))  # type: ignore[arg-type]
