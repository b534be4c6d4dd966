"""What a worker listens on: nothing, or the one port that it was told, on loopback unless told otherwise."""

from __future__ import annotations

import re
import sys
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.faults.harness import WorkerProcess
from tests.running import free_port, get

if TYPE_CHECKING:
    from streams.devkafka.broker import Broker

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="listening sockets are read from /proc")
LISTENS = "0A"
LOOPBACK, EVERYWHERE = "0100007F", "00000000"


def listening(pid: int) -> set[tuple[str, int]]:
    """Return the (address as the kernel writes it, port) of every TCP socket that a process listens on."""
    links = [link.readlink() for link in Path(f"/proc/{pid}/fd").iterdir() if link.is_symlink()]
    inodes = {match[1] for link in links if (match := re.fullmatch(r"socket:\[(\d+)\]", str(link)))}
    found = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == LISTENS and fields[9] in inodes:
                address, port = fields[1].split(":")
                found.add((address, int(port, 16)))
    return found


@pytest.mark.parametrize(("host", "address"), [(None, None), ("", LOOPBACK), ("0.0.0.0", EVERYWHERE)])
def test_a_worker_listens_on_nothing_else(
    kafka: Broker, prefix: str, tmp_path: Path, host: str | None, address: str | None
) -> None:
    """Faust's own web server, with its tables and router, is off; a worker that was told no port listens on none."""
    port = free_port()
    worker = WorkerProcess(kafka.bootstrap_servers, prefix, tmp_path, "w1", date(2026, 7, 1))
    if host is not None:
        worker.set(metrics_port=str(port), **({"metrics_host": host} if host else {}))
    worker.start().ready()
    try:
        worker.says("caught up", 4)
        assert worker.process is not None
        assert listening(worker.process.pid) == ({(address, port)} if address else set())
        if address:
            assert get(port, "/livez") == (200, "ok\n")
            assert get(port, "/router")[0] == get(port, "/")[0] == 404
    finally:
        assert worker.stop() == 0


def test_the_embedded_broker_listens_on_loopback_alone(kafka: Broker) -> None:
    """It asks nobody for a password."""
    # Java writes a loopback address of IPv4 as one of IPv6, which ends the same.
    found = listening(kafka.pid)
    assert int(kafka.bootstrap_servers.split(":")[1]) in {port for _, port in found}
    assert {address[-8:] for address, _ in found} == {LOOPBACK}
