"""A process's one HTTP listener: `/metrics`, `/livez`, `/readyz`. It only reads, and answers nothing else."""

from __future__ import annotations

import socket
import threading
from socketserver import ThreadingMixIn
from typing import TYPE_CHECKING, Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import REGISTRY, make_wsgi_app

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streams.shell.health import Check, Health
    from streams.shell.settings import ProcessSettings

CLIENT_SECONDS = 10.0  # a client that is slower than this is left


class _Server(ThreadingMixIn, WSGIServer):
    """A thread for each request; none keeps the worker from ending."""

    daemon_threads = True


class _SixServer(_Server):
    address_family = socket.AF_INET6


class _Handler(WSGIRequestHandler):
    timeout = CLIENT_SECONDS

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the base class's name
        """Keep requests out of the log."""


def listen(settings: ProcessSettings, health: Health) -> None:
    """Serve where that is set; OSError with one line that says what to do where it can't be."""
    host, port = settings.metrics_host, settings.metrics_port
    if port is None:
        return
    try:
        serve(host, port, health)
    except OSError as error:
        raise OSError(f"--metrics-port {port} can't be served on {host} ({error.strerror}): give another") from error


def serve(host: str, port: int, health: Health) -> WSGIServer:
    """Listen on `host` and `port` (0: any), in a thread of its own; OSError where that can't be."""
    metrics = make_wsgi_app(REGISTRY)

    def app(environ: dict[str, Any], start_response: Any) -> Any:
        verbose = "verbose" in environ.get("QUERY_STRING", "")
        match environ.get("PATH_INFO"):
            case "/metrics":
                return metrics(environ, start_response)
            case "/livez":
                return _answer([health.livez()], start_response, verbose)
            case "/readyz":
                return _answer(health.readyz(), start_response, verbose)
        start_response("404 Not Found", [("Content-Type", "text/plain; charset=utf-8")])
        return [b"/metrics, /livez and /readyz are here\n"]

    kind = _SixServer if ":" in host else _Server
    server = make_server(host, port, app, server_class=kind, handler_class=_Handler)
    threading.Thread(target=server.serve_forever, name="listener", daemon=True).start()
    return server


def _answer(checks: Sequence[Check], start_response: Any, verbose: bool) -> list[bytes]:
    """Answer 200 or 503, with what is not so, or with every check."""
    ok = all(check.ok for check in checks)
    shown = checks if verbose else [check for check in checks if not check.ok]
    marks = {True: "+", False: "-"}
    lines = [f"[{marks[check.ok]}] {check.name}: {check.says}" for check in shown] or ["ok"]
    start_response(
        "200 OK" if ok else "503 Service Unavailable",
        [("Content-Type", "text/plain; charset=utf-8"), ("Cache-Control", "no-store")],
    )
    return ["".join(f"{line}\n" for line in lines).encode()]
