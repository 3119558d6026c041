"""Rebuild the catalog's imported tables from the collected data: `make data`.

    python tools/import_data.py ../shared/data src/fleetline/catalog/data

Reads the collection (long world tables, benchmark rows) and writes what the package ships. Values are never changed here:
world tables are copied, the wide table of models becomes one row a number, and the large benchmark tables become Parquet.
Tables written by hand (systems, fleets, formats, checkpoints, presets, article_numbers) are not touched.
"""

from __future__ import annotations

import csv
import shutil
import sys
from pathlib import Path

import duckdb

COPIED = [
    "api_prices",
    "chip_sales",
    "chip_sales_cumulative",
    "chip_specs",
    "demand_parameters",
    "growth_and_supply_facts",
    "serving_speeds",
    "token_demand",
]
# name -> columns to read besides the file's own: agentx.csv names no source in its rows
PARQUET = {
    "benchmarks": "*",
    "runs_with_ttft": "*",
    "agentx": "*, 'epoch-research/compute-to-agents: reference/inferencex_prepared.csv @230b683739d5, agentic_traces of "
    "the SemiAnalysis InferenceX API of 2026-09-15' as source",
}

MODEL_NAMES = {
    "Kimi K2 Instruct": "kimi-k2",
    "Kimi K2.5": "kimi-k2.5",
    "Kimi K2.6": "kimi-k2.6",
    "Kimi K2.7 Code": "kimi-k2.7-code",
    "Kimi K3": "kimi-k3",
    "DeepSeek V3": "deepseek-v3",
    "DeepSeek R1-0528": "deepseek-r1",
    "DeepSeek V3.2": "deepseek-v3.2",
    "DeepSeek V4 Pro": "deepseek-v4-pro",
    "DeepSeek V4 Flash": "deepseek-v4-flash",
    "DeepSeek V4.1 Flash": "deepseek-v4.1-flash",
    "gpt-oss-120b": "gpt-oss-120b",
    "gpt-oss-20b": "gpt-oss-20b",
    "Llama 3.1 8B": "llama-3.1-8b",
    "Llama 3.1 70B (3.3 70B same architecture)": "llama-3.1-70b",
    "Llama 3.1 405B": "llama-3.1-405b",
    "Llama 4 Maverick": "llama-4-maverick",
    "Qwen3-235B-A22B": "qwen3-235b-a22b",
    "Qwen3.5-397B-A17B": "qwen3.5-397b-a17b",
    "Qwen3.5-122B-A10B": "qwen3.5-122b-a10b",
    "Qwen3-Next-80B-A3B": "qwen3-next-80b-a3b",
    "Qwen3-Coder-480B-A35B": "qwen3-coder-480b-a35b",
    "Qwen3.8-Flash-Next": "qwen3.8-flash-next",
    "GLM-4.5 / 4.6 / 4.7 (355B)": "glm-4.5",
    "GLM-5": "glm-5",
    "GLM-5.1": "glm-5.1",
    "GLM-5.2": "glm-5.2",
    "MiniMax M2.5 (M2 same architecture)": "minimax-m2.5",
    "MiniMax M2.7": "minimax-m2.7",
    "MiniMax M3": "minimax-m3",
    "Mistral Large 3": "mistral-large-3",
    "Nemotron 3 Ultra 550B-A55B": "nemotron-3-ultra",
    "Nemotron 3 Super 120B-A12B": "nemotron-3-super",
    "Gemma 3 27B": "gemma-3-27b",
    "Gemma 4 31B": "gemma-4-31b",
    "Grok 2 / 2.5": "grok-2",
}
# columns of the wide table that are not facts of the configuration file: (source column, unit)
OTHER_SOURCE = {
    "published_total_params_B": ("params_source", "1e9 parameters"),
    "published_active_params_B": ("params_source", "1e9 parameters"),
    "release_date": ("release_source", "date"),
}
NOT_FACTS = {
    *("model", "notes", "source", "retrieved_or_published", "licence", "params_source", "release_source"),
    *("kv_elements_per_token", "kv_state_elements_fixed"),  # follow from the rest, as do all computed_* columns
}


def model_rows(wide: Path) -> list[dict[str, str]]:
    """One row a number from the wide table; what was computed from other columns is left out, we compute it ourselves."""
    rows = []
    for line in csv.DictReader(wide.open(encoding="utf-8")):

        def row(
            quantity: str, value: str, unit: str, source: str = "", note: str = "", line: dict[str, str] = line
        ) -> None:
            rows.append(
                {
                    "model": MODEL_NAMES[line["model"]],
                    "quantity": quantity,
                    "value": value,
                    "unit": unit,
                    "source": source or line["source"],
                    "retrieved": line["retrieved_or_published"],
                    "licence": line["licence"],
                    "note": note,
                }
            )

        row("title", line["model"], "text", note=line["notes"])
        if line["computed_embed_plus_head_params_B"]:
            one_table = float(line["vocab_size"]) * float(line["hidden_size"]) / 1e9
            tables = round(float(line["computed_embed_plus_head_params_B"]) / one_table)
            row(
                "embedding_tables",
                str(tables),
                "1",
                note="2: embedding and head apart; 1: tied. From the collection's count",
            )
        for quantity, value in line.items():
            if value and quantity not in NOT_FACTS and not quantity.startswith("computed_"):
                source_column, unit = OTHER_SOURCE.get(quantity, ("source", "1" if _is_number(value) else "text"))
                row(quantity, value, unit, source=line[source_column])
    return rows


def _is_number(text: str) -> bool:
    return text.replace(".", "", 1).replace("-", "", 1).isdigit()


def write_csv(path: Path, rows: list[dict[str, str]]) -> None:
    """Rows as CSV with line feeds, so that a diff shows one line a number."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def main(collection: Path, catalog: Path) -> None:
    """Write every imported table of the catalog."""
    for table in COPIED:
        shutil.copyfile(collection / "world" / f"{table}.csv", catalog / f"{table}.csv")
    write_csv(catalog / "models.csv", model_rows(collection / "world" / "models.csv"))
    for table, columns in PARQUET.items():
        # every column as text would hide types, every type guessed would lose ids: DuckDB sniffs the whole file
        duckdb.sql(
            f"copy (select {columns} from read_csv('{collection}/inferencex/{table}.csv', sample_size = -1)) "  # noqa: S608
            f"to '{catalog}/{table}.parquet' (format parquet, compression zstd, row_group_size 20000)"
        )


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
