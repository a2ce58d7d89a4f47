"""Builders of recorded facts as a bookkeeper takes them, with named defaults."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from bot.backtest.ledger import Bookkeeper, Ledger
from bot.core.events import Event

AT = datetime(2026, 1, 5, tzinfo=UTC)
D = Decimal


def n(*values: int | str) -> tuple[Decimal, ...]:
    """Several numbers, exact."""
    return tuple(D(value) for value in values)


def at(hours: float) -> datetime:
    return AT + timedelta(hours=hours)


def seen(hours: float, equity: str | None, **over: Mapping[str, str] | str) -> Event:
    """What a decision saw: ``coins``, ``contracts``, ``prices`` and ``marks`` by asset."""
    prices = over.get("prices", {"BTC": "100"})
    body = {
        "equity": equity,
        "coins": over.get("coins", {}),
        "contracts": over.get("contracts", {}),
        "prices_by_asset": prices,
        "marks": over.get("marks", {}),
        "worth": {"BTC": "0", "USDT": "0"},
    }
    if "rescoped" in over:
        body["rescoped"] = over["rescoped"]
    return Event(f"d{hours}:seen", at(hours), "seen", body)


def fill(hours: float, qty: str, price: str, **over: str | None) -> Event:
    body = {
        "client_id": "one",
        "symbol": "BTC/USDT",
        "asset": "BTC",
        "qty": qty,
        "price": price,
        "fee": "0",
        "fee_asset": "USDT",
        "fee_value": over.get("fee", "0"),
        "purpose": "spot",
        **over,
    }
    return Event(f"fill{hours}:{qty}:{over.get('client_id', 'one')}", at(hours), "fill", body)


def funding(hours: float, paid: str, symbol: str = "BTC/USDT:USDT") -> Event:
    return Event(f"funding{hours}", at(hours), "funding", {"symbol": symbol, "paid": paid})


def flow(hours: float, amount: str, asset: str = "USDT", kind: str = "deposit") -> Event:
    return Event(f"flow{hours}{asset}", at(hours), "flow", {"asset": asset, "amount": amount, "kind": kind})


def booked(
    events: Iterable[Event],
    references: Mapping[str, str | None] | None = None,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
) -> tuple[Ledger, Bookkeeper]:
    mids = {name: None if mid is None else D(mid) for name, mid in (references or {}).items()}
    book = Bookkeeper("USDT", mids, since=since, until=until)
    for event in events:
        book.take(event)
    made = book.ledger()
    assert made is not None
    return made, book
