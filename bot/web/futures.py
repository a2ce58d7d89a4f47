"""Owns what the page of futures shows: hedges and bridges with reason, age, funding and end; rates. Values only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from bot.core.memory import Bridge, Hedge, Memory
from bot.core.numbers import ZERO
from bot.core.snapshot import Funding
from bot.ports.panorama import Paid
from bot.web.sheets import duration

YEAR = timedelta(days=365)


@dataclass(frozen=True, slots=True)
class Held:
    """A hedge or a bridge. ``ends``: what will end it at the latest; ``funding_paid`` in accounting currency."""

    symbol: str
    what: str
    contracts: Decimal
    reason: str
    age: timedelta
    funding_paid: Decimal
    ends: datetime | None
    until: str


def held(memory: Memory, policy: Mapping[str, Any], at: datetime) -> list[Held]:
    """Hedges, then bridges, oldest first; ``at`` is venue time."""
    hedges, bridges = policy.get("hedge", {}), policy.get("bridge", {})
    made = [_held(each, f"{each.purpose} hedge" if each.purpose != "hedge" else "hedge", hedges, at)
            for each in sorted(memory.hedges, key=lambda each: each.opened_at)]  # fmt: skip
    made += [_held(each, "bridge", bridges, at) for each in sorted(memory.bridges, key=lambda each: each.opened_at)]
    return made


def _held(item: Hedge | Bridge, what: str, keys: Mapping[str, Any], at: datetime) -> Held:
    most = duration(keys.get("max_age", ""))
    limit = keys.get("funding_limit")
    until = f"funding over {Decimal(str(limit)) * 100:f} % a year" if limit is not None else ""
    if what == "bridge":
        until = f"a stop at {Decimal(str(keys['stop'])) * 100:f} %, {until}" if "stop" in keys else until
    return Held(
        item.symbol, what, item.contracts, item.reason, at - item.opened_at, item.funding_paid,
        item.opened_at + most if most else None, until,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Rate:
    """What a perpetual costs its longs: the rate of one interval, and a year of such, fractions."""

    symbol: str
    rate: Decimal
    yearly: Decimal
    next_at: str | None


def rates(inputs: Mapping[str, Any]) -> list[Rate]:
    """Funding rates of the last snapshot; what it leaves out is the snapshot's own default."""
    made = []
    for symbol, item in sorted(inputs.get("funding", {}).items()):
        rate = Decimal(str(item["rate"]))
        hours = Decimal(str(item.get("interval_hours", Funding.model_fields["interval_hours"].default)))
        yearly = rate * Decimal(YEAR // timedelta(hours=1)) / hours
        made.append(Rate(symbol, rate, yearly, item.get("next_at")))
    return made


def sums(payments: Iterable[Paid]) -> Sequence[tuple[str, Decimal]]:
    """Funding paid by symbol, the dearest first."""
    totals: dict[str, Decimal] = {}
    for each in payments:
        totals[each.symbol] = totals.get(each.symbol, ZERO) + each.paid
    return sorted(totals.items(), key=lambda pair: -abs(pair[1]))
