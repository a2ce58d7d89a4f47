"""Recorded market data as snapshots: hourly bars folded to the signal timeframe and to days, up to an instant."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from bot.core.numbers import milliseconds
from bot.core.policy import Policy
from bot.core.readings.bars import Floats
from bot.core.snapshot import Snapshot

HOUR_MS = 3_600_000
SIGNAL_MS, DAY_MS = 4 * HOUR_MS, 24 * HOUR_MS
KEPT_SIGNAL, KEPT_DAYS = 1536, 768


def folded(hours: Floats, length_ms: int) -> Floats:
    """Bars of ``length_ms`` of which every hour is there."""
    slot, first, count = np.unique(hours[:, 0] // length_ms, return_index=True, return_counts=True)
    made: Floats = np.column_stack(
        [
            slot * length_ms,
            hours[first, 1],
            np.maximum.reduceat(hours[:, 2], first),
            np.minimum.reduceat(hours[:, 3], first),
            hours[first + count - 1, 4],
            np.add.reduceat(hours[:, 5], first),
        ]
    )[count == length_ms // HOUR_MS]
    return made


@dataclass(frozen=True)
class Recorded:
    """Bars by asset and timeframe, and settled funding by asset."""

    bars: Mapping[str, Mapping[str, Floats]]
    funding: Mapping[str, Floats]

    def policy(self, **groups: Any) -> Policy:
        """Every asset in one equal sleeve of 90 %."""
        sleeve = {"weight": "0.9", "assets": sorted(self.bars)}
        return Policy.model_validate({"targets": {"stables": {"weight": "0.1"}, "sleeves": {"all": sleeve}}, **groups})

    def at(self, at: datetime, *, feeds: Mapping[str, Any] | None = None) -> Snapshot:
        """What the daemon would have had at an instant: perpetuals alone, as many bars as it keeps."""
        now = milliseconds(at)
        kept = (("4h", SIGNAL_MS, KEPT_SIGNAL), ("1d", DAY_MS, KEPT_DAYS))
        candles = {
            f"{asset}/USDT:USDT": {name: until(frames[name], now - length, most) for name, length, most in kept}
            for asset, frames in self.bars.items()
        }
        history = {
            f"{asset}/USDT:USDT": {"funding": [tuple(row) for row in until(rates, now, 500).tolist()]}
            for asset, rates in self.funding.items()
        }
        return Snapshot.model_validate(
            {
                "at": at,
                "venue": "binance",
                "balances": [],
                "positions": [],
                "tickers": {},
                "funding": {},
                "candles": candles,
                "markets": {},
                "history": history,
                "feeds": dict(feeds or {}),
            }
        )


def until(rows: Floats, last_ms: float, most: int) -> Floats:
    end = int(np.searchsorted(rows[:, 0], last_ms, side="right"))
    part = np.ascontiguousarray(rows[max(0, end - most) : end])
    part.setflags(write=False)
    return part


def perpetuals(folder: Path) -> Recorded:
    """The recorded perpetuals, with the funding of BTC and ETH."""
    from pyarrow import parquet

    bars = {}
    for path in sorted((folder / "perp_1h").glob("*.parquet")):
        table = parquet.read_table(path)
        columns = ("ts", "open", "high", "low", "close", "volume")
        hours = np.column_stack([table[name].to_numpy().astype(np.float64) for name in columns])
        bars[path.stem.removesuffix("USDT")] = {"4h": folded(hours, SIGNAL_MS), "1d": folded(hours, DAY_MS)}
    table = parquet.read_table(folder / "funding" / "binance_BTC_ETH.parquet")
    symbols = np.array(table["symbol"].to_pylist())
    rates = np.column_stack([table[name].to_numpy().astype(np.float64) for name in ("ts", "funding_rate")])
    return Recorded(bars, {name: rates[symbols == f"{name}USDT"] for name in ("BTC", "ETH")})
