"""Owns the registry's rows of what may stop or shape it (R-G1 to R-G18). Literals only."""

from __future__ import annotations

from typing import Final

from bot.core.registry import rule
from bot.core.registry.rule import Rule

GATES: Final[tuple[Rule, ...]] = (
    Rule(
        "R-G1",
        "Obeys the kill switch: off, freeze, halt or flatten, from its highest source.",
        ("kill_switch",),
        rule.USER,
        "bot.core.gates.kill",
    ),
    Rule(
        "R-G2",
        "Does not trade on data that is too old, each kind by its own limit.",
        ("limits.age_max.*",),
        rule.MACHINE,
        "bot.core.gates.data",
    ),
    Rule(
        "R-G3",
        "Does not trade on what cannot be: crossed or absurd prices, unconfirmed jumps, unexplained equity.",
        ("limits.price_jump",),
        rule.MACHINE,
        "bot.core.gates.data",
    ),
    Rule(
        "R-G4",
        "Waits out a spike, by bar, running move or spread.",
        ("spike.*",),
        rule.CALM,
        "bot.core.gates.spike",
    ),
    Rule(
        "R-G5",
        "Trades in windows of liquidity: by schedule, and by the live spread and depth.",
        ("windows.*",),
        rule.CALM,
        "bot.core.gates.window",
    ),
    Rule(
        "R-G6",
        "Keeps the pace: time between increments and episodes, turnover a day, orders a minute.",
        ("pace.*",),
        rule.FREQUENCY,
        "bot.core.gates.pace",
    ),
    Rule(
        "R-G7",
        "Refuses what would take stables under the floor at its worst price, open orders counted.",
        ("targets.stables.floor",),
        rule.FLOOR,
        "bot.core.gates.floor",
    ),
    Rule(
        "R-G8",
        "Limits leverage, gross exposure and nearness to liquidation of what is opened.",
        ("limits.leverage", "limits.gross"),
        rule.ADD,
        "bot.core.gates.leverage",
    ),
    Rule(
        "R-G9",
        "Refuses what would make an asset net short, orders in flight counted.",
        ("hedge.max_ratio",),
        rule.HEDGE,
        "bot.core.gates.net_short",
    ),
    Rule(
        "R-G10",
        "Acts only where the benefit is worth the cost.",
        ("costs.*",),
        rule.FREQUENCY,
        "bot.core.gates.benefit",
    ),
    Rule(
        "R-G11",
        "Fits orders to the venue's filters and carries what is too small.",
        (),
        rule.MACHINE,
        "bot.core.gates.filters",
    ),
    Rule(
        "R-G12",
        "Takes a stable that lost its peg for neither cash nor a thing to buy.",
        ("targets.stables.assets", "limits.depeg"),
        rule.MACHINE,
        "bot.core.gates.depeg",
    ),
    Rule(
        "R-G13",
        "Closes longs and freezes when the value of a unit fell too far under its peak.",
        ("limits.drawdown",),
        rule.MACHINE,
        "bot.core.gates.breaker",
    ),
    Rule(
        "R-G14",
        "Bounds every order's price by a collar and its size by a share of equity.",
        ("limits.order_value_max", "limits.price_collar", "limits.safety_collar"),
        rule.MACHINE,
        "bot.core.gates.collar",
    ),
    Rule(
        "R-G15",
        "Halts an asset whose orders change nothing, until an operator re-arms it.",
        ("limits.repeats",),
        rule.MACHINE,
        "bot.core.gates.runaway",
    ),
    Rule(
        "R-G16",
        "Touches only configured assets and what was adopted.",
        (),
        rule.MACHINE,
        "bot.core.gates.scope",
    ),
    Rule(
        "R-G17",
        "Waits for an operator's yes where plans are approved by hand; safety does not.",
        ("approve",),
        rule.MACHINE,
        "bot.core.gates.breaker",
    ),
    Rule(
        "R-G18",
        "Stops normal actions when the day's fees or losses, or an asset's excess, are used up.",
        ("limits.fees_per_day", "limits.loss_per_day", "limits.asset_over_target"),
        rule.MACHINE,
        "bot.core.gates.breaker",
    ),
)
