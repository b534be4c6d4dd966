"""More home partitions (`quotastream rebuild --home-partitions`): every group moves, and nothing is told again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from streams.shell import rebuilding, spreading
from streams.shell.topic_admin import admin_client
from streams.shell.topics import home_partition
from tests.integration.told_house import GROUPS, command, telling
from tests.model.wire import remittance, reversal
from tests.running import PARTITIONS, RunningWorker, value

if TYPE_CHECKING:
    from pathlib import Path

    from streams.devkafka.broker import Broker
    from tests.integration.told_house import Known
    from tests.running import House

MORE = 5  # no multiple of what was: groups move between the old ones too


def partitions(house: House) -> tuple[int, int]:
    """Return how many partitions the home log and what was told have."""
    with admin_client(house.bootstrap_servers) as admin:
        topics = admin.describe_topics([house.names.home, house.names.told])
    counts = {topic["name"]: len(topic["partitions"]) for topic in topics}
    return counts[house.names.home], counts[house.names.told]


def conflict(known: Known) -> None:
    """Send money again with another amount, where the first was sent, and wait for its dead letter."""
    house = known.house
    (first,) = house.publish([remittance(9_000, "2026-03-05", "5.00", group="g-conflict")])
    house.seen.until(lambda: house.seen.counted("g-conflict")[0])
    house.publish([remittance(9_000, "2026-03-05", "6.00", group="g-conflict")], first.partition)
    house.seen.until(lambda: "conflicting_duplicate" in {reason for reason, _ in known.letters()})


def test_nothing_is_told_again_and_everything_goes_on(kafka: Broker, tmp_path: Path) -> None:
    """Accounts, episodes and dead letters are as they were; late knowledge gets an episode's next revision."""
    assert any(home_partition(g, PARTITIONS) != home_partition(g, MORE) < PARTITIONS for g in GROUPS)
    with telling(kafka.bootstrap_servers, tmp_path) as known:
        house = known.house
        conflict(known)
        assert known.worker.stop() == 0
        before, letters = known.told(), known.letters()
        assert command(house, "rebuild", "--home-partitions", str(MORE)).returncode == 3
        fewer = command(house, "rebuild", "--home-partitions", "2", "--yes")
        assert (fewer.returncode, partitions(house)) == (1, (PARTITIONS, PARTITIONS))
        assert "they can only become more" in fewer.stderr
        done = command(house, "rebuild", "--home-partitions", str(MORE), "--yes")
        assert (done.returncode, done.stderr) == (0, "")
        assert partitions(house) == (MORE, MORE)
        workers = [known.worker.start(), RunningWorker(house, "fresh").start()]
        try:
            known.one_more_of_each_home(MORE)
            assert known.equals_the_model()
            assert known.told() == before
            assert known.letters() == letters
            goes_on_at_the_next_revision(known)
            assert [worker.stop() for worker in workers] == [0, 0]
        finally:
            workers[1].kill()


def goes_on_at_the_next_revision(known: Known) -> None:
    """Take a group's money back: an episode that was told is told again, and not as if it were new."""
    told = {value(alert)["episode_id"]: value(alert) for alert in known.told()[0]}
    old = len(known.told()[0])
    group = next(
        g for n, g in enumerate(GROUPS)
        if home_partition(g, PARTITIONS) != home_partition(g, MORE) and any(a["group_id"] == g for a in told.values())
    )  # fmt: skip
    number = 100 * GROUPS.index(group)
    known.house.publish([reversal(number + 60, number + 1, group=group)])
    known.house.seen.until(lambda: len(known.told()[0]) > old)
    again = [alert for alert in map(value, known.told()[0][old:]) if alert["episode_id"] in told]
    assert again
    for alert in again:
        assert alert["revision"] > told[alert["episode_id"]]["revision"]


class Cut(Exception):  # noqa: N818
    """The end of a rebuild, in the middle of it."""


@pytest.mark.slow
@pytest.mark.parametrize("step", [0, 1, 2, 3, 4])
def test_one_that_is_cut_off_harms_nothing(
    kafka: Broker, tmp_path: Path, step: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No worker starts on half a move, and the command run again (without the number) finishes it."""
    said: list[str] = []

    def say(text: str) -> None:
        said.append(text)
        if len(said) == step:
            raise Cut

    def cut_while_moving(facts: spreading.Facts) -> None:  # after all accounts were sent, before the commit
        raise Cut

    if step == 0:
        monkeypatch.setattr(spreading.Facts, "records", cut_while_moving)
    with telling(kafka.bootstrap_servers, tmp_path) as known:
        house = known.house
        assert known.worker.stop() == 0
        before, letters = known.told(), known.letters()
        with admin_client(house.bootstrap_servers) as admin:
            planned = rebuilding.plan(admin, house.bootstrap_servers, house.names, MORE)
            with pytest.raises(Cut):
                rebuilding.rebuild(admin, house.bootstrap_servers, house.names, planned, say)
        if partitions(house) == (PARTITIONS, MORE):
            assert known.worker.start().wait() == 1
            assert "home: partitions is 3, should be 5" in known.worker.last_line
            assert command(house, "rebuild", "--yes").returncode == 0
        known.worker.start()
        known.one_more_of_each_home(partitions(house)[1])
        assert known.equals_the_model()
        assert known.told() == before
        assert sorted(set(known.letters())) == letters
        assert known.worker.stop() == 0
