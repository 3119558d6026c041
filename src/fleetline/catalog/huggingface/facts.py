"""What is read from a configuration, and the two readers that a family has: of attention and of feed-forward blocks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from fleetline.catalog.config_file import Config

Facts = dict[str, int | str]
Layers = frozenset[int]
# facts, and the layers that are the exception: recurrent ones of an attention, dense ones of a mixture of experts
Found = tuple[Facts, Layers]
NONE: Layers = frozenset()


@dataclass(frozen=True)
class Family:
    """How the configurations of one `model_type` are read.

    Attributes:
        attention, feed_forward: (fields, facts so far) -> further facts.
        tied: whether embedding and head are one table where `tie_word_embeddings` is absent.
        context, vocabulary: what the library takes for an absent `max_position_embeddings`, `vocab_size`.
    """

    attention: Callable[[Config, Facts], Found]
    feed_forward: Callable[[Config, Facts], Found]
    tied: bool = False
    context: int | None = None
    vocabulary: int | None = None
