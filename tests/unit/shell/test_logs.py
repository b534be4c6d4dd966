"""How processes log: one line an event, one form for all libraries, and no flood."""

from __future__ import annotations

import io
import json
import logging
import sys
import warnings
from typing import Any

import pytest

from streams.cli import main
from streams.shell import connection, logs

ours = logging.getLogger("streams.shell.tried")


class Log:
    """A log in memory, on a clock of its own."""

    def __init__(self, form: logs.Form, level: str = "info") -> None:
        self.stream = io.StringIO()
        self.now = 0.0
        self.handler = logs.set_up(level, form, self.stream)
        self.handler._clock = lambda: self.now

    @property
    def lines(self) -> list[str]:
        """What was written."""
        return self.stream.getvalue().splitlines()

    @property
    def events(self) -> list[dict[str, Any]]:
        """What was written, as JSON."""
        return [json.loads(line) for line in self.lines]

    def later(self, seconds: float) -> None:
        """Let time pass, and have the handler look."""
        self.now += seconds
        logs.look()


def test_json_is_one_line_an_event() -> None:
    """A traceback or a text of several lines stays one event, with where it was and no field that is not ours."""
    log = Log("json")
    try:
        int("two\nlines")
    except ValueError:
        where = logs.located(("remittances", 3), 1041)
        ours.exception("failed:\n%s", "again", extra=where | {"value": b"a message's body"})
    (event,) = log.events
    assert list(event)[:4] == ["time", "level", "logger", "event"]
    assert (event["level"], event["logger"], event["event"]) == ("error", "streams.shell.tried", "failed: again")
    assert (event["topic"], event["partition"], event["offset"]) == ("remittances", 3, 1041)
    assert event["exception"].startswith("Traceback")
    assert "body" not in log.lines[0]
    assert event.keys() <= {"time", "level", "logger", "event", "topic", "partition", "offset", "exception"}


def test_people_get_plain_words() -> None:
    """On a terminal a line is read by a person; colours are for terminals alone."""
    log = Log("human")
    ours.warning("not acknowledged", extra=logs.located(("remittances", 3), 7))
    (line,) = log.lines
    assert "not acknowledged" in line
    assert "partition=3" in line
    assert "warning" in line
    assert "offset=7" in line
    assert "\x1b" not in line


def test_auto_goes_by_the_terminal() -> None:
    """Without being told, a pipe or a file gets JSON."""
    log = Log("auto")
    ours.info("hello")
    assert log.events[0]["event"] == "hello"


@pytest.mark.parametrize("library", ["aiokafka.consumer.fetcher", "faust.app.base", "mode.services", "asyncio"])
def test_libraries_have_the_same_form(library: str) -> None:
    """Lines of Faust and aiokafka would need a parser of their own; their infos are noise."""
    log = Log("json")
    logging.getLogger(library).info("chatter") if library != "asyncio" else None
    logging.getLogger(library).warning("Unable connect to node with id %s", 1)
    (event,) = log.events
    assert (event["level"], event["logger"]) == ("warning", library)
    assert event["event"] == "Unable connect to node with id 1"


def test_warnings_of_python_have_it_too() -> None:
    """What the warnings module says would be two lines of text in the middle of JSON."""
    log = Log("json")
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(capture=False)
        logging.captureWarnings(capture=True)
        warnings.warn("old", DeprecationWarning, stacklevel=1)
    assert [event["logger"] for event in log.events] == ["py.warnings"]


def test_repeats_are_counted() -> None:
    """A broker that is away for an hour would write the same line each second."""
    log = Log("json")
    counted: list[str] = []
    logs.count(counted.append)
    for _ in range(3600):
        ours.warning("no answer from %s", "kafka-1")
        log.later(1.0)
    texts = [event["event"] for event in log.events]
    assert texts[0] == "no answer from kafka-1"
    assert all(text.startswith("no answer from kafka-1 (and ") for text in texts[1:])
    assert 5 <= len(texts) <= 20
    log.later(logs.LONGEST_WINDOW_SECONDS)
    assert 1 + sum(event.get("repeats", 0) for event in log.events) == len(counted) == 3600
    assert set(counted) == {"warning"}


def test_what_comes_again_later_is_said_again() -> None:
    """The same after a quiet while is news."""
    log = Log("json")
    for _ in range(3):
        ours.error("failed")
        log.later(logs.FIRST_WINDOW_SECONDS + 1)
    assert [event["event"] for event in log.events] == ["failed"] * 3


def test_one_wording_with_many_numbers_is_counted_too() -> None:
    """A bad partition would write a line for each of its offsets."""
    log = Log("json")
    for offset in range(10_000):
        ours.error("offset %d is bad", offset)
    assert len(log.lines) == logs.ALIKE
    log.handler.close()
    assert log.events[-1]["repeats"] == 10_000 - logs.ALIKE


def test_infos_are_never_held_back() -> None:
    """What a worker does in the ordinary course is said each time, as rebalances and tests need it."""
    log = Log("json")
    for _ in range(5):
        ours.info("worker ready")
    assert len(log.lines) == 5


def test_other_texts_are_no_repeats() -> None:
    """Two partitions that fail are two things."""
    log = Log("json")
    for partition in range(5):
        ours.warning("home partition %d: fenced", partition)
    assert len(log.lines) == 5


def test_a_long_text_is_cut() -> None:
    """An error that quotes what it choked on would put a whole message in the log."""
    log = Log("json")
    ours.error("choked on %s", "x" * 100_000)
    assert len(log.lines[0]) < logs.MOST_CHARACTERS + 300


def test_nothing_goes_to_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    """Results are piped from there."""
    logs.set_up("info", "json", sys.stderr)
    ours.warning("to stderr")
    assert capsys.readouterr().out == ""


def test_a_command_says_why_it_ended_last(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What was only counted until then is written before it, not by the interpreter's end after it."""
    monkeypatch.setenv("QUOTASTREAM_BOOTSTRAP_SERVERS", "127.0.0.1:1")
    monkeypatch.setattr(connection, "ANSWER_WITHIN_S", 1)
    logs.set_up("info", "json", sys.stderr)
    for _ in range(3):
        ours.warning("unclosed")
    assert main.run(["status"]) != 0
    logging.getLogger().handlers[0].close()  # as the interpreter's end does
    *before, last = capsys.readouterr().err.splitlines()
    assert last.startswith("quotastream: ")
    assert [json.loads(line).get("repeats") for line in before if "unclosed" in line] == [None, 2]
