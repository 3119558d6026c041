"""Rows that say what benchmark runs mean: their terms, chips, models, speculation and recipes by the names they use."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from fleetline.catalog.rows.cells import Positive, Row, Text, ordered


class BenchmarkLicenceRow(Row):
    """`benchmark_licences`: the terms of the repositories that benchmark rows come from."""

    KEY = ("repository",)

    repository: Text
    licence: Text
    note: Text | None = None


class HardwareRow(Row):
    """`hardware`: the system that a benchmark's hardware key means."""

    KEY = ("hardware",)

    hardware: Text
    system: Text
    note: Text | None = None


class BenchmarkModelRow(Row):
    """`benchmark_models`: the model that a benchmark's model key means."""

    KEY = ("key",)

    key: Text
    model: Text
    note: Text | None = None


class SpeculationRow(Row):
    """`speculation`: tokens verified and accepted (the pass's own included) in a decode pass of a benchmark's model.

    `use`: `recipe` for the one depth that the benchmark's rows are taken to have.
    """

    KEY = ("key", "verified")

    key: Text
    verified: Positive
    accepted: Annotated[float, Field(ge=1, allow_inf_nan=False)]
    use: Literal["recipe"] | None = None
    note: Text | None = None

    @model_validator(mode="after")
    def _no_more_than_verified(self) -> Self:
        ordered(None, self.accepted, self.verified, "accepted")
        return self


class RecipeRow(Row):
    """`recipes`: which checkpoint or cache format a benchmark's rows run, where it is not the label's; blank is any."""

    KEY = ("key", "hardware", "framework", "precision", "speculation")

    key: Text
    hardware: Text | None = None
    framework: Text | None = None
    precision: Text | None = None
    speculation: Text | None = None
    checkpoint: Text | None = None
    kv_cache: Text | None = None
    note: Text | None = None
