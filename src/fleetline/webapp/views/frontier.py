"""Throughput against speed of one deployment, with the measured runs of that model and chip beside it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any

import numpy as np

from fleetline import frontiers, runs
from fleetline.answers import Throughput
from fleetline.calibration.measured import Run, run_of
from fleetline.catalog import config_token, load
from fleetline.deployment import throughput
from fleetline.errors import FleetlineError
from fleetline.webapp.views import serving
from fleetline.webapp.views.shapes import View
from fleetline.webapp.words import about, view
from fleetline.world.reached import alike


def frontier(**given: Any) -> dict[str, Any]:
    """The points that no other beats in speed and throughput at once, as `frontier`; published runs as dots beside them.

    The batch is looked through as the question stands; with `search`, layouts, schedules and drafts too.
    """
    asked = serving.asked(given)
    now = throughput(**asked)
    free = serving.unlimited(asked)  # the whole frontier, whatever is wanted: the page shows where on it one stands
    as_asked = frontiers.frontier(points=_POINTS, **free | _fixed(now, free))
    if not np.any(as_asked.feasible):
        reason = str(as_asked.reason)
        return view(given, "No batch can be served like this", reason=reason.partition(": ")[2])
    lines = {_ASKED: _points(as_asked)}
    if given["search"]:
        lines[_SEARCHED] = _points(frontiers.frontier(points=_POINTS, **free))
    tokens = float(asked["input_tokens"]), float(asked["output_tokens"])
    measured = _measured(str(asked["model"]), str(asked["system"]), *tokens)
    return view(given, "", figures=[_figure(lines, measured, _points(now) if now.feasible else [])])


_POINTS = 40
_ASKED, _SEARCHED = "as asked", "best layout, measured kernels"
_PLACE: Mapping[str, float] = MappingProxyType({_ASKED: 0.2, _SEARCHED: 0.6})  # along each line, where its name stands


def _fixed(now: Throughput, free: Mapping[str, Any]) -> dict[str, Any]:
    """What keeps the frontier to the question's own schedule, drafts and efficiencies."""
    return {"preset": now.setting["preset"]} | {key: free[key] for key in ("schedule", "speculative") if key in free}


def _figure(
    lines: Mapping[str, list[dict[str, Any]]], measured: list[dict[str, Any]], now: list[dict[str, Any]]
) -> dict[str, Any]:
    points = [row | {"line": name} for name, rows in lines.items() for row in rows]
    return {
        "name": "frontier",
        "title": _finding(lines[_ASKED], now),
        "caption": (
            "Output tokens a second of each chip against each user's speed, at every batch; the ring is the present question. "
            + (
                f"Dots: {len(measured)} published runs of this model and chip at lengths within 10% (InferenceX)."
                if measured
                else "No published run of this model on this chip at lengths within 10%."
            )
        ),
        "description": "A falling line of throughput against speed, measured runs as dots, the present point marked.",
        "data": {
            "points": points,
            "names": [_named(name, rows, _PLACE[name]) for name, rows in lines.items()],
            "measured": measured,
            "now": now,
        },
    }


def _finding(points: list[dict[str, Any]], now: list[dict[str, Any]]) -> str:
    if not now:
        return "What a faster answer costs"
    at = now[0]["speed_tok_s_user"]
    twice = [row["output_tok_s_gpu"] for row in points if row["speed_tok_s_user"] >= 2 * at]
    if not twice:
        return f"Twice the speed, {about(2 * at)} tokens a second, cannot be had at any batch"
    left = max(twice) / now[0]["output_tok_s_gpu"]
    return f"Twice the speed would leave {left:.0%} of the output"


def _named(name: str, rows: list[dict[str, Any]], place: float) -> dict[str, Any]:
    """Where on a line its name stands."""
    return rows[int(place * (len(rows) - 1))] | {"line": name}


def _points(found: Throughput) -> list[dict[str, Any]]:
    columns = (found.speed_tok_s_user, found.throughput_tok_s_gpu, found.ttft_s, found.tpot_s, found.batch)
    names = ("speed_tok_s_user", "output_tok_s_gpu", "ttft_s", "tpot_s", "batch")
    table = np.atleast_2d(np.array(np.broadcast_arrays(*columns), dtype=float).reshape(len(names), -1).T)
    return [dict(zip(names, row, strict=True)) for row in table.tolist()]


@lru_cache(maxsize=1)
def _runs() -> Mapping[tuple[str, str], list[Run]]:
    """Every shipped run, by the catalog's model and system."""
    catalog = load()
    models = catalog.benchmark_models
    systems = catalog.benchmark_systems
    found: dict[tuple[str, str], list[Run]] = {}
    for run in (run_of(row) for row in runs.rows_of(())[0]):
        if run is not None:
            place = (models.get(run.row.model, ""), systems.get(run.row.hardware, ""))
            found.setdefault(place, []).append(run)
    return found


def _names(model: str) -> list[str]:
    """The models whose runs are this one's: those of the same architecture."""
    return [] if config_token.is_token(model) else alike(model)


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
        for name in _names(model)
        for run in _runs().get((name, system), [])
        if _near(run.row.input_tokens, tokens_in) and _near(run.row.output_tokens, tokens_out)
    ]


def _near(one: float | None, other: float) -> bool:
    return one is not None and abs(one / other - 1.0) <= _SAME_LENGTH


def _costly(given: Mapping[str, Any]) -> bool:
    try:
        return bool(given["search"]) and frontiers.searched(serving.asked(given))  # type: ignore[arg-type]
    except FleetlineError:
        return False


def _warm() -> None:
    _runs()


VIEW = View(
    "frontier",
    "Frontier",
    "Throughput against speed, measured runs beside it",
    serving.CONTROLS,
    frontier,
    costly=_costly,
    warm=_warm,
)
