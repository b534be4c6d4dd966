"""A live worker that a benchmark starts, stops and starts again, on the contestant's core."""

from __future__ import annotations

import os
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.contestants import cpu_seconds, peak_memory_mib, read_metrics, start, stop
from benchmarks.workload import LAST_DAY
from streams.devkafka.config import choose_port

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

GIVE_UP_SECONDS = 7200
LOOKED_AT = (
    "alerts_total", "caught_up_partitions", "folded_events_total", "records_total", "statuses_total", "untold_groups",
)  # fmt: skip


class LiveWorker:
    """A live worker in a process of its own, whose clock a file moves."""

    def __init__(self, bootstrap_servers: str, folder: Path, poll_seconds: float = 0.5) -> None:
        """Look at its metrics every `poll_seconds`."""
        folder.mkdir(parents=True, exist_ok=True)
        self.state = folder / "state"
        self._bootstrap_servers = bootstrap_servers
        self._poll_seconds = poll_seconds
        self._log = folder / "log"
        self._clock = folder / "clock"
        self._port = 0
        self._process: subprocess.Popen[bytes] | None = None
        self.begun = 0.0  # when its process was started last

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """Its process, or the one before where it is stopped."""
        assert self._process is not None
        return self._process

    def start(self) -> None:
        """Start it; what it says goes to a file."""
        self._port = choose_port()
        arguments = [
            str(Path(sys.executable).with_name("quotastream")), "worker",
            "--bootstrap-servers", self._bootstrap_servers,
            "--state-dir", str(self.state), "--metrics-port", str(self._port),
        ]  # fmt: skip
        environment = os.environ | {"QUOTASTREAM_PREFIX": "", "QUOTASTREAM_CLOCK_FILE": str(self._clock)}
        self.begun = time.monotonic()
        self._process = start(arguments, environment, self._log)

    def stop(self) -> None:
        """End it, and wait."""
        stop(self.process)

    def set_day(self, day: int) -> None:
        """Move the clock to noon of a day, counted from the workload's last."""
        moment = datetime(LAST_DAY.year, LAST_DAY.month, LAST_DAY.day, 12, tzinfo=UTC) + timedelta(days=day)
        written = self._clock.with_suffix(".new")
        written.write_text(moment.isoformat())
        written.replace(self._clock)

    def now(self) -> tuple[float, float]:
        """Return the time and the CPU seconds used so far."""
        if self.process.poll() is not None:
            raise RuntimeError(f"the worker ended with {self.process.returncode}: see {self._log}")
        return time.monotonic(), cpu_seconds(self.process.pid)

    def memory_mib(self) -> int:
        """Return its resident memory."""
        rows = dict(line.split(":", 1) for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines())
        return int(rows["VmRSS"].split()[0]) // 1024

    def peak_memory_mib(self) -> int:
        """Return the most resident memory that it had."""
        return peak_memory_mib(self.process.pid)

    def metrics(self) -> dict[str, float]:
        """Return the sums over their labels of the metrics that are looked at; empty while it doesn't answer."""
        return read_metrics(self._port, *LOOKED_AT, patience_seconds=60)

    def until(self, reached: Callable[[dict[str, float]], bool]) -> tuple[float, float]:
        """Wait until its metrics say so; return the time and the CPU seconds."""
        deadline = time.monotonic() + GIVE_UP_SECONDS
        while time.monotonic() < deadline:
            metrics = self.metrics()
            now = self.now()
            if metrics and reached(metrics):
                return now
            time.sleep(self._poll_seconds)
        raise RuntimeError("the worker took too long")

    def until_records(self) -> tuple[float, float]:
        """Wait until it has read a record; return the time and the CPU seconds at the last look that saw none."""
        while True:
            now = self.now()
            if self.metrics().get("records_total"):
                return now
            time.sleep(self._poll_seconds / 10)

    def until_ledgers(self, partitions: int) -> tuple[float, float]:
        """Wait until it has opened the ledgers of so many home partitions; return the time and the CPU seconds."""
        deadline = time.monotonic() + GIVE_UP_SECONDS
        while time.monotonic() < deadline:
            now = self.now()
            if len(list(self.state.glob("*.sqlite"))) == partitions:
                return now
            time.sleep(self._poll_seconds / 10)
        raise RuntimeError("the worker was never given its partitions")


def all_told(statuses: float) -> Callable[[dict[str, float]], bool]:
    """Return what tells whether the metrics say that so many statuses were published, and no group waits for one."""
    return lambda metrics: metrics.get("statuses_total", 0) >= statuses and not metrics.get("untold_groups")
