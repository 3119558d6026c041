"""The frontier over configurations and the plan: against every point asked for one by one, and by hand."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest

from fleetline.answers import Throughput
from fleetline.catalog import load
from fleetline.deployment import throughput
from fleetline.errors import InputError
from fleetline.frontiers import explore, frontier, points_of
from fleetline.physics.candidates import degrees_of, pareto
from fleetline.physics.serving import Limits
from fleetline.physics.sharding import check
from fleetline.questions.planning import Option, plan

KIMI = ("kimi-k2.5", "gb200-nvl72")
SMALL = ("gpt-oss-120b", "h100")


@pytest.fixture(scope="module")
def rack() -> Throughput:
    return frontier(*KIMI, "8000:1000")


def ask(point: dict[str, Any], model: str, system: str, workload: str) -> Throughput:
    """The same point, asked for by name."""
    setting = point["configuration"]
    degrees: dict[str, Any] = {name: setting["configuration"][name] for name in ("tp", "ep", "dp", "pp")}
    pools = setting["configuration"].get("prefill_replicas")
    return throughput(
        model, system, workload, batch=point["batch"], schedule=setting["schedule"], prefill_replicas=pools,
        speculative=setting["speculative"], **degrees,
    )  # fmt: skip


def test_every_point_says_how_to_ask_for_it_again(rack: Throughput) -> None:
    points = points_of(rack)
    assert len(points) > 20
    for point in points[:: len(points) // 8]:
        again = ask(point, *KIMI, "8000:1000")
        for name in ("throughput_tok_s", "speed_tok_s_user", "ttft_s", "memory_used_bytes", "energy_j_per_output_token"):
            assert getattr(again, name) == pytest.approx(point[name], rel=1e-9)


def test_no_point_beats_another_in_both(rack: Throughput) -> None:
    assert (np.diff(rack.speed_tok_s_user) > 0).all()
    assert (np.diff(rack.throughput_tok_s) < 0).all()
    assert rack.feasible.all()


def test_it_chooses_different_parallelism_at_its_two_ends(rack: Throughput) -> None:
    first, *_, last = (point["configuration"]["configuration"] for point in points_of(rack))
    # throughput wants the weights of many layers shared by few; speed wants many GPUs on each layer
    assert first["tp"] < last["tp"]


@pytest.mark.parametrize("schedule", ["chunked", "disaggregated"])
def test_no_single_configuration_beats_the_frontier(schedule: str) -> None:
    # the control of exactness: every whole load of some configurations of a small system, one by one, to where all is full
    found = frontier(*SMALL, "1000:1000", schedule=schedule, speculative="none")
    explored = explore(*SMALL, "1000:1000", Limits(), schedule=schedule, speculative="none")
    deployment = explored.deployments[schedule]
    degrees = deployment.placement.degrees  # type: ignore[attr-defined]
    for place in range(0, degrees.tp.size, 3):
        one: dict[str, Any] = {name: float(getattr(degrees, name)[place]) for name in ("tp", "ep", "dp", "pp")}
        pools = getattr(deployment.placement, "prefill_replicas", None)
        ranks = float(np.broadcast_to(deployment.placement.ranks, degrees.tp.shape)[place])
        more: dict[str, Any] = {} if pools is None else {"prefill_replicas": float(pools[place])}
        tried = throughput(*SMALL, "1000:1000", schedule=schedule, batch=ranks * np.arange(1.0, 4000.0), **{**one, **more})
        for speed, rate in zip(found.speed_tok_s_user, found.throughput_tok_s, strict=True):
            better = (tried.speed_tok_s_user > speed * (1 + 1e-9)) & (tried.throughput_tok_s > rate * (1 + 1e-8))
            assert not better.any()


def test_a_pareto_set_that_keeps_a_beaten_point_is_noticed() -> None:
    speed, rate = np.array([1.0, 2.0, 1.5]), np.array([9.0, 5.0, 4.0])
    assert pareto(speed, rate).tolist() == [0, 1]
    everything = np.argsort(speed)
    assert not (np.diff(rate[everything]) < 0).all()  # the check above would fail on it


def test_a_72_gpu_rack_takes_under_a_second() -> None:
    frontier(*KIMI, "8000:1000")
    before = time.process_time()
    frontier(*KIMI, "8000:1000")
    assert time.process_time() - before < 1.0  # issue 5, item 9


def test_limits_hold_at_every_point() -> None:
    found = frontier(*KIMI, "8000:1000", speed=60, max_ttft=1.0)
    assert found.speed_tok_s_user.min() >= 60
    assert found.ttft_s.max() <= 1.0


def test_where_nothing_fits_the_frontier_says_why() -> None:
    found = frontier("kimi-k2.5", "h100", "8000:1000", gpus=4)
    assert not found.feasible
    assert str(found.reason).startswith("memory: ")


@pytest.mark.parametrize("gpus", [1, 8, 72])
@pytest.mark.parametrize("name", ["kimi-k2.5", "gpt-oss-120b", "llama-3.1-70b", "qwen3.5-397b-a17b", "deepseek-v4-pro"])
def test_every_candidate_can_be_built(name: str, gpus: int) -> None:
    model = load().model(name)
    degrees = degrees_of(model, gpus)
    check(model, degrees, float(gpus))
    assert np.size(degrees.tp) >= 1
    assert len(set(zip(*(getattr(degrees, each).tolist() for each in ("tp", "ep", "dp", "pp")), strict=True))) == np.size(
        degrees.tp
    )


# --- prices -----------------------------------------------------------------------------------------------------------


def test_the_three_prices_pay_for_the_rack() -> None:
    found = throughput(*KIMI, "8000:1000", dp=8, ep=8, batch=720, prefix_hit=0.5)
    prices = found.prices_usd_per_mtok
    request = (4000 * prices.input + 4000 * prices.cached_input + 1000 * prices.output) / 1e6
    # 72 chips at 4 USD an hour, a cycle for 720 requests
    assert request == pytest.approx(72 * 4 / 3600 * found.cycle_s / 720, rel=1e-9)
    assert 1000 * found.cost_usd_per_mtok_output / 1e6 == pytest.approx(request, rel=1e-9)
    assert prices.cached_input < prices.input / 10


def test_what_cannot_be_served_says_the_limit_that_the_nearest_configuration_breaks() -> None:
    # Kimi K2.5 fits on eight H100 and not on one: what stands in the way of a first token in a millisecond is not memory
    (option,) = plan("kimi-k2.5", "8000:1000", requests_per_s=5, systems="h100", max_ttft=0.001)
    assert option.reason.startswith("ttft: ")
    (option,) = plan("kimi-k2.5", "8000:1000", requests_per_s=5, systems="h100", speed=10_000)
    assert option.reason.startswith("speed: ")


def test_energy_by_hand() -> None:
    # GB200: 1870 W all in (chip_specs); 72 of them over the tokens of a second
    found = throughput(*KIMI, "8000:1000", tp=8, batch=72)
    assert found.energy_j_per_output_token == pytest.approx(72 * 1870 / found.throughput_tok_s)


# --- plan -------------------------------------------------------------------------------------------------------------


def by_system(options: list[Option]) -> dict[str, Option]:
    return {option.system: option for option in options}


def test_a_plan_carries_its_load_with_no_replica_to_spare() -> None:
    for option in plan("kimi-k2.5", "8000:1000", requests_per_s=20, systems="gb200-nvl72,b200,h200"):
        assert option.replicas is not None
        assert option.utilisation is not None
        assert (option.replicas - 1) / option.replicas < option.utilisation <= 1
        assert option.gpus == option.replicas * option.configuration["gpus"]  # type: ignore[index]
        assert option.speed_tok_s_user is not None
        assert option.speed_tok_s_user >= 35
        # rent of all GPUs over the output of the load
        rent = load().systems[option.system].chip.rent
        assert rent is not None
        assert option.gpus is not None
        assert option.cost_usd_hour == pytest.approx(rent * 3600 * option.gpus)
        assert option.cost_usd_mtok_output == pytest.approx(rent * option.gpus / (20 * 1000) * 1e6)


def test_the_cheapest_stands_first_and_what_cannot_last_with_a_reason() -> None:
    options = plan("kimi-k2.5", "8000:1000", requests_per_s=5)
    costs = [option.cost_usd_hour for option in options if option.cost_usd_hour is not None]
    assert costs == sorted(costs)
    without = [option for option in options if option.gpus is None]
    assert without == options[len(options) - len(without) :]
    assert all(option.reason for option in without)
    assert by_system(options)["ascend-910b"].reason.startswith("memory: ")
    assert "no bf16 peak is known" in by_system(options)["mi455x"].reason


def asked_again(option: Option, **load: Any) -> Throughput:
    """One replica of a plan's configuration, asked for by itself."""
    assert option.configuration is not None
    degrees: Any = {
        name: option.configuration[name] for name in ("tp", "ep", "dp", "pp", "gpus", "schedule", "speculative")
    }
    pools: Any = {"prefill_replicas": option.configuration.get("prefill_replicas")}
    return throughput("kimi-k2.5", option.system, "8000:1000", **degrees, **pools, **load)


@pytest.mark.parametrize("schedule", ["chunked", "disaggregated"])
def test_a_plan_is_what_its_configuration_serves_where_requests_come_at_random(schedule: str) -> None:
    (option,) = plan("kimi-k2.5", "8000:1000", requests_per_s=20, systems=["b200"], schedule=schedule, max_ttft=2)
    assert option.replicas is not None
    found = asked_again(option, rate=20 / option.replicas, max_ttft=2)
    assert (option.speed_tok_s_user, option.ttft_s) == pytest.approx((found.speed_tok_s_user, found.ttft_s))
    assert (option.ttft_p90_s, option.ttft_p99_s) == pytest.approx((found.ttft_p90_s, found.ttft_p99_s))
    loop = asked_again(option, max_ttft=2, speed=35)
    assert option.utilisation == pytest.approx(20 * 1000 / (loop.throughput_tok_s * option.replicas), rel=1e-9)
    # one replica less, and the limits are not kept, or the rate is not served
    assert not asked_again(option, rate=20 / (option.replicas - 1), speed=35, max_ttft=2).feasible


def test_random_arrivals_need_no_fewer_replicas_than_a_loop_and_a_stricter_wait_no_fewer_than_a_looser() -> None:
    def gpus(**limits: Any) -> int:
        (option,) = plan("kimi-k2.5", "8000:1000", systems=["b200"], schedule="chunked", **limits)
        assert option.gpus is not None
        return option.gpus

    by_wait = [gpus(requests_per_s=20, max_ttft=limit) for limit in (5.0, 1.0, 0.4)]
    assert by_wait == sorted(by_wait)
    (loop,) = plan("kimi-k2.5", "8000:1000", systems=["b200"], schedule="chunked", users=1000)
    assert loop.requests_per_s is not None
    assert loop.gpus is not None
    assert gpus(requests_per_s=loop.requests_per_s) >= loop.gpus


def test_users_are_requests_over_their_wall_time() -> None:
    (option,) = plan("kimi-k2.5", "8000:1000", users=3000, systems="b200")
    assert option.requests_per_s is not None
    assert option.speed_tok_s_user is not None
    assert option.requests_per_s == pytest.approx(3000 * option.speed_tok_s_user / 1000, rel=1e-9)


def test_twice_the_load_needs_at_most_twice_the_gpus() -> None:
    once, twice = (plan("gpt-oss-120b", "1000:1000", requests_per_s=load_, systems="h100")[0] for load_ in (40, 80))
    assert once.gpus is not None
    assert twice.gpus is not None
    assert once.gpus <= twice.gpus <= 2 * once.gpus


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({}, "requests_per_s"),
        ({"requests_per_s": 1, "users": 1}, "requests_per_s"),
        ({"requests_per_s": -1}, "requests_per_s"),
        ({"users": "many"}, "users"),
        ({"users": [1, 2]}, "users"),
        ({"users": 1, "systems": "b200,,h100"}, "systems"),
        ({"users": 1, "systems": "b20"}, "system"),
        ({"users": 1, "tp": 8}, "tp"),
        ({"users": 1, "speed": 0}, "speed"),
        ({"users": 1, "workload": "8k:1k"}, "workload"),
        ({"users": 1, "speculative": "3:8"}, "speculative"),
        ({"users": 1, "prefix_hit": 2}, "prefix_hit"),
        ({"users": 1, "model": "kimi"}, "model"),
    ],
)
def test_bad_plans_are_one_line(options: dict[str, Any], field: str) -> None:
    with pytest.raises(InputError) as refused:
        plan(**({"model": "kimi-k2.5", "workload": "8000:1000"} | options))
    assert refused.value.field == field
    assert "\n" not in refused.value.message
