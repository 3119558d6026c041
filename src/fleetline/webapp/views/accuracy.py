"""How good it is: errors on runs that the fit had not seen, by the way they were held out and by group."""

from __future__ import annotations

from typing import Any

import numpy as np

from fleetline import runs
from fleetline.calibration.validate import GROUPS
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
    scores = [each for each in runs.validate() if each.by == by]
    rows = [
        {
            "group": each.group,
            "rows": each.rows,
            "median_abs_log": _known(getattr(each, f"{quantity}_median_abs_log")),
            "interval_coverage": _known(each.interval_coverage),
        }
        for each in scores
    ]
    return view(
        {"quantity": quantity, "by": by},
        f"{_QUANTITIES[quantity]} of runs nobody fitted is off by {held[0].median_abs_log:.1%} in the median." if held else "",
        numbers=[
            number(
                f"median_abs_log_{each.way}", f"Held out by {each.way}", each.median_abs_log, "log",
                "Median of |log(predicted / measured)| on runs not seen (make fit)", low=each.median_from, high=each.median_to,
                words=f"{each.median_abs_log:.1%}",
            )
            for each in held
        ],
        figures=[
            {
                "name": "error_by_group",
                "title": f"Error by {by}",
                "caption": "Median of |log(predicted / measured)| of all shipped runs with the fit as shipped.",
                "description": "One bar a group.",
                "data": {"groups": rows},
            }
        ],
    )  # fmt: skip


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _warm() -> None:
    accuracy("tpot", "model")


VIEW = View("accuracy", "Predicted against measured", CONTROLS, accuracy, warm=_warm)
