"""Known ways to break the worker, each of which the simulation has to catch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from unittest.mock import AsyncMock, patch

from streams.shell import ledger, letterbox, recall, teller, topics, transport
from streams.shell.ledger import HomeLedger
from tests.simulation.clients import WORLD
from tests.simulation.loop import PROCESS

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import ExitStack


def told_twice_in_one_transaction(stack: ExitStack) -> None:
    """Evaluate a group a second time before the first telling is noted."""
    one = teller.Teller._evaluate_group

    def twice(self: Any, *args: Any) -> None:
        one(self, *args)
        one(self, *args)

    stack.enter_context(patch.object(teller.Teller, "_evaluate_group", twice))


def commit_passes_unfinished(stack: ExitStack) -> None:
    """Move the front over whatever finished last, unfinished chunks before it or not."""

    def finish(self: Any, chunk: Any) -> None:
        chunk.finished = True
        waiting = self._handed_out[chunk.tp]
        while waiting and waiting[0].first <= chunk.first:
            self._front[chunk.tp] = waiting.popleft().next

    stack.enter_context(patch.object(transport.ChunkConsumer, "finish", finish))


def barrier_ignored(stack: ExitStack) -> None:
    """Tell as soon as the home log and the policies are read, whatever is still in the inputs."""
    stack.enter_context(patch.object(teller, "covered", lambda *_: True))


def log_ends_ignored(stack: ExitStack) -> None:
    """Tell at once after a takeover."""
    stack.enter_context(patch.object(teller.Teller, "_caught_up_with", lambda *_: True))


def told_read_before_fencing(stack: ExitStack) -> None:
    """Read what was told, then fence."""
    take_over, read = teller.Teller._take_over, teller.recall

    async def early(self: Any) -> None:
        recalled = await read(self._place, self.partition, WORLD.get().cluster.sizes, lambda: None)

        async def held(*_: Any) -> Any:
            return recalled

        with patch.object(teller, "recall", held):
            await take_over(self)

    stack.enter_context(patch.object(teller.Teller, "_take_over", early))


def notes_believed(stack: ExitStack) -> None:
    """Take what is noted for what is there, as if transactions were never torn."""
    stack.enter_context(patch.object(recall._Holding, "look_at_alerts", AsyncMock()))


def statuses_believed(stack: ExitStack) -> None:
    """Take statuses alone for what is noted of them."""
    stack.enter_context(patch.object(recall._Holding, "look_at_statuses", AsyncMock()))


def conflicts_forgotten(stack: ExitStack) -> None:
    """Open a ledger without the conflicts in it."""
    load = HomeLedger._load

    def forgetful(self: Any) -> None:
        load(self)
        self.conflicts = set()

    stack.enter_context(patch.object(ledger.HomeLedger, "_load", forgetful))


def stamps_too_early(stack: ExitStack) -> None:
    """Stamp what was handed out, acknowledged or not."""
    stack.enter_context(patch.object(transport.ChunkConsumer, "fronts", lambda self: dict(self._position)))


def nobody_fenced(stack: ExitStack) -> None:
    """Give each process a transactional id of its own."""
    name = topics.Names.transactional_id

    def own(self: Any, partition: int) -> str:
        return f"{name(self, partition)}-{PROCESS.get().name}"  # type: ignore[union-attr]

    stack.enter_context(patch.object(topics.Names, "transactional_id", own))


def letters_marked_nowhere(stack: ExitStack) -> None:
    """Send dead letters again after each failure or takeover."""

    async def beginning(*_: Any) -> int:
        return 0

    stack.enter_context(patch.object(letterbox.Letterbox, "_read_mark", beginning))


def letters_overtake(stack: ExitStack) -> None:
    """Go on with later dead letters where earlier ones failed."""
    send = letterbox.Letterbox.send

    async def regardless(self: Any, tp: Any, epoch: int, letters: Any) -> None:
        if tp in self._senders:
            self._senders[tp].failed_epoch = -1
        await send(self, tp, epoch, letters)

    stack.enter_context(patch.object(letterbox.Letterbox, "send", regardless))


MUTATIONS: dict[str, Callable[[ExitStack], None]] = {
    mutation.__name__: mutation
    for mutation in (told_twice_in_one_transaction, commit_passes_unfinished, barrier_ignored, log_ends_ignored,
                     told_read_before_fencing, notes_believed, statuses_believed, conflicts_forgotten,
                     stamps_too_early, nobody_fenced, letters_marked_nowhere, letters_overtake)
}  # fmt: skip
