"""An app on the stock Faust path, to show what is lost there: `python -m faust -A tests.faults.stock_app worker`.

Set by the environment: STOCK_ID (app), STOCK_TOPIC, STOCK_BROKER, STOCK_EFFECTS (a file: a line for each event
handled), STOCK_FAULT: `raise` (once, on event 50), `slow` (event 50 takes 60 s, of two at once), `count` (a table).
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import faust

FAULT = os.environ["STOCK_FAULT"]
HURT = 50

app = faust.App(
    os.environ["STOCK_ID"],
    broker=f"kafka://{os.environ['STOCK_BROKER']}",
    store="memory://",
    topic_partitions=1,
    broker_session_timeout=3,
    broker_heartbeat_interval=0.7,
    web_enabled=False,
)
topic = app.topic(os.environ["STOCK_TOPIC"], value_type=int)
counts = app.Table("counts", key_type=str, value_type=int, default=int, partitions=1) if FAULT == "count" else None
raised = False


@app.agent(topic, concurrency=2 if FAULT == "slow" else 1)
async def handle(stream: faust.Stream[int]) -> None:
    """Note each event as handled, after what hurts."""
    global raised  # noqa: PLW0603  once in a process
    with Path(os.environ["STOCK_EFFECTS"]).open("a", buffering=1) as effects:  # noqa: ASYNC230  once
        async for value in stream:
            if value == HURT and FAULT == "raise" and not raised:
                raised = True
                raise RuntimeError("once")
            if value == HURT and FAULT == "slow":
                await asyncio.sleep(60)
            if counts is not None:
                counts["all"] += 1
                await asyncio.sleep(0.001)
            effects.write(f"{value}\n")
