"""One deployment: what it serves at its best batch, what binds it, what it costs, and where each operator stands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fleetline import deployment as serving_questions
from fleetline.answers import Throughput
from fleetline.catalog import load
from fleetline.catalog.rows import ChipSpecRow
from fleetline.webapp.views import serving
from fleetline.webapp.views.shapes import View
from fleetline.webapp.words import about, number, seconds, text, view

_BINDS = {
    "speed": "a larger batch would be slower than wanted",
    "ttft": "a larger batch would keep the first token waiting longer than wanted",
    "memory": "a larger batch would not fit",
    "compute": "arithmetic is full: a larger batch adds nothing",
    "bandwidth": "memory traffic is full: a larger batch adds nothing",
    "network": "links are full: a larger batch adds nothing",
    "latency": "waits between kernels and messages",
}


def deployment(**given: Any) -> dict[str, Any]:
    """Rates of one deployment at the best batch that the wanted speed, the first token and memory allow, as `throughput`."""
    asked = serving.asked(given)
    found = serving_questions.throughput(**asked)
    question = {**given, "speed": given["speed"] if found.setting["speed"] is None else found.setting["speed"]}
    question |= {"gpus": found.setting["gpus"], "model_name": serving.title(given["model"])}
    if not found.feasible:
        reason = str(found.reason)
        return view(
            question,
            f"{question['model_name']} on {serving.on(found.setting)} cannot be served like this",
            reason=reason.partition(": ")[2],
            notes=[_HELP[reason.partition(":")[0]]],
        )
    operators = serving_questions.breakdown(batch=float(found.batch), **serving.unlimited(asked))
    return view(
        question,
        _headline(found, question["model_name"]),
        numbers=_numbers(found),
        figures=[_roofline(found, operators), _cycle(found)],
    )


_HELP = {
    "context": "Fewer tokens in or out, or a model that takes more.",
    "memory": "More chips, weights in fewer bits, a smaller model, or shorter requests.",
    "rate": "Fewer requests a second, or more chips.",
    "ttft": "A longer wait, shorter prompts, or more chips.",
    "speed": "A lower speed, speculation, or a system with more bandwidth.",
}


def _headline(found: Throughput, model: str) -> str:
    requests = about(float(found.batch))
    return (
        f"{model} on {serving.on(found.setting)} gives {about(float(found.throughput_tok_s))} output tokens a second: "
        f"{requests} request{'s' if float(found.batch) > 1 else ''} at once, {about(float(found.speed_tok_s_user))} a second to each"
    )


def _numbers(found: Throughput) -> list[dict[str, Any]]:
    return [*_answers(found), *_each(found), *_limits(found), *_money(found)]


def _rates(found: Throughput) -> str:
    chip, preset = load().systems[found.setting["system"]].chip.name, found.setting["preset"]
    return f"Output tokens of a cycle over its time; efficiencies of preset '{preset}', peaks of {chip} in the catalog."


def _answers(found: Throughput) -> list[dict[str, Any]]:
    price = _price(found.setting)
    return [
        number("throughput_tok_s", "Output of the deployment", found.throughput_tok_s, "tok/s", _rates(found), primary=True),
        number("speed_tok_s_user", "Speed of each user", found.speed_tok_s_user, "tok/s", "Output tokens over wall time, first token included: the article's definition.", primary=True),
        number("ttft_s", "Time to first token", found.ttft_s, "s", "Mean over requests, waiting included.", words=seconds(float(found.ttft_s)), primary=True),
        number("cost_usd_per_mtok_output", "Cost, all on the output", found.cost_usd_per_mtok_output, "USD/Mtok", price, primary=True),
    ]  # fmt: skip


def _price(setting: Mapping[str, Any]) -> str:
    name = setting["price"]
    hour = setting["usd_chip_hour"][name]
    if hour is None:
        return f"The catalog has no price '{name}' of a chip hour of this system."
    return f"Price '{name}' of a chip hour, {hour:g} USD, over output tokens."


def _each(found: Throughput) -> list[dict[str, Any]]:
    rates = (
        number("tpot_s", "Time per output token", found.tpot_s, "s", "Decode time over output tokens.", words=seconds(float(found.tpot_s))),
        number("interactivity_tok_s_user", "Interactivity", found.interactivity_tok_s_user, "tok/s", "1 / TPOT: tokens a second once the first has come."),
        number("throughput_tok_s_gpu", "Output of each chip", found.throughput_tok_s_gpu, "tok/s", _rates(found)),
    )  # fmt: skip
    return [each | {"group": "Each user, each chip"} for each in rates]


def _limits(found: Throughput) -> list[dict[str, Any]]:
    chip = load().systems[found.setting["system"]].chip.name
    memory, link = _spec(chip, "hbm_capacity")
    share = f"{text(float(found.memory_used_bytes) / 1e9)} of {text(float(found.memory_capacity_bytes) / 1e9)} GB"
    limits = (
        number("binding", "What binds", str(found.binding), "", f"{_BINDS[str(found.binding)][:1].upper()}{_BINDS[str(found.binding)][1:]}."),
        number("batch", "Requests in service", found.batch, "", "The smallest batch within 1e-9 of the highest throughput allowed."),
        number("critical_batch", "Critical batch", found.critical_batch, "", "Where decode turns from waiting for memory to waiting for arithmetic."),
        number("memory_used_bytes", "Memory", found.memory_used_bytes, "byte", f"Weights, KV cache and activations against usable memory; capacity: {memory}", words=share, link=link),
    )  # fmt: skip
    return [each | {"group": "What limits it"} for each in limits]


def _money(found: Throughput) -> list[dict[str, Any]]:
    prices = found.prices_usd_per_mtok
    shared = "The request's cost shared out by the time that each kind of token takes alone."
    money = (
        number("price_usd_per_mtok_input", "Cost of input", prices.input, "USD/Mtok", shared),
        number("price_usd_per_mtok_output", "Cost of output", prices.output, "USD/Mtok", shared),
        number("energy_j_per_output_token", "Energy of an output token", found.energy_j_per_output_token, "J", "All-in power of the chips over output tokens."),
    )  # fmt: skip
    return [each | {"group": "Money and energy"} for each in money]


def _spec(chip: str, quantity: str) -> tuple[str, str | None]:
    """Where a figure of a chip comes from, and its address where it has one."""
    rows = [row for row in load().rows("chip_specs", ChipSpecRow) if row.chip == chip and row.quantity == quantity]
    source = next((row.source for row in rows if row.preferred), "not known")
    return source, source.split(" ")[0] if source.startswith("http") else None


def _roofline(found: Throughput, operators: list[Any]) -> dict[str, Any]:
    rows = _dots(operators, float(found.setting["gpus"]))
    longest = max(rows, key=lambda row: row["seconds"])
    waits = {"compute": "arithmetic", "bandwidth": "memory traffic"}[longest["bound"]]
    return {
        "name": "roofline",
        "title": f"Most time goes to {waits}: {longest['of']} takes {seconds(longest['seconds'])} of a cycle",
        "caption": (
            f"Each operator of prefill and decode at {text(float(found.batch))} requests, larger where it takes longer; lines are "
            "the roofs of one chip: its memory bandwidth, then its peak at each number format, before losses."
        ),
        "description": "Log-log dots of arithmetic a second against FLOP a byte, under a sloping and a flat line.",
        "data": {"operators": rows, "roofs": (roofs := _roofs(found, rows, operators)), "names": _names(roofs)},
    }


def _dots(operators: list[Any], gpus: float) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = [
        {
            "stage": each.stage,
            "operator": each.operator,
            "name": f"{each.stage}: {_PLAIN.get(each.operator, each.operator)}",
            "of": f"{_PLAIN.get(each.operator, each.operator)} of {each.stage}",
            "intensity_flop_byte": each.intensity_flop_byte,
            "flop_s_gpu": each.flop / max(each.compute_s, each.bandwidth_s) / gpus,
            "seconds": max(each.compute_s, each.bandwidth_s),
            "bound": each.bound,
        }
        for each in operators
        if each.flop > 0 and each.bytes > 0
    ]
    rows.sort(key=lambda row: float(row["intensity_flop_byte"]))
    longest = max(float(row["seconds"]) for row in rows)
    for place, row in enumerate(rows):
        row["longest"] = row["seconds"] == longest
        row["above"] = _above(rows, place)
    return rows


def _above(rows: list[dict[str, Any]], place: int) -> bool:
    """Whether a dot's name stands above it: of neighbours the higher one's does, of those at one height every second."""
    height = [float(row["flop_s_gpu"]) for row in rows]
    before, after = height[max(place - 1, 0)], height[min(place + 1, len(rows) - 1)]
    if place > 0 and abs(before / height[place] - 1) < _ALIKE:
        return not rows[place - 1]["above"]
    return place == 0 or height[place] >= max(before, after * (1 - _ALIKE))


_ALIKE = 0.1  # of the height: names side by side would touch
_PLAIN = {"rest": "dense layers"}


def _roofs(found: Throughput, rows: list[dict[str, Any]], operators: list[Any]) -> list[dict[str, Any]]:
    chip = load().systems[found.setting["system"]].chip
    peaks = {name: value for name, value in (chip.peak or {}).items() if name in {each.precision for each in operators}}
    low, high = (end(row["intensity_flop_byte"] for row in rows) for end in (min, max))
    bandwidth = float(chip.hbm_bandwidth or 0.0)
    return [
        {"precision": name, "intensity_flop_byte": at, "flop_s_gpu": min(peak, at * bandwidth)}
        for name, peak in peaks.items()
        for at in sorted({min(low / 2, peak / bandwidth / 4), peak / bandwidth, max(high, peak / bandwidth) * 2})
    ]


def _names(roofs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Where every roof turns flat, as its name stands there."""
    flat = {
        row["precision"]: max(each["flop_s_gpu"] for each in roofs if each["precision"] == row["precision"])
        for row in roofs
    }
    knees = {row["precision"]: row for row in reversed(roofs) if row["flop_s_gpu"] >= 0.999 * flat[row["precision"]]}
    return [row | {"name": f"peak at {name}"} for name, row in knees.items()]


def _cycle(found: Throughput) -> dict[str, Any]:
    parts = (
        ("prefill: arithmetic", "arithmetic", found.prefill.compute_s),
        ("prefill: memory traffic", "memory traffic", found.prefill.bandwidth_s),
        ("decode: arithmetic", "arithmetic", found.decode.compute_s),
        ("decode: memory traffic", "memory traffic", found.decode.bandwidth_s),
        ("messages between chips", "waits", found.network_s),
        ("latencies of every pass", "waits", found.latency_s),
    )
    rows: list[dict[str, Any]] = [
        {"what": what, "kind": kind, "seconds": float(time), "text": seconds(float(time))} for what, kind, time in parts
    ]
    largest = max(rows, key=lambda row: row["seconds"])
    return {
        "name": "cycle",
        "title": f"A cycle takes {seconds(float(found.cycle_s))}; the longest part is {largest['what'].replace(': ', ', ')}",
        "caption": "All arithmetic and all traffic of one cycle, in which every request is served once; they overlap as the schedule allows.",
        "description": "Bars of seconds for arithmetic and memory traffic of prefill and decode, messages and latencies.",
        "data": {"parts": rows},
    }


def _warm() -> None:
    deployment(**serving.DEFAULTS)


VIEW = View(
    "deployment",
    "One deployment",
    "One deployment: rates, limits, cost, roofline",
    serving.CONTROLS,
    deployment,
    warm=_warm,
)
