"""One harness for every rewrite: what stands in the folder is checked, and what is broken is caught."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from harness import ROUNDING, deployments, made, magnitudes, rewrite_kinds, rewrites_of, without_effect
from hypothesis import given
from hypothesis import strategies as st

from fleetline.deployment import throughput
from fleetline.errors import InputError
from fleetline.physics import serving
from fleetline.physics.rewrites import Rewrite
from fleetline.physics.rewrites.multi_turn import MultiTurn
from fleetline.physics.rewrites.prefix_cache import PrefixCache
from fleetline.physics.serving import Deployment
from fleetline.physics.stages import Plan, plan

KINDS = rewrite_kinds()


def check_rewrite(rewrite: Rewrite, input_tokens: float, output_tokens: float, batch: float) -> None:
    """What is true of every technique."""
    before = plan(input_tokens, output_tokens, batch)
    after = rewrite.apply(before)
    for stage in (after.prefill, after.decode):
        assert stage.sequences == batch, "a technique changes what is run, not for how many"
        assert stage.tokens > 0, "nothing is run"
        assert stage.passes > 0, "nothing is run"
        assert stage.end > stage.start >= 0, "a stage ends before it begins"
    assert after.decode.start == pytest.approx(after.prefill.end), "decode does not begin where prefill ends"
    answered = after.decode.end - after.decode.start
    assert answered == pytest.approx(output_tokens), "the answer is of another length"
    computed = after.prefill.tokens * after.prefill.passes
    assert computed == pytest.approx(after.prefill.end - after.prefill.start, rel=1e-9), "a position is left out"
    assert after.longest >= after.decode.end * (1 - ROUNDING), "the cache has no room for the context"


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@given(data=st.data(), tokens_in=magnitudes(1, 1e6), tokens_out=magnitudes(1, 1e5), batch=magnitudes(1, 1e4))
def test_every_rewrite_keeps_the_rules(
    kind: type[Rewrite], data: st.DataObject, tokens_in: float, tokens_out: float, batch: float
) -> None:
    check_rewrite(data.draw(rewrites_of(kind)), tokens_in, tokens_out, batch)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@given(deployment=deployments(), batch=magnitudes(1, 1e4))
def test_at_the_low_end_of_its_ranges_it_changes_nothing(kind: type[Rewrite], deployment: Deployment, batch: float) -> None:
    plain = replace(deployment, rewrites=())
    same = replace(plain, rewrites=(without_effect(kind),))
    assert serving.rates(same, batch).cycle.total_s == pytest.approx(serving.rates(plain, batch).cycle.total_s, rel=1e-9)
    assert serving.memory_used(same, batch) == pytest.approx(serving.memory_used(plain, batch), rel=ROUNDING)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_arrays_are_their_elements(kind: type[Rewrite]) -> None:
    spread = {
        name: np.linspace(low, 9.0 if isinstance(high, str) else high, 5) for name, (low, high) in kind.RANGES.items()
    }
    if "accepted" in spread:
        spread["verified"] = spread["verified"] + 9.0
    together = serving.rates(replace(made(), rewrites=(kind(**spread),)), 64.0).throughput
    for place in range(5):
        alone = kind(**{name: float(values[place]) for name, values in spread.items()})
        expected = serving.rates(replace(made(), rewrites=(alone,)), 64.0).throughput
        assert float(np.asarray(together)[place]) == pytest.approx(float(expected), rel=1e-9)


# --- controls ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class SkipsThePrompt:
    RANGES = {"share": (0.0, 1.0)}  # noqa: RUF012
    share: float = 0.5

    def apply(self, before: Plan) -> Plan:
        return replace(before, prefill=replace(before.prefill, tokens=before.prefill.tokens * self.share))


@dataclass(frozen=True)
class AnswersLess:
    RANGES = {"share": (0.0, 1.0)}  # noqa: RUF012
    share: float = 0.5

    def apply(self, before: Plan) -> Plan:
        decode = before.decode
        return replace(before, decode=replace(decode, end=decode.start + (decode.end - decode.start) * self.share))


@pytest.mark.parametrize(("broken", "complaint"), [(SkipsThePrompt(), "left out"), (AnswersLess(), "another length")])
def test_a_broken_rewrite_is_caught(broken: Any, complaint: str) -> None:
    with pytest.raises(AssertionError, match=complaint):
        check_rewrite(broken, 1000.0, 100.0, 8.0)


def test_the_folder_is_not_empty() -> None:
    assert {kind.__name__ for kind in KINDS} >= {"Speculative", "PrefixCache", "MultiTurn"}


# --- by hand --------------------------------------------------------------------------------------------------------------


def test_a_prefix_by_hand() -> None:
    # half of 4000 tokens are hit: 2000 are computed, attending to 4000^2/2 - 2000^2/2 pairs, and 2000 cached ones are read
    plain, cached = made(), made(rewrites=(PrefixCache(0.5),))
    work = [serving.work(each, 1.0)[0] for each in (plain, cached)]
    linear = [sum(float(one.flop) for one in each.linear) for each in work]
    assert linear[1] == pytest.approx(linear[0] / 2)
    assert float(work[1].attention[0].flop) == pytest.approx(float(work[0].attention[0].flop) * 0.75)
    # 10 layers x 144 bytes: 4000 written before; now 2000 written and 2000 read
    assert float(work[1].attention[0].bytes_moved) == pytest.approx(10 * 144 * 4000)
    assert serving.memory_used(cached, 8.0) == serving.memory_used(plain, 8.0)


def test_a_whole_hit_still_computes_the_last_token() -> None:
    assert PrefixCache(1.0).apply(plan(4000.0, 500.0, 1.0)).prefill.tokens == 1.0


@given(deployment=deployments(), batch=magnitudes(1, 1e4), low=st.floats(0.0, 1.0), high=st.floats(0.0, 1.0))
def test_a_larger_hit_never_needs_more_arithmetic(deployment: Deployment, batch: float, low: float, high: float) -> None:
    low, high = sorted((low, high))
    spent = [
        float(serving.rates(replace(deployment, rewrites=(PrefixCache(hit),)), batch).prefill.compute_s)
        for hit in (low, high)
    ]
    assert spent[1] <= spent[0] * (1 + 1e-9)


def test_three_turns_by_hand() -> None:
    # 1000 tokens, then twice 100 new ones, each answered with 50. Earlier context: 0, 1050, 1200; mean 750.
    # New: 1000, 100, 100; mean 400. The mean turn decodes from 1150 to 1200; the last ends at 1000 + 2 x 150 + 50.
    after = MultiTurn(turns=3.0, follow_up=100.0).apply(plan(1000.0, 50.0, 1.0))
    assert after.prefill.start == pytest.approx(750)
    assert after.prefill.tokens == pytest.approx(400)
    assert (after.decode.start, after.decode.end) == pytest.approx((1150, 1200))
    assert after.longest == pytest.approx(1350)
    # evicted: all of the earlier context is computed again
    evicted = MultiTurn(turns=3.0, follow_up=100.0, kept=0.0).apply(plan(1000.0, 50.0, 1.0))
    assert (evicted.prefill.start, evicted.prefill.tokens) == pytest.approx((0, 1150))


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"prefix_hit": 1.1}, "prefix_hit"),
        ({"prefix_hit": -0.1}, "prefix_hit"),
        ({"prefix_hit": float("nan")}, "prefix_hit"),
        ({"turns": "10"}, "turns"),
        ({"turns": "0:500"}, "turns"),
        ({"turns_kept": 0.5}, "turns_kept"),
        ({"turns": "10:500", "turns_kept": 2}, "turns_kept"),
    ],
)
def test_bad_input_is_one_line(options: dict[str, Any], field: str) -> None:
    with pytest.raises(InputError) as refused:
        throughput("kimi-k2.6", "gb200-nvl72", "8000:1000", **options)
    assert refused.value.field == field


def test_a_session_beyond_the_context_says_so() -> None:
    found = throughput("kimi-k2.6", "gb200-nvl72", "100000:1000", turns="100:1000")
    assert str(found.reason).startswith("context: ")
