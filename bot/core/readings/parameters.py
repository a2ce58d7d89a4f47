"""Owns what the readings are computed with: plain numbers taken once from the policy, so that no reading parses one."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal

from bot.core.policy import Signals

MS = timedelta(milliseconds=1)
UNIT_MS = {"m": 60_000, "h": 3_600_000, "d": 86_400_000}


def timeframe_ms(timeframe: str) -> int:
    """The length of a bar, in ms, of a timeframe as the policy writes it: a whole number and m, h or d."""
    return int(timeframe[:-1]) * UNIT_MS[timeframe[-1]]


@dataclass(frozen=True, slots=True)
class Parameters:
    """Periods in bars, levels in the reading's own unit, distances in multiples of the ATR, spans of time in ms."""

    timeframe_ms: int
    regime_timeframe_ms: int
    rsi: int
    overbought: float
    oversold: float
    fast: int
    slow: int
    macd_fast: int
    macd_slow: int
    macd_signal: int
    atr: int
    overextended: float
    level_distance: float
    pivot: int
    divergence_bars: int
    profile_bars: int
    profile_bins: int
    trend_bars: int
    parabolic_return: float
    parabolic_ms: int
    volatility_ms: int
    _hash: int = field(init=False, repr=False, compare=False)  # it is part of every key of a memo

    def __post_init__(self) -> None:
        object.__setattr__(
            self, "_hash", hash(tuple(getattr(self, name) for name in self.__slots__ if name != "_hash"))
        )

    def __hash__(self) -> int:
        """Made once."""
        return self._hash


def parameters(
    signals: Signals, parabolic_return: Decimal, parabolic_window: timedelta, volatility_window: timedelta
) -> Parameters:
    """What the policy's `signals`, `narrative.parabolic_*` and `costs.volatility` ask of the readings."""
    return Parameters(
        timeframe_ms=timeframe_ms(signals.timeframe),
        regime_timeframe_ms=timeframe_ms(signals.regime_timeframe),
        rsi=signals.rsi.period,
        overbought=float(signals.rsi.overbought),
        oversold=float(signals.rsi.oversold),
        fast=signals.averages.fast,
        slow=signals.averages.slow,
        macd_fast=signals.macd.fast,
        macd_slow=signals.macd.slow,
        macd_signal=signals.macd.signal,
        atr=signals.atr.period,
        overextended=float(signals.atr.overextended),
        level_distance=float(signals.level_distance),
        pivot=signals.pivot,
        divergence_bars=signals.divergence_bars,
        profile_bars=signals.profile.bars,
        profile_bins=signals.profile.bins,
        trend_bars=signals.trend_bars,
        parabolic_return=float(parabolic_return),
        parabolic_ms=parabolic_window // MS,
        volatility_ms=volatility_window // MS,
    )
