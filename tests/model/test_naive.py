"""The model itself, held against the design's worked example and cases counted by hand."""

from datetime import date
from uuid import NAMESPACE_URL, uuid5

import pytest

from tests.model import wire
from tests.model.naive import alerts, episodes, statuses, usable
from tests.model.wire import EVENT, POLICY, uid

PLAN = [wire.opened(), wire.target()]
BEHIND = [*PLAN, wire.remittance(1, "2026-03-01", "150000.00")]
QUIET = wire.rules(90, "2026-01-01", silent_days=366, unreachable_grace_days=366)


def status(messages, day, year=2026, group="g"):
    """Show one account on a day."""
    return statuses(messages, date.fromisoformat(day))[group, year]


def shown(messages, day, *names):
    """Show some fields of the account, in order."""
    value = status(messages, day)
    return [value[name] for name in names]


def told(messages, day, kind, levy_id=None):
    """List what an account's only episode of a kind went through: day, transition, severity."""
    of_kind = [
        e
        for e in episodes(messages, date.fromisoformat(day)).values()
        if (e["kind"], e["levy_id"]) == (kind, levy_id)
    ]
    return [[(h["on_day"][5:], h["transition"], h["severity"]) for h in e["history"]] for e in of_kind]


def test_worked_example_before_any_cut():
    """A thousand a day for 181 days with 150000 received is 31000 short, at 0.8287, a warning."""
    names = ("expected_to_date", "attainment_to_date", "level", "shortfall", "policy_effect", "remittance_effect")
    assert shown([*BEHIND, QUIET], "2026-07-01", *names) == [
        "181000.00",
        "0.8287",
        "warning",
        "31000.00",
        "0.00",
        "-31000.00",
    ]


def test_worked_example_whole_period_cut():
    """A cut of the whole period by 15 % resolves the episode and shows as 27150 of policy effect."""
    cut = wire.adjusted(3, "2026-07-01", "2026-07-01", "whole_period", factor="0.85")
    messages = [*BEHIND, cut, QUIET]
    names = (
        "adjusted_target",
        "expected_to_date",
        "attainment_to_date",
        "policy_effect",
        "remittance_effect",
        "level",
    )
    assert shown(messages, "2026-07-01", *names) == [
        "310250.00",
        "153850.00",
        "0.9750",
        "27150.00",
        "-31000.00",
        "ok",
    ]
    last = told(messages, "2026-07-01", "behind_pace")[-1]
    assert last[-2:] == [("07-01", "retargeted", "warning"), ("07-01", "resolved", "warning")]
    alert = [a for a in alerts(messages, date(2026, 7, 1)).values() if a["on_day"] == "2026-07-01"]
    assert [a["causes"] for a in alert] == [[uid(POLICY + 3)]]
    assert [a["threshold"] for a in alert] == ["0.9500"]


def test_worked_example_remaining_cut():
    """The same cut of what remains keeps the episode open, retargeted, and needs 1018.48 a day."""
    messages = [*BEHIND, wire.adjusted(3, "2026-07-01", "2026-07-01", factor="0.85"), QUIET]
    names = ("adjusted_target", "expected_to_date", "required_daily_rate", "level")
    assert shown(messages, "2026-07-01", *names) == ["337400.00", "181000.00", "1018.48", "warning"]
    assert told(messages, "2026-07-01", "behind_pace")[-1][-1] == ("07-01", "retargeted", "warning")


def test_default_thresholds_open_after_thirty_due_days():
    """With nothing sent at all the base account is critical on 31 January, and silent after 35 due days."""
    assert told(PLAN, "2026-02-20", "behind_pace") == [[("01-31", "opened", "critical")]]
    assert told(PLAN, "2026-02-20", "silent") == [[("02-05", "opened", "warning")]]
    assert told(PLAN, "2026-12-31", "unreachable") == []


def test_escalates_eases_and_resolves_on_the_day_of_the_money():
    """0.75 is a warning, 0.5 the day after is critical, and the money of that day resolves it at once."""
    rules = wire.rules(90, "2026-01-01", grace_days=1, silent_days=366)
    messages = [
        *PLAN,
        rules,
        wire.remittance(1, "2026-01-01", "1500.00"),
        wire.remittance(2, "2026-01-04", "1700.00"),
        wire.remittance(3, "2026-01-05", "700.00"),
    ]
    assert told(messages, "2026-01-05", "behind_pace") == [
        [
            ("01-03", "opened", "warning"),
            ("01-04", "escalated", "critical"),
            ("01-04", "resolved", "critical"),
        ],
        [("01-05", "opened", "warning"), ("01-05", "resolved", "warning")],
    ]


def test_de_escalates_where_nothing_closes():
    """From 0.5 to 0.8 of what is due is a warning again, and no more."""
    messages = [
        *PLAN,
        wire.rules(90, "2026-01-01", grace_days=1, silent_days=366),
        wire.remittance(1, "2026-01-02", "800.00"),
    ]
    assert told(messages, "2026-01-02", "behind_pace") == [
        [("01-02", "opened", "critical"), ("01-02", "deescalated", "warning")]
    ]


def test_rounds_half_to_even_at_the_end_only():
    """A year's 0.05 is 0.025 after half of the (leap) year's days: shown as 0.02; 0.15 halves to 0.08."""
    for amount, expected in (("0.05", "0.02"), ("0.15", "0.08")):
        plan = [wire.target(amount=amount, year=2024, issued="2023-12-01")]
        assert status(plan, "2024-07-02", 2024)["expected_to_date"] == expected


def test_monthly_weights_and_a_suspension():
    """A quarter of the year's weight on March, the last ten days of which are suspended; grace is thirty due days."""
    weights = ["0", "3", "1"] + ["0"] * 9
    messages = [
        wire.target(amount="1240.00", pace={"kind": "monthly", "weights": weights}),
        wire.suspended(3, "2026-03-01", "2026-03-22", "2026-03-31"),
    ]
    names = ("expected_to_date", "adjusted_target", "original_target", "policy_effect", "level")
    assert shown(messages, "2026-03-01", *names) == ["930.00", "1140.00", "1240.00", "0.00", "ok"]
    assert shown(messages, "2026-04-10", *names) == ["1140.00", "1140.00", "1240.00", "100.00", "critical"]
    assert shown(messages, "2026-03-25", *names)[-1] == "inactive"


def test_partial_resumption():
    """A resumption for the other region changes nothing here; one for all ends a suspension early."""
    suspension = wire.suspended(3, "2026-01-01", "2026-01-11", "2026-01-20")
    elsewhere = wire.resumed(4, "2026-01-01", 3, "2026-01-12", scope={"region": "south"})
    here = wire.resumed(5, "2026-01-01", 3, "2026-01-16")
    assert status([*PLAN, suspension, elsewhere], "2026-02-01")["expected_to_date"] == "21000.00"
    assert status([*PLAN, suspension, elsewhere, here], "2026-02-01")["expected_to_date"] == "26000.00"


def test_decree_counts_from_its_issue_only():
    """A cut that is effective in January and issued on 3 March is not there on 2 March, whenever it arrives."""
    messages = [*PLAN, wire.adjusted(3, "2026-03-03", "2026-01-01", factor="0.5")]
    assert status(messages, "2026-03-02")["expected_to_date"] == "60000.00"
    assert status(messages, "2026-03-03")["expected_to_date"] == "30500.00"


def test_revocation_undoes_from_its_issue_and_none_revokes_it():
    """A revoked cut is gone from the revocation's day on, and a revoked revocation stays."""
    messages = [
        *PLAN,
        wire.adjusted(3, "2026-01-01", "2026-01-01", factor="0.5"),
        wire.revoked(4, "2026-02-01", 3),
        wire.revoked(5, "2026-02-01", 4),
    ]
    assert status(messages, "2026-01-31")["expected_to_date"] == "15000.00"
    assert status(messages, "2026-02-01")["expected_to_date"] == "31000.00"


def test_delta_in_another_currency_waits_for_its_rate():
    """A delta of 100 EUR over the last 100 days counts at 2 USD once the rate is known; factors leave it alone."""
    delta = wire.adjusted(3, "2026-02-01", "2026-09-23", delta="100.00", currency="EUR")
    cut = wire.adjusted(4, "2026-02-01", "2026-01-01", factor="0")
    late = wire.rate(5, "USD", "EUR", "0.5", "2026-01-15", issued="2027-05-01")
    assert status([*PLAN, delta, cut], "2026-10-01")["adjusted_target"] == "0.00"
    assert shown([*PLAN, delta, cut, late], "2026-10-01", "adjusted_target", "expected_to_date") == [
        "200.00",
        "16.00",
    ]


def test_money_is_in_exactly_one_place():
    """Counted at its day's rate rounded half to even, a levy's, unconverted, unassigned, or reversed."""
    messages = [
        *PLAN,
        wire.rate(3, "EUR", "USD", "1.5", "2026-01-10"),
        wire.levy(4, "2026-01-01", "2026-01-01", "2026-01-10"),
        wire.remittance(1, "2026-01-09", "0.01", "EUR"),
        wire.remittance(2, "2026-01-10", "0.03", "EUR"),
        wire.remittance(3, "2026-01-10", "7.00", levy="rail"),
        wire.remittance(4, "2026-01-10", "8.00", levy="road"),
        wire.remittance(5, "2026-01-10", "9.00"),
        wire.reversal(6, 5),
        wire.remittance(7, "2026-01-12", "9.00"),
    ]
    value = status(messages, "2026-01-11")
    assert value["remitted_to_date"] == "0.04"
    assert value["levies"][0]["remitted_to_date"] == "7.00"
    assert (value["unconverted"], value["unassigned"]) == ({"EUR": "0.01"}, {"USD": "8.00"})
    assert value["remittance_count"] == 4


def test_levy_is_spread_judged_missed_and_paid():
    """A levy of 1000 over ten days is behind after seven, missed on the eleventh, and resolved by late money."""
    messages = [
        wire.opened(),
        wire.levy(4, "2026-01-01", "2026-02-01", "2026-02-10"),
        wire.remittance(1, "2026-03-01", "1000.00", levy="rail"),
    ]
    assert status(messages, "2026-02-05")["levies"][0]["expected_to_date"] == "400.00"
    assert told(messages, "2026-03-01", "levy_behind", "rail") == [
        [("02-08", "opened", "critical"), ("02-11", "lapsed", "critical")]
    ]
    assert told(messages, "2026-03-01", "missed", "rail") == [
        [("02-11", "opened", "critical"), ("03-01", "resolved", "critical")]
    ]
    assert status(messages, "2026-03-01")["level"] == "no_target"


def test_levy_imposed_again_after_its_lifting():
    """A lifting holds for the imposition before it only; a levy decreed after its due day is missed at once."""
    messages = [
        wire.opened(),
        wire.levy(4, "2026-02-20", "2026-02-01", "2026-02-10"),
        wire.policy(5, "levy_lifted", "2026-02-22", levy_id="rail", effective_on="2026-02-06"),
        wire.levy(6, "2026-02-25", "2026-02-01", "2026-02-10", amount="500.00"),
    ]
    assert told(messages, "2026-03-01", "missed", "rail") == [
        [("02-20", "opened", "critical"), ("02-22", "lapsed", "critical")],
        [("02-25", "opened", "critical")],
    ]
    assert [status(messages, f"2026-02-2{n}")["levies"][0]["level"] for n in (0, 2, 5)] == [
        "missed",
        "lifted",
        "missed",
    ]


def test_closed_year_is_left_alone_by_later_decrees():
    """A cut of last year issued in January changes nothing; money of December that comes late does."""
    late_cut = wire.adjusted(3, "2027-01-01", "2026-01-01", factor="0")
    assert shown([*BEHIND, late_cut], "2027-03-01", "as_of", "level", "adjusted_target") == [
        "2027-01-01",
        "missed",
        "365000.00",
    ]
    late_money = wire.remittance(9, "2026-12-31", "215000.00")
    assert status([*BEHIND, late_cut, late_money], "2027-03-01")["level"] == "met"
    assert told([*BEHIND, late_money], "2027-03-01", "missed") == []


def test_unreachable_needs_a_best_month():
    """3000 in the best thirty days is 100 a day; 365000 in 275 days is more than twice that from 1 April on."""
    messages = [*PLAN, wire.remittance(1, "2026-01-15", "3000.00")]
    assert told(messages, "2026-12-30", "unreachable") == [[("04-01", "opened", "critical")]]
    alert = next(a for a in alerts(messages, date(2026, 4, 1)).values() if a["kind"] == "unreachable")
    assert (alert["threshold"], alert["remitted"], alert["causes"]) == ("200.00", "3000.00", [])


def test_per_worker_with_nobody_left():
    """365 a worker and year: one worker for ten days, then five for ten, then none."""
    messages = [
        wire.opened(),
        wire.target(amount="365.00", basis="per_worker"),
        wire.policy(5, "headcount_changed", "2026-01-01", group_id="g", headcount=5, effective_on="2026-01-11"),
        wire.policy(6, "headcount_changed", "2026-01-01", group_id="g", headcount=0, effective_on="2026-01-21"),
    ]
    names = ("expected_to_date", "adjusted_target", "headcount", "original_target", "policy_effect")
    assert shown(messages, "2026-03-01", *names) == ["60.00", "60.00", 0, "365.00", "-1.00"]


def test_closing_and_reopening():
    """A closed site is inactive, what was open lapses, and what is not due there shows as policy effect."""
    messages = [
        *PLAN,
        wire.policy(5, "group_closed", "2026-02-10", group_id="g", closed_on="2026-02-10"),
        wire.opened(6, "2026-02-20"),
    ]
    assert told(messages, "2026-02-21", "behind_pace") == [
        [("01-31", "opened", "critical"), ("02-10", "lapsed", "critical")],
        [("02-20", "opened", "critical")],
    ]
    assert shown(messages, "2026-02-21", "expected_to_date", "policy_effect") == ["41000.00", "10000.00"]


def test_account_without_a_target():
    """A group that is opened has an account for the year of the day reached, with nothing in it."""
    assert list(statuses([wire.opened()], date(2026, 5, 5))) == [("g", 2026)]
    value = status([wire.opened(), wire.remittance(1, "2026-02-01", "5.00")], "2026-05-05")
    assert (value["level"], value["currency"], value["shortfall"]) == ("no_target", None, None)
    assert value["unconverted"] == {"USD": "5.00"}


def test_slack_and_for_days():
    """Three days' slack and a run of three days: due from the fifth day, opened two days on."""
    rules = wire.rules(90, "2026-01-01", grace_days=0, slack_days=3, for_days=3, silent_days=366)
    assert told([*PLAN, rules], "2026-01-20", "behind_pace") == [[("01-07", "opened", "critical")]]
    pause = wire.suspended(4, "2026-01-01", "2026-01-06", "2026-01-06")
    assert told([*PLAN, rules, pause], "2026-01-20", "behind_pace") == [[("01-09", "opened", "critical")]]


def test_first_stands_and_equal_is_equal_once_parsed():
    """An equal copy in other words and a conflicting one are both left out; the first stands."""
    first = wire.remittance(0xABC, "2026-01-01", "5.00")
    equal = first | {"amount": "5.0", "event_id": uid(EVENT + 0xABC).upper()}
    other = first | {"amount": "6.00"}
    assert usable([first, equal, other]) == [first]
    assert usable([other, first]) == [other]


def test_episode_id_is_the_design_s():
    """The id follows from group, year, kind, levy and day."""
    (only,) = episodes(PLAN, date(2026, 2, 1)).values()
    name = "urn:quotastream:episode:g:2026:behind_pace::2026-01-31"
    assert only["episode_id"] == str(uuid5(NAMESPACE_URL, name))


@pytest.mark.parametrize(("effective_on", "level"), [("2026-01-12", "critical"), ("2026-01-11", "ok")])
def test_thresholds_come_each_by_itself(effective_on, level):
    """The newest rule that names a field wins: by its effective_on, whatever was issued last."""
    messages = [
        *PLAN,
        wire.rules(90, "2026-01-11", grace_days=300, silent_days=300, issued="2025-12-02"),
        wire.rules(91, effective_on, grace_days=1, issued="2025-12-01"),
    ]
    assert status(messages, "2026-01-11")["level"] == "ok"
    assert status(messages, "2026-01-12")["level"] == level


def test_policies_applied_are_ranked_by_own_day():
    """A target has its issue day, an adjustment its effective_on; rates and revocations are not in the list."""
    messages = [
        *PLAN,
        wire.adjusted(3, "2025-12-02", "2025-11-01", factor="0.5"),
        wire.adjusted(4, "2025-12-02", "2026-01-01", year=2027, factor="0.5"),
        wire.rate(5, "EUR", "USD", "2", "2026-01-01"),
    ]
    value = status(messages, "2026-01-01")
    assert value["policies_applied"] == [uid(POLICY + n) for n in (1, 3, 2)]
    assert value["policies_applied_count"] == 3
