"""How records go on: the best measured rate of a model on a chip, forecast from how such records rose before.

A record only rises. Over windows of up to 90 days, begun two months or more after the first dated run of a model on a chip
at a workload, its rise (log of the ratio, mostly 0) is one example; the examples of all of them are the distribution of the
next window, and of several windows one after the other, each independent. The first two months, in which software learns a
new chip, are left out: what a ledger names has been measured for longer.

Such rises do not go on for ever. In each world the record ends at a ceiling, the best modelled rate times what is reached
of such on its system (table `reached`), drawn from the part of that distribution that the record has not passed yet.

Source: ours; runs of InferenceX (table `benchmarks`).
"""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special

from fleetline.beliefs import Z95, Array, Belief, Draws
from fleetline.calibration.measured import run_of
from fleetline.catalog import load
from fleetline.catalog.rows import ReachedRow
from fleetline.dates import span
from fleetline.errors import InputError, unknown_name
from fleetline.measurements import Measurement
from fleetline.world.best_rates import Question, best_rate
from fleetline.world.forecasts import POINTS, Forecast
from fleetline.world.reached import ANY

BEST = "best run"
_WINDOW, _SETTLED, _STEP = 90, 60, 15  # days: guesses; the longest window of which the rows hold many
_METHOD = "rise of records over windows before, up to what may be reached of the best modelled rate"

Pair = tuple[str, str, str]  # model, hardware, workload
Runs = Mapping[Pair, Sequence[tuple[datetime.date | None, float]]]


def fast_runs(rows: Iterable[Measurement], speed: float) -> Runs:
    """Output rates per GPU [token/s] of runs at `speed` or faster by wall time, with the date where one is known."""
    found: dict[Pair, list[tuple[datetime.date | None, float]]] = defaultdict(list)
    for row in rows:
        run = run_of(row)
        if run is not None and run.wall >= speed:
            day = None if row.date is None else datetime.date.fromisoformat(row.date)
            found[row.model, row.hardware, f"{row.input_tokens}:{row.output_tokens}"].append((day, run.output_tok_s_gpu))
    return found


def newest(runs: Runs) -> datetime.date:
    """The day of the newest dated run.

    Raises:
        InputError: no run has a date.
    """
    days = [day for each in runs.values() for day, _ in each if day is not None]
    if not days:
        raise InputError("rows: no run has a date, so no record can be followed", field="rows")
    return max(days)


def best(runs: Runs, pair: Pair, by: datetime.date, *, undated: bool) -> float | None:
    """The best rate of a pair until a day; runs without a date count where said so. None without any."""
    rates = [rate for day, rate in runs.get(pair, ()) if (undated if day is None else day <= by)]
    return max(rates, default=None)


def rises(runs: Runs, until: datetime.date, window: int) -> Array:
    """Log rises of every record over windows of so many days that end by a day.

    Raises:
        InputError: there is none.
    """
    found = []
    for pair, each in runs.items():
        days = [day for day, _ in each if day is not None]
        start = min(days, default=until) + datetime.timedelta(days=_SETTLED)
        while start + datetime.timedelta(days=window) <= until:
            before, after = (
                best(runs, pair, day, undated=False) for day in (start, start + datetime.timedelta(days=window))
            )
            if before is not None and after is not None:
                found.append(float(np.log(after / before)))
            start += datetime.timedelta(days=_STEP)
    if not found:
        raise InputError(f"rows: no record is followed for {window} days until {until}", field="rows")
    return np.sort(found)


def of_record(runs: Runs, pair: Pair, known: Known, date: str, draws: Draws) -> Forecast:
    """The best rate of a pair by the end of a date, from what is known.

    Raises:
        InputError: no run of the pair is known, or no record was followed long enough.
    """
    now = best(runs, pair, known.day, undated=known.undated)
    if now is None:
        raise InputError(f"rows: no run of {pair[0]} on {pair[1]} at {pair[2]} by {known.day}", field="rows", got=pair[0])
    horizon = max((span(date).end - datetime.timedelta(days=1) - known.day).days, 1)
    window = min(horizon, _WINDOW)
    examples = rises(runs, known.day, window)
    total = np.zeros(draws.count)
    for place in range(round(horizon / window)):
        share = special.ndtr(draws.scores(f"record rise {place}"))
        total = total + examples[np.minimum((share * len(examples)).astype(int), len(examples) - 1)]
    top = ceilings(pair, now, draws) if known.capped else np.full(draws.count, np.inf)
    p5, p50, p95 = np.quantile(np.minimum(now * np.exp(total), top), POINTS).tolist()
    return Forecast(name_of(pair), date, "output token/s/GPU", p5, p50, p95, _METHOD)


@dataclass(frozen=True)
class Known:
    """Runs until a day, those without a date too where `undated`; `capped` by what the model of today says can be."""

    day: datetime.date
    undated: bool = True
    capped: bool = True


def ceilings(pair: Pair, now: float, draws: Draws) -> Array:
    """Where a record that stands at `now` ends in every world [token/s of a GPU], at the default wanted speed.

    Raises:
        InputError: a model or chip that the catalog has no model or system of.
    """
    catalog = load()
    models = catalog.benchmark_models
    systems = catalog.benchmark_systems
    for what, name, known in (("model", pair[0], models), ("hardware", pair[1], systems)):
        if name not in known:
            raise unknown_name(what, name, known)
    gpus = int(np.max(catalog.system(systems[pair[1]]).gpus))
    question = Question(models[pair[0]], systems[pair[1]], gpus, pair[2], 0.0, catalog.defaults["speed"])
    rows = {row.system: row for row in catalog.rows("reached", ReachedRow)}
    row = rows.get(question.system, rows[ANY])
    modelled = best_rate(question).tok_s / gpus
    return modelled * above(Belief(row.central, row.low, row.high), now / modelled, draws)


def above(belief: Belief, floor: float, draws: Draws) -> Array:
    """A belief given that it is over a floor, in every world."""
    side = belief.high if floor > belief.value else belief.low
    passed = special.ndtr(Z95 * np.log(floor / belief.value) / abs(np.log(side / belief.value)))
    share = passed + (1.0 - passed) * special.ndtr(draws.scores("record ceiling"))
    return np.maximum(belief.at(special.ndtri(np.minimum(share, 1.0 - np.finfo(float).eps))), floor)


def name_of(pair: Pair) -> str:
    """A pair as a ledger names it."""
    return f"{BEST}: {pair[0]} on {pair[1]} at {pair[2]}"


def pair_of(quantity: str) -> Pair:
    """The pair that a ledger's quantity names."""
    model, _, rest = quantity.partition(": ")[2].partition(" on ")
    hardware, _, workload = rest.partition(" at ")
    return model, hardware, workload
