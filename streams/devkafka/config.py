"""The broker's settings as data, and the choice of its ports. Starts nothing."""

from __future__ import annotations

import random
import socket
from typing import TYPE_CHECKING

from streams.devkafka.errors import BrokerError

if TYPE_CHECKING:
    from collections.abc import Container, Mapping
    from pathlib import Path

HOST = "127.0.0.1"  # never another interface: this broker asks nobody for a password
MAX_MESSAGE_BYTES = 10 * 1024 * 1024  # the internal topics hold values of 8 MiB; batches have some overhead

# Below the range from which systems take the ports of outgoing connections: a client that keeps trying to reach a
# port of that range while its broker is down can end up connected to itself, and then holds the port.
CHOSEN_PORTS = range(20_000, 30_000)

FIXED = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "PLAINTEXT",
    "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
    # One node holds everything once.
    "default.replication.factor": "1",
    "min.insync.replicas": "1",
    "offsets.topic.replication.factor": "1",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    # Few partitions, for each costs files and a moment at every start.
    "num.partitions": "1",
    "offsets.topic.num.partitions": "8",
    "transaction.state.log.num.partitions": "8",
    "share.coordinator.state.topic.num.partitions": "1",
    # A typing error in a topic's name should be an error.
    "auto.create.topics.enable": "false",
    "group.initial.rebalance.delay.ms": "0",
    "message.max.bytes": str(MAX_MESSAGE_BYTES),
    "replica.fetch.max.bytes": str(MAX_MESSAGE_BYTES),
    # Somebody's trial may lie untouched for months, and should go on where it was.
    "offsets.retention.minutes": str(366 * 24 * 60),
    # After a kill -9 the controller keeps the dead broker's place for this long, and the next start waits for it.
    "broker.session.timeout.ms": "3000",
    "broker.heartbeat.interval.ms": "500",
    # Sizes for a laptop; the cleaner's default buffer alone would be 128 MB.
    "log.cleaner.dedupe.buffer.size": str(32 * 1024 * 1024),
    "num.network.threads": "2",
    "num.io.threads": "4",
}


def broker_config(log_dir: Path, port: int, controller_port: int, extra: Mapping[str, str]) -> dict[str, str]:
    """Return every entry of server.properties; `extra` wins over all others."""
    return {
        **FIXED,
        "log.dirs": str(log_dir),
        "listeners": f"PLAINTEXT://{HOST}:{port},CONTROLLER://{HOST}:{controller_port}",
        "advertised.listeners": f"PLAINTEXT://{HOST}:{port}",
        "controller.quorum.voters": f"1@{HOST}:{controller_port}",
        **extra,
    }


def properties_text(entries: Mapping[str, str]) -> str:
    """Return the entries as a Java properties file."""
    return "".join(f"{key}={_escape(value)}\n" for key, value in entries.items())


def _escape(value: str) -> str:
    # A backslash begins an escape, a value's leading blanks would be dropped, and a properties file is Latin-1.
    escaped = value.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")
    blanks = len(escaped) - len(escaped.lstrip(" "))
    escaped = "\\ " * blanks + escaped[blanks:]
    return "".join(char if ord(char) < 128 else _unicode_escape(char) for char in escaped)


def _unicode_escape(char: str) -> str:
    utf16 = char.encode("utf-16-be")
    return "".join(f"\\u{utf16[at]:02x}{utf16[at + 1]:02x}" for at in range(0, len(utf16), 2))


def is_free(port: int) -> bool:
    """Tell whether a server can listen on the port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As Java does: connections of an earlier broker that are still being closed do not keep the next one out.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


def choose_port(taken: Container[int] = ()) -> int:
    """Return a random free port that is not in `taken`."""
    for port in random.sample(CHOSEN_PORTS, 200):
        if port not in taken and is_free(port):
            return port
    raise BrokerError(
        f"none of 200 ports tried between {CHOSEN_PORTS.start} and {CHOSEN_PORTS.stop} is free; name one with --port"
    )


def broker_port(named: int | None, last: int | None) -> int:
    """Return the port to listen on: the one named or an error, else the last one if it is free, else any."""
    if named is not None:
        if not 1 <= named <= 65_535:
            raise BrokerError(f"{named} is no port; name one from 1 to 65535")
        if not is_free(named):
            raise BrokerError(f"port {named} is taken; name another with --port, or none to have a free one chosen")
        return named
    if last is not None and is_free(last):
        return last
    return choose_port()
