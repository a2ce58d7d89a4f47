"""Owns the keys of what is read (R-S1 to R-S15): names, defaults and meanings; it reads nothing itself."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, StrictBool, model_validator

from bot.core.policy.base import Assets, Section, fast_before_slow
from bot.core.policy.fields import (
    Asset,
    Count,
    Duration,
    DurationOrZero,
    Fraction,
    Points100,
    Positive,
    Share,
    Timeframe,
    key,
    lasting,
    part,
    share,
    wrong,
)


class Rsi(Section):
    """Relative strength index (R-S1)."""

    period: Count = key(14, "Bars of the index (R-S1).")
    overbought: Points100 = share("70", "Reading over which it is overbought, 0 to 100 (R-S1).")
    oversold: Points100 = share("30", "Reading under which it is oversold, 0 to 100 (R-S1).")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.oversold >= self.overbought:
            raise wrong(f"oversold is {self.oversold}, must be under overbought {self.overbought}")
        return self


class Averages(Section):
    """The two exponential averages (R-S2)."""

    fast: Count = key(50, "Bars of the fast average (R-S2).")
    slow: Count = key(200, "Bars of the slow average (R-S2).")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        return fast_before_slow(self, self.fast, self.slow)


class Macd(Section):
    """Moving average convergence (R-S3)."""

    fast: Count = key(12, "Bars of the fast average (R-S3).")
    slow: Count = key(26, "Bars of the slow average (R-S3).")
    signal: Count = key(9, "Bars of the signal line (R-S3).")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        return fast_before_slow(self, self.fast, self.slow)


class Atr(Section):
    """Average true range (R-S6)."""

    period: Count = key(14, "Bars of the range (R-S6).")
    overextended: Positive = share("3.0", "Ranges above the fast average that make overextended (R-S6).")


class Profile(Section):
    """Volume profile (R-S5)."""

    bars: Count = key(120, "Bars the profile is made of (R-S5).")
    bins: Count = key(50, "Price bins of the profile (R-S5).")


class Signals(Section):
    """Indicators on closed bars (R-S1 to R-S6)."""

    enabled: StrictBool = key(True, "False: bands and calendars alone decide (R-A1, R-A10).")  # noqa: FBT003
    timeframe: Timeframe = key("4h", "Bars of the signals (section 3).")
    regime_timeframe: Timeframe = key("1d", "Bars of the regime and of long averages (section 3).")
    rsi: Rsi = part(Rsi, "Relative strength index (R-S1).")
    averages: Averages = part(Averages, "Exponential averages (R-S2).")
    macd: Macd = part(Macd, "Moving average convergence (R-S3).")
    atr: Atr = part(Atr, "Average true range (R-S6).")
    level_distance: Positive = share("0.5", "Ranges within which a price is at a level (R-S5).")
    pivot: Count = key(5, "Bars on each side that make an extreme a pivot (R-S4).")
    divergence_bars: Count = key(60, "Bars within which two pivots may diverge (R-S4).")
    profile: Profile = part(Profile, "Volume profile (R-S5).")
    trend_bars: Count = key(3, "Equal bars before a trend state changes (R-S6).")


class Regime(Section):
    """Bull, neutral or bear (R-S14, R-T2)."""

    index: Asset = key("BTC", "Coin whose daily closes set the regime (R-S14).")
    fast: Count = key(50, "Days of the fast simple average (R-S14).")
    slow: Count = key(200, "Days of the slow simple average (R-S14).")
    drawdown: Share = share("0.35", "Fall from the high of 365 days that votes bear, as a fraction (R-S14).")
    sentiment: Points100 = share("20", "Sentiment at or under which it votes bear, 0 to 100 (R-S14).")
    confirm: Count = key(3, "Equal daily closes before the regime changes (R-S14).")
    bear_scale: Fraction = share("0.6", "Scale of risk targets in a bear regime without an overlay (R-T2).")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        return fast_before_slow(self, self.fast, self.slow)


def _falling(scale: tuple[Decimal, ...]) -> tuple[Decimal, ...]:
    if len(scale) != 3 or list(scale) != sorted(scale, reverse=True):  # noqa: PLR2004 - stress has three levels
        raise wrong(f"is [{', '.join(map(str, scale))}], must be three fractions that do not rise, for levels 1, 2, 3")
    return scale


class Stress(Section):
    """Alarms of the market as a whole (R-S7 to R-S15, R-A16)."""

    enabled: StrictBool = key(True, "Whether stress is read and acted upon (R-W5).")  # noqa: FBT003
    majors: Assets = key(
        ("BTC", "ETH"), "Coins whose correlation is watched and which take freed weight (R-S8, R-A16)."
    )
    volatility_ratio: Positive = share("1.75", "Volatility over its median that alarms (R-S7).")
    volatility_window: Duration = lasting("20d", "Window of realised volatility (R-S7).")
    history: Duration = lasting("180d", "History of volatility's median and correlation's percentile (R-S7, R-S8).")
    correlation: Fraction = share("0.85", "Mean correlation of the majors that alarms (R-S8).")
    correlation_percentile: Fraction = share("0.90", "Percentile of its own history it must exceed too (R-S8).")
    correlation_window: Duration = lasting("30d", "Window of the correlation (R-S8).")
    liquidity_ratio: Share = share("0.4", "Volume over its usual under which it alarms (R-S9).")
    dominance_points: Positive = share("3.0", "Swing of BTC dominance that alarms, in percent points (R-S11).")
    dominance_window: Duration = lasting("7d", "Window of that swing (R-S11).")
    funding_zscore: Positive = share("4.0", "Standard deviations of funding that alarm (R-S10).")
    funding_history: Duration = lasting("90d", "History of that deviation (R-S10).")
    beta_lookback: Duration = lasting("60d", "Window of each asset's beta (R-A9, R-A16).")
    scale: Annotated[tuple[Fraction, ...], AfterValidator(_falling)] = key(
        (Decimal("0.9"), Decimal("0.75"), Decimal("0.5")), "Scale of risk targets at level 1, 2 and 3 (R-A16)."
    )
    to_majors: Fraction = share("0.3", "Share of freed weight that goes to the majors' targets (R-A16).")
    calm_closes: Count = key(3, "Calmer daily closes before the level falls by one (R-S15).")


class Macro(Section):
    """Scheduled events (R-S13)."""

    before: DurationOrZero = lasting("2h", "Time before an event that counts as the event (R-S13).")
    after: DurationOrZero = lasting("2h", "Time after an event that counts as the event (R-S13).")
    impact: Literal["low", "medium", "high"] = key("high", "Least impact that counts (R-S13).")


class Liquidity(Section):
    """Days needed to leave (R-S9, R-T8)."""

    days: Positive = share("5", "Days to sell a position beyond which it is illiquid (R-S9).")
    volume_share: Share = share("0.01", "Share of daily volume that may be ours while leaving (R-S9).")
    median: Duration = lasting("30d", "Window of the median volume, spread and depth (R-S9).")
