"""One simulated worker: the real router, folder, tellers, policies reader and chunk consumer, put together.

Of Faust only the way from consumer to agents is played: a queue for each agent, emptied when the flow is cleared.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sqlite3
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from faust.types.tuples import TP
from prometheus_client import CollectorRegistry

from streams.shell.app import add_agent
from streams.shell.folder import Folder
from streams.shell.letterbox import Letterbox
from streams.shell.metrics import Metrics
from streams.shell.outbox import CLIENT_ERRORS, Outbox
from streams.shell.policy_log import PolicyLog
from streams.shell.router import Router
from streams.shell.transport import ChunkConsumer, EpochFlowControl, RebalanceListener
from streams.shell.workplace import Workplace
from tests.simulation.clients import Consumer
from tests.simulation.cluster import NAMES
from tests.simulation.loop import Process, start_in

if TYPE_CHECKING:
    from pathlib import Path

METRICS = Metrics(CollectorRegistry())
COMMIT_SECONDS = 0.5


class Stream:
    """What an agent reads: the chunks that the consumer handed out."""

    def __init__(self, queue: asyncio.Queue[Any]) -> None:
        self._queue = queue

    def noack(self) -> Stream:
        """Acks have no meaning here."""
        return self

    async def events(self) -> Any:
        """Yield events for ever."""
        while True:
            yield await self._queue.get()


class App:
    """Stands in for Faust's app: agents, their queues, the flow."""

    def __init__(self) -> None:
        self.flow_control = EpochFlowControl()
        self.consumer_generation_id = -1
        self.consumer: Any = None
        self.queues: dict[str, asyncio.Queue[Any]] = {}
        self.agents: list[Any] = []

    def topic(self, *topics: str, **_: Any) -> asyncio.Queue[Any]:
        """Return the queue that chunks of these topics go to."""
        queue: asyncio.Queue[Any] = asyncio.Queue()
        self.queues.update(dict.fromkeys(topics, queue))
        return queue

    def agent(self, queue: asyncio.Queue[Any], name: str) -> Any:  # noqa: ARG002
        """Take note of an agent."""
        return lambda agent: self.agents.append(lambda: agent(Stream(queue)))

    def on_rebalance_start(self) -> None:
        """Faust takes note; there is nothing to note here."""

    def clear(self) -> None:
        """Throw away what is in the agents' queues, as Faust does."""
        for queue in self.queues.values():
            while not queue.empty():
                queue.get_nowait()
        self.flow_control.clear()


class SimulatedConsumer(ChunkConsumer):
    """The real chunk consumer without Faust's services around it."""

    def __init__(self, app: App, client: Consumer) -> None:
        self.app = app
        self._client = client
        self.log = logging.getLogger("streams.simulated")
        self.flow_active = False
        self.can_resume_flow, self.suspend_flow = asyncio.Event(), asyncio.Event()
        self.on_init()

    should_stop = False

    async def callback(self, message: Any) -> None:
        """Bring a chunk to the agent of its topic, as Faust's conductor does."""
        await asyncio.sleep(0)
        self.app.queues[message.topic].put_nowait(message)

    async def on_partitions_revoked(self, revoked: Any) -> None:  # noqa: ARG002
        """Faust would clear the queues here or at the assignment; both happen."""
        self.app.clear()

    async def on_partitions_assigned(self, assigned: Any, generation_id: int = 0) -> None:  # noqa: ARG002
        """Resume the flow in Faust's order: resumed first, then the queues are cleared."""
        self.resume_flow()
        await asyncio.sleep(0.01)
        self.app.clear()

    def assignment(self) -> Any:
        """Return the partitions in an order that no hash decides."""
        return dict.fromkeys(TP(*tp) for tp in sorted(self._client.assignment())).keys()


class SimulatedWorker:
    """A worker's process and its parts; `start` it again after `kill`."""

    def __init__(self, world: Any, number: int, folder: Path) -> None:
        self.world = world
        self.name = f"w{number}"
        self.state = folder / self.name
        self.process: Process | None = None
        self.starts = 0

    @property
    def up(self) -> bool:
        """Whether it runs and is not stopped."""
        return self.process is not None and not self.process.killed and not self.process.stopped

    @property
    def dead(self) -> bool:
        """Whether it has to be started."""
        return self.process is None or self.process.killed

    def start(self) -> None:
        """Begin a new process."""
        self.starts += 1
        self.process = Process(f"{self.name}.{self.starts}")
        self.process.worker = self  # type: ignore[attr-defined]
        self.joined = False
        self.folder: Folder | None = None
        self.input_ends = {}
        start_in(self.process, self._run(self.process))

    def kill(self) -> None:
        """Take no further step; what was on its way to the broker still arrives."""
        assert self.process is not None
        self.process.killed = True
        self.joined = False
        for teller in self.folder._tellers.values() if self.folder else ():
            with contextlib.suppress(sqlite3.Error):
                teller.ledger.close()

    async def _run(self, process: Process) -> None:
        try:
            await self._live()
        except CLIENT_ERRORS as error:  # as streams.shell.worker.run does: a new start after a pause
            self.world.say(f"{process.name} ends: {error!r}")
            self.world.restart_soon(self)

    async def _live(self) -> None:
        outbox = Outbox("simulated", "simulated")
        await outbox.start()
        app = App()
        self.client = Consumer()
        consumer = app.consumer = self.consumer = SimulatedConsumer(app, self.client)
        router = Router(NAMES, outbox, Letterbox("simulated", NAMES, METRICS), consumer, METRICS)
        await router.start()
        self.policy_log = PolicyLog("simulated", NAMES, lambda *news: folder.policies_changed(*news))  # noqa: PLW0108
        self.input_ends = self.world.cluster.input_ends()
        place = Workplace(
            NAMES, "simulated", self.world.cluster.sizes[NAMES.home], "log", self.input_ends, self.world.day_reached,
            self.policy_log, router, METRICS, consumer.prove_membership, self.world.waiting_records,
        )  # fmt: skip
        folder = self.folder = Folder(place, consumer, self.state, "log")
        consumer.start_offsets = folder.start_offsets
        router.on_logged = folder.logged
        add_agent(app, "router", NAMES.inputs, router.route)
        add_agent(app, "folder", (NAMES.home,), folder.fold)
        self.listener = RebalanceListener(consumer._give_up, consumer._take_on)
        parts = [self.policy_log.run(), router.stamp_forever(), self._commit_forever(),
                 consumer._drain_messages(SimpleNamespace(should_stop=False)), *(agent() for agent in app.agents)]  # fmt: skip  # noqa: E501
        tasks = [asyncio.ensure_future(part) for part in parts]
        self.joined = True
        self.world.rebalance_soon()
        done, _ = await asyncio.wait([*tasks, folder.failed], return_when=asyncio.FIRST_COMPLETED)
        for part in done:
            part.result()

    async def _commit_forever(self) -> None:
        while True:
            await asyncio.sleep(COMMIT_SECONDS)
            await self.consumer.commit()
