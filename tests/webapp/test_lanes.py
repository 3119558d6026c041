"""Bounded work: costly questions wait in a short line of their own, quick ones go on, and no question takes for ever."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor

import pytest
from starlette.testclient import TestClient

from fleetline.webapp import work
from fleetline.webapp.app import create_app
from fleetline.webapp.lanes import processes
from fleetline.webapp.limits import Limits
from fleetline.webapp.questions import Option, Question, always

_GATE = threading.Event()
_NUMBER = Option("n", "number", "which", default=0.0)


def _wait(n: float) -> float:
    _GATE.wait(20)
    return n


def _at_once(n: float) -> float:
    _ASKED.append(n)
    return n


_ASKED: list[float] = []
_QUESTIONS = [
    Question("costly", _wait, (_NUMBER,), "Waits", costly=always),
    Question("quick", _at_once, (_NUMBER,), "Answers"),
]


@pytest.fixture
def small() -> Iterator[TestClient]:
    """A server that works on one costly question and lets two wait."""
    _GATE.clear()
    _ASKED.clear()

    def threads(workers: int, _nice: int) -> Executor:
        return ThreadPoolExecutor(workers)

    app = create_app(_QUESTIONS, Limits(workers=1, costly=1, waiting=4, costly_waiting=2, seconds=15.0), threads)
    with TestClient(app) as client:
        yield client
        _GATE.set()


def test_a_flood_of_costly_questions_leaves_the_quick_ones_answered(small: TestClient) -> None:
    with ThreadPoolExecutor(12) as asking:
        flood = [asking.submit(small.get, f"/api/v1/costly?n={number}") for number in range(10)]
        until = time.monotonic() + 10
        while sum(each.done() for each in flood) < 7 and time.monotonic() < until:
            time.sleep(0.01)
        turned_away = [each.result() for each in flood if each.done()]
        assert len(turned_away) == 7  # one in work, two in the line
        for answer in turned_away:
            assert answer.status_code == 503
            assert int(answer.headers["retry-after"]) > 0
            assert answer.json()["error"]["kind"] == "busy"
        assert [small.get(f"/api/v1/quick?n={number}").json() for number in range(5)] == [0.0, 1.0, 2.0, 3.0, 4.0]
        assert small.get("/healthz").status_code == 200
        _GATE.set()
        assert sorted(each.result().status_code for each in flood) == [200] * 3 + [503] * 7
    assert small.get("/api/v1/costly?n=99").status_code == 200  # places are free again


def test_what_is_not_answered_in_time_is_told_so() -> None:
    _GATE.clear()
    limits = Limits(workers=1, costly=1, seconds=0.2)
    with TestClient(create_app(_QUESTIONS, limits, lambda workers, _: ThreadPoolExecutor(workers))) as client:
        answer = client.get("/api/v1/costly")
        _GATE.set()
    assert answer.status_code == 503


def test_the_same_question_is_worked_out_once(small: TestClient) -> None:
    assert [small.get("/api/v1/quick?n=7").json() for _ in range(3)] == [7.0] * 3
    assert small.get("/api/v1/quick?n=7.0").json() == 7.0
    assert _ASKED == [7.0]


def test_the_same_question_at_once_takes_one_place(small: TestClient) -> None:
    with ThreadPoolExecutor(8) as asking:
        same = [asking.submit(small.get, "/api/v1/costly?n=1") for _ in range(8)]
        time.sleep(0.2)
        _GATE.set()
        assert [each.result().status_code for each in same] == [200] * 8


def test_answers_kept_are_bounded(monkeypatch: pytest.MonkeyPatch, small: TestClient) -> None:
    monkeypatch.setattr("fleetline.webapp.lanes.CACHE_BYTES", 30)
    for number in range(100, 200):
        small.get(f"/api/v1/quick?n={number}")
    small.get("/api/v1/quick?n=100")
    assert _ASKED.count(100.0) == 2  # was let go
    small.get("/api/v1/quick?n=199")
    assert _ASKED.count(199.0) == 1


# --- processes ----------------------------------------------------------------------------------------------------------


def nothing() -> None:
    """No catalog to read."""


def spin() -> None:
    """Never ends by itself."""
    while True:
        pass


def test_a_question_that_takes_too_long_is_stopped_and_its_process_goes_on() -> None:
    executor = processes(nothing)(1, 0)
    try:
        stopped = executor.submit(work.answer, spin, {}, 0.3).result(60)
        assert stopped.status == 422
        assert b"too_costly" in stopped.body
        assert executor.submit(work.answer, abs, {}, 5.0).result(60).status == 500  # abs takes one argument
        assert executor.submit(work.answer, dict, {"a": 1}, 5.0).result(60).body == b'{"a":1}'
    finally:
        executor.shutdown(wait=True)


def busy(s: float) -> float:
    """Works for so long."""
    begun = time.process_time()
    while time.process_time() - begun < s:
        pass
    return s


def test_what_turns_out_to_be_costly_begins_again_among_the_costly() -> None:
    limits = Limits(workers=1, costly=1, quick_s=0.3, processor_s=2.0, seconds=60.0)
    app = create_app(
        [Question("busy", busy, (Option("s", "number", "how long", default=0.0),), "Works")], limits, processes(nothing)
    )
    with TestClient(app) as client:
        assert client.get("/api/v1/busy?s=0.01").json() == 0.01
        assert client.get("/api/v1/busy?s=0.8").json() == 0.8
        refused = client.get("/api/v1/busy?s=9")
        assert refused.status_code == 422
        assert refused.json()["error"]["kind"] == "too_costly"
        assert "2 s" in refused.json()["error"]["message"]


def test_processes_end_at_once_whatever_they_are_at() -> None:
    executor = processes(nothing)(1, 0)
    work_ = executor.submit(work.answer, spin, {}, 60.0)
    while not work_.running():
        time.sleep(0.01)
    begun = time.monotonic()
    executor.shutdown(wait=True)
    assert time.monotonic() - begun < 20
    assert work_.exception(1) is not None
