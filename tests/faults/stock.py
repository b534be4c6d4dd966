"""The stock Faust path, to be hurt as ours is: a worker of `tests.faults.stock_app`, its topic, what it handled."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import uuid
from typing import TYPE_CHECKING, Any

from kafka import KafkaProducer
from kafka.admin import NewTopic

from streams.shell.topic_admin import admin_client
from tests.faults.harness import ROOT
from tests.faults.scene import committed
from tests.reading import read_records

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class StockApp:
    """A Faust app of one topic with one partition, in a process that can be killed."""

    def __init__(self, bootstrap_servers: str, folder: Path, fault: str) -> None:
        self.bootstrap_servers = bootstrap_servers
        self.id = f"stock-{uuid.uuid4().hex[:8]}"
        self.topic = f"{self.id}-in"
        self.log = folder / "log"
        self._effects = folder / "effects"
        self._process: subprocess.Popen[bytes] | None = None
        self._arguments = [
            sys.executable, "-m", "faust", "--datadir", str(folder / "data"), "-A", "tests.faults.stock_app",
            "worker", "-l", "info", "--without-web",
        ]  # fmt: skip
        self._environment = os.environ | {
            "STOCK_ID": self.id, "STOCK_TOPIC": self.topic, "STOCK_BROKER": bootstrap_servers, "STOCK_FAULT": fault,
            "STOCK_EFFECTS": str(self._effects),
        }  # fmt: skip
        with admin_client(bootstrap_servers) as admin:
            admin.create_topics([NewTopic(self.topic, 1, 1)])

    def publish(self, values: list[Any]) -> None:
        """Send values in their order; bytes go as they are."""
        producer = KafkaProducer(bootstrap_servers=self.bootstrap_servers, acks="all", linger_ms=5)
        for value in values:
            producer.send(self.topic, value if isinstance(value, bytes) else json.dumps(value).encode(), b'"all"')
        producer.close()

    def start(self, **environment: str) -> None:
        """Start it, or start it again."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._arguments, env=self._environment | environment, stdout=log, stderr=subprocess.STDOUT, cwd=ROOT
            )

    def kill(self) -> None:
        """Kill it with SIGKILL, and wait until it is gone."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    @property
    def handled(self) -> list[int]:
        """The events that were handled, in order, each as often as it was."""
        return [int(line) for line in self._effects.read_text().split()] if self._effects.exists() else []

    @property
    def committed(self) -> int:
        """The committed offset, 0 before there is one."""
        with admin_client(self.bootstrap_servers) as admin:
            return committed(admin, self.id, self.topic).get(0, 0)

    @property
    def counted(self) -> int:
        """What the table would be recovered to."""
        records = read_records(self.bootstrap_servers, f"{self.id}-counts-changelog")
        return json.loads(records[-1].value) if records else 0

    def until(self, holds: Callable[[], bool], within_seconds: float = 45) -> None:
        """Wait until something holds."""
        deadline = time.monotonic() + within_seconds
        while not holds():
            assert time.monotonic() < deadline, self.log.read_text(errors="replace")[-2000:]
            time.sleep(0.05)
