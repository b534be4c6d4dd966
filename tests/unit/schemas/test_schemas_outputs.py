"""The models of the outputs: what a subscriber may count on."""

from __future__ import annotations

from typing import get_args

import pytest
from pydantic import BaseModel, ValidationError

from schemas import outputs
from tests.unit.schemas.examples import output

MODELS: dict[str, type[BaseModel]] = {
    "quota_status": outputs.QuotaStatus,
    "quota_alert": outputs.QuotaAlert,
    "dead_letter": outputs.DeadLetter,
}


@pytest.mark.parametrize("name", MODELS)
def test_an_output_has_every_field(name: str) -> None:
    """The example passes, and with any one field left out it no longer does: null is said, never meant."""
    example = output(name)
    assert MODELS[name].model_validate_json(MODELS[name].model_validate(example).model_dump_json())
    assert set(example) == set(MODELS[name].model_fields)
    for field in example:
        with pytest.raises(ValidationError):
            MODELS[name].model_validate({key: value for key, value in example.items() if key != field})


@pytest.mark.parametrize("name", MODELS)
def test_an_output_may_have_more_fields(name: str) -> None:
    """A subscriber of today reads, and keeps, what an output of tomorrow adds."""
    message = MODELS[name].model_validate({**output(name), "added_later": 1})
    assert message.model_dump()["added_later"] == 1


def test_a_retraction_has_no_history_and_no_severity() -> None:
    """An episode that never was is told with an empty history."""
    outputs.QuotaAlert.model_validate(
        {**output("quota_alert"), "transition": "retracted", "severity": None, "history": [], "threshold": None},
    )


def test_a_status_without_a_target_has_no_figures() -> None:
    """Without a target the currency and the figures are null and the money waits."""
    figures = [field for field in outputs.QuotaStatus.model_fields if field in _FIGURES]
    assert len(figures) == len(_FIGURES)
    outputs.QuotaStatus.model_validate(
        {**output("quota_status"), **dict.fromkeys(figures), "currency": None, "region": None, "level": "no_target"},
    )


_FIGURES = {
    "original_target",
    "adjusted_target",
    "expected_to_date",
    "remitted_to_date",
    "shortfall",
    "surplus",
    "attainment_to_date",
    "attainment_of_target",
    "required_daily_rate",
    "trailing_daily_rate",
    "projected_total",
    "policy_effect",
    "remittance_effect",
}


def test_the_last_plan_year_closes_in_2100() -> None:
    """The first day after the last plan year is a day that an output can name, and the one after it is none."""
    outputs.QuotaStatus.model_validate({**output("quota_status"), "plan_year": 2099, "as_of": "2100-01-01"})
    with pytest.raises(ValidationError):
        outputs.QuotaStatus.model_validate({**output("quota_status"), "plan_year": 2099, "as_of": "2100-01-02"})


def test_the_reasons_are_in_the_order_of_precedence() -> None:
    """The reasons of dead letters are those of the design."""
    assert get_args(outputs.Reason) == (
        "too_large",
        "empty",
        "not_json",
        "unknown_version",
        "unknown_type",
        "unknown_currency",
        "schema",
        "conflicting_duplicate",
    )
