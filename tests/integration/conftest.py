"""What several files of these tests begin with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.integration.told_house import telling

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from streams.devkafka.broker import Broker
    from tests.integration.told_house import Known


@pytest.fixture
def known(kafka: Broker, tmp_path: Path) -> Iterator[Known]:
    """Give a house of which all was told; its worker is alive."""
    with telling(kafka.bootstrap_servers, tmp_path) as known:
        yield known
