"""How much one request may ask for, and how much is worked on at once. A refusal says the limit.

What is larger is what the command line is for: on one's own machine nobody else waits.
"""

from __future__ import annotations

from dataclasses import dataclass

URL_LETTERS = 8_000  # path and query of an address
BODY_BYTES = 1_000_000  # of an uploaded config.json; those with a list of layers take some hundred kB
VALUES = 60  # in one query
CACHE_BYTES = 64_000_000  # of answers kept


@dataclass(frozen=True)
class Limits:
    """Bounds of the work.

    Attributes:
        workers: processes that answer; costly: further ones, of lower priority, for costly questions.
        waiting, costly_waiting: requests that may wait for either; more are told to come back.
        quick_s: processor time after which a question is none of the quick ones, and begins again among the costly [s].
        processor_s: of one question at most [s]. seconds: until an answer, waiting included [s].
    """

    workers: int = 2
    costly: int = 1
    waiting: int = 256
    costly_waiting: int = 8
    quick_s: float = 1.0
    processor_s: float = 20.0
    seconds: float = 30.0


RETRY_AFTER_S = 2
