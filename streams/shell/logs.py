"""How processes that stay write their logs: one line an event, for a person on a terminal, else as JSON.

Every library's lines have the same form. What repeats is counted rather than written again, so that a broker that is
away for an hour doesn't fill a disk. No line has a message's body: beside the text there is only what FIELDS names.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import time
from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING, Any, Literal, TextIO

import structlog

if TYPE_CHECKING:
    from collections.abc import Callable

    from structlog.typing import EventDict, Processor, WrappedLogger

    Key = tuple[str, int, str]

Form = Literal["auto", "human", "json"]

FIELDS = ("topic", "partition", "offset", "group_id", "repeats")
MOST_CHARACTERS = 2_000  # of an event's text: an error of a library may quote what it choked on
LIBRARIES = ("aiokafka", "faust", "mode")  # their infos say nothing to an operator
FIRST_WINDOW_SECONDS = 10.0
LONGEST_WINDOW_SECONDS = 600.0
ALIKE = 100  # of one wording, with other numbers in it, are written within a window


def located(topic_partition: tuple[str, int], offset: int) -> dict[str, Any]:
    """Return the `extra` of a log call that says where in Kafka something happened."""
    topic, partition = topic_partition
    return {"topic": topic, "partition": partition, "offset": offset}


def set_up(level: str, form: Form = "auto", stream: TextIO | None = None) -> Calm:
    """Write what is logged to stderr, or another stream; return what does."""
    stream = stream or sys.stderr
    human = form == "human" or (form == "auto" and stream.isatty())
    handler = Calm(stream)
    handler.setFormatter(_formatter(human, colours=human and stream.isatty() and "NO_COLOR" not in os.environ))
    root = logging.getLogger()
    for former in root.handlers[:]:
        root.removeHandler(former)
    root.addHandler(handler)
    root.setLevel(level.upper())
    for library in LIBRARIES:
        logging.getLogger(library).setLevel(max(logging.WARNING, logging.getLevelName(level.upper())))
    logging.captureWarnings(capture=True)
    return handler


def count(on_event: Callable[[str], object]) -> None:
    """Have the level of everything that is logged told, what is only counted too."""
    for handler in _calm():
        handler.on_event = on_event


def look() -> None:
    """Write what is due of what was only counted; call it now and then."""
    for handler in _calm():
        with handler.lock or contextlib.nullcontext():
            handler.look()


def finish() -> None:
    """Write all of what was only counted, before a command says its last line."""
    for handler in _calm():
        with handler.lock or contextlib.nullcontext():
            handler.finish()


def _calm() -> list[Calm]:
    return [handler for handler in logging.getLogger().handlers if isinstance(handler, Calm)]


def _formatter(human: bool, colours: bool) -> structlog.stdlib.ProcessorFormatter:
    shared: list[Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(allow=FIELDS),
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
        _in_order,
    ]
    last: list[Processor]
    if human:
        shown = structlog.dev.ConsoleRenderer(
            colors=colours, exception_formatter=structlog.dev.plain_traceback, timestamp_key="time", pad_event_to=0
        )
        last = [shown]
    else:
        last = [
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=False, separators=(",", ":")),
        ]
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared, processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last]
    )


def _in_order(_logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
    """Put what is read first at the front, in one line, and leave out what isn't known."""
    text = " ".join(str(event.pop("event")).split("\n"))
    ordered = {"time": event.pop("time"), "level": event.pop("level"), "logger": event.pop("logger")}
    rest = {name: value for name, value in event.items() if value is not None}
    return {**ordered, "event": text[:MOST_CHARACTERS], **rest}


@dataclass(slots=True)
class _Window:
    """What was said of one thing lately; `repeats` was not written yet."""

    record: logging.LogRecord
    ends_at: float
    seconds: float
    repeats: int = 0
    written: int = 1


class Calm(logging.StreamHandler[Any]):
    """Writes each warning and error once, and how often it came again when a while is over; infos always.

    The while is short at first and doubles for as long as it goes on. The same with other numbers in it (an offset)
    is written up to ALIKE times.
    """

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(stream)
        self._clock = clock
        self._windows: dict[Key, _Window] = {}
        self._look_at = inf  # when the first of them ends
        self.on_event: Callable[[str], object] = lambda _level: None

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record, or count it."""
        self.on_event(record.levelname.lower())
        self.look()
        if record.levelno < logging.WARNING or not self._is_repeat(record):
            super().emit(record)

    def _is_repeat(self, record: logging.LogRecord) -> bool:
        same: Key = (record.name, record.levelno, record.getMessage())
        alike: Key = (record.name, record.levelno, f"{record.msg!s} (alike)")
        for key, most in ((alike, ALIKE), (same, 1)):  # in this order, or there would be a window for each offset
            window = self._windows.get(key)
            if window is None:
                ends_at = self._clock() + FIRST_WINDOW_SECONDS
                self._windows[key] = _Window(record, ends_at, FIRST_WINDOW_SECONDS)
                self._look_at = min(self._look_at, ends_at)
            elif window.written >= most:
                window.repeats += 1
                return True
            else:
                window.written += 1
        return False

    def look(self) -> None:
        """Write what is due of what was only counted."""
        now = self._clock()
        if now < self._look_at:
            return
        for key, window in list(self._windows.items()):
            if window.ends_at <= now:
                self._end(key, window, now)
        self._look_at = min((window.ends_at for window in self._windows.values()), default=inf)

    def _end(self, key: Key, window: _Window, now: float) -> None:
        if not window.repeats:
            del self._windows[key]
            return
        super().emit(_summary(window))
        window.seconds = min(2 * window.seconds, LONGEST_WINDOW_SECONDS)
        window.ends_at, window.repeats, window.written = now + window.seconds, 0, 1

    def finish(self) -> None:
        """Write what was only counted."""
        for window in self._windows.values():
            if window.repeats:
                super().emit(_summary(window))
        self._windows.clear()

    def close(self) -> None:
        """Write what was only counted, at the end."""
        self.finish()
        super().close()


def _summary(window: _Window) -> logging.LogRecord:
    before = window.record
    again = f"{before.getMessage()} (and {window.repeats} times more within {window.seconds:.0f} s)"
    summary = logging.LogRecord(before.name, before.levelno, before.pathname, before.lineno, again, None, None)
    summary.repeats = window.repeats
    return summary
