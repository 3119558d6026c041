"""What deviates together from the law: the terms and spaces of the kernel, and where the search for their sizes starts.

`make fit` finds every deviation and length scale by marginal likelihood (learn.py) and writes them as data; the numbers
here are medians of their priors.

Source: ours.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from fleetline.calibration.kernel import Kernel, Space, Term
from fleetline.calibration.law import PARTS

QUANTITIES = ("tpot", "ttft", "throughput")

_ENGINE = ("engine", "vendor")
_CELL = ("model", "chip", "engine", "precision", "spec", "apart")
# labels whose rows deviate alike, altogether and the more the nearer they are in load
_EFFECTS: Sequence[tuple[str, ...]] = (
    ("model",),
    ("chip",),
    _ENGINE,
    ("attention",),
    ("precision", "chip"),
    ("model", "precision"),
    ("model", *_ENGINE),
    ("model", "chip"),
    ("chip", "engine"),
    ("model", "spec", "engine"),
    ("engine", "apart", "dp"),
    ("engine", "apart", "prefill_dp"),
    ("model", "chip", "engine", "precision"),
    _CELL,
    ("expert_format", "vendor"),
    ("spec", "engine", "dp"),
)
_OVER_MIX: Sequence[tuple[str, ...]] = ((), ("chip",), _ENGINE, ("model",), ("model", *_ENGINE), _CELL)
_OVER_LAYOUT: Sequence[tuple[str, ...]] = (_ENGINE, ("model", *_ENGINE), _CELL)

# How far apart rows may lie and still say something of each other: in logarithms, root shares and yes or no.
_SPACES: Mapping[str, Space] = MappingProxyType(
    {
        "mix": Space({f"mix_{part}": 0.4 for part in PARTS}),
        "load": Space({"sequences": 2.4, "gpus": 3.0, "input": 5.0, "output": 4.0, "dp": 2.0, "spec": 1.4, "apart": 1.0}),
        "layout": Space(
            {
                **{"sequences": 4.0, "gpus": 1.6, "input": 4.0, "output": 5.0, "dp": 2.0, "ep": 2.2, "spec": 0.8},
                **{"apart": 1.0, "engines": 2.7, "ratio": 2.3, "prefill": 2.5, "guessed": 0.6},
            },
            heavy=True,
        ),
    }
)
# median of the prior of a deviation [log], of a row's noise, and of what rows of one configuration share besides
_SIZES: Mapping[str, tuple[float, float, float]] = MappingProxyType(
    {"tpot": (0.05, 0.05, 0.04), "ttft": (0.10, 0.12, 0.06), "throughput": (0.05, 0.05, 0.04)}
)


def start(quantity: str) -> Kernel:
    """The kernel of a quantity before anything is learned."""
    size, noise, configuration = _SIZES[quantity]
    terms = (
        *(Term(labels, "", size) for labels in _EFFECTS),
        Term(("kind", "engine"), "", 0.02),
        *(Term(labels, "load", size) for labels in ((), *_EFFECTS)),
        *(Term(labels, "mix", size) for labels in _OVER_MIX),
        *(Term(labels, "layout", size) for labels in _OVER_LAYOUT),
    )
    return Kernel(terms, _SPACES, noise, configuration)


def written(kernel: Kernel) -> list[tuple[str, str, str, float]]:
    """A kernel as rows of (what, labels or coordinate, space, number)."""
    rows: list[tuple[str, str, str, float]] = [
        ("deviation", "+".join(term.labels) or "all", term.space or "constant", term.deviation) for term in kernel.terms
    ]
    for name, space in kernel.spaces.items():
        rows += [("length", each, name, scale) for each, scale in space.scales.items()]
    return [*rows, ("noise", "row", "constant", kernel.noise), ("noise", "configuration", "constant", kernel.configuration)]


def read(rows: Sequence[tuple[str, str, str, float]]) -> Kernel:
    """The kernel that `written` gave."""
    terms = tuple(
        Term(() if of == "all" else tuple(of.split("+")), "" if space == "constant" else space, number)
        for what, of, space, number in rows
        if what == "deviation"
    )
    spaces = {
        name: Space({of: number for what, of, space, number in rows if (what, space) == ("length", name)}, known.heavy)
        for name, known in _SPACES.items()
    }
    noise = {of: number for what, of, _, number in rows if what == "noise"}
    return Kernel(terms, MappingProxyType(spaces), noise["row"], noise["configuration"])
