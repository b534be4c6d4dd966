"""`quotastream web` as a process of its own, for tests: started, ended, started again where it was."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from tests.running import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

COMMAND = str(Path(sys.executable).with_name("quotastream"))


class Page:
    """The page's process, always on the same port."""

    def __init__(
        self,
        bootstrap_servers: str,
        prefix: str,
        clock: Path | None = None,
        *arguments: str,
        any_port: bool = False,
        **environment: str,
    ) -> None:
        self.port = 0 if any_port else free_port()
        self._command = [COMMAND, "web", "--json", *([] if any_port else ["--port", str(self.port)]), *arguments]
        self._environment = os.environ | {
            "QUOTASTREAM_BOOTSTRAP_SERVERS": bootstrap_servers, "QUOTASTREAM_PREFIX": prefix,
        }  # fmt: skip
        self._environment |= environment
        if clock is not None:
            self._environment["QUOTASTREAM_CLOCK_FILE"] = str(clock)
        self._process: subprocess.Popen[str] | None = None

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.port}/"

    def start(self) -> Page:
        """Start it; returns once it answers."""
        self._process = subprocess.Popen(self._command, env=self._environment, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        said = self._process.stdout.readline()
        self.port = self.port or int(json.loads(said)["url"].split(":")[2].strip("/"))
        assert json.loads(said) == {"url": self.url}, said
        return self

    def run(self, *arguments: str) -> tuple[int, str, str]:
        """Run it to its end, with further arguments; return the exit code and what it wrote."""
        done = subprocess.run(
            [*self._command, *arguments], env=self._environment, capture_output=True, text=True, timeout=60,
            check=False,
        )  # fmt: skip
        return done.returncode, done.stdout, done.stderr

    def signal(self, number: int) -> None:
        """Send a signal."""
        assert self._process is not None
        self._process.send_signal(number)

    def wait(self) -> int:
        """Wait until it ends; return the exit code."""
        assert self._process is not None
        return self._process.wait(30)

    def stop(self) -> int:
        """End it with SIGTERM; return the exit code."""
        self.signal(signal.SIGTERM)
        return self.wait()

    def get(self, path: str, **headers: str) -> Any:
        """Return the JSON of an answer."""
        return json.loads(self.answer(path, **headers)[2])

    def answer(self, path: str, method: str = "GET", **headers: str) -> tuple[int, Any, bytes]:
        """Return an answer's status, headers and body."""
        request = Request(self.url + path, headers=headers, method=method)
        try:
            with urlopen(request, timeout=60) as answer:
                return answer.status, answer.headers, answer.read()
        except HTTPError as error:
            return error.code, error.headers, error.read()

    def events(self, last_event_id: str | None = None) -> Iterator[tuple[str, str | None, Any]]:
        """Yield (kind, id, data) of the stream of changes, for ever."""
        headers = {} if last_event_id is None else {"Last-Event-ID": last_event_id}
        with urlopen(Request(f"{self.url}api/changes", headers=headers), timeout=60) as answer:
            fields: dict[str, str] = {}
            for line in answer:
                name, _, value = line.decode().rstrip("\r\n").partition(": ")
                if name:
                    fields[name] = value
                elif "event" in fields:
                    yield fields["event"], fields.get("id"), json.loads(fields["data"])
                    fields = {}
