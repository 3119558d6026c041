"""The whole OpenAPI document under Schemathesis, every check: some hundred cases here, thousands in `make check-long`."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, settings
from schemathesis.config import SchemathesisConfig
from schemathesis.schemas import BaseSchema
from starlette.types import Receive, Scope, Send

from fleetline.cli.web import questions
from fleetline.webapp.app import create_app
from fleetline.webapp.limits import Limits

_ALL: dict[str, Any] = {
    "checks": {
        # a question in the right form may have no answer: what cannot be served is 422 (interface); too long a query, 414
        "positive_data_acceptance": {"expected-statuses": ["2xx", "414", "422"]},
        "negative_data_rejection": {"expected-statuses": ["4xx"]},
    },
    "parameters": {"draws": 20},  # fewer worlds, more cases; what many draws cost is tested with the limits
    "request-timeout": 120,
}
# one by one every way to be wrong, and the world of all chips: in `make check-long`
_QUICK = _ALL | {"phases": {"coverage": {"enabled": False}}, "parameters": {"draws": 20, "scenario": "article"}}
_SECONDS = "^/api/v1/(compare|sensitivity|compare-article|agents|energy|plan)$"  # of one question, or nearly: likewise
_FEW, _MANY = 20, 60
_OPTIONS = 5  # of a query beside what it needs: with all thirty at once something always contradicts something


def few(query: dict[str, Any] | None) -> dict[str, Any] | None:
    """Some of a query's values, chosen by the query itself, so that questions are such as people ask."""
    if not query:
        return query
    needed = {"model", "system", "requests_per_s"}
    order = sorted(query, key=lambda name: (name not in needed, zlib.crc32(f"{name}{query!r}".encode())))
    return {name: query[name] for name in order[: _OPTIONS + len(needed)]}


app: FastAPI = create_app(questions(), Limits(workers=2, processor_s=5.0, seconds=120.0))


_ASKED: Counter[str] = Counter()


@pytest.fixture(scope="module", autouse=True)
def workers() -> Iterator[None]:
    """The processes for all cases: a client of each would start its own. Says how many cases there were (`pytest -s`)."""
    app.state.lanes.start()
    yield
    app.state.lanes.close()
    print(f"\n{_ASKED.total()} requests of {len(_ASKED)} addresses: {dict(_ASKED)}")  # noqa: T201


async def requests_alone(scope: Scope, receive: Receive, send: Send) -> None:
    """The application as it is once it runs."""
    if scope["type"] == "lifespan":
        for event in ("startup", "shutdown"):
            await receive()
            await send({"type": f"lifespan.{event}.complete"})
        return
    _ASKED[scope["path"]] += 1
    await app(scope, receive, send)


def document(config: dict[str, Any]) -> BaseSchema:
    found = schemathesis.openapi.from_dict(app.openapi(), config=SchemathesisConfig.from_dict(config))
    found.app = requests_alone

    @found.hook
    def map_query(_context: Any, query: dict[str, Any] | None) -> dict[str, Any] | None:
        return few(query)

    return found


quick, whole = document(_QUICK).exclude(path_regex=_SECONDS), document(_ALL)
_same = settings(deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))


@quick.parametrize()
@settings(_same, max_examples=_FEW)
def test_every_check_holds(case: schemathesis.Case[Any]) -> None:
    case.call_and_validate()


@pytest.fixture
def counted(record_property: Callable[[str, object], None]) -> Iterator[None]:
    """How many requests the application got, for docs/checks.md."""
    before = _ASKED.total()
    yield
    record_property("requests", _ASKED.total() - before)


@pytest.mark.long
@pytest.mark.usefixtures("counted")
@whole.parametrize()
@settings(_same, max_examples=_MANY)
def test_every_check_holds_thousands_of_times(case: schemathesis.Case[Any]) -> None:
    case.call_and_validate()
