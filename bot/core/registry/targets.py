"""Owns the registry's rows of what the account should hold (R-T1 to R-T9). Literals only."""

from __future__ import annotations

from typing import Final

from bot.core.registry import rule
from bot.core.registry.rule import Rule

TARGETS: Final[tuple[Rule, ...]] = (
    Rule(
        "R-T1",
        "Divides the portfolio into sleeves and stables, and each sleeve among its coins: equal, fixed or by risk.",
        (
            "targets.stables.weight",
            "targets.sleeves.NAME.weight",
            "targets.sleeves.NAME.assets",
            "targets.sleeves.NAME.weighting",
        ),
        rule.ALLOCATION,
        "bot.core.targets.order",
    ),
    Rule(
        "R-T2",
        "Lays a regime's own targets over the skeleton; a bear market without any scales risk down into stables.",
        ("targets.regimes", "targets.regimes.NAME.*", "regime.bear_scale"),
        rule.ALLOCATION,
        "bot.core.targets.regime",
    ),
    Rule(
        "R-T3",
        "Lets a sleeve's role set its pace: core by quarters and wide bands, satellite by tight bands and bridges.",
        ("targets.model", "targets.sleeves.NAME.role"),
        ("B: Model 1",),
        "bot.core.policy.policy",
    ),
    Rule(
        "R-T4",
        "Lets signals set how fast winners are trimmed, and laggards that bottom enter by a bridge at once.",
        ("targets.model",),
        ("B: Model 2",),
        "bot.core.rules.add",
    ),
    Rule(
        "R-T5",
        "Weighs coins by equal contribution to risk; between refreshes a short takes off any excess, a long lifts.",
        ("targets.risk_parity.*",),
        ("B: Model 3",),
        "bot.core.rules.parity",
    ),
    Rule(
        "R-T6",
        "Keeps a floor of liquid stables under which no order of the bot goes, fees included.",
        ("targets.stables.floor",),
        rule.FLOOR,
        "bot.core.gates.floor",
    ),
    Rule(
        "R-T7",
        "Applies what moves targets in one order, each step summing to one with the difference in stables.",
        (),
        rule.MACHINE,
        "bot.core.targets.order",
    ),
    Rule(
        "R-T8",
        "Tells what a target means over history: volatility, worst drawdown, correlation, days to get out.",
        ("liquidity.days", "liquidity.volume_share"),
        rule.ALLOCATION,
        "bot.core.outlook",
    ),
    Rule(
        "R-T9",
        "Counts coins that are to be kept but never sells them; a trim beyond them hedges.",
        ("targets.keep",),
        rule.MACHINE,
        "bot.core.rules.trim",
    ),
)
