"""`quotastream notify`, as a process, against a real Alertmanager and a webhook that fails."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import uuid
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from kafka import KafkaProducer

from streams.cli import main
from streams.shell.alertmanager import is_open, labels
from streams.shell.cloudevents import headers
from streams.shell.topic_admin import admin_client, create_missing
from streams.shell.topics import Names
from tests.faults.scene import OwnBroker, Scene
from tests.integration.alert_targets import Alertmanager, Webhook, alertmanager, until
from tests.running import free_port, get
from tests.unit.schemas.examples import output

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streams.devkafka.broker import Broker

COMMAND = str(Path(sys.executable).with_name("quotastream"))
OPENED_ON = date(2026, 7, 1)


class Installation:
    """An installation whose alerts a test tells itself, and the notifiers that read them."""

    def __init__(self, kafka: Broker | OwnBroker, prefix: str, folder: Path) -> None:
        self.address, self.names, self.folder = kafka.bootstrap_servers, Names(prefix), folder
        with admin_client(self.address) as admin:
            create_missing(admin, self.names, 2)
        self._producer = KafkaProducer(bootstrap_servers=self.address)
        self.processes: list[subprocess.Popen[bytes]] = []
        self.log = folder / "notify.log"

    def tell(self, episode: str, group: str, *history: tuple[str, str], **fields: Any) -> dict[str, Any]:
        """Tell an episode whole: its transitions so far, with the severities."""
        entries = [
            {"on_day": str(OPENED_ON + timedelta(days=n)), "transition": transition, "severity": severity}
            for n, (transition, severity) in enumerate(history)
        ]
        last = entries[-1] if entries else {"on_day": str(OPENED_ON), "transition": "retracted", "severity": None}
        alert = output("quota_alert") | last | {
            "alert_id": str(uuid.uuid4()), "episode_id": str(uuid.uuid5(uuid.NAMESPACE_URL, episode)),
            "group_id": group, "region": "dandong", "kind": "behind_pace", "levy_id": None, "history": entries,
            "opened_on": str(OPENED_ON), "summary": f"{group}: {last['transition']}",
        } | fields  # fmt: skip
        self._producer.send(
            self.names.alerts, key=alert["episode_id"].encode(), value=json.dumps(alert).encode(),
            headers=headers("quota_alert", alert["alert_id"], group), partition=len(group) % 2,
        ).get(10)  # fmt: skip
        return alert

    def notify(self, *arguments: str, **settings: str) -> subprocess.Popen[bytes]:
        """Start a notifier."""
        given = {
            "bootstrap_servers": self.address, "prefix": self.names.prefix, "session_timeout_seconds": "2",
            "notify_timeout_seconds": "1", **settings,
        }  # fmt: skip
        environment = os.environ | {f"QUOTASTREAM_{name.upper()}": value for name, value in given.items()}
        with self.log.open("ab") as log:
            process = subprocess.Popen([COMMAND, "notify", *arguments], env=environment, stdout=log, stderr=log)
        self.processes.append(process)
        return process

    def close(self) -> None:
        """End what still runs."""
        self._producer.close()
        for process in self.processes:
            process.kill()
            process.wait()


@pytest.fixture
def house(kafka: Broker, prefix: str, tmp_path: Path) -> Iterator[Installation]:
    """Give an installation."""
    house = Installation(kafka, prefix, tmp_path)
    yield house
    house.close()


@pytest.fixture
def hook() -> Iterator[Webhook]:
    """Give a webhook that listens."""
    hook = Webhook()
    hook.start()
    yield hook
    hook.stop()


@pytest.fixture
def manager(tmp_path: Path, hook: Webhook) -> Iterator[Alertmanager]:
    """Give an Alertmanager that tells the webhook what people would be told."""
    with alertmanager(tmp_path / "alertmanager", hook.url) as one:
        yield one


def told(hook: Webhook, group: str) -> list[tuple[str, str]]:
    """Return what people were told of a group: severity and whether it fires, in order, repeats left out."""
    said: list[tuple[str, str]] = []
    for _, body in hook.posts:
        for alert in body["alerts"]:
            one = (alert["labels"]["severity"], alert["status"])
            if alert["labels"]["group_id"] == group and one not in said:
                said.append(one)
    return said


# --- Alertmanager ---


def test_an_episode_in_alertmanager_from_its_opening_to_its_end(
    house: Installation, manager: Alertmanager, hook: Webhook
) -> None:
    """It fires, an escalation replaces it, and once it is resolved nothing fires; restarts change nothing."""
    house.tell("e1", "g1", ("opened", "warning"))
    house.tell("e2", "old", ("opened", "warning"), ("resolved", "warning"))
    notifier = house.notify(alertmanager_url=manager.url, notify_resend_seconds="1")
    fires = until(manager.alerts, "the warning fires")
    assert set(fires) == {("g1", "QuotaBehindPace", "warning")}
    alert = fires["g1", "QuotaBehindPace", "warning"]
    assert alert["labels"] == {
        "alertname": "QuotaBehindPace", "kind": "behind_pace", "group_id": "g1", "region": "dandong",
        "plan_year": "2026", "severity": "warning",
    }  # fmt: skip
    assert alert["annotations"]["summary"] == "g1: opened"
    assert alert["startsAt"].startswith(str(OPENED_ON))

    house.tell("e1", "g1", ("opened", "warning"), ("escalated", "critical"))
    critical = {("g1", "QuotaBehindPace", "critical")}
    until(lambda: set(manager.alerts()) == critical, "the critical one alone fires")
    until(lambda: ("warning", "resolved") in told(hook, "g1"), "the warning is resolved")
    assert "g1: escalated" in manager.amtool("severity=critical")
    assert "g1" not in manager.amtool("severity=warning")

    manager.stop()  # it forgets what fired
    manager.start()
    until(lambda: set(manager.alerts()) == critical, "what is open is told again")

    notifier.send_signal(signal.SIGTERM)
    assert notifier.wait(15) == 0
    house.tell("e1", "g1", ("opened", "warning"), ("escalated", "critical"), ("resolved", "critical"))
    house.notify(alertmanager_url=manager.url, notify_resend_seconds="1")
    until(lambda: not manager.alerts(), "nothing fires")
    until(lambda: ("critical", "resolved") in told(hook, "g1"), "people are told that it is over")
    assert told(hook, "old") == []


def test_what_is_retracted_or_lapses_ends_and_what_has_its_labels_goes_on(
    house: Installation, manager: Alertmanager
) -> None:
    """Late knowledge may retract an episode and open another of the kind: the labels are the same, and it fires."""
    house.tell("e1", "g1", ("opened", "critical"))
    house.tell("e3", "other", ("opened", "warning"), kind="levy_behind", levy_id="railway")
    house.notify(alertmanager_url=manager.url, notify_resend_seconds="1")
    until(lambda: len(manager.alerts()) == 2, "both fire")
    house.tell("e1b", "g1", ("opened", "critical"))
    house.tell("e1", "g1")
    house.tell("e3", "other", ("opened", "warning"), ("lapsed", "warning"), kind="levy_behind", levy_id="railway")
    (alert,) = until(lambda: len(fires := manager.alerts()) == 1 and fires.values(), "the levy's has ended")
    assert (alert["labels"]["group_id"], alert["annotations"]["summary"]) == ("g1", "g1: opened")
    house.tell("e1b", "g1")
    until(lambda: not manager.alerts(), "the other one is retracted too")


def test_what_is_open_is_known_though_its_message_was_committed_long_ago(
    house: Installation, manager: Alertmanager
) -> None:
    """A notifier that was killed knows at once what is open: all of it is in the compacted topic."""
    for n in range(5):
        house.tell(f"e{n}", f"g{n}", ("opened", "warning"))
    first = house.notify(alertmanager_url=manager.url)
    groups = {f"g{n}" for n in range(5)}
    until(lambda: {group for group, *_ in manager.alerts()} == groups, "all are told")
    first.kill()
    first.wait()
    manager.stop()
    manager.start()
    assert manager.alerts() == {}
    house.notify(alertmanager_url=manager.url)
    until(lambda: {group for group, *_ in manager.alerts()} == groups, "what is open is told again")


@pytest.mark.slow
def test_what_fires_is_what_workers_tell_is_open(house: Installation, manager: Alertmanager, tmp_path: Path) -> None:
    """A made-up year with retractions and escalations in it, told by a worker, through a notifier that is killed."""
    scene = Scene(house.address, house.names.prefix, tmp_path / "scene")
    try:
        scene.plays(11, 600, groups=8)
        scene.workers(1)
        publishing = scene.publish(10)
        for _ in range(2):
            notifier = house.notify(alertmanager_url=manager.url, notify_resend_seconds="1")
            until(manager.alerts, "something fires")
            notifier.kill()
            notifier.wait()
        house.notify(alertmanager_url=manager.url, notify_resend_seconds="1")
        scene.acknowledged(publishing)
        episodes = scene.compare().episodes.values()
    finally:
        scene.close()
    known_by = {labels(body, body["severity"]) for body in episodes if is_open(body)}
    assert known_by
    until(lambda: manager.labels() == known_by, f"what fires is what is open: {known_by ^ manager.labels()}")


# --- a webhook ---


def ids(hook: Webhook) -> list[str]:
    """Return the CloudEvents' ids that were accepted, in order."""
    return [body["id"] for _, body in hook.posts]


def test_a_webhook_gets_cloud_events_once_it_accepts_them(house: Installation, tmp_path: Path) -> None:
    """Refused connections, 500s and a timeout: each is tried again, in order, and none is lost."""
    hook = Webhook()  # doesn't listen yet
    (tmp_path / "token").write_text("s3cret\n")
    port = free_port()
    sent = [house.tell(f"e{n}", "g1", ("opened", "warning")) for n in range(3)]
    notifier = house.notify(
        webhook_url=hook.url, notify_token_file=str(tmp_path / "token"), metrics_port=str(port),
    )  # fmt: skip
    until(lambda: "can't be posted to" in house.log.read_text(), "the connection is refused")
    until(lambda: "[-] target: http://127.0.0.1" in get_or_refused(port, "/readyz")[1], "it isn't ready")
    hook.fails = [500, "timeout", 503]
    hook.start()
    try:
        until(lambda: len(hook.posts) == 3, "all are accepted")
        assert ids(hook) == [alert["alert_id"] for alert in sent]
        assert hook.tries == 6
        head, event = hook.posts[0]
        assert head["Content-Type"].startswith("application/cloudevents+json")
        assert head["Authorization"] == "Bearer s3cret"
        assert event["data"] == sent[0]
        assert (event["specversion"], event["type"]) == ("1.0", "org.quotastream.quota_alert.v1")
        assert event["subject"] == "g1"
        until(lambda: get(port, "/readyz") == (200, "ok\n"), "it is ready")
        assert "quotastream_notify_messages_total 3.0" in get(port, "/metrics")[1]
        sent.append(house.tell("e9", "g1", ("opened", "warning"), ("resolved", "warning")))
        until(lambda: len(hook.posts) == 4, "what comes later is posted as it comes")
        notifier.send_signal(signal.SIGTERM)
        assert notifier.wait(15) == 0
        assert ids(hook) == [alert["alert_id"] for alert in sent]
        said = house.log.read_text()
        assert "s3cret" not in said
        assert "secret-path" not in said
    finally:
        hook.stop()


def test_the_first_time_a_webhook_is_told_what_is_open(house: Installation, hook: Webhook) -> None:
    """And not of all that ever was; after that, of everything."""
    house.tell("past", "g1", ("opened", "warning"), ("resolved", "warning"))
    now = house.tell("now", "g1", ("opened", "warning"))
    house.notify(webhook_url=hook.url)
    until(lambda: hook.posts, "the open one is told")
    later = house.tell("now", "g1", ("opened", "warning"), ("resolved", "warning"))
    until(lambda: len(hook.posts) == 2, "its end is told")
    assert ids(hook) == [now["alert_id"], later["alert_id"]]


def test_kill_between_post_and_commit_repeats_and_loses_nothing(house: Installation, hook: Webhook) -> None:
    """The message that was posted when it died is posted again by the next one, with the same id; so is the rest."""
    victim = house.notify(webhook_url=hook.url)
    first = house.tell("e0", "g1", ("opened", "warning"))
    until(lambda: hook.posts, "it works")
    house_log = house.log.read_text
    fatal = str(uuid.uuid5(uuid.NAMESPACE_URL, "e2"))

    def kill(event: dict[str, Any]) -> None:
        if event["data"]["episode_id"] == fatal and victim.poll() is None:
            victim.kill()
            victim.wait()

    hook.on_post = kill
    sent = [house.tell(f"e{n}", "g1", ("opened", "warning")) for n in range(1, 6)]
    until(lambda: victim.poll() is not None, f"it is killed: {house_log()}")
    house.notify(webhook_url=hook.url)
    until(lambda: sent[-1]["alert_id"] in ids(hook), "the next one posts the rest")
    got = ids(hook)
    assert set(got) == {alert["alert_id"] for alert in [first, *sent]}
    assert got.count(sent[1]["alert_id"]) == 2
    in_order = list(dict.fromkeys(got))
    assert in_order == [first["alert_id"], *(alert["alert_id"] for alert in sent)]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_broker_that_is_away_is_waited_for(tmp_path: Path, hook: Webhook, prefix: str) -> None:
    """The notifier stays alive, says that it isn't ready, and goes on by itself; what came before isn't repeated."""
    broker = OwnBroker(tmp_path / "kafka")
    house = Installation(broker, prefix, tmp_path)
    port = free_port()
    try:
        notifier = house.notify(webhook_url=hook.url, metrics_port=str(port))
        sent = [house.tell("e0", "g1", ("opened", "warning"))]
        until(lambda: get_or_refused(port, "/readyz") == (200, "ok\n") and hook.posts, "it works")
        broker.kill()
        until(lambda: "[-] kafka" in get(port, "/readyz")[1], "it isn't ready", 150)
        assert get(port, "/livez") == (200, "ok\n")
        broker.start()
        until(lambda: get(port, "/readyz") == (200, "ok\n"), "it is ready again", 150)
        sent.append(house.tell("e1", "g1", ("opened", "warning")))
        until(lambda: len(hook.posts) == 2, "it goes on")
        assert ids(hook) == [alert["alert_id"] for alert in sent]
        notifier.send_signal(signal.SIGTERM)
        assert notifier.wait(20) == 0
    finally:
        house.close()
        broker.close()


def get_or_refused(port: int, path: str) -> tuple[int, str]:
    """Return what is answered, or nothing where nobody listens yet."""
    try:
        return get(port, path)
    except OSError:
        return 0, ""


@pytest.mark.slow
def test_a_second_notifier_of_the_same_name_takes_over(house: Installation, hook: Webhook) -> None:
    """The first ends with one line and an exit code of its own, rather than that both post."""
    first = house.notify(webhook_url=hook.url)
    house.tell("e0", "g1", ("opened", "warning"))
    until(lambda: hook.posts, "it works")
    house.notify(webhook_url=hook.url)
    assert first.wait(60) == 6
    assert "another notifier has taken over" in house.log.read_text()
    told = house.tell("e1", "g1", ("opened", "warning"))
    until(lambda: told["alert_id"] in ids(hook), "the second works")


WRONG = {
    "no target": ({}, 2, "--webhook-url"),
    "two targets": ({"webhook_url": "http://a", "alertmanager_url": "http://b"}, 2, "give one of"),
    "no address": ({"webhook_url": "ftp://a"}, 2, "QUOTASTREAM_WEBHOOK_URL"),
    "a password in the address": ({"webhook_url": "http://a:s3cret@b"}, 2, "QUOTASTREAM_NOTIFY_PASSWORD_FILE"),
    "a user without a password": ({"webhook_url": "http://a", "notify_username": "x"}, 2, "go together"),
    "a token that isn't there": ({"webhook_url": "http://a", "notify_token_file": "/no/such"}, 2, "/no/such"),
    "no topic": ({"webhook_url": "http://a", "prefix": "nowhere-"}, 1, "no topic nowhere-quota-alerts"),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_is_set_wrong_is_one_line(
    kafka: Broker, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], what: str
) -> None:
    """With an exit code, and without a secret."""
    settings, code, says = WRONG[what]
    for name, value in settings.items():
        monkeypatch.setenv(f"QUOTASTREAM_{name.upper()}", value)
    assert main.run(["notify", "--bootstrap-servers", kafka.bootstrap_servers]) == code
    said = capsys.readouterr().err
    assert says in said
    assert said.count("\n") == 1
    assert "s3cret" not in said
