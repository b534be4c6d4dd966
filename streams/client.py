"""For programs in Python that publish to quotastream or hear from it: checked before sending, typed when read.

    with Publisher("localhost:9092") as publisher:
        publisher.publish({"schema_version": 1, "type": "remittance", ...})
    for alert in alerts("localhost:9092"):
        print(alert.summary)

How Kafka is reached (TLS, SASL) is in the settings, as for every command (docs/settings.md). docs/subscribing.md says
what to know beside it.
"""

from __future__ import annotations

import json
from collections import deque
from typing import TYPE_CHECKING, Any, Final, Self

from kafka.errors import KafkaError
from pydantic import BaseModel

from schemas.outputs import QuotaAlert
from schemas.remittances import MODELS as MONEY
from streams.core.events import Policy
from streams.shell import codec, connection, subscriber
from streams.shell.bad_record import BadRecord as BadRecord  # noqa: PLC0414  what `publish` raises is named here
from streams.shell.topics import Names

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from kafka.producer.future import FutureRecordMetadata

CLOSED: Final = {"resolved", "lapsed", "retracted"}
UNDER_WAY_AT_MOST: Final = 50_000


def checked(message: Mapping[str, Any] | BaseModel | bytes) -> tuple[bool, bytes, bytes]:
    """Return (is it a policy, its key, its value) of a message that a worker can use; BadRecord for any other."""
    if isinstance(message, BaseModel):
        value = message.model_dump_json(exclude_none=True).encode()
    else:
        value = message if isinstance(message, bytes) else json.dumps(message, ensure_ascii=False).encode()
    try:
        kind = json.loads(value).get("type")
    except (ValueError, AttributeError):
        kind = None
    is_policy = isinstance(kind, str) and kind not in MONEY
    event = codec.decode("policy-changes" if is_policy else "remittances", value)
    return is_policy, (event.policy_id if isinstance(event, Policy) else event.group_id).encode(), value


class Publisher:
    """Sends messages that were checked, each to its topic, keyed by group or policy; idempotent, acks from all."""

    def __init__(
        self, bootstrap_servers: str, prefix: str = "", on_acknowledged: Callable[[int], None] | None = None
    ) -> None:
        #: How many messages Kafka has for certain.
        self.acknowledged = 0
        self._names = Names(prefix)
        self._on_acknowledged = on_acknowledged
        self._under_way: deque[FutureRecordMetadata] = deque()
        self._producer = connection.idempotent_producer(bootstrap_servers, linger_ms=20, batch_size=256 << 10)

    def publish(
        self, message: Mapping[str, Any] | BaseModel | bytes, headers: Sequence[tuple[str, bytes]] = ()
    ) -> None:
        """Check a message and send it; BadRecord where a worker could not use it, and then nothing is sent."""
        self.send(*checked(message), headers)

    def send(self, is_policy: bool, key: bytes, value: bytes, headers: Sequence[tuple[str, bytes]] = ()) -> None:
        """Send what was checked already; KafkaError where one sent before is lost."""
        topic = self._names.policy_changes if is_policy else self._names.remittances
        self._under_way.append(self._producer.send(topic, key=key, value=value, headers=list(headers)))
        # The client itself buffers without limit, so too many are waited for.
        while self._under_way and (self._under_way[0].is_done or len(self._under_way) > UNDER_WAY_AT_MOST):
            self._take_first()

    def flush(self) -> None:
        """Wait until Kafka has all of it for certain; KafkaError where it has not."""
        self._producer.flush()
        while self._under_way:
            self._take_first()

    def _take_first(self) -> None:
        self._under_way.popleft().get()
        self.acknowledged += 1
        if self._on_acknowledged is not None:
            self._on_acknowledged(self.acknowledged)

    def close(self) -> None:
        """Close at once: after a flush nothing waits any more, and otherwise there is no use in waiting."""
        try:
            self._producer.close(timeout=0)
        except KafkaError:  # it would wait for what cannot be sent, now and when it is collected
            self._producer._sender.force_close()  # noqa: SLF001
            self._producer._closed = True  # noqa: SLF001

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        try:
            if kind is None:
                self.flush()
        finally:
            self.close()


def alerts(bootstrap_servers: str, prefix: str = "", *, to_the_end: bool = False) -> Iterator[QuotaAlert]:
    """Yield every alert from the topic's beginning and then for ever, or up to what is there by now; committed only.

    A message that a worker repeats after a crash is yielded once. UnreachableError or RefusedError where Kafka can't
    be got to or answers no longer, MissingTopicError where the topic isn't there (streams.shell).
    """
    consumer = subscriber.at_the_start(bootstrap_servers, [Names(prefix).alerts])
    newest: dict[str, str] = {}
    try:
        for record in (subscriber.to_the_end if to_the_end else subscriber.as_they_come)(consumer):
            alert = QuotaAlert.model_validate_json(record.value)
            if newest.get(alert.episode_id) != alert.alert_id:
                newest[alert.episode_id] = alert.alert_id
                yield alert
    finally:
        consumer.close(autocommit=False)


def open_episodes(bootstrap_servers: str, prefix: str = "") -> dict[str, QuotaAlert]:
    """Return the newest message of every episode that is open by now, by episode_id: from the topic alone."""
    newest = {alert.episode_id: alert for alert in alerts(bootstrap_servers, prefix, to_the_end=True)}
    return {key: alert for key, alert in newest.items() if alert.transition not in CLOSED}
