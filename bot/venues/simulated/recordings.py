"""Owns how recorded candles and funding are read from a folder: Parquet, CSV or Arrow, checked before they are played.

Candles: one file per symbol, `BTCUSDT.parquet`, `.csv`, `.arrow` or `.feather`, columns `ts` (opening, ms UTC), `open`,
`high`, `low`, `close`, `volume` (base units), hourly; or files of any name that hold many, with a column `symbol`.
Funding: columns `ts` (settlement, ms UTC), `symbol`, `funding_rate`; a file
`funding.*` in the folder, or any files in a folder `funding` inside or beside it. Of several venues there (the word
before the first `_` of a file's name) a symbol is served by the first in the alphabet that has it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bot.core.numbers import from_milliseconds, utc_text
from bot.venues.simulated.market import CURRENCY, Floats
from bot.venues.simulated.paths import HOUR_MS

COLUMNS = ("ts", "open", "high", "low", "close", "volume")
FUNDING_COLUMNS = ("ts", "symbol", "funding_rate")
SYMBOL = "symbol"
SUFFIXES = (".parquet", ".csv", ".arrow", ".feather")
FUNDING = "funding"
USUAL_INTERVAL_MS = 8 * HOUR_MS
LONGEST_INTERVAL_MS = 8 * HOUR_MS  # a longer distance between records is a hole, not an interval
RATE_DIGITS = 8


class TapeError(ValueError):
    """A tape that cannot be played: one line with the file, the place and what would be right."""


@dataclass(frozen=True, slots=True, eq=False)
class Rates:
    """One coin's settlements, oldest first: instants, exact rates, and the interval that each belongs to."""

    times_ms: NDArray[np.int64]
    rates: tuple[Decimal, ...]
    intervals_ms: NDArray[np.int64]


def in_utc(at: datetime | str) -> datetime:
    """An instant from settings, `2021-05-10` or with time and zone; without a zone it is UTC."""
    if isinstance(at, str):
        try:
            at = datetime.fromisoformat(at)
        except ValueError as error:
            raise TapeError(
                f"local.start: {at!r} is no date, must look like 2021-05-10 or 2021-05-10T08:00Z"
            ) from error
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def read_candles(folder: Path) -> Mapping[str, Floats]:
    """Bars (n, 6) by coin; raises `TapeError`."""
    if not folder.is_dir():
        raise TapeError(f"local.tape: {folder} is no folder, must hold files like BTCUSDT.parquet")
    files = candle_files(folder)
    if not files:
        raise TapeError(
            f"local.tape: {folder} holds no {' or '.join(SUFFIXES)} file, must hold files like BTCUSDT.parquet"
        )
    reels: dict[str, Floats] = {}
    for path in files:
        for coin, rows in candles_of(path).items():
            if coin in reels:
                raise TapeError(f"{path}: {coin} is recorded twice in this folder, keep one file")
            reels[coin] = _checked(path, rows)
    return reels


def candles_of(path: Path, *, finite: bool = True) -> Mapping[str, Floats]:
    """What one file holds by coin, rows as they stand (n, 6); raises `TapeError`.

    ``finite``: whether a number that is missing or not finite is refused.
    """
    table = _table(path)
    columns = [_numbers(path, column, finite=finite) for column in _named(path, table, COLUMNS)]
    rows = np.column_stack(columns)
    if SYMBOL not in table.column_names:
        return {_coin(path, path.stem): rows}
    names = np.asarray(table.column(SYMBOL).to_pylist(), dtype=object)
    return {_coin(path, name): rows[names == name] for name in sorted({str(name) for name in names})}


def _coin(path: Path, name: str) -> str:
    coin = name.removesuffix(CURRENCY)
    if coin in ("", name):
        where = "the name" if name == path.stem else f"symbol {name!r}"
        raise TapeError(f"{path}: {where} must be a coin and {CURRENCY}, e.g. BTC{CURRENCY}{path.suffix}")
    return coin


def read_funding(folder: Path) -> Mapping[str, Rates]:
    """Recorded funding by coin, of whatever there is; raises `TapeError` for a file that is not what it should be."""
    places = (folder, folder / FUNDING, folder.parent / FUNDING)
    files = [path for path in _files(folder) if path.stem == FUNDING]
    for place in places[1:]:
        files += _files(place) if place.is_dir() and not files else []
    by_venue: dict[str, dict[str, dict[int, float]]] = {}
    for path in files:
        venue = by_venue.setdefault(path.stem.partition("_")[0], {})
        times, symbols, rates = _columns(path, FUNDING_COLUMNS)
        rows = zip(_numbers(path, times).tolist(), symbols[1].to_pylist(), _numbers(path, rates).tolist(), strict=True)
        for time_ms, symbol, rate in rows:
            venue.setdefault(str(symbol).removesuffix(CURRENCY), {}).setdefault(int(time_ms), rate)
    found: dict[str, Rates] = {}
    for _, venue in sorted(by_venue.items()):
        for coin, rows_of in venue.items():
            found.setdefault(coin, _rates(rows_of))
    return found


def _rates(rows: Mapping[int, float]) -> Rates:
    times = np.array(sorted(rows), dtype=np.int64)
    # What lies between a record and the one before is its interval; over a hole the usual one.
    apart = np.diff(times, prepend=times[0] - USUAL_INTERVAL_MS)
    intervals = np.where(apart > LONGEST_INTERVAL_MS, USUAL_INTERVAL_MS, apart)
    rates = tuple(Decimal(f"{rows[time]:.{RATE_DIGITS}f}") for time in times.tolist())
    return Rates(times, rates, intervals)


def candle_files(folder: Path) -> list[Path]:
    """The files of a folder that should hold candles, by name."""
    return [path for path in _files(folder) if not path.stem.startswith(FUNDING)]


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.suffix in SUFFIXES and path.is_file())


def _columns(path: Path, names: tuple[str, ...]) -> list[tuple[str, Any]]:
    """The named columns of a file, each with its name, in this order."""
    return _named(path, _table(path), names)


def _table(path: Path) -> Any:
    import pyarrow as pa
    import pyarrow.csv as pa_csv
    import pyarrow.feather as pa_feather
    import pyarrow.parquet as pa_parquet

    readers = {".parquet": pa_parquet.read_table, ".csv": pa_csv.read_csv}
    try:
        return readers.get(path.suffix, pa_feather.read_table)(path)
    except (pa.ArrowException, OSError) as error:
        raise TapeError(f"{path}: not readable as {path.suffix[1:]}: {str(error).splitlines()[0]}") from error


def _named(path: Path, table: Any, names: tuple[str, ...]) -> list[tuple[str, Any]]:
    missing = [name for name in names if name not in table.column_names]
    if missing:
        raise TapeError(f"{path}: has no column {', '.join(missing)}, must have {', '.join(names)}")
    return [(name, table.column(name)) for name in names]


def _numbers(path: Path, column: tuple[str, Any], *, finite: bool = True) -> Floats:
    name, values = column
    try:
        numbers = np.asarray(values.to_numpy(), dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise TapeError(f"{path}: column {name} holds {values.type}, must hold numbers") from error
    if finite and not np.isfinite(numbers).all():
        row = int(np.flatnonzero(~np.isfinite(numbers))[0])
        raise TapeError(f"{path}: column {name}, row {row + 1}: is missing or not finite, must be a number")
    return numbers


def _checked(path: Path, bars: Floats) -> Floats:
    """The bars, oldest first; refused where they cannot be what was traded."""
    if not len(bars):
        raise TapeError(f"{path}: holds no bar")
    bars = bars[np.argsort(bars[:, 0], kind="stable")]
    opened, prices = bars[:, 0], bars[:, 1:5]
    faults = (
        (np.diff(opened, prepend=-1) <= 0, "the same time stands twice"),
        (opened % HOUR_MS != 0, "does not open on a full hour (ts is ms since 1970, UTC)"),
        ((prices <= 0).any(axis=1), "holds a price that is not above 0"),
        (bars[:, 5] < 0, "holds a negative volume"),
        ((prices.max(axis=1) > bars[:, 2]) | (prices.min(axis=1) < bars[:, 3]), "trades outside its own high and low"),
    )
    for fault, what in faults:
        if fault.any():
            at = from_milliseconds(float(opened[np.flatnonzero(fault)[0]]))
            raise TapeError(f"{path}: the bar of {utc_text(at)} {what}")
    return bars
