"""The router: from the input topics to where each message is at home. Keeps no state.

Remittances go in packs to the home log, each group's to its own partition whatever the producer's key; policies go to
the one log that every worker reads whole; what can't be used goes to the dead letters. A chunk is finished once every
message that came of it is acknowledged; a repeat is harmless, for the ledger knows each event.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

import numpy as np

from streams.shell import blocks, cloudevents, codec, dead_letters, envelopes, packs, traces
from streams.shell.letterbox import Letter
from streams.shell.logs import located
from streams.shell.metrics import DEAD_LETTER, ROUTED
from streams.shell.outbox import CLIENT_ERRORS, Message, Outbox
from streams.shell.topics import Names, home_partition

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from faust.types.tuples import TP

    from streams.shell.event_columns import Events, Ints
    from streams.shell.letterbox import Letterbox
    from streams.shell.metrics import Metrics
    from streams.shell.outbox import Headers
    from streams.shell.transport import Chunk, ChunkConsumer

log = logging.getLogger(__name__)

SLICE = 4_000  # records decoded in one go, and at most in one pack: heartbeats and other tasks run in between
STAMP_SECONDS = 0.3  # how often it is asked whether stamps are due
EAGER_SECONDS = 60.0  # after partitions were given stamps go out as they are due: a worker that came waits for them
SELDOM_SECONDS = 30.0  # apart are stamps else, for the home log keeps them for ever
RECORDS_A_STAMP = 25  # of an input in a home partition let them go out too: a catch-up may end later than it is eager
LINGER_SECONDS = 1.0  # eager after that: what came last is not acknowledged yet


class Logged(NamedTuple):
    """A pack that the home log has, as a reader of the log would find it."""

    partition: int
    offset: int
    pack: packs.Columns
    headers: Headers


class Packed(NamedTuple):
    """A pack, and the message that takes it to the home log."""

    pack: packs.Columns
    message: Message

    @classmethod
    def of(cls, home: int, pack: packs.Columns, topic: str, headers: Headers = ()) -> Packed:
        """Return a pack for a home partition with its message."""
        return cls(pack, Message(topic, home, None, packs.encode(pack), headers))


class Slice(NamedTuple):
    """Some records of a chunk."""

    chunk: Chunk
    records: Any  # as the chunk has them


Letters = dict["Chunk", list[Letter]]


class Router:
    """Routes chunks of the input topics."""

    #: Told of packs as soon as they are acknowledged (set by the worker), whoever's the partition is.
    on_logged: Callable[[Iterable[Logged]], None] = staticmethod(lambda _packs: None)

    def __init__(
        self, names: Names, outbox: Outbox, letterbox: Letterbox, consumer: ChunkConsumer, metrics: Metrics
    ) -> None:
        self._names = names
        self._outbox = outbox
        self._letterbox = letterbox
        self._consumer = consumer
        self._metrics = metrics
        self._home_partitions = 0
        self._dead_letter_partitions = 0
        self._stamped: dict[TP, int] = {}
        self._unstamped = 0  # records routed since the last stamps
        self._waiting: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Learn how many partitions there are to route to."""
        self._home_partitions = await self._outbox.partitions(self._names.home)
        self._dead_letter_partitions = await self._outbox.partitions(self._names.dead_letters)

    async def route(self, chunks: Sequence[Chunk]) -> None:
        """Send everything of some chunks to where it belongs; they are finished when all of it is acknowledged."""
        since = time.monotonic()
        packed: list[Packed] = []
        futures: list[asyncio.Future[Any]] = []
        others: list[asyncio.Future[Any]] = []
        letters: Letters = {chunk: [] for chunk in chunks}
        for chunk in chunks:
            self._metrics.chunk_records.labels(self._names.plain(chunk.tp.topic)).observe(len(chunk.records))
        try:
            for number, slices in enumerate(_in_slices(chunks)):
                if number:
                    await asyncio.sleep(0)
                if slices[0].chunk.tp.topic == self._names.remittances:
                    packed += (more := self._remittances(slices, letters))
                    futures += await self._outbox.enqueue([one.message for one in more])
                elif policies := self._policies(slices, letters):
                    others += await self._outbox.enqueue_many(policies)
        except CLIENT_ERRORS as error:
            await self._failed(chunks, error)
            return
        others += [
            asyncio.ensure_future(self._letterbox.send(chunk.tp, chunk.epoch, mine))
            for chunk, mine in letters.items()
            if mine
        ]
        task = asyncio.ensure_future(self._settle(chunks, packed, futures, others, since))
        self._waiting.add(task)
        task.add_done_callback(self._waiting.discard)

    async def _settle(
        self, chunks: Sequence[Chunk], packed: list[Packed], futures: list[asyncio.Future[Any]],
        others: list[asyncio.Future[Any]], since: float,
    ) -> None:  # fmt: skip
        try:
            await self._outbox.acknowledged([*futures, *others])
        except CLIENT_ERRORS as error:
            await self._failed(chunks, error)
            return
        for chunk in chunks:
            self._consumer.finish(chunk)
            topic = self._names.plain(chunk.tp.topic)
            self._metrics.route_seconds.labels(topic).observe(time.monotonic() - since)
            self._metrics.last_record_timestamp.labels(topic).set(chunk.records[-1].timestamp / 1000)
        self._note_logged(packed, [future.result() for future in futures])

    def _note_logged(self, packed: Iterable[Packed], there: Iterable[Any]) -> None:
        """Tell of what the home log has now; `there`: where each message is, as aiokafka says it."""
        self.on_logged(
            Logged(message.partition, at.offset, pack, message.headers)
            for (pack, message), at in zip(packed, there, strict=True)
        )

    async def _failed(self, chunks: Sequence[Chunk], error: BaseException) -> None:
        for chunk in chunks:
            log.error("%s[%d] from %d: not acknowledged (%r); it is read and sent again",
                      *chunk.tp, chunk.first, error, extra=located(chunk.tp, chunk.first))  # fmt: skip
        await self._outbox.renew()
        if chunks[0].epoch == self._consumer.epoch:
            self._consumer.begin_epoch()

    def _remittances(self, slices: Sequence[Slice], letters: Letters) -> list[Packed]:
        records = blocks.together([part for _, part in slices])
        rows, events, bad = codec.decode_remittances(records)
        begins = np.cumsum([0, *(len(part) for _, part in slices[:-1])])
        for row, error in bad:
            chunk = slices[int(np.searchsorted(begins, row, "right")) - 1].chunk
            letters[chunk].append(self._letter(chunk.tp, records[row], error))
        self._count("remittances", len(records), len(rows))
        offsets = blocks.offsets(records)[rows]
        slice_of_event = np.searchsorted(begins, rows, "right") - 1
        home_of_group = [home_partition(name, self._home_partitions) for name in events.groups]
        homes = np.array(home_of_group, np.int64)[events.group]
        traced, fronts = _traced(records, rows, events), self._consumer.fronts()
        arrived = arrived_header(min(part[0].timestamp for _, part in slices))
        packed = list[Packed]()
        for home in sorted(set(home_of_group)):
            mine = (homes == home).nonzero()[0]
            counts = np.bincount(slice_of_event[mine], minlength=len(slices)).tolist()
            sources = [
                packs.Source(chunk.tp.partition, fronts.get(chunk.tp, 0), count)
                for (chunk, _), count in zip(slices, counts, strict=True)
                if count
            ]
            pack = packs.Columns("remittances", sources, offsets[mine], events.take(mine))
            headers = arrived + traces.pack_headers([traced[row] for row in mine.tolist() if row in traced])
            packed.append(Packed.of(home, pack, self._names.home, headers))
        return packed

    def _count(self, topic: str, records: int, routed: int) -> None:
        self._unstamped += records
        self._metrics.records.labels(topic, ROUTED).inc(routed)
        self._metrics.records.labels(topic, DEAD_LETTER).inc(records - routed)

    def _policies(self, slices: Sequence[Slice], letters: Letters) -> list[Message]:
        out = list[Message]()
        for chunk, records in slices:
            before = len(out)
            for record in records:
                try:
                    out.append(self._policy(chunk.tp, record))
                except codec.BadRecord as bad:
                    letters[chunk].append(self._letter(chunk.tp, record, bad))
            self._count("policy-changes", len(records), len(out) - before)
        return out

    def _policy(self, tp: TP, record: Any) -> Message:
        codec.decode("policy-changes", record.value, record.headers)
        message = envelopes.message(record.value, record.headers)
        trace = envelopes.trace(record.value, record.headers)
        headers = source_headers(tp.partition, record.offset) + arrived_header(record.timestamp)
        return Message(self._names.policies, 0, None, message, headers + trace.headers() if trace else headers)

    def _letter(self, tp: TP, record: Any, bad: codec.BadRecord) -> Letter:
        return Letter(record.offset, bad.reason, self.dead_letter(tp, record, bad))

    def dead_letter(self, tp: TP, record: Any, bad: codec.BadRecord) -> Message:
        """Return the message that keeps a record that could not be used, with the reason."""
        letter = dead_letters.dead_letter(
            tp.topic, tp.partition, record.offset, record.timestamp, record.key, record.value,
            record.headers, bad.reason, bad.detail,
        )  # fmt: skip
        where = f"{tp.topic}/{tp.partition}/{record.offset}"
        partition = tp.partition % self._dead_letter_partitions
        key = None if record.key is None else record.key[: dead_letters.KEPT_KEY_BYTES]
        value = json.dumps(letter, separators=(",", ":")).encode()
        headers = cloudevents.headers("dead_letter", where, where)
        return Message(self._names.dead_letters, partition, key, value, headers)

    # --- stamps: how far each input has come, into every home partition ---

    async def stamp_forever(self) -> None:
        """Write into every partition of the logs how far the inputs are acknowledged, for workers that take over."""
        epoch, eager_until, stamped_at = -1, 0.0, 0.0
        while True:
            await asyncio.sleep(STAMP_SECONDS)
            now = time.monotonic()
            if epoch != self._consumer.epoch:
                epoch, eager_until = self._consumer.epoch, now + EAGER_SECONDS
            due = self._stamps_due()
            is_much = self._unstamped >= RECORDS_A_STAMP * self._home_partitions * len(due)
            if not due or not (is_much or now < eager_until or now >= stamped_at + SELDOM_SECONDS):
                continue
            stamped_at, self._unstamped = now, 0
            if is_much:
                eager_until = max(eager_until, now + LINGER_SECONDS)
            stamps = self._stamps(due)
            messages = [stamp.message for stamp in stamps] + self._policies_stamps(due)
            try:
                there = await self._outbox.send(messages)
            except CLIENT_ERRORS as error:
                log.warning("stamps were not acknowledged, trying again: %r", error)
                await self._outbox.renew()
                stamped_at = 0.0
            else:
                self._note_logged(stamps, there[: len(stamps)])
                if epoch == self._consumer.epoch:
                    self._stamped.update(due)

    def _stamps_due(self) -> dict[TP, int]:
        inputs = {self._names.remittances, self._names.policy_changes}
        return {
            tp: offset
            for tp, offset in self._consumer.fronts().items()
            if tp.topic in inputs and offset > self._stamped.get(tp, 0)
        }

    def _stamps(self, due: Mapping[TP, int]) -> list[Packed]:
        """Return what says so of remittances: one into each home partition, however many inputs came on."""
        inputs = {tp: offset for tp, offset in due.items() if tp.topic == self._names.remittances}
        if not inputs:
            return []
        stamp = packs.stamps("remittances", [packs.Source(tp.partition, offset, 0) for tp, offset in inputs.items()])
        return [Packed.of(home, stamp, self._names.home) for home in range(self._home_partitions)]

    def _policies_stamps(self, due: Mapping[TP, int]) -> list[Message]:
        """Return what says so of policies."""
        inputs = {tp: offset for tp, offset in due.items() if tp.topic == self._names.policy_changes}
        return [
            Message(self._names.policies, 0, STAMP_KEY, None, source_headers(tp.partition, offset))
            for tp, offset in inputs.items()
        ]


def _in_slices(chunks: Iterable[Chunk]) -> Iterator[list[Slice]]:
    """Yield the records of chunks, as many at once as are decoded in one go: of small chunks those of several."""
    slices, count = list[Slice](), 0
    for chunk in chunks:
        for at in range(0, len(chunk.records), SLICE):
            records = chunk.records[at : at + SLICE]
            if slices and count + len(records) > SLICE:
                yield slices
                slices, count = [], 0
            slices.append(Slice(chunk, records))
            count += len(records)
    if slices:
        yield slices


def _traced(records: Sequence[Any], rows: Ints, events: Events) -> dict[int, tuple[str, envelopes.Trace]]:
    """Return, by their place among the events, the id and the trace of those that have one."""
    if isinstance(records, blocks.Block):
        return {}  # it has no headers
    if not any([record.headers for record in records]):  # noqa: C419  most have none, and a list is found out faster
        return {}
    ids = events.ids.tobytes()
    headed = ((at, records[row]) for at, row in enumerate(rows.tolist()) if records[row].headers)
    return {
        at: (str(UUID(bytes=ids[16 * at : 16 * at + 16])), trace)
        for at, record in headed
        if (trace := envelopes.trace(record.value, record.headers))
    }


STAMP_KEY = b"stamp"
_ARRIVED = "source_timestamp"


def source_headers(partition: int, offset: int) -> list[tuple[str, bytes]]:
    """Return the headers that name the place in `policy-changes` that a record of the policies log speaks of."""
    return [("source_partition", b"%d" % partition), ("source_offset", b"%d" % offset)]


def arrived_header(timestamp: int) -> list[tuple[str, bytes]]:
    """Return the header that says when the (first) input record of a message arrived: its timestamp."""
    return [(_ARRIVED, b"%d" % timestamp)]


def arrived_ms(record: Any) -> int:
    """Return, from an internal log's record, the timestamp of the input record that it came of; 0: not known."""
    for name, value in record.headers:
        if name == _ARRIVED:
            return int(value)
    return 0


def source_of(record: Any) -> tuple[int, int]:
    """Return (partition, offset) from a policies log record's headers."""
    headers = dict(record.headers)
    return int(headers["source_partition"]), int(headers["source_offset"])
