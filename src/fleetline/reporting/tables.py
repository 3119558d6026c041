"""Which tables the page shows, and of each: its caption, its columns in words, and how a cell is written."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from markupsafe import Markup

from fleetline.figures import NAME_OF, has_mix, human, price_words, when
from fleetline.reporting.words import capital, fixed, linked, number, share
from fleetline.study import Results, Rows

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Column:
    """A column: its head, the cell of a row, and whether it holds numbers."""

    head: str
    cell: Callable[[Row], str | Markup]
    numbers: bool = False


@dataclass(frozen=True)
class Table:
    """A table of the page.

    Attributes:
        name: of the results it shows; None where they are no table of results.
        caption: what it says, in a sentence or less.
        columns: the first one heads its row.
        rows: what is shown, in order.
        first: so many rows are seen at once, all of them behind a click; None shows all.
        reads: rows are read (long words, on a phone one below the other), not compared.
        stands_out: rows that are marked.
        anchor: of a row, so that other places can lead to it.
    """

    name: str | None
    caption: str
    columns: Sequence[Column]
    rows: Rows
    first: int | None = None
    reads: bool = False
    stands_out: Callable[[Row], bool] = field(default=lambda _: False)
    anchor: Callable[[Row], str] = field(default=lambda _: "")


def text(head: str, key: str) -> Column:
    """A column of words."""
    return Column(head, lambda row: str(row[key] if row[key] is not None else ""))


def numeric(head: str, key: str, form: Callable[[Any], str] = number) -> Column:
    """A column of numbers."""
    return Column(head, lambda row: "" if row[key] is None else form(row[key]), numbers=True)


def called(head: str, key: str, names: Mapping[str, str]) -> Column:
    """A column of names of what the results have keys of."""
    return Column(head, lambda row: names.get(row[key], str(row[key])))


def tables_of(results: Results) -> dict[str, Table]:
    """Every table of the page by its place there."""
    names = {**results.setting["names"], **{key: name for key, name in NAME_OF.items() if ":" in key}}
    shown = _of_racks(results, names) | _of_the_article(results, names) | _of_agents(results) | _beside_the_article(results)
    shown |= _of_accuracy(results, names) | _of_forecasts(results) | _of_method(results)
    return shown | (_of_a_mix(results, names) if has_mix(results) else {})


def _of_racks(results: Results, names: Mapping[str, str]) -> dict[str, Table]:
    tables, wanted = results.tables, results.setting["speed_tok_s_user"]
    presets = {"ideal": "perfect", "article": "the article's", "fitted": "our fit"}
    racks = Table(
        "racks",
        f"What one rack serves at its best batch, each user getting {wanted:g} tokens a second over wall time. Cost: three-year rental of every chip, at full load",
        [
            called("rack", "system", names),
            text("tokens in:out", "workload"),
            Column("efficiencies", lambda row: presets[row["preset"]]),
            text("speculation", "speculation"),
            numeric("output tok/s", "throughput_tok_s"),
            numeric("batch", "batch"),
            numeric("TTFT, s", "ttft_s", fixed),
            Column("TPOT, ms", lambda row: fixed(row["tpot_s"] * 1e3), numbers=True),
            text("bound by", "binding"),
            numeric("USD per million output tokens", "cost_usd_per_mtok_output", fixed),
        ],
        sorted(tables["racks"], key=lambda row: row["preset"] != "article" or row["speculation"] == "none"),
        first=6,
    )
    operators = Table(
        "operators",
        f"Each operator of the GB200 rack at its best batch: article's efficiencies, {results.setting['workloads'][0]}, speculation {results.setting['speculative']}, the whole batch from prompt to last token",
        [
            text("operator", "operator"),
            text("stage", "stage"),
            text("precision", "precision"),
            numeric("FLOP", "flop", lambda value: f"{value:.3g}"),
            numeric("bytes", "bytes", lambda value: f"{value:.3g}"),
            numeric("FLOP/byte", "intensity_flop_byte"),
            numeric("arithmetic, s", "compute_s"),
            numeric("traffic, s", "bandwidth_s"),
            text("bound by", "bound"),
        ],
        tables["operators"],
    )
    return {"racks": racks, "operators": operators}


def _of_the_article(results: Results, names: Mapping[str, str]) -> dict[str, Table]:
    tables = results.tables
    growth = Table(
        "growth",
        "Growth of all chips sold, times a year",
        [
            text("what", "what"),
            text("window", "window"),
            numeric("ours", "factor", fixed),
            numeric("the article", "article"),
        ],
        [row | {"what": _spelled(row["what"], names)} for row in tables["growth"]],
    )
    proxies = Table(
        "demand_proxies",
        f"Proxies of demand as stated, and as output tokens at {NAME_OF[results.setting['workloads'][1]]}",
        [
            text("proxy", "name"),
            text("counts", "direction"),
            text("date", "date"),
            numeric("stated, tok/s", "tok_s_central", human),
            numeric("output tok/s", "output_central", human),
            text("how", "formula"),
            Column("source", lambda row: linked(row["source"])),
        ],
        [row for row in tables["demand_proxies"] if row["workload"] == results.setting["workloads"][1]],
        first=4,
        reads=True,
    )
    rates = {row["growth"].partition(" ")[0]: row["p50"] for row in tables["demand_growth"]}
    grows = {
        "fitted": f"Fitted to dated series, {rates['fitted']:.1f} times a year",
        "article": f"The article's, {rates['the']:g} times a year",
    }
    crossover = Table(
        "crossover",
        "When the article's demand passes the article's fleet, one kind of request at a time",
        [
            called("requests", "workload", names),
            called("growth of demand", "growth", grows),
            *_dates(),
        ],
        tables["crossover"],
    )
    return {str(each.name): each for each in (growth, proxies, crossover)}


def _of_agents(results: Results) -> dict[str, Table]:
    tables = results.tables
    agents_of_fleet = Table(
        "agents_of_fleet",
        f"Agents of every AI chip sold by {results.setting['as_of']}, each type at its own runs; most chips have none and carry none here",
        [
            text("model", "title"),
            numeric("tok/s at P90", "speed_tok_s_user"),
            numeric("agents", "p50", human),
            *_ends("90% of worlds", human),
            numeric("chips with runs", "chips_with_runs", human),
            numeric("of all", "chips", human),
        ],
        tables["agents_of_fleet"],
    )
    agents_of_memory = Table(
        "agents_of_memory",
        "Agents if all high-bandwidth memory shipped from 2025 were GB300s that carry one model; a byte of HBM4 counting 2 times (1 to 4)",
        [
            text("model", "title"),
            numeric("tok/s at P90", "speed_tok_s_user"),
            numeric("shipped through", "through", str),
            numeric("agents of a GB300", "agents_per_gb300", fixed),
            numeric("agents", "agents", human),
            Column(
                "HBM4 at 1 to 4", lambda row: f"{human(row['agents_low'])} to {human(row['agents_high'])}", numbers=True
            ),
        ],
        tables["agents_of_memory"],
        first=6,
    )
    return {str(each.name): each for each in (agents_of_fleet, agents_of_memory)}


def _beside_the_article(results: Results) -> dict[str, Table]:
    numbers = Table(
        "article_numbers",
        "Every number of the article that the model computes. Recomputed: from the article's text, independently of this project. Status: of the printed figure",
        [
            Column(
                "article",
                lambda row: Markup('{} <span class="soft">({}; {})</span>').format(row["text"], row["place"], row["unit"]),
            ),
            numeric("printed", "printed"),
            numeric("recomputed", "recomputed"),
            numeric("ours", "ours"),
            numeric("ours ÷ printed", "ours_over_printed"),
            text("status", "status"),
            text("note", "note"),
        ],
        results.tables["article_numbers"],
        first=6,
        reads=True,
        stands_out=lambda row: not row["reproduced"],
    )
    return {"article_numbers": numbers}


def _spelled(words: str, names: Mapping[str, str]) -> str:
    """A workload in a sentence by its name."""
    before, _, last = words.rpartition(" ")
    return f"{before} {names[last]}" if last in names else words


def _dates() -> list[Column]:
    heads = {"p10": "10% of worlds", "p50": "half", "p90": "90%"}
    return [Column(head, lambda row, point=point: when(row[point])) for point, head in heads.items()]  # type: ignore[misc]


def _ends(head: str, form: Callable[[float], str], low: str = "p5", high: str = "p95") -> list[Column]:
    """One column of an interval; empty where there is none."""

    def cell(row: Row) -> str:
        return "" if row[low] is None else f"{form(row[low])} to {form(row[high])}"

    return [Column(head, cell, numbers=True)]


def _of_accuracy(results: Results, names: Mapping[str, str]) -> dict[str, Table]:
    tables = results.tables
    held_out = Table(
        "held_out",
        "Errors of the fit of all rows on runs it had not seen",
        [
            Column("quantity", lambda row: _QUANTITIES.get(row["quantity"], str(row["quantity"]))),
            text("held out by", "way"),
            numeric("rows", "rows"),
            numeric("median |log error|", "median_abs_log", lambda value: fixed(value, 3)),
            numeric("mean over configurations", "by_configuration", lambda value: fixed(value, 3)),
            numeric("90% interval holds", "coverage", share),
        ],
        tables["held_out"],
        first=6,
    )
    worst = Table(
        "worst_configurations",
        "The configurations whose TPOT is farthest off when held out, with a guess why",
        [
            Column("configuration", lambda row: Markup("<code>{}</code>").format(row["configuration"])),
            called("model", "model", names),
            called("chip", "chip", names),
            called("engine", "framework", names),
            text("precision", "precision"),
            numeric("rows", "rows"),
            numeric("log(measured / predicted)", "log_error", lambda value: f"{value:+.2f}"),
            text("guess", "guess"),
        ],
        tables["worst_configurations"],
        first=3,
        reads=True,
    )
    return {str(each.name): each for each in (held_out, worst)}


def _of_forecasts(results: Results) -> dict[str, Table]:
    tables = results.tables
    summary = Table(
        "backtest_summary",
        "Forecasts of the article's day, by kind",
        [
            text("kind", "kind"),
            numeric("scored", "targets", str),
            numeric("inside 90%", "inside", share),
            numeric("mean log error", "bias", lambda value: f"{value:+.2f}"),
            numeric("root mean square", "spread", fixed),
        ],
        [row for row in tables["backtest_summary"] if row["targets"]],
    )
    backtest = Table(
        "backtest",
        f"Forecasts standing on {tables['backtest'][0]['standing_on']} with what was known then, beside what came",
        [
            text("what", "quantity"),
            text("when", "date"),
            numeric("median", "p50"),
            *_ends("90%", number),
            numeric("came", "came"),
            text("unit", "unit"),
            Column(
                "inside", lambda row: str(row["status"]) if row["inside"] is None else ("yes" if row["inside"] else "no")
            ),
        ],
        tables["backtest"],
        first=6,
        stands_out=lambda row: row["inside"] is False,
    )
    return {str(each.name): each for each in (summary, backtest)}


_QUANTITIES = {"tpot": "TPOT", "ttft": "TTFT"}


def _of_method(results: Results) -> dict[str, Table]:
    sources = Table(
        None,
        "Catalog rows of the model, chips and presets used",
        [
            text("what", "what"),
            text("table", "table"),
            Column("value", lambda row: str(row["value"]), numbers=True),
            text("unit", "unit"),
            Column("source", lambda row: linked(row["source"])),
            text("note", "note"),
        ],
        results.sources,
        first=3,
        reads=True,
    )
    return {
        "assumptions": _assumptions(None, "Assumptions of the argument step by step", results.assumptions),
        "sources": sources,
    }


def _assumptions(name: str | None, caption: str, rows: Rows) -> Table:
    return Table(
        name,
        f"{caption}; a guess says so",
        [
            Column("assumption", lambda row: Markup("{} <code>{}</code>").format(capital(row["about"]), row["key"])),
            Column("value", lambda row: _valued(row["value"]), numbers=True),
            *_ends("90% interval", number, "low", "high"),
            text("unit", "unit"),
            Column("source", lambda row: linked("; ".join(filter(None, (row["source"], row["note"]))))),
        ],
        rows,
        first=4,
        reads=True,
        anchor=lambda row: f"{'mine' if name else 'assumption'}-{row['key']}",
    )


def _valued(value: float | str) -> str | Markup:
    """A number for people, a word as it is written in a scenario."""
    return Markup("<code>{}</code>").format(value) if isinstance(value, str) else number(value)


def _of_a_mix(results: Results, names: Mapping[str, str]) -> dict[str, Table]:
    tables, setting = results.tables, results.setting
    reference = f"{setting['reference_title']} at {NAME_OF[setting['reference_workload']]}"
    crossover = Table(
        "today_crossover",
        "When demand passes supply",
        [Column("what is served", lambda row: _served(row["what"], names)), *_dates()],
        tables["today_crossover"],
    )
    classes = Table(
        "today_classes",
        f"Tiers and requests: what an output token costs, in output tokens of {reference}, and the share of the fleet it keeps busy now",
        [
            text("tier", "tier"),
            called("model that stands for it", "model", names),
            text("request", "workload"),
            numeric("found in cache", "prefix_hit", share),
            numeric("cost", "weight_p50", lambda value: f"{value:.2g}"),
            numeric("of the fleet", "load_p50", share),
            *_ends("90% of worlds", share, "load_p5", "load_p95"),
        ],
        tables["today_classes"],
        first=4,
    )
    chips = Table(
        "today_chips",
        f"Chips that serve, and what they give of {reference}, the most first; behind the name its key on the command line",
        [
            Column("system", lambda row: _named(row["system"], names)),
            numeric("chips at a time", "chips", human),
            numeric("tok/s of one", "tok_s_of_one"),
            numeric("tok/s of all", "output_tok_s", human),
            text("why none", "reason"),
        ],
        sorted(tables["today_chips"], key=lambda row: -row["output_tok_s"]),
        first=8,
    )
    holds = Table(
        "today_holds",
        f"Which chips hold which model, and how they serve it best, {NAME_OF[setting['reference_workload']]}, before what practice reaches of it",
        [
            called("system", "system", names),
            text("tier", "tier"),
            called("model", "model", names),
            numeric("tok/s of one chip", "tok_s_of_one"),
            Column("configuration, or why none", lambda row: str(row["configuration"] or row["reason"])),
        ],
        sorted(tables["today_holds"], key=lambda row: -row["tok_s_of_one"]),
        first=4,
    )
    found = [crossover, classes, chips, holds, *_of_a_market(results)]
    found.append(_assumptions("today_assumptions", "Assumptions of the answer", tables["today_assumptions"]))
    return {str(each.name): each for each in found}


def _named(key: str, names: Mapping[str, str]) -> Markup | str:
    return Markup('{} <code class="key">{}</code>').format(names[key], key) if key in names else key


def _served(what: str, names: Mapping[str, str]) -> str:
    if what == "served today":
        return "All together, without worlds whose fleet is over-full already"
    if not what.startswith("all tokens "):
        return capital(what)
    kind, _, workload = what.removeprefix("all tokens ").partition(" at ")
    return f"Only {names.get(kind, f'{kind} models')}" + (f", {names.get(workload, workload)}" if workload else "")


def _of_a_market(results: Results) -> list[Table]:
    tables = results.tables
    about = {row["key"]: row["about"] for row in tables["today_assumptions"]}
    years = Table(
        "today_market",
        "The market by year: price of a chip second over its trend, and what becomes of the tokens asked for (medians). "
        "None clears where neither leaving nor a smaller model brings the load to one; where that is so in more than one world of twenty, the interval has no upper end",
        [
            numeric("end of", "year", str),
            numeric("price, median", "price_p50", price_words),
            Column(
                "90% of worlds",
                lambda row: f"{price_words(row['price_p5'])} to {price_words(row['price_p95'])}",
                numbers=True,
            ),
            numeric("no price clears", "no_price", share),
            numeric("priced out", "priced_out", share),
            numeric("to a smaller model", "moved_to_smaller", share),
            numeric("kept, frontier", "kept_frontier", share),
            numeric("kept, small", "kept_small", share),
        ],
        tables["today_market"],
    )
    pays = Table(
        "today_pays",
        "What pays for the chips that serve",
        [
            Column("what", lambda row: _PAYS.get(row["what"], str(row["what"]))),
            Column("median", lambda row: _paid(row, row["p50"]), numbers=True),
            Column("90% of worlds", lambda row: f"{_paid(row, row['p5'])} to {_paid(row, row['p95'])}", numbers=True),
        ],
        tables["today_pays"],
    )
    quiet = Table(
        "today_no_crunch",
        "What would have to be true for no crunch until 2030: medians",
        [
            Column("what", lambda row: capital(str(about.get(row["what"], row["what"])))),
            numeric("all worlds", "all_p50"),
            numeric("worlds without", "no_crunch_p50"),
        ],
        tables["today_no_crunch"],
        first=6,
    )
    return [years, pays, quiet]


def _paid(row: Row, value: float) -> str:
    return (
        share(value)
        if row["what"] in {"cost_guessed_share", "break_even_utilisation"}
        else human(value)
        if value >= _PLAIN
        else fixed(value)
    )


_PLAIN = 100.0
_PAYS = {
    "cost_usd_year": "Owning them, USD a year",
    "cost_guessed_share": "Share of it that is guessed",
    "revenue_usd_year": "Revenue reported and grown, USD a year",
    "revenue_over_cost": "Revenue over cost",
    "break_even_utilisation": "Load from which on it pays",
    "at_list_usd_year": "The tokens at list prices, USD a year",
    "reported_over_list": "Revenue over that",
    "reported_usd_per_mtok": "Revenue of a million tokens, USD",
}
