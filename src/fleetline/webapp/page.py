"""The page's files, and the library that draws its charts."""

from __future__ import annotations

import asyncio
from functools import lru_cache
from importlib.resources import files

import vl_convert
from fastapi import FastAPI, Request, Response
from starlette.staticfiles import StaticFiles

from fleetline.webapp.refusals import with_tag


@lru_cache(maxsize=1)
def _library() -> bytes:
    """Vega, Vega-Lite and vega-embed as one script that sets `vegaEmbed`; the one the report has inside."""
    return vl_convert.javascript_bundle().encode()  # type: ignore[call-arg]  # its stub forgets the default


class Library:
    """The script, made once, in a second or so that nobody else waits for."""

    def __init__(self) -> None:
        self._made: asyncio.Task[bytes] | None = None

    def start(self) -> asyncio.Task[bytes]:
        """Begin, unless it is begun."""
        if self._made is None:
            self._made = asyncio.create_task(asyncio.to_thread(_library))
        return self._made

    async def content(self) -> bytes:
        """The script, when it is there."""
        return await asyncio.shield(self.start())


def page_routes(app: FastAPI, library: Library) -> None:
    """Add / and /static."""
    folder = str(files("fleetline.webapp") / "static")

    async def script(request: Request) -> Response:
        return with_tag(request, await library.content(), "text/javascript", "public, max-age=86400")

    app.add_route("/static/vega.js", script, methods=["GET"])
    app.mount("/static", StaticFiles(directory=folder, check_dir=False), name="static")

    async def index(request: Request) -> Response:
        content = (files("fleetline.webapp") / "static" / "index.html").read_bytes()
        return with_tag(request, content, "text/html; charset=utf-8", "no-cache")

    app.add_route("/", index, methods=["GET"])
