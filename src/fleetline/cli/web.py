"""The command web, and what may be asked over it: the other commands, by the options they have."""

from __future__ import annotations

import shlex
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from types import MappingProxyType, UnionType
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.models import ArgumentInfo, OptionInfo

from fleetline.cli import agents, catalog, energy, foresight, rows, serving, world
from fleetline.cli.options import app
from fleetline.cli.show import answer_of
from fleetline.errors import missing_extra

if TYPE_CHECKING:
    from fleetline.webapp.questions import Kind, Option, Question


@dataclass(frozen=True)
class _Served:
    """A command on the web: which of its options stay on the command line, and the most that others may be.

    `costly` says whether it is one of the few that are worked on at once. `schema` names its answer.
    """

    command: Callable[..., None]
    without: frozenset[str] = frozenset()
    most: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    costly: bool = False
    schema: str | None = None


_MOST_DRAWS = MappingProxyType({"draws": 4000.0})
_SERVED: Mapping[str, _Served] = MappingProxyType(
    {
        "throughput": _Served(serving.throughput, schema="ThroughputAnswer"),
        "frontier": _Served(serving.frontier, most={"points": 200}, costly=True, schema="FrontierAnswer"),
        "plan": _Served(serving.plan, costly=True, schema="PlanAnswer"),
        "supply": _Served(world.supply, most=_MOST_DRAWS, schema="SupplyAnswer"),
        "demand": _Served(world.demand, most=_MOST_DRAWS, schema="DemandAnswer"),
        "crunch": _Served(world.crunch, most=_MOST_DRAWS, schema="CrunchAnswer"),
        "market": _Served(world.market, most=_MOST_DRAWS, costly=True),
        "compare": _Served(world.compare, most={"draws": 500.0}, costly=True),
        "sensitivity": _Served(foresight.sensitivity, most={"points": 256.0}, costly=True),
        "agents": _Served(agents.agents, frozenset({"rows", "predict"}), most=_MOST_DRAWS, costly=True),
        "energy": _Served(energy.energy, most=_MOST_DRAWS, costly=True),
        "assumptions": _Served(catalog.assumptions),
        "measured": _Served(rows.measured, frozenset({"rows"})),
        "accuracy": _Served(rows.accuracy),
        "compare-article": _Served(catalog.compare_article, costly=True),
        "models": _Served(catalog.models),
        "systems": _Served(catalog.systems, frozenset({"example"})),
        "sources": _Served(catalog.sources),
    }
)


def questions() -> list[Question]:
    """Every command that may be asked over the web."""
    return [_question(name, served) for name, served in _SERVED.items()]


def _question(name: str, served: _Served) -> Question:
    from fleetline.webapp import schemas
    from fleetline.webapp.questions import Question, always, never

    told = next(each for each in app.registered_commands if each.callback is served.command)
    options = _options(name, served)
    summary, _, rest = (served.command.__doc__ or "").strip().partition("\n")
    return Question(
        path=name,
        ask=partial(answer_of, served.command),
        options=options,
        summary=summary,
        description=f"{summary}\n\n{rest.strip()}\n\nAs `fleetline {name}`.",
        example=_example(told.epilog or "", options),
        answer=getattr(schemas, served.schema) if served.schema else dict[str, Any],
        costly=always if served.costly else never,
    )


def _options(name: str, served: _Served) -> list[Option]:
    """The command's arguments and options as its signature has them."""
    from inspect import signature

    given = signature(served.command, eval_str=True).parameters
    left = served.without | {"as_json"}
    return [
        _option(name, key, each.annotation, each.default, served.most.get(key))
        for key, each in given.items()
        if key not in left
    ]


_KINDS: Mapping[Any, Kind] = MappingProxyType(
    {float: "number", int: "whole", str: "text", bool: "flag", list[str]: "texts"}
)


def _option(command: str, key: str, hint: Any, default: Any, most: float | None) -> Option:
    from inspect import Parameter

    from fleetline.webapp.questions import Option

    base, said = typing.get_args(hint)
    assert isinstance(said, OptionInfo | ArgumentInfo)  # noqa: S101  (every parameter of a command is annotated)
    if isinstance(base, UnionType):
        base = next(each for each in typing.get_args(base) if each is not type(None))
    spelled = (said.default, *(said.param_decls or ()))  # inside Annotated, Typer keeps the first one as the default
    long = next((each[2:] for each in spelled if isinstance(each, str) and each.startswith("--")), key)
    return Option(
        name=long.replace("-", "_"),
        key=key,
        kind=_KINDS[base],
        help=said.help or "",
        default=None if default is Parameter.empty else default,
        required=default is Parameter.empty,
        high=most,
        known=_KNOWN.get((command, key), _KNOWN.get(("", key), dict))(),
        most_letters=6_000 if key == "model" else 400,
    )


def _names(of: str) -> Callable[[], dict[str, Any]]:
    """The names of a part of the catalog."""

    def known() -> dict[str, Any]:
        from fleetline.catalog import load

        return {"enum": sorted(getattr(load(), of))}

    return known


def _models() -> dict[str, Any]:
    from fleetline.catalog import load

    return {"anyOf": [{"enum": sorted(load().models)}, {"pattern": "^config:", "description": "an uploaded configuration"}]}


def _words(*words: str) -> Callable[[], dict[str, Any]]:
    return lambda: {"enum": list(words)}


def _form(pattern: str) -> Callable[[], dict[str, Any]]:
    return lambda: {"pattern": pattern}


def _schedules() -> dict[str, Any]:
    from fleetline.physics.schedules import SCHEDULES

    return {"enum": list(SCHEDULES)}


def _frameworks() -> dict[str, Any]:
    from fleetline.catalog.timings import FRAMEWORKS

    return {"enum": list(FRAMEWORKS[1:])}


def _scenarios() -> dict[str, Any]:
    from fleetline.scenario import shipped

    return {"enum": shipped()}


def _settings() -> dict[str, Any]:
    from fleetline.scenario import KEYS

    keys = "|".join(key.replace(".", "\\.") for key, kind in KEYS.items() if kind.numeric)
    return {"pattern": rf"^({keys})=[0-9.]+$"}


def _range(low: float, high: float) -> Callable[[], dict[str, Any]]:
    return lambda: {"minimum": low, "maximum": high}


def _seeds() -> dict[str, Any]:
    from fleetline.beliefs import MOST_SEED

    return {"minimum": 0, "maximum": MOST_SEED}


_TOKENS = "^[1-9][0-9]{0,5}:[1-9][0-9]{0,4}$"
_DATE = "^20[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])$"
_SPOKEN = "^(none|[1-9]:1|mtp:[1-4]|(mtp:)?0\\.[1-9](,0\\.[1-9]){0,3})$"
# What a value may be, for the document: the function itself is what takes or refuses it.
_KNOWN: Mapping[tuple[str, str], Callable[[], dict[str, Any]]] = MappingProxyType(
    {
        ("", "model"): _models,
        ("agents", "model"): dict,
        ("", "system"): _names("systems"),
        ("", "schedule"): _schedules,
        ("", "preset"): _names("presets"),
        ("", "framework"): _frameworks,
        ("", "workload"): _form(_TOKENS),
        ("", "turns"): _form(_TOKENS),
        ("", "speculative"): _form(_SPOKEN),
        ("", "price"): _words("rent", "own"),
        ("", "arrivals"): _words("batch", "closed", "run", "poisson"),
        ("", "counting"): _words("article", "checkpoint"),
        ("", "precision"): _words("fp4", "fp8", "bf16"),
        ("", "scenario"): _scenarios,
        ("", "first"): _scenarios,
        ("", "second"): _scenarios,
        ("", "fleet"): _words("article", "all"),
        ("", "as_of"): _form(_DATE),
        ("", "setting"): _settings,
        ("", "draws"): _range(1, _MOST_DRAWS["draws"]),
        ("", "seed"): _seeds,
        **{("", key): _range(1e-9, 1e9) for key in ("speed", "max_ttft", "requests_per_s", "users")},
        **{("", key): _range(1, 1e9) for key in ("batch", "prefixes")},
        **{("", key): _range(1, 10_000) for key in ("gpus", "tp", "ep", "dp", "pp", "prefill_replicas")},
        **{("", key): _range(0, 1) for key in ("prefix_hit", "prefix_shared", "turns_kept", "hbm_reserve")},
        **{
            ("", key): _range(1e-9, 1)
            for key in ("compute_efficiency", "bandwidth_efficiency", "utilisation", "max_utilisation")
        },
        ("", "think_s"): _range(0, 86_400),
        ("", "step_latency_s"): _range(0, 3600),
    }
)


def _example(epilog: str, options: list[Option]) -> dict[str, Any]:
    """The values of the command's own example."""
    words = shlex.split(epilog.partition("fleetline ")[2].partition("|")[0].partition(";")[0])[1:]
    known = {option.name: option for option in options}
    places = [option.name for option in options if option.required]
    found: dict[str, Any] = {}
    while words:
        word = words.pop(0)
        name = word.removeprefix("--").replace("-", "_") if word.startswith("--") else (places.pop(0) if places else "")
        option = known.get(name)
        if option is None:
            continue
        if option.kind == "flag":
            found[name] = True
            continue
        value = words.pop(0) if word.startswith("--") else word
        found[name] = (
            float(value)
            if option.kind == "number"
            else int(value)
            if option.kind == "whole"
            else [*found.get(name, []), value]
            if option.kind == "texts"
            else value
        )
    return found


def application() -> Any:
    """The application as shipped."""
    from fleetline.webapp.app import create_app

    return create_app(questions())


@app.command(epilog="Example: fleetline web --port 8080 --workers 4")
def web(
    host: Annotated[str, typer.Option(metavar="ADDRESS", help="Where to listen; 0.0.0.0 for everybody.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The port; 0 for any that is free.")] = 8000,
    workers: Annotated[int | None, typer.Option(help="Processes that answer; as many as there are cores without.")] = None,
    show: Annotated[bool, typer.Option("--open", help="Also open the page in the browser.")] = False,
) -> None:
    """The page, and every question as JSON below /api/v1; ends by Ctrl-C."""
    try:
        from fleetline.webapp.server import serve
    except ModuleNotFoundError as error:
        if error.name not in {"fastapi", "starlette", "uvicorn"}:
            raise
        raise missing_extra("web", "web") from error
    serve(questions(), host=host, port=port, workers=workers, show=show)
