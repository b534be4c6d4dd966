"""When a teller sends: alerts at once, statuses now and then, and less often where there is too much to judge."""

from __future__ import annotations

import pytest

from streams.shell import pace
from streams.shell.agenda import Task

NEWS = Task("g", judge_first=True, arrived=None, has_news=True)
STATUS = Task("g", judge_first=False, arrived=None, has_news=True)
OF_A_ROUND = Task("g", judge_first=True, arrived=None)


class Clock:
    """Shows the seconds that a test says."""

    now = 100.0

    def __call__(self) -> float:
        """Return them."""
        return self.now


def having_told_statuses(
    clock: Clock, took_seconds: float = 0.001, *, news: bool = False, more: bool = False
) -> pace.Pace:
    """Return a pace whose first transaction had statuses; `news` and `more` statuses were left over."""
    mine = pace.Pace(clock)
    assert mine.statuses_due
    clock.now += took_seconds
    mine.is_full(STATUS, has_alerts=False, has_news=False)
    mine.end(has_news=news, has_statuses=more)
    return mine


def test_an_alert_of_news_is_sent_once_no_news_are_left_to_judge() -> None:
    """It would otherwise wait for statuses, or for the round that is under way."""
    mine = pace.Pace(Clock())
    assert not mine.is_full(NEWS, has_alerts=False, has_news=True)
    assert not mine.is_full(NEWS, has_alerts=True, has_news=True)
    assert mine.is_full(NEWS, has_alerts=False, has_news=False)


def test_alerts_of_a_round_go_out_together() -> None:
    """A transaction for each alert of a policy for all would take longer than the policy."""
    clock = Clock()
    mine = pace.Pace(clock)
    assert not mine.is_full(OF_A_ROUND, has_alerts=True, has_news=False)
    clock.now += pace.BATCH_SECONDS * 1.5
    assert not mine.is_full(OF_A_ROUND, has_alerts=True, has_news=False)
    assert mine.is_full(OF_A_ROUND, has_alerts=True, has_news=True)
    clock.now += pace.ROUND_SECONDS
    assert mine.is_full(OF_A_ROUND, has_alerts=True, has_news=False)


def test_news_of_another_teller_end_a_batch_too() -> None:
    """Its alerts would otherwise wait for a round, or for statuses, as long as they go on."""
    clock = Clock()
    mine = pace.Pace(clock)
    clock.now += pace.BATCH_SECONDS * 1.5
    assert not mine.is_full(OF_A_ROUND, has_alerts=False, has_news=False)
    assert mine.is_full(OF_A_ROUND, has_alerts=False, has_news=False, others=True)


def test_statuses_follow_after_a_while() -> None:
    """Each transaction has its price: one for each remittance's status cost more than all else."""
    clock = Clock()
    mine = having_told_statuses(clock)
    mine.begin(has_news=False)
    assert not mine.statuses_due
    clock.now += mine.early_seconds()
    mine.begin(has_news=False)
    assert mine.statuses_due


def test_alerts_do_not_wait_for_statuses_that_are_just_due() -> None:
    """They go with the next transaction; only those that alerts went before already go with the alert."""
    clock = Clock()
    mine = having_told_statuses(clock)
    for late, sends in ((0.0, True), (pace.SOON_SECONDS, False)):
        clock.now = 100.001 + pace.STATUSES_SECONDS + late
        mine.begin(has_news=True)
        assert mine.is_full(NEWS, has_alerts=True, has_news=False, has_statuses=True) is sends


def test_statuses_that_are_left_over_follow_soon() -> None:
    """Nobody waits for half a second more because others came first."""
    mine = having_told_statuses(Clock(), news=True, more=True)
    assert mine.early_seconds() < pace.SOON_SECONDS


@pytest.mark.parametrize(("took_seconds", "apart_seconds"), [(0.001, 0.5), (0.05, 1.0), (0.24, 2.0)])
def test_statuses_that_take_long_come_less_often(took_seconds: float, apart_seconds: float) -> None:
    """Else a worker with many groups is busy with nothing else, and what is to be judged waits to be folded."""
    mine = having_told_statuses(Clock(), took_seconds)
    assert mine.early_seconds() == pytest.approx(apart_seconds - took_seconds)


def test_a_batch_of_news_may_take_as_long_as_the_transaction_before_it() -> None:
    """Where transactions take long, fewer of them have to do for as many alerts."""
    clock = Clock()
    mine = pace.Pace(clock)
    for took_seconds, most_seconds in ((0.1, 0.1), (0.001, pace.BATCH_SECONDS), (9.0, pace.ROUND_SECONDS)):
        mine.end(has_news=True, has_statuses=False)
        clock.now += took_seconds
        mine.sent()
        mine.begin(has_news=True)
        clock.now += most_seconds * 0.9
        assert not mine.is_full(NEWS, has_alerts=True, has_news=True)
        clock.now += most_seconds * 0.2
        assert mine.is_full(NEWS, has_alerts=True, has_news=True)


def test_news_come_before_statuses_that_are_due() -> None:
    """An alert would wait for them; those that are under way wait too."""
    clock = Clock()
    mine = pace.Pace(clock)
    mine.begin(has_news=True)
    assert not mine.statuses_due
    clock.now += 0.001
    mine.is_full(NEWS, has_alerts=False, has_news=False)
    assert mine.statuses_due
    mine.is_full(STATUS, has_alerts=False, has_news=True)
    assert not mine.statuses_due


def test_statuses_have_their_share_though_news_never_end() -> None:
    """They would wait for ever; and where there is nothing to judge they have all the time."""
    clock = Clock()
    mine = pace.Pace(clock)
    came = 0.0
    for _ in range(1_000):
        mine.begin(has_news=True)
        is_full = False
        while not is_full:
            is_status = mine.statuses_due
            clock.now += 0.001
            came += 0.001 * is_status
            is_full = mine.is_full(STATUS if is_status else NEWS, has_alerts=False, has_news=True, has_statuses=True)
        mine.end(has_news=True, has_statuses=True)
    assert came / (clock.now - 100.0) == pytest.approx(pace.STATUSES_SHARE, rel=0.2)
    clock.now += pace.STATUSES_SECONDS
    mine.begin(has_news=False)
    for _ in range(100):
        clock.now += 0.001
        mine.is_full(STATUS, has_alerts=False, has_news=False)
        assert mine.statuses_due


def test_statuses_have_their_share_though_each_transaction_has_alerts() -> None:
    """Alerts go once all news are judged; where they always do, statuses that are due go with some of them."""
    clock = Clock()
    mine = pace.Pace(clock)
    came = 0.0
    for _ in range(1_000):
        mine.begin(has_news=True)
        clock.now += 0.001
        is_full = mine.is_full(NEWS, has_alerts=True, has_news=False, has_statuses=True)
        while not is_full:
            assert mine.statuses_due
            clock.now += 0.001
            came += 0.001
            is_full = mine.is_full(STATUS, has_alerts=False, has_news=False, has_statuses=True)
        mine.end(has_news=False, has_statuses=True)
        clock.now += 0.01  # the transaction
    assert came / (clock.now - 100.0) == pytest.approx(pace.STATUSES_SHARE, rel=0.2)


def test_news_of_a_backlog_are_looked_at_now_and_then() -> None:
    """More of the same groups is about to come, and what is told of half of it is taken back."""
    clock = Clock()
    mine = pace.Pace(clock)
    clock.now += 10
    for _ in range(100):  # and no longer than from the first that came since the look before
        mine.news_came(pace.BACKLOG_RECORDS)
        clock.now += pace.BACKLOG_SECONDS / 200
    assert mine.held_seconds() == pytest.approx(pace.BACKLOG_SECONDS / 2)
    clock.now += pace.BACKLOG_SECONDS / 2
    mine.news_came(pace.BACKLOG_RECORDS)
    assert mine.held_seconds() == 0
    mine.begin(has_news=True)
    clock.now += 0.1
    mine.news_came(pace.BACKLOG_RECORDS)
    assert mine.held_seconds() == pytest.approx(pace.BACKLOG_SECONDS)


def test_what_is_left_of_a_backlog_waits_no_longer() -> None:
    """Nor does anything else where little is to be read."""
    clock = Clock()
    mine = pace.Pace(clock)
    clock.now += 10
    mine.news_came(pace.BACKLOG_RECORDS - 1)
    assert mine.held_seconds() == 0
    mine.news_came(pace.BACKLOG_RECORDS)
    assert mine.held_seconds() > 0
    mine.news_came(0)
    assert mine.held_seconds() == 0
