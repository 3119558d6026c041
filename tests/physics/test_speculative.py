from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from harness import ROUNDING, deployments, made, magnitudes
from hypothesis import given
from hypothesis import strategies as st

from fleetline.deployment import deploy
from fleetline.physics import serving
from fleetline.physics.rewrites.speculative import Speculative
from fleetline.physics.serving import Deployment
from fleetline.physics.stages import Draft, plan


def test_8_verified_and_3_accepted_by_hand() -> None:
    # article, Speculative decoding; article-numbers.md: "steps / 3, decode arithmetic x 8/3"
    before = plan(8000.0, 900.0, 100.0)
    after = Speculative(8.0, 3.0).apply(before)
    assert after.prefill == before.prefill
    assert (after.decode.passes, after.decode.tokens) == (300.0, 8.0)
    assert (after.decode.start, after.decode.end) == (before.decode.start, before.decode.end)
    assert after.decode.tokens_per_position == 8 / 3


def test_a_draft_reads_the_prompt_once_and_runs_a_pass_for_every_token_proposed() -> None:
    draft, before = Draft(made().model, made().checkpoint), plan(8000.0, 900.0, 100.0)
    (found,) = Speculative(8.0, 3.0, draft).apply(before).drafted
    assert (found.used, found.prefill) == (1.0, before.prefill)
    assert (found.decode.passes, found.decode.tokens) == (900 / 3 * 7, 1.0)
    (unused,) = Speculative(1.0, 1.0, draft).apply(before).drafted
    assert (unused.used, unused.prefill.passes, unused.decode.passes) == (0.0, 0.0, 0.0)


def test_a_draft_holds_no_weights_that_it_is_lent() -> None:
    # of its 1e9 and 8e9 weights of half a byte the experts are the other model's
    own, lent = (Draft(made().model, made().checkpoint, parts) for parts in ((), ("routed_experts",)))
    held = [float(serving.memory_used(made(rewrites=(Speculative(8.0, 3.0, one),)), 1.0)) for one in (own, lent)]
    assert held[0] - held[1] == pytest.approx(8e9 * 0.5)


def decode_of(deployment: Deployment, batch: float) -> tuple[float, float, float, float, float]:
    """FLOP and bytes of decode's multiplications and attention, and its steps."""
    _, work = serving.work(deployment, batch)
    flop = [float(sum(one.flop for one in group)) for group in (work.linear, work.attention)]
    moved = [float(sum(one.bytes_moved for one in group)) for group in (work.linear, work.attention)]
    return (*flop, *moved, float(work.steps))  # type: ignore[return-value]  # two and two and one


def test_arithmetic_grows_and_reads_shrink() -> None:
    plain, _ = deploy("kimi-k2.6", "gb200-nvl72", "8000:1000", preset="ideal")
    spoken, _ = deploy("kimi-k2.6", "gb200-nvl72", "8000:1000", preset="ideal", speculative="8:3")
    batch = 1e6  # so many that every expert is read in either case
    linear, attention, weights, cache, steps = np.array(decode_of(spoken, batch)) / np.array(decode_of(plain, batch))
    assert [linear, attention] == pytest.approx([8 / 3, 8 / 3], rel=ROUNDING)
    assert [weights, cache, steps] == pytest.approx([1 / 3, 1 / 3, 1 / 3], rel=ROUNDING)


def test_what_decode_writes_is_written_once_however_often_it_is_verified() -> None:
    # 10 layers x 144 values of a byte: the reads of a pass shrink with the passes, the 500 written tokens stay
    plain, spoken = made(), made(rewrites=(Speculative(8.0, 4.0),))
    written = 10 * 144 * 500
    assert decode_of(spoken, 1.0)[3] - written == pytest.approx((decode_of(plain, 1.0)[3] - written) / 4, rel=ROUNDING)


@given(deployment=deployments(), batch=magnitudes(1, 1e5))
def test_one_verified_and_one_accepted_is_no_speculation(deployment: Deployment, batch: float) -> None:
    plain = replace(deployment, rewrites=())
    assert serving.rates(replace(plain, rewrites=(Speculative(1.0, 1.0),)), batch) == serving.rates(plain, batch)


@given(
    deployment=deployments(),
    batch=magnitudes(1, 1e5),
    verified=st.floats(1.0, 16.0),
    share=st.floats(0.0, 1.0),
)
def test_speculation_never_gains_more_than_it_accepts(
    deployment: Deployment, batch: float, verified: float, share: float
) -> None:
    accepted = 1.0 + share * (verified - 1.0)
    plain = replace(deployment, rewrites=())
    spoken = replace(plain, rewrites=(Speculative(verified, accepted),))
    gain = float(serving.rates(spoken, batch).throughput / serving.rates(plain, batch).throughput)
    assert 0.0 < gain <= accepted * (1 + ROUNDING)


def test_below_the_critical_batch_it_gains_and_above_it_loses() -> None:
    # article, Speculative decoding: "1.6-2x" at equal batch; article-numbers.md: holds only below the critical batch.
    # article_numbers.csv, note of speculation-gain: 2.1 at a batch of 300, 1.06 at 800
    plain, _ = deploy("kimi-k2.6", "gb200-nvl72", "8000:1000", preset="ideal")
    spoken, _ = deploy("kimi-k2.6", "gb200-nvl72", "8000:1000", preset="ideal", speculative="8:3")
    for batch, gain in ((300.0, 2.1), (435.0, 1.618), (800.0, 1.06)):
        ratio = serving.rates(spoken, batch).throughput / serving.rates(plain, batch).throughput
        assert ratio == pytest.approx(gain, rel=0.05 / 2.1)  # two digits
    assert serving.rates(spoken, 5000.0).throughput < serving.rates(plain, 5000.0).throughput


def test_a_latency_is_paid_per_pass() -> None:
    spoken = made(rewrites=(Speculative(8.0, 4.0),))
    assert serving.rates(spoken, 10.0).cycle.latency_s == 0.002 * 500 / 4
    assert serving.rates(made(), 10.0).cycle.latency_s == 0.002 * 500
    assert serving.rates(spoken, 10.0).ttft_s == serving.rates(made(), 10.0).ttft_s


def test_arrays_are_their_elements() -> None:
    verified, accepted = np.array([1.0, 4.0, 8.0]), np.array([1.0, 2.5, 3.0])
    together = serving.rates(made(rewrites=(Speculative(verified, accepted),)), 4096.0).throughput
    alone = [
        float(serving.rates(made(rewrites=(Speculative(one, two),)), 4096.0).throughput)
        for one, two in zip(verified.tolist(), accepted.tolist(), strict=True)
    ]
    # 1e-12: the power behind `touched` may differ in the last place between an array and a number
    np.testing.assert_allclose(np.asarray(together), np.array(alone), rtol=ROUNDING)
