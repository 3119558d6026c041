"""The names InferenceX's own exports use for one thing, brought to its database keys (SCHEMA.md and its sources)."""

from __future__ import annotations

import re
from functools import lru_cache
from types import MappingProxyType

# Display names, Hugging Face names and the catalog's own begin with one of these; a display name that stands for several
# keys is the first.
MODEL_STEMS = MappingProxyType(
    {
        "deepseek-r1": "dsr1",
        "deepseek-v4-pro": "dsv4",
        "kimi-k2.5": "kimik2.5",
        "kimi-k2.6": "kimik2.6",
        "kimi-k2.7-code": "kimik2.7-code",
        "kimi-k3": "kimik3",
        "glm-5": "glm5",
        "glm-5.1": "glm5.1",
        "glm-5.2": "glm5.2",
        "minimax-m2.5": "minimaxm2.5",
        "minimax-m2.7": "minimaxm2.7",
        "minimax-m3": "minimaxm3",
        "qwen-3.5-397b-a17b": "qwen3.5",
        "qwen3.5-397b-a17b": "qwen3.5",
        "gpt-oss-120b": "gptoss120b",
        "llama-3.3-70b-instruct": "llama70b",
        "gptoss": "gptoss120b",
        "deepseek-v3": "dsv3",
        "deepseek-v3.2": "dsv3.2",
        "deepseek-v4.1-flash": "dsv41flash",
        "gpt-oss-20b": "gptoss20b",
        "kimi-k2": "kimik2",
        "llama-3.1-70b": "llama70b",
        "llama-3.1-8b": "llama8b",
        "qwen3-235b-a22b": "qwen3-235b",
        "qwen3.8-flash-next": "qwen3.8next",
    }
)
FRAMEWORK_ALIASES = MappingProxyType({"dynamo-trtllm": "dynamo-trt", "sglang-disagg": "mori-sglang", "trtllm": "trt"})
PRECISION_ALIASES = MappingProxyType({"nvfp4": "fp4", "mxfp4": "fp4"})
VENDORS = ((re.compile(r"mi\d", re.ASCII), "AMD"), (re.compile(r"(h|b|gb|gh|a|vr)\d", re.ASCII), "NVIDIA"))


@lru_cache(maxsize=1024)
def model_key(name: str) -> str:
    """The key of a display or Hugging Face name; a name that is none of these is returned as it is."""
    word = name.rsplit("/", 1)[-1].casefold()
    stems = [stem for stem in MODEL_STEMS if word == stem or word.startswith(f"{stem}-")]
    return MODEL_STEMS[max(stems, key=len)] if stems else name


def hardware_key(name: str) -> str:
    """The chip of a runner or series name: "cluster:b300-nv", "gb200_dynamo-trt_mtp", "MI355X (vLLM)"."""
    return re.split(r"[-_ (]", name.rsplit(":", 1)[-1].strip().casefold(), maxsplit=1)[0] or name


@lru_cache(maxsize=1024)
def vendor(hardware: str) -> str:
    """Who makes the chip, by the beginning of its key; "" for others."""
    return next((maker for pattern, maker in VENDORS if pattern.match(hardware.casefold())), "")


def framework_key(name: str | None) -> str:
    """The framework without the older names SCHEMA.md lists; "" where unstated."""
    word = (name or "").casefold()
    return FRAMEWORK_ALIASES.get(word, word)


def precision_key(name: str | None) -> str | None:
    """fp4, fp8, bf16, int4 ...; the vendors' four-bit formats are fp4."""
    return None if name is None else PRECISION_ALIASES.get(name.casefold(), name.casefold())


def implies_disaggregation(framework: str) -> bool:
    """Whether a row that does not say `disagg` has separate pools: as InferenceX's own import takes it."""
    word = framework.casefold()
    return word.endswith("-disagg") or word.startswith(("dynamo-", "mori-"))
