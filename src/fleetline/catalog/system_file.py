"""A system of one's own from a TOML file, in the units people write ("8 TB/s")."""

from __future__ import annotations

import tomllib
from pathlib import Path
from types import MappingProxyType
from typing import Any

from fleetline.catalog.types import Chip, System
from fleetline.errors import InputError, read_text, unknown_name
from fleetline.units import parse

EXAMPLE = """\
# A system for fleetline: `fleetline throughput kimi-k2.6 my-rack.toml`
name = "my-rack"
gpus = 16                      # chips that share the fast links

[chip]                         # one chip; dense peaks, links one direction; leave out what is unknown
name = "my-chip"
hbm_capacity = "186 GiB"       # usable
hbm_bandwidth = "8 TB/s"
fp4 = "10 PFLOP/s"
fp8 = "5 PFLOP/s"
bf16 = "2.5 PFLOP/s"
scaleup_bandwidth = "900 GB/s"
rent = "4 USD/h"
own = "1.86 USD/h"             # what owning it costs, power included
all_in_power = "1.87 kW"
"""

# key of [chip] -> the SI unit it must be in
_QUANTITIES = {
    "hbm_capacity": "byte",
    "hbm_bandwidth": "byte/s",
    "fp4": "FLOP/s",
    "fp8": "FLOP/s",
    "bf16": "FLOP/s",
    "scaleup_bandwidth": "byte/s",
    "rent": "USD/s",
    "own": "USD/s",
    "all_in_power": "W",
}
MOST_BYTES = 1_000_000
_MOST_GPUS = 1_000_000
_LARGEST = 1e30  # of any quantity in SI units: beyond it products overflow
_PRECISIONS = ("fp4", "fp8", "bf16")


def system_from_file(path: Path) -> System:
    """The system a TOML file describes; `EXAMPLE` is one.

    Raises:
        InputError: no such file, not TOML, an unknown or missing key, a quantity that is not positive.
    """
    try:
        given = tomllib.loads(read_text(path, "system file", MOST_BYTES))
    except (tomllib.TOMLDecodeError, ValueError, RecursionError) as error:
        reason = str(error).splitlines()[0] or "not TOML"
        raise InputError(f"system file {path}: {reason}", field="system", got=str(path)) from error
    _only(path, given, {"name", "gpus", "chip"})
    gpus, chip = given.get("gpus"), given.get("chip")
    if not isinstance(gpus, int) or isinstance(gpus, bool) or not 1 <= gpus <= _MOST_GPUS:
        said = f"got {str(gpus)[:40]}, allowed a whole number from 1 to {_MOST_GPUS}"
        raise InputError(f"system file {path}: gpus: {said}", field="system", got=str(gpus)[:40])
    if not isinstance(chip, dict):
        raise InputError(f"system file {path}: the table [chip] is missing", field="chip")
    _only(path, chip, {"name", *_QUANTITIES})
    return System(_name(path, given), _chip(path, chip), gpus)


def _name(path: Path, given: dict[str, Any]) -> str:
    """The name given, or the file's; one line of text."""
    name = given.get("name", path.stem)
    if not isinstance(name, str) or not name.strip() or len(name.splitlines()) > 1:
        raise InputError(f"system file {path}: name: got {str(name)[:40]!r}, allowed one line of text", field="system")
    return name


def _chip(path: Path, given: dict[str, Any]) -> Chip:
    values: dict[str, Any] = {}
    for key, unit in _QUANTITIES.items():
        if key in given:
            field = f"system file {path}: chip.{key}"
            values[key] = parse(str(given[key]), unit, field)
            if not 1 / _LARGEST < values[key] < _LARGEST:
                raise InputError(f"{field}: got {given[key]}, allowed more than 0", field="system", got=given[key])
    return Chip(
        name=_name(path, given),
        peak=MappingProxyType({key: values.pop(key) for key in _PRECISIONS if key in values}),
        **values,
    )


def _only(path: Path, given: dict[str, Any], allowed: set[str]) -> None:
    for key in given:
        if key not in allowed:
            raise unknown_name(f"key of system file {path}", key, allowed)
