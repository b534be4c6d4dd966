"""The embedded broker as people and tests use it: real processes on real folders."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from kafka import KafkaAdminClient
from kafka.admin import NewTopic

from streams.devkafka import broker as devkafka
from streams.devkafka import config, process
from streams.devkafka.broker import BrokerError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from streams.devkafka.broker import Broker

# The group of commands by itself, so that these tests need nothing of the others.
COMMAND = (sys.executable, "-c", "import sys; from streams.cli.main import run; sys.exit(run(sys.argv[1:]))", "kafka")


def _run(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, **environment},
    )


@contextmanager
def _foreground(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Run `kafka start --foreground` until it says that Kafka runs; leave nothing behind."""
    command = [*COMMAND, "start", "--foreground", "--data-dir", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as shell:
        try:
            assert "runs until Ctrl-C" in shell.stdout.readline()
            yield shell
        finally:
            shell.kill()
            devkafka.stop(folder)


def _has_ended(broker: Broker, within_seconds: float) -> bool:
    deadline = time.monotonic() + within_seconds
    while process.is_alive(broker.pid, broker.data_dir):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def _topics(broker: Broker) -> list[str]:
    with KafkaAdminClient(bootstrap_servers=broker.bootstrap_servers) as admin:
        return list(admin.list_topics())


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Give a data folder whose broker, if a test leaves one, ends with the test."""
    folder = tmp_path / "kafka"
    yield folder
    devkafka.stop(folder)


def test_a_broker_is_started_found_stopped_and_its_data_found_again(folder: Path) -> None:
    """A second start finds the broker; after a stop the next start has the same data, on the same port."""
    first = devkafka.start(folder)
    with KafkaAdminClient(bootstrap_servers=first.bootstrap_servers) as admin:
        admin.create_topics([NewTopic("kept", 1, 1)])
    assert devkafka.start(folder) == first
    assert devkafka.stop(folder)
    assert devkafka.running(folder) is None
    assert not devkafka.stop(folder)

    again = devkafka.start(folder)

    assert again.bootstrap_servers == first.bootstrap_servers
    assert "kept" in _topics(again)


def test_the_commands_tell_what_runs(folder: Path) -> None:
    """Start, start again, status and stop say what they found, with exit codes for scripts."""
    before = _run("status", "--data-dir", folder)
    started = _run("start", "--data-dir", folder)
    again = _run("start", "--data-dir", folder)
    status = _run("status", "--data-dir", folder, "--json")
    elsewhere = _run("start", "--data-dir", folder, "--port", 1)
    stopped = _run("stop", "--data-dir", folder)
    stopped_again = _run("stop", "--data-dir", folder)
    after = _run("status", "--data-dir", folder, "--json")

    codes = [done.returncode for done in (before, started, again, status, elsewhere, stopped, stopped_again, after)]
    assert codes == [3, 0, 0, 0, 1, 0, 0, 3]
    said = json.loads(status.stdout)
    assert said["running"]
    assert said["answers"]
    assert said["data_dir"] == str(folder)
    assert said["version"] == "4.3.1"
    assert f"{said['bootstrap_servers']} (pid {said['pid']}," in started.stdout
    assert "already runs" in again.stdout
    assert elsewhere.stderr.count("\n") == 1
    assert stopped.stdout == "Kafka is stopped.\n"
    assert "No Kafka was running" in stopped_again.stdout
    assert json.loads(after.stdout)["running"] is False


def test_a_killed_broker_starts_again(folder: Path) -> None:
    """After kill -9 nothing runs, and a start on the same folder works with the data that were there."""
    broker = devkafka.start(folder)
    with KafkaAdminClient(bootstrap_servers=broker.bootstrap_servers) as admin:
        admin.create_topics([NewTopic("kept", 1, 1)])
    os.kill(broker.pid, signal.SIGKILL)
    assert _has_ended(broker, 10)
    assert devkafka.running(folder) is None
    assert "kept" in _topics(devkafka.start(folder))


@pytest.mark.slow
def test_a_broker_whose_record_is_lost_is_not_doubled(folder: Path) -> None:
    """Two brokers on one folder would ruin its data: the second is refused, whatever became of the first's record."""
    broker = devkafka.start(folder)
    record = (folder / "broker.json").read_bytes()
    (folder / "broker.json").unlink()
    try:
        with pytest.raises(BrokerError, match="another Kafka holds"):
            devkafka.start(folder)
        assert devkafka.answers(broker)
    finally:
        (folder / "broker.json").write_bytes(record)


@pytest.mark.slow
def test_two_starts_at_once_make_one_broker(folder: Path) -> None:
    """Starts on one folder take turns: the second finds what the first began."""
    command = [*COMMAND, "start", "--json", "--data-dir", str(folder)]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    said = [json.loads(shell.communicate(timeout=120)[0]) for shell in both]
    assert said[0] == said[1]


@pytest.mark.parametrize("sign", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)])
def test_the_foreground_ends_with_its_broker(folder: Path, sign: signal.Signals) -> None:
    """Ctrl-C and SIGTERM end the command with exit code 0, once the broker has shut down cleanly."""
    with _foreground(folder) as shell:
        broker = devkafka.running(folder)
        shell.send_signal(sign)
        assert shell.wait(40) == 0
        assert not process.is_alive(broker.pid, folder)
        assert (folder / "data" / ".kafka_cleanshutdown").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process that its parent died")
def test_a_killed_foreground_leaves_no_orphan(folder: Path) -> None:
    """Even kill -9 of the command that stays takes the broker with it."""
    with _foreground(folder) as shell:
        broker = devkafka.running(folder)
        shell.kill()
        assert _has_ended(broker, 30)


@pytest.mark.slow
def test_an_interrupted_start_leaves_no_orphan(folder: Path) -> None:
    """A start that is told to end before Kafka answers takes back what it began."""
    with subprocess.Popen([*COMMAND, "start", "--data-dir", str(folder)]) as shell:
        deadline = time.monotonic() + 60
        while (begun := devkafka.running(folder)) is None:
            assert time.monotonic() < deadline
            time.sleep(0.005)
        shell.send_signal(signal.SIGTERM)
        assert shell.wait(40) == 128 + signal.SIGTERM
    assert not process.is_alive(begun.pid, folder)


def test_a_session_uses_a_broker_that_runs_and_leaves_it(kafka: Broker) -> None:
    """What a session did not start, it does not stop."""
    with devkafka.session(kafka.data_dir) as broker:
        assert broker == kafka
    assert devkafka.answers(kafka)


def test_a_taken_port_is_one_line(folder: Path, kafka: Broker) -> None:
    """A port that another program holds is told with what to do, and nothing is started."""
    taken = kafka.bootstrap_servers.rsplit(":", 1)[1]
    done = _run("start", "--data-dir", folder, "--port", taken)
    assert done.returncode == 1
    assert f"port {taken} is taken" in done.stderr.splitlines()[-1]
    assert devkafka.running(folder) is None


@pytest.mark.slow
def test_a_port_taken_meanwhile_is_replaced_by_a_free_one(folder: Path, kafka: Broker) -> None:
    """The last start's port is only preferred: if another program has it now, a free one is chosen."""
    taken = int(kafka.bootstrap_servers.rsplit(":", 1)[1])
    folder.mkdir()
    process.write_record(folder / "broker.json", process.Record(pid=2**22, port=taken, version="4.3.1"))
    assert devkafka.start(folder).bootstrap_servers != kafka.bootstrap_servers


def test_a_stale_pid_is_no_broker(folder: Path) -> None:
    """A pid that another program has by now is neither found nor stopped."""
    folder.mkdir()
    process.write_record(folder / "broker.json", process.Record(pid=os.getpid(), port=20_001, version="4.3.1"))
    assert devkafka.running(folder) is None
    assert not devkafka.stop(folder)


def test_without_network_and_cache_it_is_one_line(folder: Path, tmp_path: Path) -> None:
    """No way to Maven Central: one line that says what to do, and no half-fetched file in the cache."""
    nowhere = f"http://{config.HOST}:9"  # the discard port: nothing listens there
    cache = tmp_path / "m2"
    proxies = {"HTTPS_PROXY": nowhere, "https_proxy": nowhere, "NO_PROXY": "", "no_proxy": ""}
    done = _run("start", "--data-dir", folder, M2_REPO=str(cache), **proxies)
    assert done.returncode == 1
    assert "check the network" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
    assert not list(cache.rglob("*"))


@pytest.mark.slow
def test_with_a_cache_no_network_is_needed(folder: Path, kafka: Broker) -> None:
    """Once the jars are there (for they are: a broker runs), a start asks nobody for anything."""
    nowhere = f"http://{config.HOST}:9"
    done = _run("start", "--data-dir", folder, HTTPS_PROXY=nowhere, https_proxy=nowhere)
    assert done.returncode == 0, done.stderr


def test_a_jar_that_is_not_the_locked_one_is_refused(
    folder: Path, tmp_path: Path, kafka: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A changed jar in the cache ends the start with its name."""
    real = devkafka.jars.repository()
    cache = tmp_path / "m2"
    for jar in devkafka.jars.read_lock():
        (cache / jar.path).parent.mkdir(parents=True, exist_ok=True)
        (cache / jar.path).symlink_to(real / jar.path)
    changed = cache / devkafka.jars.read_lock()[0].path
    changed.unlink()
    changed.write_bytes(b"something else")
    monkeypatch.setenv("M2_REPO", str(cache))
    with pytest.raises(BrokerError, match=r"kafka_2\.13-4\.3\.1\.jar is not the .* that jars\.lock names"):
        devkafka.start(folder)


def test_a_setting_that_kafka_refuses_is_one_line(folder: Path) -> None:
    """What extra_config names reaches the broker, and why Kafka ended is told from its log."""
    with pytest.raises(BrokerError, match=r"^Kafka.*no-number") as told:
        devkafka.start(folder, extra_config={"num.io.threads": "no-number"})
    assert "\n" not in str(told.value)


def test_a_full_disk_is_one_line(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Too little space is told before Kafka fills what is left."""
    monkeypatch.setattr(devkafka, "MIN_FREE_BYTES", 2**63)
    with pytest.raises(BrokerError, match="no space left in"):
        devkafka.start(folder)


def test_a_folder_that_cannot_be_used_is_one_line(tmp_path: Path) -> None:
    """A file where the folder should be is told with what to do."""
    (tmp_path / "file").write_text("")
    with pytest.raises(BrokerError, match="name another with --data-dir"):
        devkafka.start(tmp_path / "file")


def test_each_test_has_names_of_its_own(prefix: str, request: pytest.FixtureRequest) -> None:
    """The prefix is one that Kafka and the settings allow."""
    assert prefix.startswith("t-")
    assert len(prefix) == len("t--") + 12
