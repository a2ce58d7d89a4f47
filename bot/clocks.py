"""Owns every clock: the only module that reads the machine's time. Knows neither venue nor record."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

Mono = Callable[[], float]
# A wall clock may be set while we sleep, so a long sleep is cut and the clock asked again.
LONGEST_NAP_S = 30.0
# asyncio wakes by whole timer ticks: asking for less than this would only spin.
SHORTEST_NAP_S = 0.0005
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def host_utc_now() -> datetime:
    """The machine's wall time, UTC: for rows that must say when a person or a process really did something."""
    return datetime.now(UTC)


def boot_s() -> float:
    """Seconds since the machine was started, the same for all its processes; nobody can set it.

    Where the system tells that, with the time it slept.
    """
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


def boot_id() -> str:
    """Which start of the machine this is; "" where the system does not tell."""
    try:
        return BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        return ""


def _checked_start(start: datetime) -> datetime:
    if start.tzinfo is None:
        raise ValueError(f"clock: start {start.isoformat()} has no time zone, e.g. 2026-01-05T00:00:00+00:00")
    return start.astimezone(UTC)


def _checked_speed(speed: float) -> float:
    if not 0 < speed < float("inf"):
        raise ValueError(f"clock: speed {speed} must be a finite number above 0 (venue seconds per host second)")
    return speed


class _Clock:
    """Host time, the same for all clocks."""

    def __init__(self, mono: Mono) -> None:
        self._mono = mono

    def mono(self) -> float:
        """Host seconds, monotonic."""
        return self._mono()

    async def sleep(self, host_s: float) -> None:
        """Sleep host seconds; venue time goes on at its usual pace."""
        await asyncio.sleep(max(0.0, host_s))


class SystemClock(_Clock):
    """The real world: venue time is the machine's wall time."""

    def __init__(self) -> None:
        super().__init__(time.monotonic)

    def now(self) -> datetime:
        """Venue time, UTC."""
        return datetime.now(UTC)

    async def until(self, venue_at: datetime) -> None:
        """Sleep until the wall clock shows ``venue_at``."""
        while (left_s := (venue_at - self.now()).total_seconds()) > 0:  # noqa: ASYNC110 - time is no event
            await asyncio.sleep(min(max(left_s, SHORTEST_NAP_S), LONGEST_NAP_S))
        await asyncio.sleep(0)


class ScaledClock(_Clock):
    """Venue time runs with the host, and ``speed`` times as fast while somebody is inside ``until``.

    While it runs fast it never passes the earliest instant that anybody waits for: who oversleeps finds it standing
    there, so a busy machine makes nothing late. ``sleep`` is host time (retries, polling) and scales nothing.
    """

    def __init__(self, start: datetime, speed: float, *, mono: Mono = time.monotonic) -> None:
        super().__init__(mono)
        self._speed = _checked_speed(speed)
        self._anchor = _checked_start(start)
        self._anchor_host_s = mono()
        self._awaited: list[datetime] = []

    def now(self) -> datetime:
        """Venue time, UTC; never goes back."""
        elapsed_s = self._mono() - self._anchor_host_s
        if not self._awaited:
            return self._anchor + timedelta(seconds=elapsed_s)
        return min(self._anchor + timedelta(seconds=elapsed_s * self._speed), max(min(self._awaited), self._anchor))

    def _hold(self) -> None:
        """Write down how far time came, before its pace changes."""
        now = self.now()
        self._anchor, self._anchor_host_s = now, self._mono()

    async def until(self, venue_at: datetime) -> None:
        """Sleep until ``venue_at`` at ``speed``; cancelling leaves the clock where it came to."""
        if venue_at <= self.now():
            await asyncio.sleep(0)
            return
        self._hold()
        self._awaited.append(venue_at)
        try:
            while (left_s := (venue_at - self.now()).total_seconds()) > 0:  # noqa: ASYNC110 - time is no event
                await asyncio.sleep(max(left_s / self._speed, SHORTEST_NAP_S))
        finally:
            self._hold()
            self._awaited.remove(venue_at)


class StepClock(_Clock):
    """Venue time stands still and jumps only in ``until``: as fast as the machine goes, and the same on every run."""

    def __init__(self, start: datetime, *, mono: Mono = time.monotonic) -> None:
        super().__init__(mono)
        self._now = _checked_start(start)

    def now(self) -> datetime:
        """Venue time, UTC."""
        return self._now

    async def until(self, venue_at: datetime) -> None:
        """Be at ``venue_at`` at once (never go back) and let the other tasks run."""
        self._now = max(self._now, venue_at)
        await asyncio.sleep(0)


class ConstantClock(_Clock):
    """Venue time at one constant speed: for an exchange in a process of its own, which nobody's cycle can slow."""

    def __init__(self, start: datetime, speed: float, *, mono: Mono = time.monotonic) -> None:
        super().__init__(mono)
        self._speed = _checked_speed(speed)
        self._anchor = _checked_start(start)
        self._anchor_host_s = mono()

    def now(self) -> datetime:
        """Venue time, UTC."""
        return self._anchor + timedelta(seconds=(self._mono() - self._anchor_host_s) * self._speed)

    async def until(self, venue_at: datetime) -> None:
        """Sleep until venue time reaches ``venue_at``."""
        while (left_s := (venue_at - self.now()).total_seconds() / self._speed) > 0:  # noqa: ASYNC110 - time is no event
            await asyncio.sleep(min(max(left_s, SHORTEST_NAP_S), LONGEST_NAP_S))
        await asyncio.sleep(0)


class OffsetClock(ConstantClock):
    """Another process' venue time: what its server last said, running on at ``speed`` since.

    A measurement that lies before what was already told does not turn time back: the clock stands until it is passed.
    """

    def __init__(self, server_now: datetime, speed: float, *, mono: Mono = time.monotonic) -> None:
        super().__init__(server_now, speed, mono=mono)
        self._told = self._anchor

    def now(self) -> datetime:
        """Venue time, UTC; never goes back."""
        self._told = max(self._told, super().now())
        return self._told

    def sync(self, server_now: datetime) -> None:
        """Take a fresh measurement of the server's time (already corrected by the caller for the way it travelled)."""
        self._anchor, self._anchor_host_s = _checked_start(server_now), self._mono()
