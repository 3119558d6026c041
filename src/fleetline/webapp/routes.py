"""A question -> its address: query parameters checked by what its options say, the answer from a lane or from before."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from fastapi import FastAPI, Query, Request, Response
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, create_model
from pydantic.json_schema import SkipJsonSchema
from pydantic_core import PydanticCustomError

from fleetline.webapp import refusals, schemas, upload
from fleetline.webapp.lanes import Lanes
from fleetline.webapp.limits import VALUES
from fleetline.webapp.questions import Option, Question

ROOT = "/api/v1"


def add_question(app: FastAPI, lanes: Lanes, question: Question) -> None:
    """Add GET /api/v1/<path>."""
    given_model = query_of(question)
    options = {option.name: option for option in question.options}

    async def asked(request: Request, given: Any) -> Response:
        named = [name for name, _ in request.query_params.multi_items()]
        wrong = next((name for name in named if name not in options), None)
        if wrong is not None or len(named) > VALUES:
            return refusals.respond(request, refusals.unknown(wrong or "", sorted(options)))
        twice = next((name for name in named if named.count(name) > 1 and options[name].kind != "texts"), None)
        if twice is not None:
            return refusals.respond(request, refusals.repeated(twice))
        values = values_of(given, options)
        key = (question.path, tuple(sorted((name, _hashable(value)) for name, value in values.items())))
        answer = await lanes.ask(key, question.ask, values, costly=question.costly(values))
        return refusals.respond(request, answer)

    asked.__annotations__ = {"request": Request, "given": Annotated[given_model, Query()], "return": Response}
    app.add_api_route(
        f"{ROOT}/{question.path}",
        asked,
        methods=["GET"],
        summary=question.summary,
        description=question.description or question.summary,
        operation_id=question.path.replace("/", "_").replace("-", "_"),
        tags=[question.tag],
        response_model=question.answer,
        responses=refusals.DOCUMENTED,
    )


def values_of(given: BaseModel, options: Mapping[str, Option]) -> dict[str, Any]:
    """The values by the keys of the function; those that are not given as the option has them."""
    found = given.model_dump(by_alias=True)
    return {option.key or name: found[name] for name, option in options.items()}


def _hashable(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def query_of(question: Question) -> type[BaseModel]:
    """The query of a question as a model: what documents it, and what checks it."""
    fields: dict[str, Any] = {}
    for number, option in enumerate(question.options):
        example = question.example.get(option.name)
        about = Field(
            ... if option.required else option.default,
            alias=option.name,
            description=option.help,
            examples=None if example is None else [example],
        )
        fields[f"value{number}"] = (_type_of(option), about)
    made: type[BaseModel] = create_model(
        "Query" + question.path.title().replace("/", "").replace("-", ""), __config__=ConfigDict(extra="ignore"), **fields
    )
    return made


def _type_of(option: Option) -> Any:
    known = dict(option.known) or None
    text = Annotated[str, StringConstraints(max_length=option.most_letters), Field(json_schema_extra=known)]
    match option.kind:
        case "number":
            limits = Field(ge=option.low, le=option.high, allow_inf_nan=False, json_schema_extra=known)
            found: Any = Annotated[float, limits]
        case "whole":
            found = Annotated[int, Field(ge=option.low, le=option.high, json_schema_extra=known)]
        case "flag":
            found = Annotated[bool, BeforeValidator(_flag)]
        case "texts":
            found = Annotated[list[text], Field(max_length=VALUES)]
        case "text":
            found = Literal[option.choices] if option.choices else text
    return found if option.required or option.default is not None else found | _NONE


_NONE: Any = SkipJsonSchema[None]  # type: ignore[misc]  # not given: no value of the query means it, so it is not documented


def _flag(given: object) -> object:
    """True or false as JSON spells them, and nothing else: a query has many ways to say so otherwise."""
    if given not in {"true", "false", True, False}:
        raise PydanticCustomError("bool_parsing", "true or false")
    return given


def add_upload(app: FastAPI, lanes: Lanes) -> None:
    """Add POST /api/v1/models."""

    @app.post(
        f"{ROOT}/models",
        tags=["commands"],
        summary="A config.json as a model",
        operation_id="import_model",
        response_model=schemas.ImportedModel,
        responses=refusals.DOCUMENTED | {413: {"model": schemas.Refused, "description": "The file is too large."}},
        openapi_extra={
            "requestBody": {
                "required": True,
                "description": "The Hugging Face config.json itself.",
                "content": {"application/json": {"schema": upload.SCHEMA, "example": dict(upload.EXAMPLE)}},
            }
        },
    )
    async def import_model(
        request: Request,
        name: Annotated[str, Query(max_length=100, description="What to call it.")] = upload.NAME,
    ) -> Response:
        """Its facts, as `import-model` tells them, and `model`: a name that stands wherever a model is asked for.

        The name holds the configuration, so the server keeps nothing.
        """
        body = await request.body()
        answer = await lanes.ask(
            ("upload", ((name, body),)), upload.imported_model, {"content": body, "name": name}, costly=False
        )
        return refusals.respond(request, answer)
