"""Plays scenarios: plain-text tables, one line an event or an expectation.

## title                                      a scenario begins
2025-12-01 target 365000.00 USD               issued that day; more: linear, months 1,0,..., per_worker
2026-07-01 factor 0.85 [from DAY]             whole_period, or remaining with an effective day
2026-07-01 delta -100.00 USD [from DAY]       the same by an amount
2026-01-01 rules warning_below=0.8 ...        alert rules, effective that day
2026-02-01 levy rail 100.00 USD DAY..DAY      lift rail from DAY; headcount N from DAY; open N [in REGION];
2026-03-01 suspend DAY..[DAY]                 resume NAME from DAY; close DAY; rate JPY USD 0.01; revoke NAME
2026-03-05 pays 1250.00 USD [for rail]        a remittance of that day; bounces NAME (a reversal)
every DAY..DAY pays 1000.00 USD               one each day
... as NAME                                   names the line, at its end
until DAY                                     the day reached
> DAY KIND[/levy] TRANSITION SEVERITY         each transition of the kinds watched, and no other
watch KIND...                                 which kinds are compared (all, if this is not there)
= field value                                 a field of the status
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any
from uuid import UUID

from streams.core import events
from streams.core.account import evaluate
from streams.core.book import Book
from streams.core.events import Scope
from streams.core.ledger import GroupLedger
from streams.core.years import day_text
from tests.unit.core.making import DIGITS, GROUP, at, day

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from streams.core.account import Account

ALL = Scope()


@dataclass
class Scenario:
    """One table: what happens, when to look, what to see."""

    title: str
    happenings: list[list[str]] = field(default_factory=list)
    until: str = ""
    watched: list[str] = field(default_factory=list)
    transitions: list[str] = field(default_factory=list)
    fields: list[tuple[str, str]] = field(default_factory=list)

    def read(self, line: str) -> None:
        """Take one line."""
        words = line.split()
        if words[0] == "until":
            self.until = words[1]
        elif words[0] == "watch":
            self.watched = words[1:]
        elif words[0] == ">":
            self.transitions.append(" ".join(words[1:]))
        elif words[0] == "=":
            self.fields.append((words[1], " ".join(words[2:])))
        else:
            self.happenings.append(words)


def scenarios_in(path: Path) -> Iterator[Scenario]:
    """Yield the scenarios of a file."""
    scenario: Scenario | None = None
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("##"):
            if scenario is not None:
                yield scenario
            scenario = Scenario(line.removeprefix("##").strip())
        elif scenario is not None and line.strip() and not line.startswith("#"):
            scenario.read(line.strip())
    if scenario is not None:
        yield scenario


def _id(name: str) -> UUID:
    return UUID(bytes=hashlib.sha256(name.encode()).digest()[:16])


def _minor(amount: str, currency: str) -> int:
    return int(Fraction(amount) * 10 ** DIGITS[currency])


def _span(text: str) -> tuple[events.Day, events.Day | None]:
    first, last = text.split("..")
    return day(first), day(last) if last else None


def _since(words: list[str]) -> events.Day | None:
    return day(words[words.index("from") + 1]) if "from" in words else None


def _target(words: list[str]) -> dict[str, Any]:
    weights = None
    if "months" in words:
        weights = tuple(Fraction(weight) for weight in words[words.index("months") + 1].split(","))
    return {
        "amount_minor": _minor(*words[:2]),
        "currency": words[1],
        "plan_year": 2026,
        "group_id": GROUP,
        "per_worker": "per_worker" in words,
        "weights": weights,
    }


def _adjusted(words: list[str], issued: str, **change: Any) -> dict[str, Any]:
    since = _since(words)
    fields = {"scope": ALL, "plan_year": 2026, "factor": None, "delta_minor": None, "currency": None}
    return fields | {"remaining": since is not None, "effective_on": since or day(issued)} | change


def _delta(words: list[str], issued: str) -> dict[str, Any]:
    return _adjusted(words, issued, delta_minor=_minor(*words[:2]), currency=words[1])


def _rules(words: list[str], issued: str) -> dict[str, Any]:
    named = dict(word.split("=") for word in words)
    values = {name: int(text) if name.endswith("_days") else Fraction(text) for name, text in named.items()}
    return {"scope": ALL, "effective_on": day(issued)} | values


def _levy(words: list[str]) -> dict[str, Any]:
    levy_id, amount, currency, days = words[:4]
    first, due = _span(days)
    fields = {"levy_id": levy_id, "amount_minor": _minor(amount, currency), "currency": currency, "scope": ALL}
    return fields | {"from_day": first, "due_day": due, "per_worker": "per_worker" in words, "purpose": "a railway"}


def _rate(words: list[str], issued: str) -> dict[str, Any]:
    return {"currency": words[0], "per": words[1], "rate": Fraction(words[2]), "effective_on": day(issued)}


def _opened(words: list[str], issued: str) -> dict[str, Any]:
    region = words[words.index("in") + 1] if "in" in words else "north"
    return {
        "group_id": GROUP,
        "region": region,
        "headcount": int(words[0]),
        "opened_on": _since(words) or day(issued),
    }


# verb -> the type of policy, and its fields from (the words after the verb, the issue day)
POLICIES: dict[str, tuple[type[events.Policy], Callable[[list[str], str], dict[str, Any]]]] = {
    "open": (events.GroupOpened, _opened),
    "close": (events.GroupClosed, lambda words, _: {"group_id": GROUP, "closed_on": day(words[0])}),
    "target": (events.TargetSet, lambda words, _: _target(words)),
    "factor": (events.TargetAdjusted, lambda words, on: _adjusted(words, on, factor=Fraction(words[0]))),
    "delta": (events.TargetAdjusted, _delta),
    "rules": (events.AlertRulesSet, _rules),
    "levy": (events.LevyImposed, lambda words, _: _levy(words)),
    "lift": (events.LevyLifted, lambda words, on: {"levy_id": words[0], "effective_on": _since(words) or day(on)}),
    "headcount": (
        events.HeadcountChanged,
        lambda words, on: {"group_id": GROUP, "headcount": int(words[0]), "effective_on": _since(words) or day(on)},
    ),
    "suspend": (
        events.Suspended,
        lambda words, _: {"scope": ALL, "from_day": _span(words[0])[0], "until_day": _span(words[0])[1]},
    ),
    "resume": (
        events.Resumed,
        lambda words, on: {"resumes": str(_id(words[0])), "scope": ALL, "effective_on": _since(words) or day(on)},
    ),
    "rate": (events.ExchangeRateSet, _rate),
    "revoke": (events.Revoked, lambda words, _: {"revokes": str(_id(words[0]))}),
}


def _happened(scenario: Scenario) -> Iterator[events.Policy | events.Remittance | events.Reversal]:
    for number, words in enumerate(scenario.happenings):
        name = f"line {number}"
        if "as" in words:
            name = words[-1]
            words = words[: words.index("as")]  # noqa: PLW2901  # the name is not part of the event
        when, verb, *rest = words
        if when == "every":
            first, last = _span(verb)
            assert last is not None
            for one in range(first, last + 1):
                yield _remittance(f"{name} {one}", day_text(one), rest[1:])
        elif verb == "pays":
            yield _remittance(name, when, rest)
        elif verb == "bounces":
            yield events.Reversal(GROUP, _id(name).bytes, _id(name).bytes[:8], _id(rest[0]).bytes)
        else:
            kind, fields = POLICIES[verb]
            # The hour is the line, so that of two issued on one day the later line is the later one.
            yield kind(policy_id=str(_id(name)), issued_at_us=at(when, min(number, 23)), **fields(rest, when))


def _remittance(name: str, when: str, words: list[str]) -> events.Remittance:
    amount, currency, *rest = words
    levy_id = rest[1] if rest else None
    name_id = _id(name).bytes
    return events.Remittance(GROUP, name_id, name_id[:8], day(when), _minor(amount, currency), currency, levy_id)


def known(happened: Iterable[events.Policy | events.Remittance | events.Reversal]) -> tuple[Book, GroupLedger]:
    """Return the book and the ledger of what happened, added in the order given."""
    book, ledger = Book(DIGITS), GroupLedger()
    for one in happened:
        if isinstance(one, events.Policy):
            book.add(one)
        else:
            ledger.add(one)
    return book, ledger


def play(scenario: Scenario, *, backwards: bool = False) -> Account:
    """Return the account at the scenario's end; backwards: everything arrives in the opposite order."""
    happened = list(_happened(scenario))
    book, ledger = known(reversed(happened) if backwards else happened)
    return evaluate(book, ledger.money(2026), GROUP, 2026, day(scenario.until))


def seen(scenario: Scenario, account: Account) -> list[str]:
    """Return the transitions of the kinds watched, as they stand in a table."""
    rows = [
        (
            step.on_day,
            episode.opened_on,
            order,
            f"{episode.kind}{'/' + episode.levy_id if episode.levy_id else ''}",
            step,
        )
        for episode in account.episodes
        for order, step in enumerate(episode.history)
        if not scenario.watched or episode.kind in scenario.watched
    ]
    rows.sort(key=lambda row: (row[0], row[3], row[1], row[2]))
    return [f"{day_text(on)} {name} {step.transition} {step.severity}" for on, _, _, name, step in rows]
