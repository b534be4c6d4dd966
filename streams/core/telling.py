"""Telling: the alert messages that take a subscriber from what was told to an account's canonical history.

Lives here: the quota-alerts value, whole, its figures, threshold and alert_id; what has to be remembered of what was
told. Not here: the history itself (walk.py), the sentence (summary.py), sending.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, NamedTuple

from streams.core.causes import causes_of
from streams.core.curve import WINDOW_DAYS
from streams.core.figures import figures_of
from streams.core.history import (
    EMPTY_HISTORY_DIGEST,
    Step,
    canonical_json,
    episode_id,
    history_digest,
    history_value,
    name_uuid,
    value_digest,
)
from streams.core.money import decimal_text, ratio_text, round_half_even
from streams.core.rules import (
    CRITICAL,
    DAILY_RATE,
    DAYS,
    DEESCALATED,
    ESCALATED,
    KIND_OF,
    LAPSED,
    OPENED,
    RESOLVED,
    RETARGETED,
    RETRACTED,
)
from streams.core.summary import summary_of
from streams.core.view import AccountView
from streams.core.years import day_from_text, day_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from fractions import Fraction

    from streams.core.account import Account
    from streams.core.book import Book
    from streams.core.events import Day
    from streams.core.figures import Figures
    from streams.core.history import Episode, EpisodeKey
    from streams.core.takings import AccountMoney


class ToldEpisode(NamedTuple):
    """What is remembered of one episode that was told; a retracted one is kept, so that its revision goes on."""

    revision: int
    history_digest: str
    kind: str
    levy_id: str | None
    opened_on: str  # 2026-06-01

    @property
    def key(self) -> EpisodeKey:
        """By what it is known in its account; its id follows from that."""
        return self.kind, self.levy_id, day_from_text(self.opened_on)

    @property
    def retracted(self) -> bool:
        """Whether the last message of the episode took it back."""
        return self.history_digest == EMPTY_HISTORY_DIGEST


def remembered(alert: Mapping[str, Any]) -> ToldEpisode:
    """Return what is remembered of a quota-alerts value that was told."""
    digest = value_digest(alert["history"])
    return ToldEpisode(alert["revision"], digest, alert["kind"], alert["levy_id"], alert["opened_on"])


class _Tale(NamedTuple):
    """One message to be: an episode, and what is told of it (an empty history: it is taken back)."""

    kind: str
    levy_id: str | None
    opened_on: Day
    history: tuple[Step, ...]
    revision: int

    @property
    def on_day(self) -> Day:
        return self.history[-1].on_day if self.history else self.opened_on

    @property
    def transition(self) -> str:
        return self.history[-1].transition if self.history else RETRACTED

    @property
    def severity(self) -> str | None:
        return self.history[-1].severity if self.history else None

    @property
    def told(self) -> ToldEpisode:
        """What is remembered once it is told."""
        digest = history_digest(self.history)
        return ToldEpisode(self.revision, digest, self.kind, self.levy_id, day_text(self.opened_on))


def tell(
    told: Mapping[EpisodeKey, ToldEpisode],
    account: Account | None,
    book: Book,
    money: AccountMoney,
    group_id: str,
    plan_year: int,
) -> tuple[list[dict[str, object]], dict[EpisodeKey, ToldEpisode]]:
    """Return the quota-alerts values that lead from `told` to the account, and the entries of `told` that change.

    `told` is of this group and year; {**told, **changed} is what is told then. `account` None: there
    is no such account any more, and all that was told of it is taken back. Messages come by on_day, and on one day
    what is taken back comes first.
    """
    tales = _tales(told, () if account is None else account.episodes)
    if not tales:
        return [], {}
    tales.sort(key=lambda tale: (tale.on_day, bool(tale.history), tale.opened_on, tale.kind, tale.levy_id or ""))
    view = AccountView(book, money, group_id, plan_year)
    changed = {(tale.kind, tale.levy_id, tale.opened_on): tale.told for tale in tales}
    return [_message(view, tale) for tale in tales], changed


def is_news(told: Mapping[EpisodeKey, ToldEpisode], episodes: Sequence[Episode]) -> bool:
    """Tell whether an account's episodes are others than those that were told."""
    if len(episodes) > len(told):
        return True
    return bool(_tales(told, episodes)) if told else False


def _tales(told: Mapping[EpisodeKey, ToldEpisode], episodes: Sequence[Episode]) -> list[_Tale]:
    tales: list[_Tale] = []
    agreeing = 0
    keys = [episode.key for episode in episodes]
    for key, episode in zip(keys, episodes, strict=True):
        before = told.get(key)
        if before is not None and before.history_digest == history_digest(episode.history):
            agreeing += 1
        else:
            tales.append(_Tale(*key, episode.history, 1 if before is None else before.revision + 1))
    if agreeing == len(told):
        return tales
    canonical = set(keys)
    for key, was in told.items():
        if key not in canonical and not was.retracted:
            tales.append(_Tale(*key, (), was.revision + 1))
    return tales


def _message(view: AccountView, tale: _Tale) -> dict[str, object]:
    figures = _figures(view, tale)
    threshold = _threshold(view, tale)
    shown = _figure_fields(figures, threshold)
    body: dict[str, object] = {
        "episode_id": episode_id(view.group_id, view.year.year, tale.kind, tale.levy_id, tale.opened_on),
        "revision": tale.revision,
        "group_id": view.group_id,
        "region": view.timeline.regime_on(tale.on_day).region,
        "plan_year": view.year.year,
        "kind": tale.kind,
        "levy_id": tale.levy_id,
        "transition": tale.transition,
        "severity": tale.severity,
        "on_day": day_text(tale.on_day),
        "opened_on": day_text(tale.opened_on),
        "history": history_value(tale.history),
        **shown,
        "causes": causes_of(view, tale.kind, tale.levy_id, tale.on_day, tale.transition),
    }
    body["summary"] = summary_of(body)
    # Equal messages share an id, others do not: whoever removes repeats by alert_id loses nothing.
    digest = hashlib.sha256(canonical_json(body)).hexdigest()
    alert_id = name_uuid(f"urn:quotastream:alert:{digest}")
    return {"schema_version": 1, "type": "quota_alert", "alert_id": alert_id, **body}


def _figures(view: AccountView, tale: _Tale) -> Figures | None:
    """Return the figures that decided the transition; None where nothing was asked on that day."""
    regime = view.timeline.regime_on(tale.on_day)
    claim = regime.claim(tale.levy_id)
    if claim is None:
        return None
    complete = tale.transition in {OPENED, ESCALATED}  # these are judged on complete days
    remitted = view.curve(tale.levy_id, claim.currency).by(tale.on_day - complete)
    original = regime.original if tale.levy_id is None else None
    return figures_of(view, claim, original, tale.on_day, remitted)


def _figure_fields(figures: Figures | None, threshold: str | None) -> dict[str, str | None]:
    if figures is None:
        return {**dict.fromkeys(FIGURE_FIELDS), "threshold": threshold}
    return {
        "attainment_to_date": figures.attainment_to_date,
        "threshold": threshold,
        "remitted": figures.text(figures.remitted),
        "expected": figures.text(figures.expected),
        "shortfall": figures.text(figures.shortfall),
        "adjusted_target": figures.text(figures.adjusted_target),
        "original_target": figures.text(figures.original_target),
        "policy_effect": figures.text(figures.policy_effect),
        "remittance_effect": figures.text(figures.remittance_effect),
        "currency": figures.currency,
    }


FIGURE_FIELDS = (
    "attainment_to_date",
    "threshold",
    "remitted",
    "expected",
    "shortfall",
    "adjusted_target",
    "original_target",
    "policy_effect",
    "remittance_effect",
    "currency",
)


def _threshold(view: AccountView, tale: _Tale) -> str | None:
    """Return, as text, what was crossed (decisions/0001, 5)."""
    crossed = KIND_OF[tale.kind, tale.levy_id is not None].threshold
    if crossed is None or tale.transition in {RETARGETED, LAPSED, RETRACTED}:
        return None
    thresholds = view.timeline.thresholds_on(tale.on_day)
    if crossed == DAYS:
        return str(thresholds.silent_days)
    if crossed == DAILY_RATE:
        return _daily_rate(view, tale, thresholds.unreachable_factor)
    ratio = {
        OPENED: thresholds.critical if tale.severity == CRITICAL else thresholds.warning_below,
        ESCALATED: thresholds.critical,
        DEESCALATED: thresholds.eased,
        RESOLVED: thresholds.recovered,
    }[tale.transition]
    return ratio_text(ratio.numerator, ratio.denominator)


def _daily_rate(view: AccountView, tale: _Tale, factor: Fraction) -> str:
    claim = view.timeline.regime_on(tale.on_day).claim(tale.levy_id)
    assert claim is not None  # nothing is out of reach, or within it, where nothing is asked
    curve = view.curve(tale.levy_id, claim.currency)
    if tale.transition == RESOLVED:
        rate = factor * curve.best_before(tale.on_day + 1) * 9 / (10 * WINDOW_DAYS)
    else:
        rate = factor * curve.best_before(tale.on_day) / WINDOW_DAYS
    decimals = view.book.minor_digits[claim.currency]
    return decimal_text(round_half_even(rate.numerator, rate.denominator), decimals)
