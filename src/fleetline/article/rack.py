"""The article's numbers of one rack, as this model computes each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from fleetline.catalog import load
from fleetline.catalog.rows import ArticleNumberRow
from fleetline.deployment import OperatorCost, breakdown, deploy, throughput
from fleetline.physics import serving
from fleetline.physics.work import weight_bytes


def _question(row: ArticleNumberRow) -> dict[str, Any]:
    return {
        "model": "kimi-k2.6",
        "system": row.system,
        "input_tokens": row.input_tokens,
        "output_tokens": row.output_tokens,
        "preset": row.preset,
        "schedule": row.schedule,
        "speculative": row.speculative,
    }


def _attention(row: ArticleNumberRow, stage: str) -> OperatorCost:
    return next(
        cost
        for cost in breakdown(**_question(row), batch=row.batch or 1.0)
        if cost.stage == stage and cost.operator.endswith("attention")
    )


def _answered(field: str) -> Callable[[ArticleNumberRow], float]:
    """A field of `throughput`'s answer, at the row's batch or at the best one."""

    def ask(row: ArticleNumberRow) -> float:
        found = throughput(**_question(row), batch=row.batch)
        for name in field.split("."):
            found = getattr(found, name)
        return float(found)  # type: ignore[arg-type]  # the path ends at a number

    return ask


def _prefill_with_full_context(row: ArticleNumberRow) -> float:
    """Causal attention sees half of the pairs, so seeing all of them costs its arithmetic once more."""
    return _answered("prefill.compute_s")(row) + _attention(row, "prefill").compute_s


def _speculation_gain(row: ArticleNumberRow) -> float:
    plain = row.model_copy(update={"speculative": None})
    return _answered("throughput_tok_s")(row) / _answered("throughput_tok_s")(plain)


def _absorbed_over_plain(row: ArticleNumberRow) -> float:
    (layers,) = deploy(**_question(row))[0].model.attention
    return layers.costs.decode_flop / layers.costs.prefill_flop


def _absorbed_over_plain_with_rope(row: ArticleNumberRow) -> float:
    (layers,) = deploy(**_question(row), counting="checkpoint")[0].model.attention
    return layers.costs.decode_flop / layers.costs.prefill_flop


def _weight_bytes(row: ArticleNumberRow) -> float:
    deployment, _ = deploy(**_question(row))
    return float(weight_bytes(deployment.model, deployment.checkpoint))


def _cache_bytes_per_pass(row: ArticleNumberRow) -> float:
    deployment, _ = deploy(**_question(row))
    return _attention(row, "decode").bytes / float(serving.planned(deployment, 1.0).decode.passes)


QUANTITIES: Mapping[str, Callable[[ArticleNumberRow], float]] = MappingProxyType(
    {
        "throughput_tok_s": _answered("throughput_tok_s"),
        "critical_batch": _answered("critical_batch"),
        "prefill_compute_s": _answered("prefill.compute_s"),
        "prefill_bandwidth_s": _answered("prefill.bandwidth_s"),
        "decode_compute_s": _answered("decode.compute_s"),
        "decode_bandwidth_s": _answered("decode.bandwidth_s"),
        "prefill_compute_full_context_s": _prefill_with_full_context,
        "prefill_cache_bytes": lambda row: _attention(row, "prefill").bytes,
        "decode_cache_bytes_per_pass": _cache_bytes_per_pass,
        "absorbed_over_plain": _absorbed_over_plain,
        "absorbed_over_plain_with_rope": _absorbed_over_plain_with_rope,
        "speculation_gain": _speculation_gain,
        "rack_bandwidth": lambda row: float(load().system(row.system).hbm_bandwidth),
        "weight_bytes": _weight_bytes,
    }
)
