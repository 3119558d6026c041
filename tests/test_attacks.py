"""Odd questions get one line of an InputError or an honest answer, never a traceback or a warning."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fleetline.deployment import throughput
from fleetline.errors import InputError
from fleetline.frontiers import frontier
from fleetline.questions.planning import plan

_REFUSED: dict[str, tuple[Callable[[], Any], str]] = {
    "gpus and tp": (lambda: throughput("gpt-oss-120b", "b200", tp=[1, 2], gpus=[8, 8, 8]), "arrays"),
    "tp and ep": (lambda: throughput("gpt-oss-120b", "b200", tp=[1, 2], ep=[1, 2, 4]), "arrays"),
    "both of a pair": (lambda: throughput("gpt-oss-120b", "b200", speculative=([1, 2], [1, 1, 1])), "arrays"),
    "drafts of 5000 digits": (lambda: throughput("gpt-oss-20b", "b200", speculative="mtp:" + "9" * 5000), "speculative"),
    "frontier of no schedule": (lambda: frontier("gpt-oss-20b", "b200", schedule="nope"), "schedule"),
    "plan by no schedule": (lambda: plan("gpt-oss-20b", users=5, systems="b200", schedule="nope"), "schedule"),
    "plan for a number": (lambda: plan("gpt-oss-20b", users=5, systems=3), "systems"),  # type: ignore[arg-type]
    "plan for numbers": (lambda: plan("gpt-oss-20b", users=5, systems=[3]), "systems"),  # type: ignore[list-item]
}


@pytest.mark.parametrize("question", _REFUSED)
def test_odd_questions_are_refused_in_one_line(question: str) -> None:
    ask, field = _REFUSED[question]
    with pytest.raises(InputError) as refused:
        ask()
    assert refused.value.field == field
    assert "\n" not in refused.value.message


def test_prompts_faster_than_prefill_are_told_without_a_division_by_zero() -> None:
    """Warnings are errors in the tests."""
    found = throughput(
        "qwen3-235b-a22b", "h200", "8000:2", tp=8, schedule="chunked-total", rate=100.0, compute_efficiency=1e-9
    )
    assert not found.feasible
    assert found.reason.startswith("rate")
    assert math.isnan(found.interactivity_tok_s_user)


def test_plan_takes_the_path_of_a_config_as_throughput_does(tmp_path: Path) -> None:
    dimensions = {"hidden_size": 4096, "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 8}
    rest = {"intermediate_size": 14336, "vocab_size": 128256, "torch_dtype": "bfloat16", "max_position_embeddings": 131072}
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"model_type": "llama", **dimensions, **rest}), encoding="utf-8")
    own, known = (plan(model, "2000:500", users=5, systems="h100")[0] for model in (str(path), "llama-3.1-8b"))
    assert own.gpus == known.gpus
    assert own.speed_tok_s_user == known.speed_tok_s_user
