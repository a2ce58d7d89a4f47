"""Owns the tape: recorded hourly candles and funding played as a scene. Invents nothing that was not recorded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bot.core.instruments import Market, base_of, is_swap, spot_symbol, swap_symbol
from bot.core.numbers import from_milliseconds, milliseconds, utc_text
from bot.core.snapshot import Book, Feeds, Funding
from bot.venues.simulated.columns import Asked, Columns, columns, near_shares
from bot.venues.simulated.market import CURRENCY, Floats, Grid, book, on_tick, spot_market, swap_market
from bot.venues.simulated.paths import DAY_HOURS, HOUR_MS, aggregated
from bot.venues.simulated.recordings import Rates, TapeError, in_utc, read_candles, read_funding
from bot.venues.simulated.scene import ScriptedFlow, top_of

FRAMES_MS = {f"{hours}h": hours * HOUR_MS for hours in (1, 2, 4, 6, 8, 12)} | {"1d": DAY_HOURS * HOUR_MS}
BAR_COLUMNS = 6
OPEN, HIGH, LOW, CLOSE, VOLUME = range(1, 6)
DAY_MS = DAY_HOURS * HOUR_MS
THIRD_MS = HOUR_MS // 3
# After the last bar before a gap its close still counts as the price, this long.
STALE_MS = 2 * HOUR_MS
# Without a start: after the bars that a regime of 200 days needs, or in the middle of a shorter tape.
WARM_UP = timedelta(days=210)

CALM_RANGE = 0.02  # an hour's range beyond which spreads widen in proportion
WIDEST = 5.0
LEAST_NOTIONAL = 5
PRICE_DIGITS = 7  # significant, at the lowest price recorded
MOST_DECIMALS = 8
MAINTENANCE = ((1e9, "0.004"), (1e8, "0.0065"), (0.0, "0.01"))
FUNDING_TOLERANCE = 1.5  # intervals without a record after which the rate is unknown


@dataclass(frozen=True, slots=True)
class BookModel:
    """How books, which were not recorded, are made of turnover in 24 h (USDT).

    ``spreads``: (turnover, spread from there on), largest first; never under two ticks. ``depth_share``: of the
    turnover rests within 0.5 % of the mid on each side.
    """

    spreads: tuple[tuple[float, float], ...] = ((1e9, 1e-4), (1e8, 2e-4), (1e7, 5e-4), (0.0, 1.5e-3))
    depth_share: float = 0.001


USUAL_BOOKS = BookModel()


@dataclass(frozen=True, slots=True, eq=False)
class _Reel:
    """One coin's recording: bars (n, 6), turnover of all bars before each (n + 1,), and its grids."""

    bars: Floats
    traded: Floats
    spot: Grid
    swap: Grid
    maintenance: str


class TapeScene:
    """A `Scene` out of a folder of recordings (see `recordings`); spot and perpetual trade at the same prices.

    Within an hour the price goes straight from the open to the low, the high and the close (falling hours: the high
    first), so that every instant has a price and no extreme is missed.
    """

    def __init__(self, folder: Path, start: datetime | str | None = None, *, model: BookModel = USUAL_BOOKS) -> None:
        """Raise `TapeError` where the folder holds nothing that can be played, or `start` lies outside of it."""
        self._reels = {name: _reel(bars) for name, bars in read_candles(folder).items()}
        self._rates = read_funding(folder)
        self._model = model
        first_ms = min(reel.bars[0, 0] for reel in self._reels.values())
        last_ms = max(reel.bars[-1, 0] for reel in self._reels.values())
        self._end = from_milliseconds(last_ms + HOUR_MS)
        first = from_milliseconds(first_ms)
        self._start = min(first + WARM_UP, first + (self._end - first) / 2) if start is None else in_utc(start)
        if not first <= self._start < self._end:
            raise TapeError(
                f"local.start: {utc_text(self._start)} is outside the tape {folder}, "
                f"must be from {utc_text(first)} to {utc_text(self._end)}"
            )
        self._frames: dict[tuple[str, int], Floats] = {}
        self._shares: tuple[NDArray[np.int64], tuple[Floats, Floats]] | None = None  # of the hours asked for last
        self._book = lru_cache(maxsize=256)(self._made_book)

    @property
    def start(self) -> datetime:
        """When trading begins."""
        return self._start

    @property
    def end(self) -> datetime | None:
        """The close of the last recorded bar."""
        return self._end

    def markets(self) -> Mapping[str, Market]:
        """Filters and fees: fees of a usual venue, steps and ticks from how large the recorded prices are."""
        made: dict[str, Market] = {}
        for name, reel in self._reels.items():
            made[spot_symbol(name, CURRENCY)] = spot_market(reel.spot, LEAST_NOTIONAL)
            made[swap_symbol(name, CURRENCY)] = swap_market(reel.swap, LEAST_NOTIONAL, reel.maintenance)
        return made

    def _reel(self, symbol: str) -> _Reel | None:
        name = base_of(symbol)
        return self._reels.get(name) if symbol in (spot_symbol(name, CURRENCY), swap_symbol(name, CURRENCY)) else None

    # ---- prices -------------------------------------------------------------------------------

    def price(self, symbol: str, at: datetime) -> Decimal | None:
        """The recorded price, on the tick; None before the recording, after it and inside a long gap."""
        reel = self._reel(symbol)
        value = None if reel is None else _mid(reel, milliseconds(at))
        return None if reel is None or value is None else on_tick(value, reel.spot.tick)

    def touch(self, symbol: str, at: datetime) -> tuple[Decimal | None, Decimal | None] | None:
        """The book's top."""
        return top_of(self.book(symbol, at))

    def extremes(self, symbol: str, after: datetime, upto: datetime) -> tuple[Decimal, Decimal] | None:
        """Lowest and highest price on the way from `after` to `upto`; None where nothing was recorded."""
        reel = self._reel(symbol)
        if reel is None or after >= upto:
            return None
        after_ms, upto_ms = milliseconds(after), milliseconds(upto)
        ends = [price for price in (_mid(reel, after_ms), _mid(reel, upto_ms)) if price is not None]
        passed = np.append(_passed(reel, after_ms, upto_ms), ends)
        if not passed.size:
            return None
        return on_tick(float(passed.min()), reel.spot.tick), on_tick(float(passed.max()), reel.spot.tick)

    def book(self, symbol: str, at: datetime) -> Book | None:
        """A book around the price: depth a share of the turnover, spread by turnover and the last hour's range."""
        return self._book(symbol, at)

    def _made_book(self, symbol: str, at: datetime) -> Book | None:
        reel, at_ms = self._reel(symbol), milliseconds(at)
        mid = None if reel is None else _mid(reel, at_ms)
        if reel is None or mid is None:
            return None
        turnover = _turnover(reel, at_ms)
        if turnover <= 0:
            return None
        closed = int(np.searchsorted(reel.bars[:, 0], at_ms - HOUR_MS, side="right")) - 1
        width = 1.0
        if closed >= 0:
            bar = reel.bars[closed]
            width = min(WIDEST, max(1.0, float((bar[HIGH] - bar[LOW]) / bar[CLOSE]) / CALM_RANGE))
        spread = next(spread for least, spread in self._model.spreads if turnover >= least) * width
        grid = reel.swap if is_swap(symbol) else reel.spot
        return book(mid, spread, turnover * self._model.depth_share, grid, at, float(at_ms // 60_000 % 10_007))

    def columns(self, symbol: str, times_ms: NDArray[np.int64], within: Decimal) -> Columns | None:
        """What `book` shows at many full hours at once; no quote in an hour that was not recorded."""
        reel = self._reel(symbol)
        if reel is None:
            return None
        grid = reel.swap if is_swap(symbol) else reel.spot
        if self._shares is None or self._shares[0] is not times_ms:
            self._shares = (times_ms, near_shares(times_ms, within))
        return columns(_asked(reel, times_ms, self._model), self._shares[1], grid.tick, grid.step, within)

    # ---- candles and volume -------------------------------------------------------------------

    def candles(self, symbol: str, timeframe: str, since_ms: int, limit: int, at: datetime) -> Floats:
        """Up to `limit` bars (n, 6) begun by `at`, gaps left out; raises ValueError for a timeframe a tape has not."""
        frame_ms = FRAMES_MS.get(timeframe)
        if frame_ms is None:
            raise ValueError(f"candles: timeframe {timeframe!r}: the tape is hourly and gives {', '.join(FRAMES_MS)}")
        reel = self._reel(symbol)
        if reel is None or limit <= 0:
            return np.empty((0, BAR_COLUMNS))
        at_ms = milliseconds(at)
        running = at_ms // frame_ms * frame_ms
        whole = self._whole(base_of(symbol), reel, frame_ms)
        first, last = np.searchsorted(whole[:, 0], [since_ms, running])
        served = whole[first : min(last, first + limit)]
        if len(served) < limit and running >= since_ms:
            served = np.concatenate((served, _unfinished(reel, running, at_ms, frame_ms)))
        return served.copy()

    def _whole(self, name: str, reel: _Reel, frame_ms: int) -> Floats:
        if frame_ms == HOUR_MS:
            return reel.bars
        key = (name, frame_ms)
        if key not in self._frames:
            self._frames[key] = aggregated(reel.bars, frame_ms)
        return self._frames[key]

    def quote_volume(self, symbol: str, at: datetime) -> Decimal:
        """Traded in the last 24 h, USDT; 0 where nothing traded."""
        reel = self._reel(symbol)
        return Decimal(0) if reel is None else on_tick(_turnover(reel, milliseconds(at)), 0)

    # ---- funding and the rest -----------------------------------------------------------------

    def funding(self, symbol: str, at: datetime) -> Funding | None:
        """The last settled rate, for what comes next is not known yet; None where no rate was recorded lately."""
        rates = self.rates(symbol)
        if rates is None:
            return None
        at_ms = milliseconds(at)
        row = int(np.searchsorted(rates.times_ms, at_ms, side="right")) - 1
        if row < 0:
            return None
        interval_ms = int(rates.intervals_ms[row])
        last_ms = int(rates.times_ms[row])
        if at_ms - last_ms > FUNDING_TOLERANCE * interval_ms:
            return None
        rate = rates.rates[row]
        hours = Decimal(interval_ms) / HOUR_MS
        next_at = from_milliseconds(last_ms + interval_ms)
        return Funding(rate=rate, interval_hours=hours, next_at=max(next_at, at), predicted=rate, at=at)

    def settled(self, symbol: str, after: datetime, upto: datetime) -> Sequence[tuple[datetime, Decimal]]:
        """Recorded settlements in (after, upto]."""
        rates = self.rates(symbol)
        if rates is None:
            return ()
        bounds = [milliseconds(after), milliseconds(upto)]
        first, last = np.searchsorted(rates.times_ms, bounds, side="right")
        return [(from_milliseconds(int(rates.times_ms[row])), rates.rates[row]) for row in range(first, last)]

    def rates(self, symbol: str) -> Rates | None:
        """All recorded settlements of a perpetual; None where there are none."""
        return self._rates.get(base_of(symbol)) if is_swap(symbol) and self._reel(symbol) is not None else None

    def feeds(self, at: datetime) -> Feeds:  # noqa: ARG002 - a scene is asked for an instant
        """Nothing was recorded: all unknown."""
        return Feeds()

    def flows(self, after: datetime, upto: datetime) -> Sequence[ScriptedFlow]:  # noqa: ARG002 - as above
        """A tape has no flows."""
        return ()


# ---- one reel ---------------------------------------------------------------------------------


def _reel(bars: Floats) -> _Reel:
    """Grids from how large prices are: ticks from the lowest, so that none is ever coarse; steps from the median."""
    lowest, median = float(bars[:, LOW].min()), float(np.median(bars[:, CLOSE]))
    tick = int(np.clip(PRICE_DIGITS - 1 - np.floor(np.log10(lowest)), 0, MOST_DECIMALS))
    bars[:, OPEN:VOLUME] = np.maximum(np.round(bars[:, OPEN:VOLUME], tick), 10.0**-tick)
    magnitude = int(np.floor(np.log10(median)))
    turnover = bars[:, VOLUME] * bars[:, OPEN:VOLUME].mean(axis=1)
    usual = float(np.median(turnover)) * DAY_HOURS
    bars.setflags(write=False)
    return _Reel(
        bars=bars,
        traded=np.concatenate(([0.0], np.cumsum(turnover))),
        spot=Grid(tick, max(0, magnitude + 1)),
        swap=Grid(tick, max(0, magnitude)),
        maintenance=next(rate for least, rate in MAINTENANCE if usual >= least),
    )


def _way(bars: Floats) -> Floats:
    """Where the price stands at 0, 20, 40 and 60 minutes of each hour, (n, 4)."""
    rising = bars[:, CLOSE] >= bars[:, OPEN]
    second, third = np.where(rising, bars[:, LOW], bars[:, HIGH]), np.where(rising, bars[:, HIGH], bars[:, LOW])
    return np.column_stack((bars[:, OPEN], second, third, bars[:, CLOSE]))


def _row(reel: _Reel, at_ms: int) -> int:
    """The row of the last bar begun by an instant, -1 where there is none."""
    return int(np.searchsorted(reel.bars[:, 0], at_ms, side="right")) - 1


def _mid(reel: _Reel, at_ms: int) -> float | None:
    row = _row(reel, at_ms)
    if row < 0:
        return None
    bar = reel.bars[row]
    into_ms = at_ms - int(bar[0])
    if into_ms >= HOUR_MS:
        return float(bar[CLOSE]) if into_ms <= HOUR_MS + STALE_MS else None
    way = _way(bar[None])[0]
    leg, rest_ms = divmod(into_ms, THIRD_MS)
    return round(float(way[leg] + (way[leg + 1] - way[leg]) * (rest_ms / THIRD_MS)), reel.spot.tick)


def _passed(reel: _Reel, after_ms: int, upto_ms: int) -> Floats:
    """The turning points of the path in (after, upto]."""
    bars = reel.bars[max(0, _row(reel, after_ms)) : _row(reel, upto_ms) + 1]
    times = bars[:, :1] + np.arange(4) * THIRD_MS
    return _way(bars)[(times > after_ms) & (times <= upto_ms)]


def _unfinished(reel: _Reel, opened_ms: int, at_ms: int, frame_ms: int) -> Floats:
    """The bar that runs, (1, 6), of what was recorded up to `at_ms`; (0, 6) where nothing was."""
    first = int(np.searchsorted(reel.bars[:, 0], opened_ms))
    last = _row(reel, at_ms)
    bars = reel.bars[first : last + 1].copy()
    if len(bars) and at_ms - bars[-1, 0] < HOUR_MS:
        running = bars[-1]
        price = _mid(reel, at_ms)
        passed = np.append(
            _passed(reel, int(running[0]), at_ms), [running[OPEN], running[OPEN] if price is None else price]
        )
        share = (at_ms - running[0]) / HOUR_MS
        running[OPEN + 1 :] = passed.max(), passed.min(), passed[-1], running[VOLUME] * share
    return aggregated(bars, frame_ms)


def _asked(reel: _Reel, times_ms: NDArray[np.int64], model: BookModel) -> Asked:
    """What the books at these full hours are made of, as `TapeScene.book` makes each."""
    bars = reel.bars
    row = np.searchsorted(bars[:, 0], times_ms, side="right") - 1
    into_ms = times_ms - bars[row, 0]
    price = np.where(into_ms >= HOUR_MS, bars[row, CLOSE], bars[row, OPEN])
    price = np.where((row >= 0) & (into_ms <= HOUR_MS + STALE_MS), price, 0.0)
    day = np.searchsorted(bars[:, 0], times_ms - DAY_MS, side="right") - 1
    share = np.minimum(1.0, (times_ms - DAY_MS - bars[day, 0]) / HOUR_MS)
    before = np.where(day >= 0, reel.traded[day] + (reel.traded[day + 1] - reel.traded[day]) * share, 0.0)
    part = np.minimum(1.0, into_ms / HOUR_MS)
    turnover = reel.traded[row] + (reel.traded[row + 1] - reel.traded[row]) * part - before
    closed = np.searchsorted(bars[:, 0], times_ms - HOUR_MS, side="right") - 1
    span = (bars[closed, HIGH] - bars[closed, LOW]) / bars[closed, CLOSE] / CALM_RANGE
    width = np.where(closed >= 0, np.minimum(WIDEST, np.maximum(1.0, span)), 1.0)
    over = [turnover >= least for least, _ in model.spreads]
    spread = np.select(over, [spread for _, spread in model.spreads], model.spreads[-1][1])
    return Asked(price, np.where(turnover > 0, price, 0.0), spread * width, turnover * model.depth_share)


def _turnover(reel: _Reel, at_ms: int) -> float:
    """Quote currency traded in the 24 h before an instant."""
    return _traded(reel, at_ms) - _traded(reel, at_ms - DAY_MS)


def _traded(reel: _Reel, at_ms: int) -> float:
    row = _row(reel, at_ms)
    if row < 0:
        return 0.0
    share = min(1.0, (at_ms - float(reel.bars[row, 0])) / HOUR_MS)
    return float(reel.traded[row] + (reel.traded[row + 1] - reel.traded[row]) * share)
