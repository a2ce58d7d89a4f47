"""Owns the heat table: how liquid each symbol is by hour of the day, against its own best hour. No markup."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from bot.ports.panorama import Panorama, Volume

LEVELS: Final = 8
DAYS: Final = 30
KEPT_S: Final = 600.0  # host seconds that a table is good for: medians of a month hardly move


@dataclass(frozen=True, slots=True)
class Cell:
    """A symbol's hour. ``level``: 0 (its quietest) to 8 (its busiest); None where no bar begins then."""

    median: float | None
    level: int | None
    bars: int


@dataclass(frozen=True, slots=True)
class Row:
    """A symbol's day, and what its book looked like last: spread in basis points, turnover of 24 hours."""

    symbol: str
    cells: Sequence[Cell]
    spread_bp: Decimal | None
    day: str | None


@dataclass(frozen=True, slots=True)
class Table:
    """``hours``: those at which bars begin, UTC."""

    hours: Sequence[int]
    rows: Sequence[Row]


class Heat:
    """Keeps the medians for a while, since reading them costs more than showing them."""

    def __init__(self, panorama: Panorama, mono: Callable[[], float]) -> None:
        self._panorama = panorama
        self._mono = mono
        self._read: Sequence[Volume] = ()
        self._until: float | None = None
        self._busy = asyncio.Lock()

    async def table(self, inputs: Mapping[str, Any]) -> Table:
        """The table as of now."""
        async with self._busy:
            if self._until is None or self._mono() >= self._until:
                self._read = await self._panorama.volumes(DAYS)
                self._until = self._mono() + KEPT_S if self._read else None
        return table(self._read, inputs)


def table(volumes: Sequence[Volume], inputs: Mapping[str, Any]) -> Table:
    """Rows by symbol; each cell by its share of the symbol's best hour."""
    hours = sorted({each.hour for each in volumes})
    by_symbol: dict[str, dict[int, Volume]] = {}
    for each in volumes:
        by_symbol.setdefault(each.symbol, {})[each.hour] = each
    tickers = inputs.get("tickers", {})
    rows = []
    for symbol, found in sorted(by_symbol.items()):
        best = max(each.median for each in found.values())
        cells = [_cell(found.get(hour), best) for hour in hours]
        ticker = tickers.get(symbol, {})
        rows.append(Row(symbol, cells, _spread_bp(ticker), ticker.get("quote_volume")))
    return Table(hours, rows)


def _cell(volume: Volume | None, best: float) -> Cell:
    if volume is None:
        return Cell(None, None, 0)
    return Cell(volume.median, round(volume.median / best * LEVELS) if best > 0 else 0, volume.bars)


def _spread_bp(ticker: Mapping[str, Any]) -> Decimal | None:
    try:
        bid, ask = Decimal(str(ticker.get("bid"))), Decimal(str(ticker.get("ask")))
    except InvalidOperation:
        return None
    middle = (bid + ask) / 2
    return (ask - bid) / middle * 10_000 if middle > 0 and ask >= bid else None
