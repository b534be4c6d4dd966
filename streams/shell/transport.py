"""A Faust transport that hands an agent one chunk of records at a time, and commits only what was finished.

Faust's own path pays per record and can lose or double records (docs/decisions/0002-faust.md). What is kept of Faust
is the app, agents, streams, the conductor and the rebalance choreography; fetching, seeking, the bookkeeping of what
is finished, and commits are here. Two rules make it safe:

* The chunks of a partition wait in the order in which they were handed out; the offset to commit moves only over
  finished ones at the front. So it can't pass a record that wasn't handled.
* Whenever Faust may have dropped what is in the agents' queues (every resumption of its flow), a new *epoch* begins:
  each assigned partition is sought to its first unfinished offset and read again; chunks of earlier epochs are void.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import aiokafka
from aiokafka.errors import IllegalStateError, KafkaConnectionError
from faust.transport.drivers import aiokafka as stock
from faust.types.tuples import TP, ConsumerMessage
from mode.utils.queues import FlowControlEvent

from streams.shell.bare_consumer import BareConsumer
from streams.shell.blocks import joined
from streams.shell.committed_offsets import install_heeding_coordinator
from streams.shell.group_member import Member, member
from streams.shell.header_names import read_leniently
from streams.shell.lean_records import Lean, install_lean_records
from streams.shell.outbox import CLIENT_ERRORS
from streams.shell.rebalances import RebalanceListener

POLL_SECONDS = 0.2  # how long nothing is waited for at a time
LONGEST_HELD_SECONDS = 0.025  # after an answer nothing more is fetched
CHUNKS_AHEAD = 3  # handed out and unfinished at most, per partition: bounds memory, keeps the agents busy
QUIESCE_SECONDS = 5.0  # how long a revocation waits for the chunks that an agent has begun

StartOffsets = Callable[[set[TP]], Awaitable[Mapping[TP, int]]]


@dataclass(slots=True, eq=False)
class Chunk:
    """Consecutive records of one partition: the offsets from `first` up to, not including, `next`."""

    tp: TP
    records: Any  # a sequence of records: a list, or a block (shell/blocks.py)
    first: int
    next: int
    epoch: int
    since: float  # monotonic: when it was handed out
    begun: bool = False
    finished: bool = False


class ChunkConsumer(BareConsumer):
    """The worker's one consumer, in the worker's own event loop."""

    consumer_stopped_errors: ClassVar[tuple[type[BaseException], ...]] = (aiokafka.errors.ConsumerStoppedError,)
    #: Offsets to start from that are kept elsewhere than with the group (set by the app): the local stores'.
    start_offsets: StartOffsets | None = None

    #: Told how many seconds a commit took (set by the worker).
    on_commit: Callable[[float], None] = staticmethod(lambda _seconds: None)

    #: The topic whose records are kept in blocks as they came (set by the worker).
    in_blocks: str = ""

    _client: Member | None = None

    def on_init(self) -> None:
        """Begin with no epoch: nothing is handed out before Faust resumes the flow."""
        super().on_init()
        self.epoch = 0
        self._sought_epoch = 0
        self._quiescing = False
        self._handed_out: defaultdict[TP, deque[Chunk]] = defaultdict(deque)
        self._position: dict[TP, int] = {}
        self._front: dict[TP, int] = {}
        self._committed: dict[TP, int] = {}
        #: Records of `in_blocks` that were not handed out yet, as of the newest fetches.
        self.waiting_records = 0
        self._changed = asyncio.Event()
        self.app.flow_control.on_clear = self.begin_epoch

    # --- what the agents call ---

    def begin(self, chunk: Chunk) -> bool:
        """Return whether the chunk still counts; an agent asks before it starts on it, and drops it if not."""
        if self._quiescing or chunk.epoch != self.epoch:
            return False
        chunk.begun = True
        return True

    def finish(self, chunk: Chunk) -> None:
        """Note that everything of the chunk is safe elsewhere; the commit offset may pass it."""
        assert self._client is not None
        chunk.finished = True
        if chunk.tp.topic == self.in_blocks:  # the longer each takes, the more should be in it
            self._client.held_seconds = min(time.monotonic() - chunk.since, LONGEST_HELD_SECONDS)
        waiting = self._handed_out[chunk.tp]
        while waiting and waiting[0].finished:
            self._front[chunk.tp] = waiting.popleft().next
        self._changed.set()

    def rest(self, tp: TP) -> None:
        """Leave a partition unread for a moment: what is in it next is likely known too, and more of it comes."""
        assert self._client is not None
        self._client.rest(aiokafka.TopicPartition(*tp))

    def begin_epoch(self) -> None:
        """Void every chunk handed out; read again from the first unfinished offsets."""
        self.epoch += 1
        self._handed_out.clear()
        self._changed.set()

    def fronts(self) -> dict[TP, int]:
        """Return for each partition of this epoch the offset up to which everything is finished."""
        if self._sought_epoch != self.epoch:
            return {}
        idle = {tp: at for tp, at in self._position.items() if not self._handed_out[tp]}
        return {tp: idle.get(tp, front) for tp, front in self._front.items()}

    def oldest_timestamps_ms(self) -> dict[TP, int]:
        """Return for each partition with unfinished chunks the timestamp of the first record in them."""
        return {tp: waiting[0].records[0].timestamp for tp, waiting in self._handed_out.items() if waiting}

    @property
    def joined(self) -> bool:
        """Whether the group has given this worker partitions, or none: it is a member."""
        subscription = self._client and self._client._subscription.subscription  # noqa: SLF001
        return bool(subscription and subscription.assignment is not None and subscription.assignment.active)

    @property
    def silent(self) -> bool:
        """Whether a routine of aiokafka has ended that should not: it then says nothing, for ever."""
        if self._client is None or self.should_stop:
            return False
        routines = (getattr(self._client._coordinator, "_coordination_task", None),  # noqa: SLF001
                    getattr(self._client._fetcher, "_fetch_task", None))  # noqa: SLF001  # fmt: skip
        return any(routine is not None and routine.done() for routine in routines)

    async def read_ends(self) -> dict[TP, int]:
        """Ask Kafka where what is committed ends in each assigned partition: the fetcher may be what stands still."""
        if self._client is None:
            return {}
        assigned = self.assignment()
        if not assigned:
            await self._client.topics()  # nothing to ask about, but whether Kafka answers
            return {}
        ends = await self._client.end_offsets([aiokafka.TopicPartition(*tp) for tp in assigned])
        return {TP(*tp): end for tp, end in ends.items()}

    # --- fetching ---

    async def _drain_messages(self, fetcher: Any) -> None:
        while not (self.should_stop or fetcher.should_stop):
            if not self.flow_active:
                await self._change()
            elif self._sought_epoch != self.epoch:
                await self._seek_epoch()
            else:
                await self._hand_out()

    async def _hand_out(self) -> None:
        assert self._client is not None
        epoch = self.epoch
        room = [aiokafka.TopicPartition(*tp) for tp in self._position if len(self._handed_out[tp]) < CHUNKS_AHEAD]
        if not room:
            await self._change()
            return
        try:
            fetched = await self._client.getmany(*room, timeout_ms=round(1000 * POLL_SECONDS))
        except CLIENT_ERRORS as error:
            self.log.warning("fetch failed, reading again: %r", error)
            await asyncio.sleep(1.0)
            self.begin_epoch()  # aiokafka may have moved on over what it had taken from other partitions already
            return
        except UnicodeDecodeError:
            read_leniently()
            self.begin_epoch()
            return
        if epoch != self.epoch or not self.flow_active:
            return  # whatever was fetched is fetched again in the epoch that follows
        chunks = [self._chunk(TP(*tp), records) for tp, records in fetched.items() if records]
        self._note_silent_positions()
        self._count_waiting()
        for topic in dict.fromkeys(chunk.tp.topic for chunk in chunks):
            if epoch == self.epoch:
                await self.callback(self._message([chunk for chunk in chunks if chunk.tp.topic == topic]))

    def _chunk(self, tp: TP, records: list[Any]) -> Chunk:
        first, records = self._position[tp], joined(records)
        self._position[tp] = records[-1].offset + 1
        chunk = Chunk(tp, records, first, self._position[tp], self.epoch, time.monotonic())
        self._handed_out[tp].append(chunk)
        return chunk

    def _note_silent_positions(self) -> None:
        """Follow the fetcher over what holds no records (transaction markers, aborted batches)."""
        assert self._client is not None
        assignment = self._client._subscription.subscription.assignment  # noqa: SLF001  position() would await
        for tp in self._position:
            if not self._handed_out[tp]:
                at = assignment.state_value(aiokafka.TopicPartition(*tp))._position  # noqa: SLF001
                if at is not None and at > self._position[tp]:
                    self._position[tp] = at

    def _count_waiting(self) -> None:
        assert self._client is not None
        assignment = self._client._subscription.subscription.assignment  # noqa: SLF001  as above
        mine = ((aiokafka.TopicPartition(*tp), at) for tp, at in self._position.items() if tp.topic == self.in_blocks)
        ends = ((assignment.state_value(tp).lso, at) for tp, at in mine)
        self.waiting_records = sum(max(0, end - at) for end, at in ends if end is not None)

    def _message(self, chunks: list[Chunk]) -> ConsumerMessage:
        """Return one message for an agent: what was fetched of a topic at once."""
        first = chunks[0]
        last = first.records[-1]
        return ConsumerMessage(
            *first.tp, first.first, last.timestamp / 1000, last.timestamp_type, (),
            None, chunks, None, 0, 0, first.tp, generation_id=self.app.consumer_generation_id,
        )  # fmt: skip

    async def _seek_epoch(self) -> None:
        assert self._client is not None
        epoch = self.epoch
        assignment = self.assignment()
        try:
            starts = await self._starts(assignment)
            if epoch != self.epoch:
                return
            for tp, offset in starts.items():
                self._client.seek(aiokafka.TopicPartition(*tp), offset)
        except (*CLIENT_ERRORS, IllegalStateError) as error:
            self.log.warning("cannot find where to start yet, trying again: %r", error)
            await asyncio.sleep(0.5)
            return
        self._position, self._front, self._committed = dict(starts), dict(starts), dict(starts)
        self._sought_epoch = epoch

    async def _starts(self, assignment: set[TP]) -> dict[TP, int]:
        assert self._client is not None
        own = dict(await self.start_offsets(assignment)) if self.start_offsets else {}
        rest = [aiokafka.TopicPartition(*tp) for tp in assignment if tp not in own]
        begins = await self._client.beginning_offsets(rest) if rest else {}
        for tp in rest:
            committed = await self._client.committed(tp)
            own[TP(*tp)] = max(begins[tp], committed or 0)
        return own

    async def _change(self) -> None:
        """Wait until something changed (a chunk finished, an epoch began), at most a little while."""
        self._changed.clear()
        try:
            async with asyncio.timeout(POLL_SECONDS):
                await self._changed.wait()
        except TimeoutError:
            return

    # --- commits ---

    async def commit(self, topics: Any = None, start_new_transaction: bool = True) -> bool:  # noqa: ARG002
        """Commit the finished fronts; a failure is harmless, for what is read again counts once."""
        held = self._committed
        offsets = {tp: at for tp, at in self.fronts().items() if at > held.get(tp, -1)}
        if not offsets or self._client is None:
            return False
        since = time.monotonic()
        try:
            await self._client.commit({aiokafka.TopicPartition(*tp): at for tp, at in offsets.items()})
        except (*CLIENT_ERRORS, IllegalStateError) as error:
            self.log.warning("commit failed, it is tried again: %r", error)
            return False
        held.update(offsets)
        self.on_commit(time.monotonic() - since)
        return True

    async def prove_membership(self) -> None:
        """Commit what is committed already: KafkaError where the group knows this worker no more."""
        if self._client is None or not self._committed or self._sought_epoch != self.epoch:
            raise KafkaConnectionError("not a member of the group yet")  # or what was committed is another's by now
        await self._client.commit({aiokafka.TopicPartition(*tp): at for tp, at in self._committed.items()})

    async def quiesce(self) -> None:
        """Let the agents finish the chunks that they have begun, drop the others, commit."""
        self._quiescing = True
        try:
            async with asyncio.timeout(QUIESCE_SECONDS):
                while any(c.begun and not c.finished for waiting in self._handed_out.values() for c in waiting):
                    await self._change()
        except TimeoutError:
            self.log.warning("some chunks are unfinished; they are read again by whoever gets the partition")
        await self.commit()
        self._quiescing = False
        self.begin_epoch()

    # --- Faust's choreography ---

    async def _give_up(self, revoked: set[TP]) -> None:
        """Finish and commit what was begun, then let Faust suspend its flow."""
        self.app.on_rebalance_start()
        self.stop_flow()
        await self.quiesce()
        await self.on_partitions_revoked(revoked)

    async def _take_on(self, assigned: set[TP]) -> None:
        """Tell Faust; it resumes the flow, which begins a new epoch."""
        assert self._client is not None
        generation = self._client._coordinator.generation  # noqa: SLF001  no public way to it
        self.app.consumer_generation_id = generation
        await self.on_partitions_assigned(assigned, generation)

    async def wait_empty(self) -> None:
        """Wait for the chunks that were begun."""
        await self.quiesce()

    def resume_flow(self) -> None:
        """Resume, in a new epoch."""
        super().resume_flow()
        self.begin_epoch()

    def stop_flow(self) -> None:
        """Hand nothing out until the flow is resumed."""
        super().stop_flow()
        self._changed.set()

    # --- the client ---

    async def on_start(self) -> None:
        """Connect."""
        conf = self.app.conf
        servers = stock.server_list(self.transport.url, self.transport.default_port)
        self._client = member(conf, servers, Lean(self.in_blocks))
        await self._client.start()

    async def on_stop(self) -> None:
        """Finish what was begun, commit, leave the group."""
        await self.quiesce()
        if self._client is not None:
            await self._client.stop()

    async def subscribe(self, topics: Iterable[str]) -> None:
        """Join the group for the topics."""
        assert self._client is not None
        self._client.subscribe(topics=set(topics), listener=RebalanceListener(self._give_up, self._take_on))

    def assignment(self) -> set[TP]:
        """Return the partitions that the group gave this worker."""
        assert self._client is not None
        return {TP(tp.topic, tp.partition) for tp in self._client.assignment()}

    def highwater(self, tp: TP) -> int:
        """Return the end offset as of the last fetch, 0 before one."""
        assert self._client is not None
        return self._client.highwater(aiokafka.TopicPartition(*tp)) or 0

    async def position(self, tp: TP) -> int | None:
        """Return the next offset to hand out."""
        return self._position.get(tp)

    def topic_partitions(self, topic: str) -> int | None:
        """Return the number of partitions of a topic, None where it is not known."""
        assert self._client is not None
        found = self._client.partitions_for_topic(topic)
        return len(found) if found else None


class EpochFlowControl(FlowControlEvent):  # type: ignore[misc]
    """Begins a new epoch whenever Faust throws away what is in the agents' queues."""

    on_clear: Callable[[], None] | None = None

    def clear(self) -> None:
        """Clear the queues; what was in them is read again."""
        super().clear()
        if self.on_clear is not None:
            self.on_clear()


class Transport(stock.Transport):  # type: ignore[misc]
    """Faust's aiokafka transport with the chunk consumer."""

    Consumer: ClassVar[type[Any]] = ChunkConsumer


def install(app: Any) -> None:
    """Make an app, before it is started, use this transport."""
    install_lean_records()
    install_heeding_coordinator()
    app.flow_control = EpochFlowControl()
    app.transport = Transport(app.conf.broker_consumer, app)
