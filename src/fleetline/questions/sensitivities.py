"""The question `sensitivity`, by scenario: which assumptions decide how soon demand passes supply.

The main quantity is the gap, log of demand over supply, on the day the median world passes: a number in every world, while
a date is cut off in worlds that passed before the data or do not pass before the horizon. The gap on the scenario's day and
the date, cut off where it must be, stand beside it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fleetline.beliefs import Array
from fleetline.dates import date_of, year_of
from fleetline.errors import InputError
from fleetline.questions.worlds import scenario_of, worlds
from fleetline.scenario import DEFAULT, KEYS, Scenario
from fleetline.world.crossover import Crossover
from fleetline.world.sensitivity import Asked, Gap, Groups, Scored, gap, groups_of, indices, swings

POINTS = 512
MOST_POINTS = 2**16
TOP = 5
_AHEAD_YEARS = 2.0  # where the median world has passed already, or does not before the horizon

# draws that are no line of a scenario, and lines whose own words need their neighbours': what they are
ABOUT: Mapping[str, str] = {
    "chip sales": "chips sold by quarter, each chip's error",
    "serving.reached_by": "reached share of the modelled rates, by model and system",
    "serving.rates_by": "error of the fit of runs, by model and system",
    "serving.practice": "served of real traffic over the best benchmarked rate",
    "demand level": "tokens the world asks for on the day",
    "demand growth": "growth of demand",
    "demand half-life": "years in which the growth of demand halves",
    "demand intensity": "tokens of an engineer, between the least and the most",
    "compute efficiency": "reached share of peak arithmetic",
    "bandwidth efficiency": "reached share of memory bandwidth",
    "step latency": "time of a decode pass besides its work",
    "mix.closed_margin": "gross margin of closed frontier models",
    "mix.open_margin": "gross margin of the open model that stands for them",
    "fleet.lag": "wait from the sale of a chip to its first request",
    "fleet.lifetime": "years for which a chip serves",
    "fleet.sales_growth": "growth of chip sales after the data",
    "growth.efficiency": "fall of a token's cost by software and models",
    "growth.supply_half_life": "years in which the growth of supply and efficiency halves",
}


@dataclass(frozen=True)
class Sensitivity:
    """What decides the answer: `assumptions` by their total index of the gap, the largest first.

    Attributes:
        changed_lines: keys of the scenario's lines that were set by whoever asked.
        day: the scenario's. looked_at: the day of the gap.
        passes: the median world's date, or `before DATE`, `after DATE`.
        share_before, share_after: of worlds whose date is cut off at the ends of the window.
        worlds: that were looked at; points: rows of the design.
        first_order_sum: of the gap; what is missing to 1 is interaction (or sampling error).
        deciding: the five largest total indices. words: the same as a sentence.
        assumptions: `name`, `about`, `draws` (how many quantities it stands for), `low`, `high`, `unit` (the scenario's
            90% interval, where it is a line), `first_order` and `total` of `gap`, `gap_today` and `date`; the load at its
            5% and 95% with all else at the median, `load {at_p5, at_p95}`, and the date, `passes {at_p5, at_p95}`.
    """

    scenario: str
    changed_lines: Sequence[str]
    day: str
    looked_at: str
    load_median: float
    passes: str
    share_before: float
    share_after: float
    points: int
    worlds: int
    seed: int
    first_order_sum: float
    deciding: Sequence[str]
    words: str
    assumptions: Sequence[Mapping[str, Any]]


def sensitivity(
    scenario: str | Path | Scenario = DEFAULT, settings: Iterable[str] = (), *, points: int = POINTS, seed: int = 0
) -> Sensitivity:
    """Sobol' indices of every uncertain assumption of a scenario, and the answer with each at its 5% and 95%.

    Args:
        scenario: a name, the path of a TOML file, or a scenario that was read before.
        settings: lines to change, as "fleet.inference_share=0.4..0.6".
        points: rows of the design, a power of 2; there are (assumptions + 2) times as many worlds.
        seed: of the design's scrambling.

    Raises:
        InputError: a scenario that does not hold or in which nothing is uncertain; points that are no power of 2.
    """
    chosen = scenario_of(scenario, settings)
    worlds(1, seed)
    if isinstance(points, bool) or not isinstance(points, int) or not 2 <= points <= MOST_POINTS or points & (points - 1):
        allowed = f"a power of 2 from 2 to {MOST_POINTS}"
        raise InputError(
            f"points: got {str(points)[:40]}, allowed {allowed}", field="points", got=str(points), allowed=allowed
        )
    asked = Asked()
    middle = gap(chosen, asked)
    groups = groups_of(list(asked.names))
    if not groups:
        raise InputError(f"scenario {chosen.name}: no assumption is uncertain", field="scenario", got=chosen.name)
    return _found(chosen, middle, groups, points, seed)


_ANSWERS = ("gap", "gap_today", "date")


def _found(chosen: Scenario, middle: Gap, groups: Groups, points: int, seed: int) -> Sensitivity:
    day, horizon = (year_of(chosen.date(key)) for key in ("fleet.as_of", "growth.horizon"))
    look = _look_at(middle.crossing, day, horizon)
    cut: list[Crossover] = []

    def answer(draws: Scored) -> Array:
        found = gap(chosen, draws)
        cut.append(found.crossing)
        return np.array([found.at(look), found.at(day), found.crossing.time])

    shares = indices(answer, groups, points, seed)
    before, after = (np.concatenate(each).mean() for each in ([c.before for c in cut], [c.after for c in cut]))
    count = sum(each.time.size for each in cut)
    ends = swings(answer, groups, points, seed)
    lines = [_line(chosen, middle.crossing, groups, shares, ends, place) for place in range(len(groups))]
    lines.sort(key=lambda line: -float(line["total"]["gap"]))
    deciding = [line["name"] for line in lines[:TOP]]
    return Sensitivity(
        scenario=chosen.name,
        changed_lines=chosen.changed,
        day=chosen.text("fleet.as_of"),
        looked_at=date_of(look).isoformat(),
        load_median=float(np.exp(middle.at(look)[0])),
        passes=_date(middle.crossing, float(middle.crossing.time[0])),
        share_before=float(before),
        share_after=float(after),
        points=points,
        worlds=count,
        seed=seed,
        first_order_sum=float(shares.first[0].sum()),
        deciding=deciding,
        words=_words(lines[:TOP], date_of(look).isoformat()),
        assumptions=lines,
    )


def _look_at(passing: Crossover, day: float, horizon: float) -> float:
    """When the median world passes, if that is ahead and in sight; else two years on."""
    time = float(passing.time[0])
    return time if day < time < horizon else min(day + _AHEAD_YEARS, horizon)


def _line(chosen: Scenario, passing: Crossover, groups: Groups, shares: Any, ends: Array, place: int) -> dict[str, Any]:
    name = list(groups)[place]
    key = chosen.assumptions.get(name)
    return {
        "name": name,
        "about": ABOUT[name] if name in ABOUT else KEYS[name].about if name in KEYS else name,
        "draws": len(groups[name]),
        "low": None if key is None else key.low,
        "high": None if key is None else key.high,
        "unit": None if key is None else key.unit,
        "first_order": dict(zip(_ANSWERS, shares.first[:, place].tolist(), strict=True)),
        "total": dict(zip(_ANSWERS, shares.total[:, place].tolist(), strict=True)),
        "load": {f"at_{end}": float(np.exp(ends[side, 0, place])) for side, end in enumerate(("p5", "p95"))},
        "passes": {f"at_{end}": _date(passing, float(ends[side, 2, place])) for side, end in enumerate(("p5", "p95"))},
    }


def _date(passing: Crossover, time: float) -> str:
    if time <= passing.first:
        return f"before {date_of(passing.first)}"
    return f"after {date_of(passing.horizon)}" if time >= passing.horizon else f"{date_of(time)}"


def _words(lines: Sequence[Mapping[str, Any]], day: str) -> str:
    """The largest, in a sentence."""
    said = "; ".join(f"{line['about']} ({line['total']['gap']:.0%})" for line in lines)
    return f"What decides how far demand is over supply on {day}, by share of the variance: {said}."
