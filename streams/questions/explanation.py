"""Every number of an account's status on a day, down to the days, policies and remittances behind it, as a tree.

Two ways meet here: each figure is the status's own (streams.core.account), and its parts are worked out anew from the
decrees in force and the remittances one by one; `tree.check` holds the one against the other. Lives here: which
figure has which parts. Not here: the parts of what was due (due.py) and of what came in (paid.py).
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

from streams.core.causes import causes_of
from streams.core.decrees import Decrees
from streams.core.money import decimal_text, grouped
from streams.core.years import day_text
from streams.questions.amounts import minor_of
from streams.questions.due import Plan, heads_on, ranges
from streams.questions.paid import BASE, LEVY, UNASSIGNED, UNCONVERTED, Place, months, sort_out, taken_out
from streams.questions.policy_words import words_of
from streams.questions.tree import EXACTLY, ROUNDED, DoesNotAddUpError, Node

if TYPE_CHECKING:
    from streams.core.account import Account
    from streams.core.events import Day
    from streams.core.history import Episode
    from streams.core.plan import Claim
    from streams.core.timeline import Original
    from streams.questions.knowledge import AccountKey, Knowledge

LEVELS = {
    "no_target": "there is no target, or it is 0",
    "met": "all of the target has come in",
    "missed": "the year is over, and the target was not reached",
    "inactive": "the group is inactive on this day",
    "critical": "the worst of the account's own open episodes",
    "warning": "the worst of the account's own open episodes",
    "ok": "none of the account's own episodes is open",
}


def explain(knowledge: Knowledge, key: AccountKey, day_reached: Day) -> Node:
    """Return the tree of an account's status on a day; nothing is checked yet (`tree.check` does, node by node)."""
    return _Explaining(knowledge, key, day_reached).tree()


class _Explaining:
    """What is needed throughout one explanation."""

    def __init__(self, knowledge: Knowledge, key: AccountKey, day_reached: Day) -> None:
        account: Account = knowledge.account(key, day_reached)
        self.view = knowledge.view(key)
        self.year = self.view.year
        self.d = self.year.reached(day_reached)
        self.status: dict[str, Any] = account.status
        self.episodes = account.episodes
        self.regime = self.view.timeline.regime_on(self.d)
        self.digits = knowledge.book.minor_digits
        self.places = sort_out(self.view, self.regime, self.d)
        self.taken_out = taken_out(knowledge.taken_out(*key), self.d)

    def tree(self) -> Node:
        status = self.status
        label = f"{status['group_id']}, plan year {status['plan_year']}, on {status['as_of']}"
        parts = [Node("level", status["level"], note=LEVELS[status["level"]]), self._region(), self._headcount()]
        if self.regime.base is not None:
            parts += self._base(self.regime.base)
        parts += [self._levy(claim, value) for claim, value in self._levies()]
        parts += [
            self._waiting(name, kind) for name, kind in (("unconverted", UNCONVERTED), ("unassigned", UNASSIGNED))
        ]
        parts += [self._reversed(), self._count(), self._episodes(), self._policies()]
        return Node(label, status["level"], note=f"region {status['region']}", parts=tuple(parts))

    # --- the base account ---

    def _base(self, claim: Claim) -> list[Node]:
        decrees, schedule = self.regime.decrees, claim.schedule
        assert decrees.target is not None
        plan = Plan(schedule, decrees, self.view.timeline, decrees.target, claim.currency)
        due = Fraction(schedule.expected(self.d), schedule.denominator)
        rest = Fraction(schedule.total, schedule.denominator) - due
        return [
            self._figure("expected_to_date", ROUNDED, ranges(plan, self.year.first, self.d, self.digits),
                         "E: what was due by the start of this day"),
            self._figure("adjusted_target", ROUNDED, (
                self._exact("due before this day, as above", due, claim.currency),
                self._exact(f"due from {day_text(self.d)} on", rest, claim.currency)._replace(
                    adds_up=EXACTLY, parts=ranges(plan, self.d, self.year.after, self.digits)),
            ), "T: what is due over the whole year"),
            *self._first_plan(self.regime.original),
            self._figure("remitted_to_date", EXACTLY, months(self.places.get(Place(BASE), ()), self.digits),
                         "R: unreversed remittances without a levy"),
            *self._differences(),
            *self._ratios(),
            *self._outlook(),
        ]  # fmt: skip

    def _first_plan(self, original: Original | None) -> list[Node]:
        """Return T0 and E0: the same formulas under the target_set issued first and what was decreed by then."""
        first = self.regime.decrees.first_target
        if original is None or first is None:
            return [Node("original_target", note="no exchange rate for the first target's currency yet")]
        day = first.issued_day
        timeline = self.view.timeline
        decrees = Decrees(timeline.docket(), day, openings=self.regime.decrees.openings)
        plan = Plan(original.schedule, decrees, timeline, first, str(self.status["currency"]), original.rate)
        expected = Fraction(original.schedule.expected(self.d), original.schedule.denominator) * original.rate
        rest = Fraction(original.schedule.total, original.schedule.denominator) * original.rate - expected
        note = f"the plan as it was first set, with what was decreed by {day_text(day)}"
        before = ranges(plan, self.year.first, self.d, self.digits)
        after = ranges(plan, self.d, self.year.after, self.digits)
        unit = plan.currency
        return [
            self._figure("original_target", ROUNDED, (
                Node("E0, due before this day", self._text(expected, unit), unit, expected, EXACTLY, parts=before),
                Node(f"due from {day_text(self.d)} on", self._text(rest, unit), unit, rest, EXACTLY, parts=after),
            ), f"T0: {note}"),
        ]  # fmt: skip

    def _differences(self) -> list[Node]:
        """Return what is taken between shown figures."""
        expected, remitted = self._shown("expected_to_date"), self._shown("remitted_to_date")
        nodes = []
        for name, plus, minus in (("shortfall", expected, remitted), ("surplus", remitted, expected)):
            short = minus.exact is not None and plus.exact is not None and plus.exact <= minus.exact
            parts = () if short else (plus, _negative(minus))
            nodes.append(
                self._figure(name, EXACTLY, parts, "max(0, E - R)" if name == "shortfall" else "max(0, R - E)")
            )
        if self.status["policy_effect"] is None:
            return nodes
        first = minor_of(self.status["policy_effect"]) + int(expected.exact or 0)
        first_expected = self._exact("E0, by the first plan", Fraction(first), expected.unit)
        self._require_first_expected(first)
        return [
            *nodes,
            self._figure("policy_effect", EXACTLY, (first_expected, _negative(expected)), "E0 - E"),
            self._figure("remittance_effect", EXACTLY, (remitted, _negative(first_expected)), "R - E0"),
        ]

    def _require_first_expected(self, shown: int) -> None:
        original = self.regime.original
        assert original is not None
        exact = Fraction(original.schedule.expected(self.d), original.schedule.denominator) * original.rate
        if abs(exact - shown) > Fraction(1, 2):
            raise DoesNotAddUpError(f"E0 is {exact}, policy_effect says {shown}")

    def _ratios(self) -> list[Node]:
        says = (
            ("attainment_to_date", "expected_to_date", "R / E"),
            ("attainment_of_target", "adjusted_target", "R / T"),
        )
        return [
            Node(name, self.status[name], note=f"{formula}, from the exact figures",
                 parts=(self._shown("remitted_to_date"), self._shown(divisor)))
            for name, divisor, formula in says
        ]  # fmt: skip

    def _outlook(self) -> list[Node]:
        left = self.regime.days_left(self.d)
        unit = str(self.status["currency"])
        window = min(30, max(0, self.d - self.year.first))
        since = self.d - window
        lately = [one for one in self.places.get(Place(BASE), ()) if since <= one.day < self.d]
        total = sum(one.minor for one in lately)
        said = f"{grouped(self._text(Fraction(total), unit))} {unit} of the {window} days before / {window}"
        left_text = f"{left:,} active days left"
        said_of = {
            "required_daily_rate": f"(T - R) / {left_text}",
            "trailing_daily_rate": said if window else "no days yet",
            "projected_total": f"what came in, and trailing_daily_rate x {left_text}",
        }
        return [Node(name, self.status[name], unit, note=note) for name, note in said_of.items()]

    # --- levies, and money that waits ---

    def _levies(self) -> list[tuple[Claim, dict[str, Any]]]:
        return list(zip(self.regime.levies.values(), self.status["levies"], strict=True))

    def _levy(self, claim: Claim, value: dict[str, Any]) -> Node:
        levy = next(levy for levy in self.regime.decrees.holding_levies() if levy.levy_id == claim.levy_id)
        plan = Plan(claim.schedule, self.regime.decrees, self.view.timeline, levy, claim.currency)
        stop = min(levy.due_day + 1, self.year.after)
        until = min(max(self.d, levy.from_day), stop)
        unit = claim.currency
        due = Fraction(claim.schedule.expected(self.d), claim.schedule.denominator)
        rest = Fraction(claim.schedule.total, claim.schedule.denominator) - due
        remitted = months(self.places.get(Place(LEVY, levy.levy_id), ()), self.digits)
        later = ranges(plan, until, stop, self.digits)
        parts = (
            Node("level", value["level"]),
            _amount("expected_to_date", value["expected_to_date"], unit, ROUNDED,
                    ranges(plan, levy.from_day, until, self.digits)),
            _amount("target", value["target"], unit, ROUNDED, (
                self._exact("due before this day, as above", due, unit),
                Node(f"due from {day_text(until)} on", self._text(rest, unit), unit, rest, EXACTLY, parts=later))),
            _amount("remitted_to_date", value["remitted_to_date"], unit, EXACTLY, remitted),
            _amount("shortfall", value["shortfall"], unit),
            Node("attainment_to_date", value["attainment_to_date"]),
        )  # fmt: skip
        return Node(
            f"levy {levy.levy_id}", value["level"], note=claim.purpose, policies=(levy.policy_id,), parts=parts
        )

    def _waiting(self, name: str, kind: str) -> Node:
        """Return money that waits, by its own currency; every currency's sum is held against the status's."""
        shown = self.status[name]
        found = {place.of: booked for place, booked in self.places.items() if place.kind == kind}
        if set(found) != set(shown):
            raise DoesNotAddUpError(f"{name} is in {sorted(shown)}, its remittances in {sorted(found)}")
        parts = tuple(
            _amount(currency, shown[currency], currency, EXACTLY, months(found[currency], self.digits))
            for currency in sorted(shown)
        )
        return Node(name, None if parts else "none", parts=parts)

    def _reversed(self) -> Node:
        """Return the remittances that were reversed, by their own currency: they count nowhere."""
        parts = []
        for currency, booked in self.taken_out.items():
            months_of = months(booked, self.digits)
            total = sum(one.minor for one in booked)
            text = decimal_text(total, self.digits[currency])
            parts.append(Node(currency, text, currency, total, EXACTLY, parts=months_of))
        return Node(
            "reversed", None if parts else "none", parts=tuple(parts), note="counted nowhere" if parts else ""
        )

    def _count(self) -> Node:
        """Return the count of remittances: each is in exactly one place."""
        parts = tuple(
            Node(" ".join(filter(None, place)), f"{len(booked):,}", exact=len(booked))
            for place, booked in sorted(self.places.items())
        )
        count = self.status["remittance_count"]
        return Node("remittance_count", f"{count:,}", exact=count, adds_up=EXACTLY, parts=parts)

    # --- what is no sum ---

    def _region(self) -> Node:
        openings = self.regime.decrees.openings
        last = max(openings, key=lambda policy: (policy.issued_at_us, policy.policy_id), default=None)
        note = "of the group_opened issued last" if last else "no group_opened"
        return Node("region", self.status["region"], note=note, policies=(last.policy_id,) if last else ())

    def _headcount(self) -> Node:
        heads, policies = heads_on(self.regime.decrees, self.year.decree_day(self.d))
        if heads != self.status["headcount"]:
            raise DoesNotAddUpError(f"headcount is {self.status['headcount']}, the newest policy says {heads}")
        return Node("headcount", f"{heads:,}", policies=policies)

    def _episodes(self) -> Node:
        parts = tuple(self._episode(episode) for episode in self.episodes)
        count = sum(episode.is_open for episode in self.episodes)
        return Node("episodes", f"{len(parts):,}", note=f"{count:,} of them open", parts=parts)

    def _episode(self, episode: Episode) -> Node:
        kind = f"{episode.kind} {episode.levy_id}" if episode.levy_id else episode.kind
        steps = []
        for step in episode.history:
            causes = causes_of(self.view, episode.kind, episode.levy_id, step.on_day, step.transition)
            policies = tuple(cause for cause in causes if self.view.book.policy(cause) is not None)
            events = tuple(cause for cause in causes if self.view.book.policy(cause) is None)
            steps.append(
                Node(f"{day_text(step.on_day)} {step.transition}", step.severity, policies=policies, events=events)
            )
        state = "open" if episode.is_open else episode.history[-1].transition
        return Node(f"{kind} since {day_text(episode.opened_on)}", state, parts=tuple(steps))

    def _policies(self) -> Node:
        applied = self.regime.decrees.applied
        parts = tuple(
            Node(words_of(policy, self.digits), policies=(policy.policy_id,)) for policy in applied
        )  # all of them, though the status names no more than the newest 50
        return Node("policies_applied", f"{self.status['policies_applied_count']:,}", parts=parts)

    # --- figures ---

    def _figure(self, name: str, adds_up: str, parts: tuple[Node, ...], note: str) -> Node:
        return _amount(name, self.status[name], str(self.status["currency"]), adds_up, parts, note)

    def _shown(self, name: str) -> Node:
        return _amount(name, self.status[name], str(self.status["currency"]))

    def _exact(self, label: str, exact: Fraction, currency: str) -> Node:
        return Node(label, self._text(exact, currency), currency, exact)

    def _text(self, exact: Fraction, currency: str) -> str:
        return decimal_text(round(exact), self.digits[currency])  # Python's round is half to even


def _amount(
    label: str, text: str, unit: str, adds_up: str = "", parts: tuple[Node, ...] = (), note: str = ""
) -> Node:
    return Node(label, text, unit, minor_of(text), adds_up, note, parts=parts)


def _negative(node: Node) -> Node:
    exact = -(node.exact or 0)
    text = (node.value or "").lstrip("-")
    return node._replace(label=f"less {node.label}", value=f"-{text}" if exact < 0 else text, exact=exact)
