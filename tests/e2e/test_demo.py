"""The demo, from nothing to a table of who is behind, through the installed command."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

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
    table, alerts = done.stdout.split("the last alerts")
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
        tables.append(done.stdout)
    assert tables[0] == tables[1]
