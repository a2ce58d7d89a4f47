"""Owns the registry's rows of when something is done (R-W1 to R-W10). Literals only."""

from __future__ import annotations

from typing import Final

from bot.core.registry import rule
from bot.core.registry.rule import Rule

TRIGGERS: Final[tuple[Rule, ...]] = (
    Rule(
        "R-W1",
        "Opens episodes on a sleeve's calendar, and catches a missed slot up once while it is young.",
        ("targets.sleeves.NAME.calendar", "triggers.calendar", "triggers.slot_age"),
        rule.WHEN,
        "bot.core.triggers.calendar",
    ),
    Rule(
        "R-W2",
        "Fires when an asset or a sleeve is at or beyond its band.",
        (
            "targets.sleeves.NAME.band",
            "targets.sleeves.NAME.hard_band",
            "triggers.band.points",
            "triggers.band.relative",
            "triggers.sleeve_band.points",
            "triggers.sleeve_band.relative",
            "triggers.hard_band",
        ),
        rule.WHEN,
        "bot.core.triggers.threshold",
    ),
    Rule(
        "R-W3",
        "Opens a refill when liquid stables fall under the floor, and works through its sources to a little above it.",
        ("targets.stables.floor", "targets.stables.tolerance", "targets.stables.refill"),
        rule.FLOOR,
        "bot.core.triggers.floor",
    ),
    Rule(
        "R-W4",
        "Flags a narrative that is over its cap, parabolic, overheated, far ahead of Bitcoin, or without liquidity.",
        (
            "targets.sleeves.NAME.narrative",
            "targets.sleeves.NAME.cap",
            "narrative.outperformance",
            "narrative.overheated",
        ),
        rule.NARRATIVE,
        "bot.core.triggers.narrative",
    ),
    Rule(
        "R-W5",
        "Takes stress for a trigger for as long as it lasts.",
        ("stress.enabled",),
        rule.VOLATILITY,
        "bot.core.rules.derisk",
    ),
    Rule(
        "R-W6",
        "Fires on funding over its limit, by settled and predicted rates, and rests only at half of it.",
        ("hedge.funding_limit", "bridge.funding_limit"),
        rule.FUNDING,
        "bot.core.costs",
    ),
    Rule(
        "R-W7",
        "Looks after what was begun: broken pairs, hedges and bridges that are due, positions that vanished.",
        (),
        rule.MACHINE,
        "bot.core.rules.broken",
    ),
    Rule(
        "R-W8",
        "Makes one decision of several triggers, with all their reasons.",
        (),
        rule.WHEN,
        "bot.core.desk",
    ),
    Rule(
        "R-W9",
        "Takes money that came or went for neither profit nor drift, and stops while a change is unexplained.",
        (),
        rule.MACHINE,
        "bot.core.exposure",
    ),
    Rule(
        "R-W10",
        "Fires when the trend of an overweight has just turned, or a recovery after a trim is confirmed.",
        ("triggers.trend",),
        rule.TREND,
        "bot.core.triggers.trend",
    ),
)
