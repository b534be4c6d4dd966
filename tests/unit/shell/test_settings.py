"""Settings: which source counts, what is said of a wrong one, and that the page of them is as they are."""

from __future__ import annotations

import ast
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import typer.main

from streams.cli import main
from streams.shell import settings_page
from streams.shell.setting_sources import SettingError, default_settings_file, flag_of, variable_of
from streams.shell.settings import ClockSettings, KafkaAccess, Settings, is_secret, load

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "settings.md"

SECRET = "hunter2-and-more"
SASL = {"SECURITY_PROTOCOL": "SASL_SSL", "SASL_USERNAME": "ann"}


def leaves(command: object, *path: str) -> Iterator[tuple[str, ...]]:
    """Yield the path of every command below one."""
    below = getattr(command, "commands", None)
    if not below:
        yield path
    for name, one in (below or {}).items():
        yield from leaves(one, *path, name)


COMMANDS = list(leaves(typer.main.get_command(main.app)))


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget what this process was given."""
    for name in [name for name in os.environ if name.startswith("QUOTASTREAM_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a settings file, empty yet, that the environment names."""
    file = tmp_path / "settings.toml"
    file.touch()
    monkeypatch.setenv("QUOTASTREAM_CONFIG_FILE", str(file))
    return file


def shown(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, tuple[object, str, str]]:
    """Return (value, source, where) of each setting, as `config show --json` has it."""
    assert main.run(["config", "show", "--json", *arguments]) == 0
    rows = json.loads(capsys.readouterr().out)
    return {row["setting"]: (row["value"], row["source"], row["where"]) for row in rows}


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Return what is said of a wrong setting: one line, with exit code 2."""
    assert main.run(["config", "show", *arguments]) == main.USAGE_EXIT_CODE
    out, error = capsys.readouterr()
    assert (out, error.count("\n")) == ("", 1)
    assert SECRET not in error
    return error


def test_a_flag_goes_before_the_environment_that_before_the_file_that_before_the_default(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], file: Path
) -> None:
    """Each level that is taken away shows the one below it, and where it stands."""
    file.write_text("partitions = 6\n")
    monkeypatch.setenv("QUOTASTREAM_PARTITIONS", "5")
    assert shown(capsys, "--partitions", "7")["partitions"] == (7, "flag", "--partitions")
    assert shown(capsys)["partitions"] == (5, "environment", "QUOTASTREAM_PARTITIONS")
    monkeypatch.delenv("QUOTASTREAM_PARTITIONS")
    assert shown(capsys)["partitions"] == (6, "file", f"partitions in {file}")
    file.write_text("")
    assert shown(capsys)["partitions"] == (4, "default", "default")


def test_an_empty_flag_counts_and_an_empty_variable_does_not(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], file: Path
) -> None:
    """Compose files pass on empty variables; who types an empty flag means it."""
    file.write_text('prefix = "a-"\n')
    monkeypatch.setenv("QUOTASTREAM_PREFIX", "")
    assert shown(capsys)["prefix"][:2] == ("a-", "file")
    assert shown(capsys, "--prefix", "")["prefix"][:2] == ("", "flag")


def test_a_file_that_a_flag_names_goes_before_that_of_the_environment(
    capsys: pytest.CaptureFixture[str], file: Path, tmp_path: Path
) -> None:
    """And the default place is read where nothing is named."""
    file.write_text("partitions = 6\n")
    other = tmp_path / "other.toml"
    other.write_text("commit_seconds = 2\n")
    assert shown(capsys, "--config", str(other))["commit_seconds"] == (2.0, "file", f"commit_seconds in {other}")
    assert shown(capsys, "--config", str(other))["partitions"][0] == 4


def test_the_default_place_need_not_be_there(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """It is below the platform's folder for configuration; a file that is named has to be there."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert default_settings_file().is_relative_to(tmp_path)
    assert shown(capsys)["partitions"][1] == "default"
    default_settings_file().parent.mkdir()
    default_settings_file().write_text("partitions = 9")
    assert shown(capsys)["partitions"][:2] == (9, "file")
    assert "that --config names is not there" in refused(capsys, "--config", str(tmp_path / "none"))


def test_secrets_are_masked_and_no_flags(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], file: Path
) -> None:
    """Wherever a secret comes from, it is not shown; and no command takes one as an argument."""
    for name, value in SASL.items():
        monkeypatch.setenv(f"QUOTASTREAM_{name}", value)
    file.write_text(f'sasl_password = "{SECRET}"')
    assert shown(capsys)["sasl_password"][:2] == ("********", "file")
    assert load(Settings).sasl_password.get_secret_value() == SECRET
    secrets = [name for name, info in Settings.model_fields.items() if is_secret(info)]
    assert "sasl_password" in secrets
    for name in secrets:
        assert "No such option" in refused(capsys, f"--{name.replace('_', '-')}", "x")


UNKNOWN = {
    "a variable": (
        {"PARTITON": "3"},
        "",
        (),
        ("QUOTASTREAM_PARTITON, ", "environment", "QUOTASTREAM_PARTITIONS?"),
    ),
    "a variable like none": ({"XYZZY": SECRET}, "", (), ("QUOTASTREAM_XYZZY", "quotastream config show")),
    "a key": ({}, "sesion-timeout-seconds = 3", (), ("sesion-timeout-seconds", "{file}", "session_timeout_seconds?")),
    "a table": ({}, "[kafka]\nprefix = 'a'", (), ("kafka", "{file}")),
    "a flag": ({}, "", ("--partiitons", "3"), ("--partiitons",)),
}
WRONG = {
    "in a variable": ({"COMMIT_SECONDS": SECRET}, "", (), ("setting QUOTASTREAM_COMMIT_SECONDS:",)),
    "in the file": ({}, f'commit_seconds = "{SECRET}"', (), ("setting commit_seconds in {file}:",)),
    "of a flag": ({}, "commit_seconds = 1", ("--commit-seconds", SECRET), ("value for --commit-seconds:", "--help")),
    "hidden by a right one": ({"COMMIT_SECONDS": "0"}, "commit_seconds = 1", (), ("QUOTASTREAM_COMMIT_SECONDS",)),
    "no TOML": ({}, f"commit_seconds = {SECRET}", (), ("{file} is no TOML",)),
    "a prefix that Kafka refuses": ({}, "prefix = 'a b'", (), ("prefix in {file}: at most 64 letters",)),
}


@pytest.mark.parametrize("what", [*UNKNOWN, *WRONG])
def test_what_is_unknown_or_wrong_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], file: Path, what: str
) -> None:
    """It names the setting and the place, what was probably meant, and never what was given."""
    environment, text, arguments, says = (UNKNOWN | WRONG)[what]
    for name, value in environment.items():
        monkeypatch.setenv(f"QUOTASTREAM_{name}", value)
    file.write_text(text)
    error = refused(capsys, *arguments)
    for part in says:
        assert part.format(file=file) in error


def test_what_kubernetes_says_of_services_is_no_setting(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A Service named quotastream-metrics gives each pod a QUOTASTREAM_METRICS_PORT that is none of ours."""
    for name, value in {
        "METRICS_SERVICE_HOST": "10.0.0.1", "METRICS_SERVICE_PORT": "9100", "METRICS_SERVICE_PORT_HTTP": "9100",
        "METRICS_PORT": "tcp://10.0.0.1:9100", "METRICS_PORT_9100_TCP": "tcp://10.0.0.1:9100",
        "METRICS_PORT_9100_TCP_PROTO": "tcp", "METRICS_PORT_9100_TCP_PORT": "9100",
        "METRICS_PORT_9100_TCP_ADDR": "10.0.0.1",
    }.items():  # fmt: skip
        monkeypatch.setenv(f"QUOTASTREAM_{name}", value)
    assert shown(capsys)["metrics_port"] == (None, "default", "default")


def test_every_setting_can_be_given_in_every_way(capsys: pytest.CaptureFixture[str]) -> None:
    """A setting has a flag unless it is secret, a description, and a row of its own."""
    assert main.run(["config", "show", "--help"]) == 0
    text = capsys.readouterr().out
    for name, info in Settings.model_fields.items():
        assert info.description
        assert (f"--{name.replace('_', '-')} " in text) is not is_secret(info), name
        assert variable_of(name) in text or is_secret(info)


def options_of(path: tuple[str, ...]) -> set[str]:
    """Return the names of the options of a command."""
    command = typer.main.get_command(main.app)
    for name in path:
        command = command.commands[name]  # type: ignore[attr-defined]
    return {name for option in command.params for name in option.opts}


ASKS_ABOUT_TODAY = ("explain", "what-if", "backtest", "close-year", "forecast", "web", "worker", "doctor")


@pytest.mark.parametrize("command", ASKS_ABOUT_TODAY)
def test_who_asks_about_today_can_be_told_what_day_it_is(command: str) -> None:
    """A rehearsal's clock is a flag of each command that looks at a clock, not of the worker alone."""
    assert {flag_of(name) for name in ClockSettings.model_fields} <= options_of((command,))


def test_no_command_reads_settings_past_its_flags() -> None:
    """Settings come to commands as parameters, and so as flags; only how to get to Kafka is read further below."""
    readers = set()
    for file in (ROOT / "streams").rglob("*.py"):
        calls = [node.func for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Call)]
        if any(isinstance(called, ast.Name) and called.id in {"load", "origin"} for called in calls):
            readers.add(str(file.relative_to(ROOT / "streams")))
    named = {"cli/config.py", "shell/checkup_here.py", "shell/settings.py"}  # they say where settings come from
    assert readers - named == {"cli/setting_flags.py", "shell/connection.py"}


@pytest.mark.parametrize("path", [p for p in COMMANDS if "--bootstrap-servers" in options_of(p)], ids=" ".join)
def test_who_names_a_kafka_can_say_how_to_get_there(path: tuple[str, ...]) -> None:
    """What `connection.py` reads has a flag in every command that goes to Kafka, secrets aside."""
    wanted = {flag_of(name) for name, info in KafkaAccess.model_fields.items() if not is_secret(info)}
    assert wanted | {"--config"} <= options_of(path)


def test_only_what_starts_a_kafka_or_needs_none_names_none() -> None:
    """A new command that goes to Kafka has to ask for its settings."""
    without = {path[0] for path in COMMANDS if "--bootstrap-servers" not in options_of(path)}
    assert without == {"kafka", "schemas"}


def test_a_person_sees_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    """One line a setting, with where it comes from."""
    assert main.run(["config", "show", "--prefix", "a-"]) == 0
    out = capsys.readouterr().out
    assert "prefix                   a-             --prefix" in out
    assert len(out.splitlines()) == len(Settings.model_fields) + 1


def test_other_commands_use_the_file(capsys: pytest.CaptureFixture[str], file: Path) -> None:
    """A command that goes to Kafka finds it there."""
    file.write_text('bootstrap_servers = "no-such-host.invalid:1"\nmetrics_port = "x"\n')
    assert main.run(["status"]) == main.USAGE_EXIT_CODE
    assert "metrics_port in" in capsys.readouterr().err
    file.write_text('bootstrap_servers = "127.0.0.1:1"\nsecurity_protocol = "SSL"\nssl_ca_file = "/no/such"\n')
    assert main.run(["status"]) == main.USAGE_EXIT_CODE
    assert "/no/such" in capsys.readouterr().err


def test_the_page_is_as_the_settings_are() -> None:
    """`make settings` writes it."""
    assert PAGE.read_text() == settings_page.page()


def test_a_wrong_value_given_by_the_program_is_named() -> None:
    """What is no source's is still a setting."""
    with pytest.raises(SettingError, match="QUOTASTREAM_PARTITIONS"):
        load(Settings, partitions=0)
