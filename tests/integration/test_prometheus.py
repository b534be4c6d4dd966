"""The real Prometheus and Alertmanager watch a real worker: targets, rules, panels, alerts that fire and end.

They run with the deployed rules, but for waiting times that are cut from minutes to seconds.
"""

from __future__ import annotations

import json
import math
import re
import shutil
import subprocess
import time
from typing import TYPE_CHECKING, Any
from urllib.error import URLError
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest
import yaml

from tests.observing import Observed, observed
from tests.running import free_port
from tests.unit.test_monitoring_files import ALERTS, DASHBOARDS, DEPLOY, RULES, panels, rules

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from streams.devkafka.broker import Broker

pytestmark = pytest.mark.skipif(
    not (shutil.which("prometheus") and shutil.which("prometheus-alertmanager") and shutil.which("amtool")),
    reason="needs prometheus and prometheus-alertmanager (make packages)",
)
PATIENCE_SECONDS = 90.0


class Watched:
    """A worker, and Prometheus and Alertmanager that watch it."""

    def __init__(self, worker: Observed, folder: Path) -> None:
        self.worker = worker
        self._folder = folder
        self._prometheus, self._alertmanager = free_port(), free_port()
        self._processes: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        """Start both, and wait until the worker has been scraped."""
        self._run(
            "prometheus-alertmanager", f"--config.file={DEPLOY / 'alertmanager' / 'alertmanager.yml'}",
            f"--storage.path={self._folder / 'alertmanager'}", f"--web.listen-address=127.0.0.1:{self._alertmanager}",
            "--cluster.listen-address=",
        )  # fmt: skip
        self._run(
            "prometheus", f"--config.file={self._config()}", f"--storage.tsdb.path={self._folder / 'prometheus'}",
            f"--web.listen-address=127.0.0.1:{self._prometheus}",
        )  # fmt: skip
        eventually(lambda: self.query('up{job="worker"} == 1') and self.query("quotastream_home_partitions == 3"))

    def _run(self, program: str, *arguments: str) -> None:
        with (self._folder / f"{program}.log").open("wb") as log:
            self._processes.append(subprocess.Popen([program, *arguments], stdout=log, stderr=subprocess.STDOUT))

    def _config(self) -> Path:
        """Write the deployed configuration with our ports and short times."""
        config = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text())
        config["global"] = {"scrape_interval": "2s", "evaluation_interval": "1s"}
        config["rule_files"] = [str(self._shortened(file)) for file in RULES]
        config["alerting"]["alertmanagers"][0]["static_configs"][0]["targets"] = [f"127.0.0.1:{self._alertmanager}"]
        config["scrape_configs"] = [config["scrape_configs"][0]]
        config["scrape_configs"][0]["static_configs"][0]["targets"] = [f"127.0.0.1:{self.worker.port}"]
        path = self._folder / "prometheus.yml"
        path.write_text(yaml.safe_dump(config))
        return path

    def _shortened(self, file: Path) -> Path:
        text = re.sub(r"for: \w+", "for: 0s", file.read_text())
        text = re.sub(r"(increase|delta)\((\w+)\[\w+\]\)", r"\1(\2[20s])", text)
        path = self._folder / file.name
        path.write_text(text)
        return path

    def stop(self) -> None:
        """End both."""
        for process in self._processes:
            process.kill()
            process.wait()

    def ask(self, path: str, **parameters: str) -> Any:
        """Return the data of an answer of Prometheus."""
        with urlopen(
            f"http://127.0.0.1:{self._prometheus}/api/v1/{path}?{urlencode(parameters)}", timeout=10
        ) as answer:
            return json.load(answer)["data"]

    def query(self, expression: str) -> list[float]:
        """Return the values that a query gives now, less those that are no numbers."""
        try:
            found = self.ask("query", query=expression)["result"]
        except (URLError, ConnectionError):  # it starts
            return []
        return [value for sample in found if not math.isnan(value := float(sample["value"][1]))]

    def firing(self) -> set[tuple[str, str]]:
        """Return (name, reason or instance) of what Alertmanager has, inhibited or not, as its own tool says."""
        url = f"--alertmanager.url=http://127.0.0.1:{self._alertmanager}"
        said = subprocess.check_output(["amtool", url, "-o", "json", "alert", "query", "--active", "--inhibited"])
        labels = [alert["labels"] for alert in json.loads(said)]
        return {(by["alertname"], by.get("reason") or by.get("instance", "")) for by in labels}


def eventually(holds: Callable[[], object], seen: Callable[[], object] = lambda: "") -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < deadline, seen()
        time.sleep(0.2)


@pytest.fixture(scope="module")
def watched(kafka: Broker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """Run all three; what moves every metric happens while Prometheus looks."""
    folder = tmp_path_factory.mktemp("prometheus")
    with observed(kafka.bootstrap_servers, folder, play=False) as worker:
        watched = Watched(worker, folder)
        try:
            watched.start()
            worker.play()
            yield watched
        finally:
            watched.stop()


def test_the_target_is_up_and_the_rules_are_loaded(watched: Watched) -> None:
    """Prometheus reads the worker's metrics without complaint, has every rule and finds none of them ailing."""

    def target() -> tuple[str, str]:
        found = watched.ask("targets")["activeTargets"][0]
        return found["health"], found["lastError"]

    eventually(lambda: target() == ("up", ""), target)

    def loaded() -> list[dict[str, Any]]:
        return [rule for group in watched.ask("rules")["groups"] for rule in group["rules"]]

    assert len(loaded()) == len(rules())
    eventually(lambda: {rule["health"] for rule in loaded()} == {"ok"}, loaded)
    eventually(lambda: watched.ask("alertmanagers")["activeAlertmanagers"])


@pytest.mark.parametrize("board", [board.stem for board in DASHBOARDS])
def test_no_panel_is_empty(watched: Watched, board: str) -> None:
    """A panel whose query finds nothing shows nothing, and nobody knows whether that is good news."""
    queries = {
        f"{panel['title']}: {target['expr']}": target["expr"].replace("$__rate_interval", "1m")
        for panel in panels(DEPLOY / "grafana" / "dashboards" / f"{board}.json")
        for target in panel["targets"]
    }
    eventually(lambda: all(map(watched.query, queries.values())), lambda: [
        title for title, expression in queries.items() if not watched.query(expression)
    ])  # fmt: skip


def test_dead_letters_raise_an_alert_that_ends(watched: Watched) -> None:
    """Records that can't be used reach whoever is on duty, with the reason, and are forgotten when no more come."""
    alert = ("QuotastreamDeadLettersRising", "empty")
    assert alert not in watched.firing()
    for _ in range(5):
        watched.worker.house.producer.send(watched.worker.house.names.remittances, b"").get(30)
    eventually(lambda: alert in watched.firing(), watched.firing)
    eventually(lambda: alert not in watched.firing(), watched.firing)


def test_a_worker_that_is_gone_raises_an_alert_that_ends(watched: Watched) -> None:
    """A worker that was killed is missed, and no longer once it is back."""
    names = {"QuotastreamWorkerMissing", "QuotastreamNoWorker"}

    def missed() -> set[str]:
        return {name for name, _ in watched.firing()} & names

    eventually(lambda: not missed(), watched.firing)  # a scrape that came late on a busy machine ends by itself
    watched.worker.worker.kill()
    eventually(lambda: missed() == names, watched.firing)
    watched.worker.worker.start().ready()
    eventually(lambda: not missed(), watched.firing)
    assert {alert["alert"] for alert in ALERTS} >= names
