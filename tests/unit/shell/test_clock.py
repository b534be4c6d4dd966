"""The day reached: by the system's clock, by a file that somebody moves, or named."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import pytest

from streams.shell import clock

if TYPE_CHECKING:
    from pathlib import Path


def of(text: str) -> int:
    """Return a day."""
    return date.fromisoformat(text).toordinal()


@pytest.mark.parametrize(
    ("moment", "settle_seconds", "day"),
    [
        ("2026-07-01T12:00:00Z", 60, "2026-07-01"),
        ("2026-07-01T00:00:59.999Z", 60, "2026-06-30"),
        ("2026-07-01T00:01:00Z", 60, "2026-07-01"),
        ("2026-07-01T00:00:00Z", 0, "2026-07-01"),
        ("2026-06-30T23:59:59.999999+00:00", 0, "2026-06-30"),
        ("2026-07-01T08:59:00+09:00", 0, "2026-06-30"),
        ("2026-06-30T20:00:00-05:00", 0, "2026-07-01"),
        ("2024-12-31T23:30:00-01:00\n", 60, "2025-01-01"),
    ],
)
def test_the_day_turns_a_little_after_midnight_utc(
    tmp_path: Path, moment: str, settle_seconds: int, day: str
) -> None:
    """Whatever the offset that the time is told in, and whatever is asked to settle."""
    file = tmp_path / "clock"
    file.write_text(moment)
    assert clock.WallClock(settle_seconds, file)() == of(day)


def test_the_systems_clock_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a file it is the system's time that counts, each time anew."""
    day_reached = clock.WallClock(60)
    for moment, day in (("2026-07-01T00:00:30", "2026-06-30"), ("2026-07-01T00:01:30", "2026-07-01")):
        now = datetime.fromisoformat(moment).replace(tzinfo=UTC).timestamp()
        monkeypatch.setattr(clock.time, "time", lambda now=now: now)
        assert day_reached() == of(day)


def test_a_file_is_read_anew_and_stands_still_while_it_cannot_be(tmp_path: Path) -> None:
    """Who moves the clock may be writing the file just now: until it can be read, the time is the last one read."""
    file = tmp_path / "clock"
    file.write_text("2026-07-01T12:00:00Z")
    day_reached = clock.WallClock(60, file)
    assert day_reached() == of("2026-07-01")
    file.write_text("")
    assert day_reached() == of("2026-07-01")
    file.unlink()
    assert day_reached() == of("2026-07-01")
    file.write_text("2026-06-30T12:00:00Z")
    assert day_reached() == of("2026-06-30")  # that no day goes back is the teller's matter


@pytest.mark.parametrize("text", [None, "", "soon", "2026-07-01T12:00:00", "2026-13-01T00:00:00Z"])
def test_a_file_that_never_held_a_time_is_an_error(tmp_path: Path, text: str | None) -> None:
    """One line that names the setting; a time without offset is none."""
    file = tmp_path / "clock"
    if text is not None:
        file.write_text(text)
    with pytest.raises(clock.ClockError, match="QUOTASTREAM_CLOCK_FILE") as error:
        clock.WallClock(60, file)()
    assert "\n" not in str(error.value)


def test_a_named_day_stands_still() -> None:
    """A replay's day is the one that its caller named, whatever the time."""
    assert clock.standing(of("2026-05-01"))() == of("2026-05-01")
