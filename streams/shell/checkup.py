"""What `quotastream doctor` looks at: each thing that an installation needs, how it is, and what to do about it.

Nothing is changed, but that a worker's right to transactions is proved by an id of the doctor's own.
Not here: how a person is told (`streams/cli/doctor.py`).
"""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.errors import (
    AuthorizationError,
    CoordinatorNotAvailableError,
    KafkaError,
    NotCoordinatorError,
    TransactionalIdAuthorizationFailedError,
    for_code,
)
from kafka.protocol.consumer import HeartbeatRequest

from streams.shell import connection, topic_admin
from streams.shell.acls import acls

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from kafka import KafkaAdminClient

    from streams.shell.acls import Acl, Operation, Role
    from streams.shell.topics import Names

OLDEST_KAFKA = (3, 0)  # older ones were never tried
CLOCK_FAILED_SECONDS, CLOCK_WARNING_SECONDS = 60.0, 5.0
LAG_WARNING_RECORDS = 10_000
COORDINATOR_WITHIN_S = 15.0

State = Literal["ok", "warning", "failed", "skipped"]


class Finding(NamedTuple):
    """One thing that was looked at; `advice` says what to do where it isn't well."""

    check: str
    state: State
    says: str
    advice: str = ""


class Lack(NamedTuple):
    """What a user may not do, and has to."""

    acl: Acl
    operations: list[Operation]


def kafka(admin: KafkaAdminClient, address: str) -> Iterator[Finding]:
    """Judge the brokers."""
    brokers = admin.describe_cluster()["brokers"]
    version = admin.get_broker_version_data(brokers[0]["broker_id"]).broker_version
    shown = ".".join(map(str, version))
    fenced = [broker["broker_id"] for broker in brokers if broker.get("is_fenced")]
    if fenced:
        yield Finding("kafka", "warning", f"brokers {_listed(fenced)} are fenced", "see to those brokers' logs")
    if version < OLDEST_KAFKA:
        oldest = ".".join(map(str, OLDEST_KAFKA))
        yield Finding("kafka", "warning", f"Kafka {shown} is older than {oldest}", "upgrade the brokers")
    else:
        says = f"Kafka {shown} at {address}, brokers: {len(brokers) - len(fenced)}"
        yield Finding("kafka", "ok", says)


def clock(admin: KafkaAdminClient, now: Callable[[], float]) -> Iterator[Finding]:
    """Judge a clock (seconds since 1970) by Kafka's controller's: whoever decrees is judged by the days of both."""
    before = now()
    try:
        quorum = admin.describe_metadata_quorum()["topics"][0]["partitions"][0]
    except AuthorizationError:
        yield Finding(
            "clock", "skipped", "Kafka tells its time only to who may describe the cluster",
            "run the doctor as an operator too",
        )  # fmt: skip
        return
    except KafkaError as error:
        yield Finding("clock", "skipped", f"this Kafka doesn't tell its time ({error})")
        return
    after = now()
    # The leader of the quorum gives its own time as the one at which it has caught up with itself.
    leader = next(v for v in quorum["current_voters"] if v["replica_id"] == quorum["leader_id"])
    theirs = leader["last_caught_up_timestamp"] / 1000
    lead_seconds = 0.0 if before <= theirs <= after else (before + after) / 2 - theirs
    off = abs(lead_seconds)
    if off < CLOCK_WARNING_SECONDS:
        yield Finding("clock", "ok", f"within {max(off, after - before, 0.1):.1f} s of Kafka's")
        return
    way = "ahead of" if lead_seconds > 0 else "behind"
    state: State = "failed" if off >= CLOCK_FAILED_SECONDS else "warning"
    yield Finding(
        "clock", state, f"{off:,.0f} s {way} Kafka's",
        "set the clocks by NTP, here and on the brokers: the day that is reached follows the clock",
    )  # fmt: skip


def topics(admin: KafkaAdminClient, names: Names) -> Iterator[Finding]:
    """Judge the topics' settings, and whether their partitions can be written."""
    try:
        differences = topic_admin.check(admin, names)
    except AuthorizationError:
        yield Finding("topics", "skipped", "this user may not read the topics' settings", "run it as an operator too")
        return
    for difference in differences:
        advice = (
            "`quotastream topics create`" if difference.create_mends else "docs/operations.md, Topics that differ"
        )
        yield Finding("topics", "failed" if difference.fatal else "warning", str(difference), advice)
    missing = {difference.topic for difference in differences if difference.found is None}
    there = [spec.name for spec in names.specs() if spec.name not in missing]
    hurt = list(_partitions(admin, there))
    yield from hurt
    if not differences and not hurt:
        yield Finding("topics", "ok", f"all {len(there)} are as they should be")


def _partitions(admin: KafkaAdminClient, there: list[str]) -> Iterator[Finding]:
    for topic in topic_admin.describe(admin, there) if there else []:
        parts = topic["partitions"]
        headless = [part["partition_index"] for part in parts if part["leader_id"] < 0]
        thin = [part["partition_index"] for part in parts if len(part["isr_nodes"]) < len(part["replica_nodes"])]
        if headless:
            says = f"{topic['name']}: partitions {_listed(headless)} have no leader"
            yield Finding("topics", "failed", says, "bring back the brokers that hold them")
        elif thin:
            says = f"{topic['name']}: partitions {_listed(thin)} lack in-sync replicas"
            yield Finding("topics", "warning", says, "see to the brokers that lag or are away")


def rights(admin: KafkaAdminClient, address: str, names: Names, role: Role) -> Iterator[Finding]:
    """Judge whether this user may do what its role has to."""
    lacking = [lack for acl in acls(names)[role] for lack in _lacking(admin, address, acl)]
    who = connection.access().sasl_username or "a user without a name"
    for acl, operations in lacking:
        yield Finding(
            "rights", "failed", f"{who} may not {' or '.join(operations)} on {_named(acl)}",
            f"sh deploy/acls.sh {role} User:{who} {names.prefix}".rstrip(),
        )  # fmt: skip
    if not lacking:
        yield Finding("rights", "ok", f"{who} may do what the role {role} has to")


def _named(acl: Acl) -> str:
    return f"{acl.resource} {acl.name}{'*' if acl.prefixed else ''}" if acl.name else f"the {acl.resource}"


def _lacking(admin: KafkaAdminClient, address: str, acl: Acl) -> Iterator[Lack]:
    name = f"{acl.name}doctor" if acl.prefixed else acl.name
    match acl.resource:
        case "topic":
            allowed = admin.describe_topics([name])[0]["authorized_operations"] or []
            lacks = [operation for operation in acl.operations if _in_kafka(operation) not in allowed]
        case "cluster":
            allowed = admin.describe_cluster()["authorized_operations"] or []
            lacks = [operation for operation in acl.operations if _in_kafka(operation) not in allowed]
        case "group":
            lacks = [operation for operation in acl.operations if not _group_allows(admin, name, operation)]
        case "transactional-id":
            lacks = [] if _may_transact(address, name) else list(acl.operations)
    if lacks:
        yield Lack(acl, lacks)


def _in_kafka(operation: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", operation).upper()


def _group_allows(admin: KafkaAdminClient, group: str, operation: str) -> bool:
    """Ask what only the operation allows; what a group that isn't there allows else, Kafka doesn't say."""
    try:
        if operation == "Read":
            return not issubclass(_beat(admin, group), AuthorizationError)
        described = _described(admin, group)
    except AuthorizationError:
        return False
    allowed = described["authorized_operations"]
    return allowed is None or _in_kafka(operation) in allowed


def _beat(admin: KafkaAdminClient, group: str) -> type[Exception]:
    """Return what Kafka says to a heartbeat of nobody: it asks for the right to read first, and changes nothing."""
    manager = admin._manager  # noqa: SLF001  the admin client has no such question

    def ask() -> Any:
        coordinator = manager.run(admin._find_coordinator_ids, [group])[group]  # noqa: SLF001
        request = HeartbeatRequest(group_id=group, generation_id=-1, member_id="")
        answer = manager.run(manager.send, request, coordinator)
        error: type[Exception] = for_code(answer.error_code)
        if error in (CoordinatorNotAvailableError, NotCoordinatorError):
            raise error
        return error

    found: type[Exception] = _once_coordinated(ask)
    return found


def _described(admin: KafkaAdminClient, group: str) -> dict[str, Any]:
    found: dict[str, Any] = _once_coordinated(lambda: admin.describe_groups([group]))[group]
    if "Authorization" in (found["error"] or ""):
        raise AuthorizationError(found["error"])
    return found


def _once_coordinated(ask: Callable[[], Any]) -> Any:
    """Return an answer about a group; a new Kafka takes a while until it can keep groups at all."""
    deadline = time.monotonic() + COORDINATOR_WITHIN_S
    while True:
        try:
            return ask()
        except (CoordinatorNotAvailableError, NotCoordinatorError):
            if time.monotonic() > deadline:
                raise
        time.sleep(0.2)


def _may_transact(address: str, transactional_id: str) -> bool:
    producer = connection.opened(
        KafkaProducer, address, transactional_id=transactional_id, max_block_ms=30_000, metrics_enabled=False
    )
    try:
        producer.init_transactions()
    except TransactionalIdAuthorizationFailedError:
        return False
    finally:
        producer.close(timeout=0)
    return True


def workers(admin: KafkaAdminClient, address: str, names: Names) -> Iterator[Finding]:
    """Judge the workers' consumer group: who is there, and how far behind."""
    group = names.consumer_group
    try:
        described = _described(admin, group)
        offsets = _once_coordinated(lambda: admin.list_group_offsets(group))[group]
        lag = _lag(address, names, {tp: at.offset for tp, at in offsets.items()})
    except AuthorizationError:
        yield Finding("workers", "skipped", f"this user may not see the consumer group {group}")
        return
    members, state = len(described["members"]), described["group_state"]
    behind = f"{lag:,} records behind"
    if not members:
        seen = "none is alive" if offsets else "none was ever there"
        yield Finding("workers", "warning", f"{seen}; {behind}", "`quotastream worker` starts one")
    elif state != "Stable":
        yield Finding("workers", "warning", f"{members} alive, the group is {state}", "wait until it has settled")
    elif lag > LAG_WARNING_RECORDS:
        yield Finding("workers", "warning", f"{members} alive, {behind}", "if it lasts: more workers")
    else:
        yield Finding("workers", "ok", f"{members} alive, {behind}")


def _lag(address: str, names: Names, committed: dict[TopicPartition, int]) -> int:
    """Return how many records of the inputs the group hasn't worked through."""
    consumer = connection.opened(KafkaConsumer, address, metrics_enabled=False)
    try:
        parts = [
            TopicPartition(topic, number)
            for topic in names.inputs
            for number in consumer.partitions_for_topic(topic) or ()
        ]
        begins, ends = consumer.beginning_offsets(parts), consumer.end_offsets(parts)
    finally:
        consumer.close(autocommit=False)
    return sum(max(0, ends[tp] - max(begins[tp], committed.get(tp, 0))) for tp in parts)


def _listed(numbers: Iterable[int]) -> str:
    return ", ".join(map(str, sorted(numbers)))
