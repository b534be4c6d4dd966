"""Every number of a status, explained: the parts make the whole, and name what is behind them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest

from streams.core.events import Remittance, Reversal
from streams.questions.explanation import explain
from streams.questions.knowledge import AccountKey
from streams.questions.tree import EXACTLY, ROUNDED, DoesNotAddUpError, Node, check, tree_value
from tests.unit.core.making import GROUP, day, factor, levy, rate, revoked, suspended, target
from tests.unit.questions.histories import days_to_look_at, known, random_knowledge, synthetic_knowledge

if TYPE_CHECKING:
    from streams.questions.knowledge import Knowledge

KEY = AccountKey(GROUP, 2026)


def tree(knowledge: Knowledge, on: str) -> dict[str, Any]:
    """Return the explanation on a day, checked, its parts by label."""
    return parts(tree_value(explain(knowledge, KEY, day(on))))


def parts(value: dict[str, Any]) -> dict[str, Any]:
    """Return a node's parts by label."""
    return {part["label"]: part for part in value.get("parts", ())}


def found(value: Any, key: str) -> set[str]:
    """Return every id under a key, anywhere in a tree."""
    ids = set(value.get(key, ()))
    return ids.union(*(found(part, key) for part in value.get("parts", ())))


def test_the_worked_example_down_to_its_days() -> None:
    """The figures of the design, each range of days with the policies that made it."""
    first, cut = target("2026-01-01"), factor("2026-07-01", "0.85", remaining=True)
    explained = tree(known([first, cut], {GROUP: [("2026-03-01", 150_000_00)]}), "2026-07-01")
    assert explained["expected_to_date"]["value"] == "181000.00"
    (before,) = explained["expected_to_date"]["parts"]
    assert (before["label"], before["note"]) == ("2026-01-01 to 2026-06-30", "181 days x 1,000.00 a day")
    assert found(before, "policies") == {first.policy_id}
    whole = explained["adjusted_target"]
    assert whole["value"] == "337400.00"
    (after,) = parts(whole)["due from 2026-07-01 on"]["parts"]
    assert after["note"] == "184 days x 850.00 a day"
    assert found(after, "policies") == {first.policy_id, cut.policy_id}
    assert explained["shortfall"]["value"] == "31000.00"
    assert [part["value"] for part in explained["shortfall"]["parts"]] == ["181000.00", "-150000.00"]


def test_what_was_reversed_is_named_and_counts_nowhere() -> None:
    """Whoever looks for a remittance finds it, reversed before or after it was known; of later days it isn't yet."""
    knowledge = known([target("2026-01-01")], {GROUP: [("2026-03-01", 10_00), ("2026-03-02", 20_00, "EUR", "rail")]})
    late = Remittance(GROUP, (9).to_bytes(16, "big"), b"", day("2026-08-01"), 7_00, "USD", None)
    for number in (1, 2, 9):
        key = number.to_bytes(16, "big")
        knowledge.ledgers[GROUP].add(Reversal(GROUP, (100 + number).to_bytes(16, "big"), b"r", key))
    knowledge.ledgers[GROUP].add(late)
    explained = tree(knowledge, "2026-07-01")
    by_currency = parts(explained["reversed"])
    assert {currency: node["value"] for currency, node in by_currency.items()} == {"EUR": "20.00", "USD": "10.00"}
    assert found(by_currency["EUR"], "events") == {str(UUID(int=2))}
    assert explained["remitted_to_date"]["value"] == "0.00"
    assert parts(tree(knowledge, "2026-08-01")["reversed"])["USD"]["value"] == "17.00"


def test_nothing_is_less_than_nothing() -> None:
    """What is 0.00 is not shown as -0.00 where it is taken away."""
    explained = tree(known([target("2026-01-01")]), "2026-01-01")
    assert [part["value"] for part in explained["policy_effect"]["parts"]] == ["0.00", "0.00"]


def test_money_is_named_remittance_by_remittance() -> None:
    """Money in another currency says at which policy's rate it was booked."""
    euro = rate("2026-02-01", "EUR", "USD", "1.1")
    money = [("2026-03-01", 10_00), ("2026-03-01", 20_00, "EUR"), ("2026-04-02", 5_00, "JPY")]
    explained = tree(known([target("2026-01-01"), euro], {GROUP: money}), "2026-07-01")
    remitted = explained["remitted_to_date"]
    assert remitted["value"] == "32.00"
    assert len(found(remitted, "events")) == 2
    assert found(remitted, "policies") == {euro.policy_id}
    (waiting,) = explained["unconverted"]["parts"]
    assert (waiting["label"], waiting["value"], len(found(waiting, "events"))) == ("JPY", "500", 1)
    counts = {label: part["value"] for label, part in parts(explained["remittance_count"]).items()}
    assert counts == {"base account": "2", "unconverted JPY": "1"}


def test_days_off_name_the_suspension() -> None:
    """Nothing is due while a site is closed, and the tree says by which policy."""
    shut = suspended("2026-02-01", "2026-02-01", "2026-02-10")
    explained = tree(known([target("2026-01-01"), shut]), "2026-03-01")
    ranges = parts(explained["expected_to_date"])
    off = ranges["2026-02-01 to 2026-02-10"]
    assert (off["value"], off["parts"][0]["label"]) == ("0.00", "inactive: suspended")
    assert found(off, "policies") == {shut.policy_id}


def test_a_past_day_does_not_know_what_was_decreed_later() -> None:
    """A decree counts from its issue, and a revoked one until it was revoked."""
    cut = factor("2026-06-01", "0.5")
    knowledge = known([target("2026-01-01"), cut, revoked("2026-08-01", cut)])
    assert cut.policy_id not in found(tree_value(explain(knowledge, KEY, day("05-31"))), "policies")
    assert cut.policy_id in found(tree_value(explain(knowledge, KEY, day("06-01"))), "policies")
    late = tree_value(explain(knowledge, KEY, day("08-01")))
    assert cut.policy_id not in found(
        {"parts": [part for part in late["parts"] if part["label"] != "episodes"]}, "policies"
    )


def test_a_levy_has_a_branch_of_its_own() -> None:
    """What was due for it, what was earmarked, and the policy that imposed it."""
    rail = levy("2026-02-01", "2026-03-01", "2026-03-10", 100_00)
    money = [("2026-03-02", 30_00, "USD", "rail"), ("2026-03-02", 5_00, "USD", "other")]
    explained = tree(known([target("2026-01-01"), rail], {GROUP: money}), "2026-03-06")
    branch = explained["levy rail"]
    shown = {name: part["value"] for name, part in parts(branch).items()}
    assert shown["expected_to_date"] == "50.00"
    assert (shown["target"], shown["remitted_to_date"], shown["shortfall"]) == ("100.00", "30.00", "20.00")
    assert branch["policies"] == [rail.policy_id]
    assert parts(explained["unassigned"])["USD"]["value"] == "5.00"


@pytest.mark.parametrize("seed", range(120))
def test_every_tree_adds_up(seed: int) -> None:
    """In histories in which everything collides, the parts worked out anew make the core's figures."""
    knowledge = random_knowledge(seed)
    for on in days_to_look_at(seed):
        for key in knowledge.keys(on):
            tree_value(explain(knowledge, key, on))


def test_a_made_up_year_adds_up_in_every_month() -> None:
    """The made-up year of the demo too, group by group."""
    knowledge = synthetic_knowledge()
    for month in ("02", "06", "07", "10", "12"):
        for key in knowledge.keys(day(f"2026-{month}-15")):
            tree_value(explain(knowledge, key, day(f"2026-{month}-15")))


def test_a_tree_that_does_not_add_up_is_an_error() -> None:
    """A part that is off by one smallest unit is found, wherever it is."""
    parts_of_it = (Node("a", exact=1), Node("b", exact=2), Node("words"))
    check(Node("sum", exact=3, adds_up=EXACTLY, parts=parts_of_it))
    check(Node("rounded", exact=3, adds_up=ROUNDED, parts=parts_of_it))
    with pytest.raises(DoesNotAddUpError, match="sum is 4, its parts are 3"):
        tree_value(Node("outer", parts=(Node("sum", exact=4, adds_up=EXACTLY, parts=parts_of_it),)))
