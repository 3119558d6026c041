"""Running the application on an address of this machine."""

from __future__ import annotations

import os
import socket
import sys
import webbrowser
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

import uvicorn

from fleetline.errors import InputError
from fleetline.webapp.app import create_app
from fleetline.webapp.lanes import Lanes
from fleetline.webapp.limits import Limits
from fleetline.webapp.questions import Question

_LONGEST_LINE = 65_536  # byte of a request's head: longer addresses than the limit get an answer, not a closed line
_CLOSE_S = 2  # until what is in work is left


def serve(questions: Sequence[Question], *, host: str, port: int, workers: int | None, show: bool = False) -> None:
    """Answer until Ctrl-C; says the address on standard error, and opens it in the browser if it is to `show`.

    Raises:
        InputError: the address is not one of this machine, or somebody listens there already; a number out of its range.
    """
    for name, value, high in (("port", port, 65_535), ("workers", 1 if workers is None else workers, 256)):
        low = 0 if name == "port" else 1
        if not low <= value <= high:
            raise InputError(
                f"{name}: got {value}, allowed {low} to {high}", field=name, got=value, allowed=f"{low}..{high}"
            )
    limits = replace(Limits(), workers=workers or os.cpu_count() or 1)
    listening = _listen(host, port)
    address = f"http://{f'[{host}]' if ':' in host else host}:{listening.getsockname()[1]}/"
    print(f"fleetline: {address}  (Ctrl-C ends it)", file=sys.stderr, flush=True)  # noqa: T201
    if show:
        webbrowser.open(address)  # the socket listens already: the browser waits for the first answer
    app = create_app(questions, limits)
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        server_header=False,
        h11_max_incomplete_event_size=_LONGEST_LINE,
        timeout_graceful_shutdown=_CLOSE_S,
    )
    # uvicorn has ended in order by then, and raises it again: how a server is meant to end
    with listening, suppress(KeyboardInterrupt):
        _Server(config, app.state.lanes).run(sockets=[listening])


class _Server(uvicorn.Server):
    """Ends what is in work first, so that nobody is waited for."""

    def __init__(self, config: uvicorn.Config, lanes: Lanes) -> None:
        super().__init__(config)
        self._lanes = lanes

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End in order."""
        self._lanes.close()
        await super().shutdown(sockets)


def _listen(host: str, port: int) -> socket.socket:
    found: socket.socket | None = None
    try:
        known = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP, flags=socket.AI_PASSIVE)
        kind, _, protocol, _, address = known[0]
        # by its protocol asyncio knows that small packets may be sent at once; else they wait 40 ms for an acknowledgement
        found = socket.socket(kind, socket.SOCK_STREAM, protocol)
        if os.name == "posix":  # elsewhere it would let two listen at once
            found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind(address)
        found.listen(1024)
    except (OSError, UnicodeError) as error:
        if found is not None:
            found.close()
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(
            f"web: cannot listen on {host} port {port}: {reason}", field="host", got=f"{host}:{port}"
        ) from error
    return found
