"""Rows of settings: how a deployment is counted, and what share of the peaks it reaches."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Self

from pydantic import model_validator

from fleetline.catalog.rows.cells import Finite, Row, Text, in_column, ordered

# what a preset says, and the range it may be in
_PRESET_NUMBERS: Mapping[str, Callable[[float], bool]] = MappingProxyType(
    {
        "compute_efficiency": lambda value: 0 < value <= 1,
        "bandwidth_efficiency": lambda value: 0 < value <= 1,
        "step_latency_s": lambda value: 0 <= value < float("inf"),
        "speed": lambda value: 0 < value < float("inf"),
        "hbm_reserve": lambda value: 0 <= value < 1,
        "prefill_chunk_tokens": lambda value: 0 < value < float("inf"),
        "activation_bytes": lambda value: 0 < value < float("inf"),
        "tpot_log_error": lambda value: abs(value) < float("inf"),
        "ttft_log_error": lambda value: abs(value) < float("inf"),
    }
)
COUNTINGS = ("article", "checkpoint")
COSTS = ("shares", "kernels")
_PRESET_WORDS = MappingProxyType({"counting": COUNTINGS, "costs": COSTS})


class PresetRow(Row):
    """`presets`: one setting of one preset with its 90% interval, or of what holds for every preset (`any`)."""

    KEY = ("preset", "parameter")

    preset: Text
    parameter: Text
    value: Text
    low: Finite | None = None
    high: Finite | None = None
    unit: Text
    note: Text | None = None

    @model_validator(mode="after")
    def _value_fits_its_parameter(self) -> Self:
        if self.parameter in _PRESET_WORDS:
            words = _PRESET_WORDS[self.parameter]
            if self.value not in words:
                raise ValueError(f"value: got '{self.value}', {self.parameter} is one of {', '.join(words)}")
            return self
        if self.parameter not in _PRESET_NUMBERS:
            raise ValueError(f"parameter: got '{self.parameter}'; allowed: counting, costs, {', '.join(_PRESET_NUMBERS)}")
        in_column("value", float, self.value)
        if not _PRESET_NUMBERS[self.parameter](float(self.value)):
            raise ValueError(f"value: got '{self.value}', out of the range of {self.parameter}")
        ordered(self.low, float(self.value), self.high, "low/value/high")
        return self
