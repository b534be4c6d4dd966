"""The demo, from nothing to a table of who is behind, through the installed command."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import msgspec
import pytest

from streams.devkafka import broker as devkafka

COMMAND = str(Path(sys.executable).with_name("quotastream"))


def test_the_demo_shows_who_is_behind_and_leaves_nothing_running(tmp_path: Path) -> None:
    """It brings its own Kafka, needs nothing set, ends with 0 and takes its broker and worker along."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("QUOTASTREAM_")}
    done = subprocess.run(
        [COMMAND, "demo", "--once", "--groups", "12", "--remittances", "3000", "--data-dir", str(tmp_path)],
        env=plain, capture_output=True, text=True, timeout=280, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    first, said = done.stdout.split("\n", 1)
    page = re.fullmatch(r"the page, live: (http://127\.0\.0\.1:\d+/)", first)
    assert page is not None
    with pytest.raises(URLError):
        urlopen(page[1], timeout=10)
    table, alerts = said.split("the last alerts")
    assert "who is behind (the first 12 of 12 groups)" in table
    for column in ("group", "level", "since", "attained", "shortfall", "by policy", "by money"):
        assert column in table.splitlines()[1]
    levels = [line.split()[1] for line in table.splitlines()[2:14]]
    assert "critical" in levels
    assert "12 groups, plan year 2026, in USD, as of 2026-12-15: " in table
    assert alerts.count("2026-") >= 8
    assert "quotastream publish FILE" in alerts
    assert "\x1b" not in done.stdout + done.stderr
    assert devkafka.running(tmp_path) is None


def test_the_demo_uses_the_kafka_it_is_given_and_takes_its_topics_away_again(kafka: devkafka.Broker) -> None:
    """The same seed shows the same table."""
    tables = []
    for _ in range(2):
        done = subprocess.run(
            [COMMAND, "demo", "--once", "--groups", "4", "--remittances", "500"],
            env=os.environ | {"QUOTASTREAM_BOOTSTRAP_SERVERS": kafka.bootstrap_servers},
            capture_output=True, text=True, timeout=140, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        tables.append(done.stdout.split("\n", 1)[1])  # the first line has the page's port
    assert tables[0] == tables[1]


class Terminal:
    """A command on a terminal of its own, and what it has written so far."""

    def __init__(self, *command: str, environment: dict[str, str]) -> None:
        mine, its = pty.openpty()
        self._fd = mine
        self.process = subprocess.Popen(
            command, stdin=its, stdout=its, stderr=its, env=environment, start_new_session=True
        )
        os.close(its)
        self.said = ""

    def until(self, pattern: str, within_seconds: float) -> re.Match[str]:
        """Read on until it has written something; return it."""
        deadline = time.monotonic() + within_seconds
        while (found := re.search(pattern, self.said)) is None:
            assert time.monotonic() < deadline, self.said[-2000:]
            self.read(1.0)
        return found

    def read(self, within_seconds: float) -> None:
        """Take in what it writes next."""
        if select.select([self._fd], [], [], within_seconds)[0]:
            text = os.read(self._fd, 1 << 16).decode(errors="replace")
            self.said += re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)

    def interrupt(self) -> None:
        """Press Ctrl-C."""
        os.kill(self.process.pid, signal.SIGINT)


def overview(url: str) -> Any:
    """Return what the page's API says of all."""
    with urlopen(f"{url}api/overview", timeout=10) as answer:
        return msgspec.json.decode(answer.read())


@pytest.mark.slow
def test_on_a_terminal_the_page_lives_while_the_year_passes(kafka: devkafka.Broker) -> None:
    """Days pass and levels change on the page; Ctrl-C ends it all, with no process left."""
    environment = os.environ | {"QUOTASTREAM_BOOTSTRAP_SERVERS": kafka.bootstrap_servers, "TERM": "xterm"}
    terminal = Terminal(COMMAND, "demo", "--groups", "8", "--remittances", "800", environment=environment)
    try:
        url = terminal.until(r"the page, live: (http://\S+/)", 60)[1]
        days, levels = set(), set()
        while "Ctrl-C ends the demo" not in terminal.said:
            found = overview(url)
            days.add(found["freshness"]["day_reached"])
            levels.add(msgspec.json.encode([sums["levels"] for sums in found["overall"]]))
            assert terminal.process.poll() is None, terminal.said[-2000:]
            terminal.read(0.3)
        assert len(days) > 5, days
        assert len(levels) > 3, levels
        terminal.interrupt()
        assert terminal.process.wait(60) == 0
    finally:
        if terminal.process.poll() is None:
            terminal.process.kill()
    with pytest.raises(URLError):
        urlopen(url, timeout=10)
