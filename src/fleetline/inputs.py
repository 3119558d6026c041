"""Numbers as a person gives them: read, checked against their range, and put back into words."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from fleetline.architecture.attention import Numbers
from fleetline.errors import InputError


def pair(what: str, given: Any, form: str) -> tuple[Any, Any]:
    """Two numbers: a text with a colon between, such as "8000:1000", or two values; `form` tells people what is wanted."""
    parts = given.split(":") if isinstance(given, str) else given
    try:
        first, second = parts
        return (float(first), float(second)) if isinstance(given, str) else (first, second)
    except (TypeError, ValueError) as error:
        raise InputError(f"{what}: got '{given}', allowed {form}", field=what, got=str(given), allowed=form) from error


def whole(what: str, value: npt.ArrayLike) -> Numbers:
    """Whole numbers; a single one as int, so that it reads as one."""
    found = numbers(what, value)
    return int(found) if np.ndim(found) == 0 and np.isfinite(found) and found == np.floor(found) else found


def numbers(what: str, value: npt.ArrayLike) -> Numbers:
    """A number or an array of them, as float; raises InputError for anything else."""
    try:
        found = np.asarray(value, dtype=float)
    except (TypeError, ValueError) as error:
        raise InputError(f"{what}: got {value!r}, allowed a number or an array of numbers", field=what) from error
    if not found.size:
        raise InputError(f"{what}: got no numbers at all, allowed one or more", field=what)
    return found if found.shape else float(found)


def within(what: str, value: Any, low: float, high: float, *, low_open: bool, high_open: bool) -> Numbers:
    """Finite numbers from `low` to `high`, an open end not allowed itself; InputError names the first that is not."""
    given = numbers(what, value)
    above = np.greater(given, low) if low_open else np.greater_equal(given, low)
    below = np.less(given, high) if high_open else np.less_equal(given, high)
    good = above & below & np.isfinite(given)
    if not np.all(good):
        wrong = float(np.asarray(given)[~np.asarray(good)].flat[0])
        top = "" if np.isinf(high) else f" and {'below' if high_open else 'at most'} {high:g}"
        allowed = f"a finite number {'over' if low_open else 'of at least'} {low:g}{top}"
        raise InputError(f"{what}: got {wrong:g}, allowed {allowed}", field=what, got=wrong, allowed=allowed)
    return given


def positive(what: str, value: Any) -> Numbers:
    """Finite numbers over 0."""
    return within(what, value, 0.0, np.inf, low_open=True, high_open=True)


def share(what: str, value: Any) -> Numbers:
    """Numbers over 0 and at most 1."""
    return within(what, value, 0.0, 1.0, low_open=True, high_open=False)


def words(value: Any) -> str:
    """A number as people read it; of an array, its ends."""
    low, high = np.min(value), np.max(value)
    spelled = [f"{end:,.0f}" if end >= 1000 and end == np.floor(end) else f"{end:.4g}" for end in (low, high)]
    return spelled[0].replace(",", "") if spelled[0] == spelled[1] else "..".join(spelled).replace(",", "")
