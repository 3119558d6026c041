"""The dashboard's CSV export of its inference chart; older exports say GPU where newer ones say Chip."""

from __future__ import annotations

from dataclasses import replace

from fleetline.measurements import names
from fleetline.measurements.fields import Fault, Record
from fleetline.measurements.forms import Form, Labels, Observed, measurement, output_rate, times
from fleetline.measurements.layout import Layout, separate, shared
from fleetline.measurements.types import Measurement, Pool


def dashboard(record: Record) -> Measurement:
    """A row of the export. Empty lengths are how it writes agentic traces, which have none."""
    shape = _layout(record)
    agentic = not record.has("ISL") and not record.has("OSL")
    output = record.measured(_either(record, "Output Throughput/Chip (tok/s)"))
    seen = replace(
        _times(record, agentic),
        throughput_gpu=record.measured(_either(record, "Throughput/Chip (tok/s)")),
        # of agentic traces the sources disagree on which GPUs the rate is counted over when there are two pools
        output_throughput=None if agentic and shape.disaggregated else output_rate(output, shape),
    )
    return measurement(
        record,
        _labels(record),
        shape,
        seen,
        row_id="",
        concurrency="Concurrency",
        lengths=None if agentic else ("ISL", "OSL"),
        date=record.day("Date"),
        source=record.text("Run URL"),
    )


def _times(record: Record, agentic: bool) -> Observed:
    return times(record, "TPOT (s)", "TTFT (s)", median="Median ", mean="Mean ") if not agentic else _agentic(record)


def _agentic(record: Record) -> Observed:
    """TPOT of agentic traces as in agentx.csv: 1 / interactivity."""
    speed = record.measured("Median Interactivity (tok/s/user)")
    ttft = record.measured("Median TTFT (s)")
    return Observed(None if speed is None else 1.0 / speed, ttft)


def _either(record: Record, name: str) -> str:
    older = name.replace("Chip", "GPU")
    return older if record.has(older) and not record.has(name) else name


def _labels(record: Record) -> Labels:
    hardware = record.text("Hardware Key") or record.text("Hardware")
    if hardware is None:
        raise Fault("Hardware Key: empty or missing, needed")
    speculation = record.text("Spec Decoding")
    return Labels(
        model=names.model_key(record.needed_text("Model")),
        hardware=names.hardware_key(hardware),
        framework=names.framework_key(record.text("Framework")),
        precision=names.precision_key(record.text("Precision")),
        speculation=None if speculation is None else speculation.casefold(),
    )


def _layout(record: Record) -> Layout:
    """With separate pools the export gives the GPUs of each and no engines: TP is the decode pool's or all GPUs, by age."""
    physical = record.some(_either(record, "Physical Chips"))
    if record.flag("Disaggregated"):
        pools = (record.some(_either(record, f"Num {role} Chips")) for role in ("Prefill", "Decode"))
        prefill, decode = (Pool(None, None, total=total) for total in pools)
        return separate(prefill, decode, physical)
    tp, ep = record.some("TP"), record.some("EP")
    engine = physical or max(tp or 0, ep or 0) or None
    return shared(Pool(1, engine, tp, ep, record.flag("DP Attention")), engine)


DASHBOARD = Form(
    name="dashboard export",
    needs=(("Model",), ("Hardware Key", "Hardware"), ("Concurrency",), ("ISL",), ("OSL",)),
    own=frozenset({"Concurrency", "Hardware Key", "Spec Decoding", "Disaggregated"}),
    row_id="",
    parse=dashboard,
)
