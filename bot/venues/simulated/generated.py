"""Owns the generated scenes, seeded functions of time, and which scene a setting means. No rule, no clock."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from pathlib import Path

import numpy as np

from bot.core.instruments import Market, base_of, is_swap
from bot.core.numbers import from_milliseconds, milliseconds
from bot.core.snapshot import Book, Feeds, Funding, MacroEvent
from bot.venues.simulated.market import COINS, SWAP_DEPTH, SWAP_TURNOVER, Coin, book, grids, markets, on_tick, touch
from bot.venues.simulated.paths import (
    BLOCK_HOURS,
    CHUNK_HOURS,
    DAY_HOURS,
    FUNDING_HOURS,
    HOUR_MS,
    MINUTES,
    Course,
    Floats,
    Paths,
    aggregated,
    bars_of,
)
from bot.venues.simulated.random_walk import RandomWalk
from bot.venues.simulated.scene import Scene, ScriptedFlow
from bot.venues.simulated.tape import TapeScene
from bot.venues.simulated.tour import FLOWS, Tour

# A Monday; the same for every seed, so that a seed is the same market for everybody.
START = datetime(2026, 1, 5, tzinfo=UTC)
HISTORY = timedelta(days=800)
FINE_HISTORY = timedelta(days=300)  # hours and minutes are served from here on, days from the beginning
MILLISECOND = timedelta(milliseconds=1)
MINUTE_MS = HOUR_MS // MINUTES
BLOCK_MS = BLOCK_HOURS * HOUR_MS
CHUNK_MS = CHUNK_HOURS * HOUR_MS
DAY_MS = DAY_HOURS * HOUR_MS
FRAMES_MS = {
    **{f"{minutes}m": minutes * MINUTE_MS for minutes in (1, 3, 5, 15, 30)},
    **{f"{hours}h": hours * HOUR_MS for hours in (1, 2, 4, 6, 8, 12)},
    "1d": DAY_MS,
}
KEPT_BARS = 1_024  # chunks of bars in memory, at most 60 kB each
BAR_COLUMNS = 6
FUNDING_DIGITS = 8

# The market beside our coins that dominance counts: moves with the other coins, and stands still.
OTHER_MOVING_CAP = 0.35e12
OTHER_STILL_CAP = 0.25e12
FEED_DAYS = 120
SENTIMENT_DAYS = 14
SENTIMENT_SLOPE = 220.0  # points per 100 % in those days
SENTIMENT_RANGE = (5.0, 95.0)
NARRATIVE_COINS = ("DOGE", "LINK")
EVENT_EVERY = timedelta(days=14)
FIRST_EVENT = timedelta(days=9, hours=18)
EVENT_LENGTH = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class _Where:
    """What a symbol is in the arrays: its coin and that one's number, its column, and the decimals of its price."""

    coin: Coin
    key: int
    column: int
    swap: bool
    digits: int


@dataclass(frozen=True, slots=True)
class _Points:
    """What feeds tell of some hours."""

    times: Sequence[float]
    dominance: Sequence[Decimal]
    sentiment: Mapping[str, Sequence[Decimal]]


class GeneratedScene:
    """A `Scene` whose every number follows from a seed and a course."""

    def __init__(
        self, course: Course, seed: int, coins: Sequence[Coin], start: datetime, flows: Sequence[ScriptedFlow] = ()
    ) -> None:
        self._start = start
        self._coins = {coin.name: coin for coin in coins}
        self._markets = markets(coins)
        self._grids = grids(coins)
        self._origin_ms = milliseconds(start - HISTORY)
        self._fine_ms = milliseconds(start - FINE_HISTORY)
        self._paths = Paths(seed, coins, course, self._origin_ms // HOUR_MS)
        self._flows = tuple(sorted(flows, key=lambda flow: flow.at))
        self._bars: OrderedDict[tuple[str, str, int], Floats] = OrderedDict()
        self._where = {symbol: self._found(symbol) for symbol in self._markets}
        self._asked: tuple[datetime, float] = (start, HISTORY / MILLISECOND)
        self._book = lru_cache(maxsize=256)(self._made_book)
        self._feeds = lru_cache(maxsize=4)(self._made_feeds)
        self._told = lru_cache(maxsize=4)(self._made_days)
        self._event = lru_cache(maxsize=8)(_event)
        self._premium = lru_cache(maxsize=1_024)(self._made_premium)

    @property
    def start(self) -> datetime:
        """When trading begins."""
        return self._start

    @property
    def end(self) -> datetime | None:
        """A generated market goes on for ever."""
        return None

    def markets(self) -> Mapping[str, Market]:
        """Filters and fees of every symbol."""
        return self._markets

    # ---- prices -------------------------------------------------------------------------------

    def price(self, symbol: str, at: datetime) -> Decimal | None:
        """Mid or mark price on the tick; None before the market's history and for a symbol it has not."""
        since_ms = self._since_ms(symbol, at)
        return None if since_ms is None else on_tick(self._mid(symbol, since_ms), self._grids[symbol].tick)

    def extremes(self, symbol: str, after: datetime, upto: datetime) -> tuple[Decimal, Decimal] | None:
        """Lowest and highest price on the way from `after` to `upto`; None where the symbol had no price."""
        upto_ms = self._since_ms(symbol, upto)
        if upto_ms is None or after >= upto:
            return None
        ends = (self._mid(symbol, self._since_ms(symbol, after) or 0.0), self._mid(symbol, upto_ms))
        lowest, highest = min(ends), max(ends)
        first = max(0, int((milliseconds(after) - self._origin_ms) // MINUTE_MS) + 1)
        last = int(upto_ms // MINUTE_MS)
        block_minutes = BLOCK_HOURS * MINUTES
        for block in range(first // block_minutes, last // block_minutes + 1):
            begins = max(first - block * block_minutes, 0)
            passed = self._minutes(symbol, block)[begins : min(last - block * block_minutes, block_minutes - 1) + 1]
            if passed.size:
                lowest, highest = min(lowest, float(passed.min())), max(highest, float(passed.max()))
        digits = self._grids[symbol].tick
        return on_tick(lowest, digits), on_tick(highest, digits)

    def book(self, symbol: str, at: datetime) -> Book | None:
        """26 levels a side around the price."""
        return self._book(symbol, at)

    def touch(self, symbol: str, at: datetime) -> tuple[Decimal | None, Decimal | None] | None:
        """The book's best bid and ask, without the rest of it."""
        since_ms = self._since_ms(symbol, at)
        if since_ms is None:
            return None
        return touch(self._mid(symbol, since_ms), self._spread(symbol, since_ms), self._grids[symbol])

    def _made_book(self, symbol: str, at: datetime) -> Book | None:
        since_ms = self._since_ms(symbol, at)
        if since_ms is None:
            return None
        where = self._where[symbol]
        chunk, row = self._paths.at(int(since_ms // HOUR_MS))
        depth = where.coin.depth * (SWAP_DEPTH if where.swap else 1.0) * float(chunk.depth[row, where.column])
        ripple = float(where.key % 997 + since_ms // MINUTE_MS % 10_007)
        spread = self._spread(symbol, since_ms)
        return book(self._mid(symbol, since_ms), spread, depth, self._grids[symbol], at, ripple)

    def _spread(self, symbol: str, since_ms: float) -> float:
        where = self._where[symbol]
        chunk, row = self._paths.at(int(since_ms // HOUR_MS))
        return where.coin.spread * float(chunk.spread[row, where.column])

    def _found(self, symbol: str) -> _Where:
        coin = self._coins[base_of(symbol)]
        digits = self._grids[symbol].tick
        return _Where(coin, coin.key, self._paths.column(coin.name), is_swap(symbol), digits)

    def _since_ms(self, symbol: str, at: datetime) -> float | None:
        """Milliseconds from the first hour to `at`, or None where the symbol has no price."""
        asked, since_ms = self._asked  # many symbols are asked for at one instant
        if at != asked:
            since_ms = (at - self._start + HISTORY) / MILLISECOND
            self._asked = (at, since_ms)
        return since_ms if since_ms >= 0 and symbol in self._where else None

    def _minutes(self, symbol: str, block: int) -> Floats:
        where = self._where[symbol]
        return self._paths.minutes(where.column, block, swap=where.swap, digits=where.digits)

    def _mid(self, symbol: str, since_ms: float) -> float:
        block, within_ms = divmod(since_ms, BLOCK_MS)
        minute, rest_ms = divmod(within_ms, MINUTE_MS)
        knots, first = self._minutes(symbol, int(block)), int(minute)
        before, after = knots[first : first + 2].tolist()
        mid: float = before + (after - before) * (rest_ms / MINUTE_MS)
        return round(mid, self._where[symbol].digits)

    # ---- candles and volume -------------------------------------------------------------------

    def candles(self, symbol: str, timeframe: str, since_ms: int, limit: int, at: datetime) -> Floats:
        """Up to `limit` bars (n, 6) begun by `at`; the last may be unfinished.

        Bars under a day begin 300 days before the start. Raises ValueError for a timeframe it does not know.
        """
        frame_ms = FRAMES_MS.get(timeframe)
        if frame_ms is None:
            raise ValueError(f"candles: timeframe {timeframe!r} is none of {', '.join(FRAMES_MS)}")
        at_ms = milliseconds(at)
        earliest = self._origin_ms if frame_ms == DAY_MS else self._fine_ms
        first = -(-max(since_ms, earliest) // frame_ms) * frame_ms
        running = at_ms // frame_ms * frame_ms  # the opening of the bar that `at` is in
        count = min(limit, (running - first) // frame_ms + 1)
        if symbol not in self._markets or count <= 0:
            return np.empty((0, BAR_COLUMNS))
        last = first + (count - 1) * frame_ms
        parts = [self._closed(symbol, timeframe, first, min(last, running - frame_ms))]
        if last == running:
            parts.append(self._unfinished(symbol, running, at_ms))
        return np.concatenate(parts)

    def _closed(self, symbol: str, timeframe: str, first_ms: int, last_ms: int) -> Floats:
        """The whole bars opened from `first_ms` to `last_ms`, both included."""
        if last_ms < first_ms:
            return np.empty((0, BAR_COLUMNS))
        frame_ms = FRAMES_MS[timeframe]
        step_ms = CHUNK_MS if frame_ms >= HOUR_MS else BLOCK_MS
        numbers = range((first_ms - self._origin_ms) // step_ms, (last_ms - self._origin_ms) // step_ms + 1)
        bars = np.concatenate([self._part(symbol, timeframe, number) for number in numbers])
        begins = (first_ms - self._origin_ms - numbers[0] * step_ms) // frame_ms
        return bars[begins : begins + (last_ms - first_ms) // frame_ms + 1]

    def _part(self, symbol: str, timeframe: str, number: int) -> Floats:
        """All bars of one chunk of hours; of one block where they are shorter than an hour."""
        key = (symbol, timeframe, number)
        found = self._bars.get(key)
        if found is not None:
            self._bars.move_to_end(key)
            return found
        frame_ms = FRAMES_MS[timeframe]
        if frame_ms > HOUR_MS:
            made = aggregated(self._part(symbol, "1h", number), frame_ms)
        elif frame_ms == HOUR_MS:
            blocks = CHUNK_HOURS // BLOCK_HOURS
            made = np.concatenate(
                [self._block_bars(symbol, number * blocks + block, MINUTES) for block in range(blocks)]
            )
        else:
            made = self._block_bars(symbol, number, frame_ms // MINUTE_MS)
        self._bars[key] = made
        if len(self._bars) > KEPT_BARS:
            self._bars.popitem(last=False)
        return made

    def _block_bars(self, symbol: str, block: int, frame_minutes: int) -> Floats:
        knots = self._minutes(symbol, block)
        volumes = np.repeat(self._hourly_volumes(symbol, block * BLOCK_HOURS, BLOCK_HOURS), MINUTES // frame_minutes)
        return bars_of(knots, self._origin_ms + block * BLOCK_MS, frame_minutes, volumes * frame_minutes / MINUTES)

    def _hourly_volumes(self, symbol: str, hour: int, count: int) -> Floats:
        """Base units traded in each of `count` hours of one chunk, in steps of the market."""
        where = self._where[symbol]
        chunk, row = self._paths.at(hour)
        times = SWAP_TURNOVER if where.swap else 1.0
        rows = slice(row, row + count)
        base = chunk.turnover[rows, where.column] * times / np.exp(chunk.logs[row + 1 : row + count + 1, where.column])
        steps: Floats = np.round(base, max(where.coin.spot_digits[1], where.coin.swap_digits[1]))
        return steps

    def _unfinished(self, symbol: str, opened_ms: int, at_ms: int) -> Floats:
        """The bar that runs: what it shows at `at_ms`."""
        opened, at = from_milliseconds(opened_ms), from_milliseconds(at_ms)
        opening = self._mid(symbol, opened_ms - self._origin_ms)
        closing = self._mid(symbol, at_ms - self._origin_ms)
        seen = self.extremes(symbol, opened, at)
        lowest, highest = (opening, opening) if seen is None else (float(seen[0]), float(seen[1]))
        volume = 0.0
        for hour in range((opened_ms - self._origin_ms) // HOUR_MS, (at_ms - self._origin_ms) // HOUR_MS + 1):
            begins = self._origin_ms + hour * HOUR_MS
            share = (min(at_ms, begins + HOUR_MS) - max(opened_ms, begins)) / HOUR_MS
            volume += share * float(self._hourly_volumes(symbol, hour, 1)[0])
        return np.array([[opened_ms, opening, max(opening, highest), min(opening, lowest), closing, volume]])

    def quote_volume(self, symbol: str, at: datetime) -> Decimal:
        """Traded in the last 24 h, USDT; 0 where nothing trades."""
        since_ms = self._since_ms(symbol, at)
        if since_ms is None:
            return Decimal(0)
        traded = self._traded(symbol, since_ms) - self._traded(symbol, max(0.0, since_ms - DAY_MS))
        return on_tick(traded * (SWAP_TURNOVER if is_swap(symbol) else 1.0), 0)

    def _traded(self, symbol: str, since_ms: float) -> float:
        hour, rest_ms = divmod(since_ms, HOUR_MS)
        chunk, row = self._paths.at(int(hour))
        column = self._where[symbol].column
        return float(chunk.traded[row, column]) + float(chunk.turnover[row, column]) * rest_ms / HOUR_MS

    # ---- funding ------------------------------------------------------------------------------

    def funding(self, symbol: str, at: datetime) -> Funding | None:
        """The running interval's mean premium so far: what the next settlement charges if nothing changes."""
        since_ms = self._since_ms(symbol, at)
        if since_ms is None or not is_swap(symbol):
            return None
        hour = int(since_ms // HOUR_MS)
        began = hour // FUNDING_HOURS * FUNDING_HOURS
        rate = self._premium(symbol, began, hour + 1)
        next_at = from_milliseconds(self._origin_ms + (began + FUNDING_HOURS) * HOUR_MS)
        return Funding(rate=rate, interval_hours=Decimal(FUNDING_HOURS), next_at=next_at, predicted=rate, at=at)

    def settled(self, symbol: str, after: datetime, upto: datetime) -> Sequence[tuple[datetime, Decimal]]:
        """Settlements in (after, upto]: each charges the mean premium of the 8 h before it."""
        upto_ms = self._since_ms(symbol, upto)
        if upto_ms is None or not is_swap(symbol):
            return ()
        interval_ms = FUNDING_HOURS * HOUR_MS
        first = max(1, int((milliseconds(after) - self._origin_ms) // interval_ms) + 1)
        if upto_ms < first * interval_ms:
            return ()
        return [
            (
                from_milliseconds(self._origin_ms + number * interval_ms),
                self._premium(symbol, (number - 1) * FUNDING_HOURS, number * FUNDING_HOURS),
            )
            for number in range(first, int(upto_ms // interval_ms) + 1)
        ]

    def _made_premium(self, symbol: str, first_hour: int, end_hour: int) -> Decimal:
        chunk, row = self._paths.at(first_hour)
        column = self._where[symbol].column
        return on_tick(float(chunk.premium[row : row + end_hour - first_hour, column].mean()), FUNDING_DIGITS)

    # ---- what is told from outside ------------------------------------------------------------

    def feeds(self, at: datetime) -> Feeds:
        """Dominance and sentiment as the prices imply them (daily points and one of the last hour), and a calendar."""
        hour = int((at - self._start + HISTORY) // timedelta(hours=1))
        return self._feeds(hour) if hour >= 0 else Feeds()

    def _made_feeds(self, hour: int) -> Feeds:
        """The days up to the last midnight, told once a day, and the hour itself where it is none."""
        midnight = hour // DAY_HOURS * DAY_HOURS
        days = self._told(midnight)
        newest = self._points_of([hour] if hour != midnight and hour >= SENTIMENT_DAYS * DAY_HOURS else [])
        times = (*days.times, *newest.times)
        if not times:
            return Feeds()
        return Feeds.model_construct(
            dominance=tuple(zip(times, (*days.dominance, *newest.dominance), strict=True)),
            sentiment={
                name: tuple(zip(times, (*days.sentiment[name], *newest.sentiment[name]), strict=True))
                for name in self._sentiments()
            },
            macro=self._calendar(from_milliseconds(times[-1])),
        )

    def _made_days(self, midnight: int) -> _Points:
        asked = range(midnight - FEED_DAYS * DAY_HOURS, midnight + 1, DAY_HOURS)
        return self._points_of([each for each in asked if each >= SENTIMENT_DAYS * DAY_HOURS])

    def _sentiments(self) -> list[str]:
        return ["market", *(["narratives"] if any(name in self._coins for name in NARRATIVE_COINS) else [])]

    def _points_of(self, hours: Sequence[int]) -> _Points:
        if not hours:
            return _Points([], [], {name: [] for name in self._sentiments()})
        now, before = self._logs(hours), self._logs([each - SENTIMENT_DAYS * DAY_HOURS for each in hours])
        moved = np.exp(now - before) - 1
        names = list(self._coins)
        narrative = [names.index(name) for name in NARRATIVE_COINS if name in names]
        sentiment = {"market": _sentiment(moved[:, 0])}
        if narrative:
            sentiment["narratives"] = _sentiment(moved[:, narrative].mean(axis=1))
        times = [float(self._origin_ms + each * HOUR_MS) for each in hours]
        return _Points(times, _points(self._dominance(now)), sentiment)

    def _logs(self, hours: Sequence[int]) -> Floats:
        found = (self._paths.at(hour) for hour in hours)
        return np.array([chunk.logs[row] for chunk, row in found])

    def _dominance(self, logs: Floats) -> Floats:
        """The first coin's share of the whole market, percent."""
        coins = list(self._coins.values())
        caps = np.exp(logs) * np.array([coin.supply for coin in coins])
        usual = sum(coin.supply * coin.price for coin in coins[1:])
        others = caps[:, 1:].sum(axis=1)
        whole = caps[:, 0] + others * (1 + OTHER_MOVING_CAP / usual) + OTHER_STILL_CAP
        share: Floats = 100 * caps[:, 0] / whole
        return share

    def _calendar(self, at: datetime) -> tuple[MacroEvent, ...]:
        """Events of the weeks around: told in advance, as real ones are."""
        first = self._start + FIRST_EVENT
        nearest = (at - first) // EVENT_EVERY
        begins = [first + EVENT_EVERY * number for number in (nearest, nearest + 1)]
        return tuple(self._event(when) for when in begins if when >= first)

    def flows(self, after: datetime, upto: datetime) -> Sequence[ScriptedFlow]:
        """Deposits and withdrawals in (after, upto]."""
        return [flow for flow in self._flows if after < flow.at <= upto]


def _event(when: datetime) -> MacroEvent:
    return MacroEvent(name="interest rate decision", start=when, end=when + EVENT_LENGTH, impact="high")


def _sentiment(moved: Floats) -> list[Decimal]:
    return _points(np.clip(50 + SENTIMENT_SLOPE * moved, *SENTIMENT_RANGE))


def _points(values: Floats) -> list[Decimal]:
    return [on_tick(value, 2) for value in values.tolist()]


def tour(seed: int, start: datetime = START) -> GeneratedScene:
    """The scripted demonstration; `start` is taken to its midnight (UTC)."""
    start = _midnight(start)
    flows = [
        ScriptedFlow(start + timedelta(days=day), asset, amount, "deposit" if amount > 0 else "withdrawal")
        for day, asset, amount in FLOWS
    ]
    return GeneratedScene(Tour(seed, COINS), seed, COINS, start, flows)


def random(seed: int, start: datetime = START) -> GeneratedScene:
    """A market of chance; `start` is taken to its midnight (UTC)."""
    return GeneratedScene(RandomWalk(seed, COINS), seed, COINS, _midnight(start))


def _midnight(start: datetime) -> datetime:
    return start.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def make_scene(scenario: str, seed: int, tape: Path | None = None, start: datetime | None = None) -> Scene:
    """The scene that settings mean: a tape where one is named, else the scenario.

    Raises ValueError in one line: an unknown scenario, or a tape that cannot be played (`TapeError`).
    """
    if tape is not None:
        return TapeScene(tape, start)
    if scenario == "tour":
        return tour(seed, start or START)
    if scenario == "random":
        return random(seed, start or START)
    raise ValueError(
        f"local.scenario: {scenario!r} is not known, must be tour or random (or name a folder in local.tape)"
    )
