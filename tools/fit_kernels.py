"""Condense measured kernel and collective times into the catalog's table `kernels`: `make kernels`.

    python tools/fit_kernels.py ../shared/data/kernels src/fleetline/catalog/data

Three kinds of laws, a row a number, each of one chip:

* collectives: t = latency + latency_per_doubling * log2(group / 2) + bytes a GPU sends / (bandwidth_share * link), fitted
  to the fastest kernel measured for every group and message, as frameworks pick them (soft-L1 on the logarithm);
* kernels: t = latency + max(FLOP / (compute_share * peak), bytes / (bandwidth_share * bandwidth)), the median over
  frameworks of the collection's own fits (latency and bandwidth at few tokens, arithmetic at many);
* experts at many tokens: the median share of peak reached from 4,096 tokens on, from the samples.

Shares are of the catalog's own peaks and bandwidths. Points of MI300X are those the physics notes quote.
"""

from __future__ import annotations

import csv
import sys
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path

import duckdb
import numpy as np
import numpy.typing as npt
from scipy.optimize import least_squares

from fleetline.catalog import load
from fleetline.catalog.types import Chip

Array = npt.NDArray[np.float64]
Line = tuple[str, ...]

CHIPS = {
    "A100": "A100 SXM 80GB",
    "H100": "H100 SXM",
    "H200": "H200 SXM",
    "B200": "B200 SXM",
    "B300": "B300 SXM",
    "GB200": "GB200 NVL72",
    "GB300": "GB300 NVL72",
}
MEASURED = "ai-dynamo/aiconfigurator 0.12.0 (Apache-2.0), measured kernel times"
AMD = "https://github.com/sgl-project/sglang/issues/6619, all-reduce of 4 MI300X, as collected in physics notes section 3"
DEFAULT = "ai-dynamo/aiconfigurator @095f58a: 0.8 and 3 us without data, as collected in physics notes section 7"
GUESS = "guess"

# bytes one GPU sends, of each byte of the buffer, in a group of g: Thakur et al. 2005 (doi:10.1177/1094342005051521)
TRAVEL: dict[str, Callable[[Array], Array]] = {
    "all_reduce": lambda g: 2.0 * (g - 1.0) / g,
    "all_gather": lambda g: (g - 1.0) / g,
    "reduce_scatter": lambda g: (g - 1.0) / g,
}
EXCHANGES = {"dispatch": 1.0, "combine": 2.0}  # bytes of a value: fp8 to the experts, bf16 back
MI300X_POINTS = [(2e3, 7.2), (256e3, 14.4), (1e6, 22.9), (2e6, 36.6), (8e6, 118.0)]  # bytes, microseconds

# name here -> (operation of the collection, condition on the precision column, condition of few tokens, of many)
KERNELS = {
    ("gemm", "bf16"): ("gemm", "weights = 'bf16'", "regime = 'm 1-16'", "regime like 'm 512%'"),
    ("gemm", "fp8"): ("gemm", "weights in ('fp8', 'fp8_block')", "regime = 'm 1-16'", "regime like 'm 512%'"),
    ("gemm", "fp4"): ("gemm", "weights = 'nvfp4'", "regime = 'm 1-16'", "regime like 'm 512%'"),
    ("experts", "bf16"): ("moe", "activations = 'bf16'", "regime like 'tokens 1-128%'", ""),
    ("experts", "fp8"): ("moe", "activations in ('fp8', 'mxfp8')", "regime like 'tokens 1-128%'", ""),
    ("experts", "fp4"): ("moe", "activations in ('nvfp4', 'mxfp4')", "regime like 'tokens 1-128%'", ""),
    ("grouped decode", "bf16"): ("attention_decode", "kv_cache = 'bf16' and variant like '%window 0'", "true", ""),
    ("grouped decode", "fp8"): ("attention_decode", "kv_cache = 'fp8' and variant like '%window 0'", "true", ""),
    ("grouped prefill", "bf16"): ("attention_prefill", "activations = 'bf16' and variant like '%window 0'", "true", "true"),
    ("grouped prefill", "fp8"): ("attention_prefill", "activations = 'fp8' and variant like '%window 0'", "true", "true"),
    ("latent decode", "bf16"): ("mla_attention_decode", "kv_cache = 'bf16'", "true", "true"),
    ("latent decode", "fp8"): ("mla_attention_decode", "kv_cache = 'fp8'", "true", "true"),
    ("latent prefill", "bf16"): ("mla_attention_prefill", "kv_cache = 'bf16'", "true", "true"),
    ("latent prefill", "fp8"): ("mla_attention_prefill", "kv_cache = 'fp8'", "true", "true"),
    ("recurrent decode", "bf16"): ("gdn_decode", "true", "true", ""),
    ("recurrent prefill", "bf16"): ("gdn_prefill", "true", "true", "true"),
}  # fmt: skip
# precision of an operation here -> the precisions its weights are counted at in the collection's samples of experts
SAMPLED = {
    "bf16": "activations = 'bf16'",
    "fp8": "activations in ('fp8', 'mxfp8')",
    "fp4": "activations in ('nvfp4', 'mxfp4')",
}


def main(kernels: Path, data: Path) -> None:
    """Write kernels.csv."""
    duckdb.execute(
        """create or replace table moe as select chip, activations, distribution, time_us::double as time_us,
        try_cast(tokens as double) as tokens, try_cast(hidden as double) as hidden, try_cast(inter as double) as inter,
        try_cast(topk as double) as topk, try_cast(tp as double) as tp, try_cast(ep as double) as ep,
        try_cast(busiest_rank_pairs as double) as busiest_rank_pairs
        from read_csv(?, nullstr='', all_varchar=true) where operation = 'moe'""",
        [str(kernels / "kernel_samples.csv.gz")],
    )
    chips = {label: load().chips[name] for label, name in CHIPS.items()}
    lines: list[Line] = []
    for label, chip in chips.items():
        lines += collectives(kernels / "collectives.csv", label, chip)
        lines += laws(kernels / "kernel_fits.csv", label, chip)
        lines += experts_at_many_tokens(label, chip)
    lines += defaults(lines) + amd(load().chips["MI300X"]) + imbalance() + scale_out(kernels / "collectives.csv")
    header = ("chip", "operation", "precision", "quantity", "value", "unit", "source", "note")
    with (data / "kernels.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([header, *lines])


def collectives(path: Path, label: str, chip: Chip) -> list[Line]:
    """Every collective of one chip within its fast links; those without a row are not measured."""
    lines: list[Line] = []
    for name in ("all_reduce", "all_gather", "reduce_scatter"):
        points = duckdb.execute(
            """select group_size, bytes, min(time_us) from read_csv(?, nullstr='')
            where operation = ? and chip = ? and bytes > 0 group by all order by all""",
            [str(path), name, label],
        ).fetchall()
        if points:
            found = np.array(points, dtype=float)
            lines += collective(name, chip, found, TRAVEL[name](found[:, 0]) * found[:, 1], MEASURED)
    for name, value_bytes in EXCHANGES.items():
        found = exchanges(path, name, label, "coalesce(nodes, 1) = 1")
        if len(found):
            group, tokens = found[:, 0], found[:, 1]
            sent = exchanged(group, tokens, found[:, 2], found[:, 3], value_bytes)
            lines += collective(name, chip, np.column_stack([group, tokens, found[:, 4]]), sent, MEASURED)
    return lines


def exchanges(path: Path, name: str, label: str, where: str) -> Array:
    """Group, tokens a rank, hidden width, top-k and the least time [us] of every measured dispatch or combine.

    Kernels whose names begin in small letters are left out: their rows stand in nanoseconds.
    """
    rows = duckdb.execute(
        f"""select group_size, tokens, hidden, topk, min(time_us), max(coalesce(nodes, 1)) from read_csv(?, nullstr='')
        where operation = ? and chip = ? and (kernel like 'DeepEP%' or kernel like 'NVLink%') and {where}
          and (operation = 'moe_combine' or coalesce(dtype, '') <> 'nvfp4') and hidden is not null and topk is not null
        group by group_size, tokens, hidden, topk order by all""",  # noqa: S608  (our own texts)
        [str(path), f"moe_{name}", label],
    ).fetchall()
    return np.array(rows, dtype=float).reshape(-1, 6)


def exchanged(group: Array, tokens: Array, hidden: Array, topk: Array, value_bytes: float) -> Array:
    """Bytes that leave one GPU: each token once to every other GPU that has one of its experts [byte]."""
    distinct = group * (1.0 - (1.0 - 1.0 / group) ** topk)
    return np.asarray(tokens * distinct * (group - 1.0) / group * hidden * value_bytes)


def scale_out(path: Path) -> list[Line]:
    """The link beyond a board: DeepEP across 2 to 8 boards of 8 H100, bytes that leave the board."""
    sent, seconds = [], []
    for name, value_bytes in EXCHANGES.items():
        found = exchanges(path, name, "H100", "nodes > 1")
        nodes = found[:, 5]  # a token travels once to every other board, and on from there over the fast links
        sent.append(exchanged(nodes, found[:, 1], found[:, 2], found[:, 3], value_bytes))
        seconds.append(found[:, 4] * 1e-6)
    traffic, measured = np.concatenate(sent), np.concatenate(seconds)

    def law(logs: Array) -> Array:
        return np.exp(logs[0]) + traffic / np.exp(logs[1])  # type: ignore[no-any-return]

    found_law = least_squares(lambda x: np.log(law(x) / measured), np.log([5e-5, 5e10]), loss="soft_l1", f_scale=0.15)
    error = np.median(np.abs(np.log(law(found_law.x) / measured)))
    note = f"{len(measured)} points of DeepEP on 16 to 64 H100 with one 400 Gb/s card each, median error {error:.2f}"
    return [
        ("any", "scale_out", "", "latency", f"{np.exp(found_law.x[0]):.4g}", "s", MEASURED, note),
        ("any", "scale_out", "", "bandwidth", f"{np.exp(found_law.x[1]) / 1e9:.4g}", "GB/s", MEASURED, note),
    ]


def collective(name: str, chip: Chip, points: Array, sent: Array, source: str) -> list[Line]:
    """Latency, latency a doubling of the group, and share of the link: `points` of group, size and microseconds."""
    link = chip.scaleup_bandwidth or float("nan")
    group, seconds, traffic = points[:, 0], points[:, 2] * 1e-6, sent / link
    several = len(set(group)) > 1

    def law(logs: Array) -> Array:
        first, per_doubling, share = np.exp(logs)
        return first + several * per_doubling * (np.log2(group) - 1.0) + traffic / share  # type: ignore[no-any-return]

    start = np.log([5e-6, 1e-6, 0.5])
    found = least_squares(lambda logs: np.log(law(logs) / seconds), start, loss="soft_l1", f_scale=0.15)
    error = np.median(np.abs(np.log(law(found.x) / seconds)))
    first, per_doubling, share = np.exp(found.x)
    groups = "/".join(f"{each:g}" for each in sorted(set(group)))
    note = f"{len(points)} points, groups of {groups}, median error {error:.2f}"
    return [
        (chip.name, name, "", "latency", f"{first:.4g}", "s", source, note + "; at a group of 2" * several),
        (chip.name, name, "", "latency_per_doubling", f"{per_doubling if several else 0.0:.4g}", "s", source, note),
        (chip.name, name, "", "bandwidth_share", f"{min(share, 1.0):.4g}", "1", source, note),
    ]


def laws(path: Path, label: str, chip: Chip) -> list[Line]:
    """Kernels of one chip; the median over frameworks and shapes of the collection's fits."""
    lines: list[Line] = []
    for (name, precision), (operation, which, few, many) in KERNELS.items():
        peak, bandwidth = (chip.peak or {}).get(precision), chip.hbm_bandwidth
        if peak is None or bandwidth is None:
            continue
        # physics notes, section 7, and the collection's artefacts: TRT-LLM's fp8 GEMM carries its quantisation
        artefact = "and not (operation = 'gemm' and framework = 'TRT-LLM' and weights = 'fp8')"
        query = f"""select median(t0_us) * 1e-6, median(f_bandwidth * ref_bandwidth_TBps) * 1e12, count(*),
            median(f_compute * ref_peak_TFLOPs) * 1e12 from read_csv(?, nullstr='')
            where operation = ? and chip = ? and form is not null and ({which}) {artefact}"""  # noqa: S608  (our own texts)
        least = duckdb.execute(f"{query} and ({few})", [str(path), operation, label]).fetchone()
        most = duckdb.execute(f"{query} and ({many or 'false'})", [str(path), operation, label]).fetchone()
        if least is None or not least[2]:
            continue
        note = f"median of {least[2]} fits over frameworks and shapes"
        lines.append((chip.name, name, precision, "latency", f"{least[0]:.4g}", "s", MEASURED, note))
        if least[1]:
            share = min(least[1] / bandwidth, 1.0)
            lines.append((chip.name, name, precision, "bandwidth_share", f"{share:.4g}", "1", MEASURED, note))
        if most is not None and most[3]:
            share = min(most[3] / peak, 1.0)
            note = f"median of {most[2]} fits at many tokens"
            lines.append((chip.name, name, precision, "compute_share", f"{share:.4g}", "1", MEASURED, note))
    return lines


def experts_at_many_tokens(label: str, chip: Chip) -> list[Line]:
    """Share of peak that the fused expert kernel reaches from 4,096 tokens on; FLOP: 6 x pairs x hidden x inner / tp."""
    lines: list[Line] = []
    for precision, which in SAMPLED.items():
        peak = (chip.peak or {}).get(precision)
        found = duckdb.execute(
            f"""select median(6.0 * busiest_rank_pairs * hidden * inter / tp / (time_us * 1e-6)), count(*)
            from moe where chip = ? and tokens >= 4096 and {which}""",  # noqa: S608
            [label],
        ).fetchone()
        if peak is not None and found is not None and found[1]:
            note = f"median of {found[1]} points from 4,096 tokens on, TP 1-8, EP 1-64"
            share = f"{min(found[0] / peak, 1.0):.4g}"
            lines.append((chip.name, "experts", precision, "compute_share", share, "1", MEASURED, note))
    return lines


def imbalance() -> list[Line]:
    """Pairs on the busiest rank over the mean: exp(scale * log2(ep) ** power), least squares on its logarithm."""
    points = duckdb.execute(
        """select ep, median(busiest_rank_pairs / (tokens * topk / ep)) from moe where ep > 1 and tokens > 32
        and distribution like 'power_law%' group by ep order by ep"""
    ).fetchall()
    measured = np.array(points, dtype=float)
    doublings, logs = np.log2(measured[:, 0]), np.log(measured[:, 1])
    found = least_squares(lambda x: x[0] * doublings ** x[1] - logs, [0.05, 1.5])
    said = ", ".join(f"EP{ep:g} {ratio:.2f}" for ep, ratio in points)
    note = f"busiest rank over mean = exp(scale * log2(ep)**power); medians above 32 tokens: {said}"
    return [
        ("any", "imbalance", "", "scale", f"{found.x[0]:.4g}", "1", MEASURED + ", power_law_1.01 traces", note),
        ("any", "imbalance", "", "power", f"{found.x[1]:.4g}", "1", MEASURED + ", power_law_1.01 traces", note),
    ]


def amd(chip: Chip) -> list[Line]:
    """All-reduce of MI300X, from the few points that are public."""
    points = np.array([(4.0, size, time) for size, time in MI300X_POINTS])
    return collective("all_reduce", chip, points, TRAVEL["all_reduce"](points[:, 0]) * points[:, 1], AMD)


def defaults(measured: Sequence[Line]) -> list[Line]:
    """What is taken where nothing is measured: the median of the chips that are, and said to be a guess."""
    numbers: dict[tuple[str, str, str, str], list[float]] = defaultdict(list)
    for _, operation, precision, quantity, value, unit, _, _ in measured:
        numbers[operation, precision, quantity, unit].append(float(value))
    note = "median of the chips that are measured"
    lines: list[Line] = [
        ("any", operation, precision, quantity, f"{np.median(values):.4g}", unit, GUESS, note)
        for (operation, precision, quantity, unit), values in numbers.items()
    ]
    small = "norms, rotary, cache write, activation function"
    return [*lines, ("any", "small", "", "latency", "3e-06", "s", DEFAULT, small)]


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
