"""Other thresholds over the whole log: how many episodes there would have been, and whom they would have caught when.

Lives here: thresholds put in the place of those of the log, and the measures, each defined where it is made.
Not here: the alert rules themselves (streams.core).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import replace
from statistics import median
from typing import TYPE_CHECKING, Any, NamedTuple

from streams.core.events import DAY_US, EPOCH_DAY, AlertRulesSet
from streams.core.money import ratio_text
from streams.core.rules import CRITICAL, LAPSED, RESOLVED, WARNING
from streams.core.thresholds import FIELDS
from streams.core.years import day_text, plan_year
from streams.questions.knowledge import each

if TYPE_CHECKING:
    from collections.abc import Iterable

    from streams.core.account import Account
    from streams.core.events import Day
    from streams.core.history import Episode
    from streams.questions.knowledge import AccountKey, Knowledge, Progress

LEADS_DAYS = (30, 60, 90, 180)


class Signal(NamedTuple):
    """What counts as a warning about an account: an episode of one of the kinds that had one of the severities."""

    name: str
    kinds: frozenset[str]
    severities: frozenset[str]

    def first_day(self, episodes: Iterable[Episode]) -> Day | None:
        """Return the first day on which there was such a warning of the base account; None if there never was."""
        days = (
            step.on_day
            for episode in episodes
            if episode.levy_id is None and episode.kind in self.kinds
            for step in episode.history
            if step.severity in self.severities and step.transition not in {RESOLVED, LAPSED}
        )
        return min(days, default=None)


EITHER = frozenset((WARNING, CRITICAL))
SIGNALS = (
    Signal("any", frozenset(("behind_pace", "unreachable", "silent")), EITHER),
    Signal("any, critical", frozenset(("behind_pace", "unreachable")), frozenset((CRITICAL,))),
    Signal("behind_pace", frozenset(("behind_pace",)), EITHER),
    Signal("behind_pace, critical", frozenset(("behind_pace",)), frozenset((CRITICAL,))),
    Signal("unreachable", frozenset(("unreachable",)), EITHER),
    Signal("silent", frozenset(("silent",)), EITHER),
)


class Outcome(NamedTuple):
    """One account on the day reached."""

    key: AccountKey
    missed: bool | None  # None: the year is not over, or there was no target
    episodes: tuple[Episode, ...]


def backtest(
    knowledge: Knowledge, rules: AlertRulesSet, day_reached: Day, progress: Progress | None = None
) -> dict[str, Any]:
    """Return the measures under the rules of the log, and as if the thresholds that `rules` names had always been so.

    Of `rules` only the scope and the thresholds count: for whom, and what. Thresholds that it does not name, and
    groups that it does not cover, stay as the log has them.
    """
    supposed = knowledge.with_policies(in_place_of(knowledge, rules))
    keys = knowledge.keys(day_reached)
    outcomes: tuple[list[Outcome], list[Outcome]] = ([], [])
    steps = [
        (key, known, found) for known, found in zip((knowledge, supposed), outcomes, strict=True) for key in keys
    ]
    for key, known, found in each(steps, progress):
        found.append(_outcome(key, known.account(key, day_reached)))
    named = {name: value for name in FIELDS if (value := getattr(rules, name)) is not None}
    return {
        "as_of": day_text(day_reached),
        "thresholds": {name: value if isinstance(value, int) else str(float(value)) for name, value in named.items()},
        "scope": {name: value for name, value in rules.scope._asdict().items() if value} or {"all": True},
        "accounts": len(keys),
        "accounts_judged": sum(outcome.missed is not None for outcome in outcomes[0]),
        "today": measures(outcomes[0], day_reached),
        "other": measures(outcomes[1], day_reached),
    }


def in_place_of(knowledge: Knowledge, rules: AlertRulesSet) -> list[AlertRulesSet]:
    """Return policies with which the thresholds that `rules` names hold for its scope on every day of every year.

    Thresholds hold by rank, so one that comes before all others is followed, wherever the log has rules, by a twin
    that comes right after them: the same day, the same time of issue, and the larger policy_id.
    """
    first = plan_year(2000).first
    at_first = replace(rules, policy_id="g", issued_at_us=(first - EPOCH_DAY) * DAY_US, effective_on=first)
    named = [name for name in FIELDS if getattr(rules, name) is not None]
    twins = [
        replace(
            rules,
            policy_id=f"g{policy.policy_id}",
            issued_at_us=policy.issued_at_us,
            effective_on=policy.effective_on,
        )
        for policy in knowledge.book.policies()
        if isinstance(policy, AlertRulesSet) and any(getattr(policy, name) is not None for name in named)
    ]
    return [at_first, *twins]


def _outcome(key: AccountKey, account: Account) -> Outcome:
    """Return an account's outcome: of a year that is over, `missed` or not as its level says (R < T or not)."""
    over = account.status["as_of"] == day_text(plan_year(key.plan_year).after)
    level = account.status["level"]
    return Outcome(key, level == "missed" if over and level != "no_target" else None, account.episodes)


# --- measures -------------------------------------------------------------------------------------------------------


def measures(outcomes: Iterable[Outcome], day_reached: Day) -> dict[str, Any]:
    """Return the measures of one set of rules: of episodes, and of each signal."""
    outcomes = list(outcomes)
    by_kind: dict[str, list[tuple[Episode, Day]]] = defaultdict(list)
    for outcome in outcomes:
        until = plan_year(outcome.key.plan_year).reached(day_reached)
        for episode in outcome.episodes:
            by_kind[episode.kind].append((episode, until))
    return {
        "episodes": [_of_kind(kind, by_kind[kind]) for kind in sorted(by_kind)],
        "signals": [_of_signal(signal, outcomes) for signal in SIGNALS],
    }


def _of_kind(kind: str, episodes: list[tuple[Episode, Day]]) -> dict[str, Any]:
    """Return how many episodes of a kind there were, and how long: in days from opening to closing.

    One that opened and closed on one day is 0 days long; one that is open lasts to the day reached, and at most to
    the first day after its year.
    """
    days = [
        (until if episode.is_open else episode.history[-1].on_day) - episode.opened_on for episode, until in episodes
    ]
    ends = Counter("open" if episode.is_open else episode.history[-1].transition for episode, _ in episodes)
    return {
        "kind": kind,
        "episodes": len(episodes),
        "resolved": ends[RESOLVED],
        "lapsed": ends[LAPSED],
        "open": ends["open"],
        "critical": sum(any(step.severity == CRITICAL for step in episode.history) for episode, _ in episodes),
        "median_days": median(days),
        "longest_days": max(days),
        "total_days": sum(days),
    }


def _of_signal(signal: Signal, outcomes: list[Outcome]) -> dict[str, Any]:
    """Return how well a signal told of missed targets, over the base accounts of years that are over.

    - judged: accounts with T > 0 whose year is over on the day reached; missed: those of them with R < T.
    - warned: judged accounts with at least one warning of this signal in their year, however short;
      caught: those that were warned and missed.
    - precision = caught / warned; recall = caught / missed; null where that divides by 0.
    - lead: of a caught account the days from its first warning to the first day after its year.
    - caught_days_before: how many of the missed were caught so many days, or more, before the year was over.
    """
    judged = [outcome for outcome in outcomes if outcome.missed is not None]
    missed = sum(bool(outcome.missed) for outcome in judged)
    warned = [(outcome, day) for outcome in judged if (day := signal.first_day(outcome.episodes)) is not None]
    leads = [plan_year(outcome.key.plan_year).after - day for outcome, day in warned if outcome.missed]
    return {
        "signal": signal.name,
        "judged": len(judged),
        "missed": missed,
        "warned": len(warned),
        "caught": len(leads),
        "precision": ratio_text(len(leads), len(warned)),
        "recall": ratio_text(len(leads), missed),
        "median_lead_days": median(leads) if leads else None,
        "shortest_lead_days": min(leads, default=None),
        "longest_lead_days": max(leads, default=None),
        "caught_days_before": {str(days): sum(lead >= days for lead in leads) for days in LEADS_DAYS},
    }
