"""Growth of dated series: planted slopes come back, known rates are met, too little data is refused."""

from __future__ import annotations

import datetime
import math
from collections.abc import Sequence

import numpy as np
import pytest
from scipy import stats

from fleetline.beliefs import Z95
from fleetline.catalog import load
from fleetline.catalog.rows import TokenDemandRow
from fleetline.dates import span, year_of
from fleetline.errors import InputError
from fleetline.units import PERIODS
from fleetline.world.series import FACTORS, by_series, growth

START = datetime.date(2025, 4, 1)
EPOCH = datetime.date(2020, 1, 1)
GOOGLE = "Google | all surfaces"
CHINA = "China (National Data Administration) | national total, daily average calls"
OPENAI = "OpenAI | API"
ROWS = load().rows("token_demand", TokenDemandRow)


def rows(scope: str, dated: Sequence[str], tokens: Sequence[float]) -> list[TokenDemandRow]:
    return [
        TokenDemandRow.model_validate(
            {"entity": "E", "scope": scope, "tokens_central": count, "per": "day", "tokens_per_second_computed": 1.0}
            | {"direction": "both", "basis": "company", "as_of": when, "announced": when, "source": "test"}
            | {"retrieved_or_published": "2026", "licence": "fact"}
        )
        for when, count in zip(dated, tokens, strict=True)
    ]


def planted(scope: str, factor: float, noise: float, seed: int = 0, months: int = 24) -> list[TokenDemandRow]:
    dated = [f"{2024 + month // 12}-{month % 12 + 1:02d}" for month in range(months)]
    years = np.array([year_of(span(when).middle) for when in dated])
    away = np.random.default_rng(seed).normal(0.0, noise, months)
    return rows(scope, dated, (np.exp(math.log(factor) * (years - 2024.0) + away) * 1e12).tolist())


def test_google_from_april_2025_to_may_2026() -> None:
    """480T to 3.2Q tokens a month, 6.7 times (shared/data/world/README.md, Numbers in the article, 1)."""
    points = [point for point in by_series(ROWS)[GOOGLE] if point.date >= START]
    fit = growth([point.row for point in points], [GOOGLE], START).fits[0]
    assert fit.factor == pytest.approx(6.7, abs=0.05)
    assert fit.years == pytest.approx(13 / 12, abs=0.005)
    ends = rows("two", ["2025-04", "2026-05"], [480e12, 3200e12])
    two = growth([*ends, *ROWS], ["E | two"], START)
    assert float(two.at(0.0)) == pytest.approx(6.667 ** (12 / 13), rel=0.01)  # by hand: exactly through two points
    assert float(growth(ROWS, [GOOGLE], START).at(0.0)) == pytest.approx(5.3, abs=0.1)  # the two between lie above


def test_the_interval_is_student_s_t_as_scipy_fits_it() -> None:
    """An independent regression: scipy.stats.linregress on the same points."""
    fit = growth(ROWS, [GOOGLE], START)
    points = fit.fits[0].points
    line = stats.linregress([year_of(point.date) for point in points], np.log([point.tok_s for point in points]))
    wide = stats.t.ppf(0.95, len(points) - 2) * line.stderr
    expected = np.exp([line.slope - wide, line.slope, line.slope + wide])
    assert fit.at([-Z95, 0.0, Z95]) == pytest.approx(expected, rel=1e-6)


def test_a_planted_growth_is_recovered_within_its_interval_nine_times_in_ten() -> None:
    inside = 0
    for seed in range(200):
        low, high = growth(planted("p", 5.0, 0.3, seed, months=8), ["E | p"], EPOCH).at([-Z95, Z95])
        inside += bool(low <= 5.0 <= high)
    assert 168 <= inside <= 192  # 180 expected, 3 standard deviations


def test_points_on_a_line_give_its_growth() -> None:
    found = growth(planted("p", 3.0, 0.0), ["E | p"], EPOCH).at([-Z95, 0.0, Z95])
    assert found == pytest.approx([3.0] * 3, rel=0.02)
    assert found[0] < found[2]  # rounded figures are never certain


def test_a_short_series_has_the_scatter_of_the_longer_ones() -> None:
    found = growth(ROWS, [OPENAI], START).fits[0]
    assert len(found.points) == 2
    assert found.factor == pytest.approx(2.5)  # 6 to 15 billion a minute
    assert found.scatter.whose.startswith("pooled over")
    assert GOOGLE in found.scatter.whose
    low, high = growth(ROWS, [OPENAI], START).at([-Z95, Z95])
    assert high / low > 10  # 5 months of one company are no rate for years


def test_a_row_marked_unfit_and_a_forecast_are_left_out() -> None:
    dated = [point.row.as_of for point in by_series(ROWS)[CHINA]]
    assert "2025-01" not in dated and "2025-06" in dated
    assert not any(point.row.basis == "forecast" for points in by_series(ROWS).values() for point in points)


def test_a_mixture_lies_between_its_series_and_is_wider() -> None:
    names = [GOOGLE, CHINA]
    one, other = (growth(ROWS, [name], START).at([-Z95, 0.0, Z95]) for name in names)
    both = growth(ROWS, names, START).at([-Z95, 0.0, Z95])
    for low, middle, high in zip(np.minimum(one, other), both, np.maximum(one, other), strict=True):
        assert low <= middle <= high
    twice = growth(ROWS, [GOOGLE, GOOGLE], START).at([-Z95, 0.0, Z95])
    assert twice == pytest.approx(one)


def test_growth_rises_with_the_score_and_stays_within_its_bounds() -> None:
    found = growth(ROWS, [OPENAI, GOOGLE], START).at(np.linspace(-8, 8, 201))
    assert np.all(np.diff(found) >= 0.0)
    assert found.min() >= FACTORS[0] * (1 - 1e-9) and found.max() <= FACTORS[1] * (1 + 1e-9)


@pytest.mark.parametrize(
    ("name", "since", "field", "said"),
    [
        ("Google | all surface", START, "growth.series", "did you mean 'Google | all surfaces'?"),
        ("Together AI | open-source inference", START, "growth.series_from", "fewer than two dates"),
        (GOOGLE, datetime.date(2026, 1, 1), "growth.series_from", "fewer than two dates"),
    ],
)
def test_what_has_no_growth_is_refused(name: str, since: datetime.date, field: str, said: str) -> None:
    with pytest.raises(InputError) as refused:
        growth(ROWS, [name], since)
    assert refused.value.field == field
    assert said in refused.value.message


def test_a_short_series_alone_is_refused() -> None:
    with pytest.raises(InputError, match="no series has 4 points"):
        growth(rows("two", ["2025-04", "2026-05"], [1.0, 2.0]), ["E | two"], START)


def test_every_row_agrees_with_the_collection_s_own_tokens_a_second() -> None:
    for row in ROWS:
        # the column is rounded to whole tokens
        assert row.per_second(row.tokens_central) == pytest.approx(row.tokens_per_second_computed, rel=1e-6, abs=0.5)
    assert PERIODS["month"] / 86400 == pytest.approx(30.44, abs=0.005)
