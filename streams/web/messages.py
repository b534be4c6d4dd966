"""What the page takes out of each output message, and nothing more; the message itself is kept as it came.

Lives here: bytes to rows. Not here: what the rows add up to (board.py).
"""

from __future__ import annotations

from typing import NamedTuple, TypeVar

import msgspec


class _OpenEpisode(msgspec.Struct):
    kind: str
    severity: str
    opened_on: str
    levy_id: str | None = None


class _Status(msgspec.Struct):
    group_id: str
    plan_year: int
    as_of: str
    level: str
    region: str | None = None
    currency: str | None = None
    original_target: str | None = None
    adjusted_target: str | None = None
    expected_to_date: str | None = None
    remitted_to_date: str | None = None
    shortfall: str | None = None
    surplus: str | None = None
    attainment_to_date: str | None = None
    attainment_of_target: str | None = None
    required_daily_rate: str | None = None
    projected_total: str | None = None
    policy_effect: str | None = None
    remittance_effect: str | None = None
    headcount: int = 0
    open_episodes: list[_OpenEpisode] = []


class StatusRow(NamedTuple):
    """A group and plan year as a row of the table; its fields are the columns, in their order."""

    group_id: str
    plan_year: int
    region: str | None
    level: str
    as_of: str
    currency: str | None
    original_target: str | None
    adjusted_target: str | None
    expected_to_date: str | None
    remitted_to_date: str | None
    shortfall: str | None
    surplus: str | None
    attainment_to_date: str | None
    attainment_of_target: str | None
    required_daily_rate: str | None
    projected_total: str | None
    policy_effect: str | None
    remittance_effect: str | None
    headcount: int
    since: str | None  # the day on which the oldest open episode of the base account opened
    open_kinds: list[str]  # "behind_pace critical", a levy's too
    told_at: str | None  # ce_time: when a worker decided it


class AlertRow(msgspec.Struct, frozen=True):
    """An episode's newest message as the feed shows it."""

    episode_id: str
    group_id: str
    plan_year: int
    kind: str
    transition: str
    on_day: str
    opened_on: str
    revision: int
    summary: str
    region: str | None = None
    levy_id: str | None = None
    severity: str | None = None
    told_at: str | None = None


class LetterRow(msgspec.Struct, frozen=True):
    """A dead letter without what was in it: where the record is, and why it could not be used."""

    topic: str
    partition: int
    offset: int
    reason: str
    detail: str
    told_at: str | None = None


Message = TypeVar("Message", _Status, AlertRow, LetterRow)
_STATUS = msgspec.json.Decoder(_Status)
_ALERT = msgspec.json.Decoder(AlertRow)
_LETTER = msgspec.json.Decoder(LetterRow)


class UnreadableError(Exception):
    """An output message of another version, or none of ours."""


def status_row(value: bytes, told_at: str | None) -> StatusRow:
    """Return a quota-status value as a row of the table."""
    one = _decoded(_STATUS, value)
    since = min((episode.opened_on for episode in one.open_episodes if not episode.levy_id), default=None)
    return StatusRow(
        one.group_id, one.plan_year, one.region, one.level, one.as_of, one.currency, one.original_target,
        one.adjusted_target, one.expected_to_date, one.remitted_to_date, one.shortfall, one.surplus,
        one.attainment_to_date, one.attainment_of_target, one.required_daily_rate, one.projected_total,
        one.policy_effect, one.remittance_effect, one.headcount, since,
        [f"{episode.kind} {episode.severity}" for episode in one.open_episodes], told_at,
    )  # fmt: skip


def alert_row(value: bytes, told_at: str | None) -> AlertRow:
    """Return a quota-alerts value as an entry of the feed."""
    return msgspec.structs.replace(_decoded(_ALERT, value), told_at=told_at)


def letter_row(value: bytes, told_at: str | None) -> LetterRow:
    """Return a quota-dead-letters value without the record that it holds."""
    return msgspec.structs.replace(_decoded(_LETTER, value), told_at=told_at)


def told_at(headers: list[tuple[str, bytes]]) -> str | None:
    """Return ce_time of a message's headers: when it was decided."""
    return next((value.decode("ascii", "replace") for name, value in headers if name == "ce_time" and value), None)


def _decoded(decoder: msgspec.json.Decoder[Message], value: bytes) -> Message:
    try:
        return decoder.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UnreadableError(str(error)) from error
