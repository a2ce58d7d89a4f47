"""Owns the registry's rows of what is read (R-S1 to R-S15). Literals only."""

from __future__ import annotations

from typing import Final

from bot.core.registry import rule
from bot.core.registry.rule import Rule

READINGS: Final[tuple[Rule, ...]] = (
    Rule(
        "R-S1",
        "Reads overbought and oversold off the relative strength index.",
        ("signals.rsi.*",),
        rule.TREND,
        "bot.core.readings.indicators",
    ),
    Rule(
        "R-S2",
        "Reads the fast and slow averages, their cross and the slope.",
        ("signals.averages.*",),
        rule.TREND,
        "bot.core.readings.columns",
    ),
    Rule(
        "R-S3",
        "Sees momentum rolling over or up in the histogram of the moving average convergence.",
        ("signals.macd.*",),
        rule.TREND,
        "bot.core.readings.momentum",
    ),
    Rule(
        "R-S4",
        "Finds price and momentum disagreeing at the last two pivots.",
        ("signals.pivot", "signals.divergence_bars"),
        rule.TREND,
        "bot.core.readings.divergence",
    ),
    Rule(
        "R-S5",
        "Says whether a price is at support or resistance: recent pivots, long averages, the edges of the value area.",
        ("signals.level_distance", "signals.profile.bars", "signals.profile.bins"),
        rule.TREND,
        "bot.core.readings.levels",
    ),
    Rule(
        "R-S6",
        "Names the trend and its flags: overextended, exhausted, bottoming, parabolic.",
        (
            "signals.enabled",
            "signals.timeframe",
            "signals.regime_timeframe",
            "signals.trend_bars",
            "signals.atr.period",
            "signals.atr.overextended",
            "narrative.parabolic_return",
            "narrative.parabolic_window",
        ),
        rule.TREND,
        "bot.core.readings.trend",
    ),
    Rule(
        "R-S7",
        "Alarms when volatility stands far over its own median.",
        ("stress.volatility_ratio", "stress.volatility_window", "stress.history"),
        rule.VOLATILITY,
        "bot.core.readings.stress",
    ),
    Rule(
        "R-S8",
        "Alarms when the majors move as one, more than they usually do.",
        (
            "stress.majors",
            "stress.correlation",
            "stress.correlation_percentile",
            "stress.correlation_window",
            "stress.history",
        ),
        rule.VOLATILITY,
        "bot.core.readings.stress",
    ),
    Rule(
        "R-S9",
        "Tells liquidity by spread, depth and volume against what is usual, and by the days an exit would take.",
        ("stress.liquidity_ratio", "liquidity.days", "liquidity.volume_share", "liquidity.median"),
        rule.VOLATILITY,
        "bot.core.market",
    ),
    Rule(
        "R-S10",
        "Annualises funding, counts what each position paid, and alarms at a swing out of its history.",
        ("stress.funding_zscore", "stress.funding_history"),
        rule.FUNDING,
        "bot.core.costs",
    ),
    Rule(
        "R-S11",
        "Alarms when Bitcoin's share of the market swings within days.",
        ("stress.dominance_points", "stress.dominance_window", "feeds.dominance"),
        rule.VOLATILITY,
        "bot.core.readings.stress",
    ),
    Rule(
        "R-S12",
        "Takes sentiment from outside, of the market and of each narrative.",
        ("feeds.sentiment",),
        rule.NARRATIVE,
        "bot.core.market",
    ),
    Rule(
        "R-S13",
        "Counts the hours around scheduled events of enough impact.",
        ("macro.*", "feeds.macro"),
        rule.VOLATILITY,
        "bot.core.market",
    ),
    Rule(
        "R-S14",
        "Votes each daily close of the index into bull, neutral or bear, and changes only when confirmed.",
        ("regime.index", "regime.fast", "regime.slow", "regime.drawdown", "regime.sentiment", "regime.confirm"),
        rule.REGIME,
        "bot.core.readings.regime",
    ),
    Rule(
        "R-S15",
        "Adds the alarms up to a level of stress that rises at once and falls slowly.",
        ("stress.calm_closes",),
        rule.VOLATILITY,
        "bot.core.readings.stress",
    ),
)
