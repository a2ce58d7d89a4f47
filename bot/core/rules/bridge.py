"""Owns a bridge's life after it was opened: converted to spot, or stopped (R-A13, R-A14). Pure."""

from __future__ import annotations

from decimal import Decimal

from bot.core.costs import funding_view
from bot.core.desk import Desk
from bot.core.futures import closed, mark, own_cash, own_margin, own_powder, paced
from bot.core.memory import Bridge
from bot.core.numbers import CENT, ONE, ZERO, fraction, utc_text
from bot.core.sizing import percent
from bot.core.snapshot import Position
from bot.core.wishes import Hold, Leg, Move, Wish

CONVERT = "R-A13"
STOP = "R-A14"
HALF = Decimal("0.5")
LEAST_MOVE = Decimal(1)


def stops(desk: Desk) -> list[Wish]:
    """Longs whose loss, funding included, reached the stop: closed reduce-only, whatever the class of the cycle."""
    made = []
    for asset in sorted(desk.ledger.contracts):
        coins = desk.ledger.contracts[asset]
        if coins <= 0 or desk.ledger.marks.get(asset) is None:
            continue
        loss, limit = _loss(desk, asset), desk.policy.bridge_for(asset).stop
        if loss is None or loss < limit:
            continue
        why = f"{STOP}: the bridge lost {percent(loss)} of its notional, stop {percent(limit)}"
        leg = closed(desk, asset, -coins, "bridge")
        change = -fraction(coins * mark(desk, asset) / desk.equity) if desk.ledger.equity else ZERO
        made.append(Wish(STOP, "stop", "safety", asset, why, legs=(leg,), exposure_change=change))
    return made


def _position(desk: Desk, asset: str) -> Position | None:
    symbol = desk.contract(asset).symbol
    return next((item for item in desk.snapshot.positions if item.symbol == symbol and item.side == "long"), None)


def _fact(desk: Desk, asset: str) -> Bridge | None:
    symbol = desk.contract(asset).symbol
    return next((item for item in desk.memory.bridges if item.symbol == symbol), None)


def _loss(desk: Desk, asset: str) -> Decimal | None:
    """Mark against entry plus funding paid, as a share of the entry's notional; None = entry unknown."""
    position, fact = _position(desk, asset), _fact(desk, asset)
    if position is None or not position.entry_price or not position.contracts:
        return None
    entry = position.entry_price / desk.contract(asset).coins
    paid = fact.funding_paid / (fact.contracts * position.entry_price) if fact and fact.contracts else ZERO
    return (entry - mark(desk, asset)) / entry + paid


def convert(desk: Desk, asset: str) -> Wish | Hold | None:
    """One round of at most `convert.slice`: the long closed and as much spot bought; None without a bridge."""
    coins = desk.ledger.contracts.get(asset, ZERO)
    price = desk.ledger.prices.get(asset)
    if coins <= 0 or price is None or desk.asked(asset) is not None or desk.lifted(asset):
        return None  # what lifts a share of risk is no way into spot: R-T5 closes it itself
    due = _due(desk, asset)
    if not due:
        return None
    wait = paced(desk, asset)
    if wait is not None:
        return Hold(
            asset,
            CONVERT,
            f"{due}: the last round was at {utc_text(desk.memory.last_trades[asset].at)}",
            f"the next one from {utc_text(wait)}, now {utc_text(desk.snapshot.at)}",
        )
    market = desk.market(desk.spot(asset))
    if market is None or not market.active:
        return Hold(asset, CONVERT, f"{due}, but spot is not traded", "an active spot market")
    least = max(market.smallest(price), _least_closed(desk, asset))
    size = min(coins, max(desk.policy.convert.slice * desk.equity / price, least))
    # What is left must not be under the minimum of the next round.
    if coins - size < least:
        size = coins
    cost = size * price * (ONE + market.taker)
    # Both legs or none: a round leans on no sale of the same plan, whose fill nobody knows yet.
    if own_cash(desk) < cost:
        return _bring(desk, asset, cost, due)
    powder = own_powder(desk) + _released(desk, asset, size)
    if powder < cost:
        return Hold(
            asset,
            CONVERT,
            f"{due}, but dry powder {powder:.2f} is too little",
            f"{cost:.2f} of dry powder, now {powder:.2f}",
        )
    legs = (closed(desk, asset, -size, "bridge"), Leg(desk.spot(asset), size, price))
    return Wish(CONVERT, "convert", "upkeep", asset, f"{CONVERT}: {due}: spot for the bridge", legs=legs)


def _least_closed(desk: Desk, asset: str) -> Decimal:
    """The fewest coins of the perpetual that can be closed: a round is one of both legs or none."""
    contract = desk.contract(asset)
    market = desk.market(contract.symbol)
    each = mark(desk, asset) * contract.coins
    return market.smallest(each, reduce_only=True) * contract.coins if market is not None else ZERO


def _released(desk: Desk, asset: str, size: Decimal) -> Decimal:
    held = desk.ledger.contracts.get(asset, ZERO)
    return desk.ledger.margins.get(asset, ZERO) * size / held if held else ZERO


def _bring(desk: Desk, asset: str, cost: Decimal, due: str) -> Wish | Hold:
    """Margin that earlier rounds released comes back to the spot wallet first."""
    missing = cost - own_cash(desk)
    free = own_margin(desk)
    if desk.ledger.unified or not desk.ledger.movable or free < missing:
        return Hold(
            asset,
            CONVERT,
            f"{due}, but spot stables are short by {missing:.2f}",
            f"{cost:.2f} in spot, now {own_cash(desk):.2f}",
        )
    amount = max(missing, min(free, missing * 2), LEAST_MOVE).quantize(CENT)
    move = Move(desk.policy.accounting_currency, min(amount, free.quantize(CENT)), "futures", "spot")
    return Wish("R-A20", "transfer", "upkeep", asset, f"R-A20: {due}; released margin pays for spot", moves=(move,))


def _due(desk: Desk, asset: str) -> str:
    """Why a bridge becomes spot now (R-A13); empty while it may stand."""
    keys = desk.policy.bridge_for(asset)
    read = desk.exposure(asset).readings
    fact, loss = _fact(desk, asset), _loss(desk, asset)
    if read.recovered:
        return "recovery confirmed"
    if read.at_support and loss is not None and ZERO < loss < keys.stop * HALF:
        return f"at support in a loss of {percent(loss)}"
    view = funding_view(desk.contract(asset).symbol, desk)
    if view is not None and view.paid_by_long() > keys.funding_limit:
        return f"longs pay {percent(view.paid_by_long())} a year, limit {percent(keys.funding_limit)}"
    if fact is None:
        return ""
    notional = fact.contracts * desk.contract(asset).coins * mark(desk, asset)
    if notional and fact.funding_paid >= keys.funding_budget * notional:
        return f"its funding budget of {percent(keys.funding_budget)} is spent"
    age = desk.snapshot.at - fact.opened_at
    if age >= keys.max_age:
        return f"it is {age.days} days old, at most {keys.max_age.days}"
    if age >= keys.stagnation and loss is not None and fact.funding_paid > max(ZERO, -loss * notional):
        return f"stagnating for {age.days} days: funding cost more than it gained"
    return ""
