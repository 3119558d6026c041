"""Chunks of points: joined they are the answer to all at once, and they bound the memory."""

from __future__ import annotations

import tracemalloc
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

import numpy as np
import pytest

from fleetline.deployment import throughput
from fleetline.physics import chunks

KIMI = ("kimi-k2.6", "gb200-nvl72")


def arrays_of(answer: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for item in fields(answer):
        value = getattr(answer, item.name)
        inside = arrays_of(value) if is_dataclass(value) else {"": value}
        found |= {f"{item.name}.{name}": each for name, each in inside.items() if item.name != "setting"}
    return found


def asked(batch: Any = None, points: int = 60) -> Any:
    """Points over two axes, some of them infeasible for each reason there is."""
    tokens, share = np.geomspace(10, 3e5, points)[:, None], np.linspace(0.1, 1.0, 7)
    return throughput(
        *KIMI, input_tokens=tokens, output_tokens=500, batch=batch, compute_efficiency=share, preset="article"
    )


@pytest.mark.parametrize("batch", [None, np.geomspace(1, 1e5, 7)])
def test_chunks_join_to_the_answer_to_all_at_once(monkeypatch: pytest.MonkeyPatch, batch: Any) -> None:
    whole = arrays_of(asked(batch))
    assert 0 < np.mean(whole["feasible."]) < 1
    monkeypatch.setattr(chunks, "POINTS", 37)
    joined = arrays_of(asked(batch))
    for name, value in whole.items():
        assert joined[name].shape == (60, 7), name
        if value.dtype.kind == "f":
            np.testing.assert_allclose(joined[name], value, rtol=1e-12, err_msg=name)
        else:
            assert joined[name].tolist() == value.tolist(), name


def test_memory_does_not_grow_with_the_points_but_for_the_answer() -> None:
    asked(np.ones(7), points=3)
    tracemalloc.start()
    found = asked(np.ones(7), points=60_000)
    kept, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    size = sum(np.asarray(value).nbytes for value in arrays_of(found).values())
    assert most - kept < 100 * chunks.POINTS * 8 * 3  # a hundred arrays of a chunk, thrice
    assert most < size + 100 * chunks.POINTS * 8 * 3 + 10e6


def test_only_arrays_are_cut() -> None:
    given = ((1.0, np.arange(4.0)[:, None], np.arange(3.0), "text", np.float64(2.0)), np.zeros(()))
    (inside, zero) = chunks.points(given, (4, 3), slice(2, 5))
    assert inside[0] == 1.0
    assert inside[1].tolist() == [0.0, 1.0, 1.0]
    assert inside[2].tolist() == [2.0, 0.0, 1.0]
    assert (inside[3], inside[4], zero.shape) == ("text", 2.0, ())


@dataclass(frozen=True)
class Pair:
    one: Any
    other: Any


@pytest.mark.parametrize("threads", [1, 2])
def test_what_cannot_be_recorded_is_asked_chunk_by_chunk(monkeypatch: pytest.MonkeyPatch, threads: int) -> None:
    sizes: list[int] = []

    def ask(one: Any, other: Any) -> Pair:
        assert not np.any(one < 0.0)  # which a recording cannot tell
        sizes.append(one.size)
        return Pair(one + other, {"less": Pair(one - other, one > other)})

    monkeypatch.setattr(chunks, "POINTS", 5)
    one, other = np.arange(4.0)[:, None], np.arange(3.0)
    found = chunks.in_chunks(ask, (one, other), (4, 3), threads)
    assert sorted(sizes) == [2, 5, 5]
    assert found.one.tolist() == (one + other).tolist()
    assert found.other["less"].one.tolist() == (one - other).tolist()
    assert found.other["less"].other.tolist() == (one > other).tolist()
