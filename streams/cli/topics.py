"""`quotastream topics create | check`: the topics in Kafka, made and judged by `streams.shell.topic_admin`."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from streams.cli.common import (
    AsJson,
    BootstrapServers,
    Prefix,
    broker_address,
    err,
    installation,
    out,
    quiet_kafka_client,
    table_out,
    write_json,
)
from streams.cli.setting_flags import SETTING
from streams.cli.wording import counted, example
from streams.shell import topic_admin

DIFFERS_EXIT_CODE = 3

app = typer.Typer(no_args_is_help=True, help="Create the topics in Kafka, and check that they are as they should be.")

ReplicationFactor = Annotated[
    int | None,
    typer.Option("--replication-factor", min=1, max=32767, help="Copies of each; without it 3, or one a broker."),
]


@app.command(epilog=example("quotastream topics create --partitions 8"))
def create(
    bootstrap_servers: BootstrapServers = None,
    prefix: Prefix = "",
    partitions: Annotated[int, SETTING] = topic_admin.DEFAULT_PARTITIONS,
    replication_factor: ReplicationFactor = None,
    as_json: AsJson = False,
) -> None:
    """Create the topics that are missing, and set right the configs that differ.

    The partitions of a topic that exists stay as they are: another number would give groups another home.
    """
    quiet_kafka_client()
    with topic_admin.admin_client(broker_address(bootstrap_servers)) as admin:
        changes = topic_admin.create_missing(admin, installation(prefix), partitions, replication_factor)
    if as_json:
        write_json([asdict(change) for change in changes])
        return
    for change in changes:
        out().print(escape(str(change)))
    if not changes:
        out().print("all topics are there and as they should be")


@app.command(epilog=example("quotastream topics check --json"))
def check(
    bootstrap_servers: BootstrapServers = None,
    prefix: Prefix = "",
    partitions: Annotated[
        int | None, typer.Option("--partitions", min=1, max=10_000, help="Say also which topics have another number.")
    ] = None,
    replication_factor: ReplicationFactor = None,
    as_json: AsJson = False,
) -> None:
    """Say what is missing or differs, and what it would cost.

    Ends with 0 where all is right, with 3 where something differs.
    """
    quiet_kafka_client()
    with topic_admin.admin_client(broker_address(bootstrap_servers)) as admin:
        differences = topic_admin.check(admin, installation(prefix), partitions, replication_factor)
    if as_json:
        write_json([asdict(difference) for difference in differences])
    elif differences:
        table_out().print(_table(differences))
        err().print(_advice(differences))
    else:
        out().print("all topics are as they should be")
    if differences:
        raise typer.Exit(DIFFERS_EXIT_CODE)


def _table(differences: list[topic_admin.Difference]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("topic", "what", "is", "should be", "what it costs"):
        table.add_column(column, overflow="fold")
    for difference in differences:
        table.add_row(
            escape(difference.topic),
            difference.what,
            escape(difference.found or "-"),
            difference.expected,
            difference.cost,
            style="red" if difference.fatal else "yellow",
        )
    return table


def _advice(differences: list[topic_admin.Difference]) -> str:
    mendable = sum(difference.create_mends for difference in differences)
    rest = len(differences) - mendable
    advice = []
    if mendable:
        advice.append(f"`quotastream topics create` would set {counted(mendable, 'difference')} right")
    if rest:
        advice.append(
            f"{counted(rest, 'difference')} cannot be changed while the topic is in use; see docs/operations.md "
            "(Topics that differ)"
        )
    return "; ".join(advice)
