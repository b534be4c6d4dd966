"""The processes that a demo starts: a worker and the page. They end with it, however it ends.

Lives here: starting, stopping, what they said last. Not here: what the demo does with them (demo.py).
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

from streams.cli.common import CliError
from streams.shell import connection
from streams.shell.setting_sources import CONFIG_FILE, PREFIX, variable_of

if TYPE_CHECKING:
    from pathlib import Path

    from streams.shell.topics import Names

# On Linux the kernel ends the process when the demo dies without a chance to do so itself (1: PR_SET_PDEATHSIG).
PROGRAM = """
import ctypes, signal, sys
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)
from streams.cli.main import main
main()
"""
ENDS_WITHIN_S = 15.0
PAGE_WITHIN_S = 60.0


class Process:
    """One command of ours in the background, with its log in a file."""

    def __init__(self, command: str, address: str, names: Names, folder: Path, *arguments: str) -> None:
        self.command = command
        self._log = folder / f"{command}.log"
        # But for the way to Kafka, whatever is set for commands of one's own is not meant for the demo's.
        own = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
        own |= connection.environment() | {variable_of(CONFIG_FILE): os.devnull, variable_of("log_format"): "human"}
        where = ("--bootstrap-servers", address, "--prefix", names.prefix)
        with self._log.open("wb") as log:
            # A session of its own: Ctrl-C is for the demo, which then stops it.
            self._process = subprocess.Popen(
                [sys.executable, "-c", PROGRAM, command, *where, *arguments], env=own, stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=log, start_new_session=True,
            )  # fmt: skip

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._process.poll() is None

    def failure(self, what: str = "") -> CliError:
        """Return the error that it ended, or (given what) didn't do its work, with the last line that it said."""
        lines = self._log.read_text(encoding="utf-8", errors="replace").split("\n")
        said = next((line.strip() for line in reversed(lines) if line.strip()), "it said nothing")
        return CliError(f"the {self.command} {what or f'ended with {self._process.returncode}'}: {said}")

    def first_line(self, within_s: float) -> str:
        """Return the first line that it writes; CliError where it ends, or takes longer."""
        pipe = self._process.stdout
        assert pipe is not None
        deadline = time.monotonic() + within_s
        while (left := deadline - time.monotonic()) > 0:
            ready, _, _ = select.select([pipe], [], [], left)
            if ready:
                line = pipe.readline().decode()
                if line:
                    return line
                self._process.wait()
                raise self.failure()
        raise self.failure(f"didn't begin within {within_s:.0f} s")

    def stop(self) -> None:
        """End it."""
        self._process.terminate()
        try:
            self._process.wait(ENDS_WITHIN_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def start_worker(address: str, names: Names, clock: Path, folder: Path) -> Process:
    """Return a live worker whose clock is a file."""
    return Process(
        "worker", address, names, folder, "--state-dir", str(folder / "state"), "--clock-file", str(clock),
        "--commit-seconds", "0.2",
    )  # fmt: skip


def start_page(address: str, names: Names, clock: Path, folder: Path) -> Process:
    """Return the page, on its usual port or, where that is taken, a free one."""
    return Process("web", address, names, folder, "--clock-file", str(clock), "--json")


def address_of(page: Process) -> str:
    """Return where the page is, once it answers."""
    said: dict[str, Any] = json.loads(page.first_line(PAGE_WITHIN_S))
    return str(said["url"])
