"""One form for every refusal, and a tag on every answer that may be kept."""

from __future__ import annotations

import hashlib
from typing import Any

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.routing import Route

from fleetline.errors import unknown_name
from fleetline.webapp import schemas
from fleetline.webapp.limits import RETRY_AFTER_S
from fleetline.webapp.work import Answer, error

_KEPT = "public, max-age=300"  # the same question has the same answer until the server is another version
_NOT_KEPT = "no-store"

DOCUMENTED: dict[int | str, dict[str, Any]] = {
    404: {"model": schemas.Refused, "description": "No such address."},
    405: {"model": schemas.Refused, "description": "The address takes another method."},
    414: {"model": schemas.Refused, "description": "The address is too long."},
    422: {
        "model": schemas.Refused,
        "description": "The question is wrong (`bad_input`), cannot be served (`infeasible`) or asks for too much "
        "(`too_costly`).",
    },
    500: {"model": schemas.Refused, "description": "A mistake of the server."},
    503: {"model": schemas.Refused, "description": "Too much is being worked on; come back after `Retry-After` seconds."},
}


def respond(request: Request, answer: Answer) -> Response:
    """An answer with its headers; 304 where the asker has it already."""
    if answer.status == 200:
        return with_tag(request, answer.body)
    headers = {"Cache-Control": _NOT_KEPT}
    if answer.status == 503:
        headers["Retry-After"] = str(RETRY_AFTER_S)
    return Response(answer.body, answer.status, headers, "application/json")


def with_tag(request: Request, body: bytes, media_type: str = "application/json", kept: str = _KEPT) -> Response:
    """Content that may be kept, with its tag; 304 where the asker has it already."""
    tag = f'W/"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = {"ETag": tag, "Cache-Control": kept}
    given = {each.strip() for each in request.headers.get("if-none-match", "").split(",")}
    if tag in given or "*" in given:
        return Response(status_code=304, headers=headers)
    return Response(body, 200, headers, media_type)


async def not_valid(_request: Request, refused: Exception) -> Response:
    """A value of the wrong kind, out of its range, missing, or of no such name."""
    assert isinstance(refused, RequestValidationError)  # noqa: S101  (registered for these)
    first = refused.errors()[0]
    name = str(first["loc"][1]) if len(first["loc"]) > 1 else "request"
    got = None if first["type"] == "missing" else str(first.get("input"))[:_SHOWN]
    allowed = _ALLOWED.get(first["type"]) or first["msg"].removeprefix("Input should be ")
    allowed = allowed.format(**first.get("ctx", {}))
    said = f"{name}: missing" if got is None else f"{name}: got '{got}', allowed {allowed}"
    return _plain(error(422, "bad_input", said, field=name, got=got, allowed=allowed))


_ALLOWED = {
    "missing": "a value",
    "float_parsing": "a number",
    "int_parsing": "a whole number",
    "bool_parsing": "true or false",
    "finite_number": "a finite number",
    "less_than_equal": "at most {le:g} here; the command line takes more",
    "greater_than_equal": "at least {ge:g}",
    "string_too_long": "at most {max_length} letters",
    "too_long": "at most {max_length} of them",
}
_SHOWN = 80  # letters of a wrong value that a message repeats


def unknown(name: str, known: list[str]) -> Answer:
    """A name of the query that the address does not know."""
    refused = unknown_name("parameter", name[:_SHOWN], known, field="parameters")
    return error(422, "bad_input", refused.message, field=refused.field, got=refused.got, allowed=refused.allowed)


def repeated(name: str) -> Answer:
    """A name of the query that is given twice."""
    return error(422, "bad_input", f"{name}: given more than once", field=name, allowed="one value")


async def not_there(request: Request, refused: Exception) -> Response:
    """No such address, or not by that method."""
    assert isinstance(refused, HTTPException)  # noqa: S101  (registered for these)
    path = request.url.path[:80]
    match refused.status_code:
        case 404:
            answer = error(404, "not_found", f"no such address: {path}", field="path", got=path, allowed="/openapi.json")
        case 405:
            allowed = _methods(request)
            said = f"method: got {request.method[:20]}, allowed {allowed}"
            answer = error(405, "bad_method", said, field="method", got=request.method[:20], allowed=allowed)
        case status:
            answer = error(status, "bad_request", str(refused.detail), field="request")
    response = _plain(answer)
    if refused.status_code == 405:
        response.headers["Allow"] = _methods(request)
    return response


def _methods(request: Request) -> str:
    """The methods that the address takes, of all that stand at it."""
    path = request.url.path
    routes = [route for route in request.app.routes if isinstance(route, Route) and route.path_regex.match(path)]
    return ", ".join(sorted({method for route in routes for method in route.methods or ()})) or "GET"


def _plain(answer: Answer) -> Response:
    return Response(answer.body, answer.status, {"Cache-Control": _NOT_KEPT}, "application/json")
