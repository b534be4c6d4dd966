"""What each role may do in Kafka, and nothing else: the least that its commands need.

`python -m streams.shell.acls` writes deploy/acls.sh from it. Kafka lets whoever may read, write, delete or alter a
thing also describe it, and whoever may write to a topic have an idempotent producer.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Literal, NamedTuple

from streams.shell.topics import Names

if TYPE_CHECKING:
    from collections.abc import Mapping

Role = Literal["worker", "producer", "subscriber", "notifier", "analyst", "operator"]
Resource = Literal["topic", "group", "transactional-id", "cluster"]
Operation = Literal["Read", "Write", "Create", "Delete", "Alter", "Describe", "DescribeConfigs", "AlterConfigs"]

#: Who has which role, in the words of deploy/acls.sh.
MEANING: Mapping[Role, str] = {
    "worker": "quotastream worker",
    "producer": "sends remittances and policies; quotastream publish",
    "subscriber": "reads statuses and alerts; quotastream watch, status, web",
    "notifier": "quotastream notify",
    "analyst": "a subscriber who also asks why; quotastream explain, what-if, backtest, forecast, close-year",
    "operator": "an analyst who also runs quotastream topics, rebuild, backup, dead-letters, and alone reads these",
}


class Acl(NamedTuple):
    """What is allowed on a resource, or on all whose names begin with `name`."""

    resource: Resource
    name: str
    operations: tuple[Operation, ...]
    prefixed: bool = False


def acls(names: Names) -> dict[Role, list[Acl]]:
    """Return what each role is allowed in an installation, or the worker of a replay in it."""
    subscriber = [
        *_topics(names.status, names.alerts, to=("Read",)),
        Acl("group", names.subscriber_groups, ("Read",), prefixed=True),
    ]
    analyst = [*subscriber, *_topics(names.home, names.policies, to=("Read",))]
    return {
        "worker": _worker(names),
        "producer": _topics(*names.inputs, to=("Write",)),
        "subscriber": subscriber,
        "notifier": [
            *_topics(names.alerts, to=("Read",)),
            Acl("group", names.notify_group, ("Read",), prefixed=True),
        ],
        "analyst": analyst,
        "operator": [*analyst, *_operator(names)],
    }


def _topics(*names: str, to: tuple[Operation, ...]) -> list[Acl]:
    return [Acl("topic", name, to) for name in names]


def _worker(names: Names) -> list[Acl]:
    live_told = _topics(Names(names.prefix).told, to=("Describe",)) if names.replay else []
    return [
        *_topics(*names.inputs, to=("Read", "DescribeConfigs")),
        *_topics(names.home, names.policies, names.told, to=("Read", "Write", "DescribeConfigs")),
        *_topics(names.status, names.alerts, to=("Read", "Write", "DescribeConfigs")),  # a takeover looks into them
        *_topics(names.dead_letters, to=("Write", "DescribeConfigs")),
        *live_told,  # a replay doesn't write where a live worker did
        Acl("group", names.consumer_group, ("Read",)),
        Acl("group", names.letters_group, ("Read",)),
        Acl("transactional-id", names.transactional_ids, ("Write",), prefixed=True),
        Acl("transactional-id", names.letter_ids, ("Write",), prefixed=True),
    ]


def _operator(names: Names) -> list[Acl]:
    """Return what an operator is allowed beyond an analyst."""
    return [
        *_topics(*names.inputs, to=("Read", "Write")),  # to send again what was mended
        *_topics(names.dead_letters, to=("Read",)),
        *_topics(names.told, to=("Read", "Alter")),  # a backup, and more home partitions
        *_topics(*(spec.name for spec in names.specs()), to=("Create", "AlterConfigs")),
        *_topics(names.home, names.policies, to=("Delete",)),  # a rebuild
        Acl("group", names.consumer_group, ("Describe", "Delete")),
        Acl("group", names.letters_group, ("Describe", "Delete")),
        Acl("cluster", "", ("Describe",)),  # who leads, and what time it is there
    ]


# --- deploy/acls.sh ---

SCRIPT = """\
#!/bin/sh
# Gives a user in Kafka what a role needs, and nothing else. Made of streams/shell/acls.py by `make acls`.
#
#   KAFKA_ACLS="kafka-acls.sh --bootstrap-server HOST:PORT --command-config admin.properties" \\
#       sh deploy/acls.sh ROLE PRINCIPAL [PREFIX]
#
# PRINCIPAL is as Kafka has it, such as User:quotastream-worker; PREFIX as in QUOTASTREAM_PREFIX. The roles:
#
{roles}
set -eu
KAFKA_ACLS=${{KAFKA_ACLS:-kafka-acls.sh}}
if [ $# -lt 2 ]; then
    sed -n 's/^# \\{{0,1\\}}//p' "$0" >&2
    exit 2
fi
role=$1 principal=$2 P=${{3-}}

allow() {{
    # KAFKA_ACLS is a command with options, so it is split into words.
    $KAFKA_ACLS --add --allow-principal "$principal" "$@"
}}

case "$role" in
{cases}
*)
    echo "acls.sh: no role $role: {names}" >&2
    exit 2
    ;;
esac
"""


def script() -> str:
    """Return deploy/acls.sh."""
    every = acls(Names("${P}"))
    cases = (f"{role})\n{''.join(map(_line, _grouped(allowed)))}    ;;" for role, allowed in every.items())
    roles = "\n".join(f"#   {role:<12}{meaning}" for role, meaning in MEANING.items())
    return SCRIPT.format(roles=roles, cases="\n".join(cases), names=", ".join(every))


def _grouped(allowed: list[Acl]) -> list[list[Acl]]:
    """Return neighbours that differ in nothing but their names together: one call each."""
    return [list(group) for _, group in groupby(allowed, key=lambda acl: acl._replace(name=""))]


def _line(group: list[Acl]) -> str:
    first = group[0]
    words = [f"--operation {operation}" for operation in first.operations]
    words += ["--resource-pattern-type prefixed"] if first.prefixed else []
    words += [f'--{acl.resource} "{acl.name}"' if acl.name else f"--{acl.resource}" for acl in group]
    return f"    allow {' '.join(words)}\n"


if __name__ == "__main__":
    print(script(), end="")  # noqa: T201  the script is what was asked for
