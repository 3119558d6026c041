"""A view: its controls, and the function that answers their values."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fleetline.webapp.controls import Control


def _nothing() -> None:
    """Nothing to read beforehand."""


def _never(_given: Mapping[str, Any]) -> bool:
    return False


@dataclass(frozen=True)
class View:
    """One view.

    Attributes:
        label: what the page calls it. summary: for the list of addresses.
        ask: takes a value for every control; raises InputError. What cannot be served is an answer and no refusal.
        warm: reads what the first question would wait for.
    """

    name: str
    label: str
    summary: str
    controls: Sequence[Control]
    ask: Callable[..., Any]
    costly: Callable[[Mapping[str, Any]], bool] = _never
    warm: Callable[[], None] = _nothing
