"""The AsyncAPI description of every topic: what is in it, keys, headers, partitions and how long it is kept.

Made of the topics' own specs and of the published schemas, so that it cannot differ from them.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import schemas
from schemas import publishing
from streams.shell.topics import Names

VERSION: Final = "3.1.0"
KAFKA_BINDING: Final = "0.5.0"
_ANY_PARTITION: Final = "A producer may use any partitioner and any key or none: what a message says decides."
_BY_GROUP: Final = (
    "All messages of one group are in one partition, in the order in which they were decided: CRC-32 (IEEE) of the "
    "group_id in UTF-8, modulo the number of partitions. The key does not decide it."
)
_NAME: Final = {"type": "string", "pattern": "^[a-z0-9][a-z0-9._-]{0,63}$"}
_UUID: Final = {"type": "string", "format": "uuid"}

#: For each topic: the messages in it, whether it is an input, its title, what it is, its keys, its partitions.
_TOPICS: Final[dict[str, tuple[list[str], bool, str, dict[str, Any], str]]] = {
    "remittances": (
        ["remittance", "reversal"],
        True,
        "Money that groups sent in, and reversals. The same event again (group_id, event_id) counts once.",
        _NAME | {"description": "Best the group_id. Any other key, or none, does as well."},
        _ANY_PARTITION,
    ),
    "policy-changes": (
        [name for name in publishing.INPUTS if name not in {"remittance", "reversal"}],
        True,
        "Everything that moves a target. The same policy again, known by policy_id, counts once.",
        _UUID | {"description": "Best the policy_id. Any other key, or none, does as well."},
        _ANY_PARTITION,
    ),
    "quota-status": (
        ["quota_status"],
        False,
        "The newest status of each group and plan year; a null value takes one off.",
        {"type": "string", "pattern": "^[a-z0-9][a-z0-9._-]{0,63}/20[0-9]{2}$", "description": "group_id/plan_year."},
        _BY_GROUP,
    ),
    "quota-alerts": (
        ["quota_alert"],
        False,
        (
            "Alert episodes, each told whole: the newest message of each is all that a subscriber needs. "
            "Read committed messages only (isolation.level read_committed), and act on each alert_id once."
        ),
        _UUID | {"description": "The episode_id."},
        _BY_GROUP,
    ),
    "quota-dead-letters": (
        ["dead_letter"],
        False,
        "Input that could not be used, with the reason.",
        {"description": "The input's key, its first 4 KiB: any bytes, or none."},
        "By the partition of the record that it is of.",
    ),
}
_HEADERS_OF_OUTPUTS: Final = {
    "ce_specversion": {"const": "1.0"},
    "ce_id": {"type": "string", "description": "Of an alert its alert_id. The same where a message is repeated."},
    "ce_source": {"const": "/quotastream"},
    "ce_type": {"type": "string", "pattern": r"^org\.quotastream\.[a-z_]+\.v1$"},
    "ce_subject": {"type": "string", "description": "Of an alert the group_id, of a status group_id/plan_year."},
    "ce_time": {
        "type": "string",
        "format": "date-time",
        "description": "When the message was decided, by the worker's clock.",
    },
    "content-type": {"const": "application/json"},
}
_TRACE: Final = {
    "traceparent": {"type": "string", "description": "W3C trace context; goes on from inputs to alerts they cause."},
    "tracestate": {"type": "string"},
}
_HEADERS_OF_INPUTS: Final = {
    "ce_specversion": {"type": "string"},
    "ce_id": {"type": "string"},
    "ce_source": {"type": "string"},
    "ce_type": {"type": "string"},
    "content-type": {"type": "string"},
}


def document() -> dict[str, Any]:
    """Return the AsyncAPI document, each message with an example."""
    messages = {message: topic for topic in _TOPICS for message in _TOPICS[topic][0]}
    return {
        "asyncapi": VERSION,
        "info": {
            "title": "quotastream",
            "version": f"{publishing.VERSION}.0.0",
            "description": "The account of groups whose yearly earnings targets are set, and changed, from outside. "
            "An installation may have a prefix before all names of topics.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {topic: _channel(topic) for topic in _TOPICS},
        "operations": dict(_operation(topic) for topic in _TOPICS),
        "components": {
            "schemas": publishing.together(messages, "#/components/schemas/"),
            "messages": {message: _message(topic, message) for message, topic in messages.items()},
        },
    }


def messages_of(topic: str) -> list[str]:
    """Return the types of the messages of a topic, by its name without a prefix."""
    return _TOPICS[topic][0]


def _channel(topic: str) -> dict[str, Any]:
    messages, _, description, _, partitioning = _TOPICS[topic]
    return {
        "address": topic,
        "description": f"{description} {partitioning}",
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in messages},
        "bindings": {"kafka": {"topic": topic, **_configuration(topic), "bindingVersion": KAFKA_BINDING}},
    }


def _configuration(topic: str) -> dict[str, Any]:
    (spec,) = (spec for spec in Names().specs() if spec.name == topic)
    said: dict[str, Any] = {key: int(value) for key, value in spec.config.items() if key != "cleanup.policy"}
    return {"topicConfiguration": {"cleanup.policy": [spec.config["cleanup.policy"]], **said}}


def _operation(topic: str) -> tuple[str, dict[str, Any]]:
    messages, is_input, *_ = _TOPICS[topic]
    verb = "receive" if is_input else "send"
    return f"{verb}-{topic}", {
        "action": verb,
        "channel": {"$ref": f"#/channels/{topic}"},
        "messages": [{"$ref": f"#/channels/{topic}/messages/{name}"} for name in messages],
    }


def _message(topic: str, name: str) -> dict[str, Any]:
    _, is_input, _, key, _ = _TOPICS[topic]
    said = (_HEADERS_OF_INPUTS if is_input else _HEADERS_OF_OUTPUTS) | _TRACE
    headers: dict[str, Any] = {"type": "object", "properties": said}
    if is_input:
        headers["description"] = (
            "None is needed. CloudEvents 1.0 in binary mode is welcome; so is structured mode, by the content-type "
            "application/cloudevents+json and the message as the envelope's data."
        )
    else:
        headers |= {"required": list(_HEADERS_OF_OUTPUTS), "description": "CloudEvents 1.0, binary mode."}
    return {
        "name": name,
        "title": name,
        "contentType": "application/json",
        "headers": headers,
        "payload": {"$ref": f"#/components/schemas/{name}"},
        "bindings": {"kafka": {"key": key, "bindingVersion": KAFKA_BINDING}},
        "examples": [{"name": "example", "payload": _example(name)}],
    }


def _example(name: str) -> Any:
    path = Path(schemas.__file__).parent / "examples" / "valid" / f"{name}.json"
    example = json.loads(path.read_text(encoding="utf-8"))
    return example["cases"][0]["value"] if "cases" in example else example
