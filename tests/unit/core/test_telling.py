"""What a subscriber is told, and that the newest messages are the canonical history."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pytest

from streams.core.account import evaluate
from streams.core.book import Book
from streams.core.events import Scope
from streams.core.history import history_value
from streams.core.takings import HeldMoney
from streams.core.telling import remembered, tell
from streams.core.years import day_text
from tests.unit.core.making import (
    DIGITS,
    GROUP,
    book_of,
    day,
    factor,
    levy,
    money_of,
    opened,
    random_money,
    random_policies,
    rate,
    revoked,
    rules,
    seeds,
    target,
)

if TYPE_CHECKING:
    from streams.core.account import Account
    from streams.core.history import EpisodeKey
    from streams.core.telling import ToldEpisode

ALERT_FIELDS = {
    *("schema_version", "type", "alert_id", "episode_id", "revision", "group_id", "region", "plan_year", "kind"),
    *("levy_id", "transition", "severity", "on_day", "opened_on", "history", "attainment_to_date", "threshold"),
    *("remitted", "expected", "shortfall", "adjusted_target", "original_target", "policy_effect"),
    *("remittance_effect", "currency", "causes", "summary"),
}


def told_of(book: Book, money: HeldMoney, text: str, before: dict[EpisodeKey, ToldEpisode] | None = None) -> Any:
    """Return (messages, told) for the account of 2026 on a day."""
    return told_by(evaluate(book, money, GROUP, 2026, day(text)), book, money, before or {})


def told_by(account: Account | None, book: Book, money: HeldMoney, before: dict[EpisodeKey, ToldEpisode]) -> Any:
    """Return (messages, told): what was told before, with what changed."""
    messages, changed = tell(before, account, book, money, GROUP, 2026)
    assert bool(changed) == bool(messages)
    return messages, {**before, **changed}


def one(messages: list[dict[str, Any]], kind: str) -> dict[str, Any]:
    """Return the only message of a kind."""
    (message,) = [message for message in messages if message["kind"] == kind]
    return message


def test_an_opened_episode_is_told_whole() -> None:
    """A message has exactly DESIGN's fields, and the figures of the complete days that decided it."""
    book = book_of(opened(), target())
    messages, told = told_of(book, money_of(("01-31", 5_00)), "2026-01-31")
    message = one(messages, "behind_pace")
    assert set(message) == ALERT_FIELDS
    assert message["remitted"] == "0.00"  # R(on_day - 1)
    assert message["expected"] == "30000.00"
    assert (message["threshold"], message["attainment_to_date"]) == ("0.7500", "0.0000")
    assert (message["transition"], message["severity"], message["revision"]) == ("opened", "critical", 1)
    assert list(told) == [("behind_pace", None, day("2026-01-31"))]


def test_what_is_remembered_can_be_read_off_the_messages() -> None:
    """A takeover that finds alerts which nobody noted goes by them."""
    book = book_of(opened(), target())
    messages, told = told_of(book, money_of(("01-31", 5_00)), "2026-04-30")
    assert len(messages) > 1
    assert {one.key: one for one in map(remembered, messages)} == told


def test_the_worked_example_names_the_cut_as_its_cause() -> None:
    """The cut of 1 July resolves the episode, with its effects adding up."""
    cut = factor("2026-07-01", "0.85")
    messages, _ = told_of(book_of(opened(), target(), cut), money_of(("06-30", 150_000_00)), "2026-07-01")
    message = one(messages, "behind_pace")
    assert message["causes"] == [cut.policy_id]
    assert (message["transition"], message["threshold"]) == ("resolved", "0.9500")
    assert (message["policy_effect"], message["remittance_effect"]) == ("27150.00", "-31000.00")
    assert [step["transition"] for step in message["history"]][-2:] == ["retargeted", "resolved"]


def test_money_that_resolves_is_named_after_the_policies() -> None:
    """The remittances of the day that resolved it are causes."""
    money = money_of(("01-31", 30_000_00))
    message = one(told_of(book_of(opened(), target()), money, "2026-01-31")[0], "behind_pace")
    assert message["causes"] == ["00000000-0000-0001-0000-000000000000"]
    assert message["remitted"] == "30000.00"  # R(on_day)


def test_money_that_waits_for_a_rate_is_no_cause() -> None:
    """Foreign money without a rate counts nowhere, so it resolved nothing; yet it ends a silence."""
    money = money_of(("02-05", 300_000_00), ("02-05", 5, "EUR"))
    messages, _ = told_of(book_of(opened(), target()), money, "2026-02-05")
    assert len(one(messages, "behind_pace")["causes"]) == 1
    assert len(one(messages, "silent")["causes"]) == 2


def test_nothing_new_tells_nothing() -> None:
    """Told once, the same is not told again."""
    book, money = book_of(opened(), target()), money_of()
    _, told = told_of(book, money, "2026-03-01")
    assert told_of(book, money, "2026-03-01", told) == ([], told)


def test_late_money_takes_an_episode_back_and_a_reversal_tells_it_again() -> None:
    """An episode that never was is retracted; told again, its revision goes on."""
    book = book_of(opened(), target())
    _, told = told_of(book, money_of(), "2026-02-01")
    late = money_of(("01-15", 300_000_00))
    (taken_back,), told = told_of(book, late, "2026-02-01", told)
    assert (taken_back["transition"], taken_back["severity"], taken_back["history"]) == ("retracted", None, [])
    assert (taken_back["on_day"], taken_back["remitted"], taken_back["threshold"]) == (
        "2026-01-31",
        "300000.00",
        None,
    )
    late.remove((1 << 64).to_bytes(16, "big"))
    (again,), told = told_of(book, late, "2026-02-01", told)
    assert [taken_back["revision"], again["revision"]] == [2, 3]


def test_an_account_that_is_no_more_takes_everything_back() -> None:
    """Without an account all that was told is retracted, once."""
    plan = target()
    book, money = book_of(opened(), plan), money_of()
    _, told = told_of(book, money, "2026-03-01")
    book.add(revoked("2025-12-01", plan))
    messages, told = told_by(None, book, money, told)
    assert {message["transition"] for message in messages} == {"retracted"}
    assert told_by(None, book, money, told) == ([], told)


def test_a_levy_has_no_original_target() -> None:
    """A levy's message leaves original_target and both effects null."""
    book = book_of(levy("2026-01-15", "2026-02-01", "2026-02-20", 100_00))
    message = one(told_of(book, money_of(), "2026-02-08")[0], "levy_behind")
    assert message["original_target"] is message["policy_effect"] is message["remittance_effect"] is None
    assert (message["expected"], message["adjusted_target"]) == ("35.00", "100.00")


def test_a_levys_episode_that_never_was_is_taken_back_as_the_levys() -> None:
    """What is noted of an episode has its levy: a retraction by another name would leave it open for ever."""
    book = book_of(levy("2026-01-15", "2026-02-01", "2026-02-20", 100_00))
    messages, told = told_of(book, money_of(), "2026-02-08")
    first = one(messages, "levy_behind")
    taken_back = one(told_of(book, money_of(("02-01", 100_00, "USD", "rail")), "2026-02-08", told)[0], "levy_behind")
    assert (taken_back["transition"], taken_back["levy_id"]) == ("retracted", "rail")
    assert taken_back["episode_id"] == first["episode_id"]


def test_money_that_pays_a_levy_is_the_cause_and_other_money_of_the_day_is_not() -> None:
    """Causes are of the account that the episode is of."""
    book = book_of(levy("2026-01-15", "2026-02-01", "2026-02-20", 100_00))
    money = money_of(("02-08", 90_00), ("02-08", 100_00, "USD", "rail"))
    message = one(told_of(book, money, "2026-02-08")[0], "levy_behind")
    assert message["transition"] == "resolved"
    assert message["causes"] == ["00000000-0000-0002-0000-000000000000"]


def test_a_policy_for_the_region_is_a_cause() -> None:
    """A group is in the region of its opening, so what is decreed for that region touches it."""
    cut = factor("2026-07-01", "0.85", scope=Scope(region="north"))
    elsewhere = factor("2026-07-01", "0.85", scope=Scope(region="south"))
    before = opened("2025-01-01", region="south")
    book = book_of(before, opened(), target(), cut, elsewhere)
    messages, _ = told_of(book, money_of(("06-30", 150_000_00)), "2026-07-01")
    assert one(messages, "behind_pace")["causes"] == [cut.policy_id]


def test_the_threshold_of_what_is_out_of_reach_is_a_daily_rate() -> None:
    """It opens above twice the best thirty days' average, and resolves at nine tenths of that, today's money too."""
    book = book_of(opened(), target(), rules("2026-01-01", unreachable_grace_days=5, silent_days=366))
    messages, told = told_of(book, money_of(("02-10", 1_00)), "2026-02-11")
    assert one(messages, "unreachable")["threshold"] == "0.07"
    messages, _ = told_of(book, money_of(("02-10", 1_00), ("03-01", 300_000_00)), "2026-03-01", told)
    message = one(messages, "unreachable")
    assert (message["transition"], message["threshold"]) == ("resolved", "18000.06")


def test_a_rate_is_a_cause_on_the_day_of_the_first_money_that_it_books() -> None:
    """Before that day the account had no use for it."""
    book = book_of(opened(), target(), used := rate("2026-02-10", "EUR", "USD", "2"))
    message = one(told_of(book, money_of(("02-10", 300_000_00, "EUR")), "2026-02-10")[0], "behind_pace")
    assert message["causes"] == [used.policy_id, "00000000-0000-0001-0000-000000000000"]


def test_messages_that_differ_never_share_an_alert_id() -> None:
    """Another revision, another figure: another alert_id; the same message: the same."""
    book = book_of(opened(), target())
    first, told = told_of(book, money_of(), "2026-02-01")
    assert told_of(book, money_of(), "2026-02-01")[0] == first
    other, _ = told_of(book, money_of(("01-20", 1)), "2026-02-01")
    assert first[0]["episode_id"] == other[0]["episode_id"]
    assert first[0]["alert_id"] != other[0]["alert_id"]
    _, gone = told_by(None, book, money_of(), told)
    again, _ = told_of(book, money_of(), "2026-02-01", gone)
    assert again[0]["alert_id"] != first[0]["alert_id"]


@pytest.mark.parametrize("seed", seeds(12))
def test_the_newest_messages_less_the_retracted_are_the_canonical_history(seed: int) -> None:
    """However the knowledge comes in, by any number of tellings, the subscriber ends with the canonical history."""
    rng = random.Random(seed)
    waiting: list[Any] = [opened(), target(), *random_policies(rng, 15), *random_money(rng, 40)]
    rng.shuffle(waiting)
    book, money, told = Book(DIGITS), HeldMoney(), {}
    newest: dict[str, dict[str, Any]] = {}
    ids: dict[str, dict[str, Any]] = {}
    last = ""
    for number, something in enumerate(waiting):
        if isinstance(something, tuple):
            money.add(number.to_bytes(16, "big"), day(something[0]), *something[1:])
        else:
            book.add(something)
        if rng.random() < 0.3 or number == len(waiting) - 1:
            last = max(last, day_text(rng.randrange(day("2026-03-01"), day("2027-01-03"))))
            messages, told = told_of(book, money, last, told)
            for message in messages:
                assert message["revision"] == newest.get(message["episode_id"], {"revision": 0})["revision"] + 1
                newest[message["episode_id"]] = message
                assert ids.setdefault(message["alert_id"], message) == message
    canonical = evaluate(book, money, GROUP, 2026, day(last)).episodes
    left = {name: message["history"] for name, message in newest.items() if message["transition"] != "retracted"}
    assert left == {episode.id_in(GROUP, 2026): history_value(episode.history) for episode in canonical}
