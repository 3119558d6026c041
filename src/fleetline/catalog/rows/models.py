"""Rows about models: their dimensions, and how their checkpoints are stored."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import model_validator

from fleetline.catalog.rows.cells import Positive, Row, Text, in_column


class ModelRow(Row):
    """`models`: one dimension of one model."""

    KEY = ("model", "quantity")

    model: Text
    quantity: Text
    value: Text
    unit: Literal["1", "text", "date", "1e9 parameters"]
    retrieved: Text
    licence: Text
    note: Text | None = None

    @model_validator(mode="after")
    def _value_fits_its_unit(self) -> Self:
        if self.unit in {"1", "1e9 parameters"}:
            in_column("value", float, self.value)
            if not 0 <= float(self.value) < float("inf"):
                raise ValueError(f"value: got '{self.value}'; not a finite number of 0 or more")
        return self


class FormatRow(Row):
    """`formats`: how a weight is stored and multiplied."""

    KEY = ("format",)

    format: Text
    bytes_per_weight: Positive
    compute_precision: Literal["fp4", "fp8", "bf16"]
    kernel: Text | None = None
    without_fp4: Text | None = None
    retrieved: Text
    note: Text | None = None


class CheckpointRow(Row):
    """`checkpoints`: the format of one part of one checkpoint."""

    KEY = ("checkpoint", "part")

    checkpoint: Text
    model: Text
    label: Literal["fp4", "fp8", "int4", "bf16"]
    part: Literal[
        "attention",
        "attention_output",  # where it has a format of its own; without a row it is stored as the rest of attention
        "router",
        "routed_experts",
        "shared_experts",
        "dense_ffn",
        "embedding",
        "head",
        "kv_cache",
    ]
    format: Text
    status: Literal["measured", "documented", "inferred"]
    retrieved: Text
    note: Text | None = None
