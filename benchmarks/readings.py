"""Times the readings against TA-Lib's bare indicators, side by side in one run; medians, as ratios.

    .venv/bin/python benchmarks/readings.py [--assets 500] [--bars 1536] [--rounds 5]

The yardstick is the six indicators alone on the same bars: what no table can be faster than. `table` is what a new bar
costs, `row` what a cycle costs while tables are kept, `history` what a backtest pays once.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from statistics import median
from time import perf_counter

import numpy as np
import talib

from bot.core.policy import Signals
from bot.core.readings import bars_key, parameters, row, table, table_at
from bot.core.readings.bars import Floats

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
END_MS = 19_000 * DAY_MS


def a_market(bars: int, timeframe_ms: int, seed: int) -> Floats:
    rng = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(rng.normal(0, 0.01, bars)))
    opened = np.concatenate([close[:1], close[:-1]])
    high = np.maximum(opened, close) * (1 + np.abs(rng.normal(0, 0.003, bars)))
    low = np.minimum(opened, close) * (1 - np.abs(rng.normal(0, 0.003, bars)))
    ms = END_MS + np.arange(-bars, 0) * timeframe_ms
    return np.column_stack([ms, opened, high, low, close, rng.uniform(1, 9, bars)])


def bare(bars: Floats) -> object:
    high, low, close = (np.ascontiguousarray(bars[:, column]) for column in (2, 3, 4))
    averages = talib.EMA(close, 50), talib.EMA(close, 200), talib.MACD(close, 12, 26, 9)
    return talib.RSI(close, 14), averages, talib.ATR(high, low, close, 14), talib.TRANGE(high, low, close)


def timed_ms(work: Callable[[], object], rounds: int) -> float:
    work()
    taken = []
    for _ in range(rounds):
        begun = perf_counter()
        work()
        taken.append((perf_counter() - begun) * 1e3)
    return median(taken)


def main() -> None:
    options = argparse.ArgumentParser(description="Times the readings against TA-Lib's bare indicators.")
    options.add_argument("--assets", type=int, default=500)
    options.add_argument("--bars", type=int, default=1536)
    options.add_argument("--rounds", type=int, default=5)
    given = options.parse_args()
    asked = parameters(Signals(), Decimal(1), timedelta(days=14), timedelta(days=30))
    signals = [a_market(given.bars, 4 * HOUR_MS, seed) for seed in range(given.assets)]
    regimes = [a_market(min(given.bars, 768), DAY_MS, seed + given.assets) for seed in range(given.assets)]
    pairs = list(zip(signals, regimes, strict=True))
    tables = [table_at(signal, regime, asked, END_MS) for signal, regime in pairs]
    jobs: dict[str, Callable[[], object]] = {
        "bare indicators": lambda: [bare(bars) for bars in (*signals, *regimes)],
        "keys of the memo": lambda: [bars_key(bars) for bars in (*signals, *regimes)],
        "table": lambda: [table_at(signal, regime, asked, END_MS) for signal, regime in pairs],
        "row": lambda: [row(read, END_MS) for read in tables],
        "history": lambda: [table(signal, regime, asked) for signal, regime in pairs],
    }
    times = {name: timed_ms(work, given.rounds) for name, work in jobs.items()}
    yardstick = times["bare indicators"]
    print(f"{given.assets} assets x {given.bars} bars, and {min(given.bars, 768)} of the regime timeframe")
    for name, taken in times.items():
        print(f"{name:>18}  {taken:8.0f} ms  {taken / yardstick:6.1f} x")


if __name__ == "__main__":
    main()
