"""Owns the keys of what the account should hold (R-T1 to R-T9): names, defaults and meanings; it computes no target."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Discriminator, StrictBool, Tag, model_validator

from bot.core.policy.acting import Add, Band, Bridge, Goal, Hedge, Trim
from bot.core.policy.base import Assets, PartOf, Section, Weights, in_order, once
from bot.core.policy.fields import (
    Asset,
    AtLeastOne,
    Calendar,
    Duration,
    Fraction,
    Positive,
    Share,
    SleeveName,
    key,
    lasting,
    part,
    share,
)

Role = Literal["core", "satellite"]
RegimeName = Literal["bull", "neutral", "bear"]
InstrumentKind = Literal["spot", "futures"]
Instruments = Annotated[tuple[InstrumentKind, ...], AfterValidator(once)]
Weighting = Literal["equal", "fixed", "inverse-volatility", "risk-parity"]


class Stables(Section):
    """Cash (R-T6, R-W3)."""

    weight: Fraction = share("0.10", "Target of stables, as a fraction of equity (R-T1).")
    floor: Fraction = share("0.05", "Least liquid stables; no order goes under it (R-T6).")
    buffer: Fraction = share("0.03", "Liquid stables kept above the floor before parking (R-A19).")
    tolerance: Fraction = share("0.0025", "Shortfall under the floor that opens a refill (R-W3).")
    refill: Fraction = share("0.005", "How far over the floor a refill goes (R-W3).")
    assets: Assets = key(("USDT",), "Coins that are cash (R-G12).")


class Sleeve(Section):
    """A part of the portfolio (R-T1); what it leaves out comes from its role, then from the portfolio (R-T3)."""

    weight: Fraction = key(..., "Target of the sleeve, as a fraction of equity (R-T1).")
    assets: Annotated[
        Annotated[Assets, Tag("list")] | Annotated[Weights, Tag("map")],
        Discriminator(lambda value: "map" if isinstance(value, Mapping) else "list"),
    ] = key(..., "Its coins: a list, or a map of fixed weights within the sleeve (R-T1).")
    narrative: StrictBool = key(False, "Whether it is traded as a narrative (R-W4, R-A18).")  # noqa: FBT003
    cap: Fraction | None = key(None, "Most a narrative sleeve may weigh, as a fraction of equity (R-W4).")
    weighting: Weighting = key("equal", "How weights within the sleeve come about (R-T1).")
    band: Annotated[Mapping[str, object], PartOf(Band)] = key({}, "Its own band (R-W2).")
    hard_band: AtLeastOne | None = key(None, "Its own hard band, as a multiple (R-W2).")
    goal: Goal | None = key(None, "Its own goal of episodes (R-A2).")
    calendar: Calendar | None = key(None, "Its own calendar; null, where written, means none (R-W1).")
    instruments: Instruments | None = key(None, "What its coins may be traded in: spot, futures (R-A4).")
    role: Role | None = key(None, "Core or satellite: sets the defaults of both (R-T3).")
    trim: Annotated[Mapping[str, object], PartOf(Trim)] = key({}, "Its own keys of trim.")
    add: Annotated[Mapping[str, object], PartOf(Add)] = key({}, "Its own keys of add.")
    bridge: Annotated[Mapping[str, object], PartOf(Bridge)] = key({}, "Its own keys of bridge.")
    hedge: Annotated[Mapping[str, object], PartOf(Hedge, frozenset({"index"}))] = key({}, "Its own keys of hedge.")

    @model_validator(mode="before")
    @classmethod
    def _map_is_fixed(cls, data: Any) -> Any:
        if isinstance(data, Mapping) and isinstance(data.get("assets"), Mapping) and "weighting" not in data:
            return {**data, "weighting": "fixed"}
        return data

    @property
    def members(self) -> tuple[str, ...]:
        """Its coins, in order of name."""
        return tuple(sorted(self.assets))

    @property
    def fixed(self) -> Mapping[str, Decimal] | None:
        """Fixed weights within the sleeve, where they are fixed."""
        return self.assets if isinstance(self.assets, Mapping) else None


class Overlay(Section):
    """What a regime changes (R-T2): parts it does not name are scaled so that the sum stays 1."""

    stables: Fraction | None = key(None, "Target of stables in this regime.")
    sleeves: Annotated[Mapping[SleeveName, Fraction], AfterValidator(in_order)] = key({}, "Targets of sleeves.")


class RiskParity(Section):
    """Equal contributions to risk (R-T5)."""

    lookback: Duration = lasting("90d", "Window of the covariance and of correlations (R-T5).")
    volatility: Duration = lasting("20d", "Window of volatilities between refreshes (R-T5).")
    tolerance: Share = share("0.25", "Excess of an asset's share of risk over its budget that acts (R-T5).")
    lift: StrictBool = key(False, "Whether a share under its budget is lifted by a long (R-T5).")  # noqa: FBT003
    refresh: Calendar = key("monthly", "When targets are computed anew (R-T5).")


class Targets(Section):
    """What the account should hold (R-T1 to R-T9)."""

    model: Literal["fixed", "core-satellite", "momentum", "risk-parity"] = key("fixed", "How targets come about.")
    stables: Stables = part(Stables, "Cash (R-T6).")
    sleeves: Annotated[Mapping[SleeveName, Sleeve], AfterValidator(in_order)] = key(..., "Parts of the portfolio.")
    keep: Annotated[Mapping[Asset, Positive], AfterValidator(in_order)] = key({}, "Coins never sold (R-T9).")
    regimes: Annotated[Mapping[RegimeName, Overlay], AfterValidator(in_order)] = key({}, "Overlays (R-T2).")
    risk_parity: RiskParity = part(RiskParity, "Keys of model risk-parity (R-T5).")
