"""The article's own numbers beside ours: each line of `article_numbers` asked of the model and compared."""

from __future__ import annotations

from dataclasses import dataclass

from fleetline.article import rack, world
from fleetline.catalog import load
from fleetline.catalog.rows import ArticleNumberRow
from fleetline.errors import InputError

__all__ = ["Comparison", "compare_article"]


@dataclass(frozen=True)
class Comparison:
    """One number: what the article prints, what an independent recomputation of its text gives, and what we compute."""

    key: str
    place: str
    text: str
    unit: str
    printed: float | None
    recomputed: float
    ours: float
    ours_over_printed: float | None
    ours_over_recomputed: float
    tolerance: float
    reproduced: bool
    status: str
    note: str
    source: str


def compare_article() -> list[Comparison]:
    """Every line of `article_numbers`: how a rack serves, then the world, each in the article's order."""
    rows = load().rows("article_numbers", ArticleNumberRow)
    return [_compare(row) for row in rows]


def _compare(row: ArticleNumberRow) -> Comparison:
    if row.quantity not in _QUANTITIES:
        raise InputError(f"article_numbers.csv: {row.key}: nothing computes '{row.quantity}'", field="article_numbers.csv")
    ours = float(_QUANTITIES[row.quantity](row))
    return Comparison(
        key=row.key,
        place=row.place,
        text=row.text,
        unit=row.unit,
        printed=row.printed,
        recomputed=row.recomputed,
        ours=ours,
        ours_over_printed=ours / row.printed if row.printed else None,
        ours_over_recomputed=ours / row.recomputed,
        tolerance=row.tolerance,
        reproduced=abs(ours / row.recomputed - 1.0) <= row.tolerance,
        status=row.status,
        note=row.note or "",
        source=row.source,
    )


_QUANTITIES = {**rack.QUANTITIES, **world.QUANTITIES}
