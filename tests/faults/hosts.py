"""Hosts of their own on one machine: a network namespace each, joined by a bad link (`link.py`) to a bridge.

This machine is on the bridge too, with the broker. Needs root, `ip` and tap devices: `why_not()` says what is amiss.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

from tests.faults.harness import ROOT

DELAY_SECONDS = 0.02  # each way
LOSS = 0.01  # of the frames, each way
CONNECT = (
    "import socket, time; t = time.monotonic(); socket.create_connection(({!r}, {})); print(time.monotonic() - t)"
)


def why_not() -> str | None:
    """Return why this machine can't have such hosts; None where it can."""
    if shutil.which("ip") is None:
        return "there is no `ip` (iproute2)"
    if not Path("/dev/net/tun").exists():
        return "there is no /dev/net/tun"
    name = f"qs-{uuid.uuid4().hex[:6]}"
    tried = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True, check=False)
    if tried.returncode:
        return f"network namespaces aren't allowed here ({tried.stderr.strip()})"
    ip("netns", "del", name)
    return None


def ip(*arguments: str) -> None:
    """Run `ip`."""
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"ip {' '.join(arguments)}: {done.stderr}"


class Host:
    """One namespace, and the link to it."""

    def __init__(self, network: Network, number: int) -> None:
        self.name = f"{network.name}-{number}"
        self._outer, inner = f"{network.name}o{number}", f"{network.name}i{number}"
        self._link = subprocess.Popen(
            [
                sys.executable, "-m", "tests.faults.link", self._outer, inner,
                "--delay-seconds", str(DELAY_SECONDS), "--loss", str(LOSS), "--seed", str(number),
            ],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self._link.stdout is not None
        assert self._link.stdout.readline() == "made\n"
        ip("netns", "add", self.name)
        ip("link", "set", inner, "netns", self.name)
        ip("link", "set", self._outer, "master", network.name, "up")
        ip("-n", self.name, "address", "add", f"{network.subnet}.{10 + number}/24", "dev", inner)
        ip("-n", self.name, "link", "set", inner, "up")
        ip("-n", self.name, "link", "set", "lo", "up")

    def cut(self) -> None:
        """Take the link down."""
        ip("link", "set", self._outer, "down")

    def join(self) -> None:
        """Take the link up again."""
        ip("link", "set", self._outer, "up")

    def inside(self, *command: str) -> list[str]:
        """Return a command as it is run there; its process is the command's own."""
        return ["ip", "netns", "exec", self.name, *command]

    def connect_seconds(self, address: str) -> float:
        """Return how long it takes to connect to a server from there."""
        server, port = address.split(":")
        command = self.inside(sys.executable, "-c", CONNECT.format(server, int(port)))
        return float(subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout)

    def close(self) -> dict[str, Any]:
        """Take it away; return how many frames the link carried and lost."""
        said, _ = self._link.communicate()
        ip("netns", "del", self.name)
        counts: dict[str, Any] = json.loads(said)
        return counts


class Network:
    """A bridge with this machine on it, and hosts."""

    def __init__(self, hosts: int) -> None:
        self.name = f"qs{os.urandom(3).hex()}"
        self.subnet = f"198.18.{random.randrange(256)}"  # set aside for such trials (RFC 2544)
        self.address = f"{self.subnet}.1"
        self.hosts: list[Host] = []
        ip("link", "add", self.name, "type", "bridge")
        try:
            ip("address", "add", f"{self.address}/24", "dev", self.name)
            ip("link", "set", self.name, "up")
            for number in range(hosts):
                self.hosts.append(Host(self, number))
        except BaseException:
            self.close()
            raise

    def close(self) -> dict[str, int]:
        """Take all of it away; return how many frames all links carried and lost."""
        counts = [host.close() for host in self.hosts]
        self.hosts.clear()
        ip("link", "del", self.name)
        return {what: sum(count[what] for count in counts) for what in ("carried", "lost")}
