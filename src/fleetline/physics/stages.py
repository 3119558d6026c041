"""What is run for a batch of requests: passes of the model over tokens, in a prefill and a decode stage."""

from __future__ import annotations

from dataclasses import dataclass

from fleetline.architecture.attention import Numbers


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
        """How often each position is computed: 1, or more where speculation verifies tokens it then rejects."""
        return self.passes * self.tokens / (self.end - self.start)


@dataclass(frozen=True)
class Plan:
    """The two stages of serving one batch from prompt to last token.

    Attributes:
        longest: context that a request may grow to, which its cache must have room for [token].
        held: caches in memory for each request in service: 1, or more where idle sessions keep theirs.
    """

    prefill: Stage
    decode: Stage
    longest: Numbers
    held: Numbers = 1.0


def plan(input_tokens: Numbers, output_tokens: Numbers, batch: Numbers) -> Plan:
    """Prefill in one pass, then one decode pass per output token.

    Source: article, sections Prefill and Decode ("one weight read for each output token").
    """
    one = 1.0
    prefill = Stage(sequences=batch, passes=one, tokens=input_tokens, start=0.0, end=input_tokens)
    decode = Stage(sequences=batch, passes=output_tokens, tokens=one, start=input_tokens, end=input_tokens + output_tokens)
    return Plan(prefill, decode, longest=input_tokens + output_tokens)
