"""The broker's settings, and how its port is chosen."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from streams.devkafka import config
from streams.devkafka.errors import BrokerError


@pytest.fixture
def taken_port():
    """Hold a port as another program would."""
    with socket.socket() as holder:
        holder.bind((config.HOST, 0))
        holder.listen()
        yield holder.getsockname()[1]


def test_the_broker_listens_on_this_machine_only() -> None:
    """No listener is open to a network, for the broker asks nobody who they are."""
    entries = config.broker_config(Path("/data"), 20_001, 20_002, {})
    assert entries["listeners"] == "PLAINTEXT://127.0.0.1:20001,CONTROLLER://127.0.0.1:20002"
    assert entries["advertised.listeners"] == "PLAINTEXT://127.0.0.1:20001"
    assert entries["controller.quorum.voters"] == "1@127.0.0.1:20002"
    assert entries["auto.create.topics.enable"] == "false"


def test_values_of_8_mib_fit() -> None:
    """The internal topics hold values of 8 MiB, in batches with some overhead."""
    assert int(config.FIXED["message.max.bytes"]) > 8 * 1024 * 1024 + 64 * 1024


def test_what_the_caller_names_wins() -> None:
    """extra_config replaces entries and adds others."""
    entries = config.broker_config(Path("/data"), 1, 2, {"num.partitions": "3", "some.key": "x"})
    assert entries["num.partitions"] == "3"
    assert entries["some.key"] == "x"


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("plain", "plain"),
        ("/with blanks/in it", "/with blanks/in it"),
        ("  leading", "\\ \\ leading"),
        ("back\\slash", "back\\\\slash"),
        ("two\nlines", "two\\nlines"),
        ("dür", "d\\u00fcr"),
        ("🚂", "\\ud83d\\ude82"),
    ],
)
def test_properties_are_written_as_java_reads_them(value: str, written: str) -> None:
    """Folders have blanks and letters of all alphabets; a properties file is ASCII with escapes."""
    assert config.properties_text({"key": value}) == f"key={written}\n"


def test_a_named_port_is_taken_or_refused(taken_port: int) -> None:
    """Who names a port gets that one or an error that says what to do."""
    free = config.choose_port()
    assert config.broker_port(free, None) == free
    with pytest.raises(BrokerError, match=f"port {taken_port} is taken; name another"):
        config.broker_port(taken_port, None)


@pytest.mark.parametrize("port", [0, -1, 65_536])
def test_what_is_no_port_is_refused(port: int) -> None:
    """A number outside of the ports' range is an error, not a surprise."""
    with pytest.raises(BrokerError, match="is no port"):
        config.broker_port(port, None)


def test_the_last_port_is_taken_again_if_it_is_free(taken_port: int) -> None:
    """Clients find a broker again where it was, unless somebody else is there now."""
    last = config.choose_port()
    assert config.broker_port(None, last) == last
    assert config.broker_port(None, taken_port) != taken_port


def test_chosen_ports_are_none_that_clients_are_given(monkeypatch: pytest.MonkeyPatch) -> None:
    """A chosen port lies below those of outgoing connections, and is none of those ruled out."""
    monkeypatch.setattr(config, "CHOSEN_PORTS", range(20_000, 20_200))
    monkeypatch.setattr(config, "is_free", lambda port: port in {20_007, 20_008})
    assert config.choose_port({20_007}) == 20_008
    monkeypatch.setattr(config, "is_free", lambda _port: False)
    with pytest.raises(BrokerError, match="name one with --port"):
        config.choose_port()
