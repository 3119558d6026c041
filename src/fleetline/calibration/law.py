"""The physical law of a benchmark row: TPOT and mean TTFT from counted work and parameters that mean something.

TPOT is one decode step shared by the tokens it keeps, and the prompts that other clients push in between:

    step = kernels x floor + linear + attention + collectives + host
    TPOT = step / kept + interference x (sequences - 1) x prompt / output tokens      (the second term: shared pools alone)

Linear and attention are smooth maxima (root of squares) of traffic and arithmetic. Mean TTFT is a prompt's service among N
clients that come back after the time Z their decoding takes, in closed form (Schweitzer's approximation of mean-value
analysis for one station and one delay: R^2 + R (Z - N T) - T Z = 0), a share of the first burst, and fixed delays.

Sources: physics notes, sections 0 (floors), 3 (collectives), 4 (interference, admission), 5 (drafts), 6 (burst); Schweitzer
1979; priors from section 7 where it gives a number. Unseen engines take the population value: their deviation is 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fleetline.calibration.features import ENGINES, FORMATS, Features

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Parameter:
    """A positive number with a log-normal prior: median `prior`, spread of its logarithm `spread`."""

    name: str
    unit: str
    prior: float
    spread: float
    meaning: str


def _each(name: str, spread: float, meaning: str) -> tuple[Parameter, ...]:
    return tuple(
        Parameter(f"{name}_{engine}", "1", 1.0, spread, f"{meaning}, {engine} over all engines") for engine in ENGINES
    )


# call [s], share of memory bandwidth and of arithmetic over the others', in the order of FORMATS (physics notes, section 7)
_FORMAT_PRIORS = ((1.8e-5, 1.2, 0.6), (2.4e-5, 1.0, 0.8), (3.3e-5, 1.0, 1.0), (4.0e-5, 0.8, 1.0), (2.5e-5, 1.0, 1.5))


def _each_format(name: str, unit: str, place: int, spread: float, meaning: str) -> tuple[Parameter, ...]:
    return tuple(
        Parameter(f"{name}_{each}", unit, values[place], spread, f"{meaning}, {each} experts")
        for each, values in zip(FORMATS, _FORMAT_PRIORS, strict=True)
    )


DECODE = (
    Parameter("kernel_nvidia", "s", 5e-6, 0.5, "floor of a dependent kernel, Nvidia"),
    Parameter("kernel_amd", "s", 8e-6, 0.5, "floor of a dependent kernel, AMD"),
    *_each("kernel", 0.3, "kernel floor"),
    Parameter("kernel_growth", "1", 0.05, 0.7, "exponent of a step's tokens in kernel floors"),
    Parameter("kernel_apart", "1", 1.0, 0.2, "kernel floor of decode pools over engines that prefill between steps"),
    Parameter("kernels_grouped", "1", 5.0, 0.3, "dependent kernels of a layer's attention, grouped-query"),
    Parameter("kernels_latent", "1", 10.0, 0.3, "the same, latent"),
    Parameter("kernels_indexed", "1", 6.0, 0.3, "the same, an indexer's"),
    Parameter("kernels_compressed", "1", 11.0, 0.3, "the same, compressed or a shared-key window"),
    Parameter("kernels_recurrent", "1", 6.0, 0.3, "the same, recurrent"),
    Parameter("quantise", "1", 0.5, 0.5, "kernels more for a product whose inputs must be quantised"),
    *_each_format("call", "s", 0, 0.4, "floor of the experts' call"),
    Parameter("call_amd", "1", 1.5, 0.4, "the same, AMD over Nvidia"),
    Parameter("host", "s", 5e-4, 0.7, "host's work a step"),
    *_each("host", 0.4, "host's work a step"),
    Parameter("host_sequence", "s", 2e-6, 1.0, "host's work a step and sequence of one rank"),
    Parameter("read_weights", "1", 0.75, 0.3, "share of memory bandwidth reading weights"),
    Parameter("read_experts", "1", 0.70, 0.3, "share of memory bandwidth reading touched experts"),
    *_each_format("read", "1", 1, 0.2, "that share over the others'"),
    Parameter("imbalance", "1", 0.4, 0.5, "of the busiest expert rank's lead, standard deviations of an even draw"),
    Parameter("read_cache", "1", 0.70, 0.4, "share of memory bandwidth reading caches"),
    Parameter("step_gemm", "1", 0.40, 0.5, "share of arithmetic peak in a step's products with weights"),
    Parameter("step_attend", "1", 0.40, 0.5, "share of bf16 peak in a step's attention"),
    Parameter("link", "1", 0.40, 0.5, "share of link rate in a step's collectives"),
    Parameter("collective", "s", 7e-6, 0.5, "floor of a collective within 8 GPUs"),
    Parameter("collective_wide", "s", 2e-5, 0.7, "its addition beyond 8 GPUs"),
    *(
        Parameter(
            f"exchange_{engine}", "1", 1.5, 0.5, f"collective with data-parallel attention over an all-reduce, {engine}"
        )
        for engine in ENGINES
    ),
    Parameter("amd", "1", 0.8, 0.4, "AMD's shares over Nvidia's"),
    Parameter("draft", "s", 3e-4, 0.7, "one sequential draft pass"),
    Parameter("accept", "1", 0.9, 0.3, "accepted drafts over the table `speculation`"),
    Parameter("interference", "1", 0.9, 0.5, "of a prompt's time, what decoding requests wait"),
    *_each("interference", 0.3, "interference"),
    *(
        Parameter(
            f"unbalanced_{engine}", "1", 1.2, 0.5, f"interference with data-parallel attention over without, {engine}"
        )
        for engine in ENGINES
    ),
)
PREFILL = (
    Parameter("prompt_gemm", "1", 0.45, 0.5, "share of arithmetic peak in a prompt's products with dense weights"),
    Parameter("prompt_experts", "1", 0.20, 0.5, "share of arithmetic peak in a prompt's products with experts"),
    *_each_format("prompt", "1", 2, 0.3, "that share over the others'"),
    Parameter("prompt_attend", "1", 0.30, 0.5, "share of bf16 peak in a prompt's attention"),
    Parameter("prompt_read", "1", 0.60, 0.5, "share of memory bandwidth reading weights for a prompt"),
    Parameter("prompt_link", "1", 0.30, 0.5, "share of link rate in a prompt's collectives"),
    Parameter("chunk", "token", 8192.0, 0.7, "prompt tokens of a busy server that share one reading of the weights"),
    Parameter("launch", "s", 5e-4, 0.7, "dispatch of a chunk, a layer"),
    *_each("launch", 0.4, "dispatch of a chunk"),
)
WAIT = (
    Parameter("service", "1", 0.8, 0.5, "of a prompt's time in the time to first token of a lone client"),
    *_each("service", 0.4, "service"),
    Parameter("queue", "1", 0.8, 0.5, "of a prompt's time as the next one sees it in the queue"),
    Parameter("queue_dp", "1", 0.7, 0.5, "the same, data-parallel attention over not"),
    Parameter("burst", "1", 1.0, 0.5, "of the first wave's wait, a tenth of all requests: (N + 1) / 2 prompts"),
    Parameter("admission", "1", 1.5, 0.7, "steps of decoding before a prompt is taken up, shared pools"),
    *_each("admission", 0.5, "admission"),
    Parameter("balance", "1", 30.0, 0.7, "steps until every rank has a prompt, data-parallel attention in shared pools"),
    Parameter("arrival", "s", 2e-2, 0.7, "tokenizing, routing and sending back"),
    Parameter("handover", "s", 3e-2, 0.7, "addition with separate pools"),
    Parameter("transfer", "byte/s", 2e10, 0.8, "rate at which a prompt's cache reaches the decode pool"),
    Parameter("busy", "1", 0.97, 0.05, "share of a run in which all clients are served: it starts and ends with fewer"),
    Parameter("full", "1", 0.9, 0.3, "of the wait for a place once caches fill the memory"),
)
PARAMETERS = (*DECODE, *PREFILL, *WAIT)
NAMES = tuple(each.name for each in PARAMETERS)
_PLACE = {name: index for index, name in enumerate(NAMES)}

PRIOR: Array = np.log([each.prior for each in PARAMETERS])
SPREAD: Array = np.array([each.spread for each in PARAMETERS])

_ROUNDS = 4
PARTS = ("kernels", "weights", "experts", "gemm", "cache", "attend", "collectives", "interference")


@dataclass(frozen=True)
class Law:
    """Parameters as logarithms, in the order of NAMES."""

    logs: Array

    def __getitem__(self, name: str) -> float:
        return float(np.exp(self.logs[_PLACE[name]]))

    def _of_engine(self, name: str, rows: Features) -> Array:
        """The population's value times the deviation of each row's engine; unseen engines have none."""
        return np.array([*(self[f"{name}_{engine}"] for engine in ENGINES), 1.0])[rows.engine_place]

    def _of_format(self, name: str, rows: Features) -> Array:
        """The value of the format of each row's experts."""
        return np.array([*(self[f"{name}_{each}"] for each in FORMATS), 1.0])[rows.format_place]

    def _share(self, rows: Features) -> Array:
        return np.where(rows.amd, self["amd"], 1.0)

    def parts(self, rows: Features, active: Array) -> Mapping[str, Array]:
        """Seconds of one decode step by what takes them, and of interference a token.

        Args:
            active: share of an engine's clients that are decoding, the others wait for their first token.
        """
        share = self._share(rows)
        each = self["collective"] + self["collective_wide"] * (rows.gpus > 8)
        others = np.where(rows.disaggregated > 0, 0.0, np.maximum(rows.sequences * active - 1.0, 0.0))
        spread = rows.dp > 0
        pushed = self["interference"] * self._of_engine("interference", rows) * others / rows.tokens_out
        pushed = pushed * np.where(spread, self._of_engine("unbalanced", rows), 1.0)
        each = each * np.where(spread, self._of_engine("exchange", rows), 1.0)
        return {
            "kernels": self._kernels(rows) * np.maximum(rows.tokens * active, 1.0) ** self["kernel_growth"],
            "weights": rows.weight_s / self["read_weights"] / share,
            "experts": self._experts(rows, active) / share,
            "gemm": rows.gemm_s * active / self["step_gemm"] / share,
            "cache": rows.cache_s * active / self["read_cache"] / share,
            "attend": rows.attend_s * active / self["step_attend"] / share,
            "collectives": rows.collectives * each + rows.link_s * active / self["link"],
            "interference": pushed * self.prompt(rows, queued=True),
        }

    def _kernels(self, rows: Features) -> Array:
        """Floors of the kernels that follow one another in a step [s]."""
        amd = rows.amd
        floor = np.where(amd, self["kernel_amd"], self["kernel_nvidia"]) * self._of_engine("kernel", rows)
        floor = floor * np.where(rows.disaggregated > 0, self["kernel_apart"], 1.0)
        count = rows.kernels + self["quantise"] * rows.quantised
        for kind in ("grouped", "latent", "indexed", "compressed", "recurrent"):
            count = count + self[f"kernels_{kind}"] * getattr(rows, kind)
        calls = rows.expert_calls * self._of_format("call", rows) * np.where(amd, self["call_amd"], 1.0)
        return np.asarray(floor * count + calls * self._of_engine("kernel", rows))

    def _experts(self, rows: Features, active: Array) -> Array:
        """Reading the experts that a step's tokens touch, on the rank that has most of them [s]."""
        touched = 1.0 - (1.0 - rows.expert_share) ** np.maximum(rows.tokens * active, rows.verified)
        of_rank = np.maximum(rows.expert_count * touched / rows.ep, 0.5)
        lead = np.sqrt(2.0 * np.log(rows.ep) * (1.0 - touched) / of_rank)
        rate = self["read_experts"] * self._of_format("read", rows)
        return np.asarray(rows.expert_s * touched * (1.0 + self["imbalance"] * lead) / rate)

    def prompt(self, rows: Features, *, queued: bool) -> Array:
        """Prefill of one prompt by one engine: products or weights' traffic, attention, collectives, dispatch [s].

        `queued`: as one of many, whose chunks share a reading of the weights and a dispatch.
        """
        share = self._share(rows)
        alone = np.minimum(rows.fresh / self["chunk"], 1.0) if queued else 1.0
        experts = rows.prompt_expert_s / (self["prompt_experts"] * self._of_format("prompt", rows))
        work = (rows.prompt_gemm_s / self["prompt_gemm"] + experts) / share
        read = rows.prompt_bytes_s / self["prompt_read"] / share * alone
        attention = rows.prompt_attend_s / self["prompt_attend"] / share
        chunks = np.maximum(rows.fresh / self["chunk"], alone)
        launched = self["launch"] * self._of_engine("launch", rows) * rows.layers * chunks
        return np.asarray(np.hypot(work, read) + attention + rows.prompt_link_s / self["prompt_link"] + launched)

    def times(self, rows: Features) -> tuple[Array, Array]:
        """Mean time per output token and mean time to the first token [s]: each depends on the other, solved in rounds."""
        active = np.ones(len(rows))
        for _ in range(_ROUNDS):
            tpot = self.tpot(rows, active)
            decoding = rows.tokens_out * tpot
            found = decoding / (decoding + self._served(rows, tpot))
            active = np.minimum(found, 1.0 / (1.0 + rows.crowded))
        tpot = self.tpot(rows, active)
        return tpot, self.ttft(rows, tpot)

    def values(self, rows: Features) -> Mapping[str, Array]:
        """TPOT [s], mean TTFT [s], and input and output tokens per second over all GPUs of a run (Little's law)."""
        tpot, ttft = self.times(rows)
        tokens = rows.clients * (rows.tokens_in + rows.tokens_out)
        rate = self["busy"] * tokens / (ttft + rows.tokens_out * tpot) / rows.total_gpus
        return {"tpot": tpot, "ttft": ttft, "throughput": rate}

    def tpot(self, rows: Features, active: Array) -> Array:
        """Mean time per output token [s] while `active` of the clients are decoding."""
        part = self.parts(rows, active)
        linear = np.hypot(part["weights"] + part["experts"], part["gemm"])
        attention = np.hypot(part["cache"], part["attend"])
        host = self["host"] * self._of_engine("host", rows)
        host = host + self["host_sequence"] * rows.sequences / np.where(rows.dp > 0, rows.gpus, 1.0)
        drafts = rows.speculates * (rows.verified - 1.0) * self["draft"]
        step = part["kernels"] + linear + attention + part["collectives"] + host + drafts
        return np.asarray(step / self.kept(rows) + part["interference"])

    def kept(self, rows: Features) -> Array:
        """Tokens a step yields: 1 + accepted drafts."""
        return np.asarray(1.0 + rows.speculates * (rows.accepted - 1.0) * self["accept"])

    def ttft(self, rows: Features, tpot: Array) -> Array:
        """Mean time to the first token over the requests of a closed-loop run that starts with all clients at once [s]."""
        clients = np.maximum(rows.clients / rows.prefill_engines, 1.0)
        burst = 0.1 * self["burst"] * (clients - 1.0) / 2.0 * self._turn(rows)
        steps = self["admission"] * self._of_engine("admission", rows) + self["balance"] * rows.dp
        apart = self["handover"] + rows.cache_bytes / self["transfer"]
        delays = self["arrival"] + np.where(rows.disaggregated > 0, apart, steps * tpot * self.kept(rows))
        served = self._served(rows, tpot)
        waiting = self["full"] * rows.crowded * (rows.tokens_out * tpot + self._alone(rows))
        return np.asarray(served + burst + delays + waiting)

    def _alone(self, rows: Features) -> Array:
        """A prompt's service when no other client is there [s]."""
        return np.asarray(self["service"] * self._of_engine("service", rows) * self.prompt(rows, queued=False))

    def _turn(self, rows: Features) -> Array:
        """What each prompt adds to the wait of the next one in the queue [s]."""
        balanced = np.where(rows.prefill_dp > 0, self["queue_dp"], 1.0)
        return np.asarray(self["queue"] * self.prompt(rows, queued=True) * balanced)

    def _served(self, rows: Features, tpot: Array) -> Array:
        """A prompt's service and its wait for the prompts before it, once clients come back at their own times [s]."""
        turn, away = self._turn(rows), rows.tokens_out * tpot
        crowd = np.maximum(rows.clients / rows.prefill_engines, 1.0) * turn - away
        steady = 0.5 * (crowd + np.sqrt(crowd**2 + 4.0 * turn * away))
        return np.asarray(self._alone(rows) + steady - turn)
