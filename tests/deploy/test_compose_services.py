"""Every service of docker-compose.yml as a plain process: its command, its environment, its files, its health check.

What a container adds (its network, its file system) is put in the place of: names of services are addresses of this
machine, ports are free ones, folders are a test's own. Grafana alone has no package here, and is not run.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.error import URLError
from urllib.request import urlopen

import msgspec
import pytest

from streams import synthetic
from streams.devkafka import broker as devkafka
from streams.devkafka.config import choose_port
from tests.deploy.compose import ROOT, example_environment, load

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PREFIX = "composed-"
SERVICES = load(example_environment() | {"QUOTASTREAM_PREFIX": PREFIX, "QUOTASTREAM_PARTITIONS": "2"})["services"]
OURS = [name for name, service in SERVICES.items() if service["image"].startswith("quotastream:")]
#: Settings of Kafka that are the container's network and disk, or the embedded broker's own.
PLACED = (
    "node.id",
    "process.roles",
    "controller.",
    "listener",
    "advertised.",
    "inter.broker.",
    "log.dirs",
    "heap.opts",
)
#: Debian's name of each program, and what keeps it to a port of its own.
DEBIAN = {
    "prometheus": ("prometheus", ()),
    "alertmanager": ("prometheus-alertmanager", ("--cluster.listen-address=",)),
}
YEAR_LINES = 3_000


def kafka_config() -> dict[str, str]:
    """Return what the official image makes of the kafka service's variables, less its place in the network."""
    given = SERVICES["kafka"]["environment"]
    named = {
        name.removeprefix("KAFKA_").lower().replace("_", "."): v for name, v in given.items() if "KAFKA_" in name
    }
    return {name: value for name, value in named.items() if not name.startswith(PLACED)}


class Composed:
    """The services that run, by name, and where each of them is."""

    def __init__(self, folder: Path, kafka: str) -> None:
        self.folder = folder
        self.ports = {(name, port): choose_port() for name in SERVICES for port in self._ports(name)}
        self._kafka = kafka
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    @staticmethod
    def _ports(name: str) -> set[int]:
        own = SERVICES[name].get("environment", {})
        ports = {int(value) for key, value in own.items() if re.fullmatch(r"QUOTASTREAM_\w+_PORT", key)}
        return ports | {"prometheus": {9090}, "alertmanager": {9093}}.get(name, set())

    def placed(self, text: str, me: str) -> str:
        """Return a text of the file, or of a file that it mounts, as it has to be on this machine."""
        text = text.replace("kafka:19092", self._kafka).replace("0.0.0.0", "127.0.0.1")
        for (name, port), here in self.ports.items():
            text = text.replace(f"{name}:{port}", f"127.0.0.1:{here}")
            if name == me:
                text = re.sub(rf"(?<=127\.0\.0\.1:){port}\b|^{port}$", str(here), text)
        volumes = (volume.split(":") for volume in SERVICES[me].get("volumes", []))
        inside = {place: source for source, place, *_ in volumes}
        return re.sub(r"(?<![\w/.])(/[\w/]+?)(?=/[\w.-]+$|$)", lambda m: self._outside(m[1], inside, me), text)

    def _outside(self, path: str, inside: dict[str, str], me: str) -> str:
        """Return where a folder of the container is here, if it is mounted."""
        for place, source in inside.items():
            if path == place or path.startswith(f"{place}/"):
                return f"{self.mounted(source, me)}{path[len(place) :]}"
        return path

    def mounted(self, source: str, me: str) -> Path:
        """Return the folder that is mounted: a volume's, or the repository's with the names of services placed."""
        if not source.startswith("./"):
            place = self.folder / source
            place.mkdir(exist_ok=True)
            return place
        place = self.folder / f"{me}-{Path(source).name}"
        if not place.exists():
            shutil.copytree(ROOT / source, place)
            for file in place.rglob("*.yml"):
                file.write_text(self.placed_names(file.read_text()))
        return place

    def placed_names(self, text: str) -> str:
        """Return a mounted file's text with the addresses of services as they are here."""
        for (name, port), here in self.ports.items():
            text = text.replace(f"{name}:{port}", f"127.0.0.1:{here}")
        return text

    def environment(self, name: str) -> dict[str, str]:
        """Return a service's variables, and of this machine's only what finds programs."""
        own = {key: self.placed(value, name) for key, value in SERVICES[name].get("environment", {}).items()}
        kept = {key: value for key, value in os.environ.items() if key in ("PATH", "HOME", "LANG", "TMPDIR")}
        return kept | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"} | own

    def command(self, name: str) -> list[str]:
        """Return what the container would run."""
        given = [self.placed(word, name) for word in SERVICES[name]["command"]]
        if name in OURS:
            return ["quotastream", *given]
        program, more = DEBIAN[name]
        (port,) = self._ports(name)
        return [program, *given, f"--web.listen-address=127.0.0.1:{self.ports[name, port]}", *more]

    def run(self, name: str) -> int:
        """Run a service that ends by itself; return its exit code."""
        with self.log(name).open("ab") as log:
            return subprocess.run(
                self.command(name), env=self.environment(name), stdout=log, stderr=log, timeout=120, check=False
            ).returncode

    def start(self, name: str) -> None:
        """Start a service that stays."""
        with self.log(name).open("ab") as log:
            self._running[name] = subprocess.Popen(
                self.command(name), env=self.environment(name), stdout=log, stderr=log, cwd=self.folder
            )

    def log(self, name: str) -> Path:
        """Return where a service's output goes."""
        return self.folder / f"{name}.log"

    def is_healthy(self, name: str) -> bool:
        """Return what its health check says; Debian's images of Prometheus bring no wget, so it is asked directly."""
        assert self._running[name].poll() is None, self.log(name).read_text()[-2_000:]
        words = [self.placed(word, name) for word in health_check(name)]
        if words[0] == "wget":
            return answers(words[-1])
        return subprocess.run(words, env=self.environment(name), capture_output=True, check=False).returncode == 0

    def stop(self, name: str) -> int:
        """Stop a service as `docker compose stop` does; return its exit code."""
        process = self._running.pop(name)
        process.send_signal(signal.SIGTERM)
        try:
            return process.wait(30)
        finally:
            process.kill()

    def stop_all(self) -> None:
        """Leave nothing behind."""
        for process in self._running.values():
            process.kill()
            process.wait()


def health_check(name: str) -> list[str]:
    """Return a service's health check, or the image's."""
    own = SERVICES[name].get("healthcheck", {}).get("test")
    if own:
        return list(own[1:])
    found = re.search(
        r"^HEALTHCHECK (?:.*\\\n)*.*CMD (\[.*\])$", (ROOT / "deploy/docker/Dockerfile").read_text(), re.MULTILINE
    )
    assert found is not None
    return list(msgspec.json.decode(found[1]))


def answers(url: str) -> bool:
    """Return whether something answers with 200."""
    try:
        with urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except (URLError, OSError):
        return False


def asked(url: str) -> Any:
    """Return the JSON at a URL."""
    with urlopen(url, timeout=10) as answer:
        return msgspec.json.decode(answer.read())


def until(holds: Callable[[], Any], within_seconds: float = 120) -> Any:
    """Wait until something holds; return it."""
    deadline = time.monotonic() + within_seconds
    while not (found := holds()):
        assert time.monotonic() < deadline, "it never came to be"
        time.sleep(0.3)
    return found


@pytest.fixture(scope="module")
def composed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Composed]:
    """Bring the services up in the order of their conditions, each once those before it are as they should be."""
    folder = tmp_path_factory.mktemp("composed")
    with devkafka.session(folder / "kafka-data", extra_config=kafka_config()) as broker:
        composed = Composed(folder, broker.bootstrap_servers)
        try:
            waiting = [name for name in SERVICES if name not in ("kafka", "grafana")]
            up = {"kafka"}
            while waiting:
                ready = [name for name in waiting if SERVICES[name].get("depends_on", {}).keys() <= up]
                assert ready, f"these wait for one another: {waiting}"
                for name in ready:
                    if SERVICES[name]["restart"] == "no":
                        assert composed.run(name) == 0, composed.log(name).read_text()
                    else:
                        composed.start(name)
                for name in ready:
                    if SERVICES[name]["restart"] != "no":
                        until(lambda name=name: composed.is_healthy(name))
                    up.add(name)
                    waiting.remove(name)
            yield composed
        finally:
            composed.stop_all()


def test_money_that_comes_in_is_seen_on_the_page_and_in_prometheus(composed: Composed, tmp_path: Path) -> None:
    """The whole of it works together: topics made, workers share them, the page shows, Prometheus scrapes both."""
    file = tmp_path / "year.jsonl"
    messages = list(synthetic.year(1, 12, YEAR_LINES, 2026))
    file.write_bytes(b"".join(msgspec.json.encode(message) + b"\n" for message in messages))
    environment = composed.environment("topics")
    subprocess.run(["quotastream", "publish", str(file)], env=environment, check=True, capture_output=True)
    page = f"http://127.0.0.1:{composed.ports['web', 8420]}"
    until(lambda: asked(f"{page}/api/groups")["total"] == 12)
    prometheus = f"http://127.0.0.1:{composed.ports['prometheus', 9090]}"
    until(lambda: [up["value"][1] for up in _result(prometheus, 'up{job="worker"}')] == ["1", "1"])
    read = "sum(quotastream_records_total)"
    until(lambda: [r for r in _result(prometheus, read) if float(r["value"][1]) >= len(messages)])


def _result(prometheus: str, query: str) -> list[Any]:
    return list(asked(f"{prometheus}/api/v1/query?query={query.replace(' ', '%20')}")["data"]["result"])


def test_each_service_ends_in_time_when_it_is_asked_to(composed: Composed) -> None:
    """`docker compose down` waits for each service's grace period, and then kills: nothing should need that."""
    for name in ("web", "notify", "worker-1", "worker-2"):
        assert composed.stop(name) == 0, composed.log(name).read_text()[-2_000:]
