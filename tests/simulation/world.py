"""What happens in one simulation: messages are published, workers are hurt, and in the end all is well again."""

from __future__ import annotations

import asyncio
import json
import random
import shutil
import tempfile
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from streams.shell import connection, letterbox, originals, outbox, pace, policy_log, recall, teller, transactions
from streams.shell.outbox import Message
from tests.simulation import clients
from tests.simulation.auditor import Auditor
from tests.simulation.cluster import NAMES, Cluster
from tests.simulation.loop import SimulatedLoop, start_in
from tests.simulation.making import Story, make_story
from tests.simulation.worker import SimulatedWorker

if TYPE_CHECKING:
    from collections.abc import Callable

LONGEST_RECOVERY = 150.0
QUIET = 4.0


class World:
    """One seed's cluster, workers, clock and misfortunes."""

    def __init__(self, seed: int, folder: Path, trace: bool = False) -> None:
        self.dice = random.Random(f"world {seed}")
        self.trace = trace
        self.story: Story = make_story(seed)
        self.day = self.story.first_day
        self.cluster = Cluster(self.dice.choice([1, 2, 3]), self.dice.choice([1, 2, 3]))
        harm = self.dice.choice([0.0, 0.02, 0.08])
        tearing = self.dice.choice([0.0, 0.0, 0.6])
        self.network = clients.Network(self.dice, harm, harm, self.dice.choice([0.0, 0.02, 0.1]), tearing)
        self.backlog = self.dice.choice([0.0, 0.0, 0.5, 1.0])  # of the looks at the input that find one
        self.workers = [SimulatedWorker(self, n, folder) for n in range(self.dice.choice([1, 2, 2, 3]))]
        self.auditor = self.cluster.auditor = Auditor(self)
        self._rebalance = asyncio.Event()
        self._background: list[asyncio.Task[Any]] = []

    def say(self, text: str) -> None:
        """Write a line of the trace."""
        if self.trace:
            print(f"{asyncio.get_running_loop().time() - 1000:9.3f} {text}")

    def day_reached(self) -> int:
        """Return the simulated clock's day."""
        return self.day

    def waiting_records(self) -> int:
        """Return how many records a worker has still to read, as it is to think."""
        return pace.BACKLOG_RECORDS if self.dice.random() < self.backlog else 0

    def rebalance_soon(self) -> None:
        """Have the partitions given out anew."""
        self._rebalance.set()

    def restart_soon(self, worker: SimulatedWorker) -> None:
        """Start a worker anew after a pause."""
        worker.kill()
        self.rebalance_soon()
        self._later(self.dice.uniform(0.5, 3.0), lambda: worker.start() if worker.dead else None)

    def _later(self, seconds: float, then: Any) -> None:
        async def wait() -> None:
            await asyncio.sleep(seconds)
            then()

        # A worker that ends asks for its own restart: what belonged to it would never come.
        self._background.append(start_in(None, wait()))

    # --- the group's coordinator: eager rebalances ---

    async def _coordinate(self) -> None:
        while True:
            await self._rebalance.wait()
            await asyncio.sleep(self.dice.uniform(0.01, 0.5))
            self._rebalance.clear()
            members = [w for w in self.workers if w.up and w.joined]
            waits = [start_in(w.process, w.listener.on_partitions_revoked(w.client.assignment())) for w in members]
            if waits:
                await asyncio.wait(waits, timeout=8.0)
            members = [w for w in members if w.up and w.joined]
            given = self.cluster.spread(members)
            for worker in members:
                tps = sorted(given[worker])
                self.say(f"generation {self.cluster.generation}: {worker.process.name} gets {tps}")
                worker.client.assign(tps)
                worker.client.generation = self.cluster.generation
                start_in(worker.process, worker.listener.on_partitions_assigned(worker.client.assignment()))

    # --- what happens ---

    async def run(self) -> None:
        """Play the story, then let all be well, then have the auditor judge."""
        coordinator = asyncio.ensure_future(self._coordinate())
        telling = asyncio.ensure_future(self._publish())
        for worker in self.workers:
            self._later(self.dice.choice([0.0, 0.0, self.dice.uniform(0, 6)]), worker.start)
        for _ in range(self.dice.randint(0, 7)):
            await asyncio.sleep(self.dice.uniform(0.1, 3.0))
            self._misfortune()
        await telling
        await asyncio.wait(self._background)
        await self._recover()
        coordinator.cancel()

    async def _publish(self) -> None:
        pause = self.dice.choice([0.0, 0.05, 0.3])
        for topic, value in self.story.records:
            partition = self.dice.randrange(self.cluster.sizes[topic])
            self.cluster.append(Message(topic, partition, None, value))
            if pause and self.dice.random() < 0.5:
                await asyncio.sleep(self.dice.expovariate(1 / pause))

    def _misfortune(self) -> None:
        worker = self.dice.choice(self.workers)
        what = self.dice.choice(["kill", "stop", "stop", "turn", "rebalance", "spare"])
        self.say(f"misfortune: {what} {worker.name}")
        if what == "kill" and not worker.dead:
            worker.kill()
            self._later(self.dice.uniform(0.1, 2.0), self.rebalance_soon)
            self._later(self.dice.uniform(0.1, 5.0), lambda: self._start(worker))
        elif what == "stop" and worker.up:
            worker.process.stopped = True
            if self.dice.random() < 0.7:  # longer than its session: the others take over
                self._later(self.dice.uniform(0.1, 1.0), self.rebalance_soon)
            process = worker.process
            self._later(self.dice.uniform(0.3, 9.0), lambda: self._resume(process))
        elif what == "turn" and self.day < self.story.last_day:
            self.day += 1
        elif what == "rebalance":
            self.rebalance_soon()

    def _start(self, worker: SimulatedWorker) -> None:
        if worker.dead:
            if self.dice.random() < 0.3:
                shutil.rmtree(worker.state, ignore_errors=True)
            worker.start()

    def _resume(self, process: Any) -> None:
        if not process.killed:
            self.say(f"{process.name} goes on")
            asyncio.get_running_loop().resume(process)
            self._later(self.dice.uniform(0.1, 3.0), self.rebalance_soon)  # it learns of its loss only then

    async def _recover(self) -> None:
        self.network.well = True
        self.day = self.story.last_day
        for worker in self.workers:
            if worker.dead:
                worker.start()
            elif worker.process.stopped:
                self._resume(worker.process)
        self.rebalance_soon()
        self.say("all is well from here on")
        waited = 0.0
        while (wrong := self.auditor.difference()) and waited < LONGEST_RECOVERY:
            await asyncio.sleep(QUIET)
            waited += QUIET
        self.auditor.require(not wrong, f"not as it should be {waited:.0f} s after all was well: {wrong}")
        await asyncio.sleep(QUIET)
        wrong = self.auditor.difference()
        self.auditor.require(not wrong, f"told something after all was told: {wrong}")


def simulate(seed: int, trace: bool = False, model: bool = False) -> dict[str, int]:
    """Run one seed; AssertionError where the auditor finds fault. Return counts of what happened."""
    loop = SimulatedLoop()
    shm = Path("/dev/shm")
    with ExitStack() as stack:
        stack.callback(loop.end)
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=shm if shm.is_dir() else None)))
        stack.enter_context(patch.object(transactions, "TransactionalProducer", clients.TransactionalProducer))
        for module in (outbox, letterbox):
            stack.enter_context(patch.object(module, "AIOKafkaProducer", clients.Producer))
        for module in (recall, originals, policy_log, letterbox):
            stack.enter_context(patch.object(module, "AIOKafkaConsumer", clients.Consumer))
        # The way to Kafka is read anew for each client; here there is none, and it took a third of the time.
        stack.enter_context(patch.object(connection, "aiokafka", lambda servers: {"bootstrap_servers": servers}))
        stack.enter_context(patch.object(teller, "time", SimpleNamespace(monotonic=loop.time, time=loop.time)))
        stack.enter_context(patch.object(teller, "Pace", lambda: pace.Pace(_uneven_clock(loop, seed))))
        stack.enter_context(patch.object(policy_log, "time", SimpleNamespace(monotonic=_uneven_clock(loop, seed))))
        evaluate_group = teller.Teller._evaluate_group

        def watched(self: Any, group_id: str, *out: Any) -> None:
            world.auditor.evaluating(self, group_id)
            evaluate_group(self, group_id, *out)

        stack.enter_context(patch.object(teller.Teller, "_evaluate_group", watched))
        world = loop.run_until_complete(_put_together(seed, folder, trace))
        try:
            loop.run_until_complete(_until_judged(world))
            if model:
                world.auditor.compare_with_model()
        finally:
            for worker in world.workers:
                if not worker.dead:
                    worker.kill()
        return world.auditor.counts | {"steps": loop.steps}


def _uneven_clock(loop: SimulatedLoop, seed: int) -> Callable[[], float]:
    """Return a clock that runs on while something is worked out, now little and now much, the same way for a seed."""
    dice, ahead = random.Random(f"pace {seed}"), 0.0

    def now() -> float:
        nonlocal ahead
        ahead += dice.choice([0.0, 0.0, 0.001, 0.03])
        return loop.time() + ahead

    return now


async def _put_together(seed: int, folder: Path, trace: bool) -> World:
    world = World(seed, folder, trace)
    clients.WORLD.set(world)
    return world


async def _until_judged(world: World) -> None:
    clients.WORLD.set(world)
    playing = asyncio.ensure_future(world.run())
    await asyncio.wait([playing, world.auditor.objected], return_when=asyncio.FIRST_COMPLETED)
    if world.auditor.objected.done():
        playing.cancel()
        raise AssertionError(world.auditor.objected.result())
    playing.result()


def json_bytes(message: dict[str, Any]) -> bytes:
    """Return a message as its producer would write it."""
    return json.dumps(message).encode()


__all__ = ["NAMES", "World", "simulate"]
