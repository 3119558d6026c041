"""Millions of points in bounded memory: a question about arrays is asked of a chunk of their points at a time.

The question is a function of frozen values with floats or arrays anywhere inside; its answer is one whose arrays all have
the shape that those broadcast to. Nothing is asked of one point about another, so the chunks join to the same answer.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields, is_dataclass
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from fleetline.physics.tape import Recorded, UnrecordedError, arrays_of, filled, mapped

# Points asked for at once: the dozens of arrays of as many floats that one question makes stay in a processor's cache.
POINTS = 16384
# A recording needs few buffers, so that longer pieces fit, and threads that do more between two calls of Python hold each
# other up less: up to so many times POINTS, but for as many pieces as keep several threads busy to the end.
_LONGER, _PIECES = 4, 8

Value = TypeVar("Value")


def in_chunks(ask: Callable[..., Value], given: tuple[Any, ...], shape: tuple[int, ...], threads: int = 1) -> Value:
    """`ask(*given)`, whose arrays broadcast to `shape`, with a bounded number of points in work at once in each thread.

    What `ask` does with the arrays is recorded and replayed, where it is arithmetic alone. Chunks are the same however many
    threads there are, and so are the results.
    """
    size = math.prod(shape)
    if size <= POINTS:
        return ask(*given)
    each = min(max(size // _PIECES, POINTS), _LONGER * POINTS)
    try:
        whole, fill = _replayed(ask, given, shape)
    except UnrecordedError:
        each = POINTS
        whole, fill = _asked(ask, given, shape)
    chosen = [slice(start, min(start + each, size)) for start in range(0, size, each)]
    if threads > 1:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(fill, chosen))
    else:
        for some in chosen:
            fill(some)
    joined: Value = mapped(lambda each: each.reshape(shape), whole)
    return joined


Fill = Callable[[slice], None]


def _replayed(ask: Callable[..., Any], given: tuple[Any, ...], shape: tuple[int, ...]) -> tuple[Any, Fill]:
    """The answer to fill and how, by a recording of what is done with the first points."""
    size = math.prod(shape)
    answer, program = Recorded(ask).recorded(points(given, shape, slice(0, POINTS)))
    results, arrays = [np.empty(size, dtype) for dtype in program.dtypes], arrays_of(given)

    def fill(chosen: slice) -> None:
        program.run([_some(each, shape, chosen) for each in arrays], [each[chosen] for each in results])

    return filled(answer, results), fill


def _asked(ask: Callable[..., Any], given: tuple[Any, ...], shape: tuple[int, ...]) -> tuple[Any, Fill]:
    """The answer to fill and how, by asking the function itself."""
    size = math.prod(shape)
    first = ask(*points(given, shape, slice(0, POINTS)))
    whole = mapped(lambda each: np.empty(size, each.dtype), first)

    def fill(chosen: slice) -> None:
        _fill(whole, ask(*points(given, shape, chosen)) if chosen.start else first, chosen)

    return whole, fill


def points(given: tuple[Any, ...], shape: tuple[int, ...], chosen: slice | npt.NDArray[np.intp]) -> tuple[Any, ...]:
    """Some of the points, counted as if every array had been broadcast: no copy of one is made."""
    taken: tuple[Any, ...] = mapped(lambda array: _some(array, shape, chosen), given)
    return taken


def _some(array: npt.NDArray[Any], shape: tuple[int, ...], chosen: slice | npt.NDArray[np.intp]) -> npt.NDArray[Any]:
    """Some elements of an array as if it had been broadcast."""
    if array.shape == shape and array.flags.c_contiguous:
        return array.reshape(-1)[chosen]
    return np.broadcast_to(array, shape).flat[chosen]


def _fill(whole: Any, part: Any, chosen: slice) -> None:
    if isinstance(part, np.ndarray):
        whole[chosen] = part
    elif isinstance(part, dict):
        for name, each in part.items():
            _fill(whole[name], each, chosen)
    elif is_dataclass(part):
        for item in fields(part):
            _fill(getattr(whole, item.name), getattr(part, item.name), chosen)
