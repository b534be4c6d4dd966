"""Over TLS and SCRAM, with the ACLs of deploy/acls.sh and deny by default: who may do what, and what else is said."""

from __future__ import annotations

import json
import os
import secrets
import time
from typing import TYPE_CHECKING, Any

import pytest
from kafka import KafkaAdminClient, KafkaProducer

from streams.cli import main
from streams.shell import connection
from streams.shell.topic_admin import admin_client
from tests.browser.page import Page
from tests.faults.scene import Scene
from tests.integration.secured import WRONG, SecuredBroker, other_ca, secured
from tests.running import free_port, get, readyz_says

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.faults.harness import WorkerProcess

PASSWORD = f'pass-{secrets.token_hex(8)} with = "signs"'
PREFIX = "locked-"
ROLES = ("worker", "producer", "subscriber", "notifier", "analyst", "operator")


class Locked:
    """The locked broker with a user for each role, and a worker that has told a year there."""

    def __init__(self, broker: SecuredBroker, folder: Path) -> None:
        self.broker = broker
        self.users = {role: broker.user(f"the-{role}", PASSWORD) for role in ROLES}
        for role in ROLES:
            broker.give(role, f"the-{role}", PREFIX)
        self.scene = Scene(broker.administration, PREFIX, folder)  # has the administrator make the topics
        self.port = free_port()
        self.worker = self.scene.worker("w1", metrics_port=str(self.port))
        be(self.worker, self.users["worker"])
        self.worker._arguments += ["--bootstrap-servers", broker.address, "--log-level", "debug"]


def be(worker: WorkerProcess, user: dict[str, str]) -> None:
    """Have a worker be a user."""
    worker._environment = worker._environment | user


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Locked]:
    """Give a locked broker on which a worker runs that may do no more than it has to."""
    folder = tmp_path_factory.mktemp("locked")
    with secured(folder) as broker:
        locked = Locked(broker, folder)
        try:
            locked.scene.plays(7, 120, groups=3)
            locked.worker.start().ready()
            locked.scene.publish_all()
            with_one_bad(locked)
            yield locked
        finally:
            locked.scene.close()


def with_one_bad(locked: Locked) -> None:
    """Send something that can't be used."""
    producer = KafkaProducer(bootstrap_servers=locked.broker.administration)
    producer.send(locked.scene.names.remittances, b"nonsense").get(10)
    producer.close()


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no client try for long."""
    monkeypatch.setattr(connection, "ANSWER_WITHIN_S", 2)


class As:
    """Runs commands as somebody."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], locked: Locked) -> None:
        self._monkeypatch, self._capfd, self._locked = monkeypatch, capfd, locked
        monkeypatch.setenv("QUOTASTREAM_PREFIX", PREFIX)

    def __call__(self, user: str | dict[str, str], *arguments: str, **others: str) -> tuple[int, str, str]:
        """Run a command; return its exit code, and what it wrote to stdout and stderr. None of it tells a secret."""
        environment = self._locked.users[user] if isinstance(user, str) else user
        for name, value in (environment | others).items():
            self._monkeypatch.setenv(name, value)
        self._capfd.readouterr()
        code = main.run(list(arguments))
        out, err = self._capfd.readouterr()
        assert PASSWORD not in out + err
        return code, out, err


@pytest.fixture
def run_as(locked: Locked, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> As:
    """Give what runs commands as somebody."""
    return As(monkeypatch, capfd, locked)


# --- the right credentials ---


def test_a_worker_works_with_exactly_its_acls(locked: Locked) -> None:
    """It folds a year, tells it in transactions and writes dead letters, as the model has it; nothing is refused."""
    outputs = locked.scene.compare()
    locked.scene.report("a worker over TLS and SCRAM, with its ACLs alone", outputs)
    assert [letter["reason"] for letter in outputs.dead_letters] == ["not_json"]
    readyz_says(locked.port, "ok\n")
    log = locked.worker.log.read_text()
    assert "uthoriz" not in log
    assert '"level":"error","logger":"streams' not in log


def test_no_secret_is_in_a_log(locked: Locked) -> None:
    """Not even where everything is logged."""
    log = locked.worker.log.read_text()
    assert '"level":"debug"' in log
    assert PASSWORD not in log
    assert PASSWORD not in get(locked.port, "/metrics")[1]


def test_a_client_with_a_certificate_of_its_own(locked: Locked, monkeypatch: pytest.MonkeyPatch) -> None:
    """A listener that asks for a client's certificate takes ours."""
    certificate, key = locked.broker.certificate("ops")
    for name, value in {
        "SECURITY_PROTOCOL": "SSL", "SSL_CA_FILE": str(locked.broker.ca_file), "SSL_CERT_FILE": str(certificate),
        "SSL_KEY_FILE": str(key),
    }.items():  # fmt: skip
        monkeypatch.setenv(f"QUOTASTREAM_{name}", value)
    admin = connection.opened(KafkaAdminClient, locked.broker.with_certificates, 5)
    assert len(admin.describe_cluster()["brokers"]) == 1
    admin.close()


# --- each role ---

OPERATORS = ("topics check", "topics create", "backup {folder}/told.gz", "dead-letters list --json")
ALLOWED = [
    ("producer", ["publish", "{file}"]),
    ("subscriber", ["watch", "--from-start", "--once", "--json"]),
    ("subscriber", ["status", "--json"]),
    ("analyst", ["status", "--json"]),
    ("analyst", ["explain", "{group}"]),
    *(("operator", line.split()) for line in OPERATORS),
    ("operator", ["watch", "--from-start", "--once", "--json"]),
    *((role, ["doctor", "--role", role]) for role in ROLES),
]
REFUSED = [
    ("producer", ["status"]),
    ("producer", ["dead-letters", "list"]),
    ("subscriber", ["dead-letters", "list"]),
    ("subscriber", ["publish", "{file}"]),
    ("subscriber", ["explain", "{group}"]),
    ("analyst", ["dead-letters", "list"]),
    ("analyst", ["publish", "{file}"]),
    ("analyst", ["topics", "create"]),
    ("worker", ["dead-letters", "list"]),
    ("notifier", ["status"]),
]


def filled(locked: Locked, folder: Path, arguments: list[str]) -> list[str]:
    """Put a file to publish and a group in."""
    file = folder / "events.jsonl"
    file.write_text(json.dumps(next(m for m in locked.scene.messages if m["type"] == "remittance")))
    group = next(m["group_id"] for m in locked.scene.messages if m["type"] == "group_opened")
    return [argument.format(file=file, folder=folder, group=group) for argument in arguments]


@pytest.mark.parametrize(("role", "arguments"), ALLOWED)
def test_what_a_role_may(locked: Locked, run_as: As, tmp_path: Path, role: str, arguments: list[str]) -> None:
    """Its commands work."""
    locked.scene.compare()
    code, out, err = run_as(role, *filled(locked, tmp_path, arguments))
    assert code == 0, err
    assert out


@pytest.mark.parametrize(("role", "arguments"), REFUSED)
def test_what_a_role_may_not(
    locked: Locked, run_as: As, tmp_path: Path, quick: None, role: str, arguments: list[str]
) -> None:
    """The others' commands don't, and say so in one line: dead letters are for operators alone."""
    code, out, err = run_as(role, *filled(locked, tmp_path, arguments))
    assert code == connection.REFUSED_EXIT_CODE, err
    assert out == ""
    assert "doesn't allow this" in err
    assert "deploy/acls.sh" in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("role", "of", "lacks"),
    [
        ("subscriber", "worker", [
            "Write or DescribeConfigs on topic locked-quota-status", "Read on group locked-quotastream",
            "Write on transactional-id locked-quotastream-teller-*",
        ]),
        ("worker", "operator", ["Read on topic locked-quota-dead-letters", "Describe on the cluster"]),
        ("producer", "subscriber", ["Read on topic locked-quota-alerts", "Read on group locked-subscriber-*"]),
    ],
)  # fmt: skip
def test_the_doctor_names_the_rights_that_are_missing(run_as: As, role: str, of: str, lacks: list[str]) -> None:
    """Each with what gives it; what this user has is not named."""
    code, out, _ = run_as(role, "doctor", "--role", of, "--json")
    missing = [f for f in json.loads(out) if (f["check"], f["state"]) == ("rights", "failed")]
    assert code == 1
    for lack in lacks:
        assert any(f"may not {lack}" in f["says"] for f in missing), (lack, missing)
    assert {f["advice"] for f in missing} == {f"sh deploy/acls.sh {of} User:the-{role} {PREFIX}"}
    assert not any("policy-changes" in f["says"] for f in missing if role == "producer")


def test_the_doctor_says_that_credentials_are_wrong(locked: Locked, run_as: As, tmp_path: Path, quick: None) -> None:
    """And goes on to say what it could see without Kafka."""
    wrong = tmp_path / "wrong"
    wrong.write_text("wrong")
    code, out, _ = run_as("operator", "doctor", "--json", QUOTASTREAM_SASL_PASSWORD_FILE=str(wrong))
    found = {finding["check"]: finding for finding in json.loads(out)}
    assert code == 1
    assert "the user the-operator" in found["kafka"]["says"]
    assert found["versions"]["state"] == "ok"


def test_an_operator_sends_a_dead_letter_again(locked: Locked, run_as: As, tmp_path: Path) -> None:
    """Mended, and it counts."""
    message = next(m for m in locked.scene.messages if m["type"] == "remittance")
    locked.scene.compare()
    code, out, err = run_as("operator", "dead-letters", "list", "--json")
    letter = json.loads(out.splitlines()[0]) | {"value": json.dumps(message)}
    mended = tmp_path / "mended.jsonl"
    mended.write_text(json.dumps(letter))
    code, out, err = run_as("operator", "dead-letters", "replay", "--file", str(mended), "--yes")
    assert code == 0, err


def test_an_operator_may_rebuild(run_as: As) -> None:
    """Up to the worker that is alive: that is what it is refused for, not for a right that is missing."""
    code, _, err = run_as("operator", "rebuild", "--yes")
    assert (code, "1 worker alive" in err) == (1, True)


def test_who_operates_and_works_may_move_and_restore(locked: Locked, run_as: As, tmp_path: Path) -> None:
    """Both roles together, and no more, are what writing in the workers' place takes."""
    keeper, file = locked.broker.user("keeper", PASSWORD), tmp_path / "told.gz"
    for role in ("operator", "worker"):
        locked.broker.give(role, "keeper", "kept-")
    for line in ("topics create", "rebuild --home-partitions 5 --yes", f"backup {file}", f"restore {file}"):
        code, _, err = run_as(keeper, *line.split(), QUOTASTREAM_PREFIX="kept-")
        assert code == 0, err


def test_a_worker_without_rights_ends_with_one_line(locked: Locked) -> None:
    """It is told at its start, rather than fail again and again."""
    nobody = locked.broker.user("nobody", PASSWORD)
    worker = locked.scene.worker("w2")
    be(worker, nobody)
    worker._arguments += ["--bootstrap-servers", locked.broker.address]
    assert worker.start().process.wait(90) == connection.REFUSED_EXIT_CODE
    assert "doesn't allow this to nobody" in worker.log.read_text()
    assert worker.log.read_text().count("\n") == 1


# --- the wrong ones ---


@pytest.mark.parametrize("what", WRONG)
def test_wrong_settings_give_one_line(
    locked: Locked, run_as: As, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, quick: None, what: str
) -> None:
    """Each says what is wrong and which setting to look at, with the exit code of docs/operations.md."""
    changed, where, says = WRONG[what]
    wrong = tmp_path / "wrong"
    wrong.write_text("wrong")
    user = dict(locked.users["operator"])
    protocol = changed.get("SECURITY_PROTOCOL") or "SASL_SSL"
    for name, value in changed.items():
        if value is None:
            del user[f"QUOTASTREAM_{name}"]
        else:
            user[f"QUOTASTREAM_{name}"] = value.format(wrong=wrong, other_ca=other_ca(tmp_path))
    for word, unused in (("SASL", "_SASL_"), ("SSL", "_SSL_")):
        if word not in protocol.replace("SASL_SSL", "SASL SSL").replace("SASL_PLAINTEXT", "SASL").split():
            user = {name: value for name, value in user.items() if unused not in name}
    port = locked.broker.address.split(":")[1]
    user["QUOTASTREAM_BOOTSTRAP_SERVERS"] = {
        "localhost": locked.broker.address, "127.0.0.1": f"127.0.0.1:{port}",
        "plaintext": locked.broker.administration, "mutual": locked.broker.with_certificates,
    }[where]  # fmt: skip
    for name in [name for name in os.environ if name.startswith("QUOTASTREAM_S")]:
        monkeypatch.delenv(name)
    code, out, err = run_as(user, "topics", "check")
    assert (code, out) == (connection.REFUSED_EXIT_CODE, "")
    assert says in err
    assert err.startswith("quotastream: ")
    assert err.count("\n") == 1


def test_a_worker_with_a_wrong_password_ends_with_one_line(locked: Locked, tmp_path: Path) -> None:
    """It doesn't try for ever: a supervisor sees the exit code."""
    wrong = tmp_path / "wrong"
    wrong.write_text("wrong")
    worker = locked.scene.worker("w3")
    be(worker, locked.users["worker"] | {"QUOTASTREAM_SASL_PASSWORD_FILE": str(wrong)})
    worker._arguments += ["--bootstrap-servers", locked.broker.address]
    assert worker.start().process.wait(90) == connection.REFUSED_EXIT_CODE
    assert "the user the-worker" in worker.log.read_text()
    assert worker.log.read_text().count("\n") == 1


def test_a_worker_outlives_a_change_of_its_password(locked: Locked) -> None:
    """The file is read at every connection: after both were changed, a worker that starts anew goes on."""
    user = locked.users["worker"]
    locked.broker.user("the-worker", "another")  # writes the file too
    with admin_client(locked.broker.administration) as admin:
        assert admin.describe_topics([locked.scene.names.home])[0]["error_code"] == 0
    worker = locked.scene.worker("w4")
    be(worker, user)
    worker._arguments += ["--bootstrap-servers", locked.broker.address]
    worker.start().ready()
    assert worker.stop() == 0
    locked.broker.user("the-worker", PASSWORD)


# --- the page ---


def eventually(holds: Callable[[], Any], within_seconds: float = 60) -> Any:
    """Wait until something holds; return it."""
    deadline = time.monotonic() + within_seconds
    while not (held := holds()):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return held


@pytest.mark.parametrize(
    ("role", "charts", "letters", "lag"),
    [("subscriber", False, False, False), ("analyst", True, False, False), ("operator", True, True, True)],
)
def test_the_page_shows_what_its_role_may_see(
    locked: Locked, role: str, charts: bool, letters: bool, lag: bool
) -> None:
    """What is not allowed is left out and said; nothing of it keeps the rest from being shown."""
    page = Page(locked.broker.address, PREFIX, **locked.users[role]).start()
    try:
        account = eventually(lambda: page.get("api/groups")["groups"])[0]
        path = f"api/groups/{account['group_id']}/{account['plan_year']}"
        assert page.get(path)["status"] == account
        code, _, said = page.answer(f"{path}/chart")
        assert code == (200 if charts else 503), said
        assert charts or b"ACLs" in said
        reasons = {"not_json": 1} if letters else {}
        eventually(lambda: page.get("api/dead-letters")["reasons"] == reasons)
        eventually(lambda: page.get("api/dead-letters")["readable"] is letters)
        fresh = eventually(lambda: (f := page.get("api/freshness"))["workers"] == (1 if lag else None) and f)
        assert (fresh["waiting_records"] is not None) is lag
    finally:
        page.stop()


@pytest.mark.parametrize("role", ["producer", "notifier"])
def test_the_page_says_in_one_line_whom_it_is_not_for(locked: Locked, run_as: As, quick: None, role: str) -> None:
    """A producer doesn't see the outputs; a notifier sees alerts alone."""
    code, _, err = run_as(role, "web", "--port", "0")
    assert code == connection.REFUSED_EXIT_CODE, err
    *logged, said = err.splitlines()
    assert said.startswith("quotastream: ")
    assert "deploy/acls.sh" in said
    assert [line for line in logged if json.loads(line)["level"] != "warning"] == []  # Kafka's client may say so too
