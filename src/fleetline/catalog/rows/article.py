"""Rows of the numbers that the article prints."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from fleetline.catalog.rows.cells import Finite, Positive, Row, Text


class ArticleNumberRow(Row):
    """`article_numbers`: a number the article prints, the setting that should give it, and what to expect.

    `printed` is the article's figure (empty where it prints none), `recomputed` an independent
    recomputation from its text, `tolerance` the relative distance from `recomputed` within which ours counts as reproduced.
    """

    KEY = ("key",)

    key: Text
    place: Text
    text: Text
    quantity: Text
    unit: Text
    printed: Finite | None = None
    recomputed: Finite
    tolerance: Annotated[float, Field(gt=0, lt=1)]
    system: Text
    input_tokens: Positive
    output_tokens: Positive
    preset: Text
    speculative: Text | None = None
    schedule: Text
    batch: Positive | None = None
    status: Literal["matches", "matches in part", "not reproduced", "not printed"]
    note: Text | None = None
