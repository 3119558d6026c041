"""Speculation by name: what each form means, what a draft costs, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from harness import made, made_model
from hypothesis import given
from hypothesis import strategies as st

from fleetline.architecture.attention import Recurrent
from fleetline.architecture.drafts import LENT, own_draft
from fleetline.catalog import load
from fleetline.deployment import breakdown, deploy, throughput
from fleetline.errors import InputError
from fleetline.frontiers import explore
from fleetline.physics import serving
from fleetline.physics.rewrites.speculative import Speculative, accepted_of
from fleetline.physics.stages import Draft

R1 = ("deepseek-r1", "b200", "8000:1000")


def spoken(given: Any) -> Speculative:
    deployment, _ = deploy(*R1, tp=8, speculative=given)
    (found,) = deployment.rewrites
    assert isinstance(found, Speculative)
    return found


@given(chance=st.floats(0.0, 0.99), drafts=st.integers(1, 16))
def test_equal_chances_accept_what_the_paper_says(chance: float, drafts: int) -> None:
    # Leviathan et al. 2022, equation 1: (1 - a^(n + 1)) / (1 - a)
    expected = (1.0 - chance ** (drafts + 1)) / (1.0 - chance)
    assert accepted_of([chance] * drafts) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("given", "verified", "accepted", "drafted"),
    [
        ("8:3", 8.0, 3.0, None),
        ((8, 3), 8.0, 3.0, None),
        ("0.8,0.7,0.6", 4.0, 1 + 0.8 + 0.8 * 0.7 + 0.8 * 0.7 * 0.6, None),
        ("0.5", 2.0, 1.5, None),
        ("mtp:2", 3.0, 2.48, "draft of deepseek-r1"),  # table `speculation`: two drafts of R1
        ("mtp:0.9", 2.0, 1.9, "draft of deepseek-r1"),
        ("llama-3.1-8b:0.8,0.5", 3.0, 2.2, "llama-3.1-8b"),
    ],
)
def test_each_form_means_what_it_says(given: Any, verified: float, accepted: float, drafted: str | None) -> None:
    found = spoken(given)
    assert found.verified == verified
    assert found.accepted == pytest.approx(accepted)
    assert (None if found.draft is None else found.draft.model.name) == drafted


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("mtp:5", "allowed mtp: and 1, 2 or 3 drafts"),
        ("mtp:0", "allowed mtp: and 1, 2 or 3 drafts"),
        ("mtp:1.2", "got 1.2 as the chance"),
        ("0.8,1.1", "got 1.1 as the chance"),
        ("0.8,nan", "got nan as the chance"),
        ("mtp:-0.5", "got -0.5 as the chance"),
        ("mtp:", "got 'mtp:'"),
        (":3", "got ':3'"),
        ("0.8,", "got '0.8,'"),
        ("llama-3.1-9b:0.8", "did you mean 'llama-3.1-8b'"),
        ("3:8", "got 8 accepted of 3 verified"),
    ],
)
def test_what_makes_no_sense_is_one_line(given: str, words: str) -> None:
    with pytest.raises(InputError) as refused:
        spoken(given)
    assert refused.value.field == "speculative"
    assert words in refused.value.message
    assert "\n" not in refused.value.message


def test_a_model_without_measured_drafts_says_so() -> None:
    with pytest.raises(InputError, match="none is measured for gpt-oss-120b"):
        throughput("gpt-oss-120b", "h100", speculative="mtp:3")


def test_the_draft_of_r1_by_hand() -> None:
    # one layer of R1 (config.json): attention 187,105,280; 256 + 1 experts of 3 x 7168 x 2048; router; projection 2h x h
    parts = {part.name: part.elements for part in own_draft(load().model("deepseek-r1")).parts}
    expert = 3 * 7168 * 2048
    assert parts["attention"] == 187_105_280
    assert parts["routed_experts"] == pytest.approx(256 * expert)
    assert parts["shared_experts"] == pytest.approx(expert)
    assert parts["projection"] == 2 * 7168 * 7168
    # DeepSeek-V3, section 2.2 and its README: 11.5 billion weights of the MTP module are its own
    own = sum(elements for name, elements in parts.items() if name not in LENT)
    assert own == pytest.approx(11.5e9, rel=0.01)


def test_the_kind_a_draft_attends_with() -> None:
    kinds = {
        name: [group.attention.name for group in own_draft(load().model(name)).attention]
        for name in ("deepseek-v4-pro", "glm-5", "qwen3.5-397b-a17b", "kimi-k3", "minimax-m3")
    }
    assert kinds == {
        "deepseek-v4-pro": ["shared-key window"],  # its 62nd compression ratio is 0: window only
        "glm-5": ["sparse latent", "indexer"],
        "qwen3.5-397b-a17b": ["grouped-query"],
        "kimi-k3": ["latent"],
        "minimax-m3": ["grouped-query"],
    }


def with_draft(verified: float, accepted: float) -> serving.Deployment:
    base = made()
    layer = replace(made_model(rest=1e8, routed=0.0), layers=1, attention=(replace(base.model.attention[0], count=1),))
    return replace(base, rewrites=(Speculative(verified, accepted, Draft(layer, base.checkpoint)),))


def test_a_draft_by_hand() -> None:
    # 4 verified, 2.5 accepted: 500 / 2.5 = 200 passes of the model, 600 of the draft over one token a sequence
    free, paid = made(rewrites=(Speculative(4.0, 2.5),)), with_draft(4.0, 2.5)
    (prefill, decode), (freely, slowly) = (serving.work(each, 8.0) for each in (paid, free))
    draft = next(one for one in decode.linear if one.name == "draft rest")
    assert draft.bytes_moved == pytest.approx(600 * 1e8 * 0.5)
    assert draft.flop == pytest.approx(2 * 1e8 * 8 * 600)
    assert decode.steps == pytest.approx(slowly.steps + 600 / 10)  # one layer of ten: a tenth of a step latency
    prompt = next(one for one in prefill.linear if one.name == "draft rest")
    assert prompt.flop == pytest.approx(2 * 1e8 * 8 * 4000)
    assert len(prefill.linear) == len(freely.linear) + 2
    # its weights, and 144 bytes a token of its own cache
    more = serving.memory_used(paid, 8.0) - serving.memory_used(free, 8.0)
    assert more == pytest.approx(1e8 * 0.5 + 8 * 4500 * 144)


def test_a_draft_that_is_not_used_costs_nothing() -> None:
    unused, none = with_draft(1.0, 1.0), made()
    assert serving.rates(unused, 8.0).cycle.total_s == serving.rates(none, 8.0).cycle.total_s
    assert serving.memory_used(unused, 8.0) == serving.memory_used(none, 8.0)


def test_a_recurrent_state_is_stored_for_each_token_verified() -> None:
    # 10 layers of 4 x 8 x 8 values of 4 bytes: read and written once a pass, and once more for every further token
    state = 10 * 4 * 8 * 8 * 4
    model = made_model(attention=Recurrent(4.0, 8.0, 8.0, 1e6))
    plain, four = made(model=model), made(model=model, rewrites=(Speculative(4.0, 2.0),))
    moved = [float(serving.work(each, 3.0)[1].attention[0].bytes_moved) for each in (plain, four)]
    assert moved == pytest.approx([3 * state * 2 * 500, 3 * state * (2 + 3) * 250])
    in_flight = 3 * 1000 * 2 * 3 * 3  # activations: three values of two bytes for each of 3 x 3 further tokens
    more = serving.memory_used(four, 3.0) - serving.memory_used(plain, 3.0)
    assert more == pytest.approx(3 * 3 * state + in_flight)


def test_a_draft_never_helps_more_than_a_free_one() -> None:
    measured = throughput(*R1, tp=8, batch=64, speculative="mtp:3")
    free = throughput(*R1, tp=8, batch=64, speculative=(4, 3.02))
    none = throughput(*R1, tp=8, batch=64)
    assert measured.tpot_s > free.tpot_s
    assert none.tpot_s > free.tpot_s
    assert measured.memory_used_bytes > free.memory_used_bytes


def test_the_breakdown_names_the_draft() -> None:
    costs = breakdown(*R1, batch=64, tp=8, speculative="mtp:3")
    assert {"draft routed experts", "draft head", "draft latent attention"} <= {one.operator for one in costs}


def test_the_search_tries_every_measured_depth() -> None:
    found = explore(*R1, gpus=8, schedule="chunked").deployments["chunked"]
    *_, tried = found.rewrites
    assert isinstance(tried, Speculative)
    assert set(np.unique(tried.verified)) == {1.0, 2.0, 3.0, 4.0}
    assert tried.draft is not None
