"""Owns the candles read so far: whole windows once, then only the newest bars. Decides nothing about them."""

from __future__ import annotations

from datetime import timedelta
from weakref import WeakValueDictionary

import numpy as np
from numpy.typing import NDArray

from bot.core.numbers import from_milliseconds
from bot.core.policy import Timeframe, parse_duration
from bot.core.snapshot import bars_digest
from bot.ports.venue import Gap, MarketData

Bars = NDArray[np.float64]
PAGES_MAX = 6
SECOND_MS = 1000


#: Bars that some portfolio of this process holds, by what is in them: those of the same market hold the same ones.
_HELD: WeakValueDictionary[str, Bars] = WeakValueDictionary()


def _one_of(bars: Bars) -> Bars:
    """The very array that another portfolio has, where it is equal to this one."""
    return _HELD.setdefault(bars_digest(bars), bars)


class CandleCache:
    """Bars by symbol and timeframe, oldest first, read-only; at most ``keep`` of each."""

    def __init__(self, market: MarketData) -> None:
        self._market = market
        self._bars: dict[tuple[str, str], Bars] = {}

    async def bars(self, symbol: str, timeframe: Timeframe, at_ms: int, keep: int) -> Bars | Gap:
        """The newest ``keep`` closed bars by ``at_ms``; asks only when one has closed since the last answer."""
        length_ms = int(parse_duration(timeframe) / timedelta(milliseconds=1))
        newest_ms = at_ms // length_ms * length_ms - length_ms
        known = self._bars.get((symbol, timeframe))
        if known is not None and len(known) and known[-1, 0] >= newest_ms:
            return known
        if known is None or not len(known):
            fresh = await self._whole(symbol, timeframe, newest_ms - (keep - 1) * length_ms, keep, length_ms)
        else:
            fresh = await self._newer(symbol, timeframe, known, keep, length_ms)
        if isinstance(fresh, Gap):
            return fresh
        made = np.ascontiguousarray(fresh[-keep:])
        made.setflags(write=False)
        made = _one_of(made)
        self._bars[symbol, timeframe] = made
        return made

    async def _newer(self, symbol: str, timeframe: Timeframe, known: Bars, keep: int, length_ms: int) -> Bars | Gap:
        """The last known bar again (a venue may correct it) and what closed since; a hole between is read anew."""
        last_ms = float(known[-1, 0])
        news = await self._market.candles(symbol, timeframe, from_milliseconds(last_ms), keep)
        if isinstance(news, Gap):
            return news
        if not len(news):
            return known
        if news[0, 0] > last_ms + length_ms or len(news) >= keep:
            self._bars.pop((symbol, timeframe), None)
            start_ms = float(news[-1, 0]) - (keep - 1) * length_ms
            return await self._whole(symbol, timeframe, start_ms, keep, length_ms)
        return np.concatenate([known[known[:, 0] < news[0, 0]], news])

    async def _whole(self, symbol: str, timeframe: Timeframe, start_ms: float, keep: int, length_ms: int) -> Bars | Gap:
        """From ``start_ms`` on, page by page: venues give fewer bars at a time than we need."""
        pages: list[Bars] = []
        count = 0
        for _ in range(PAGES_MAX):
            page = await self._market.candles(symbol, timeframe, from_milliseconds(start_ms), keep - count)
            if isinstance(page, Gap):
                return page
            if not len(page):
                break
            pages.append(page)
            count += len(page)
            start_ms = float(page[-1, 0]) + length_ms
            if count >= keep:
                break
        if not pages:
            return Gap(f"candles {symbol} {timeframe}", "the venue has none")
        return np.concatenate(pages)
