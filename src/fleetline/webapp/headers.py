"""What every answer carries, and what no request may be: too long an address, too large a body."""

from __future__ import annotations

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fleetline.webapp.limits import BODY_BYTES, URL_LETTERS
from fleetline.webapp.work import Answer, error

_SAME = "'self'"
POLICY = "; ".join(
    (
        "default-src 'none'",
        f"script-src {_SAME}",
        f"style-src {_SAME}",
        f"img-src {_SAME} data: blob:",  # pictures that the page makes of its charts
        f"connect-src {_SAME}",
        "base-uri 'none'",
        f"form-action {_SAME}",
        "frame-ancestors 'none'",
    )
)
SAFETY = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class _TooLargeError(Exception):
    """A body went over the limit while it was read."""


class Guard:
    """Refuses what is too large before anybody reads it, and puts the safety headers on every answer."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        begun = False

        async def sent(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                headers = MutableHeaders(scope=message)
                for name, value in SAFETY.items():
                    headers.setdefault(name, value)
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        letters = len(scope["raw_path"]) + len(scope["query_string"])
        if letters > URL_LETTERS:
            said = f"the address has {letters} letters, allowed {URL_LETTERS}"
            await _refuse(error(414, "too_long", said, field="url", got=letters, allowed=URL_LETTERS), sent)
            return
        try:
            await self.app(scope, _bounded(scope, receive), sent)
        except _TooLargeError:
            if not begun:
                said = f"the body is larger than {BODY_BYTES} bytes, which no configuration is"
                await _refuse(error(413, "too_large", said, field="body", allowed=BODY_BYTES), sent)


def _bounded(scope: Scope, receive: Receive) -> Receive:
    """The body, up to so many bytes."""
    given = dict(scope["headers"]).get(b"content-length", b"0")
    announced = int(given) if given.isdigit() else 0
    read = 0

    async def received() -> Message:
        nonlocal read
        if announced > BODY_BYTES:
            raise _TooLargeError
        message = await receive()
        read += len(message.get("body", b""))
        if read > BODY_BYTES:
            raise _TooLargeError
        return message

    return received


async def _refuse(answer: Answer, send: Send) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(answer.body)).encode())]
    if answer.status == 413:
        headers.append((b"connection", b"close"))  # the rest of the body is not read
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})
