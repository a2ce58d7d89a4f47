"""Owns the generated path of every coin: hours from a course, minutes by a bridge; the same in any order of asking."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from bot.venues.simulated.market import Coin, seasons

Floats = NDArray[np.float64]

HOUR_MS = 3_600_000
MINUTES = 60
DAY_HOURS = 24
FUNDING_HOURS = 8
CHUNK_HOURS = 1_200  # 50 days: every timeframe up to a day, and every funding interval, ends with it
BLOCK_HOURS = 120
KEPT_BLOCKS = 64
VOLUME_NOISE = 0.22  # standard deviation of the log of an hour's volume
CARRY_LIMIT = 0.003  # a perpetual strays this far from spot at most, as a fraction

# Which stream of the seed: one seed gives independent numbers to each of these.
VOLUME, BRIDGE, SCRIPT, WALK = range(4)


def stream(seed: int, *parts: int) -> np.random.Generator:
    """Independent random numbers for `parts` of a seed, the same whenever and in whatever order they are asked for."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence((seed % 2**63, *parts))))


@dataclass(frozen=True, slots=True, eq=False)
class Stretch:
    """What a course says of consecutive hours; every array is (hours, coins).

    `returns` are log returns; `wobble` the volatility within the hour (per hour); `activity`, `spread`, `depth`
    multiples of the coin's usual; `premium` the funding rate that the hour calls for, per 8 h.
    """

    returns: Floats
    wobble: Floats
    activity: Floats
    spread: Floats
    depth: Floats
    premium: Floats


def joined(parts: Sequence[Stretch]) -> Stretch:
    """Stretches one after another as one."""
    return Stretch(
        returns=np.concatenate([part.returns for part in parts]),
        wobble=np.concatenate([part.wobble for part in parts]),
        activity=np.concatenate([part.activity for part in parts]),
        spread=np.concatenate([part.spread for part in parts]),
        depth=np.concatenate([part.depth for part in parts]),
        premium=np.concatenate([part.premium for part in parts]),
    )


class Course(Protocol):
    """Where the market goes: a script or a walk."""

    def beginning(self) -> Floats:
        """Log prices (coins,) at the first hour."""
        ...

    def stretches(self) -> Iterator[Stretch]:
        """One chunk of `CHUNK_HOURS` after another, for ever; every call begins anew and says the same."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Chunk:
    """The hours of one chunk as they came out.

    `logs`, `carry` (log of perpetual over spot) and `traded` (spot turnover since the first hour) stand at the hours'
    bounds, (hours + 1, coins); the others are (hours, coins), `turnover` in quote currency.
    """

    logs: Floats
    carry: Floats
    traded: Floats
    turnover: Floats
    wobble: Floats
    spread: Floats
    depth: Floats
    premium: Floats


class Paths:
    """Hourly and minute paths of the coins from `first_hour` (hours since the epoch, a midnight) on."""

    def __init__(self, seed: int, coins: Sequence[Coin], course: Course, first_hour: int) -> None:
        self.first_hour = first_hour
        self._seed = seed
        self._coins = tuple(coins)
        self._column = {coin.name: column for column, coin in enumerate(coins)}
        self._beginning = course.beginning()
        self._course = course.stretches()
        self._chunks: list[Chunk] = []
        self._blocks: OrderedDict[tuple[int, bool, int], Floats] = OrderedDict()
        self._turnover = np.array([coin.turnover for coin in coins]) / DAY_HOURS

    def column(self, name: str) -> int:
        """The coin's column in every array."""
        return self._column[name]

    def chunk(self, number: int) -> Chunk:
        """Chunk `number`, made from its predecessors when first asked for."""
        while len(self._chunks) <= number:
            self._chunks.append(self._make(len(self._chunks), next(self._course)))
        return self._chunks[number]

    def at(self, hour: int) -> tuple[Chunk, int]:
        """The chunk that holds `hour` (counted from the first) and its row there."""
        number, row = divmod(hour, CHUNK_HOURS)
        return self.chunk(number), row

    def _make(self, number: int, stretch: Stretch) -> Chunk:
        before = self._chunks[-1] if self._chunks else None
        opening = self._beginning if before is None else before.logs[-1]
        logs = opening + np.concatenate((np.zeros((1, opening.size)), np.cumsum(stretch.returns, axis=0)))
        first_premium = stretch.premium[:1] if before is None else before.premium[-1:]
        carry = np.clip(np.concatenate((first_premium, stretch.premium)), -CARRY_LIMIT, CARRY_LIMIT)
        noise = stream(self._seed, VOLUME, number).standard_normal(stretch.returns.shape)
        season = seasons(self.first_hour + number * CHUNK_HOURS, CHUNK_HOURS)[:, None]
        turnover = self._turnover * season * stretch.activity * np.exp(VOLUME_NOISE * noise - VOLUME_NOISE**2 / 2)
        traded_before = np.zeros((1, opening.size)) if before is None else before.traded[-1:]
        return Chunk(
            logs=logs,
            carry=carry,
            traded=np.concatenate((traded_before, traded_before + np.cumsum(turnover, axis=0))),
            turnover=turnover,
            wobble=stretch.wobble,
            spread=stretch.spread,
            depth=stretch.depth,
            premium=stretch.premium,
        )

    def minutes(self, column: int, block: int, *, swap: bool, digits: int) -> Floats:
        """Prices on the tick at every minute bound of a block of hours, (`BLOCK_HOURS` * 60 + 1,).

        Between two of them the price goes straight. An hour's minutes depend on the seed, the coin and its hour alone:
        a Brownian bridge from the hour's opening to its close.
        """
        key = (column, swap, block)
        found = self._blocks.get(key)
        if found is not None:
            self._blocks.move_to_end(key)
            return found
        made = self._refine(column, block, swap=swap, digits=digits)
        self._blocks[key] = made
        if len(self._blocks) > KEPT_BLOCKS:
            self._blocks.popitem(last=False)
        return made

    def _refine(self, column: int, block: int, *, swap: bool, digits: int) -> Floats:
        chunk, row = self.at(block * BLOCK_HOURS)
        bounds = chunk.logs[row : row + BLOCK_HOURS + 1, column]
        if swap:
            bounds = bounds + chunk.carry[row : row + BLOCK_HOURS + 1, column]
        steps = stream(self._seed, BRIDGE, self._coins[column].key, block).standard_normal((BLOCK_HOURS, MINUTES))
        walked = np.cumsum(steps, axis=1) / np.sqrt(MINUTES)
        share = np.arange(1, MINUTES + 1) / MINUTES
        bridge = walked - walked[:, -1:] * share
        inner = bounds[:-1, None] + np.diff(bounds)[:, None] * share
        inner += bridge * chunk.wobble[row : row + BLOCK_HOURS, column][:, None]
        inner[:, -1] = bounds[1:]  # the next hour opens on exactly this
        logs = np.concatenate((bounds[:1], inner.ravel()))
        return np.maximum(np.round(np.exp(logs), digits), 10.0**-digits)


# ---- bars -------------------------------------------------------------------------------------


def aggregated(bars: Floats, frame_ms: int) -> Floats:
    """Bars (n, 6) of a longer timeframe, aligned to the epoch; a bar with hours missing holds what there is of it."""
    if not len(bars):
        return bars
    opens = bars[:, 0] // frame_ms * frame_ms
    first = np.flatnonzero(np.concatenate(([True], opens[1:] != opens[:-1])))
    last = np.concatenate((first[1:], [len(bars)])) - 1
    return np.column_stack(
        (
            opens[first],
            bars[first, 1],
            np.maximum.reduceat(bars[:, 2], first),
            np.minimum.reduceat(bars[:, 3], first),
            bars[last, 4],
            np.add.reduceat(bars[:, 5], first),
        )
    )


def bars_of(knots: Floats, first_ms: int, frame_minutes: int, volumes: Floats) -> Floats:
    """Bars (n, 6) of a path known at its minute bounds, (n * frame_minutes + 1,), with their base volumes (n,)."""
    rows = knots[:-1].reshape(-1, frame_minutes)
    closes = knots[frame_minutes::frame_minutes]
    opens_ms = first_ms + np.arange(len(rows)) * frame_minutes * (HOUR_MS // MINUTES)
    highest, lowest = np.maximum(rows.max(axis=1), closes), np.minimum(rows.min(axis=1), closes)
    return np.column_stack((opens_ms, rows[:, 0], highest, lowest, closes, volumes))
