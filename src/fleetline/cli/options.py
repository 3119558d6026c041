"""The app, and the arguments and options that commands share. Commands stand in the modules beside this one."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from fleetline import __version__
from fleetline.errors import InputError

app = typer.Typer(
    name="fleetline",
    help="How many tokens can the world's AI chips serve, how many are asked for, and when does one pass the other?",
    epilog="First steps: fleetline throughput kimi-k2.6 gb200-nvl72 --speculative 8:3",
    add_completion=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)


def number(name: str, words: str) -> Any:
    """An option that takes a number and, given anything else, says so as every other refusal does."""

    def read(text: str) -> float:
        try:
            return float(text)
        except ValueError as error:
            allowed = "a number"
            raise InputError(f"{name}: got '{text}', allowed {allowed}", field=name, got=text, allowed=allowed) from error

    return typer.Option(f"--{name.replace('_', '-')}", parser=read, metavar="NUMBER", help=words)


Model = Annotated[
    str, typer.Argument(metavar="MODEL", help="A model, as `fleetline models` lists them, or a Hugging Face config.json.")
]
SystemName = Annotated[
    str, typer.Argument(metavar="SYSTEM", help="A system, as `fleetline systems` lists them, or a TOML file.")
]
Workload = Annotated[str, typer.Option(metavar="INPUT:OUTPUT", help="Tokens of each request.")]
Speed = Annotated[float | None, number("speed", "Wanted output tokens per second of each user, over wall time.")]
MaxTtft = Annotated[float | None, number("max_ttft", "Longest mean time to the first token, seconds.")]
Batch = Annotated[float | None, number("batch", "Requests in service, instead of the best number.")]
Schedule = Annotated[
    str, typer.Option(metavar="NAME", help="serial, serial-total, chunked, chunked-total or disaggregated.")
]
_SPOKEN = (
    "VERIFIED:ACCEPTED tokens a decode pass, such as 8:3 (a free draft); mtp:DRAFTS of the model's own, at their cost;"
)
_CHANCES = "chances of acceptance, such as 0.8,0.7, mtp:0.8,0.7 or MODEL:0.8,0.7; or none."
Speculative = Annotated[str, typer.Option(metavar="FORM", help=f"{_SPOKEN} {_CHANCES}")]
OnlySpeculative = Annotated[str | None, typer.Option(metavar="FORM", help=f"Only {_SPOKEN} {_CHANCES}")]
Offline = Annotated[
    bool, typer.Option("--offline", help="Work that nobody waits for: no wanted speed, no TTFT, the most throughput.")
]
Preset = Annotated[
    str,
    typer.Option(metavar="NAME", help="fitted (ours), article (65%, 30%, 5 ms), ideal (1, 1, 0); for rows also kernels."),
]
ServingPreset = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="fitted (ours), article (65%, 30%, 5 ms), ideal (1, 1, 0), or kernels (measured times; with degrees).",
    ),
]
Tp = Annotated[float | None, number("tp", "GPUs that share each layer's heads and dense weights (tensor parallel).")]
Ep = Annotated[float | None, number("ep", "GPUs that share the experts, whole ones each (expert parallel).")]
Dp = Annotated[float | None, number("dp", "Ranks of a replica that attend to requests of their own (data parallel).")]
Pp = Annotated[float | None, number("pp", "Stages that share the layers (pipeline parallel).")]
PrefixHit = Annotated[float | None, number("prefix_hit", "Share of each prompt found in the prefix cache, 0 to 1.")]
PrefixShared = Annotated[
    float | None, number("prefix_shared", "Share of the hit that requests have in common, held once; 0 unless set.")
]
Prefixes = Annotated[float | None, number("prefixes", "How many such common prefixes are held; 1 unless set.")]
ThinkS = Annotated[
    float | None, number("think_s", "Seconds between an answer and the next turn, while the cache waits; 0 unless set.")
]
Turns = Annotated[
    str | None,
    typer.Option(metavar="TURNS:NEW", help="Turns of a session, and new prompt tokens in each after the first."),
]
TurnsKept = Annotated[
    float | None, number("turns_kept", "Share of the earlier context still cached at the next turn; 1 unless set.")
]
PrefillReplicas = Annotated[
    float | None, number("prefill_replicas", "Replicas that only prefill (disaggregated); the best number unless set.")
]
Price = Annotated[str, typer.Option(metavar="NAME", help="rent (three-year rental) or own (what owning costs).")]
Utilisation = Annotated[
    float | None, number("utilisation", "Share sold of what could be served, 1 unless set; costs are divided by it.")
]
MaxUtilisation = Annotated[
    float | None, number("max_utilisation", "Replicas are enough to be used this much at most; 1 unless set.")
]
Framework = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Whose kernels run: vllm, sglang, trt-llm or atom; of all together unless set."),
]
Arrivals = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="How requests come: batch (lockstep), closed (clients in equilibrium), run (a benchmark run) or poisson; "
        "batch unless set, closed with degrees.",
    ),
]
RequestsPerS = Annotated[
    float | None, number("requests_per_s", "Requests that come at random a second; the batch follows (arrivals poisson).")
]
Gpus = Annotated[float | None, number("gpus", "Only so many chips of the system.")]
Precision = Annotated[
    str | None, typer.Option(metavar="NAME", help="Number format of the weights, such as fp4, fp8 or bf16.")
]
Counting = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="article (published sizes, one precision) or checkpoint (exact, mixed precision)."),
]
ComputeEfficiency = Annotated[
    float | None, number("compute_efficiency", "Reached share of peak arithmetic, instead of the preset's.")
]
BandwidthEfficiency = Annotated[
    float | None, number("bandwidth_efficiency", "Reached share of memory bandwidth, instead of the preset's.")
]
HbmReserve = Annotated[float | None, number("hbm_reserve", "Share of usable memory kept free; 0.1 unless set.")]
StepLatency = Annotated[float | None, number("step_latency_s", "Seconds a decode pass besides its work.")]
AsJson = Annotated[bool, typer.Option("--json", help="JSON, as when standard output is not a terminal.")]
Rows = Annotated[
    list[str] | None,
    typer.Argument(metavar="[ROWS]...", help="Benchmark files of any known form; the shipped rows without."),
]
Where = Annotated[
    str | None, typer.Option(metavar="FIELD=VALUE,...", help="Only these rows, such as model=kimik2.5,vendor=NVIDIA.")
]


ScenarioGiven = Annotated[str, typer.Argument(metavar="[SCENARIO]", help="A shipped scenario, or a TOML file.")]
Draws = Annotated[float, number("draws", "Worlds to draw.")]
Seed = Annotated[float, number("seed", "Of the draws.")]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Change a line of the scenario; KEY=LOW..HIGH for a 90% interval."),
]


def whole(value: float) -> Any:
    """A whole number as one; anything else as it is, to be refused where it is used."""
    return int(value) if value == value // 1 else value


@app.callback(invoke_without_command=True)
def _version(version: Annotated[bool, typer.Option("--version", help="Print the version and stop.")] = False) -> None:
    if version:
        typer.echo(f"fleetline {__version__}")
        raise typer.Exit
