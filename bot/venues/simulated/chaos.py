"""Owns the drawing of fault plans: a seed's own mix of kinds, magnitudes over orders of magnitude. No behaviour."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from random import Random
from typing import Any

from bot.core.instruments import Market, base_of, is_swap, quote_of
from bot.venues.simulated.fault_plan import SHAPES
from bot.venues.simulated.faults import ANY, LINE, Asked, Fault, FaultKind

PLACES = Decimal("1e-4")
WEEK = timedelta(days=7)
LEFT_OUT = 0.35  # the chance that a seed leaves a kind out: the rest then meet one another more often
FEW = frozenset({FaultKind.DELIST, FaultKind.LIQUIDATION, FaultKind.FILTERS, FaultKind.BANNED})  # one of each at most
CALM_S = 60.0


@dataclass(frozen=True, slots=True)
class World:
    """What a plan may be about: the markets listed, and how long a host waits at most for one answer or in a ban."""

    markets: Mapping[str, Market]
    patience_s: float = 2.0

    @property
    def symbols(self) -> list[str]:
        """Every symbol, in order."""
        return sorted(self.markets)

    @property
    def quotes(self) -> list[str]:
        """Every quote currency, in order."""
        return sorted({quote_of(symbol) for symbol in self.markets})

    @property
    def coins(self) -> list[str]:
        """Every base coin, in order."""
        return sorted({base_of(symbol) for symbol in self.markets})


def draw(seed: int, world: World, *, span: timedelta = WEEK, count: int = 120) -> tuple[Fault, ...]:
    """A plan of ``count`` faults at most within ``span`` of venue time; the same seed draws the same plan.

    Each order of magnitude of that time has as many, from the first minute's end on, so that a run of an hour meets its
    share and one of a week is left to heal; nothing holds for longer than a tenth of what has gone by. What does not
    heal by itself is a delisting, new filters, and money that came or went.
    """
    random = Random(f"faults of {seed}")  # a plan must come again from its seed
    kinds = [kind for kind in FaultKind if random.random() >= LEFT_OUT] or [FaultKind.DELAY]
    weights = [_log(random, 0.05, 1.0) for _ in kinds]
    span_s = span.total_seconds()
    drawn: list[Fault] = []
    for kind in random.choices(kinds, weights, k=count):
        if kind in FEW and any(fault.kind is kind for fault in drawn):
            continue
        at_s = _log(random, CALM_S, span_s)
        drawn.append(_fault(random, kind, _decimal(at_s), world, max(CALM_S, at_s / 10)))
    return tuple(sorted(drawn, key=lambda fault: fault.at_s))


def _fault(random: Random, kind: FaultKind, at_s: Decimal, world: World, most_s: float) -> Fault:
    shape = SHAPES[kind]
    on = random.choice([ANY, *Asked]) if kind in LINE else shape.on
    values: dict[str, Any] = {name: _field(random, kind, name, world, most_s) for name in shape.must.split()}
    for name in shape.may.split():
        if name == "for_s" or random.random() < 0.5:  # noqa: PLR2004 - a coin's throw
            values[name] = _field(random, kind, name, world, most_s)
    if kind is FaultKind.FILTERS:
        values |= _filters(random, values["symbol"], world)
    times = min(4, int(_log(random, 1.0, 5.0))) if kind in LINE - FEW else 1
    return Fault(kind, at_s=at_s, on=on, nth=random.randint(1, 3), times=times, **values)


def _field(random: Random, kind: FaultKind, name: str, world: World, most_s: float) -> Any:
    return _DRAWN[name](random, kind, world, most_s)


def _seconds(random: Random, kind: FaultKind, world: World, most_s: float) -> Decimal:
    if kind is FaultKind.SKEW:
        return _decimal(random.choice([-1, 1]) * _log(random, 0.1, 60.0))
    if kind in LINE:
        return _decimal(_log(random, world.patience_s / 100, world.patience_s))
    return _decimal(_log(random, 1.0, min(most_s, 600.0)))


def _share(random: Random, kind: FaultKind, _world: World, _most_s: float) -> Decimal:
    most = 0.6 if kind is FaultKind.CRASH else 1.0
    return max(PLACES, _decimal(_log(random, 0.01, most)))


def _asset(random: Random, kind: FaultKind, world: World, _most_s: float) -> str:
    if kind is FaultKind.CRASH:
        return random.choice(world.coins)
    if kind is FaultKind.DEPEG:
        stables = [coin for coin in world.coins if coin in {"DAI", "FDUSD", "TUSD", "USDC"}]
        return random.choice([*stables, *world.quotes])
    return random.choice(world.quotes)


def _symbol(random: Random, kind: FaultKind, world: World, _most_s: float) -> str:
    swaps = [symbol for symbol in world.symbols if is_swap(symbol)]
    spot = [symbol for symbol in world.symbols if not is_swap(symbol)]
    if kind in (FaultKind.ADL, FaultKind.LIQUIDATION) and swaps:
        return random.choice(swaps)
    if kind is FaultKind.MANUAL_TRADE and spot:
        return random.choice(spot)
    return random.choice(world.symbols)


def _filters(random: Random, symbol: str, world: World) -> dict[str, Decimal]:
    """A step or a least notional some times as large."""
    market = world.markets[symbol]
    if market.step is not None and random.random() < 0.5:  # noqa: PLR2004 - a coin's throw
        return {"step": market.step * random.choice([2, 5, 10])}
    return {"min_notional": (market.min_notional or Decimal(5)) * random.choice([2, 5])}


def _log(random: Random, low: float, high: float) -> float:
    """Between two magnitudes, each order of magnitude as likely."""
    return math.exp(random.uniform(math.log(low), math.log(high)))


def _decimal(value: float) -> Decimal:
    return Decimal(repr(value)).quantize(PLACES, ROUND_HALF_EVEN)


_Draw = Callable[[Random, FaultKind, World, float], Any]
_NONE: Sequence[str] = ("step", "tick", "min_amount", "min_notional")
_DRAWN: Mapping[str, _Draw] = {
    "seconds": _seconds,
    "for_s": lambda random, _kind, _world, most_s: _decimal(_log(random, 1.0, most_s)),
    "done": lambda random, _kind, _world, _most_s: random.random() < 0.5,  # noqa: PLR2004 - a coin's throw
    "status": lambda random, _kind, _world, _most_s: random.choice([500, 502, 503, 504]),
    "share": _share,
    "symbol": _symbol,
    "asset": _asset,
    "side": lambda random, _kind, _world, _most_s: random.choice(["buy", "sell"]),
    "amount": lambda random, _kind, _world, _most_s: _decimal(_log(random, 10.0, 10_000.0)),
    "price": lambda random, _kind, _world, _most_s: _decimal(1 - _log(random, 0.001, 0.3)),
    **dict.fromkeys(_NONE, lambda _random, _kind, _world, _most_s: None),
}
