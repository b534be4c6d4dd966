"""`quotastream notify`: alerts to Alertmanager, or to a webhook."""

from __future__ import annotations

from streams.cli.common import CliError, broker_address, quiet_kafka_client
from streams.cli.wording import example
from streams.shell import logs, notifier
from streams.shell.settings import NotifySettings

EXAMPLES = example(
    "quotastream notify --alertmanager-url http://127.0.0.1:9093",
    "QUOTASTREAM_NOTIFY_TOKEN_FILE=/run/secrets/token quotastream notify --webhook-url https://hooks.example/quota",
    what="Examples",
)


def notify(settings: NotifySettings) -> int:
    """Post alerts to Alertmanager or to a webhook as they come, each at least once; until SIGTERM or Ctrl-C.

    Alertmanager is told of all open episodes, again and again, and of those that end. A webhook gets each message as
    a CloudEvent (JSON, structured mode); the first time, all episodes that are open. What isn't accepted is tried
    again until it is.
    """
    logs.set_up(settings.log_level, settings.log_format)
    quiet_kafka_client()
    try:
        return notifier.run(settings, broker_address(settings.bootstrap_servers))
    except notifier.NotifyError as error:
        raise CliError(str(error), error.exit_code) from error
