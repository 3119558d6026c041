"""Numbers as a person gives them: read, checked against their range, and put back into words."""

from __future__ import annotations

from os import PathLike
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
        found = np.asarray(value)
        # whole numbers and floats only: a truth value, a date or half of a complex number would be read in silence
        if np.ma.isMaskedArray(value) or found.dtype.kind not in "iuf":
            raise TypeError
        found = found.astype(float)  # a copy: what is asked for stays as it was given
    except (TypeError, ValueError, OverflowError) as error:
        shown = str(value)[:_SHOWN]
        raise InputError(f"{what}: got {shown}, allowed a number or an array of numbers", field=what, got=shown) from error
    if not found.size:
        raise InputError(f"{what}: got no numbers at all, allowed one or more", field=what)
    return found if found.shape else float(found)


_SHOWN = 80  # characters of a wrong value that a message repeats


def together(*values: npt.ArrayLike) -> None:
    """Raises InputError for arrays whose shapes do not go together."""
    try:
        np.broadcast_shapes(*(np.shape(value) for value in values))
    except ValueError as error:
        raise InputError(f"arrays: their shapes do not go together ({error})", field="arrays") from error


def flag(what: str, value: object) -> bool:
    """True or false; raises InputError for anything else, which would be read as one of them."""
    if not isinstance(value, bool | np.bool_):
        shown = str(value)[:_SHOWN]
        raise InputError(f"{what}: got {shown}, allowed true or false", field=what, got=shown, allowed="true or false")
    return bool(value)


def text(what: str, value: object) -> str:
    """A text, or a path, as text; raises InputError for anything else."""
    if not isinstance(value, str | PathLike):
        raise InputError(f"{what}: got {str(value)[:_SHOWN]}, allowed a name", field=what, got=str(value)[:_SHOWN])
    return str(value)


def within(what: str, value: Any, low: float, high: float, *, low_open: bool, high_open: bool) -> Numbers:
    """Finite numbers from `low` to `high`, an open end not allowed itself; InputError names the first that is not."""
    given = numbers(what, value)

    def good(value: Any) -> Any:
        above = np.greater(value, low) if low_open else np.greater_equal(value, low)
        below = np.less(value, high) if high_open else np.less_equal(value, high)
        return above & below & np.isfinite(value)

    if not (good(np.min(given)) and good(np.max(given))):  # which not-a-number is carried on by
        wrong = float(np.asarray(given)[~np.asarray(good(given))].flat[0])
        top = "" if np.isinf(high) else f" and {'below' if high_open else 'at most'} {high:g}"
        bottom = "over 0" if low in (0.0, _TINY) and (low_open or low == _TINY) else f"of at least {low:g}"
        allowed = f"a finite number {bottom}{top}"
        raise InputError(f"{what}: got {wrong:g}, allowed {allowed}", field=what, got=wrong, allowed=allowed)
    return given


def positive(what: str, value: Any) -> Numbers:
    """Numbers over 0; not so large or small that products of a few overflow."""
    return within(what, value, _TINY, _HUGE, low_open=False, high_open=False)


def at_least_one(what: str, value: Any) -> Numbers:
    """Numbers from 1 to a billion: of requests, of tokens."""
    return within(what, value, 1.0, _HUGE, low_open=False, high_open=False)


def share(what: str, value: Any) -> Numbers:
    """Numbers over 0 and at most 1."""
    return within(what, value, _TINY, 1.0, low_open=False, high_open=False)


_TINY, _HUGE = 1e-9, 1e9


def words(value: Any) -> str:
    """A number as people read it; of an array, its ends."""
    low, high = np.min(value), np.max(value)
    spelled = [f"{end:.0f}" if 1000 <= end < 1e15 and end == np.floor(end) else f"{end:.4g}" for end in (low, high)]
    return spelled[0] if spelled[0] == spelled[1] else "..".join(spelled)
