"""What a grid may vary, in the order in which its rows are sorted: names, counts, and numbers that arrays hold.

An axis is one or more columns that vary together. `WAYS` make a deployment another one, each asked for by a call of its
own; `NUMBERS` are arrays within one call.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Name:
    """A key of a grid that holds names; `option` is the deployment's word for one of them."""

    option: str
    about: str


@dataclass(frozen=True)
class Count:
    """A key of a grid that holds whole numbers which make a deployment another one."""

    option: str
    about: str


@dataclass(frozen=True)
class Number:
    """A key of a grid that holds numbers; as "low..high" it is uncertain, drawn by the name `drawn` on `scale`."""

    option: str
    about: str
    scale: str = "log"
    drawn: str = ""


# in the order of the columns that rows are sorted by
WAYS: Mapping[str, Name | Count] = MappingProxyType(
    {
        "models": Name("model", "models, or all"),
        "systems": Name("system", "systems, or all"),
        "gpus": Count("gpus", "only so many chips of the system"),
        "preset": Name("preset", "where counting and efficiencies come from"),
        "counting": Name("counting", "article or checkpoint"),
        "precision": Name("precision", "number format of the weights"),
        "framework": Name("framework", "whose kernels run"),
        "schedules": Name("schedule", "how prefill and decode share the chips"),
        "prefill_replicas": Count("prefill_replicas", "of schedule disaggregated with degrees: replicas that only prefill"),
        "speculative": Name("speculative", "forms of speculation, or none"),
        "arrivals": Name("arrivals", "how requests come"),
        "tp": Count("tp", "tensor parallel"),
        "ep": Count("ep", "expert parallel"),
        "dp": Count("dp", "data parallel attention"),
        "pp": Count("pp", "pipeline parallel"),
        "price": Name("price", "rent or own"),
        "turns": Name("turns", "TURNS:NEW of a session"),
    }
)

NUMBERS: Mapping[str, Number] = MappingProxyType(
    {
        "input_tokens": Number("input_tokens", "tokens of a prompt [token]"),
        "output_tokens": Number("output_tokens", "tokens of an answer [token]"),
        "prefix_hit": Number("prefix_hit", "share of each prompt found in the cache [1]", "log-odds"),
        "prefix_shared": Number("prefix_shared", "share of the hit that requests have in common [1]", "log-odds"),
        "prefixes": Number("prefixes", "how many such prefixes are held [1]"),
        "turns_kept": Number("turns_kept", "share of the earlier context still cached [1]", "log-odds"),
        "think_s": Number("think_s", "time between an answer and the next turn [s]"),
        "hbm_reserve": Number("hbm_reserve", "share of usable memory kept free [1]", "log-odds"),
        "utilisation": Number("utilisation", "share sold of what could be served [1]", "log-odds"),
        "compute_efficiency": Number(
            "compute_efficiency", "reached share of peak arithmetic [1]", "log-odds", "compute efficiency"
        ),
        "bandwidth_efficiency": Number(
            "bandwidth_efficiency", "reached share of bandwidth [1]", "log-odds", "bandwidth efficiency"
        ),
        "step_latency_s": Number("step_latency_s", "time of a decode pass besides its work [s]", "log", "step latency"),
        "rate": Number("rate", "requests that come at random [1/s]"),
        "speed": Number("speed", "wanted output tokens of each user over wall time [token/s]", "log", "serving.speed"),
        "max_ttft": Number("max_ttft", "longest mean time to the first token [s]"),
        "batch": Number("batch", "requests in service; the best number without [request]"),
    }
)

WORKLOADS = "workloads"  # INPUT:OUTPUT pairs, in the place of input_tokens and output_tokens

# what is told of a point, each as p5, p50 and p95 over the draws
RATES: Sequence[str] = (
    *("throughput_tok_s", "throughput_tok_s_gpu", "speed_tok_s_user", "interactivity_tok_s_user", "ttft_s", "tpot_s"),
    *("batch", "memory_used_bytes", "cost_usd_per_mtok_output", "energy_j_per_output_token"),
)
MORE_RATES: Sequence[str] = (
    *("ttft_p90_s", "ttft_p99_s", "cycle_s", "critical_batch", "sessions", "network_s", "latency_s"),
)


@dataclass(frozen=True)
class Axis:
    """Columns that vary together, and their values in ascending order; each value has one entry a column."""

    columns: tuple[str, ...]
    values: tuple[tuple[Any, ...], ...]

    def __len__(self) -> int:
        return len(self.values)


@dataclass(frozen=True)
class Numeric:
    """Numbers that vary together: `values` of shape (values, columns), in ascending order, and what people call them."""

    columns: tuple[str, ...]
    values: Array
    labels: tuple[str, ...] = ()

    def __len__(self) -> int:
        return int(self.values.shape[0])


def digits(number: int, lengths: Sequence[int]) -> tuple[int, ...]:
    """The place of the `number`th combination on each of some axes; the last one varies fastest."""
    places: list[int] = []
    for length in reversed(lengths):
        number, place = divmod(number, length)
        places.append(place)
    return tuple(reversed(places))
