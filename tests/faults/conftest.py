"""What fault experiments are given: a scene on the tests' broker, or on a broker of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.faults.scene import OwnBroker, Scene

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from streams.devkafka.broker import Broker


@pytest.fixture
def scene(kafka: Broker, prefix: str, tmp_path: Path) -> Iterator[Scene]:
    """Give a scene on the broker that all tests share."""
    scene = Scene(kafka.bootstrap_servers, prefix, tmp_path)
    try:
        yield scene
    finally:
        scene.close()


@pytest.fixture
def own_broker(tmp_path: Path) -> Iterator[OwnBroker]:
    """Give a broker that may be hurt."""
    broker = OwnBroker(tmp_path / "kafka")
    try:
        yield broker
    finally:
        broker.close()


@pytest.fixture
def own_scene(own_broker: OwnBroker, tmp_path: Path) -> Iterator[Scene]:
    """Give a scene on that broker."""
    scene = Scene(own_broker.bootstrap_servers, "own-", tmp_path)
    try:
        yield scene
    finally:
        scene.close()
