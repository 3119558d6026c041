"""Laws of kernels: forms by hand, blocks, frameworks, and kinds that nobody has counted."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest

from fleetline import throughput
from fleetline.architecture.attention import GroupedQuery
from fleetline.catalog import load
from fleetline.catalog.types import Chip, KernelLaw, System
from fleetline.deployment import deploy
from fleetline.errors import InputError
from fleetline.physics.kernels import calls_of
from fleetline.physics.roofline import Efficiency, law_of, operation_time, stage_time
from fleetline.physics.work import Operation, Work

CHIP = System("one", Chip("one", hbm_bandwidth=1e12, peak={"bf16": 1e15}), 1.0)
IDEAL = Efficiency(1.0, 1.0, 0.0)
PRODUCT = Operation("product", 2e12, "bf16", 1e9, "gemm", "bf16", calls=10.0, depth=1e5, activation_bytes=1e8)


def test_a_law_is_the_longest_of_arithmetic_traffic_and_walk() -> None:
    law = KernelLaw(latency=3e-6, compute_share=0.5, bandwidth_share=0.8, activation_share=0.1, walk=1e-9)
    leg = operation_time(PRODUCT, CHIP, IDEAL, {("gemm", "bf16"): law})
    assert leg.compute_s == pytest.approx(2e12 / 0.5e15)
    assert leg.bandwidth_s == pytest.approx(1e9 / 0.8e12 + 1e8 / 0.1e12)


def test_a_product_of_few_rows_walks_along_its_inner_dimension() -> None:
    few = replace(PRODUCT, flop=2e9)
    found = stage_time(Work((few,), (), steps=0.0), CHIP, IDEAL, {("gemm", "bf16"): KernelLaw(latency=3e-6, walk=1e-7)})
    assert found.linear.roof_s + found.latency_s == pytest.approx(10 * 3e-6 + 1e5 * 1e-7)  # 10 ms, not 1 ms of bytes


def test_kernels_with_laws_wait_for_each_other() -> None:
    """One bound by arithmetic and one by memory: 2 + 1 ms and their starts, not the longer sum of 2 ms."""
    other = replace(PRODUCT, flop=0.0, bytes_moved=1e9, calls=1.0)
    work = Work((PRODUCT, other), (), steps=0.0)
    law = KernelLaw(latency=1e-6)
    found = stage_time(work, CHIP, IDEAL, {("gemm", "bf16"): law})
    assert found.linear.roof_s + found.latency_s == pytest.approx(2e-3 + 1e-3 + 11e-6)
    assert stage_time(work, CHIP, IDEAL).latency_s == 0.0


def test_a_block_is_timed_as_one_where_it_was_measured() -> None:
    core = Operation(
        "core", 0.0, "bf16", 2e9, "latent decode", "bf16", 61.0, block="b", block_law="bf16/fp8", block_calls=61.0
    )
    member = replace(PRODUCT, block="b", block_law="bf16/fp8")
    work = Work((member,), (core,), steps=0.0)
    laws = {("gemm", "bf16"): KernelLaw(1e-3), ("b", "bf16/fp8"): KernelLaw(latency=30e-6, bandwidth_share=0.5)}
    found = stage_time(work, CHIP, IDEAL, laws)
    total = found.linear.roof_s + found.attention.roof_s + found.latency_s
    assert total == pytest.approx(61 * 30e-6 + 3e9 / 0.5e12)  # all of its bytes against all of its arithmetic


@dataclass(frozen=True)
class Uncounted(GroupedQuery):
    """A kind nobody has said anything about."""


def test_an_uncounted_kind_is_refused() -> None:
    with pytest.raises(InputError, match="the kernels of grouped-query attention are not counted") as refused:
        calls_of(Uncounted(1.0, 1.0, 1.0, 1.0))
    assert refused.value.field == "attention"


def test_every_framework_has_laws_and_an_unknown_one_is_told_the_nearest() -> None:
    found = {
        name: float(throughput("kimi-k2.5", "b200", tp=8, batch=8, framework=name).tpot_s)
        for name in (None, "vllm", "trt-llm")
    }
    assert len(set(found.values())) == 3
    # ATOM runs on AMD alone: nothing of it is measured, so that the laws of all frameworks stand in
    assert float(throughput("kimi-k2.5", "b200", tp=8, batch=8, framework="atom").tpot_s) == found[None]
    with pytest.raises(InputError, match="did you mean 'vllm'"):
        throughput("kimi-k2.5", "b200", tp=8, framework="vlm")


def test_the_first_token_waits_for_the_host_where_kernels_are_started_one_by_one() -> None:
    # physics notes, section 4: 0.8 ms a layer of vLLM's prefill, 49 ms of Kimi's 61 layers
    deployment, _ = deploy("kimi-k2.5", "b200", "1000:1000", tp=8, framework="vllm")
    assert deployment.kernels["eager layer", ""].latency == 0.8e-3
    quiet = {name: law for name, law in deployment.kernels.items() if name[0] != "eager layer"}
    from fleetline.physics.serving import stage_times

    with_it, without = (stage_times(replace(deployment, kernels=laws), 1.0)[0] for laws in (deployment.kernels, quiet))
    assert float(with_it.latency_s - without.latency_s) == pytest.approx(61 * 0.8e-3)


@pytest.mark.parametrize("chip", ["H100 SXM", "H200 SXM", "B200 SXM", "B300 SXM", "GB200 NVL72", "GB300 NVL72"])
def test_a_measured_quantised_product_of_few_rows_is_no_faster_than_its_walk(chip: str) -> None:
    # physics notes, section 7: below about 13M weights a quantised product is no faster than a bf16 one
    laws = load().timings_of(chip).kernels
    wide, narrow = law_of(laws, "gemm", "bf16"), law_of(laws, "gemm", "fp8")
    assert wide is not None
    assert narrow is not None
    assert narrow.latency > wide.latency


def test_trt_llm_walks_along_k_at_the_published_pace() -> None:
    # README of the kernel data: B200 NVFP4 in TRT-LLM 6.4 us + 1.9 us per 1,024 of k
    law = load().timings_of("B200 SXM", "trt-llm").kernels["gemm", "fp4"]
    assert law.walk * 1024 == pytest.approx(1.9e-6, rel=0.1)
    assert law.latency == pytest.approx(6.4e-6, rel=0.1)


def test_laws_are_finite_and_shares_are_shares() -> None:
    for timings in load().timings.values():
        for law in timings.kernels.values():
            assert 0 <= law.latency < 1.0
            assert 0 < law.compute_share <= 1
            assert 0 < law.bandwidth_share <= 1
            assert law.activation_share > 0
            assert np.isfinite(law.walk)


@pytest.mark.parametrize(
    ("chip", "measured"), [("B200 SXM", True), ("MI355X", False), ("MI300X", False), ("TPU v7 Ironwood", False)]
)
@pytest.mark.parametrize("framework", ["", "vllm", "sglang"])
def test_a_chip_without_a_table_of_its_own_is_told_to_be_a_guess(chip: str, measured: bool, framework: str) -> None:
    assert load().timings_of(chip, framework).measured is measured
