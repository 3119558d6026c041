"""JSON text -> values: keys that stand twice are marked, and numbers of any length are numbers."""

from __future__ import annotations

import json
from collections.abc import Iterable

from fleetline.errors import InputError
from fleetline.measurements.fields import Fault, Repeated

# Longer whole numbers are read as floats: Python refuses those of thousands of digits.
EXACT_DIGITS = 18
MOST_BYTES = 200_000_000  # of a file, which is read whole: as values it takes some ten times that


def parse(text: str) -> object:
    """The value of a JSON text.

    Raises:
        Fault: it is not JSON, or nested too deep to read.
    """
    try:
        return json.loads(text, object_pairs_hook=_object, parse_int=_integer)
    except json.JSONDecodeError as error:
        raise Fault(f"not JSON: {error.msg} at line {error.lineno}, column {error.colno}") from None
    except RecursionError:
        raise Fault("not a table: JSON nested too deep") from None


def load(text: str, where: str) -> object:
    """The value of a JSON file; raises InputError naming it."""
    try:
        return parse(text)
    except Fault as fault:
        raise InputError(f"{where}: {fault}", field=where) from fault


def _object(pairs: Iterable[tuple[str, object]]) -> dict[str, object]:
    values: dict[str, object] = {}
    repeated = None
    for key, value in pairs:
        if key in values:
            repeated = key
        values[key] = value
    if repeated is None:
        return values
    marked = Repeated(values)
    marked.key = repeated
    return marked


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) <= EXACT_DIGITS else float(digits)
