"""Concurrent agents: how many agent sessions a GPU carries at a speed, as measured, and what that makes of all chips.

An agent is a client of the AgentX benchmark: a recorded coding session with its sub-agents, replayed with the model's own
times and tool waits of at most 300 s. It may have several requests in flight, or none: agents are no decode batch.

Rule of a (model, GPU) group, the source's: the Pareto frontier of (P90 speed, clients per GPU) over all its rows, whatever
engine and precision they have; linear in between; never extrapolated. Below the frontier's slowest point its own clients
count (`start`); above its fastest there are none. The P90 speed is that of the slow tenth of requests, without their TTFT.

Source: J. Li, *How many AI agents could run on the AI chips shipped through 2027?* (Epoch AI, 5 October 2026), and its
code, epoch-research/compute-to-agents @230b683739d5, docs/METHODOLOGY.md, "InferenceX and economics".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fleetline.beliefs import Array
from fleetline.catalog import load
from fleetline.catalog.rows import ParameterRow
from fleetline.errors import InputError
from fleetline.measurements import Measurement
from fleetline.physics.candidates import pareto
from fleetline.units import HOUR


@dataclass(frozen=True)
class Group:
    """The agentic rows of one model on one GPU that may be used, as columns of one length; `total` counts all its rows.

    Attributes:
        speed: output tokens per second of a request at the 90th percentile of TPOT, the first token's wait not in it
            [token/s/user].
        agents: clients per GPU [1/GPU].
        ttft: 90th percentile [s]. input, output: tokens per second and GPU [token/s]; reusable: share of the input that an
            ideal cache holds [1].
    """

    model: str
    hardware: str
    total: int
    rows: Sequence[Measurement]
    speed: Array
    agents: Array
    ttft: Array
    input: Array
    output: Array
    reusable: Array

    @property
    def frontier(self) -> npt.NDArray[np.intp]:
        """Places of the rows that no other beats in speed and agents at once, slowest first."""
        return pareto(self.speed, self.agents)


def groups(rows: Iterable[Measurement], max_ttft: float = np.inf) -> dict[tuple[str, str], Group]:
    """Agentic rows by (model, hardware); of those with a P90 TTFT of at most `max_ttft` [s] the columns.

    A row counts that gives clients, GPUs and the P90 speed; without a TTFT it counts only where none is asked for.
    """
    agentic: dict[tuple[str, str], list[Measurement]] = {}
    for row in rows:
        if row.workload == "agentic" and row.gpus and row.slow_tpot_s:
            agentic.setdefault((row.model, row.hardware), []).append(row)
    return {key: _group(key, mine, max_ttft) for key, mine in sorted(agentic.items())}


def _group(key: tuple[str, str], every: Sequence[Measurement], max_ttft: float) -> Group:
    rows = [row for row in every if (np.inf if row.slow_ttft_s is None else row.slow_ttft_s) <= max_ttft]
    gpus = np.array([row.gpus for row in rows], dtype=float)
    output = np.array([row.output_throughput or np.nan for row in rows]) / gpus
    return Group(
        *key,
        total=len(every),
        rows=rows,
        speed=1.0 / np.array([row.slow_tpot_s for row in rows], dtype=float),
        agents=np.array([row.concurrency for row in rows], dtype=float) / gpus,
        ttft=np.array([row.slow_ttft_s or np.nan for row in rows]),
        input=np.array([row.throughput_gpu or np.nan for row in rows]) - output,
        output=output,
        reusable=np.array([row.reusable or np.nan for row in rows]),
    )


def at_speed(group: Group, values: Array, speed: npt.ArrayLike) -> Array:
    """What the frontier says of `values` (a column of the group) at wanted speeds [token/s/user]; NaN beyond its fastest.

    Shape: that of `speed`.
    """
    wanted, points = np.asarray(speed, dtype=float), group.frontier
    if not points.size:
        return np.full(wanted.shape, np.nan)
    fast = group.speed[points]
    # NumPy holds the ends: below the slowest point its own value, which is the rule
    return np.where(wanted <= fast[-1], np.interp(wanted, fast, values[points]), np.nan)


def agents_per_gpu(group: Group, speed: npt.ArrayLike) -> Array:
    """Agents of one GPU at a wanted P90 speed [token/s/user]; NaN where the speed is never reached. Shape of `speed`."""
    return at_speed(group, group.agents, speed)


def how(group: Group, speed: float) -> str:
    """How a figure comes about: `between` two points, at the frontier's `start`, or `never` reached, or `no rows`."""
    points = group.frontier
    if not points.size:
        return "no rows"
    slowest, fastest = group.speed[points[[0, -1]]]
    return "never" if speed > fastest else "start" if speed < slowest else "between"


def densest(group: Group, speed: float) -> Measurement | None:
    """The one measured configuration of most agents per GPU that is fast enough; None where none is."""
    fast = np.flatnonzero(group.speed >= speed)
    return None if not fast.size else group.rows[int(fast[np.argmax(group.agents[fast])])]


@dataclass(frozen=True)
class Price:
    """List prices [USD per million tokens]; cached input is what a hit costs."""

    name: str
    input: float
    cached: float
    output: float


def revenue_per_hour(group: Group, price: Price) -> Array:
    """What each row's tokens of one GPU cost at list prices, if the cache were ideal [USD/h]; shape (rows,)."""
    fresh = group.input * (1.0 - group.reusable)
    per_second = fresh * price.input + group.input * group.reusable * price.cached + group.output * price.output
    return np.asarray(per_second * HOUR / 1e6)


# --- what memory shipped would carry ----------------------------------------------------------------------------------

SHIPMENT_YEARS = (2025, 2026, 2027)


@dataclass(frozen=True)
class Shipped:
    """High-bandwidth memory shipped from 2025 through the end of `year` [GB]."""

    year: int
    hbm3e_gb: float
    hbm4_gb: float

    def gb300_equivalents(self, uplift: npt.ArrayLike) -> Array:
        """GB300s that this memory would make, a byte of HBM4 counting `uplift` times one of HBM3E. Shape of `uplift`."""
        effective = self.hbm3e_gb + np.asarray(uplift, dtype=float) * self.hbm4_gb
        return np.asarray(effective / parameter("memory of a GB300 equivalent"))


def shipped(year: int) -> Shipped:
    """All memory shipped from 2025 through a year.

    Raises:
        InputError: a year without figures.
    """
    if year not in SHIPMENT_YEARS:
        allowed = ", ".join(str(each) for each in SHIPMENT_YEARS)
        raise InputError(f"through: got {year}, allowed {allowed}", field="through", got=year, allowed=allowed)
    totals = _hbm_by_year()
    sums = [
        sum(totals[each] * parameter(f"{kind} share of HBM in {each}") for each in SHIPMENT_YEARS if each <= year)
        for kind in ("HBM3E", "HBM4")
    ]
    return Shipped(year, *sums)


def _hbm_by_year() -> Mapping[int, float]:
    """HBM of every kind shipped in each year [GB]: one year's figure, and growth from year to year."""
    middle = parameter("HBM shipped in 2026")
    return {
        2025: middle / parameter("HBM growth in 2026"),
        2026: middle,
        2027: middle * parameter("HBM growth in 2027"),
    }


def closed_agents_per_gpu(hourly: npt.ArrayLike, revenue_over_rent: npt.ArrayLike) -> Array:
    """Agents of one GB300 of a model whose serving nobody measured: rent x K / S.

    Args:
        hourly: S, what an agent spends at API prices [USD/h].
        revenue_over_rent: K, API revenue of a GPU over its rent [1]; a guess.

    Raises:
        InputError: no rent of the chip is known.
    """
    rent = load().systems["gb300-nvl72"].chip.rent
    if rent is None:
        raise InputError("chip_specs: no rent_3yr of GB300 NVL72", field="chip_specs")
    return np.asarray(rent * HOUR * np.asarray(revenue_over_rent, dtype=float) / np.asarray(hourly, dtype=float))


def parameter(name: str) -> float:
    """The central value of a row of `agent_parameters`.

    Raises:
        InputError: no such row, or one that gives an interval alone.
    """
    central = parameter_row(name).central
    if central is None:
        raise InputError(f"agent_parameters.csv: '{name}' has no central value", field="agent_parameters.csv", got=name)
    return central


def parameter_names() -> list[str]:
    """The rows of `agent_parameters`, in their order."""
    return [row.parameter for row in load().rows("agent_parameters", ParameterRow)]


def parameter_row(name: str) -> ParameterRow:
    """A row of `agent_parameters`, with its interval; raises InputError where there is none."""
    for row in load().rows("agent_parameters", ParameterRow):
        if row.parameter == name:
            return row
    raise InputError(f"agent_parameters.csv: no row of '{name}'", field="agent_parameters.csv", got=name)
