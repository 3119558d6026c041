"""The article's form against a roofline counted by hand from the sizes the article prints."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from harness import ROUNDING, magnitudes
from hypothesis import given
from hypothesis import strategies as st
from made_runs import apart, engine, made_run

from fleetline.calibration.form import Terms, terms, throughput_gpu, tpot_s, ttft_s
from fleetline.catalog import load
from fleetline.measurements import Measurement, Pool
from fleetline.physics.roofline import Efficiency, Leg

IDEAL = Efficiency(1.0, 1.0, 0.0)
# article-numbers.md, "The setting that reproduces the article": Kimi K2, one NVL72 of GB200, by chip
TOTAL, ACTIVE = 1e12, 32e9
LAYERS, HEADS, LATENT, ROPE, HEAD = 61, 64, 512, 64, 128
BANDWIDTH, FP4, FP8 = 576e12 / 72, 720e15 / 72, 360e15 / 72
# routed + rest = total and routed x 8 / 384 + rest = active (top-8 of 384 experts)
ROUTED = (TOTAL - ACTIVE) * 384 / (384 - 8)
REST = TOTAL - ROUTED


@dataclass(frozen=True)
class Counted:
    """What one run costs on one GB200, by hand: arithmetic and traffic of a decode step and of its prefill [s]."""

    requests: float
    tokens_in: float
    tokens_out: float

    @staticmethod
    def read(tokens: float) -> float:
        """Weights that so many tokens touch, each drawing 8 of 384 experts at random (article, footnote 6) [parameter]."""
        return REST + ROUTED * (1.0 - math.pow(376 / 384, tokens))

    @property
    def context(self) -> float:
        return self.tokens_in + self.tokens_out / 2.0

    @property
    def decode(self) -> Leg:
        attention = 2.0 * HEADS * (LATENT + LATENT) * self.context * LAYERS  # absorbed
        return Leg(
            compute_s=self.requests * (2.0 * ACTIVE / FP4 + attention / FP8),
            bandwidth_s=(0.5 * self.read(self.requests) + self.requests * LAYERS * LATENT * self.context) / BANDWIDTH,
        )

    @property
    def prefill(self) -> Leg:
        tokens = self.requests * self.tokens_in
        attention = 2.0 * HEADS * (HEAD + HEAD) * self.tokens_in / 2.0 * LAYERS  # causal: half the input on average
        return Leg(
            compute_s=tokens * (2.0 * ACTIVE / FP4 + attention / FP8),
            bandwidth_s=(0.5 * self.read(tokens) + tokens * LAYERS * (LATENT + ROPE)) / BANDWIDTH,
        )


def of(*rows: Measurement) -> Terms:
    return terms(rows, load())


def numbers(leg: Leg) -> list[float]:
    """Arithmetic and traffic of the only row."""
    return [float(np.asarray(leg.compute_s)[0]), float(np.asarray(leg.bandwidth_s)[0])]


def tpot(row: Measurement, efficiency: Efficiency = IDEAL) -> float:
    return float(tpot_s(of(row), efficiency)[0])


def ttft(row: Measurement, efficiency: Efficiency = IDEAL) -> float:
    return float(ttft_s(of(row), efficiency)[0])


# --- one run by hand --------------------------------------------------------------------------------------------------


def test_tpot_is_one_decode_step_of_all_requests() -> None:
    """512 requests on 8 GPUs at 9,000 + 450 tokens of context: 500 GB of weights and 151 GB of cache at 64 TB/s."""
    by_hand = Counted(512, 9000, 900).decode
    assert numbers(of(made_run()).tpot) == pytest.approx([by_hand.compute_s / 8, by_hand.bandwidth_s / 8], rel=ROUNDING)
    assert tpot(made_run()) == pytest.approx((500e9 + 512 * 61 * 512 * 9450) / 64e12, rel=1e-4)  # 10.17 ms
    assert numbers(of(made_run()).tpot)[0] == pytest.approx(0.410e-3 + 0.967e-3, rel=1e-3)  # weights, attention


def test_ttft_is_the_prefill_of_the_whole_batch() -> None:
    """512 x 9,000 tokens on 8 GPUs: 3.69 s of FP4 for the weights and 1.04 s of FP8 for causal attention."""
    by_hand = Counted(512, 9000, 900).prefill
    assert numbers(of(made_run()).ttft) == pytest.approx([by_hand.compute_s / 8, by_hand.bandwidth_s / 8], rel=ROUNDING)
    assert ttft(made_run()) == pytest.approx(3.6864 + 1.0362, rel=1e-4)


def test_the_hand_count_would_notice_full_lengths_and_too_many_experts() -> None:
    """Controls: lengths of 100% of nominal, and weights read whole by a single request, are far from the form."""
    full = Counted(512, 10_000, 1000)
    assert full.prefill.compute_s / 8 > 1.1 * ttft(made_run())
    assert full.decode.bandwidth_s / 8 > 1.02 * tpot(made_run())
    assert 20 * tpot(made_run(concurrency=1)) < 0.5 * TOTAL / BANDWIDTH / 8


def test_lengths_are_drawn_from_80_to_100_percent_of_nominal() -> None:
    """Their mean is 90%: a run of 10,000 : 1,000 takes what fixed lengths of 9,000 : 900 take."""
    fixed = Counted(512, 9000, 900)
    assert ttft(made_run(input_tokens=20_000)) == pytest.approx(Counted(512, 18_000, 900).prefill.compute_s / 8)
    assert tpot(made_run(output_tokens=3000)) == pytest.approx(Counted(512, 9000, 2700).decode.bandwidth_s / 8)
    assert ttft(made_run(output_tokens=3000)) == pytest.approx(fixed.prefill.compute_s / 8)  # output is no part of TTFT


def test_one_request_reads_the_active_weights_alone() -> None:
    traffic = numbers(of(made_run(concurrency=1)).tpot)[1] * 8 * BANDWIDTH
    assert traffic == pytest.approx(0.5 * ACTIVE + LAYERS * LATENT * 9450, rel=ROUNDING)


@pytest.mark.parametrize(
    ("precision", "weight_bytes"),
    [("fp4", 0.5), ("int4", 0.5), ("fp8", 1.0), ("bf16", 2.0), (None, 2.0)],  # unnamed: the model's own 16 bits
)
def test_weights_are_in_the_precision_the_row_names(precision: str | None, weight_bytes: float) -> None:
    traffic = numbers(of(made_run(concurrency=1, precision=precision)).tpot)[1] * 8 * BANDWIDTH
    assert traffic == pytest.approx(weight_bytes * ACTIVE + LAYERS * LATENT * 9450, rel=ROUNDING)


def test_a_chip_without_fp4_multiplies_in_bf16_and_attends_in_fp8() -> None:
    """H200: 989 TF/s dense bf16, 1,979 TF/s FP8, 4.8 TB/s (NVIDIA H200 datasheet; catalog chip_specs)."""
    found = of(made_run(hardware="h200", precision="int4"))
    attention = 2.0 * HEADS * 2 * LATENT * 9450 * LAYERS
    assert numbers(found.tpot)[0] == pytest.approx(512 * (2 * ACTIVE / 989e12 + attention / 1979e12) / 8, rel=ROUNDING)
    assert numbers(found.tpot)[1] == pytest.approx(Counted(512, 9000, 900).decode.bandwidth_s * 8e12 / 4.8e12 / 8)


@pytest.mark.parametrize("requests", [1, 64])
def test_a_dense_model_reads_every_weight_at_any_batch(requests: int) -> None:
    """Llama 70B in FP8 on two H100: 70 GB, and 80 layers of 8 KV heads of 128, keys and values, one byte each."""
    pool = engine(2)
    changed = {"model": "llama70b", "hardware": "h100", "precision": "fp8", "prefill": pool, "decode": pool, "gpus": 2}
    found = of(made_run(concurrency=requests, **changed))
    attention = 2.0 * 64 * (128 + 128) * 9450 * 80
    assert numbers(found.tpot)[1] == pytest.approx((70e9 + requests * 2 * 8 * 128 * 80 * 9450) / (2 * 3.35e12))
    assert numbers(found.tpot)[0] == pytest.approx(requests * (2 * 70e9 + attention) / (2 * 1979e12))


def test_speculation_verifies_four_tokens_and_keeps_2_88() -> None:
    """Kimi's draft in the table `speculation`: 2.88 times fewer steps, each of 4 tokens a request; TTFT is not touched."""
    plain, drafted = of(made_run()), of(made_run(speculation="mtp"))
    by_hand = Counted(512, 9000, 900)
    weights = 0.5 * Counted.read(4 * 512)  # of the experts, more are touched: 2,048 tokens pass at once
    cache = 512 * LAYERS * LATENT * by_hand.context
    assert numbers(drafted.tpot)[1] == pytest.approx((weights + cache) / BANDWIDTH / 8 / 2.88, rel=ROUNDING)
    assert numbers(drafted.tpot)[0] == pytest.approx(numbers(plain.tpot)[0] * 4 / 2.88, rel=ROUNDING)
    assert numbers(drafted.ttft) == numbers(plain.ttft)
    late = Efficiency(1.0, 1.0, 0.0288)
    assert float(tpot_s(drafted, late)[0] - tpot_s(drafted, IDEAL)[0]) == pytest.approx(0.01)  # shared by those accepted
    assert float(ttft_s(drafted, late)[0] - ttft_s(drafted, IDEAL)[0]) == pytest.approx(0.0288)


# --- efficiencies -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("share", [1.0, 0.5, 0.3])
def test_a_step_that_waits_for_memory_scales_with_bandwidth_alone(share: float) -> None:
    assert tpot(made_run(), Efficiency(1.0, share, 0.0)) == pytest.approx(tpot(made_run()) / share)
    assert tpot(made_run(), Efficiency(0.2, 1.0, 0.0)) == tpot(made_run())  # 1.4 ms of arithmetic / 0.2 is under 10 ms


@pytest.mark.parametrize("share", [1.0, 0.5, 0.3])
def test_a_prefill_that_waits_for_arithmetic_scales_with_compute_alone(share: float) -> None:
    assert ttft(made_run(), Efficiency(share, 1.0, 0.0)) == pytest.approx(ttft(made_run()) / share)
    assert ttft(made_run(), Efficiency(1.0, 0.02, 0.0)) == ttft(made_run())  # 10 ms of traffic / 0.02 is under 4.7 s


def test_each_time_carries_one_latency() -> None:
    late = Efficiency(1.0, 1.0, 0.005)
    assert tpot(made_run(), late) - tpot(made_run()) == pytest.approx(0.005)
    assert ttft(made_run(), late) - ttft(made_run()) == pytest.approx(0.005)


shares = st.floats(0.02, 1.0)


@given(magnitudes(1e-6, 1e3), magnitudes(1e-6, 1e3), shares, shares, st.floats(0.0, 0.05), st.floats(0.1, 1.0))
def test_a_time_is_its_longer_leg_and_its_latency(
    compute: float, traffic: float, ce: float, be: float, latency: float, steps: float
) -> None:
    leg = Leg(np.array([compute]), np.array([traffic]))
    found = Terms([made_run()], leg, leg, np.array([steps]), np.array([8.0]), [""])
    efficiency = Efficiency(ce, be, latency)
    longer = compute / ce if compute / ce >= traffic / be else traffic / be
    assert float(tpot_s(found, efficiency)[0]) == pytest.approx(longer + steps * latency, rel=ROUNDING)
    assert float(ttft_s(found, efficiency)[0]) == pytest.approx(longer + latency, rel=ROUNDING)


def test_throughput_is_clients_times_tokens_over_their_time() -> None:
    """Little's law: 512 clients, each 9,900 tokens in 10 + 900 x 0.1 seconds, over 8 GPUs: 6,336 tokens/s each."""
    assert throughput_gpu(of(made_run()), np.array([0.1]), np.array([10.0])) == pytest.approx(6336.0)


# --- which GPUs -------------------------------------------------------------------------------------------------------


def test_without_separate_pools_all_gpus_do_both() -> None:
    four = engine(4)
    found = of(made_run(prefill=four, decode=four, gpus=16))  # four engines of four: the deployment counts
    by_hand = Counted(512, 9000, 900)
    assert numbers(found.tpot)[1] == pytest.approx(by_hand.decode.bandwidth_s / 16)
    assert numbers(found.ttft)[0] == pytest.approx(by_hand.prefill.compute_s / 16)
    assert found.gpus.tolist() == [16]


def test_separate_pools_each_do_their_stage() -> None:
    """Two engines of four fill in, one of sixteen decodes: TTFT is over 8 GPUs, TPOT over 16, throughput over 24."""
    found = of(apart(engine(4, 2), engine(16)))
    by_hand = Counted(512, 9000, 900)
    assert numbers(found.ttft) == pytest.approx([by_hand.prefill.compute_s / 8, by_hand.prefill.bandwidth_s / 8])
    assert numbers(found.tpot) == pytest.approx([by_hand.decode.compute_s / 16, by_hand.decode.bandwidth_s / 16])
    assert found.gpus.tolist() == [24]


UNCOUNTED = Pool(None, None)


@pytest.mark.parametrize(
    ("row", "prefill", "decode"),
    [
        (apart(engine(4, None), engine(16, None)), 4, 16),  # docs/calibration.md: worker counts not recorded, one each
        (apart(UNCOUNTED, engine(16), gpus=24), 8, 16),  # what the other pool leaves
        (apart(engine(4, 2), UNCOUNTED, gpus=24), 8, 16),
        (apart(Pool(None, None, total=8), Pool(None, None, total=16)), 8, 16),  # a pool known by its GPUs alone
    ],
)
def test_pools_that_are_half_recorded(row: Measurement, prefill: int, decode: int) -> None:
    found = of(row)
    by_hand = Counted(512, 9000, 900)
    assert found.reason == [""]
    assert numbers(found.ttft)[0] == pytest.approx(by_hand.prefill.compute_s / prefill)
    assert numbers(found.tpot)[1] == pytest.approx(by_hand.decode.bandwidth_s / decode)


@given(
    st.integers(1, 4096),
    st.integers(1, 100_000),
    st.integers(1, 10_000),
    st.integers(1, 64),
    st.sampled_from(["none", "mtp"]),
)
def test_more_clients_wait_longer_and_more_gpus_less(
    clients: int, tokens_in: int, tokens_out: int, gpus: int, speculation: str
) -> None:
    def run(factor: int, gpu_factor: int) -> Measurement:
        pool = engine(gpus * gpu_factor)
        lengths = {"input_tokens": tokens_in, "output_tokens": tokens_out, "speculation": speculation}
        shape = {"prefill": pool, "decode": pool, "gpus": gpus * gpu_factor}
        return made_run(concurrency=clients * factor, **lengths, **shape)

    found = of(run(1, 1), run(3, 1), run(1, 2))
    for times in (tpot_s(found, IDEAL), ttft_s(found, IDEAL)):
        assert times[1] >= times[0] * (1.0 - ROUNDING)
        assert times[1] <= 3.0 * times[0] * (1.0 + ROUNDING)  # weights are shared: never worse than one after the other
        assert times[2] == times[0] / 2.0  # one copy of the weights over all GPUs; halving is exact


# --- rows that cannot be predicted ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"input_tokens": None, "output_tokens": None, "workload": "agentic"}, "agentic rows have no fixed input"),
        ({"gpus": None, "decode": UNCOUNTED}, "the number of GPUs is not recorded"),
        ({"model": "gpt-6"}, "model 'gpt-6' is not in the table benchmark_models"),
        ({"hardware": "abacus"}, "hardware 'abacus' is not in the table hardware"),
        ({"hardware": "h1000"}, "hardware 'h1000' is not in the table hardware; did you mean 'h100'?"),
        ({"precision": "fp2"}, "precision 'fp2' is not one of fp4, int4, fp8, bf16"),
        ({"model": "llama70b", "speculation": "mtp"}, "speculation of 'llama70b' is not in the table speculation"),
    ],
)
def test_a_row_without_a_prediction_says_why_and_leaves_the_others_alone(changed: dict[str, Any], reason: str) -> None:
    found = of(made_run(), made_run(**changed), made_run())
    assert found.answered.tolist() == [True, False, True]
    assert found.reason[1].startswith(reason)
    assert math.isnan(tpot_s(found, IDEAL)[1]) and math.isnan(ttft_s(found, IDEAL)[1])
    assert tpot_s(found, IDEAL)[0] == tpot_s(found, IDEAL)[2] == tpot(made_run())
