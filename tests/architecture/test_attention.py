from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetline.architecture.attention import Attention, Compressed, GroupedQuery, Indexer, Latent, Recurrent

# moonshotai/Kimi-K2.5 config.json; article-numbers.md, preset `article`
KIMI = Latent(hidden=7168, heads=64, query_rank=1536, latent=512, nope_dim=128, rope_dim=64, value_dim=128)
# meta-llama/Llama-3.1-70B config.json
LLAMA = GroupedQuery(hidden=8192, heads=64, kv_heads=8, head_dim=128)
# openai/gpt-oss-120b config.json, its sliding-window layers
WINDOWED = GroupedQuery(hidden=2880, heads=64, kv_heads=8, head_dim=64, window=128)
OTHERS: list[Attention] = [
    replace(LLAMA, chunk=100.0),
    replace(LLAMA, top=100.0),
    replace(KIMI, top=100.0),
    Indexer(4.0, 128.0, 1e6, ratio=4.0),
    Compressed(128.0, 512.0, 1e6, window=128.0),
    Compressed(128.0, 512.0, 1e6, ratio=4.0, top=100.0),
    Recurrent(64.0, 128.0, 128.0, 1e6),
]
KINDS: list[Attention] = [KIMI, LLAMA, WINDOWED, *OTHERS]
each_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)


def test_each_kind_has_a_name() -> None:
    assert [kind.name for kind in KINDS] == [
        *("latent", "grouped-query", "sliding-window", "chunked", "sparse grouped-query", "sparse latent", "indexer"),
        *("shared-key window", "compressed 4:1", "recurrent"),
    ]


# --- weights ------------------------------------------------------------------------------------------------------------


def test_weights_of_grouped_query_attention() -> None:
    # by hand: Q and O are 8192 x 8192, K and V are 8192 x 1024
    assert LLAMA.weights == 2 * 8192 * 8192 + 2 * 8192 * 1024


def test_weights_of_latent_attention() -> None:
    # by hand, matrix by matrix: q_a, q_b, kv_a (with the RoPE key), kv_b, o
    assert KIMI.weights == 7168 * 1536 + 1536 * 64 * 192 + 7168 * 576 + 512 * 64 * 256 + 64 * 128 * 7168


def test_attention_of_kimi_is_6_168_billion_weights() -> None:
    # shared/data/world/models.csv, computed_attn_params_B of Kimi K2 (an independent count), to its three digits
    assert 61 * KIMI.weights == pytest.approx(6.168e9, abs=0.0005e9)


# --- what a pair costs --------------------------------------------------------------------------------------------------


def test_absorbed_attention_costs_four_times_a_same_shaped_multi_head_layer() -> None:
    # article, Decode: "about 4x"; (512 + 512) / (128 + 128)
    article = KIMI.article_costs
    assert article.decode_flop / article.prefill_flop == 4.0
    same_shaped = GroupedQuery(hidden=7168, heads=64, kv_heads=64, head_dim=128)
    assert article.prefill_flop == same_shaped.costs.prefill_flop


def test_with_rope_it_is_3_4_times() -> None:
    # article, Decode, prints "3x"; article-numbers.md: (576 + 512) / (192 + 128) = 3.4
    assert KIMI.costs.decode_flop / KIMI.costs.prefill_flop == pytest.approx(3.4, rel=1e-15)


def test_arithmetic_of_a_pair_by_hand() -> None:
    # two FLOP (multiply, add) for each of d_k + d_v values of each head
    assert LLAMA.costs.prefill_flop == LLAMA.costs.decode_flop == 2 * 64 * (128 + 128)
    assert KIMI.costs.prefill_flop == 2 * 64 * (192 + 128)
    assert KIMI.costs.decode_flop == 2 * 64 * (576 + 512)
    assert KIMI.article_costs.decode_flop == 2 * 64 * (512 + 512)


def test_cache_of_a_token_by_hand() -> None:
    # Llama 3.1 70B: K and V of 8 heads of 128; Kimi: latent 512 and 64 of RoPE, once for all heads
    assert LLAMA.costs.kept == 2 * 8 * 128
    assert KIMI.costs.kept == 512 + 64


def test_the_article_writes_576_values_a_token_and_reads_512() -> None:
    # article-numbers.md: "prefill write 61 x 576; decode read 61 x 512 (the article's own inconsistency)"
    article = KIMI.article_costs
    assert (article.prefill_write, article.decode_read, article.decode_write) == (576, 512, 0)
    full = KIMI.costs
    assert (full.prefill_write, full.decode_read, full.decode_write) == (576, 576, 576)


@pytest.mark.parametrize("kind", [LLAMA, WINDOWED], ids=lambda kind: kind.name)
def test_for_other_kinds_the_article_leaves_out_only_the_writes_of_decode(kind: GroupedQuery) -> None:
    assert kind.article_costs == replace(kind.costs, decode_write=0.0)


# --- pairs and context --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("window", [1, 7, 128, 1000, math.inf])
def test_pairs_are_the_sum_over_tokens_of_what_each_sees(window: float) -> None:
    # the sum over positions 1..S of min(position, window), less half a token's step where the formula is continuous
    kind = replace(LLAMA, window=window)
    for context in (1, 2, 127, 128, 129, 500):
        counted = sum(min(position, window) for position in range(1, context + 1))
        assert kind.pairs(float(context)) == counted - min(context, window) / 2


def test_decoding_attends_to_the_average_context() -> None:
    # article-numbers.md: "context = input + output/2", and half the input in causal prefill
    assert KIMI.pairs(8000.0) == 8000 * 4000
    assert KIMI.pairs(9000.0) - KIMI.pairs(8000.0) == 1000 * 8500


def test_a_window_keeps_no_more_than_itself() -> None:
    assert [float(WINDOWED.kept(context)) for context in (1.0, 127.0, 128.0, 129.0, 1e6)] == [1, 127, 128, 128, 128]
    assert [float(LLAMA.kept(context)) for context in (1.0, 1e6)] == [1, 1e6]


@each_kind
@given(context=st.floats(0, 1e6), more=st.floats(0, 1e6))
def test_more_context_is_never_fewer_pairs(kind: Attention, context: float, more: float) -> None:
    assert kind.pairs(context + more) >= kind.pairs(context)
    assert kind.kept(context + more) >= kind.kept(context)
    # no more than full attention, or, where a state is all there is, one a token
    assert kind.pairs(context) <= (context if kind.name == "recurrent" else context * context / 2.0) * (1.0 + 1e-12)


@each_kind
def test_an_array_is_its_elements(kind: Attention) -> None:
    contexts = np.array([0.0, 1.0, 100.0, 128.0, 4096.0, 1e6])
    np.testing.assert_array_equal(kind.pairs(contexts), [kind.pairs(one) for one in contexts.tolist()])
    np.testing.assert_array_equal(kind.kept(contexts), [kind.kept(one) for one in contexts.tolist()])


def test_a_window_longer_than_the_context_is_full_attention() -> None:
    assert replace(LLAMA, window=5000.0).pairs(5000.0) == LLAMA.pairs(5000.0)
    assert replace(LLAMA, window=4999.0).pairs(5000.0) < LLAMA.pairs(5000.0)


def test_a_chunk_begins_anew() -> None:
    # Llama 4, attention_chunk_size: a token sees those of its own chunk before it; half a token for itself, as everywhere
    kind = GroupedQuery(1000.0, 8.0, 2.0, 64.0, chunk=100.0)
    for context in (0, 1, 99, 100, 101, 250, 1000):
        assert kind.pairs(float(context)) == sum(token % 100 + 0.5 for token in range(context))
    assert (kind.kept(50.0), kind.kept(1000.0)) == (50.0, 100.0)
    np.testing.assert_array_equal(kind.pairs(np.array([100.0, 250.0])), [5000.0, 11250.0])


def test_a_key_that_is_the_value_is_projected_and_kept_once() -> None:
    # Gemma 4, full layers: 32 heads and 4 KV heads of 512, hidden width 5,376
    both = GroupedQuery(5376.0, 32.0, 4.0, 512.0)
    once = GroupedQuery(5376.0, 32.0, 4.0, 512.0, kv_vectors=1.0)
    assert both.weights - once.weights == 5376 * 4 * 512
    assert once.costs.kept == 4 * 512 == both.costs.kept / 2
    assert once.costs.decode_flop == both.costs.decode_flop


def test_a_query_that_is_not_compressed_comes_from_the_hidden_state() -> None:
    # DeepSeek-V2-Lite: 2,048 wide, 16 heads of 128 + 64
    kind = Latent(2048.0, 16.0, None, 512.0, 128.0, 64.0, 128.0)
    rest = 2048 * (512 + 64) + 512 * 16 * (128 + 128) + 16 * 128 * 2048
    assert kind.weights == 2048 * 16 * 192 + rest


def test_mamba_does_everything_to_its_state_but_correct_it() -> None:
    # arXiv:2405.21060, section 3: decay, write, read; the delta rule (arXiv:2412.06464) also corrects
    delta = Recurrent(128.0, 128.0, 64.0, 1e6)
    mamba = Recurrent(128.0, 128.0, 64.0, 1e6, updates=3.0)
    assert mamba.costs.decode_flop == 6 * 128 * 128 * 64 == 0.75 * delta.costs.decode_flop
    assert mamba.costs.decode_read == delta.costs.decode_read
