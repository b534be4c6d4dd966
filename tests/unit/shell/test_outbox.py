"""What the outbox and its neighbours rely upon of asyncio, pinned."""

from __future__ import annotations

import asyncio

from streams.shell.outbox import acknowledged, ended


def test_a_swallowed_cancellation_is_repeated() -> None:
    """A task that loses a cancellation in `wait_for`, which it does before Python 3.12, is ended all the same."""

    async def trial() -> None:
        happened = asyncio.Event()

        async def wait_for_it_and_go_on() -> None:
            await asyncio.wait_for(happened.wait(), 1)
            await asyncio.sleep(3600)

        task = asyncio.ensure_future(wait_for_it_and_go_on())
        await asyncio.sleep(0.05)
        happened.set()
        await asyncio.sleep(0)  # what it waits for is done, and it was not told yet
        await asyncio.wait_for(ended(task), 5)
        assert task.cancelled()

    asyncio.run(trial())


def test_what_has_ended_is_left_alone() -> None:
    """A task that failed keeps what it failed with."""

    async def trial() -> None:
        async def fail() -> None:
            raise OSError("gone")

        task = asyncio.ensure_future(fail())
        await asyncio.sleep(0)
        await ended(task)
        assert isinstance(task.exception(), OSError)

    asyncio.run(trial())


def test_the_first_failure_is_raised_once_all_are_done() -> None:
    """A chunk is sent again only when nothing of it is under way any more."""

    async def trial() -> None:
        loop = asyncio.get_running_loop()
        first, second, third = (loop.create_future() for _ in range(3))
        waiting = asyncio.ensure_future(acknowledged([first, second, third]))
        third.set_exception(OSError("third"))
        first.set_exception(OSError("first"))
        await asyncio.sleep(0.01)
        assert not waiting.done()
        second.set_result(None)
        await asyncio.wait({waiting})
        assert str(waiting.exception()) == "first"

    asyncio.run(trial())
