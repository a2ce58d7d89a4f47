"""Owns the keys of when to act and what to do (R-W1 to R-A20): names, defaults and meanings; it does nothing itself."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import StrictBool, model_validator

from bot.core.policy.base import Assets, Section
from bot.core.policy.fields import (
    AtLeastOne,
    Calendar,
    Duration,
    Fraction,
    Leverage,
    Points100,
    Positive,
    Share,
    key,
    lasting,
    part,
    share,
    wrong,
)

Goal = Literal["target", "edge", "midpoint"]


class Band(Section):
    """How far a weight may stray: the tighter of the two, null switches one off (R-W2)."""

    points: Share | None = share("0.05", "Fraction of equity away from the target that triggers, inclusive (R-W2).")
    relative: Positive | None = share("0.25", "Share of the target that triggers, inclusive (R-W2).")


class Triggers(Section):
    """When to act (R-W1, R-W2, R-W10)."""

    band: Band = part(Band, "Band of each asset (R-W2).")
    sleeve_band: Band = part(Band, "Band of each sleeve as a whole (R-W2).")
    hard_band: AtLeastOne = share("2.0", "Multiple of the band over which the trend is no longer asked (R-W2).")
    goal: Goal = key("target", "Where an episode ends: target, edge of the band, or midpoint of the two (R-A2).")
    calendar: Calendar | None = key(None, "Slot that opens episodes: daily to quarterly, or a cron line, UTC (R-W1).")
    slot_age: Duration = lasting("7d", "Age up to which a missed slot is caught up once (R-W1).")
    trend: StrictBool = key(True, "Whether a turn of the trend opens trims and adds (R-W10).")  # noqa: FBT003


class Speed(Section):
    """Shares of an increment by trend (R-A1)."""

    strong_up: Fraction = share("0", "Share of an increment trimmed in a strong uptrend (R-A1).")
    overextended: Fraction = share("0.5", "Share trimmed in a strong uptrend far above its average (R-A1).")
    weakening_up: Fraction = share("0.5", "Share trimmed in a weakening uptrend (R-A1).")


class Trim(Section):
    """How winners are reduced (R-A1 to R-A4)."""

    increment: Share = share("0.05", "One step of a trim, as a fraction of equity (R-A2).")
    spot_share: Fraction = share("0.6", "Share of a step that is sold; the rest is hedged (R-A3).")
    route: Literal["fixed", "cheapest"] = key("fixed", "Split by spot_share, or by what costs least (R-A3).")
    prefer: Literal["sale", "hedge"] = key("sale", "Hedge: a sale is taxable or premature, so shorten instead (R-A4).")
    speed: Speed = part(Speed, "Shares of an increment by trend (R-A1).")


class IndexHedge(Section):
    """Shorts on the market as a whole in a bear regime (R-A9)."""

    enabled: StrictBool = key(True, "Whether index hedges are opened (R-A9).")  # noqa: FBT003
    assets: Assets = key(("BTC", "ETH"), "Coins whose perpetuals are shorted (R-A9).")
    max: Fraction = share("0.25", "Most that index shorts may add up to, as a fraction of equity (R-A9).")
    ratio: Fraction = share("0.5", "Share of the beta-weighted risk that is hedged (R-A9).")


class Hedge(Section):
    """Shorts against coins held (R-A6 to R-A9)."""

    enabled: StrictBool = key(True, "Whether shorts are opened (R-A4).")  # noqa: FBT003
    leverage: Leverage = share("2", "Leverage of a hedge's margin (R-A20).")
    max_ratio: Fraction = share("1.0", "Most coins short per coin held (R-A7).")
    funding_limit: Positive = share("0.15", "Funding paid per year over which a hedge is not worth it (R-A4, R-A8).")
    max_age: Duration = lasting("30d", "Age at which a hedge becomes a sale (R-A8).")
    unwind: Fraction = share("0.1", "Share of the band within which a hedge is no longer needed (R-A8).")
    min_size: Fraction = share("0.005", "Smallest short worth opening, as a fraction of equity (R-A3).")
    bear_size: Fraction = share("0.10", "Short opened once in a bear regime instead of a sale (R-A6).")
    index: IndexHedge = part(IndexHedge, "Index hedge in a bear regime (R-A9).")


class Add(Section):
    """How laggards are increased (R-A10, R-A11)."""

    increment: Share = share("0.05", "One step of an addition, as a fraction of equity (R-A11).")
    route: Literal["spot", "bridge"] = key("spot", "Buy spot, or open a long first and convert it later (R-A11).")


class Bridge(Section):
    """Longs that stand in for spot for a while (R-A12 to R-A14)."""

    enabled: StrictBool = key(True, "Whether bridges are opened (R-A12).")  # noqa: FBT003
    leverage: Leverage = share("2", "Leverage of a bridge (R-A12).")
    leverage_cap: Leverage = share("3", "Most leverage a bridge may have (R-A12).")
    max_exposure: Fraction = share("0.10", "Notional of all bridges, as a fraction of equity (R-A12).")
    liquidation_distance: Fraction = share("0.25", "Least distance to liquidation, as a fraction of price (R-A12).")
    funding_limit: Positive = share("0.25", "Funding paid per year over which no bridge is opened (R-A12).")
    funding_budget: Fraction = share("0.01", "Funding a bridge may pay, as a fraction of notional (R-A13).")
    stagnation: Duration = lasting("7d", "Time after which a bridge that paid more than it gained converts (R-A13).")
    stop: Share = share("0.10", "Loss at which a bridge is closed, as a fraction of notional (R-A14).")
    max_age: Duration = lasting("30d", "Age at which a bridge converts (R-A13).")

    @model_validator(mode="after")
    def _capped(self) -> Self:
        if self.leverage > self.leverage_cap:
            raise wrong(f"leverage is {self.leverage}, must be at most leverage_cap {self.leverage_cap}")
        return self


class Convert(Section):
    """How bridges become spot (R-A13)."""

    slice: Share = share("0.005", "One round of a conversion, as a fraction of equity (R-A13).")


class Narrative(Section):
    """What flags a narrative sleeve (R-W4, R-A18)."""

    parabolic_return: Positive = share("1.0", "Return that is parabolic: 1.0 is a doubling (R-S6).")
    parabolic_window: Duration = lasting("14d", "Window of that return (R-S6).")
    outperformance: Positive = share("0.5", "Return over BTC's in the same window that flags (R-W4).")
    overheated: Points100 = share("80", "Sentiment that is overheated, 0 to 100 (R-W4).")
    cap_cut: Fraction = share("0.25", "Share taken off the cap while overheated (R-A18).")


class Savings(Section):
    """Yield on idle stables (R-A19)."""

    enabled: StrictBool = key(False, "Whether idle stables are parked in flexible savings (R-A19).")  # noqa: FBT003
    min_move: Fraction = share("0.01", "Least amount worth parking, as a fraction of equity (R-A19).")
