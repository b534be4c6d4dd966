"""The core held against the naive model, on histories in which things collide.

EXAMPLES sets how many histories Hypothesis makes for each test (200); the tests marked slow run over
thousands of seeds.
"""

import os
from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.model import wire
from tests.model.naive import Model, alerts, episodes, statuses
from tests.property.core import Core
from tests.strategies import Drawn, Seeded, duplicated, histories, seeded_history, tellings

EXAMPLES = int(os.environ.get("EXAMPLES", "200"))
SEEDS_A_TEST = 100
NOT_DETERMINED = {"alert_id", "revision", "summary"}


def examples(number: int) -> settings:
    """Try so many histories, the same ones every time."""
    slow = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
    return settings(max_examples=number, deadline=None, derandomize=True, database=None, suppress_health_check=slow)


many = examples(EXAMPLES)
several = examples(max(1, EXAMPLES // 4))


def newest_told(messages):
    """Keep what a subscriber keeps: the newest message of each episode, less what was taken back."""
    newest = {message["episode_id"]: message for message in messages}
    return {name: message for name, message in newest.items() if message["transition"] != "retracted"}


def determined(messages):
    """Leave out what does not follow from the events and the day."""
    return {
        name: {field: value for field, value in message.items() if field not in NOT_DETERMINED}
        for name, message in newest_told(messages).items()
    }


def assert_core_is_the_model(told, messages, day):
    """Hold the core, told in one order, against the model of the messages."""
    model, core = Model(messages), Core(told)
    assert core.statuses(day) == statuses(model, day)
    assert core.episodes(day) == episodes(model, day)
    assert determined(core.tell({}, day)) == alerts(model, day)


@many
@given(st.data())
def test_core_is_the_model_in_any_order(data):
    """Statuses, histories and alerts are the model's, in any order and however often a message is told (I1, I2)."""
    messages, day = data.draw(histories())
    assert_core_is_the_model(data.draw(tellings(messages)), messages, day)


def test_a_rate_revoked_after_the_year_is_a_cause():
    """A rate that is revoked on the first day after the year changes it still, as facts do; a decree doesn't."""
    messages = [
        wire.target(amount="365.00"),
        wire.rate(3, "EUR", "USD", "2", "2026-06-01"),
        wire.remittance(1, "2026-07-01", "1.00", "EUR"),
        wire.revoked(4, "2027-01-01", 3),
        wire.adjusted(5, "2026-06-01", "2026-06-01", factor="0.5"),
        wire.revoked(6, "2027-01-01", 5),
    ]
    assert_core_is_the_model(messages, messages, date(2027, 2, 1))
    missed = [alert for alert in Core(messages).tell({}, date(2027, 2, 1)) if alert["kind"] == "missed"]
    assert [alert["causes"] for alert in missed] == [[wire.uid(wire.POLICY + 4)]]


def test_a_rate_of_money_that_the_account_has_not_is_no_cause():
    """A central bank publishes thirty rates a day, which would hide what an alert is really about."""
    messages = [
        wire.target(amount="365.00"),
        wire.rate(3, "EUR", "USD", "2", "2026-02-01"),
        wire.rate(4, "USD", "KRW", "1300", "2026-02-01"),
        wire.rate(5, "KWD", "USD", "3", "2026-02-01"),
        wire.adjusted(6, "2026-01-10", "2026-03-01", delta="1", currency="KRW"),
        wire.remittance(1, "2026-01-15", "1.00", "EUR"),
        wire.remittance(2, "2026-02-01", "40.00"),
        wire.remittance(3, "2026-02-02", "1.000", "KWD"),
    ]
    assert_core_is_the_model(messages, messages, date(2026, 2, 3))
    told = [alert for alert in Core(messages).tell({}, date(2026, 2, 3)) if alert["kind"] == "behind_pace"]
    used = [wire.uid(wire.POLICY + 3), wire.uid(wire.POLICY + 4), wire.uid(wire.EVENT + 2)]
    assert [alert["causes"] for alert in told] == [used]


def test_money_without_a_rate_is_no_cause():
    """Money in unconverted counts nowhere, so that it resolved nothing and is not of the account."""
    messages = [
        wire.target(amount="365.00"),
        wire.remittance(1, "2026-02-01", "40.00"),
        wire.remittance(2, "2026-02-01", "40.00", "EUR"),
    ]
    told = Core(messages).tell({}, date(2026, 2, 1))
    assert [alert["causes"] for alert in told] == [[wire.uid(wire.EVENT + 1)]]


@pytest.mark.slow
@pytest.mark.parametrize("first", range(0, 3000, SEEDS_A_TEST))
def test_core_is_the_model_on_many_seeds(first):
    """The same for histories from seeds, longer ones."""
    for seed in range(first, first + SEEDS_A_TEST):
        messages, day = seeded_history(seed, messages=30)
        assert_core_is_the_model(duplicated(Seeded(seed), messages[::-1]), messages, day)


@several
@given(st.data())
def test_the_first_of_an_id_stands(data):
    """Of messages with one id and different fields the first told stands, and the others count nowhere."""
    messages, day = data.draw(histories())
    choices = Drawn(data.draw)
    told = list(messages)
    for _ in range(3 if messages else 0):
        place = choices.between(0, len(messages) - 1)
        field = "event_id" if "event_id" in messages[place] else "policy_id"
        of_kind = [m for m in messages if field in m and m.get("group_id") == messages[place].get("group_id")]
        told.insert(choices.between(0, len(told)), choices.pick(of_kind) | {field: messages[place][field]})
    core = Core(told)
    assert core.statuses(day) == statuses(told, day)


@several
@given(st.data())
def test_neither_order_nor_duplicates_matter(data):
    """Two tellings of the same messages end in the same statuses, histories and messages (I1, I2)."""
    messages, day = data.draw(histories())
    one, other = Core(messages), Core(data.draw(tellings(messages)))
    assert one.statuses(day) == other.statuses(day)
    assert one.tell({}, day) == other.tell({}, day)


@several
@given(st.data())
def test_folding_between_evaluations_changes_nothing(data):
    """What was evaluated, and remembered, before half of the messages came leaves no trace (I1)."""
    messages, day = data.draw(histories())
    told = data.draw(tellings(messages))
    core = Core()
    for message in told:
        core.fold(message)
        core.statuses(day)
        core.episodes(day)
    assert core.statuses(day) == Core(messages).statuses(day)
    assert core.episodes(day) == Core(messages).episodes(day)
    assert core.episodes(day) == Core(messages).episodes(day)


@several
@given(st.data())
def test_telling_by_and_by_ends_in_the_canonical_history(data):
    """Told in three parts, as days go by, the newest of each episode less the retracted is the whole truth (I5)."""
    messages, day = data.draw(histories())
    told = data.draw(tellings(messages))
    cuts = sorted(data.draw(st.integers(0, len(told))) for _ in range(2))
    days = [day - timedelta(days=40), day, day]
    core, memory, said = Core(), {}, []
    for begin, end, reached in zip([0, *cuts], [*cuts, len(told)], days, strict=True):
        for message in told[begin:end]:
            core.fold(message)
        said += core.tell(memory, reached)
    canonical = episodes(messages, day)
    assert {name: m["history"] for name, m in newest_told(said).items()} == {
        name: episode["history"] for name, episode in canonical.items()
    }
    assert core.tell(memory, day) == []
    revisions = {}
    for message in said:
        revisions[message["episode_id"]] = revisions.get(message["episode_id"], 0) + 1
        assert message["revision"] == revisions[message["episode_id"]]
    assert len({message["alert_id"] for message in said}) == len(said)


@several
@given(histories(), st.integers(1, 200))
def test_history_to_an_earlier_day_is_the_beginning(history, days):
    """With the same messages known, a day that comes adds to histories and changes nothing in them (I7)."""
    messages, day = history
    core, earlier = Core(messages), day - timedelta(days=days)
    until = str(earlier)
    later = {name: episode for name, episode in core.episodes(day).items() if episode["opened_on"] <= until}
    for episode in later.values():
        episode["history"] = [step for step in episode["history"] if step["on_day"] <= until]
    assert later == core.episodes(earlier)


@several
@given(histories())
def test_a_history_goes_forward_from_its_opening(history):
    """Days never go back, an opening is first and only first, and nothing follows an end."""
    messages, day = history
    for episode in Core(messages).episodes(day).values():
        steps = episode["history"]
        assert steps[0]["transition"] == "opened"
        assert steps[0]["on_day"] == episode["opened_on"]
        assert all(one["on_day"] <= two["on_day"] for one, two in pairwise(steps))
        assert all(step["transition"] != "opened" for step in steps[1:])
        assert all(step["transition"] not in ("resolved", "lapsed") for step in steps[:-1])
