"""What a teller turns to first: news, then alerts of all, then statuses; groups at rest cost nothing."""

from __future__ import annotations

from streams.shell.agenda import Agenda, Task


def agenda_of(*group_ids: str) -> Agenda:
    """Return an agenda with groups."""
    agenda = Agenda()
    agenda.enlist(group_ids)
    return agenda


def rest_of(agenda: Agenda) -> list[Task]:
    """Return what is left, in its order."""
    return list(iter(agenda.next, None))


def test_all_are_judged_before_any_status_that_can_wait() -> None:
    """A status that took its turn among the alerts would keep the last alert waiting for a million statuses."""
    agenda = agenda_of("a", "b", "c")
    agenda.begin_round()
    judged = []
    for _ in range(3):
        task = agenda.next()
        judged.append(task)
        agenda.wait(task)
    assert judged == [Task("a", True, None), Task("b", True, None), Task("c", True, None)]
    assert agenda
    assert rest_of(agenda) == [Task("a", False, None), Task("b", False, None), Task("c", False, None)]
    assert not agenda


def test_news_come_before_a_round_that_is_under_way() -> None:
    """A remittance would otherwise wait for a policy for all to have reached everybody."""
    agenda = agenda_of("a", "b", "c")
    agenda.begin_round()
    assert agenda.next() == Task("a", True, None)
    agenda.urge(["c", "new"])
    assert agenda.has_news()
    assert [task.group_id for task in rest_of(agenda)] == ["c", "new", "b", "c"]


def test_statuses_of_groups_with_news_come_when_the_teller_says() -> None:
    """Each is judged first; its status comes before more news are judged or not at all yet, and never twice."""
    agenda = agenda_of("a", "b", "c")
    agenda.urge(["a", "b"], 1.5)
    for _ in "ab":
        task = agenda.next(statuses=False)
        assert task.judge_first
        agenda.wait(task)
    assert agenda.next(statuses=False) is None
    assert agenda.only_statuses()
    assert agenda.due == 2
    agenda.urge(["c"])
    assert not agenda.only_statuses()
    assert agenda.next() == Task("a", False, 1.5, has_news=True)
    agenda.settle("b")  # an alert was due meanwhile, and its status went with it
    assert rest_of(agenda) == [Task("c", True, None, has_news=True)]
    assert not agenda


def test_news_are_all_that_is_due_or_not() -> None:
    """A round waits for no backlog."""
    agenda = agenda_of("a", "b", "c")
    assert not agenda.only_news()
    agenda.urge(["a"])
    assert agenda.only_news()
    agenda.begin_round()
    assert not agenda.only_news()
    rest_of(agenda)
    agenda.urge(["b"])
    agenda.come_by(iter(["c"]))
    assert not agenda.only_news()
    rest_of(agenda)
    agenda.wait(Task("a", judge_first=True, arrived=None))  # its status, of a round
    agenda.urge(["b"])
    assert not agenda.only_news()


def test_a_status_is_owed_only_of_who_is_not_to_be_judged_anyway() -> None:
    """A group that nobody knows, or with other news, is judged first."""
    agenda = agenda_of("a", "b")
    agenda.urge(["b"])
    assert [agenda.owe_status(name, 2.5) for name in ("a", "b", "new")] == [True, False, False]
    assert not agenda.only_statuses()
    assert rest_of(agenda) == [Task("a", False, 2.5, has_news=True), Task("b", True, None, has_news=True)]


def test_a_round_that_begins_during_another_comes_by_everybody_once_more() -> None:
    """Whoever was judged before the second policy came has to be judged again."""
    agenda = agenda_of("a", "b", "c")
    agenda.begin_round()
    agenda.next()
    agenda.begin_round()
    assert [task.group_id for task in rest_of(agenda)] == ["b", "c", "a"]


def test_a_round_comes_by_everybody_though_a_group_joins_meanwhile() -> None:
    """A round that began in the midst of the order would end one group too early for each group that joined."""
    agenda = agenda_of("a", "b")
    agenda.begin_round()
    agenda.next()
    agenda.begin_round()
    agenda.urge(["new"])
    assert [task.group_id for task in rest_of(agenda)] == ["new", "b", "new", "a"]


def test_who_rests_is_passed_over_where_only_the_day_turned() -> None:
    """Until its day; a policy for all comes by those at rest too, also when the day turns meanwhile."""
    agenda = agenda_of("a", "b")
    agenda.rest("a", 10)
    for day, due in ((9, ["b"]), (10, ["a", "b"])):
        agenda.begin_round(day)
        assert [task.group_id for task in rest_of(agenda)] == due
    agenda.begin_round()
    agenda.begin_round(5)
    assert [task.group_id for task in rest_of(agenda)] == ["a", "b"]


def test_a_policy_for_some_comes_by_these_alone() -> None:
    """In their order, before a round of all."""
    agenda = agenda_of("a", "b", "c")
    agenda.begin_round(5)
    agenda.come_by(iter(["c", "b"]), 1.5)
    assert [task.group_id for task in rest_of(agenda)] == ["c", "b", "a", "b", "c"]
