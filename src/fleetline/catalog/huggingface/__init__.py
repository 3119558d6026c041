"""A Hugging Face config.json -> the facts of a model, by the field names of each family of the transformers library.

The facts are rows of the same quantities as `models.csv` and become a model through the same builder (`models.py`). A field
is taken for given only where the library's own configuration class gives it a value; everything else that is missing,
unknown or makes no sense is refused by name. Field names and those defaults: huggingface/transformers,
src/transformers/models/<family>/configuration_<family>.py; DeepSeek V4, Kimi, MiniMax M3: the configurations on their hubs.

`families` has a row for each `model_type`; the readers its rows name stand in `grouped`, `latent`, `recurrent` (attention)
and `feed_forward`.
"""

from __future__ import annotations

from dataclasses import dataclass

from fleetline.catalog.config_file import MOST_LAYERS, Config
from fleetline.catalog.huggingface.facts import Facts, Layers
from fleetline.catalog.huggingface.families import FAMILIES

__all__ = ["FAMILIES", "Described", "describe"]


@dataclass(frozen=True)
class Described:
    """What a configuration says of a model: its facts by the names of `models.csv`, and which layers are which."""

    model_type: str
    text: Config
    facts: Facts
    recurrent_layers: Layers
    dense_layers: Layers


def describe(config: Config) -> Described:
    """The facts of the (text) model of a configuration.

    Raises:
        InputError: a family that is not known, a field that is missing or makes no sense; file and field are named.
    """
    inner = config.child("text_config")
    text = inner or config
    model_type = _model_type(config, text)
    family = FAMILIES[model_type]
    facts: Facts = {
        "layers": text.whole("num_hidden_layers", "n_layer", most=MOST_LAYERS),
        "hidden_size": text.whole("hidden_size", "n_embed"),
        "heads": text.whole("num_attention_heads", "n_head"),
        "vocab_size": text.whole("vocab_size", otherwise=family.vocabulary),
        "max_context": text.whole("max_position_embeddings", otherwise=family.context),
    }
    tied = config.flag("tie_word_embeddings", otherwise=family.tied)
    facts["embedding_tables"] = 1 if text.flag("tie_word_embeddings", otherwise=tied) else 2
    attention, recurrent = family.attention(text, facts)
    facts |= attention
    feed_forward, dense = family.feed_forward(text, facts)
    return Described(model_type, text, facts | feed_forward, recurrent, dense)


def _model_type(config: Config, text: Config) -> str:
    """The family: of the text model, else of the whole, else as the architecture's class name says."""
    for place in (text, config):
        if place.has("model_type"):
            given = place.text("model_type")
            if given in FAMILIES:
                return given
            raise place.unknown("model_type", given, FAMILIES)
    named = next(iter(config.texts("architectures")), "")
    plain = {name.replace("_", ""): name for name in FAMILIES}
    stem = named.casefold().removesuffix("forcausallm").removesuffix("forconditionalgeneration")
    if stem.replace("_", "") in plain:
        return plain[stem.replace("_", "")]
    raise config.unknown("architectures", named, FAMILIES) if named else config.missing("model_type")
