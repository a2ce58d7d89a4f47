"""Owns the look at the venue's clock: how far ours is off, told from 250 ms; no order from 1 s on (I11)."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

from bot.core.events import Event
from bot.core.numbers import milliseconds
from bot.engine.parts import Parts
from bot.engine.record import Recorder
from bot.engine.stop import KillWatch
from bot.ports.venue import Gap

WARN = timedelta(milliseconds=250)
STOP = timedelta(seconds=1)
NAME = "the clock"
Verdict = Literal["well", "off", "far off"]


class Skew:
    """Measured once a cycle, from the venue's answer and half the way there and back.

    Only what the way cannot explain is held against the clock: an answer that took four seconds proves an offset of
    two at most to be nothing. What could not be measured changes no verdict.
    """

    def __init__(self, parts: Parts, recorder: Recorder, kill: KillWatch) -> None:
        self._parts = parts
        self._recorder = recorder
        self._kill = kill
        self._verdict: Verdict = "well"
        self.offset: timedelta | None = None  # venue minus ours, as last measured

    @property
    def blocked(self) -> str:
        """Why no order may leave, for the permit; empty where the clock is well."""
        return f"the clock is {self._words()}" if self._verdict == "far off" else ""

    @property
    def offset_ms(self) -> int | None:
        """Milliseconds that the venue is ahead of us (negative: behind); None before the first answer."""
        return None if self.offset is None else round(self.offset / timedelta(milliseconds=1))

    async def measure(self) -> None:
        """Ask the venue for its time; a finding is recorded when it changes."""
        proven = await self._proven()
        warn, stop = WARN * self._parts.time_scale, STOP * self._parts.time_scale
        if proven is not None and proven >= stop:
            proven = await self._proven()  # one answer out of line stops nothing
        if proven is None:
            return
        found: Verdict = "far off" if proven >= stop else "off" if proven >= warn else "well"
        before, self._verdict = self._verdict, found
        if found == "far off":
            self._kill.hold(NAME, f"the clock is {self._words()}, must be within 1 s: set it by NTP")
        else:
            self._kill.release(NAME)
        if found == before:
            return
        if found == "off":
            self._parts.alerts.send("warning", f"the clock is {self._words()}: set it by NTP", key="clock")
        at = self._parts.clock.now()
        body = {"offset_ms": self.offset_ms, "verdict": found}
        await self._recorder.append([Event(f"clock:{found}:{milliseconds(at)}", at, "clock.offset", body)])

    async def _proven(self) -> timedelta | None:
        """How far off the clock is at least; None where the venue did not say."""
        before = self._parts.clock.now()
        there = await self._parts.market.now()
        after = self._parts.clock.now()
        if isinstance(there, Gap):
            return None
        slack = (after - before) / 2
        self.offset = there - (before + slack)
        return max(timedelta(), abs(self.offset) - slack)

    def _words(self) -> str:
        off_s = (self.offset or timedelta()).total_seconds()
        return f"{abs(off_s):.3f} s {'behind' if off_s > 0 else 'ahead of'} the venue's"
