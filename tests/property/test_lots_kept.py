"""Lots in memory: coins are never lost or made by booking, and what is kept is as much as lots in full are."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from bot.core.events import Event
from bot.core.lots import LOTS_KEPT, Entry, Lot, lots, tax_of_sale, uncosted
from bot.core.memory import fold_all

START = datetime(2026, 3, 5, tzinfo=UTC)
AMOUNT = st.integers(1, 10**9).map(lambda number: Decimal(number) / 10**8)
PRICE = st.integers(1, 10**9).map(lambda number: Decimal(number) / 10**4)
TRADES = st.lists(st.tuples(AMOUNT, PRICE, st.booleans(), st.integers(1, 40)), max_size=60)


def _events(trades: list[tuple[Decimal, Decimal, bool, int]]) -> list[Event]:
    """Purchases, and sales of at most what is held."""
    made, held, at = [], Decimal(0), START
    for number, (amount, price, buy, hours) in enumerate(trades):
        qty = amount if buy else -min(amount, held)
        at += timedelta(hours=hours)
        held += qty
        if qty:
            body = {"symbol": "BTC/USDT", "qty": str(qty), "price": str(price), "fee": "0.01", "fee_asset": "USDT"}
            made.append(Event(f"k{number}", at, "fill", body))
    return made


def _kept(events: list[Event]) -> tuple[Lot, ...]:
    return (fold_all(events).lots or {}).get("BTC", ())


@given(TRADES)
def test_the_lots_kept_are_the_coins_bought_less_those_sold(trades: list[tuple[Decimal, Decimal, bool, int]]) -> None:
    events = _events(trades)
    own = _kept(events)
    assert sum((item.qty for item in own), Decimal(0)) == sum(
        (Decimal(each.body["qty"]) for each in events), Decimal(0)
    )
    assert all(item.qty > 0 for item in own)
    assert len(own) <= LOTS_KEPT


@given(TRADES, AMOUNT, PRICE)
def test_all_that_is_held_cost_what_lots_in_full_say_and_a_tax_stays_within_its_bounds(
    trades: list[tuple[Decimal, Decimal, bool, int]], qty: Decimal, price: Decimal
) -> None:
    events = _events(trades[:LOTS_KEPT])
    own, rate = _kept(events), Decimal("0.25")
    entries = [
        Entry(each.at, "BTC", Decimal(each.body["qty"]), Decimal(each.body["price"]), Decimal("0.01"))
        for each in events
    ]
    full = lots(entries).get("BTC", ())
    if all(Decimal(each.body["qty"]) > 0 for each in events):
        assert sum((item.cost or 0 for item in own), Decimal(0)) == sum((item.cost or 0 for item in full), Decimal(0))
    assert 0 <= tax_of_sale(own, qty, price, rate) <= rate * qty * price
    assert uncosted(own, qty) == max(Decimal(0), qty - sum((item.qty for item in own), Decimal(0)))
