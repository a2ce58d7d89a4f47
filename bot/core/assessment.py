"""Owns what the account looks like to a decision: readings, exposures, stables, targets. Values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Literal

from bot.core.kept import Kept

Regime = Literal["bull", "neutral", "bear", "unknown"]


class Trend(StrEnum):
    """The trend states of R-S6."""

    STRONG_UP = "strong up"
    WEAKENING_UP = "weakening up"
    RANGE = "range"
    STABILISING_DOWN = "stabilising down"
    STRONG_DOWN = "strong down"


@dataclass(frozen=True, slots=True)
class Readings:
    """The last row of an asset's table (R-S1 to R-S6); None = unknown. Prices in quote, volatility a year."""

    close: float | None = None
    rsi: float | None = None
    ema_fast: float | None = None
    ema_slow: float | None = None
    macd_hist: float | None = None
    atr: float | None = None
    trend: Trend | None = None
    regime_trend: Trend | None = None
    trend_changed_bars: int | None = None  # bars since the confirmed state last changed (R-W10)
    previous_trend: Trend | None = None
    overbought: bool | None = None
    oversold: bool | None = None
    rolling_over: bool | None = None
    rolling_up: bool | None = None
    bearish_divergence: bool | None = None
    bullish_divergence: bool | None = None
    at_support: bool | None = None
    at_resistance: bool | None = None
    overextended: bool | None = None
    exhausted: bool | None = None
    exhausted_bars: int | None = None  # bars since it became exhausted, 0 on that bar; None = not, or over 3 (R-W10)
    bottoming: bool | None = None
    parabolic: bool | None = None
    recovered: bool | None = None  # close > fast average and histogram > 0 on the last two closes (R-A13)
    last_bar_true_range: float | None = None
    atr_before: float | None = None  # ATR up to the bar before the last (R-G4)
    volatility: float | None = None  # realised, a year (R-G10)
    closed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Exposure:
    """One asset: coins and signed futures in base units, weights as fractions of E; drift = net - target."""

    asset: str
    sleeve: str
    price: Decimal | None  # spot mid (or last, flagged in `notes`)
    coins: Decimal  # free + locked + earn
    coins_free: Decimal
    contracts: Decimal  # signed base units of purpose hedge, risk, bridge
    index_contracts: Decimal  # signed base units of index hedges: not in net
    spot: Decimal
    futures: Decimal
    net: Decimal
    target: Decimal
    band_low: Decimal
    band_high: Decimal
    drift: Decimal
    readings: Readings = Readings()
    notes: tuple[str, ...] = ()

    @property
    def band(self) -> Decimal:
        """The half-width of the band, in fractions of E."""
        return self.band_high - self.target


@dataclass(frozen=True, slots=True)
class Stables:
    """Good stablecoins in accounting currency: L = liquid; P = max(0, L - floor x E)."""

    liquid: Decimal
    spot_free: Decimal
    futures_available: Decimal
    futures_wallet: Decimal
    earn: Decimal
    margin: Decimal
    dry_powder: Decimal


@dataclass(frozen=True, slots=True)
class Trigger:
    """Why something may have to be done: rule, subject (asset, sleeve or `stables`) and a sentence."""

    rule: str
    subject: str
    why: str
    direction: Literal["over", "under", "refill", "upkeep"]
    goal: Decimal | None = None  # where an episode opened by it ends, when not at the asset's own goal


@dataclass(frozen=True, slots=True)
class Market:
    """The market as a whole (R-S7 to R-S15): betas against the index (missing = unknown), illiquid assets and why."""

    regime: Regime = "unknown"
    stress: int = 0
    alarms: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    betas: Mapping[str, Decimal] = field(default_factory=dict)
    illiquid: Mapping[str, str] = field(default_factory=dict)
    outperformance: Mapping[str, Decimal] = field(default_factory=dict)  # return beyond the index's (R-W4)


@dataclass(frozen=True, slots=True)
class RiskShare:
    """An asset's share of variance now, its budget, the share without its risk short, the net at the budget (R-T5)."""

    share: Decimal
    budget: Decimal
    without: Decimal
    at_budget: Decimal


@dataclass(frozen=True, slots=True)
class Assessment:
    """What `assess` makes of a snapshot. ``equity`` None = unknown: nothing is sized."""

    at: datetime
    equity: Decimal | None
    regime: Regime
    stress: int
    exposures: tuple[Exposure, ...]
    stables: Stables
    read_equity: Decimal | None = None  # E as read, also while it is not believed
    strange: Literal["", "new", "waiting"] = ""  # a change of E that nothing explains (R-W9)
    alarms: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    triggers: tuple[Trigger, ...] = ()
    targets: Mapping[str, Decimal] = field(default_factory=dict)
    market: Market = Market()
    neutral: Mapping[str, Decimal] = field(default_factory=dict)  # targets as in a neutral regime (R-A6)
    neutral_bands: Mapping[str, Decimal] = field(default_factory=dict)
    risk: Mapping[str, RiskShare] = field(default_factory=dict)  # empty outside risk parity, or unknown
    worth: Mapping[str, Decimal] = field(default_factory=dict)  # what each configured asset and stable adds to E
    rescoped: Decimal = Decimal(0)  # what of E a change of the configuration alone brought (+) or took (-)
    unit_value: Decimal = Decimal(1)  # of what was there at the first start, flows taken out (R-G13)
    doubt: Decimal = Decimal(0)  # what of E no flow explains yet, and the unit value leaves out (R-W9)

    def exposure(self, asset: str) -> Exposure:
        """The exposure of a configured asset; raises KeyError."""
        return _BY_ASSET.of(self.exposures)[asset]


def _by_asset(exposures: tuple[Exposure, ...]) -> Mapping[str, Exposure]:
    return {item.asset: item for item in exposures}


_BY_ASSET: Kept[tuple[Exposure, ...], Mapping[str, Exposure]] = Kept(_by_asset, 8)
