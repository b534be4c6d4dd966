"""An event loop on a clock of its own: the same seed runs the same steps, and a process can be killed or stopped.

Every callback belongs to the simulated process that began it (a context variable). A killed process takes no further
step, whatever await it stood at; a stopped one takes its steps late, as after SIGSTOP and SIGCONT.
"""

from __future__ import annotations

import asyncio
import heapq
from asyncio import base_events, events
from collections import deque
from contextvars import ContextVar, copy_context
from typing import Any


class Process:
    """One simulated process: what is begun in it dies or stands still with it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.killed = False
        self.stopped = False


PROCESS: ContextVar[Process | None] = ContextVar("process", default=None)


class SimulatedLoop(base_events.BaseEventLoop):
    """Runs what is due, jumps to the next moment at which something is; never waits."""

    def __init__(self) -> None:
        super().__init__()
        self._now = 1_000.0
        self._due: deque[events.Handle] = deque()
        self._later: list[tuple[float, int, events.TimerHandle]] = []
        self._held: list[events.Handle] = []
        self._count = 0
        self.steps = 0
        self.set_exception_handler(self._note_unhandled)
        self._tasks: set[asyncio.Task[Any]] = set()  # a killed process's too: collecting one would run its `finally`
        self._processes: set[Process] = set()
        self.set_task_factory(SimulatedLoop._new_task)
        self.unhandled: list[str] = []

    def _new_task(self, coroutine: Any, context: Any = None) -> asyncio.Task[Any]:
        task = asyncio.Task(coroutine, loop=self, context=context)
        self._tasks.add(task)
        process = PROCESS.get() if context is None else context.get(PROCESS)
        if process is not None:
            self._processes.add(process)
        task.add_done_callback(self._tasks.discard)
        return task

    def end(self) -> None:
        """Cancel whatever is left, in killed processes too, and let it end."""
        for handle in self._held:
            handle.cancel()
        self._held.clear()
        for process in self._processes:
            process.killed = process.stopped = False
        for _ in range(20):
            for task in list(self._tasks):
                task.cancel()
            if not self._tasks:
                break
            self.run_until_complete(asyncio.sleep(1.0))
        self.close()

    def _note_unhandled(self, _: Any, context: dict[str, Any]) -> None:
        self.unhandled.append(f"{context.get('message')}: {context.get('exception')!r}")

    def time(self) -> float:
        """Return the simulated time in seconds."""
        return self._now

    def call_soon(self, callback: Any, *args: Any, context: Any = None) -> events.Handle:
        """Run a callback in this round or the next."""
        handle = events.Handle(callback, args, self, context)
        self._due.append(handle)
        return handle

    call_soon_threadsafe = call_soon

    def call_at(self, when: float, callback: Any, *args: Any, context: Any = None) -> events.TimerHandle:
        """Run a callback at a simulated time."""
        timer = events.TimerHandle(when, callback, args, self, context)
        self._count += 1
        heapq.heappush(self._later, (when, self._count, timer))
        return timer

    def _timer_handle_cancelled(self, handle: Any) -> None:
        """Leave it in the heap; it is passed over."""

    def resume(self, process: Process) -> None:
        """Let a stopped process go on, with all that came meanwhile."""
        process.stopped = False
        mine = [handle for handle in self._held if handle._context.get(PROCESS) is process]
        self._held = [handle for handle in self._held if handle._context.get(PROCESS) is not process]
        self._due.extend(mine)

    def _run_once(self) -> None:
        while self._later and (self._later[0][0] <= self._now or not self._due):
            when, _, timer = heapq.heappop(self._later)
            if not timer.cancelled():
                self._now = max(self._now, when)
                self._due.append(timer)
                if when > self._now:
                    break
        for _ in range(len(self._due)):
            self._step(self._due.popleft())

    def _step(self, handle: events.Handle) -> None:
        if handle.cancelled():
            return
        process = handle._context.get(PROCESS)
        if process is not None and process.killed:
            return
        if process is not None and process.stopped:
            self._held.append(handle)
            return
        self.steps += 1
        handle._run()


def start_in(process: Process | None, coroutine: Any) -> asyncio.Task[Any]:
    """Begin a task that belongs to a process; to none, so that no kill ends it, where that is None."""
    context = copy_context()
    context.run(PROCESS.set, process)
    return asyncio.get_running_loop().create_task(coroutine, context=context)
