"""Deployments that could serve a model on a system: layouts that somebody has run, in formats that its chips compute.

A fit knows what it has seen; a layout nobody has run is outside of it. So candidates are the recorded layouts: degrees and
numbers of engines, separate pools, drafts, of any model on the same chip. A chip without runs takes those of its vendor's
chips; a vendor without runs all of them, under no engine's name. Each engine stays within one scale-up domain.

Source: ours; layouts by InferenceX (tables `benchmarks`, `runs_with_ttft`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from fleetline.calibration.features import Features, features
from fleetline.calibration.form import MEAN_LENGTH
from fleetline.calibration.names import Names, recipe_drafts
from fleetline.calibration.recipes import architecture_of
from fleetline.catalog import Catalog
from fleetline.catalog.rows import (
    AnnouncedRow,
    ChipSalesRow,
    FleetRow,
    SystemRow,
)
from fleetline.measurements import Measurement
from fleetline.measurements.types import Pool

Array = npt.NDArray[np.float64]
UNSTATED = "unstated"  # an engine that no run names: the population's values
CLIENTS = np.unique(np.round(2.0 ** np.arange(0.0, 17.01, 0.5)))  # of a deployment, spaced by a root of two


@dataclass(frozen=True, order=True)
class Layout:
    """One recorded deployment: engine, whether pools are apart, whether it drafts, GPUs and numbers of engines."""

    engine: str
    apart: bool
    drafts: bool
    gpus: int
    engines: int
    ep: int
    dp: bool
    prefill_gpus: int
    prefill_engines: int
    prefill_dp: bool

    @property
    def total(self) -> int:
        """GPUs of the deployment."""
        return self.gpus * self.engines + (self.prefill_gpus * self.prefill_engines if self.apart else 0)

    def words(self) -> str:
        """As a person would say it."""
        decode = f"{self.engines} x {self.gpus} GPUs" + (", DP attention" if self.dp else "")
        prefill = f", prefill {self.prefill_engines} x {self.prefill_gpus} GPUs" if self.apart else ""
        return f"{self.engine}, {decode}{prefill}" + (", drafts" if self.drafts else "")


@dataclass(frozen=True)
class Records:
    """What runs have shown: layouts by chip, formats by model and by chip, chips by vendor, and pairs that were run.

    Attributes:
        pairs: (model, chip, engine, whether pools are apart, whether it drafted).
    """

    layouts: Mapping[str, frozenset[Layout]]
    precisions: Mapping[str, frozenset[str]]
    vendors: Mapping[str, str]
    models: frozenset[str]
    pairs: frozenset[tuple[str, str, str, bool, bool]]


def records_of(rows: Features) -> Records:
    """From rows that say what ran; a layout taken from a neighbour's recipe is none."""
    told = rows.take(np.flatnonzero((rows.guessed == 0) & (rows.dp_unstated == 0)))
    run: dict[str, set[Layout]] = {}
    precisions: dict[str, set[str]] = {}
    for chip, precision, layout in zip(told.chip.tolist(), told.precision.tolist(), layouts(told), strict=True):
        run.setdefault(chip, set()).add(layout)
        precisions.setdefault(chip, set()).add(precision)
    words = (getattr(rows, name).tolist() for name in ("model", "chip", "engine"))
    yes = ((values > 0).tolist() for values in (rows.disaggregated, rows.speculates))
    return Records(
        MappingProxyType({chip: frozenset(each) for chip, each in run.items()}),
        MappingProxyType({chip: frozenset(each) for chip, each in precisions.items()}),
        MappingProxyType(dict(zip(rows.chip.tolist(), rows.vendor.tolist(), strict=True))),
        frozenset(rows.model.tolist()),
        frozenset(zip(*words, *yes, strict=True)),
    )


_NUMBERS = ("disaggregated", "speculates", "gpus", "engines", "ep", "dp", "prefill_gpus", "prefill_engines", "prefill_dp")


def layouts(rows: Features) -> list[Layout]:
    """The layout of every row."""
    columns = [getattr(rows, name).astype(int).tolist() for name in _NUMBERS]
    return [
        Layout(engine, bool(apart), bool(drafts), gpus, engines, ep, bool(dp), of_prefill, prefills, bool(prefill_dp))
        for engine, apart, drafts, gpus, engines, ep, dp, of_prefill, prefills, prefill_dp in zip(
            rows.engine.tolist(), *columns, strict=True
        )
    ]


@dataclass(frozen=True)
class Target:
    """A model on a system as rows name them: by the benchmark's keys where they have one, else by the catalog's names.

    Attributes:
        vendor: of the chip, as rows name vendors; "" where none of its chips has a run. gpus: of a scale-up domain.
    """

    model: str
    chip: str
    vendor: str
    gpus: int
    names: Names


def target(catalog: Catalog, model: str, system: str, gpus: int, vendors: frozenset[str] | set[str]) -> Target:
    """A model of the catalog on `gpus` chips of a system.

    Args:
        vendors: those with runs.

    Raises:
        InputError: an unknown model or system.
    """
    name, machine = catalog.model(model).name, catalog.system(system).name
    keys = {model: key for key, model in reversed(list(catalog.benchmark_models.items()))}
    hardware = {name: key for key, name in catalog.benchmark_systems.items()}
    key, chip = architecture_of(keys.get(name, name)), hardware.get(machine, machine)
    vendor = designers(catalog).get(machine, "")
    return Target(key, chip, vendor if vendor in vendors else "", gpus, Names({key: name}, {chip: machine}))


def designers(catalog: Catalog) -> dict[str, str]:
    """Who designed the chips of each system, in the words of benchmark rows (capitals)."""
    of_chip = {row.chip_type: row.designer for row in catalog.rows("chip_sales", ChipSalesRow)}
    found = {row.system: row.designer for row in catalog.rows("announced", AnnouncedRow) if row.system}
    found |= {
        row.system: of_chip[row.chip_type]
        for row in catalog.rows("fleets", FleetRow)
        if row.system and row.chip_type in of_chip
    }
    found |= {
        row.board: found[row.system] for row in catalog.rows("systems", SystemRow) if row.board and row.system in found
    }
    return {system: designer.upper() for system, designer in found.items()}


def layouts_for(asked: Target, known: Records, catalog: Catalog) -> list[Layout]:
    """The candidates, in a fixed order."""
    chips = [asked.chip] if asked.chip in known.layouts else _kin(asked, known)
    every = {layout for chip in chips for layout in known.layouts[chip]}
    if not asked.vendor:
        every = {Layout(UNSTATED, *astuple(layout)[1:]) for layout in every}
    drafts = asked.model in recipe_drafts(catalog)
    return sorted(
        layout
        for layout in every
        if max(layout.gpus, layout.prefill_gpus if layout.apart else 0) <= asked.gpus and (drafts or not layout.drafts)
    )


def _kin(asked: Target, known: Records) -> list[str]:
    return sorted(chip for chip, vendor in known.vendors.items() if chip in known.layouts and asked.vendor in {"", vendor})


def precisions_for(asked: Target, catalog: Catalog) -> list[str]:
    """Formats in which the model is published and which the chip computes, or the first in which it is published."""
    published = [each.label for each in catalog.checkpoints_of(asked.names.models[asked.model])]
    peaks = catalog.system(asked.names.systems[asked.chip]).chip.peak or {}
    native = [label for label in dict.fromkeys(published) if label in peaks or label == "int4"]
    return native or published[:1]


def rows_for(asked: Target, tried: Sequence[Layout], precision: str, lengths: tuple[float, float]) -> list[Measurement]:
    """A row for every layout and number of clients, the latter running faster; lengths are means [token]."""
    told, made = [round(length / MEAN_LENGTH) for length in lengths]
    return [
        Measurement(
            row_id="",
            line=0,
            model=asked.model,
            hardware=asked.chip,
            vendor=asked.vendor,
            framework=layout.engine,
            precision=precision,
            speculation="mtp" if layout.drafts else "none",
            disaggregated=layout.apart,
            prefill=_pool(layout.prefill_gpus, layout.prefill_engines, 1, dp=layout.prefill_dp),
            decode=_pool(layout.gpus, layout.engines, layout.ep, dp=layout.dp),
            gpus=layout.total,
            input_tokens=told,
            output_tokens=made,
            concurrency=int(clients),
            tpot_s=None,
            ttft_s=None,
            statistic="median",
            throughput_gpu=None,
            output_throughput=None,
            config="",
            date=None,
            workload="single_turn",
            kind="median_over_runs",
            source="",
        )
        for layout in tried
        for clients in CLIENTS.tolist()
    ]


def _pool(gpus: int, engines: int, ep: int, *, dp: bool) -> Pool:
    return Pool(engines, gpus, gpus, ep, dp, gpus * engines)


def candidates(
    asked: Target,
    tried: Sequence[Layout],
    precision: str,
    lengths: tuple[float, float],
    prefix_hit: float,
    catalog: Catalog,
) -> tuple[Features, npt.NDArray[np.intp]]:
    """Rows of layouts that hold the weights and all clients' caches, and have a client an engine; the layout of each."""
    rows = features(rows_for(asked, tried, precision, lengths), catalog, names=asked.names, prefix_hit=prefix_hit)
    busy = rows.clients >= np.maximum(rows.engines, rows.prefill_engines)
    kept = np.flatnonzero(rows.answered & (rows.room > _LEAST_ROOM) & (rows.crowded <= 0.0) & busy)
    return rows.take(kept), kept // len(CLIENTS)


_LEAST_ROOM = 0.02  # of a GPU's usable memory, beside the weights: activations
