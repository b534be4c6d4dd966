"""The auditor: watches every append and commit, recomputes what was known, and judges the end.

It folds the logs with the pure core (GroupLedger, Book), not with what the workers keep; objecting ends the run.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from streams.core.account import evaluate
from streams.core.history import history_value
from streams.shell import codec, packs
from streams.shell.router import STAMP_KEY, source_of
from streams.shell.told import META_KEY
from streams.shell.topics import home_partition
from tests.faults.harness import without_day
from tests.model import naive
from tests.simulation.cluster import NAMES, Record
from tests.simulation.knowing import Known, Place, events_in

if TYPE_CHECKING:
    from streams.core.events import Policy, Remittance, Reversal
    from tests.simulation.cluster import Tp


class Auditor:
    """Holds what happens against what was promised."""

    def __init__(self, world: Any) -> None:
        self.world = world
        self.objected: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.counts: Counter[str] = Counter()
        self._decoded: dict[Place, Remittance | Reversal | Policy | str] = {}
        self._routed: set[Place] = set()
        self._claimed: dict[tuple[int, Tp], int] = {}
        self._alerts: dict[str, dict[str, Any]] = {}  # the newest of each episode
        self._by_id: dict[str, bytes | None] = {}
        self._statuses: dict[tuple[str, int], dict[str, Any]] = {}
        self._letters: Counter[Place] = Counter()
        self._seen: dict[int, tuple[int, int, int]] = {}  # by home partition: knowledge that was told from
        self._evaluated: dict[tuple[int, Any], dict[str, tuple[int, int, int]]] = {}

    def require(self, promise: object, broken: str) -> None:
        """Object where a promise isn't kept."""
        if not promise and not self.objected.done():
            self.objected.set_result(broken)

    # --- what is shown as it happens ---

    def appended(self, record: Record, writer: Any) -> None:  # noqa: ARG002
        """Look at a record as it becomes visible."""
        self.counts[record.topic] += 1
        if record.topic in NAMES.inputs:
            self._decoded[record.topic, record.partition, record.offset] = self._decode(record)
        elif record.topic == NAMES.home:
            self._home(record)
        elif record.topic == NAMES.policies:
            self._policy(record)
        elif record.topic == NAMES.alerts:
            self._alert(json.loads(record.value or b"{}"), record.value)
        elif record.topic == NAMES.status:
            group_id, year = (record.key or b"").decode().rsplit("/", 1)
            self._statuses.pop((group_id, int(year)), None)
            if record.value is not None:
                self._statuses[group_id, int(year)] = json.loads(record.value)
        elif record.topic == NAMES.dead_letters:
            letter = json.loads(record.value or b"{}")
            place = (letter["topic"], letter["partition"], letter["offset"])
            self._letters[place] += 1
            self.require(self._letters[place] == 1, f"a second dead letter for {place}")
            if letter["reason"] != "conflicting_duplicate":
                self._routed.add(place)
                self.require(self._decoded[place] == letter["reason"], f"a dead letter for {place}, which is good")

    def _decode(self, record: Record) -> Any:
        try:
            return codec.decode(record.topic, record.value)  # type: ignore[arg-type]
        except codec.BadRecord as bad:
            return bad.reason

    def _home(self, record: Record) -> None:
        for place, event in events_in(record):
            self.require(self._decoded.get(place) == event, f"a pack has something else than {place}")
            self._routed.add(place)
        for part in packs.decode(record.value or b""):
            self._claim(record.partition, (NAMES.remittances, part.partition), part.stamp)

    def _policy(self, record: Record) -> None:
        partition, offset = source_of(record)
        if record.key == STAMP_KEY:
            self._claim(0, (NAMES.policy_changes, partition), offset)
        else:
            self._routed.add((NAMES.policy_changes, partition, offset))

    def _claim(self, home: int, source: Tp, until: int) -> None:
        """Look whether the log has all of a source before an offset, as a pack or a stamp says."""
        for offset in range(self._claimed.get((home, source), 0), until):
            place = (*source, offset)
            event = self._decoded[place]
            if isinstance(event, str) or place in self._routed:
                continue
            mine = source[0] == NAMES.policy_changes or self._home_of(event.group_id) == home  # type: ignore[union-attr]
            self.require(not mine, f"home {home} has a stamp past {place}, which is not in the log")
        self._claimed[home, source] = max(until, self._claimed.get((home, source), 0))

    def _home_of(self, group_id: str) -> int:
        return home_partition(group_id, self.world.cluster.sizes[NAMES.home])

    def committing(self, tp: Tp, offset: int) -> None:
        """Look at a commit of the group: nothing unrouted may lie before it."""
        self.counts["commits"] += 1
        if tp[0] in NAMES.inputs:
            for at in range(self.world.cluster.committed.get(tp, 0), offset):
                self.require((*tp, at) in self._routed, f"committed {tp} to {offset}, past {at}, which went nowhere")

    def _alert(self, alert: dict[str, Any], value: bytes | None) -> None:
        name, before = alert["episode_id"], self._alerts.get(alert["episode_id"], {})
        want = before.get("revision", 0) + 1
        self.require(alert["revision"] == want, f"revision {alert['revision']} of {name}, {want} was due")
        same = self._by_id.setdefault(alert["alert_id"], value)
        self.require(same == value, f"two messages share the alert_id {alert['alert_id']}")
        self._alerts[name] = alert
        self.counts["retractions"] += alert["transition"] == "retracted"

    # --- telling ---

    def evaluating(self, teller: Any, group_id: str) -> None:
        """Take note of what a teller knows as it evaluates a group."""
        ledger, place = teller.ledger, teller._place
        knows = (ledger.position, place.policy_log.position, teller._told.day)
        self._evaluated.setdefault((teller.partition, id(place)), {})[group_id] = knows
        held = len(ledger._runs)
        should = self._known(teller.partition, *knows[:2]).event_count
        self.require(held == should, f"the ledger at {knows[0]} holds {held} events, {should} are in the log before")

    def telling(self, messages: list[Any], process: Any) -> None:
        """Look at a transaction as it commits: what was known, and whether that says so."""
        self.counts["transactions"] += 1
        worker = process.worker
        partition = next(m.partition for m in messages if m.topic == NAMES.told)
        evaluated = self._evaluated.get((partition, id(worker.folder._place)), {})
        meta = [json.loads(m.value) for m in messages if m.topic == NAMES.told and m.key == META_KEY]
        known: list[tuple[int, int, int]] = []
        for message in messages:
            if message.topic in (NAMES.alerts, NAMES.status):
                body = None if message.value is None else json.loads(message.value)
                group_id, year = self._account_of(message, body)
                knows = evaluated[group_id]
                self._check_barrier(worker, partition, knows)
                known.append(knows)
                self._check_message(partition, knows, group_id, year, message, body)
        self._check_order(partition, known)
        day, policies, _ = self._seen.get(partition, (0, 0, 0))
        for said in meta:
            self.require(said["day"] >= day, f"home {partition}: told went back from day {day} to {said['day']}")
            self._seen[partition] = (said["day"], policies, self._seen.get(partition, (0, 0, 0))[2])

    def _account_of(self, message: Any, body: dict[str, Any] | None) -> tuple[str, int]:
        if message.topic == NAMES.alerts and body is not None:
            return body["group_id"], body["plan_year"]
        group_id, year = message.key.decode().rsplit("/", 1)
        return group_id, int(year)

    def _check_order(self, partition: int, known: list[tuple[int, int, int]]) -> None:
        """Hold what the groups of a transaction were told by against the transactions before.

        Among them the order is open: all alerts come first, and between two groups the fold goes on.
        """
        day, policies, home = self._seen.get(partition, (0, 0, 0))
        for knows in known:
            self.require(
                knows[0] >= home and knows[1] >= policies and knows[2] >= day,
                f"home {partition}: told by (home, policies, day) {knows} after {(home, policies, day)}",
            )
        if known:
            homes, policies_read, days = zip(*known, strict=True)
            self._seen[partition] = (max(days), max(policies_read), max(homes))

    def _check_barrier(self, worker: Any, partition: int, knows: tuple[int, int, int]) -> None:
        known = self._known(partition, *knows[:2])
        for (topic, number), end in worker.input_ends.items():
            for offset in range(end):
                event = self._decoded[topic, number, offset]
                if isinstance(event, str):
                    continue
                elsewhere = topic == NAMES.remittances and self._home_of(event.group_id) != partition  # type: ignore[union-attr]
                self.require(
                    elsewhere or (topic, number, offset) in known.sources,
                    f"home {partition}: told before {topic}[{number}]@{offset}, there at the start, was folded",
                )

    def _check_message(self, partition: int, knows: Any, group_id: str, year: int, message: Any, body: Any) -> None:
        known = self._known(partition, *knows[:2])
        account = evaluate(known.book, known.money(group_id, year), group_id, year, knows[2])
        if message.topic == NAMES.status:
            exists = year in known.book.plan_years(group_id, known.years(group_id), knows[2])
            due = json.loads(json.dumps(account.status)) if exists else None
            self.require(body == due, f"the status of {group_id}/{year} isn't what was known at {knows}")
            return
        histories = {e.id_in(group_id, year): history_value(e.history) for e in account.episodes}
        due = histories.get(body["episode_id"], [])
        self.require(
            body["history"] == due and (body["transition"] == "retracted") == (not due),
            f"{body['transition']} told of {body['episode_id']}, but at {knows} its history is {due}",
        )

    def _known(self, partition: int, home: int | None = None, policies: int | None = None) -> Known:
        return Known.at(self.world.cluster, partition, home, policies)

    # --- the end ---

    def difference(self) -> str:
        """Return what still differs from a direct evaluation of what is in the inputs, '' where nothing does."""
        lost = {place for place in self._decoded if place not in self._routed}
        if lost:
            return f"{len(lost)} records went nowhere: {sorted(lost)[:3]}"
        statuses: dict[Any, Any] = {}
        histories: dict[str, Any] = {}
        conflicts: set[Place] = set()
        for partition in range(self.world.cluster.sizes[NAMES.home]):
            known = self._known(partition)
            conflicts |= known.conflicts
            for group_id in known.groups(partition):
                self._evaluate(known, group_id, statuses, histories)
        told = {k: a["history"] for k, a in self._alerts.items() if a["transition"] != "retracted"}
        wrong = [f"status {k}" for k in sorted({*statuses, *self._statuses})
                 if without_day({0: statuses.get(k, {})}) != without_day({0: self._statuses.get(k, {})})]  # fmt: skip
        wrong += [f"episode {k}" for k in sorted({*told, *histories}) if told.get(k) != histories.get(k)]
        due = conflicts | {place for place, event in self._decoded.items() if isinstance(event, str)}
        if self._letters != Counter(due):
            wrong.append(f"bad or in conflict {sorted(due)}, dead letters {sorted(self._letters.items())}")
        return "; ".join(wrong)

    def _evaluate(self, known: Known, group_id: str, statuses: dict[Any, Any], histories: dict[str, Any]) -> None:
        day, years = self.world.day, known.years(group_id)
        standing = known.book.plan_years(group_id, years, day)
        for year in {*standing, *known.book.history_years(group_id, years)}:
            account = evaluate(known.book, known.money(group_id, year), group_id, year, day)
            histories.update({e.id_in(group_id, year): history_value(e.history) for e in account.episodes})
            if year in standing:
                statuses[group_id, year] = json.loads(json.dumps(account.status))

    def compare_with_model(self) -> None:
        """Hold what was told against the naive model, given the input in the order in which the logs have it."""
        from datetime import date  # noqa: PLC0415

        cluster = self.world.cluster
        places = [place for topic in (NAMES.home, NAMES.policies) for r in cluster.records(topic) for place in _of(r)]
        messages = [json.loads(cluster.logs[t, p][o].value) for t, p, o in dict.fromkeys(places)]
        model, day = naive.model_of(messages), date.fromordinal(self.world.day)
        told = {k: a["history"] for k, a in self._alerts.items() if a["transition"] != "retracted"}
        histories = {key: episode["history"] for key, episode in naive.episodes(model, day).items()}
        assert without_day(self._statuses) == without_day(naive.statuses(model, day)), "the naive model's statuses"
        assert told == histories, "the naive model's histories"


def _of(record: Record) -> list[Place]:
    if record.topic == NAMES.home:
        return [place for place, _ in events_in(record)]
    return [] if record.key == STAMP_KEY else [(NAMES.policy_changes, *source_of(record))]
