"""Rows of the tables that commands here make: fits and their errors (`make fit`), best rates, forecasts."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from fleetline.catalog.rows.cells import Day, Finite, Moment, NotNegative, Positive, Row, Text, ordered


class PooledLawRow(Row):
    """`pooled_law`: one parameter of the fitted law of benchmark rows (`make fit`)."""

    KEY = ("parameter",)

    parameter: Text
    value: Positive
    unit: Text
    prior: Positive
    note: Text


class PooledKernelRow(Row):
    """`pooled_kernel`: a deviation [log], a length scale or a noise [log] of what the law leaves over (`make fit`)."""

    KEY = ("quantity", "what", "of", "space")

    quantity: Literal["tpot", "ttft", "throughput"]
    what: Literal["deviation", "length", "noise"]
    of: Text
    space: Text
    number: Positive


class PooledErrorRow(Row):
    """`pooled_errors`: errors of the fit on rows held out in one way; `low`, `high` of log(measured / predicted).

    `*_from`, `*_to`: 5% and 95% of the same error over resampled configurations.
    """

    KEY = ("quantity", "way")

    quantity: Literal["tpot", "ttft", "throughput"]
    way: Text
    rows: Positive
    configurations: Positive
    median_abs_log: NotNegative
    median_from: NotNegative
    median_to: NotNegative
    by_configuration: NotNegative
    by_configuration_from: NotNegative
    by_configuration_to: NotNegative
    low: Finite
    high: Finite
    coverage: NotNegative


class RateRow(Row):
    """`rates`: the best rate of a model on a system, found beforehand by `make rates`; `reason` where there is none."""

    KEY = ("model", "system", "gpus", "workload", "prefix_hit", "speed", "schedule", "speculative")

    model: Text
    system: Text
    gpus: Annotated[int, Field(ge=1)]
    workload: Text
    prefix_hit: Annotated[float, Field(ge=0, le=1)]
    speed: Positive
    schedule: Text
    speculative: Text
    output_tok_s: NotNegative
    reason: Text | None = None
    configuration: Text | None = None


class ReachedRow(Row):
    """`reached`: best measured over best modelled rate (5%, 50% and 95%): of one model on a system; of a system; of any.

    Without a model it is the median over so many `models`.
    """

    KEY = ("system", "model")

    system: Text
    model: Text | None = None
    models: Annotated[int, Field(ge=1)]
    low: Positive
    central: Positive
    high: Positive

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        ordered(self.low, self.central, self.high, "reached")
        return self


class FittedRateRow(Row):
    """`fitted_rates`: a point of the best rates by the fit of all rows (`make fitted-rates`), the last the fastest.

    `way` is how the deployment is new to the fit; a model that a system cannot serve has one row, with the reason.
    """

    KEY = ("model", "system", "gpus", "workload", "prefix_hit", "schedule", "speculative", "speed")

    model: Text
    system: Text
    gpus: Annotated[int, Field(ge=1)]
    workload: Text
    prefix_hit: Annotated[float, Field(ge=0, le=1)]
    schedule: Text
    speculative: Text
    speed: NotNegative
    output_tok_s_gpu: NotNegative
    way: Text | None = None
    configuration: Text | None = None
    reason: Text | None = None


class FittedErrorRow(Row):
    """`fitted_errors`: log(measured / predicted) by way held out.

    `of` the best: the best run over the best rate predicted from all layouts, where many were run. Of the chosen: of the
    layout that is predicted to be best of those run. Over `cells` (a model on a chip at a workload): 5%, 50%, 95%
    and root mean square; of its mean square what is shared.
    """

    KEY = ("of", "way")

    of: Literal["best", "chosen"]
    way: Text
    cells: Annotated[int, Field(ge=1)]
    low: Finite
    median: Finite
    high: Finite
    root_mean_square: NotNegative
    everybody: Annotated[float, Field(ge=0, le=1)]
    system: Annotated[float, Field(ge=0, le=1)]
    model: Annotated[float, Field(ge=0, le=1)]
    pair: Annotated[float, Field(ge=0, le=1)]

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if not self.low <= self.median <= self.high:
            raise ValueError(f"fitted_errors: low, median, high are out of order ({self.low}, {self.median}, {self.high})")
        return self


class BestRunRow(Row):
    """`best_runs`: the best measured run of a model on a system at a workload, and what two ways of predicting it say.

    Output tokens per second and GPU at the run's own speed by wall time; how many `layouts` were run. `fit_` is the best
    rate by the fit, `reached_` that of measured kernels times what other runs reach of them; each without the runs of the
    best run's configuration, the pair, the model, the chip, the latter both, the vendor; empty where there is none.
    """

    KEY = ("model", "system", "workload")

    model: Text
    system: Text
    workload: Text
    layouts: Annotated[int, Field(ge=1)]
    speed: Positive
    measured: Positive
    fit_configuration: Positive | None = None
    fit_pair: Positive | None = None
    fit_model: Positive | None = None
    fit_chip: Positive | None = None
    fit_both: Positive | None = None
    fit_vendor: Positive | None = None
    reached_pair: Positive | None = None
    reached_model: Positive | None = None
    reached_chip: Positive | None = None


class LedgerRow(Row):
    """`ledger`: a forecast as a release made it: 5%, 50% and 95% of a quantity on a date, as a source would print it.

    `inputs` is the beginning of a hash over the scenario's lines and the tables that the forecast was made from.
    """

    KEY = ("release", "quantity", "date")

    made_on: Day
    release: Text
    quantity: Text
    date: Moment
    unit: Text
    p5: Positive
    p50: Positive
    p95: Positive
    method: Text
    inputs: Text

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        ordered(self.p5, self.p50, self.p95, "forecast")
        return self
