"""The settings of the way to Kafka: what belongs together, what is never shown, and that every client uses them."""

from __future__ import annotations

import ast
import asyncio
import logging
import os
import re
import ssl
from pathlib import Path

import pytest
import trustme
from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaConnectionError
from pydantic import ValidationError

import streams
from streams.cli import main
from streams.cli.common import CliError, broker_address
from streams.shell import connection
from streams.shell.setting_sources import SettingError, using
from streams.shell.settings import KafkaAccess, Settings, load

PASSWORD = "hunter2-and-more"
SASL = {"SECURITY_PROTOCOL": "SASL_SSL", "SASL_USERNAME": "ann", "SASL_PASSWORD": PASSWORD}


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget what this process was given."""
    for name in [name for name in os.environ if name.startswith("QUOTASTREAM_")]:
        monkeypatch.delenv(name)


def given(monkeypatch: pytest.MonkeyPatch, settings: dict[str, str]) -> None:
    """Put settings into the environment."""
    for name, value in settings.items():
        monkeypatch.setenv(f"QUOTASTREAM_{name}", value)


@pytest.fixture
def ca(tmp_path: Path) -> trustme.CA:
    """Give a CA, with its certificate in ca.pem."""
    ca = trustme.CA()
    ca.cert_pem.write_to_path(tmp_path / "ca.pem")
    return ca


# --- what belongs together ---

WRONG = {
    "no user": ({"SECURITY_PROTOCOL": "SASL_SSL", "SASL_PASSWORD": PASSWORD}, "QUOTASTREAM_SASL_USERNAME"),
    "no password": ({"SECURITY_PROTOCOL": "SASL_SSL", "SASL_USERNAME": "ann"}, "QUOTASTREAM_SASL_PASSWORD_FILE"),
    "an empty password": (SASL | {"SASL_PASSWORD": ""}, "QUOTASTREAM_SASL_PASSWORD"),
    "two passwords": (SASL | {"SASL_PASSWORD_FILE": "file"}, "one of QUOTASTREAM_SASL_PASSWORD_FILE"),
    "a password for nobody": ({"SASL_PASSWORD": PASSWORD}, "QUOTASTREAM_SASL_PASSWORD is given"),
    "a user without SASL": ({"SECURITY_PROTOCOL": "SSL", "SASL_USERNAME": "ann"}, "without SASL"),
    "a CA without TLS": ({"SSL_CA_FILE": "ca.pem"}, "QUOTASTREAM_SSL_CA_FILE is given"),
    "a password in the open": (SASL | {"SECURITY_PROTOCOL": "SASL_PLAINTEXT", "SASL_MECHANISM": "PLAIN"}, "PLAIN"),
    "half a certificate": ({"SECURITY_PROTOCOL": "SSL", "SSL_CERT_FILE": "c.pem"}, "QUOTASTREAM_SSL_KEY_FILE"),
    "a protocol that is none": ({"SECURITY_PROTOCOL": PASSWORD}, "QUOTASTREAM_SECURITY_PROTOCOL"),
    "a mechanism that is none": (SASL | {"SASL_MECHANISM": PASSWORD}, "QUOTASTREAM_SASL_MECHANISM"),
    "a file that isn't there": (
        {"SECURITY_PROTOCOL": "SASL_SSL", "SASL_USERNAME": "ann", "SASL_PASSWORD_FILE": "/no/such"},
        "/no/such can't be read (No such file or directory)",
    ),
    "a CA file that isn't there": (
        {"SECURITY_PROTOCOL": "SSL", "SSL_CA_FILE": "/no/such"},
        "QUOTASTREAM_SSL_CA_FILE",
    ),
}


@pytest.mark.parametrize("what", WRONG)
def test_settings_that_do_not_go_together(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], what: str
) -> None:
    """One line that names the setting and never what was given, exit code 2, before Kafka is asked anything."""
    settings, says = WRONG[what]
    given(monkeypatch, settings)
    assert main.run(["topics", "check", "--bootstrap-servers", "127.0.0.1:1"]) == main.USAGE_EXIT_CODE
    error = capsys.readouterr().err
    assert says in error
    assert error.count("\n") == 1
    assert PASSWORD not in error


def test_a_file_that_holds_no_certificate(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It is named; what is in it isn't."""
    (tmp_path / "ca.pem").write_text(PASSWORD)
    given(monkeypatch, {"SECURITY_PROTOCOL": "SSL", "SSL_CA_FILE": str(tmp_path / "ca.pem")})
    with pytest.raises(SettingError, match=r"QUOTASTREAM_SSL_CA_FILE: .*ca\.pem can't be used") as refused:
        connection.aiokafka("k:1")
    assert PASSWORD not in str(refused.value)


def test_an_empty_password_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A secret that wasn't written yet is no password."""
    (tmp_path / "secret").write_text("\n")
    given(
        monkeypatch,
        {"SECURITY_PROTOCOL": "SASL_SSL", "SASL_USERNAME": "ann", "SASL_PASSWORD_FILE": str(tmp_path / "secret")},
    )
    with pytest.raises(SettingError, match="is empty"):
        connection.aiokafka("k:1")


def test_a_key_with_a_password(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, ca: trustme.CA) -> None:
    """Without its password the key can't be used, and nobody is asked for it on the terminal."""
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415

    made = ca.issue_cert("ops")
    key = serialization.load_pem_private_key(made.private_key_pem.bytes(), None)
    locked = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(PASSWORD.encode()),
    )  # fmt: skip
    (tmp_path / "key").write_bytes(locked)
    made.cert_chain_pems[0].write_to_path(tmp_path / "cert")
    files = {"SSL_CERT_FILE": str(tmp_path / "cert"), "SSL_KEY_FILE": str(tmp_path / "key")}
    given(monkeypatch, {"SECURITY_PROTOCOL": "SSL", **files})
    with pytest.raises(SettingError, match="QUOTASTREAM_SSL_CERT_FILE"):
        connection.aiokafka("k:1")
    (tmp_path / "secret").write_text(PASSWORD)
    given(monkeypatch, {"SSL_KEY_PASSWORD_FILE": str(tmp_path / "secret")})
    assert isinstance(connection.aiokafka("k:1")["ssl_context"], ssl.SSLContext)


# --- what clients are given ---


def test_without_settings_nothing_is_added() -> None:
    """The embedded broker's plaintext."""
    plain = {"bootstrap_servers": "k:1", "security_protocol": "PLAINTEXT"}
    assert connection.aiokafka("k:1") == plain
    assert connection.kafka_python("k:1") == plain
    assert connection.faust_credentials() is None


def test_every_library_is_given_the_same(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, ca: trustme.CA) -> None:
    """User, password, mechanism, and a context that trusts the CA alone and checks names."""
    given(monkeypatch, SASL | {"SSL_CA_FILE": str(tmp_path / "ca.pem"), "SASL_MECHANISM": "SCRAM-SHA-256"})
    faust = connection.faust_credentials()
    for arguments in (connection.aiokafka("k:1"), connection.kafka_python("k:1")):
        context = arguments.pop("ssl_context")
        assert arguments == {
            "bootstrap_servers": "k:1", "security_protocol": "SASL_SSL", "sasl_mechanism": "SCRAM-SHA-256",
            "sasl_plain_username": "ann", "sasl_plain_password": PASSWORD,
        }  # fmt: skip
        for made in (context, faust.ssl_context):
            assert made.verify_mode == ssl.CERT_REQUIRED
            assert made.check_hostname
            assert made.minimum_version >= ssl.TLSVersion.TLSv1_2
            assert len(made.get_ca_certs()) == 1
    assert (faust.username, faust.password) == ("ann", PASSWORD)
    assert (faust.mechanism.value, faust.protocol.value) == ("SCRAM-SHA-256", "SASL_SSL")


def test_names_are_not_checked_only_where_that_was_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Certificates still are."""
    given(monkeypatch, {"SECURITY_PROTOCOL": "SSL", "SSL_CHECK_HOSTNAME": "false"})
    context = connection.aiokafka("k:1")["ssl_context"]
    assert not context.check_hostname
    assert context.verify_mode == ssl.CERT_REQUIRED


def test_a_password_file_is_read_anew(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Its first line, whatever ends it; what it holds at the next connection counts then."""
    file = tmp_path / "secret"
    file.write_bytes(b"one word\r\nand more\n")
    given(monkeypatch, {"SECURITY_PROTOCOL": "SASL_SSL", "SASL_USERNAME": "ann", "SASL_PASSWORD_FILE": str(file)})
    assert connection.aiokafka("k:1")["sasl_plain_password"] == "one word"
    file.write_text("another")
    assert connection.aiokafka("k:1")["sasl_plain_password"] == "another"


def test_the_embedded_broker_is_given_no_password(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who has set one and forgot the address is told, rather than served by a Kafka without any."""
    given(monkeypatch, SASL)
    with pytest.raises(CliError, match="QUOTASTREAM_SECURITY_PROTOCOL is SASL_SSL"):
        broker_address(None)


CLIENTS = {
    "KafkaConsumer", "KafkaProducer", "KafkaAdminClient", "AIOKafkaConsumer", "AIOKafkaProducer", "Producer",
}  # fmt: skip
ITS_OWN = "devkafka/broker.py"  # asks the broker that it started, on loopback


def test_every_client_is_opened_with_them() -> None:
    """No client of any library in streams is made without the arguments of `connection`."""
    found = 0
    for path in sorted(Path(streams.__path__[0]).rglob("*.py")):
        for call in (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)):
            name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
            if name not in CLIENTS or str(path).endswith(ITS_OWN):
                continue
            found += 1
            spread = [ast.unparse(keyword.value) for keyword in call.keywords if keyword.arg is None]
            assert any(text.startswith("connection.") for text in spread), f"{path}:{call.lineno}"
    assert found >= 7


# --- what is never shown ---


def test_a_password_is_never_shown(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """Not by the settings, by what they are dumped to, by errors about them, nor by what Faust is given."""
    given(monkeypatch, SASL)
    with caplog.at_level(logging.DEBUG):
        access, settings = load(KafkaAccess), load(Settings)
        shown = [repr(access), str(access), repr(settings), access.model_dump_json(), str(access.model_dump())]
        shown += [repr(connection.faust_credentials()), str(vars(settings))]
    with pytest.raises(ValidationError) as refused:
        KafkaAccess(security_protocol="SSL")
    shown += [str(refused.value), repr(refused.value)]
    assert all(PASSWORD not in text for text in [*shown, caplog.text])
    assert "QUOTASTREAM_SASL_PASSWORD is given" in str(refused.value)


def test_what_a_client_opened_is_closed_where_its_start_fails() -> None:
    """Nobody else could close it: what it would be known by was never handed out."""

    async def tried() -> None:
        consumer = AIOKafkaConsumer(**connection.aiokafka("127.0.0.1:1"), group_id=None)
        with pytest.raises(KafkaConnectionError):
            async with connection.started(consumer):
                pytest.fail("nothing is there")
        assert consumer._closed

    asyncio.run(tried())


COMMANDS = [
    "worker",
    "publish",
    "topics create",
    "topics check",
    "watch",
    "status",
    "dead-letters list",
    "rebuild",
    "demo",
]


def test_another_process_of_ours_is_let_in_likewise(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The demo's worker gets what the demo was given, from whatever source, and nothing else."""
    file = tmp_path / "settings.toml"
    file.write_text('sasl_username = "ann"\nprefix = "a-"\n')
    given(monkeypatch, {"SECURITY_PROTOCOL": "SASL_SSL", "SASL_PASSWORD": PASSWORD, "CONFIG_FILE": str(file)})
    with using({"ssl_check_hostname": False}):
        environment = connection.environment()
    assert environment == {
        "QUOTASTREAM_SECURITY_PROTOCOL": "SASL_SSL", "QUOTASTREAM_SASL_USERNAME": "ann",
        "QUOTASTREAM_SASL_PASSWORD": PASSWORD, "QUOTASTREAM_SSL_CHECK_HOSTNAME": "False",
    }  # fmt: skip
    given(monkeypatch, {"SSL_CHECK_HOSTNAME": "False"})
    assert not load(KafkaAccess).ssl_check_hostname


@pytest.mark.parametrize("command", COMMANDS)
def test_help_shows_no_secret(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    """Nor is there an option for one: arguments are seen by everyone on the machine."""
    given(monkeypatch, SASL)
    assert main.run([*command.split(), "--help"]) == 0
    text = capsys.readouterr().out
    assert PASSWORD not in text
    assert not re.search(r"--\S*password(?!-file)", text)
