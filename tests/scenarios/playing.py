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
= field value                                 a field of the status; levies.rail.target is a levy's
= none                                        there is no such account

... @GROUP                                    of another group than dandong-07 (which one a scope covers)
... in REGION                                 the scope is a region, not all
... of YEAR                                   the plan year, where it is not 2026
look [GROUP] [YEAR]                           what is expected from here on is expected of that account
2026-03-05T02:00:00+09:00 pays ...            a time stands for its UTC day
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
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
class Look:
    """One account, and what is expected of it."""

    group_id: str = GROUP
    year: int = 2026
    watched: list[str] = field(default_factory=list)
    transitions: list[str] = field(default_factory=list)
    fields: list[tuple[str, str]] = field(default_factory=list)


@dataclass
class Scenario:
    """One table: what happens, when to look, what to see."""

    title: str
    happenings: list[list[str]] = field(default_factory=list)
    until: str = ""
    looks: list[Look] = field(default_factory=lambda: [Look()])

    def read(self, line: str) -> None:
        """Take one line."""
        words = line.split()
        if words[0] == "until":
            self.until = words[1]
        elif words[0] == "look":
            years = [word for word in words[1:] if word.isdigit()]
            groups = [word for word in words[1:] if not word.isdigit()]
            self.looks.append(Look((groups or [GROUP])[0], int((years or ["2026"])[0])))
        elif words[0] == "watch":
            self.looks[-1].watched = words[1:]
        elif words[0] == ">":
            self.looks[-1].transitions.append(" ".join(words[1:]))
        elif words[0] == "=":
            self.looks[-1].fields.append((words[1], " ".join(words[2:])))
        else:
            self.happenings.append(words)


def scenarios_in(path: Path) -> Iterator[Scenario]:
    """Yield the scenarios of a file."""
    yield from scenarios_of(path.read_text(encoding="utf-8"))


def scenarios_of(text: str) -> Iterator[Scenario]:
    """Yield the scenarios of a text."""
    scenario: Scenario | None = None
    for line in text.splitlines():
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


def _taken(words: list[str], before: str) -> str | None:
    """Take `before WORD` out of a line's words; return the word."""
    if before not in words:
        return None
    at_word = words.index(before)
    word = words[at_word + 1]
    del words[at_word : at_word + 2]
    return word


def _said(verb: str, words: list[str]) -> dict[str, Any]:
    """Take whom and which year a line is about out of its words."""
    group_id = next((word[1:] for word in words if word.startswith("@")), None)
    words[:] = [word for word in words if not word.startswith("@")]
    region = None if verb == "open" else _taken(words, "in")
    year = _taken(words, "of")
    scope = Scope(region, group_id)
    return {"group_id": group_id or GROUP, "scope": scope, "plan_year": int(year or 2026)}


def happened(scenario: Scenario) -> Iterator[events.Policy | events.Remittance | events.Reversal]:
    """Yield what happens, in the order of the lines."""
    for number, line in enumerate(scenario.happenings):
        words = list(line)
        name = _taken(words, "as") or f"line {number}"
        when, verb, *rest = words
        said = _said(verb, rest)
        if when == "every":
            first, last = _span(verb)
            assert last is not None
            for one in range(first, last + 1):
                yield _remittance(f"{name} {one}", said["group_id"], one, rest[1:])
            continue
        on = _utc_day(when)
        if verb == "pays":
            yield _remittance(name, said["group_id"], day(on), rest)
        elif verb == "bounces":
            yield events.Reversal(said["group_id"], _id(name).bytes, _id(name).bytes[:8], _id(rest[0]).bytes)
        else:
            kind, fields_of = POLICIES[verb]
            fields = fields_of(rest, on)
            fields |= {field: value for field, value in said.items() if field in fields}
            # The minute is the line, so that of two issued on one day the later line is the later one.
            yield kind(policy_id=str(_id(name)), issued_at_us=at(on, 0) + number * 60_000_000, **fields)


def _utc_day(when: str) -> str:
    return datetime.fromisoformat(when).astimezone(UTC).date().isoformat() if "T" in when else when


def _remittance(name: str, group_id: str, on: events.Day, words: list[str]) -> events.Remittance:
    amount, currency, *rest = words
    levy_id = rest[1] if rest else None
    name_id = _id(name).bytes
    return events.Remittance(group_id, name_id, name_id[:8], on, _minor(amount, currency), currency, levy_id)


class World:
    """The policies, and each group's money, of a scenario, added in the order given."""

    def __init__(self, all_of_it: Iterable[events.Policy | events.Remittance | events.Reversal]) -> None:
        self.book = Book(DIGITS)
        self.ledgers: dict[str, GroupLedger] = {}
        for one in all_of_it:
            if isinstance(one, events.Policy):
                self.book.add(one)
            else:
                self.ledger(one.group_id).add(one)

    def ledger(self, group_id: str) -> GroupLedger:
        """Return a group's ledger, empty where it sent nothing."""
        return self.ledgers.setdefault(group_id, GroupLedger())

    def exists(self, look: Look, on: events.Day) -> bool:
        """Whether there is such an account on a day."""
        years = self.ledger(look.group_id).plan_years()
        return look.year in self.book.plan_years(look.group_id, years, on)

    def account(self, look: Look, on: events.Day) -> Account:
        """Return an account on a day."""
        money = self.ledger(look.group_id).money(look.year)
        return evaluate(self.book, money, look.group_id, look.year, on)


def play(scenario: Scenario, *, backwards: bool = False) -> list[Account]:
    """Return the accounts looked at, at the scenario's end; backwards: all arrives in the opposite order."""
    all_of_it = list(happened(scenario))
    world = World(reversed(all_of_it) if backwards else all_of_it)
    return [world.account(look, day(scenario.until)) for look in scenario.looks]


def shown(status: Any, name: str) -> str:
    """Return a field of a status as tables write it: text as it is, all else as JSON; a.b is b in a, x in a list."""
    value = status
    for part in name.split("."):
        value = _part(value, part)
    return value if isinstance(value, str) else json.dumps(value)


def _part(value: Any, part: str) -> Any:
    if isinstance(value, list):
        return next(each for each in value if part in each.values())
    return value[part]


def seen(look: Look, account: Account) -> list[str]:
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
        if not look.watched or episode.kind in look.watched
    ]
    rows.sort(key=lambda row: (row[0], row[3], row[1], row[2]))
    return [f"{day_text(on)} {name} {step.transition} {step.severity}" for on, _, _, name, step in rows]


def differences(scenario: Scenario) -> list[str]:
    """Return what a scenario's tables say and the core does not; empty where they agree."""
    world = World(happened(scenario))
    on = day(scenario.until)
    found = []
    for look in scenario.looks:
        account = world.account(look, on)
        if (look.transitions or look.watched) and seen(look, account) != look.transitions:
            found.append(f"{look.group_id}/{look.year}: {look.transitions} != {seen(look, account)}")
        for name, expected in look.fields:
            is_there = world.exists(look, on)
            if name == "none" or not is_there:
                if is_there or name != "none":
                    found.append(f"{look.group_id}/{look.year} exists: {is_there}")
            elif shown(account.status, name) != expected:
                found.append(f"{name}: {expected} != {shown(account.status, name)}")
    return found
