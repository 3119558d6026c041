"""Which rows of a table are fitted or scored: a filter in words, and one statistic per quantity."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from fleetline.calibration.fit import Observed
from fleetline.calibration.form import Terms, terms
from fleetline.catalog import Catalog, load
from fleetline.errors import InputError, unknown_name
from fleetline.measurements import Measurement
from fleetline.physics.roofline import Leg

# what a filter may name -> what it reads
FIELDS: Mapping[str, Callable[[Measurement], object]] = MappingProxyType(
    {
        "model": lambda row: row.model,
        "hardware": lambda row: row.hardware,
        "vendor": lambda row: row.vendor,
        "framework": lambda row: row.framework,
        "precision": lambda row: row.precision,
        "speculation": lambda row: row.speculation,
        "disaggregated": lambda row: "yes" if row.disaggregated else "no",
        "input_tokens": lambda row: row.input_tokens,
        "output_tokens": lambda row: row.output_tokens,
        "concurrency": lambda row: row.concurrency,
        "statistic": lambda row: row.statistic,
        "kind": lambda row: row.kind,
        "config": lambda row: row.config,
    }
)


def where(rows: Sequence[Measurement], condition: str | None) -> list[Measurement]:
    """The rows that meet a condition such as "model=kimik2.5,vendor=NVIDIA"; all of them without one.

    A model may be called as its rows call it or as the catalog does; what rows do not state is "unstated".

    Raises:
        InputError: not of that form, an unknown field, or no row meets it.
    """
    found = list(rows)
    for part in (condition or "").split(",") if condition else []:
        field, equals, wanted = (text.strip() for text in part.partition("="))
        if not equals or not wanted:
            raise InputError(f"where: got '{part}', allowed FIELD=VALUE, with commas between", field="where", got=part)
        if field not in FIELDS:
            raise unknown_name("field in where", field, FIELDS, field="where")
        values = {_said(field, row) for row in found}
        meant = {wanted.casefold(), *(_keys(wanted) if field == "model" else ())}
        found = [row for row in found if _said(field, row).casefold() in meant]
        if not found:
            raise unknown_name(f"{field} in where", wanted, values, field="where")
    return found


def _said(field: str, row: Measurement) -> str:
    """A row's value in words; what it does not state is not what it states as none."""
    value = FIELDS[field](row)
    return "unstated" if value is None else str(value)


def _keys(name: str) -> list[str]:
    """What benchmark rows call a model of the catalog."""
    return [key.casefold() for key, model in load().benchmark_models.items() if model == name.casefold()]


@dataclass(frozen=True)
class Selection:
    """The rows a fit sees, by quantity, and why the others are left out."""

    observed: Mapping[str, Observed]
    left_out: Mapping[str, int]


def select(rows: Sequence[Measurement], catalog: Catalog) -> Selection:
    """TPOT and TTFT of usable rows: medians over runs where there are any for TPOT, means where there are any for TTFT.

    The same measurement is published in more than one kind, and means of TTFT are several times its medians: one kind a
    quantity (InferenceX data, README).
    """
    left_out: Counter[str] = Counter()
    usable = _without_copies([row for row in rows if not _counted(left_out, _unfit(row))], left_out)
    found = terms(usable, catalog)
    for reason in found.reason:
        _counted(left_out, reason)
    picked = {
        "tpot": _pick(usable, found, left_out, "tpot", lambda row: row.tpot_s, lambda row: row.kind == "median_over_runs"),
        "ttft": _pick(usable, found, left_out, "ttft", lambda row: row.ttft_s, lambda row: row.statistic == "mean"),
    }
    legs = {"tpot": (found.tpot, found.steps_per_token), "ttft": (found.ttft, np.ones(len(usable)))}
    observed = {
        name: _observed(usable, indices, *legs[name], lambda row, name=name: row.tpot_s if name == "tpot" else row.ttft_s)  # type: ignore[misc]
        for name, indices in picked.items()
        if len(indices)
    }
    return Selection(MappingProxyType(observed), MappingProxyType(dict(left_out)))


def _counted(counter: Counter[str], reason: str) -> bool:
    if reason:
        counter[reason] += 1
    return bool(reason)


def _unfit(row: Measurement) -> str:
    if row.disaggregated and (row.prefill.workers is None or row.decode.workers is None):
        return "worker counts are not recorded"
    return "" if row.tpot_s is not None or row.ttft_s is not None else "nothing measured"


def _without_copies(rows: Sequence[Measurement], left_out: Counter[str]) -> list[Measurement]:
    """Rows that repeat another to three digits under another label or without its id are counted once."""
    seen: set[tuple[object, ...]] = set()
    kept = []
    for row in sorted(rows, key=lambda row: not row.config.isdigit()):  # rows with a configuration id come first
        rounded = tuple(None if value is None else f"{value:.2e}" for value in (row.tpot_s, row.ttft_s))
        machine = (row.hardware, row.disaggregated, row.prefill.gpus, row.decode.gpus)
        load = (row.model, row.precision, row.input_tokens, row.output_tokens, row.concurrency)
        key = (machine, load, row.kind, rounded)
        if key in seen and row.ttft_s is not None:
            left_out["copies of another row"] += 1
        else:
            kept.append(row)
        seen.add(key)
    return kept


def _pick(
    rows: Sequence[Measurement],
    found: Terms,
    left_out: Counter[str],
    name: str,
    value: Callable[[Measurement], float | None],
    preferred: Callable[[Measurement], bool],
) -> npt.NDArray[np.intp]:
    measured = [index for index, row in enumerate(rows) if value(row) is not None and not found.reason[index]]
    first = [index for index in measured if preferred(rows[index])]
    if first and len(first) < len(measured):
        left_out[f"another statistic of {name} than the one fitted"] += len(measured) - len(first)
    return np.array(first or measured, dtype=np.intp)


def _observed(
    rows: Sequence[Measurement],
    indices: npt.NDArray[np.intp],
    leg: Leg,
    latencies: npt.NDArray[np.float64],
    value: Callable[[Measurement], float | None],
) -> Observed:
    return Observed(
        compute_s=np.asarray(leg.compute_s)[indices],
        bandwidth_s=np.asarray(leg.bandwidth_s)[indices],
        latencies=latencies[indices],
        measured_s=np.array([value(rows[index]) for index in indices], dtype=float),
        config=np.array([rows[index].config for index in indices], dtype=str),
    )
