"""Supply: what the fleet could serve, by workload: systems x the rate of one, summed.

The workloads are alternative uses of the same chips, not additive. What is drawn once a world and shared: the sales of a
chip (by every workload), the efficiencies (by every system and workload), the population.

Beside it stands what the same chips would serve at the best rate anyone has measured of the model on them.

Source: article, section Calibrating against inference benchmarks (its last step: the rate of one times all systems).
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from fleetline import inputs, runs
from fleetline.beliefs import KEPT, Array, Draws, Median
from fleetline.calibration.measured import Best
from fleetline.catalog import load
from fleetline.scenario import Scenario
from fleetline.units import PERIODS
from fleetline.world.fleet import Fleet, Member, fleet
from fleetline.world.rates import Rate, rate, way
from fleetline.world.reached import alike

ALTERNATIVES = "The workloads are alternative uses of the same chips; their rates do not add."


@dataclass(frozen=True)
class SystemSupply:
    """All systems of one kind; arrays of shape (draws,).

    Attributes:
        gpus: chips of one system.
        chips: of the fleet that serve in such systems.
        throughput_tok_s: output tokens per second of one system, 0 where it cannot serve (`reason`).
    """

    system: str
    gpus: int
    chips: Array
    throughput_tok_s: Array
    reason: str

    @property
    def racks(self) -> Array:
        """Systems, as many as the chips make up [1]; shape (draws,)."""
        return self.chips / self.gpus

    @property
    def output_tok_s(self) -> Array:
        """Of all of them [token/s]."""
        return self.racks * self.throughput_tok_s


@dataclass(frozen=True)
class Capacity:
    """The fleet at one workload; arrays of shape (draws,).

    Attributes:
        output_tok_s: [token/s].
        per_person_month: output tokens for each of the world's people [token/month].
        central: the same rate with every quantity at its median [token/s].
    """

    workload: str
    output_tok_s: Array
    per_person_month: Array
    central: float
    by_system: tuple[SystemSupply, ...]


@dataclass(frozen=True)
class NotCounted:
    """Chips that serve nothing here, and why; shape (draws,)."""

    chip_type: str
    chips: Array
    reason: str


@dataclass(frozen=True)
class Supply:
    """What a scenario's fleet could serve on a day. `incomplete` says which quarters' sales are known in part only."""

    fleet: str
    vintage: str
    as_of: datetime.date
    workloads: tuple[Capacity, ...]
    not_counted: tuple[NotCounted, ...]
    outside: tuple[str, ...]
    incomplete: tuple[str, ...]


def supply(scenario: Scenario, draws: Draws) -> Supply:
    """What the scenario's fleet could serve on its day, at each of its workloads as if that were all it served.

    Raises:
        InputError: an unknown fleet, vintage, model, preset or schedule; a day that the sales data does not cover.
    """
    as_of = scenario.date("fleet.as_of")
    chips = fleet(scenario, draws)
    people = draws.draw("world.population", scenario.belief("world.population"))
    middle = systems_of(fleet(scenario, Median()), as_of)
    central = _served(scenario, Median(), _times(middle, available(scenario, Median())))
    found = _served(scenario, draws, _times(systems_of(chips, as_of), available(scenario, draws)))
    return Supply(
        fleet=chips.name,
        vintage=chips.vintage,
        as_of=as_of,
        workloads=tuple(
            _capacity(workload, systems, people, float(_total(central[workload])[0])) for workload, systems in found.items()
        ),
        not_counted=tuple(
            NotCounted(member.chip_type, count, member.note)
            for member, count in zip(chips.members, chips.units(as_of), strict=True)
            if not member.system
        ),
        outside=chips.outside,
        incomplete=tuple(
            f"{quarter.end}: {quarter.incomplete}"
            for quarter in chips.quarters
            if quarter.incomplete and quarter.start <= as_of
        ),
    )


def available(scenario: Scenario, draws: Draws) -> Array:
    """The share of the fleet's hours that serves requests, in every world [1]; what the scenario leaves out is whole.

    Of the chips installed `fleet.inference_share` serves (the rest trains, or is spare); demand swings over the day, so
    that a fleet loaded to `fleet.busy_share` at its peak is loaded to that over `fleet.peak_over_mean` on average.
    """
    found = np.ones(draws.count)
    for key in ("fleet.inference_share", "fleet.busy_share"):
        if key in scenario:
            found = found * draws.draw(key, scenario.belief(key))
    if _PEAK in scenario:
        found = found / draws.draw(_PEAK, scenario.belief(_PEAK))
    return found


_PEAK = "fleet.peak_over_mean"


def _times(systems: Systems, share: Array) -> Systems:
    return {place: count * share for place, count in systems.items()}


Systems = Mapping[tuple[str, int], Array]  # (system, chips of one) -> chips of the fleet that serve in such; (draws,)


def systems_of(chips: Fleet, day: datetime.date) -> Systems:
    """The fleet's chips on a day, by the system they serve in."""
    return by_system(chips.members, chips.units(day))


def by_system(members: Iterable[Member], units: Iterable[Array]) -> Systems:
    """Chips by system: several names of the sales data may serve in the same."""
    found: dict[tuple[str, int], Array] = {}
    for member, count in zip(members, units, strict=True):
        if member.system:
            place = (member.system, member.gpus)
            found[place] = found[place] + count if place in found else count
    return found


def systems_at(chips: Fleet, years: Array | None) -> Systems:
    """The fleet's chips at some times, as years, or at the end of each of its quarters; (times, draws), read only."""
    times = None if years is None else tuple(years.tolist())
    few = chips.members[0].sold.shape[1] <= KEPT
    return _kept_systems(chips, times) if few else _systems(chips, times)


@lru_cache(maxsize=16)
def _kept_systems(chips: Fleet, times: tuple[float, ...] | None) -> Systems:
    return _systems(chips, times)


def _systems(chips: Fleet, times: tuple[float, ...] | None) -> Systems:
    return by_system(chips.members, chips.installed if times is None else chips.at(np.array(times)))


def _served(scenario: Scenario, draws: Draws, chips: Systems) -> Mapping[str, tuple[SystemSupply, ...]]:
    """What each kind of system serves, by workload."""
    served = way(scenario, draws)
    return {
        workload: tuple(
            _of_system(rate(served, system, gpus, workload), system, gpus, count) for (system, gpus), count in chips.items()
        )
        for workload in scenario.names("serving.workloads")
    }


def _of_system(one: Rate, system: str, gpus: int, chips: Array) -> SystemSupply:
    return SystemSupply(system, gpus, chips, np.broadcast_to(one.tok_s, chips.shape), one.reason)


def _total(systems: Sequence[SystemSupply]) -> Array:
    return np.asarray(np.sum([each.output_tok_s for each in systems], axis=0))


def _capacity(workload: str, systems: tuple[SystemSupply, ...], people: Array, central: float) -> Capacity:
    total = _total(systems)
    return Capacity(workload, total, total * PERIODS["month"] / people, central, systems)


# --- the measured frontier ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class MeasuredSystem:
    """Chips at the best measured rate of one of them [token/s], and the run it comes from; `chips` shape (draws,)."""

    system: str
    chips: Array
    output_tok_s_gpu: float
    row_id: str


@dataclass(frozen=True)
class Measured:
    """The fleet at the best rates measured of its model, by one meaning of speed.

    Attributes:
        workload: the scenario's; runs within 5% of its lengths count.
        definition: `wall` (output tokens over wall time, the article's) or `tpot` (1 / TPOT).
        output_tok_s: of the chips that have a run [token/s]; shape (draws,).
        systems: those chips. without: systems of the fleet that no run of the model is known of.
    """

    workload: str
    definition: str
    output_tok_s: Array
    systems: tuple[MeasuredSystem, ...]
    without: tuple[str, ...]


SAME_LENGTH = 0.05  # 8,192:1,024 tokens are a run of 8,000:1,000


def measured_supply(scenario: Scenario, draws: Draws) -> list[Measured]:
    """The scenario's fleet at the best measured output rate of each chip, where any run of the model is known.

    A run counts that has the wanted speed, with or without speculation; workloads without a run are left out. Models that
    differ in name alone, as Kimi K2.5 and K2.6, count as one. The chips are drawn, and serve as much of the time, as for
    `supply`; the rates are as measured.

    Raises:
        InputError: as `supply`.
    """
    chips = _times(systems_of(fleet(scenario, draws), scenario.date("fleet.as_of")), available(scenario, draws))
    found = runs.measured(speed=scenario.number("serving.speed"))
    mine = [best for best in found if best.model in _keys(scenario.text("serving.model"))]
    answers = (
        _measured(workload, definition, [best for best in mine if best.definition == definition], chips)
        for workload in scenario.names("serving.workloads")
        for definition in ("wall", "tpot")
    )
    return [answer for answer in answers if answer.systems]


def _measured(workload: str, definition: str, known: Iterable[Best], chips: Systems) -> Measured:
    system_of = load().benchmark_systems
    best: dict[str, Best] = {}
    for each in known:
        system = system_of.get(each.hardware, "")
        if _same_lengths(each.workload, workload):
            best[system] = max(each, best.get(system, each), key=lambda run: run.output_tok_s_gpu)
    systems = tuple(
        MeasuredSystem(system, count, best[system].output_tok_s_gpu, best[system].row_id)
        for (system, _), count in chips.items()
        if system in best
    )
    total = np.sum([each.chips * each.output_tok_s_gpu for each in systems], axis=0)
    return Measured(workload, definition, total, systems, tuple(system for system, _ in chips if system not in best))


def _same_lengths(one: str, other: str) -> bool:
    pairs = [inputs.pair("workload", each, "INPUT:OUTPUT tokens") for each in (one, other)]
    return all(abs(first / second - 1.0) <= SAME_LENGTH for first, second in zip(*pairs, strict=True))


def _keys(model: str) -> set[str]:
    """The benchmark's keys of a model and of those that differ from it in name alone."""
    same = set(alike(model))
    return {key for key, name in load().benchmark_models.items() if name in same}
