"""What a peer is asked of a row: its own function's arguments; or why it cannot be asked."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil

from fleetline.measurements import Measurement
from fleetline.measurements.types import Pool

AMD = "the tool knows no AMD chip"
LAYOUT = "the row does not say how many engines there are, or of how many GPUs"
ENGINE = "the tool knows no such serving framework"
MODEL = "the tool has no such model in this precision"
LENGTHS = "the row gives no fixed lengths"
DRAFTS = "speculation: the tool asks for an acceptance, and none is published for the model"


class Unanswerable(Exception):  # noqa: N818  (the ordinary outcome for half of the rows, no error)
    """A row that a peer cannot be asked about, and why."""


@dataclass(frozen=True)
class Question:
    """Arguments of one call of a peer; rows with the same ones share an answer."""

    arguments: Mapping[str, object]

    @property
    def key(self) -> str:
        """What an answer is kept under: it changes with any argument."""
        return hashlib.sha256(self.text.encode()).hexdigest()[:16]

    @property
    def text(self) -> str:
        """The arguments as JSON, in one order."""
        return json.dumps(self.arguments, sort_keys=True)


def lengths(row: Measurement) -> tuple[int, int]:
    """Nominal input and output lengths [token]."""
    if row.input_tokens is None or row.output_tokens is None:
        raise Unanswerable(LENGTHS)
    return row.input_tokens, row.output_tokens


def engines(pool: Pool) -> tuple[int, int]:
    """How many engines a pool has, and the GPUs of one."""
    if not pool.workers or not pool.gpus:
        raise Unanswerable(LAYOUT)
    return pool.workers, pool.gpus


def share(clients: int, places: int) -> int:
    """Clients of the fullest of some places, and no fewer than one."""
    return max(1, ceil(clients / places))
