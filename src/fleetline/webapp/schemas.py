"""What the answers look like, for the OpenAPI document: the keys that stay. Answers may hold more."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class Open(BaseModel):
    """An object that may hold more than is named."""

    model_config = ConfigDict(extra="allow")


class Fault(BaseModel):
    """What was wrong, as the commands say it."""

    kind: str = Field(description="bad_input, infeasible, too_costly, not_found, bad_method, too_long, busy or internal")
    message: str = Field(description="one line: what, got, allowed, nearest name")
    field: str = Field(description="the parameter, or the reason: memory, speed, ttft")
    got: Any = None
    allowed: Any = None


class Refused(BaseModel):
    """Every refusal."""

    error: Fault


class Health(BaseModel):
    """The server answers."""

    status: str
    version: str


# --- commands -------------------------------------------------------------------------------------------------------------


class Seconds(Open):
    """All arithmetic and all traffic of one stage [s]."""

    compute_s: float | None
    bandwidth_s: float | None


class ThroughputAnswer(Open):
    """One deployment at its best batch, or at the one given; null where a figure is not known."""

    model: str
    system: str
    gpus: float
    workload: str
    batch: float
    critical_batch: float | None
    throughput_tok_s: float = Field(description="output tokens per second of the whole deployment")
    throughput_tok_s_gpu: float
    speed_tok_s_user: float = Field(description="output tokens over wall time, TTFT included")
    interactivity_tok_s_user: float = Field(description="1 / TPOT")
    ttft_s: float
    tpot_s: float
    cycle_s: float
    binding: str = Field(description="speed, ttft, memory, compute, bandwidth, network or latency")
    memory_used_bytes: float
    memory_capacity_bytes: float
    prefill: Seconds
    decode: Seconds
    cost_usd_per_mtok_output: float | None


class Point(Open):
    """One point of a frontier: the keys of `throughput`, and its configuration."""

    batch: float
    throughput_tok_s: float
    speed_tok_s_user: float
    configuration: dict[str, Any]


class FrontierAnswer(Open):
    """Points that no other beats in speed and throughput at once, slowest first."""

    points: list[Point]


class PlanOption(Open):
    """One system that carries the load, or why it does not."""

    system: str
    gpus: int | None
    replicas: int | None
    configuration: dict[str, Any] | None
    utilisation: float | None
    cost_usd_hour: float | None
    cost_usd_mtok_output: float | None
    reason: str


class PlanAnswer(Open):
    """Cheapest first."""

    options: list[PlanOption]


class Spread(Open):
    """The 5%, 50% and 95% points of draws."""

    p5: float
    p50: float
    p95: float


class Dates(BaseModel):
    """Days, or `before DATE`, `after DATE`."""

    p10: str
    p50: str
    p90: str


class SupplyOfWorkload(Open):
    """What the fleet could serve of one kind of request, if it served nothing else."""

    workload: str
    output_tok_s: Spread
    per_person_month: float
    by_system: list[dict[str, Any]]


class SupplyAnswer(Open):
    """Output tokens per second of the chips sold."""

    workloads: list[SupplyOfWorkload]


class Range(Open):
    """A number with the ends of its 90% interval; null where it has none."""

    low: float | None
    central: float
    high: float | None


class Proxy(Open):
    """One measure of demand."""

    name: str
    tok_s: Range
    direction: str
    output_tok_s: Range
    date: str
    source: str


class DemandAnswer(Open):
    """Tokens a second that are asked for, and the factor by which that grows in a year."""

    proxies: list[Proxy]
    growth_per_year: Spread


class CrunchOfWorkload(Open):
    """When demand passes supply at one workload."""

    workload: str
    crossover: Dates
    probability_by_year: dict[str, float]


class CrunchAnswer(Open):
    """When demand passes supply; `mix` with all tiers and shapes together, where the scenario has them."""

    scenario: str
    workloads: list[CrunchOfWorkload]
    mix: dict[str, Any] | None


class ImportedModel(Open):
    """A model by its config.json; `model` is the name that holds it."""

    model: str
    name: str
    model_type: str
    total_parameters: float
    active_parameters: float
    kv_elements_per_token: float
    attention: str


# --- views ----------------------------------------------------------------------------------------------------------------


class Number(BaseModel):
    """A number of a view, with its words and its source."""

    key: str
    label: str
    value: float | str | None
    unit: str
    text: str
    low: float | None
    high: float | None
    low_text: str | None = Field(default=None, description="the ends in words, where digits alone would not do")
    high_text: str | None = None
    group: str = Field(default="", description="heading under which it stands")
    primary: bool = Field(default=False, description="one of the few that answer the question")
    source: str
    link: str | None


class FigureData(BaseModel):
    """A figure's words, and the rows of its named data sets; its drawing is /api/v1/figures/{name}."""

    name: str
    title: str
    caption: str
    description: str
    data: dict[str, list[dict[str, Any]]]


class ViewAnswer(BaseModel):
    """What the page shows of one question."""

    question: dict[str, Any] = Field(description="every control's value as understood, defaults filled in")
    feasible: bool
    reason: str | None
    headline: str
    numbers: list[Number]
    figures: list[FigureData]
    notes: list[str]


class Choice(BaseModel):
    """One of several."""

    value: str
    label: str
    group: str


class ControlSchema(BaseModel):
    """What the page draws for one value of the query."""

    key: str
    label: str
    kind: str = Field(description="choice, number, date, text or toggle")
    options: list[Choice]
    min: float | None
    max: float | None
    scale: str = Field(description="linear or log")
    step: float | None
    default: float | str | bool | None
    low: float | None = Field(description="of the scenario's 90% interval, where the value is uncertain")
    high: float | None
    unit: str
    placeholder: str | None = Field(description="what an empty box stands for")
    help: str
    group: str


class ViewControls(BaseModel):
    """The controls of one view, in their order."""

    view: str
    label: str
    controls: list[ControlSchema]
