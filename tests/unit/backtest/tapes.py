"""Builders of tapes, policies and runs over the past, with named defaults."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bot.settings import Settings
from bot.settings.loading import load_text

BEGUN = datetime(2021, 1, 1, tzinfo=UTC)
HOUR_MS = 3_600_000
FIRST: Mapping[str, float] = {"BTC": 30_000.0, "ETH": 1_000.0, "SOL": 20.0}
CONFIG = """
mode: paper
cycle: 1h
targets:
  stables: {weight: 0.10, floor: 0.05}
  sleeves:
    majors: {weight: 0.60, assets: {BTC: 0.6, ETH: 0.4}}
    others: {weight: 0.30, assets: [SOL]}
paper: {balances: {USDT: 100000}}
"""


def closes(first: float, hours: int, seed: int, volatility: float = 0.01) -> NDArray[np.float64]:
    """A random walk of hourly closes."""
    steps = np.random.default_rng(seed).normal(0.0, volatility, hours)
    path: NDArray[np.float64] = first * np.exp(np.cumsum(steps))
    return path


def bars(
    path: NDArray[np.float64], begun: datetime = BEGUN, turnover: float | NDArray[np.float64] = 5e7
) -> NDArray[np.float64]:
    """Hourly bars (n, 6) along closes: each opens where the one before closed."""
    opened = np.concatenate((path[:1], path[:-1]))
    high, low = np.maximum(opened, path) * 1.001, np.minimum(opened, path) * 0.999
    times = int(begun.timestamp() * 1000) + np.arange(len(path)) * HOUR_MS
    return np.column_stack((times, opened, high, low, path, turnover / path))


def write_candles(folder: Path, coin: str, rows: NDArray[np.float64]) -> Path:
    """One coin's CSV as recordings have it."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{coin}USDT.csv"
    lines = [f"{int(row[0])}," + ",".join(repr(float(value)) for value in row[1:]) for row in rows]
    file.write_text("ts,open,high,low,close,volume\n" + "\n".join(lines) + "\n", encoding="utf-8")
    return file


def write_funding(folder: Path, rates: Mapping[str, Sequence[float]], begun: datetime = BEGUN) -> Path:
    """Settlements every eight hours from ``begun`` on."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "funding.csv"
    lines = ["ts,symbol,funding_rate"]
    for coin, values in rates.items():
        for number, rate in enumerate(values):
            at = begun + timedelta(hours=8 * number)
            lines.append(f"{int(at.timestamp() * 1000)},{coin}USDT,{rate!r}")
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


def tape(
    folder: Path, *, hours: int = 24 * 60, seed: int = 1, volatility: float = 0.01, first: Mapping[str, float] = FIRST
) -> Path:
    """A folder with a random walk of each coin and funding that changes its sign."""
    for number, (coin, price) in enumerate(first.items()):
        write_candles(folder, coin, bars(closes(price, hours, seed * 100 + number, volatility)))
    settlements = np.random.default_rng(seed).normal(0.0001, 0.0003, hours // 8 + 1).round(8)
    write_funding(folder, {coin: settlements.tolist() for coin in first})
    return folder


def settings(text: str = CONFIG, **env: str) -> Settings:
    """Settings of a text, with keys of the environment over it."""
    return load_text(text, {f"BALLAST_{name}": value for name, value in env.items()})
