"""What quotastream writes: statuses, alert episodes, dead letters.

Read them openly: a field may be added without a new schema_version, so unknown fields are kept and never refused.
Money, rates and ratios are decimal texts. No body holds a wall-clock time: when it was decided is in header ce_time.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from schemas.fields import Name, Open, PlanYear, Uuid, VersionOne

# A year is closed on the first day after it, which for the last plan year is in 2100.
DayReached = Annotated[str, Field(pattern=r"^(20[0-9]{2}-[0-9]{2}-[0-9]{2}|2100-01-01)$")]
MoneyText = Annotated[str, Field(pattern=r"^-?[0-9]+(\.[0-9]{1,4})?$")]
RatioText = Annotated[str, Field(pattern=r"^-?[0-9]+\.[0-9]{4}$")]
Base64Text = Annotated[str, Field(pattern=r"^[A-Za-z0-9+/]*={0,2}$")]
CurrencyCode = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
Kind = Literal["behind_pace", "levy_behind", "unreachable", "silent", "missed"]
Severity = Literal["warning", "critical"]
Transition = Literal["opened", "escalated", "deescalated", "retargeted", "resolved", "lapsed"]
Level = Literal["no_target", "met", "missed", "inactive", "critical", "warning", "ok"]
LevyLevel = Literal["lifted", "no_target", "met", "missed", "inactive", "critical", "warning", "ok"]
Reason = Literal[
    "too_large",
    "empty",
    "not_json",
    "unknown_version",
    "unknown_type",
    "unknown_currency",
    "schema",
    "conflicting_duplicate",
]


class OpenEpisode(Open):
    """An alert episode that is open."""

    episode_id: Uuid
    kind: Kind
    levy_id: Name | None
    severity: Severity
    opened_on: DayReached


class LevyStatus(Open):
    """A levy's own account, of one group."""

    levy_id: Name
    purpose: Annotated[str, Field(max_length=200)]
    currency: CurrencyCode
    target: MoneyText
    expected_to_date: MoneyText
    remitted_to_date: MoneyText
    shortfall: MoneyText
    attainment_to_date: RatioText | None
    level: LevyLevel


class QuotaStatus(Open):
    """The newest status of a group and plan year: topic `quota-status`, key `group_id/plan_year`."""

    schema_version: VersionOne
    type: Literal["quota_status"]
    group_id: Name
    region: Name | None
    plan_year: PlanYear
    as_of: DayReached
    """The day reached, or the first day after the plan year, whichever is earlier: figures are as of its start."""
    currency: CurrencyCode | None
    """The target's; null, with all figures down to remittance_effect, while there is no target."""
    original_target: MoneyText | None
    """The whole year's target as it was first set."""
    adjusted_target: MoneyText | None
    """The whole year's target after everything that was decreed since."""
    expected_to_date: MoneyText | None
    """What was due by the start of as_of."""
    remitted_to_date: MoneyText | None
    """What came in on days up to and with as_of."""
    shortfall: MoneyText | None
    surplus: MoneyText | None
    attainment_to_date: RatioText | None
    attainment_of_target: RatioText | None
    required_daily_rate: MoneyText | None
    """What each active day that is left would have to bring."""
    trailing_daily_rate: MoneyText | None
    """What each of the last 30 days brought."""
    projected_total: MoneyText | None
    policy_effect: MoneyText | None
    """How far decrees moved what is due. With remittance_effect it adds up to remitted - expected."""
    remittance_effect: MoneyText | None
    """How far the group is from what would be due had nothing been decreed since."""
    level: Level
    open_episodes: list[OpenEpisode]
    levies: list[LevyStatus]
    unconverted: dict[CurrencyCode, MoneyText]
    """Money that waits for an exchange rate, or for a target, by its own currency."""
    unassigned: dict[CurrencyCode, MoneyText]
    """Money earmarked for a levy that does not hold for the group and year, by its own currency."""
    headcount: int
    remittance_count: int
    policies_applied: Annotated[list[Uuid], Field(max_length=50)]
    """The newest 50 decrees in force that name or cover the group, newest last."""
    policies_applied_count: int


class HistoryEntry(Open):
    """One step of an episode."""

    on_day: DayReached
    transition: Transition
    severity: Severity
    """The severity that the episode then has, or had last."""


class QuotaAlert(Open):
    """An alert episode told whole: topic `quota-alerts`, key episode_id; the newest message counts."""

    schema_version: VersionOne
    type: Literal["quota_alert"]
    alert_id: Uuid
    """The same where a message is repeated, another where anything that is told differs."""
    episode_id: Uuid
    revision: Annotated[int, Field(ge=1)]
    group_id: Name
    region: Name | None
    plan_year: PlanYear
    kind: Kind
    levy_id: Name | None
    transition: Transition | Literal["retracted"]
    """The last of the history's; `retracted` for an episode that late knowledge says never was."""
    severity: Severity | None
    on_day: DayReached
    opened_on: DayReached
    history: list[HistoryEntry]
    attainment_to_date: RatioText | None
    threshold: str | None
    """The ratio, daily rate or number of days that was crossed."""
    remitted: MoneyText | None
    expected: MoneyText | None
    shortfall: MoneyText | None
    adjusted_target: MoneyText | None
    original_target: MoneyText | None
    """Null for a levy's, like both effects."""
    policy_effect: MoneyText | None
    remittance_effect: MoneyText | None
    currency: CurrencyCode | None
    causes: Annotated[list[Uuid], Field(max_length=20)]
    """Ids of policies, then of remittances, that moved the account that day."""
    summary: str
    """One sentence that a person can read."""


class DeadLetter(Open):
    """A record that could not be used: topic `quota-dead-letters`, key as in the input."""

    schema_version: VersionOne
    type: Literal["dead_letter"]
    topic: str
    partition: Annotated[int, Field(ge=0)]
    offset: Annotated[int, Field(ge=0)]
    timestamp: int | None
    """The record's own, in milliseconds since 1970."""
    key_base64: Base64Text | None
    """The first 4 KiB of the key; null where there was none."""
    value_base64: Base64Text | None
    """The first 64 KiB of the value; null where there was none."""
    value_bytes: Annotated[int, Field(ge=0)] | None
    """How long the whole value was."""
    value_sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None
    """Of the whole value."""
    headers: list[Annotated[tuple[str, Base64Text | None], Field(strict=False)]]
    """The first 4 KiB of each header, until 64 KiB are full."""
    reason: Reason
    """The first reason that applies."""
    detail: str
    """Names the field and says what is wrong with it; never what was written there."""
