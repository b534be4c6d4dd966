"""What hypothetical policies would change, and that nothing else does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from streams.core import events
from streams.questions.amounts import SUMMED
from streams.questions.knowledge import PolicyClashError
from streams.questions.what_if import what_if
from tests.unit.core.making import GROUP, day, factor, opened, policy, rules, target
from tests.unit.questions.histories import days_to_look_at, known, random_knowledge, synthetic_knowledge

if TYPE_CHECKING:
    from streams.core.history import Known
    from streams.questions.knowledge import AccountKey


@pytest.mark.parametrize("seed", range(60))
def test_no_policies_change_nothing(seed: int) -> None:
    """The what-if of no policies is the same on both sides, in every sum (I8)."""
    knowledge = random_knowledge(seed)
    for on in days_to_look_at(seed):
        found = what_if(knowledge, [], on)
        assert (found["groups"], found["accounts_changed"]) == ([], 0)
        assert all(
            row["before"] == row["after"] and not row["changed"] for row in found["regions"] + found["overall"]
        )


def test_known_policies_change_nothing() -> None:
    """What is known already, told again as a supposition, changes nothing."""
    knowledge = synthetic_knowledge()
    found = what_if(knowledge, list(knowledge.book.policies()), day("2026-12-31"))
    assert found["accounts_changed"] == 0


def test_a_cut_lifts_whom_it_lifts() -> None:
    """The worked example as a supposition: the episode ends, the shortfall shrinks, by group and by region."""
    money = [(f"2026-{month:02d}-01", 25_000_00) for month in range(1, 7)]
    knowledge = known([opened(), target("2026-01-01")], {GROUP: money})
    cut = factor("2026-07-01", "0.85")
    found = what_if(knowledge, [cut], day("2026-07-01"))
    (group,) = found["groups"]
    assert (group["before"]["level"], group["after"]["level"]) == ("warning", "ok")
    assert (group["before"]["shortfall"], group["after"]["shortfall"]) == ("31000.00", "3850.00")
    (episode,) = group["episodes"]["changed"]
    assert episode["history"][-1]["transition"] == "resolved"
    (region,) = found["regions"]
    assert region["region"] == "north"
    assert region["changed"]
    assert (region["before"]["adjusted_target"], region["after"]["adjusted_target"]) == ("365000.00", "310250.00")


def test_what_is_known_stays_as_it_was() -> None:
    """Supposing is not decreeing: the policies known are the same afterwards."""
    knowledge = known([target("2026-01-01")])
    before = list(knowledge.book.policies())
    what_if(knowledge, [factor("2026-02-01", "0.5")], day("2026-07-01"))
    assert list(knowledge.book.policies()) == before


def test_a_policy_issued_later_changes_nothing_yet() -> None:
    """It is named, for whoever wonders why."""
    later = factor("2026-09-01", "0.5")
    found = what_if(known([target("2026-01-01")]), [later], day("2026-07-01"))
    assert (found["accounts_changed"], found["without_effect_yet"]) == (0, [later.policy_id])


def test_a_policy_can_make_an_account() -> None:
    """An account that is there on one side only has null on the other."""
    found = what_if(known([]), [target("2026-01-01")], day("2026-07-01"))
    (group,) = found["groups"]
    assert group["before"] is None
    assert group["after"]["level"] in {"warning", "critical"}


def test_a_clash_of_ids_is_refused() -> None:
    """A supposition under a known policy_id that says something else is no supposition."""
    one = target("2026-01-01")
    other = target("2026-01-01", 1, policy_id=one.policy_id)
    with pytest.raises(PolicyClashError, match=one.policy_id):
        what_if(known([one]), [other], day("2026-07-01"))


def test_regions_sum_up_to_all_on_both_sides() -> None:
    """By currency and year, to the cent."""
    closing = policy(events.GroupClosed, "2026-03-01", group_id="dandong-01", closed_on=day("03-01"))
    found = what_if(synthetic_knowledge(), [factor("2026-04-01", "0.5"), closing], day("2026-12-31"))
    assert found["accounts_changed"] > 4
    for overall in found["overall"]:
        regions = [
            row for row in found["regions"] if row["plan_year"] == overall["plan_year"]
            and row["currency"] == overall["currency"]
        ]  # fmt: skip
        for side in ("before", "after"):
            for field in SUMMED:
                cents = sum(int(row[side][field].replace(".", "")) for row in regions)
                assert cents == int(overall[side][field].replace(".", ""))


def test_rules_that_change_no_episode_change_nothing() -> None:
    """That a policy is listed as applied is no difference."""
    found = what_if(known([target("2026-01-01")]), [rules("2026-01-01", silent_days=366)], day("2026-01-20"))
    assert found["accounts_changed"] == 0


@pytest.mark.parametrize("seed", range(40))
def test_what_is_remembered_changes_no_answer(seed: int) -> None:
    """A page asks again and again, of more days and with more known: it only spares work."""
    knowledge = random_knowledge(seed)
    remembered: dict[AccountKey, Known] = {}
    for on in (*days_to_look_at(seed), *days_to_look_at(seed + 1)):
        for supposed in ("0.85", "1.2"):
            policies = [factor("2026-05-05", supposed)]
            assert what_if(knowledge, policies, on, None, remembered) == what_if(knowledge, policies, on)
        knowledge.book.add(factor(f"2026-0{1 + on % 9}-17", "0.9"))
