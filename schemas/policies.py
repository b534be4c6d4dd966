"""The topic `policy-changes`: everything that moves a target."""

from __future__ import annotations

from typing import Annotated, Literal, Self, get_args

from pydantic import ConfigDict, Field, TypeAdapter, model_validator

from schemas import json_rules
from schemas.fields import (
    Basis,
    Closed,
    Currency,
    Day,
    Days,
    DaysFromOne,
    Decimal,
    DecimalOverZero,
    Headcount,
    HeadcountFromOne,
    Margin,
    Message,
    Money,
    MoneyOverZero,
    Name,
    PlanYear,
    Priced,
    RatioOverZero,
    Scope,
    SignedMoney,
    Text200,
    Time,
    Uuid,
    fault,
    money_fits,
)


class PolicyMessage(Message):
    """What every policy has."""

    policy_id: Uuid
    issued_at: Time
    reason: Text200 | None = None


class GroupOpened(PolicyMessage):
    """A group begins."""

    type: Literal["group_opened"]
    group_id: Name
    region: Name
    opened_on: Day
    headcount: HeadcountFromOne


class Linear(Closed):
    """The same on every day."""

    kind: Literal["linear"]


class Monthly(Closed):
    """A weight for each month, spread evenly over its days."""

    model_config = ConfigDict(json_schema_extra=json_rules.adding(json_rules.SOME_WEIGHT))
    kind: Literal["monthly"]
    weights: Annotated[list[Decimal], Field(min_length=12, max_length=12)]

    @model_validator(mode="after")
    def _some_weight(self) -> Self:
        if not any(weight.strip("-0.") for weight in self.weights):
            raise fault("weights are all 0")
        return self


class TargetSet(PolicyMessage, Priced):
    """A group's target for a plan year."""

    type: Literal["target_set"]
    group_id: Name
    plan_year: PlanYear
    amount: Money
    basis: Basis
    pace: Annotated[Linear | Monthly, Field(discriminator="kind")]


class TargetAdjusted(PolicyMessage):
    """A cut or a top-up of the targets in scope."""

    model_config = ConfigDict(
        json_schema_extra=json_rules.adding(
            json_rules.FACTOR_OR_DELTA, json_rules.no_more_decimals_than_the_currency_has("delta")
        )
    )
    type: Literal["target_adjusted"]
    scope: Scope
    plan_year: PlanYear
    applies: Literal["whole_period", "remaining"]
    effective_on: Day
    factor: Decimal | None = None
    delta: SignedMoney | None = None
    currency: Currency | None = None

    @model_validator(mode="after")
    def _factor_or_delta(self) -> Self:
        if (self.factor is None) == (self.delta is None):
            raise fault("not exactly one of factor and delta", "factor")
        if self.delta is None:
            if self.currency is not None:
                raise fault("goes with a delta, not with a factor", "currency")
        elif self.currency is None:
            raise fault("missing beside delta", "currency")
        else:
            money_fits(self.delta, self.currency, "delta")
        return self


class LevyImposed(PolicyMessage, Priced):
    """Money asked of every group in scope beside its target."""

    type: Literal["levy_imposed"]
    levy_id: Name
    scope: Scope
    amount: MoneyOverZero
    basis: Basis
    from_day: Day
    due_day: Day
    purpose: Text200

    @model_validator(mode="after")
    def _due_after_it_begins(self) -> Self:
        if self.due_day < self.from_day:
            raise fault("before from_day", "due_day")
        if self.due_day[:4] != self.from_day[:4]:
            raise fault("not in the year of from_day", "due_day")
        return self


class LevyLifted(PolicyMessage):
    """A levy is no longer asked for."""

    type: Literal["levy_lifted"]
    levy_id: Name
    effective_on: Day


class HeadcountChanged(PolicyMessage):
    """A group's headcount from a day on."""

    type: Literal["headcount_changed"]
    group_id: Name
    headcount: Headcount
    effective_on: Day


class Suspended(PolicyMessage):
    """Those in scope are inactive for a while."""

    type: Literal["suspended"]
    scope: Scope
    from_day: Day
    until_day: Day | None = None

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> Self:
        if self.until_day is not None and self.until_day < self.from_day:
            raise fault("before from_day", "until_day")
        return self


class Resumed(PolicyMessage):
    """Those in scope are out of a suspension."""

    type: Literal["resumed"]
    resumes: Uuid
    scope: Scope
    effective_on: Day


class GroupClosed(PolicyMessage):
    """A group ends."""

    type: Literal["group_closed"]
    group_id: Name
    closed_on: Day


class ExchangeRateSet(PolicyMessage):
    """1 `currency` = `rate` `per`."""

    type: Literal["exchange_rate_set"]
    currency: Currency
    per: Currency
    rate: DecimalOverZero
    effective_on: Day

    @model_validator(mode="after")
    def _between_two(self) -> Self:
        if self.currency == self.per:
            raise fault("the same as currency", "per")
        return self


THRESHOLDS = (
    "warning_below",
    "critical_below",
    "margin",
    "slack_days",
    "for_days",
    "grace_days",
    "levy_grace_days",
    "unreachable_factor",
    "unreachable_grace_days",
    "silent_days",
)


class AlertRulesSet(PolicyMessage):
    """Thresholds for those in scope, each field by itself."""

    model_config = ConfigDict(json_schema_extra=json_rules.adding(json_rules.one_or_more(THRESHOLDS)))
    type: Literal["alert_rules_set"]
    scope: Scope
    effective_on: Day
    warning_below: RatioOverZero | None = None
    critical_below: DecimalOverZero | None = None
    margin: Margin | None = None
    slack_days: Days | None = None
    for_days: DaysFromOne | None = None
    grace_days: Days | None = None
    levy_grace_days: Days | None = None
    unreachable_factor: DecimalOverZero | None = None
    unreachable_grace_days: Days | None = None
    silent_days: DaysFromOne | None = None

    @model_validator(mode="after")
    def _one_or_more(self) -> Self:
        if all(getattr(self, name) is None for name in THRESHOLDS):
            raise fault("no threshold at all", "warning_below")
        return self


class Revoked(PolicyMessage):
    """Takes a policy out of force."""

    type: Literal["revoked"]
    revokes: Uuid


AnyPolicy = (
    GroupOpened
    | TargetSet
    | TargetAdjusted
    | LevyImposed
    | LevyLifted
    | HeadcountChanged
    | Suspended
    | Resumed
    | GroupClosed
    | ExchangeRateSet
    | AlertRulesSet
    | Revoked
)
PolicyChangesMessage = Annotated[AnyPolicy, Field(discriminator="type")]
ADAPTER: TypeAdapter[AnyPolicy] = TypeAdapter(PolicyChangesMessage)
MODELS: dict[str, type[AnyPolicy]] = {
    get_args(model.model_fields["type"].annotation)[0]: model for model in get_args(AnyPolicy)
}
