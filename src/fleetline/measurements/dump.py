"""The weekly database dump as one JSON array per table: results joined with their configurations and runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from fleetline.errors import InputError, read_text
from fleetline.measurements import documents
from fleetline.measurements.api import benchmark_row
from fleetline.measurements.fields import Fault, Record, shown
from fleetline.measurements.forms import Form, not_an_object
from fleetline.measurements.types import Measurement

RESULTS, CONFIGS, RUNS = "benchmark_results.json", "configs.json", "workflow_runs.json"


def results_of(folder: Path) -> Path:
    """The table of results in a dump's folder.

    Raises:
        InputError: the folder is no dump.
    """
    missing = [name for name in (RESULTS, CONFIGS) if not (folder / name).is_file()]
    if missing:
        message = f"{folder}: a folder without {' and '.join(missing)}; a database dump has {RESULTS} and {CONFIGS}"
        raise InputError(message, field=str(folder), allowed=[RESULTS, CONFIGS, RUNS])
    return folder / RESULTS


def joined(results: Path) -> Callable[[Record], Measurement]:
    """How a row of `results` is read, with the tables beside it.

    Raises:
        InputError: configs.json is not there, or one of the tables is broken.
    """
    configs = _by_id(results.with_name(CONFIGS))
    runs = results.with_name(RUNS)
    replaced = _superseded(runs) if runs.is_file() else {}

    def row(record: Record) -> Measurement:
        if record.has("error"):
            raise Fault(f"error: {shown(record.values['error'])}")
        run, config = record.text("workflow_run_id"), record.needed_text("config_id")
        if run in replaced:
            raise Fault(f"workflow_run_id: {run} is {replaced[run]}")
        if config not in configs:
            raise Fault(f"config_id: {shown(config)} is not in {CONFIGS}")
        values = {**configs[config].values, **record.values, "metrics": _metrics(record)}
        return benchmark_row(Record(values, record.line, record.file), config=config)

    return row


def _metrics(record: Record) -> object:
    value = record.values.get("metrics")
    if not isinstance(value, str) or not value.strip():
        return value
    try:
        return documents.parse(value)
    except Fault as fault:
        raise Fault(f"metrics: {fault}") from None


def _rows(path: Path) -> list[Record]:
    rows = documents.load(read_text(path, "database dump", documents.MOST_BYTES), str(path))
    if not isinstance(rows, list):
        raise InputError(f"{path}: got {shown(rows)}, allowed an array of rows", field=str(path))
    return [Record(_checked(row), line, path.name) for line, row in enumerate(rows, start=1)]


def _checked(row: object) -> Mapping[str, object]:
    if not isinstance(row, dict):
        raise not_an_object(row)
    return row


def _by_id(path: Path) -> dict[str, Record]:
    found: dict[str, Record] = {}
    try:
        for record in _rows(path):
            key = record.needed_text("id")
            if key in found:
                raise Fault(f"id {key} stands twice")
            found[key] = record
    except Fault as fault:
        raise InputError(f"{path}: {fault}", field=str(path)) from fault
    return found


def _superseded(path: Path) -> dict[str, str]:
    """Ids of the runs that a later attempt of the same GitHub run replaces, with what to call them."""
    rows = _by_id(path)
    try:
        attempts = {key: (row.needed_text("github_run_id"), row.needed_count("run_attempt")) for key, row in rows.items()}
    except Fault as fault:
        raise InputError(f"{path}: {fault}", field=str(path)) from fault
    last: dict[str, int] = {}
    for name, attempt in attempts.values():
        last[name] = max(attempt, last.get(name, 0))
    return {
        key: f"attempt {attempt} of run {name}, replaced by attempt {last[name]}"
        for key, (name, attempt) in attempts.items()
        if attempt < last[name]
    }


def _alone(_: Record) -> Measurement:
    raise Fault("a row of a database dump means nothing without its configurations")


DUMP = Form(
    name=f"database dump ({RESULTS} beside {CONFIGS})",
    needs=(("config_id",), ("conc",), ("isl", "benchmark_type")),
    own=frozenset({"config_id"}),
    row_id="id",
    parse=_alone,
)
