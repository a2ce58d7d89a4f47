"""Owns the funding rates settled so far: a window once, then only what was settled since. Decides nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.core.numbers import from_milliseconds, milliseconds
from bot.core.snapshot import Funding, Point
from bot.ports.venue import Gap, MarketData

AGAIN = timedelta(minutes=5)  # venue time until the next question where a settlement is due and not told yet
UNHEARD = timedelta(hours=1)  # and where nobody says when the next one is
STALE = timedelta(days=1)  # without an answer for so long, the newest rates are unknown


@dataclass(slots=True)
class _Known:
    points: tuple[Point, ...]
    due: datetime
    told_at: datetime
    failure: str = ""


class FundingRates:
    """Settled rates by perpetual, oldest first; a venue is asked once per symbol and settlement."""

    def __init__(self, market: MarketData) -> None:
        self._market = market
        self._known: dict[str, _Known] = {}

    async def points(
        self, symbol: str, at: datetime, window: timedelta, now: Funding | None
    ) -> tuple[Point, ...] | Gap:
        """The rates of ``window`` before ``at``. ``now``: its funding as just read, which says when the next is due."""
        known = self._known.get(symbol)
        if known is None or at >= known.due:
            known = await self._asked(symbol, at, window, now, known)
        if known.failure and at - known.told_at >= STALE:
            return Gap(f"funding history {symbol}", known.failure)
        first_ms = milliseconds(at - window)
        if known.points and known.points[0][0] < first_ms:  # else the very same: what was worked out of it stays known
            known.points = tuple(point for point in known.points if point[0] >= first_ms)
        return known.points

    async def _asked(
        self, symbol: str, at: datetime, window: timedelta, now: Funding | None, known: _Known | None
    ) -> _Known:
        before = known.points if known else ()
        since = from_milliseconds(before[-1][0]) if before else at - window
        found = await self._market.funding_history(symbol, since)
        if isinstance(found, Gap):
            made = known or _Known((), at, at - STALE)
            made.due, made.failure = at + AGAIN, found.why
        else:
            news = tuple(point for point in found if not before or point[0] > before[-1][0])
            made = _Known((*before, *news), at + AGAIN, at)
            if news or known is None:
                made.due = now.next_at if now and now.next_at and now.next_at > at else at + UNHEARD
        self._known[symbol] = made
        return made
