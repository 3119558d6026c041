"""The command line: arguments in, JSON or a table out, one line for every refusal. Nothing is computed here."""

from __future__ import annotations

import contextlib
import errno
import io
import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from typer.exceptions import Abort, TyperException
from typer.main import get_command

from fleetline import __version__
from fleetline.errors import FleetlineError, Infeasible, InputError

if TYPE_CHECKING:
    from rich.table import Table

    from fleetline.deployment import Throughput

app = typer.Typer(
    name="fleetline",
    help="How many tokens can the world's AI chips serve, how many are asked for, and when does one pass the other?",
    epilog="First steps: fleetline throughput kimi-k2.6 gb200-nvl72 --speculative 8:3",
    add_completion=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)


def _number(name: str, words: str) -> Any:
    """An option that takes a number and, given anything else, says so as every other refusal does."""

    def read(text: str) -> float:
        try:
            return float(text)
        except ValueError as error:
            allowed = "a number"
            raise InputError(f"{name}: got '{text}', allowed {allowed}", field=name, got=text, allowed=allowed) from error

    return typer.Option(f"--{name.replace('_', '-')}", parser=read, metavar="NUMBER", help=words)


Model = Annotated[str, typer.Argument(metavar="MODEL", help="A model, as `fleetline models` lists them.")]
SystemName = Annotated[
    str, typer.Argument(metavar="SYSTEM", help="A system, as `fleetline systems` lists them, or a TOML file.")
]
Workload = Annotated[str, typer.Option(metavar="INPUT:OUTPUT", help="Tokens of each request.")]
Speed = Annotated[float | None, _number("speed", "Wanted output tokens per second of each user, over wall time.")]
MaxTtft = Annotated[float | None, _number("max_ttft", "Longest time to the first token, seconds.")]
Batch = Annotated[float | None, _number("batch", "Requests in service, instead of the best number.")]
Schedule = Annotated[str, typer.Option(metavar="NAME", help="serial, serial-total, chunked or chunked-total.")]
Speculative = Annotated[
    str, typer.Option(help="Tokens verified and accepted in a decode pass, VERIFIED:ACCEPTED, or none.")
]
Preset = Annotated[str, typer.Option(metavar="NAME", help="fitted (ours), article (65%, 30%, 5 ms) or ideal (1, 1, 0).")]
Gpus = Annotated[float | None, _number("gpus", "Only so many chips of the system.")]
Precision = Annotated[
    str | None, typer.Option(metavar="NAME", help="Number format of the weights, such as fp4, fp8 or bf16.")
]
Counting = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="article (published sizes, one precision) or checkpoint (exact, mixed precision)."),
]
ComputeEfficiency = Annotated[
    float | None, _number("compute_efficiency", "Reached share of peak arithmetic, instead of the preset's.")
]
BandwidthEfficiency = Annotated[
    float | None, _number("bandwidth_efficiency", "Reached share of memory bandwidth, instead of the preset's.")
]
HbmReserve = Annotated[float | None, _number("hbm_reserve", "Share of usable memory kept free; 0.1 unless set.")]
StepLatency = Annotated[float | None, _number("step_latency_s", "Seconds a decode pass besides its work.")]
AsJson = Annotated[bool, typer.Option("--json", help="JSON, as when standard output is not a terminal.")]


@app.callback(invoke_without_command=True)
def _version(version: Annotated[bool, typer.Option("--version", help="Print the version and stop.")] = False) -> None:
    if version:
        typer.echo(f"fleetline {__version__}")
        raise typer.Exit


@app.command(
    epilog="Example: fleetline throughput kimi-k2.6 gb200-nvl72 --workload 8000:1000 --speculative 8:3 --breakdown"
)
def throughput(
    model: Model,
    system: SystemName,
    workload: Workload = "8000:1000",
    speed: Speed = None,
    max_ttft: MaxTtft = None,
    batch: Batch = None,
    schedule: Schedule = "chunked",
    speculative: Speculative = "none",
    preset: Preset = "fitted",
    gpus: Gpus = None,
    precision: Precision = None,
    counting: Counting = None,
    compute_efficiency: ComputeEfficiency = None,
    bandwidth_efficiency: BandwidthEfficiency = None,
    step_latency_s: StepLatency = None,
    hbm_reserve: HbmReserve = None,
    breakdown: Annotated[bool, typer.Option("--breakdown", help="Add FLOP, bytes and bound of each operator.")] = False,
    as_json: AsJson = False,
) -> None:
    """Best batch and rates of one deployment: a whole system, or part of it.

    Without --batch, the best batch at the wanted speed (35 tokens per second unless --speed says otherwise).
    """
    from fleetline import deployment

    options: dict[str, Any] = {
        "schedule": schedule,
        "speculative": speculative,
        "preset": preset,
        "gpus": gpus,
        "precision": precision,
        "counting": counting,
        "compute_efficiency": compute_efficiency,
        "bandwidth_efficiency": bandwidth_efficiency,
        "step_latency_s": step_latency_s,
        "hbm_reserve": hbm_reserve,
    }
    found = deployment.throughput(model, system, workload, batch=batch, speed=speed, max_ttft=max_ttft, **options)
    _feasible(found)
    operators = deployment.breakdown(model, system, workload, batch=float(found.batch), **options) if breakdown else []
    answer = _flat(found) | ({"breakdown": operators} if breakdown else {})
    _show(answer, lambda: [_rates_table(found), *([_operators_table(operators)] if breakdown else [])], as_json)


@app.command(epilog="Example: fleetline frontier kimi-k2.6 gb200-nvl72 --workload 25000:1000 --speculative 8:3 --points 12")
def frontier(
    model: Model,
    system: SystemName,
    workload: Workload = "8000:1000",
    speed: Speed = None,
    max_ttft: MaxTtft = None,
    points: Annotated[int, typer.Option(help="At most so many batches, evenly spaced by ratio.")] = 60,
    schedule: Schedule = "chunked",
    speculative: Speculative = "none",
    preset: Preset = "fitted",
    gpus: Gpus = None,
    precision: Precision = None,
    counting: Counting = None,
    compute_efficiency: ComputeEfficiency = None,
    bandwidth_efficiency: BandwidthEfficiency = None,
    step_latency_s: StepLatency = None,
    hbm_reserve: HbmReserve = None,
    as_json: AsJson = False,
) -> None:
    """Throughput against each user's speed over batch: the points that no other batch beats in both."""
    from fleetline import deployment

    found = deployment.frontier(
        model,
        system,
        workload,
        points=points,
        speed=speed,
        max_ttft=max_ttft,
        schedule=schedule,
        speculative=speculative,
        preset=preset,
        gpus=gpus,
        precision=precision,
        counting=counting,
        compute_efficiency=compute_efficiency,
        bandwidth_efficiency=bandwidth_efficiency,
        step_latency_s=step_latency_s,
        hbm_reserve=hbm_reserve,
    )
    _feasible(found)
    listed = deployment.points_of(found)
    _show({"points": listed}, lambda: [_points_table(listed)], as_json)


@app.command(epilog="Example: fleetline models kimi-k2.6")
def models(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="Every figure of this one, with its source.")] = None,
    as_json: AsJson = False,
) -> None:
    """The models of the catalog, or every figure of one."""
    from fleetline.catalog import listing

    if name is not None:
        _show_facts(name, listing.facts(name), as_json)
        return
    rows = listing.models()
    columns = {
        "model": "model",
        "total_parameters": "weights",
        "active_parameters": "active",
        "kv_elements_per_token": "KV/token",
        "modelled": "physics",
        "attention": "attention",
    }
    _show({"models": rows}, lambda: [_table("Models", rows, columns)], as_json)


@app.command(epilog="Examples: fleetline systems gb200-nvl72; fleetline systems --example > my-rack.toml")
def systems(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="Every figure of its chip, with its source.")] = None,
    example: Annotated[bool, typer.Option("--example", help="Print a TOML file that describes a system.")] = False,
    as_json: AsJson = False,
) -> None:
    """The systems of the catalog, every figure of one, or a file to describe one's own."""
    from fleetline.catalog import listing, system_file

    if example:
        typer.echo(system_file.EXAMPLE, nl=False)
        return
    if name is not None:
        _show_facts(name, listing.facts(name), as_json)
        return
    rows = listing.systems()
    columns = {
        "system": "system",
        "chip": "chip",
        "gpus": "chips",
        "hbm_capacity_bytes": "memory, byte",
        "hbm_bandwidth_bytes_s": "bandwidth, byte/s",
        "fp4_flop_s": "fp4, FLOP/s",
        "fp8_flop_s": "fp8, FLOP/s",
        "bf16_flop_s": "bf16, FLOP/s",
        "rent_usd_hour": "USD/h",
    }
    _show({"systems": rows}, lambda: [_table("Systems", rows, columns)], as_json)


@app.command(epilog="Example: fleetline sources --json | jq '.sources[].source'")
def sources(as_json: AsJson = False) -> None:
    """Where every number comes from: source, licence, and the tables that cite it."""
    from fleetline.catalog import listing

    rows = listing.sources()
    columns = {"rows": "rows", "tables": "tables", "source": "source", "licence": "licence"}
    _show({"sources": rows}, lambda: [_table("Sources", rows, columns, clip=200)], as_json)


@app.command(
    "compare-article", epilog="Example: fleetline compare-article --json | jq '.numbers[] | select(.reproduced | not)'"
)
def compare_article(as_json: AsJson = False) -> None:
    """The article's numbers beside ours: printed, recomputed from its text, computed here."""
    from fleetline.article import compare_article as compare

    rows = _flat(compare())
    columns = {
        "text": "article",
        "printed": "printed",
        "recomputed": "recomputed",
        "ours": "ours",
        "ours_over_printed": "ratio",
        "reproduced": "as recomputed",
        "status": "status",
    }
    _show({"numbers": rows}, lambda: [_table("Is a compute crunch coming?", rows, columns, clip=100)], as_json)


Rows = Annotated[
    list[str] | None,
    typer.Argument(metavar="[ROWS]...", help="Benchmark files of any known form; the shipped rows without."),
]
Where = Annotated[
    str | None, typer.Option(metavar="FIELD=VALUE,...", help="Only these rows, such as model=kimik2.5,vendor=NVIDIA.")
]


@app.command(epilog="Example: fleetline calibrate benchmarks.csv --where model=kimik2.5,vendor=NVIDIA")
def calibrate(
    rows: Rows = None,
    where: Where = None,
    form: Annotated[str, typer.Option(metavar="NAME", help="How a row is predicted: article.")] = "article",
    draws: Annotated[int, typer.Option(help="Bootstrap fits over configurations, for the intervals.")] = 200,
    seed: Annotated[int, typer.Option(help="Of the bootstrap.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Fit compute efficiency, bandwidth efficiency and step latency to measured runs, and say which are identified."""
    from fleetline import runs

    with _progress() as step:
        found = runs.calibrate(
            *(rows or ()),
            where=where,
            form=form,
            draws=draws,
            seed=seed,
            progress=lambda done, every: step(f"bootstrap {done} of {every}") if done % 20 == 0 else None,
        )
    estimates = [
        {"parameter": name, **getattr(found, name), "identified": found.identified[name]} for name in found.identified
    ]
    columns = {"parameter": "parameter", "value": "value", "low": "5%", "high": "95%", "identified": "identified"}
    title = f"{found.rows} values of {found.configurations} configurations, loss {found.loss:.3f}"
    _show(found, lambda: [_table(title, estimates, columns)], as_json)


@app.command(epilog="Example: fleetline predict benchmarks.csv --out predictions.csv")
def predict(
    rows: Rows = None,
    preset: Preset = "fitted",
    out: Annotated[str | None, typer.Option(metavar="FILE.csv", help="Where to; standard output without.")] = None,
    where: Where = None,
) -> None:
    """TPOT, TTFT and throughput per GPU of benchmark rows as CSV, with 90% intervals and a reason for each empty cell."""
    from collections import Counter
    from pathlib import Path

    from fleetline import runs
    from fleetline.reporting.files import replace_all, table_csv

    listed = runs.prediction_table(*(rows or ()), preset=preset, where=where)
    content = table_csv(listed)
    if out is None:
        typer.echo(content.decode(), nl=False)
        return
    path = Path(out)
    replace_all(path.parent, {path.name: content})
    reasons = Counter(str(row["reason"]) for row in listed if row["reason"])
    answered = len(listed) - sum(reasons.values())
    summary = {"out": out, "rows": len(listed), "answered": answered, "reasons": dict(reasons.most_common())}
    _show(
        summary,
        lambda: [_table(out, [{"rows": summary["rows"], "answered": answered}], {"rows": "rows", "answered": "answered"})],
        False,
    )


@app.command(epilog="Example: fleetline validate benchmarks.csv --preset article")
def validate(rows: Rows = None, preset: Preset = "fitted", where: Where = None, as_json: AsJson = False) -> None:
    """Predicted against measured by model, chip, framework, concurrency and more: |log(predicted / measured)|."""
    from fleetline import runs

    groups = _flat(runs.validate(*(rows or ()), preset=preset, where=where))
    columns = {
        "by": "by",
        "group": "group",
        "rows": "rows",
        "tpot_median_abs_log": "TPOT",
        "tpot_by_configuration": "by config",
        "tpot_bias_log": "bias",
        "ttft_median_abs_log": "TTFT",
        "coverage": "answered",
        "interval_coverage": "in interval",
    }
    _show({"groups": groups}, lambda: [_table(f"preset {preset}", groups, columns)], as_json)


@app.command(epilog="Example: fleetline measured --where model=kimik2.5 --speed 35")
def measured(rows: Rows = None, speed: Speed = None, where: Where = None, as_json: AsJson = False) -> None:
    """The best measured run of every model, chip and workload at a wanted speed, by wall time and by 1/TPOT."""
    from fleetline import runs

    best = _flat(runs.measured(*(rows or ()), speed=speed, where=where))
    columns = {
        "model": "model",
        "hardware": "chip",
        "workload": "workload",
        "definition": "speed by",
        "output_tok_s_gpu": "tok/s/GPU",
        "speed_wall_tok_s_user": "wall",
        "speed_tpot_tok_s_user": "1/TPOT",
        "concurrency": "clients",
        "gpus": "GPUs",
        "framework": "framework",
    }
    _show({"best": best}, lambda: [_table("Best measured runs", best, columns)], as_json)


@app.command(epilog="Example: fleetline report --out out")
def report(
    out: Annotated[str, typer.Option(metavar="FOLDER", help="Folder for report.html and what belongs to it.")] = "out",
) -> None:
    """The study as one offline page, with figures, tables and results.json beside it."""
    from fleetline.reporting import report as write

    with _progress() as step:
        files = write(out, step)
    typer.echo(f"{files[-1]}" if sys.stdout.isatty() else json.dumps({"files": [str(path) for path in files]}))


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit: 0 done, 2 bad input, 3 infeasible, 130 interrupted."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    _prepare_streams()
    as_json = "--json" in given or not sys.stdout.isatty()
    try:
        code = get_command(app).main(given or ["--help"], prog_name="fleetline", standalone_mode=False)
        sys.stdout.flush()
    except FleetlineError as error:
        _refuse(
            error.message,
            error.exit_code,
            as_json,
            kind=error.kind,
            field=error.field,
            got=error.got,
            allowed=error.allowed,
        )
    except TyperException as error:
        _refuse(" ".join(error.format_message().split()), 2, as_json, kind="bad_input", field="arguments")
    except (Abort, KeyboardInterrupt):
        code = _INTERRUPTED
    except BrokenPipeError:
        # whoever read our output has enough; keep the interpreter from complaining at exit
        _discard_output()
        sys.exit(0)
    except OSError as error:
        if error.errno not in _OUTPUT_FAULTS:
            raise
        _discard_output()
        _refuse(f"standard output: {error.strerror}", 2, as_json, kind="bad_input", field="stdout")
    if code == _INTERRUPTED:
        _refuse("interrupted", _INTERRUPTED, as_json, kind="interrupted")
    sys.exit(code or 0)


_INTERRUPTED = 130  # as shells report a program that SIGINT ended; Typer turns Ctrl-C into it
_OUTPUT_FAULTS = (errno.ENOSPC, errno.EIO, errno.EBADF)


def _prepare_streams() -> None:
    """Output that may be closed or not know a letter, and signals that end the program as its own exit does."""
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115  (for the life of the process)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    for name in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, name) and threading.current_thread() is threading.main_thread():
            signal.signal(getattr(signal, name), lambda number, _frame: sys.exit(128 + number))


def _discard_output() -> None:
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _refuse(message: str, code: int, as_json: bool, **details: Any) -> None:
    """One line on standard error, and the exit code."""
    if as_json:
        from fleetline.reporting.plain import plain

        error = {"kind": details["kind"], "message": message} | {
            key: details.get(key) for key in ("field", "got", "allowed")
        }
        line = json.dumps({"error": plain(error)}, default=str)
    else:
        line = f"fleetline: {' '.join(message.split())}"
    print(line, file=sys.stderr)  # noqa: T201
    sys.exit(code)


def _feasible(found: Throughput) -> None:
    """Turn a single infeasible answer into the refusal of exit code 3."""
    if found.reason.shape == () and not found.feasible:
        kind = str(found.reason).partition(":")[0]
        raise Infeasible(str(found.reason), field=kind)


def _flat(value: Any) -> Any:
    """The answer as JSON values; what the deployment was comes first."""
    from fleetline.reporting.plain import plain

    found = plain(value)
    return found.pop("setting") | found if isinstance(found, dict) and "setting" in found else found


def _show(answer: Any, tables: Callable[[], list[Table]], as_json: bool) -> None:
    """JSON for programs, tables for people."""
    if as_json or not sys.stdout.isatty():
        from fleetline.reporting.plain import plain

        typer.echo(json.dumps(plain(answer), indent=2, allow_nan=False))
        return
    from rich.console import Console

    console = Console()
    for table in tables():
        # a figure cut by a narrow terminal is a wrong figure: rather let the terminal wrap the line
        console.print(table.title, soft_wrap=True)
        table.title = None
        needed = console.measure(table, options=console.options.update(max_width=_ANY_WIDTH)).minimum
        console.width = max(console.width, needed)
        console.print(table)


_ANY_WIDTH = 10_000  # characters: to measure a table without a terminal's limit


def _show_facts(name: str, rows: list[dict[str, Any]], as_json: bool) -> None:
    columns = {"quantity": "quantity", "value": "value", "unit": "unit", "source": "source", "note": "note"}
    _show({"name": name, "facts": rows}, lambda: [_table(name, rows, columns, clip=1000)], as_json)


def _table(title: str, rows: Sequence[dict[str, Any]], columns: dict[str, str], *, clip: int = 30) -> Table:
    """Rows as a table: numbers to the right, texts cut to `clip` characters (JSON has them whole)."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for key, header in columns.items():
        numeric = any(isinstance(row[key], int | float) and not isinstance(row[key], bool) for row in rows)
        widest = max(len(header), *(len(_cell(row[key])) for row in rows))
        justify: Literal["left", "right"] = "right" if numeric else "left"
        fixed = widest if widest <= _SHORT_CELL else None
        table.add_column(header, justify=justify, min_width=fixed, no_wrap=fixed is not None, overflow="fold")
    for row in rows:
        table.add_row(*(_clipped(_cell(row[key]), clip) for key in columns))
    return table


def _clipped(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"


_SHORT_CELL = 22  # characters: columns up to this wide are never folded


def _cell(value: Any) -> str:
    match value:
        case None | "":
            return ""
        case bool():
            return "yes" if value else "no"
        case int() | float():
            return _short(float(value))
        case list() | tuple():
            return ", ".join(str(each) for each in value)
        case dict():
            return ", ".join(f"{key} {each}" for key, each in value.items())
        case _:
            return str(value)


def _short(value: float) -> str:
    """A number for people: thousands separated, with k, M, G, T, P for the large."""
    if value != value:  # noqa: PLR0124  (NaN)
        return ""
    for scale, letter in ((1e18, "E"), (1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M")):
        if abs(value) >= scale:
            return f"{value / scale:.3g}{letter}"
    return f"{value:,.0f}" if abs(value) >= 1e3 else f"{value:.3g}"


def _rates_table(found: Throughput) -> Table:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    setting = found.setting
    how = f"{setting['schedule']}" + (f", speculation {setting['speculative']}" if setting["speculative"] else "")
    title = f"{setting['model']} on {int(setting['gpus'])} chips of {setting['system']}, {setting['workload']}, {how}"
    table = Table(title=title, title_justify="left", show_header=False, box=SIMPLE_HEAD, pad_edge=False)
    lines = [
        ("output tokens per second", f"{found.throughput_tok_s:,.0f}"),
        ("... of each chip", f"{found.throughput_tok_s_gpu:,.1f}"),
        ("speed of each user (wall time)", f"{found.speed_tok_s_user:,.2f} tok/s"),
        ("interactivity (1/TPOT)", f"{found.interactivity_tok_s_user:,.2f} tok/s"),
        ("TTFT", f"{found.ttft_s:,.3f} s"),
        ("TPOT", f"{found.tpot_s * 1e3:,.3f} ms"),
        ("batch", f"{found.batch:,.6g}"),
        ("critical batch", f"{found.critical_batch:,.1f}"),
        ("bound by", str(found.binding)),
        ("prefill: arithmetic, traffic", f"{found.prefill.compute_s:,.4g} s, {found.prefill.bandwidth_s:,.4g} s"),
        ("decode: arithmetic, traffic", f"{found.decode.compute_s:,.4g} s, {found.decode.bandwidth_s:,.4g} s"),
        ("memory", f"{found.memory_used_bytes / 1e9:,.0f} of {found.memory_capacity_bytes / 1e9:,.0f} GB"),
        (
            "cost",
            ""
            if found.cost_usd_per_mtok_output != found.cost_usd_per_mtok_output  # NaN: no rent known
            else f"{found.cost_usd_per_mtok_output:,.3f} USD per million output tokens",
        ),
    ]
    table.add_column()
    table.add_column(justify="right")
    for what, value in lines:
        table.add_row(what, value)
    return table


def _operators_table(operators: Sequence[Any]) -> Table:
    rows = [vars(operator) for operator in operators]
    columns = {
        "stage": "stage",
        "operator": "operator",
        "precision": "in",
        "flop": "FLOP",
        "bytes": "bytes",
        "intensity_flop_byte": "FLOP/B",
        "compute_s": "compute",
        "bandwidth_s": "traffic",
        "bound": "bound by",
    }
    return _table("Operators, whole batch; times in seconds", rows, columns)


def _points_table(points: Sequence[dict[str, Any]]) -> Table:
    columns = {
        "batch": "batch",
        "speed_tok_s_user": "tok/s/user",
        "throughput_tok_s": "tok/s",
        "ttft_s": "TTFT, s",
        "tpot_s": "TPOT, s",
        "binding": "bound by",
        "cost_usd_per_mtok_output": "USD/M output",
    }
    return _table("Throughput against speed", points, columns)


class _progress:  # noqa: N801  (reads as the function it stands for)
    """What is being worked on, on standard error: a spinner on a terminal, a line each elsewhere."""

    def __enter__(self) -> Callable[[str], None]:
        from rich.console import Console

        self._console = Console(stderr=True)
        self._status = self._console.status("starting") if self._console.is_terminal else None
        if self._status is None:
            return lambda what: print(what, file=sys.stderr, flush=True)  # noqa: T201
        self._status.start()
        return self._status.update

    def __exit__(self, *_: object) -> None:
        if self._status is not None:
            self._status.stop()
