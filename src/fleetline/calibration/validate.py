"""Predicted against measured, by group: how far off, how many answered, how many within their interval.

Source: ours; the article fits the same medians of |log(predicted / measured)| (footnote 11).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from fleetline.calibration.predict import Prediction
from fleetline.measurements import Measurement

Array = npt.NDArray[np.float64]


def _size(row: Measurement) -> str:
    """Concurrency in steps of eight times, so that each holds many rows."""
    for low, high in ((1, 8), (9, 64), (65, 512)):
        if row.concurrency <= high:
            return f"{low}-{high}"
    return "513 and more"


GROUPS: Mapping[str, Callable[[Measurement], str]] = MappingProxyType(
    {
        "all": lambda _: "all",
        "model": lambda row: row.model,
        "chip": lambda row: row.hardware,
        "framework": lambda row: row.framework,
        "precision": lambda row: row.precision or "unstated",
        "speculation": lambda row: row.speculation or "unstated",
        "disaggregated": lambda row: "yes" if row.disaggregated else "no",
        "concurrency": _size,
        "workload": lambda row: f"{row.input_tokens}:{row.output_tokens}" if row.input_tokens else row.workload,
        "kind": lambda row: row.kind,
    }
)


@dataclass(frozen=True)
class Score:
    """Errors of one group, as |log(predicted / measured)|.

    Attributes:
        by, group: what the rows have in common. rows: how many, with something measured.
        *_median_abs_log: median over rows. *_by_configuration: mean over configurations of each one's median.
        throughput_*: of input and output tokens per second and GPU.
        *_bias_log: median of log(predicted / measured), so that over 0 is too slow a prediction.
        coverage: share of rows answered. interval_coverage: share of measured values within their 90% interval.
    """

    by: str
    group: str
    rows: int
    configurations: int
    tpot_median_abs_log: float
    tpot_by_configuration: float
    tpot_bias_log: float
    ttft_median_abs_log: float
    ttft_by_configuration: float
    ttft_bias_log: float
    throughput_median_abs_log: float
    throughput_by_configuration: float
    coverage: float
    interval_coverage: float


def validate(prediction: Prediction) -> list[Score]:
    """Every group's score; rows with nothing measured are not in it."""
    rows = prediction.rows
    measured = {
        "tpot": np.array([np.nan if row.tpot_s is None else row.tpot_s for row in rows], dtype=float),
        "ttft": np.array([np.nan if row.ttft_s is None else row.ttft_s for row in rows], dtype=float),
        "throughput": np.array([np.nan if row.throughput_gpu is None else row.throughput_gpu for row in rows], dtype=float),
    }
    times = (measured["tpot"], measured["ttft"])
    with_any = [index for index in range(len(rows)) if not all(np.isnan(each[index]) for each in times)]
    scores = []
    for by, group_of in GROUPS.items():
        groups: dict[str, list[int]] = defaultdict(list)
        for index in with_any:
            groups[group_of(rows[index])].append(index)
        scores += [_score(by, name, np.array(groups[name]), prediction, measured) for name in sorted(groups)]
    return scores


def _score(by: str, name: str, at: npt.NDArray[np.intp], found: Prediction, measured: Mapping[str, Array]) -> Score:
    configs = [found.rows[index].config for index in at]
    tpot = np.log(found.tpot_s[at] / measured["tpot"][at])
    ttft = np.log(found.ttft_s[at] / measured["ttft"][at])
    rate = np.abs(np.log(found.throughput_gpu_tok_s[at] / measured["throughput"][at]))
    within = [
        _within(measured["tpot"][at], found.tpot_low_s[at], found.tpot_high_s[at]),
        _within(measured["ttft"][at], found.ttft_low_s[at], found.ttft_high_s[at]),
    ]
    return Score(
        by=by,
        group=name,
        rows=len(at),
        configurations=len(set(configs)),
        tpot_median_abs_log=_median(np.abs(tpot)),
        tpot_by_configuration=_by_configuration(np.abs(tpot), configs),
        tpot_bias_log=_median(tpot),
        ttft_median_abs_log=_median(np.abs(ttft)),
        ttft_by_configuration=_by_configuration(np.abs(ttft), configs),
        ttft_bias_log=_median(ttft),
        throughput_median_abs_log=_median(rate),
        throughput_by_configuration=_by_configuration(rate, configs),
        coverage=float(np.mean([not found.reason[index] for index in at])),
        interval_coverage=_mean(np.concatenate(within)),
    )


def _within(measured: Array, low: Array, high: Array) -> Array:
    """1 inside, 0 outside, NaN where there is no measured value or no interval."""
    known = ~(np.isnan(measured) | np.isnan(low) | np.isnan(high))
    return np.where(known, ((measured >= low) & (measured <= high)).astype(float), np.nan)


def _median(values: Array) -> float:
    known = values[~np.isnan(values)]
    return float(np.median(known)) if len(known) else np.nan


def _mean(values: Array) -> float:
    known = values[~np.isnan(values)]
    return float(np.mean(known)) if len(known) else np.nan


def _by_configuration(values: Array, configs: Sequence[str]) -> float:
    """Mean over configurations of each one's median: rows of one configuration are near copies."""
    of_each: dict[str, list[float]] = defaultdict(list)
    for value, config in zip(values.tolist(), configs, strict=True):
        if not np.isnan(value):
            of_each[config].append(value)
    return float(np.mean([np.median(each) for each in of_each.values()])) if of_each else np.nan
