"""Commands about sweeps: sweep, query."""

from __future__ import annotations

import csv
import io
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fleetline.cli.options import AsJson, app, number, whole
from fleetline.cli.show import show, table
from fleetline.errors import InputError

if TYPE_CHECKING:
    from rich.table import Table

    from fleetline.sweeps.sweep import Progress


@app.command(epilog="Example: fleetline sweep --example > grid.toml; fleetline sweep grid.toml --out sweep --workers 2")
def sweep(
    grid: Annotated[Path | None, typer.Argument(metavar="GRID.toml", help="What to vary, as --example prints one.")] = None,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="The folder to write into.")] = None,
    workers: Annotated[
        float | None, number("workers", "Processes on this machine; as many as it has processors unless set.")
    ] = None,
    scheduler: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS", help="A Dask scheduler, such as tcp://10.0.0.1:8786, whose workers compute instead."
        ),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the sweep that DIR holds.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Also more than 10 million rows or 100 million points.")] = False,
    keep_draws: Annotated[
        bool, typer.Option("--keep-draws", help="Also draws.parquet, a row for each draw of each point.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check the grid and say how much it is; write nothing.")
    ] = False,
    example: Annotated[bool, typer.Option("--example", help="Print an example of a grid and stop.")] = False,
    as_json: AsJson = False,
) -> None:
    """Every combination of a grid, in every draw of what is uncertain: DIR/results.parquet and DIR/manifest.json.

    The result is the same, byte by byte, whoever computes it; an interrupted sweep goes on with --resume.
    """
    from fleetline.sweeps.grid import EXAMPLE
    from fleetline.sweeps.sweep import processors, sweep_size
    from fleetline.sweeps.sweep import sweep as run

    if example:
        typer.echo(EXAMPLE, nl=False)
        return
    if grid is None:
        raise InputError("grid: missing; `fleetline sweep --example` prints one", field="grid")
    if dry_run:
        size = vars(sweep_size(grid, keep_draws=keep_draws))
        words = {"seconds": "seconds of one processor, about", "bytes": "bytes of results, about"}
        named = {words.get(key, key): value for key, value in size.items()}
        show(size, lambda: [_table("What it asks for", named)], as_json)
        return
    if out is None:
        raise InputError("out: missing; the folder to write into", field="out")
    with _Shown() as shown:
        found = run(
            grid,
            out,
            workers=processors() if workers is None else whole(workers),
            scheduler=scheduler,
            resume=resume,
            yes=yes,
            keep_draws=keep_draws,
            say=shown.say,
            progress=shown.progress,
        )
    answer = {"out": found.out, **found.manifest}
    show(answer, lambda: [_table("Swept", _counts(answer))], as_json)


def _table(title: str, values: dict[str, Any]) -> Table:
    rows = [{"what": what, "value": value} for what, value in values.items()]
    return table(title, rows, {"what": "what", "value": "value"}, clip=100)


def _counts(manifest: dict[str, Any]) -> dict[str, Any]:
    """What a person wants to know of a sweep at once."""
    feasible = manifest["feasible"]
    failed = sum(each["rows"] for each in manifest["failures"])
    return {
        "points, each row in every draw": manifest["points"],
        "rows": manifest["rows"],
        "... that can be served in all draws": feasible["in_all_draws"],
        "... in some of them": feasible["in_some"],
        **{f"... not always: {reason}": rows for reason, rows in manifest["reasons"].items()},
        **({"... that cannot be built, see manifest.json": failed} if failed else {}),
    }


class _Shown:
    """Progress on standard error: a bar with rate and time left on a terminal, now and then a line elsewhere."""

    def __enter__(self) -> _Shown:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn

        console = Console(stderr=True)
        columns = (BarColumn(), TextColumn("{task.percentage:>3.0f}%"), TextColumn("{task.description}"))
        self._bar = Progress(*columns, console=console) if console.is_terminal else None
        self._task, self._last = None if self._bar is None else self._bar.add_task("starting", total=1.0), time.monotonic()
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def say(self, words: str) -> None:
        """Tell in words what happens."""
        if self._bar is not None:
            self._bar.console.print(words, markup=False, highlight=False)
        else:
            print(words, file=sys.stderr, flush=True)  # noqa: T201

    def progress(self, now: Progress) -> None:
        """Tell how far it is."""
        words = _how_far(now)
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=now.points_done, total=now.points, description=words)
        elif time.monotonic() - self._last >= _LINE_EVERY_S or now.chunks_done == now.chunks:
            self._last = time.monotonic()
            print(words, file=sys.stderr, flush=True)  # noqa: T201


_LINE_EVERY_S = 5.0


def _how_far(now: Progress) -> str:
    from fleetline.sweeps.sweep import lasting

    left = f", {lasting(now.left_s)} left" if now.points_done < now.points else f" in {lasting(now.elapsed_s)}"
    rate = f"{now.points_s / 1e6:.2f} M" if now.points_s >= 1e5 else f"{now.points_s:,.0f}"
    return f"{now.chunks_done} of {now.chunks} chunks, {rate} points/s{left}"


@app.command(epilog='Example: fleetline query sweep "select model, max(throughput_tok_s_p50) from results group by model"')
def query(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder of a sweep.")],
    sql: Annotated[str, typer.Argument(metavar="SELECT", help="One SELECT of DuckDB's SQL, over the table results.")],
    as_csv: Annotated[bool, typer.Option("--csv", help="CSV, with a header.")] = False,
    as_json: AsJson = False,
) -> None:
    """A question in SQL to a sweep's rows: the table `results`, and `draws` if they were kept. It reads nothing else."""
    from fleetline.sweeps.query import query as ask

    found = ask(folder, sql)
    if as_csv:
        lines = io.StringIO()
        csv.writer(lines, lineterminator="\n").writerows([found.columns, *found.rows])
        typer.echo(lines.getvalue(), nl=False)
        return
    rows = found.records()
    columns = {name: name for name in found.columns}
    show({"columns": found.columns, "rows": rows}, lambda: [table(f"{len(rows)} rows", rows, columns, clip=80)], as_json)
