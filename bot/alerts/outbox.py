"""Owns the way from an alert to people's phones: a bounded queue, quiet hours, a digest. Never on the trading path."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from typing import Final, Literal

import structlog

from bot.ports.alerts import DAILY, Alerts, Delivery
from bot.ports.clock import Clock

Level = Literal["info", "warning", "critical"]
LEVELS: Final[tuple[Level, ...]] = ("info", "warning", "critical")
WAITING_MAX: Final = 200  # messages; beyond it the least important, oldest one gives way
TRIES_MAX: Final = 5
FIRST_PAUSE_S: Final = 5.0  # after a failure; doubled by each further one
DELIVERY_TIMEOUT_S: Final = 20.0
REPEAT_S: Final = 300.0  # host seconds in which the same key with the same text is not sent again
SAID_MAX: Final = 1000
END_WITHIN_S: Final = 5.0

#: Delivers one message (title, text, level) and answers why it did not arrive; "" means that it did.
Channel = Callable[[str, str, Level], Awaitable[str]]


@dataclass(frozen=True, slots=True)
class Manners:
    """When people are told what. Times are UTC; critical alerts know no quiet hours and no digest."""

    least: Level = "warning"
    quiet: tuple[time, time] | None = None  # from, to; over midnight where from is the later one
    digest_s: float = 0.0  # host seconds over which messages below critical are gathered into one; 0: each at once

    def silent(self, at: datetime) -> bool:
        """Whether what is not critical has to wait."""
        if self.quiet is None:
            return False
        since, until = self.quiet
        now = at.time()
        return since <= now < until if since <= until else now >= since or now < until


@dataclass(frozen=True, slots=True)
class Message:
    """One alert on its way."""

    level: Level
    text: str
    at: datetime
    queued: float  # host seconds


class Outbox:
    """`bot.ports.alerts.Alerts` that passes everything on to ``inner`` at once and tells people in its own task.

    ``utc_now`` is the machine's time of day: quiet hours are people's, not the venue's.
    """

    def __init__(
        self,
        inner: Alerts,
        channel: Channel,
        clock: Clock,
        utc_now: Callable[[], datetime],
        *,
        sender: str,
        manners: Manners | None = None,
    ) -> None:
        self._inner = inner
        self._channel = channel
        self._clock = clock
        self._utc_now = utc_now
        self._sender = sender
        self._manners = manners or Manners()
        self._waiting: deque[Message] = deque()
        self._said: dict[tuple[str, str], float] = {}
        self._news = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._delivered = self._undelivered = 0
        self._why = ""
        self._log = structlog.get_logger("alerts")

    def send(self, level: Level, text: str, *, key: str = "") -> None:
        """Queue one message; the same text under the same key not again within five minutes."""
        self._inner.send(level, text, key=key)
        now = self._clock.mono()
        wanted = key == DAILY or LEVELS.index(level) >= LEVELS.index(self._manners.least)
        if not wanted or self._repeats(key, text, now):
            return
        self._waiting.append(Message(level, text, self._utc_now(), now))
        if len(self._waiting) > WAITING_MAX:
            self._waiting.remove(min(self._waiting, key=lambda each: (LEVELS.index(each.level), each.queued)))
            self._lost(1, f"more than {WAITING_MAX} alerts wait")
        self._news.set()

    def delivery(self) -> Delivery:
        """How many wait, arrived and did not, and why the last one did not."""
        return Delivery(len(self._waiting), self._delivered, self._undelivered, self._why)

    def start(self) -> None:
        """Begin to deliver; called in the running loop."""
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._work(), name="alerts")

    async def close(self) -> None:
        """Try once more what waits, for a few seconds, and end; what is left counts as undelivered."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(END_WITHIN_S):
                    await self._last_try()
        if self._waiting:
            self._lost(len(self._waiting), "the bot ended before they could be delivered")
            self._waiting.clear()

    def _repeats(self, key: str, text: str, now: float) -> bool:
        if not key:
            return False
        if now - self._said.get((key, text), -REPEAT_S) < REPEAT_S:
            return True
        if len(self._said) >= SAID_MAX:
            self._said = {known: at for known, at in self._said.items() if now - at < REPEAT_S}
        self._said[key, text] = now
        return False

    # ---- delivering

    async def _work(self) -> None:
        while True:
            due, wait_s = self._due()
            if due:
                await self._deliver(due)
                continue
            self._news.clear()
            # Not `wait_for`: before Python 3.12 it swallows a cancellation that meets the event.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._news.wait()

    def _due(self) -> tuple[list[Message], float | None]:
        """What may be told now, together; else host seconds until something may (None: until there is news)."""
        urgent = [each for each in self._waiting if each.level == "critical"]
        if urgent:
            return urgent[:1], None
        if not self._waiting:
            return [], None
        if self._manners.silent(self._utc_now()):
            return [], 30.0
        left_s = self._waiting[0].queued + self._manners.digest_s - self._clock.mono()
        if left_s > 0:
            return [], left_s
        return list(self._waiting) if self._manners.digest_s else [self._waiting[0]], None

    async def _deliver(self, messages: Sequence[Message]) -> None:
        """Tell them, in a few tries; what cannot be told is counted and makes room for the next."""
        title, text, level = self._letter(messages)
        why = ""
        for number in range(TRIES_MAX):
            if number:
                await self._clock.sleep(FIRST_PAUSE_S * 2 ** (number - 1))
            why = await self._tried(title, text, level)
            if not why:
                break
        for each in messages:
            with contextlib.suppress(ValueError):  # it may have given way meanwhile
                self._waiting.remove(each)
        if why:
            self._lost(len(messages), why)
        else:
            self._delivered += len(messages)

    async def _tried(self, title: str, text: str, level: Level) -> str:
        try:
            async with asyncio.timeout(DELIVERY_TIMEOUT_S):
                return await self._channel(title, text, level)
        except TimeoutError:
            return f"no answer within {DELIVERY_TIMEOUT_S:.0f} s"

    async def _last_try(self) -> None:
        while self._waiting:
            messages = list(self._waiting)
            if await self._tried(*self._letter(messages)):
                return
            self._waiting.clear()
            self._delivered += len(messages)

    def _letter(self, messages: Sequence[Message]) -> tuple[str, str, Level]:
        level = max((each.level for each in messages), key=LEVELS.index)
        if len(messages) == 1:
            return f"{self._sender}: {level}", messages[0].text, level
        lines = [f"{each.at:%Y-%m-%d %H:%M} UTC  {each.level}: {each.text}" for each in messages]
        return f"{self._sender}: {len(messages)} alerts, {level} at most", "\n".join(lines), level

    def _lost(self, count: int, why: str) -> None:
        self._undelivered += count
        self._why = why
        self._log.warning("alerts not delivered", count=count, in_all=self._undelivered, why=why)
