"""A market of any width for benchmarks: random walks on 4 h bars, answered from memory so that a cycle is the work."""

# ruff: noqa: D102, ARG002

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from bot.core.instruments import Market, base_of, is_swap, spot_symbol, swap_symbol
from bot.core.numbers import from_milliseconds, milliseconds
from bot.core.policy import Policy
from bot.core.snapshot import Book, Feeds, Funding
from bot.venues.simulated import market as shape
from bot.venues.simulated.scene import ScriptedFlow, top_of

Floats = NDArray[np.float64]
BAR_MS = 4 * 3_600_000
BARS_A_DAY = 6
START_MS = 20_454 * 86_400_000
PAST = 800 * BARS_A_DAY
FUTURE = 1_200
EQUITY = 1e8
GRID = shape.Grid(4, 3)
SETTLES = timedelta(hours=8)


def names(count: int) -> list[str]:
    return ["BTC", "ETH", *(f"C{number:03d}" for number in range(count - 2))]


class WideScene:
    """``count`` coins, spot and perpetual; each a market factor and noise of its own. A scene of the exchange."""

    def __init__(self, count: int, seed: int = 7) -> None:
        rng = np.random.default_rng(seed)
        self.assets = names(count)
        bars = PAST + FUTURE
        moves = 0.008 * rng.standard_normal(bars) + 0.010 * rng.standard_normal((count, bars))
        closes = 100 * np.exp(np.cumsum(moves, axis=1))
        opens = np.concatenate([np.full((count, 1), 100.0), closes[:, :-1]], axis=1)
        high = np.maximum(opens, closes) * (1 + np.abs(rng.normal(0, 0.003, (count, bars))))
        low = np.minimum(opens, closes) * (1 - np.abs(rng.normal(0, 0.003, (count, bars))))
        ms = np.broadcast_to(START_MS + (np.arange(bars) - PAST) * BAR_MS, (count, bars))
        volume = rng.uniform(5e5, 9e5, (count, bars))
        self._signal: Floats = np.stack([ms, opens, high, low, closes, volume], axis=2).astype(np.float64)
        self._daily = _days(self._signal)
        self._at = {name: index for index, name in enumerate(self.assets)}
        listed = {spot_symbol(name, "USDT"): shape.spot_market(GRID) for name in self.assets}
        self._markets = listed | {swap_symbol(name, "USDT"): shape.swap_market(GRID, 5, "0.01") for name in self.assets}

    @property
    def start(self) -> datetime:
        return from_milliseconds(START_MS)

    @property
    def end(self) -> datetime | None:
        return None

    def markets(self) -> Mapping[str, Market]:
        return self._markets

    def value(self, symbol: str, at: datetime) -> float:
        moment = (milliseconds(at) - START_MS) / BAR_MS + PAST
        row = self._signal[self._at[base_of(symbol)], int(moment)]
        return float(row[1] + (row[4] - row[1]) * math.fmod(moment, 1.0))

    def price(self, symbol: str, at: datetime) -> Decimal | None:
        return shape.on_tick(self.value(symbol, at), GRID.tick)

    def book(self, symbol: str, at: datetime) -> Book | None:
        return shape.book(self.value(symbol, at), 2e-4, 5e6, GRID, at, 0.0)

    def touch(self, symbol: str, at: datetime) -> tuple[Decimal | None, Decimal | None] | None:
        """The book's top."""
        return top_of(self.book(symbol, at))

    def extremes(self, symbol: str, after: datetime, upto: datetime) -> tuple[Decimal, Decimal] | None:
        seen = [shape.on_tick(self.value(symbol, at), GRID.tick) for at in (after, upto)]
        return min(seen), max(seen)

    def funding(self, symbol: str, at: datetime) -> Funding | None:
        due = from_milliseconds(milliseconds(at) // 28_800_000 * 28_800_000) + SETTLES
        return Funding(rate=Decimal("0.0001"), interval_hours=Decimal(8), next_at=due, at=at)

    def settled(self, symbol: str, after: datetime, upto: datetime) -> Sequence[tuple[datetime, Decimal]]:
        first = milliseconds(after) // 28_800_000 + 1
        last = milliseconds(upto) // 28_800_000
        rates = (0.0001 * (1 + 0.5 * math.sin(slot)) for slot in range(first, last + 1))
        return [
            (from_milliseconds(slot * 28_800_000), Decimal(f"{rate:.8f}"))
            for slot, rate in zip(range(first, last + 1), rates, strict=True)
        ]

    def candles(self, symbol: str, timeframe: str, since_ms: int, limit: int, at: datetime) -> Floats:
        bars = (self._daily if timeframe == "1d" else self._signal)[self._at[base_of(symbol)]]
        first, past = (int(np.searchsorted(bars[:, 0], ms)) for ms in (since_ms, milliseconds(at)))
        return bars[first : min(past, first + limit)]

    def quote_volume(self, symbol: str, at: datetime) -> Decimal:
        return Decimal(900_000_000 if is_swap(symbol) else 300_000_000)

    def feeds(self, at: datetime) -> Feeds:
        return Feeds()

    def flows(self, after: datetime, upto: datetime) -> Sequence[ScriptedFlow]:
        return ()


def _days(signal: Floats) -> Floats:
    count, bars, _ = signal.shape
    days = signal.reshape(count, bars // BARS_A_DAY, BARS_A_DAY, 6)
    return np.stack(
        [days[:, :, 0, 0], days[:, :, 0, 1], days[:, :, :, 2].max(axis=2), days[:, :, :, 3].min(axis=2),
         days[:, :, -1, 4], days[:, :, :, 5].sum(axis=2)],
        axis=2,
    )  # fmt: skip


def a_policy(assets: Sequence[str]) -> Policy:
    """Half in the coins in equal parts, half in cash; bands of a fifth of each target; all rules as by default."""
    return Policy.model_validate(
        {
            "targets": {
                "stables": {"weight": "0.40", "floor": "0.05"},
                "sleeves": {"coins": {"weight": "0.60", "assets": list(assets), "band": {"relative": "0.20"}}},
            },
        }
    )


def an_opening(scene: WideScene) -> dict[str, Decimal]:
    """The account at its targets."""
    each = EQUITY * 0.60 / len(scene.assets)
    held = {name: shape.on_tick(each / scene.value(name, scene.start), GRID.step) for name in scene.assets}
    return {"USDT": Decimal(int(EQUITY * 0.40)), **held}
