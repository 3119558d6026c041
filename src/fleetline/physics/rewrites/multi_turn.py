"""Sessions of several turns: each turn's prompt is short, and its context is everything said before.

A session begins with a whole prompt of I tokens; every later turn brings `follow_up` new ones and each is answered with O.
Before turn j (from 0) there are I + (j - 1) follow_up + j O tokens of context, none before the first. What is served is the
mean turn: decoding is linear in context for full attention, so the mean of it is exact; for windows and top-k, whose cost
stops growing, it is a slight overcount.

Between two turns a person thinks or a tool runs, for `think_s` seconds. `kept` of the context is still in the cache when
the next turn comes; the rest was evicted meanwhile and is computed again. All but the last of a session's turns have
such a wait behind them, in which that much of the cache at its full length stays in memory: how many sessions wait for each
served one follows from the wall time of a request (`serving.kept_per_request`).

Source: ours, derived above; the trade of keeping and recomputing: Gao et al. 2024, CachedAttention (arXiv:2403.19708); tool
time and eviction between an agent's turns: Abhyankar et al. 2024, InferCept (arXiv:2402.01869).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import ClassVar

import numpy as np

from fleetline.architecture.attention import Numbers
from fleetline.physics.stages import Plan


@dataclass(frozen=True)
class MultiTurn:
    """`turns` a session, `follow_up` new prompt tokens after the first [token]; `kept` [1]; `think_s` [s]."""

    RANGES: ClassVar[Mapping[str, tuple[float, float | str]]] = MappingProxyType(
        {
            "turns": (1.0, 50.0),
            "follow_up": (1.0, 10_000.0),
            "kept": (0.0, 1.0),
            "think_s": (0.0, 600.0),
        }
    )

    turns: Numbers
    follow_up: Numbers
    kept: Numbers = 1.0
    think_s: Numbers = 0.0

    def apply(self, plan: Plan) -> Plan:
        """The mean turn; memory is that of the last one."""
        prefill, decode, turns = plan.prefill, plan.decode, self.turns
        first, answer = prefill.end, decode.end - decode.start
        later = (turns - 1.0) / turns
        earlier = later * (first + self.follow_up * np.maximum(turns - 2.0, 0.0) / 2.0) + answer * (turns - 1.0) / 2.0
        new = first / turns + later * self.follow_up
        start = prefill.start / turns + self.kept * earlier
        end = earlier + new
        return replace(
            plan,
            prefill=replace(prefill, tokens=(end - start) / prefill.passes, start=start, end=end),
            decode=replace(decode, start=end, end=end + answer),
            longest=plan.longest + (turns - 1.0) * (self.follow_up + answer),
            idle_s=plan.idle_s + self.think_s * later,  # no session waits after its last turn
            idle_kept=self.kept,
        )
