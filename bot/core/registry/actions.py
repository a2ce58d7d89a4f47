"""Owns the registry's rows of what is done (R-A1 to R-A20). Literals only."""

from __future__ import annotations

from typing import Final

from bot.core.registry import rule
from bot.core.registry.rule import Rule

ACTIONS: Final[tuple[Rule, ...]] = (
    Rule(
        "R-A1",
        "Sets how much of an increment is trimmed by the trend: winners run, exhausted ones go in full.",
        ("signals.enabled", "trim.speed.strong_up", "trim.speed.overextended", "trim.speed.weakening_up"),
        rule.TREND,
        "bot.core.rules.trim",
    ),
    Rule(
        "R-A2",
        "Sizes a step by increment and excess over the goal, without leaving a crumb.",
        ("targets.sleeves.NAME.goal", "targets.sleeves.NAME.trim", "triggers.goal", "trim.increment"),
        rule.TRIM,
        "bot.core.sizing",
    ),
    Rule(
        "R-A3",
        "Splits a trim into a sale and a short, as fixed or by what costs least.",
        ("trim.spot_share", "trim.route", "hedge.min_size"),
        rule.TRIM,
        "bot.core.rules.trim",
    ),
    Rule(
        "R-A4",
        "Decides whether a hedge is possible and worth its funding, or preferred to a sale.",
        (
            "targets.sleeves.NAME.instruments",
            "targets.sleeves.NAME.hedge",
            "trim.prefer",
            "hedge.enabled",
            "hedge.funding_limit",
            "venue.futures",
        ),
        rule.TRIM,
        "bot.core.futures",
    ),
    Rule(
        "R-A5",
        "Passes what a trim brought in to laggards that may be added to, else to stables.",
        (),
        rule.TRIM,
        "bot.core.rules.add",
    ),
    Rule(
        "R-A6",
        "Shorts an overweight once in a bear market instead of selling it.",
        ("hedge.bear_size",),
        rule.HEDGE,
        "bot.core.rules.bear",
    ),
    Rule(
        "R-A7",
        "Never holds more coins short than long, per asset and, weighed by beta, as a whole.",
        ("hedge.max_ratio",),
        rule.HEDGE,
        "bot.core.rules.net_short",
    ),
    Rule(
        "R-A8",
        "Decides what becomes of a hedge: shrunk with its spot, unwound, converted into a sale, or kept.",
        ("hedge.funding_limit", "hedge.max_age", "hedge.unwind"),
        rule.HEDGE,
        "bot.core.rules.unhedge",
    ),
    Rule(
        "R-A9",
        "Shorts the index against the whole book in a bear market, by increments, sized by beta.",
        ("stress.beta_lookback", "hedge.index.*"),
        rule.REGIME,
        "bot.core.rules.index",
    ),
    Rule(
        "R-A10",
        "Adds to a laggard unless it falls like a knife, has run too far, or the market is under stress.",
        ("signals.enabled",),
        rule.ADD,
        "bot.core.rules.add",
    ),
    Rule(
        "R-A11",
        "Sizes an addition: a short is closed first, then spot within dry powder, else a bridge.",
        ("add.increment", "add.route", "targets.sleeves.NAME.add"),
        rule.ADD,
        "bot.core.rules.add",
    ),
    Rule(
        "R-A12",
        "Opens a bridge, a small long that stands in for spot, where bottoming, funding and distance allow.",
        (
            "bridge.enabled",
            "bridge.leverage",
            "bridge.leverage_cap",
            "bridge.max_exposure",
            "bridge.liquidation_distance",
            "bridge.funding_limit",
            "targets.sleeves.NAME.bridge",
        ),
        rule.ADD,
        "bot.core.futures",
    ),
    Rule(
        "R-A13",
        "Turns a bridge into spot in rounds once recovery is confirmed, or it costs too much or takes too long.",
        ("bridge.funding_budget", "bridge.stagnation", "bridge.max_age", "convert.slice"),
        rule.ADD,
        "bot.core.rules.bridge",
    ),
    Rule(
        "R-A14",
        "Closes a bridge at its stop, never doubles it, and opens no other there for a week.",
        ("bridge.stop",),
        rule.ADD,
        "bot.core.rules.bridge",
    ),
    Rule(
        "R-A15",
        "Buys back what was trimmed within a month only in strength or after a confirmed recovery.",
        (),
        rule.TREND,
        "bot.core.rules.add",
    ),
    Rule(
        "R-A16",
        "Sheds risk down to the stressed targets, the most sensitive coins first.",
        ("stress.majors", "stress.beta_lookback", "stress.scale", "stress.to_majors"),
        rule.VOLATILITY,
        "bot.core.rules.derisk",
    ),
    Rule(
        "R-A17",
        "Leaves what became illiquid or is to be delisted, in slices the book can bear.",
        (),
        rule.VOLATILITY,
        "bot.core.rules.exits",
    ),
    Rule(
        "R-A18",
        "Trims a flagged narrative whatever its trend, and moves the weight to narratives that are sound.",
        ("targets.sleeves.NAME.narrative", "narrative.cap_cut"),
        rule.NARRATIVE,
        "bot.core.triggers.narrative",
    ),
    Rule(
        "R-A19",
        "Parks idle stables at interest and recalls them before they are needed.",
        ("targets.stables.buffer", "savings.*"),
        ("B: Strategy 3",),
        "bot.core.rules.park",
    ),
    Rule(
        "R-A20",
        "Keeps the futures wallet funded, far from liquidation, and sweeps back what it does not need.",
        (
            "hedge.leverage",
            "bridge.leverage",
            "limits.liquidation_distance",
            "limits.top_up_distance",
            "venue.margin_mode",
        ),
        rule.MACHINE,
        "bot.core.rules.margin",
    ),
)
