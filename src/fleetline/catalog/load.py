"""Rows -> the catalog: one value that holds everything claimed, with every cross-check between tables."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar, cast

from fleetline.architecture.model import Model
from fleetline.catalog import rows
from fleetline.catalog.models import ATTENTION_KINDS, MissingFactError, build_model
from fleetline.catalog.tables import data_folder, fault, read_rows, table_path
from fleetline.catalog.timings import timings_of
from fleetline.catalog.types import Checkpoint, Chip, NumberFormat, Preset, System, Timings
from fleetline.errors import InputError, unknown_name

__all__ = ["Catalog", "load", "table_path"]

Value = TypeVar("Value")

_TABLES: Mapping[str, type[rows.Row]] = MappingProxyType(
    {
        "agent_parameters": rows.ParameterRow,
        "announced": rows.AnnouncedRow,
        "api_prices": rows.ApiPriceRow,
        "article_numbers": rows.ArticleNumberRow,
        "benchmark_licences": rows.BenchmarkLicenceRow,
        "checkpoints": rows.CheckpointRow,
        "benchmark_models": rows.BenchmarkModelRow,
        "chip_sales": rows.ChipSalesRow,
        "chip_sales_cumulative": rows.ChipSalesCumulativeRow,
        "chip_specs": rows.ChipSpecRow,
        "demand_parameters": rows.ParameterRow,
        "energy_facts": rows.ParameterRow,
        "demand_series": rows.DemandSeriesRow,
        "fleets": rows.FleetRow,
        "formats": rows.FormatRow,
        "growth_and_supply_facts": rows.FactRow,
        "hardware": rows.HardwareRow,
        "kernels": rows.KernelTimeRow,
        "models": rows.ModelRow,
        "models_added": rows.ModelRow,
        "pooled_errors": rows.PooledErrorRow,
        "pooled_kernel": rows.PooledKernelRow,
        "pooled_law": rows.PooledLawRow,
        "presets": rows.PresetRow,
        "presets_fitted": rows.PresetRow,
        "rates": rows.RateRow,
        "reached": rows.ReachedRow,
        "fitted_rates": rows.FittedRateRow,
        "fitted_errors": rows.FittedErrorRow,
        "best_runs": rows.BestRunRow,
        "recipes": rows.RecipeRow,
        "serving_speeds": rows.ServingSpeedRow,
        "speculation": rows.SpeculationRow,
        "systems": rows.SystemRow,
        "token_demand": rows.TokenDemandRow,
    }
)
BENCHMARK_TABLES = ("benchmarks", "runs_with_ttft", "agentx")


@dataclass(frozen=True)
class Catalog:
    """Everything claimed. `tables` are the rows as published; the rest are values built from them, found by name."""

    tables: Mapping[str, Sequence[rows.Row]]
    chips: Mapping[str, Chip]
    systems: Mapping[str, System]
    models: Mapping[str, Model]
    not_modelled: Mapping[str, str]
    formats: Mapping[str, NumberFormat]
    checkpoints: Mapping[str, Checkpoint]
    presets: Mapping[str, Preset]
    defaults: Mapping[str, float]
    timings: Mapping[tuple[str, str], Timings]

    def timings_of(self, chip: str, framework: str = "") -> Timings:
        """The laws of a chip's kernels and collectives; those of any chip where it has none of its own.

        With a framework those measured in it, and of all frameworks together where it has none of its own.
        """
        return self.timings.get((chip, framework), self.timings["any", framework])

    def model(self, name: str) -> Model:
        """The model called `name`.

        Raises:
            InputError: no such model, or one whose attention kind has no physics here.
        """
        if name in self.not_modelled:
            raise InputError(
                f"model {name}: {self.not_modelled[name]}", field="model", got=name, allowed=sorted(self.models)
            )
        return _named(self.models, "model", name)

    def system(self, name: str) -> System:
        """The system called `name`; raises InputError for an unknown one."""
        return _named(self.systems, "system", name)

    def preset(self, name: str) -> Preset:
        """The preset called `name`; raises InputError for an unknown one."""
        return _named(self.presets, "preset", name)

    def format(self, name: str) -> NumberFormat:
        """The number format called `name`; raises InputError for an unknown one."""
        return _named(self.formats, "precision", name)

    def checkpoints_of(self, model: str) -> list[Checkpoint]:
        """The checkpoints of a model, in the order of the table."""
        return [checkpoint for checkpoint in self.checkpoints.values() if checkpoint.model == model]

    def model_rows(self, name: str) -> list[rows.ModelRow]:
        """Every row of one model."""
        tables = ("models", "models_added")
        return [row for table in tables for row in self.rows(table, rows.ModelRow) if row.model == name]

    @cached_property
    def benchmark_models(self) -> Mapping[str, str]:
        """The model that a benchmark's model key means."""
        return {row.key: row.model for row in self.rows("benchmark_models", rows.BenchmarkModelRow)}

    @cached_property
    def benchmark_systems(self) -> Mapping[str, str]:
        """The system that a benchmark's hardware key means."""
        return {row.hardware: row.system for row in self.rows("hardware", rows.HardwareRow)}

    def rows(self, table: str, row_type: type[Value]) -> list[Value]:
        """The rows of a table, typed."""
        found = self.tables[table]
        if found and not isinstance(found[0], row_type):  # a table has rows of one type, or none
            return []
        return cast(list[Value], list(found))


def load() -> Catalog:
    """The catalog in the data folder, read and checked once a process.

    Raises:
        InputError: a table is missing or a row is wrong; file, line and column are named.
    """
    return _load(data_folder())


@lru_cache(maxsize=4)
def _load(folder: Path) -> Catalog:  # noqa: ARG001  (the folder is the cache's key)
    tables = {name: read_rows(name, row_type) for name, row_type in _TABLES.items()}
    return _assemble(tables)


def _assemble(tables: Mapping[str, Sequence[rows.Row]]) -> Catalog:
    chips = _chips(_of(tables, "chip_specs", rows.ChipSpecRow))
    formats = _formats(_of(tables, "formats", rows.FormatRow))
    facts: dict[str, dict[str, rows.ModelRow]] = defaultdict(dict)
    for row in (*_of(tables, "models", rows.ModelRow), *_of(tables, "models_added", rows.ModelRow)):
        if row.quantity in facts[row.model]:
            raise fault(row, "quantity", f"two rows of {row.model}, {row.quantity}")
        facts[row.model][row.quantity] = row
    models, not_modelled = _models(facts)
    systems = _systems(_of(tables, "systems", rows.SystemRow), chips)
    _check_announced(_of(tables, "announced", rows.AnnouncedRow), chips, systems)
    _check_fleets(_of(tables, "fleets", rows.FleetRow), _of(tables, "chip_sales", rows.ChipSalesRow), chips, systems)
    presets, defaults = _presets([*_of(tables, "presets", rows.PresetRow), *_of(tables, "presets_fitted", rows.PresetRow)])
    return Catalog(
        tables=tables,
        chips=chips,
        systems=systems,
        models=models,
        not_modelled=not_modelled,
        formats=formats,
        checkpoints=_checkpoints(_of(tables, "checkpoints", rows.CheckpointRow), formats, facts, models),
        presets=presets,
        defaults=defaults,
        timings=timings_of(_of(tables, "kernels", rows.KernelTimeRow), chips),
    )


def _models(facts: Mapping[str, Mapping[str, rows.ModelRow]]) -> tuple[dict[str, Model], dict[str, str]]:
    """The models whose attention has physics here and whose dimensions are all known; of the others, why not."""
    models: dict[str, Model] = {}
    not_modelled: dict[str, str] = {}
    for name, given in facts.items():
        kind = given["attention_kind"].value if "attention_kind" in given else "unknown"
        if kind not in ATTENTION_KINDS:
            not_modelled[name] = f"its attention ({kind}) has no physics here yet"
            continue
        try:
            models[name] = build_model(name, given)
        except MissingFactError as missing:
            not_modelled[name] = missing.message
    return models, not_modelled


def _of(tables: Mapping[str, Sequence[rows.Row]], name: str, row_type: type[Value]) -> list[Value]:
    return [row for row in tables[name] if isinstance(row, row_type)]


def _chips(specs: Iterable[rows.ChipSpecRow]) -> dict[str, Chip]:
    preferred: dict[str, dict[str, float]] = defaultdict(dict)
    for row in specs:
        known = preferred[row.chip]
        if row.preferred and row.quantity != "release_date":
            if row.quantity in known:
                raise fault(row, "preferred", f"two preferred rows of {row.chip} {row.quantity}")
            if row.quantity == "scaleup_domain" and row.si != int(row.si):
                raise fault(row, "central", f"got '{row.central}', a domain is a whole number of chips")
            known[row.quantity] = row.si
    return {name: _chip(name, values) for name, values in preferred.items()}


def _chip(name: str, values: Mapping[str, float]) -> Chip:
    domain = values.get("scaleup_domain")
    return Chip(
        name=name,
        hbm_capacity=values.get("hbm_capacity"),
        hbm_bandwidth=values.get("hbm_bandwidth"),
        peak=MappingProxyType({p: values[f"{p}_dense"] for p in ("fp4", "fp8", "bf16") if f"{p}_dense" in values}),
        scaleup_bandwidth=values.get("scaleup_bw_unidirectional"),
        scaleup_domain=None if domain is None else int(domain),
        rent=values.get("rent_3yr"),
        own=values.get("tco_hyperscaler"),
        all_in_power=values.get("all_in_power"),
    )


def _systems(table: Sequence[rows.SystemRow], chips: Mapping[str, Chip]) -> dict[str, System]:
    systems: dict[str, System] = {}
    for row in table:
        chip = _found(chips, row, "chip")
        gpus = row.gpus or chip.scaleup_domain
        if gpus is None:
            said = f"{row.system} gives no gpus and {chip.name} has no scaleup_domain"
            raise fault(row, "gpus", said)
        systems[row.system] = System(row.system, chip, gpus)
    for row in table:
        if row.board is not None:
            _found(systems, row, "board")
    return systems


def _check_announced(table: Sequence[rows.AnnouncedRow], chips: Mapping[str, Chip], systems: Mapping[str, System]) -> None:
    """Every chip and system is known, one that serves nothing says why, and no designer's shares pass one."""
    for row in table:
        _found(chips, row, "chip")
        if row.system is not None:
            _found(systems, row, "system")
        elif row.note is None:
            raise fault(row, "note", "a chip without a system says why")
        share = sum(each.share for each in table if each.designer == row.designer)
        if share > 1.0:
            said = f"the announced chips of {row.designer} have {share:g} of its arithmetic, allowed at most 1"
            raise fault(row, "share", said)


EVERY_CHIP = "all"  # the fleet that leaves out no chip that was sold


def _check_fleets(
    table: Sequence[rows.FleetRow],
    sales: Sequence[rows.ChipSalesRow],
    chips: Mapping[str, Chip],
    systems: Mapping[str, System],
) -> None:
    """Every name is known, and no sale is counted twice; in the fleet of every chip, none is left out."""
    sold = {sale.chip_type: sale for sale in sales}
    for row in table:
        _found(sold, row, "chip_type")
        if row.chip is not None:
            _found(chips, row, "chip")
        if row.system is not None and (row.gpus or 0) > _found(systems, row, "system").gpus:
            raise fault(row, "gpus", f"got {row.gpus}, {row.system} has {systems[row.system].gpus}")
    for sale in sales:
        for fleet in sorted({row.fleet for row in table}):
            share = sum(row.share for row in table if row.fleet == fleet and row.counts(sale))
            if share > 1.0 + 1e-9 or (fleet == EVERY_CHIP and share < 1.0 - 1e-9):
                said = f"the fleet '{fleet}' counts {share:g} of the {sale.chip_type} sold from {sale.start_date}"
                raise fault(sale, "chip_type", f"{said}; fleets.csv must count each once")


def _formats(table: Sequence[rows.FormatRow]) -> dict[str, NumberFormat]:
    """Number formats; what a chip without fp4 makes of one stands in the table too."""
    plain = {
        row.format: NumberFormat(row.format, row.bytes_per_weight, row.compute_precision, row.kernel or "") for row in table
    }
    replaced = {row.format: _found(plain, row, "without_fp4") for row in table if row.without_fp4 is not None}
    return {name: replace(stored, without_fp4=replaced.get(name)) for name, stored in plain.items()}


def _checkpoints(
    table: Iterable[rows.CheckpointRow],
    formats: Mapping[str, NumberFormat],
    known: Mapping[str, object],
    models: Mapping[str, Model],
) -> dict[str, Checkpoint]:
    grouped: dict[str, list[rows.CheckpointRow]] = defaultdict(list)
    for row in table:
        _found(known, row, "model")
        grouped[row.checkpoint].append(row)
    found: dict[str, Checkpoint] = {}
    for name, parts in grouped.items():
        first = parts[0]
        stored: dict[str, NumberFormat] = {row.part: _found(formats, row, "format") for row in parts}
        parts_of_model = models[first.model].parts if first.model in models else ()
        for part in ("kv_cache", *(part.name for part in parts_of_model)):
            if part not in stored:
                raise fault(first, "part", f"{name} has no row of {part}")
        kv_cache = stored.pop("kv_cache")
        output = stored.pop("attention_output", None)
        if output is not None:
            stored["attention"] = _blended(models[first.model], stored["attention"], output)
        found[name] = Checkpoint(name, first.model, first.label, MappingProxyType(stored), kv_cache)
    return found


def _blended(model: Model, stored: NumberFormat, output: NumberFormat) -> NumberFormat:
    """Attention whose output projection has a format of its own: its bytes on average, computed as the others are."""
    whole = sum(group.count * group.attention.weights for group in model.attention)
    share = sum(group.count * getattr(group.attention, "output_weights", 0.0) for group in model.attention) / whole
    mean = (1.0 - share) * stored.bytes_per_weight + share * output.bytes_per_weight
    return replace(stored, name=f"{stored.name} with {output.name} output", bytes_per_weight=mean)


_DEFAULTS = ("speed", "hbm_reserve", "prefill_chunk_tokens", "activation_bytes")


def _presets(table: Iterable[rows.PresetRow]) -> tuple[dict[str, Preset], dict[str, float]]:
    given: dict[str, dict[str, rows.PresetRow]] = defaultdict(dict)
    for row in table:
        given[row.preset][row.parameter] = row
    for_all = given.pop("any", {})
    presets = {name: _preset(name, settings) for name, settings in given.items()}
    return presets, {parameter: float(_said("any", for_all, parameter)) for parameter in _DEFAULTS}


def _preset(name: str, given: Mapping[str, rows.PresetRow]) -> Preset:
    def interval(parameter: str) -> tuple[float, float] | None:
        row = given.get(parameter)
        return None if row is None or row.low is None or row.high is None else (row.low, row.high)

    unknown = (math.nan, math.nan)
    efficiencies = ("compute_efficiency", "bandwidth_efficiency", "step_latency_s")
    return Preset(
        name=name,
        compute_efficiency=float(_said(name, given, "compute_efficiency")),
        bandwidth_efficiency=float(_said(name, given, "bandwidth_efficiency")),
        step_latency=float(_said(name, given, "step_latency_s")),
        counting=_said(name, given, "counting"),
        costs=given["costs"].value if "costs" in given else "shares",
        intervals=MappingProxyType({each: found for each in efficiencies if (found := interval(each))}),
        tpot_spread=interval("tpot_log_error") or unknown,
        ttft_spread=interval("ttft_log_error") or unknown,
    )


def _said(preset: str, given: Mapping[str, rows.PresetRow], parameter: str) -> str:
    if parameter not in given:
        raise InputError(f"presets.csv: no row of {preset} {parameter}", field="presets.csv", got=preset)
    return given[parameter].value


def _found(values: Mapping[str, Value], row: rows.Row, column: str) -> Value:
    """The value that a cell names, in another table."""
    name = str(getattr(row, column))
    if name not in values:
        where = f"{row.table}.csv line {row.line}, column {column}: "
        raise unknown_name(column, name, values, where=where, field=f"{row.table}.csv:{row.line}")
    return values[name]


def _named(values: Mapping[str, Value], what: str, name: str) -> Value:
    if name not in values:
        raise unknown_name(what, name, values)
    return values[name]
