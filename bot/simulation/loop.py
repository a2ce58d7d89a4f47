"""Owns virtual time: an event loop that runs one handle a turn, picked by a seed, and jumps to the next timer.

It knows no socket, no thread and no real clock. Every handle belongs to a simulated process; a process that was killed
is simply never run again, so that nothing in it notices: no exception, no `finally`.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable, Coroutine
from contextvars import Context, ContextVar, copy_context
from dataclasses import dataclass, field
from random import Random
from typing import Any, Literal, NoReturn, TypeVar, TypeVarTuple
from weakref import WeakKeyDictionary

T = TypeVar("T")
Ts = TypeVarTuple("Ts")
Mode = Literal["fifo", "random", "pct", "starve"]
MODES: tuple[Mode, ...] = ("fifo", "random", "pct", "starve")
PCT_DEPTH = 3
PCT_STEPS = 20_000  # among these steps the changes of priority fall
STARVED_TURNS = 50  # how often a starved lane is passed over before it gets its turn
STEPS_MAX = 20_000_000


class Deadlock(RuntimeError):
    """Nobody can go on: no handle is ready and no timer runs."""


class Forbidden(RuntimeError):
    """A way out of the simulation: thread, executor, socket, subprocess."""


class ProcessDied(BaseException):
    """What every effect of a killed process raises; no `except Exception` holds it."""


@dataclass(slots=True, eq=False)
class Process:
    """One simulated operating-system process. ``kill_at``: the step of its own at which a kill -9 strikes."""

    name: str
    steps: int = 0
    kill_at: int | None = None
    alive: bool = True
    on_death: list[Callable[[], None]] = field(default_factory=list)
    handlers: dict[int, Callable[[], object]] = field(default_factory=dict)

    def kill(self) -> None:
        """Kill -9, now; what it had committed and sent stays."""
        if self.alive:
            self.alive = False
            for told in self.on_death:
                told()

    def must_live(self) -> None:
        """Raise `ProcessDied` for an effect that comes after death."""
        if not self.alive:
            raise ProcessDied(self.name)


OUTSIDE = Process("outside")
PROCESS: ContextVar[Process] = ContextVar("simulated process", default=OUTSIDE)
LANE: ContextVar[int] = ContextVar("lane of a task", default=0)


class Turn(asyncio.Handle):
    """One callback to be run; it knows whose it is."""

    __slots__ = ("lane", "owner")

    def __init__(
        self,
        callback: Callable[..., object],
        args: tuple[Any, ...],
        loop: asyncio.AbstractEventLoop,
        context: Context | None,
    ) -> None:
        made = copy_context() if context is None else context
        super().__init__(callback, args, loop, made)
        self.owner = made.get(PROCESS, OUTSIDE)
        self.lane = made.get(LANE, 0)


class Timer(asyncio.TimerHandle):
    """One callback for later."""

    __slots__ = ("turn",)

    def __init__(self, when: float, turn: Turn, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(when, _nothing, (), loop)
        self.turn = turn

    def cancel(self) -> None:
        """Take it back."""
        self.turn.cancel()
        super().cancel()


def _nothing() -> None:
    """What a timer itself does: its turn does the rest."""


class Scheduler:
    """Picks among ready handles. The same seed and mode pick the same."""

    def __init__(self, mode: Mode, random: Random) -> None:
        self.mode: Mode = mode
        self._random = random
        self._priority: dict[int, float] = {}
        self._changes = sorted(random.randrange(1, PCT_STEPS) for _ in range(PCT_DEPTH - 1))
        self._starved = random.randrange(2, 12)
        self._passed = 0

    def pick(self, ready: list[Turn], step: int) -> int:
        """The index of the next one."""
        if self.mode == "fifo" or len(ready) == 1:
            return 0
        if self.mode == "random":
            return self._random.randrange(len(ready))
        return self._by_priority(ready, step) if self.mode == "pct" else self._starving(ready)

    def _by_priority(self, ready: list[Turn], step: int) -> int:
        """Probabilistic concurrency testing: the task of highest priority runs; at d - 1 steps it falls behind all."""
        for turn in ready:
            if turn.lane not in self._priority:
                self._priority[turn.lane] = 1 + self._random.random()
        best = max(range(len(ready)), key=lambda index: (self._priority[ready[index].lane], -index))
        if self._changes and step >= self._changes[0]:
            self._changes.pop(0)
            self._priority[ready[best].lane] = len(self._changes) / PCT_DEPTH
        return best

    def _starving(self, ready: list[Turn]) -> int:
        """One task in every dozen waits until nothing else can run, or very long."""
        for index, turn in enumerate(ready):
            if turn.lane % 12 != self._starved or self._passed >= STARVED_TURNS:
                self._passed = self._passed + 1 if index else 0
                return index
        return 0


class SimLoop(asyncio.BaseEventLoop):
    """An event loop in virtual seconds. ``errors`` collects what callbacks raised and nobody awaited."""

    def __init__(self, scheduler: Scheduler | None = None) -> None:
        super().__init__()
        self._scheduler = scheduler or Scheduler("fifo", Random(0))  # noqa: S311 - a seed is meant to be replayed
        self._now = 0.0
        self._ready: list[Turn] = []
        self._timers: list[tuple[float, int, Timer]] = []
        self._serial = 0
        self._lanes = 0
        self._running = False
        self._tasks: list[tuple[Process, asyncio.Task[Any]]] = []
        self._owners: WeakKeyDictionary[asyncio.Task[Any], Process] = WeakKeyDictionary()
        self.steps = 0
        self.errors: list[str] = []
        self.on_step: Callable[[Process], None] | None = None  # told before each step of a simulated process

    # ---- running

    def run_until_complete(self, future: Any) -> Any:
        """Run until ``future`` is done; raises `Deadlock` where it cannot come to be."""
        task = future if isinstance(future, asyncio.Future) else self.create_task(future)
        self._running = True
        asyncio._set_running_loop(self)  # noqa: SLF001 - documented for makers of event loops
        try:
            while not task.done():
                self._turn(task)
        finally:
            asyncio._set_running_loop(None)  # noqa: SLF001
            self._running = False
        return task.result()

    def _turn(self, awaited: asyncio.Future[Any]) -> None:
        """Run one handle; where none is ready, be at the next timer."""
        if not self._ready:
            self._jump(awaited)
        ready = self._ready
        turn = ready.pop(self._scheduler.pick(ready, self.steps))
        owner = turn.owner
        if turn.cancelled() or not owner.alive:
            return
        self.steps += 1
        if owner is not OUTSIDE:
            owner.steps += 1
            if self.on_step is not None:
                self.on_step(owner)
            if owner.steps == owner.kill_at:
                owner.kill()
            if not owner.alive:
                return
        if self.steps > STEPS_MAX:
            raise Deadlock(f"{STEPS_MAX} steps and no end: somebody spins")
        turn._run()  # noqa: SLF001 - what every event loop does with its handles

    def _jump(self, awaited: asyncio.Future[Any]) -> None:
        """To the next timer that anybody alive waits for; all that are due then become ready together."""
        timers = self._timers
        while timers and (timers[0][2].cancelled() or not timers[0][2].turn.owner.alive):
            heapq.heappop(timers)
        if not timers:
            waiting = ", ".join(sorted(self.waiting())) or "none"
            raise Deadlock(f"nothing is ready and no timer runs; waiting: {waiting}; awaited: {awaited!r:.120}")
        self._now = max(self._now, timers[0][0])
        while timers and timers[0][0] <= self._now:
            timer = heapq.heappop(timers)[2]
            if not timer.cancelled():
                self._ready.append(timer.turn)

    def waiting(self) -> list[str]:
        """The names of tasks of living processes that have not ended."""
        return [f"{owner.name}/{task.get_name()}" for owner, task in self._tasks if owner.alive and not task.done()]

    def buried(self) -> list[asyncio.Task[Any]]:
        """Every task that has not ended: held until the run is over, to be let go at one fixed point."""
        kept = [task for _, task in self._tasks if not task.done()]
        for task in kept:
            task._log_destroy_pending = False  # type: ignore[attr-defined] # noqa: SLF001 - it died, as was wanted
        self._tasks.clear()
        self._ready.clear()
        self._timers.clear()
        return kept

    def spawn(self, process: Process, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Run ``work`` as a simulated process of its own."""
        context = copy_context()
        context.run(PROCESS.set, process)
        return self.create_task(work, name=process.name, context=context)

    # ---- what asyncio asks of a loop

    def time(self) -> float:
        """Virtual seconds since the loop was made."""
        return self._now

    def call_soon(self, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None) -> Turn:
        """Be run in one of the next turns."""
        turn = Turn(callback, args, self, context)
        self._ready.append(turn)
        return turn

    def call_later(
        self, delay: float, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> Timer:
        """Be run after virtual seconds."""
        return self.call_at(self._now + delay, callback, *args, context=context)

    def call_at(
        self, when: float, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> Timer:
        """Be run at a virtual second."""
        timer = Timer(when, Turn(callback, args, self, context), self)
        self._serial += 1
        heapq.heappush(self._timers, (when, self._serial, timer))
        return timer

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """A cancelled timer stays in the heap until its time comes."""

    def create_future(self) -> asyncio.Future[Any]:
        """A future of this loop."""
        return asyncio.Future(loop=self)

    def create_task(  # type: ignore[override] # typeshed knows a coroutine of one kind only
        self, coro: Coroutine[Any, Any, T], *, name: str | None = None, context: Context | None = None
    ) -> asyncio.Task[T]:
        """A task in a lane of its own."""
        self._lanes += 1
        made = copy_context() if context is None else context
        made.run(LANE.set, self._lanes)
        owner = made.get(PROCESS, OUTSIDE)
        task: asyncio.Task[T] = asyncio.Task(coro, loop=self, name=name or f"task {self._lanes}", context=made)
        self._owners[task] = owner
        self._tasks.append((owner, task))
        if self._lanes % 256 == 0:
            self._tasks = [(owner, each) for owner, each in self._tasks if not each.done()]
        return task

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """What nobody awaited is written down; a run with such errors has failed."""
        error, task = context.get("exception"), context.get("task") or context.get("future")
        owner = self._owners.get(task) if isinstance(task, asyncio.Task) else None
        # Whoever would have awaited a task of a dead process died with it.
        if not isinstance(error, ProcessDied) and (owner is None or owner.alive):
            what = getattr(task.get_coro(), "__qualname__", "") if isinstance(task, asyncio.Task) else ""
            self.errors.append(f"{context.get('message', '')}: {what} {error!r}")

    def default_exception_handler(self, context: dict[str, Any]) -> None:
        """The same."""
        self.call_exception_handler(context)

    def add_signal_handler(self, sig: int, callback: Callable[[*Ts], object], *args: *Ts) -> None:
        """Hear a signal that is sent to the simulated process."""
        PROCESS.get().handlers[int(sig)] = lambda: callback(*args)

    def remove_signal_handler(self, sig: int) -> bool:
        """Hear it no longer."""
        return PROCESS.get().handlers.pop(int(sig), None) is not None

    def signal(self, process: Process, sig: int) -> None:
        """Send a signal to a living process; one that hears it not ignores it."""
        handler = process.handlers.get(int(sig))
        if process.alive and handler is not None:
            handler()

    def get_debug(self) -> bool:
        """Never: it would read the real clock."""
        return False

    def set_debug(self, enabled: bool) -> None:  # noqa: FBT001 - the Protocol's signature
        """Ignored."""

    def is_running(self) -> bool:
        """Whether it runs."""
        return self._running

    def is_closed(self) -> bool:
        """While it does not run it holds nothing that would have to be closed."""
        return not self._running

    def close(self) -> None:
        """Nothing to close."""

    async def shutdown_asyncgens(self) -> None:
        """Nothing to shut down: generators end with their tasks."""

    # ---- ways out, all closed

    def run_in_executor(self, executor: object, func: object, *args: object) -> NoReturn:
        """Threads see no virtual time."""
        del executor, args
        raise Forbidden(f"run_in_executor({func!r}): a thread sees no virtual time")

    def call_soon_threadsafe(self, callback: object, *args: object, context: Context | None = None) -> NoReturn:
        """Threads see no virtual time."""
        del args, context
        raise Forbidden(f"call_soon_threadsafe({callback!r}): a thread sees no virtual time")

    async def getaddrinfo(self, *args: object, **kwargs: object) -> NoReturn:
        """There is no network here."""
        raise Forbidden(f"getaddrinfo{args}{kwargs or ''}: there is no network in the simulation")

    async def create_connection(self, *args: object, **kwargs: object) -> NoReturn:
        """There is no network here."""
        raise Forbidden(f"create_connection{args}{kwargs or ''}: there is no network in the simulation")

    async def create_server(self, *args: object, **kwargs: object) -> NoReturn:
        """There is no network here."""
        raise Forbidden(f"create_server{args}{kwargs or ''}: there is no network in the simulation")
