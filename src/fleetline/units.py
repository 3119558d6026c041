"""Units, parsed once at the edge; inside there is only SI: s, byte, FLOP, token, W, USD.

`parse("8 TB/s")` is 8e12 [byte/s]; `parse("186 GiB")` is 199,715,979,264 [byte]; `to_si(186, "GiB")` is the same.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from types import MappingProxyType

from fleetline.errors import InputError

HOUR, DAY = 3600.0, 86400.0  # [s]
YEAR = 365.25 * DAY  # a mean one, and so are its months and quarters [s]
PERIODS: Mapping[str, float] = MappingProxyType(
    {
        "minute": 60.0,
        "day": DAY,
        "week": 7 * DAY,
        "month": YEAR / 12.0,
        "quarter": YEAR / 4.0,
        "year": YEAR,
    }
)

_DECIMAL = {"": 1.0, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15, "E": 1e18}
_BINARY = {"Ki": 2.0**10, "Mi": 2.0**20, "Gi": 2.0**30, "Ti": 2.0**40}
_SMALL = {"m": 1e-3, "u": 1e-6, "µ": 1e-6}

# unit spelled out -> (base unit, scale of one of it)
_BASES: dict[str, tuple[str, float]] = {
    **{f"{p}{u}": ("byte", s) for p, s in {**_DECIMAL, **_BINARY}.items() for u in ("B", "byte")},
    **{f"{p}{u}/s": ("byte/s", s) for p, s in _DECIMAL.items() for u in ("B", "byte")},
    **{f"{p}{u}/s": ("FLOP/s", s) for p, s in _DECIMAL.items() for u in ("FLOP", "OP")},
    **{f"{p}W": ("W", s) for p, s in {**_DECIMAL, **_SMALL}.items()},
    **{f"{p}s": ("s", s) for p, s in {**_SMALL, "": 1.0}.items()},
    "USD": ("USD", 1.0),
    "USD/chip-hour": ("USD/s", 1.0 / HOUR),
    "USD/h": ("USD/s", 1.0 / HOUR),
    "W/chip": ("W", 1.0),
    "chips": ("1", 1.0),
    "1": ("1", 1.0),
}
_QUANTITY = re.compile(r"\s*([+-]?(?:\d+(?:_\d+)*\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*([^\W\d_].*?)?\s*")


def to_si(value: float, unit: str) -> float:
    """`value` of `unit` in SI units.

    Raises:
        InputError: the unit is not one this project knows.
    """
    return value * _base(unit)[1]


def parse(text: str, base: str, field: str) -> float:
    """A quantity as people write it ("8 TB/s") in the SI unit `base` ("byte/s").

    Raises:
        InputError: no number, no unit, another kind of unit, or not finite; `field` names the place.
    """
    match = _QUANTITY.fullmatch(text)
    if match is None or not match.group(2):
        raise InputError(
            f"{field}: '{text}' is not a number with a unit of {base}, such as '8 TB/s'", field=field, got=text
        )
    found, scale = _base(match.group(2), f"{field}: ", field)
    value = float(match.group(1)) * scale
    if found != base or not math.isfinite(value):
        raise InputError(f"{field}: '{text}' is in {found}, wanted a finite value in {base}", field=field, got=text)
    return value


def base_of(unit: str) -> str:
    """The SI unit that `unit` is a multiple of; raises InputError for an unknown one."""
    return _base(unit)[0]


def _base(unit: str, where: str = "", field: str = "unit") -> tuple[str, float]:
    if unit not in _BASES:
        raise InputError(f"{where}unknown unit '{unit}'", field=field, got=unit, allowed=sorted(_BASES))
    return _BASES[unit]
