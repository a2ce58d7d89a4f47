"""Owns the last rows of many assets' tables made together: what `row` says of each `table_at`, to the bit.

Averages remember from the first bar of their window on, so they are computed over all of it, asset by asset. What is
judged by them looks back a few bars, and is computed of all assets at once from their last bars. Where those do not
decide (a young series, a trend that turned before them), an asset has its row from its own table.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bot.core.assessment import Readings
from bot.core.readings import indicators, momentum, trend
from bot.core.readings.anchors import anchor
from bot.core.readings.bars import CLOSE, HIGH, LOW, MS, VOLUME, Floats
from bot.core.readings.divergence import FRESH_BARS
from bot.core.readings.indicators import SLOPE_BARS
from bot.core.readings.levels import Beside, Levels, levels_of
from bot.core.readings.parameters import Parameters
from bot.core.readings.pivots import LEVELS
from bot.core.readings.profile import area_of
from bot.core.readings.runs import equal_runs
from bot.core.readings.table import EDGE_BARS, EPOCH, JOINT, digits_of, row, since_yes, state_of, table_at
from bot.core.readings.truth import Truth, spoken, truth

Windows = tuple[Floats, Floats]  # of the signal timeframe and of the regime's
SIGNAL_TAIL = 256  # bars in which a trend has turned and three pivots each way are known, but for rare markets
REGIME_TAIL = 64
ROWS = EDGE_BARS + 1  # rows of the signal timeframe that are looked at
AT_ONCE = 64  # assets: what of them fits into a processor's cache


@dataclass(frozen=True, slots=True, eq=False)
class _Tail:
    """An asset's last bars. ``signal`` (9, w) and ``regime`` (8, w): `_series` and the RSI; ``traded`` (4, length)."""

    signal: Floats
    regime: Floats
    traded: Floats  # high, low, close, volume: what the volume profile is made of
    regime_slow: Floats  # (ROWS,), beside each signal row
    close_ms: int
    rise: tuple[bool, bool]  # whether it is parabolic, and whether that is known
    true_range: float
    volatility: float


def rows_at(windows: Sequence[Windows], asked: Parameters, at_ms: int) -> list[Readings]:
    """The readings of each asset at an instant, from its two series of closed bars."""
    made: list[Readings | None] = [None] * len(windows)
    tails = [(at, tail) for at, each in enumerate(windows) if (tail := _tail(*each, asked, at_ms)) is not None]
    for first in range(0, len(tails), AT_ONCE):
        some = tails[first : first + AT_ONCE]
        for (at, _), read in zip(some, _rows([tail for _, tail in some], asked), strict=True):
            made[at] = read
    return [
        row(table_at(*each, asked, at_ms), at_ms) if read is None else read
        for each, read in zip(windows, made, strict=True)
    ]


# ---- one asset: what remembers its whole window


def _tail(signal_bars: Floats, regime_bars: Floats, asked: Parameters, at_ms: int) -> _Tail | None:
    """The end of an asset's windows; None where they are too short for it."""
    signal = _sound(anchor(signal_bars, asked.timeframe_ms, at_ms, signal=True))
    regime = _sound(anchor(regime_bars, asked.regime_timeframe_ms, at_ms, signal=False))
    width, length = SIGNAL_TAIL + SLOPE_BARS, asked.profile_bars + EDGE_BARS
    if signal.shape[1] < max(width, length, ROWS + 1) or regime.shape[1] < REGIME_TAIL + SLOPE_BARS:
        return None
    seen, beside = _series(signal, asked, width), _series(regime, asked, REGIME_TAIL + SLOPE_BARS)
    if seen is None or beside is None:
        return None
    closes = signal[MS, -ROWS:] + asked.timeframe_ms
    # How many regime bars had closed by each of those closes, counted from the end.
    back = np.searchsorted(regime[MS], closes - asked.regime_timeframe_ms, side="right") - regime.shape[1]
    back[-1] = 0
    if back[0] <= -REGIME_TAIL:
        return None
    rsi = indicators.rsi(signal[CLOSE], asked.rsi)[-width:]
    ranged = indicators.true_range(signal[HIGH, -2:], signal[LOW, -2:], signal[CLOSE, -2:])
    swing = indicators.volatility(regime[MS], regime[CLOSE], asked.regime_timeframe_ms, asked.volatility_ms)
    return _Tail(
        signal=np.concatenate([seen, rsi[None, :]]),
        regime=beside,
        traded=signal[[HIGH, LOW, CLOSE, VOLUME], -length:],
        regime_slow=beside[SLOW, back - 1],
        close_ms=int(closes[-1]),
        rise=_rise(signal, asked),
        true_range=float(ranged[-1]),
        volatility=float(swing[-1]),
    )


def _sound(bars: Floats) -> Floats:
    """The bars that a market can make (`bars.sound`), a column a row: shape (n, 6) to (6, m)."""
    columns = np.ascontiguousarray(bars.T)
    _, _, high, low, close, volume = columns
    good = (high >= close) & (close >= low) & (low > 0) & (volume >= 0) & (high < np.inf) & (volume < np.inf)
    return columns if good.all() else np.ascontiguousarray(columns[:, good])


HIGHS, LOWS, CLOSES, FAST, SLOW, LINE, HISTOGRAM, ATR, RSI = range(9)


def _series(columns: Floats, asked: Parameters, width: int) -> Floats | None:
    """The last ``width`` of `HIGHS` to `ATR`, (8, width); None where an average is not known in all of them."""
    high, low, close = columns[HIGH], columns[LOW], columns[CLOSE]
    line, histogram = indicators.macd(close, asked.macd_fast, asked.macd_slow, asked.macd_signal)
    parts = (
        high,
        low,
        close,
        indicators.ema(close, asked.fast),
        indicators.ema(close, asked.slow),
        line,
        histogram,
        indicators.atr(high, low, close, asked.atr),
    )
    made = np.stack([part[-width:] for part in parts])
    return None if np.isnan(made[:, 0]).any() else made


def _rise(signal: Floats, asked: Parameters) -> tuple[bool, bool]:
    """What `momentum.parabolic` says of the last bar."""
    opened, close = signal[MS], signal[CLOSE]
    wanted = opened[-1] - asked.parabolic_ms
    past = int(np.searchsorted(opened, wanted, side="right")) - 1
    known = past >= 0 and bool(wanted - opened[past] <= momentum.GAP_SHARE * asked.parabolic_ms)
    return bool(close[-1] / close[max(past, 0)] - 1.0 >= asked.parabolic_return), known


# ---- all of them: what looks back a few bars


def _rows(tails: Sequence[_Tail], asked: Parameters) -> list[Readings | None]:
    """The readings of each asset, None where its tail does not decide."""
    signal, regime = np.stack([each.signal for each in tails]), np.stack([each.regime for each in tails])
    turned, beside = _Standing.of(signal, asked), _Standing.of(regime, asked)
    signal = signal[:, :, SLOPE_BARS:]
    histogram = signal[:, HISTOGRAM]
    flags = _Flags.of(signal, asked)
    level = _levels(tails, signal, flags, asked)
    decided = (turned.turned & beside.said & flags.known & _moved(histogram) & _moved(-histogram)).tolist()
    judged = _judged(signal, flags, level, asked)
    made: list[Readings | None] = [None] * len(tails)
    for at in np.flatnonzero(decided).tolist():
        tail = tails[at]
        floats: dict[str, Any] = {name: digits_of(signal[at, row_of, -1]) for name, row_of in FLOATS.items()}
        said = {name: spoken(codes[at]) for name, codes in judged.items()}
        made[at] = Readings(
            **floats,
            **said,
            atr_before=digits_of(signal[at, ATR, -2]),
            parabolic=tail.rise[0] if tail.rise[1] else None,
            trend=state_of(int(turned.state[at])),
            regime_trend=state_of(int(beside.state[at])),
            trend_changed_bars=int(turned.changed_bars[at]),
            previous_trend=state_of(int(turned.previous[at])),
            exhausted_bars=since_yes(level.exhausted[at * ROWS : (at + 1) * ROWS]),
            last_bar_true_range=digits_of(np.float64(tail.true_range)),
            volatility=digits_of(np.float64(tail.volatility)),
            closed_at=EPOCH + timedelta(milliseconds=tail.close_ms),
        )
    return made


def _judged(signal: Floats, flags: _Flags, level: Levels, asked: Parameters) -> dict[str, list[int]]:
    """The flags of the last row by name, a code for each asset."""
    fast, close, measure = signal[:, FAST], signal[:, CLOSES], flags.measure[:, -1]
    up = (close[:, -2:] > fast[:, -2:]) & (signal[:, HISTOGRAM, -2:] > 0)
    beyond = close[:, -1] - fast[:, -1] > asked.overextended * measure
    made: dict[str, list[int]] = {name: column[:, -1].tolist() for name, column in flags.columns.items()}
    made |= {name: getattr(level, name)[EDGE_BARS::ROWS].tolist() for name in JOINT}
    made["recovered"] = np.asarray(up.all(axis=1)).astype(np.int8).tolist()
    made["overextended"] = truth(beyond, ~np.isnan(measure)).tolist()
    return made


FLOATS = {"close": CLOSES, "rsi": RSI, "ema_fast": FAST, "ema_slow": SLOW, "macd_hist": HISTOGRAM, "atr": ATR}


@dataclass(frozen=True, slots=True, eq=False)
class _Standing:
    """The trend at the end as `trend.confirmed` tells it, where ``said``; and its turn, where ``turned``: (k,)."""

    said: NDArray[np.bool_]
    turned: NDArray[np.bool_]
    state: trend.Codes
    changed_bars: NDArray[np.int64]
    previous: trend.Codes

    @classmethod
    def of(cls, seen: Floats, asked: Parameters) -> _Standing:
        """From (k, 8 or 9, w), every average of which is known."""
        slope = indicators.slope(seen[:, FAST])[:, SLOPE_BARS:]
        _, _, close, fast, slow, _, histogram, atr = seen[:, :RSI, SLOPE_BARS:].swapaxes(0, 1)
        # The first of them lacks the bar before it.
        raw = trend.raw_trend(close, fast, slow, slope, histogram, atr)[:, 1:]
        at = np.arange(raw.shape[1])
        # A run may have begun before: what it confirms in its first bars is not seen, and nothing is told before that.
        latest = np.maximum.accumulate(np.where(equal_runs(raw) >= asked.trend_bars, at, -1), axis=1)
        said = latest >= 0
        state = np.where(said, np.take_along_axis(raw, np.maximum(latest, 0), axis=1), trend.NOT_KNOWN)
        turn = np.zeros(raw.shape, dtype=np.bool_)
        turn[:, 1:] = (state[:, 1:] != state[:, :-1]) & said[:, :-1]
        changed = turn[:, ::-1].argmax(axis=1)
        each = np.arange(len(raw))
        return cls(
            said=said[:, -1],
            turned=np.asarray(turn.any(axis=1)),
            state=state[:, -1],
            changed_bars=changed,
            previous=state[each, np.maximum(at[-1] - changed - 1, 0)],
        )


def _moved(histogram: Floats) -> NDArray[np.bool_]:
    """Whether a fall of the histogram began within the tail, so that its length is known: (k, w) to (k,)."""
    return np.asarray((histogram[:, 1:-ROWS] >= histogram[:, : -ROWS - 1]).any(axis=1))


@dataclass(frozen=True, slots=True, eq=False)
class _Flags:
    """The flags of the last `ROWS` rows, (k, ROWS) each, and what levels are told from beside them."""

    columns: dict[str, Truth]
    measure: Floats
    tops: Floats  # (k, ROWS, 3), the prices of the last pivots, newest first
    bottoms: Floats
    known: NDArray[np.bool_]  # (k,) whether three of each are

    @classmethod
    def of(cls, seen: Floats, asked: Parameters) -> _Flags:
        """From (k, 9, w)."""
        rsi, histogram, line = seen[:, RSI], seen[:, HISTOGRAM], seen[:, LINE]
        strength, heard = rsi[:, -ROWS:], ~np.isnan(rsi[:, -ROWS:])
        high, low = seen[:, HIGHS], -seen[:, LOWS]
        tops, bottoms = _pivots(high, asked.pivot), _pivots(low, asked.pivot)
        columns = {
            "overbought": truth(strength > asked.overbought, heard),
            "oversold": truth(strength < asked.oversold, heard),
            "rolling_over": momentum.rolling_over(histogram)[:, -ROWS:],
            "rolling_up": momentum.rolling_over(-histogram)[:, -ROWS:],
            "bearish_divergence": truth(_diverges(tops, high, rsi, line, asked), heard),
            "bullish_divergence": truth(_diverges(bottoms, low, -rsi, -line, asked), heard),
        }
        return cls(
            columns=columns,
            measure=indicators.measure(seen[:, ATR, -ROWS:], seen[:, CLOSES, -ROWS:]),
            tops=_priced(seen[:, HIGHS], tops),
            bottoms=_priced(seen[:, LOWS], bottoms),
            known=np.asarray((np.minimum(tops, bottoms)[:, :, -1] >= 0).all(axis=1)),
        )


def _pivots(price: Floats, span: int) -> NDArray[np.int64]:
    """The last pivots known by each of the last rows, newest first, -1 where fewer: (k, w) to (k, ROWS, 3)."""
    width = price.shape[1]
    inner = width - 2 * span
    middle = price[:, span : span + inner]
    high = np.ones(middle.shape, dtype=np.bool_)
    for distance in range(1, span + 1):
        high &= middle > price[:, span - distance : span - distance + inner]
        high &= middle >= price[:, span + distance : span + distance + inner]
    at = np.full(price.shape, -1, dtype=np.int64)
    at[:, span : span + inner] = np.where(high, np.arange(span, span + inner), -1)
    newest = np.maximum.accumulate(at, axis=1)
    found = [newest[:, np.arange(width - ROWS, width) - span]]
    while len(found) < LEVELS:
        found.append(np.take_along_axis(newest, np.maximum(found[-1] - 1, 0), axis=1))
    return np.stack(found, axis=2)


def _priced(price: Floats, pivots: NDArray[np.int64]) -> Floats:
    flat = np.maximum(pivots, 0).reshape(len(price), -1)
    made: Floats = np.take_along_axis(price, flat, axis=1).reshape(pivots.shape)
    return made


def _diverges(
    pivots: NDArray[np.int64], high: Floats, rsi: Floats, line: Floats, asked: Parameters
) -> NDArray[np.bool_]:
    """What `divergence.bearish` says of the last rows, two pivots being known: (k, ROWS)."""
    newer, older = np.maximum(pivots[:, :, 0], 0), np.maximum(pivots[:, :, 1], 0)

    def rises(column: Floats) -> NDArray[np.bool_]:
        return np.asarray(np.take_along_axis(column, newer, axis=1) > np.take_along_axis(column, older, axis=1))

    def falls(column: Floats) -> NDArray[np.bool_]:
        return np.asarray(np.take_along_axis(column, newer, axis=1) < np.take_along_axis(column, older, axis=1))

    diverges = (falls(rsi) | falls(line)) & rises(high)
    until = np.minimum(older + asked.divergence_bars, newer + FRESH_BARS)
    rows = np.arange(high.shape[1] - ROWS, high.shape[1])
    return np.asarray(diverges & (rows <= until))


def _levels(tails: Sequence[_Tail], signal: Floats, flags: _Flags, asked: Parameters) -> Levels:
    """Support, resistance and what asks for them, of every asset's last rows: (k x ROWS,)."""
    traded = np.stack([each.traded for each in tails])
    shifted = np.lib.stride_tricks.sliding_window_view(traded, asked.profile_bars, axis=2)
    high, low, close, volume = shifted.swapaxes(0, 1).reshape(4, -1, asked.profile_bars)
    area = area_of(high, low, close, volume, asked.profile_bins)
    flat = {name: column.reshape(-1) for name, column in flags.columns.items()}
    beside = Beside(
        close=signal[:, CLOSES, -ROWS:].reshape(-1),
        averages=(signal[:, SLOW, -ROWS:].reshape(-1), np.concatenate([each.regime_slow for each in tails])),
        measure=flags.measure.reshape(-1),
        pivot_lows=flags.bottoms.reshape(-1, LEVELS),
        pivot_highs=flags.tops.reshape(-1, LEVELS),
        **flat,
    )
    return levels_of(beside, area, asked)
