"""Any published form of benchmark rows -> one table; the form is told by its columns or keys, never by a file's name."""

from __future__ import annotations

import io
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from fleetline.errors import InputError
from fleetline.measurements import documents, dump, tables
from fleetline.measurements.agentx import AGENTX
from fleetline.measurements.api import API
from fleetline.measurements.artifacts import ARTIFACT
from fleetline.measurements.dashboard import DASHBOARD
from fleetline.measurements.fields import Fault, Record, shown
from fleetline.measurements.forms import Form, not_an_object, row_name
from fleetline.measurements.tidy import BENCHMARKS, RUNS
from fleetline.measurements.types import Measurement, Rejected, Table

TABLE_FORMS = (BENCHMARKS, RUNS, AGENTX, DASHBOARD)
JSON_FORMS = (API, dump.DUMP, ARTIFACT)
FORMS = (*TABLE_FORMS, *JSON_FORMS)

PARQUET = b"PAR1"
HEAD_BYTES = 4096
# What a download is before it is unpacked, by its first bytes.
BINARY = (
    (b"\x1f\x8b", "gzip: unpack it first"),
    (b"PK\x03\x04", "zip: unpack it first"),
    (b"\x28\xb5\x2f\xfd", "zstd: unpack it first"),
    (b"\xfd7zXZ", "xz: unpack it first"),
    (b"PGDMP", "a PostgreSQL archive: restore it first"),
    (b"\xff\xfe", "UTF-16: save it as UTF-8"),
    (b"\xfe\xff", "UTF-16: save it as UTF-8"),
)


def read(path: Path) -> Table:
    """The benchmark rows of a file, or of a database dump's folder.

    Args:
        path: a tidy table, AgentX table or dashboard export (CSV, or the same columns in Parquet), an answer of the
            public API or CI artifacts (JSON), or a dump: its folder, or its benchmark_results.json beside configs.json.

    Raises:
        InputError: the file cannot be read, has no known form or no rows. What is wrong with one row is in `rejected`.
    """
    path = dump.results_of(path) if path.is_dir() else path
    try:
        with _opened(path) as file:
            return _read(file, path)
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8 text ({error.reason} at byte {error.start})", field=str(path)) from error
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}", field=str(path), got=str(path)) from error


def _opened(path: Path) -> io.BufferedReader:
    try:
        return path.open("rb")
    except ValueError as error:  # a name that no file can have
        raise InputError(f"{shown(str(path))}: {error}", field="path", got=str(path)) from error


def _read(file: io.BufferedReader, path: Path) -> Table:
    head = file.peek(HEAD_BYTES)
    if head.startswith(PARQUET):
        columns, rows = tables.parquet(path)
        return _from_table(columns, rows, path)
    _check_text(head, path)
    line_end = "\r" if b"\r" in head and b"\n" not in head else "\n"  # a stray one of the other kind is part of its row
    with io.TextIOWrapper(file, encoding="utf-8-sig", newline=line_end) as text:
        if head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in (b"[", b"{"):
            return _from_json(documents.load(_whole(text, path), str(path)), path)
        table = tables.CsvTable(text, path)
        return _from_table(table.columns, table.rows(), path)


def _whole(text: io.TextIOWrapper, path: Path) -> str:
    found = text.read(documents.MOST_BYTES + 1)
    if len(found) > documents.MOST_BYTES:
        raise InputError(f"{path}: larger than the {documents.MOST_BYTES:,} bytes allowed for JSON", field=str(path))
    return found


def _check_text(head: bytes, path: Path) -> None:
    if not head.strip():
        raise InputError(f"{path}: empty, no rows", field=str(path))
    for magic, what in BINARY:
        if head.startswith(magic):
            raise InputError(f"{path}: {what}", field=str(path))
    if b"\0" in head.split(b"\n", 1)[0]:  # in a later line it is one row's fault
        raise InputError(f"{path}: neither text nor Parquet", field=str(path))


# --- recognising ------------------------------------------------------------------------------------------------------


def _missing(form: Form, names: Collection[str]) -> list[str]:
    groups = [group for group in form.needs if not any(name in names for name in group)]
    return [" or ".join(group) for group in groups]


def _is(form: Form, names: Collection[str]) -> bool:
    return not form.own.isdisjoint(names) and not _missing(form, names)


def _recognise(names: Collection[str], forms: Sequence[Form], path: Path) -> Form:
    """The one form these columns or keys are of.

    Raises:
        InputError: of none, with what the nearest one lacks; or of several.
    """
    owners = [form for form in forms if not form.own.isdisjoint(names)]
    owners = owners or [form for form in forms if not form.likely.isdisjoint(names)]
    if len(owners) > 1:
        first, second = (f"{min(form.own.intersection(names))} of {form.name}" for form in owners[:2])
        raise InputError(f"{path}: two forms in one file: {first}, {second}", field=str(path))
    if owners and not _missing(owners[0], names):
        return owners[0]
    nearest = owners[0] if owners else max(forms, key=lambda form: len(form.needs) - len(_missing(form, names)))
    lacks = [*_missing(nearest, names), *([] if owners else [f"one of {', '.join(sorted(nearest.own))}"])]
    known = "; ".join(form.name for form in FORMS)
    raise InputError(
        f"{path}: no known form; the nearest is {nearest.name}, which needs {' and '.join(lacks)}; "
        f"`fleetline predict --example` prints rows to start from (known forms: {known})",
        field=str(path),
        got=sorted(names),
        allowed=[form.name for form in FORMS],
    )


def _from_table(columns: Sequence[str], rows: Iterable[tables.Row], path: Path) -> Table:
    twice = sorted({name for name in columns if name and columns.count(name) > 1})
    if twice:
        raise InputError(f"{path}: column {shown(twice[0])} stands twice", field=str(path), got=list(columns))
    if len(columns) == 1 and (mark := next((mark for mark in ";\t|" if mark in columns[0]), "")):
        raise InputError(f"{path}: cells are separated by {shown(mark)}, allowed ','", field=str(path))
    return _table(_recognise(columns, TABLE_FORMS, path), rows, path)


def _from_json(value: object, path: Path) -> Table:
    if isinstance(value, dict) and "error" in value and not any(_is(form, value) for form in JSON_FORMS):
        raise InputError(f"{path}: an error in place of rows: {shown(value['error'])}", field=str(path))
    elements = value if isinstance(value, list) else [value]
    if not elements:
        raise InputError(f"{path}: an empty array, no rows", field=str(path))
    form = _json_form([element for element in elements if isinstance(element, dict)], path)
    form = replace(form, parse=dump.joined(path)) if form is dump.DUMP else form
    return _table(form, ((line, _element(row)) for line, row in enumerate(elements, start=1)), path)


def _json_form(objects: Sequence[dict[str, object]], path: Path) -> Form:
    if not objects:
        raise InputError(f"{path}: an array without objects, allowed an array of rows", field=str(path))
    found = [form for form in JSON_FORMS if any(_is(form, row) for row in objects)]
    if len(found) > 1:
        raise InputError(f"{path}: two forms in one file: {found[0].name}, {found[1].name}", field=str(path))
    return found[0] if found else _recognise({name for row in objects for name in row}, JSON_FORMS, path)


def _element(value: object) -> dict[str, object] | Fault:
    return value if isinstance(value, dict) else not_an_object(value)


# --- rows -------------------------------------------------------------------------------------------------------------


def _table(form: Form, rows: Iterable[tables.Row], path: Path) -> Table:
    """Every row, read or rejected; one does not touch another."""
    read_rows: list[Measurement] = []
    rejected: list[Rejected] = []
    for line, values in rows:
        try:
            if isinstance(values, Fault):
                raise values
            read_rows.append(form.parse(Record(values, line, path.name)))
        except Fault as fault:
            rejected.append(Rejected(_row_id(form, values, line), line, str(fault)))
        if len(read_rows) + len(rejected) > tables.MOST_ROWS:
            raise tables.too_many(path)
    total = len(read_rows) + len(rejected)
    if not total:
        raise InputError(f"{path}: no rows", field=str(path))
    return Table(form.name, read_rows, rejected, total)


def _row_id(form: Form, values: object, line: int) -> str:
    try:
        return row_name(Record(dict(values), line, ""), form.row_id) if isinstance(values, dict) else f"#{line}"
    except Fault:
        return f"#{line}"
