"""Pure functions of frozen values, asked once for the same values: told apart by identity, so nothing need be compared."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from threading import Lock
from typing import Any, TypeVar

Asked = TypeVar("Asked", bound=Callable[..., Any])

_MOST = 256  # answers kept of each function: those of every deployment in work at once


def remembered(function: Asked) -> Asked:
    """The function, which keeps its latest answers and what they were asked of."""
    kept: dict[tuple[int, ...], tuple[tuple[Any, ...], Any]] = {}
    changing = Lock()

    @wraps(function)
    def ask(*values: Any) -> Any:
        key = tuple(map(id, values))  # of values that `kept` holds, so that nothing else can come to have the same
        found = kept.get(key)
        if found is None:
            found = (values, function(*values))
            with changing:
                while len(kept) >= _MOST:
                    kept.pop(next(iter(kept)))
                kept[key] = found
        return found[1]

    return ask  # type: ignore[return-value]  # takes and returns what `function` does
