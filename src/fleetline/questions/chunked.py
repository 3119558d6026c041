"""More worlds than memory holds: a question asked of one chunk of worlds after the other, and the answers put together.

A chunk has 10,000 worlds of its own (`Worlds.chunk`); the first holds the worlds of a question for so many or fewer, whose
answers stay what they are. Put together, a number is the mean over chunks, weighted by their worlds: exact for a mean or a
probability; for a quantile the mean of the chunks' quantiles, whose bias, of the order of the quantile's spacing in one
chunk, is smaller than what 10,000 worlds are off by chance, and whose chance falls with the root of the worlds. A date is
the middle one of the chunks'.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

import numpy as np

from fleetline.beliefs import Worlds

CHUNK = 10_000
_DAY = re.compile(r"(before |after |)\d{4}-\d\d-\d\d")
_SIDES = {"before ": -1, "": 0, "after ": 1}

Answer = TypeVar("Answer")


def chunks(draws: Worlds) -> list[Worlds]:
    """The worlds in chunks; of 10,000 or fewer the one they are."""
    if draws.count <= CHUNK:
        return [draws]
    starts = range(0, draws.count, CHUNK)
    return [Worlds(min(CHUNK, draws.count - start), draws.seed, place) for place, start in enumerate(starts)]


def in_chunks(question: Callable[[Worlds], Answer], draws: Worlds) -> Answer:
    """The answer to a question of plain values, asked chunk by chunk.

    Raises:
        ValueError: answers whose shapes differ.
    """
    parts = chunks(draws)
    answers = [question(part) for part in parts]
    return answers[0] if len(parts) == 1 else together(answers, [part.count for part in parts])


def together(answers: Sequence[Any], weights: Sequence[float]) -> Any:
    """Answers of the same shape as one: numbers averaged, dates' middle one, words the first chunk's.

    Raises:
        ValueError: lists of different lengths.
    """
    first = answers[0]
    known = [(each, weight) for each, weight in zip(answers, weights, strict=True) if each is not None]
    if len(known) < len(answers):  # what only some chunks can say
        return together(*map(list, zip(*known, strict=True))) if known else None
    if is_dataclass(first) and not isinstance(first, type):
        return replace(
            first, **{each.name: together([getattr(a, each.name) for a in answers], weights) for each in fields(first)}
        )
    if isinstance(first, Mapping):
        return {key: together([each.get(key) for each in answers], weights) for key in first}
    if isinstance(first, (list, tuple)):
        return type(first)(together(each, weights) for each in zip(*answers, strict=True))
    return _value(answers, weights)


def _value(answers: Sequence[Any], weights: Sequence[float]) -> Any:
    first = answers[0]
    if all(each == first for each in answers) or isinstance(first, bool):
        return first
    if isinstance(first, (int, float)):
        return float(np.average(answers, weights=weights))
    if all(isinstance(each, str) and _DAY.fullmatch(each) for each in answers):
        return _middle(answers, weights)
    return first


def _middle(days: Sequence[str], weights: Sequence[float]) -> str:
    """The weighted middle one, the earlier of two."""
    order = sorted(range(len(days)), key=lambda place: (_SIDES[_DAY.fullmatch(days[place])[1]], days[place]))  # type: ignore[index]
    passed = np.cumsum([weights[place] for place in order])
    return days[order[int(np.searchsorted(passed, passed[-1] / 2.0))]]
