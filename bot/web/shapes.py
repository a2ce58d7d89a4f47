"""Owns the shapes of the API's questions and answers, as the OpenAPI tells them; computes nothing."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Text = Annotated[str, StringConstraints(max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]
Name = Annotated[str, StringConstraints(min_length=1, max_length=40, pattern=r"^[A-Za-z0-9_-]+$")]
DecisionId = Annotated[str, StringConstraints(min_length=1, max_length=40, pattern=r"^[a-z0-9]+$")]
Share = Annotated[str, StringConstraints(pattern=r"^(0(\.[0-9]{1,9})?|1(\.0{1,9})?)$")]
MOST_NUMBER = 2**53


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Problem(BaseModel):
    """Why not, in one line."""

    detail: str


class Fault(BaseModel):
    """One thing wrong with what was sent."""

    loc: list[str | int]
    msg: str


class Faults(BaseModel):
    """What is wrong with what was sent."""

    detail: list[Fault]


class KillNow(BaseModel):
    """The kill level as it is asked for; ``in_force``: the bot's own last word says the same."""

    level: str
    reason: str | None
    by: str | None
    at: str | None
    in_force: bool


class Health(BaseModel):
    """Whether the bot lives, in host seconds."""

    fresh: bool
    ready: bool
    beat_age_s: float | None
    cycle_age_s: float | None
    limit_s: float


class Status(BaseModel):
    """How things stand (plan contract); more keys may come."""

    model_config = ConfigDict(extra="allow")

    mode: str | None
    venue: str | None
    environment: str | None
    kill: KillNow
    health: Health
    cycles: int
    decisions: int
    last_cycle_at: datetime | None
    equity: str | None = Field(description="Accounting currency, exact.")
    drawdown: float | None
    exposures: list[dict[str, Any]]
    orders_open: int
    unknown_orders: int
    waiting_for: list[str]
    version: str | None


class Order(BaseModel):
    """A recorded order (plan contract): amounts in unsigned base units, exact, as text."""

    model_config = ConfigDict(extra="allow")

    client_id: str
    symbol: str
    side: Literal["buy", "sell"]
    amount: str
    filled: str
    state: str
    decision_id: str
    created_at: datetime


class Plan(BaseModel):
    """A plan (plan contract) as recorded or as it would be; more keys may come."""

    model_config = ConfigDict(extra="allow")

    version: int
    decision_id: str
    at: datetime
    equity: str | None
    exposures: list[dict[str, Any]]
    actions: list[dict[str, Any]]
    blocked: list[dict[str, Any]]
    holds: list[dict[str, Any]]


class Positions(BaseModel):
    """What the account held when the last decision was made: coins by wallet, and perpetuals."""

    at: datetime | None
    balances: list[dict[str, Any]]
    positions: list[dict[str, Any]]


class SleeveEdit(_Shape):
    """A sleeve's new weight, and weights within it where they are fixed."""

    weight: Share | None = None
    assets: dict[Name, Share] | None = Field(default=None, max_length=500)


class StablesEdit(_Shape):
    """The stables' new weight."""

    weight: Share


class TargetsEdit(_Shape):
    """What would be planned if the targets were so; what is left out stays as it is. Shares are 0 to 1, as text."""

    stables: StablesEdit | None = None
    sleeves: dict[Name, SleeveEdit] = Field(default_factory=dict, max_length=100)


class KillAsked(_Shape):
    """Stop trading: freeze, halt or flatten (R-G1)."""

    level: Literal["freeze", "halt", "flatten"] = "halt"
    reason: Text = ""


class ResumeAsked(_Shape):
    """Trade again; the word must be written out."""

    confirm: Literal["resume"]
    reason: Text = ""


class Asked(BaseModel):
    """A request that was written down; the bot takes it up within a second."""

    id: int
    what: str
    value: str
