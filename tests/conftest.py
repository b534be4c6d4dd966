"""What tests share: one real broker for all of them, and names of its own for each."""

from __future__ import annotations

import os
import signal
import tempfile
import uuid
from typing import TYPE_CHECKING

import pytest

from streams.devkafka import broker as devkafka

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streams.devkafka.broker import Broker

# Run in the background of a shell, tests inherit that SIGINT is ignored; what they start must answer to Ctrl-C.
signal.signal(signal.SIGINT, signal.default_int_handler)

# The settings file of whoever runs the tests is not the tests'.
os.environ["XDG_CONFIG_HOME"] = tempfile.mkdtemp(prefix="quotastream-no-settings-")

# Workers come and go within seconds in tests, so the broker has to let them.
TEST_CONFIG = {"group.min.session.timeout.ms": "1000"}


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """Run one broker for all tests, in a temporary folder; it ends with the tests, even when they are killed."""
    with devkafka.session(tmp_path_factory.mktemp("kafka"), extra_config=TEST_CONFIG) as broker:
        yield broker


@pytest.fixture
def prefix() -> str:
    """Give a QUOTASTREAM_PREFIX that no other test uses, so that tests share the broker and nothing else."""
    return f"t-{uuid.uuid4().hex[:12]}-"
