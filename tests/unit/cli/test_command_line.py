"""The command line as a whole: help, usage, errors of one line, exit codes."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import typer.main

from streams.cli import commands, common, main
from streams.devkafka import broker
from streams.shell import connection

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def no_kafka_anywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide whatever Kafka this machine has."""
    monkeypatch.delenv("QUOTASTREAM_BOOTSTRAP_SERVERS", raising=False)
    monkeypatch.delenv("QUOTASTREAM_PREFIX", raising=False)
    monkeypatch.setattr(broker, "running", lambda *_: None)


def leaves(command: typer.main.TyperGroup | object, path: list[str]) -> Iterator[list[str]]:
    """Yield the path of every command below one."""
    for name, below in getattr(command, "commands", {}).items():
        yield from leaves(below, [*path, name])
    if not getattr(command, "commands", None):
        yield path


COMMANDS = list(leaves(typer.main.get_command(main.app), []))


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_command_has_help_with_an_example(path: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever asks a command for help sees a line that can be typed as it stands."""
    assert main.run([*path, "--help"]) == 0
    assert f"quotastream {' '.join(path)}" in capsys.readouterr().out.split("Example", 1)[1]


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """The version comes from the installed distribution."""
    assert main.run(["--version"]) == 0
    assert capsys.readouterr().out.startswith("quotastream 0.")


def test_the_list_of_commands_waits_for_no_library() -> None:
    """Who asks for help, or mistypes a command, is answered at once: what a command needs, only it imports."""
    asked = "import sys; from streams.cli import main; main.run(['--help']); print('imported', *sys.modules)"
    said = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True).stdout
    assert not {"kafka", "pydantic", "rich", "numpy", "structlog"} & set(said.split("imported", 1)[1].split())


@pytest.mark.parametrize("summary", commands.SUMMARIES.values())
def test_the_list_says_what_a_command_does_on_one_line(summary: str) -> None:
    """The list is read at a glance, on a terminal of 80 columns."""
    assert len(summary) <= 80 - len("  dead-letters  ")
    assert summary.endswith(".")


@pytest.mark.parametrize("arguments", [[], ["topics"], ["kafka"]])
def test_a_group_of_commands_alone_shows_its_help(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Without a command there is nothing to do: its help, and exit code 2."""
    assert main.run(arguments) == 2
    assert "Commands:" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["topisc"], "No such command 'topisc'"),
        (["topics", "create", "--partitions", "x"], "--partitions"),
        (["topics", "create", "--partitions", "0"], "--partitions"),
        (["publish"], "FILE"),
        (["status", "--level", "bad"], "bad is none of critical"),
        (["watch", "--prefix", "a b"], "at most 64 letters"),
        (["demo", "--year", "1999"], "--year"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_code_2(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The line names what is wrong and where to read on."""
    assert main.run(arguments) == 2
    error = capsys.readouterr().err
    assert said in error
    assert "--help" in error
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    "arguments", [["topics", "check"], ["watch"], ["status"], ["publish", "-"]], ids=lambda arguments: arguments[0]
)
def test_without_a_kafka_a_command_says_what_would_start_one(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Nobody has to guess where the broker was to come from."""
    assert main.run(arguments) == 1
    error = capsys.readouterr().err
    assert "`quotastream kafka start` would start one" in error
    assert error.count("\n") == 1


def test_the_running_embedded_broker_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    """What is given comes before what runs."""
    running = broker.Broker("127.0.0.1:1234", 1, tmp_path)  # type: ignore[arg-type]
    monkeypatch.setattr(broker, "running", lambda *_: running)
    assert common.broker_address(None) == "127.0.0.1:1234"
    assert common.broker_address("elsewhere:9092") == "elsewhere:9092"


def test_a_broker_that_does_not_answer_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The address from the environment is named, and nothing else is on the terminal."""
    monkeypatch.setenv("QUOTASTREAM_BOOTSTRAP_SERVERS", "127.0.0.1:1")
    monkeypatch.setattr(connection, "ANSWER_WITHIN_S", 1)
    assert main.run(["status"]) == 1
    error = capsys.readouterr().err
    assert error.startswith("quotastream: no Kafka answers at 127.0.0.1:1 ")
    assert error.count("\n") == 1


def test_a_reader_that_has_seen_enough_is_no_error() -> None:
    """A pipe that closes early ends the command quietly."""
    reader, writer = os.pipe()
    with os.fdopen(writer, "w") as pipe:
        os.close(reader)
        done = subprocess.run(
            [sys.executable, "-m", "streams.cli", "--help"], stdout=pipe, stderr=subprocess.PIPE, check=False
        )
    assert (done.returncode, done.stderr) == (0, b"")


def test_no_colours_in_a_pipe() -> None:
    """Even where the environment calls for a fine terminal, a pipe gets plain text."""
    environment = os.environ | {"TERM": "xterm-256color"}
    done = subprocess.run(
        [sys.executable, "-m", "streams.cli", "--help"], capture_output=True, env=environment, check=True
    )
    assert b"\x1b" not in done.stdout
