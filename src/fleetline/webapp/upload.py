"""A config.json that was uploaded, as facts and as a name."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

from fleetline.catalog.config_file import LARGEST
from fleetline.catalog.huggingface import FAMILIES
from fleetline.catalog.imported import check_name, facts_of, from_content, token_of

NAME = "uploaded-model"
_WHOLE = {"type": ["integer", "null"], "minimum": 1, "maximum": LARGEST}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "description": "Fields as the model's family has them; others are ignored.",
    "properties": {
        "model_type": {"type": "string", "enum": sorted(FAMILIES)},
        "text_config": {"type": ["object", "null"], "description": "The same fields, of the text model of several."},
        "quantization_config": {"type": ["object", "null"]},
        "torch_dtype": {"type": ["string", "null"]},
        **dict.fromkeys(
            (
                "hidden_size",
                "num_hidden_layers",
                "num_attention_heads",
                "num_key_value_heads",
                "intermediate_size",
                "vocab_size",
                "max_position_embeddings",
            ),
            _WHOLE,
        ),
    },
}
EXAMPLE = MappingProxyType(
    {
        "model_type": "llama",
        "hidden_size": 4096,
        "num_hidden_layers": 32,
        "num_attention_heads": 32,
        "num_key_value_heads": 8,
        "intermediate_size": 14336,
        "vocab_size": 128256,
        "max_position_embeddings": 131072,
        "torch_dtype": "bfloat16",
    }
)


def imported_model(content: bytes, name: str) -> dict[str, Any]:
    """The facts of a configuration, and `model`, the name that holds it.

    Raises:
        InputError: not a configuration that is known here; what and where, in one line.
    """
    check_name(name)
    found = from_content(content, name)
    return {"model": token_of(found), **facts_of(found)}
