"""Three workers on three hosts behind a bad network, one of them cut off: what was told equals the naive model."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from streams.devkafka.config import choose_port
from streams.shell.topic_admin import admin_client
from tests.faults.hosts import DELAY_SECONDS, Network, why_not
from tests.faults.scene import OwnBroker, Scene
from tests.faults.test_members import MINE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from streams.shell.topics import Names

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

SESSION_SECONDS = 6
CUT_SECONDS = 20


@pytest.fixture
def network() -> Iterator[Network]:
    """Give three hosts with 20 ms and 1 % loss, each way, between them and this machine."""
    reason = why_not()
    if reason:
        pytest.skip(reason)
    network = Network(3)
    try:
        yield network
    finally:
        if network.hosts:
            network.close()


@pytest.fixture
def broker(network: Network, tmp_path: Path) -> Iterator[tuple[OwnBroker, str]]:
    """Give a broker that this machine reaches on loopback and hosts on the bridge, and its address there."""
    near = choose_port()
    control = choose_port([near])
    far = choose_port([near, control])
    broker = OwnBroker(
        tmp_path / "kafka",
        near,
        {
            "listeners": f"PLAINTEXT://127.0.0.1:{near},HOSTS://{network.address}:{far},"
            f"CONTROLLER://127.0.0.1:{control}",
            "advertised.listeners": f"PLAINTEXT://127.0.0.1:{near},HOSTS://{network.address}:{far}",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,HOSTS:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "controller.quorum.voters": f"1@127.0.0.1:{control}",
        },
    )
    try:
        yield broker, f"{network.address}:{far}"
    finally:
        broker.close()


def until(holds: Callable[[], bool], otherwise: str, within_seconds: float = 120) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + within_seconds
    while not holds():
        assert time.monotonic() < deadline, otherwise
        time.sleep(0.1)


def members(bootstrap_servers: str, names: Names) -> int:
    """Return how many members the group of the workers has."""
    with admin_client(bootstrap_servers) as admin:
        return len(admin.describe_groups([names.consumer_group])[names.consumer_group]["members"])


def test_a_host_is_cut_off(network: Network, broker: tuple[OwnBroker, str], tmp_path: Path) -> None:
    """20 ms, 1 % loss, and one of three hosts away for three times its session: nothing lost, doubled or false."""
    near, far = broker
    scene = Scene(near.bootstrap_servers, "hosts-", tmp_path)
    try:
        assert min(host.connect_seconds(far) for host in network.hosts) > 2 * DELAY_SECONDS
        scene.plays(91, 9_000, groups=16)
        workers = [
            scene.worker(f"w{n}", session_timeout_seconds=str(SESSION_SECONDS)).on(host, far).start()
            for n, host in enumerate(network.hosts, start=1)
        ]
        for worker in workers:
            worker.ready()
        for worker in workers:
            worker.says("caught up")
        scene.publish(seconds=60)
        time.sleep(10)
        taken = [worker.said(MINE) for worker in workers]
        network.hosts[0].cut()
        since = time.time()
        until(lambda: sum(worker.said(MINE) for worker in workers[1:]) > sum(taken[1:]), "nobody took over")
        time.sleep(max(0.0, CUT_SECONDS - (time.time() - since)))
        network.hosts[0].join()
        until(lambda: members(near.bootstrap_servers, scene.names) == len(workers), "it is no member again")
        outputs = scene.compare(240)
        unserved = scene.unserved_seconds(since)
        assert [worker.stop(30) for worker in workers] == [0, 0, 0]
    finally:
        scene.close()
    frames = network.close()
    assert frames["lost"] > 0
    scene.report(
        "3 hosts, 20 ms, 1 % loss, one cut off for 20 s", outputs, unserved_seconds=unserved,
        frames=frames["carried"], frames_lost=frames["lost"],
    )  # fmt: skip
