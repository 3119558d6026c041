"""Time to the first token under every kind of arrival: by hand, by property, and against requests served one by one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from harness import check_best_batch, made, with_room_for
from hypothesis import given, settings
from hypothesis import strategies as st
from waiting import KINDS, Case, arriving, cases, compared

from fleetline.deployment import throughput
from fleetline.errors import InputError
from fleetline.physics import serving
from fleetline.physics.arrivals import Arrival, Crowd, Waiting, flowing
from fleetline.physics.arrivals.batch import LOCKSTEP
from fleetline.physics.arrivals.closed import Closed
from fleetline.physics.arrivals.poisson import Poisson
from fleetline.physics.arrivals.run import Run
from fleetline.physics.serving import Deployment, Limits

# --- by hand ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Queue:
    """A queue of plain numbers: prompts of 2 s, 100 s of answers, seconds for ticks."""

    clients: float = 1.0
    service: float = 2.0
    away: float = 100.0
    tick_s: float = 1.0
    service_s: float = 2.0
    burst_s: float = 2.0
    own_s: float = 2.0
    mate_s: float = 0.0
    mates: float = 0.0
    grain: float = 0.0
    step_s: float = 0.0
    alone_s: float = 7.0
    per_s: float = 1.0


def test_one_client_waits_for_nobody() -> None:
    for arrival in (Closed(), Run()):
        waiting = arrival.waiting(Queue())
        assert waiting.mean_s == 2.0
        assert waiting.percentile_s(0.99) == pytest.approx(2.0, abs=1e-6)


def test_in_lockstep_everyone_waits_for_all_prompts() -> None:
    waiting = LOCKSTEP.waiting(Queue(clients=9.0))
    assert waiting.mean_s == waiting.percentile_s(0.9) == 7.0


def test_the_loop_solves_its_own_equation() -> None:
    for clients in (2.0, 30.0, 51.0, 400.0):
        wait = float(Closed().waiting(Queue(clients=clients)).mean_s) - 2.0
        assert wait == pytest.approx((clients - 1.0) * 2.0 * (wait + 1.0) / (wait + 2.0 + 100.0), rel=1e-12)


def test_a_loop_with_more_prompts_than_time_keeps_its_queue_full() -> None:
    # 1000 prompts of 2 s against 100 s of answers: a round takes 2000 s, of which all but the answer's 100 are waited
    assert Closed().waiting(Queue(clients=1000.0)).mean_s == pytest.approx(2000.0 - 100.0, rel=1e-2)


def test_random_arrivals_are_the_queue_of_pollaczek_and_khinchin() -> None:
    # 0.25 a second of 2 s each: half used, wait 0.5 * 2 / 2 / 0.5 = 1 s
    assert Poisson(rate=0.25).waiting(Queue()).mean_s == pytest.approx(3.0)
    # with a pass of 1 s running when nobody is served, half of the time: a quarter of a second more
    assert Poisson(rate=0.25).waiting(Queue(step_s=1.0)).mean_s == pytest.approx(3.25)
    assert not Poisson(rate=0.5).waiting(Queue()).stable


def test_a_run_begins_with_a_line() -> None:
    first, *later = Run().waiting(Queue(clients=21.0)).crowds
    assert first.mean_s == 20.0  # 20 others of 2 s, half of them before
    waits = [float(np.asarray(crowd.mean_s)) for crowd in later]
    assert waits == sorted(waits, reverse=True)
    assert waits[-1] >= float(np.asarray(Closed().waiting(Queue(clients=21.0)).crowds[0].mean_s)) * (1 - 1e-12)


def test_the_second_of_ten_waves_of_a_run_by_hand() -> None:
    first, second, *later = Run().waiting(Queue(clients=21.0)).crowds
    assert [crowd.share for crowd in (first, second, *later)] == [0.1] * 10
    # the first leaves 21 x 2 s apart, and 100 s of answers of 0.8 to 1 of a length, whose mean is 0.9
    window = np.hypot(42.0, 0.2 / 0.9 * 100.0)
    wait = float(second.mean_s)
    assert wait == pytest.approx(20 * 2.0 * (wait + 1.0) / (window + 2.0 * wait + 2.0), rel=1e-12)


def test_a_steady_flow_spreads_by_its_mean_and_what_is_left_of_the_prompt_in_service() -> None:
    # prompts of 2 s, a mean wait of 1 s: 1 x (1 + 2), and what is left of a prompt, even over 2 s: 2^2 / 12
    any_length, whole = flowing(Queue(), 0.5, 1.0), flowing(Queue(grain=1.0), 0.5, 1.0)
    assert any_length.spread_s == pytest.approx((3.0 + 4.0 / 12.0) ** 0.5)
    assert whole.spread_s == pytest.approx(3.0**0.5)
    assert (any_length.first_s, whole.first_s) == (1.0, 2.0)
    assert flowing(Queue(), 0.5, 1.0, most_s=1.5).spread_s == 1.5


def test_prompts_that_come_in_the_same_pass_by_hand() -> None:
    # of four others, with answers of eight passes, one in two passes ends
    assert Closed().together(5.0, 8.0, 10.0) == 1.5
    assert Closed().together(5.0, 8.0, 1.25) == 1.25
    assert Closed().together(0.5, 8.0, 10.0) == 1.0


def test_waits_of_those_who_came_at_once_are_uniform() -> None:
    waiting = Waiting(1.0, (Crowd(1.0, 10.0, at_once=True),))
    assert waiting.percentile_s(0.9) == pytest.approx(1.0 + 18.0, rel=1e-6)


def test_a_busy_queue_has_an_exponential_tail() -> None:
    waiting = Waiting(0.0, (Crowd(1.0, 100.0, 1.0, 101.0),))
    assert waiting.percentile_s(0.99) == pytest.approx(101.0 * np.log(100.0 / 101.0 / 0.01), rel=1e-6)


# --- properties -------------------------------------------------------------------------------------------------------

ARRIVALS: dict[str, Arrival] = {"closed": Closed(), "run": Run(), "poisson": Poisson(rate=1.5), "batch": LOCKSTEP}


def case_of(prompt: float, answer: float, schedule: str, kind: str) -> Deployment:
    return replace(made(input_tokens=prompt, output_tokens=answer, schedule=schedule), arrivals=ARRIVALS[kind])


def made_cases(answers: tuple[float, ...] = (1.0, 50.0, 500.0, 3000.0)) -> st.SearchStrategy[Deployment]:
    """Made-up deployments with any prompt, answer, schedule and arrival."""
    return st.builds(
        case_of,
        st.sampled_from([10.0, 700.0, 4000.0, 50_000.0]),
        st.sampled_from(answers),
        st.sampled_from(["chunked", "serial", "chunked-total", "serial-total"]),
        st.sampled_from(sorted(ARRIVALS)),
    )


@settings(max_examples=30)
@given(made_cases())
def test_more_requests_never_serve_less_nor_answer_sooner(deployment: Deployment) -> None:
    batches = np.arange(1.0, 400.0)
    found = serving.rates(deployment, batches)
    rate, speed, first = (np.asarray(each) for each in (found.throughput, found.speed, found.ttft_s))
    assert (np.diff(rate) >= -1e-9 * rate[1:]).all()
    if deployment.output_tokens == 1.0:
        return  # all that come share the one pass, and its weight reads: the second may wait longest
    assert (np.diff(speed) <= 1e-9 * speed[1:]).all()
    assert (np.diff(first) >= -1e-9 * first[1:]).all()


@settings(max_examples=30)
@given(made_cases())
def test_the_first_token_comes_within_the_request(deployment: Deployment) -> None:
    found = serving.rates(deployment, np.array([1.0, 2.0, 17.0, 300.0, 5000.0]))
    assert (np.asarray(found.ttft_s) > 0).all()
    assert (np.asarray(found.ttft_s) <= np.asarray(found.request_s) * (1 + 1e-12)).all()
    assert (found.waiting.percentile_s(0.99) >= np.asarray(found.waiting.percentile_s(0.9))).all()


@settings(max_examples=30)
@given(made_cases((50.0, 500.0)), st.integers(1, 200), st.sampled_from([1.0, 0.5, 0.2]))
def test_the_best_batch_is_the_one_that_trying_all_finds(deployment: Deployment, room: int, part: float) -> None:
    deployment = with_room_for(deployment, room)
    alone = serving.rates(deployment, 1.0)
    for limits in (
        Limits(speed=float(alone.speed) * part),
        Limits(max_ttft=float(serving.rates(deployment, 40.0).ttft_s) * part),
    ):
        check_best_batch(serving.best_batch, deployment, limits, up_to=room + 3)


def test_a_serial_loop_serves_what_the_schedule_gives() -> None:
    deployment = made(schedule="serial", input_tokens=4096.0)
    closed = serving.rates(replace(deployment, arrivals=Closed()), 1.0)
    assert closed.request_s == pytest.approx(serving.rates(deployment, 1.0).request_s, rel=1e-12)


# --- against requests served one by one -------------------------------------------------------------------------------

# Largest distances allowed of formula and simulation, of the simulated value; docs/waiting.md shows all of them. Where they
# are wide: short prompts of few clients in a run come in step with each other's passes (the formula spreads them evenly);
# the answer of an open stream takes longer where prompts come in bursts and are much of the work.
MEAN = {"closed": 0.05, "run": 0.10, "poisson": 0.07}
SHORT_RUN = 0.20  # of a run with prompts below an eighth of the budget
DECODE = {"closed": 0.05, "run": 0.05, "poisson": 0.15}
BURSTS = 0.50  # of answers in an open stream of long prompts
RATE = {"closed": 0.05, "run": 0.05, "poisson": 0.03}
TESTED = [case for case in cases() if case.model != "llama-3.1-70b" and case.clients < 128]


def mean_allowed(case: Case) -> float:
    return SHORT_RUN if (case.kind, case.workload) == ("run", "1000:1000") else MEAN[case.kind]


@pytest.mark.parametrize("kind", KINDS)
def test_formulas_agree_with_requests_served_one_by_one(kind: str) -> None:
    for case in (each for each in TESTED if each.kind == kind):
        found = compared(case)
        assert abs(found.ttft) <= mean_allowed(case), (case, found)
        bursts = (kind, case.workload) == ("poisson", "32000:500")
        assert abs(found.decode) <= (BURSTS if bursts else DECODE[kind]), (case, found)
        assert abs(found.rate) <= RATE[kind], (case, found)


def test_percentiles_agree_where_a_line_stands() -> None:
    # of a run: nine tenths of the way through its first wave; elsewhere waits are a pass or two, and come in lumps
    for case in (each for each in TESTED if each.kind == "run" and each.clients >= 16):
        assert abs(compared(case).p99) <= 0.15, case
    for case in (each for each in TESTED if each.kind == "poisson" and each.clients >= 16):
        assert abs(compared(case).p90) <= 0.20, case


@dataclass(frozen=True)
class _Nobody:
    """A broken arrival: everyone is served as if alone."""

    inner: Arrival

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def waiting(self, engine: Any) -> Waiting:
        return Waiting(self.inner.waiting(engine).own_s)


@pytest.mark.parametrize("kind", KINDS)
def test_a_formula_without_queueing_is_caught(kind: str) -> None:
    case = Case(kind, "gpt-oss-120b", "32000:500", "chunked", 64)
    deployment = arriving(case)
    broken = replace(deployment, arrivals=_Nobody(deployment.arrivals))
    batch = serving.best_batch(deployment, Limits()) if kind == "poisson" else 64.0
    assert abs(compared(case).ttft) <= mean_allowed(case)
    assert abs(compared(case, serving.rates(broken, batch)).ttft) > 2 * mean_allowed(case)


@pytest.mark.parametrize("kind", ["run"])
def test_a_run_taken_for_a_loop_is_caught(kind: str) -> None:
    case = Case(kind, "gpt-oss-120b", "8000:1000", "chunked", 64)
    loop = replace(arriving(case), arrivals=Closed())
    assert abs(compared(case, serving.rates(loop, 64.0)).ttft) > 2 * mean_allowed(case)


# --- by name ----------------------------------------------------------------------------------------------------------

RACK = ("kimi-k2.5", "gb200-nvl72", "8000:1000")


def test_one_large_chip_stands_in_lockstep_and_gpus_in_a_loop() -> None:
    assert throughput(*RACK, preset="article", batch=100).setting["arrivals"] == "batch"
    assert throughput(*RACK, tp=8, batch=90).setting["arrivals"] == "closed"
    assert throughput(*RACK, tp=8, rate=2.0).setting["arrivals"] == "poisson"


def test_a_rate_is_what_is_served() -> None:
    found = throughput(*RACK, tp=8, rate=10.0)
    assert found.throughput_tok_s == pytest.approx(10.0 * 1000.0)
    assert found.ttft_s < found.ttft_p90_s < found.ttft_p99_s
    busier = throughput(*RACK, tp=8, rate=[2.5, 5.0, 10.0])
    assert (np.diff(busier.ttft_s) > 0).all()
    assert (np.diff(busier.cost_usd_per_mtok_output) < 0).all()  # the rack costs the same, whoever comes


def test_more_requests_than_are_served_say_so() -> None:
    for rate, words in ((60.0, "at most"), (4000.0, "prompts come faster")):
        found = throughput(*RACK, tp=8, rate=rate)
        assert not found.feasible
        assert found.reason.startswith("rate: more requests come than are served")
        assert words in found.reason


def test_a_run_is_of_nine_tenths_of_the_lengths() -> None:
    run, loop = (throughput(*RACK, tp=8, batch=9, arrivals=kind) for kind in ("run", "closed"))
    shorter = throughput("kimi-k2.5", "gb200-nvl72", "7200:900", tp=8, batch=9)
    assert run.setting["workload"] == loop.setting["workload"] == "8000:1000"
    assert run.throughput_tok_s == pytest.approx(shorter.throughput_tok_s)


def test_no_server_of_a_rack_lets_its_users_wait_for_minutes() -> None:
    # in lockstep the same configuration's prompts take over a minute (issue 5, item 7)
    asked = {"tp": 8, "dp": 9, "ep": 72, "batch": 9 * 200, "speed": None}
    lockstep, loop = (throughput(*RACK, arrivals=kind, **asked) for kind in ("batch", "closed"))  # type: ignore[arg-type]
    assert loop.ttft_s < lockstep.ttft_s / 10


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"arrivals": "clsed"}, "arrivals"),
        ({"arrivals": "poisson"}, "rate"),
        ({"arrivals": "closed", "rate": 2.0}, "rate"),
        ({"rate": 0.0}, "rate"),
        ({"rate": "many"}, "rate"),
        ({"rate": 2.0, "batch": 4.0}, "batch"),
        ({"rate": [1.0, 2.0], "speed": [1.0, 2.0, 3.0]}, "arrays"),
    ],
)
def test_bad_arrivals_are_one_line(options: dict[str, Any], field: str) -> None:
    with pytest.raises(InputError) as refused:
        throughput(*RACK, tp=8, **options)
    assert refused.value.field == field
    assert "\n" not in refused.value.message
