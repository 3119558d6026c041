"""Frozen values of the catalog, in SI units. Unknown stays None: nothing is borrowed from another chip or precision."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from fleetline.architecture.attention import Numbers
from fleetline.errors import InputError

# What a chip without units for a precision computes such weights in: they are expanded to bf16 first (weight-only
# quantisation, "W4A16"). Source: SemiAnalysisAI/InferenceX dsv4_fp8_h200_sglang recipe (Marlin), physics notes section 2.
FALLBACK_PRECISION = "bf16"


@dataclass(frozen=True)
class Chip:
    """One accelerator; rates are dense peaks, links one direction.

    Attributes:
        name: as the specification table names it.
        hbm_capacity: usable memory where known, else the label's [byte].
        hbm_bandwidth: [byte/s].
        peak: arithmetic peak by precision (fp4, fp8, bf16) [FLOP/s].
        scaleup_bandwidth: per chip, one direction [byte/s].
        scaleup_domain: chips that share the fast links.
        rent: three-year rental [USD/s]. own: what owning costs at hyperscaler volume, capital and power included [USD/s].
        all_in_power: chip with its share of host and network [W].
    """

    name: str
    hbm_capacity: float | None = None
    hbm_bandwidth: float | None = None
    peak: Mapping[str, float] | None = None
    scaleup_bandwidth: float | None = None
    scaleup_domain: int | None = None
    rent: float | None = None
    own: float | None = None
    all_in_power: float | None = None


@dataclass(frozen=True)
class System:
    """`gpus` chips in one scale-up domain, or part of it."""

    name: str
    chip: Chip
    gpus: Numbers

    @property
    def hbm_bandwidth(self) -> Numbers:
        """Of all chips together [byte/s]."""
        return self.gpus * self._known("hbm_bandwidth", self.chip.hbm_bandwidth)

    @property
    def hbm_capacity(self) -> Numbers:
        """Of all chips together [byte]."""
        return self.gpus * self._known("hbm_capacity", self.chip.hbm_capacity)

    @property
    def rent(self) -> Numbers | None:
        """Of all chips together [USD/s]; None where no price is known."""
        return None if self.chip.rent is None else self.gpus * self.chip.rent

    @property
    def own(self) -> Numbers | None:
        """What owning all chips costs [USD/s]; None where it is not known."""
        return None if self.chip.own is None else self.gpus * self.chip.own

    @property
    def power(self) -> Numbers | None:
        """Of all chips together, host and network included [W]; None where it is not known."""
        return None if self.chip.all_in_power is None else self.gpus * self.chip.all_in_power

    def peak(self, precision: str) -> Numbers:
        """Arithmetic of all chips together at `precision`, or in bf16 on chips without it [FLOP/s]."""
        peaks = self.chip.peak or {}
        found = peaks.get(precision, peaks.get(FALLBACK_PRECISION))
        either = precision if precision == FALLBACK_PRECISION else f"{precision} or {FALLBACK_PRECISION}"
        return self.gpus * self._known(f"{either} peak", found)

    def part(self, gpus: Numbers) -> System:
        """The same system with `gpus` of its chips.

        Raises:
            InputError: not a whole number of chips, fewer than one, or more than it has.
        """
        wanted = np.asarray(gpus, dtype=float)
        wrong = ~((wanted >= 1) & (wanted <= self.gpus) & (wanted == np.floor(wanted)))
        if np.any(wrong):
            raise InputError(
                f"gpus: {wanted[wrong].flat[0]:g} is not a whole number within 1..{self.gpus}, the chips of {self.name}",
                field="gpus",
                got=float(wanted[wrong].flat[0]),
                allowed=f"1..{self.gpus}",
            )
        return replace(self, gpus=gpus)

    def _known(self, what: str, value: float | None) -> float:
        if value is None:
            raise InputError(f"system {self.name}: no {what} is known of {self.chip.name}", field="system", got=self.name)
        return value


@dataclass(frozen=True)
class NumberFormat:
    """How a weight is stored and in which precision it is multiplied: block scales count as storage [byte].

    Attributes:
        kernel: which measured kernels multiply it, as the table `kernels` calls their precision; "" as it is computed.
        without_fp4: what a chip without fp4 arithmetic runs such weights as; None where nothing changes.
    """

    name: str
    bytes_per_weight: float
    compute_precision: str
    kernel: str = ""
    without_fp4: NumberFormat | None = None

    @property
    def law(self) -> str:
        """The precision its kernels have in the table `kernels`."""
        return self.kernel or self.compute_precision

    def on(self, chip: Chip) -> NumberFormat:
        """As the chip really runs it."""
        return self.without_fp4 if self.without_fp4 is not None and "fp4" not in (chip.peak or {}) else self


@dataclass(frozen=True)
class Checkpoint:
    """One published set of weights: the format of every part, and of the KV cache."""

    name: str
    model: str
    label: str
    formats: Mapping[str, NumberFormat]
    kv_cache: NumberFormat

    @property
    def attention_precision(self) -> str:
        """Attention's scores and sums are computed in the precision of the cache they read."""
        return self.kv_cache.compute_precision

    def on(self, chip: Chip) -> Checkpoint:
        """As the chip really runs it: weights it has no arithmetic for are expanded, by kernels of their own."""
        return replace(self, formats={part: stored.on(chip) for part, stored in self.formats.items()})


@dataclass(frozen=True)
class KernelLaw:
    """One kernel's time: latency + max(FLOP / (compute_share * peak), traffic, walk * k).

    traffic = bytes / (bandwidth_share * bandwidth) + activation bytes / (activation_share * bandwidth): what experts hand
    their tokens reaches a share of its own. `walk` is the time that a product of few rows takes for each element of its
    inner dimension k, which it goes along in steps whatever the bytes [s]. The default is a kernel that starts at once and
    runs at peak, without activations.
    """

    latency: float = 0.0
    compute_share: float = 1.0
    bandwidth_share: float = 1.0
    activation_share: float = math.inf
    walk: float = 0.0


@dataclass(frozen=True)
class CollectiveLaw:
    """One message's time: latency + latency_per_doubling * log2(group / 2) + bytes sent / (bandwidth_share * link)."""

    latency: float
    latency_per_doubling: float
    bandwidth_share: float


@dataclass(frozen=True)
class Timings:
    """Measured laws of one chip, as one framework or the middle of all starts its kernels.

    Attributes:
        kernels: by operation and precision ("" where none is told apart).
        collectives: by operation, over the scale-up links.
        scale_out_latency: of a message that leaves the scale-up domain [s].
        scale_out_bandwidth: of each chip's link beyond the domain, as reached [byte/s].
        imbalance: scale and power of exp(scale * log2(ep) ** power), the busiest expert rank's load over the mean.
        measured: whether the kernels are this chip's own, or defaults.
    """

    kernels: Mapping[tuple[str, str], KernelLaw]
    collectives: Mapping[str, CollectiveLaw]
    scale_out_latency: float
    scale_out_bandwidth: float
    imbalance: tuple[float, float]
    measured: bool


@dataclass(frozen=True)
class Preset:
    """A named way of counting and its efficiencies.

    Attributes:
        compute_efficiency: reached share of peak arithmetic [1].
        bandwidth_efficiency: reached share of memory bandwidth [1].
        step_latency: time of a decode pass besides work [s].
        counting: `article` (published sizes, one precision) or `checkpoint` (exact dimensions, formats of the checkpoint).
        costs: `shares` (the three numbers alone) or `kernels` (on top of each kernel's measured latency and shares).
        intervals: 90% interval of the three where they were fitted.
        tpot_spread, ttft_spread: 5% and 95% points of log(measured / predicted), NaN where none is known.
    """

    name: str
    compute_efficiency: float
    bandwidth_efficiency: float
    step_latency: float
    counting: str
    costs: str = "shares"
    intervals: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    tpot_spread: tuple[float, float] = (math.nan, math.nan)
    ttft_spread: tuple[float, float] = (math.nan, math.nan)
