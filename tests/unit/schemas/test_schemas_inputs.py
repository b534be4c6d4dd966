"""The models of the inputs by themselves, without the codec."""

from __future__ import annotations

import pytest
from pydantic import TypeAdapter, ValidationError

from schemas import policies, remittances
from schemas.currencies import MINOR_DIGITS
from tests.unit.schemas.examples import Case, cases, plain

ADAPTERS: dict[str, TypeAdapter] = {"remittances": remittances.ADAPTER, "policy-changes": policies.ADAPTER}
MODELS = remittances.MODELS | policies.MODELS


@pytest.mark.parametrize("case", cases("valid"), ids=lambda case: case.name)
def test_a_valid_example_passes_and_comes_back_as_it_was(case: Case) -> None:
    """A model reads every valid example, and reads what it writes as the same message."""
    adapter = ADAPTERS[case.topic]
    message = adapter.validate_json(case.value)
    assert adapter.validate_json(adapter.dump_json(message)) == message
    assert adapter.validate_python(adapter.dump_python(message)) == message


# A model has not seen what comes again later, and is never asked about a record without a value; the codec is.
UNSEEN = {"not_a_message: NaN in a field that is overwritten", "not_a_message: a tombstone"}


@pytest.mark.parametrize("case", [c for c in cases("invalid") if c.name not in UNSEEN], ids=lambda case: case.name)
def test_an_invalid_example_is_refused(case: Case) -> None:
    """A model alone refuses what the codec refuses."""
    with pytest.raises(ValidationError):
        ADAPTERS[case.topic].validate_json(case.value)


def test_the_examples_know_every_type() -> None:
    """Each of the fourteen input types has its valid and its invalid examples."""
    assert set(plain()) == set(MODELS)
    assert {case.name.split(":")[0] for case in cases("invalid")} == set(MODELS) | {"not_a_message"}


@pytest.mark.parametrize("name", sorted(MODELS))
def test_every_field_that_is_not_optional_is_required(name: str) -> None:
    """A field can be left out only where it can be null, so that no default stands in for what was not said."""
    for field, info in MODELS[name].model_fields.items():
        assert info.is_required() == (type(None) not in getattr(info.annotation, "__args__", ())), field


def test_a_message_cannot_be_changed() -> None:
    """What was judged stays as it was judged."""
    message = policies.Revoked.model_validate(plain()["revoked"])
    with pytest.raises(ValidationError):
        message.revokes = "x"  # type: ignore[misc]


def test_currencies_are_those_with_a_minor_unit() -> None:
    """Currencies of no, two, three and four decimals are known; metals, funds and test codes are none."""
    assert {code: MINOR_DIGITS[code] for code in ("JPY", "USD", "KWD", "CLF")} == {
        "JPY": 0,
        "USD": 2,
        "KWD": 3,
        "CLF": 4,
    }
    assert not {"XAU", "XDR", "XXX", "XTS", "XSU", "XUA"} & set(MINOR_DIGITS)
    assert all(type(digits) is int and 0 <= digits <= 4 for digits in MINOR_DIGITS.values())
    with pytest.raises(TypeError):
        MINOR_DIGITS["XAU"] = 2  # type: ignore[index]


def test_scopes_can_be_built_in_python() -> None:
    """A scope made of its class is as good as one made of a dict."""
    made = policies.Resumed.model_validate(
        {**plain()["resumed"], "scope": policies.Resumed.model_validate(plain()["resumed"]).scope},
    )
    assert made == policies.Resumed.model_validate(plain()["resumed"])
