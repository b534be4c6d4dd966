"""Invariants of docs/invariants.md that no other property holds in full."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from streams.questions.knowledge import Knowledge
from streams.questions.what_if import what_if
from tests.model import wire
from tests.model.messages import policy_of
from tests.property.core import Core
from tests.property.test_core_against_model import several
from tests.strategies import histories


@several
@given(histories())
def test_the_effects_of_every_alert_add_up(history):
    """In every alert too, policy_effect + remittance_effect = R - E as shown (I3)."""
    messages, day = history
    for alert in Core(messages).tell({}, day):
        if alert["policy_effect"] is not None:
            effects = Decimal(alert["policy_effect"]) + Decimal(alert["remittance_effect"])
            assert effects == Decimal(alert["remitted"]) - Decimal(alert["expected"])


def places(status: dict[str, Any]) -> dict[str, Decimal]:
    """Return every place of a status in which money can be."""
    found = {"counted": Decimal(status["remitted_to_date"] or 0)}
    found |= {f"levy {levy['levy_id']}": Decimal(levy["remitted_to_date"]) for levy in status["levies"]}
    for where in ("unconverted", "unassigned"):
        found |= {f"{where} {currency}": Decimal(amount) for currency, amount in status[where].items()}
    return found


def assert_in_one_place(money: dict[str, Any], was: dict[Any, Any], then: dict[Any, Any], day: date) -> None:
    """Hold what a reversal of one remittance changed: one place of its own account, or none if its day is to come."""
    on = policy_of(money | {"policy_id": "", "issued_at": money["occurred_at"]}).issued_on
    for key, status in was.items():
        before, after = places(status), places(then[key])
        moved = {name: before.get(name, 0) - after.get(name, 0) for name in {*before, *after}}
        moved = {name: amount for name, amount in moved.items() if amount}
        mine = key == (money["group_id"], on.year) and on <= day
        assert status["remittance_count"] - then[key]["remittance_count"] == mine
        # What is booked may be less than a minor unit; what is in its own currency never is.
        assert len(moved) == mine or (not moved and exchanged(money, status))
        for name, amount in moved.items():
            own = name.startswith("un") or money["currency"] == _currency_of(status, name)
            assert amount == Decimal(money["amount"]) if own else amount > 0


@several
@given(histories())
def test_each_remittance_is_in_one_place(history):
    """What a reversal takes out of one place, of any currency, it takes out of no other, and nothing moves (I4)."""
    messages, day = history
    named = {(m["group_id"], m["reverses"]) for m in messages if m["type"] == "reversal"}
    was = Core(messages).statuses(day)
    for money in messages:
        if money["type"] == "remittance" and (money["group_id"], money["event_id"]) not in named:
            taken_out = wire.reversal(9, 0, group=money["group_id"]) | {"reverses": money["event_id"]}
            then = Core([*messages, taken_out]).statuses(day)
            assert was.keys() == then.keys()
            assert_in_one_place(money, was, then, day)


def exchanged(money: dict[str, Any], status: dict[str, Any]) -> bool:
    """Tell whether a remittance may be booked in another currency than its own."""
    asked = {None: status["currency"]} | {levy["levy_id"]: levy["currency"] for levy in status["levies"]}
    return asked.get(money["levy_id"]) not in {None, money["currency"]}


def _currency_of(status: dict[str, Any], place: str) -> str:
    currencies = {f"levy {levy['levy_id']}": levy["currency"] for levy in status["levies"]}
    return currencies.get(place, status["currency"])


def issued_after(message: dict[str, Any], year: int) -> bool:
    """Tell whether a message is a decree issued after a year, or the revocation of one that is no rate."""
    if "policy_id" not in message or message["type"] in {"exchange_rate_set", "revoked"}:
        return False
    return policy_of(message).issued_on > date(year, 12, 31)


@several
@given(histories(), histories())
def test_a_closed_year_is_left_alone_by_decrees(history, later):
    """Decrees issued after a year change neither its statuses nor its histories, whatever they are about (I6)."""
    messages, day = history
    year = day.year - 1
    ids = {m["policy_id"] for m in messages if "policy_id" in m}
    closed = [m for m in messages if not issued_after(m, year)]
    decrees = [
        m | {"issued_at": f"{day.year}-01-01T00:00:00Z"}
        for m in later.messages
        if "policy_id" in m and m["type"] not in {"exchange_rate_set", "revoked"} and m["policy_id"] not in ids
    ]
    then, now = Core(closed), Core([*closed, *decrees])
    then.years.add(year)
    now.years.add(year)
    groups = set(then.groups())
    was = {key: status for key, status in then.statuses(day).items() if key[1] <= year}
    assert was == {k: v for k, v in now.statuses(day).items() if k[1] <= year and k[0] in groups}
    told = {key: episode for key, episode in then.episodes(day).items() if episode["plan_year"] <= year}
    assert told == {k: e for k, e in now.episodes(day).items() if e["plan_year"] <= year and e["group_id"] in groups}


def test_an_account_that_ceases_to_exist_keeps_its_history():
    """Its status goes with its only target, its episodes stay as they were told, what was open lapsed (I7)."""
    messages = [wire.target(2), wire.revoked(3, "2026-02-10", 2)]
    core = Core(messages)
    before, after = date(2026, 2, 9), date(2026, 3, 1)
    assert list(core.statuses(before)) == [("g", 2026)]
    assert core.statuses(after) == {}
    (told,) = (e["history"] for e in core.episodes(before).values() if e["kind"] == "behind_pace")
    (later,) = (e["history"] for e in core.episodes(after).values() if e["kind"] == "behind_pace")
    assert later == [*told, {"on_day": "2026-02-10", "transition": "lapsed", "severity": "critical"}]


@several
@given(histories())
def test_supposing_nothing_changes_nothing(history):
    """The what-if of no policies, or of those that are known, has no difference in any group or sum (I8)."""
    messages, day = history
    core = Core(messages)
    knowledge = Knowledge(core.book, core.ledgers)
    for policies in ([], list(core.book.policies())):
        found = what_if(knowledge, policies, day.toordinal())
        assert (found["groups"], found["accounts_changed"]) == ([], 0)
        assert not any(row["changed"] for row in found["regions"] + found["overall"])


@several
@given(histories(), st.integers(1, 60))
def test_a_day_that_comes_changes_no_figure_of_a_day_that_was(history, days):
    """The status of an earlier day is the same whatever was evaluated before it (I1)."""
    messages, day = history
    core = Core(messages)
    earlier = day - timedelta(days=days)
    core.statuses(day)
    core.episodes(day)
    assert core.statuses(earlier) == Core(messages).statuses(earlier)
