"""A benchmark row as arguments of aiconfigurator's `cli_estimate`.

The conventions are those of the tool's own adapter of InferenceX records (aiconfigurator 0.12.0,
`sdk/config_adapter/inferencex.py`), which refuses three kinds of rows that we do ask it about: clients that do not divide
evenly over ranks (rounded up: the fullest rank sets the pace), speculation (its published acceptance is passed on) and
the dense models that InferenceX does not have. Two things are read otherwise, in the tool's favour: `_EIGHT_BIT_EXPERTS`,
and the record's word that attention is data-parallel, which the adapter passes over for vLLM.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from fleetline.catalog.rows import SpeculationRow
from fleetline.measurements import Measurement
from fleetline.measurements.types import Pool
from peers.question import AMD, DRAFTS, ENGINE, LAYOUT, MODEL, Question, Unanswerable, engines, lengths, share

SYSTEMS: Mapping[str, str] = MappingProxyType(
    {"h100": "h100_sxm", "h200": "h200_sxm", "b200": "b200_sxm", "b300": "b300_sxm", "gb200": "gb200", "gb300": "gb300"}
)
_ENGINES: Mapping[str, str] = MappingProxyType({"trt": "trtllm", "vllm": "vllm", "sglang": "sglang"})
_ROUTERS = ("dynamo-", "llmd-")
# Models whose configuration the tool carries; a precision of their own checkpoint where that is another model to it.
MODELS: Mapping[str, str] = MappingProxyType(
    {
        "dsr1": "deepseek-ai/DeepSeek-V3",
        "dsv3": "deepseek-ai/DeepSeek-V3",
        "dsv3.1": "deepseek-ai/DeepSeek-V3",
        "dsv4": "deepseek-ai/DeepSeek-V4-Pro",
        "dsv4 fp8": "sgl-project/DeepSeek-V4-Pro-FP8",
        "glm5": "zai-org/GLM-5",
        "glm5 fp4": "nvidia/GLM-5-NVFP4",
        "glm5 fp8": "zai-org/GLM-5-FP8",
        "gptoss120b": "openai/gpt-oss-120b",
        "kimik2.5": "moonshotai/Kimi-K2.5",
        "llama70b": "meta-llama/Meta-Llama-3.1-70B",
        "llama8b": "meta-llama/Meta-Llama-3.1-8B",
        "minimaxm2.5": "MiniMaxAI/MiniMax-M2.5",
        "minimaxm3": "MiniMaxAI/MiniMax-M3",
        "qwen3-32b": "Qwen/Qwen3-32B",
        "qwen3.5": "Qwen/Qwen3.5-397B-A17B",
    }
)
_DENSE = frozenset({"llama70b", "llama8b", "qwen3-32b"})
# Checkpoints whose own mixture of formats the tool reads from the model's configuration.
_NATIVE = frozenset({("gptoss120b", "fp4"), ("dsv4", "fp4"), ("dsv4", "fp8")})
_FORMATS: Mapping[str, str | None] = MappingProxyType({"fp4": "nvfp4", "fp8": "fp8", "int4": "int4_wo", "bf16": None})
# TensorRT-LLM computes gpt-oss's experts with 8-bit activations on Blackwell (OVERRIDE_QUANT_ALGO=W4A8_MXFP4_MXFP8 in
# Dynamo's launch scripts of it); the tool's adapter leaves them at 16 bits, which is far too slow for these rows.
_EIGHT_BIT_EXPERTS = ("gptoss120b", "fp4", "trtllm")
_BLACKWELL = frozenset({"b200", "b300", "gb200", "gb300"})
_PREFILL_BATCH = 1  # the tool's own adapter; the pool's real batches are not recorded


def question(row: Measurement, drafts: Mapping[str, SpeculationRow], database: str) -> Question:
    """What to ask; `database` is the tool's mode: SILICON (measured kernels alone) or HYBRID (gaps filled by its model).

    Raises:
        Unanswerable: with the reason.
    """
    if row.vendor == "AMD":
        raise Unanswerable(AMD)
    if row.hardware not in SYSTEMS:
        raise Unanswerable("the tool knows no such chip")
    backend = _backend(row.framework)
    inputs, outputs = lengths(row)
    arguments: dict[str, object] = {
        "model_path": _model(row),
        "system_name": SYSTEMS[row.hardware],
        "backend_name": backend,
        "database_mode": database,
        "isl": inputs,
        "osl": outputs,
        **_formats(row, backend),
        **_speculation(row, drafts),
    }
    return Question(arguments | (_apart(row, backend) if row.disaggregated else _together(row, backend)))


def _backend(framework: str) -> str:
    name = framework
    for router in _ROUTERS:
        name = name.removeprefix(router)
    if name not in _ENGINES:
        raise Unanswerable(ENGINE)
    return _ENGINES[name]


def _model(row: Measurement) -> str:
    path = MODELS.get(f"{row.model} {row.precision}", MODELS.get(row.model))
    if path is None or (row.model == "gptoss120b" and row.precision not in {"fp4", "fp8"}):
        raise Unanswerable(MODEL)
    return path


def _formats(row: Measurement, backend: str) -> dict[str, object]:
    """Formats of matrix products and experts; nothing where the checkpoint's own are meant (or none is recorded)."""
    if (row.model, row.precision, backend) == _EIGHT_BIT_EXPERTS and row.hardware in _BLACKWELL:
        return {"moe_quant_mode": "w4a8_mxfp4_mxfp8"}
    if row.precision is None or (row.model, row.precision) in _NATIVE:
        return {}
    if row.precision not in _FORMATS:
        raise Unanswerable(MODEL)
    dense = _FORMATS[row.precision]
    if dense is None:
        return {}
    if row.model in _DENSE:
        return {"gemm_quant_mode": dense}
    return {"gemm_quant_mode": dense, "moe_quant_mode": "fp8_block" if (backend, dense) == ("sglang", "fp8") else dense}


def _speculation(row: Measurement, drafts: Mapping[str, SpeculationRow]) -> dict[str, object]:
    if row.speculation in {None, "none"}:
        return {}
    if row.model not in drafts:
        raise Unanswerable(DRAFTS)
    draft = drafts[row.model]
    return {"nextn": round(draft.verified) - 1, "nextn_accepted": round(draft.accepted - 1.0, 6)}


def _together(row: Measurement, backend: str) -> dict[str, object]:
    workers, _ = engines(row.decode)
    split = _split(row.decode, backend, dense=row.model in _DENSE)
    return {"mode": "agg", "batch_size": share(row.concurrency, workers * split["attention_dp_size"]), **split}


def _apart(row: Measurement, backend: str) -> dict[str, object]:
    arguments: dict[str, object] = {"mode": "disagg"}
    for role, pool in (("prefill", row.prefill), ("decode", row.decode)):
        workers, _ = engines(pool)
        split = _split(pool, backend, dense=row.model in _DENSE)
        clients = share(row.concurrency, workers * split["attention_dp_size"])
        arguments[f"{role}_num_workers"] = workers
        arguments[f"{role}_batch_size"] = clients if role == "decode" else _PREFILL_BATCH
        arguments |= {f"{role}_{name}": degree for name, degree in split.items()}
    return arguments


def _split(pool: Pool, backend: str, *, dense: bool) -> dict[str, int]:
    """How one engine splits attention (tensor or data parallel) and experts (tensor or expert parallel)."""
    _, gpus = engines(pool)
    tensor, experts = pool.tp or gpus, pool.ep or 1
    if pool.dp_attention and tensor == gpus:
        tensor = 1  # InferenceX records the engine's GPUs as its tensor parallelism
    if tensor > gpus or gpus % tensor or gpus % experts:
        raise Unanswerable(LAYOUT)
    split = {"tp_size": tensor, "attention_dp_size": gpus // tensor}
    if dense:
        return split
    if backend == "vllm":
        experts = gpus if experts > 1 else 1
    return split | {"moe_tp_size": gpus // experts, "moe_ep_size": experts}
