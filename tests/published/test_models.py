"""Parameter counts and cache sizes against two others: an independent count, and what the authors published.

`models.csv` holds both as the collection does (shared/data/world/models.csv: `computed_*` were recounted there by a formula
of its own from each config.json, `published_*` are the authors' rounded figures, `params_source` says where they stand).
"""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from harness import COLLECTION

from fleetline.catalog import load

with (Path(__file__).parent / "models.csv").open(encoding="utf-8", newline="") as file:
    PUBLISHED = {row["model"]: row for row in csv.DictReader(file)}

# a published count that its authors rounded to one digit: 3.6 billion active parameters are called "3B" in the name
ROUNDED_AWAY = {"qwen3-next-80b-a3b"}

# the collection counted one index key per index head of MiniMax M3; its configuration has one for all four
# (models.csv, notes of MiniMax M3): 57 layers x 3 keys x 128 x 6,144 [1e9 parameters]
COUNTED_TOO_MUCH = {
    "minimax-m3": 57 * 3 * 128 * 6144 / 1e9,
    # ... and none of the index of Qwen3.8 (12 layers, four heads and one key, from a hidden width of 2,560), which ours has
    "qwen3.8-flash-next": -12 * 5 * 128 * 2560 / 1e9,
}

# Index keys of DeepSeek V4.1 Flash, which the collection leaves out: 128 values an entry, of three layers with an entry for
# two tokens and one with one for each. The released code keeps 890 bytes a token in FP4 and 1,650 in FP8 (fastllm,
# docs/deepseek_v41.md): 1,280 x 0.5625 + 320 x 0.53125 and 1,600 x 1.03125, scales included.
INDEX_KEYS = {"deepseek-v4.1-flash": 128 * (3 / 2 + 1)}

# models of the collection that have no physics here, and why
WITHOUT_PHYSICS = {
    "grok-2": "the width of its residual dense blocks is not known; nobody published its sizes",
}

each_model = pytest.mark.parametrize("name", sorted(set(load().models) & set(PUBLISHED)))


@each_model
def test_counts_agree_with_an_independent_one(name: str) -> None:
    model, counted, less = load().model(name), PUBLISHED[name], COUNTED_TOO_MUCH.get(name, 0.0)
    # 0.1%: the collection's own second recount agreed that closely (its README, Second-source audit)
    assert model.total_parameters / 1e9 == pytest.approx(float(counted["computed_total_params_B"]) - less, rel=0.001)
    assert model.active_parameters / 1e9 == pytest.approx(float(counted["computed_active_params_B"]) - less, rel=0.001)


@each_model
def test_cache_elements_per_token_are_exact(name: str) -> None:
    counted = float(PUBLISHED[name]["kv_elements_per_token"]) + INDEX_KEYS.get(name, 0.0)
    assert load().model(name).kv_elements_per_token == counted


def test_the_index_keys_of_deepseek_v41_make_its_published_bytes() -> None:
    keys = INDEX_KEYS["deepseek-v4.1-flash"]
    entries = load().model("deepseek-v4.1-flash").kv_elements_per_token - keys
    assert entries * (0.5 + 1 / 16) + keys * (0.5 + 1 / 32) == 890
    assert (entries + keys) * (1 + 1 / 32) == 1650
    assert load().checkpoints["deepseek-ai/deepseek-v4.1-flash"].kv_cache.bytes_per_weight * 1600 == 890


def test_a_prompt_passes_half_of_deepseek_v41() -> None:
    model = load().model("deepseek-v4.1-flash")
    # its makers: 8 billion active parameters while reading, 16 while generating (models.csv, params_source)
    assert sum(part.active * part.prompt_share for part in model.parts) / 1e9 == pytest.approx(8, abs=0.5)
    assert model.active_parameters / 1e9 == pytest.approx(16, abs=0.5)


@each_model
def test_counts_agree_with_what_the_authors_published(name: str) -> None:
    model, published = load().model(name), PUBLISHED[name]
    # 3% and 10%: published counts are rounded, and authors differ in whether the embedding is active
    # (shared/data/world/README.md, Checks done: "within 3% and actives within 10% for every model")
    if published["published_total_params_B"]:
        assert model.total_parameters / 1e9 == pytest.approx(float(published["published_total_params_B"]), rel=0.03)
    if published["published_active_params_B"] and name not in ROUNDED_AWAY:
        assert model.active_parameters / 1e9 == pytest.approx(float(published["published_active_params_B"]), rel=0.1)


def test_every_model_of_the_collection_is_compared_or_says_why_not() -> None:
    modelled = set(load().models)
    assert set(PUBLISHED) - modelled == set(WITHOUT_PHYSICS)
    assert set(WITHOUT_PHYSICS) == set(load().not_modelled)


def test_the_comparison_catches_a_wrong_dimension() -> None:
    # the control: one layer of 61 more or less is 1.6% of the weights, sixteen times what is tolerated
    counted = float(PUBLISHED["kimi-k2.6"]["computed_total_params_B"])
    assert load().model("kimi-k2.6").total_parameters / 1e9 * 60 / 61 != pytest.approx(counted, rel=0.001)


def test_most_models_have_a_published_count_to_compare_with() -> None:
    compared = [name for name in load().models if name in PUBLISHED and PUBLISHED[name]["published_total_params_B"]]
    assert len(compared) >= 25


def test_a_model_that_is_not_in_the_collection_is_counted_by_hand() -> None:
    model = load().model("qwen3-32b")
    assert model.total_parameters == pytest.approx(32.8e9, rel=0.03)  # model card
    assert model.kv_elements_per_token == 64 * 2 * 8 * 128  # layers x (key and value) x KV heads x width


@pytest.mark.skipif(not COLLECTION.exists(), reason=f"the collected data is not at {COLLECTION}")
def test_the_figures_are_those_of_the_collection() -> None:
    with (COLLECTION / "world" / "models.csv").open(encoding="utf-8", newline="") as file:
        collected = list(csv.DictReader(file))
    titles = {model.title: name for name, model in load().models.items()}
    shared = [row for row in collected if row["model"] in titles]
    assert len(shared) == len(set(load().models) & set(PUBLISHED))
    for row in shared:
        here = PUBLISHED[titles[row["model"]]]
        columns = [column for column in here if column != "model"]
        assert {column: here[column] for column in columns} == {column: row[column] for column in columns}
