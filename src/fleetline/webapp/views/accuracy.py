"""How good it is: errors on runs that the fit had not seen, by the way they were held out and by group."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np

from fleetline import runs
from fleetline.calibration.validate import GROUPS, Score
from fleetline.catalog.rows import PooledErrorRow
from fleetline.measurements.types import Measurement
from fleetline.study.names import names
from fleetline.webapp.controls import Choice, Control
from fleetline.webapp.views.shapes import View
from fleetline.webapp.words import number, view

_QUANTITIES = {"tpot": "Time per output token", "ttft": "Time to first token", "throughput": "Throughput per GPU"}

CONTROLS = (
    Control(
        "quantity", "Quantity", "choice", "What is held against measured runs.", "Compared", "tpot",
        lambda: [Choice(value, label) for value, label in _QUANTITIES.items()],
    ),
    Control(
        "by", "Group by", "choice", "What runs of a group have in common.", "Compared", "model",
        lambda: [Choice(name, name) for name in GROUPS if name != "all"],
    ),
)  # fmt: skip


def accuracy(quantity: str, by: str) -> dict[str, Any]:
    """Errors on runs not seen, as `accuracy`, and predicted against measured by group, as `validate`."""
    held = [row for row in runs.accuracy() if row.quantity == quantity]
    worst = max(held, key=lambda row: row.median_abs_log)
    return view(
        {"quantity": quantity, "by": by},
        f"{_QUANTITIES[quantity]} of runs that no fit has seen is off by {min(row.median_abs_log for row in held):.1%} to "
        f"{worst.median_abs_log:.1%} in the median, by what is held out",
        numbers=[_held_out(row) for row in held],
        figures=[_by_group(quantity, by), _dots(quantity, by)],
    )


def _held_out(row: PooledErrorRow) -> dict[str, Any]:
    return number(
        f"median_abs_log_{row.way}",
        _WAYS.get(row.way, f"Held out: {row.way}"),
        row.median_abs_log,
        "share",
        "Median of |log(predicted / measured)| over runs that the fit had not seen, with its 90% interval (make fit).",
        low=row.median_from,
        high=row.median_to,
        words=f"{row.median_abs_log:.1%}",
        group="Median error on runs that the fit had not seen",
    )


_WAYS = {
    "framework": "On another framework",
    "model": "Of another model",
    "chip": "On another chip",
    "pair": "Another model on another chip",
    "time": "Later runs",
    "configuration": "Another configuration",
}


def _by_group(quantity: str, by: str) -> dict[str, Any]:
    rows = [
        {
            "group": _name(by, each.group),
            "rows": each.rows,
            "median_abs_log": getattr(each, f"{quantity}_median_abs_log"),
            "interval_coverage": _known(each.interval_coverage),
        }
        for each in _scores()
        if each.by == by and _known(getattr(each, f"{quantity}_median_abs_log")) is not None
    ]
    rows.sort(key=lambda row: float(row["median_abs_log"]))
    rows = [row | {"text": f"{row['median_abs_log']:.1%}, {row['rows']:,} runs"} for row in rows]
    best, worst = rows[0], rows[-1]
    return {
        "name": "error_by_group",
        "title": f"Error by {by}: {best['median_abs_log']:.1%} ({best['group']}) to {worst['median_abs_log']:.1%} ({worst['group']})",
        "caption": "Median of |log(predicted / measured)| of all shipped runs, each predicted without its own configuration.",
        "description": f"One bar for every {by}.",
        "data": {"groups": rows},
    }


@lru_cache(maxsize=1)
def _scores() -> list[Score]:
    return runs.validate()


@lru_cache(maxsize=1)
def _errors() -> dict[str, list[tuple[Measurement, float]]]:
    return runs.held_out_errors()


@lru_cache(maxsize=1)
def _names() -> dict[str, str]:
    return names()


def _name(by: str, group: str) -> str:
    """A group as people call it."""
    return _names().get(group, group) if by in _NAMED else group


_NAMED = {"model", "chip", "framework"}

_SHOWN = 1500  # dots; more are no clearer and slower


def _dots(quantity: str, by: str) -> dict[str, Any]:
    found = _errors()[quantity]
    every = max(1, -(-len(found) // _SHOWN))
    rows = [
        {"group": _name(by, GROUPS[by](row)), "measured": value, "predicted": value / math.exp(error)}
        for row, error in found[::every]
        if (value := getattr(row, _COLUMN[quantity])) is not None
    ]
    off = [abs(error) for _, error in found]
    values = [row[side] for row in rows for side in ("measured", "predicted")]
    near = sum(error <= math.log(_NEAR) for error in off) / len(off)
    return {
        "name": "predicted_measured",
        "title": f"{near:.0%} of {len(off):,} runs are predicted within a quarter",
        "caption": f"Each run predicted without its own configuration; every {every}th drawn. Units: {_UNIT[quantity]}.",
        "description": "Dots along the line on which predicted and measured are one, on logarithmic axes.",
        "data": {"runs": rows, "line": [{"at": min(values)}, {"at": max(values)}]},
    }  # fmt: skip


_NEAR = 1.25
_COLUMN = {"tpot": "tpot_s", "ttft": "ttft_s", "throughput": "throughput_gpu"}
_UNIT = {"tpot": "seconds a token", "ttft": "seconds", "throughput": "input and output tokens per second and chip"}


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _warm() -> None:
    accuracy("tpot", "model")


VIEW = View("accuracy", "How good is it", "Predicted against measured", CONTROLS, accuracy, warm=_warm)
