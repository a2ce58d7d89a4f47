"""Owns the dead-man's switch of venues that count down by themselves: armed, counted anew, stopped by requests."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection
from datetime import timedelta
from typing import Any

from bot.ports.errors import Rejected
from bot.venues.ccxt.line import Line
from bot.venues.ccxt.profiles import Profile

PER_WINDOW = 4  # signs of life in a window: three may be lost

#: (client, what is counted down, seconds; 0 stops it)
Ask = Callable[[Any, str, int], Awaitable[None]]
#: What of the venue's a symbol's orders are counted under; None: this venue cancels them never.
Scope = Callable[[str], str | None]


class Countdown:
    """Port `DeadMan`: one countdown a scope, running only while an order of ours rests there."""

    def __init__(self, line: Line, window: timedelta, scope: Scope, ask: Ask) -> None:
        self.window_s = window.total_seconds()
        self.every_s = self.window_s / PER_WINDOW
        self._line = line
        line.client.has_switch = True
        self._scope = scope
        self._ask = ask
        self._armed: dict[str, float] = {}  # when last, by the machine's monotonic clock

    async def alive(self, symbols: Collection[str]) -> None:
        """See the Protocol."""
        self._line.rested.clear()
        wanted = {scope for scope in map(self._scope, symbols) if scope is not None}
        for scope in sorted(set(self._armed) - wanted):
            await self._said(scope, 0)
            del self._armed[scope]
        now_s = self._line.clock.mono()
        # Woken by one new order, the others' countdowns are fresh still: a sign for each would cost its weight again.
        due = {scope for scope in wanted if now_s - self._armed.get(scope, -self.window_s) >= self.every_s / 2}
        for scope in sorted(due):
            await self._said(scope, round(self.window_s))
            self._armed[scope] = now_s

    async def sent(self) -> None:
        """See the Protocol."""
        await self._line.rested.wait()

    async def disarm(self) -> None:
        """See the Protocol."""
        await self.alive(())

    async def close(self) -> None:
        """Nothing is open."""
        await asyncio.sleep(0)

    async def _said(self, scope: str, seconds: int) -> None:
        line = self._line
        await line.read(f"dead-man's switch of {scope}", lambda: self._ask(line.client, scope, seconds))


def must_fit(profile: Profile, window: timedelta) -> None:
    """Raise `Rejected` where a venue has no switch, or none of this length."""
    if profile.dead_man_s is None:
        raise lacking(profile.id)
    (least_s, most_s), asked_s = profile.dead_man_s, window.total_seconds()
    if not least_s <= asked_s <= most_s:
        raise Rejected(f"venue.dead_man: is {asked_s:.0f}s, must be from {least_s}s to {most_s}s at {profile.id}")


def lacking(venue_id: str) -> Rejected:
    """What a venue without one is refused with."""
    return Rejected(f"venue.dead_man: {venue_id} has no dead-man's switch, must be 0s (binance, bybit, bingx have one)")
