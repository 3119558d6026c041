"""Throughput against speed of one deployment, with the measured runs of that model and chip beside it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np

from fleetline import frontiers, runs
from fleetline.answers import Throughput
from fleetline.calibration.measured import Run, run_of
from fleetline.catalog import load
from fleetline.catalog.rows import BenchmarkModelRow, HardwareRow
from fleetline.deployment import throughput
from fleetline.errors import FleetlineError
from fleetline.webapp.views import serving
from fleetline.webapp.views.shapes import View
from fleetline.webapp.words import number, text, view


def frontier(**given: Any) -> dict[str, Any]:
    """The points that no other beats in speed and throughput at once, as `frontier`; published runs as dots beside them."""
    asked = serving.asked(given)
    now = throughput(**asked)
    limits = ("speed", "max_ttft", "offline")
    # the whole frontier, whatever is wanted: the page shows where on it one stands
    found = frontiers.frontier(points=40, **{key: value for key, value in asked.items() if key not in limits})
    if not np.any(found.feasible):
        reason = str(found.reason)
        return view(given, f"It cannot be served: {reason.partition(': ')[2]}", reason=reason)
    measured = _measured(
        str(asked["model"]), str(asked["system"]), float(asked["input_tokens"]), float(asked["output_tokens"])
    )
    points = _points(found)
    best = max(points, key=lambda row: row["output_tok_s_gpu"])
    return view(
        given,
        f"From {text(points[0]['speed_tok_s_user'])} to {text(points[-1]['speed_tok_s_user'])} tokens a second for each user; "
        f"at most {text(best['output_tok_s_gpu'])} a second of each chip.",
        numbers=[
            number("points", "Points", len(points), "", "fleetline frontier"),
            number(
                "measured_runs",
                "Measured runs of this model and chip",
                len(measured),
                "",
                "InferenceX, shipped benchmark tables",
            ),
        ],
        figures=[
            {
                "name": "frontier",
                "title": "What a faster answer costs",
                "caption": "Output tokens a second of each chip against each user's speed. Dots: published runs of this model and chip at lengths within 10%.",
                "description": "A falling line of throughput against speed, measured runs as dots, the present point marked.",
                "data": {"points": points, "measured": measured, "now": _points(now) if now.feasible else []},
            }
        ],
    )


def _points(found: Throughput) -> list[dict[str, Any]]:
    columns = (found.speed_tok_s_user, found.throughput_tok_s_gpu, found.ttft_s, found.tpot_s, found.batch)
    names = ("speed_tok_s_user", "output_tok_s_gpu", "ttft_s", "tpot_s", "batch")
    table = np.atleast_2d(np.array(np.broadcast_arrays(*columns), dtype=float).reshape(len(names), -1).T)
    return [dict(zip(names, row, strict=True)) for row in table.tolist()]


@lru_cache(maxsize=1)
def _runs() -> Mapping[tuple[str, str], list[Run]]:
    """Every shipped run, by the catalog's model and system."""
    catalog = load()
    models = {row.key: row.model for row in catalog.rows("benchmark_models", BenchmarkModelRow)}
    systems = {row.hardware: row.system for row in catalog.rows("hardware", HardwareRow)}
    found: dict[tuple[str, str], list[Run]] = {}
    for run in (run_of(row) for row in runs.rows_of(())[0]):
        if run is not None:
            place = (models.get(run.row.model, ""), systems.get(run.row.hardware, ""))
            found.setdefault(place, []).append(run)
    return found


_SAME_LENGTH = 0.1


def _measured(model: str, system: str, tokens_in: float, tokens_out: float) -> list[dict[str, Any]]:
    return [
        {
            "speed_tok_s_user": run.wall,
            "output_tok_s_gpu": run.output_tok_s_gpu,
            "gpus": run.row.gpus,
            "framework": run.row.framework,
            "precision": run.row.precision,
            "concurrency": run.row.concurrency,
            "row_id": run.row.row_id,
        }
        for run in _runs().get((model, system), [])
        if _near(run.row.input_tokens, tokens_in) and _near(run.row.output_tokens, tokens_out)
    ]


def _near(one: float | None, other: float) -> bool:
    return one is not None and abs(one / other - 1.0) <= _SAME_LENGTH


def _costly(given: Mapping[str, Any]) -> bool:
    try:
        return frontiers.searched(serving.asked(given))  # type: ignore[arg-type]
    except FleetlineError:
        return False


def _warm() -> None:
    _runs()


VIEW = View(
    "frontier",
    "Throughput against speed, measured runs beside it",
    serving.CONTROLS,
    frontier,
    costly=_costly,
    warm=_warm,
)
