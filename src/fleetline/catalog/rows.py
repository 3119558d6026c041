"""One Pydantic model per catalog table: which columns there are, what a cell may hold. Units as the source prints them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Annotated, ClassVar, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from fleetline.dates import span
from fleetline.errors import InputError
from fleetline.units import PERIODS, base_of, to_si

_DATE = r"\d{4}(-(Q[1-4]|H[12]|(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01]))?))?"


def _a_date(text: str) -> str:
    # a source may say more than a date: "2026-Q1/Q2", "2026 (talk, mid-year)"
    if not re.fullmatch(_DATE + "([/ ].*)?", text):
        raise ValueError("not a date (YYYY, YYYY-Q1, YYYY-H1, YYYY-MM or YYYY-MM-DD)")
    span(text)  # 30 February has the right form, and is no day
    return text


Text = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]
Day = Annotated[str, StringConstraints(pattern=r"^\d{4}-\d{2}-\d{2}$"), AfterValidator(_a_date)]
Moment = Annotated[str, AfterValidator(_a_date)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Row(BaseModel):
    """A row of a table: every column is named here, an empty cell is None. No two rows of a table share a `KEY`.

    A check over several columns raises ValueError("column: what is wrong"); the loader adds file and line.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    KEY: ClassVar[tuple[str, ...]] = ()

    source: Text
    table: str = Field(default="", exclude=True)  # where the row stands: its table, and the line of the file
    line: int = Field(default=0, exclude=True)


class Claim(Row):
    """A row copied from the collection, with where and when it was found and under which terms."""

    retrieved_or_published: Text
    licence: Text
    note: Text | None = None


def _in_column(column: str, check: Callable[[str], object], text: str) -> None:
    try:
        check(text)
    except ValueError as error:
        raise ValueError(f"{column}: got '{text}'; {error}") from error


def _positive_number(column: str, text: str) -> float:
    _in_column(column, float, text)
    value = float(text)
    if not 0 < value < float("inf"):
        raise ValueError(f"{column}: got '{text}'; not a positive finite number")
    return value


def _ordered(low: float | None, middle: float | None, high: float | None, what: str) -> None:
    known = [value for value in (low, middle, high) if value is not None]
    if known != sorted(known):
        raise ValueError(f"{what}: low, central and high are out of order ({known})")


# what a chip can be asked, and the SI unit of the answer
CHIP_QUANTITIES: Mapping[str, str] = MappingProxyType(
    {
        "hbm_capacity": "byte",
        "hbm_capacity_physical": "byte",
        "hbm_bandwidth": "byte/s",
        "rack_hbm_bandwidth": "byte/s",
        "mem_bw_empirical_fraction": "1",
        "fp4_dense": "FLOP/s",
        "fp8_dense": "FLOP/s",
        "bf16_dense": "FLOP/s",
        "int8_dense": "FLOP/s",
        "peak_8bit_dense": "FLOP/s",
        "scaleup_bw_unidirectional": "byte/s",
        "scaleup_domain": "1",
        "tdp": "W",
        "all_in_power": "W",
        "tco_hyperscaler": "USD/s",
        "tco_neocloud": "USD/s",
        "rent_3yr": "USD/s",
        "chip_price": "USD",
        "release_date": "date",
    }
)


class ChipSpecRow(Claim):
    """`chip_specs`: one figure of one chip; exactly one row a chip and quantity is preferred."""

    chip: Text
    quantity: Text
    central: Text
    low: NotNegative | None = None
    high: NotNegative | None = None
    unit: Text
    preferred: bool

    @model_validator(mode="after")
    def _value_fits_its_quantity(self) -> Self:
        if self.quantity not in CHIP_QUANTITIES:
            raise ValueError(f"quantity: got '{self.quantity}'; allowed: {', '.join(CHIP_QUANTITIES)}")
        wanted = CHIP_QUANTITIES[self.quantity]
        if wanted == "date":
            _in_column("central", _a_date, self.central)
            return self
        if self._unit() != wanted:
            raise ValueError(f"unit: got '{self.unit}', {self.quantity} is in {wanted}")
        value = _positive_number("central", self.central)
        _ordered(self.low, value, self.high, "low/central/high")
        return self

    def _unit(self) -> str:
        try:
            return base_of(self.unit.removesuffix(" per rack"))
        except InputError as error:
            raise ValueError(f"unit: {error.message}") from error

    @property
    def si(self) -> float:
        """The value in SI units, as catalog values carry it."""
        return to_si(float(self.central), self.unit.removesuffix(" per rack"))


class SystemRow(Row):
    """`systems`: a name for one scale-up domain of a chip; `gpus` only where it is not the chip's whole domain.

    `board` is the system of 8 GPUs that the same chip is also sold in.
    """

    KEY = ("system",)

    system: Text
    chip: Text
    gpus: Annotated[int, Field(ge=1)] | None = None
    board: Text | None = None
    note: Text | None = None


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
            _in_column("value", float, self.value)
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


# what a preset says, and the range it may be in
_PRESET_NUMBERS: Mapping[str, Callable[[float], bool]] = MappingProxyType(
    {
        "compute_efficiency": lambda value: 0 < value <= 1,
        "bandwidth_efficiency": lambda value: 0 < value <= 1,
        "step_latency_s": lambda value: 0 <= value < float("inf"),
        "speed": lambda value: 0 < value < float("inf"),
        "hbm_reserve": lambda value: 0 <= value < 1,
        "prefill_chunk_tokens": lambda value: 0 < value < float("inf"),
        "activation_bytes": lambda value: 0 < value < float("inf"),
        "tpot_log_error": lambda value: abs(value) < float("inf"),
        "ttft_log_error": lambda value: abs(value) < float("inf"),
    }
)
COUNTINGS = ("article", "checkpoint")
COSTS = ("shares", "kernels")
_PRESET_WORDS = MappingProxyType({"counting": COUNTINGS, "costs": COSTS})


class PresetRow(Row):
    """`presets`: one setting of one preset with its 90% interval, or of what holds for every preset (`any`)."""

    KEY = ("preset", "parameter")

    preset: Text
    parameter: Text
    value: Text
    low: Finite | None = None
    high: Finite | None = None
    unit: Text
    note: Text | None = None

    @model_validator(mode="after")
    def _value_fits_its_parameter(self) -> Self:
        if self.parameter in _PRESET_WORDS:
            words = _PRESET_WORDS[self.parameter]
            if self.value not in words:
                raise ValueError(f"value: got '{self.value}', {self.parameter} is one of {', '.join(words)}")
            return self
        if self.parameter not in _PRESET_NUMBERS:
            raise ValueError(f"parameter: got '{self.parameter}'; allowed: counting, costs, {', '.join(_PRESET_NUMBERS)}")
        _in_column("value", float, self.value)
        if not _PRESET_NUMBERS[self.parameter](float(self.value)):
            raise ValueError(f"value: got '{self.value}', out of the range of {self.parameter}")
        _ordered(self.low, float(self.value), self.high, "low/value/high")
        return self


# what a law of the table `kernels` can say, and the SI unit it says it in
KERNEL_QUANTITIES: Mapping[str, str] = MappingProxyType(
    {
        "latency": "s",
        "latency_per_doubling": "s",
        "compute_share": "1",
        "bandwidth_share": "1",
        "activation_share": "1",
        "walk": "s",
        "bandwidth": "byte/s",
        "scale": "1",
        "power": "1",
    }
)


class KernelTimeRow(Row):
    """`kernels`: one number of the law of one operation on one chip, or on any that has none of its own.

    Without a framework it is of all of them together. The precision of a whole attention block is weights/cache.
    """

    KEY = ("chip", "framework", "operation", "precision", "quantity")

    chip: Text
    framework: Literal["vllm", "sglang", "trt-llm", "atom"] | None = None
    operation: Text
    precision: Text | None = None
    quantity: Text
    value: NotNegative
    unit: Text
    note: Text | None = None

    @model_validator(mode="after")
    def _value_fits_its_quantity(self) -> Self:
        if self.quantity not in KERNEL_QUANTITIES:
            raise ValueError(f"quantity: got '{self.quantity}'; allowed: {', '.join(KERNEL_QUANTITIES)}")
        if base_of(self.unit) != KERNEL_QUANTITIES[self.quantity]:
            raise ValueError(f"unit: got '{self.unit}', {self.quantity} is in {KERNEL_QUANTITIES[self.quantity]}")
        if self.quantity.endswith("_share") and not 0 < self.value <= 1:
            raise ValueError(f"value: got '{self.value}', a share is over 0 and at most 1")
        return self

    @property
    def si(self) -> float:
        """The value in SI units."""
        return to_si(self.value, self.unit)


class ChipSalesRow(Claim):
    """`chip_sales`: chips sold in one quarter, 5th, 50th and 95th percentile."""

    KEY = ("vintage", "chip_type", "start_date")

    vintage: Text
    designer: Text
    chip_type: Text
    start_date: Day
    end_date: Day
    units_p5: NotNegative
    units_median: NotNegative
    units_p95: NotNegative
    h100e_p5: NotNegative
    h100e_median: NotNegative
    h100e_p95: NotNegative
    incomplete: bool = False

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        _ordered(self.units_p5, self.units_median, self.units_p95, "units")
        _ordered(self.h100e_p5, self.h100e_median, self.h100e_p95, "h100e")
        if self.start_date >= self.end_date:
            raise ValueError(f"end_date: {self.end_date} is not after {self.start_date}")
        return self


class ChipSalesCumulativeRow(Claim):
    """`chip_sales_cumulative`: chips sold since `series_start`, with percentiles of the sum (they do not add)."""

    KEY = ("vintage", "designer", "chip_type", "end_date")

    vintage: Text
    designer: Text
    chip_type: Text
    series_start: Day
    end_date: Day
    units_p5: NotNegative | None = None
    units_median: NotNegative
    units_p95: NotNegative | None = None
    h100e_p5: NotNegative | None = None
    h100e_median: NotNegative
    h100e_p95: NotNegative | None = None
    power_mw_p5: NotNegative | None = None
    power_mw_median: NotNegative | None = None
    power_mw_p95: NotNegative | None = None
    incomplete: bool = False

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        _ordered(self.units_p5, self.units_median, self.units_p95, "units")
        _ordered(self.h100e_p5, self.h100e_median, self.h100e_p95, "h100e")
        _ordered(self.power_mw_p5, self.power_mw_median, self.power_mw_p95, "power_mw")
        return self


class TokenDemandRow(Claim):
    """`token_demand`: a dated statement of tokens processed."""

    KEY = ("entity", "scope", "as_of", "announced")

    entity: Text
    scope: Text
    tokens_central: Positive
    tokens_low: Positive | None = None
    tokens_high: Positive | None = None
    per: Literal["minute", "day", "week", "month", "quarter", "year"]
    tokens_per_second_computed: Positive
    direction: Text
    basis: Text
    as_of: Moment
    announced: Moment

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        _ordered(self.tokens_low, self.tokens_central, self.tokens_high, "tokens")
        _in_column("direction", direction_of, self.direction)
        return self

    @property
    def series(self) -> str:
        """What is counted; rows of one series differ in date alone."""
        return f"{self.entity} | {self.scope}"

    @property
    def counts(self) -> Direction:
        """The tokens counted, as far as the source says; the column `direction` tells where it is silent."""
        return direction_of(self.direction)

    @property
    def shows_growth(self) -> bool:
        """Whether the row may stand in a series in time: counted, and not marked as at odds with its neighbours."""
        return self.basis != "forecast" and "do not use for growth" not in (self.note or "")

    def per_second(self, tokens: float) -> float:
        """`tokens` of this row's period as [token/s]."""
        return tokens / PERIODS[self.per]


Direction = Literal["input", "output", "both"]
_DIRECTION = re.compile(r"(?:not stated \(taken as )?(input\+output|both|input|output)\b")


def direction_of(text: str) -> Direction:
    """Which tokens a source counts, from its words.

    >>> direction_of("not stated (taken as input+output)")
    'both'
    """
    found = _DIRECTION.match(text)
    if found is None:
        raise ValueError("not input, output or both, nor 'not stated (taken as ...)'")
    match found[1]:
        case "input" | "output" as one:
            return one
        case _:
            return "both"


class ParameterRow(Claim):
    """`demand_parameters`: a value or an interval."""

    KEY = ("parameter",)

    parameter: Text
    central: Finite | None = None
    low: Finite | None = None
    high: Finite | None = None
    unit: Text

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        _ordered(self.low, self.central, self.high, "low/central/high")
        if self.central is None and (self.low is None or self.high is None):
            raise ValueError("central: a row needs a central value, or low and high")
        return self


class FactRow(ParameterRow):
    """`growth_and_supply_facts`: a value or an interval."""

    parameter: Text = Field(alias="fact")


class ApiPriceRow(Claim):
    """`api_prices`: list prices of one model at one date."""

    KEY = ("model", "as_of")

    model: Text
    input_usd_per_mtok: NotNegative
    cached_input_usd_per_mtok: NotNegative | None = None
    cache_write_usd_per_mtok: NotNegative | None = None
    output_usd_per_mtok: NotNegative
    as_of: Text


class ServingSpeedRow(Claim):
    """`serving_speeds`: what a provider's users see."""

    model: Text
    provider: Text
    output_tokens_per_s_per_user: Positive | None = None
    ttft_s: Positive | None = None


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
        _ordered(None, self.accepted, self.verified, "accepted")
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


class FleetRow(Row):
    """`fleets`: as which chip and system a name of `chip_sales` serves in a fleet.

    Without a system it does not serve, and `note` says why. `chip` only where it is not the system's; `gpus` only where a
    part of the system serves, as a slice of a pod. Where one name covers two chips, `first_day` and `last_day` (of the
    sale) and `share` divide it.
    """

    KEY = ("fleet", "chip_type", "system", "first_day")

    fleet: Text
    chip_type: Text
    chip: Text | None = None
    system: Text | None = None
    gpus: Annotated[int, Field(ge=1)] | None = None
    first_day: Day | None = None
    last_day: Day | None = None
    share: Annotated[float, Field(gt=0, le=1)] = 1.0
    note: Text | None = None

    @model_validator(mode="after")
    def _serves_or_says_why_not(self) -> Self:
        if self.system is None and (self.chip is None or self.note is None):
            raise ValueError("system: a row without one names its chip, and says why in note")
        if self.first_day is not None and self.last_day is not None and self.first_day > self.last_day:
            raise ValueError(f"last_day: {self.last_day} is before {self.first_day}")
        return self

    def counts(self, sale: ChipSalesRow) -> bool:
        """Whether the sales of a quarter are this row's."""
        after = self.first_day is None or self.first_day <= sale.start_date
        before = self.last_day is None or sale.end_date <= self.last_day
        return self.chip_type == sale.chip_type and after and before


class AnnouncedRow(Row):
    """`announced`: a chip without sales yet, from when it is sold, and its share of its designer's arithmetic a year later.

    Without a system it serves nothing, `note` says why, and its designer's sales stay in the chips before it.
    """

    KEY = ("chip",)

    chip: Text
    designer: Text
    from_day: Day
    share: Annotated[float, Field(gt=0, le=1)]
    system: Text | None = None
    gpus: Annotated[int, Field(ge=1)] | None = None
    note: Text | None = None


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
        _ordered(self.low, self.central, self.high, "reached")
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


class DemandSeriesRow(Row):
    """`demand_series`: how a series of `token_demand` stands to the world's tokens, so that none is counted twice.

    `total` is an estimate of the whole; `part` a part that no part of another group contains; `inside` is contained in a
    part of its group or of others, and tells of growth alone.
    """

    KEY = ("series",)

    series: Text
    group: Text
    role: Literal["total", "part", "inside"]
    note: Text | None = None


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
        _ordered(self.p5, self.p50, self.p95, "forecast")
        return self
