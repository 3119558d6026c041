"""Arithmetic and bytes counted by hand, for the article's Kimi K2.6 and for a model of round numbers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from harness import FP8, GROUPED, ROUNDING, made, made_model

from fleetline.catalog import load
from fleetline.catalog.types import NumberFormat
from fleetline.deployment import deploy
from fleetline.physics import serving
from fleetline.physics.serving import Deployment
from fleetline.physics.stages import Stage, plan
from fleetline.physics.work import Operation, Work, activation_bytes, cache_bytes, decode_work, prefill_work, weight_bytes

B = 100.0


def kimi(counting: str = "article", workload: str = "8000:1000") -> Deployment:
    return deploy("kimi-k2.6", "gb200-nvl72", workload, preset="ideal", counting=counting)[0]


def stages(deployment: Deployment, batch: float = B) -> tuple[Work, Work]:
    return serving.work(deployment, batch)


def total_flop(operations: tuple[Operation, ...]) -> float:
    return float(sum(operation.flop for operation in operations))


def total_bytes(operations: tuple[Operation, ...]) -> float:
    return float(sum(operation.bytes_moved for operation in operations))


# --- the article's Kimi -------------------------------------------------------------------------------------------------


def test_weight_multiplications_are_two_flop_per_active_weight_and_token() -> None:
    # article, Prefill: 2 FLOP x 32e9 active x 8,000 tokens a request; in decode 1,000 tokens
    prefill, decode = stages(kimi())
    assert total_flop(prefill.linear) == pytest.approx(2 * 32e9 * 8000 * B, rel=ROUNDING)
    assert total_flop(decode.linear) == pytest.approx(2 * 32e9 * 1000 * B, rel=ROUNDING)


def test_attention_of_prefill_is_causal_and_not_absorbed() -> None:
    # article-numbers.md: 2 x layers x heads x (d_k + d_v) per pair; average context = input/2
    prefill, _ = stages(kimi())
    assert total_flop(prefill.attention) == 2 * 61 * 64 * (128 + 128) * 8000 * 4000 * B


def test_attention_of_decode_is_absorbed() -> None:
    # article-numbers.md: 2 x layers x heads x (512 + 512) per pair; context = input + output/2
    _, decode = stages(kimi())
    assert total_flop(decode.attention) == 2 * 61 * 64 * (512 + 512) * 1000 * 8500 * B


def test_cache_written_by_prefill_and_read_by_decode() -> None:
    # article, Prefill: "280B megabytes", 61 x 576 values of a byte; Decode: 265 MB a request and step, 61 x 512
    prefill, decode = stages(kimi())
    assert total_bytes(prefill.attention) == 61 * 576 * 8000 * B
    assert total_bytes(decode.attention) == pytest.approx(61 * 512 * 8500 * 1000 * B, rel=ROUNDING)


def test_weights_are_read_once_in_prefill_and_once_a_step_in_decode() -> None:
    # article, Prefill: 500 GB of weights; Decode: 868 ms for 1,000 reads at 576 TB/s. Many requests need every expert
    prefill, decode = stages(kimi(), batch=1e6)
    assert total_bytes(prefill.linear) == pytest.approx(500e9, rel=ROUNDING)
    assert total_bytes(decode.linear) == pytest.approx(500e9 * 1000, rel=ROUNDING)


def test_a_step_for_one_request_reads_the_active_weights_only() -> None:
    # top-8 of 384 experts, exactly: 32e9 active weights of half a byte
    _, decode = stages(kimi(), batch=1.0)
    assert total_bytes(decode.linear) == pytest.approx(32e9 * 0.5 * 1000, rel=ROUNDING)


def test_weights_are_multiplied_in_fp4_and_attention_in_fp8() -> None:
    # article-numbers.md, preset `article`, arithmetic
    for stage in stages(kimi()):
        assert {operation.precision for operation in stage.linear} == {"fp4"}
        assert {operation.precision for operation in stage.attention} == {"fp8"}


def test_only_decode_has_steps() -> None:
    prefill, decode = stages(kimi())
    assert (prefill.steps, decode.steps) == (0.0, 1000.0)


# --- the checkpoint's Kimi ----------------------------------------------------------------------------------------------


def test_the_published_checkpoint_is_594_gigabytes() -> None:
    # article-numbers.md, What the article could not see: "about 594 GB instead of 500 GB", so to half of its last digit
    deployment, setting = deploy("kimi-k2.6", "gb200-nvl72", counting="checkpoint")
    assert setting["checkpoint"] == "nvidia/kimi-k2.6-nvfp4"
    assert weight_bytes(deployment.model, deployment.checkpoint) == pytest.approx(594e9, abs=0.5e9)


def test_its_multiplications_take_about_twice_the_time() -> None:
    # shared/data/world/README.md, point 7: 10.5B of 31.7B active parameters run in bf16, "about 2x the all-FP4 value"
    deployment = kimi("checkpoint")
    peak = {"fp4": 1.0, "bf16": 0.25}  # GB200: 10 and 2.5 PFLOP/s dense
    seconds = sum(
        part.active / peak[deployment.checkpoint.formats[part.name].compute_precision] for part in deployment.model.parts
    )
    in_bf16 = sum(
        part.active
        for part in deployment.model.parts
        if deployment.checkpoint.formats[part.name].compute_precision == "bf16"
    )
    assert in_bf16 == pytest.approx(10.5e9, abs=0.05e9)
    assert seconds / deployment.model.active_parameters == pytest.approx(2.0, abs=0.05)


def test_absorbed_attention_with_rope_costs_3_4_times() -> None:
    # article-numbers.md: (576 + 512) / (192 + 128)
    (layers,) = kimi("checkpoint").model.attention
    assert layers.costs.decode_flop / layers.costs.prefill_flop == pytest.approx(3.4, rel=1e-15)


def test_the_head_is_needed_for_the_last_prompt_token_only() -> None:
    deployment = kimi("checkpoint")
    prefill, decode = stages(deployment)
    head = 163840 * 7168  # vocabulary x hidden size: Kimi K2.6 config.json
    (in_prefill,) = [operation for operation in prefill.linear if operation.name == "head"]
    (in_decode,) = [operation for operation in decode.linear if operation.name == "head"]
    assert in_prefill.flop == 2 * head * B
    assert in_decode.flop == 2 * head * B * 1000


def test_decode_writes_its_own_tokens_to_the_cache() -> None:
    _, decode = stages(kimi("checkpoint"))
    element = kimi("checkpoint").checkpoint.kv_cache.bytes_per_weight
    assert total_bytes(decode.attention) == pytest.approx(61 * 576 * (8500 * 1000 + 1000) * B * element, rel=ROUNDING)


# --- experts ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tokens", [1, 2, 16, 64])
def test_expected_distinct_experts_are_those_of_a_direct_simulation(tokens: int) -> None:
    # uniform routing: every token draws 8 different experts of 384; a fixed seed
    rng = np.random.default_rng(20260501)
    trials = 400
    drawn = rng.random((trials, tokens, 384)).argpartition(8, axis=2)[:, :, :8]
    distinct = np.array([len(np.unique(trial)) for trial in drawn])
    part = made_model(routed=384.0, share=8 / 384).parts[1]
    # four standard errors of the simulated mean; a single token has none: it needs exactly 8
    error = 4 * distinct.std(ddof=1) / np.sqrt(trials)
    assert part.touched(float(tokens)) == pytest.approx(float(distinct.mean()), abs=float(error) + 384 * ROUNDING)


def test_the_simulation_catches_experts_that_are_never_shared() -> None:
    # the control: without sharing, 64 tokens would need 8 x 64 = 512 of 384 experts
    part = made_model(routed=384.0, share=8 / 384).parts[1]
    assert part.touched(64.0) < 300
    assert part.touched(64.0) != pytest.approx(min(8 * 64, 384), rel=0.05)


def test_speculation_reads_the_experts_of_every_verified_token() -> None:
    part = made_model().parts[1]
    checked = decode_work(made_model(), made().checkpoint, Stage(B, 100.0, 8.0, 4000.0, 4300.0))
    (experts,) = [operation for operation in checked.linear if operation.name == "routed_experts"]
    assert experts.bytes_moved == part.touched(8 * B) * 0.5 * 100.0


# --- stages and memory --------------------------------------------------------------------------------------------------


def test_a_plan_is_one_pass_over_the_prompt_and_one_per_output_token() -> None:
    what = plan(8000.0, 1000.0, B)
    assert what.prefill == Stage(sequences=B, passes=1.0, tokens=8000.0, start=0.0, end=8000.0)
    assert what.decode == Stage(sequences=B, passes=1000.0, tokens=1.0, start=8000.0, end=9000.0)
    assert what.prefill.tokens_per_pass == 8000 * B
    assert what.prefill.tokens_per_position == what.decode.tokens_per_position == 1.0


def test_memory_of_the_cache_by_hand() -> None:
    article, full = kimi(), kimi("checkpoint")
    assert cache_bytes(article.model, article.checkpoint, 9000.0) == 61 * 576 * 9000
    assert cache_bytes(full.model, full.checkpoint, 9000.0) == 61 * 576 * 9000 * full.checkpoint.kv_cache.bytes_per_weight


def test_a_window_holds_its_cache_and_its_work_down() -> None:
    model = made_model(attention=replace(GROUPED, window=128.0))
    checkpoint = made().checkpoint
    assert cache_bytes(model, checkpoint, 9000.0) == cache_bytes(model, checkpoint, 128.0) == 10 * 2 * 2 * 64 * 128
    what = plan(8000.0, 1000.0, 1.0)
    decode = decode_work(model, checkpoint, what.decode)
    # each of the 1,000 tokens reads 128 tokens and writes one, in each of 10 layers
    assert decode.attention[0].bytes_moved == 10 * 256 * (128 * 1000 + 1000)
    assert decode.attention[0].flop == 10 * 2 * 8 * 128 * 128 * 1000
    # a prompt token is written whether it is kept or not
    assert prefill_work(model, checkpoint, what.prefill).attention[0].bytes_moved == 10 * 256 * 8000


def test_activations_are_three_vectors_a_token() -> None:
    assert activation_bytes(made_model(), 1024.0, 2.0) == 3 * 1000 * 1024 * 2


def test_a_wider_format_is_more_bytes_and_the_same_arithmetic() -> None:
    deployment = made()
    wide = replace(
        deployment,
        checkpoint=replace(
            deployment.checkpoint,
            formats=dict.fromkeys(deployment.checkpoint.formats, FP8),
            kv_cache=NumberFormat("bf16", 2.0, "bf16"),
        ),
    )
    for narrow_stage, wide_stage in zip(stages(deployment), stages(wide), strict=True):
        assert total_flop(wide_stage.linear) == total_flop(narrow_stage.linear)
        assert total_bytes(wide_stage.linear) == pytest.approx(2 * total_bytes(narrow_stage.linear), rel=ROUNDING)
        assert total_bytes(wide_stage.attention) == pytest.approx(2 * total_bytes(narrow_stage.attention), rel=ROUNDING)
        assert {operation.precision for operation in wide_stage.linear} == {"fp8"}
        assert {operation.precision for operation in wide_stage.attention} == {"bf16"}


def test_twice_the_requests_are_twice_the_arithmetic_and_cache_traffic() -> None:
    for one, two in zip(stages(made(), B), stages(made(), 2 * B), strict=True):
        assert total_flop(two.linear) == 2 * total_flop(one.linear)
        assert total_flop(two.attention) == 2 * total_flop(one.attention)
        assert total_bytes(two.attention) == 2 * total_bytes(one.attention)
        assert total_bytes(two.linear) < 2 * total_bytes(one.linear)


def test_a_prompt_passes_the_second_half_of_an_encoder_decoder_with_its_end_alone() -> None:
    # by hand: half of the experts' work for 8,000 tokens, the other half for the last 128, which fill the windows
    model, checkpoint = load().model("deepseek-v4.1-flash"), load().checkpoints["deepseek-ai/deepseek-v4.1-flash"]
    prefill = prefill_work(model, checkpoint, plan(8000.0, 1000.0, 1.0).prefill)
    experts = next(operation for operation in prefill.linear if operation.name == "routed_experts")
    active = 40 * 6 * 3 * 5120 * 2304
    assert experts.flop == pytest.approx(2 * active * (8000 / 2 + 128 / 2))
    # windows: the first 20 layers see min(s, 128) tokens for all of the prompt, the last 20 for its last 128
    windows = [operation for operation in prefill.attention if "window" in operation.name]
    pair = 4 * 64 * 512
    by_hand = [20 * pair * (128 * 128 / 2 + (8000 - 128) * 128), 20 * pair * 128 * 128]
    assert [operation.flop for operation in windows] == pytest.approx(by_hand)
    # three layers keep an entry of 512 + 128 values for two tokens, one keeps one a token
    kept = [operation.bytes_moved for operation in prefill.attention if operation.name.startswith("kept")]
    assert kept == pytest.approx([3 * 640 / 2 * 8000 * 0.55625, 640 * 8000 * 0.55625])
