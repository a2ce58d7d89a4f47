"""Owns the keys of what may stop or shape an order (R-G2 to R-G18): names, defaults, meanings; it stops nothing."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import model_validator

from bot.core.policy.base import Section
from bot.core.policy.fields import (
    AtLeastOne,
    AtLeastZero,
    Count,
    Duration,
    DurationOrZero,
    Fraction,
    Leverage,
    Positive,
    Schedule,
    Share,
    key,
    lasting,
    part,
    share,
    wrong,
)


class Windows(Section):
    """When and where there is liquidity (R-G5)."""

    schedule: Schedule = key(
        "always", "Hours of the week for normal actions, UTC: always, or lines such as Mon-Fri 13:00-17:00 (R-G5)."
    )
    max_spread_bp: Positive = share("10", "Widest spread, in basis points of the mid price (R-G5).")
    depth_share: Share = share("0.10", "Share of one side of the book an order may take (R-G5).")
    depth_within: Share = share("0.005", "How far from the mid price that side is counted, as a fraction (R-G5).")


class Spike(Section):
    """Sudden moves (R-G4)."""

    atr: Positive = share("3.0", "Average true ranges of a bar that are a spike (R-G4).")
    spread_ratio: AtLeastOne = share("5.0", "Spread over its median that is a spike (R-G4).")
    cooloff: DurationOrZero = lasting("30m", "Time to wait after the last spike (R-G4).")


class Pace(Section):
    """How often (R-G6)."""

    increment_interval: DurationOrZero = lasting("15m", "Time between two increments of an episode (R-G6).")
    cooldown: DurationOrZero = lasting("4h", "Time from one episode's end to the asset's next (R-G6).")
    whipsaw: DurationOrZero = lasting("24h", "The same where the direction turns (R-G6).")
    turnover_per_day: Positive = share("0.20", "Most bought or sold per UTC day, as a fraction of equity (R-G6).")
    turnover_derisk: Positive = share("0.40", "The same for actions that reduce risk (R-G6).")
    orders_per_minute: Count = key(10, "Most orders per minute (R-G6).")
    orders_per_hour: Count = key(240, "Most orders per hour (R-G6).")


class Ages(Section):
    """How old data may be (R-G2)."""

    quotes: Duration = lasting("30s", "Oldest quote that is traded on (R-G2).")
    balances: Duration = lasting("120s", "Oldest balance that is traded on (R-G2).")
    positions: Duration = lasting("120s", "Oldest position that is traded on (R-G2).")
    funding: Duration = lasting("10m", "Oldest funding rate that is traded on (R-G2).")


class Limits(Section):
    """What is never exceeded (R-G2, R-G3, R-G8, R-G12 to R-G15, R-G18)."""

    leverage: Leverage = share("3.0", "Most leverage of a position (R-G8).")
    gross: Positive = share("1.5", "Most gross exposure, as a multiple of equity (R-G8).")
    order_value_max: Share = share("0.10", "Largest order, as a fraction of equity (R-G14).")
    price_collar: Share = share("0.02", "Furthest an order's price may be from the reference (R-G14).")
    safety_collar: Share = share("0.10", "The same for safety, reached by doubling (R-G14).")
    drawdown: Share = share("0.60", "Fall of the unit value from its peak that trips the breaker (R-G13).")
    liquidation_distance: Fraction = share("0.15", "Distance to liquidation under which positions close (R-A20).")
    top_up_distance: Fraction = share("0.30", "Distance to liquidation under which margin is topped up (R-A20).")
    depeg: Share = share("0.01", "Distance of a stable from the others that makes it no cash (R-G12).")
    repeats: Count = key(3, "Orders of one wish without effect that halt an asset (R-G15).")
    price_jump: Share = share("0.20", "Jump of a price that needs a second source (R-G3).")
    fees_per_day: Share = share("0.005", "Fees per UTC day, as a fraction of equity (R-G18).")
    loss_per_day: Share = share("0.10", "Loss per UTC day, as a fraction of equity (R-G18).")
    asset_over_target: Share = share("0.25", "Furthest an asset may be over its target (R-G18).")
    age_max: Ages = part(Ages, "How old data may be (R-G2).")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.price_collar > self.safety_collar:
            raise wrong(f"price_collar is {self.price_collar}, must be at most safety_collar {self.safety_collar}")
        if self.liquidation_distance > self.top_up_distance:
            raise wrong(
                f"liquidation_distance is {self.liquidation_distance}, must be at most "
                f"top_up_distance {self.top_up_distance}"
            )
        return self


class Costs(Section):
    """Cost against benefit (R-G10)."""

    risk_aversion: Positive = share("3.0", "Weight of risk in the benefit, λ (R-G10).")
    horizon: Duration = lasting("60d", "Time over which a benefit counts (R-G10).")
    holding: Duration = lasting("14d", "Time a futures leg is expected to be held (R-G10).")
    volatility: Duration = lasting("30d", "Window of the volatility (R-G10).")
    min_ratio: AtLeastZero = share("1.0", "Benefit over cost that is asked for (R-G10).")
    tax_rate: Fraction | None = key(None, "Tax on realised gains as a fraction; null leaves tax out (R-G10).")


class Execution(Section):
    """How orders are worked."""

    style: Literal["maker-then-taker", "taker", "twap"] = key("maker-then-taker", "How an increment is worked.")
    maker_wait: Duration = lasting("60s", "Age at which a resting order is cancelled.")
    slice_max: Share = share("0.02", "Largest slice per leg and cycle, as a fraction of equity.")
