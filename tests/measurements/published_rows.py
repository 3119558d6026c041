"""One small row of every published form, as SCHEMA.md, README.md and AGENTX.md describe it, to change field by field."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fleetline.measurements import Measurement, Table, read

Row = dict[str, Any]

# Two engines of 4 GPUs fill in prompts, one of 16 writes: 24 GPUs. Stored tp and ep are the same GPUs, not factors.
POOLS: Row = {
    "prefill_tp": 4,
    "prefill_ep": 4,
    "prefill_dp_attention": True,
    "prefill_num_workers": 2,
    "decode_tp": 16,
    "decode_ep": 16,
    "decode_dp_attention": True,
    "decode_num_workers": 1,
}
# One engine of 4 GPUs; the stored count of GPUs is the trap tp x ep.
ENGINE: Row = {
    "prefill_tp": 4,
    "prefill_ep": 4,
    "prefill_dp_attention": False,
    "prefill_num_workers": 0,
    "decode_tp": 4,
    "decode_ep": 4,
    "decode_dp_attention": False,
    "decode_num_workers": 0,
}
LABELS: Row = {
    "model": "kimik2.5",
    "hardware": "gb200",
    "framework": "dynamo-vllm",
    "precision": "fp4",
    "spec_method": "none",
}
METRICS: Row = {
    "median_tpot": 0.02,
    "mean_tpot": 0.021,
    "median_ttft": 1.5,
    "mean_ttft": 4.5,
    "median_intvty": 50.0,
    "tput_per_gpu": 900.0,
    "output_tput_per_gpu": 150.0,
    "input_tput_per_gpu": 2400.0,
}


def benchmark(**changed: Any) -> Row:
    """benchmarks.csv: a median over runs with separate pools."""
    pools = {name: int(value) for name, value in POOLS.items()}
    recorded = {"num_prefill_gpu_recorded": 8, "num_decode_gpu_recorded": "", "gpus_total_derived": 24}
    what = {"benchmark_type": "single_turn", "isl_tokens": 8192, "osl_tokens": 1024, "conc": 256}
    seen = {
        "tput_per_gpu_tok_s": 900.0,
        "output_tput_per_gpu_tok_s": "",
        "median_ttft_s": "",
        "median_tpot_s": 0.02,
        "mean_ttft_s": "",
        "mean_tpot_s": "",
        "tpot_s_statistic_unstated": "",
    }
    where = {"date": "", "inferencex_config_id": 697, "statistic": "median_over_runs", "source": "a dump"}
    return {"row_id": 1, **LABELS, "vendor": "NVIDIA", "disagg": 1, **pools, **recorded, **what, **seen, **where, **changed}


def run(**changed: Any) -> Row:
    """runs_with_ttft.csv: one engine; every column of the pools is empty."""
    row: Row = {"row_id": "t17", **LABELS, "framework": "trtllm", "framework_version": "1.2", "disagg": 0}
    del row["spec_method"]
    row |= {"isl_tokens": 1024, "osl_tokens": 1024, "conc": 8}
    row |= {"tp": 2, "pp": 1, "attention_dp": 4, "moe_tp": 1, "moe_ep": 4}
    for role in ("prefill", "decode"):
        row |= {f"{role}_{name}": "" for name in ("workers", "tp", "attention_dp", "moe_tp", "moe_ep")}
    row |= {"mean_ttft_s": 0.5, "mean_tpot_s": 0.01, "measured": "2026-04-17", "inferencex_config_id": ""}
    return {**row, "inferencex": 1, "source": "aiconfigurator", **changed}


def agentx(**changed: Any) -> Row:
    """agentx.csv: one engine, whose pools' counts are the trap tp x ep."""
    row: Row = {"id": 439516, **LABELS, "model": "dsv4", "spec_method": "mtp", "disagg": 0, "conc": 256, "gpus_total": 8}
    row |= {"num_prefill_gpu": 64, "num_decode_gpu": 64, "decode_tp": 8, "pp": 1}
    row |= {"total_tput_per_gpu_tok_s": 80000.0, "output_tput_per_gpu_tok_s": 600.0, "output_tput_tok_s": 4800.0}
    row |= {"median_intvty_tok_s_user": 25.0, "p90_intvty_tok_s_user": 20.0}
    row |= {"p90_ttft_s": 14.0, "theoretical_cache_hit_rate": 0.97}
    return {**row, "snapshot_date": "2026-09-15", "run_id": "31415828111", **changed}


def dashboard(**changed: Any) -> Row:
    """The dashboard's export: two pools, known by their chips alone."""
    row: Row = {
        "Model": "Kimi-K2.5",
        "ISL": 8192,
        "OSL": 1024,
        "Hardware": "gb200-nv",
        "Hardware Key": "gb200_dynamo-trt_mtp",
    }
    row |= {"Framework": "dynamo-trtllm", "Precision": "nvfp4", "TP": 16, "Concurrency": 256, "Date": "2026-04-07"}
    row |= {"Throughput/Chip (tok/s)": 900.0, "Output Throughput/Chip (tok/s)": 150.0}
    row |= {"Mean TTFT (s)": 4.5, "Median TTFT (s)": 1.5, "Mean TPOT (s)": 0.021, "Median TPOT (s)": 0.02}
    row |= {"Median Interactivity (tok/s/user)": 50.0, "Disaggregated": "true"}
    row |= {"Num Prefill Chips": 8, "Num Decode Chips": 16, "Spec Decoding": "mtp", "EP": 16, "DP Attention": "true"}
    return {**row, "Is Multinode": "true", "Run URL": "https://github.com/run", **changed}


def api_row(**changed: Any) -> Row:
    """BenchmarkRow, newest."""
    row: Row = {"id": 4711, **LABELS, "disagg": True, "is_multinode": True, **POOLS}
    row |= {"num_prefill_gpu": 8, "num_decode_gpu": 16, "benchmark_type": "single_turn", "isl": 8192, "osl": 1024}
    row |= {"conc": 256, "offload_mode": "off", "image": None, "metrics": dict(METRICS), "workers": None}
    return {**row, "date": "2026-07-19", "run_url": "https://github.com/run", **changed}


def config_row(**changed: Any) -> Row:
    """A row of the dump's configs."""
    return {
        "id": 5,
        **LABELS,
        "disagg": True,
        "is_multinode": True,
        **POOLS,
        "num_prefill_gpu": 8,
        "num_decode_gpu": 16,
    } | changed


def result_row(**changed: Any) -> Row:
    """A row of the dump's benchmark_results."""
    row: Row = {"id": 9, "workflow_run_id": 70, "config_id": 5, "benchmark_type": "single_turn", "date": "2026-07-19"}
    row |= {"isl": 8192, "osl": 1024, "conc": 256, "image": None, "metrics": dict(METRICS), "error": None}
    return {**row, "server_log_id": None, "workers": None, "offload_mode": "off", "trace_replay_id": None, **changed}


def run_row(**changed: Any) -> Row:
    """A row of the dump's workflow_runs."""
    return {"id": 70, "github_run_id": 24100518225, "run_attempt": 1, "name": "sweep", "date": "2026-07-19", **changed}


def artifact(**changed: Any) -> Row:
    """agg_*.json of one node."""
    row: Row = {
        "hw": "cluster:b200-nv",
        "conc": 64,
        "image": "vllm",
        "model": "nvidia/Kimi-K2.5-NVFP4",
        "framework": "vllm",
    }
    row |= {"precision": "fp4", "spec_decoding": "none", "disagg": False, "isl": 1024, "osl": 1024, "is_multinode": False}
    row |= {"tp": 4, "pp": 2, "dcp_size": 1, "pcp_size": 1, "ep": 4, "dp_attention": "false"}
    return {**row, **METRICS, **changed}


def artifact_of_nodes(**changed: Any) -> Row:
    """agg_*.json of several nodes."""
    row = artifact(hw="gb200", disagg=True, is_multinode=True, framework="dynamo-trtllm", infmax_model_prefix="kimik2.5")
    for name in ("tp", "pp", "ep", "dp_attention"):
        del row[name]
    row |= {name: str(value).lower() if isinstance(value, bool) else value for name, value in POOLS.items()}
    return {**row, "num_prefill_gpu": 8, "num_decode_gpu": 16, **changed}


def csv_text(rows: Sequence[Mapping[str, Any]]) -> str:
    """The rows as CSV; the first one's columns are the header."""
    out = io.StringIO()
    lines = csv.DictWriter(out, list(rows[0]), lineterminator="\n")
    lines.writeheader()
    lines.writerows(rows)
    return out.getvalue()


def write_csv(folder: Path, *rows: Mapping[str, Any]) -> Path:
    path = folder / "rows.csv"
    path.write_text(csv_text(rows), encoding="utf-8")
    return path


def write_json(folder: Path, value: Any, name: str = "rows.json") -> Path:
    path = folder / name
    path.write_text(json.dumps(value), encoding="utf-8")
    return path


def write_dump(folder: Path, results: Any, configs: Any = None, runs: Any = None) -> Path:
    write_json(folder, results, "benchmark_results.json")
    write_json(folder, [config_row()] if configs is None else configs, "configs.json")
    if runs is not None:
        write_json(folder, runs, "workflow_runs.json")
    return folder


def complete(table: Table) -> Table:
    """The table, once nothing in it is lost."""
    assert table.total == len(table.rows) + len(table.rejected)
    return table


def only(path: Path) -> Measurement:
    """The one row of a file, which must be sound."""
    table = complete(read(path))
    assert not table.rejected, table.rejected
    (row,) = table.rows
    return row


def reason(path: Path) -> str:
    """Why the one row of a file is rejected."""
    table = complete(read(path))
    assert not table.rows
    return table.rejected[0].reason
