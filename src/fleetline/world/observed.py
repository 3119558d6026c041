"""What came: rows of the catalog that say what a forecast was about, if they are surely newer than the forecast."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from dataclasses import dataclass

from fleetline.catalog import load
from fleetline.catalog.rows import ChipSalesRow, TokenDemandRow
from fleetline.dates import span
from fleetline.runs import rows_of
from fleetline.units import PERIODS
from fleetline.world.forecasts import ARITHMETIC, CHIPS, TOKENS, quarter_of
from fleetline.world.records import BEST, Pair, best, fast_runs, newest, pair_of


@dataclass(frozen=True)
class Observation:
    """A printed value in a forecast's unit; `whole` is False where it is known to be in part only: a floor.

    `known` is when it was printed, in its source's words.
    """

    value: float
    whole: bool
    known: str
    source: str


def observed(quantity: str, date: str, unit: str, after: datetime.date) -> Observation | None:
    """What the catalog's rows announced after a day say of a forecast's quantity on its date; the newest, None without any.

    A row may stand for the date if the times that both mean overlap.
    """
    kind, _, name = quantity.partition(": ")
    if kind in {CHIPS, ARITHMETIC}:
        return _sales(name, date, kind, after)
    if kind == TOKENS:
        rows = [
            row for row in load().rows("token_demand", TokenDemandRow) if row.series == name and _overlap(row.as_of, date)
        ]
        newer = [row for row in rows if row.shows_growth and span(row.announced).first > after]
        return max((_statement(row, unit) for row in newer), key=lambda each: span(each.known).first, default=None)
    if kind == BEST:
        return _record(pair_of(quantity), date, after)
    return None


def _record(pair: Pair, date: str, after: datetime.date) -> Observation | None:
    """The record by the end of a date, once dated runs go beyond it."""
    runs = fast_runs(rows_of([])[0], load().defaults["speed"])
    end = span(date).end - datetime.timedelta(days=1)
    last, value = newest(runs), best(runs, pair, end, undated=False)
    if last <= after or last < end or value is None:
        return None
    return Observation(value, True, last.isoformat(), "shipped benchmark rows with a date")


def _overlap(one: str, other: str) -> bool:
    first, second = span(one), span(other)
    return first.first < second.end and second.first < first.end


def _statement(row: TokenDemandRow, unit: str) -> Observation:
    tokens = row.per_second(row.tokens_central) * PERIODS[unit.removeprefix("token/")]
    return Observation(tokens, True, row.announced, row.source)


def newest_vintage(rows: Iterable[ChipSalesRow], by: datetime.date) -> str | None:
    """The newest edition of the sales that was out by a day."""
    out = {row.vintage: span(row.retrieved_or_published).end for row in rows}
    known = [(end, name) for name, end in out.items() if end - datetime.timedelta(days=1) <= by]
    return max(known)[1] if known else None


def _sales(designer: str, quarter: str, kind: str, after: datetime.date) -> Observation | None:
    rows = [
        row
        for row in load().rows("chip_sales", ChipSalesRow)
        if row.designer == designer
        and quarter_of(datetime.date.fromisoformat(row.start_date)) == quarter
        and span(row.retrieved_or_published).first > after
    ]
    newest = newest_vintage(rows, datetime.date.max)
    mine = [row for row in rows if row.vintage == newest]
    if not mine:
        return None
    value = sum(row.units_median if kind == CHIPS else row.h100e_median for row in mine)
    return Observation(value, not any(row.incomplete for row in mine), mine[0].retrieved_or_published, mine[0].source)
