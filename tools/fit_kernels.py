"""Condense measured kernel and collective times into the catalog's table `kernels`: `make kernels`.

    python tools/fit_kernels.py ../shared/data/kernels src/fleetline/catalog/data

A row a number, each of one chip, in one framework or (no framework) over the points of all:

* collectives: t = latency + latency_per_doubling * log2(group / 2) + bytes a GPU sends / (bandwidth_share * link), fitted
  to the fastest kernel measured for every group and message, as frameworks pick them (soft-L1 on the logarithm);
* kernels and whole attention blocks: the law of `KernelLaw`, t = latency + max(FLOP, traffic, walk), fitted the same way to
  the fastest kernel measured for every shape. FLOP and bytes are those the package itself counts for that shape;
* A100, of which there are no samples: the median over frameworks of the collection's own fits.

Shares are of the catalog's own peaks and bandwidths. Points of MI300X are those the physics notes quote.
What the collection calls artefacts is left out (`ARTEFACTS`).
"""

from __future__ import annotations

import csv
import math
import sys
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
from scipy.optimize import least_squares

from fleetline.architecture.attention import Attention, Compressed, GroupedQuery, Indexer, Latent, Recurrent
from fleetline.architecture.model import AttentionLayers, Model, WeightPart
from fleetline.catalog import Checkpoint, System, load
from fleetline.catalog.types import Chip
from fleetline.physics.roofline import Efficiency, operation_time
from fleetline.physics.stages import Stage
from fleetline.physics.work import Operation, decode_work, prefill_work

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

FRAMEWORKS = {
    "": "true",
    "vllm": "framework = 'vLLM'",
    "sglang": "framework = 'SGLang'",
    "trt-llm": "framework = 'TRT-LLM'",
}
# README of the collection, Artefacts: TRT-LLM's fp8 GEMM carries its quantisation; vLLM's latent block has a floor of 84 to
# 117 us on three chips that its other two frameworks do not have; TRT-LLM's M3 blocks are slow
# fallbacks; SGLang's latent blocks lack the projections to the latent and to the query's rank
ARTEFACTS = """not (operation = 'gemm' and framework = 'TRT-LLM' and weights = 'fp8')
    and not (operation = 'gemm' and framework = 'vLLM' and weights = 'fp8_block')
    and not (operation like 'msa_block%' and framework = 'TRT-LLM')
    and not (operation like 'mla_block%' and framework = 'SGLang')
    and not (operation = 'mla_block_decode' and framework = 'vLLM' and chip in ('H100', 'H200', 'B300'))"""
# and the floors of prefill of its sparse blocks are the host's, which the row `eager layer` has
HOSTED = {("vllm", "sparse latent block prefill"), ("vllm", "sparse grouped block prefill")}
DISPATCH = "ai-dynamo/aiconfigurator @095f58a vllm_backend: 0.8 ms a layer, as collected in physics notes section 4"
REPLAY = "https://github.com/ahrefs/ocannl/issues/488: about 15 us a graph replay, as collected in physics notes section 4"
POINTS, LEAST = 1500, 20  # fitted of each law at most and at least

# name here -> (operation of the collection, condition on the precision column, condition of few tokens, of many)
KERNELS = {
    ("gemm", "bf16"): ("gemm", "weights = 'bf16'", "regime = 'm 1-16'", "regime like 'm 512%'"),
    ("experts", "bf16"): ("moe", "activations = 'bf16'", "regime like 'tokens 1-128%'", ""),
    ("grouped decode", "bf16"): ("attention_decode", "kv_cache = 'bf16' and variant like '%window 0'", "true", ""),
    ("grouped prefill", "bf16"): ("attention_prefill", "activations = 'bf16' and variant like '%window 0'", "true", "true"),
    ("latent decode", "bf16"): ("mla_attention_decode", "kv_cache = 'bf16'", "true", "true"),
    ("latent prefill", "bf16"): ("mla_attention_prefill", "kv_cache = 'bf16'", "true", "true"),
    ("recurrent decode", "bf16"): ("gdn_decode", "true", "true", ""),
    ("recurrent prefill", "bf16"): ("gdn_prefill", "true", "true", "true"),
}  # fmt: skip


def main(kernels: Path, data: Path) -> None:
    """Write kernels.csv."""
    duckdb.execute(
        f"""create or replace table samples as select * replace (time_us::double as time_us)
        from read_csv(?, nullstr='', all_varchar=true) where {ARTEFACTS}""",  # noqa: S608  (our own texts)
        [str(kernels / "kernel_samples.csv.gz")],
    )
    chips = {label: load().chips[name] for label, name in CHIPS.items()}
    lines: list[Line] = []
    for label, chip in chips.items():
        for framework, where in FRAMEWORKS.items():
            lines += collectives(kernels / "collectives.csv", label, chip, framework, where)
            lines += fitted(label, chip, framework, where)
        lines += laws(kernels / "kernel_fits.csv", label, chip) if label == "A100" else []
    lines += defaults(lines) + amd(load().chips["MI300X"]) + imbalance() + scale_out(kernels / "collectives.csv")
    header = ("chip", "framework", "operation", "precision", "quantity", "value", "unit", "source", "note")
    with (data / "kernels.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([header, *lines])


@dataclass(frozen=True)
class Points:
    """Shapes of one kernel: arithmetic and traffic at full rates [s], inner dimension, measured time [s].

    `before` is what of that time another law already explains [s].
    """

    compute: Array
    bandwidth: Array
    activation: Array
    depth: Array
    seconds: Array
    before: Array | float = 0.0


def select(operation: str, label: str, where: str, columns: Sequence[str]) -> list[Array]:
    """The named columns of every shape measured, and last the time of each framework's fastest kernel for it [s]."""
    listed = ", ".join(f"try_cast({name} as double)" for name in columns)
    rows = duckdb.execute(
        f"""select {listed}, min(time_us) * 1e-6, framework from samples where operation = ? and chip = ? and {where}
        group by all order by all""",  # noqa: S608  (our own texts)
        [operation, label],
    ).fetchall()
    return list(np.array([row[:-1] for row in rows], dtype=float).reshape(-1, len(columns) + 1).T)


def gemm(label: str, chip: Chip, where: str, precision: str) -> Points:
    """Dense products m x k by k x n."""
    stored = {"bf16": "('bf16')", "fp8": "('fp8', 'fp8_block')", "fp4": "('nvfp4')"}[precision]
    m, n, k, seconds = select("gemm", label, f"{where} and weights in {stored}", ("m", "n", "k"))
    size = load().format({"fp4": "nvfp4"}.get(precision, precision)).bytes_per_weight
    peak, bandwidth = rates(chip, precision)
    return Points(2.0 * m * n * k / peak, n * k * size / bandwidth, np.zeros_like(m), k, seconds)


# precision here -> weights, activations, format, arithmetic
EXPERTS = {
    "bf16": ("bf16", "bf16", "bf16", "bf16"),
    "fp8": ("fp8_block", "fp8", "fp8_block", "fp8"),
    "fp4": ("nvfp4", "nvfp4", "nvfp4", "fp4"),
    "int4": ("int4", "bf16", "int4", "bf16"),
    "w4a8": ("mxfp4", "mxfp8", "mxfp4_w4a8", "fp8"),
    "w4a16": ("mxfp4", "bf16", "mxfp4_w4a16", "bf16"),
}


def experts(label: str, chip: Chip, where: str, precision: str) -> Points:
    """Fused experts of the busiest rank: 6 x pairs x hidden x inner FLOP; weights of the distinct ones; their tokens."""
    weights, handed, stored, computed = EXPERTS[precision]
    where = f"{where} and weights = '{weights}' and activations = '{handed}' and distribution like 'power_law%'"
    names = ("hidden", "inter", "tp", "busiest_rank_pairs", "busiest_rank_experts", "tokens", "ep")
    hidden, inner, tp, pairs, distinct, *_, seconds = select("moe", label, where, names)
    peak, bandwidth = rates(chip, computed)
    flop = 6.0 * pairs * hidden * inner / tp
    held = 3.0 * distinct * hidden * inner / tp * load().format(stored).bytes_per_weight
    return Points(flop / peak, held / bandwidth, (4.0 * pairs * hidden + flop / hidden) / bandwidth, 0.0 * flop, seconds)


def rates(chip: Chip, precision: str) -> tuple[float, float]:
    """Peak, in bf16 where the chip has no such arithmetic, and bandwidth."""
    system = System(chip.name, chip, 1.0)
    return float(system.peak(precision)), float(system.hbm_bandwidth)


# operations of the collection -> core or block here, its kinds for so many heads here, and what of a layer it is
Kinds = Callable[[Any, Any, Any, Any], tuple[Attention, ...]]  # so many heads of each shape, arrays


def _v4(heads: Any) -> Any:
    return 7168.0 * 2048.0 + heads * (1536.0 * 512.0 + 512.0 * 1024.0 + 128.0 * 7168.0)


def _dsa(heads: Any) -> tuple[Attention, ...]:
    glm = Latent(6144.0, heads, 2048.0, 512.0, 192.0, 64.0, 256.0, top=2048.0)
    return (glm, Indexer(32.0, 128.0, 2048.0 * 32.0 * 128.0 + 6144.0 * (128.0 + 32.0)))


def _msa(heads: Any) -> tuple[Attention, ...]:
    kv = np.maximum(heads / 16.0, 1.0)
    return (GroupedQuery(6144.0, heads, kv, 128.0, top=2176.0), Indexer(4.0, 128.0, 6144.0 * 128.0 * 5.0))


KINDS: Mapping[str, tuple[str, Kinds]] = {
    "grouped": ("attention", lambda heads, kv, width, _: (GroupedQuery(1.0, heads, kv, width),)),
    "windowed": ("attention", lambda heads, kv, width, _: (GroupedQuery(1.0, heads, kv, width, window=128.0),)),
    "latent": ("mla_attention", lambda heads, *_: (Latent(7168.0, heads, 1536.0, 512.0, 128.0, 64.0, 128.0),)),
    "latent block": ("mla_block", lambda heads, *_: (Latent(7168.0, heads, 1536.0, 512.0, 128.0, 64.0, 128.0),)),
    "sparse latent block": ("dsa_block", lambda heads, *_: _dsa(heads)),
    "sparse grouped block": ("msa_block", lambda heads, *_: _msa(heads)),
    "compressed block": (
        "v4_hca_block",
        lambda heads, *_: (
            Compressed(heads, 512.0, _v4(heads), window=128.0),
            Compressed(heads, 512.0, 2.0 * 7168.0 * 512.0, ratio=128.0),
        ),
    ),
    "recurrent": ("gdn", lambda heads, *_: (Recurrent(heads, 128.0, 128.0, 1.0),)),
}
WEIGHTS = {"bf16": "bf16", "fp8": "fp8_block", "fp4": "nvfp4"}


def attention(label: str, chip: Chip, where: str, name: str, stage: str, precision: str) -> Points:
    """One layer's attention, core or block, as the package counts it for the shapes measured."""
    operation, kinds = KINDS[name]
    weights, _, cache = precision.rpartition("/")
    where += f" and coalesce(kv_cache, 'bf16') = '{cache}'" + (f" and weights = '{WEIGHTS[weights]}'" if weights else "")
    if operation == "attention":
        where += f" and \"window\" {'<>' if name == 'windowed' else '='} '0'"
    columns = ("batch", "isl", "context", "heads", "kv_heads", "head_dim", '"window"')
    batch, new, context, *shape, seconds = select(f"{operation}_{stage}", label, where, columns)
    context, new = np.nan_to_num(context), np.nan_to_num(new, nan=1.0)
    model, checkpoint = layer(kinds(*shape), weights or "bf16", cache)
    if stage == "decode":
        span = Stage(batch, 1.0, 1.0, np.maximum(context, 1.0) - 1.0, np.maximum(context, 1.0))
        work = decode_work(model, checkpoint, span)
    else:
        work = prefill_work(model, checkpoint, Stage(batch, 1.0, new, context, context + new))
    members = (*work.linear, *work.attention) if "block" in name else work.attention
    compute, bandwidth = at_full_rates(members, chip, len(batch))
    return Points(compute, bandwidth, np.zeros(len(batch)), np.zeros(len(batch)), seconds)


def layer(kinds: Sequence[Attention], weights: str, cache: str) -> tuple[Model, Checkpoint]:
    """A model of one layer that only attends."""
    groups = tuple(AttentionLayers(1, kind, kind.costs) for kind in kinds)
    held = sum(kind.weights for kind in kinds)
    model = Model("one", "one", 1.0, math.inf, 1.0, None, (WeightPart("attention", held, held),), groups, None, None)
    formats = {"attention": load().format(WEIGHTS[weights])}
    return model, Checkpoint("one", "one", weights, formats, load().format(cache))


def at_full_rates(members: Sequence[Operation], chip: Chip, count: int) -> tuple[Array, Array]:
    """Arithmetic and traffic of operations at the chip's peaks [s]."""
    system, ideal = System(chip.name, chip, 1.0), Efficiency(1.0, 1.0, 0.0)
    legs = [operation_time(each, system, ideal) for each in members]
    compute, bandwidth = sum(leg.compute_s for leg in legs), sum(leg.bandwidth_s for leg in legs)
    return np.broadcast_to(compute, count) * 1.0, np.broadcast_to(bandwidth, count) * 1.0


def fitted(label: str, chip: Chip, framework: str, where: str) -> list[Line]:
    """The laws of every kernel and block of one chip, in one framework or over all."""
    lines: list[Line] = []
    for precision in ("bf16", "fp8", "fp4"):
        lines += law_lines(chip, framework, "gemm", precision, gemm(label, chip, where, precision))
    for precision in EXPERTS:
        lines += law_lines(chip, framework, "experts", precision, experts(label, chip, where, precision))
    for name in KINDS:
        caches = ("bf16",) if name == "recurrent" else ("bf16", "fp8")
        weights = [f"{each}/" for each in WEIGHTS] if "block" in name else [""]
        for stage in ("decode", "prefill"):
            for precision in [each + cache for each in weights for cache in caches]:
                points = attention(label, chip, where, name, stage, precision)
                lines += law_lines(chip, framework, f"{name} {stage}", precision, points)
                if name == "compressed block":
                    lines += top_lines(label, chip, framework, where, stage, precision, points)
    return lines


def top_lines(label: str, chip: Chip, framework: str, where: str, stage: str, precision: str, plain: Points) -> list[Line]:
    """What the compressed block that picks its entries takes beyond the plain one of the same window, from their laws."""
    known = fit(plain)
    if known is None:
        return []
    weights, _, cache = precision.partition("/")
    where += f" and kv_cache = '{cache}' and weights = '{WEIGHTS[weights]}'"
    heads: Any
    batch, new, context, heads, seconds = select(
        f"v4_csa_block_{stage}", label, where, ("batch", "isl", "context", "heads")
    )
    new = np.nan_to_num(new, nan=1.0)
    kinds = (
        Compressed(heads, 512.0, _v4(heads), window=128.0),
        Compressed(heads, 512.0, 4.0 * 7168.0 * 512.0, ratio=4.0, top=1024.0),
        Indexer(64.0, 128.0, 1536.0 * 64.0 * 128.0 + 7168.0 * (4.0 * 128.0 + 64.0), ratio=4.0),
    )
    model, checkpoint = layer(kinds, weights, cache)
    if stage == "decode":
        work = decode_work(model, checkpoint, Stage(batch, 1.0, 1.0, context - 1.0, context))
    else:
        work = prefill_work(model, checkpoint, Stage(batch, 1.0, new, context, context + new))
    window = at_full_rates((work.linear[0], work.attention[0]), chip, len(batch))
    rest = at_full_rates((*work.linear[1:], *work.attention[1:]), chip, len(batch))
    none = np.zeros(len(batch))
    points = Points(*rest, none, none, seconds, times(known[0], Points(*window, none, none, none)))
    return law_lines(chip, framework, f"compressed top block {stage}", precision, points)


Law = tuple[float, float, float, float, float]  # latency, shares of compute, bandwidth and activations, walk


def times(law: Law, points: Points) -> Array:
    """Seconds of every shape by a law."""
    latency, compute, bandwidth, activation, walk = law
    traffic = points.bandwidth / bandwidth + points.activation / activation
    work = np.maximum(np.maximum(points.compute / compute, traffic), points.depth * walk)
    return np.asarray(points.before + latency + work)


def fit(points: Points) -> tuple[Law, float, float, int] | None:
    """Law, median and 90% error and number of points; None of too few. Soft-L1 on the logarithm, from two starts."""
    count = len(points.seconds)
    if count < LEAST:
        return None
    chosen = np.random.default_rng(0).permutation(count)[:POINTS]
    columns = (np.broadcast_to(getattr(points, each.name), count)[chosen] for each in fields(Points))
    some = Points(*columns)
    first = max(0.7 * float(np.quantile(points.seconds - points.before, 0.02)), 1e-6)
    walks = float(np.any(points.depth > 0))
    tiny = 1e-15

    def law(logs: Array) -> Law:
        latency, compute, bandwidth, activation, walk = np.exp(logs)
        return latency, compute, bandwidth, activation, walk * walks

    limits = ([-23.0, -7.0, -7.0, -7.0, np.log(tiny)], [-4.0, 0.0, 0.0, 0.0, -13.0])
    found = [
        least_squares(
            lambda logs: np.log(times(law(logs), some) / some.seconds),
            np.log([first, 0.6, 0.7, activation, 1e-9]),
            bounds=limits,
            loss="soft_l1",
            f_scale=0.15,
            max_nfev=80,
        )
        for activation in (0.5, 0.1)
    ]
    best = law(min(found, key=lambda each: each.cost).x)
    errors = np.abs(times(best, points) / points.seconds - 1.0)
    return best, float(np.median(errors)), float(np.quantile(errors, 0.9)), count


def law_lines(chip: Chip, framework: str, operation: str, precision: str, points: Points) -> list[Line]:
    """A law as rows; a member that decides nowhere is left out."""
    found = fit(points)
    if found is None:
        return []
    (latency, compute, bandwidth, activation, walk), middle, high, count = found
    hosted = (framework, operation) in HOSTED
    note = f"{count} shapes, median error {middle:.2f}, 90% within {high:.2f}"
    traffic = points.bandwidth / bandwidth + points.activation / activation
    other = np.maximum(traffic, points.depth * walk)
    values = {
        "latency": (latency, "s", not hosted),
        "compute_share": (compute, "1", np.any(points.compute / compute > other)),
        "bandwidth_share": (bandwidth, "1", np.any(points.bandwidth > 0)),
        "activation_share": (activation, "1", np.any(points.activation > 0)),
        "walk": (walk, "s", np.any(points.depth * walk > np.maximum(traffic, points.compute / compute))),
    }
    return [
        (chip.name, framework, operation, precision, quantity, f"{value:.4g}", unit, MEASURED, note)
        for quantity, (value, unit, said) in values.items()
        if said
    ]


def collectives(path: Path, label: str, chip: Chip, framework: str, where: str) -> list[Line]:
    """Every collective of one chip within its fast links; those without a row are not measured."""
    lines: list[Line] = []
    for name in ("all_reduce", "all_gather", "reduce_scatter"):
        points = duckdb.execute(
            f"""select group_size, bytes, min(time_us) from read_csv(?, nullstr='')
            where operation = ? and chip = ? and bytes > 0 and {where} group by all order by all""",  # noqa: S608
            [str(path), name, label],
        ).fetchall()
        if len(points) >= LEAST:
            found = np.array(points, dtype=float)
            lines += collective(name, chip, found, TRAVEL[name](found[:, 0]) * found[:, 1], MEASURED, framework)
    for name, value_bytes in EXCHANGES.items():
        found = exchanges(path, name, label, f"coalesce(nodes, 1) = 1 and {where}")
        if len(found) >= LEAST:
            group, tokens = found[:, 0], found[:, 1]
            sent = exchanged(group, tokens, found[:, 2], found[:, 3], value_bytes)
            lines += collective(name, chip, np.column_stack([group, tokens, found[:, 4]]), sent, MEASURED, framework)
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
        ("any", "", "scale_out", "", "latency", f"{np.exp(found_law.x[0]):.4g}", "s", MEASURED, note),
        ("any", "", "scale_out", "", "bandwidth", f"{np.exp(found_law.x[1]) / 1e9:.4g}", "GB/s", MEASURED, note),
    ]


def collective(name: str, chip: Chip, points: Array, sent: Array, source: str, framework: str = "") -> list[Line]:
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
        (chip.name, framework, name, "", "latency", f"{first:.4g}", "s", source, note + "; at a group of 2" * several),
        (
            chip.name,
            framework,
            name,
            "",
            "latency_per_doubling",
            f"{per_doubling if several else 0.0:.4g}",
            "s",
            source,
            note,
        ),
        (chip.name, framework, name, "", "bandwidth_share", f"{min(share, 1.0):.4g}", "1", source, note),
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
        lines.append((chip.name, "", name, precision, "latency", f"{least[0]:.4g}", "s", MEASURED, note))
        if least[1]:
            share = min(least[1] / bandwidth, 1.0)
            lines.append((chip.name, "", name, precision, "bandwidth_share", f"{share:.4g}", "1", MEASURED, note))
        if most is not None and most[3]:
            share = min(most[3] / peak, 1.0)
            note = f"median of {most[2]} fits at many tokens"
            lines.append((chip.name, "", name, precision, "compute_share", f"{share:.4g}", "1", MEASURED, note))
    return lines


def imbalance() -> list[Line]:
    """Pairs on the busiest rank over the mean: exp(scale * log2(ep) ** power), least squares on its logarithm."""
    points = duckdb.execute(
        """select ep::double as ep, median(busiest_rank_pairs::double / (tokens::double * topk::double / ep::double))
        from samples where operation = 'moe' and ep::double > 1 and tokens::double > 32
        and distribution like 'power_law%' group by 1 order by 1"""
    ).fetchall()
    measured = np.array(points, dtype=float)
    doublings, logs = np.log2(measured[:, 0]), np.log(measured[:, 1])
    found = least_squares(lambda x: x[0] * doublings ** x[1] - logs, [0.05, 1.5])
    said = ", ".join(f"EP{ep:g} {ratio:.2f}" for ep, ratio in points)
    note = f"busiest rank over mean = exp(scale * log2(ep)**power); medians above 32 tokens: {said}"
    return [
        ("any", "", "imbalance", "", "scale", f"{found.x[0]:.4g}", "1", MEASURED + ", power_law_1.01 traces", note),
        ("any", "", "imbalance", "", "power", f"{found.x[1]:.4g}", "1", MEASURED + ", power_law_1.01 traces", note),
    ]


def amd(chip: Chip) -> list[Line]:
    """All-reduce of MI300X, from the few points that are public."""
    points = np.array([(4.0, size, time) for size, time in MI300X_POINTS])
    return collective("all_reduce", chip, points, TRAVEL["all_reduce"](points[:, 0]) * points[:, 1], AMD)


def defaults(measured: Sequence[Line]) -> list[Line]:
    """What is taken where nothing is measured: the median of the chips that are, and said to be a guess."""
    numbers: dict[tuple[str, str, str, str], list[float]] = defaultdict(list)
    for _, framework, operation, precision, quantity, value, unit, _, _ in measured:
        if framework or "/" in precision:  # whole blocks are of the frameworks that were measured on the chip
            continue
        numbers[operation, precision, quantity, unit].append(float(value))
    note = "median of the chips that are measured"
    lines: list[Line] = [
        ("any", "", operation, precision, quantity, f"{np.median(values):.4g}", unit, GUESS, note)
        for (operation, precision, quantity, unit), values in numbers.items()
    ]
    small = "norms, rotary, cache write, activation function"
    return [
        *lines,
        ("any", "", "small", "", "latency", "3e-06", "s", DEFAULT, small),
        ("any", "", "host", "", "latency", "1.5e-05", "s", REPLAY, "replay of a pass's graph, on a laptop GPU"),
        ("any", "vllm", "eager layer", "", "latency", "0.0008", "s", DISPATCH, "a layer of a prefill pass, without graphs"),
    ]


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
