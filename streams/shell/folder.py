"""The folder: takes the home log into the ledgers of this worker's partitions, and runs their tellers."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import time
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from faust.types.tuples import TP

from streams.shell import freed_memory, packs
from streams.shell.ledger import HomeLedger, UnreadableLedgerError
from streams.shell.logs import located
from streams.shell.outbox import ended
from streams.shell.router import Logged, arrived_ms
from streams.shell.teller import Teller
from streams.shell.versions import UnreadableStateError

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterable, Sequence
    from pathlib import Path

    from streams.core.events import Policy
    from streams.shell.transport import Chunk, ChunkConsumer
    from streams.shell.workplace import Workplace

log = logging.getLogger(__name__)

SLICE = 16  # packs folded in one local transaction
LOGGED_AT_MOST = 64  # packs of a home partition that wait for those before them


class Standing(NamedTuple):
    """How far a home partition is: the offset up to which it is folded, and whether it is told of."""

    position: int
    caught_up: bool


class Folder:
    """Keeps a ledger and a teller for each home partition that is this worker's."""

    def __init__(self, place: Workplace, consumer: ChunkConsumer, state_dir: Path, log_id: str) -> None:
        self._place = place
        self._consumer = consumer
        self._state_dir = state_dir
        self._log_id = log_id
        self._tellers: dict[int, Teller] = {}
        self._telling: dict[int, asyncio.Task[None]] = {}
        self._logged: dict[int, dict[int, Logged]] = {}  # by home partition and offset
        self._moving = asyncio.Lock()  # held while partitions come and go, or a store is made again
        self._aside: set[asyncio.Task[None]] = set()  # what nobody waits for
        #: Done once a teller ended that should not have, with what ended it.
        self.failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    # --- whose partitions ---

    async def start_offsets(self, assignment: Iterable[TP]) -> dict[TP, int]:
        """Open the ledgers of newly assigned home partitions, close the others; return where the log goes on."""
        mine = {tp.partition for tp in assignment if tp.topic == self._place.names.home}
        async with self._moving:
            for partition in self._tellers.keys() - mine:
                self._do_aside(_forget(await self._release(partition)))
            for partition in mine - self._tellers.keys():
                self._adopt(partition)
            return {TP(self._place.names.home, p): self._tellers[p].ledger.position for p in mine}

    def _adopt(self, partition: int) -> None:
        path = self._state_dir / f"{self._place.names.home}-{partition}.sqlite"
        teller = Teller(partition, HomeLedger(path, self._log_id), self._place)
        self._tellers[partition] = teller
        self._telling[partition] = asyncio.ensure_future(teller.run())
        self._telling[partition].add_done_callback(partial(self._ended, teller))
        log.info("home partition %d: mine, the ledger stands at offset %d", partition, teller.ledger.position)

    def _ended(self, teller: Teller, telling: asyncio.Task[None]) -> None:
        if telling.cancelled():
            return
        error = telling.exception() or RuntimeError("a teller returned")
        if _is_damage(error):
            self._do_aside(self._remake(teller, error))
        elif not self.failed.done():
            self.failed.set_exception(error)

    async def _release(self, partition: int) -> HomeLedger:
        task, teller = self._telling.pop(partition), self._tellers.pop(partition)
        await ended(task)
        teller.ledger.close()
        self._logged.pop(partition, None)
        self._place.census.forget(partition)
        return teller.ledger

    def _do_aside(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._aside.add(task)
        task.add_done_callback(self._aside.discard)

    async def stop(self) -> None:
        """Stop telling and close every ledger."""
        async with self._moving:
            for partition in list(self._tellers):
                await self._release(partition)

    def standing(self) -> dict[int, Standing]:
        """Return how far each home partition of this worker is."""
        return {p: Standing(teller.ledger.position, teller.caught_up) for p, teller in self._tellers.items()}

    def accounts_at_hand(self) -> int:
        """Return how many accounts are in memory."""
        return sum(teller.ledger.accounts_at_hand for teller in self._tellers.values())

    def progress(self) -> dict[int, object]:
        """Return, for each home partition of this worker, what is another thing whenever its teller came on."""
        return {p: teller.progress() for p, teller in self._tellers.items()}

    def untold_groups(self) -> int:
        """Return how many groups wait to be told of."""
        return sum(teller.untold for teller in self._tellers.values())

    def untold_seconds(self, now: float) -> float:
        """Return for how long at most one of them has been waiting, at a monotonic time; 0 where there is none."""
        return max((teller.untold_seconds(now) for teller in self._tellers.values()), default=0.0)

    # --- the fold ---

    async def fold(self, chunks: Sequence[Chunk]) -> None:
        """Take chunks of the home log in; each is finished once the local store has it."""
        for chunk in chunks:
            if chunk.epoch == self._consumer.epoch:  # folding those before it may have taken a while
                await self._fold(chunk)

    async def _fold(self, chunk: Chunk) -> None:
        teller = self._tellers.get(chunk.tp.partition)
        if teller is None:
            return
        records, topic = chunk.records, self._place.names.plain(chunk.tp.topic)
        is_known = chunk.next <= teller.ledger.position
        self._place.metrics.chunk_records.labels(topic).observe(len(records))
        try:
            for at in range(0, len(records), SLICE):
                part = records[at : at + SLICE]
                after = chunk.next if at + SLICE >= len(records) else part[-1].offset + 1
                self._take(teller, chunk.first if at == 0 else part[0].offset, _fresh(teller, part), after)
                await asyncio.sleep(0)
                if chunk.epoch != self._consumer.epoch:
                    return
        except sqlite3.OperationalError as error:
            log.error("home partition %d: the local store can't be written (%s); trying again",
                      chunk.tp.partition, error, extra=located(chunk.tp, chunk.first))  # fmt: skip
            await asyncio.sleep(1.0)
            self._consumer.begin_epoch()
        except UnreadableStateError as error:  # reading it again would find the same: the worker has to stop
            if not self.failed.done():
                self.failed.set_exception(error)
        except sqlite3.DatabaseError as error:
            await self._remake(teller, error)
        else:
            self._consumer.finish(chunk)
            if is_known:
                self._consumer.rest(chunk.tp)
            self._take_logged(teller)
            self._place.metrics.last_record_timestamp.labels(topic).set(records[-1].timestamp / 1000)

    def logged(self, logged: Iterable[Logged]) -> None:
        """Take in packs that the home log has acknowledged, as soon as all before them is: no need to read them back.

        An alert has one trip to Kafka less to wait for. What can't be taken in so comes with its chunk, and so does
        what is wrong with it. While a partition is behind, chunks are larger, and cost less.
        """
        for pack in logged:
            teller = self._tellers.get(pack.partition)
            if teller is not None and teller.caught_up and pack.offset >= teller.ledger.position:
                self._logged.setdefault(pack.partition, {})[pack.offset] = pack
        for partition in list(self._logged):
            self._take_logged(self._tellers[partition])

    def _take_logged(self, teller: Teller) -> None:
        waiting, first = self._logged.pop(teller.partition, {}), teller.ledger.position
        after = first
        while after in waiting:
            after += 1
        if after > first:
            try:
                self._take(teller, first, [waiting[offset] for offset in range(first, after)], after)
            except sqlite3.Error as error:
                log.debug("home partition %d: left to its chunk: %r", teller.partition, error)
                return
        left = {offset: pack for offset, pack in waiting.items() if offset >= after}
        if 0 < len(left) <= LOGGED_AT_MOST:
            self._logged[teller.partition] = left

    def _take(self, teller: Teller, first: int, fresh: Sequence[Logged], after: int) -> None:
        """Take in the packs that the log has from `first`, or from where the ledger stands, up to `after`."""
        ledger = teller.ledger
        if first > ledger.position:
            raise LookupError(f"home log handed out from {first}, the ledger stands at {ledger.position}")
        if after <= ledger.position:
            return
        metrics = self._place.metrics
        with metrics.fold_seconds.time():
            changed = ledger.fold([one.pack for one in fresh], after)
        for one in fresh:
            self._place.policy_log.traces.take_pack(one.headers)
        metrics.folded.inc(len(fresh))
        metrics.folded_events.inc(sum(one.pack.events.size for one in fresh))
        teller.changed(changed, self._arrived(fresh) if teller.caught_up else None)

    def _arrived(self, records: Iterable[Logged]) -> float | None:
        """Return when the oldest input of packs arrived, in seconds since 1970; count the delays of all of them."""
        arrived = [ms / 1000 for record in records if (ms := arrived_ms(record)) > 0]
        now = time.time()
        for seconds in arrived:
            self._place.metrics.record_to_fold_seconds.observe(max(0.0, now - seconds))
        return min(arrived, default=None)

    async def _remake(self, teller: Teller, error: BaseException) -> None:
        async with self._moving:
            if self._tellers.get(teller.partition) is not teller:
                return  # it went to another worker, or was made again already
            log.error("home partition %d: the local store is damaged (%s); made again", teller.partition, error,
                      extra=located((self._place.names.home, teller.partition), teller.ledger.position))  # fmt: skip
            await self._release(teller.partition)
            teller.ledger.discard()
            teller.ledger.close()
            self._adopt(teller.partition)
        self._consumer.begin_epoch()

    def policies_changed(self, policies: Iterable[Policy], arrived: float | None) -> None:
        """Pass new policies, and when the first arrived, on to the tellers of the groups that they may change."""
        book = self._place.policy_log.book
        scopes = {scope for policy in policies for scope in book.reach(policy)}
        for teller in self._tellers.values():
            teller.policies_changed(scopes, arrived)


def _fresh(teller: Teller, records: Sequence[Any]) -> list[Logged]:
    """Return the packs of the home log's records that the ledger does not have."""
    return [
        Logged(teller.partition, record.offset, packs.columns(record.value), record.headers)
        for record in records
        if record.offset >= teller.ledger.position
    ]


async def _forget(ledger: HomeLedger) -> None:
    """Free the memory of a partition that went, with turns for others."""
    while ledger.forget_some():  # noqa: ASYNC110  each turn frees some
        await asyncio.sleep(0)
    freed_memory.give_back()


def _is_damage(error: BaseException) -> bool:
    if isinstance(error, UnreadableLedgerError):
        return True
    return isinstance(error, sqlite3.DatabaseError) and not isinstance(error, sqlite3.OperationalError)
