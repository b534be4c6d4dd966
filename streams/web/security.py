"""What every answer carries, and which requests are refused: the page is for whoever may reach its address, no more.

No other site may read it (no CORS; a name that isn't ours is refused, so that no foreign name can be made to point
here), embed it, or have it load anything from elsewhere. Nothing can be written: only GET and HEAD are answered.
"""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse

if TYPE_CHECKING:
    from collections.abc import Collection

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

SOURCES = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "connect-src": "'self'",
    "img-src": "'self'",
    "base-uri": "'none'",
    "form-action": "'none'",
    "frame-ancestors": "'none'",
}
HEADERS = {
    "Content-Security-Policy": "; ".join(f"{what} {sources}" for what, sources in SOURCES.items()),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
READING = frozenset({"GET", "HEAD"})


def names_of(host: str) -> Collection[str] | None:
    """Return the names by which the page may be asked for when it listens at a host; None for any.

    At loopback only loopback's own names: a page of another site could else be made to reach it by a name of its own.
    """
    if host == "localhost":
        return LOOPBACK
    try:
        return LOOPBACK if ip_address(host).is_loopback else None
    except ValueError:
        return None


def name_in(host_header: str) -> str:
    """Return the name in a Host header, without its port."""
    if host_header.startswith("["):
        return host_header[1:].partition("]")[0]
    return host_header.partition(":")[0].lower()


class Guard:
    """Refuses what isn't a plain read of ours, and adds the headers."""

    def __init__(self, app: ASGIApp, names: Collection[str] | None) -> None:
        self._app = app
        self._names = names

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
                headers.setdefault("Cache-Control", "no-cache")
            await send(message)

        app = self._refusal(scope) or self._app
        await app(scope, receive, send_guarded)

    def _refusal(self, scope: Scope) -> ASGIApp | None:
        if self._names is not None and name_in(Headers(scope=scope).get("host", "")) not in self._names:
            return PlainTextResponse("not a name of this page\n", 421)
        if scope["method"] not in READING:
            return PlainTextResponse("nothing can be written here\n", 405, {"Allow": "GET, HEAD"})
        return None
