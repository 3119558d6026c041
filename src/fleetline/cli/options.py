"""The app, and the arguments and options that commands share. Commands stand in the modules beside this one."""

from __future__ import annotations

from collections.abc import Callable
from inspect import Parameter, Signature, signature
from typing import Annotated, Any, TypedDict, TypeVar, get_args, get_type_hints

import typer
from typer.core import TyperCommand

from fleetline import __version__
from fleetline.errors import InputError

app = typer.Typer(
    name="fleetline",
    help="How many tokens can the world's AI chips serve, how many are asked for, and when does one pass the other?",
    epilog="First steps: fleetline crunch today; fleetline throughput kimi-k2.6 gb200-nvl72 --speculative 8:3; "
    "fleetline COMMAND --help, which ends in an example",
    add_completion=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)


def number(name: str, words: str, of: str = "") -> Any:
    """An option that takes a number `of` a unit and, given anything else, says so as every other refusal does."""

    def read(text: str) -> float:
        try:
            return float(text)
        except ValueError as error:
            allowed = f"a number of {of}, without the unit" if of else "a number"
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
MaxTtft = Annotated[float | None, number("max_ttft", "Longest mean time to the first token, seconds.", "seconds")]
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
Price = Annotated[
    str | None, typer.Option(metavar="NAME", help="rent (three-year rental; unless set) or own (what owning costs).")
]
MaxUtilisation = Annotated[
    float | None, number("max_utilisation", "Replicas are enough to be used this much at most; 1 unless set.")
]
RequestsPerS = Annotated[
    float | None, number("requests_per_s", "Requests that come at random a second; the batch follows (arrivals poisson).")
]
AsJson = Annotated[bool, typer.Option("--json", help="JSON, as when standard output is not a terminal.")]
Rows = Annotated[
    list[str] | None,
    typer.Argument(metavar="[ROWS]...", help="Benchmark files of any known form; the shipped rows without."),
]
Where = Annotated[
    str | None, typer.Option(metavar="FIELD=VALUE,...", help="Only these rows, such as model=kimik2.5,vendor=NVIDIA.")
]


class AboutScenario(TyperCommand):
    """A command about a scenario, which may be given in front or as --scenario, whichever of the two it declares."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """What stands in the place or under the name that is not declared is the scenario."""
        if any("--scenario" in param.opts for param in self.params):
            ctx.allow_extra_args = True
            given = super().parse_args(ctx, args)
        else:
            given, others = _by_name(ctx, args)
            super().parse_args(ctx, others)
        if len(given) > 1:
            ctx.fail(f"Got unexpected extra argument(s) ({' '.join(given[1:])})")
        if given and getattr(ctx.get_parameter_source("scenario"), "name", "") == "COMMANDLINE":
            ctx.fail(f"The scenario is given twice: '{ctx.params['scenario']}' and '{given[0]}'")
        if given:
            ctx.params["scenario"] = given[0]
        ctx.args = []
        return []


def _by_name(ctx: typer.Context, args: list[str]) -> tuple[list[str], list[str]]:
    """The values of --scenario, and all else."""
    given, others, rest = [], [], list(args)
    while rest:
        name, equals, value = rest.pop(0).partition("=")
        if name != "--scenario":
            others.append(f"{name}{equals}{value}")
        elif equals:
            given.append(value)
        elif rest and not rest[0].startswith("--"):
            given.append(rest.pop(0))
        else:
            ctx.fail("Option '--scenario' requires an argument.")
    return given, others


ScenarioGiven = Annotated[
    str, typer.Argument(metavar="[SCENARIO]", help="A shipped scenario, or a TOML file; --scenario says the same.")
]
Draws = Annotated[float, number("draws", "Worlds to draw.")]
Seed = Annotated[float, number("seed", "Of the draws.")]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Change a line of the scenario; KEY=LOW..HIGH for a 90% interval."),
]
Fleet = Annotated[str | None, typer.Option(metavar="NAME", help="Which chips serve: article (Blackwell racks) or all.")]
AsOf = Annotated[str | None, typer.Option(metavar="DATE", help="Chips sold to this day serve, such as 2025-12-31.")]
ScenarioName = Annotated[str, typer.Option("--scenario", metavar="NAME|FILE", help="A shipped scenario, or a TOML file.")]
ScenarioAnywhere = Annotated[
    str,
    typer.Option("--scenario", metavar="NAME|FILE", help="A shipped scenario, or a TOML file; it may also stand in front."),
]


class OfRequests(TypedDict, total=False):
    """What a deployment is asked for besides the workload, and in which terms."""

    prefix_hit: Annotated[float | None, number("prefix_hit", "Share of each prompt found in the prefix cache, 0 to 1.")]
    prefix_shared: Annotated[
        float | None, number("prefix_shared", "Share of the hit that requests have in common, held once; 0 unless set.")
    ]
    prefixes: Annotated[float | None, number("prefixes", "How many such common prefixes are held; 1 unless set.")]
    turns: Annotated[
        str | None,
        typer.Option(metavar="TURNS:NEW", help="Turns of a session, and new prompt tokens in each after the first."),
    ]
    turns_kept: Annotated[
        float | None, number("turns_kept", "Share of the earlier context still cached at the next turn; 1 unless set.")
    ]
    think_s: Annotated[
        float | None,
        number("think_s", "Seconds between an answer and the next turn, while the cache waits; 0 unless set.", "seconds"),
    ]
    price: Price
    framework: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Whose kernels run: vllm, sglang, trt-llm or atom; of all together unless set."),
    ]
    precision: Annotated[
        str | None, typer.Option(metavar="NAME", help="Number format of the weights, such as fp4, fp8 or bf16.")
    ]
    hbm_reserve: Annotated[float | None, number("hbm_reserve", "Share of usable memory kept free; 0.1 unless set.")]


class OfChips(TypedDict, total=False):
    """How a deployment lies on its chips, and how well they are used."""

    preset: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="fitted (ours), article (65%, 30%, 5 ms), ideal (1, 1, 0), or kernels (measured times; with degrees).",
        ),
    ]
    gpus: Annotated[float | None, number("gpus", "Only so many chips of the system.")]
    tp: Annotated[float | None, number("tp", "GPUs that share each layer's heads and dense weights (tensor parallel).")]
    ep: Annotated[float | None, number("ep", "GPUs that share the experts, whole ones each (expert parallel).")]
    dp: Annotated[float | None, number("dp", "Ranks of a replica that attend to requests of their own (data parallel).")]
    pp: Annotated[float | None, number("pp", "Stages that share the layers (pipeline parallel).")]
    prefill_replicas: Annotated[
        float | None, number("prefill_replicas", "Replicas that only prefill (disaggregated); the best number unless set.")
    ]
    arrivals: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="How requests come: batch (lockstep), closed (clients in equilibrium), run (a benchmark run) or poisson; "
            "batch unless set, closed with degrees.",
        ),
    ]
    utilisation: Annotated[
        float | None, number("utilisation", "Share sold of what could be served, 1 unless set; costs are divided by it.")
    ]
    counting: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="article (published sizes, one precision) or checkpoint (exact, mixed precision)."
        ),
    ]
    compute_efficiency: Annotated[
        float | None, number("compute_efficiency", "Reached share of peak arithmetic, instead of the preset's.")
    ]
    bandwidth_efficiency: Annotated[
        float | None, number("bandwidth_efficiency", "Reached share of memory bandwidth, instead of the preset's.")
    ]
    step_latency_s: Annotated[float | None, number("step_latency_s", "Seconds a decode pass besides its work.", "seconds")]


class OfDeployment(OfChips, OfRequests, total=False):
    """All of a deployment but model, system, load, schedule and speculation."""


class OfFleet(TypedDict, total=False):
    """Lines of a scenario's fleet and serving that have options of their own, short for --set."""

    fleet: Fleet
    as_of: AsOf
    preset: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="fitted, article, ideal, or kernels (measured times, best configuration)."),
    ]
    speculative: Annotated[str | None, typer.Option(metavar="V:A", help="VERIFIED:ACCEPTED tokens of a pass, or none.")]
    speed: Speed
    workload: Annotated[
        str | None, typer.Option(metavar="INPUT:OUTPUT", help="Tokens of each request; several with commas.")
    ]


Command = TypeVar("Command", bound=Callable[..., None])


def spread(command: Command) -> Command:
    """A command whose `**options: Unpack[...]` Typer sees as one option a key, None where not given.

    So what several commands share is written down once. The options stand before the command's keyword-only ones.
    """
    hints = get_type_hints(command, include_extras=True)
    own = [each.replace(annotation=hints[each.name]) for each in signature(command).parameters.values()]
    (shared,) = (get_args(each.annotation)[0] for each in own if each.kind is Parameter.VAR_KEYWORD)
    options = [
        Parameter(name, Parameter.POSITIONAL_OR_KEYWORD, default=None, annotation=hint)
        for name, hint in get_type_hints(shared, include_extras=True).items()
    ]
    first = [each for each in own if each.kind is Parameter.POSITIONAL_OR_KEYWORD]
    last = [each for each in own if each.kind is Parameter.KEYWORD_ONLY]
    command.__signature__ = Signature([*first, *options, *last], return_annotation=None)  # type: ignore[attr-defined]
    return command


def whole(value: float) -> Any:
    """A whole number as one; anything else as it is, to be refused where it is used."""
    return int(value) if value == value // 1 else value


@app.callback(invoke_without_command=True)
def _version(version: Annotated[bool, typer.Option("--version", help="Print the version and stop.")] = False) -> None:
    if version:
        typer.echo(f"fleetline {__version__}")
        raise typer.Exit
