"""`quotastream notify`: reads `quota-alerts` and posts each message, at least once, to where it is set.

A partition is read from its beginning, so that every open episode is known whatever was committed: the topic is
compacted, and its newest messages say it all. What comes from the committed offset on is posted, and only then is its
offset committed. Not here: what a post looks like (`targets.py`).
"""

from __future__ import annotations

import json
import logging
import random
import signal
import time
from collections import deque
from itertools import chain
from typing import TYPE_CHECKING, Any

from kafka import ConsumerRebalanceListener, KafkaConsumer, OffsetAndMetadata
from kafka.errors import AuthorizationError, FencedInstanceIdError, KafkaError

from streams.shell import connection, health, listener, topic_admin
from streams.shell.alertmanager import Change, is_open
from streams.shell.metrics import NotifyMetrics
from streams.shell.targets import NotAcceptedError, Waiting, target
from streams.shell.topics import Names

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kafka import TopicPartition

    from streams.shell.alertmanager import Body
    from streams.shell.settings import NotifySettings
    from streams.shell.targets import Target

log = logging.getLogger(__name__)

FENCED_EXIT_CODE = 6
MESSAGES_AT_ONCE = 500
POLL_MS = 500
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 1.0, 60.0
ASK_SECONDS = 5.0  # between two looks whether Kafka still answers, and still takes us for a member
REQUEST_MS = 8_000  # a broker that is away must not keep us from stopping, nor look like a loop that stands still
CLOSE_MS = 5_000


class NotifyError(Exception):
    """Notifying can't go on; the text is one line that says what to do."""

    def __init__(self, message: str, exit_code: int = 1) -> None:
        super().__init__(message)
        self.exit_code = exit_code


def run(settings: NotifySettings, bootstrap_servers: str) -> int:
    """Post alerts until SIGTERM or SIGINT; return the exit code. NotifyError where that can't go on."""
    names, posts_to = Names(settings.prefix), target(settings)
    with topic_admin.admin_client(bootstrap_servers) as admin:
        topic_admin.require_topics(admin, [names.alerts])
    state, metrics = health.Health(), NotifyMetrics()
    listener.listen(settings, state)
    consumer = connection.opened(
        KafkaConsumer, bootstrap_servers,
        group_id="-".join(filter(None, (names.notify_group, settings.notify_name))),
        group_instance_id=settings.group_instance_id or "notify",
        session_timeout_ms=int(settings.session_timeout_seconds * 1000),
        heartbeat_interval_ms=int(settings.session_timeout_seconds * 250),
        isolation_level="read_committed", auto_offset_reset="earliest", enable_auto_commit=False,
        allow_auto_create_topics=False, max_poll_records=MESSAGES_AT_ONCE,
        metrics_enabled=False,
    )  # fmt: skip
    notifier = Notifier(consumer, posts_to, metrics)
    stopping: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda got, _: stopping.append(got))
    log.info("posting %s to the %s", names.alerts, posts_to.name)
    try:
        consumer.subscribe([names.alerts], listener=notifier)
        while not stopping:
            notifier.step()
            state.beat(notifier.checks())
    except FencedInstanceIdError:
        raise NotifyError(
            "another notifier has taken over with the same group_instance_id: stop one, or give each its own",
            FENCED_EXIT_CODE,
        ) from None
    except AuthorizationError as error:
        raise connection.failure(bootstrap_servers, error) from error
    finally:
        consumer.close(autocommit=False, timeout_ms=CLOSE_MS)
    return 0


class _Partition:
    """What is known of one partition: its open episodes, and how far it was worked through before."""

    def __init__(self, committed: int | None, end: int) -> None:
        self.from_nothing = committed is None or committed > end  # or the topic was made anew
        self.since = end if committed is None or committed > end else committed  # posted from here on
        self.caught_up = False
        self.open: dict[str, tuple[Body, dict[str, str]]] = {}

    def take(self, record: Any) -> Waiting | None:
        """Take a record in; return it where it is to be posted."""
        episode_id = record.key.decode()
        before = self.open.pop(episode_id, None)
        if record.value is None:
            return None
        body = json.loads(record.value)
        attributes = {
            name.removeprefix("ce_"): value.decode() for name, value in record.headers if name.startswith("ce_")
        }
        if is_open(body):
            self.open[episode_id] = (body, attributes)
        if record.offset < self.since:
            return None
        return Waiting(Change(body, before[0] if before else None), attributes)


class Notifier(ConsumerRebalanceListener):  # type: ignore[misc]
    """Reads, posts, commits; in steps, none of which waits for long."""

    def __init__(self, consumer: KafkaConsumer, posts_to: Target, metrics: NotifyMetrics) -> None:
        self._consumer, self._target, self._metrics = consumer, posts_to, metrics
        self._assigned: frozenset[TopicPartition] = frozenset()  # and not begun with
        self._partitions: dict[TopicPartition, _Partition] = {}
        self._waiting: deque[Waiting] = deque()
        self._committed: dict[TopicPartition, int] = {}
        self._post_again_at = 0.0
        self._try_at = 0.0
        self._pause_seconds = FIRST_PAUSE_SECONDS
        self._trouble = ""  # of the target; empty where it accepted the last post
        self._ask_at = 0.0
        self._answers = False

    # --- Kafka's word on partitions, within poll: nothing can be asked of Kafka there ---

    def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:  # noqa: ARG002  all are
        """Forget the partitions; what waits of them is posted by whoever has them next."""
        self._partitions.clear()
        self._committed.clear()
        self._waiting.clear()

    def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Note that there are others."""
        self._assigned = frozenset(assigned)

    def _begin(self) -> None:
        """Read the partitions from their beginnings."""
        new = sorted(self._assigned)
        ends = self._consumer.end_offsets(new, timeout_ms=REQUEST_MS) if new else {}
        for tp in new:
            committed = self._consumer.committed(tp, timeout_ms=REQUEST_MS)
            self._partitions[tp] = _Partition(committed, ends[tp])
            if committed is not None:
                self._committed[tp] = committed
        if new:
            self._consumer.seek_to_beginning(*new)
        self._assigned, self._post_again_at = frozenset(), 0.0
        log.info("partitions %s", [tp.partition for tp in new])

    # --- a step ---

    def step(self) -> None:
        """Read a little, post what waits, commit what was posted."""
        try:
            self._read()
            self._post()
            self._commit()
            self._ask()
        except (FencedInstanceIdError, AuthorizationError):
            raise
        except KafkaError as error:
            self._answers = False
            log.warning("Kafka: %s", error or type(error).__name__)
            time.sleep(1.0)

    def _read(self) -> None:
        """Take in what is new; nothing is while something waits, so that what waits is bounded."""
        if self._waiting:
            self._consumer.pause(*self._consumer.assignment())
        else:
            self._consumer.resume(*self._consumer.paused())
        polled = self._consumer.poll(timeout_ms=POLL_MS)
        if self._assigned:
            self._begin()  # what was polled meanwhile is read again from the beginning
            return
        for tp in polled.keys() & self._partitions.keys():  # others were revoked meanwhile
            taken = map(self._partitions[tp].take, polled[tp])
            self._waiting.extend(item for item in taken if item is not None)
        for tp, partition in self._partitions.items():
            if not partition.caught_up and self._position(tp) >= partition.since:
                partition.caught_up = True
                if partition.from_nothing:  # people are told what is the case, not what was
                    self._waiting.extend(Waiting(Change(body), event) for body, event in partition.open.values())
        self._metrics.waiting.set(len(self._waiting))
        self._metrics.open_episodes.set(len(self._open()))

    def _post(self) -> None:
        now, waiting = time.monotonic(), len(self._waiting)
        if now < self._try_at:
            return
        try:
            if self._waiting:
                self._target.post(self._waiting, self._open())
                self._accepted()
            if self._target.resend_seconds is not None and now >= self._post_again_at and self._caught_up():
                self._target.post_again(self._open())
                self._post_again_at = now + self._target.resend_seconds
                self._accepted()
        except NotAcceptedError as error:
            self._not_accepted(error)
        self._metrics.posted.inc(waiting - len(self._waiting))

    def _accepted(self) -> None:
        if self._trouble:
            log.info("the %s accepts posts again", self._target.name)
        self._trouble, self._pause_seconds = "", FIRST_PAUSE_SECONDS
        self._metrics.accepted_at.set_to_current_time()

    def _not_accepted(self, error: NotAcceptedError) -> None:
        self._metrics.failures.inc()
        pause = min(
            max(self._pause_seconds * random.uniform(0.8, 1.2), error.retry_after_seconds), LONGEST_PAUSE_SECONDS
        )
        log.warning("%s; %d messages wait; trying again in %.1f s", error, len(self._waiting), pause)
        self._trouble, self._try_at = str(error), time.monotonic() + pause
        self._pause_seconds = min(2 * self._pause_seconds, LONGEST_PAUSE_SECONDS)

    def _commit(self) -> None:
        """Commit how far was read, once nothing of it waits any more."""
        if self._waiting:
            return
        at = {tp: self._position(tp) for tp, partition in self._partitions.items() if partition.caught_up}
        self._commit_at({tp: position for tp, position in at.items() if position != self._committed.get(tp)})

    def _commit_at(self, positions: dict[TopicPartition, int]) -> None:
        if positions:
            offsets = {tp: OffsetAndMetadata(position, "", -1) for tp, position in positions.items()}
            self._consumer.commit(offsets, timeout_ms=REQUEST_MS)
            self._committed |= positions

    def _ask(self) -> None:
        now = time.monotonic()
        if now < self._ask_at or not self._partitions:
            return
        self._ask_at = now + ASK_SECONDS
        # Where another notifier has taken over, the client says so at a commit alone.
        self._commit_at(dict(self._committed))
        ends = self._consumer.end_offsets(list(self._partitions), timeout_ms=REQUEST_MS)
        self._metrics.lag.set(sum(max(0, end - self._position(tp)) for tp, end in ends.items()))
        self._answers = True

    def _position(self, tp: TopicPartition) -> int:
        position: int = self._consumer.position(tp, timeout_ms=REQUEST_MS)
        return position

    # --- how it is ---

    def _open(self) -> list[Body]:
        return [body for body, _ in chain.from_iterable(p.open.values() for p in self._partitions.values())]

    def _caught_up(self) -> bool:
        return bool(self._partitions) and all(partition.caught_up for partition in self._partitions.values())

    def checks(self) -> list[health.Check]:
        """Return what a notifier needs to be ready."""
        return [
            health.Check("kafka", self._answers, "answers" if self._answers else "no answer yet, or no longer"),
            health.Check("recovery", self._caught_up(), f"{len(self._open())} open episodes known"),
            health.Check("target", not self._trouble, self._trouble or "accepts posts"),
        ]
