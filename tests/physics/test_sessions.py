"""Prefixes held once, sessions that wait, and work that nobody waits for: by hand, and as commands ask for it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from harness import LATENT, made, made_model

from fleetline.architecture.attention import Recurrent
from fleetline.deployment import throughput
from fleetline.errors import InputError
from fleetline.frontiers import frontier
from fleetline.physics import serving
from fleetline.physics.rewrites.multi_turn import MultiTurn
from fleetline.physics.rewrites.prefix_cache import PrefixCache
from fleetline.questions.planning import plan

KIMI = ("kimi-k2.6", "gb200-nvl72", "8000:1000")
CACHE = 10 * 144  # bytes a token of the made-up model: ten layers of latent 128 and RoPE key 16, in 8 bits


def test_a_common_prefix_is_held_once_by_hand() -> None:
    # 4000 in, 500 out; 80% hit, of which three quarters (2400 tokens) are common: each of 10 requests holds 2100 for itself
    none, common = made(), made(rewrites=(PrefixCache(0.8, 0.75, 5.0),))
    less = float(serving.memory_used(none, 10.0) - serving.memory_used(common, 10.0))
    assert less == pytest.approx(10 * 2400 * CACHE - 5 * 2400 * CACHE)
    prefill = [float(serving.work(each, 10.0)[0].linear[0].flop) for each in (none, common)]
    assert prefill[1] == pytest.approx(prefill[0] * 0.2)  # what is shared is hit like the rest


def test_more_prefixes_leave_room_for_fewer_requests_and_then_for_none() -> None:
    counts = np.array([1.0, 100.0, 10_000.0, 1e9])
    found = throughput(*KIMI, speed=1, prefix_hit=0.9, prefix_shared=1, prefixes=counts)
    assert list(found.feasible) == [True, True, True, False]
    assert np.all(np.diff(found.batch[:3]) <= 0)
    assert found.batch[2] < found.batch[0]
    assert str(found.reason[3]).startswith("memory: ")


def test_a_state_is_never_shared() -> None:
    # a recurrent state is the request's own however long the prefix; the prefix needs one more to begin from
    model = made_model(attention=Recurrent(4.0, 8.0, 8.0, 1e6))
    none, common = made(model=model), made(model=model, rewrites=(PrefixCache(0.8, 1.0),))
    more = float(serving.memory_used(common, 10.0) - serving.memory_used(none, 10.0))
    assert more == pytest.approx(10 * 4 * 8 * 8 * 4)


def test_waiting_sessions_by_hand() -> None:
    # 4 turns, 30 s between: 22.5 s a request on average; of what is kept, half stays in memory meanwhile
    session = MultiTurn(4.0, 100.0, kept=0.5, think_s=30.0)
    deployment, idle = made(rewrites=(session,)), made(rewrites=(MultiTurn(4.0, 100.0, kept=0.5),))
    found = serving.rates(deployment, 16.0)
    wall = float(found.request_s)
    assert serving.sessions(deployment, found) == pytest.approx(16 * (1 + 22.5 / wall))
    assert serving.sessions(idle, serving.rates(idle, 16.0)) == 16.0
    more = float(serving.memory_used(deployment, 16.0) - serving.memory_used(idle, 16.0))
    assert more == pytest.approx(16 * 0.5 * 22.5 / wall * (4500 + 3 * 600) * CACHE)


def test_sessions_that_wait_for_several_times_are_told_one_by_one() -> None:
    seconds = np.array([0.0, 30.0])
    several, *apart = (
        serving.memory_used(made(rewrites=(MultiTurn(4.0, 100.0, think_s=each),)), 16.0) for each in (seconds, *seconds)
    )
    np.testing.assert_allclose(np.asarray(several), np.array(apart, dtype=float), rtol=1e-12)


def test_thinking_takes_memory_and_no_time() -> None:
    quick, slow = (throughput(*KIMI, batch=2000, turns="10:500", think_s=seconds) for seconds in (0, 5))
    assert slow.cycle_s == quick.cycle_s
    assert slow.sessions > quick.sessions == 2000
    assert slow.memory_used_bytes > quick.memory_used_bytes
    evicted = throughput(*KIMI, batch=2000, turns="10:500", think_s=5, turns_kept=0)
    assert evicted.sessions > 2000
    assert evicted.prefill.compute_s > slow.prefill.compute_s


def test_people_who_think_need_fewer_replicas() -> None:
    asked: dict[str, Any] = {"workload": "1000:500", "systems": "h200", "turns": "10:200", "users": 20_000}
    (here,), (away,) = plan("gpt-oss-120b", **asked), plan("gpt-oss-120b", think_s=60.0, turns_kept=0.0, **asked)
    assert here.requests_per_s is not None
    assert away.requests_per_s is not None
    assert away.requests_per_s < here.requests_per_s


def test_offline_is_what_no_wanted_speed_gives() -> None:
    offline, slow = throughput(*KIMI, offline=True), throughput(*KIMI, speed=1e-6)
    assert offline.throughput_tok_s == slow.throughput_tok_s > throughput(*KIMI).throughput_tok_s
    assert offline.setting["speed"] is None
    assert offline.cost_usd_per_mtok_output < throughput(*KIMI).cost_usd_per_mtok_output
    whole = frontier("gpt-oss-120b", "h100", "1000:1000", gpus=2)
    (top,) = frontier("gpt-oss-120b", "h100", "1000:1000", gpus=2, offline=True).throughput_tok_s
    assert top == whole.throughput_tok_s.max()
    asked: dict[str, Any] = {"workload": "1000:500", "systems": "h200", "requests_per_s": 500}
    (cheap,), (usual,) = plan("gpt-oss-120b", offline=True, **asked), plan("gpt-oss-120b", **asked)
    assert cheap.cost_usd_hour is not None
    assert usual.cost_usd_hour is not None
    assert cheap.cost_usd_hour <= usual.cost_usd_hour


@pytest.mark.parametrize(
    ("options", "field", "words"),
    [
        ({"offline": True, "speed": 35}, "speed", "none with offline"),
        ({"offline": True, "max_ttft": 3}, "max_ttft", "none with offline"),
        ({"turns": "10:500", "think_s": -1}, "think_s", "got -1, allowed a finite number of at least 0"),
        ({"turns": "10:500", "think_s": float("inf")}, "think_s", "got inf"),
        ({"think_s": 3}, "think_s", "needs turns"),
        ({"prefix_shared": 0.5}, "prefix_shared", "needs prefix_hit"),
        ({"prefix_hit": 0.5, "prefix_shared": 1.5}, "prefix_shared", "got 1.5"),
        ({"prefix_hit": 0.5, "prefixes": 3}, "prefixes", "needs prefix_shared"),
        ({"prefix_hit": 0.5, "prefix_shared": 1, "prefixes": 0}, "prefixes", "got 0"),
    ],
)
def test_bad_input_is_one_line(options: dict[str, Any], field: str, words: str) -> None:
    with pytest.raises(InputError) as refused:
        throughput(*KIMI, **options)
    assert refused.value.field == field
    assert words in refused.value.message
    assert "\n" not in refused.value.message


def test_the_made_up_cache_is_what_is_counted_with() -> None:
    assert LATENT.costs.kept * 10 == CACHE
