"""What has to hold of the core's figures whatever was decreed and sent."""

from datetime import date, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from tests.model.messages import Policy, policy_of
from tests.property.core import Core
from tests.property.test_core_against_model import several
from tests.strategies import histories

RATIOS = ("attainment_to_date", "attainment_of_target", "level", "headcount", "policies_applied", "region")
MONEY = (
    "original_target",
    "adjusted_target",
    "expected_to_date",
    "remitted_to_date",
    "shortfall",
    "surplus",
    "required_daily_rate",
    "trailing_daily_rate",
    "projected_total",
    "policy_effect",
    "remittance_effect",
)


def in_dollars(messages, times: int = 1):
    """Let all money be dollars, times an integer, and leave the rates out."""
    told = []
    for message in messages:
        if message["type"] == "exchange_rate_set":
            continue
        dollars = dict(message)
        for name in ("amount", "delta"):
            if message.get(name) is not None:
                cents = Decimal(message[name]).quantize(Decimal("0.01")) or Decimal("0.01")
                dollars[name] = str(cents * times)
                dollars["currency"] = "USD"
        told.append(dollars)
    return told


def decreed_by(messages, day: date):
    """Leave out the decrees issued after a day; facts stay, and so does what revokes a rate."""
    rates = {m["policy_id"].lower() for m in messages if m["type"] == "exchange_rate_set"}

    def stays(message) -> bool:
        if "policy_id" not in message or message["type"] == "exchange_rate_set":
            return True
        policy: Policy = policy_of(message)
        return policy.issued_on <= day or policy.says.get("revokes") in rates

    return [message for message in messages if stays(message)]


@several
@given(histories())
def test_what_is_shown_adds_up(history):
    """policy_effect + remittance_effect = R - E = surplus - shortfall, to the last unit shown (I3)."""
    messages, day = history
    for status in Core(messages).statuses(day).values():
        if status["currency"] is None:
            continue
        gap = Decimal(status["remitted_to_date"]) - Decimal(status["expected_to_date"])
        assert gap == Decimal(status["surplus"]) - Decimal(status["shortfall"])
        if status["policy_effect"] is not None:
            assert Decimal(status["policy_effect"]) + Decimal(status["remittance_effect"]) == gap


@several
@given(histories())
def test_no_money_is_lost_or_found(history):
    """In one currency, counted, levies, unconverted and unassigned sum up to what came in and stayed (I4)."""
    _, day = history
    messages = in_dollars(history.messages)
    reversed_ids = {(m["group_id"], m["reverses"]) for m in messages if m["type"] == "reversal"}
    came: dict[tuple[str, int], Decimal] = {}
    for m in messages:
        if m["type"] == "remittance" and (m["group_id"], m["event_id"]) not in reversed_ids:
            on = date.fromordinal(_day_of(m))
            if on <= day:
                key = (m["group_id"], on.year)
                came[key] = came.get(key, Decimal(0)) + Decimal(m["amount"])
    for key, status in Core(messages).statuses(day).items():
        places = [status["remitted_to_date"] or "0", *(levy["remitted_to_date"] for levy in status["levies"])]
        places += [*status["unconverted"].values(), *status["unassigned"].values()]
        assert sum(map(Decimal, places)) == came.get(key, Decimal(0))


def _day_of(message) -> int:
    return policy_of(message | {"policy_id": "", "issued_at": message["occurred_at"]}).issued_on.toordinal()


@several
@given(histories(), st.integers(0, 120))
def test_later_decrees_leave_alone_what_was_true(history, days):
    """On a day, decrees issued after it change nothing; of a closed year, none that comes after it does (I6)."""
    messages, day = history
    earlier = day - timedelta(days=days)
    then, now = Core(decreed_by(messages, earlier)), Core(messages)
    groups = set(then.groups())
    assert then.statuses(earlier) == {k: v for k, v in now.statuses(earlier).items() if k[0] in groups}
    assert then.episodes(earlier) == {k: v for k, v in now.episodes(earlier).items() if v["group_id"] in groups}


@several
@given(histories(), st.sampled_from([2, 3, 1000]))
def test_scaling_all_money_scales_all_results(history, times):
    """Judgements and ratios stay, money is so many times as much, but for one rounding of each figure (I9)."""
    messages, day = in_dollars(history.messages), history.day_reached
    one, many = Core(messages), Core(in_dollars(history.messages, times))
    assert one.episodes(day) == many.episodes(day)
    scaled = many.statuses(day)
    for key, status in one.statuses(day).items():
        assert [scaled[key][name] for name in RATIOS] == [status[name] for name in RATIOS]
        for name in MONEY:
            if status[name] is None:
                assert scaled[key][name] is None
                continue
            off = abs(Decimal(scaled[key][name]) - Decimal(status[name]) * times)
            assert off <= Decimal("0.01") * (times + 1)
