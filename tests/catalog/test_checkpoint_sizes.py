"""Sizes of published checkpoints by hand, the formats of their parts, and what chips without fp4 make of them."""

from __future__ import annotations

import pytest

from fleetline.catalog import load
from fleetline.deployment import deploy
from fleetline.physics.work import cache_bytes, weight_bytes

# bytes per weight: 4 bit and an 8-bit scale per 16 weights, or a 16-bit one per 32; 4 bit and an 8-bit scale per 32
NVFP4, INT4, MXFP4, BF16 = 0.5625, 0.5625, 0.53125, 2.0
# physics notes, section 2, elements a layer [M]: q_a, q_b, kv_a, kv_b, o; router, experts 3 x hidden x inner
KIMI_ATTENTION = 61 * (7168 * 1536 + 1536 * 64 * 192 + 7168 * 576 + 512 * 64 * 256 + 64 * 128 * 7168)
KIMI_ROUTED, KIMI_SHARED, KIMI_FIRST = 60 * 384 * 3 * 7168 * 2048, 60 * 3 * 7168 * 2048, 3 * 7168 * 18432
KIMI_WIDE = KIMI_ATTENTION + 60 * 384 * 7168 + 2 * 163840 * 7168  # attention, router, embedding and head
R1_ATTENTION = 61 * (7168 * 1536 + 1536 * 128 * 192 + 7168 * 576 + 512 * 128 * 256)
R1_OUTPUT, R1_ROUTED = 61 * 128 * 128 * 7168, 58 * 256 * 3 * 7168 * 2048
R1_MLP = 58 * 3 * 7168 * 2048 + 3 * 3 * 7168 * 18432
R1_WIDE = R1_ATTENTION + 58 * 256 * 7168 + 2 * 129280 * 7168
GPT_OSS_WIDE = 36 * 2880 * 64 * (2 * 64 + 2 * 8) + 36 * 128 * 2880 + 2 * 201088 * 2880

SIZES = {  # physics notes, section 2, table of checkpoints
    "nvidia/kimi-k2.6-nvfp4": KIMI_ROUTED * NVFP4 + (KIMI_SHARED + KIMI_FIRST + KIMI_WIDE) * BF16,  # 594.2 GB
    "nvidia/kimi-k2.5-nvfp4": (KIMI_ROUTED + KIMI_SHARED + KIMI_FIRST) * NVFP4 + KIMI_WIDE * BF16,  # 589.8 GB
    "moonshotai/kimi-k2.5": KIMI_ROUTED * INT4 + (KIMI_SHARED + KIMI_FIRST + KIMI_WIDE) * BF16,  # 594.2 GB
    "nvidia/deepseek-r1-0528-nvfp4-v2": (R1_ROUTED + R1_MLP + R1_OUTPUT) * NVFP4 + R1_WIDE * BF16,  # o_proj in fp4 too
    "openai/gpt-oss-120b": 36 * 128 * 3 * 2880 * 2880 * MXFP4 + GPT_OSS_WIDE * BF16,  # 65.2 GB
}


@pytest.mark.parametrize("name", SIZES)
def test_a_checkpoint_has_the_bytes_counted_by_hand(name: str) -> None:
    checkpoint = load().checkpoints[name]
    found = float(weight_bytes(load().models[checkpoint.model], checkpoint))
    assert found == pytest.approx(SIZES[name], rel=2e-3)  # biases and norms are in neither count but in gpt-oss's


def test_the_output_projection_alone_differs_from_its_release_before() -> None:
    # physics notes, section 2: v1 left o_proj in bf16, 7.16 G weights that v2 stores in 0.5625 bytes
    checkpoint = load().checkpoints["nvidia/deepseek-r1-0528-nvfp4-v2"]
    assert checkpoint.formats["attention"].bytes_per_weight == pytest.approx(
        (R1_ATTENTION * BF16 + R1_OUTPUT * NVFP4) / (R1_ATTENTION + R1_OUTPUT), rel=1e-6
    )


def test_attention_is_read_in_bf16_and_its_cache_apart() -> None:
    # physics notes, section 2: bf16 attention of Kimi's NVFP4 checkpoint is 12.3 GB; 35,136 cache elements a token
    catalog = load()
    model, checkpoint = catalog.models["kimi-k2.5"], catalog.checkpoints["nvidia/kimi-k2.5-nvfp4"]
    assert KIMI_ATTENTION * checkpoint.formats["attention"].bytes_per_weight == pytest.approx(12.3e9, rel=5e-3)
    assert cache_bytes(model, checkpoint, 1.0) == 35136.0
    assert cache_bytes(model, catalog.checkpoints["moonshotai/kimi-k2.5"], 1.0) == 2.0 * 35136.0


@pytest.mark.parametrize(
    ("model", "precision", "system", "computed", "law"),
    [
        ("kimi-k2.5", "fp4", "b200", "fp4", "fp4"),
        ("kimi-k2.5", "fp4", "h200", "bf16", "w4a16"),
        ("kimi-k2.5", "int4", "b200", "bf16", "int4"),
        ("gpt-oss-120b", "fp4", "b200", "fp8", "w4a8"),
        ("gpt-oss-120b", "fp4", "h100", "bf16", "w4a16"),
        ("deepseek-v4-pro", "fp4", "h200", "bf16", "w4a16"),
        ("deepseek-v4-pro", "fp4", "mi355x", "fp8", "w4a8"),
        ("deepseek-r1", "fp8", "h200", "fp8", "fp8"),
    ],
)
def test_experts_are_computed_in_what_the_chip_really_has(
    model: str, precision: str, system: str, computed: str, law: str
) -> None:
    # physics notes, section 2: W4A16 through Marlin on Hopper, whatever the label says; INT4 in bf16 everywhere
    deployment, _ = deploy(model, system, counting="checkpoint", precision=precision)
    stored = deployment.checkpoint.formats["routed_experts"]
    assert (stored.compute_precision, stored.law) == (computed, law)
    before = load().checkpoints[deployment.checkpoint.name].formats["routed_experts"]
    assert stored.bytes_per_weight == before.bytes_per_weight
