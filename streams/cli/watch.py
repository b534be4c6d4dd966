"""`quotastream watch`: alerts as they come."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from streams.cli.common import (
    AsJson,
    BootstrapServers,
    OutputPrefix,
    Prefix,
    broker_address,
    err,
    installation,
    out,
    quiet_kafka_client,
    styled,
    write_json,
)
from streams.cli.outputs import as_they_come, consumer, so_far
from streams.cli.wording import example

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kafka import KafkaConsumer

    from streams.cli.outputs import Output

EXAMPLES = example("quotastream watch", "quotastream watch --from-start --once --json | jq .summary")


def watch(
    bootstrap_servers: BootstrapServers = None,
    prefix: Prefix = "",
    output_prefix: OutputPrefix = "",
    from_start: Annotated[bool, typer.Option("--from-start", help="Show first what was told before.")] = False,
    group: Annotated[
        list[str] | None, typer.Option("--group", metavar="GROUP", help="Only of this group; can be repeated.")
    ] = None,
    once: Annotated[bool, typer.Option("--once", help="End when all that is there by now was shown.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show alerts as they come, until Ctrl-C. Each line is the newest state of one episode.

    With --json each line is the whole message as it is on the topic.
    """
    quiet_kafka_client()
    names = installation(prefix, output_prefix)
    with consumer(broker_address(bootstrap_servers), names.alerts) as client:
        if not from_start and not once:
            client.seek_to_end()
            for partition in client.assignment():
                client.position(partition)  # settles where the end is now, and not only when the first record comes
        if not as_json and not once:
            err().print(f"watching {escape(names.alerts)}; Ctrl-C ends it")
        try:
            for output in _outputs(client, once):
                _show(output, set(group or ()), as_json)
        except KeyboardInterrupt:  # how a person ends it: no failure
            return


def _outputs(client: KafkaConsumer, once: bool) -> Iterator[Output]:
    return so_far(client) if once else as_they_come(client)


def _show(output: Output, groups: set[str], as_json: bool) -> None:
    if output.body is None or (groups and output.body["group_id"] not in groups):
        return
    if as_json:
        write_json(output.body)
    else:
        out().print(alert_line(output.body))


def alert_line(alert: dict[str, Any]) -> str:
    """Return an alert as one line of console markup."""
    severity = alert["severity"] or "-"
    kind = f"{alert['kind']} {alert['levy_id']}" if alert["levy_id"] else alert["kind"]
    return (
        f"{alert['on_day']} {styled(f'{severity:<8}', alert['severity'], escape)} {escape(alert['group_id'])} "
        f"{escape(kind)} {alert['transition']}: {escape(alert['summary'])}"
    )
