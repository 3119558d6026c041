"""The question `demand`, by name: every proxy in its own direction, and as output tokens at a workload's ratio."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fleetline.beliefs import Z95, Array, Belief, Median, Worlds
from fleetline.catalog import load
from fleetline.errors import InputError
from fleetline.questions.worlds import DRAWS, interval, scenario_of, worlds
from fleetline.scenario import DEFAULT, Scenario
from fleetline.world import demand as world
from fleetline.world import series
from fleetline.world.demand_growth import fitted_growth, growth_draws, growth_of, growth_source, slows
from fleetline.world.engineers import intensities, parameter
from fleetline.world.proxy import Input, Proxy, question

_LAST_DAY = datetime.date(2100, 1, 1)  # growth carried further is no forecast


@dataclass(frozen=True)
class Asked:
    """One proxy: 5%, median-world and 95% value, and all it is made from.

    `tok_s` counts what `direction` says; `output_tok_s` is the output among it at the workload's input:output ratio. Both
    hold at `date`, the source's figure at `native_date`; `direction_stated` and `dated` are in the source's words.
    """

    name: str
    about: str
    tok_s: Mapping[str, float]
    direction: str
    direction_stated: str
    output_tok_s: Mapping[str, float]
    date: str
    native_date: str
    dated: str
    source: str
    formula: str
    inputs: Sequence[Input]


@dataclass(frozen=True)
class Fitted:
    """Growth of one dated series: last point over first, and the fitted factor a year with its 90% interval."""

    series: str
    first: str
    last: str
    points: int
    years: float
    factor: float
    per_year: Mapping[str, float]
    scatter: str


@dataclass(frozen=True)
class Comparison:
    """A figure the article prints, beside the one computed from its inputs."""

    what: str
    printed: float
    ours: float
    ours_over_printed: float
    unit: str
    source: str


@dataclass(frozen=True)
class Demand:
    """What is asked for; `proxy` is the one the scenario holds against supply. Growth is a factor: 6.7 means 6.7 times.

    `changed_lines` are keys of the scenario's lines that were set by whoever asked.
    """

    scenario: str
    changed_lines: Sequence[str]
    workload: str
    as_of: str | None
    draws: int
    seed: int
    proxy: str
    proxies: Sequence[Asked]
    growth_per_year: Mapping[str, float]
    growth_source: str
    growth_series: Sequence[Fitted]
    comparisons: Sequence[Comparison]


def demand(
    scenario: str | Path | Scenario = DEFAULT,
    settings: Iterable[str] = (),
    *,
    as_of: str | datetime.date | None = None,
    workload: str | None = None,
    draws: int = DRAWS,
    seed: int = 0,
) -> Demand:
    """Every measure of demand for tokens.

    Args:
        scenario: a shipped scenario's name, a TOML file, or a scenario that was read before.
        settings: assumptions to change, "key=value" or "key=low..high".
        as_of: day to move every proxy to, along the growth; each stays at its own date without.
        workload: INPUT:OUTPUT of the supply to hold demand against; the scenario's `demand.native_workload` without.
        draws: worlds.
        seed: of the worlds.

    Raises:
        InputError: a scenario, workload or date that does not hold.
    """
    chosen = scenario_of(scenario, settings)
    drawn = worlds(draws, seed)
    day = None if as_of is None else _day(as_of, chosen)
    return Demand(
        scenario=chosen.name,
        changed_lines=chosen.changed,
        workload=workload or chosen.text("demand.native_workload"),
        as_of=None if day is None else day.isoformat(),
        draws=draws,
        seed=seed,
        proxy=world.chosen(chosen),
        proxies=_proxies(chosen, drawn, workload, day),
        growth_per_year=_growth(chosen, drawn),
        growth_source=growth_source(chosen),
        growth_series=[_fitted(fit) for fit in fitted_growth(chosen).fits],
        comparisons=comparisons(chosen),
    )


def _proxies(chosen: Scenario, drawn: Worlds, shape: str | None, day: datetime.date | None) -> list[Asked]:
    """Each proxy in the worlds, and in the one where everything has its median."""
    found = []
    for sample in (drawn, Median()):
        native = world.proxies(question(chosen, sample, shape))
        found.append([(each, each if day is None else world.at(chosen, sample, each, day)) for each in native])
    return [_asked(native, now, middle) for (native, now), (_, middle) in zip(*found, strict=True)]


def _asked(native: Proxy, now: Proxy, middle: Proxy) -> Asked:
    return Asked(
        name=now.name,
        about=now.about,
        tok_s=_interval(now.tokens, middle.tokens),
        direction=now.direction,
        direction_stated=now.stated,
        output_tok_s=_interval(now.output, middle.output),
        date=now.date.isoformat(),
        native_date=native.date.isoformat(),
        dated=now.dated,
        source="; ".join(now.sources),
        formula=now.formula + ("" if now.date == native.date else " x growth ^ (years since its own date)"),
        inputs=now.inputs,
    )


def _interval(drawn: Array, middle: Array) -> dict[str, float]:
    central = float(middle[0])
    low, high = (float(each) for each in np.quantile(drawn, [0.05, 0.95]))
    # of a few draws, all may lie on one side of the median world
    return {"low": min(low, central), "central": central, "high": max(high, central)}


def _quantiles(growth: series.Growth | Belief) -> dict[str, float]:
    low, middle, high = (float(each) for each in growth.at([-Z95, 0.0, Z95]))
    return {"p5": low, "p50": middle, "p95": high}


def _growth(chosen: Scenario, drawn: Worlds) -> dict[str, float]:
    if slows(chosen):
        return interval(growth_draws(chosen, drawn))
    return _quantiles(growth_of(chosen))


def _fitted(fit: series.Fit) -> Fitted:
    return Fitted(
        series=fit.series,
        first=fit.points[0].row.as_of,
        last=fit.points[-1].row.as_of,
        points=len(fit.points),
        years=fit.years,
        factor=fit.factor,
        per_year=_quantiles(series.Growth([fit])),
        scatter=f"{fit.scatter.variance**0.5:.2f} in the logarithm, {fit.scatter.whose} "
        f"({fit.scatter.freedom} degrees of freedom)",
    )


def comparisons(chosen: Scenario) -> list[Comparison]:
    """The article's figures of demand beside ours, in the median world and at the article's ratio."""
    asked = question(chosen, Median())
    ours = {f"intensity {name}": float(each[0]) for name, each in intensities(asked, asked.ratio).items()}
    ours |= {each.name: float(each.output[0]) for each in world.proxies(asked)}
    ours["growth"] = float(growth_of(chosen).at(0.0))
    found = []
    for name, column, key in _PRINTED:
        row = parameter(load(), name)
        printed = getattr(row, column)
        if key in ours and printed is not None:
            what = name if column == "central" else f"{name}, {column} end"
            found.append(Comparison(what, printed, ours[key], ours[key] / printed, row.unit, row.source))
    return found


_ALL_ENGINEERS = "demand if all daily-AI engineers used like Meta/Apple"
# row of `demand_parameters`, its column, and which of our figures it is
_PRINTED = (
    ("Apple: output tokens/day at Claude Opus 4.7 prices", "central", "intensity apple-claude-opus-4.7"),
    ("Apple: output tokens/day at Kimi K2.6 prices", "central", "intensity apple-kimi-k2.6"),
    ("Meta output tokens per employee-day (derived in article)", "central", "intensity meta"),
    (_ALL_ENGINEERS, "low", "engineers-meta"),
    (_ALL_ENGINEERS, "high", "engineers-apple-kimi-k2.6"),
    ("demand growth used in article", "central", "growth"),
)


def _day(given: str | datetime.date, chosen: Scenario) -> datetime.date:
    """A day that growth may be carried to: not before the data it was fitted to."""
    first = chosen.date("growth.series_from")
    allowed = f"a day from {first} (growth.series_from: the data begin there) to {_LAST_DAY}"
    try:
        day = given if isinstance(given, datetime.date) else datetime.date.fromisoformat(given)
    except ValueError:
        day = datetime.date.min
    if not first <= day <= _LAST_DAY:
        raise InputError(f"as_of: got '{given}', allowed {allowed}", field="as_of", got=str(given), allowed=allowed)
    return day
