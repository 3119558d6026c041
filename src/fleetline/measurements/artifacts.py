"""CI artifacts of SemiAnalysisAI/InferenceX (agg_*.json): flat objects with the metrics among the configuration."""

from __future__ import annotations

from fleetline.measurements import names
from fleetline.measurements.api import observed
from fleetline.measurements.fields import Fault, Record
from fleetline.measurements.forms import Form, Labels, is_disaggregated, measurement
from fleetline.measurements.layout import Layout, layout, shared
from fleetline.measurements.types import Measurement, Pool


def artifact(record: Record) -> Measurement:
    """One aggregated result; a client that failed leaves one too."""
    if record.count("num_requests_successful") == 0:
        raise Fault("num_requests_successful: 0, the run failed")
    agentic = (record.text("scenario_type") or "").startswith("agentic")
    shape = _layout(record)
    return measurement(
        record,
        _labels(record),
        shape,
        observed(record, shape, agentic=agentic),
        row_id="",
        concurrency="users" if agentic and record.has("users") else "conc",
        lengths=None if agentic else ("isl", "osl"),
        date=record.day("date"),
    )


def _labels(record: Record) -> Labels:
    """The labels the database would give the row; it takes an absent speculation for none."""
    name = record.text("infmax_model_prefix") or record.text("model")
    if name is None:
        raise Fault("infmax_model_prefix, model: both empty or missing, one is needed")
    return Labels(
        model=names.model_key(name),
        hardware=names.hardware_key(record.needed_text("hw")),
        framework=names.framework_key(record.text("framework")),
        precision=names.precision_key(record.text("precision")),
        speculation=(record.text("spec_decoding") or "none").casefold(),
    )


def _layout(record: Record) -> Layout:
    """Several nodes record each pool; one node records one engine, and so did all before 2025-12-19."""
    disaggregated = is_disaggregated(record)
    if record.has("decode_tp") or record.has("prefill_tp"):
        return layout(record, record, disaggregated=disaggregated)
    tp, ep = record.some("tp"), record.some("ep")
    stages = (record.some("pp") or 1) * (record.some("pcp_size") or 1)
    pool = Pool(None, max(tp or 0, ep or 0) * stages or None, tp, ep, record.flag("dp_attention"))
    if not disaggregated:
        return shared(pool, None)
    undivided = Pool(None, None, tp, ep, pool.dp_attention)
    return Layout(True, undivided, undivided, None)


ARTIFACT = Form(
    name="CI artifact (agg_*.json)",
    needs=(("hw",), ("conc", "users")),
    own=frozenset({"hw"}),
    row_id="",
    parse=artifact,
)
