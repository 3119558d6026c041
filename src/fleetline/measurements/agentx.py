"""AgentX: agentic coding sessions replayed against a server (AGENTX.md). Its clients are not its decode batch."""

from __future__ import annotations

from fleetline.measurements.fields import Record
from fleetline.measurements.forms import Form, Observed, is_disaggregated, labels, measurement
from fleetline.measurements.layout import Layout, product, separate, shared
from fleetline.measurements.types import Measurement, Pool


def agentx(record: Record) -> Measurement:
    """A row of agentx.csv; both throughputs count all GPUs, separate pools or not."""
    seen = Observed(
        tpot_s=_tpot(record, "median_intvty_tok_s_user"),
        throughput_gpu=record.measured("total_tput_per_gpu_tok_s"),
        output_throughput=record.measured("output_tput_tok_s"),
        slow_tpot_s=_tpot(record, "p90_intvty_tok_s_user"),
        slow_ttft_s=record.measured("p90_ttft_s"),
        reusable=record.measured("theoretical_cache_hit_rate"),
    )
    source = record.text("source")
    return measurement(record, labels(record), _layout(record), seen, row_id="id", lengths=None, source=source)


def _tpot(record: Record, speed: str) -> float | None:
    """A row gives speeds; the 90th percentile of TPOT is written as the speed that goes with it."""
    found = record.measured(speed)
    return None if found is None else 1.0 / found


def _layout(record: Record) -> Layout:
    """The pools by their GPUs; engines only where one engine is all of the pool, for the file does not count them."""
    gpus, tp = record.some("gpus_total"), record.some("decode_tp")
    engine = product(tp, record.some("pp") or 1)
    if is_disaggregated(record):
        prefill = Pool(None, None, total=record.some("num_prefill_gpu"))
        return separate(prefill, _pool(record.some("num_decode_gpu"), tp, engine), gpus)
    pool = _pool(gpus, tp, engine)
    return shared(pool, gpus) if pool.workers else Layout(False, pool, pool, gpus)


def _pool(total: int | None, tp: int | None, engine: int | None) -> Pool:
    return Pool(1, engine, tp, total=total) if total and engine == total else Pool(None, None, tp, total=total)


AGENTX = Form(
    name="AgentX (agentx.csv)",
    needs=(("model",), ("hardware",), ("conc",), ("gpus_total",)),
    own=frozenset({"gpus_total", "theoretical_cache_hit_rate", "total_tput_per_gpu_tok_s"}),
    row_id="id",
    parse=agentx,
)
