"""The growth of demand from every dated series at once, with slowing growth as a possibility.

Model. Log tokens a second of a series s of group g at time t, counted in years from the scenario's day:

    y = level_s + (g0 + group_g + own_s) K(t) + noise,      K(t) = h / ln 2 (1 - 2^(-t / h))

K is time that runs slower and slower: growth halves every h years, and is g0 on the day; h to infinity is a straight line.
Levels are free. Groups and series deviate from the common growth by normals of equal spread, so that a series inside
another of its group (Doubao inside China, Google's API inside Google) is not a second witness. Estimates of the world's
total share one level and one growth, whose deviation is that of the mean over the groups, and have an offset each:
sources disagree by more than their noise. Noise, deviations and offsets have spreads that are fitted.

Fit. Given h and the three spreads all is linear and normal: generalised least squares. The spreads are those of the highest
marginal likelihood times weak priors, at each h of a grid; h has the marginal likelihood times its prior, the scenario's
interval. Uncertainty of the spreads at a given h is left out. Draws are of (h, the world's level, its growth) together.

Source: ours; growth that halves is Gompertz's curve in the logarithm (Gompertz 1825), fitted by empirical Bayes.
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy import linalg, optimize, special

from fleetline.beliefs import Array, Belief, Draws
from fleetline.catalog import load, table_path
from fleetline.catalog.rows import DemandSeriesRow, TokenDemandRow
from fleetline.dates import date_of, span, year_of
from fleetline.errors import InputError, unknown_name
from fleetline.scenario import Scenario
from fleetline.world.series import by_series

WORLD = "world"
CONSTANT = 1e6  # years: a half-life that is none
_HALF_LIVES = 21  # of the grid, evenly by ratio over the prior's central 99.8%
# medians of the spreads before the data is seen, in the logarithm, and how sure: a factor of two each way; guesses
_SPREADS = {"noise": 0.15, "growth": 0.4, "offset": 0.4}
_SPREAD_SIGMA = math.log(2.0)
_ROUNDING = 0.01  # statements are rounded to two digits or so, whatever else scatters them
_FREE = 10.0  # prior spread of levels and of the common growth: as good as free


@dataclass(frozen=True)
class Statement:
    """One dated log token rate of a series; `years` from the anchor."""

    series: str
    group: str
    role: str
    years: float
    log_tokens: float


@dataclass(frozen=True)
class Given:
    """The fit at one half-life: log of its weight, spreads; mean and covariance of the world's (level, growth), and parts.

    `parts` are the expected logs of every part's level on the day, by group.
    """

    half_life: float
    log_weight: float
    spreads: Mapping[str, float]
    mean: Array
    covariance: Array
    parts: Mapping[str, float]

    @property
    def floor(self) -> float:
        """Tokens a second on the day of all parts together."""
        return float(np.sum(np.exp(list(self.parts.values()))))


@dataclass(frozen=True)
class Trend:
    """The fit over a grid of half-lives, on `anchor`."""

    anchor: float
    statements: Sequence[Statement]
    given: Sequence[Given]

    @property
    def weights(self) -> Array:
        """Posterior weights of the grid."""
        logs = np.array([each.log_weight for each in self.given])
        return np.asarray(special.softmax(logs))

    @property
    def best(self) -> Given:
        """The most likely half-life's."""
        return max(self.given, key=lambda each: each.log_weight)

    @property
    def floor(self) -> float:
        """Tokens a second on the day of the parts that do not overlap: the world processes no less."""
        return self.best.floor

    def paths(self, draws: Draws) -> Paths:
        """The world's tokens over time in every world."""
        half_life = self._half_lives(draws.scores("demand half-life"))
        logs = np.log([each.half_life for each in self.given])
        at = np.log(half_life)

        def interpolated(pick: Callable[[Given], float]) -> Array:
            return np.asarray(np.interp(at, logs, [pick(each) for each in self.given]))

        level_mean, growth_mean = (interpolated(lambda each, k=k: float(each.mean[k])) for k in (0, 1))  # type: ignore[misc]
        level_sd = interpolated(lambda each: math.sqrt(each.covariance[0, 0]))
        growth_sd = interpolated(lambda each: math.sqrt(each.covariance[1, 1]))
        r = interpolated(
            lambda each: float(each.covariance[0, 1] / math.sqrt(each.covariance[0, 0] * each.covariance[1, 1]))
        )
        first, second = draws.scores("demand level"), draws.scores("demand growth")
        level = level_mean + level_sd * first
        growth = growth_mean + growth_sd * (r * first + np.sqrt(1.0 - r**2) * second)
        floor = interpolated(lambda each: math.log(each.floor))
        return Paths(self.anchor, np.maximum(level, floor), growth, half_life)

    def _half_lives(self, scores: Array) -> Array:
        if len(self.given) == 1:
            return np.full(scores.shape, self.given[0].half_life)
        below = np.cumsum(self.weights) - self.weights / 2.0
        logs = np.log([each.half_life for each in self.given])
        return np.asarray(np.exp(np.interp(special.ndtr(scores), below, logs)))


@dataclass(frozen=True)
class Paths:
    """The world's tokens a second, input and output: log level on the anchor, growth there [1/year], half-life [year]."""

    anchor: float
    level: Array
    growth: Array
    half_life: Array

    def log_factor(self, year: float) -> Array:
        """Log of tokens at a year over those on the anchor, in every world."""
        return self.growth * slowed(year - self.anchor, self.half_life)

    def tokens(self, year: float) -> Array:
        """Tokens a second at a year, input and output, in every world."""
        return np.asarray(np.exp(self.level + self.log_factor(year)))


def slowed(years: Array | float, half_life: Array | float) -> Array:
    """K(t): years of growth at the anchor's rate that make the growth of `years` whose rate halves every `half_life`."""
    rate = math.log(2.0) / np.asarray(half_life)
    return np.asarray(-np.expm1(-rate * np.asarray(years)) / rate)


def trend(scenario: Scenario) -> Trend:
    """The fit of the scenario's statements, once a process for each question.

    Raises:
        InputError: a growth model that is not known; no world total, or no series with a growth, among the statements.
    """
    model = scenario.text("growth.model") if "growth.model" in scenario else "constant"
    if model not in {"constant", "slowing"}:
        raise InputError(f"growth.model: got '{model}', allowed constant or slowing", field="growth.model", got=model)
    prior = scenario.belief("growth.half_life") if model == "slowing" else Belief(CONSTANT, CONSTANT, CONSTANT)
    known = scenario.date("growth.known_by") if "growth.known_by" in scenario else datetime.date.max
    return _trend(table_path(""), prior, scenario.date("growth.series_from"), known, year_of(scenario.date("fleet.as_of")))


@lru_cache(maxsize=16)
def _trend(folder: object, prior: Belief, since: datetime.date, known: datetime.date, anchor: float) -> Trend:  # noqa: ARG001
    said = statements(since, known, anchor)
    try:
        return fit(said, prior, anchor)
    except linalg.LinAlgError as error:
        range_ = f"half-lives of {prior.low:g} to {prior.high:g} years, seen from {date_of(anchor)}"
        why = "all growth lies outside the statements; take longer ones, or a nearer fleet.as_of"
        raise InputError(f"growth.half_life: got {range_}: {why}", field="growth.half_life") from error


def statements(since: datetime.date, known: datetime.date, anchor: float) -> list[Statement]:
    """The rows of `token_demand` that the table `demand_series` names, from `since` on and announced by `known`, surely.

    A row announced in May, on no day that its source gives, is known when May is over.

    Raises:
        InputError: `demand_series` names a series that `token_demand` has no row of.
    """
    points = by_series(load().rows("token_demand", TokenDemandRow))
    for row in load().rows("demand_series", DemandSeriesRow):
        if row.series not in points:
            raise unknown_name("series", row.series, points, where=f"demand_series.csv line {row.line}: ")
    found = [
        Statement(row.series, row.group, row.role, year_of(point.date) - anchor, math.log(point.tok_s))
        for row in load().rows("demand_series", DemandSeriesRow)
        for point in points.get(row.series, ())
        if point.date >= since and surely_by(point.row.announced, known)
    ]
    if not any(each.role == "total" for each in found):
        by = "" if known == datetime.date.max else f", announced by {known}"
        raise InputError(f"growth.series_from: no world total from {since} on{by}", field="growth.series_from")
    if not any(len([each for each in found if each.series == name]) > 1 for name in {each.series for each in found}):
        raise InputError(f"growth.series_from: no series has two dates from {since} on", field="growth.series_from")
    return found


def surely_by(announced: str, day: datetime.date) -> bool:
    """Whether all of the time that `announced` may mean ("2026-05", "2026") had passed at the end of a day."""
    return span(announced).end - datetime.timedelta(days=1) <= day


def predicted(found: Trend, said: Statement) -> tuple[Array, Array]:
    """What a statement that is not in the fit would say: mean and standard deviation of its log tokens [token/s].

    At each half-life of the grid, shape (half-lives,) each, noise and an unknown offset included; `log_tokens` of `said` is
    not looked at.
    """
    logs = np.array([each.log_tokens for each in found.statements])
    means, spreads = [], []
    for each in found.given:
        design = _design([*found.statements, said], each.half_life)
        together = design.total(np.array([each.spreads[name] for name in _SPREADS]))
        shared = together[:-1, -1]
        gain = linalg.solve(together[:-1, :-1], shared, assume_a="pos")
        means.append(float(logs.mean() + gain @ (logs - logs.mean())))
        spreads.append(math.sqrt(float(together[-1, -1] - gain @ shared)))
    return np.array(means), np.array(spreads)


def fit(said: Sequence[Statement], prior: Belief, anchor: float) -> Trend:
    """The model's fit to some statements, `prior` of the half-life [year]."""
    scores = np.array([0.0]) if prior.certain else np.linspace(-3.0, 3.0, _HALF_LIVES)
    start = np.log(list(_SPREADS.values()))
    found = []
    for score, half_life in zip(scores.tolist(), prior.at(scores).tolist(), strict=True):
        design = _design(said, half_life)
        best = optimize.minimize(
            lambda spreads, design=design: -_evidence(design, np.exp(spreads)) - _prior(spreads),
            start,
            method="Nelder-Mead",
            options={"xatol": 1e-3, "fatol": 1e-4},
        )
        start = best.x
        found.append(_given(said, design, half_life, np.exp(best.x), -float(best.fun) - score**2 / 2.0))
    return Trend(anchor, tuple(said), tuple(found))


def _prior(logs: Array) -> float:
    away = (logs - np.log(list(_SPREADS.values()))) / _SPREAD_SIGMA
    return float(-np.sum(away**2) / 2.0)


@dataclass(frozen=True)
class _Design:
    """The linear model at one half-life: rows, names of its columns, and which spread each column has, times a factor."""

    y: Array
    centre: float
    rows: Array
    names: Sequence[str]
    spread: Array
    factor: Array

    def variances(self, spreads: Array) -> Array:
        """Of the columns before the data is seen, at the spreads of noise, growth and offset."""
        every = np.concatenate([[_FREE**2], np.asarray(spreads) ** 2])
        return np.asarray(every[self.spread] * self.factor)

    def total(self, spreads: Array) -> Array:
        """Covariance of the statements."""
        own = np.eye(len(self.y)) * (spreads[0] ** 2 + _ROUNDING**2)
        return np.asarray((self.rows * self.variances(spreads)) @ self.rows.T + own)


_FREELY, _GROWTH, _OFFSET = 0, 2, 3  # places of the spreads behind the free one


def _design(said: Sequence[Statement], half_life: float) -> _Design:
    groups = {each.group for each in said} - {WORLD}
    columns: dict[str, tuple[int, float]] = {"growth": (_FREELY, 1.0), "level world": (_FREELY, 1.0)}
    columns["growth world"] = (_GROWTH, 1.0 / max(len(groups), 1))
    for each in said:
        if each.role == "total":
            columns[f"offset {each.series}"] = (_OFFSET, 1.0)
        else:
            columns[f"level {each.series}"] = (_FREELY, 1.0)
            columns[f"growth {each.series}"] = columns[f"growth of {each.group}"] = (_GROWTH, 1.0)
    place = {name: index for index, name in enumerate(columns)}
    rows = np.zeros((len(said), len(columns)))
    for row, each in zip(rows, said, strict=True):
        time = float(slowed(each.years, half_life))
        row[place["growth"]] = time
        if each.role == "total":
            row[place["level world"]], row[place["growth world"]], row[place[f"offset {each.series}"]] = 1.0, time, 1.0
        else:
            row[place[f"level {each.series}"]] = 1.0
            row[place[f"growth {each.series}"]] = row[place[f"growth of {each.group}"]] = time
    logs = np.array([each.log_tokens for each in said])
    spread, factor = (np.array(cells) for cells in zip(*columns.values(), strict=True))
    return _Design(logs - logs.mean(), float(logs.mean()), rows, list(columns), spread.astype(int), factor)


def _evidence(design: _Design, spreads: Array) -> float:
    """Log marginal likelihood of the statements."""
    factor = linalg.cho_factor(design.total(spreads), lower=True)
    fitted = linalg.cho_solve(factor, design.y)
    return float(-design.y @ fitted / 2.0 - np.sum(np.log(np.diag(factor[0]))))


def _given(said: Sequence[Statement], design: _Design, half_life: float, spreads: Array, log_weight: float) -> Given:
    """Mean and covariance of what is asked for, by conditioning on the statements."""
    variances, names = design.variances(spreads), list(design.names)
    gain = linalg.solve(design.total(spreads), design.rows * variances, assume_a="pos").T
    mean = gain @ design.y
    covariance = np.diag(variances) - gain @ (design.rows * variances)
    wanted = np.zeros((2, len(names)))
    wanted[0, names.index("level world")] = 1.0
    wanted[1, [names.index("growth"), names.index("growth world")]] = 1.0
    parts: dict[str, float] = {}
    for each in said:
        if each.role == "part":  # the larger of two that count the same
            level = float(mean[names.index(f"level {each.series}")]) + design.centre
            parts[each.group] = max(parts.get(each.group, -math.inf), level)
    middle = wanted @ mean + np.array([design.centre, 0.0])
    spread = dict(zip(_SPREADS, spreads.tolist(), strict=True))
    return Given(half_life, log_weight, spread, middle, wanted @ covariance @ wanted.T, parts)
