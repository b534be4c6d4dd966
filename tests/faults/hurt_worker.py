"""A worker that is hurt from inside: `python -m tests.faults.hurt_worker WOUND worker ...`.

It is the normal worker, but at SIGUSR1 (or from its start, where that is said) one thing in it breaks, the way that
it breaks in Faust, in aiokafka, or by a bug of ours.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from typing import TYPE_CHECKING

from aiokafka.errors import KafkaError

from streams.cli.main import main
from streams.shell import router, teller, transactions, transport, watchdog
from streams.shell.transacting import TransactionalProducer
from streams.shell.transactions import Transactions

if TYPE_CHECKING:
    from collections.abc import Callable

    from streams.shell.recall import Recalled
    from streams.shell.transport import Chunk, ChunkConsumer


def coordination(consumer: ChunkConsumer) -> None:
    """End aiokafka's coordination routine: no rebalance is noticed any more."""
    consumer._client._coordinator._coordination_task.cancel()


def fetch(consumer: ChunkConsumer) -> None:
    """End aiokafka's fetch routine: nothing arrives any more."""
    consumer._client._fetcher._fetch_task.cancel()


def unfetched(consumer: ChunkConsumer) -> None:
    """Let the fetcher pass over every partition, in silence (faust-streaming/faust #629)."""
    consumer._client.pause(*consumer._client.assignment())


def hanging(consumer: ChunkConsumer) -> None:
    """Let what handles the chunks of the inputs hang for ever."""
    HUNG.append(consumer)


HUNG: list[ChunkConsumer] = []


def takeover(_: ChunkConsumer) -> None:
    """Let the next transaction fail, and what takes over then hang for ever, once."""
    transact, recall = Transactions._transact, teller.recall

    async def failing(*_: object) -> None:
        Transactions._transact = transact  # type: ignore[method-assign]
        raise KafkaError("for once")

    async def hanging(*_: object) -> Recalled:
        teller.recall = recall
        return await asyncio.get_running_loop().create_future()

    Transactions._transact, teller.recall = failing, hanging  # type: ignore[method-assign]


def unended(_: ChunkConsumer) -> None:
    """Let what commits wait for ever for its transaction to end, as a client can after a broker's end."""

    async def wait_for_ever(_: TransactionalProducer, **__: object) -> None:
        await asyncio.Event().wait()

    end = TransactionalProducer._end
    TransactionalProducer._end = wait_for_ever  # type: ignore[method-assign]
    asyncio.get_running_loop().call_later(
        transactions.TRANSACTION_SECONDS, setattr, TransactionalProducer, "_end", end
    )


AT_SIGNAL: dict[str, Callable[[ChunkConsumer], None]] = {
    "coordination": coordination,
    "fetch": fetch,
    "unfetched": unfetched,
    "hanging": hanging,
    "takeover": takeover,
    "unended": unended,
}


def raising() -> None:
    """From the start: what handles a chunk raises, each third time."""
    route, calls = router.Router.route, 0

    async def sometimes(self: router.Router, chunks: list[Chunk]) -> None:
        nonlocal calls
        calls += 1
        if calls % 3 == 1:
            raise RuntimeError("a bug, for once")
        await route(self, chunks)

    router.Router.route = sometimes  # type: ignore[method-assign]


def overtaken() -> None:
    """From the start: the first chunk of remittances is begun and never done, while later ones overtake it."""
    route, held = router.Router.route, []

    async def overtake(self: router.Router, chunks: list[Chunk]) -> None:
        if chunks[0].tp.topic.endswith("remittances") and not held:
            held.append(chunks.pop(0))
        await route(self, chunks)

    router.Router.route = overtake  # type: ignore[method-assign]


FROM_START: dict[str, Callable[[], None]] = {"raising": raising, "overtaken": overtaken}


def hurt_at_signal(wound: Callable[[ChunkConsumer], None]) -> None:
    """Have each consumer hurt at SIGUSR1; the watchdog is as in a worker, only less patient."""
    on_start, route = transport.ChunkConsumer.on_start, router.Router.route

    async def connect(self: ChunkConsumer) -> None:
        await on_start(self)
        asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, wound, self)

    async def route_or_hang(self: router.Router, chunks: list[Chunk]) -> None:
        if self._consumer in HUNG:
            await asyncio.Event().wait()
        await route(self, chunks)

    transport.ChunkConsumer.on_start = connect  # type: ignore[method-assign]
    router.Router.route = route_or_hang  # type: ignore[method-assign]
    watchdog.NUDGE_SECONDS, watchdog.RESTART_SECONDS = 3.0, 8.0
    transactions.TRANSACTION_SECONDS = 5.0


if __name__ == "__main__":
    name = sys.argv.pop(1)
    if name in AT_SIGNAL:
        hurt_at_signal(AT_SIGNAL[name])
    else:
        FROM_START[name]()
    main()
