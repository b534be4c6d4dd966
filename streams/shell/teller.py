"""The teller of one home partition: publishes the difference between the canonical state and what was told.

Statuses, alerts and the note of what was told go out in one Kafka transaction under the partition's transactional id.
A teller that takes over does so in this order, or it would tell what is false: fence the one before (InitProducerId);
ask where policies and home log end; read what was told to its end; wait until both logs are read up to there, and
until they hold everything that was in the input topics when this worker started; evaluate. Any failure, a commit of
unknown outcome too, is mended the same way: take over again, and read what was told.
"""

from __future__ import annotations

import asyncio
import logging
import time
from itertools import islice
from typing import TYPE_CHECKING, Any

from aiokafka import TopicPartition
from aiokafka.errors import ProducerFenced

from streams.core.account import evaluate
from streams.core.events import EVERYBODY
from streams.core.telling import tell
from streams.core.years import plan_year, year_of
from streams.shell import freed_memory
from streams.shell.agenda import Agenda
from streams.shell.conflict_letters import conflict_letters
from streams.shell.judging import Judging
from streams.shell.laborious import FAULTS, judge_in_steps
from streams.shell.ledger import UnreadableLedgerError, covered
from streams.shell.logs import located
from streams.shell.outbox import CLIENT_ERRORS, Message
from streams.shell.outputs import Outputs, encode
from streams.shell.pace import Pace
from streams.shell.recall import ends_of, recall, written_by
from streams.shell.told import Told, status_digest
from streams.shell.topics import home_partition
from streams.shell.transactions import Transactions

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from streams.core.events import Scope
    from streams.core.history import EpisodeKey
    from streams.core.telling import ToldEpisode
    from streams.shell.agenda import Task
    from streams.shell.clock import DayReached
    from streams.shell.ledger import HomeLedger
    from streams.shell.told import Records
    from streams.shell.workplace import Workplace

log = logging.getLogger(__name__)

TICK_SECONDS = 1.0  # how often the clock is looked at while nothing comes
AGAIN_SECONDS = 1.0
FENCED_SECONDS = 5.0
LETTERS_AT_ONCE = 200  # of conflicting duplicates in one transaction


class Teller:
    """Tells of the groups at home in one partition."""

    def __init__(self, partition: int, ledger: HomeLedger, place: Workplace) -> None:
        self.partition = partition
        self.ledger = ledger
        self.caught_up = False
        self._place = place
        self._outputs = Outputs(place)
        self._day_reached: DayReached = place.day_reached
        self._told = Told()
        self._judging = Judging(self._told, place, ledger)
        self._transactions = Transactions(partition, place)
        self._agenda = Agenda()
        self._pace = Pace()
        self._laborious: str | None = None  # a group with very many policies, to be judged in steps
        self._prepared: set[str] = set()  # those that were
        self._delays: list[tuple[str, float]] = []  # of what goes out next: the message, and when its cause arrived
        self._told_all_at = time.monotonic()
        self._woken = asyncio.Event()
        self._steps = 0
        self._evaluated = 0  # accounts, not yet in the metrics
        self._listed = 0  # how many of the groups that policies name are on the agenda

    # --- what the worker calls ---

    def changed(self, group_ids: Iterable[str], arrived: float | None = None) -> None:
        """Take note that something new is known of groups at home here, and when that arrived (since 1970)."""
        if self.caught_up:
            self._pace.news_came(self._place.waiting_records())
            if not self._pace.held_seconds():
                is_unmoved, owe_status = self._judging.is_unmoved, self._agenda.owe_status
                group_ids = [one for one in group_ids if not (is_unmoved(one) and owe_status(one, arrived))]
            self._urge(group_ids, arrived)
        self._woken.set()

    def _urge(self, group_ids: Iterable[str], arrived: float | None) -> None:
        self._agenda.urge(group_ids, arrived)
        if self._agenda.has_news():
            self._place.with_news.add(self.partition)

    @property
    def untold(self) -> int:
        """How many groups wait to be told of."""
        return self._agenda.due

    def progress(self) -> object:
        """Return what is another thing whenever the teller, or what it waits for, came on."""
        return self._steps, self.ledger.position, self._place.policy_log.position

    def _step(self) -> None:
        self._steps += 1

    def untold_seconds(self, now: float) -> float:
        """Return for how long at most something known has not been told, at a monotonic time."""
        return now - self._told_all_at

    def policies_changed(self, scopes: Collection[Scope], arrived: float | None) -> None:
        """Take note that policies may have changed the groups in these scopes, and when the first arrived."""
        self._woken.set()
        if not self.caught_up:
            return
        self._list_named()
        if EVERYBODY in scopes:
            self._agenda.begin_round(arrived=arrived)
            return
        book = self._place.policy_log.book
        for scope in scopes:
            if scope.group_id is not None:
                self._urge(filter(self._at_home, (scope.group_id,)), arrived)
            else:
                self._agenda.come_by(filter(self._at_home, list(book.groups_in(scope))), arrived)

    async def run(self) -> None:
        """Take over and tell, for as long as the partition is this worker's."""
        fenced = False
        while True:
            try:
                if fenced:
                    await self._place.prove_membership()
                fenced = False
                await self._take_over()
                await self._tell_for_ever()
            except ProducerFenced:
                log.warning("home partition %d: another worker tells of it now", self.partition, extra=self._at())
                fenced = True
                await asyncio.sleep(FENCED_SECONDS)
            except CLIENT_ERRORS as error:
                log.warning("home partition %d: telling failed, taking over again: %r", self.partition, error,
                            extra=self._at())  # fmt: skip
                await asyncio.sleep(AGAIN_SECONDS)
            finally:
                self.caught_up = False
                self._place.with_news.discard(self.partition)
                self._transactions.end()

    def _at(self) -> dict[str, Any]:
        return located((self._place.names.home, self.partition), self.ledger.position)

    # --- taking over ---

    async def _take_over(self) -> None:
        place, names = self._place, self._place.names
        await self._outputs.count_partitions(await self._transactions.begin())
        await self._transactions.abort_open(written_by(place, self.partition, self._outputs.partitions))
        self._step()
        folded = self.ledger.position
        logs = TopicPartition(names.home, self.partition), TopicPartition(names.policies, 0)
        home_end, policies_end = await ends_of(place.bootstrap_servers, logs)
        if folded > home_end:  # what the log lost would be passed over, and what comes in its place too
            raise UnreadableLedgerError(f"at offset {folded}, where the home log ends at {home_end}")
        while self.ledger.position < home_end:  # noqa: ASYNC110  both at once would take as long, and fold slower
            await asyncio.sleep(0.02)
        self._told, mended = await recall(place, self.partition, self._outputs.partitions, self._step)
        self._judging = Judging(self._told, place, self.ledger)
        if self._told.policies_log != place.policies_log_id:  # the log was made anew: its offsets begin again
            self._told.policies, self._told.policies_log = 0, place.policies_log_id
        while not self._caught_up_with(home_end, max(policies_end, self._told.policies)):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        freed_memory.give_back()  # what came to be caught up with may have been much
        self.caught_up = True
        self._agenda, self._listed = Agenda(), 0
        self._delays.clear()
        self._agenda.enlist(self.ledger.group_ids())
        self._agenda.enlist(self._told.groups())
        self._list_named()
        self._agenda.begin_round()
        self._woken.set()
        place.metrics.takeovers.inc()
        if mended:  # before anything else is told, for whatever is noted next says that the outputs are as noted
            self._turn_day()
            await self._commit([], mended)
        log.info("home partition %d: caught up, telling of %d groups", self.partition, len(self._agenda))

    def _caught_up_with(self, home_end: int, policies_end: int) -> bool:
        place = self._place
        return (
            self.ledger.position >= home_end
            and place.policy_log.position >= policies_end
            and covered({**self.ledger.stamps, **place.policy_log.stamps}.items(), place.input_ends)
        )

    def _list_named(self) -> None:
        """Put on the agenda the groups at home here that policies have named since it was done last."""
        named = self._place.policy_log.book.group_ids()
        self._agenda.enlist(filter(self._at_home, islice(named, self._listed, None)))
        self._listed = len(named)

    def _at_home(self, group_id: str) -> bool:
        return home_partition(group_id, self._place.home_partitions) == self.partition

    # --- telling ---

    async def _tell_for_ever(self) -> None:
        while True:
            self._step()
            if self._agenda.only_news() and (held := self._pace.held_seconds()):
                await self._wait(held)
                continue
            began = time.monotonic()
            self._turn_day()
            messages, records = await self._evaluate_some()
            letters = await self._conflict_letters()
            is_all = not self._agenda
            if messages or letters or records:
                await self._commit(messages + letters, records)
                self._pace.sent()
            if is_all:
                self._told_all_at = began
            if self._laborious is not None:  # once what is due of the others is told
                laborious, self._laborious = self._laborious, None
                await judge_in_steps(self._place.policy_log.book, self.ledger, laborious, self._judging.may_wait)
                self._prepared.add(laborious)
            if not self._agenda:
                await self._wait(TICK_SECONDS)
            elif self._agenda.only_statuses() and (early := self._pace.early_seconds()):
                await self._wait(early)

    async def _wait(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._woken.wait()
        except TimeoutError:
            return
        self._woken.clear()

    def _turn_day(self) -> None:
        day = self._day_reached()
        if day > self._told.day or (self._place.names.replay and day != self._told.day):
            gone_back = day < self._told.day
            self._told.day = day  # a live day never goes back: what was told by it stays so
            self._agenda.begin_round(None if gone_back else day)

    async def _evaluate_some(self) -> tuple[list[Message], Records]:
        """Evaluate groups that are due, for a little while; return what is to be told of them."""
        alerts, statuses = list[Message](), list[Message]()
        records: Records = {}
        book, told_of = self._place.policy_log.book, set[str]()
        async with self._place.evaluating:  # one teller at a time: meanwhile the others' transactions go on
            self._pace.begin(has_news=self._has_news())
            while (task := self._agenda.next(statuses=self._pace.statuses_due)) is not None:
                self._step()
                if task.group_id in told_of:  # it changed again meanwhile: what is told of it now is not noted yet
                    self._agenda.put_back(task)
                    break
                if book.is_laborious(task.group_id) and task.group_id not in self._prepared:
                    self._agenda.put_back(task)
                    self._laborious = task.group_id
                    break
                self._prepared.discard(task.group_id)
                before = len(alerts), len(statuses)
                if task.judge_first and self._judging.may_wait(task.group_id, has_news=task.has_news):
                    self._agenda.wait(task)
                else:
                    told_of.add(task.group_id)
                    self._evaluate_alone(task.group_id, alerts, statuses, records)
                    if task.arrived is not None:
                        self._delays += [("alert", task.arrived)] * (len(alerts) - before[0])
                        self._delays += [("status", task.arrived)] * (len(statuses) - before[1])
                if self._is_full(task, has_alerts=len(alerts) > before[0]):
                    break
                if self._pace.is_out_of_breath():
                    await self._pace.breathe()
            self._pace.end(has_news=self._has_news(), has_statuses=self._agenda.has_statuses())
        self._place.metrics.statuses.inc(len(statuses))
        self._place.metrics.evaluations.inc(self._evaluated)
        self._evaluated = 0
        return alerts + statuses, records

    def _has_news(self) -> bool:
        """Tell whether any group has news that were not judged."""
        if self._agenda.has_news():
            return True
        self._place.with_news.discard(self.partition)
        return False

    def _is_full(self, task: Task, *, has_alerts: bool) -> bool:
        has_news, has_statuses = self._has_news(), self._agenda.has_statuses()
        with_news = self._place.with_news
        others = len(with_news) > (self.partition in with_news)
        return self._pace.is_full(
            task, has_alerts=has_alerts, has_news=has_news, has_statuses=has_statuses, others=others
        )

    def _evaluate_alone(
        self, group_id: str, alerts: list[Message], statuses: list[Message], records: Records
    ) -> None:
        """Evaluate a group; one at which that fails is left out, so that the others are told of all the same."""
        self._agenda.settle(group_id)
        mine: tuple[list[Message], list[Message], Records] = [], [], {}
        try:
            self._evaluate_group(group_id, *mine)
        except FAULTS:
            log.exception("group %s can't be told of until something changes in it; the others are", group_id,
                          extra=self._at() | {"group_id": group_id})  # fmt: skip
            self._place.metrics.evaluation_failures.inc()
            return
        alerts += mine[0]
        statuses += mine[1]
        records.update(mine[2])

    def _evaluate_group(
        self, group_id: str, alerts: list[Message], statuses: list[Message], records: Records
    ) -> None:
        book, day = self._place.policy_log.book, self._told.day
        held = self._told.statuses(group_id)
        money_years = self.ledger.plan_years(group_id)
        years = book.plan_years(group_id, money_years, day)
        with_history = {*years, *book.history_years(group_id, money_years)}
        due = plan_year(year_of(day)).after
        shown: dict[int, dict[str, Any]] = {}
        ahead = 0
        for year in sorted({*with_history, *held}):
            money = self.ledger.money(group_id, year)
            account = evaluate(book, money, group_id, year, day, money.known) if year in with_history else None
            if account is not None:
                money.known = account.known
                due = min(due, account.next_due)
            changed: dict[EpisodeKey, ToldEpisode] = {}
            if account is None or not self._judging.is_told(money):
                before = self._told.of_account(group_id, year).episodes
                told, changed = tell(before, account, book=book, money=money, group_id=group_id, plan_year=year)
                alerts += [self._outputs.alert(alert) for alert in told]
            value = digest = None
            if account is not None and year in years:
                shown[year] = account.status
                ahead += len(money) - account.status["remittance_count"]  # type: ignore[operator]
                value = encode(account.status)
                digest = status_digest(value, str(account.status["as_of"]))
            if digest != held.get(year):
                statuses.append(self._outputs.status(group_id, year, value, digest))
            if changed or digest != held.get(year):
                records[group_id, year] = self._told.record(group_id, year, digest, changed)
            if account is not None:
                self._judging.note_told(money, account.episodes)
        self._evaluated += len(with_history)
        self._place.census.note(self.partition, group_id, shown, year_of(day), ahead)
        self._agenda.rest(group_id, due)

    # --- conflicting duplicates ---

    async def _conflict_letters(self) -> list[Message]:
        """Return the dead letters of conflicting duplicates that were not sent yet, each with a note of it."""
        held = self.ledger.conflicts
        if self.partition == 0:  # one teller speaks for the policies log, which belongs to no group
            held = held | self._place.policy_log.conflicts
        due = sorted(held - self._told.conflicts)
        if len(due) > LETTERS_AT_ONCE:
            self._woken.set()  # the rest follows at once
        letters = await conflict_letters(self._place, self.partition, due[:LETTERS_AT_ONCE])
        self._told.conflicts.update(due[:LETTERS_AT_ONCE])
        return letters

    # --- the transaction ---

    async def _commit(self, messages: list[Message], records: Records) -> None:
        self._told.policies = self._place.policy_log.position
        topic = self._place.names.told
        notes = [
            Message(topic, self.partition, f"{group_id}/{year}".encode(), record)
            for (group_id, year), record in records.items()
        ]
        with self._place.metrics.transaction_seconds.time():
            await self._transactions.commit(self._told, messages, notes)
        for (group_id, year), record in records.items():
            self._told.note(group_id, year, record)
        now = time.time()
        for message, arrived in self._delays:
            self._place.metrics.record_to_told_seconds.labels(message).observe(max(0.0, now - arrived))
        self._delays.clear()
