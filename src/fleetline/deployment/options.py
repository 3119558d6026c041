"""How a deployment is described in words and numbers: the options that every question about one takes."""

from __future__ import annotations

from typing import TypedDict

import numpy.typing as npt

NumbersLike = npt.ArrayLike
DEFAULT_PRESET = "fitted"
PARALLEL_PRESET = "kernels"  # where degrees of parallelism are given: kernels and messages as measured
DEGREES = ("tp", "ep", "dp", "pp")
DEFAULT_SCHEDULE = "chunked"
DEFAULT_WORKLOAD = "8000:1000"


class Options(TypedDict, total=False):
    """How a model is deployed, besides what and where; every number a float or an array; None is as if not given.

    input_tokens, output_tokens stand in for a workload [token]. schedule: serial, serial-total, chunked, chunked-total
    or disaggregated. speculative: none, or one of the forms of `speculations`: "8:3" tokens verified and accepted a pass,
    "mtp:3" drafts of the model's own, "0.8,0.7" chances of acceptance. preset: where
    counting and efficiencies come from: fitted, article, ideal or kernels. compute_efficiency, bandwidth_efficiency: in
    the preset's place, over 0 and at most 1 [1]. step_latency_s: in the preset's place [s]. gpus: only so many chips.
    framework: whose kernels run, as measured: vllm, sglang, trt-llm or atom; of all together unless given.
    precision: weights in another number format than the preset's or the checkpoint's. counting: `article` (published
    sizes, one precision) or `checkpoint` (exact dimensions, the checkpoint's formats). hbm_reserve: share of usable
    memory kept free, from 0 to below 1 [1]. tp, ep, dp, pp: degrees of tensor, expert, data (attention) and pipeline
    parallelism of each replica, 1 where only others are given; without any the chips are taken as one large one, as in
    the article. prefill_replicas: of a disaggregated deployment with degrees, how many only prefill. prefix_hit: share
    of each prompt found in the prefix cache, 0 to 1; prefix_shared: share of the hit that requests have in common and
    that is held once, 0 to 1, nothing unless set; prefixes: how many such prefixes are held, 1 unless set. turns:
    "TURNS:NEW" turns of a session and new prompt tokens in each after the first, such as "10:500"; turns_kept: share of
    the earlier context still cached at the next turn, 0 to 1; think_s: time between an answer and the next turn, in
    which the cache waits, 0 unless set [s]. price: rent (three years, unless said otherwise) or own, what owning costs.
    utilisation: share sold of what could be served, 1 unless set; costs are divided by it [1].
    arrivals: batch (in lockstep, the article's; where no degrees are given),
    closed (clients in equilibrium; where they are), run (a benchmark run, lengths from 0.8 of the workload's to all of
    it) or poisson; rate: requests a second that come at random [1/s], which makes arrivals poisson and the batch what
    that load needs.
    """

    input_tokens: NumbersLike | None
    output_tokens: NumbersLike | None
    schedule: str | None
    speculative: str | tuple[NumbersLike, NumbersLike] | None
    preset: str | None
    compute_efficiency: NumbersLike | None
    bandwidth_efficiency: NumbersLike | None
    step_latency_s: NumbersLike | None
    gpus: NumbersLike | None
    precision: str | None
    counting: str | None
    hbm_reserve: NumbersLike | None
    tp: NumbersLike | None
    ep: NumbersLike | None
    dp: NumbersLike | None
    pp: NumbersLike | None
    prefill_replicas: NumbersLike | None
    prefix_hit: NumbersLike | None
    prefix_shared: NumbersLike | None
    prefixes: NumbersLike | None
    turns: str | tuple[NumbersLike, NumbersLike] | None
    turns_kept: NumbersLike | None
    think_s: NumbersLike | None
    price: str | None
    utilisation: NumbersLike | None
    framework: str | None
    arrivals: str | None
    rate: NumbersLike | None


def given(value: str | None, otherwise: str) -> str:
    """A word, or what stands for one that is not given."""
    return otherwise if value is None else value
