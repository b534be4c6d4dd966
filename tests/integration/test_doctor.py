"""`quotastream doctor` on a real broker: well, and broken in each way that it can be."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import namedtuple
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from kafka import KafkaProducer

from streams.cli import main
from streams.shell import checkup_here, connection
from streams.shell.topic_admin import admin_client, create_missing
from streams.shell.topics import Names
from tests.integration.test_topics import set_config

if TYPE_CHECKING:
    from collections.abc import Callable

    from streams.devkafka.broker import Broker

COMMAND = str(Path(sys.executable).with_name("quotastream"))
Findings = dict[str, list[dict[str, str]]]


@pytest.fixture
def names(kafka: Broker, prefix: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Names:
    """Give an installation whose topics are as they should be, set in the environment."""
    for name in [name for name in os.environ if name.startswith("QUOTASTREAM_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("QUOTASTREAM_BOOTSTRAP_SERVERS", kafka.bootstrap_servers)
    monkeypatch.setenv("QUOTASTREAM_PREFIX", prefix)
    monkeypatch.setenv("QUOTASTREAM_STATE_DIR", str(tmp_path / "state"))
    names = Names(prefix)
    with admin_client(kafka.bootstrap_servers) as admin:
        create_missing(admin, names, 2)
    return names


@pytest.fixture
def doctor(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, Findings]]:
    """Give what runs the doctor: its exit code, and what it found by check."""

    def run(*arguments: str) -> tuple[int, Findings]:
        capsys.readouterr()
        code = main.run(["doctor", "--json", *arguments])
        found: Findings = {}
        for finding in json.loads(capsys.readouterr().out):
            found.setdefault(finding["check"], []).append(finding)
        return code, found

    return run


Doctor = "Callable[..., tuple[int, Findings]]"


def states(found: Findings, check: str) -> set[str]:
    """Return how a check is."""
    return {finding["state"] for finding in found[check]}


def test_all_is_well(names: Names, doctor: Doctor) -> None:
    """Every check is ok, but that nobody works yet; that breaks nothing."""
    code, found = doctor()
    assert code == 0
    workers = found.pop("workers")
    assert workers[0]["says"] == "none was ever there; 0 records behind"
    assert workers[0]["advice"] == "`quotastream worker` starts one"
    assert set(found) == {"configuration", "versions", "disk", "kafka", "clock", "topics", "rights"}
    assert {check for check in found if states(found, check) != {"ok"}} == set()


def test_records_that_nobody_has_read_are_lag(names: Names, kafka: Broker, doctor: Doctor) -> None:
    """Also where no worker has ever committed anything."""
    producer = KafkaProducer(bootstrap_servers=kafka.bootstrap_servers)
    for _ in range(3):
        producer.send(names.remittances, b"x").get(10)
    producer.close()
    assert "3 records behind" in doctor()[1]["workers"][0]["says"]


def test_a_person_sees_a_table_and_what_to_do(names: Names, kafka: Broker) -> None:
    """Through the installed command, with exit code 1 where something is broken."""
    with admin_client(kafka.bootstrap_servers) as admin:
        admin.delete_topics([names.told])
    done = subprocess.run([COMMAND, "doctor"], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "1 thing broken" in done.stderr
    (line,) = [line for line in done.stdout.splitlines() if "failed" in line]
    assert line.split()[:2] == ["topics", "failed"]
    assert f"{names.told}: missing" in line
    assert "`quotastream topics create`" in line


def test_a_topic_with_the_wrong_cleanup_policy(names: Names, kafka: Broker, doctor: Doctor) -> None:
    """It is told with what it costs and what mends it; a worker still runs, so it is a warning."""
    with admin_client(kafka.bootstrap_servers) as admin:
        set_config(admin, names.alerts, "cleanup.policy", "delete")
    code, found = doctor()
    (finding,) = found["topics"]
    assert (code, finding["state"]) == (0, "warning")
    assert f"{names.alerts}: cleanup.policy is delete, should be compact" in finding["says"]
    assert finding["advice"] == "`quotastream topics create`"


def test_min_insync_replicas_that_cannot_be_met(names: Names, kafka: Broker, doctor: Doctor) -> None:
    """Nothing could be written."""
    with admin_client(kafka.bootstrap_servers) as admin:
        set_config(admin, names.status, "min.insync.replicas", "2")
    assert "min.insync.replicas is 2, should be 1" in doctor()[1]["topics"][0]["says"]


@pytest.mark.parametrize(("off", "way"), [(timedelta(days=3), "ahead of"), (timedelta(minutes=-5), "behind")])
def test_a_clock_that_is_off(names: Names, doctor: Doctor, tmp_path: Path, off: timedelta, way: str) -> None:
    """The clock that a worker here would go by is held against Kafka's own."""
    clock = tmp_path / "clock"
    clock.write_text((datetime.now(UTC) + off).isoformat())
    found = doctor("--clock-file", str(clock))
    (finding,) = found[1]["clock"]
    assert (found[0], finding["state"]) == (1, "failed")
    assert f"s {way} Kafka's" in finding["says"]
    assert states(found[1], "configuration") == {"warning", "ok"}


def test_a_broker_that_is_away(names: Names, doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rest is looked at all the same."""
    monkeypatch.setattr(connection, "ANSWER_WITHIN_S", 1)
    code, found = doctor("--bootstrap-servers", "127.0.0.1:1")
    assert code == 1
    assert "no Kafka answers at 127.0.0.1:1" in found["kafka"][0]["says"]
    assert states(found, "versions") == states(found, "disk") == {"ok"}


def test_a_password_file_that_is_not_there(names: Names, doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    """What keeps this machine from even asking Kafka is a finding too."""
    monkeypatch.setenv("QUOTASTREAM_SASL_PASSWORD_FILE", "/no/such")
    code, found = doctor("--security-protocol", "SASL_SSL", "--sasl-username", "ann")
    assert code == 1
    assert "/no/such can't be read" in found["kafka"][0]["says"]


def test_a_state_folder_that_cannot_be_written(names: Names, doctor: Doctor, tmp_path: Path) -> None:
    """A worker would not start."""
    (tmp_path / "file").touch()
    code, found = doctor("--state-dir", str(tmp_path / "file"))
    assert (code, states(found, "disk")) == (1, {"failed"})
    assert "--state-dir" in found["disk"][0]["advice"]


@pytest.mark.parametrize(("free", "state"), [(50 << 20, "failed"), (500 << 20, "warning"), (5 << 30, "ok")])
def test_a_disk_that_is_nearly_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, state: str) -> None:
    """Before it is full, somebody is told."""
    usage = namedtuple("usage", "total used free")  # noqa: PYI024  as shutil has it
    monkeypatch.setattr(checkup_here.shutil, "disk_usage", lambda _: usage(10 << 30, 0, free))
    assert [finding.state for finding in checkup_here.state_folder(tmp_path)] == [state]


def test_a_library_of_another_version(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is named, with the version that it should be."""
    real = checkup_here.metadata.version
    monkeypatch.setattr(checkup_here.metadata, "version", lambda name: "0.7.0" if name == "aiokafka" else real(name))
    (finding,) = checkup_here.versions()
    assert finding.state == "failed"
    assert "aiokafka is 0.7.0, should be " in finding.says


def test_a_secret_that_others_can_read(
    names: Names, doctor: Doctor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the settings file it has to be its owner's alone."""
    monkeypatch.setattr(connection, "ANSWER_WITHIN_S", 1)
    file = tmp_path / "settings.toml"
    file.write_text('security_protocol = "SASL_PLAINTEXT"\nsasl_username = "ann"\nsasl_password = "p"\n')
    file.chmod(0o644)
    _, found = doctor("--config", str(file), "--bootstrap-servers", "127.0.0.1:1")
    assert f"chmod 600 {file}" in [finding["advice"] for finding in found["configuration"]]
    file.chmod(0o600)
    _, found = doctor("--config", str(file), "--bootstrap-servers", "127.0.0.1:1")
    assert states(found, "configuration") == {"ok"}
