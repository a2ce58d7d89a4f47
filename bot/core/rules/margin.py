"""Owns the futures wallet: top up before liquidation comes near, sweep back what lies idle (R-A20). Pure."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from bot.core.desk import Desk
from bot.core.futures import closed, covering, own_cash, own_margin
from bot.core.numbers import CENT, ZERO, fraction
from bot.core.sizing import percent
from bot.core.wishes import Leg, Move, Wish

RULE = "R-A20"
IDLE = timedelta(hours=24)
LEAST_MOVE = Decimal(10)


def need(desk: Desk) -> Decimal:
    """Collateral the positions call for: notional / leverage."""
    return desk.ledger.futures_notional / desk.policy.hedge.leverage


def safety(desk: Desk) -> list[Wish]:
    """Under the liquidation distance, or under the top-up distance with nothing to top up: hedges become sales."""
    distance = desk.ledger.distance
    limits = desk.policy.limits
    if distance is None or not desk.ledger.equity or distance >= limits.top_up_distance:
        return []
    can = _spare(desk) >= LEAST_MOVE and desk.ledger.movable and not desk.ledger.unified
    if can and distance >= limits.liquidation_distance:
        return []
    why = f"{RULE}: distance to liquidation {percent(distance)}, at least {percent(limits.liquidation_distance)}"
    # Bridges before hedges, the largest first: one position a cycle, then the account is looked at again.
    ranked = sorted(desk.ledger.contracts, key=lambda name: (-desk.ledger.futures_weight(name), name))
    longs = [name for name in ranked if desk.ledger.contracts[name] > 0]
    shorts = [name for name in reversed(ranked) if desk.ledger.contracts[name] < 0]
    for asset in (*longs, *shorts):
        mark = desk.ledger.marks.get(asset)
        if mark is not None:
            return [_close(desk, asset, desk.ledger.contracts[asset], mark, why)]
    return []


def _close(desk: Desk, asset: str, size: Decimal, mark: Decimal, why: str) -> Wish:
    """A short and the coins it hedges go together, as far as those may be sold; a long is closed alone."""
    close = covering(desk, asset, -size) if size < 0 else (closed(desk, asset, -size, "bridge"),)
    change = -fraction(size * mark / desk.equity)
    price, market = desk.ledger.prices.get(asset), desk.market(desk.spot(asset))
    kept = desk.policy.targets.keep.get(asset, ZERO)
    coins = min(-size, desk.ledger.free.get(asset, ZERO), desk.ledger.coins.get(asset, ZERO) - kept)
    sellable = price is not None and market is not None and market.active and coins >= market.smallest(price)
    if price is None or not sellable:
        return Wish(RULE, "close", "safety", asset, why, legs=close, exposure_change=change)
    return Wish(RULE, "convert", "safety", asset, why, legs=(*close, Leg(desk.spot(asset), -coins, price)))


def _spare(desk: Desk) -> Decimal:
    """Spot stables that may go to the futures wallet; L counts both wallets, so the floor is no bar."""
    return own_cash(desk)


def transfers(desk: Desk) -> list[Wish]:
    """Top up under `limits.top_up_distance`; sweep back twice the need after a day."""
    if not desk.ledger.equity or desk.ledger.unified or not desk.ledger.movable:
        return []
    distance = desk.ledger.distance
    currency = desk.policy.accounting_currency
    wanted = need(desk)
    balance = desk.ledger.futures_balance + desk.ledger.unrealised
    if distance is not None and distance < desk.policy.limits.top_up_distance:
        amount = min(max(wanted + desk.ledger.maintenance - balance, LEAST_MOVE), _spare(desk)).quantize(CENT)
        if amount < LEAST_MOVE:
            return []
        why = f"{RULE}: distance to liquidation {percent(distance)} under {percent(desk.policy.limits.top_up_distance)}"
        return [_move(Move(currency, amount, "spot", "futures"), why)]
    idle = desk.memory.surplus_since
    surplus = desk.ledger.futures_balance + min(ZERO, desk.ledger.unrealised) - 2 * wanted
    if idle is not None and desk.snapshot.at - idle >= IDLE and surplus >= 0:
        # Half as much again as the need stays, so that the next tick does not call for a top-up.
        amount = min(surplus + wanted / 2, own_margin(desk)).quantize(CENT)
        if amount >= LEAST_MOVE:
            return [
                _move(Move(currency, amount, "futures", "spot"), f"{RULE}: twice the need of {wanted:.2f} for a day")
            ]
    return []


def surplus(desk: Desk) -> bool:
    """Whether the futures wallet holds twice what its positions call for, and enough to be worth a move."""
    ledger = desk.ledger
    if not ledger.equity or ledger.unified or not ledger.movable:
        return False
    spare = ledger.futures_balance + min(ZERO, ledger.unrealised) - 2 * need(desk)
    return spare >= 0 and ledger.futures_available >= LEAST_MOVE


def _move(move: Move, why: str) -> Wish:
    return Wish(RULE, "transfer", "upkeep", move.asset, why, moves=(move,))
