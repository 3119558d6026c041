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

from fleetline.calibration.features import Features

Array = npt.NDArray[np.float64]

ENGINES = ("trt", "vllm", "sglang", "atom")


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


DECODE = (
    Parameter("kernel_nvidia", "s", 5e-6, 0.5, "floor of a dependent kernel, Nvidia"),
    Parameter("kernel_amd", "s", 8e-6, 0.5, "floor of a dependent kernel, AMD"),
    *_each("kernel", 0.3, "kernel floor"),
    Parameter("host", "s", 5e-4, 0.7, "host's work a step"),
    *_each("host", 0.4, "host's work a step"),
    Parameter("host_sequence", "s", 2e-6, 1.0, "host's work a step and sequence of one rank"),
    Parameter("read_weights", "1", 0.75, 0.3, "share of memory bandwidth reading weights"),
    Parameter("read_experts", "1", 0.70, 0.3, "share of memory bandwidth reading touched experts"),
    Parameter("read_cache", "1", 0.70, 0.4, "share of memory bandwidth reading caches"),
    Parameter("step_gemm", "1", 0.40, 0.5, "share of arithmetic peak in a step's products with weights"),
    Parameter("step_attend", "1", 0.40, 0.5, "share of bf16 peak in a step's attention"),
    Parameter("link", "1", 0.40, 0.5, "share of link rate in a step's collectives"),
    Parameter("collective", "s", 7e-6, 0.5, "floor of a collective within 8 GPUs"),
    Parameter("collective_wide", "s", 2e-5, 0.7, "its addition beyond 8 GPUs"),
    Parameter("amd", "1", 0.8, 0.4, "AMD's shares over Nvidia's"),
    Parameter("draft", "s", 3e-4, 0.7, "one sequential draft pass"),
    Parameter("accept", "1", 0.9, 0.3, "accepted drafts over the table `speculation`"),
    Parameter("interference", "1", 0.9, 0.5, "of a prompt's time, what decoding requests wait"),
    *_each("interference", 0.3, "interference"),
)
PREFILL = (
    Parameter("prompt_gemm", "1", 0.35, 0.5, "share of arithmetic peak in a prompt's products with weights"),
    Parameter("prompt_attend", "1", 0.30, 0.5, "share of bf16 peak in a prompt's attention"),
    Parameter("prompt_read", "1", 0.60, 0.5, "share of memory bandwidth reading weights for a prompt"),
    Parameter("prompt_link", "1", 0.30, 0.5, "share of link rate in a prompt's collectives"),
)
WAIT = (
    Parameter("launch", "s", 5e-4, 0.7, "dispatch of a prompt, a layer"),
    *_each("launch", 0.4, "dispatch of a prompt"),
    Parameter("service", "1", 0.8, 0.5, "of a prompt's time in the time to first token of a lone client"),
    *_each("service", 0.4, "service"),
    Parameter("queue", "1", 0.8, 0.5, "of a prompt's time as the next one sees it in the queue"),
    Parameter("burst", "1", 1.0, 0.5, "of the first wave's wait, a tenth of all requests: (N + 1) / 2 prompts"),
    Parameter("admission", "1", 1.5, 0.7, "steps of decoding before a prompt is taken up, shared pools"),
    *_each("admission", 0.5, "admission"),
    Parameter("arrival", "s", 2e-2, 0.7, "tokenizing, routing and sending back"),
    Parameter("handover", "s", 3e-2, 0.7, "addition with separate pools"),
    Parameter("transfer", "byte/s", 2e10, 0.8, "rate at which a prompt's cache reaches the decode pool"),
    Parameter("full", "1", 0.5, 0.7, "of the wait for a place once caches fill the memory"),
)
PARAMETERS = (*DECODE, *PREFILL, *WAIT)
NAMES = tuple(each.name for each in PARAMETERS)
_PLACE = {name: index for index, name in enumerate(NAMES)}

PRIOR: Array = np.log([each.prior for each in PARAMETERS])
SPREAD: Array = np.array([each.spread for each in PARAMETERS])

PARTS = ("kernels", "weights", "experts", "gemm", "cache", "attend", "collectives", "interference")


@dataclass(frozen=True)
class Law:
    """Parameters as logarithms, in the order of NAMES."""

    logs: Array

    def __getitem__(self, name: str) -> float:
        return float(np.exp(self.logs[_PLACE[name]]))

    def _of_engine(self, name: str, rows: Features) -> Array:
        """The population's value times the deviation of each row's engine; unseen engines have none."""
        factor = np.ones(len(rows))
        for engine in ENGINES:
            factor[rows.engine == engine] = self[f"{name}_{engine}"]
        return factor

    def parts(self, rows: Features) -> Mapping[str, Array]:
        """Seconds of one decode step by what takes them, and of interference a token."""
        amd = rows.vendor == "AMD"
        share = np.where(amd, self["amd"], 1.0)
        floor = np.where(amd, self["kernel_amd"], self["kernel_nvidia"]) * self._of_engine("kernel", rows)
        others = np.where(rows.disaggregated > 0, 0.0, np.maximum(rows.sequences - 1.0, 0.0))
        pushed = self["interference"] * self._of_engine("interference", rows) * others / rows.tokens_out
        each = self["collective"] + self["collective_wide"] * (rows.gpus > 8)
        return {
            "kernels": floor * rows.kernels,
            "weights": rows.weight_s / self["read_weights"] / share,
            "experts": rows.expert_s / self["read_experts"] / share,
            "gemm": rows.gemm_s / self["step_gemm"] / share,
            "cache": rows.cache_s / self["read_cache"] / share,
            "attend": rows.attend_s / self["step_attend"] / share,
            "collectives": rows.collectives * each + rows.link_s / self["link"],
            "interference": pushed * self.prompt(rows),
        }

    def prompt(self, rows: Features) -> Array:
        """Prefill of one prompt by one engine: products or weights' traffic, attention, collectives [s]."""
        share = np.where(rows.vendor == "AMD", self["amd"], 1.0)
        work = np.hypot(rows.prompt_gemm_s / self["prompt_gemm"] / share, rows.prompt_bytes_s / self["prompt_read"])
        attention = rows.prompt_attend_s / self["prompt_attend"] / share
        return np.asarray(work + attention + rows.prompt_link_s / self["prompt_link"])

    def tpot(self, rows: Features) -> Array:
        """Mean time per output token [s]."""
        part = self.parts(rows)
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
        prompt = self.prompt(rows) + self["launch"] * self._of_engine("launch", rows) * rows.layers
        alone = self["service"] * self._of_engine("service", rows) * prompt
        served = self["queue"] * prompt
        clients = np.maximum(rows.clients / rows.prefill_engines, 1.0)
        away = rows.tokens_out * tpot
        crowd = clients * served - away
        steady = 0.5 * (crowd + np.sqrt(crowd**2 + 4.0 * served * away))
        burst = 0.1 * self["burst"] * (clients - 1.0) / 2.0 * served
        admitted = self["admission"] * self._of_engine("admission", rows) * tpot * self.kept(rows)
        apart = self["handover"] + rows.cache_bytes / self["transfer"]
        over = np.maximum(rows.sequences / rows.slots - 1.0, 0.0)
        waiting = self["full"] * over * (away + alone)
        delays = self["arrival"] + np.where(rows.disaggregated > 0, apart, admitted)
        return np.asarray(alone + (steady - served) + burst + delays + waiting)
