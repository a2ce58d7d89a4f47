"""What tests are made of: plain functions with named defaults, each answering a valid value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Literal

from bot.core.instruments import Market, is_swap
from bot.core.memory import Memory
from bot.core.orders import MoveIntent, OrderIntent, client_id
from bot.core.policy import Policy
from bot.core.snapshot import Snapshot, build

NOON = datetime(2026, 1, 10, 12, tzinfo=UTC)
D = Decimal


def a_policy(**over: Any) -> Policy:
    """Half BTC, half stables, no signals: bands alone decide. ``over`` replaces whole top-level keys.

    Takers, but where ``execution`` names another style.
    """
    execution = {"style": "taker", **over.pop("execution", {"slice_max": "0.10"})}
    return Policy.model_validate(
        {
            "targets": {
                "stables": {"weight": "0.50", "floor": "0.05"},
                "sleeves": {"majors": {"weight": "0.50", "assets": ["BTC"]}},
            },
            "signals": {"enabled": False},
            "execution": execution,
            **over,
        }
    )


def a_market(symbol: str = "BTC/USDT", **over: Any) -> Market:
    """Steps of 0.001, ticks of 0.1; Binance's fees."""
    fees = {"maker": D("0.0002"), "taker": D("0.0005"), "maintenance_rate": D("0.01")}
    fees = fees if is_swap(symbol) else {"maker": D("0.001"), "taker": D("0.001")}
    filters = {"step": D("0.001"), "tick": D("0.1"), "min_amount": D("0.001"), "min_notional": D(5)}
    return Market.model_validate({**filters, **fees, **over})


def a_snapshot(
    *,
    at: datetime = NOON,
    balances: Mapping[str, str] | None = None,
    futures: str = "5000",
    price: str = "100",
    positions: Sequence[Mapping[str, Any]] = (),
    memory: Memory | Mapping[str, Any] | None = None,
    **over: Any,
) -> Snapshot:
    """An account of 600 BTC at 100, 35,000 USDT in spot and 5,000 as margin: 60 % BTC, fresh quotes, cheap funding."""
    held = {"USDT": "35000", "BTC": "600"} if balances is None else balances
    half = D("0.1")
    quote = {"bid": D(price) - half, "ask": D(price) + half, "last": D(price), "quote_volume": "1e9", "at": at}
    return build(
        {
            "at": at,
            "venue": "binance",
            "balances": [
                *({"wallet": "spot", "asset": asset, "free": free} for asset, free in held.items()),
                {"wallet": "futures", "asset": "USDT", "free": futures},
            ],
            "positions": list(positions),
            "tickers": {"BTC/USDT": quote, "BTC/USDT:USDT": quote},
            "funding": {"BTC/USDT:USDT": {"rate": "0.0001", "interval_hours": 8, "at": at}},
            "candles": {},
            "markets": {symbol: a_market(symbol) for symbol in ("BTC/USDT", "BTC/USDT:USDT")},
            "memory": memory or {},
            **over,
        }
    )


def an_intent(
    *,
    symbol: str = "BTC/USDT",
    qty: str = "-1",
    price: str = "98",
    leg: int = 0,
    decision_id: str = "d1",
    action_id: str = "d1-1",
    at: datetime = NOON,
    lasts: timedelta = timedelta(minutes=5),
    fence: int = 1,
    **over: Any,
) -> OrderIntent:
    """A sale of one coin as an IOC limit; its client id follows from decision, action and leg."""
    values: dict[str, Any] = {
        "client_id": client_id("paper", "main", decision_id, action_id, leg, 0),
        "tif": "ioc",
        "reduce_only": False,
        "asset": "BTC",
        "kind": "trim",
        "purpose": "hedge" if is_swap(symbol) else "spot",
        "reference": D(100),
        "leverage": D(2) if is_swap(symbol) else None,
    }
    return OrderIntent(
        **{
            **values,
            "decision_id": decision_id, "action_id": action_id, "leg": leg, "slice": 0, "symbol": symbol,
            "qty": D(qty), "price": D(price), "sent_before": at + lasts, "fence": fence, **over,
        }
    )  # fmt: skip


def a_move(
    *,
    amount: str = "1000",
    source: Literal["spot", "futures"] = "spot",
    at: datetime = NOON,
    decision_id: str = "d1",
    action_id: str = "d1-1",
    **over: Any,
) -> MoveIntent:
    """A transfer of USDT from the spot to the futures wallet."""
    values: dict[str, Any] = {
        "client_id": client_id("paper", "main", decision_id, action_id, 0, 0),
        "decision_id": decision_id, "action_id": action_id, "asset": "USDT", "amount": D(amount), "source": source,
        "to": "futures" if source == "spot" else "spot", "sent_before": at + timedelta(minutes=5), "fence": 1,
    }  # fmt: skip
    return MoveIntent(**{**values, **over})
