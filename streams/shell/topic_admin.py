"""Creates the topics as `Names.specs()` says they should be, and says what differs and what it would cost.

Not here: what each topic is for (`topics.py`), and how a person is told (`streams/cli/topics.py`).
"""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.errors import AuthorizationError, KafkaError, TopicAlreadyExistsError, for_code

from streams.shell import connection

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from streams.shell.topics import Names, TopicSpec

DEFAULT_PARTITIONS = 4
SETTLES_WITHIN_S = 5.0
UNKNOWN_TOPIC_CODE = 3

Role = Literal["remittances", "policy_changes", "status", "alerts", "dead_letters", "home", "policies", "told"]
ROLES: tuple[Role, ...] = (
    "remittances",
    "policy_changes",
    "status",
    "alerts",
    "dead_letters",
    "home",
    "policies",
    "told",
)

# What a difference costs, by role and by what differs; a role's own sentence comes before the one for all ("*").
COSTS: dict[tuple[str, str], str] = {
    ("remittances", "missing"): "nobody can send remittances, and no worker can start",
    ("policy_changes", "missing"): "nobody can send policies, and no worker can start",
    ("status", "missing"): "a worker has nowhere to say how groups stand",
    ("alerts", "missing"): "a worker has nowhere to tell alerts",
    ("dead_letters", "missing"): "a worker has nowhere to put input that it cannot use",
    ("home", "missing"): "a worker cannot bring the remittances of a group to one place",
    ("policies", "missing"): "a worker cannot settle which policies stand",
    ("told", "missing"): "a worker cannot remember what it told",
    ("remittances", "retention"): "remittances older than that are lost to a rebuild",
    ("policy_changes", "retention"): "policies older than that are lost to a rebuild",
    ("home", "retention"): "a worker that starts afresh forgets the money older than that",
    ("policies", "retention"): "a worker that starts afresh forgets the policies older than that",
    ("dead_letters", "retention"): "input that could not be used is kept for another time than the 14 days promised",
    ("remittances", "cleanup.policy"): "all but a group's newest remittance are lost",
    ("policy_changes", "cleanup.policy"): "policies sent with the same key replace each other",
    ("home", "cleanup.policy"): "all but a group's newest remittance are lost",
    ("policies", "cleanup.policy"): "policies with the same key replace each other",
    ("dead_letters", "cleanup.policy"): "all but the newest unusable record with the same key are lost",
    (
        "status",
        "cleanup.policy",
    ): "the status of a group that did not change for a while is lost, or all old ones stay",
    ("alerts", "cleanup.policy"): "an episode that did not change for a while is lost, or all old messages stay",
    ("told", "cleanup.policy"): "a worker forgets what it told, and tells it again as if it were new",
    ("home", "message.timestamp.type"): "a worker whose clock is wrong doesn't see it",
    ("home", "partitions"): "what was told of a group is kept in another partition than the group's home",
    ("policies", "partitions"): "workers do not agree about the order of policies",
    ("*", "partitions"): "work is spread otherwise than you asked for",
    ("*", "max.message.bytes"): "larger records are refused",
    (
        "*",
        "min.insync.replicas",
    ): "records that were acknowledged can be lost with one broker, or none can be written",
    ("*", "replication"): "the topic is gone or stands still when too many of its brokers are",
}


class TopicAdminError(Exception):
    """Kafka did not do what was asked of it; the text is one line that says what to do."""


class MissingTopicError(TopicAdminError):
    """A topic isn't there; the text is one line that says what to do."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One way in which a topic is not as it should be; `found` is None where the topic is missing."""

    topic: str
    what: str  # "missing", "partitions", "replication factor", or the name of a topic config
    found: str | None
    expected: str
    cost: str
    fatal: bool  # a worker cannot do its work like this
    create_mends: bool  # `topics create` sets it right

    def __str__(self) -> str:
        """Return the difference as one line."""
        if self.found is None:
            return f"{self.topic}: missing: {self.cost}"
        return f"{self.topic}: {self.what} is {self.found}, should be {self.expected}: {self.cost}"


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that `create_missing` did: a topic created, or a config of one set."""

    topic: str
    what: str  # "created", or the name of a topic config
    found: str | None
    now: str

    def __str__(self) -> str:
        """Return the change as one line."""
        if self.found is None:
            return f"{self.topic}: created ({self.now})"
        return f"{self.topic}: {self.what} was {self.found}, is {self.now} now"


@dataclass(frozen=True, slots=True)
class _Found:
    """A topic as it is."""

    partitions: int
    replication_factor: int
    config: dict[str, str]


@contextlib.contextmanager
def admin_client(bootstrap_servers: str, within_s: float | None = None) -> Iterator[KafkaAdminClient]:
    """Yield an admin client.

    UnreachableError where no Kafka answers `within_s` seconds, RefusedError where it doesn't let us in,
    TopicAdminError where it fails at what is asked.
    """
    admin = connection.opened(KafkaAdminClient, bootstrap_servers, within_s)
    try:
        yield admin
    except AuthorizationError as error:
        raise connection.failure(bootstrap_servers, error) from error
    except KafkaError as error:
        raise TopicAdminError(f"Kafka at {bootstrap_servers} refused: {error}") from error
    finally:
        admin.close()


def describe(admin: KafkaAdminClient, topics: Iterable[str]) -> list[dict[str, Any]]:
    """Return what Kafka says of each topic, there or not; AuthorizationError where it doesn't say that to us."""
    found: list[dict[str, Any]] = admin.describe_topics(list(topics))
    for topic in found:
        error = for_code(topic["error_code"])
        if issubclass(error, AuthorizationError):
            raise error(f"describe {topic['name']}")
    return found


def require_topics(admin: KafkaAdminClient, topics: Iterable[str]) -> list[dict[str, Any]]:
    """Return what Kafka says of topics that have to be there; MissingTopicError where one isn't."""
    found = describe(admin, topics)
    missing = ", ".join(sorted(topic["name"] for topic in found if topic["error_code"]))
    if missing:
        raise MissingTopicError(f"no topic {missing}: `quotastream topics create` would create what is missing")
    return found


def create_missing(
    admin: KafkaAdminClient, names: Names, partitions: int = DEFAULT_PARTITIONS, replication_factor: int | None = None
) -> list[Change]:
    """Create the topics that are missing, set the configs that differ; return what was done.

    The number of partitions of a topic that exists is left alone: another one would give groups another home. Where
    only one of the home and the told topic exists, the other gets as many partitions as it has.
    """
    replicas = replication_factor or _usual_replication_factor(admin)
    found = _describe(admin, names)
    settled = found.get(names.home) or found.get(names.told)
    changes: list[Change] = []
    wanted: dict[str, dict[str, Any]] = {}
    for spec in names.specs():
        if spec.name in found:
            changes += _set_config(admin, spec, found[spec.name])
            continue
        count = spec.partitions or partitions
        if settled and spec.name in (names.home, names.told):
            count = settled.partitions
        config = spec.config | {"min.insync.replicas": str(_min_insync(replicas))}
        wanted[spec.name] = {"num_partitions": count, "replication_factor": replicas, "configs": config}
        changes.append(Change(spec.name, "created", None, _made(count, replicas)))
    if wanted:
        _create(admin, wanted)
    if any(change.found is not None for change in changes):
        _await_configs(admin, names)
    return changes


def add_partitions(admin: KafkaAdminClient, topic: str, count: int) -> None:
    """Give a topic so many partitions; nothing where it has them."""
    if len(describe(admin, [topic])[0]["partitions"]) < count:
        admin.create_partitions({topic: count}, timeout_ms=30_000)
        deadline = time.monotonic() + SETTLES_WITHIN_S
        while not _has_leaders(admin, topic, count):
            if time.monotonic() > deadline:
                raise TopicAdminError(f"{topic}: not all of {count} partitions are there yet; try again")
            time.sleep(0.05)


def _has_leaders(admin: KafkaAdminClient, topic: str, count: int) -> bool:
    partitions = describe(admin, [topic])[0]["partitions"]
    return len(partitions) == count and all(part["leader_id"] >= 0 for part in partitions)


def check(
    admin: KafkaAdminClient, names: Names, partitions: int | None = None, replication_factor: int | None = None
) -> list[Difference]:
    """Return every difference between the topics and what they should be, and what each would cost."""
    replicas = replication_factor or _usual_replication_factor(admin)
    found = _describe(admin, names)
    differences: list[Difference] = []
    for role, spec in _by_role(names):
        topic = found.get(spec.name)
        if topic is None:
            differences.append(Difference(spec.name, "missing", None, "there", COSTS[role, "missing"], True, True))
            continue
        differences += _partition_differences(role, spec, topic, found.get(names.told), partitions)
        differences += [
            Difference(spec.name, what, was, should_be, _cost(role, what), False, True)
            for what, was, should_be in _config_differences(spec, topic)
        ]
        if topic.replication_factor < replicas:
            was, should_be = str(topic.replication_factor), str(replicas)
            cost = COSTS["*", "replication"]
            differences.append(Difference(spec.name, "replication factor", was, should_be, cost, False, False))
    return differences


def _made(partitions: int, replicas: int) -> str:
    return f"{partitions} partition{'' if partitions == 1 else 's'}, replication factor {replicas}"


def _by_role(names: Names) -> Iterator[tuple[Role, TopicSpec]]:
    roles = {getattr(names, role): role for role in ROLES}
    for spec in names.specs():
        yield roles[spec.name], spec


def _cost(role: Role, what: str) -> str:
    kind = "retention" if what.startswith("retention.") else what
    return COSTS.get((role, kind)) or COSTS["*", kind]


def _min_insync(replication_factor: int) -> int:
    return 2 if replication_factor >= 3 else 1


def _usual_replication_factor(admin: KafkaAdminClient) -> int:
    brokers = [broker for broker in admin.describe_cluster()["brokers"] if not broker.get("is_fenced")]
    return max(1, min(3, len(brokers)))


def _describe(admin: KafkaAdminClient, names: Names) -> dict[str, _Found]:
    """Return the topics of this installation that exist, by name."""
    specs = {spec.name: spec for spec in names.specs()}
    there = {}
    for topic in describe(admin, specs):
        if topic["error_code"] == UNKNOWN_TOPIC_CODE:
            continue
        if topic["error_code"]:
            raise TopicAdminError(f"{topic['name']}: Kafka says {for_code(topic['error_code']).__name__}")
        there[topic["name"]] = topic["partitions"]
    if not there:
        return {}
    asked = [
        ConfigResource(ConfigResourceType.TOPIC, name, [*specs[name].config, "min.insync.replicas"]) for name in there
    ]
    configs = admin.describe_configs(asked, config_filter="all")["topic"]
    return {
        name: _Found(
            partitions=len(parts),
            replication_factor=min(len(part["replica_nodes"]) for part in parts),
            config={key: entry["value"] for key, entry in configs[name].items()},
        )
        for name, parts in there.items()
    }


def _create(admin: KafkaAdminClient, wanted: dict[str, dict[str, Any]]) -> None:
    answer = admin.create_topics(wanted, timeout_ms=30_000, raise_errors=False)
    for topic in answer["topics"]:
        error = for_code(topic["error_code"])
        # Workers that start together all create what is missing; the first wins and the others find it there.
        if issubclass(error, AuthorizationError):
            raise error(f"create {topic['name']}")
        if topic["error_code"] and error is not TopicAlreadyExistsError:
            raise TopicAdminError(
                f"{topic['name']}: Kafka did not create it: {topic['error_message'] or error.__name__}"
            )
    admin.wait_for_topics(list(wanted))


def _set_config(admin: KafkaAdminClient, spec: TopicSpec, topic: _Found) -> list[Change]:
    differences = _config_differences(spec, topic)
    if not differences:
        return []
    resource = ConfigResource(ConfigResourceType.TOPIC, spec.name, {key: value for key, _, value in differences})
    result = admin.alter_configs([resource], raise_on_unknown=False)["topic"][spec.name]
    if result != "OK":
        raise TopicAdminError(f"{spec.name}: Kafka did not set its configs: {result}")
    return [Change(spec.name, key, was, now) for key, was, now in differences]


def _await_configs(admin: KafkaAdminClient, names: Names) -> None:
    """Wait until the broker shows what was set: it confirms a change before every broker has heard of it."""
    deadline = time.monotonic() + SETTLES_WITHIN_S
    while time.monotonic() < deadline:
        found = _describe(admin, names)
        if not any(_config_differences(spec, found[spec.name]) for spec in names.specs() if spec.name in found):
            return
        time.sleep(0.05)


def _config_differences(spec: TopicSpec, topic: _Found) -> list[tuple[str, str, str]]:
    """Return (config, as it is, as it should be) for each that differs."""
    minimum = str(_min_insync(topic.replication_factor))
    differences = []
    for key, should_be in (spec.config | {"min.insync.replicas": minimum}).items():
        was = topic.config.get(key, "")
        if not _suffices(key, was, should_be, topic.replication_factor):
            differences.append((key, was, should_be))
    return differences


def _suffices(key: str, was: str, should_be: str, replication_factor: int) -> bool:
    if key == "cleanup.policy":
        return {part.strip() for part in was.split(",")} == {should_be}
    if key == "max.message.bytes":  # room for larger records harms nobody
        return bool(was) and int(was) >= int(should_be)
    if key == "min.insync.replicas":  # more care is fine as long as it can be met
        return bool(was) and int(should_be) <= int(was) <= replication_factor
    return was == should_be


def _partition_differences(
    role: Role, spec: TopicSpec, topic: _Found, told: _Found | None, partitions: int | None
) -> list[Difference]:
    count = str(topic.partitions)
    if spec.partitions is not None and topic.partitions != spec.partitions:
        return [
            Difference(spec.name, "partitions", count, str(spec.partitions), _cost(role, "partitions"), True, False)
        ]
    if role == "home" and told is not None and told.partitions != topic.partitions:
        return [
            Difference(spec.name, "partitions", count, str(told.partitions), _cost(role, "partitions"), True, False)
        ]
    if spec.partitions is None and partitions is not None and topic.partitions != partitions:
        cost = COSTS["*", "partitions"]
        return [Difference(spec.name, "partitions", count, str(partitions), cost, False, False)]
    return []
