"""What the report says in words: the answer in five sentences, and what each section found. All of it made from results."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from fleetline.figures.style import NAME_OF, day, human, rounded, tokens, when
from fleetline.study import Results


@dataclass(frozen=True)
class Sentence:
    """One answer: the question it answers, the words, and the table its numbers are from."""

    question: str
    words: str
    table: str


def first_screen(results: Results) -> list[Sentence]:
    """What a reader wants to know first, in five sentences with intervals; of a scenario that says what is served."""
    return [make(results) for make in (_supply, _demand, _crossing, _decides, _otherwise)]


def findings(results: Results) -> dict[str, str]:
    """Section -> what it found, for every section that the results can speak of."""
    makers = {**_ALWAYS, **(_OF_A_MIX if has_mix(results) else {})}
    return {section: make(results) for section, make in makers.items()}


def has_mix(results: Results) -> bool:
    """Whether the study is of a scenario with tiers of models and shapes of requests."""
    return "today_now" in results.tables


# --- the first screen -----------------------------------------------------------------------------------------------------


def row_of(results: Results, table: str, what: Any, column: str = "what") -> Mapping[str, Any]:
    """The row of a table that is about `what`."""
    return next(row for row in results.tables[table] if row[column] == what)


def span(row: Mapping[str, Any]) -> str:
    """A quantity with its 90% interval."""
    return f"{human(row['p50'])} ({human(row['p5'])} to {human(row['p95'])})"


def _supply(results: Results) -> Sentence:
    served = row_of(results, "today_now", "supply_tok_s")
    tokens_in, tokens_out = results.setting["reference_workload"].split(":")
    words = (
        f"{span(served)} output tokens a second of {results.setting['reference_title']} at {int(tokens_in):,} tokens in and "
        f"{int(tokens_out):,} out, or as much of other models and requests as costs the same."
    )
    return Sentence("How much can the world serve now?", words, "today_now")


def _demand(results: Results) -> Sentence:
    tokens_asked, asked, load = (
        row_of(results, "today_now", what) for what in ("tokens_asked_tok_s", "demand_tok_s", "load")
    )
    words = (
        f"{span(tokens_asked)} tokens a second, in and out; by what they cost, {span(asked)} of the same kind. "
        f"That fills {load['p50']:.0%} of the fleet ({load['p5']:.0%} to {load['p95']:.0%})."
    )
    return Sentence("How much does it ask for?", words, "today_now")


def _crossing(results: Results) -> Sentence:
    every = row_of(results, "today_crossover", "all together")
    over = row_of(results, "today_now", "over-full already")
    quiet = row_of(results, "today_no_crunch", "share of worlds")
    words = (
        f"Demand passes supply {when(every['p50'])} in the middle world; {_ends(every)}. In {over['p50']:.0%} of worlds it has "
        f"already; in {quiet['no_crunch_p50']:.0%} it does not before 2030."
    )
    return Sentence("When do they cross?", words, "today_crossover")


def _ends(row: Mapping[str, Any]) -> str:
    """The first and the last tenth of worlds."""
    first, last = (when(row[end]).removeprefix("in ") for end in ("p10", "p90"))
    early = first if first.startswith("before") else f"before {first}"
    late = last if last.startswith(("after", "before")) else f"after {last}"
    return f"in one world of ten {early}, in one of ten {'not ' if late.startswith('before') else ''}{late}"


def _decides(results: Results) -> Sentence:
    three = results.tables["sensitivity"][:3]
    said = "; ".join(f"{row['about']} ({row['total']:.0%})" for row in three)
    return Sentence(
        "What decides it?", f"Of the variance of demand over supply on {day(three[0]['on'])}: {said}.", "sensitivity"
    )


def _otherwise(results: Results) -> Sentence:
    year = int(results.setting["day"][:4]) + 2
    state = row_of(results, "today_market", year, "year")
    glut = row_of(results, "today_probability", year, "year")
    words = (
        f"By the end of {year} the price of a chip second over its trend is {price_words(state['price_p50'])} ({price_words(state['price_p5'])} to "
        f"{price_words(state['price_p95'])}) and {state['priced_out']:.0%} of the tokens asked for are priced out; in {glut['glut']:.0%} of worlds "
        "less than half of the fleet is asked for then."
    )
    return Sentence("And if there is too little, or too much?", words, "today_market")


def price_words(price: float | None) -> str:
    """A price over its trend; words where at that point of the worlds no price clears the market."""
    if price is None:
        return "none that clears"
    return f"{price:.2g}" if price < _PLAIN else human(price)


_PLAIN = 100.0  # times: below it two digits tell enough


# --- what each section found ----------------------------------------------------------------------------------------------


def _deployment(results: Results) -> str:
    rates = [_rack(results, workload) for workload in results.setting["workloads"]]
    wanted = results.setting["speed_tok_s_user"]
    return (
        f"A GB200 NVL72 rack of 72 chips serves {rounded(rates[0])} output tokens a second of {results.setting['model_title']} at {tokens(results, 0)}, each user "
        f"getting {wanted:g}; {rounded(rates[-1])} at {tokens(results, -1)}."
    )


def _rack(results: Results, workload: str) -> float:
    wanted = ("gb200-nvl72", workload, "article", results.setting["speculative"])
    return next(
        float(row["throughput_tok_s"])
        for row in results.tables["racks"]
        if (row["system"], row["workload"], row["preset"], row["speculation"]) == wanted
    )


def _roofline(results: Results) -> str:
    critical = results.tables["chunked_cycle"][0]["critical_batch"]
    return (
        "Prefill waits for arithmetic and decode for memory. Run together they fill each other's idle time, up to "
        f"{critical:,.0f} requests at a time; longer context brings that point nearer and the ceiling down."
    )


def _speculation(results: Results) -> str:
    best = {(row["preset"], row["speculation"] != "none"): row["best_tok_s"] for row in results.tables["speculation"]}
    real, ideal = (best[preset, True] / best[preset, False] for preset in ("article", "ideal"))
    return (
        f"Verifying eight drafted tokens and keeping three is worth {real:.2f} times the throughput where memory is the narrow place, "
        f"and costs {1 - ideal:.0%} on perfect hardware, which is out of arithmetic."
    )


def _articles_supply(results: Results) -> str:
    rows = {row["workload"]: row for row in results.tables["world_supply"] if row["case"] == "article"}
    short, long = (rows[results.setting["workloads"][place]] for place in (0, -1))
    return f"The fleet could serve {human(long['p50'])} to {human(short['p50'])} output tokens a second, by the length of requests."


def _fleet(results: Results) -> str:
    served = row_of(results, "today_now", "supply_tok_s")
    serving = [row for row in results.tables["today_chips"] if row["output_tok_s"] > 0.0]
    chips, all_tok_s = sum(row["chips"] for row in serving), sum(row["output_tok_s"] for row in serving)
    racks = sum(row["output_tok_s"] for row in serving if row["system"].endswith("nvl72"))
    return (
        f"{human(chips)} chips serve at a time, after waiting, training, headroom and the day's swing: {span(served)} output tokens a second of "
        f"{results.setting['reference_title']} at {NAME_OF[results.setting['reference_workload']]}. NVL72 racks give {racks / all_tok_s:.0%} of it."
    )


def _articles_demand(results: Results) -> str:
    used = row_of(results, "demand_used", results.setting["native_workload"], "workload")
    return f"The demand held against it is {span(used)} output tokens a second; no one counts all tokens."


def _asked_for(results: Results) -> str:
    asked = row_of(results, "today_now", "tokens_asked_tok_s")
    fresh, cached, output = (row_of(results, "today_now", f"share {name}") for name in ("input", "cached", "output"))
    return (
        f"{span(asked)} tokens a second, input and output: {fresh['p50']:.0%} input that is computed, {cached['p50']:.0%} input read from "
        f"caches, {output['p50']:.0%} output."
    )


def _articles_growth(results: Results) -> str:
    short = results.setting["workloads"][0]
    year = next(
        row for row in results.tables["growth"] if row["years"] == 1 and row["what"] == f"serving capacity at {short}"
    )
    fitted = results.tables["demand_growth"][0]
    return (
        f"Serving capacity grew {year['factor']:.1f}-fold from {year['window']}; the demand grows {fitted['p50']:.1f} times a year "
        f"({fitted['p5']:.1f} to {fitted['p95']:.1f})."
    )


def _growth(results: Results) -> str:
    asked = row_of(results, "today_demand", "growth on the day")
    supply = row_of(results, "today_assumptions", "growth.supply", "key")
    return (
        f"Demand grows {asked['p50']:.1f} times a year ({asked['p5']:.1f} to {asked['p95']:.1f}) and slows down. Supply is let grow {supply['value']:g} times "
        f"({supply['low']:g} to {supply['high']:g}) once the sales data end."
    )


def _articles_crossing(results: Results) -> str:
    found = {row["workload"]: row for row in results.tables["crossover"] if row["growth"] == "fitted"}
    short, long = (found[results.setting["workloads"][place]] for place in (0, -1))
    return f"Half of all worlds see demand pass supply {when(long['p50'])} for the longest requests and {when(short['p50'])} for the shortest."


def _passes(results: Results) -> str:
    every = row_of(results, "today_crossover", "all together")
    words = f"Demand passes supply {when(every['p50'])} in the middle world; {_ends(every)}."
    served = [row for row in results.tables["today_crossover"] if row["what"] == "served today"]
    if served:
        words += (
            f" Tokens that were counted were served, if slower than wanted: without the worlds whose fleet is over-full already it is "
            f"{when(served[0]['p50'])}; {_ends(served[0])}."
        )
    return words


def _deciding(results: Results) -> str:
    five = [row for row in results.tables["sensitivity"][:5] if row["total"] >= _TOLD]
    said = "; ".join(f"{row['about']} ({row['total']:.0%})" for row in five)
    return f"How far demand is over supply on {day(five[0]['on'])} is decided by {said}: shares of the variance over all worlds, with interactions."


_TOLD = 0.005  # of the variance: below it an assumption reads 0%


def _agents(results: Results) -> str:
    cells = {
        row["model"]: row
        for row in results.tables["agents_per_gpu"]
        if (row["hardware"], row["speed_tok_s_user"]) == ("gb300", 50.0)
    }
    most, least = cells["dsv4"], cells["kimik3"]
    fleet = next(
        row for row in results.tables["agents_of_fleet"] if (row["model"], row["speed_tok_s_user"]) == ("dsv4", 50.0)
    )
    return (
        f"A GB300 carries {most['measured']:.0f} coding agents of {most['title']} or {least['measured']:.0f} of {least['title']} at 50 tokens a second; "
        f"all chips with runs carry {span(fleet)} of the first."
    )


def _energy(results: Results) -> str:
    rows = results.tables["energy_checks"]
    whole, share = (
        next(row for row in rows if row["what"].startswith(start)) for start in ("power for all", "electricity of AI")
    )
    return (
        f"All AI chips sold by 2025 need {whole['p50']:.0f} GW ({whole['p5']:.0f} to {whole['p95']:.0f}) where {whole['published']:g} are published, and took "
        f"{share['ratio_p50']:.0%} of data centres' electricity."
    )


def _market(results: Results) -> str:
    year = int(results.setting["day"][:4]) + 2
    state = row_of(results, "today_market", year, "year")
    cost, earned, even = (
        row_of(results, "today_pays", what) for what in ("cost_usd_year", "revenue_usd_year", "break_even_utilisation")
    )
    return (
        f"By the end of {year}, in the middle world, the price of a chip second over its trend is {price_words(state['price_p50'])}; {state['priced_out']:.0%} of the tokens asked for are "
        f"priced out, {state['moved_to_smaller']:.0%} move to a smaller model, frontier models keep {state['kept_frontier']:.0%} of theirs. The chips that "
        f"serve cost {human(cost['p50'])} dollars a year to own and model developers earn {human(earned['p50'])}, so a load of {even['p50']:.0%} "
        f"({even['p5']:.0%} to {even['p95']:.0%}) pays for them."
    )


def _accuracy(results: Results) -> str:
    every = {row["form"]: row for row in results.tables["held_out_by_group"] if row["by"] == "all"}
    ours, theirs = every["pooled"], every["article"]
    nine = {row["quantity"]: row["covered"] for row in results.tables["interval_coverage"] if row["level"] == 0.9}
    return (
        f"Of a configuration it has not seen, the model misses TPOT by {ours['tpot_by_configuration']:.0%} on average over {ours['configurations']:,} configurations, "
        f"the article's three numbers by {theirs['tpot_by_configuration']:.0%}; its 90% intervals hold {nine['tpot']:.0%}."
    )


def _printed(results: Results) -> str:
    rows = results.tables["article_numbers"]
    printed = [row for row in rows if row["printed"] is not None]
    same, in_part = (sum(row["status"] == status for row in printed) for status in ("matches", "matches in part"))
    count = sum(row["reproduced"] for row in rows)
    return (
        f"Of {len(printed)} printed figures {same} come out as printed and {in_part} in part; an independent recomputation of the text agrees with ours "
        f"in {count} of {len(rows)} lines."
    )


def load_spread(results: Results) -> float:
    """By what factor the load of the day is open, between 5% and 95% of worlds."""
    load = row_of(results, "today_now", "load")
    return float(load["p95"] / load["p5"])


def _changed(results: Results) -> str:
    """What moved the answer from the article's world to the scenario's, the largest steps first."""
    steps = [row for row in results.tables["today_walk"] if row["load"] is not None]
    first, last = steps[0], steps[-1]
    moved = sorted(steps[1:], key=lambda row: -max(row["factor"], 1.0 / row["factor"]))[:4]
    said = "; ".join(f"{row['step']} ({_times(row['factor'])})" for row in moved)
    return (
        f"Carried on to {day(results.setting['day'])}, the article's world would be {first['load']:.0%} full; this one, every "
        f"assumption at its median, is {last['load']:.0%} full. Most of the way: {said}."
    )


def _times(factor: float) -> str:
    return f"{factor:.1f} times the load" if factor >= 1.0 else f"the load divided by {1.0 / factor:.1f}"


_ALWAYS: Mapping[str, Callable[[Results], str]] = MappingProxyType(
    {
        "deployment": _deployment,
        "roofline": _roofline,
        "speculation": _speculation,
        "supply": _articles_supply,
        "demand": _articles_demand,
        "growth": _articles_growth,
        "crossover": _articles_crossing,
        "decides": _deciding,
        "agents": _agents,
        "energy": _energy,
        "accuracy": _accuracy,
        "article": _printed,
    }
)

_OF_A_MIX: Mapping[str, Callable[[Results], str]] = MappingProxyType(
    {
        "supply": _fleet,
        "demand": _asked_for,
        "growth": _growth,
        "crossover": _passes,
        "market": _market,
        "changed": _changed,
    }
)

ORDER: Sequence[tuple[str, str]] = (
    ("deployment", "One deployment"),
    ("roofline", "Where the time goes"),
    ("speculation", "Speculative decoding"),
    ("supply", "What the fleet could serve"),
    ("demand", "What is asked for"),
    ("growth", "How both grow"),
    ("crossover", "When one passes the other"),
    ("decides", "What decides the date"),
    ("changed", "What changed since the article"),
    ("agents", "The same chips, counted in agents"),
    ("energy", "Energy as a cross-check"),
    ("market", "What the market would do"),
    ("accuracy", "How good the model is"),
    ("article", "The article's numbers beside ours"),
    ("method", "Method and sources"),
    ("limits", "Limits"),
)


def sections(results: Results) -> list[tuple[str, str]]:
    """Anchor and name of the report's sections, in the order of the article's argument."""
    return [each for each in ORDER if has_mix(results) or each[0] not in {"changed", "market"}]
