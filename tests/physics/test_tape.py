"""A recording replayed gives what the function itself gives, of whatever is asked, or says that it cannot be made."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import gammaincc

from fleetline import answers
from fleetline.deployment import throughput
from fleetline.errors import InputError
from fleetline.physics import chunks
from fleetline.physics.tape import Recorded, Recorder, UnrecordedError

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Both:
    one: Any
    other: Any


def sums(given: Both) -> Both:
    whole = given.one * 2.0 + given.other
    low = np.minimum(whole, given.one)
    return Both(np.where(low > 1.0, np.exp(-low), gammaincc(2.0, whole))[()], {"same": whole + 0.0, "none": 3.0})


def arrays(seed: int, size: int) -> Both:
    draws = np.random.default_rng(seed)
    return Both(draws.uniform(0.1, 3.0, size), draws.uniform(0.1, 3.0, size))


@given(seeds=st.lists(st.integers(0, 1000), min_size=1, max_size=4), size=st.integers(1, 300))
def test_a_recording_gives_what_the_function_gives_of_other_arrays_too(seeds: list[int], size: int) -> None:
    recorded = Recorded(sums)
    for seed in seeds:
        asked, replayed = sums(arrays(seed, size)), recorded(arrays(seed, size))
        np.testing.assert_array_equal(replayed.one, asked.one)
        np.testing.assert_array_equal(replayed.other["same"], asked.other["same"])
        assert replayed.other["none"] == 3.0


def test_the_same_operation_is_done_once_and_one_that_nobody_asks_for_never() -> None:
    def steps(function: Callable[..., Any]) -> int:
        return len(Recorded(function).recorded((np.ones(3), np.ones(3)))[1]._steps)

    assert steps(lambda a, b: (a * b, a * b + 1.0)) == 2
    assert steps(lambda a, b: (a * b, np.exp(b))[0]) == 1
    assert steps(lambda a, _: (a * 1.0 + 0.0) / 1.0 - 0.0) == 0  # what comes in goes out
    assert steps(lambda a, b: np.logical_and(True, a > b) | np.False_) == 1
    assert steps(lambda a, b: a - b) != steps(lambda a, b: (a - b) * 2.0)  # the control


def test_a_program_keeps_as_few_buffers_as_are_alive_at_once() -> None:
    def buffers(function: Callable[..., Any]) -> list[str]:
        return [each.name for each in Recorded(function).recorded((np.ones(3),))[1]._buffers]

    assert buffers(np.exp) == []  # straight into the result
    assert buffers(lambda a: np.exp(np.sin(np.cos(np.tan(a))))) == ["float64"]  # each in the place of the one before
    assert buffers(lambda a: np.sin(a) * np.cos(a)) == ["float64", "float64"]
    assert buffers(lambda a: np.where((a > 1.0) & (a < 2.0), np.sin(a), 0.0)) == ["bool", "bool", "float64"]


def test_what_is_told_twice_and_what_comes_in_are_copied() -> None:
    values = np.array([3.0, 1.0, 2.0])
    one, twice, again, same = Recorded(lambda a: (a, a * 2.0, a * 2.0, a + 0.0))(values)
    assert [each.tolist() for each in (one, twice, again, same)] == [[3, 1, 2], [6, 2, 4], [6, 2, 4], [3, 1, 2]]
    assert one is not values
    assert twice is not again


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (lambda a: 2.0 - a, [-1.0, 1.0, 0.0]),  # only what stands on the right of - and / leaves the other as it is
        (lambda a: 0.0 - a, [-3.0, -1.0, -2.0]),
        (lambda a: 1.0 / a, [1 / 3, 1.0, 0.5]),
        (lambda a: 0.0 + a, [3.0, 1.0, 2.0]),
        (lambda a: a * 0.0, [0.0, 0.0, 0.0]),
        (lambda a: a + 1.0, [4.0, 2.0, 3.0]),
        (lambda a: np.clip(a, 1.5, 2.5), [2.5, 1.5, 2.0]),
        (lambda a: np.where(True, a, 0.0), [3.0, 1.0, 2.0]),
        (lambda a: np.where(False, a, a * 2.0), [6.0, 2.0, 4.0]),
        (lambda a: np.isposinf(1.0 / (a - 1.0)), [False, True, False]),
        (lambda a: (a > 1.5) | np.True_, True),
        (lambda a: np.False_ & (a > 1.5), False),
        (lambda a: np.True_ & (a > 1.5), [True, False, True]),
        (lambda a: (a > 1.5) | (a < 1.2), [True, True, True]),
    ],
)
def test_a_recording_by_hand(function: Callable[..., Any], expected: Any) -> None:
    with np.errstate(divide="ignore"):
        found = Recorded(function)(np.array([3.0, 1.0, 2.0]))
    assert np.asarray(found).tolist() == expected


@pytest.mark.parametrize(
    "function",
    [
        lambda a: a if a[0] > 0 else -a,
        lambda a: a * 2.0 if np.any(a > 0) else a,
        np.sort,
        lambda a: a if a.sum() > 0 else -a,
        lambda a: np.add(a, 1.0, where=np.array([True, False, True])),
        lambda a: a + np.arange(3.0),
        lambda a: float(a[()]),
        lambda a: a if a > 1.0 else 1.0,
        np.modf,
        np.asarray,
    ],
)
def test_what_depends_on_values_otherwise_than_by_arithmetic_is_not_recorded(function: Callable[..., Any]) -> None:
    with pytest.raises((UnrecordedError, AttributeError)):
        Recorded(function).recorded((np.array([1.0, -2.0, 3.0]),))


def test_an_answer_that_no_array_leads_to_is_a_number_or_is_not_recorded() -> None:
    given = (np.array([1.0, -2.0, 3.0]),)
    found = Recorded(lambda a: Both(a * 2.0, np.full(5, 7.0)))(*given)
    assert (found.one.tolist(), found.other) == ([2.0, -4.0, 6.0], 7.0)
    with pytest.raises(UnrecordedError):
        Recorded(lambda a: Both(a * 2.0, np.array([7.0, 8.0]))).recorded(given)


def test_making_a_recording_warns_of_nothing_and_running_it_does() -> None:
    values = np.array([0.0, 2.0])
    inverse = Recorded(lambda a: 1.0 / a)
    inverse.recorded((values,))
    with pytest.raises(RuntimeWarning):
        inverse(values)


def test_a_recorder_asks_directly_what_it_cannot_record_and_keeps_numbers_apart() -> None:
    call = Recorder()
    values = np.array([3.0, 1.0, 2.0])
    for _ in range(2):
        assert call(np.sort, values).tolist() == [1.0, 2.0, 3.0]
        assert call(np.multiply, values, 2.0).tolist() == [6.0, 2.0, 4.0]
        assert call(np.multiply, values, 3.0).tolist() == [9.0, 3.0, 6.0]  # and not twice them, as recorded before
        assert call(np.multiply, values, values).tolist() == [9.0, 1.0, 4.0]
        assert call(np.multiply, 2.0, 4.0) == 8.0


# --- deployments ----------------------------------------------------------------------------------------------------------

POINTS = 40
TOKENS, SHARE = np.geomspace(200, 2.5e5, 10)[:, None], np.array([0.3, 0.5, 0.8, 1.0])
BATCH = np.geomspace(1, 3000, POINTS).round().reshape(10, 4)
VARIED: dict[str, Any] = {"input_tokens": TOKENS, "output_tokens": 500, "compute_efficiency": SHARE}
ASKED: dict[str, dict[str, Any]] = {
    "article": {"preset": "article", "batch": BATCH},
    "best": {"preset": "article", "speed": np.array([10.0, 20.0, 35.0, 200.0])},
    "a first token in time": {"preset": "article", "max_ttft": 20.0, "schedule": "serial"},
    "checkpoint": {"counting": "checkpoint", "batch": BATCH, "schedule": "chunked-total"},
    "prefixes": {"batch": BATCH, "prefix_hit": SHARE / 2, "prefix_shared": 0.5, "schedule": "serial-total"},
    "sessions": {"batch": BATCH, "turns": "8:300", "think_s": 20.0},
    "speculation": {"batch": BATCH, "speculative": (np.array([1.0, 2.0, 4.0, 8.0]), np.array([1.0, 1.5, 2.0, 3.0]))},
    "drafts": {"batch": BATCH, "speculative": "mtp:0.8,0.6", "counting": "checkpoint"},
    "utilisation": {"batch": BATCH, "utilisation": SHARE, "price": "own"},
    "kernels": {"tp": 8, "batch": BATCH * 9},
    "kernels, a run": {"tp": 8, "arrivals": "run", "batch": BATCH * 9},
    "kernels, best": {"tp": 4, "ep": 8, "dp": 2, "speed": 20.0},
    "at random": {"tp": 8, "rate": np.array([0.1, 1.0, 3.0, 20.0])},
    "degrees": {"tp": np.array([1.0, 2.0, 4.0, 8.0]), "batch": BATCH * 72},
    "pools": {"tp": 8, "schedule": "disaggregated", "prefill_replicas": 2, "batch": BATCH * 7},
}


def numbers_of(found: Any) -> dict[str, Any]:
    told: dict[str, Any] = {}
    for item in fields(found):
        value = getattr(found, item.name)
        if is_dataclass(value):
            told |= {f"{item.name}.{name}": each for name, each in numbers_of(value).items()}
        elif item.name != "setting":
            told[item.name] = value
    return told


@pytest.mark.parametrize("name", ASKED)
@pytest.mark.parametrize("model", ["kimi-k2.6", "deepseek-v4-pro", "qwen3.5-397b-a17b"])
def test_many_points_are_told_what_few_are(monkeypatch: pytest.MonkeyPatch, model: str, name: str) -> None:
    asked = VARIED | ASKED[name]
    if name == "drafts" and model != "deepseek-v4-pro":
        asked = asked | {"speculative": "0.8,0.6"}
    at_once = numbers_of(throughput(model, "gb200-nvl72", **asked))
    monkeypatch.setattr(chunks, "POINTS", 16)
    monkeypatch.setenv("FLEETLINE_THREADS", "2")
    replayed = numbers_of(throughput(model, "gb200-nvl72", **asked))
    assert at_once["throughput_tok_s"].shape == (10, 4)
    for each, value in at_once.items():
        if value.dtype.kind == "f":
            # 1e-12: a search for a real number stops at other ones, as NumPy rounds exp in the rest of an array otherwise
            np.testing.assert_allclose(replayed[each], value, rtol=1e-12, err_msg=each)
        else:
            assert replayed[each].tolist() == value.tolist(), each
        assert replayed[each].dtype == value.dtype, each


def test_threads_change_no_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunks, "POINTS", 7)
    told = []
    for threads in ("1", "2", "3"):
        monkeypatch.setenv("FLEETLINE_THREADS", threads)
        told.append(numbers_of(throughput("kimi-k2.6", "gb200-nvl72", preset="article", **VARIED)))
    for each, value in told[0].items():
        for other in told[1:]:
            assert other[each].tobytes() == value.tobytes() if value.dtype != object else (other[each] == value).all(), each


@pytest.mark.parametrize("wrong", ["0", "-1", "two", "1.5", "99999"])
def test_a_number_of_threads_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch, wrong: str) -> None:
    monkeypatch.setattr(chunks, "POINTS", 7)
    monkeypatch.setenv("FLEETLINE_THREADS", wrong)
    with pytest.raises(InputError, match="FLEETLINE_THREADS"):
        _ = throughput("kimi-k2.6", "gb200-nvl72", preset="article", **VARIED).throughput_tok_s


def test_fields_that_are_not_read_may_be_read_later_and_of_what_was_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunks, "POINTS", 7)
    batch = BATCH.copy()
    found = throughput("kimi-k2.6", "gb200-nvl72", preset="article", batch=batch, **VARIED)
    batch[...] = 1.0  # what the caller does with the array afterwards is no business of the answer's
    monkeypatch.undo()
    asked = numbers_of(throughput("kimi-k2.6", "gb200-nvl72", preset="article", batch=BATCH, **VARIED))
    assert found.prices_usd_per_mtok.input == pytest.approx(asked["prices_usd_per_mtok.input"], rel=1e-12, nan_ok=True)
    assert found.reason.tolist() == asked["reason"].tolist()
    assert "critical_batch" not in vars(found)
    with pytest.raises(AttributeError, match="no attribute 'throughputs'"):
        _ = getattr(found, "throughputs")  # noqa: B009  (a name that is none)
    copied = pickle.loads(pickle.dumps(type(found).__reduce__(found)[1][:5]))  # noqa: S301  (our own bytes)
    assert np.array_equal(copied[2], found.batch, equal_nan=True)


@pytest.mark.parametrize("name", ["article", "checkpoint", "prefixes", "sessions", "speculation", "kernels", "pools"])
def test_rates_at_a_batch_are_recorded(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    def asked(*_: Any) -> Any:
        raise AssertionError("asked chunk by chunk")

    monkeypatch.setattr(chunks, "POINTS", 7)
    monkeypatch.setattr(chunks, "_asked", asked)
    assert np.isfinite(throughput("deepseek-v4-pro", "gb200-nvl72", **(VARIED | ASKED[name])).throughput_tok_s).any()
    with pytest.raises(AssertionError, match="chunk by chunk"):  # the control: a batch that is searched for
        throughput("deepseek-v4-pro", "gb200-nvl72", **(VARIED | {"tp": 8, "rate": 1.0}))


ALONE: dict[str, Any] = {
    "compute_efficiency": np.linspace(0.3, 0.8, 40),
    "step_latency_s": np.linspace(0.001, 0.01, 40),
    "speed": np.linspace(1.0, 90.0, 40),
    "hbm_reserve": np.linspace(0.01, 0.5, 40),
    "utilisation": np.linspace(0.1, 1.0, 40),
}


@pytest.mark.parametrize("given", [{}, {"batch": 8.0}, {"max_ttft": 5.0}, {"tp": 8.0}, {"tp": 8.0, "batch": 8.0}])
@pytest.mark.parametrize("name", ALONE)
def test_what_one_array_does_not_lead_to_is_told_of_many_points_too(
    monkeypatch: pytest.MonkeyPatch, name: str, given: dict[str, Any]
) -> None:
    asked = {name: ALONE[name]} | given
    at_once = numbers_of(throughput("kimi-k2.6", "b200", **asked))
    monkeypatch.setattr(chunks, "POINTS", 16)
    monkeypatch.setattr(answers, "_MANY", 10)
    for each, value in numbers_of(throughput("kimi-k2.6", "b200", **asked)).items():
        assert value.shape == (40,), each
        if value.dtype.kind == "f":
            np.testing.assert_allclose(value, at_once[each], rtol=1e-12, err_msg=each)
        else:
            assert value.tolist() == at_once[each].tolist(), each
