"""What the catalog holds, as plain rows: models, systems, sources."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from fleetline.catalog import imported
from fleetline.catalog.load import BENCHMARK_TABLES, Catalog, load
from fleetline.catalog.rows import BenchmarkLicenceRow, ChipSpecRow
from fleetline.catalog.tables import table_path
from fleetline.catalog.types import System
from fleetline.errors import InputError, unknown_name
from fleetline.units import HOUR

Rows = list[dict[str, Any]]


def models() -> Rows:
    """Every model: parameters, cache elements a token, attention, checkpoints; `reason` where it has no physics here.

    Those of the catalog, then one's own saved ones.
    """
    catalog = load()
    own = [name for name in imported.saved_names() if name not in catalog.models and name not in catalog.not_modelled]
    named = sorted([*catalog.models, *catalog.not_modelled])
    return [_model(catalog, name) for name in named] + [_saved(catalog, name) for name in own]


def _saved(catalog: Catalog, name: str) -> dict[str, Any]:
    """A saved model; why not, where its file is no longer one."""
    try:
        found, reason = imported.find(catalog, name), None
    except InputError as error:
        found, reason = None, error.message
    model = found.model if found else None
    return {
        "model": name,
        "title": name,
        "attention": found.described.facts["attention_kind"] if found else None,
        "total_parameters": model.total_parameters if model else None,
        "active_parameters": model.active_parameters if model else None,
        "published_total_parameters": None,
        "published_active_parameters": None,
        "kv_elements_per_token": model.kv_elements_per_token if model else None,
        "max_context": found.described.facts["max_context"] if found else None,
        "released": None,
        "checkpoints": [found.checkpoint.name] if found and found.checkpoint else [],
        "modelled": model is not None,
        "reason": reason,
    }


def _model(catalog: Catalog, name: str) -> dict[str, Any]:
    facts = {row.quantity: row.value for row in catalog.model_rows(name)}
    model = catalog.models.get(name)
    return {
        "model": name,
        "title": facts.get("title", name),
        "attention": facts.get("attention_kind"),
        "total_parameters": model.total_parameters if model else None,
        "active_parameters": model.active_parameters if model else None,
        "published_total_parameters": _billions(facts.get("published_total_params_B")),
        "published_active_parameters": _billions(facts.get("published_active_params_B")),
        "kv_elements_per_token": model.kv_elements_per_token if model else None,
        "max_context": _tokens(facts.get("max_context")),
        "released": facts.get("release_date"),
        "checkpoints": [checkpoint.name for checkpoint in catalog.checkpoints_of(name)],
        "modelled": model is not None,
        "reason": catalog.not_modelled.get(name),
    }


def _tokens(text: str | None) -> int | None:
    return None if text is None else int(float(text))


def _billions(text: str | None) -> float | None:
    return None if text is None else float(text) * 1e9


def systems() -> Rows:
    """Every system: chips, memory [byte], bandwidth [byte/s], dense peaks [FLOP/s], rent [USD/h] of the whole of it."""
    return [_system(system) for system in load().systems.values()]


def _system(system: System) -> dict[str, Any]:
    chip = system.chip
    peaks = chip.peak or {}
    return {
        "system": system.name,
        "chip": chip.name,
        "gpus": system.gpus,
        "hbm_capacity_bytes": None if chip.hbm_capacity is None else system.hbm_capacity,
        "hbm_bandwidth_bytes_s": None if chip.hbm_bandwidth is None else system.hbm_bandwidth,
        **{f"{p}_flop_s": peaks[p] * system.gpus if p in peaks else None for p in ("fp4", "fp8", "bf16")},
        "scaleup_bytes_s_gpu": chip.scaleup_bandwidth,
        "rent_usd_hour": None if system.rent is None else system.rent * HOUR,
    }


def facts(name: str) -> Rows:
    """Every catalog row of one model or of one system's chip, each number with its source.

    Raises:
        InputError: no model or system is called so.
    """
    catalog = load()
    if name in catalog.systems:
        chip = catalog.systems[name].chip.name
        specs = [row for row in catalog.rows("chip_specs", ChipSpecRow) if row.chip == chip]
        return [
            {
                "quantity": row.quantity,
                "value": row.central,
                "unit": row.unit,
                "preferred": row.preferred,
                "source": row.source,
                "retrieved": row.retrieved_or_published,
                "note": row.note,
            }
            for row in specs
        ]
    own = imported.find(catalog, name)
    found = catalog.model_rows(name) if own is None else list(own.rows)
    if not found:
        raise unknown_name("model or system", name, [*catalog.models, *catalog.not_modelled, *catalog.systems])
    keys = ("quantity", "value", "unit", "source", "retrieved", "note")
    return [{key: getattr(row, key) for key in keys} for row in found]


def sources() -> Rows:
    """Every source: the terms it comes under, the tables that cite it and how many of their rows."""
    catalog = load()
    cited: dict[tuple[str, str], dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for table, rows in catalog.tables.items():
        for row in rows:
            cited[row.source, str(getattr(row, "licence", "") or "")][table] += 1
    terms = {row.repository: row.licence for row in catalog.rows("benchmark_licences", BenchmarkLicenceRow)}
    for table in BENCHMARK_TABLES:
        for source, count in _benchmark_sources(table):
            repository = source.split(":")[0].split(" ")[0]
            cited[source, terms.get(repository, "")][table] += count
    return [
        {"source": source, "licence": licence or None, "rows": sum(tables.values()), "tables": dict(tables)}
        for (source, licence), tables in sorted(cited.items())
    ]


def _benchmark_sources(table: str) -> list[tuple[str, int]]:
    import duckdb  # noqa: PLC0415  (heavy, and only this listing needs it)

    path = str(table_path(f"{table}.parquet"))
    try:
        found = duckdb.execute("select source, count(*) from read_parquet(?) group by source order by source", [path])
        return [(str(source), int(count)) for source, count in found.fetchall()]
    except duckdb.Error as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"catalog table {table}.parquet: {reason}", field=f"{table}.parquet") from error
