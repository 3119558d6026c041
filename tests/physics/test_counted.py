"""What one pass starts, counted by hand for a model of ten layers and round numbers; and whole replicas for two pools."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from harness import FP4, FP8, GROUPED, LATENT, made, made_model

from fleetline.architecture.attention import Attention, Compressed, Indexer, Kept, Recurrent
from fleetline.architecture.model import AttentionLayers, Experts, Model, WeightPart
from fleetline.catalog import load
from fleetline.catalog.types import Checkpoint, Chip, NumberFormat, System
from fleetline.errors import InputError
from fleetline.physics.kernels import activations, block_of, calls_of, core_of, multiplications, projections
from fleetline.physics.money import Terms
from fleetline.physics.network import fabric_of
from fleetline.physics.stages import Stage
from fleetline.physics.work import (
    Operation,
    Work,
    beside,
    decode_work,
    prefill_passes,
    prefill_work,
    verify_bytes,
    weights_read,
)

BF16 = NumberFormat("bf16", 2.0, "bf16")
INDEXER, KEPT, STATE = Indexer(8.0, 64.0, 1e6), Kept(512.0, 1e6), Recurrent(4.0, 16.0, 32.0, 1e6)
COMPRESSED, WINDOW = Compressed(8.0, 64.0, 1e6, 4.0), Compressed(8.0, 64.0, 1e6, window=128.0)


def of(*kinds: Attention, parts: tuple[str, ...] = ("attention",)) -> Model:
    """A model with ten layers of each kind."""
    groups = tuple(AttentionLayers(10, kind, kind.costs) for kind in kinds)
    weights = tuple(WeightPart(name, 12e6, 12e6) for name in parts)
    return replace(made_model(), attention=groups, parts=weights, experts=Experts(384.0, 24.0, 6.0))


def layers(kind: Attention, share: float = 1.0) -> AttentionLayers:
    return AttentionLayers(10, kind, kind.costs, heads_here=share)


# --- kernels ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "depths"),
    [  # the residual stream is 1000 wide; heads are shared by two
        (LATENT, (1000, 300, 64, 128, 8 * 64 / 2)),  # q_a with kv_a, q_b, absorb, value, o
        (replace(LATENT, query_rank=None), (1000, 64, 128, 8 * 64 / 2)),
        (GROUPED, (1000, 8 * 64 / 2)),  # qkv, o
        (INDEXER, (1000, 1000)),  # index query and key
        (WINDOW, (1000, 1000, 1000, 1000)),
        (COMPRESSED, (1000,)),
        (KEPT, (1000,)),
        (STATE, (1000, 4 * 32 / 2)),  # inputs, output
    ],
)
def test_the_products_of_an_attention_layer_and_what_they_walk_along(kind: Attention, depths: tuple[float, ...]) -> None:
    assert projections(of(kind), layers(kind, 0.5)) == (10 * len(depths), 10 * sum(depths))


@pytest.mark.parametrize(
    ("part", "calls", "depth"),
    [  # six sparse layers and four dense ones; 12e6 weights over 3 x 1000 are 4000 of inner width in all
        ("dense_ffn", 2 * 4, 4 * 1000 + 4000),
        ("shared_experts", 2 * 6, 6 * 1000 + 4000),
        ("router", 6, 6 * 1000),
        ("head", 1, 1000),
        ("routed_experts", 6, 0),  # one fused kernel a layer
        ("rest", 50 + 2 * 4 + 3 * 6 + 1, 0),  # everything but the experts, as the article counts
        ("embedding", 0, 0),
    ],
)
def test_the_products_of_every_other_part(part: str, calls: float, depth: float) -> None:
    assert multiplications(of(LATENT), WeightPart(part, 12e6, 12e6)) == (calls, depth)
    if part == "dense_ffn":
        assert multiplications(replace(of(LATENT), experts=None), WeightPart(part, 12e6, 12e6)) == (20, 10 * 1000 + 4000)


def test_experts_hand_on_four_streams_and_six_inner_vectors_a_pair() -> None:
    # 7 tokens of 24 experts in 6 layers, of an inner width of 2000: 6 x 1000 x 2000 FLOP a pair
    pairs = 7.0 * 24 * 6
    assert activations(of(LATENT), 7.0, pairs * 6 * 1000 * 2000) == pairs * (4 * 1000 + 6 * 2000)
    assert activations(replace(of(LATENT), experts=None), 7.0, 1e9) == 0.0


@pytest.mark.parametrize(
    ("kind", "core", "block", "small"),
    [
        (LATENT, "latent", "latent", 3.0),
        (replace(LATENT, top=2048.0), "latent", "sparse latent", 3.0),
        (GROUPED, "grouped", "", 2.0),
        (replace(GROUPED, window=128.0), "windowed", "", 2.0),
        (replace(GROUPED, chunk=8192.0), "windowed", "", 2.0),
        (replace(GROUPED, top=2048.0), "grouped", "sparse grouped", 2.0),
        (COMPRESSED, "latent", "compressed", 2.0),
        (replace(COMPRESSED, top=512.0), "latent", "compressed top", 2.0),
        (KEPT, "latent", "", 1.0),
        (STATE, "recurrent", "", 2.0),
    ],
)
def test_the_measured_kernel_and_block_of_every_kind(kind: Attention, core: str, block: str, small: float) -> None:
    assert core_of(layers(kind)) == core
    assert block_of(of(kind), layers(kind)) == block
    assert calls_of(kind).small == small


def test_an_index_is_part_of_the_block_that_attends_to_what_it_finds() -> None:
    sparse, top = replace(LATENT, top=2048.0), replace(COMPRESSED, top=512.0)
    assert block_of(of(INDEXER), layers(INDEXER)) == ""
    assert block_of(of(LATENT, INDEXER), layers(INDEXER)) == ""
    assert block_of(of(INDEXER, sparse), layers(INDEXER)) == "sparse latent"
    assert block_of(of(COMPRESSED, INDEXER, top), layers(INDEXER)) == "compressed top"


def test_a_block_is_started_once_by_the_kind_that_leads_it() -> None:
    assert calls_of(LATENT).leads(LATENT)
    assert not calls_of(INDEXER).leads(INDEXER)
    assert [calls_of(one).leads(one) for one in (COMPRESSED, WINDOW, replace(COMPRESSED, top=512.0))] == [False, True, True]


# --- the operations of a pass ---------------------------------------------------------------------------------------------

CHECKPOINT = Checkpoint("made", "made", "fp4", {"attention": BF16, "routed_experts": FP4, "head": FP8}, FP8)
PROMPT = Stage(sequences=3.0, passes=1.0, tokens=100.0, start=0.0, end=100.0)


def test_operations_say_which_kernels_they_start_and_how_often() -> None:
    # 300 prompt tokens in chunks of 60: five passes
    model = of(LATENT, parts=("attention", "routed_experts", "head"))
    found = prefill_work(model, CHECKPOINT, PROMPT, 60.0)
    calls = {one.name: (one.kind, one.law, float(one.calls), float(one.depth), one.block) for one in found.linear}
    assert calls == {
        "attention": ("gemm", "bf16", 5 * 50, 5 * 10 * (1000 + 300 + 64 + 128 + 512), "latent block prefill"),
        "routed_experts": ("experts", "fp4", 5 * 6, 0, ""),
        "head": ("gemm", "fp8", 5, 5 * 1000, ""),
    }
    (core,) = found.attention
    assert (core.kind, core.law, core.calls, core.block_calls) == ("latent prefill", "fp8", 5 * 10, 5 * 10)
    assert (core.name, core.block, core.block_law) == ("latent attention", "latent block prefill", "bf16/fp8")
    between = [(one.name, one.kind, float(one.calls), one.block, one.block_law) for one in found.between]
    assert between == [
        ("small", "small", 5 * 10 * 3, "latent block prefill", "bf16/fp8"),
        ("small", "small", 5 * 10, "", ""),
        ("host", "host", 5, "", ""),
        ("eager layer", "eager layer", 5 * 10, "", ""),
    ]
    assert all((one.flop, one.bytes_moved, one.precision) == (0.0, 0.0, "") for one in found.between)


def test_projections_of_several_kinds_share_the_weights_they_have() -> None:
    model = of(LATENT, GROUPED, parts=("attention",))
    found = decode_work(model, CHECKPOINT, Stage(2.0, 7.0, 1.0, 100.0, 107.0)).linear
    assert [one.name for one in found] == [f"{kind.name} projections" for kind in (LATENT, GROUPED)]
    share = LATENT.weights / (LATENT.weights + GROUPED.weights)
    flop, moved = 2 * 12e6 * 2 * 7, 12e6 * 2.0 * 7
    assert [one.flop for one in found] == pytest.approx([flop * share, flop * (1 - share)])
    assert [one.bytes_moved for one in found] == pytest.approx([moved * share, moved * (1 - share)])
    assert [one.calls for one in found] == [7 * 50, 7 * 20]
    assert [one.block for one in found] == ["latent block decode", ""]


def test_experts_alone_hand_anything_on() -> None:
    model = of(LATENT, parts=("attention", "routed_experts"))
    attention, experts = decode_work(model, CHECKPOINT, Stage(2.0, 7.0, 1.0, 100.0, 107.0)).linear
    assert attention.activation_bytes == 0.0
    assert experts.activation_bytes == activations(model, 14.0, float(experts.flop))


def test_prompts_are_run_in_one_pass_at_least_where_anything_is_run() -> None:
    assert prefill_passes(PROMPT, 60.0) == 5.0
    assert prefill_passes(PROMPT, 1e4) == 1.0
    three = Stage(sequences=1.0, passes=3.0, tokens=10.0, start=0.0, end=30.0)
    assert prefill_passes(three, 1e4) == 1.0  # three turns of one chunk together
    assert prefill_passes(replace(three, passes=0.0), 1e4) == 0.0


def test_the_weights_that_a_stage_reads_are_those_that_it_multiplies() -> None:
    # the head is needed at the prompt's end alone: one of 100 tokens, of which each reads a thousandth
    head = WeightPart("head", 12e6, 12e6, touched_by_one=1e-3, prompt_share=0.0)
    model = replace(of(LATENT, GROUPED), parts=(WeightPart("attention", 12e6, 12e6), head))
    prefill, decode = prefill_work(model, CHECKPOINT, PROMPT).linear, decode_work(model, CHECKPOINT, PROMPT).linear
    for linear, in_prefill in ((prefill, True), (decode, False)):
        read = weights_read(model, CHECKPOINT, PROMPT, in_prefill=in_prefill)
        assert [(one.name, one.bytes_moved) for one in read] == [(one.name, one.bytes_moved) for one in linear]
    assert prefill[-1].bytes_moved == pytest.approx(12e6 * (1 - 0.999**3))  # three prompts
    assert decode[-1].bytes_moved == pytest.approx(12e6 * (1 - 0.999**300))


def test_a_draft_runs_its_own_operations_beside_the_model_s() -> None:
    one, other = (Operation(name, 1.0, "fp8", 1.0) for name in ("one", "other"))
    both = beside(Work((one,), (other,), 10.0, (one,)), Work((one,), (other,), 4.0, (other,)), 0.25)
    assert [each.name for each in both.linear] == ["one", "draft one"]
    assert [each.name for each in both.attention] == ["other", "draft other"]
    assert (both.steps, both.between) == (11.0, (one, other))


def test_a_state_is_kept_for_every_token_to_verify() -> None:
    # ten layers of 4 x 16 x 32 values of 4 bytes, for each of 5 tokens but the pass's own; caches need none
    assert verify_bytes(of(STATE), CHECKPOINT, 5.0) == 10 * 4 * 16 * 32 * 4 * 4
    assert verify_bytes(of(LATENT), CHECKPOINT, 5.0) == 0.0


# --- chips, links, pools --------------------------------------------------------------------------------------------------


def test_the_fabric_of_a_system_is_its_chip_s_links_and_measured_laws() -> None:
    timings = load().timings_of("B200 SXM")
    chip = Chip("made", scaleup_bandwidth=9e11, scaleup_domain=8)
    found = fabric_of(System("rack", chip, 16.0), timings)
    assert (found.link, found.domain, found.imbalance) == (9e11, 8.0, timings.imbalance)
    assert (found.out_latency, found.out_bandwidth) == (timings.scale_out_latency, timings.scale_out_bandwidth)
    assert found.laws is timings.collectives
    # where nothing is said of a domain, all GPUs share the links
    several = System("rack", replace(chip, scaleup_domain=None), np.array([4.0, 16.0]))
    assert fabric_of(several, timings).domain == 16.0
    with pytest.raises(InputError, match="system rack: no scale-up bandwidth is known of made") as refused:
        fabric_of(System("rack", Chip("made"), 8.0), timings)
    assert (refused.value.field, refused.value.got) == ("system", "rack")


def test_every_token_pays_for_the_chips_that_are_not_sold() -> None:
    system = System("rack", Chip("made", rent=2.0, own=1.0), 4.0)
    assert Terms().usd_per_s(system) == 8.0
    assert Terms("own", 0.5).usd_per_s(system) == 8.0
    assert math.isnan(float(Terms("own").usd_per_s(System("rack", Chip("made", rent=2.0), 4.0))))


def test_a_made_up_deployment_has_no_measured_block() -> None:
    what = made()
    assert {one.block for one in decode_work(what.model, what.checkpoint, PROMPT).linear} == {""}
