"""The made-up year: reproducible, valid, and of the shape that it promises."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from streams.cli.demo import make_up
from streams.shell import codec
from streams.synthetic import DRY_FROM_MONTH, DRY_REGION, REGIONS, year

if TYPE_CHECKING:
    from typing import Any


@pytest.fixture(scope="module")
def messages() -> list[dict[str, Any]]:
    """Make up one year for all tests here."""
    return list(year(7, 40, 4_000, 2026))


def test_the_same_seed_makes_up_the_same_year(messages: list[dict[str, Any]]) -> None:
    """Also its identifiers and its order."""
    assert messages == list(year(7, 40, 4_000, 2026))
    assert messages != list(year(8, 40, 4_000, 2026))


@pytest.mark.parametrize("plan_year", [2001, 2028, 2098])
@pytest.mark.parametrize("groups", [1, 4, 41])
def test_every_message_is_one_that_a_worker_accepts(groups: int, plan_year: int) -> None:
    """In any year, leap years too, and for few groups as for many."""
    for message in year(1, groups, 300, plan_year):
        codec.decode("policy-changes" if "policy_id" in message else "remittances", json.dumps(message).encode())


def test_there_are_as_many_remittances_as_asked_for(messages: list[dict[str, Any]]) -> None:
    """Repeats and reversals come on top, and a repeat is equal to the first."""
    known: dict[str, dict[str, Any]] = {}
    repeats = 0
    for message in messages:
        if message["type"] == "remittance":
            repeats += message["event_id"] in known
            assert known.setdefault(message["event_id"], message) == message
    assert len(known) == 4_000
    assert repeats > 0
    assert all(m["reverses"] in known for m in messages if m["type"] == "reversal")


def test_it_has_the_story_that_it_promises(messages: list[dict[str, Any]]) -> None:
    """A cut by 15 %, fewer heads, levies, both bases and both paces, sites that close."""
    kinds = Counter(message["type"] for message in messages)
    for kind in ("group_opened", "target_set"):
        assert kinds[kind] == 40
    for kind in (
        "headcount_changed",
        "levy_imposed",
        "levy_lifted",
        "suspended",
        "resumed",
        "group_closed",
        "revoked",
    ):
        assert kinds[kind], kind
    assert any(message.get("factor") == "0.85" for message in messages)
    targets = [message for message in messages if message["type"] == "target_set"]
    assert {target["basis"] for target in targets} == {"fixed", "per_worker"}
    assert {target["pace"]["kind"] for target in targets} == {"linear", "monthly"}


def test_one_region_dries_up(messages: list[dict[str, Any]]) -> None:
    """The others go on as before."""
    late = Counter()
    early = Counter()
    for message in messages:
        if message["type"] == "remittance":
            month = int(message["occurred_at"][5:7])
            (late if month >= DRY_FROM_MONTH else early)[message["group_id"].rsplit("-", 1)[0]] += 1
    assert late[DRY_REGION] / early[DRY_REGION] < 0.15
    assert all(late[region] / early[region] > 0.4 for region in REGIONS if region != DRY_REGION)


def test_the_demo_knows_what_a_worker_has_to_come_to() -> None:
    """What is taken back, told twice or after the day reached does not count."""
    made_up = make_up(7, 40, 4_000, 2026)
    assert made_up.groups == 40
    assert 3_400 < made_up.counted_remittances < 4_000
    assert sum(record.is_policy for record in made_up.records) > 80
