"""Owns the fetching of candles and funding into a folder that a backtest reads: page by page, to be gone on with.

One file per coin, `BTCUSDT.parquet`; funding in `funding.parquet`. What lies there already is kept, and only what came
after it is asked for. A hole in what a venue told is asked for once more before it is believed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bot.core.instruments import spot_symbol, swap_symbol
from bot.core.numbers import from_milliseconds, milliseconds
from bot.ports.errors import VenueError
from bot.ports.venue import Gap, MarketData
from bot.venues.simulated.recordings import COLUMNS, candles_of

Floats = NDArray[np.float64]
HOUR_MS: Final = 3_600_000
PAGE: Final = 1_000
CURRENCY: Final = "USDT"
FUNDING: Final = "funding.parquet"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which coins, of which market, from when to when (closed hours), into which folder."""

    coins: Sequence[str]
    swap: bool
    since: datetime
    until: datetime
    folder: Path


@dataclass(frozen=True, slots=True)
class Fetched:
    """One coin: rows in its file now, rows that are new, hours that the venue does not have."""

    coin: str
    rows: int
    fresh: int
    missing: int


async def fetch(market: MarketData, wanted: Wanted, told: Callable[[str, int], None] | None = None) -> list[Fetched]:
    """Fetch every coin; ``told`` hears (coin, rows so far). Raises `VenueError`, `TapeError`, OSError."""
    wanted.folder.mkdir(parents=True, exist_ok=True)
    listed = await market.markets()
    names = {coin: (swap_symbol if wanted.swap else spot_symbol)(coin, CURRENCY) for coin in wanted.coins}
    unknown = [coin for coin, symbol in names.items() if symbol not in listed]
    if unknown:
        kind = "perpetual" if wanted.swap else "spot symbol"
        raise VenueError(f"--symbols: {', '.join(unknown)}: the venue lists no such {kind} in {CURRENCY}")
    made = [await _coin(market, coin, symbol, wanted, told or _nobody) for coin, symbol in names.items()]
    if wanted.swap:
        await _funding(market, names, wanted)
    return made


def _nobody(_coin: str, _rows: int) -> None:
    """Nobody listens."""


async def _coin(
    market: MarketData, coin: str, symbol: str, wanted: Wanted, told: Callable[[str, int], None]
) -> Fetched:
    path = wanted.folder / f"{coin}{CURRENCY}.parquet"
    rows = candles_of(path)[coin] if path.exists() else np.empty((0, len(COLUMNS)))
    before = len(rows)
    end_ms = milliseconds(wanted.until) // HOUR_MS * HOUR_MS
    next_ms = int(rows[-1, 0]) + HOUR_MS if before else -(-milliseconds(wanted.since) // HOUR_MS) * HOUR_MS
    while next_ms < end_ms:
        page = await _page(market, symbol, next_ms, end_ms)
        if not len(page):
            break
        rows = np.concatenate((rows, page))
        next_ms = int(page[-1, 0]) + HOUR_MS
        _write(path, dict(zip(COLUMNS, rows.T, strict=True)))
        told(coin, len(rows))
    missing = _missing(rows)
    return Fetched(coin, len(rows), len(rows) - before, missing)


async def _page(market: MarketData, symbol: str, from_ms: int, end_ms: int) -> Floats:
    """The next closed bars; one with a hole, or that begins late, is asked for again and the fuller answer taken."""
    best = await _asked(market, symbol, from_ms, end_ms)
    if len(best) and (_missing(best) or best[0, 0] > from_ms):
        again = await _asked(market, symbol, from_ms, end_ms)
        best = again if len(again) > len(best) else best
    return best


async def _asked(market: MarketData, symbol: str, from_ms: int, end_ms: int) -> Floats:
    found = await market.candles(symbol, "1h", from_milliseconds(from_ms), min(PAGE, (end_ms - from_ms) // HOUR_MS))
    if isinstance(found, Gap):
        raise VenueError(f"candles of {symbol}: {found.why}")
    return found[(found[:, 0] >= from_ms) & (found[:, 0] < end_ms)]


def _missing(rows: Floats) -> int:
    """Hours between the first and the last bar that are not there."""
    return int((rows[-1, 0] - rows[0, 0]) // HOUR_MS + 1 - len(rows)) if len(rows) else 0


async def _funding(market: MarketData, names: Mapping[str, str], wanted: Wanted) -> None:
    """What was settled, in one long file; what is there already is gone on with."""
    import pyarrow.parquet as pa_parquet

    path = wanted.folder / FUNDING
    known: dict[tuple[str, int], float] = {}
    if path.exists():
        table = pa_parquet.read_table(path).to_pydict()
        rows = zip(table["symbol"], table["ts"], table["funding_rate"], strict=True)
        known = {(str(symbol), int(at)): float(rate) for symbol, at, rate in rows}
    end_ms = milliseconds(wanted.until)
    for coin, symbol in names.items():
        name = f"{coin}{CURRENCY}"
        last = max((at for own, at in known if own == name), default=milliseconds(wanted.since) - 1)
        while True:
            found = await market.funding_history(symbol, from_milliseconds(last))
            if isinstance(found, Gap):
                raise VenueError(f"funding of {symbol}: {found.why}")
            news: list[tuple[int, Decimal]] = [(int(at), rate) for at, rate in found if last < at < end_ms]
            known |= {(name, at): float(rate) for at, rate in news}
            if not news:
                break
            last = news[-1][0]
    if known:
        keys = sorted(known)
        _write(path, {"ts": [at for _, at in keys], "symbol": [own for own, _ in keys],
                      "funding_rate": [known[key] for key in keys]})  # fmt: skip


def _write(path: Path, columns: Mapping[str, Sequence[object] | Floats]) -> None:
    """The whole file, or the one before: whoever is interrupted goes on from what is there."""
    import pyarrow as pa
    import pyarrow.parquet as pa_parquet

    made = {name: pa.array(values) for name, values in columns.items()}
    made["ts"] = made["ts"].cast(pa.int64())
    half = path.with_suffix(".half")
    pa_parquet.write_table(pa.table(made), half, compression="zstd")
    half.replace(path)
