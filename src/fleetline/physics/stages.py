"""What is run for a batch of requests: passes of the model over tokens, in a prefill and a decode stage."""

from __future__ import annotations

from dataclasses import dataclass

from fleetline.architecture.attention import Numbers
from fleetline.architecture.model import Model
from fleetline.catalog.types import Checkpoint


@dataclass(frozen=True)
class Stage:
    """`passes` sequential passes of the model over `sequences` sequences, while context grows from `start` to `end`.

    Attributes:
        sequences: requests that pass together (the batch) [request].
        passes: passes one after the other; each reads the weights once.
        tokens: new tokens of each sequence in one pass [token].
        start: context before the first pass [token].
        end: context after the last one [token].
    """

    sequences: Numbers
    passes: Numbers
    tokens: Numbers
    start: Numbers
    end: Numbers

    @property
    def tokens_per_pass(self) -> Numbers:
        """New tokens of all sequences in one pass [token]."""
        return self.sequences * self.tokens

    @property
    def tokens_per_position(self) -> Numbers:
        """How often each position is computed [1]: 1, or more where speculation verifies tokens it then rejects."""
        return self.passes * self.tokens / (self.end - self.start)


@dataclass(frozen=True)
class Draft:
    """The model that guesses tokens for another to verify.

    Attributes:
        lent: names of parts that it reads and the other model holds.
    """

    model: Model
    checkpoint: Checkpoint
    lent: tuple[str, ...] = ()


@dataclass(frozen=True)
class Drafted:
    """What a draft runs beside the two stages: the prompt, and its guesses one after the other; `used` 0 where it does not.

    The stages of one that is not used have no passes.
    """

    draft: Draft
    prefill: Stage
    decode: Stage
    used: Numbers = 1.0


@dataclass(frozen=True)
class Plan:
    """The two stages of serving one batch from prompt to last token.

    Attributes:
        longest: context that a request may grow to, which its cache must have room for [token].
        idle_s: after each request its session waits for so long [s], and
        idle_kept: keeps so much of its cache meanwhile [1].
        common: of that context, tokens that every request shares and that are held once [token].
        commons: how many such prefixes are held.
        drafted: what drafts run beside.
    """

    prefill: Stage
    decode: Stage
    longest: Numbers
    idle_s: Numbers = 0.0
    idle_kept: Numbers = 1.0
    common: Numbers = 0.0
    commons: Numbers = 1.0
    drafted: tuple[Drafted, ...] = ()

    @property
    def own(self) -> Numbers:
        """Context that each request holds for itself [token]."""
        return self.longest - self.common


def plan(input_tokens: Numbers, output_tokens: Numbers, batch: Numbers) -> Plan:
    """Prefill in one pass, then one decode pass per output token.

    Source: article, sections Prefill and Decode ("one weight read for each output token").
    """
    one = 1.0
    prefill = Stage(sequences=batch, passes=one, tokens=input_tokens, start=0.0, end=input_tokens)
    decode = Stage(sequences=batch, passes=output_tokens, tokens=one, start=input_tokens, end=input_tokens + output_tokens)
    return Plan(prefill, decode, longest=input_tokens + output_tokens)
