"""Owns the accounts that rules are tested on: snapshots and policies from points of equity, and what follows a plan.

Everything is given in points of equity (5 = 5 %), on an account worth `EQUITY`, so that a case reads like the
rulebook's table. Marks equal mids, books are deep, fees 0.1 / 0.05 %, half spread 1 bp, funding 0, volatility 0.5.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from bot.core.assessment import Readings, Trend
from bot.core.events import Event
from bot.core.instruments import base_of, is_swap
from bot.core.memory import Memory, fold_all
from bot.core.numbers import jsonable
from bot.core.plan import plan
from bot.core.plan_record import Plan
from bot.core.policy import Policy
from bot.core.snapshot import Snapshot, build
from bot.core.verdicts import Approved, Refused
from bot.core.wishes import Hold, Leg, Wish

AT = datetime(2026, 3, 5, 12, 0, 10, tzinfo=UTC)  # a Thursday, just after a 4 h bar closed
SATURDAY = datetime(2026, 3, 7, 12, 0, 10, tzinfo=UTC)
EQUITY = Decimal(100_000)
PRICES: Mapping[str, str] = {"BTC": "50000", "ETH": "2500", "SOL": "100", "XRP": "2"}
STEPS: Mapping[str, str] = {"BTC": "0.00001", "ETH": "0.0001", "SOL": "0.001", "XRP": "0.1"}
HALF_SPREAD = Decimal("0.0001")
SPOT_FEE, SWAP_FEE = Decimal("0.001"), Decimal("0.0005")
BAR_MS, DAY_MS = 4 * 3_600_000, 86_400_000
DAYS = 40
VOLATILITY = 0.5
Points = int | float | str | Decimal
Table = Mapping[str, Readings]


def share(points: Points) -> Decimal:
    """Points of equity as a fraction."""
    return Decimal(str(points)) / 100


def spot(asset: str) -> str:
    return f"{asset}/USDT"


def swap(asset: str) -> str:
    return f"{asset}/USDT:USDT"


# ---- policies -------------------------------------------------------------------------------------------------------


def keys(
    targets: Mapping[str, Points] | None = None,
    stables: Mapping[str, Any] | None = None,
    *,
    sleeves: Mapping[str, Any] | None = None,
    keep: Mapping[str, Any] | None = None,
    **groups: Any,
) -> dict[str, Any]:
    """Configuration keys: targets (points) in a sleeve each, or the ``sleeves`` given; the rest is stables."""
    wanted = targets or {}
    made = {name.lower(): {"weight": str(share(points)), "assets": [name]} for name, points in wanted.items()}
    parts = dict(sleeves or made)
    rest = 1 - sum((Decimal(str(part["weight"])) for part in parts.values()), Decimal(0))
    cash = {"weight": str(rest), **(stables or {"floor": "0.05" if rest > Decimal("0.05") else "0"})}
    return {"targets": {"stables": cash, "sleeves": parts, "keep": keep or {}}, **groups}


def policy(targets: Mapping[str, Points] | None = None, **more: Any) -> Policy:
    """The policy of `keys`."""
    return Policy.model_validate(keys(targets, **more))


# ---- candles --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Path:
    """A synthetic price path: legs of (bars, drift per bar), seeded noise and wicks, as fractions of the price."""

    legs: Sequence[tuple[int, float]]
    seed: int
    noise: float = 0.004
    wick: float = 0.002

    def closes(self) -> list[float]:
        """Closes that end at 1."""
        rng = random.Random(self.seed)
        logs, level = [], 0.0
        for bars, drift in self.legs:
            for _ in range(bars):
                level += drift + rng.gauss(0.0, self.noise)
                logs.append(level)
        return [math.exp(value - logs[-1]) for value in logs]


#: Name of a market's state -> a path whose last bar is in it. Found by search, held by `test_readings_wanted`.
PATHS: Mapping[str, Path] = {
    "range": Path([(260, 0.0)], 22),
    "strong up": Path([(200, 0.0), (60, 0.003)], 455, noise=0.006, wick=0.004),
    "overextended": Path([(200, 0.0), (45, 0.002), (15, 0.008)], 1),
    "weakening up": Path([(150, 0.0), (80, 0.004), (30, -0.0015)], 3),
    "exhausted": Path([(190, 0.0), (60, 0.006), (10, 0.0025)], 214, noise=0.01, wick=0.01),
    "at support": Path([(150, 0.0), (80, -0.004), (30, 0.0005)], 16),
    "stabilising": Path([(150, 0.0), (80, -0.004), (30, 0.0015)], 16),
    "falling knife": Path([(200, 0.0), (60, -0.004)], 0),
    "bottoming": Path([(200, 0.0), (50, -0.004), (10, -0.006)], 293),
    "parabolic": Path([(176, 0.0), (84, 0.0085)], 1),
    "unknown": Path([(40, 0.0)], 1),
    "diverging up": Path([(200, 0.0), (25, -0.008), (12, 0.004), (14, -0.005), (9, 0.001)], 0, noise=0.003),
    "diverging down": Path([(200, 0.0), (25, 0.008), (12, -0.004), (14, 0.005), (8, -0.001)], 0, noise=0.003),
}


def candles(kind: str, price: Points, at: datetime = AT) -> dict[str, list[list[float]]]:
    """4 h bars of a path up to ``at`` that end at ``price``, and `DAYS` daily bars whose yearly volatility is 0.5."""
    end = int(at.timestamp() * 1000)
    signal = _bars(PATHS[kind].closes(), float(price), end - end % BAR_MS, BAR_MS, PATHS[kind].wick)
    move = VOLATILITY / math.sqrt(365 * 30 / 29)
    days = [1.0 if index % 2 else math.exp(move) for index in range(DAYS)]
    return {"4h": signal, "1d": _bars(days, float(price), end - end % DAY_MS, DAY_MS, 0.0)}


def _bars(closes: Sequence[float], price: float, end_ms: int, length_ms: int, wick: float) -> list[list[float]]:
    rows = []
    before = closes[0]
    for index, close in enumerate(closes):
        ms = end_ms - (len(closes) - index) * length_ms
        high, low = max(before, close) * (1 + wick), min(before, close) * (1 - wick)
        rows.append([ms, *(float(f"{value / closes[-1] * price:.7g}") for value in (before, high, low, close)), 1000])
        before = close
    return rows


def reads(trend: Trend | None = Trend.RANGE, **more: Any) -> Readings:
    """A row of readings with the presumed volatility, for cases that are not about how readings come about."""
    return Readings(trend=trend, **{"volatility": VOLATILITY, "rsi": 50.0, **more})


# ---- snapshots ------------------------------------------------------------------------------------------------------


def account(
    weights: Mapping[str, Points],
    stables: Points,
    *,
    futures: Points = 0,
    earn: Points = 0,
    shorts: Mapping[str, Points] | None = None,
    longs: Mapping[str, Points] | None = None,
    trends: Mapping[str, str] | None = None,
    books: Mapping[str, Points] | None = None,
    funding: Mapping[str, Any] | None = None,
    unlisted: Sequence[str] = (),
    prices: Mapping[str, str] = PRICES,
    at: datetime = AT,
    memory: Mapping[str, Any] | None = None,
    leverage: Points = 2,
    **more: Any,
) -> dict[str, Any]:
    """A snapshot as JSON values. ``books``: value of each side within reach (quote) where not deep; ``trends``: paths.

    ``stables`` are free in spot, ``futures`` is the futures wallet's balance with the margin of ``shorts`` in it.
    """
    held = {**{name: ("short", p) for name, p in (shorts or {}).items()}}
    held.update({name: ("long", p) for name, p in (longs or {}).items()})
    positions = [_position(name, side, points, prices[name], leverage) for name, (side, points) in held.items()]
    margin = sum((Decimal(item["initial_margin"]) for item in positions), Decimal(0))
    wallet = share(futures) * EQUITY
    balances = [_balance("spot", "USDT", share(stables) * EQUITY), _balance("futures", "USDT", wallet - margin, margin)]
    balances += [_balance("earn", "USDT", share(earn) * EQUITY)] if earn else []
    balances += [
        _balance("spot", name, share(points) * EQUITY / Decimal(prices[name])) for name, points in weights.items()
    ]
    names = [name for name in {**prices} if name in {**weights, **held}]
    symbols = [symbol for name in names for symbol in (spot(name), swap(name)) if symbol not in unlisted]
    return {
        "version": 1,
        "at": _text(at),
        "venue": "binance",
        "balances": balances,
        "positions": positions,
        "tickers": {symbol: _ticker(prices[base_of(symbol)]) for symbol in symbols},
        "funding": {swap(name): {"rate": "0"} for name in names} | dict(funding or {}),
        "books": {symbol: _book(prices[base_of(symbol)], (books or {}).get(symbol, 10**9)) for symbol in symbols},
        "candles": {spot(name): candles(kind, prices[name], at) for name, kind in (trends or {}).items()},
        "markets": {symbol: _market(symbol) for symbol in symbols},
        "memory": dict(memory or {}),
        **more,
    }


def seen(*args: Any, **more: Any) -> Snapshot:
    """The snapshot of `account`, parsed."""
    return build(account(*args, **more))


def _text(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


def _balance(wallet: str, asset: str, free: Decimal, locked: Decimal = Decimal(0)) -> dict[str, str]:
    return {"wallet": wallet, "asset": asset, "free": f"{free:f}", "locked": f"{locked:f}"}


def _position(asset: str, side: str, points: Points, price: str, leverage: Points) -> dict[str, Any]:
    notional = share(points) * EQUITY
    return {
        "symbol": swap(asset),
        "side": side,
        "contracts": f"{notional / Decimal(price):f}",
        "entry_price": price,
        "mark_price": price,
        "leverage": str(leverage),
        "initial_margin": f"{notional / Decimal(str(leverage)):f}",
        "maintenance_margin": f"{notional / 100:f}",
    }


def _ticker(price: str) -> dict[str, str]:
    mid = Decimal(price)
    return {
        "bid": f"{mid * (1 - HALF_SPREAD):f}",
        "ask": f"{mid * (1 + HALF_SPREAD):f}",
        "last": price,
        "quote_volume": "100000000",
    }


def _book(price: str, value: Points) -> dict[str, Any]:
    mid = Decimal(price)
    bid, ask = mid * (1 - HALF_SPREAD), mid * (1 + HALF_SPREAD)
    worth = Decimal(str(value))
    return {
        "bids": [[f"{bid:f}", f"{worth / bid:.8f}"]],
        "asks": [[f"{ask:f}", f"{worth / ask:.8f}"]],
    }


def _market(symbol: str) -> dict[str, Any]:
    fee = SWAP_FEE if is_swap(symbol) else SPOT_FEE
    return {
        "step": STEPS[base_of(symbol)],
        "tick": "0.01",
        "min_notional": "5",
        "maker": str(fee),
        "taker": str(fee),
        "maintenance_rate": "0.01",
    }


# ---- what a plan says -----------------------------------------------------------------------------------------------


def decide(snapshot: Snapshot | Mapping[str, Any], wanted: Policy, table: Table | None = None) -> Plan:
    """The plan of a snapshot, given as a value or as JSON values."""
    return plan(snapshot if isinstance(snapshot, Snapshot) else build(snapshot), wanted, table=table)


def actions(made: Plan, asset: str | None = None) -> list[Wish]:
    """The approved wishes, of one asset or all."""
    return [item.wish for item in made.actions if asset in (None, item.wish.asset)]


def approved(made: Plan, asset: str) -> Approved:
    """The one approved action of an asset."""
    (found,) = [item for item in made.actions if item.wish.asset == asset]
    return found


def blocked(made: Plan, asset: str) -> Refused:
    """The one refused wish of an asset."""
    (found,) = [item for item in made.blocked if item.wish.asset == asset]
    return found


def hold(made: Plan, asset: str, rule: str | None = None) -> Hold:
    """The one hold of an asset (under one rule)."""
    (found,) = [item for item in made.holds if item.asset == asset and rule in (None, item.rule)]
    return found


def verdicts(item: Approved | Refused) -> dict[str, str]:
    """Gate -> verdict of all that did not pass."""
    return {verdict.gate: verdict.verdict for verdict in item.not_passed}


def in_points(leg: Leg) -> Decimal:
    """A leg's signed size in points of `EQUITY`."""
    return (leg.qty * leg.price / EQUITY * 100).quantize(Decimal("0.001"))


def legs(wish: Wish) -> dict[str, Decimal]:
    """Symbol -> signed points of `EQUITY`."""
    return {leg.symbol: in_points(leg) for leg in wish.legs}


def net(made: Plan, asset: str) -> Decimal:
    """Net exposure after the plan, points."""
    return (made.after.exposures[asset] * 100).quantize(Decimal("0.01"))


# ---- what becomes of it ---------------------------------------------------------------------------------------------


def after(
    snapshot: Snapshot, made: Plan, *, later: timedelta = timedelta(minutes=15), only: int | None = None
) -> Snapshot:
    """The next snapshot when the first ``only`` legs (all) are filled at their prices, and money moved arrives."""
    ledger = _Ledger(snapshot)
    events = list(made.events)
    budget = only
    for index, wish in enumerate(actions(made)):
        filled = list(wish.legs if budget is None else wish.legs[:budget])
        budget = None if budget is None else budget - len(filled)
        for number, leg in enumerate(filled):
            ledger.book(leg)
            events.append(_fill(snapshot, made, wish, leg, f"{index}.{number}"))
        for move in wish.moves:
            ledger.money[move.source] -= move.amount
            ledger.money[move.to] += move.amount
        if wish.direction is not None and filled:
            events.append(_worked(snapshot, wish, filled, made))
    memory = fold_all(events, snapshot.memory)
    return ledger.snapshot(snapshot.at + later, memory.at(snapshot.at + later))


def _fill(snapshot: Snapshot, made: Plan, wish: Wish, leg: Leg, number: str) -> Event:
    body = {
        "symbol": leg.symbol,
        "qty": str(leg.qty),
        "price": str(leg.price),
        "asset": wish.asset,
        "purpose": leg.purpose,
        "equity": str(made.assessment.equity),
        "reason": wish.rule,
        "repairs": wish.repairs,
        "leverage": str(leg.leverage or 1),
    }
    return Event(f"{made.decision_id}:{number}:fill", snapshot.at, "fill", body)


def _worked(snapshot: Snapshot, wish: Wish, filled: Sequence[Leg], made: Plan) -> Event:
    done = sum((leg.qty * leg.price for leg in filled), Decimal(0)) / (made.assessment.equity or Decimal(1))
    left = max(Decimal(0), abs(wish.wanted) - abs(done)).quantize(Decimal("1e-6"))
    subject = str(wish.notes.get("subject", wish.asset))
    body = {"subject": subject, "left": str(left), "filled": True}
    return Event(f"{made.decision_id}:{subject}:worked", snapshot.at, "episode.worked", body)


class _Ledger:
    """Wallets and positions as the venue books fills: spot fees in quote, profit realised in the futures wallet."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.raw = snapshot.model_dump(mode="python", exclude={"candles", "memory"})
        self.candles = snapshot.candles
        self.fees = {symbol: market.taker for symbol, market in snapshot.markets.items()}
        self.money = {"spot": Decimal(0), "futures": Decimal(0), "earn": Decimal(0)}
        self.coins: dict[str, Decimal] = {}
        for balance in snapshot.balances:
            if balance.asset == "USDT":
                self.money[balance.wallet] += balance.total
            else:
                self.coins[balance.asset] = self.coins.get(balance.asset, Decimal(0)) + balance.total
        self.size = {item.symbol: item.quantity for item in snapshot.positions}
        self.entry = {item.symbol: item.entry_price or Decimal(0) for item in snapshot.positions}
        self.marks = {item.symbol: item.mark_price for item in snapshot.positions}
        self.leverage = {item.symbol: item.leverage or Decimal(1) for item in snapshot.positions}

    def book(self, leg: Leg) -> None:
        fee = leg.notional * self.fees[leg.symbol]
        if not is_swap(leg.symbol):
            name = base_of(leg.symbol)
            self.coins[name] = self.coins.get(name, Decimal(0)) + leg.qty
            self.money["spot"] -= leg.qty * leg.price + fee
            return
        before = self.size.get(leg.symbol, Decimal(0))
        now = before + leg.qty
        self.money["futures"] -= fee
        if leg.reduce_only:
            assert abs(now) <= abs(before), f"{leg} grows a position of {before}"
            self.money["futures"] -= leg.qty * (leg.price - self.entry[leg.symbol])
        elif now:
            self.leverage[leg.symbol] = leg.leverage or Decimal(1)
            value = before * self.entry.get(leg.symbol, Decimal(0)) + leg.qty * leg.price
            self.entry[leg.symbol] = value / now
        self.size[leg.symbol] = now
        self.marks.setdefault(leg.symbol, leg.price)

    def snapshot(self, at: datetime, memory: Memory) -> Snapshot:
        positions = [self._held(symbol) for symbol, size in self.size.items() if size]
        margin = sum((item["initial_margin"] for item in positions), Decimal(0))
        balances: list[dict[str, Any]] = [
            {"wallet": "spot", "asset": "USDT", "free": self.money["spot"]},
            {"wallet": "futures", "asset": "USDT", "free": self.money["futures"] - margin, "locked": margin},
            {"wallet": "earn", "asset": "USDT", "free": self.money["earn"]},
            *({"wallet": "spot", "asset": name, "free": amount} for name, amount in self.coins.items()),
        ]
        body = {**self.raw, "at": at, "balances": balances, "positions": positions, "memory": memory}
        return build({**body, "candles": self.candles})

    def _held(self, symbol: str) -> dict[str, Any]:
        size, mark = self.size[symbol], self.marks[symbol] or Decimal(1)
        return {
            "symbol": symbol,
            "side": "long" if size > 0 else "short",
            "contracts": abs(size),
            "entry_price": self.entry[symbol],
            "mark_price": mark,
            "leverage": self.leverage[symbol],
            "initial_margin": abs(size) * mark / self.leverage[symbol],
            "maintenance_margin": abs(size) * mark / 100,
        }


def run(snapshot: Snapshot, wanted: Policy, plans: int, table: Table | None = None) -> Iterable[tuple[Snapshot, Plan]]:
    """Several plans in a row, each wholly filled, a quarter of an hour apart."""
    for _ in range(plans):
        made = decide(snapshot, wanted, table)
        yield snapshot, made
        snapshot = after(snapshot, made)


def as_json(snapshot: Mapping[str, Any]) -> dict[str, Any]:
    """A snapshot's values with every decimal as text."""
    made: dict[str, Any] = jsonable(snapshot)
    return made
