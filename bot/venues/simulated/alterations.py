"""Owns what outsiders have in force at the exchange: halts, new filters, shocked prices, veils. Data, no behaviour."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from bot.core.instruments import Market
from bot.core.numbers import ONE, ZERO, canonical_json, jsonable
from bot.venues.simulated.codec import from_row, row_text

MICROSECOND = timedelta(microseconds=1)
ROWS = ("shocks", "veils", "races", "late", "skews")


@dataclass(frozen=True, slots=True)
class Filters:
    """New filters of one symbol; None leaves the scene's own."""

    step: Decimal | None = None
    tick: Decimal | None = None
    min_amount: Decimal | None = None
    min_notional: Decimal | None = None

    def on(self, market: Market) -> Market:
        """The market with these filters."""
        said = {"step": self.step, "tick": self.tick, "min_amount": self.min_amount, "min_notional": self.min_notional}
        return market.model_copy(update={name: value for name, value in said.items() if value is not None})

    def over(self, older: Filters) -> Filters:
        """These, and where they say nothing the older ones."""
        return Filters(
            step=older.step if self.step is None else self.step,
            tick=older.tick if self.tick is None else self.tick,
            min_amount=older.min_amount if self.min_amount is None else self.min_amount,
            min_notional=older.min_notional if self.min_notional is None else self.min_notional,
        )


@dataclass(frozen=True, slots=True)
class Shock:
    """A symbol's price times ``factor`` in [since, until); where it ``recovers`` it comes back evenly in that time."""

    symbol: str
    since: datetime
    until: datetime | None
    factor: Decimal
    recovers: bool = False

    def at(self, when: datetime) -> Decimal:
        """The factor at an instant."""
        if when < self.since or (self.until is not None and when >= self.until):
            return ONE
        if not self.recovers or self.until is None:
            return self.factor
        gone = Decimal((when - self.since) // MICROSECOND) / Decimal((self.until - self.since) // MICROSECOND)
        return self.factor + (ONE - self.factor) * gone


@dataclass(frozen=True, slots=True)
class Veil:
    """What is accepted or filled in [since, until) is seen by look-ups ``lag_s`` venue seconds later."""

    since: datetime
    until: datetime
    lag_s: Decimal


@dataclass(frozen=True, slots=True)
class Race:
    """The next cancel meets a fill of ``share`` of the rest: before it, or ``delay_s`` after its answer."""

    after: bool
    share: Decimal
    delay_s: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class LateFill:
    """A fill of an order that was cancelled before: base units, at its own limit."""

    at: datetime
    order_id: int
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Skew:
    """The venue tells a time ``seconds`` off its own in [since, until)."""

    since: datetime
    until: datetime | None
    seconds: Decimal


@dataclass(slots=True)
class Alterations:
    """Everything of it; part of the account's state, so that a restart changes nothing."""

    halted: dict[str, datetime | None] = field(default_factory=dict)  # until when, None: until resumed
    delisted: dict[str, datetime] = field(default_factory=dict)  # since when
    filters: dict[str, Filters] = field(default_factory=dict)
    shocks: list[Shock] = field(default_factory=list)
    veils: list[Veil] = field(default_factory=list)
    races: list[Race] = field(default_factory=list)  # the first one waits for the next cancel
    late: list[LateFill] = field(default_factory=list)
    cuts: list[Decimal] = field(default_factory=list)  # the first one is the share that the next order finds
    skews: list[Skew] = field(default_factory=list)

    def is_halted(self, symbol: str, at: datetime) -> bool:
        """Whether nobody may trade it."""
        if symbol not in self.halted:
            return False
        until = self.halted[symbol]
        return until is None or at < until

    def lists(self, symbol: str, at: datetime) -> bool:
        """Whether it is still listed."""
        since = self.delisted.get(symbol)
        return since is None or at < since

    def factor(self, symbol: str, at: datetime) -> Decimal:
        """What its price is multiplied by."""
        made = ONE
        for shock in self.shocks:
            if shock.symbol == symbol:
                made *= shock.at(at)
        return made

    def edges(self, symbol: str, after: datetime, upto: datetime) -> list[datetime]:
        """The instants in (after, upto) where a shock of its price begins or ends."""
        found = {at for one in self.shocks if one.symbol == symbol for at in (one.since, one.until) if at is not None}
        return sorted(at for at in found if after < at < upto)

    def seen(self, made: datetime, at: datetime) -> bool:
        """Whether look-ups at ``at`` show what happened at ``made``."""
        return not any(
            veil.since <= made < veil.until and at < made + timedelta(seconds=float(veil.lag_s)) for veil in self.veils
        )

    def skew(self, at: datetime) -> timedelta:
        """How far the time the venue tells is off."""
        active = [one.seconds for one in self.skews if one.since <= at and (one.until is None or at < one.until)]
        return timedelta(seconds=float(sum(active, ZERO)))

    def text(self) -> str:
        """All of it as JSON; the same text for the same alterations."""
        parts = {
            "halted": canonical_json(self.halted),
            "delisted": canonical_json(self.delisted),
            "cuts": canonical_json([jsonable(cut) for cut in self.cuts]),
            "filters": "{" + ",".join(f'"{name}":{row_text(one)}' for name, one in sorted(self.filters.items())) + "}",
            **{name: "[" + ",".join(row_text(row) for row in getattr(self, name)) + "]" for name in ROWS},
        }
        return "{" + ",".join(f'"{name}":{part}' for name, part in parts.items()) + "}"


def read(raw: dict[str, Any]) -> Alterations:
    """What `Alterations.text` wrote; raises KeyError, TypeError, ValueError, ArithmeticError."""

    def rows(name: str, kind: Any) -> list[Any]:
        said: Sequence[Any] = raw[name]
        return [from_row(kind, row) for row in said]

    return Alterations(
        halted={
            name: None if until is None else datetime.fromisoformat(until) for name, until in raw["halted"].items()
        },
        delisted={name: datetime.fromisoformat(since) for name, since in raw["delisted"].items()},
        filters={name: from_row(Filters, row) for name, row in raw["filters"].items()},
        shocks=rows("shocks", Shock),
        veils=rows("veils", Veil),
        races=rows("races", Race),
        late=rows("late", LateFill),
        cuts=[Decimal(cut) for cut in raw["cuts"]],
        skews=rows("skews", Skew),
    )
