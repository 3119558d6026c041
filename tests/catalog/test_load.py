from __future__ import annotations

import csv
import filecmp
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest
from conftest import Tables
from harness import COLLECTION, ROOT, SHIPPED

from fleetline.architecture.attention import GroupedQuery, Latent
from fleetline.catalog import load, table_path
from fleetline.catalog.load import BENCHMARK_TABLES
from fleetline.catalog.rows import ModelRow
from fleetline.errors import InputError

needs_collection = pytest.mark.skipif(not COLLECTION.exists(), reason=f"the collected data is not at {COLLECTION}")


# --- names --------------------------------------------------------------------------------------------------------------


def test_the_names_the_interface_promises_are_known() -> None:
    # interface.md, Names; the models there that are not listed here are in `not_modelled`, tested below
    catalog = load()
    assert {
        "kimi-k2.6",
        "kimi-k2.5",
        "deepseek-r1",
        "gpt-oss-120b",
        "llama-3.1-405b",
        "qwen3-235b-a22b",
        "minimax-m2.5",
    } <= set(catalog.models)
    assert {
        *("gb200-nvl72", "gb300-nvl72", "vr200-nvl72", "b200", "b300", "h100", "h200"),
        *("mi300x", "mi325x", "mi355x", "tpu-v7", "trainium2"),
    } <= set(catalog.systems)
    assert {"ideal", "article"} <= set(catalog.presets)


@pytest.mark.parametrize(
    ("kind", "got", "nearest"),
    [
        ("model", "kimi-k26", "kimi-k2.6"),
        ("model", "GPT-OSS-120B", "gpt-oss-120b"),
        ("system", "gb200-nvl-72", "gb200-nvl72"),
        ("system", "h1000", "h100"),
        ("preset", "ideel", "ideal"),
    ],
)
def test_an_unknown_name_is_answered_with_the_nearest(kind: str, got: str, nearest: str) -> None:
    catalog = load()
    with pytest.raises(InputError) as refused:
        {"model": catalog.model, "system": catalog.system, "preset": catalog.preset}[kind](got)
    assert refused.value.message == f"unknown {kind} '{got}'; did you mean '{nearest}'?"
    assert (refused.value.field, refused.value.got) == (kind, got)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("grok-2", "models.csv has no row of its dense_layers"),  # its config was not found: models.csv note
    ],
)
def test_a_model_without_physics_says_why(name: str, why: str) -> None:
    with pytest.raises(InputError) as refused:
        load().model(name)
    assert refused.value.message.startswith(f"model {name}: ")
    assert why in refused.value.message
    assert refused.value.allowed == sorted(load().models)


def test_every_model_is_modelled_or_says_why_not() -> None:
    catalog = load()
    tables = (*catalog.tables["models"], *catalog.tables["models_added"])
    named = {row.model_dump()["model"] for row in tables}
    assert set(catalog.models) | set(catalog.not_modelled) == named
    assert not set(catalog.models) & set(catalog.not_modelled)


# --- values -------------------------------------------------------------------------------------------------------------


def test_kimi_has_the_dimensions_of_its_configuration_file() -> None:
    # moonshotai/Kimi-K2.5 config.json, as article-numbers.md lists them: 61 layers, 64 heads, d_k = d_v = 128, latent 512
    (layers,) = load().model("kimi-k2.6").attention
    assert layers.count == 61
    assert layers.attention == Latent(7168, 64, 1536, 512, 128, 64, 128)


def test_a_model_that_alternates_windows_has_two_kinds_of_layer() -> None:
    # gpt-oss-120b: "alternating sliding-window(128)", 36 layers (model card, arXiv:2508.10925, section 2)
    full, windowed = load().model("gpt-oss-120b").attention
    assert (full.count, windowed.count) == (18, 18)
    assert full.attention == GroupedQuery(2880, 64, 8, 64)
    assert windowed.attention == GroupedQuery(2880, 64, 8, 64, window=128)


def test_a_rack_is_its_chips() -> None:
    # article, Hardware specs: 576 TB/s and 720 PFLOP/s of dense FP4 a GB200 rack, 1080 a GB300 one; 186 GiB usable a chip
    gb200, gb300 = load().system("gb200-nvl72"), load().system("gb300-nvl72")
    assert gb200.gpus == 72
    assert gb200.hbm_bandwidth == 576e12
    assert (gb200.peak("fp4"), gb300.peak("fp4")) == (720e15, 1080e15)
    assert (gb200.peak("fp8"), gb300.peak("fp8")) == (360e15, 360e15)
    assert gb200.hbm_capacity == 72 * 186 * 2**30


def test_a_precision_a_chip_lacks_is_computed_in_bf16() -> None:
    # H100 has no FP4: dense bf16 989 TFLOP/s (H100 datasheet), eight a board
    assert load().system("h100").peak("fp4") == 8 * 989e12


def test_a_number_nobody_published_is_refused_and_not_borrowed() -> None:
    with pytest.raises(InputError, match="no bf16 peak is known of MI455X"):
        load().system("mi455x").peak("bf16")


def test_every_checkpoint_of_a_modelled_model_says_how_each_part_is_stored() -> None:
    catalog = load()
    lacking = {
        (checkpoint.name, part.name)
        for checkpoint in catalog.checkpoints.values()
        if checkpoint.model in catalog.models
        for part in catalog.models[checkpoint.model].parts
        if part.name not in checkpoint.formats
    }
    assert not lacking


def test_every_row_of_every_table_has_its_source() -> None:
    for rows in load().tables.values():
        assert all(row.source.strip() for row in rows)


# --- the folder ---------------------------------------------------------------------------------------------------------


def test_a_folder_is_read_once() -> None:
    assert load() is load()


def test_another_folder_of_tables_stands_in_for_the_shipped_one(tables: Tables) -> None:
    line = tables.line_of("chip_specs", chip="GB200 NVL72", quantity="hbm_bandwidth", preferred="1")
    tables.put("chip_specs", line, "central", "1")
    tables.put("chip_specs", line, "unit", "TB/s")
    tables.put("chip_specs", line, "low", "")
    tables.put("chip_specs", line, "high", "")
    assert load().system("gb200-nvl72").hbm_bandwidth == 72e12
    assert table_path("chip_specs.csv").parent == tables.folder


# --- the collection -----------------------------------------------------------------------------------------------------


@needs_collection
@pytest.mark.parametrize(
    ("table", "rows"),
    [  # row counts as the collection's README states them (shared/data/world/README.md, first table)
        ("chip_sales", 280),
        ("chip_sales_cumulative", 134),
        ("chip_specs", 472),
        ("token_demand", 59),
        ("demand_parameters", 28),
        ("api_prices", 49),
        ("serving_speeds", 40),
        ("growth_and_supply_facts", 46),
    ],
)
def test_a_table_has_all_rows_of_the_collection(table: str, rows: int) -> None:
    with (COLLECTION / "world" / f"{table}.csv").open(encoding="utf-8", newline="") as file:
        assert len(load().tables[table]) == len(list(csv.DictReader(file))) == rows


@needs_collection
def test_all_models_of_the_collection_are_there() -> None:
    # shared/data/world/README.md: 36 rows of models.csv
    collected = {row.model for row in load().rows("models", ModelRow)}
    added = {row.model for row in load().rows("models_added", ModelRow)} - collected  # others have rows added to theirs
    assert len(load().models) + len(load().not_modelled) == 36 + len(added)


@pytest.fixture(scope="module")
def rebuilt(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The imported tables, built again from the collection."""
    folder = tmp_path_factory.mktemp("rebuilt")
    subprocess.run([sys.executable, ROOT / "tools" / "import_data.py", COLLECTION, folder], check=True)
    return folder


@needs_collection
def test_the_shipped_tables_are_what_the_import_writes(rebuilt: Path) -> None:
    written = sorted(path.name for path in rebuilt.glob("*.csv"))
    assert len(written) == 9
    _, different, unreadable = filecmp.cmpfiles(rebuilt, SHIPPED, written, shallow=False)
    assert (different, unreadable) == ([], []), "rows go into the collection too: make data copies these tables from it"


@needs_collection
@pytest.mark.parametrize("table", BENCHMARK_TABLES)
def test_the_shipped_benchmarks_are_what_the_import_writes(rebuilt: Path, table: str) -> None:
    def whole(folder: Path) -> tuple[list[str], list[tuple[object, ...]]]:
        found = duckdb.read_parquet(str(folder / f"{table}.parquet"))
        return found.columns, found.fetchall()

    columns, rows = whole(rebuilt)
    assert (columns, rows) == whole(SHIPPED)
    with (COLLECTION / "inferencex" / f"{table}.csv").open(encoding="utf-8", newline="") as file:
        assert len(rows) == sum(1 for _ in csv.reader(file)) - 1
