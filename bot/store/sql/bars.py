"""Owns how candles are kept: each bar once, and what a snapshot saw of them as a stretch of each series.

A window names, per series, the first and last bar it saw and the decision as of which they are read. A bar that the
venue revises later is a new row with that later decision's number, so that older windows read what they always did.
A stretch that this cannot give back bit by bit (a bar the venue took back, a time between milliseconds) is kept whole
in its window.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, bindparam, delete, insert, select

from bot.core.numbers import canonical_json
from bot.core.snapshot import BAR_COLUMNS, Snapshot
from bot.ports.errors import StoreError
from bot.store.sql.engine import new_id
from bot.store.sql.prepared import Prepared
from bot.store.sql.tables import bars, decisions, series, snapshots, windows

Rows: TypeAlias = NDArray[np.float64]  # (n, 6): ms, open, high, low, close, volume
_VALUES = ("open", "high", "low", "close", "volume")
_WINDOW = Prepared(
    select(windows.c.id).where(windows.c.book_id == bindparam("book"), windows.c.digest == bindparam("key"))
)
_KEEP = Prepared(insert(bars))


def window_digest(snapshot: Snapshot) -> str:
    """Equal for equal candles."""
    return snapshot.window


@dataclass(slots=True)
class _Known:
    """The latest bars of a series that the database holds from ``since`` (ms) on; ``since`` None: not read yet."""

    id: int
    since: float | None
    rows: Rows


class BarWriter:
    """The leader's side. What it remembers is only true while its transactions commit: `forget` when one did not."""

    def __init__(self) -> None:
        self._series: dict[tuple[str, str], _Known] | None = None
        self._window: tuple[str, int] = ("", 0)

    def forget(self) -> None:
        """Read anew from the database next time."""
        self._series = None
        self._window = ("", 0)

    def keep(self, connection: Connection, book: int, number: int, snapshot: Snapshot) -> int:
        """Write what is new in a snapshot's candles, seen first by decision ``number``; the id of its window."""
        key = window_digest(snapshot)
        if self._window[0] != key:
            found = _WINDOW.value(connection, {"book": book, "key": key})
            if found is None:
                found = self._write(connection, book, number, snapshot, key)
            self._window = (key, int(found))
        return self._window[1]

    def _write(self, connection: Connection, book: int, number: int, snapshot: Snapshot, key: str) -> int:
        fresh: list[tuple[int, Rows]] = []
        body = {
            symbol: {frame: self._place(connection, book, (symbol, frame, held), fresh) for frame, held in frames}
            for symbol, frames in ((symbol, sorted(frames.items())) for symbol, frames in snapshot.candles.items())
        }
        if fresh:
            _KEEP.run_columns(connection, _columns(fresh, number))
        made = connection.execute(
            insert(windows).values(book_id=book, digest=key, as_of=number, body=canonical_json(body))
        )
        return new_id(made)

    def _place(
        self,
        connection: Connection,
        book: int,
        seen: tuple[str, str, Rows],
        fresh: list[tuple[int, Rows]],
    ) -> list[int] | str:
        """Say where a series' bars are: [series, first ms, last ms], nothing, or the bytes themselves as text."""
        symbol, frame, held = seen
        if not len(held):
            return []
        if not _regular(held):
            return _whole(held)
        known = self._known(connection, book, symbol, frame)
        first, last = float(held[0, 0]), float(held[-1, 0])
        if known.since is None or first < known.since:
            known.rows, known.since = _latest(connection, known.id, int(first)), first
        if (count := _continued(known.rows, held)) is not None:
            if count < len(held):
                fresh.append((known.id, held[count:]))
            known.rows, known.since = held, first
            return [known.id, int(first), int(last)]
        news, extra = _news(known.rows, held)
        if extra:
            return _whole(held)
        if len(news):
            fresh.append((known.id, news))
            known.rows = _merged(known.rows, news)
        # Bars before this stretch will hardly be asked for again.
        known.rows, known.since = known.rows[known.rows[:, 0] >= first], first
        return [known.id, int(first), int(last)]

    def _known(self, connection: Connection, book: int, symbol: str, frame: str) -> _Known:
        if self._series is None:
            rows = connection.execute(select(series).where(series.c.book_id == book))
            self._series = {(row.symbol, row.timeframe): _Known(row.id, None, _none()) for row in rows}
        known = self._series.get((symbol, frame))
        if known is None:
            made = connection.execute(insert(series).values(book_id=book, symbol=symbol, timeframe=frame))
            known = self._series[symbol, frame] = _Known(new_id(made), None, _none())
        return known


def _none() -> Rows:
    return np.empty((0, BAR_COLUMNS))


def _regular(held: Rows) -> bool:
    """Whether the bars survive columns: whole milliseconds, and no -0.0, which SQLite stores as 0."""
    whole = np.equal(held[:, 0], np.floor(held[:, 0])) & (np.abs(held[:, 0]) < 2**53)
    return bool(whole.all() and not (np.signbit(held) & (held == 0)).any())


def _whole(held: Rows) -> str:
    return base64.b64encode(np.ascontiguousarray(held).tobytes()).decode()


def _bits(rows: Rows) -> NDArray[np.int64]:
    return np.ascontiguousarray(rows).view(np.int64)


def _continued(known: Rows, held: Rows) -> int | None:
    """How many of the bars are held already, where what is held only goes on; None where anything else differs."""
    inside = known[np.searchsorted(known[:, 0], held[0, 0]) :]
    count = len(inside)
    return count if count <= len(held) and (_bits(held[:count]) == _bits(inside)).all() else None


def _news(known: Rows, held: Rows) -> tuple[Rows, bool]:
    """Bars that the database does not hold so, and whether it holds times in between that the series lacks."""
    inside = known[(known[:, 0] >= held[0, 0]) & (known[:, 0] <= held[-1, 0])]
    if not np.isin(inside[:, 0], held[:, 0], assume_unique=True).all():
        return _none(), True
    same = np.zeros(len(held), dtype=bool)
    at = np.searchsorted(held[:, 0], inside[:, 0])
    same[at] = (_bits(held[at]) == _bits(inside)).all(axis=1) if len(inside) else True
    return held[~same], False


def _merged(known: Rows, news: Rows) -> Rows:
    kept = known[~np.isin(known[:, 0], news[:, 0], assume_unique=True)]
    both = np.concatenate([kept, news])
    return both[np.argsort(both[:, 0])]


def _columns(fresh: list[tuple[int, Rows]], number: int) -> dict[str, list[Any]]:
    """Bars of several series as the columns of the table."""
    rows = np.concatenate([news for _, news in fresh])
    return {
        "series_id": [each for each, news in fresh for _ in range(len(news))],
        "number": [number] * len(rows),
        "at_ms": rows[:, 0].astype(np.int64).tolist(),
        **{name: rows[:, place].tolist() for place, name in enumerate(_VALUES, start=1)},
    }


def _read(connection: Connection, series_id: int, since: int) -> tuple[Rows, NDArray[np.int64]]:
    """Every version of a series' bars from ``since`` (ms), by time and then number."""
    wanted = (
        select(bars.c.at_ms, *(bars.c[name] for name in _VALUES), bars.c.number)
        .where(bars.c.series_id == series_id, bars.c.at_ms >= since)
        .order_by(bars.c.at_ms, bars.c.number)
    )
    read = [tuple(row) for row in connection.execute(wanted)]
    if not read:
        return _none(), np.empty(0, dtype=np.int64)
    whole = np.array([row[:BAR_COLUMNS] for row in read], dtype=np.float64)
    return whole, np.array([row[BAR_COLUMNS] for row in read], dtype=np.int64)


def _last_of_each(rows: Rows) -> Rows:
    """The last row of each time, of rows ordered by time."""
    return rows[np.append(np.diff(rows[:, 0]) != 0, True)] if len(rows) else rows


def _latest(connection: Connection, series_id: int, since: int) -> Rows:
    return _last_of_each(_read(connection, series_id, since)[0])


@dataclass(slots=True)
class _Held:
    since: int
    as_of: int
    rows: Rows
    numbers: NDArray[np.int64]


class BarReader:
    """The readers' side: gives back the very arrays that a snapshot saw; remembers the series it has read."""

    def __init__(self) -> None:
        self._held: dict[int, _Held] = {}
        self._last: tuple[int, dict[str, dict[str, Rows]]] = (0, {})

    def candles(self, connection: Connection, book: int, window_id: int) -> dict[str, dict[str, Rows]]:
        """Candles by symbol and timeframe; raises StoreError when they are not what was recorded."""
        if self._last[0] != window_id:
            row = connection.execute(select(windows).where(windows.c.id == window_id)).one()
            made = {
                symbol: {frame: self._series(connection, book, where, row.as_of) for frame, where in frames.items()}
                for symbol, frames in json.loads(row.body).items()
            }
            self._last = (window_id, made)
        return self._last[1]

    def _series(self, connection: Connection, book: int, where: list[int] | str, as_of: int) -> Rows:
        if isinstance(where, str):
            rows = np.frombuffer(base64.b64decode(where), dtype=np.float64).reshape(-1, BAR_COLUMNS)
        elif not where:
            rows = _none()
        else:
            rows = self._stretch(connection, book, where, as_of)
        rows.setflags(write=False)
        return rows

    def _stretch(self, connection: Connection, book: int, where: list[int], as_of: int) -> Rows:
        series_id, first, last = where
        held = self._held.get(series_id)
        if held is None or held.since > first or held.as_of < as_of:
            newest = select(decisions.c.number).where(decisions.c.book_id == book)
            upto = connection.execute(newest.order_by(decisions.c.number.desc()).limit(1)).scalar()
            held = self._held[series_id] = _Held(first, int(upto or 0), *_read(connection, series_id, first))
        inside = (held.rows[:, 0] >= first) & (held.rows[:, 0] <= last) & (held.numbers <= as_of)
        return np.ascontiguousarray(_last_of_each(held.rows[inside]))


def check(snapshot: Snapshot, recorded: str, decision_id: str) -> None:
    """Raise StoreError unless the candles read back are those that were recorded."""
    if window_digest(snapshot) != recorded:
        message = f"the candles of decision {decision_id} do not read back as they were recorded; the record is damaged"
        raise StoreError(message)


def prune_bars(connection: Connection, book: int) -> None:
    """Drop windows that no snapshot refers to, and the bars before any window that is left."""
    used = select(snapshots.c.window_id).where(snapshots.c.book_id == book)
    unused = windows.c.id.not_in(used)
    if not connection.execute(delete(windows).where(windows.c.book_id == book, unused)).rowcount:
        return
    first: dict[int, int] = {}
    for (body,) in connection.execute(select(windows.c.body).where(windows.c.book_id == book)):
        for frames in json.loads(body).values():
            for where in frames.values():
                if isinstance(where, list) and where:
                    first[where[0]] = min(where[1], first.get(where[0], where[1]))
    for series_id in connection.execute(select(series.c.id).where(series.c.book_id == book)).scalars().all():
        old = bars.c.series_id == series_id
        if series_id in first:
            old &= bars.c.at_ms < first[series_id]
        connection.execute(delete(bars).where(old))
