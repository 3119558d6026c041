"""The peers' page agrees with its tables; rows become a tool's arguments as worked out by hand. No peer is installed."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from peers import map_aiconfigurator, map_genz, page, scores
from peers.ask import answer_all
from peers.question import AMD, LAYOUT, Question, Unanswerable, share

from fleetline import runs
from fleetline.catalog import load
from fleetline.catalog.rows import SpeculationRow
from fleetline.measurements import Measurement
from fleetline.measurements.types import Pool

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "benchmarks" / "peers"


def row(**changes: Any) -> Measurement:
    """A Kimi run on eight B200 with tensor parallelism alone."""
    pool = Pool(workers=1, gpus=8, tp=8, ep=1, dp_attention=False, total=8)
    basis = next(each for each in runs.rows_of(())[0] if each.model == "kimik2.5" and each.hardware == "b200")
    basis = replace(basis, prefill=pool, decode=pool, framework="vllm", precision="fp4", speculation="none")
    return replace(basis, input_tokens=8192, output_tokens=1024, concurrency=64, disaggregated=False, **changes)


def asked(each: Measurement) -> dict[str, object]:
    drafts = {draft.key: draft for draft in load().rows("speculation", SpeculationRow) if draft.use == "recipe"}
    return dict(map_aiconfigurator.question(each, drafts, "SILICON").arguments)


def test_page_is_what_its_tables_say() -> None:
    text = page.page(FOLDER)
    assert (ROOT / "docs" / "peers.md").read_text(encoding="utf-8") == text


def test_tables_have_every_predictor_and_counts_that_fit() -> None:
    lines, unanswered = page.read_results(FOLDER), page.read_unanswered(FOLDER)
    peers = ("aiconfigurator", "aiconfigurator, hybrid", "genz-llm")
    assert {line.predictor for line in lines} == {"fleetline, held out", "article's form", *peers}
    for line in lines:
        assert line.share == pytest.approx(line.answered / line.rows, rel=1e-3)
    for name in peers:
        every = next(line for line in lines if (line.quantity, line.group, line.predictor) == ("tpot", scores.EVERY, name))
        refused = sum(count for who, _, count in unanswered if who == name)
        assert every.answered + refused >= every.rows  # refused ones are counted with or without a measured TPOT


def test_a_tensor_parallel_engine() -> None:
    assert asked(row()) == {
        "mode": "agg",
        "model_path": "moonshotai/Kimi-K2.5",
        "system_name": "b200_sxm",
        "backend_name": "vllm",
        "database_mode": "SILICON",
        "isl": 8192,
        "osl": 1024,
        "gemm_quant_mode": "nvfp4",
        "moe_quant_mode": "nvfp4",
        "tp_size": 8,
        "attention_dp_size": 1,
        "moe_tp_size": 8,
        "moe_ep_size": 1,
        "batch_size": 64,
    }


def test_separate_pools_with_data_parallel_attention() -> None:
    """4 prefill engines of 4, one decode engine of 16 ranks with 150 clients: 9.4 each, so 10 on the fullest."""
    found = asked(
        replace(
            row(framework="dynamo-trt", hardware="gb200"),
            concurrency=150,
            disaggregated=True,
            prefill=Pool(workers=4, gpus=4, tp=4, ep=4, dp_attention=True, total=16),
            decode=Pool(workers=1, gpus=16, tp=16, ep=16, dp_attention=True, total=16),
        )
    )
    assert {name: value for name, value in found.items() if name.startswith(("prefill", "decode"))} == {
        "prefill_num_workers": 4,
        "prefill_batch_size": 1,
        "prefill_tp_size": 1,
        "prefill_attention_dp_size": 4,
        "prefill_moe_tp_size": 1,
        "prefill_moe_ep_size": 4,
        "decode_num_workers": 1,
        "decode_batch_size": 10,
        "decode_tp_size": 1,
        "decode_attention_dp_size": 16,
        "decode_moe_tp_size": 1,
        "decode_moe_ep_size": 16,
    }
    assert (found["mode"], found["system_name"], found["backend_name"]) == ("disagg", "gb200", "trtllm")


def test_a_recorded_split_of_attention_is_kept() -> None:
    """Two attention ranks of four GPUs each: 64 clients are 32 a rank."""
    pool = Pool(workers=1, gpus=8, tp=4, ep=8, dp_attention=True, total=8)
    found = asked(replace(row(framework="sglang", model="qwen3.5", precision="fp8"), prefill=pool, decode=pool))
    assert (found["tp_size"], found["attention_dp_size"], found["batch_size"]) == (4, 2, 32)
    assert (found["gemm_quant_mode"], found["moe_quant_mode"]) == ("fp8", "fp8_block")


def test_data_parallel_attention_recorded_as_tensor_parallelism() -> None:
    """InferenceX, Kimi on GB200 with vLLM: 16 GPUs, tp 16, ep 16, attention data-parallel; 256 clients are 16 a rank."""
    pool = Pool(workers=1, gpus=16, tp=16, ep=16, dp_attention=True, total=16)
    found = asked(replace(row(hardware="gb200"), prefill=pool, decode=pool, concurrency=256))
    assert (found["tp_size"], found["attention_dp_size"], found["batch_size"]) == (1, 16, 16)


def test_gpt_oss_has_eight_bit_experts_under_trt_on_blackwell_alone() -> None:
    modes = [
        asked(row(model="gptoss120b", framework=framework, hardware=hardware)).get("moe_quant_mode")
        for framework, hardware in (("trt", "b200"), ("trt", "h200"), ("vllm", "b200"))
    ]
    assert modes == ["w4a8_mxfp4_mxfp8", None, None]


def test_speculation_passes_the_published_acceptance_on() -> None:
    """speculation.csv, recipe: DeepSeek R1 verifies 3 and keeps 2.48, so 2 drafts of which 1.48 are accepted."""
    found = asked(row(model="dsr1", speculation="mtp", framework="trt"))
    assert (found["nextn"], found["nextn_accepted"]) == (2, 1.48)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"vendor": "AMD", "hardware": "mi355x"}, AMD),
        ({"decode": Pool(workers=None, gpus=8, tp=8, ep=1, total=None)}, LAYOUT),
        ({"speculation": "mtp", "model": "llama70b"}, "speculation"),
        ({"framework": "atom"}, "framework"),
        ({"model": "nosuch"}, "no such model"),
    ],
)
def test_what_cannot_be_asked_says_why(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(Unanswerable, match=reason):
        asked(replace(row(), **changes))


def test_genz_is_asked_for_an_engine_in_its_units() -> None:
    """B200: catalog's 7.7 TB/s; 8 GPUs as 8-fold tensor parallelism, decode at half of 1,024 answered tokens."""
    found = map_genz.question(row(model="llama70b", precision="fp8"), load()).arguments
    assert (found["model"], found["bits"]) == ("meta-llama/Llama-3.1-70B", "fp8")
    assert (found["input_tokens"], found["output_tokens"]) == (8192, 512)
    decode: Any = found["decode"]
    assert (decode["batch_size"], decode["tensor_parallel"], decode["expert_parallel"]) == (64, 8, 1)
    assert decode["system_name"]["Memory_BW"] == pytest.approx(7700.0)


def test_genz_gets_kimi_as_it_describes_deepseek() -> None:
    described: Any = map_genz.question(row(), load()).arguments["model"]
    assert (described["num_decoder_layers"], described["num_experts"], described["expert_top_k"]) == (61, 384, 8)
    assert (described["num_key_value_heads"], described["ffn_implementation"]) == (2, "deepseek")


def test_the_fullest_of_the_places() -> None:
    assert [share(1, 8), share(8, 8), share(9, 8), share(64, 1)] == [1, 1, 2, 64]


def test_a_stopped_run_asks_only_what_is_left(tmp_path: Path) -> None:
    questions, answers = tmp_path / "questions.jsonl", tmp_path / "answers.csv"
    every = [Question({"n": number}) for number in (1, 2, 3)]
    questions.write_text("".join(json.dumps({"key": each.key, "arguments": each.arguments}) + "\n" for each in every))
    answers.write_text(f"key,tpot_s,ttft_s,reason\n{every[0].key},0.5,1,\n{every[1].key},0.")
    heard: list[int] = []

    def estimate(arguments: dict[str, Any]) -> tuple[float, float]:
        heard.append(arguments["n"])
        if arguments["n"] == 3:
            raise ValueError("no such\nkernel")
        return 0.25, 2.0

    answer_all(questions, answers, estimate)
    assert heard == [2, 3]
    rows = list(csv.DictReader(answers.read_text().splitlines()))
    assert [each["tpot_s"] for each in rows] == ["0.5", "0.25", ""]
    assert rows[2]["reason"] == "ValueError: no such kernel"


def test_scores_by_hand() -> None:
    """A configuration with logs 1 and 3, one that is exact, one unanswered: median 1, mean of 2 and 0 is 1."""
    rows = [row(row_id=str(place), config=name, tpot_s=1.0) for place, name in enumerate(("a", "a", "b", "c"))]
    slow = np.exp(np.array([1.0, 3.0, 0.0, np.nan]))
    peer, ours = (scores.Predictor(name, "", values, values) for name, values in (("peer", slow), ("ours", np.ones(4))))
    found = next(line for line in scores.lines(rows, [peer], ours) if line.group == scores.KIMI)
    assert (found.rows, found.configurations, found.answered, found.share) == (4, 3, 3, 0.75)
    assert (found.median, found.by_configuration, found.bias) == pytest.approx((1.0, 1.0, 1.0))
    assert (found.ours_median, found.ours_by_configuration) == (0.0, 0.0)
