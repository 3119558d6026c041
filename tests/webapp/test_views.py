"""What the views say: every system and every control's end is answered, every number has words and a source."""

from __future__ import annotations

from typing import Any

import pytest

from fleetline.catalog import load
from fleetline.catalog.imported import from_content, token_of
from fleetline.errors import FleetlineError
from fleetline.webapp.drawings import drawing
from fleetline.webapp.upload import EXAMPLE
from fleetline.webapp.views import accuracy, deployment, frontier, serving, world
from fleetline.webapp.work import encode


def sound(told: dict[str, Any]) -> None:
    """A view's answer holds together."""
    assert told["feasible"] == (told["reason"] is None)
    keys = [each["key"] for each in told["numbers"]]
    assert len(keys) == len(set(keys))
    for each in told["numbers"]:
        assert each["label"] and each["text"] and len(each["source"]) >= 5, each
        assert each["value"] is not None or each["text"] in {"not known", "no such world"}, each
    for figure in told["figures"]:
        named = drawing(figure["name"], "light").decode()
        assert figure["title"] and figure["caption"] and figure["description"]
        assert all(f'"name":"{name}"' in named.replace(" ", "") for name in figure["data"]), figure["name"]


@pytest.mark.parametrize("system", sorted(load().systems))
@pytest.mark.parametrize("view", [deployment.deployment, frontier.frontier])
def test_every_system_is_answered(view: Any, system: str) -> None:
    for more in ({}, {"precision": "bf16"}, {"tp": "4"}, {"price": "own"}):
        try:
            sound(view(**(dict(serving.DEFAULTS) | {"system": system} | more)))
        except FleetlineError as error:  # such as degrees that do not divide: refused in words
            assert error.message


def test_an_uploaded_model_is_answered_by_its_name() -> None:
    model = token_of(from_content(encode(EXAMPLE), "mine"))
    told = deployment.deployment(**(dict(serving.DEFAULTS) | {"model": model, "system": "h100"}))
    sound(told)
    assert told["headline"].startswith("mine on 8 H100 SXM chips gives ")
    sound(frontier.frontier(**(dict(serving.DEFAULTS) | {"model": model, "system": "h100"})))


def test_the_present_question_stands_on_its_own_frontier() -> None:
    """The curve and the ring are one model's: no point of the curve is better in both, none is far."""
    told = frontier.frontier(**(dict(serving.DEFAULTS) | {"system": "b200", "speed": 40.0}))
    data = told["figures"][0]["data"]
    (now,) = data["now"]
    faster = [row for row in data["points"] if row["speed_tok_s_user"] >= now["speed_tok_s_user"]]
    assert max(row["output_tok_s_gpu"] for row in faster) <= now["output_tok_s_gpu"] * (1 + 1e-9)
    slower = [row for row in data["points"] if row["speed_tok_s_user"] <= now["speed_tok_s_user"]]
    assert min(row["output_tok_s_gpu"] for row in slower) >= now["output_tok_s_gpu"] * (1 - 1e-9)


def test_runs_of_the_same_architecture_stand_for_a_model() -> None:
    """Kimi K2.6 differs from K2.5 in name alone, and the runs are K2.5's."""
    both = [
        frontier.frontier(**(dict(serving.DEFAULTS) | {"model": model}))["figures"][0]["data"]["measured"]
        for model in ("kimi-k2.5", "kimi-k2.6")
    ]
    assert both[0] == both[1] != []


@pytest.mark.parametrize("quantity", ["tpot", "ttft", "throughput"])
@pytest.mark.parametrize("by", ["model", "chip", "speculation"])
def test_accuracy_by_group(quantity: str, by: str) -> None:
    told = accuracy.accuracy(quantity, by)
    sound(told)
    groups = [row["group"] for row in told["figures"][0]["data"]["groups"]]
    assert len(groups) == len(set(groups))


def test_the_world_with_every_slider_at_an_end() -> None:
    usual: dict[str, Any] = {control.option().key: None for control in world.CONTROLS}
    sound(world.world(**usual))
    for control in world.CONTROLS:
        for end in (control.min, control.max):
            sound(world.world(**(usual | {control.option().key: end})))
