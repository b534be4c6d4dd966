"""The plain Faust agent: what a careful developer writes after reading Faust's documentation.

Each message is validated by the same pydantic model as quotastream's, and its amount is added to a table's entry for
the group and day: one write, and one record to the changelog topic, a message. As advised: uvloop, values taken raw
and validated once, no web server, the topic keyed so that a group's messages meet in one partition; and a producer
that lingers 5 ms (Faust's default of 0 sends almost every changelog record by itself). The table is in memory, which
is faster than RocksDB; the changelog makes it recoverable. Duplicates are **not** sought, nothing is told, and a kill
loses or doubles messages: it is the running total of quotastream's job alone.

Arguments: broker, topic, messages to count, a scratch folder, the file for the figures.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import mode.loop

mode.loop.use("uvloop")

import faust  # noqa: E402  after the loop is chosen

from schemas.currencies import MINOR_DIGITS  # noqa: E402
from schemas.parsing import minor_units, time_us  # noqa: E402
from schemas.remittances import ADAPTER, Remittance  # noqa: E402

BROKER, TOPIC, EVENTS, FOLDER, FIGURES = sys.argv[1:]
HALF, ALL = int(EVENTS) // 2, int(EVENTS)
DAY_US = 86_400_000_000
EPOCH_DAY = 719_163

app = faust.App(
    f"plain-{Path(FOLDER).name}", broker=f"kafka://{BROKER}", store="memory://", topic_partitions=4,
    datadir=FOLDER, web_enabled=False, producer_linger=0.005, producer_compression_type="lz4",
)  # fmt: skip
topic = app.topic(TOPIC, key_serializer="raw", value_serializer="raw")
totals = app.Table("totals", default=int, partitions=4)
marks: list[tuple[float, float]] = []


@app.agent(topic)  # type: ignore[untyped-decorator]
async def count(stream: Any) -> None:
    """Add each message's amount to its group's day."""
    done = 0
    async for value in stream:
        if not done:
            marks.append((time.monotonic(), time.process_time()))
        message = ADAPTER.validate_json(value)
        assert isinstance(message, Remittance)
        day = EPOCH_DAY + time_us(message.occurred_at) // DAY_US
        totals[f"{message.group_id}|{day}"] += minor_units(message.amount, MINOR_DIGITS[message.currency])
        done += 1
        if done in (HALF, ALL):
            marks.append((time.monotonic(), time.process_time()))
        if done == ALL:
            _report()


def _report() -> None:
    rows = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    figures = {"marks": marks, "totals": dict(totals), "memory_mib": int(rows["VmHWM"].split()[0]) // 1024}
    Path(FIGURES).write_text(json.dumps(figures))
    asyncio.get_running_loop().call_later(0.2, os.kill, os.getpid(), signal.SIGTERM)


faust.Worker(app, loglevel="ERROR").execute_from_commandline()
