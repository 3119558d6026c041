"""The question `backtest`: stand on a past day with what was known then, forecast, and hold that against what came.

Known then: the newest edition of the chip sales that was out, statements of tokens that were surely announced, dated runs,
the article's scenario. Sales grow by what the designers' own had grown by over the last whole quarters of that edition. Not
known then, and so a limit: the form of the model itself, its prior of the half-life and the day its series begin at were
chosen later. Scored: quarters that the old edition does not have whole, in the newest one; statements surely announced
later; records that were run again. What is known in part only is a floor: it can refute a forecast and not confirm it.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy as np

from fleetline.beliefs import Draws
from fleetline.catalog import load
from fleetline.catalog.rows import ChipSalesRow, DemandSeriesRow, TokenDemandRow
from fleetline.dates import span, year_of
from fleetline.errors import InputError
from fleetline.questions.worlds import worlds
from fleetline.runs import rows_of
from fleetline.scenario import KEYS, Assumption, Scenario
from fleetline.scenario import scenario as read_scenario
from fleetline.world.forecasts import Forecast, has_level, marked, of_sales, of_tokens, quarter_of, sold
from fleetline.world.observed import Observation, newest_vintage, observed
from fleetline.world.records import Known, best, fast_runs, newest, of_record
from fleetline.world.trend import fit, statements, surely_by

DAY = "2026-05-25"  # the article's
DRAWS = 4000
# lines of `today` that rest on nothing later than the day
_KEPT = ("growth.model", "growth.half_life", "growth.series_from", "fleet.sales_growth_correlation")
_LAST_QUARTERS = 4
# statements that are a floor of another series
FLOORS: Mapping[str, str] = MappingProxyType(
    {
        "China (Premier Li Qiang) | Chinese large models": "China (National Data Administration) | national total, daily "
        "average calls"
    }
)


@dataclass(frozen=True)
class Backtest:
    """A day's forecasts beside what came.

    Attributes:
        day, vintage, against: when one stands, the sales known then, and the newest.
        sales_growth: of a designer in a year, as known then {p5, p50, p95}, a factor.
        known: statements of tokens in the fit. left_out: rows whose announcement may be before or after the day.
        targets: `quantity`, `date`, `unit`, `p5`, `p50`, `p95`, `came`, `known` (when), `status` (scored; floor; floor
            passed, when even a part is more than the 95% point), `inside`, `log_error`, `pinball` (None for floors).
        summary: by kind and over all: `kind`, `targets`, `inside` (share of scored ones), `bias` and `spread` (mean and
            root mean square of the log errors), `pinball`.
    """

    day: str
    vintage: str
    against: str
    draws: int
    seed: int
    sales_growth: Mapping[str, float]
    known: int
    left_out: Sequence[str]
    targets: Sequence[Mapping[str, Any]]
    summary: Sequence[Mapping[str, Any]]


def backtest(day: str = DAY, *, draws: int = DRAWS, seed: int = 0) -> Backtest:
    """Forecasts of a past day against what came after it.

    Args:
        day: where one stands, YYYY-MM-DD. draws: worlds of the sales. seed: of the draws.

    Raises:
        InputError: a day before which nothing was known, or after which nothing came.
    """
    stand, drawn = _day(day), worlds(draws, seed)
    sales = load().rows("chip_sales", ChipSalesRow)
    vintage, newest = newest_vintage(sales, stand), newest_vintage(sales, datetime.date.max)
    if vintage is None:
        raise InputError(f"day: got {day}, before any edition of the chip sales", field="day", got=day)
    chosen = standing(stand, vintage)
    quarters = _quarters(sales, vintage, str(newest)) if newest != vintage else []
    forecasts = of_sales(sold(chosen, drawn), quarters) if quarters else []
    said = statements(chosen.date("growth.series_from"), stand, year_of(stand))
    found = fit(said, chosen.belief("growth.half_life"), year_of(stand))
    later, open_ = _later(stand)
    targets = [_target(each, observed(each.quantity, each.date, each.unit, stand)) for each in forecasts]
    for row in later:
        series = FLOORS.get(row.series, row.series)
        if not has_level(series, said):
            continue  # whatever came would be inside
        each = of_tokens(found, series, row.as_of, row.per)
        targets.append(_target(each, Observation(row.tokens_central, row.series not in FLOORS, row.announced, row.source)))
    targets += _records(stand, drawn)
    targets = [each for each in targets if each["came"] is not None]
    if not targets:
        raise InputError(f"day: got {day}, after which nothing came yet", field="day", got=day)
    growth = chosen.belief("fleet.sales_growth")
    return Backtest(
        day=day,
        vintage=vintage,
        against=str(newest),
        draws=draws,
        seed=seed,
        sales_growth={"p5": growth.low, "p50": growth.value, "p95": growth.high},
        known=len(said),
        left_out=[f"{row.series}, {row.as_of} (announced {row.announced})" for row in open_],
        targets=targets,
        summary=_summary(targets),
    )


def _day(text: str) -> datetime.date:
    try:
        return datetime.date.fromisoformat(text)
    except ValueError as error:
        said = f"day: got '{text}', allowed a day such as {DAY}"
        raise InputError(said, field="day", got=text, allowed="YYYY-MM-DD") from error


def standing(day: datetime.date, vintage: str) -> Scenario:
    """The scenario of a past day: the article's, every chip, sales carried on as they had grown until then.

    Raises:
        InputError: an edition without a year of sales before its last whole quarters.
    """
    today = read_scenario("today")
    base = read_scenario("article", ["fleet.name=all", f"fleet.vintage={vintage}", f"fleet.as_of={day}"])
    until = Assumption("fleet.carried_until", f"{day.year}-12-31", None, None, "date", "ours: the year of the forecast")
    growth = sales_growth(vintage)
    lines = dict(base.assumptions) | {key: today.assumptions[key] for key in _KEPT}
    lines |= {until.key: until, growth.key: growth}
    return replace(base, assumptions=MappingProxyType({key: lines[key] for key in KEYS if key in lines}))


def sales_growth(vintage: str) -> Assumption:
    """Growth of a designer's arithmetic over a year, over the edition's last whole quarters: 5%, 50% and 95% of all.

    Raises:
        InputError: an edition without a year of sales before them.
    """
    totals: dict[str, dict[str, float]] = {}
    partial = set()
    for row in load().rows("chip_sales", ChipSalesRow):
        if row.vintage == vintage:
            mine = totals.setdefault(row.designer, {})
            mine[row.start_date] = mine.get(row.start_date, 0.0) + row.h100e_median
            partial |= {(row.designer, row.start_date)} if row.incomplete else set()
    factors = []
    for designer, by_quarter in totals.items():
        whole = sorted(start for start in by_quarter if (designer, start) not in partial)
        for start in whole[-_LAST_QUARTERS:]:
            before = f"{int(start[:4]) - 1}{start[4:]}"
            if by_quarter.get(before, 0.0) > 0.0:
                factors.append(by_quarter[start] / by_quarter[before])
    if len(factors) < 2:
        raise InputError(f"fleet.vintage: no year of sales in {vintage}, so no growth", field="fleet.vintage", got=vintage)
    low, middle, high = np.quantile(factors, [0.05, 0.5, 0.95]).tolist()
    source = f"chip_sales {vintage}: {len(factors)} growths over a year, of {len(totals)} designers' last whole quarters"
    return Assumption("fleet.sales_growth", middle, low, high, "factor/year", source)


def _quarters(rows: Iterable[ChipSalesRow], vintage: str, newest: str) -> list[str]:
    """Quarters of the newest edition that the old one does not have whole."""
    starts = {
        name: {row.start_date for row in rows if row.vintage == name and (name == newest or not row.incomplete)}
        for name in (vintage, newest)
    }
    after = max(starts[vintage])
    return [quarter_of(datetime.date.fromisoformat(start)) for start in sorted(starts[newest]) if start > after]


def _later(day: datetime.date) -> tuple[list[TokenDemandRow], list[TokenDemandRow]]:
    """Statements surely announced after a day, and those that may be before or after it; of series with a place."""
    placed = {row.series for row in load().rows("demand_series", DemandSeriesRow)} | set(FLOORS)
    rows = [row for row in load().rows("token_demand", TokenDemandRow) if row.series in placed and row.shows_growth]
    later = [row for row in rows if span(row.announced).first > day]
    return later, [row for row in rows if row not in later and not surely_by(row.announced, day)]


def _records(day: datetime.date, draws: Draws) -> list[dict[str, Any]]:
    """Records of every model, chip and workload that was run again after a day, at the newest dated run."""
    runs = fast_runs(rows_of([])[0], load().defaults["speed"])
    last = newest(runs)
    pairs = [
        pair
        for pair, each in sorted(runs.items())
        if any(when is not None and when > day for when, _ in each) and best(runs, pair, day, undated=False) is not None
    ]
    made = [of_record(runs, pair, Known(day, undated=False, capped=False), last.isoformat(), draws) for pair in pairs]
    return [_target(each, observed(each.quantity, each.date, each.unit, day)) for each in made]


def _target(each: Forecast, came: Observation | None) -> dict[str, Any]:
    line: dict[str, Any] = {key: value for key, value in vars(each).items() if key != "method"}
    nothing = {"inside": None, "log_error": None, "pinball": None}
    if came is None:
        return line | {"came": None, "known": None, "status": "open"} | nothing
    line |= {"came": came.value, "known": came.known}
    if not came.whole:
        passed = came.value > each.p95
        return line | {"status": "floor passed" if passed else "floor"} | nothing | ({"inside": False} if passed else {})
    return line | {"status": "scored"} | vars(marked(each.p5, each.p50, each.p95, came.value))


def _summary(targets: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    kinds = list(dict.fromkeys(each["quantity"].partition(":")[0] for each in targets))
    rows = []
    for kind in (*kinds, "all"):
        mine = [
            each
            for each in targets
            if each["status"] == "scored" and each["quantity"].startswith("" if kind == "all" else kind)
        ]
        errors = np.array([each["log_error"] for each in mine])
        rows.append(
            {"kind": kind, "targets": len(mine)}
            | {
                "inside": float(np.mean([each["inside"] for each in mine])) if mine else None,
                "bias": float(errors.mean()) if mine else None,
                "spread": float(np.sqrt(np.mean(errors**2))) if mine else None,
                "pinball": float(np.mean([each["pinball"] for each in mine])) if mine else None,
            }
        )
    return rows
