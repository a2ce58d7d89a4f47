"""Owns the listening to a venue's streams: what they say only wakes the next cycle early, and none can end the bot."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from bot.ports.alerts import Alerts
from bot.ports.clock import Clock
from bot.ports.push import Push

LEAST_S = 5.0  # host seconds between two cycles that streams asked for
AGAIN_FIRST_S = 1.0  # until a stream that died is asked again, twice as long after each time in vain
AGAIN_MOST_S = 60.0
BREATH_S = 0.05  # between two answers of one stream: one that babbles must not keep the loop busy


class Listening:
    """One supervised task a stream, and one that wakes. ``wake`` asks for a cycle now."""

    def __init__(self, push: Push, clock: Clock, alerts: Alerts, wake: Callable[[], None]) -> None:
        self._push = push
        self._clock = clock
        self._alerts = alerts
        self._wake = wake
        self._heard = asyncio.Event()

    async def run(self) -> None:
        """Until it is cancelled; whatever a stream does stays in its own task."""
        tasks = [asyncio.create_task(self._supervised(name), name=f"push {name}") for name in self._push.streams()]
        try:
            while True:
                await self._heard.wait()
                self._heard.clear()
                self._wake()
                await self._clock.sleep(LEAST_S)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._push.close()

    async def _supervised(self, name: str) -> None:
        """Ask a stream again and again; its failures are told once when they begin and once when they are over."""
        again_s, down = AGAIN_FIRST_S, False
        while True:
            why = await self._asked(name)
            if not why:
                self._heard.set()
                if down:
                    self._alerts.send("info", f"the stream {name} is back", key=f"push {name}")
                again_s, down = AGAIN_FIRST_S, False
                await self._clock.sleep(BREATH_S)
                continue
            if not down:
                text = f"the stream {name} is down: {why}; cycles come at their usual times, nothing else changes"
                self._alerts.send("warning", text, key=f"push {name}")
            down = True
            await self._clock.sleep(again_s)
            again_s = min(2 * again_s, AGAIN_MOST_S)

    async def _asked(self, name: str) -> str:
        """Why a stream could not be heard, or nothing; whatever a library raises ends here, as a value."""
        task = asyncio.ensure_future(self._push.heard(name))
        try:
            await asyncio.wait({task})
        finally:
            task.cancel()
        if task.cancelled():
            return "its task was cancelled"
        error = task.exception()
        return "" if error is None else f"{type(error).__name__}: {' '.join(str(error).split())}"
