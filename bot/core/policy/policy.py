"""Owns the policy: all a decision depends on beside its snapshot, and what holds for each coin; decides nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from decimal import Decimal
from functools import cached_property
from types import MappingProxyType
from typing import Annotated, Any, Final, Literal, NamedTuple, Self

from pydantic import AfterValidator, StrictBool, ValidationError, model_validator

from bot.core.policy.acting import Add, Band, Bridge, Convert, Goal, Hedge, Narrative, Savings, Triggers, Trim
from bot.core.policy.base import Section, in_order, overridden
from bot.core.policy.fields import Asset, Duration, Positive, format_duration, key, lasting, part, share, wrong
from bot.core.policy.reading import Liquidity, Macro, Regime, Signals, Stress
from bot.core.policy.stopping import Costs, Execution, Limits, Pace, Spike, Windows
from bot.core.policy.sums import Problem, problems
from bot.core.policy.wanted import InstrumentKind, Sleeve, Targets

# R-T3. A sleeve's role stands between the sleeve's own keys and the portfolio's.
ROLE_DEFAULTS: Final[Mapping[str, Mapping[str, Any]]] = MappingProxyType(
    {
        "core": {
            "band": {"points": "0.10", "relative": None},
            "calendar": "quarterly",
            "trim": {"increment": "0.04", "spot_share": "0.5"},
            "bridge": {"enabled": False},
        },
        "satellite": {"band": {"points": "0.05"}, "add": {"route": "bridge"}},
    }
)
BOTH: Final[tuple[InstrumentKind, ...]] = ("spot", "futures")
NO_ROLE: Final[Mapping[str, Any]] = MappingProxyType({})


class Alias(Section):
    """A market whose base is several coins of an asset."""

    asset: Asset = key(..., "The asset itself.")
    multiplier: Positive = share("1", "Coins of the asset in one unit of the market's base.")


class Resolved(NamedTuple):
    """What holds for a coin: its sleeve's keys over its role's over the portfolio's (R-T3)."""

    trim: Trim
    add: Add
    hedge: Hedge
    bridge: Bridge
    band: Band
    hard_band: Decimal
    goal: Goal
    calendar: str | None
    instruments: frozenset[InstrumentKind]


class RuleKeys(Section):
    """The keys that the policy and the operator's file have in common."""

    approve: Literal["auto", "manual"] = key("auto", "Manual: every plan waits for an operator's yes (R-G17).")
    accounting_currency: Asset = key("USDT", "The stable coin that equity is counted in and coins are traded against.")
    cycle: Duration = lasting("60s", "Time from one cycle's start to the next.")
    targets: Targets = key(..., "What the account should hold (R-T1 to R-T9).")
    triggers: Triggers = part(Triggers, "When to act (R-W1 to R-W10).")
    signals: Signals = part(Signals, "Indicators on closed bars (R-S1 to R-S6).")
    regime: Regime = part(Regime, "Bull, neutral or bear (R-S14).")
    stress: Stress = part(Stress, "Alarms of the market as a whole (R-S7 to R-S15).")
    macro: Macro = part(Macro, "Scheduled events (R-S13).")
    liquidity: Liquidity = part(Liquidity, "Days needed to leave (R-S9).")
    trim: Trim = part(Trim, "How winners are reduced (R-A1 to R-A4).")
    hedge: Hedge = part(Hedge, "Shorts against coins held (R-A6 to R-A9).")
    add: Add = part(Add, "How laggards are increased (R-A10, R-A11).")
    bridge: Bridge = part(Bridge, "Longs that stand in for spot for a while (R-A12 to R-A14).")
    convert: Convert = part(Convert, "How bridges become spot (R-A13).")
    narrative: Narrative = part(Narrative, "What flags a narrative sleeve (R-W4, R-A18).")
    savings: Savings = part(Savings, "Yield on idle stables (R-A19).")
    windows: Windows = part(Windows, "When and where there is liquidity (R-G5).")
    spike: Spike = part(Spike, "Sudden moves (R-G4).")
    pace: Pace = part(Pace, "How often (R-G6).")
    limits: Limits = part(Limits, "What is never exceeded (R-G8, R-G13, R-G14, R-G18).")
    costs: Costs = part(Costs, "Cost against benefit (R-G10).")
    execution: Execution = part(Execution, "How orders are worked.")


class Policy(RuleKeys):
    """All a decision depends on beside its snapshot. Equal policies walk their maps in the same order."""

    futures: StrictBool = key(True, "Whether perpetuals are traded at all.")  # noqa: FBT003
    margin_mode: Literal["cross", "isolated"] = key("cross", "Margin mode of perpetuals (R-A20).")
    aliases: Annotated[Mapping[str, Alias], AfterValidator(in_order)] = key({}, "Markets of several coins.")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        found = [*problems(self.targets, self.accounting_currency), *self._across()]
        if found:
            raise wrong("\n".join(f"{where}: {what}" for where, what in found))
        return self

    @cached_property
    def assets(self) -> tuple[str, ...]:
        """Every risk asset of every sleeve, in order of name."""
        return tuple(sorted(self._sleeve_names))

    @cached_property
    def _sleeve_names(self) -> Mapping[str, str]:
        return {asset: name for name, sleeve in self.targets.sleeves.items() for asset in sleeve.members}

    @cached_property
    def _by_sleeve(self) -> Mapping[str | None, Resolved]:
        return {None: self._resolve(None)} | {
            name: self._resolve(sleeve) for name, sleeve in self.targets.sleeves.items()
        }

    @cached_property
    def _by_asset(self) -> Mapping[str, Resolved]:
        return {asset: self._by_sleeve[name] for asset, name in self._sleeve_names.items()}

    def sleeve_of(self, asset: str) -> str | None:
        """The name of the sleeve an asset is in; None for one that is in none."""
        return self._sleeve_names.get(asset)

    def resolved(self, asset: str) -> Resolved:
        """Everything that holds for an asset; the portfolio's keys for one that is in no sleeve."""
        return self._by_asset.get(asset) or self._by_sleeve[None]

    def trim_for(self, asset: str) -> Trim:
        """The keys of `trim` that hold for an asset (R-T3)."""
        return self.resolved(asset).trim

    def add_for(self, asset: str) -> Add:
        """The keys of `add` that hold for an asset (R-T3)."""
        return self.resolved(asset).add

    def hedge_for(self, asset: str) -> Hedge:
        """The keys of `hedge` that hold for an asset; not enabled where it may not be traded in futures (R-A4)."""
        return self.resolved(asset).hedge

    def bridge_for(self, asset: str) -> Bridge:
        """The keys of `bridge` that hold for an asset; not enabled where it may not be traded in futures (R-A12)."""
        return self.resolved(asset).bridge

    def band_for(self, asset: str) -> Band:
        """The band of an asset (R-W2)."""
        return self.resolved(asset).band

    def hard_band_for(self, asset: str) -> Decimal:
        """The multiple of its band over which an asset's trend is no longer asked (section 5)."""
        return self.resolved(asset).hard_band

    def goal_for(self, asset: str) -> Goal:
        """Where an asset's episodes end (R-A2)."""
        return self.resolved(asset).goal

    def instruments_for(self, asset: str) -> frozenset[InstrumentKind]:
        """What an asset may be traded in: spot, futures, or both; never futures where the portfolio has none."""
        return self.resolved(asset).instruments

    def calendar_for(self, sleeve: str) -> str | None:
        """The calendar of a sleeve, by its name (R-W1); None where it has none. Raises KeyError for other names."""
        return self._by_sleeve[sleeve].calendar

    def _resolve(self, sleeve: Sleeve | None) -> Resolved:
        role = ROLE_DEFAULTS.get(sleeve.role, NO_ROLE) if sleeve and sleeve.role else NO_ROLE
        own = {name: getattr(sleeve, name) for name in ("band", "trim", "add", "hedge", "bridge")} if sleeve else {}

        def layers(name: str) -> tuple[Mapping[str, object], ...]:
            return (role.get(name, NO_ROLE), own.get(name, NO_ROLE))

        instruments: frozenset[InstrumentKind] = frozenset((sleeve and sleeve.instruments) or BOTH)
        if not self.futures:
            instruments -= {"futures"}
        closed: Mapping[str, object] = NO_ROLE if "futures" in instruments else {"enabled": False}
        calendar = role.get("calendar", self.triggers.calendar)
        return Resolved(
            trim=overridden(self.trim, *layers("trim")),
            add=overridden(self.add, *layers("add")),
            hedge=overridden(self.hedge, *layers("hedge"), closed),
            bridge=overridden(self.bridge, *layers("bridge"), closed),
            band=overridden(self.triggers.band, *layers("band")),
            hard_band=self.triggers.hard_band if sleeve is None or sleeve.hard_band is None else sleeve.hard_band,
            goal=self.triggers.goal if sleeve is None or sleeve.goal is None else sleeve.goal,
            calendar=sleeve.calendar if sleeve and "calendar" in sleeve.model_fields_set else calendar,
            instruments=instruments,
        )

    def _across(self) -> Iterator[Problem]:
        """What keys of different groups, or a sleeve's over the portfolio's, say against one another."""
        if self.cycle < timedelta(seconds=1):
            yield "cycle", f"is {format_duration(self.cycle)}, must be at least 1s"
        if self.pace.orders_per_hour < self.pace.orders_per_minute:
            yield "pace.orders_per_hour", f"is {self.pace.orders_per_hour}, must be at least pace.orders_per_minute"
        yield from self._too_much_leverage("", self.hedge.leverage, self.bridge.leverage)
        for name, sleeve in self.targets.sleeves.items():
            where = f"targets.sleeves.{name}."
            try:
                resolved = self._resolve(sleeve)
            except ValidationError as error:
                # The group that does not hold together is named by the model's own title.
                yield from ((f"{where}{error.title.lower()}", each["msg"]) for each in error.errors())
                continue
            hedge, bridge = sleeve.hedge.get("leverage"), sleeve.bridge.get("leverage")
            yield from self._too_much_leverage(
                where, resolved.hedge.leverage if hedge else None, resolved.bridge.leverage if bridge else None
            )

    def _too_much_leverage(self, where: str, hedge: Decimal | None, bridge: Decimal | None) -> Iterator[Problem]:
        most = self.limits.leverage
        for group, leverage in (("hedge", hedge), ("bridge", bridge)):
            if leverage is not None and leverage > most:
                yield f"{where}{group}.leverage", f"is {leverage:f}, must be at most limits.leverage {most:f}"
