"""What tests share: one real broker for all of them, and names of its own for each."""

from __future__ import annotations

import logging
import os
import signal
import uuid
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from streams.devkafka import broker as devkafka
from streams.shell.logs import LIBRARIES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streams.devkafka.broker import Broker

# Run in the background of a shell, tests inherit that SIGINT is ignored; what they start must answer to Ctrl-C.
signal.signal(signal.SIGINT, signal.default_int_handler)

# The settings file of whoever runs the tests is not the tests': they have none, in a folder that is not there.
os.environ["XDG_CONFIG_HOME"] = str(Path(__file__).with_name("no-settings"))

# Brokers of tests live for minutes at most: code compiled once is fast enough, and a start costs a third less.
os.environ.setdefault("KAFKA_HEAP_OPTS", "-Xmx768m -XX:TieredStopAtLevel=1")

#: The suites whose files take longest, to begin with: so no core waits for the other at the end of `make test`.
LONGEST_FIRST = (
    "simulation",
    "property",
    "docs",
    "faults",
    "e2e",
    "integration",
    "browser",
    "deploy",
    "contract",
    "fuzz",
)

# Workers come and go within seconds in tests, so the broker has to let them.
TEST_CONFIG = {"group.min.session.timeout.ms": "1000"}


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """Run one broker for all tests, in a temporary folder; it ends with the tests, even when they are killed."""
    with devkafka.session(tmp_path_factory.mktemp("kafka"), extra_config=TEST_CONFIG) as broker:
        yield broker


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    """Take away what a command set up: its stream is the test's, and closed when the next one logs."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    levels = {name: logging.getLogger(name).level for name in LIBRARIES}
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, was in levels.items():
        logging.getLogger(name).setLevel(was)
    logging.captureWarnings(capture=False)


@pytest.fixture
def prefix() -> str:
    """Give a QUOTASTREAM_PREFIX that no other test uses, so that tests share the broker and nothing else."""
    return f"t-{uuid.uuid4().hex[:12]}-"


def suite_of(nodeid: str) -> str:
    """Return the suite of a test: its folder in tests/."""
    return nodeid.removeprefix("tests/").partition("/")[0]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Order the suites: the longest first, then those whose files are short."""
    place = {suite: n for n, suite in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: place.get(suite_of(item.nodeid), len(place)))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how long each suite took, added up over the cores that shared it, where several ran."""
    seconds: Counter[str] = Counter()
    tests: Counter[str] = Counter()
    for report in (one for kind in terminalreporter.stats.values() for one in kind):
        if isinstance(report, pytest.TestReport):
            seconds[suite_of(report.nodeid)] += report.duration
            tests[suite_of(report.nodeid)] += report.when == "setup"
    if len(seconds) > 1:
        terminalreporter.section("time by suite")
        for suite, taken in seconds.most_common():
            terminalreporter.write_line(f"{suite:12}{tests[suite]:6} tests{taken:8.1f} s")
