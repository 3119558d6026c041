"""Rows of `kernels` -> Timings: the laws of every chip that is measured, over those of any chip."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from fleetline.catalog.rows import KernelTimeRow
from fleetline.catalog.tables import fault
from fleetline.catalog.types import Chip, CollectiveLaw, KernelLaw, Timings

_ANY = "any"
COLLECTIVES = ("all_reduce", "all_gather", "reduce_scatter", "dispatch", "combine")
# "": all of them together
FRAMEWORKS = ("", "vllm", "sglang", "trt-llm", "atom")
_NOT_KERNELS = (*COLLECTIVES, "imbalance", "scale_out")

Laws = Mapping[tuple[str, str], Mapping[str, float]]


def timings_of(table: Iterable[KernelTimeRow], chips: Mapping[str, Chip]) -> dict[tuple[str, str], Timings]:
    """The laws of every chip and framework ("": all of them), in the precisions the chip has; else those of any chip.

    Raises:
        InputError: a chip that is not in the catalog.
    """
    laws: dict[tuple[str, str], dict[tuple[str, str], dict[str, float]]] = defaultdict(lambda: defaultdict(dict))
    for row in table:
        if row.chip != _ANY and row.chip not in chips:
            raise fault(row, "chip", f"got '{row.chip}', no chip of chip_specs.csv")
        laws[row.chip, row.framework or ""][row.operation, row.precision or ""][row.quantity] = row.si
    found = {}
    for framework in FRAMEWORKS:
        default = {**laws[_ANY, ""], **laws[_ANY, framework]}
        found[_ANY, framework] = _timings(default, {})
        for name, chip in chips.items():
            own = {**laws[name, ""], **(laws[_ANY, framework] if framework else {}), **laws[name, framework]}
            found[name, framework] = _of_chip(default, own, chip)
    return found


def _of_chip(default: Laws, own: Laws, chip: Chip) -> Timings:
    """A chip's own laws over those of any; of the latter none for arithmetic it does not have, nor for whole blocks."""
    known = {"", "int4", "w4a16", *(chip.peak or {})}
    return _timings({**{key: law for key, law in default.items() if key[1] in known}, **own}, own)


def _timings(laws: Laws, own: Laws) -> Timings:
    imbalance, scale_out = laws["imbalance", ""], laws["scale_out", ""]
    kernels = {key: KernelLaw(**law) for key, law in laws.items() if key[0] not in _NOT_KERNELS}
    return Timings(
        kernels=MappingProxyType(kernels),
        collectives=MappingProxyType({name: CollectiveLaw(**laws[name, ""]) for name in COLLECTIVES}),
        scale_out_latency=scale_out["latency"],
        scale_out_bandwidth=scale_out["bandwidth"],
        imbalance=(imbalance["scale"], imbalance["power"]),
        measured=any(operation == "gemm" and precision for operation, precision in own),
    )
