"""Each published form, built from its documentation, becomes the measurement it describes."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import published_rows as published
import pytest
from published_rows import complete, only, write_csv, write_dump, write_json

from fleetline.catalog import load, table_path
from fleetline.measurements import Measurement, Pool, names, read
from fleetline.measurements.example import EXAMPLE

PREFILL = Pool(2, 4, 4, 4, dp_attention=True, total=8)
DECODE = Pool(1, 16, 16, 16, dp_attention=True, total=16)


def test_a_median_over_runs_is_read(tmp_path: Path) -> None:
    row = only(write_csv(tmp_path, published.benchmark()))
    assert (row.row_id, row.line, row.kind, row.statistic) == ("1", 2, "median_over_runs", "median")
    assert (row.model, row.hardware, row.vendor, row.framework) == ("kimik2.5", "gb200", "NVIDIA", "dynamo-vllm")
    assert (row.precision, row.speculation, row.disaggregated) == ("fp4", "none", True)
    assert (row.prefill, row.decode, row.gpus) == (PREFILL, DECODE, 24)
    assert (row.input_tokens, row.output_tokens, row.concurrency) == (8192, 1024, 256)
    assert (row.tpot_s, row.ttft_s, row.throughput_gpu, row.output_throughput) == (0.02, None, 900.0, None)
    assert (row.config, row.date, row.workload, row.source) == ("697", None, "single_turn", "a dump")


def test_a_single_run_keeps_its_medians_and_not_its_means(tmp_path: Path) -> None:
    seen = {"median_ttft_s": 1.5, "mean_ttft_s": 4.5, "mean_tpot_s": 0.021, "output_tput_per_gpu_tok_s": 150.0}
    row = only(write_csv(tmp_path, published.benchmark(statistic="single_run", **seen)))
    assert (row.kind, row.statistic, row.tpot_s, row.ttft_s) == ("single_run", "median", 0.02, 1.5)
    assert row.output_throughput == 150.0 * 16.0  # per decode GPU: README.md, "Units"


def test_a_blog_tpot_of_unstated_statistic_is_no_measurement(tmp_path: Path) -> None:
    blog = published.benchmark(statistic="single_run_rounded", median_tpot_s="", tpot_s_statistic_unstated=0.007)
    assert only(write_csv(tmp_path, blog)).tpot_s is None


@pytest.mark.parametrize(
    ("changed", "gpus"),
    [
        ({}, 24),  # workers x the larger degree, both pools
        ({"num_decode_gpu_recorded": 32}, 40),  # recorded in both: their sum, whatever the degrees say
        ({"prefill_num_workers": 0, "decode_num_workers": 0, "num_prefill_gpu_recorded": 20}, 20),  # before 2025-12-19
        ({"decode_tp": 1, "decode_ep": 1}, None),  # tp = ep = 1 is stored for engines of several GPUs
        ({"prefill_num_workers": "", "num_prefill_gpu_recorded": ""}, None),
        ({"disagg": 0, "num_prefill_gpu_recorded": 256}, 16),  # one engine: never tp x ep
    ],
)
def test_gpus_are_derived_where_the_table_has_none(tmp_path: Path, changed: dict[str, object], gpus: int | None) -> None:
    assert only(write_csv(tmp_path, published.benchmark(gpus_total_derived="", **changed))).gpus == gpus


def test_engines_stored_as_one_gpu_are_as_large_as_their_pool_says(tmp_path: Path) -> None:
    stored = {"prefill_tp": 1, "prefill_ep": 1, "prefill_num_workers": 3, "num_prefill_gpu_recorded": 24}
    row = only(write_csv(tmp_path, published.benchmark(gpus_total_derived=40, **stored)))
    assert (row.prefill.gpus, row.prefill.total) == (8, 24)


def test_a_run_with_ttft_is_read(tmp_path: Path) -> None:
    row = only(write_csv(tmp_path, published.run()))
    assert (row.kind, row.statistic, row.tpot_s, row.ttft_s, row.date) == ("run", "mean", 0.01, 0.5, "2026-04-17")
    assert (row.framework, row.speculation, row.gpus) == ("trt", None, 8)  # 2 x 4 attention ranks
    assert row.decode is row.prefill
    assert row.decode == Pool(1, 8, 2, 4, dp_attention=True, total=8)


def test_pipeline_stages_multiply_the_gpus(tmp_path: Path) -> None:
    assert only(write_csv(tmp_path, published.run(pp=2))).gpus == 16


def test_a_dense_model_has_no_expert_degrees(tmp_path: Path) -> None:
    assert only(write_csv(tmp_path, published.run(attention_dp="", moe_tp=0, moe_ep=0))).gpus == 2


def test_pools_of_a_run_may_come_without_their_engines(tmp_path: Path) -> None:
    engine = {"tp": 16, "attention_dp": 1, "moe_tp": 1, "moe_ep": 16}
    pools = {f"{role}_{name}": value for role in ("prefill", "decode") for name, value in engine.items()}
    one = {"tp": "", "pp": "", "attention_dp": "", "moe_tp": "", "moe_ep": ""}
    row = only(write_csv(tmp_path, published.run(disagg=1, **one, **pools)))
    assert (row.framework, row.prefill, row.gpus) == ("dynamo-trt", Pool(None, 16, 16, 16), None)
    counted = published.run(disagg=1, **one, **pools, prefill_workers=2, decode_workers=1)
    assert only(write_csv(tmp_path, counted)).gpus == 48


@pytest.mark.parametrize(
    ("engine", "pool"),
    [
        # configuration 36 and others of the database: tp 8, ep 8, stored as 64 GPUs
        ({"tp": 64, "attention_dp": 1, "moe_tp": 8, "moe_ep": 8}, Pool(1, 8, 8, 8, dp_attention=False, total=8)),
        ({"tp": 1, "attention_dp": 64, "moe_tp": 8, "moe_ep": 8}, Pool(1, 8, 8, 8, dp_attention=True, total=8)),
        ({"tp": 4, "attention_dp": 4, "moe_tp": 1, "moe_ep": 16}, Pool(1, 4, 4, 4, dp_attention=None, total=4)),
        ({"tp": 4, "attention_dp": 1, "moe_tp": 4, "moe_ep": 1}, Pool(1, 4, 4, 1, dp_attention=False, total=4)),
    ],
)
def test_an_engine_of_inferencex_is_not_its_degrees_multiplied(tmp_path: Path, engine: dict[str, int], pool: Pool) -> None:
    assert only(write_csv(tmp_path, published.run(**engine))).decode == pool
    if engine["moe_tp"] == engine["moe_ep"]:  # Nvidia's own runs store degrees that do multiply
        own = only(write_csv(tmp_path, published.run(**engine, inferencex=0))).decode
        assert own.gpus == 64


def test_an_old_run_over_several_nodes_says_all_its_gpus_alone(tmp_path: Path) -> None:
    old = {"hardware": "gb200", "tp": 28, "attention_dp": 1, "moe_tp": 28, "moe_ep": 1, "measured": "2025-11-17"}
    row = only(write_csv(tmp_path, published.run(**old)))
    assert (row.disaggregated, row.gpus, row.prefill.gpus, row.framework) == (True, 28, None, "dynamo-trt")
    assert only(write_csv(tmp_path, published.run(**old | {"measured": "2025-12-20"}))).gpus == 28
    assert not only(write_csv(tmp_path, published.run(**old | {"measured": "2025-12-20"}))).disaggregated


def test_an_api_row_is_read(tmp_path: Path) -> None:
    row = only(write_json(tmp_path, [published.api_row()]))
    assert (row.row_id, row.line, row.kind, row.statistic, row.workload) == ("4711", 1, "run", "median", "single_turn")
    assert (row.prefill, row.decode, row.gpus) == (PREFILL, DECODE, 24)
    assert (row.tpot_s, row.ttft_s, row.throughput_gpu) == (0.02, 1.5, 900.0)
    assert row.output_throughput == 150.0 * 16.0
    assert (row.date, row.source) == ("2026-07-19", "https://github.com/run")


def test_older_captures_lack_fields(tmp_path: Path) -> None:
    row = published.api_row()
    for name in ("id", "benchmark_type", "image", "offload_mode", "workers", "run_url"):
        del row[name]
    for name in ("mean_tpot", "mean_ttft"):
        del row["metrics"][name]
    found = only(write_json(tmp_path, [row]))
    assert (found.row_id, found.workload, found.tpot_s, found.source) == ("#1", "single_turn", 0.02, "rows.json")


def test_an_engine_of_the_api_is_not_its_recorded_gpus(tmp_path: Path) -> None:
    row = published.api_row(disagg=False, **published.ENGINE, num_prefill_gpu=16, num_decode_gpu=16)
    found = only(write_json(tmp_path, [row]))
    assert (found.gpus, found.output_throughput) == (4, 600.0)
    assert found.decode == Pool(1, 4, 4, 4, dp_attention=False, total=4)
    row["metrics"] |= {"decode_pp": 2, "decode_pcp_size": 2}
    assert only(write_json(tmp_path, [row])).gpus == 16


def test_agentic_rows_of_the_api_have_no_lengths(tmp_path: Path) -> None:
    row = published.api_row(benchmark_type="agentic_traces", isl=None, osl=None)
    row["metrics"] |= {"median_intvty": 25.0}
    found = only(write_json(tmp_path, [row]))
    assert (found.workload, found.input_tokens, found.output_tokens, found.tpot_s) == ("agentic", None, None, 0.04)


def test_means_stand_in_where_there_are_no_medians_and_say_so(tmp_path: Path) -> None:
    row = published.api_row(metrics={"mean_tpot": 0.021, "mean_ttft": 4.5})
    found = only(write_json(tmp_path, [row]))
    assert (found.tpot_s, found.ttft_s, found.statistic) == (0.021, 4.5, "mean")


@pytest.mark.parametrize("named", ["", "benchmark_results.json"])
def test_a_dump_is_joined(tmp_path: Path, named: str) -> None:
    row = only(write_dump(tmp_path, [published.result_row()], runs=[published.run_row()]) / named)
    assert (row.row_id, row.config, row.model, row.gpus, row.tpot_s) == ("9", "5", "kimik2.5", 24, 0.02)


def test_a_dump_may_print_booleans_as_letters_and_metrics_as_text(tmp_path: Path) -> None:
    config = published.config_row(disagg="f", is_multinode="f", **published.ENGINE | {"decode_dp_attention": "t"})
    result = published.result_row(metrics=json.dumps(published.METRICS))
    row = only(write_dump(tmp_path, [result], [config]))
    assert (row.disaggregated, row.decode.dp_attention, row.gpus, row.ttft_s) == (False, True, 4, 1.5)


def test_a_dump_keeps_sound_results_of_last_attempts(tmp_path: Path) -> None:
    results = [
        published.result_row(),
        published.result_row(id=10, workflow_run_id=71),
        published.result_row(id=11, workflow_run_id=71, error="out of\nmemory"),
        published.result_row(id=12, workflow_run_id=71, config_id=6),
        published.result_row(id=13, workflow_run_id=72),
    ]
    runs = [published.run_row(), published.run_row(id=71, run_attempt=2), published.run_row(id=72, github_run_id=1)]
    table = complete(read(write_dump(tmp_path, results, runs=runs)))
    assert [row.row_id for row in table.rows] == ["10", "13"]
    assert [(row.row_id, row.line, row.reason) for row in table.rejected] == [
        ("9", 1, "workflow_run_id: 70 is attempt 1 of run 24100518225, replaced by attempt 2"),
        ("11", 3, r"error: 'out of\nmemory'"),
        ("12", 4, "config_id: '6' is not in configs.json"),
    ]


@pytest.mark.parametrize("word", ["Chip", "GPU"])
def test_a_dashboard_export_is_read(tmp_path: Path, word: str) -> None:
    row = only(write_csv(tmp_path, {name.replace("Chip", word): cell for name, cell in published.dashboard().items()}))
    assert (row.model, row.hardware, row.framework) == ("kimik2.5", "gb200", "dynamo-trt")
    assert (row.precision, row.speculation, row.row_id) == ("fp4", "mtp", "#2")
    assert (row.prefill, row.decode, row.gpus) == (Pool(None, None, total=8), Pool(None, None, total=16), 24)
    assert (row.tpot_s, row.ttft_s, row.statistic) == (0.02, 1.5, "median")
    assert (row.throughput_gpu, row.output_throughput) == (900.0, 150.0 * 16.0)


def test_an_engine_of_the_dashboard_is_its_tp(tmp_path: Path) -> None:
    none = {"Disaggregated": "false", "Num Prefill Chips": "", "Num Decode Chips": ""}
    row = only(write_csv(tmp_path, published.dashboard(**none)))
    assert (row.gpus, row.decode.workers, row.output_throughput) == (16, 1, 2400.0)
    assert only(write_csv(tmp_path, published.dashboard(**none, **{"Physical Chips": 32}))).gpus == 32


def test_the_dashboard_writes_agentic_traces_without_lengths(tmp_path: Path) -> None:
    row = only(write_csv(tmp_path, published.dashboard(ISL="", OSL="")))
    assert (row.workload, row.tpot_s, row.input_tokens) == ("agentic", 0.02, None)


def test_agentx_is_read(tmp_path: Path) -> None:
    row = only(write_csv(tmp_path, published.agentx()))
    assert (row.row_id, row.workload, row.input_tokens, row.tpot_s, row.ttft_s) == ("439516", "agentic", None, 0.04, None)
    assert (row.gpus, row.decode) == (8, Pool(1, 8, 8, total=8))
    assert (row.throughput_gpu, row.output_throughput) == (80000.0, 4800.0)
    assert (row.slow_tpot_s, row.slow_ttft_s, row.reusable) == (0.05, 14.0, 0.97)


def test_agentx_does_not_count_engines(tmp_path: Path) -> None:
    row = only(write_csv(tmp_path, published.agentx(gpus_total=32, pp="")))
    assert (row.gpus, row.decode) == (32, Pool(None, None, 8, total=32))
    row = only(write_csv(tmp_path, published.agentx(disagg=1, gpus_total=24, num_prefill_gpu=8, num_decode_gpu=16)))
    assert (row.gpus, row.prefill, row.decode) == (24, Pool(None, None, total=8), Pool(None, None, 8, total=16))


def test_an_artifact_is_read_alone_and_in_an_array(tmp_path: Path) -> None:
    row = only(write_json(tmp_path, published.artifact()))
    assert row == only(write_json(tmp_path, [published.artifact()]))
    assert (row.model, row.hardware, row.gpus, row.decode.dp_attention) == ("kimik2.5", "b200", 8, False)
    assert (row.tpot_s, row.ttft_s, row.output_throughput) == (0.02, 1.5, 1200.0)


def test_an_artifact_of_several_nodes_is_read(tmp_path: Path) -> None:
    row = only(write_json(tmp_path, [published.artifact_of_nodes()]))
    assert (row.framework, row.prefill, row.decode, row.gpus) == ("dynamo-trt", PREFILL, DECODE, 24)


def test_several_nodes_of_before_2025_12_19_keep_their_pools_to_themselves(tmp_path: Path) -> None:
    row = only(write_json(tmp_path, published.artifact(disagg=True, tp=48)))
    assert (row.gpus, row.decode.gpus, row.decode.tp, row.output_throughput) == (None, None, 48, None)


@pytest.mark.parametrize("row", [published.benchmark(), published.run()])
def test_parquet_reads_as_csv_does(tmp_path: Path, row: published.Row) -> None:
    source, path = write_csv(tmp_path, row), tmp_path / "a=b[1]" / "rows.parquet"
    path.parent.mkdir()
    with duckdb.connect() as database:
        plain = tmp_path / "rows.parquet"
        database.execute(f"COPY (FROM read_csv('{source}')) TO '{plain}' (FORMAT parquet)")
    plain.rename(path)
    expected, found = only(source), only(path)
    assert found.line == 1
    assert [getattr(found, name) for name in found.__slots__ if name != "line"] == [
        getattr(expected, name) for name in found.__slots__ if name != "line"
    ]


def test_configurations_without_a_number_differ_in_more_than_workload_date_and_concurrency(tmp_path: Path) -> None:
    rows = [
        published.run(),
        published.run(conc=16, isl_tokens=8192, measured="2026-01-01"),
        published.run(moe_ep=8),
        published.run(precision=""),
    ]
    first, same, *others = complete(read(write_csv(tmp_path, *rows))).rows
    assert first.config == same.config
    assert len({row.config for row in (first, *others)}) == 3


@pytest.mark.parametrize(
    ("hardware", "vendor"), [("vr200", "NVIDIA"), ("mi355x", "AMD"), ("h100", "NVIDIA"), ("a100", "NVIDIA"), ("tpu-v7", "")]
)
def test_vendors_follow_from_the_hardware_and_no_name_is_refused(tmp_path: Path, hardware: str, vendor: str) -> None:
    row = only(write_csv(tmp_path, published.benchmark(hardware=hardware, model="never-heard-of")))
    assert (row.hardware, row.vendor, row.model) == (hardware, vendor, "never-heard-of")


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("deepseek-ai/DeepSeek-R1-0528", "dsr1"),
        ("GLM-5", "glm5"),
        ("zai-org/GLM-5.2-FP8", "glm5.2"),
        ("GLM-5.9", "GLM-5.9"),
        ("Llama-3.3-70B-Instruct-FP8", "llama70b"),
        ("Qwen-3.5-397B-A17B", "qwen3.5"),
        ("gptoss", "gptoss120b"),
    ],
)
def test_display_and_hugging_face_names_become_keys(tmp_path: Path, name: str, key: str) -> None:
    assert only(write_json(tmp_path, published.artifact(model=name))).model == key


def test_measured_columns_may_be_absent(tmp_path: Path) -> None:
    measured = ("_s", "_unstated")
    row = {name: cell for name, cell in published.benchmark().items() if not name.endswith(measured)}
    found = only(write_csv(tmp_path, row))
    assert (found.tpot_s, found.ttft_s, found.throughput_gpu, found.gpus) == (None, None, None, 24)
    bare = published.api_row()
    del bare["metrics"]
    assert only(write_json(tmp_path, [bare])).tpot_s is None


# --- rows to start from -----------------------------------------------------------------------------------------------


def test_the_rows_to_start_from_are_rows_of_the_shipped_table(tmp_path: Path) -> None:
    (tmp_path / "runs.csv").write_text(EXAMPLE, encoding="utf-8")
    ours, shipped = read(tmp_path / "runs.csv"), {row.row_id: row for row in read(table_path("benchmarks.parquet")).rows}
    assert len(ours.rows) == 6
    assert [_said(row) for row in ours.rows] == [_said(shipped[row.row_id]) for row in ours.rows]


def _said(row: Measurement) -> tuple[object, ...]:
    """What the columns of the example say of a row."""
    named = (row.model, row.hardware, row.framework, row.precision, row.speculation, row.decode.tp, row.decode.ep)
    load = (row.input_tokens, row.output_tokens, row.concurrency)
    return (*named, *load, row.kind, row.tpot_s, row.ttft_s, row.throughput_gpu)


def test_a_row_may_call_its_model_as_the_catalog_does() -> None:
    """Whatever a benchmark's key stands for, the catalog's name leads to a key that stands for the same."""
    meant = load().benchmark_models
    assert {name: meant.get(names.model_key(name)) for name in meant.values()} == {name: name for name in meant.values()}
