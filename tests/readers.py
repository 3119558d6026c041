"""Every reader of what others write: hostile inputs for it, how it is asked, and what must hold of its answer.

A reader takes an input and a folder to write it into, and answers or raises a `FleetlineError`; anything else is a fault.
`tests/test_fuzz.py` asks each a few times, `make fuzz` more than 100,000 times in all.
"""

from __future__ import annotations

import contextlib
import csv
import io
import json
import math
import shutil
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import hostile
import numpy as np
import published_rows as published
from harness import SHIPPED
from hostile import Object, Raw
from hypothesis import strategies as st
from published_configs import CONFIGS

from fleetline.cli import main
from fleetline.errors import FleetlineError, Infeasible, InputError

MOST_SENT = 60_000  # letters of an address that the test's client sends; the server takes 8,000
MOST_LETTERS = 6_000  # of a refusal: the longest lists every key there is
Answer = Any


VARIANTS = 9


@dataclass(frozen=True)
class Reader:
    """One reader.

    Attributes:
        inputs: what it is given. ask: reads an input, written into a folder where it is files. sound: raises AssertionError
            for an answer that is none. about: what it reads, in the words of the documentation.
        many: inputs of `make fuzz`. few: of `make test`, drawn by Hypothesis; each has so many `variants` beside it.
    """

    about: str
    inputs: st.SearchStrategy[Any]
    ask: Callable[[Any, Path], Answer]
    sound: Callable[[Answer], None]
    many: int
    few: int = 0
    variants: int = VARIANTS


def outcome(reader: Reader, given: Any, folder: Path) -> str:
    """What becomes of an input: answered, refused or infeasible; an AssertionError for a refusal or answer that is none."""
    try:
        answer = reader.ask(given, folder)
    except FleetlineError as refused:
        check_refusal(refused)
        return "infeasible" if isinstance(refused, Infeasible) else "refused"
    reader.sound(answer)
    return "answered"


def check_refusal(refused: FleetlineError) -> None:
    """One line that people can read, of some length, from a mistake or an impossibility."""
    assert isinstance(refused, InputError | Infeasible), type(refused)
    assert refused.message and refused.message.isprintable(), repr(refused.message)
    assert len(refused.message) <= MOST_LETTERS, len(refused.message)


def finite(value: Any, place: str = "answer") -> None:
    """No number in an answer is NaN or infinite; numbers that are not known are None."""
    if is_dataclass(value):
        for field in fields(value):
            finite(getattr(value, field.name), f"{place}.{field.name}")
    elif isinstance(value, Mapping):
        for key, each in value.items():
            finite(each, f"{place}.{key}")
    elif isinstance(value, np.ndarray):
        assert value.dtype.kind not in "fc" or bool(np.isfinite(value).all()), place
    elif isinstance(value, Sequence) and not isinstance(value, str | bytes):
        for number, each in enumerate(value):
            finite(each, f"{place}[{number}]")
    elif isinstance(value, float | np.floating):
        assert math.isfinite(value), place


def put(content: bytes, folder: Path, name: str) -> Path:
    """A file with this content."""
    path = folder / name
    path.write_bytes(content)
    return path


# --- config.json ------------------------------------------------------------------------------------------------------

_CONFIGS = [hostile.tree(each) for each in CONFIGS.values()]
configs = hostile.spoilt(hostile.documents(_CONFIGS).map(hostile.json_text))


def _config(content: bytes, folder: Path) -> Answer:
    from fleetline.catalog.imported import import_model

    return import_model(put(content, folder, "config.json"))


@st.composite
def _tokens(draw: hostile.Draw) -> str:
    """Uploaded configurations as the names that hold them, and letters that are none."""
    import base64
    import zlib

    text = '["m", ' + draw(hostile.documents(_CONFIGS).map(hostile.json_text)) + "]"
    packed = zlib.compress(draw(st.just(text) | st.text(max_size=20)).encode("utf-8", "replace"), level=1)
    token = "config:" + base64.urlsafe_b64encode(packed).decode().rstrip("=")
    at = draw(st.integers(0, len(token)))
    broken = [token[:at], token[:at] + "!" + token[at:], token[:at] + "A" + token[at:]]
    found: str = draw(st.sampled_from([token, token, token, *broken]))
    return found


def _token(token: str, _: Path) -> Answer:
    from fleetline.catalog import load
    from fleetline.catalog.imported import facts_of, find

    found = find(load(), token)
    return None if found is None else facts_of(found)


# --- TOML: scenarios, grids, systems ----------------------------------------------------------------------------------


@cache
def _scenarios() -> list[Object]:
    """The shipped scenarios, and short ones that build on them."""
    from importlib.resources import files

    whole = [
        tomllib.loads(path.read_text("utf-8"))
        for path in sorted(files("fleetline.scenarios").iterdir(), key=str)
        if path.name.endswith(".toml")
    ]
    lines = [
        (group, key, cells)
        for each in whole
        for group, keys in each.items()
        if isinstance(keys, dict)
        for key, cells in keys.items()
    ]
    short = [{"base": base, group: {key: cells}} for base in ("today", "article") for group, key, cells in lines]
    return [hostile.tree(each) for each in (*whole, *short)]


@cache
def _quick_scenarios() -> list[Object]:
    """Those that change nothing of how requests are served: rates that are in no table take half a minute."""
    slow = {"serving", "mix"}
    return [each for each in _scenarios() if len(each.pairs) == 2 and not slow & {key for key, _ in each.pairs}]


scenarios = hostile.spoilt(st.deferred(lambda: hostile.documents(_scenarios())).map(hostile.toml_text))


mild_scenarios = (
    st.deferred(lambda: hostile.documents(_quick_scenarios(), most=2, wild=False))
    .map(hostile.toml_text)
    .map(hostile.encoded)
)


def _scenario(content: bytes, folder: Path) -> Answer:
    from fleetline.scenario import scenario

    return scenario(put(content, folder, "own.toml")).assumptions


def _asked_scenario(content: bytes, folder: Path) -> Answer:
    import fleetline as fl

    path = put(content, folder, "own.toml")
    return [fl.demand(path, draws=3), fl.crunch(path, draws=3)]


@st.composite
def _settings(draw: hostile.Draw) -> list[str]:
    from fleetline.scenario import KEYS

    def word(value: Any) -> str:
        return value.text if isinstance(value, Raw) else str(value)

    keys = st.sampled_from(sorted(KEYS)) | hostile.texts
    spelled = hostile.leaves.map(word) | st.tuples(hostile.leaves.map(word), hostile.leaves.map(word)).map("..".join)
    settings = st.tuples(keys, st.sampled_from(["=", "=", "=", "=", "", "=="]), spelled).map("".join)
    found: list[str] = draw(st.lists(settings, min_size=1, max_size=3))
    return found


def _set(settings: list[str], _: Path) -> Answer:
    from fleetline.scenario import scenario

    return scenario("today", settings).assumptions


@cache
def _grids() -> list[Object]:
    from fleetline.sweeps.grid import EXAMPLE

    numbers = {
        "prefix_hit": "0.2..0.8",
        "batch": {"from": 1, "to": 64, "points": 7, "whole": True},
        "speed": [10, 20.5],
        "hbm_reserve": 0.1,
    }
    names = {"framework": ["vllm"], "price": "own", "arrivals": ["poisson"], "turns": ["10:500"], "precision": ["fp8"]}
    ways = {
        "gpus": [8],
        "tp": [1, 2],
        "prefill_replicas": 1,
        "schedules": ["disaggregated"],
        "rates": ["ttft_s"],
        "offline": False,
    }
    return [
        hostile.tree(each)
        for each in (
            tomllib.loads(EXAMPLE),
            {"models": "all", "systems": ["h100"], "draws": 3, "seed": 1} | numbers,
            {"models": ["gpt-oss-120b"], "systems": "all"} | names,
            {"models": ["gpt-oss-120b"], "systems": ["b200"], "input_tokens": [100, 8000], "output_tokens": 500} | ways,
        )
    ]


grids = hostile.spoilt(st.deferred(lambda: hostile.documents(_grids())).map(hostile.toml_text))


mild_grids = (
    st.deferred(lambda: hostile.documents(_grids(), most=2, wild=False)).map(hostile.toml_text).map(hostile.encoded)
)


def _grid(content: bytes, folder: Path) -> Answer:
    from fleetline.sweeps.grid import read

    grid = read(put(content, folder, "grid.toml"))
    return [grid.rows, grid.points, grid.ways, grid.numbers, grid.uncertain]


def _checked_grid(content: bytes, folder: Path) -> Answer:
    from fleetline.sweeps.check import check
    from fleetline.sweeps.grid import read

    return check(read(put(content, folder, "grid.toml")))


@cache
def _systems() -> list[Object]:
    from fleetline.catalog.system_file import EXAMPLE

    return [
        hostile.tree(tomllib.loads(EXAMPLE)),
        hostile.tree({"gpus": 8, "chip": {"fp8": "2 PFLOP/s", "hbm_capacity": "80 GB"}}),
    ]


def _system(content: bytes, folder: Path) -> Answer:
    import fleetline as fl
    from fleetline.catalog.system_file import system_from_file

    path = put(content, folder, "own.toml")
    system = system_from_file(path)
    found = fl.throughput("gpt-oss-20b", str(path), "1000:100", batch=4)
    rates = [found.throughput_tok_s, found.ttft_s, found.tpot_s, found.batch] if found.feasible else []
    return [system.gpus, system.chip.peak, rates]


systems = hostile.spoilt(st.deferred(lambda: hostile.documents(_systems())).map(hostile.toml_text))

# --- benchmark rows ---------------------------------------------------------------------------------------------------


def _rows(name: str, content: bytes, folder: Path) -> Answer:
    from fleetline.measurements import read

    return read(put(content, folder, name))


def sound_table(table: Any) -> None:
    """No row is lost, and what is read can be calculated with."""
    assert table.total == len(table.rows) + len(table.rejected)
    for row in table.rows:
        finite(row)
        assert row.model and row.hardware
        for name in ("tpot_s", "ttft_s", "throughput_gpu", "output_throughput", "gpus", "concurrency"):
            value = getattr(row, name)
            assert value is None or value > 0, name
        assert all(
            getattr(row, each.name).isprintable() for each in fields(row) if isinstance(getattr(row, each.name), str)
        )
    assert all(each.reason.isprintable() and each.row_id.isprintable() for each in table.rejected)


def _csv_rows(row: Callable[[], published.Row]) -> st.SearchStrategy[bytes]:
    seeds = [hostile.tree([row(), row(), row()]), hostile.tree([row()])]
    return hostile.spoilt(hostile.documents(seeds).map(hostile.csv_of))


def _json_rows(*rows: published.Row) -> st.SearchStrategy[bytes]:
    seeds = [hostile.tree([row, row]) for row in rows] + [hostile.tree(row) for row in rows]
    return hostile.spoilt(hostile.documents(seeds).map(hostile.json_text))


_artifacts = _json_rows(published.artifact(), published.artifact_of_nodes())


@st.composite
def _dumps(draw: hostile.Draw) -> dict[str, bytes]:
    """The three tables of a dump, one or more of them spoilt."""
    sound = {
        "benchmark_results.json": [published.result_row(), published.result_row(metrics=json.dumps(published.METRICS))],
        "configs.json": [published.config_row()],
        "workflow_runs.json": [published.run_row(), published.run_row(id=71, run_attempt=2)],
    }
    names = draw(st.sets(st.sampled_from(sorted(sound)), min_size=1, max_size=2))
    spoilt = {
        name: draw(hostile.spoilt(hostile.documents([hostile.tree(sound[name])]).map(hostile.json_text)))
        for name in sorted(names)
    }
    return {name: spoilt.get(name, json.dumps(rows).encode()) for name, rows in sound.items()}


def _dump(tables: Mapping[str, bytes], folder: Path) -> Answer:
    from fleetline.measurements import read

    for name, content in tables.items():
        put(content, folder, name)
    return read(folder)


@cache
def _parquet_seed() -> bytes:
    """A tidy table as Parquet."""
    import tempfile

    import duckdb

    with tempfile.TemporaryDirectory() as place, contextlib.closing(duckdb.connect()) as database:
        source, target = Path(place) / "rows.csv", Path(place) / "rows.parquet"
        source.write_text(published.csv_text([published.benchmark(), published.benchmark(row_id=2)]), encoding="utf-8")
        database.execute(f"COPY (SELECT * FROM read_csv('{source}')) TO '{target}' (FORMAT parquet)")
        return target.read_bytes()


@st.composite
def _parquets(draw: hostile.Draw) -> bytes:
    """A sound Parquet file with some bytes of it changed, cut out or put in; often in the footer, where its lengths stand."""
    found = bytearray(_parquet_seed())
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, len(found) - 1) | st.integers(max(len(found) - 1800, 0), len(found) - 1))
        match draw(st.integers(0, 5)):
            case 0:
                del found[at : at + draw(st.integers(1, 40))]
            case 1:
                found[at:at] = draw(st.binary(min_size=1, max_size=8))
            case _:
                found[at] = draw(st.integers(0, 255) | st.sampled_from([0, 127, 128, 255]))
        if len(found) < 16:
            break
    return bytes(found)


def _where(given: str, _: Path) -> Answer:
    from fleetline.calibration.select import where

    return [row.model for row in where(_shipped_rows(), given)]


@st.composite
def _filters(draw: hostile.Draw) -> str:
    names = st.sampled_from(["model", "vendor", "hardware", "isl", "concurrency", "precision", "disagg"]) | hostile.texts
    held = st.sampled_from(["kimik2.5", "NVIDIA", "gb200", "1024", "8192", "fp4", "true"]) | hostile.leaves.map(str)
    conditions = st.tuples(names, st.sampled_from(["=", "=", "=", "", "=="]), held).map("".join)
    found: list[str] = draw(st.lists(conditions, min_size=1, max_size=3))
    return ",".join(found)


@cache
def _shipped_rows() -> list[Any]:
    from fleetline import runs

    return runs.rows_of([])[0][:50]


# --- the catalog ------------------------------------------------------------------------------------------------------


@st.composite
def _tables(draw: hostile.Draw) -> tuple[str, bytes]:
    """A table of the catalog: some rows of the shipped one, spoilt."""
    name = draw(st.sampled_from(_table_names()))
    seeds = [_table_seed(name)]
    return name, draw(hostile.spoilt(hostile.documents(seeds).map(hostile.csv_of)))


@cache
def _table_names() -> list[str]:
    from fleetline.catalog.load import _TABLES

    return sorted(_TABLES)


@cache
def _table_seed(name: str, most: int = 3) -> Any:
    with (SHIPPED / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return hostile.tree(rows[:: max(len(rows) // most, 1)][:most])


def _table(given: tuple[str, bytes], folder: Path) -> Answer:
    from fleetline.catalog.load import _TABLES
    from fleetline.catalog.tables import read_rows, standing_in

    put(given[1], folder, f"{given[0]}.csv")
    with standing_in(folder):
        return [row.model_dump() for row in read_rows(given[0], _TABLES[given[0]])]


_SMALL = (
    "systems",
    "formats",
    "fleets",
    "announced",
    "presets",
    "presets_fitted",
    "hardware",
    "benchmark_models",
    "reached",
)


@st.composite
def _catalogs(draw: hostile.Draw) -> tuple[str, bytes]:
    """A whole table of the catalog with a few cells changed, so that what fails is a check across tables."""
    name = draw(st.sampled_from(_SMALL))
    return name, draw(hostile.documents([_table_seed(name, 1000)], most=2).map(hostile.csv_of).map(hostile.encoded))


def _catalog(given: tuple[str, bytes], folder: Path) -> Answer:
    """The catalog with that table in its place; a folder of its own, as folders are read once."""
    from fleetline.catalog import load
    from fleetline.catalog.load import _load
    from fleetline.catalog.tables import standing_in

    own = folder / "catalog"
    shutil.rmtree(own, ignore_errors=True)
    own.mkdir()
    for path in SHIPPED.glob("*.csv"):
        (own / path.name).symlink_to(path)
    (own / f"{given[0]}.csv").unlink()
    put(given[1], own, f"{given[0]}.csv")
    try:
        with standing_in(own):
            found = load()
            return [found.defaults, [(preset.compute_efficiency, preset.step_latency) for preset in found.presets.values()]]
    finally:
        _load.cache_clear()


@st.composite
def _fits(draw: hostile.Draw) -> bytes:
    """The file of the fit, some bytes of it changed."""
    found = bytearray((SHIPPED / "pooled.npz").read_bytes())
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(found) - 1) | st.integers(len(found) - 3000, len(found) - 1) | st.integers(0, 400))
        found[at : at + draw(st.sampled_from([0, 1, 1, 1, 4, 3000]))] = draw(st.binary(max_size=4))
        if len(found) < 4000:
            break
    spoilt: bytes = draw(st.just(bytes(found)) | st.binary(max_size=60))
    return spoilt


def _fit(content: bytes, folder: Path) -> Answer:
    from fleetline import runs
    from fleetline.calibration.pooled import load

    return len(load(put(content, folder, "pooled.npz"), _kernels(runs))[0])


@cache
def _kernels(runs: Any) -> Any:
    return {name: side.kernel for name, side in runs.pooled().sides.items()}


@st.composite
def _updates(draw: hostile.Draw) -> tuple[str, bytes]:
    from fleetline.questions.updates import TABLES

    name = draw(st.sampled_from([*TABLES, *TABLES, "chips", "a\nb"]))
    seed = _table_seed(name) if name in TABLES else hostile.tree([{"a": 1}])
    return name, draw(hostile.spoilt(hostile.documents([seed]).map(hostile.csv_of)))


def _update(given: tuple[str, bytes], folder: Path) -> Answer:
    from fleetline.catalog.load import _load
    from fleetline.questions.updates import update

    own = folder / "new"
    shutil.rmtree(own, ignore_errors=True)
    own.mkdir()
    put(given[1], own, f"{given[0]}.csv")
    try:
        return update(own, draws=3)
    finally:
        _load.cache_clear()


# --- sweeps -----------------------------------------------------------------------------------------------------------

_SWEEP: Mapping[str, Any] = {
    "models": ["gpt-oss-20b"],
    "systems": ["h100"],
    "batch": [1, 4],
    "draws": 1,
    "preset": "article",
}


@cache
def _swept() -> Mapping[str, bytes]:
    """The files of a sweep, whole and just begun."""
    import tempfile

    from fleetline.sweeps.folder import opened
    from fleetline.sweeps.grid import read
    from fleetline.sweeps.pieces import made_with
    from fleetline.sweeps.sweep import sweep

    with tempfile.TemporaryDirectory() as place:
        grid = read(_SWEEP)
        opened(place, grid, made_with(grid.spec), resume=False)
        plan = (Path(place) / "plan.json").read_bytes()
        sweep(_SWEEP, place, resume=True)
        return {
            "plan.json": plan,
            **{name: (Path(place) / name).read_bytes() for name in ("manifest.json", "results.parquet")},
        }


@st.composite
def _folders(draw: hostile.Draw) -> tuple[str, bytes]:
    name = draw(st.sampled_from(["plan.json", "manifest.json"]))
    seed = hostile.tree(json.loads(_swept()[name]))
    return name, draw(hostile.spoilt(hostile.documents([seed]).map(hostile.json_text)))


def _resumed(given: tuple[str, bytes], folder: Path) -> Answer:
    from fleetline.reporting.plain import plain
    from fleetline.sweeps.folder import opened
    from fleetline.sweeps.grid import read
    from fleetline.sweeps.pieces import made_with

    own = folder / "sweep"
    shutil.rmtree(own, ignore_errors=True)
    own.mkdir()
    put(given[1], own, given[0])
    grid = read(_SWEEP)
    found = opened(own, grid, _made_with(grid.spec, made_with), resume=True)
    return plain(found.manifest()) if found.complete else sorted(found.done())


@cache
def _made_with(spec: str, of: Callable[[str], Any]) -> Any:
    return of(spec)


_SQL = (
    *(
        "select",
        "from",
        "results",
        "where",
        "group by",
        "order by",
        "limit",
        "model",
        "system",
        "batch",
        "max(",
        "count(*)",
        ")",
        "(",
    ),
    *(
        "*",
        ",",
        ";",
        "1",
        "1e999",
        "'nan'::double",
        "-1",
        "'",
        '"',
        "--",
        "/*",
        "*/",
        "null",
        "as x",
        "join",
        "union all",
        "with",
        "a as (",
    ),
    *(
        "range(1000000000000)",
        "generate_series(1, 100000000)",
        "repeat('x', 1000000000)",
        "read_csv('/etc/passwd')",
        "copy",
        "to '/tmp/x'",
    ),
    *(
        "attach",
        "install httpfs",
        "load",
        "pragma",
        "set",
        "::int",
        "cast(",
        "[1, 2]",
        "{'a': 1}",
        "\x00",
        "\n",
        "é",
        "draws",
        "describe",
    ),
    *(
        "recursive",
        "cross join results",
        "unnest(",
        "throughput_tok_s_p50",
        "feasible",
        "reason",
        "sum(",
        "over ()",
        "case when",
        "end",
    ),
)
_SEEDS_OF_SQL = (
    ("select", "model", ",", "max(", "throughput_tok_s_p50", ")", "from", "results", "group by", "model"),
    ("select", "*", "from", "results", "where", "batch", "limit", "1"),
    ("describe", "results"),
    ("with", "a as (", "select", "1", ")", "select", "*", "from", "a"),
)


@st.composite
def _queries(draw: hostile.Draw) -> str:
    words = list(draw(st.sampled_from(_SEEDS_OF_SQL)))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(words)))
        words[at : at + draw(st.integers(0, 2))] = draw(st.lists(st.sampled_from(_SQL) | hostile.texts, max_size=2))
    return " ".join(words)


def _query(sql: str, folder: Path) -> Answer:
    from fleetline.sweeps.query import query

    if not (folder / "results.parquet").exists():
        put(_swept()["results.parquet"], folder, "results.parquet")
    return query(folder, sql).records()


# --- the command line and the web ---------------------------------------------------------------------------------------


_COMMANDS: Sequence[tuple[str, ...]] = (
    (
        "throughput",
        "kimi-k2.6",
        "gb200-nvl72",
        "--workload",
        "8000:1000",
        "--batch",
        "8",
        "--speed",
        "35",
        "--speculative",
        "8:3",
    ),
    (
        "throughput",
        "gpt-oss-120b",
        "b200",
        "--gpus",
        "8",
        "--tp",
        "8",
        "--max-ttft",
        "5",
        "--precision",
        "fp4",
        "--preset",
        "article",
    ),
    (
        "throughput",
        "gpt-oss-20b",
        "h100",
        "--schedule",
        "chunked",
        "--prefix-hit",
        "0.5",
        "--hbm-reserve",
        "0.1",
        "--breakdown",
    ),
    ("frontier", "gpt-oss-20b", "h100", "--workload", "1000:100", "--gpus", "1", "--points", "3"),
    ("plan", "gpt-oss-20b", "--workload", "1000:100", "--users", "50", "--systems", "h100", "--speed", "20"),
    ("models", "kimi-k2.6"),
    ("systems", "b200"),
    ("demand", "today", "--draws", "3", "--seed", "1", "--workload", "8000:1000"),
    ("crunch", "article", "--draws", "3", "--set", "demand.engineers=1e6..2e6"),
    ("measured", "--where", "model=kimik2.5,vendor=NVIDIA", "--speed", "35"),
    ("import-model", "no.json", "--name", "m"),
    ("sweep", "no.toml", "--out", "/dev/null/x", "--workers", "1"),
    ("query", "/dev/null", "select 1"),
    ("nonsense",),
)


@st.composite
def _arguments(draw: hostile.Draw) -> list[str]:
    words = list(draw(st.sampled_from(_COMMANDS)))
    odd = st.sampled_from(hostile._NUMBERS) | hostile.texts
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(min(1, len(words) - 1), len(words) - 1))
        match draw(st.integers(0, 5)):
            case 0:
                del words[at]
            case 1:
                words.insert(at, draw(odd))
            case _:
                words[at] = draw(odd)
        if not words:
            break
    return [word.replace("\x00", "") for word in words if word not in {"--help", "--yes"}]


def _command(arguments: list[str], folder: Path) -> Answer:
    """What a command prints; raises its refusal, as the line of JSON on standard error says it."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.chdir(folder), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main([*arguments, "--json"] if arguments else arguments)
        except SystemExit as stopped:
            code = stopped.code or 0
    if code:
        lines = err.getvalue().splitlines()
        told = json.loads(lines[-1])["error"]
        assert told["message"].isprintable() and len(lines) == 1, lines
        assert code in (2, 3) and told["kind"] == {2: "bad_input", 3: "infeasible"}[int(code)], (code, told)
        assert out.getvalue() == "", "a refusal beside an answer"
        raise (InputError if code == 2 else Infeasible)(told["message"])
    return out.getvalue()


def sound_json(text: str) -> None:
    """An answer of JSON has no NaN and no infinity; help is none."""
    if text[:1] in {"{", "["}:
        json.loads(text, parse_constant=_no_number)


def _no_number(word: str) -> None:
    raise AssertionError(f"{word} is no JSON")


@cache
def _questions() -> list[Any]:
    from fleetline.cli.web import questions

    slow = {"compare", "sensitivity", "compare-article", "agents", "energy", "market", "supply", "views/agents"}
    return [each for each in questions() if each.path not in slow and not each.path.startswith("views/")]


@st.composite
def _requests(draw: hostile.Draw) -> list[tuple[str, str]]:
    """A question's example with up to two values, or names, that are others: most of them of other options' examples."""
    question = draw(st.sampled_from(_questions()))
    query = [(name, each) for name, value in question.example.items() for each in _written(value)]
    meant = sorted({each for one in _questions() for value in one.example.values() for each in _written(value)})
    texts = hostile.texts.map(lambda text: text.encode("utf-8", "replace").decode())
    values = st.sampled_from([*meant, "1", "8", "0.5", "fp8", "none", "true"]) | st.sampled_from(hostile._NUMBERS) | texts
    names = [option.name for option in question.options] or ["none"]
    for _ in range(draw(st.integers(0, 2))):
        if query and draw(st.booleans()):
            at = draw(st.integers(0, len(query) - 1))
            query[at] = (query[at][0], draw(values))
        else:
            name = draw(texts) if draw(st.integers(0, 9)) == 0 else draw(st.sampled_from(names))
            query = [*(pair for pair in query if pair[0] != name or name == "set"), (name, draw(values))]
    if "draws" in names:
        query = [*(pair for pair in query if pair[0] != "draws"), ("draws", "3")]
    return [("", question.path), *((name[:2000], value[:2000]) for name, value in query)]


def _written(value: Any) -> list[str]:
    every = value if isinstance(value, list | tuple) else [value]
    return [str(each).lower() if isinstance(each, bool) else str(each) for each in every]


@cache
def _client() -> Any:
    """The application in this process, its workers threads."""
    from concurrent.futures import ThreadPoolExecutor

    from starlette.testclient import TestClient

    from fleetline.cli.web import questions
    from fleetline.webapp.app import create_app
    from fleetline.webapp.limits import Limits

    app = create_app(
        questions(), Limits(workers=1, costly=1, processor_s=30.0, seconds=60.0), make=lambda n, _: ThreadPoolExecutor(n)
    )
    client = TestClient(app)
    client.__enter__()
    return client


def _answered(response: Any) -> Answer:
    if response.status_code == 200:
        return response.text
    assert response.status_code in (404, 413, 414, 422), (response.status_code, response.text[:300])
    told = response.json()["error"]
    assert told["message"].isprintable(), told
    raise (Infeasible if told["kind"] == "infeasible" else InputError)(told["message"])


def _request(given: list[tuple[str, str]], _folder: Path) -> Answer:
    (_, address), *query = given
    asked = urlencode(query, errors="replace")[:MOST_SENT]
    return _answered(_client().get(f"/api/v1/{quote(address, errors='replace')[:MOST_SENT]}?{asked}"))


def _upload(content: bytes, _: Path) -> Answer:
    return _answered(_client().post("/api/v1/models", content=content))


_CSV, _JSON = partial(_rows, "rows.csv"), partial(_rows, "rows.json")
READERS: Mapping[str, Reader] = {
    "config": Reader("`config.json` of a model (`import-model`)", configs, _config, finite, 8_000, 3),
    "token": Reader("an uploaded configuration as a name", _tokens(), _token, finite, 2_000, 3),
    "scenario": Reader("scenario, TOML", scenarios, _scenario, finite, 8_000, 3),
    "scenario asked": Reader(
        "... with `demand` and `crunch` asked of it", mild_scenarios, _asked_scenario, finite, 400, variants=0
    ),
    "settings": Reader("settings of a scenario (`--set`)", _settings(), _set, finite, 10_000, 3),
    "grid": Reader("grid of a sweep, TOML", grids, _grid, finite, 8_000, 3),
    "grid checked": Reader(
        "... with its deployments tried (`sweep --dry-run`)", mild_grids, _checked_grid, finite, 800, variants=0
    ),
    "system": Reader("system, TOML, and the rates of a model on it", systems, _system, finite, 3_000, 3),
    "tidy medians": Reader("tidy medians, CSV", _csv_rows(published.benchmark), _CSV, sound_table, 7_000, 3),
    "tidy runs": Reader("tidy runs, CSV", _csv_rows(published.run), _CSV, sound_table, 6_000, 3),
    "agentx": Reader("AgentX rows, CSV", _csv_rows(published.agentx), _CSV, sound_table, 6_000, 3),
    "dashboard": Reader("the dashboard's export, CSV", _csv_rows(published.dashboard), _CSV, sound_table, 6_000, 3),
    "api rows": Reader("rows of the public API, JSON", _json_rows(published.api_row()), _JSON, sound_table, 7_000, 3),
    "artifacts": Reader("CI artifacts, JSON", _artifacts, _JSON, sound_table, 6_000, 3),
    "dump": Reader("the database dump's three tables, JSON", _dumps(), _dump, sound_table, 4_000, 3),
    "parquet": Reader("rows in Parquet", _parquets(), partial(_rows, "rows.parquet"), sound_table, 2_000, 3),
    "where": Reader("`--where` of benchmark rows", _filters(), _where, finite, 3_000, 3),
    "table": Reader("a table of the catalog (`FLEETLINE_CATALOG`), CSV", _tables(), _table, finite, 7_000, 3),
    "catalog": Reader("a whole catalog with one table changed", _catalogs(), _catalog, finite, 200, variants=0),
    "fit": Reader("the fit of a catalog, `pooled.npz`", _fits(), _fit, finite, 1_500),
    "update": Reader("a folder of new rows (`update --check`), CSV", _updates(), _update, finite, 200),
    "folder": Reader("a sweep to go on with (`--resume`), JSON", _folders(), _resumed, finite, 3_000, 3),
    "query": Reader("SQL over a sweep (`query`)", _queries(), _query, lambda _: None, 400, 3),
    "command": Reader("words of the command line, 11 commands", _arguments(), _command, sound_json, 800),
    "api": Reader("queries of the HTTP API", _requests(), _request, sound_json, 1_200),
    "upload": Reader("an upload of a `config.json` to it", configs, _upload, sound_json, 1_200),
}


def inputs_in_all() -> int:
    """Inputs of `make fuzz`."""
    return sum(reader.many for reader in READERS.values())


def rounds(reader: Reader) -> Iterator[int]:
    """Sizes of the rounds that a reader's inputs are drawn in: Hypothesis remembers those of a round."""
    return (min(ROUND, reader.many - begun) for begun in range(0, reader.many, ROUND))


ROUND = 1_000
