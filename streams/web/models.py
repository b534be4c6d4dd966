"""The JSON API's answers, as OpenAPI documents them. Amounts are decimal texts, exact; ratios have four decimals."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field

from schemas.outputs import Level, QuotaAlert, QuotaStatus


class Failure(BaseModel):
    """Why there is no answer, in one line."""

    detail: str


class Freshness(BaseModel):
    """How fresh the figures are. While `trusted` is false, a group may look further behind than it is."""

    state: Literal["fresh", "reading", "catching_up", "behind", "day_behind", "no_worker", "unreachable"]
    trusted: bool
    reading_left: int = Field(description="Records of the outputs that the page has not read yet.")
    silent_seconds: float = Field(description="Since Kafka answered last.")
    waiting_records: int | None = Field(description="Input that workers have not taken in; null: may not be known.")
    waiting_seconds: float | None = Field(description="For how long the oldest of it has waited, at most.")
    workers: int | None = Field(description="Members of the workers' consumer group.")
    decided_at: str | None = Field(description="ce_time of the newest message of any output topic.")
    day_reached: str | None = Field(description="The latest day that a status is as of.")


class Sums(BaseModel):
    """Sums over the groups of a plan year and currency, and of a region or (null, in `overall`) all."""

    plan_year: int
    currency: str | None = Field(description="Null for groups without a target: they have no figures to add up.")
    region: str | None
    groups: int
    levels: dict[Level, int]
    original_target: str | None
    adjusted_target: str | None
    expected_to_date: str | None
    remitted_to_date: str | None
    shortfall: str | None
    surplus: str | None
    policy_effect: str | None
    remittance_effect: str | None
    attainment_to_date: str | None
    without_effects: int = Field(description="Groups that are in neither effect: no rate for their first plan yet.")


class Overview(BaseModel):
    """Who is behind, in sums: `overall` adds up to the cent from `regions`."""

    freshness: Freshness
    plan_years: list[int]
    overall: list[Sums]
    regions: list[Sums]


class Groups(BaseModel):
    """Statuses as they are on the topic, of the groups that were asked for; `total` counts all that fit."""

    total: int
    groups: list[QuotaStatus]


class Account(BaseModel):
    """A group and plan year: its status, and the newest message of each of its episodes."""

    plan_years: list[int] = Field(description="The years that the group has a status for.")
    status: QuotaStatus
    episodes: list[QuotaAlert]


class Alerts(BaseModel):
    """The episodes told last, the newest first; at most 200."""

    alerts: list[dict[str, Any]]


class Letter(BaseModel):
    """Where a record is that could not be used, and why; never what it holds."""

    topic: str
    partition: int
    offset: int
    reason: str
    detail: str
    told_at: str | None


class DeadLetters(BaseModel):
    """Records that could not be used, by reason; the last 100."""

    readable: bool = Field(description="False where the page may not read dead letters.")
    total: int
    reasons: dict[str, int]
    last: list[Letter]


class Plan(BaseModel):
    """What was expected of the year under the policies in force from `since` on, until the next plan."""

    since: str
    target: str
    expected: list[str] = Field(description="By the start of each of the chart's days.")


class Flag(BaseModel):
    """A policy that touches the account, and what the decrees of its issue day changed (nulls: nothing)."""

    policy_id: str
    issued_on: str
    own_day: str | None
    revoked_on: str | None
    words: str
    target_before: str | None
    target_after: str | None
    expected_before: str | None
    expected_after: str | None


class Chart(BaseModel):
    """A group's year, day by day."""

    group_id: str
    plan_year: int
    as_of: str
    currency: str | None
    first_day: str
    days: int = Field(description="How many: the year's, and the first after it.")
    plans: list[Plan]
    expected_then: list[str | None] = Field(description="On each day to as_of, under the policies of that day.")
    original: list[str] | None = Field(description="The plan as it was first set.")
    remitted: list[str] = Field(description="By the end of each day to as_of.")
    projected: str | None = Field(description="At the year's end; null once it is over.")
    policies: list[Flag]


class WhatIf(BaseModel):
    """What a hypothetical policy would change on the day reached; `answer` is null while it is being computed."""

    computing: bool
    done: int
    of: int
    answer: dict[str, Any] | None
