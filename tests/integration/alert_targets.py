"""Where notifiers post to in tests: a real Alertmanager, and a webhook that fails when it is told to."""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.request import urlopen

import pytest

from tests.running import free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

#: Whatever it tells of alerts, it tells it at once, and to a webhook.
CONFIG = """
route:
  receiver: people
  group_by: [group_id, kind]
  group_wait: 0s
  group_interval: 1s
  repeat_interval: 1h
receivers:
  - name: people
    webhook_configs:
      - url: {people}
        send_resolved: true
"""


class Alertmanager:
    """Alertmanager in a process of its own, asked through its command and its API."""

    def __init__(self, folder: Path, people: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._folder = folder
        (folder / "alertmanager.yml").write_text(CONFIG.format(people=people))
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it is ready."""
        arguments = [
            "prometheus-alertmanager", f"--config.file={self._folder / 'alertmanager.yml'}",
            f"--storage.path={self._folder}", f"--web.listen-address=127.0.0.1:{self.port}",
            "--cluster.listen-address=",
        ]  # fmt: skip
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(arguments, stdout=log, stderr=subprocess.STDOUT)
        until(self._ready, "Alertmanager is ready")

    def stop(self) -> None:
        """End it; it forgets the alerts, as it always does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _ready(self) -> bool:
        try:
            with urlopen(f"{self.url}/-/ready", timeout=5):
                return True
        except OSError:
            return False

    def alerts(self) -> dict[tuple[str, str, str], dict[str, Any]]:
        """Return what fires, by group, alert name and severity."""
        found = [(alert["labels"], alert) for alert in self._active()]
        return {(names["group_id"], names["alertname"], names["severity"]): alert for names, alert in found}

    def labels(self) -> set[frozenset[tuple[str, str]]]:
        """Return what fires, by all labels."""
        return {frozenset(alert["labels"].items()) for alert in self._active()}

    def _active(self) -> list[dict[str, Any]]:
        with urlopen(f"{self.url}/api/v2/alerts?active=true", timeout=30) as answer:
            found: list[dict[str, Any]] = json.load(answer)
        return found

    def amtool(self, *arguments: str) -> str:
        """Return what amtool says of what fires."""
        asked = ["amtool", f"--alertmanager.url={self.url}", "alert", "query", *arguments]
        return subprocess.run(asked, capture_output=True, text=True, check=True, timeout=30).stdout


@contextmanager
def alertmanager(folder: Path, people: str) -> Iterator[Alertmanager]:
    """Run Alertmanager for the length of a with-block; skipped where it can't be had (deploy/debian-packages.sh)."""
    if shutil.which("prometheus-alertmanager") is None or shutil.which("amtool") is None:
        pytest.skip("prometheus-alertmanager is not installed (make packages)")
    folder.mkdir()
    one = Alertmanager(folder, people)
    try:
        one.start()
        yield one
    finally:
        one.stop()


class Webhook:
    """Keeps what is posted to it; `fails` says what to answer first, one by one."""

    def __init__(self) -> None:
        self.posts: list[tuple[dict[str, str], Any]] = []  # headers, body; only those that were answered with 200
        self.fails: list[int | str] = []  # a status, or "timeout"
        self.tries = 0
        self.on_post: Callable[[Any], None] = lambda _: None  # before it is answered
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version: ClassVar[str] = "HTTP/1.1"

            def do_POST(self) -> None:
                outer.answer(self)

            def log_message(self, *_: object) -> None:
                """Keep quiet."""

        self._handler = Handler
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/quota/secret-path"
        self._server: ThreadingHTTPServer | None = None

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        """Answer a post."""
        body = json.loads(request.rfile.read(int(request.headers["Content-Length"])))
        self.tries += 1
        failure = self.fails.pop(0) if self.fails else 200
        if failure == "timeout":
            time.sleep(3)
            return
        if failure == 200:
            self.posts.append((dict(request.headers), body))
            self.on_post(body)
        request.send_response(int(failure))
        request.send_header("Content-Length", "0")
        request.end_headers()

    def start(self) -> None:
        """Listen; before, connections are refused."""
        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), self._handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        """Listen no longer."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None


def until(holds: Callable[[], Any], what: str, within_seconds: float = 60) -> Any:
    """Wait until something holds; return it."""
    deadline = time.monotonic() + within_seconds
    while not (held := holds()):
        assert time.monotonic() < deadline, f"never: {what}"
        time.sleep(0.2)
    return held
