"""One deployment: what it serves at its best batch, what binds it, what it costs, and where each operator stands."""

from __future__ import annotations

from typing import Any

from fleetline import deployment as serving_questions
from fleetline.answers import Throughput
from fleetline.catalog import load
from fleetline.catalog.rows import ChipSpecRow
from fleetline.webapp.views import serving
from fleetline.webapp.views.shapes import View
from fleetline.webapp.words import number, seconds, text, view

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
    question = {**given, "speed": found.setting["speed"] if found.setting["speed"] is not None else given["speed"]}
    if not found.feasible:
        reason = str(found.reason)
        return view(
            question,
            f"It cannot be served: {reason.partition(': ')[2]}",
            reason=reason,
            notes=[_HELP[reason.partition(":")[0]]],
        )
    limits = {name: asked.pop(name) for name in ("speed", "max_ttft", "offline") if name in asked}
    operators = serving_questions.breakdown(batch=float(found.batch), **asked)
    del limits
    return view(question, _headline(found), numbers=_numbers(found), figures=[_roofline(found, operators), _cycle(found)])


_HELP = {
    "context": "Fewer tokens in or out, or a model that takes more.",
    "memory": "More chips, weights in fewer bits, a smaller model, or shorter requests.",
    "rate": "Fewer requests a second, or more chips.",
    "ttft": "A longer wait, shorter prompts, or more chips.",
    "speed": "A lower speed, speculation, or a system with more bandwidth.",
}


def _headline(found: Throughput) -> str:
    setting = found.setting
    return (
        f"{setting['model']} on {int(setting['gpus'])} chips of {setting['system']} gives "
        f"{text(float(found.throughput_tok_s))} output tokens a second to {text(float(found.batch))} requests at once, "
        f"{float(found.speed_tok_s_user):.3g} to each; {_BINDS[str(found.binding)]}."
    )


def _numbers(found: Throughput) -> list[dict[str, Any]]:
    chip = load().systems[found.setting["system"]].chip.name
    preset = found.setting["preset"]
    rates = f"Output tokens of a cycle over its time; efficiencies of preset '{preset}', peaks of {chip} (catalog)"
    memory, link = _spec(chip, "hbm_capacity")
    prices = found.prices_usd_per_mtok
    share = f"{text(float(found.memory_used_bytes) / 1e9)} of {text(float(found.memory_capacity_bytes) / 1e9)} GB"
    return [
        number("throughput_tok_s", "Output of the deployment", found.throughput_tok_s, "tok/s", rates),
        number("throughput_tok_s_gpu", "Output of each chip", found.throughput_tok_s_gpu, "tok/s", rates),
        number("speed_tok_s_user", "Speed of each user", found.speed_tok_s_user, "tok/s", "Output tokens over wall time, first token included (the article's definition)"),
        number("interactivity_tok_s_user", "Interactivity", found.interactivity_tok_s_user, "tok/s", "1 / TPOT"),
        number("ttft_s", "Time to first token", found.ttft_s, "s", "Mean over requests, waiting included", words=seconds(float(found.ttft_s))),
        number("tpot_s", "Time per output token", found.tpot_s, "s", "Decode time over output tokens", words=seconds(float(found.tpot_s))),
        number("batch", "Requests in service", found.batch, "", "The smallest batch within 1e-9 of the highest throughput allowed"),
        number("critical_batch", "Critical batch", found.critical_batch, "", "Where decode turns from waiting for memory to waiting for arithmetic"),
        number("binding", "What binds", str(found.binding), "", _BINDS[str(found.binding)]),
        number("memory_used_bytes", "Memory", found.memory_used_bytes, "byte", f"Weights, KV cache and activations against usable memory; capacity: {memory}", words=share, link=link),
        number("cost_usd_per_mtok_output", "Cost, all on the output", found.cost_usd_per_mtok_output, "USD/Mtok", f"Price '{found.setting['price']}' of the chips over output tokens"),
        number("price_usd_per_mtok_input", "Cost of input", prices.input, "USD/Mtok", "The request's cost shared out by the time that each token takes alone"),
        number("price_usd_per_mtok_output", "Cost of output", prices.output, "USD/Mtok", "The request's cost shared out by the time that each token takes alone"),
        number("energy_j_per_output_token", "Energy of an output token", found.energy_j_per_output_token, "J", "All-in power of the chips over output tokens"),
    ]  # fmt: skip


def _spec(chip: str, quantity: str) -> tuple[str, str | None]:
    """Where a figure of a chip comes from, and its address where it has one."""
    rows = [row for row in load().rows("chip_specs", ChipSpecRow) if row.chip == chip and row.quantity == quantity]
    source = next((row.source for row in rows if row.preferred), "not known")
    return source, source.split(" ")[0] if source.startswith("http") else None


def _roofline(found: Throughput, operators: list[Any]) -> dict[str, Any]:
    gpus = float(found.setting["gpus"])
    rows = [
        {
            "stage": each.stage,
            "operator": each.operator,
            "intensity_flop_byte": each.intensity_flop_byte,
            "flop_s_gpu": each.flop / max(each.compute_s, each.bandwidth_s) / gpus,
            "seconds": max(each.compute_s, each.bandwidth_s),
            "bound": each.bound,
        }
        for each in operators
        if each.flop > 0 and each.bytes > 0
    ]
    return {
        "name": "roofline",
        "title": "Where each operator stands under the roof",
        "caption": f"Operators of prefill and decode at {text(float(found.batch))} requests; lines are one chip's bandwidth and peaks.",
        "description": "Log-log dots of arithmetic a second against FLOP a byte, under a sloping and a flat line.",
        "data": {"operators": rows, "roofs": _roofs(found, rows, operators)},
    }


def _roofs(found: Throughput, rows: list[dict[str, Any]], operators: list[Any]) -> list[dict[str, Any]]:
    chip = load().systems[found.setting["system"]].chip
    peaks = {name: value for name, value in (chip.peak or {}).items() if name in {each.precision for each in operators}}
    low, high = (end(row["intensity_flop_byte"] for row in rows) for end in (min, max))
    bandwidth = float(chip.hbm_bandwidth or 0.0)
    return [
        {"precision": name, "intensity_flop_byte": at, "flop_s_gpu": min(peak, at * bandwidth)}
        for name, peak in peaks.items()
        for at in sorted({low / 2, peak / bandwidth, max(high, peak / bandwidth) * 2})
    ]


def _cycle(found: Throughput) -> dict[str, Any]:
    parts = {
        ("prefill", "arithmetic"): found.prefill.compute_s,
        ("prefill", "memory traffic"): found.prefill.bandwidth_s,
        ("decode", "arithmetic"): found.decode.compute_s,
        ("decode", "memory traffic"): found.decode.bandwidth_s,
        ("both", "messages"): found.network_s,
        ("both", "latencies"): found.latency_s,
    }
    rows = [{"stage": stage, "what": what, "seconds": float(value)} for (stage, what), value in parts.items()]
    return {
        "name": "cycle",
        "title": "What a cycle waits for",
        "caption": f"All arithmetic and all traffic of one cycle of {seconds(float(found.cycle_s))}, in which every request is served once; they overlap as the schedule allows.",
        "description": "Bars of seconds for arithmetic and memory traffic of prefill and decode, messages and latencies.",
        "data": {"parts": rows},
    }


def _warm() -> None:
    deployment(**serving.DEFAULTS)


VIEW = View("deployment", "One deployment: rates, limits, cost, roofline", serving.CONTROLS, deployment, warm=_warm)
