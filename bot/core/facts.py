"""Owns the facts that memory is made of: episodes, hedges, bridges, flows and what was seen. Values only, no I/O."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from bot.core.numbers import ZERO


def _in_utc(at: datetime) -> datetime:
    if at.tzinfo is None:
        message = "needs a time zone, e.g. 2026-01-01T00:00:00Z"
        raise ValueError(message)
    return at.astimezone(UTC)


Instant = Annotated[datetime, AfterValidator(_in_utc)]
Number = Annotated[Decimal, Field(allow_inf_nan=False)]
Direction = Literal["trim", "add", "derisk", "exit", "refill", "calendar"]


class _Fact(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Episode(_Fact):
    """A move back to target being worked: ``goal`` a net exposure, ``left`` of the increment, fractions of E."""

    subject: str
    direction: Direction
    goal: Number
    opened_at: Instant
    rule: str
    sign: Literal["up", "down"] | None = None
    last_increment_at: Instant | None = None
    left: Number | None = None
    judged: bool | None = None
    taker_turn: bool | None = None


class Ended(_Fact):
    """When the last episode of a subject ended, which way it had changed net exposure, whose it was, and why."""

    at: Instant
    sign: Literal["up", "down"] | None = None
    rule: str = ""
    why: str = ""


class LastTrade(_Fact):
    """The last trade of an asset by the direction of its net change."""

    at: Instant
    direction: Literal["up", "down"]


class Turnover(_Fact):
    """Bought and sold on a UTC day, fractions of E."""

    day: str
    bought: Number = ZERO
    sold: Number = ZERO


class Hedge(_Fact):
    """A short with its reason; ``contracts`` are base units, positive."""

    symbol: str
    purpose: Literal["hedge", "index", "risk"]
    contracts: Number
    opened_at: Instant
    reason: str = ""
    funding_paid: Number = ZERO


class Bridge(_Fact):
    """A leveraged long that is to become spot; ``contracts`` are base units, ``margin`` in accounting currency."""

    symbol: str
    contracts: Number
    margin: Number = ZERO
    opened_at: Instant
    reason: str = ""
    funding_paid: Number = ZERO


class Broken(_Fact):
    """An action of several legs whose later leg is missing: signed base units still owed on ``symbol`` (R-W7)."""

    action: str
    symbol: str
    contracts: Number
    opened_at: Instant


class Flow(_Fact):
    """Money that came or went for reasons other than trading."""

    at: Instant
    asset: str
    amount: Number
    kind: Literal["deposit", "withdrawal", "transfer", "funding", "interest", "other"]


class Vanished(_Fact):
    """A position that disappeared without an order of ours."""

    at: Instant
    how: str


class Seen(_Fact):
    """What the last cycle saw, to tell an unexplained change: coins, contracts in coins, prices and marks per coin."""

    at: Instant
    equity: Number
    coins: dict[str, Number] = Field(default_factory=dict)
    contracts: dict[str, Number] = Field(default_factory=dict)
    prices: dict[str, Number] = Field(default_factory=dict)
    marks: dict[str, Number] = Field(default_factory=dict)
    unexplained_since: Instant | None = None
    worth: dict[str, Number] | None = None  # of everything configured then, in accounting currency; None: not told


class Since(_Fact):
    """What changed the account since it was last seen: a fill in coins, or money (flow, fee, funding; + = in)."""

    asset: str = ""
    swap: bool = False
    coins: Number = ZERO
    price: Number = ZERO
    money: Number = ZERO
    flow: bool = False  # money or coins (at no price) from or to outside: no profit


class Doubt(_Fact):
    """What changed E and no flow has told yet (+), or what flows told and E does not show (-), accounting currency."""

    at: Instant
    amount: Number
