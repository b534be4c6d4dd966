"""The fields that messages are made of, each with every rule that it has by itself, and the base of all messages."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    model_validator,
)
from pydantic_core import PydanticCustomError

from schemas import json_rules
from schemas.currencies import MINOR_DIGITS
from schemas.parsing import (
    CURRENCY,
    DAY,
    DECIMAL,
    END_US,
    FIRST_US,
    MONEY,
    NAME,
    SIGNED_MONEY,
    TIME,
    UUID,
    day_ordinal,
    decimals_of,
    fraction,
    time_us,
)


def fault(rule: str, field: str = "") -> PydanticCustomError:
    """Return the error of a broken rule; `field` where the rule is the message's and not the field's own."""
    return PydanticCustomError("rule", "{rule}", {"rule": f"{field}: {rule}" if field else rule})


def _real_day(text: str) -> str:
    try:
        day_ordinal(text)
    except ValueError:
        raise fault("no such day in the calendar") from None
    return text


def _real_time(text: str) -> str:
    try:
        at_us = time_us(text)
    except ValueError:
        raise fault("no such day in the calendar") from None
    if not FIRST_US <= at_us < END_US:
        raise fault("its UTC day does not lie in 2000 to 2099")
    return text


def _known_currency(code: str) -> str:
    if code not in MINOR_DIGITS:
        raise fault("no currency with a minor unit in ISO 4217")
    return code


def _over_zero(text: str) -> str:
    if not text.strip("-0."):
        raise fault("not over 0")
    return _not_negative(text)


def _not_negative(text: str) -> str:
    if text[0] == "-" and text.strip("-0."):
        raise fault("below 0")
    return text


def _at_most_one(text: str) -> str:
    if fraction(text) > 1:
        raise fault("over 1")
    return text


def _at_most_a_half(text: str) -> str:
    if fraction(text) * 2 > 1:
        raise fault("over 0.5")
    return text


# Python, and so pydantic's Literal, takes 1, 1.0 and true for equal. JSON does not.
def _the_integer_one(value: Any) -> Any:
    if type(value) is not int:
        raise fault("not 1")
    return value


def _true_itself(value: Any) -> Any:
    if value is not True:
        raise fault("not true")
    return value


VersionOne = Annotated[Literal[1], BeforeValidator(_the_integer_one)]
Name = Annotated[str, Field(pattern=NAME)]
Uuid = Annotated[str, Field(pattern=UUID), json_rules.UUID_TEXT]
Day = Annotated[str, Field(pattern=DAY), AfterValidator(_real_day), json_rules.DAY]
Time = Annotated[str, Field(pattern=TIME), AfterValidator(_real_time), json_rules.TIME]
PlanYear = Annotated[int, Field(ge=2000, le=2099)]
Currency = Annotated[str, Field(pattern=CURRENCY), AfterValidator(_known_currency), json_rules.CURRENCY]
# "-0" is 0, so it is an amount >= 0; "-0.01" is not, which the pattern alone cannot tell.
Money = Annotated[str, Field(pattern=SIGNED_MONEY), AfterValidator(_not_negative), json_rules.MONEY]
MoneyOverZero = Annotated[str, Field(pattern=MONEY), AfterValidator(_over_zero), json_rules.MONEY_OVER_ZERO]
SignedMoney = Annotated[str, Field(pattern=SIGNED_MONEY), json_rules.SIGNED_MONEY]
Decimal = Annotated[str, Field(pattern=DECIMAL), AfterValidator(_not_negative), json_rules.DECIMAL]
DecimalOverZero = Annotated[str, Field(pattern=DECIMAL), AfterValidator(_over_zero), json_rules.DECIMAL_OVER_ZERO]
RatioOverZero = Annotated[DecimalOverZero, AfterValidator(_at_most_one), json_rules.RATIO_OVER_ZERO]
Margin = Annotated[Decimal, AfterValidator(_at_most_a_half), json_rules.MARGIN]
Days = Annotated[int, Field(ge=0, le=366)]
DaysFromOne = Annotated[int, Field(ge=1, le=366)]
# The design sets no upper end. Without one, a headcount of thousands of digits would pass here and then stop a worker
# where its figures are written; nine digits are what every other number outside money has at most.
MOST_WORKERS = 999_999_999
Headcount = Annotated[int, Field(ge=0, le=MOST_WORKERS)]
HeadcountFromOne = Annotated[int, Field(ge=1, le=MOST_WORKERS)]
Text64 = Annotated[str, Field(max_length=64)]
Text200 = Annotated[str, Field(max_length=200)]
Basis = Literal["fixed", "per_worker"]


class Closed(BaseModel):
    """Input: no field that is not named here, nothing of another JSON type made to fit."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Open(BaseModel):
    """Output: what is named is there, and more may come."""

    model_config = ConfigDict(extra="allow", strict=True, frozen=True, use_attribute_docstrings=True)


class Message(Closed):
    """An input message of version 1."""

    schema_version: VersionOne


def money_fits(amount: str, currency: str, field: str) -> None:
    """Refuse an amount with more decimals than its currency has."""
    digits = MINOR_DIGITS[currency]
    if decimals_of(amount) > digits:
        raise fault(f"more decimals than {currency} has ({digits})", field)


class Priced(Message):
    """A message with an `amount` in a `currency`."""

    model_config = ConfigDict(
        json_schema_extra=json_rules.adding(json_rules.no_more_decimals_than_the_currency_has("amount"))
    )
    amount: str
    currency: Currency

    @model_validator(mode="after")
    def _amount_fits_its_currency(self) -> Self:
        money_fits(self.amount, self.currency, "amount")
        return self


class ScopeAll(Closed):
    """Every group."""

    all: Annotated[Literal[True], BeforeValidator(_true_itself)]


class ScopeRegion(Closed):
    """The groups of one region."""

    region: Name


class ScopeGroup(Closed):
    """One group."""

    group_id: Name


def _scope_key(value: Any) -> str | None:
    if isinstance(value, dict):
        return next(iter(value)) if len(value) == 1 else None
    return next((name for name in ("all", "region", "group_id") if hasattr(value, name)), None)


Scope = Annotated[
    Annotated[ScopeAll, Tag("all")] | Annotated[ScopeRegion, Tag("region")] | Annotated[ScopeGroup, Tag("group_id")],
    Discriminator(
        _scope_key,
        custom_error_type="rule",
        custom_error_message='not exactly one of {"all":true}, {"region":"..."}, {"group_id":"..."}',
    ),
]
