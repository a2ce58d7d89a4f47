"""Owns the stable floor: no order of the bot takes L under it, at its worst price, fees included (R-G7, R-T6). Pure."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from bot.core.desk import Desk
from bot.core.instruments import is_swap
from bot.core.numbers import ONE, ZERO, floor_to
from bot.core.sizing import percent
from bot.core.verdicts import Verdict
from bot.core.wishes import Leg, Wish

GATE = "R-G7"
FILLABLE = Decimal("0.0005")  # a buy sized to the floor still bids this far over the reference


def judge(wish: Wish, desk: Desk) -> tuple[Wish, Verdict]:
    """Spot buys and opened margin are counted at their worst; sales of the same wish pay for them first."""
    spends = [leg for leg in wish.legs if _spends(leg)]
    if not spends:
        return wish, Verdict(GATE, "pass")
    brought = sum((_brings(leg, desk) for leg in wish.legs), ZERO)
    powder = desk.ledger.liquid - desk.floor + brought
    if any(not is_swap(leg.symbol) for leg in spends):  # a spot buy is paid from the spot wallet alone
        powder = min(powder, desk.ledger.stables_spot - desk.ledger.reserved + brought)
    worst = sum((_takes(leg, desk, leg.limit or leg.price) for leg in spends), ZERO)
    if worst <= powder:
        return wish, Verdict(GATE, "pass")
    least = sum((_takes(leg, desk, leg.price * (ONE + FILLABLE)) for leg in spends), ZERO)
    floor = percent(desk.policy.targets.stables.floor)
    why = f"takes up to {worst:.2f}, dry powder {max(ZERO, powder):.2f} over the floor of {floor}"
    if powder <= 0:
        return wish, Verdict(GATE, "defer", why, f"{least:.2f} of dry powder")
    if least > powder:
        share = powder / least
        return _capped(wish.scaled(share), desk, powder), Verdict(
            GATE, "resize", why, f"{least:.2f} of dry powder", scale=share
        )
    return _capped(wish, desk, powder), Verdict(GATE, "pass")  # smaller only in its limit price


def _capped(wish: Wish, desk: Desk, powder: Decimal) -> Wish:
    """Lower limit prices of spot buys, so that the worst case stays inside the dry powder."""
    margin = sum((_takes(leg, desk, leg.price) for leg in wish.legs if _spends(leg) and is_swap(leg.symbol)), ZERO)
    buys = sum((_takes(leg, desk, leg.price) for leg in wish.legs if _spends(leg) and not is_swap(leg.symbol)), ZERO)
    if not buys:
        return wish
    reach = (powder - margin) / buys
    legs = []
    for leg in wish.legs:
        if _spends(leg) and not is_swap(leg.symbol):
            market = desk.market(leg.symbol)
            cap = floor_to(leg.price * reach, market.tick if market else None)
            legs.append(replace(leg, limit=min(leg.limit, cap) if leg.limit is not None else cap))
        else:
            legs.append(leg)
    return replace(wish, legs=tuple(legs))


def _spends(leg: Leg) -> bool:
    return not leg.reduce_only and (is_swap(leg.symbol) or leg.qty > 0)


def _takes(leg: Leg, desk: Desk, price: Decimal) -> Decimal:
    fee = desk.taker(leg.symbol)
    share = ONE / (leg.leverage or ONE) if is_swap(leg.symbol) else ONE
    return abs(leg.qty) * price * (share + fee)


def _brings(leg: Leg, desk: Desk) -> Decimal:
    """What a sale brings at least: at its limit, after fees."""
    if is_swap(leg.symbol) or leg.qty >= 0:
        return ZERO
    return abs(leg.qty) * (leg.limit or leg.price) * (ONE - desk.taker(leg.symbol))
