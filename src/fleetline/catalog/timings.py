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
_NOT_KERNELS = (*COLLECTIVES, "imbalance", "scale_out")

Laws = Mapping[tuple[str, str], Mapping[str, float]]


def timings_of(table: Iterable[KernelTimeRow], chips: Mapping[str, Chip]) -> dict[str, Timings]:
    """The laws of every chip, in the precisions it has; those of `any` where it has none of its own.

    Raises:
        InputError: a chip that is not in the catalog.
    """
    laws: dict[str, dict[tuple[str, str], dict[str, float]]] = defaultdict(lambda: defaultdict(dict))
    for row in table:
        if row.chip != _ANY and row.chip not in chips:
            raise fault(row, "chip", f"got '{row.chip}', no chip of chip_specs.csv")
        laws[row.chip][row.operation, row.precision or ""][row.quantity] = row.si
    unnamed = _timings(laws[_ANY], {})
    return {_ANY: unnamed} | {name: _of_chip(laws[_ANY], laws[name], chip) for name, chip in chips.items()}


def _of_chip(default: Laws, own: Laws, chip: Chip) -> Timings:
    known = {"", *(chip.peak or {})}
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
