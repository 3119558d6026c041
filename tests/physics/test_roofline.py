from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from harness import ROUNDING, deployments, made, magnitudes, numbers_of, with_chip
from hypothesis import given
from hypothesis import strategies as st

from fleetline.catalog.types import Chip, System
from fleetline.deployment import deploy
from fleetline.errors import InputError
from fleetline.physics import serving
from fleetline.physics.roofline import IDLE, Efficiency, Leg, StageTime, operation_time, stage_time
from fleetline.physics.serving import Deployment
from fleetline.physics.work import Operation, Work

RACK = System("rack", Chip("chip", hbm_bandwidth=8e12, peak={"fp4": 10e15, "fp8": 5e15, "bf16": 2.5e15}), 72)
IDEAL = Efficiency(1.0, 1.0, 0.0)


def test_an_operation_by_hand() -> None:
    # 720 PFLOP and 576 TB take a GB200 rack a second each (article, Hardware specs)
    leg = operation_time(Operation("made", 720e15, "fp4", 2 * 576e12), RACK, IDEAL)
    assert (leg.compute_s, leg.bandwidth_s, leg.roof_s) == (1.0, 2.0, 2.0)
    half = operation_time(Operation("made", 720e15, "fp4", 2 * 576e12), RACK, Efficiency(0.5, 0.25, 9.0))
    assert (half.compute_s, half.bandwidth_s) == (2.0, 8.0)


@pytest.mark.parametrize(("precision", "seconds"), [("fp4", 1.0), ("fp8", 2.0), ("bf16", 4.0)])
def test_each_precision_has_its_own_peak(precision: str, seconds: float) -> None:
    assert operation_time(Operation("made", 720e15, precision, 0.0), RACK, IDEAL).compute_s == seconds


def test_a_precision_the_chip_lacks_runs_in_bf16() -> None:
    old = replace(RACK, chip=replace(RACK.chip, peak={"fp8": 5e15, "bf16": 2.5e15}))
    assert operation_time(Operation("made", 720e15, "fp4", 0.0), old, IDEAL).compute_s == 4.0
    with pytest.raises(InputError, match="no fp4 or bf16 peak is known of chip"):
        operation_time(Operation("made", 1.0, "fp4", 1.0), replace(old, chip=replace(old.chip, peak={"fp8": 1.0})), IDEAL)


def test_the_article_s_milliseconds() -> None:
    # article-numbers.md, number by number: at B = 1, prefill 0.889 ms of compute, decode 0.278 ms for 1,000 steps;
    # at B = 1000, 868.1 + 0.461 x 1000 ms of decode bandwidth
    deployment, _ = deploy("kimi-k2.6", "gb200-nvl72", "8000:1000", preset="ideal")
    alone = serving.rates(deployment, 1.0)
    assert alone.prefill.compute_s == pytest.approx(0.889e-3, abs=0.0005e-3)
    assert alone.decode.compute_s == pytest.approx(0.278e-3, abs=0.0005e-3)
    assert serving.rates(deployment, 1000.0).decode.bandwidth_s == pytest.approx(0.8681 + 0.461, abs=0.0005)


def test_legs_that_overlap_add_their_arithmetic_and_their_traffic() -> None:
    assert Leg(1.0, 2.0) + Leg(3.0, 0.5) == Leg(4.0, 2.5)
    assert (Leg(1.0, 2.0) + Leg(3.0, 0.5)).roof_s == 4.0
    stage = StageTime(Leg(1.0, 2.0), Leg(3.0, 0.5), 7.0)
    assert (stage.total, stage.compute_s, stage.bandwidth_s) == (Leg(4.0, 2.5), 4.0, 2.5)
    assert numbers_of(IDLE) == (0.0, 0.0, 0.0, 0.0, 0.0)


def test_latency_is_per_step() -> None:
    work = Work(linear=(), attention=(), steps=1000.0)
    assert stage_time(work, RACK, Efficiency(1.0, 1.0, 0.005)).latency_s == 5.0


@given(deployment=deployments(), batch=magnitudes(1, 1e5), factor=st.sampled_from([0.5, 4.0]))
def test_times_scale_as_1_over_rate(deployment: Deployment, batch: float, factor: float) -> None:
    chip = deployment.system.chip
    assert chip.hbm_bandwidth is not None
    assert chip.peak is not None
    faster = with_chip(deployment, hbm_bandwidth=factor * chip.hbm_bandwidth)
    faster = replace(
        faster,
        system=replace(
            faster.system,
            chip=replace(faster.system.chip, peak={name: factor * rate for name, rate in chip.peak.items()}),
        ),
    )
    before, after = serving.rates(deployment, batch), serving.rates(faster, batch)
    for slow, fast in ((before.prefill, after.prefill), (before.decode, after.decode)):
        # powers of two are exact
        assert [factor * time for time in numbers_of(fast)[:4]] == pytest.approx(list(numbers_of(slow)[:4]), rel=ROUNDING)
        assert fast.latency_s == slow.latency_s


@given(deployment=deployments(), batch=magnitudes(1, 1e5), factor=st.sampled_from([0.25, 2.0, 1024.0]))
def test_rescaling_bytes_and_bandwidth_together_changes_nothing(
    deployment: Deployment, batch: float, factor: float
) -> None:
    checkpoint = deployment.checkpoint
    scaled = {
        name: replace(stored, bytes_per_weight=factor * stored.bytes_per_weight)
        for name, stored in checkpoint.formats.items()
    }
    cache = replace(checkpoint.kv_cache, bytes_per_weight=factor * checkpoint.kv_cache.bytes_per_weight)
    bandwidth = deployment.system.chip.hbm_bandwidth
    assert bandwidth is not None
    other = with_chip(deployment, hbm_bandwidth=factor * bandwidth)
    other = replace(other, checkpoint=replace(checkpoint, formats=scaled, kv_cache=cache))
    assert serving.rates(other, batch) == serving.rates(deployment, batch)


@given(deployment=deployments(), batch=magnitudes(1, 1e5))
def test_an_efficiency_is_a_slower_machine(deployment: Deployment, batch: float) -> None:
    chip, efficiency = deployment.system.chip, deployment.efficiency
    assert chip.hbm_bandwidth is not None
    assert chip.peak is not None
    slower = replace(
        chip,
        hbm_bandwidth=chip.hbm_bandwidth * float(efficiency.bandwidth),
        peak={name: rate * float(efficiency.compute) for name, rate in chip.peak.items()},
    )
    perfect = replace(
        deployment,
        system=replace(deployment.system, chip=slower),
        efficiency=Efficiency(1.0, 1.0, efficiency.step_latency),
    )
    found, expected = serving.rates(deployment, batch), serving.rates(perfect, batch)
    assert float(found.cycle.total_s) == pytest.approx(float(expected.cycle.total_s), rel=ROUNDING)


def test_an_array_of_efficiencies_is_its_elements() -> None:
    compute = np.array([0.3, 0.65, 1.0])
    together = serving.rates(replace(made(), efficiency=Efficiency(compute, 0.4, 0.002)), 64.0).cycle.total_s
    alone = [
        float(serving.rates(replace(made(), efficiency=Efficiency(one, 0.4, 0.002)), 64.0).cycle.total_s)
        for one in compute.tolist()
    ]
    np.testing.assert_array_equal(np.asarray(together), np.array(alone))
