"""The plain job on this bot: settings, a tape of the job's prices, and one whole backtest with all its records."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

from benchmarks.peers.job import BEGUN_MS, CASH, HOUR_MS, INVESTED, Floats
from bot.backtest.result import Result
from bot.backtest.run import Job, run
from bot.core.numbers import from_milliseconds
from bot.settings import Settings
from bot.settings.loading import load_text
from bot.venues.simulated.tape import BookModel
from bot.wiring_past import Span, past

LEAD = 48  # hours before the job begins, so that the tape has a turnover
TURNOVER = 1e12  # USDT a bar: no order of the job moves the price
CLOSE_BOOKS = BookModel(spreads=((0.0, 0.0),))  # a tick on each side of the close
CONFIG = """
mode: paper
cycle: 1h
targets:
  stables: {{weight: {cash}, floor: 0.0}}
  sleeves: {{all: {{weight: {invested}, assets: [{coins}]}}}}
signals: {{enabled: false}}
stress: {{enabled: false, majors: [{first}, {second}]}}
regime: {{index: {first}}}
triggers: {{band: {{points: 0.05, relative: 0.25}}, sleeve_band: {{points: null, relative: null}}}}
trim: {{increment: 1.0}}
add: {{increment: 1.0}}
hedge: {{enabled: false}}
bridge: {{enabled: false}}
costs: {{min_ratio: 0}}
pace: {{increment_interval: 0s, cooldown: 0s, whipsaw: 0s, turnover_per_day: 100, orders_per_minute: 10000,
  orders_per_hour: 100000}}
limits: {{order_value_max: 1.0, drawdown: 1.0, fees_per_day: 1.0, loss_per_day: 1.0}}
execution: {{style: taker, slice_max: 1.0}}
paper: {{balances: {{USDT: {money}}}}}
"""


def names(coins: int) -> list[str]:
    """C000, C001, ..."""
    return [f"C{number:03}" for number in range(coins)]


def settings(coins: int) -> Settings:
    """A drift band with a fee and nothing in its way."""
    all_of = names(coins)
    text = CONFIG.format(
        cash=f"{1 - INVESTED:.2f}", invested=INVESTED, coins=", ".join(all_of), first=all_of[0], second=all_of[1],
        money=f"{CASH:.0f}",
    )  # fmt: skip
    return load_text(text, {})


def tape(folder: Path, closes: Floats) -> Path:
    """The job's closes as recordings: a bar opens at one close and ends at the next."""
    import pyarrow as pa
    from pyarrow import parquet

    folder.mkdir(parents=True, exist_ok=True)
    bars, coins = closes.shape
    times = BEGUN_MS + (np.arange(bars + LEAD) - LEAD) * HOUR_MS
    for coin, name in enumerate(names(coins)):
        opened = np.concatenate((np.full(LEAD, closes[0, coin]), closes[:, coin]))
        closed = np.append(opened[1:], opened[-1])
        table = {
            "ts": times, "open": opened, "high": np.maximum(opened, closed), "low": np.minimum(opened, closed),
            "close": closed, "volume": TURNOVER / opened,
        }  # fmt: skip
        parquet.write_table(pa.table(table), folder / f"{name}USDT.parquet")
    return folder


def begun() -> datetime:
    """The first bar of the job."""
    return from_milliseconds(BEGUN_MS)


async def prepared(folder: Path, coins: int, bars: int, *, screen: bool = True) -> Job:
    """A run of the job, its prices read."""
    span = Span(folder, begun(), begun() + timedelta(hours=bars))
    return await past(settings(coins), span, name=f"plain {coins}", books=CLOSE_BOOKS, screen=screen)


async def played(folder: Path, coins: int, bars: int) -> Result:
    """One whole backtest."""
    return await run(await prepared(folder, coins, bars))


def equity(folder: Path, coins: int, bars: int) -> Floats:
    """The equity curve of one whole backtest, (bars,)."""
    return asyncio.run(played(folder, coins, bars)).curve.equity
