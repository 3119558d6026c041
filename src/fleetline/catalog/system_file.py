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
    "all_in_power": "W",
}
_PRECISIONS = ("fp4", "fp8", "bf16")


def system_from_file(path: Path) -> System:
    """The system a TOML file describes; `EXAMPLE` is one.

    Raises:
        InputError: no such file, not TOML, an unknown or missing key, a quantity that is not positive.
    """
    try:
        given = tomllib.loads(read_text(path, "system file"))
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"system file {path}: {error}", field="system", got=str(path)) from error
    _only(path, given, {"name", "gpus", "chip"})
    gpus, chip = given.get("gpus"), given.get("chip")
    if not isinstance(gpus, int) or isinstance(gpus, bool) or gpus < 1:
        raise InputError(
            f"system file {path}: gpus: got {gpus!r}, allowed a whole number of 1 or more", field="gpus", got=gpus
        )
    if not isinstance(chip, dict):
        raise InputError(f"system file {path}: the table [chip] is missing", field="chip")
    _only(path, chip, {"name", *_QUANTITIES})
    return System(str(given.get("name", path.stem)), _chip(path, chip), gpus)


def _chip(path: Path, given: dict[str, Any]) -> Chip:
    values: dict[str, Any] = {}
    for key, unit in _QUANTITIES.items():
        if key in given:
            field = f"system file {path}: chip.{key}"
            values[key] = parse(str(given[key]), unit, field)
            if values[key] <= 0:
                raise InputError(f"{field}: got {given[key]}, allowed more than 0", field=field, got=given[key])
    return Chip(
        name=str(given.get("name", path.stem)),
        peak=MappingProxyType({key: values.pop(key) for key in _PRECISIONS if key in values}),
        **values,
    )


def _only(path: Path, given: dict[str, Any], allowed: set[str]) -> None:
    for key in given:
        if key not in allowed:
            raise unknown_name(f"key of system file {path}", key, allowed)
