"""The European Central Bank's rates as policies: what each says, and that each always has the same name."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal

import pytest

from streams.cli.common import CliError
from streams.cli.ecb import History, policy, require_base
from streams.cli.event_files import Record, judged

DAY = date(2026, 1, 5)
PER_EURO = {"EUR": Decimal(1), "USD": Decimal("1.2500"), "JPY": Decimal("180.00"), "CHF": Decimal("1.0000")}


def test_a_pair_is_the_quotient_of_what_one_euro_is() -> None:
    """Told in the direction in which nine decimals keep the digits."""
    yen = policy(DAY, "JPY", "USD", PER_EURO)
    assert (yen["currency"], yen["per"], yen["rate"]) == ("USD", "JPY", "144")
    franc = policy(DAY, "CHF", "USD", PER_EURO)
    assert (franc["currency"], franc["per"], franc["rate"]) == ("CHF", "USD", "1.25")
    assert policy(DAY, "EUR", "USD", PER_EURO)["rate"] == "1.25"
    assert policy(DAY, "USD", "EUR", PER_EURO)["currency"] == "EUR"
    assert franc["effective_on"] == "2026-01-05"


def test_the_same_pair_and_day_is_the_same_policy() -> None:
    """So that publishing it again counts once; another day, pair or base is another."""
    one = policy(DAY, "JPY", "USD", PER_EURO)
    assert one == policy(DAY, "JPY", "USD", PER_EURO)
    others = [
        policy(date(2026, 1, 6), "JPY", "USD", PER_EURO),
        policy(DAY, "CHF", "USD", PER_EURO),
        policy(DAY, "JPY", "EUR", PER_EURO),
    ]
    assert len({one["policy_id"], *(other["policy_id"] for other in others)}) == 4


def test_the_history_in_the_wheel_is_publishable() -> None:
    """A month of it, every line accepted as any file's line would be."""
    lines = list(History("USD", date(2024, 3, 1), date(2024, 3, 31)).lines())
    messages = [json.loads(line.value or b"") for line in lines]
    assert {message["effective_on"] for message in messages} >= {"2024-03-01", "2024-03-28"}
    assert all("USD" in (message["currency"], message["per"]) for message in messages)
    assert all(isinstance(judged("ecb", line), Record) for line in lines)
    euro = next(
        m for m in messages if {m["currency"], m["per"]} == {"EUR", "USD"} and m["effective_on"] == "2024-03-01"
    )
    assert euro["rate"] == "1.0813"


def test_no_day_outside_of_what_messages_can_name() -> None:
    """The history begins in 1999; policies do not."""
    first = next(iter(History("USD").lines()))
    assert json.loads(first.value or b"")["effective_on"] == "2000-01-03"


def test_a_base_without_rates_is_refused() -> None:
    """In one line, with those that there are."""
    assert require_base("EUR") == "EUR"
    with pytest.raises(CliError, match="has no rates of XYZ"):
        require_base("XYZ")
