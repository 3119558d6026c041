"""Millions of points in bounded memory: a question about arrays is asked of a chunk of their points at a time.

The question is a function of frozen values with floats or arrays anywhere inside; its answer is one whose arrays all have
the shape that those broadcast to. Nothing is asked of one point about another, so the chunks join to the same answer.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

# Points asked for at once: the dozens of arrays of as many floats that one question makes stay in a processor's cache.
POINTS = 16384

Value = TypeVar("Value")


def in_chunks(ask: Callable[..., Value], given: tuple[Any, ...], shape: tuple[int, ...]) -> Value:
    """`ask(*given)`, whose arrays broadcast to `shape`, with no more than `POINTS` points in work at once."""
    size = math.prod(shape)
    if size <= POINTS:
        return ask(*given)
    chunks = [slice(start, min(start + POINTS, size)) for start in range(0, size, POINTS)]
    first = ask(*points(given, shape, chunks[0]))
    whole = mapped(lambda each: np.empty(size, each.dtype), first)
    _fill(whole, first, chunks[0])
    for chosen in chunks[1:]:
        _fill(whole, ask(*points(given, shape, chosen)), chosen)
    joined: Value = mapped(lambda each: each.reshape(shape), whole)
    return joined


def mapped(change: Callable[[npt.NDArray[Any]], npt.NDArray[Any]], value: Any) -> Any:
    """The same value with every array in it changed: in fields of frozen dataclasses and in tuples, however deep."""
    if isinstance(value, np.ndarray):
        return change(value) if value.ndim else value
    if isinstance(value, tuple):
        return tuple(mapped(change, each) for each in value)
    if is_dataclass(value) and not isinstance(value, type):
        old = {item.name: getattr(value, item.name) for item in fields(value)}
        new = {name: mapped(change, each) for name, each in old.items()}
        changed = {name: each for name, each in new.items() if each is not old[name]}
        return replace(value, **changed) if changed else value
    return value


def points(given: tuple[Any, ...], shape: tuple[int, ...], chosen: slice | npt.NDArray[np.intp]) -> tuple[Any, ...]:
    """Some of the points, counted as if every array had been broadcast: no copy of one is made."""

    def some(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
        flat = array.ndim == 1 and array.shape == shape
        return array[chosen] if flat else np.broadcast_to(array, shape).flat[chosen]

    taken: tuple[Any, ...] = mapped(some, given)
    return taken


def _fill(whole: Any, part: Any, chosen: slice) -> None:
    if isinstance(part, np.ndarray):
        whole[chosen] = part
    elif is_dataclass(part):
        for item in fields(part):
            _fill(getattr(whole, item.name), getattr(part, item.name), chosen)
