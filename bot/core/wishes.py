"""Owns the wish: an action somebody proposes, before any gate has seen it, and the hold: why none is proposed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal

from bot.core.copies import changed
from bot.core.numbers import ZERO, fraction
from bot.core.orders import Purpose

ActionKind = Literal[
    "trim", "hedge", "unhedge", "add", "bridge", "convert", "stop", "derisk", "exit", "index_hedge", "risk_hedge",
    "park", "recall", "transfer", "flatten", "close",
]  # fmt: skip
ActionClass = Literal["safety", "floor", "derisk", "upkeep", "normal", "yield"]
CLASSES: tuple[ActionClass, ...] = ("safety", "floor", "derisk", "upkeep", "normal", "yield")


@dataclass(frozen=True)
class Leg:
    """One order of an action: ``qty`` signed base units, ``price`` the reference it is sized at (quote)."""

    symbol: str
    qty: Decimal
    price: Decimal
    purpose: Purpose = "spot"
    reduce_only: bool = False
    leverage: Decimal | None = None
    limit: Decimal | None = None  # the worst price it may trade at (R-G14, R-G7); set by the gate

    @property
    def notional(self) -> Decimal:
        """Unsigned value in quote."""
        return abs(self.qty) * self.price


@dataclass(frozen=True)
class Move:
    """A move of money between own wallets (transfer, park, recall)."""

    asset: str
    amount: Decimal
    source: str
    to: str


@dataclass(frozen=True)
class Cost:
    """What an action is expected to cost, accounting currency."""

    fees: Decimal = ZERO
    spread: Decimal = ZERO
    impact: Decimal = ZERO
    funding: Decimal = ZERO
    tax: Decimal = ZERO

    @property
    def total(self) -> Decimal:
        """The sum, never under 0 (R-G10)."""
        return max(ZERO, self.fees + self.spread + self.impact + self.funding + self.tax)


@dataclass(frozen=True)
class Wish:
    """A proposed action. ``exposure_change`` is that of net exposure, fractions of E; legs go reduce, hedge, increase.

    ``goal`` and ``direction`` describe the episode it belongs to; ``repairs`` names the broken action it mends.
    """

    rule: str
    kind: ActionKind
    cls: ActionClass
    asset: str
    why: str
    legs: tuple[Leg, ...] = ()
    moves: tuple[Move, ...] = ()
    exposure_change: Decimal = ZERO
    direction: Literal["trim", "add", "derisk", "exit", "refill", "calendar"] | None = None
    goal: Decimal | None = None
    funded_by: tuple[str, ...] = ()
    depends_on: tuple[str, ...] = ()
    whole: bool = True  # False: works off what is left of an increment, so pace does not ask the interval
    cost: Cost | None = None
    benefit: Decimal | None = None
    repairs: str = ""
    notes: Mapping[str, Any] = field(default_factory=dict)
    wanted: Decimal = ZERO  # the exposure change before any gate resized it: what is not done of it stays to be done

    def scaled(self, share: Decimal) -> Wish:
        """The same wish at a share (0..1) of its size; legs stay in proportion."""
        return changed(
            self,
            legs=tuple(changed(leg, qty=leg.qty * share) for leg in self.legs),
            moves=tuple(changed(move, amount=move.amount * share) for move in self.moves),
            exposure_change=fraction(self.exposure_change * share),
        )

    @property
    def key(self) -> str:
        """What R-G15 counts: the same wish again and again; safety's apart."""
        sides = ",".join(f"{leg.symbol}:{'+' if leg.qty > 0 else '-'}" for leg in self.legs)
        return f"{self.asset}:{'safety ' if self.cls == 'safety' else ''}{self.kind}:{sides}"


@dataclass(frozen=True, slots=True)
class Hold:
    """Why nothing is wished for an asset, and the nearest thing that would change it."""

    asset: str
    rule: str
    why: str
    nearest: str = ""
