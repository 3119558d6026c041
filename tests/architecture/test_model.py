from __future__ import annotations

import numpy as np
import pytest
from harness import GROUPED, LATENT, ROUNDING, made_model
from hypothesis import given
from hypothesis import strategies as st

from fleetline.architecture.model import AttentionLayers, Model, WeightPart, as_the_article_counts
from fleetline.catalog import load

EXPERTS = WeightPart("routed_experts", elements=384e9, active=8e9, touched_by_one=8 / 384)


def kimi() -> Model:
    return load().model("kimi-k2.6")


# --- weight parts -------------------------------------------------------------------------------------------------------


def test_one_token_reads_exactly_its_own_experts() -> None:
    assert EXPERTS.touched(1.0) == pytest.approx(8e9, rel=ROUNDING)


def test_many_tokens_read_all_experts_and_no_more() -> None:
    assert EXPERTS.touched(1e6) == 384e9
    assert WeightPart("attention", 5e9, 5e9).touched(1.0) == 5e9


def test_two_tokens_share_the_experts_they_have_in_common() -> None:
    # by hand: the second token finds 8/384 of its experts already read
    assert EXPERTS.touched(2.0) == pytest.approx(8e9 * (2 - 8 / 384), rel=ROUNDING)


@given(tokens=st.floats(1, 1e5), more=st.floats(0, 1e5))
def test_each_further_token_reads_a_little_more_and_never_more_than_a_token_alone(tokens: float, more: float) -> None:
    fewer, all_ = EXPERTS.touched(tokens), EXPERTS.touched(tokens + more)
    assert fewer <= all_ <= EXPERTS.elements
    assert all_ - fewer <= more * 8e9 * (1 + ROUNDING) + EXPERTS.elements * ROUNDING


def test_an_array_of_tokens_is_its_elements() -> None:
    tokens = np.array([1.0, 2.0, 64.0, 1e4])
    one_by_one = np.array([float(EXPERTS.touched(one)) for one in tokens.tolist()])
    # numpy's power of an array and the C library's of a number may differ in the last place (2.2e-16)
    np.testing.assert_allclose(np.asarray(EXPERTS.touched(tokens)), one_by_one, rtol=ROUNDING)


# --- models -------------------------------------------------------------------------------------------------------------


def test_counts_are_sums_over_parts() -> None:
    model = made_model(rest=3e9, routed=8e9, share=1 / 16)
    assert model.total_parameters == 11e9
    assert model.active_parameters == 3.5e9
    assert model.routed_share == 1 / 16
    assert made_model(routed=0.0).parts[0].name == "rest"


def test_kimi_by_its_parts() -> None:
    # shared/data/world/models.csv, the independent count of Kimi K2.6: computed_* columns [1e9], to their three digits
    parts = {part.name: part.elements / 1e9 for part in kimi().parts}
    assert parts["attention"] == pytest.approx(6.168, abs=0.0005)
    assert parts["routed_experts"] == pytest.approx(1014.686, abs=0.0005)
    assert parts["shared_experts"] + parts["dense_ffn"] == pytest.approx(3.039, abs=0.0005)
    assert parts["embedding"] + parts["head"] == pytest.approx(2.349, abs=0.001)


def test_experts_of_kimi_are_top_8_of_384() -> None:
    assert kimi().routed_share == 8 / 384
    assert load().model("llama-3.1-70b").routed_share == 0.0


def test_the_cache_grows_by_full_layers_only() -> None:
    windowed = made_model(attention=GROUPED).attention[0]
    model = made_model(attention=LATENT)
    assert model.kv_elements_per_token == 10 * (128 + 16)
    assert windowed.costs.kept == 2 * 2 * 64
    # gpt-oss-120b: 18 full layers of 8 KV heads x 64; the other 18 keep 128 tokens, however long the context is
    assert load().model("gpt-oss-120b").kv_elements_per_token == 18 * 2 * 8 * 64


# --- the article's counting ---------------------------------------------------------------------------------------------


def test_the_article_rounds_kimi_to_a_trillion_weights_of_which_32_billion_are_active() -> None:
    # article-numbers.md, preset `article`: 1e12 weights, 32e9 active, top-8 of 384
    rounded = as_the_article_counts(kimi())
    assert rounded.total_parameters == pytest.approx(1e12, rel=ROUNDING)
    assert rounded.active_parameters == pytest.approx(32e9, rel=ROUNDING)
    assert rounded.routed_share == 8 / 384
    assert [part.name for part in rounded.parts] == ["rest", "routed_experts"]
    (layers,) = rounded.attention
    assert (layers.count, layers.costs) == (61, layers.attention.article_costs)


@pytest.mark.parametrize("name", sorted(load().models))
def test_rounding_keeps_both_published_counts_of_every_model(name: str) -> None:
    model = load().model(name)
    if model.published_total is None or model.published_active is None:
        with pytest.raises(ValueError, match="published total and active"):
            as_the_article_counts(model)
        return
    rounded = as_the_article_counts(model)
    assert rounded.total_parameters == pytest.approx(model.published_total, rel=ROUNDING)
    assert rounded.active_parameters == pytest.approx(model.published_active, rel=ROUNDING)
    assert all(part.elements > 0 and part.active >= 0 for part in rounded.parts)
    assert all(part.active <= part.elements * (1 + ROUNDING) for part in rounded.parts)


def test_a_dense_model_has_no_experts_to_find() -> None:
    rounded = as_the_article_counts(load().model("llama-3.1-405b"))
    assert [(part.name, part.elements, part.active) for part in rounded.parts] == [("rest", 405e9, 405e9)]


def test_layers_are_counted_with_the_costs_they_are_given() -> None:
    layers = AttentionLayers(10, LATENT, LATENT.article_costs)
    assert layers.costs.decode_read == 128
    assert made_model().attention[0].costs.decode_read == 128 + 16
