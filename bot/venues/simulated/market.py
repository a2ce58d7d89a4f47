"""Owns what a simulated market is apart from its price: coins, filters, fees, the shape of books, traded seasons."""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cache
from itertools import repeat
from operator import mul

import numpy as np
from numpy.typing import NDArray

from bot.core.instruments import Market, spot_symbol, swap_symbol
from bot.core.snapshot import Book

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

CURRENCY = "USDT"
SPOT_FEE = Decimal("0.001")
SWAP_MAKER_FEE = Decimal("0.0002")
SWAP_TAKER_FEE = Decimal("0.0005")
# A perpetual is traded, and rests in its book, this many times as much as spot.
SWAP_TURNOVER = 3.0
SWAP_DEPTH = 2.0

NEAR = 0.005  # "within 0.5 %" of the mid: what depth means (R-S9)
NEAR_LEVELS = 20
FAR_OFFSETS = (0.007, 0.010, 0.014, 0.020, 0.028, 0.040)
FAR_SHARES = (0.25, 0.35, 0.45, 0.60, 0.80, 1.00)  # of the near depth, each


@dataclass(frozen=True, slots=True)
class Coin:
    """One asset of the generated market. Prices in USDT; `volatility` per hour; `spread` is best ask over best bid - 1.

    `pull` is its correlation with the market's common shock; `beta` scales the market's drift; `turnover` is traded
    spot a day and `depth` rests within 0.5 % of the mid on each side of spot, both in USDT.
    """

    name: str
    price: float
    beta: float
    pull: float
    volatility: float
    turnover: float
    depth: float
    spread: float
    supply: float
    spot_digits: tuple[int, int]  # decimals of tick and step
    swap_digits: tuple[int, int]
    swap_least: int  # minimum notional, USDT
    maintenance: str

    @property
    def key(self) -> int:
        """A number that stands for the name in seeds, the same on every machine and in any order of coins."""
        return zlib.crc32(self.name.encode())


COINS: tuple[Coin, ...] = (
    Coin("BTC", 87_000, 1.0, 0.88, 0.0045, 2.4e9, 9e6, 1e-4, 19.9e6, (2, 5), (1, 3), 100, "0.004"),
    Coin("ETH", 3_000, 1.2, 0.85, 0.0058, 1.3e9, 6e6, 1e-4, 120.7e6, (2, 4), (2, 3), 20, "0.005"),
    Coin("SOL", 130, 1.4, 0.80, 0.0072, 4.5e8, 2.5e6, 2e-4, 5.6e8, (3, 3), (3, 2), 5, "0.0065"),
    Coin("BNB", 860, 0.9, 0.78, 0.0048, 3.0e8, 2.0e6, 2e-4, 1.38e8, (2, 3), (2, 2), 5, "0.0065"),
    Coin("XRP", 1.90, 1.2, 0.72, 0.0066, 3.5e8, 2.0e6, 2e-4, 6.05e10, (4, 1), (4, 1), 5, "0.0065"),
    Coin("DOGE", 0.125, 1.4, 0.70, 0.0080, 1.8e8, 1.0e6, 3e-4, 1.52e11, (5, 0), (5, 0), 5, "0.0065"),
    Coin("LINK", 12.6, 1.4, 0.76, 0.0074, 7.0e7, 6.0e5, 4e-4, 7.0e8, (3, 2), (3, 2), 5, "0.01"),
    Coin("ADA", 0.38, 1.3, 0.74, 0.0074, 9.0e7, 6.0e5, 4e-4, 3.6e10, (4, 1), (4, 0), 5, "0.01"),
    Coin("AVAX", 12.8, 1.4, 0.75, 0.0080, 6.0e7, 4.0e5, 6e-4, 4.3e8, (3, 2), (3, 0), 5, "0.01"),
    Coin("LTC", 80, 1.0, 0.72, 0.0062, 5.0e7, 4.0e5, 5e-4, 7.65e7, (2, 3), (2, 3), 5, "0.01"),
)


@dataclass(frozen=True, slots=True)
class Grid:
    """The decimals of a symbol's prices and amounts."""

    tick: int
    step: int


def grids(coins: Sequence[Coin]) -> dict[str, Grid]:
    """The price and amount decimals of every symbol, spot and perpetual."""
    made = {spot_symbol(coin.name, CURRENCY): Grid(*coin.spot_digits) for coin in coins}
    return made | {swap_symbol(coin.name, CURRENCY): Grid(*coin.swap_digits) for coin in coins}


def spot_market(grid: Grid, least_notional: int = 5) -> Market:
    """Filters and fees of a spot symbol."""
    step = power_of_ten(-grid.step)
    return Market(
        step=step,
        tick=power_of_ten(-grid.tick),
        min_amount=step,
        min_notional=Decimal(least_notional),
        maker=SPOT_FEE,
        taker=SPOT_FEE,
    )


def swap_market(grid: Grid, least_notional: int, maintenance: str) -> Market:
    """Filters and fees of a linear perpetual."""
    step = power_of_ten(-grid.step)
    return Market(
        step=step,
        tick=power_of_ten(-grid.tick),
        min_amount=step,
        min_notional=Decimal(least_notional),
        maker=SWAP_MAKER_FEE,
        taker=SWAP_TAKER_FEE,
        maintenance_rate=Decimal(maintenance),
    )


def markets(coins: Sequence[Coin]) -> Mapping[str, Market]:
    """Filters and fees of every symbol of the coins."""
    made = {spot_symbol(coin.name, CURRENCY): spot_market(Grid(*coin.spot_digits)) for coin in coins}
    for coin in coins:
        swap = swap_market(Grid(*coin.swap_digits), coin.swap_least, coin.maintenance)
        made[swap_symbol(coin.name, CURRENCY)] = swap
    return made


@cache
def power_of_ten(exponent: int) -> Decimal:
    """10 to a whole exponent, written plainly (0.001, 1, 100)."""
    return Decimal(f"1E{exponent}") if exponent < 0 else Decimal(10**exponent)


def on_tick(value: float, digits: int) -> Decimal:
    """A price as the venue writes it."""
    return Decimal(f"{value:.{digits}f}")


# ---- books ------------------------------------------------------------------------------------

_near = np.arange(NEAR_LEVELS) / NEAR_LEVELS
_OFFSETS = np.concatenate((NEAR * 0.96 * _near**1.4, np.array(FAR_OFFSETS)))
_WEIGHTS = 0.4 + _near
_SHARES = np.concatenate((_WEIGHTS / _WEIGHTS.sum(), np.array(FAR_SHARES)))
_LEVELS = np.arange(_OFFSETS.size)


def book(mid: float, spread: float, depth: float, grid: Grid, at: datetime, ripple: float) -> Book:
    """A book around `mid`: `depth` (quote currency) within 0.5 % on each side, and more far out.

    `ripple` (any number, the same for the same instant) moves single levels by up to a fifth, never the whole.
    """
    # `tops` of one book, without its second dimension: half the time.
    mid_tick, reach, scale = float(np.rint(mid * 10**grid.tick)), spread / 2 + _OFFSETS, depth / mid * 10**grid.step
    bid_ticks = np.minimum(np.floor(mid_tick * (1 - reach)), mid_tick - 1)
    ask_ticks = np.maximum(np.ceil(mid_tick * (1 + reach)), mid_tick + 1)
    bids = _side(np.minimum.accumulate(bid_ticks + _LEVELS) - _LEVELS, _amounts_of(scale, ripple), grid)
    asks = _side(np.maximum.accumulate(ask_ticks - _LEVELS) + _LEVELS, _amounts_of(scale, ripple + 1.7), grid)
    # Built valid: parsing it again would cost more than making.
    return Book.model_construct(bids=bids, asks=asks, at=at)


def touch(mid: float, spread: float, grid: Grid) -> tuple[Decimal | None, Decimal]:
    """Best bid and ask of `book`, without the rest of it; no bid where not one tick is left for it."""
    mid_tick = float(np.rint(mid * 10**grid.tick))
    bid_tick = min(math.floor(mid_tick * (1 - spread / 2)), int(mid_tick) - 1)
    ask_tick = max(math.ceil(mid_tick * (1 + spread / 2)), int(mid_tick) + 1)
    return Decimal(bid_tick).scaleb(-grid.tick) if bid_tick > 0 else None, Decimal(ask_tick).scaleb(-grid.tick)


def tops(
    mids: Floats,
    spreads: Floats,
    depths: Floats,
    decimals: tuple[int, int],
    ripples: Floats,
    shares: tuple[Floats, Floats] | None = None,
) -> tuple[tuple[Ints, Ints], tuple[Ints, Ints]]:
    """The levels of many books at once: (bids, amounts), (asks, amounts), whole ticks and steps, (n, levels) each.

    ``mids``, ``spreads``, ``depths``, ``ripples`` are (n,), as in `book`; ``decimals``: of prices and amounts.
    ``shares``: `shares_of` the ripples where they are known already, of the nearest levels alone where only those are
    asked for.
    """
    tick, step = decimals
    levels = slice(None if shares is None else shares[0].shape[1])
    mid_ticks = np.rint(mids * 10**tick)[:, None]
    reach = spreads[:, None] / 2 + _OFFSETS[levels]
    bid_ticks = np.floor(mid_ticks * (1 - reach))
    ask_ticks = np.ceil(mid_ticks * (1 + reach))
    # Coarse ticks may put two levels on one price: each must lie at least a tick beyond the one before.
    bid_ticks = np.minimum.accumulate(np.minimum(bid_ticks, mid_ticks - 1) + _LEVELS[levels], axis=1) - _LEVELS[levels]
    ask_ticks = np.maximum.accumulate(np.maximum(ask_ticks, mid_ticks + 1) - _LEVELS[levels], axis=1) + _LEVELS[levels]
    scales = depths / mids * 10**step
    bought, sold = shares_of(ripples) if shares is None else shares
    return (_whole(bid_ticks), _amounts(scales, bought)), (_whole(ask_ticks), _amounts(scales, sold))


def shares_of(ripples: Floats) -> tuple[Floats, Floats]:
    """What part of a book's depth lies on each level of its bids and asks, (n, levels) each."""
    return _shares(ripples), _shares(ripples + 1.7)


def _shares(ripples: Floats) -> Floats:
    shares: Floats = _SHARES * (1 + 0.2 * np.sin(_LEVELS * 12.9898 + ripples[:, None]))
    shares[:, :NEAR_LEVELS] /= shares[:, :NEAR_LEVELS].sum(axis=1, keepdims=True)
    return shares


def _amounts(scales: Floats, shares: Floats) -> Ints:
    """Whole steps per level, (n, levels)."""
    return _whole(np.maximum(1.0, np.floor(shares * scales[:, None])))


def _amounts_of(scale: float, ripple: float) -> Floats:
    """`_amounts` of one book, (levels,)."""
    shares = _SHARES * (1 + 0.2 * np.sin(_LEVELS * 12.9898 + ripple))
    near = shares[:NEAR_LEVELS]
    near /= np.add.reduce(near)
    made: Floats = np.maximum(1.0, np.floor(shares * scale))
    return made


def _whole(values: Floats) -> Ints:
    made: Ints = values.astype(np.int64)
    return made


def _side(ticks: Floats, amounts: Floats, grid: Grid) -> tuple[tuple[Decimal, Decimal], ...]:
    """Levels of whole ticks and steps, as prices and amounts."""
    known = ticks > 0
    if not known.all():
        ticks, amounts = ticks[known], amounts[known]
    prices = map(mul, map(Decimal, _whole(ticks).tolist()), repeat(power_of_ten(-grid.tick)))
    sizes = map(mul, map(Decimal, _whole(amounts).tolist()), repeat(power_of_ten(-grid.step)))
    return tuple(zip(prices, sizes, strict=True))


# ---- seasons ----------------------------------------------------------------------------------

BUSIEST_HOUR_UTC = 15
_WEEKDAYS = np.array([1.0, 1.06, 1.08, 1.06, 1.02, 0.70, 0.74])  # Monday first
EPOCH_WEEKDAY = 3  # 1970-01-01 was a Thursday


def seasons(first_hour: int, count: int) -> Floats:
    """Share of an average hour's volume for `count` hours from `first_hour` (hours since the epoch): day and week."""
    hours = first_hour + np.arange(count)
    of_day = 1 + 0.35 * np.cos((hours % 24 - BUSIEST_HOUR_UTC) / 24 * 2 * math.pi)
    season: Floats = of_day * _WEEKDAYS[(hours // 24 + EPOCH_WEEKDAY) % 7]
    return season
