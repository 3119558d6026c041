"""Agents by the model of serving: the loop by hand, properties, the audited times, and a control."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fleetline as fl
from fleetline.deployment import deploy
from fleetline.physics import serving
from fleetline.physics.arrivals.batch import LOCKSTEP
from fleetline.questions import agent_capacity
from fleetline.questions.agent_capacity import shipped_groups
from fleetline.world import agents, agents_predicted
from fleetline.world.agents_predicted import Predicted, Sessions

ASKED = Sessions(input_tokens=128_000.0, output_tokens=1000.0, reusable=0.97, idle_s=17.5)


def of(asked: Sessions = ASKED, *speeds: float, model: str = "deepseek-v4-pro", system: str = "b300") -> list[Predicted]:
    return agents_predicted.predict(model, system, asked, speeds or (50.0,), 0.7, "fp4")


def test_the_loop_by_hand() -> None:
    """B requests in service for R seconds and idle for R more: twice as many sessions."""
    deployment, _ = deploy("deepseek-v4-pro", "b300", "128000:1000", tp=8, prefix_hit=0.97)
    found = serving.rates(deployment, 8.0)
    clients, speed = agents_predicted._loop(deployment, np.array([8.0]), replace(ASKED, idle_s=float(found.request_s)))
    assert clients == pytest.approx([16.0])
    assert speed == pytest.approx(1.0 / found.tpot_s)
    none_idle, _ = agents_predicted._loop(deployment, np.array([8.0]), replace(ASKED, idle_s=0.0))
    assert none_idle == pytest.approx([8.0])
    lockstep = replace(deployment, arrivals=LOCKSTEP)
    _, apart = agents_predicted._loop(lockstep, np.array([8.0]), ASKED)
    assert speed[0] < apart[0]  # other prompts in its passes


def test_idle_time_is_the_audited_clients() -> None:
    # AGENTX.md: busy 28, 57 and 67% (Kimi K3 with 4, 56 and 48 clients), 41% (GLM-5.2, 227), 58% (DeepSeek V4 Pro, 960)
    runs = ("Kimi K3, 4 clients", "Kimi K3, 56 clients", "Kimi K3, 48 clients")
    busy = {
        run: agents.parameter(f"audited client-seconds with a request in flight: {run}")
        / (3600.0 * agents.parameter(f"audited clients: {run}"))
        for run in (*runs, "GLM-5.2, 227 clients", "DeepSeek V4 Pro, 960 clients")
    }
    assert [round(100.0 * each) for each in busy.values()] == [28, 57, 67, 41, 58]
    assert agents_predicted.idle_s() == pytest.approx(17.49, abs=0.01)


def test_sessions_are_as_replayed() -> None:
    # the traces are 21.64e9 : 106.5e6 = 203 : 1; the runs replayed about 130 : 1 of it
    found = agents_predicted.sessions(shipped_groups()["dsv4", "gb300"])
    assert found.output_tokens == pytest.approx(106_474_498 / 98_827)
    assert 90.0 < found.input_tokens / found.output_tokens < 203.0
    assert 0.926 <= found.reusable <= 0.994


@given(st.floats(5.0, 150.0), st.floats(5.0, 150.0))
@settings(max_examples=10)
def test_more_speed_is_never_more_agents(one: float, other: float) -> None:
    slow, fast = of(ASKED, min(one, other), max(one, other))
    for kind in ("held", "elsewhere"):
        assert math.isnan(getattr(fast, kind)) or getattr(fast, kind) <= getattr(slow, kind)


@pytest.mark.parametrize("system", ["b300", "h200", "gb300-nvl72"])
def test_idle_caches_in_memory_are_never_more_agents(system: str) -> None:
    (found,) = of(model="minimax-m3", system=system) if system != "h200" else of(system=system)
    assert found.held <= found.elsewhere


def test_more_idle_time_is_more_agents() -> None:
    (busy,), (idle,) = of(replace(ASKED, idle_s=0.0)), of(replace(ASKED, idle_s=60.0))
    assert busy.elsewhere < idle.elsewhere


def test_less_reuse_is_fewer_agents() -> None:
    (much,), (little,) = of(), of(replace(ASKED, reusable=0.5))
    assert little.elsewhere < much.elsewhere


def test_what_does_not_fit_says_why() -> None:
    (found,) = of(model="kimi-k3", system="h200")
    assert math.isnan(found.held) and found.reason.startswith("memory: weights, cache and activations do not fit")
    (found,) = of(ASKED, 1e5)
    assert math.isnan(found.elsewhere) and found.reason.startswith("fastest is ")


def test_beside_the_measured_cells() -> None:
    found = fl.agents(predict=True, draws=10, model="dsv4")
    assert {(row["model"], row["hardware"]) for row in found.predicted} == {
        (cell["model"], cell["hardware"]) for cell in found.cells
    }
    for row in found.predicted:
        if row["held"] and row["measured"]:
            assert row["held_over_measured"] == pytest.approx(row["held"] / row["measured"])
    between = [row["held_over_measured"] for row in found.predicted if row["reached"] == "between"]
    assert found.prediction["cells"] == len(between)
    assert found.prediction["median_ratio"] == pytest.approx(math.exp(np.median(np.log(between))))
    assert fl.agents(draws=10).predicted == []


def test_without_mixed_passes_it_is_worse(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: the article's order, all prompts before the first token, misses the measured cells by more."""

    def error() -> float:
        return float(
            agent_capacity.prediction_error(agent_capacity.predictions(shipped_groups(), (50.0, 100.0)))["median_abs_log"]
            or 0.0
        )

    ours = error()
    loop = agents_predicted._loop
    monkeypatch.setattr(agents_predicted, "_loop", lambda each, *rest: loop(replace(each, arrivals=LOCKSTEP), *rest))
    assert error() > ours
