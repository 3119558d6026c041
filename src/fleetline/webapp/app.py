"""The application: every question an address, the page's files, one form for every refusal."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import Executor
from contextlib import asynccontextmanager
from typing import Annotated, Any, Literal

from fastapi import FastAPI, Path, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware

from fleetline import __version__
from fleetline.webapp import refusals, schemas
from fleetline.webapp.drawings import FigureName, drawing
from fleetline.webapp.headers import Guard
from fleetline.webapp.lanes import Lanes, processes
from fleetline.webapp.limits import Limits
from fleetline.webapp.page import Library, page_routes
from fleetline.webapp.questions import Question
from fleetline.webapp.routes import add_question, add_upload
from fleetline.webapp.views import controls, views, warm

_ABOUT = """How many tokens the world's AI chips can serve, how many are asked for, and when one passes the other.

Each address below `/api/v1` answers as the command of its name does, with the command's arguments and options as query
parameters and the same keys; units stand in the names. A question that is wrong, or whose answer is that it cannot be
served, is 422 with `{"error": {"kind", "message", "field", "got", "allowed"}}`. Nothing is kept between requests.
"""


def create_app(
    commands: Sequence[Question],
    limits: Limits | None = None,
    make: Callable[[int, int], Executor] | None = None,
) -> FastAPI:
    """The whole application.

    Args:
        commands: the questions of the command line.
        limits: of work; as shipped without.
        make: workers, so many and of that niceness; processes without.
    """
    lanes, library = Lanes(limits or Limits(), make or processes(warm)), Library()

    @asynccontextmanager
    async def running(_app: FastAPI) -> AsyncIterator[None]:
        lanes.start()
        library.start()
        yield
        lanes.close()

    app = FastAPI(
        title="fleetline",
        version=__version__,
        summary=_ABOUT.partition("\n")[0],
        description=_ABOUT,
        lifespan=running,
        docs_url=None,  # both load scripts from elsewhere
        redoc_url=None,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
    )
    app.add_exception_handler(RequestValidationError, refusals.not_valid)
    app.add_exception_handler(HTTPException, refusals.not_there)
    for question in (*commands, *views()):
        add_question(app, lanes, question)
    add_upload(app, lanes)
    app.state.lanes = lanes
    _add_plain(app)
    page_routes(app, library)
    app.add_middleware(GZipMiddleware, minimum_size=1000, compresslevel=4)
    app.add_middleware(Guard)
    return app


def _add_plain(app: FastAPI) -> None:
    """What needs no work: health and the controls."""

    @app.get("/healthz", tags=["server"], summary="Whether the server answers", response_model=schemas.Health)
    async def healthz() -> Response:
        """Answered by the server itself, whatever its workers do."""
        return JSONResponse({"status": "ok", "version": __version__}, headers={"Cache-Control": "no-store"})

    @app.get(
        "/api/v1/controls",
        tags=["views"],
        summary="The controls of each view",
        response_model=list[schemas.ViewControls],
        responses=refusals.DOCUMENTED,
    )
    async def shown(request: Request) -> Response:
        """What the page draws: key, label, kind, range, default, unit and one sentence of help each."""
        return refusals.with_tag(request, controls())

    @app.get(
        "/api/v1/figures/{name}",
        tags=["views"],
        summary="How a figure is drawn",
        response_model=dict[str, Any],
        responses=refusals.DOCUMENTED,
    )
    async def figure(
        request: Request,
        name: Annotated[FigureName, Path(description="A figure of a view.")],
        theme: Annotated[Literal["light", "dark"], Query(description="Colours for a light or a dark page.")] = "light",
    ) -> Response:
        """A Vega-Lite specification with named data sets and no rows; the rows are in the view's answer."""
        return refusals.with_tag(request, drawing(name, theme), kept="public, max-age=3600")
