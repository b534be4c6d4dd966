"""`/livez` and `/readyz`: what they answer for each thing that can be amiss, over the real listener."""

from __future__ import annotations

import asyncio
import socket
import time
from typing import TYPE_CHECKING

import pytest

from streams.shell import health, listener
from streams.shell.folder import Standing
from streams.shell.health import Check, Health
from streams.shell.watchdog import NUDGE_SECONDS
from tests.running import get
from tests.unit.shell.test_watchdog import ONE, OTHER, Watch

if TYPE_CHECKING:
    from collections.abc import Iterator

CAUGHT_UP = {2: Standing(7, True)}


class Listening:
    """A listener on a free port, and its health."""

    def __init__(self) -> None:
        self.health = Health()
        self.server = listener.serve("127.0.0.1", 0, self.health)

    def get(self, path: str) -> tuple[int, str]:
        """Return the status and the body of an answer."""
        return get(self.server.server_port, path)


@pytest.fixture
def listening() -> Iterator[Listening]:
    """Give a listener."""
    listening = Listening()
    yield listening
    listening.server.shutdown()
    listening.server.server_close()


def looked(watch: Watch, seconds: float = 0, standing: dict[int, Standing] | None = None) -> dict[str, Check]:
    """Have the watchdog look so many seconds later; return the checks by name."""
    asyncio.run(watch.after(seconds))
    watch.dog.answered_at = watch.now if not watch.consumer.unreachable else watch.dog.answered_at
    home = CAUGHT_UP if standing is None else standing
    return {check.name: check for check in health.assess(watch.dog, "quotastream-home", home, watch.now)}


def failing(checks: dict[str, Check]) -> dict[str, str]:
    """Return what fails, and why."""
    return {check.name: check.says for check in checks.values() if not check.ok}


@pytest.fixture
def watch() -> Watch:
    """Give a watchdog that saw everything in order."""
    return Watch(1_000.0)


def test_a_worker_that_starts_is_alive_and_not_ready(listening: Listening) -> None:
    """Before anything is known, 503 with the reason."""
    assert listening.get("/livez") == (200, "ok\n")
    assert listening.get("/readyz") == (503, "[-] worker: starting\n")


def test_ready_and_verbose(listening: Listening, watch: Watch) -> None:
    """All well: one word, or each check by name."""
    listening.health.beat(list(looked(watch).values()))
    assert listening.get("/readyz") == (200, "ok\n")
    status, text = listening.get("/readyz?verbose")
    assert status == 200
    lines = text.splitlines()
    assert all(line.startswith("[+] ") for line in lines)
    assert [line.split()[1] for line in lines] == [
        "loop:",
        "broker:",
        "assignment:",
        "recovery:",
        "lag:",
        "progress:",
    ]


def test_only_the_reasons_are_said(listening: Listening, watch: Watch) -> None:
    """Without verbose a 503 names what fails and nothing else; with it, all."""
    watch.consumer.joined = False
    listening.health.beat(list(looked(watch).values()))
    assert listening.get("/readyz") == (503, "[-] assignment: no member of the group\n")
    status, text = listening.get("/readyz?verbose")
    assert status == 503
    assert text.count("[+]") == 5


def test_a_loop_that_stands_still(listening: Listening, watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is written down any more: neither alive nor ready, whatever was written last."""
    listening.health.beat(list(looked(watch).values()))
    now = time.monotonic()
    monkeypatch.setattr(health.time, "monotonic", lambda: now + health.LIVE_SECONDS + 2)
    status, text = listening.get("/livez")
    assert status == 503
    assert text.startswith("[-] loop: stands still for 31 s")
    assert listening.get("/readyz")[0] == 503


def test_a_pause_between_two_starts_is_alive(listening: Listening, monkeypatch: pytest.MonkeyPatch) -> None:
    """The loop doesn't turn, on purpose, for as long as was said."""
    listening.health.pause(30, "starts anew")
    now = time.monotonic()
    monkeypatch.setattr(health.time, "monotonic", lambda: now + 45)
    assert listening.get("/livez")[0] == 200
    assert listening.get("/readyz") == (503, "[-] worker: starts anew\n")


def test_a_broker_that_does_not_answer(watch: Watch) -> None:
    """After three unanswered questions; how long is said."""
    assert failing(looked(watch)) == {}
    watch.consumer.unreachable = True
    assert failing(looked(watch, health.ANSWER_SECONDS - 1)) == {}
    assert failing(looked(watch, 3)) == {"broker": "no answer for 17 s"}


def test_a_broker_that_never_answered(watch: Watch) -> None:
    """Before the first answer nothing is said of how long."""
    watch.consumer.unreachable = True
    assert failing(looked(watch)) == {"broker": "no answer yet"}


def test_recovery_is_said_in_per_cent(watch: Watch) -> None:
    """Of the home partitions that are not told of yet, how much of their log is folded."""
    watch.consumer.ends[OTHER] = 200
    assert failing(looked(watch, standing={2: Standing(50, False)})) == {"recovery": "25 % of home partitions 2"}
    assert failing(looked(watch, standing={2: Standing(250, False)})) == {"recovery": "100 % of home partitions 2"}
    assert failing(looked(watch, standing={2: Standing(250, True)})) == {}


def test_lag_that_lasts(watch: Watch) -> None:
    """A partition that moves, but has not reached its end for a minute, is behind; at its end it is well again."""
    looked(watch)
    for _ in range(7):
        watch.consumer.at[ONE] += 1
        watch.consumer.ends[ONE] = watch.consumer.at[ONE] + 10
        checks = looked(watch, 10)
    assert failing(checks) == {"lag": "behind: remittances[0] for 70 s"}
    watch.consumer.at[ONE] = watch.consumer.ends[ONE]
    assert failing(looked(watch, 1)) == {}


def test_a_partition_without_progress_is_named(watch: Watch) -> None:
    """The watchdog's partition."""
    looked(watch)
    watch.consumer.ends[ONE] += 1
    checks = failing(looked(watch, NUDGE_SECONDS + 1))
    assert checks == {"progress": "none, though there is lag: remittances[0]"}


def test_nothing_else_is_served(listening: Listening) -> None:
    """Metrics where they are, 404 elsewhere; a client that says nothing keeps no other from being served."""
    status, text = listening.get("/metrics")
    assert status == 200
    assert "process_cpu_seconds_total" in text
    for path in ("/", "/tables", "/router", "/readyz/x", "/../etc/passwd"):
        assert listening.get(path)[0] == 404
    with socket.create_connection(("127.0.0.1", listening.server.server_port)):
        assert listening.get("/livez")[0] == 200
