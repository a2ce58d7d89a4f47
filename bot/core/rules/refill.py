"""Owns the refill of the stable floor: sweep surplus margin, then sell spot of the most overweight (R-W3). Pure."""

from __future__ import annotations

from decimal import Decimal

from bot.core.desk import Desk
from bot.core.futures import sale
from bot.core.numbers import ONE, ZERO, fraction
from bot.core.sizing import percent
from bot.core.wishes import Wish

RULE = "R-W3"


def wishes(desk: Desk) -> list[Wish]:
    """Spot sales up to floor + refill: largest drift first, none below its lower edge, an increment at most."""
    fired = [item for item in desk.seen.triggers if item.rule == RULE]
    if not fired:
        return []
    wanted = desk.policy.targets.stables
    need = (wanted.floor + wanted.refill) * desk.equity - desk.ledger.liquid
    made: list[Wish] = []
    ranked = sorted(desk.seen.exposures, key=lambda item: (-item.drift, item.asset))
    for exposure in ranked:
        if need <= 0:
            break
        sale = _sale(desk, exposure.asset, need, fired[0].why, wanted.floor + wanted.refill)
        if sale is not None:
            made.append(sale)
            sold = next(leg for leg in sale.legs if leg.purpose == "spot")  # a short closed with it brings nothing
            need -= sold.notional * (ONE - desk.taker(sold.symbol))
    return made


def _sale(desk: Desk, asset: str, need: Decimal, why: str, goal: Decimal) -> Wish | None:
    """One spot sale; the same share of a short on the sold coins is closed with it (R-A8)."""
    exposure = desk.exposure(asset)
    price, symbol = desk.ledger.prices.get(asset), desk.spot(asset)
    market = desk.market(symbol)
    if price is None or market is None or not market.active:
        return None
    room = max(ZERO, desk.ledger.net(asset) - exposure.band_low) * desk.equity
    kept = desk.policy.targets.keep.get(asset, ZERO)
    free = min(desk.ledger.free.get(asset, ZERO), desk.ledger.coins.get(asset, ZERO) - kept)
    increment = desk.policy.trim_for(asset).increment * desk.equity
    money = min(need / (ONE - market.taker), room, increment, max(ZERO, free) * price)
    if money < market.smallest(price) * price:
        return None
    coins = money / price
    legs = sale(desk, asset, coins)
    closed = sum((leg.notional for leg in legs if leg.reduce_only), ZERO)
    return Wish(
        RULE, "derisk", "floor", asset, f"{RULE}: {why}; {asset} is the most overweight", legs=legs,
        exposure_change=fraction((closed - money) / desk.equity), direction="refill", goal=goal,
        notes={"subject": "stables", "to": percent(goal)},
    )  # fmt: skip
