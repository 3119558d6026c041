"""Configuration fields of the database -> pools of GPUs. The traps are README.md's ("GPU counts") and SCHEMA.md's."""

from __future__ import annotations

from dataclasses import dataclass, replace

from fleetline.measurements.fields import Record
from fleetline.measurements.types import Pool


@dataclass(frozen=True, slots=True)
class Layout:
    """Which GPUs run what. Without disaggregation both pools are the same."""

    disaggregated: bool
    prefill: Pool
    decode: Pool
    gpus: int | None


def product(*factors: int | None) -> int | None:
    """Their product; None where one is unknown."""
    result = 1
    for factor in factors:
        if factor is None:
            return None
        result *= factor
    return result


def layout(
    record: Record,
    metrics: Record,
    *,
    disaggregated: bool,
    gpus: int | None = None,
    recorded: tuple[str, str] = ("num_prefill_gpu", "num_decode_gpu"),
) -> Layout:
    """The pools of a row of the database's configuration fields.

    Args:
        record: has prefill_tp, prefill_ep, prefill_dp_attention, prefill_num_workers and the same for decode.
        metrics: may have prefill_pp, prefill_pcp_size and the same for decode.
        disaggregated: separate pools.
        gpus: of the whole deployment, where the source gives a sound number.
        recorded: the columns of GPUs per pool as stored: sound with separate pools alone.
    """
    prefill, decode = (_engines(record, metrics, role) for role in ("prefill", "decode"))
    if not disaggregated:
        return shared(decode if decode.gpus else prefill, gpus)
    counts = [record.some(name) for name in recorded]
    if 0 in (record.count("prefill_num_workers"), record.count("decode_num_workers")):
        return _undivided(prefill, decode, counts, gpus)
    return separate(_counted(prefill, counts[0]), _counted(decode, counts[1]), gpus)


def shared(pool: Pool, gpus: int | None) -> Layout:
    """One set of engines for both stages: one engine, unless the source counts several."""
    workers = pool.workers or 1
    total = gpus or product(workers, pool.gpus)
    pool = replace(pool, workers=workers, gpus=pool.gpus or (total if workers == 1 else None), total=total)
    return Layout(False, pool, pool, total)


def separate(prefill: Pool, decode: Pool, gpus: int | None) -> Layout:
    """Two pools, and their sum where both are known and nothing better is."""
    both = None if prefill.total is None or decode.total is None else prefill.total + decode.total
    return Layout(True, prefill, decode, gpus or both)


def _engines(record: Record, metrics: Record, role: str) -> Pool:
    tp, ep = record.some(f"{role}_tp"), record.some(f"{role}_ep")
    stages = (metrics.some(f"{role}_pp") or 1) * (metrics.some(f"{role}_pcp_size") or 1)
    engine = max(tp or 0, ep or 0) * stages
    return Pool(record.some(f"{role}_num_workers"), engine or None, tp, ep, record.flag(f"{role}_dp_attention"))


def _counted(pool: Pool, recorded: int | None) -> Pool:
    """The pool with its GPUs. Some recipes store tp = ep = 1 for engines of several GPUs: their count alone is sound."""
    engine = pool.gpus
    if engine == 1:
        divides = recorded is not None and pool.workers is not None and recorded % pool.workers == 0
        engine = recorded // pool.workers if divides and recorded and pool.workers else None
    return replace(pool, gpus=engine, total=recorded or product(pool.workers, engine))


def _undivided(prefill: Pool, decode: Pool, counts: list[int | None], gpus: int | None) -> Layout:
    """Rows from before 2025-12-19 store no workers, and the whole deployment as tp and as GPUs of either pool."""
    known = {count for count in counts if count is not None}
    total = gpus or (known.pop() if len(known) == 1 else None)
    prefill, decode = (replace(pool, workers=None, gpus=None) for pool in (prefill, decode))
    return Layout(True, prefill, decode, total)


def undivided(total: int) -> Layout:
    """Separate pools of which their sum alone is known."""
    unknown = Pool(None, None)
    return Layout(True, unknown, unknown, total)
