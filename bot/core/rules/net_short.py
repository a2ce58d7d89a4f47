"""Owns the restoration of a net short: shorts beyond the coins held are bought back at once (R-A7). Pure."""

from __future__ import annotations

from decimal import Decimal

from bot.core.desk import Desk
from bot.core.futures import covering
from bot.core.numbers import ONE, ZERO, fraction, plain
from bot.core.wishes import Wish

RULE = "R-A7"


def wishes(desk: Desk) -> list[Wish]:
    """In coins, so that it acts even while equity is unknown."""
    made = []
    for exposure in desk.seen.exposures:
        asset = exposure.asset
        coins = desk.ledger.coins.get(asset, ZERO)
        short = -min(ZERO, desk.ledger.contracts.get(asset, ZERO))
        allowed = coins * min(ONE, desk.policy.hedge_for(asset).max_ratio)
        mark = desk.ledger.marks.get(asset)
        if short <= allowed or mark is None:
            continue
        made.append(_cover(desk, asset, short - allowed, mark, f"short {plain(short)} coins, held {plain(coins)}"))
    return made


def _cover(desk: Desk, asset: str, coins: Decimal, mark: Decimal, why: str) -> Wish:
    contract = desk.contract(asset)
    market = desk.market(contract.symbol)
    amount = coins / contract.coins
    if market is not None:
        amount = min(market.up(amount), -desk.ledger.contracts[asset] / contract.coins)  # up: towards safety
    legs = covering(desk, asset, amount * contract.coins)
    change = fraction(coins * mark / desk.equity) if desk.ledger.equity else ZERO
    return Wish(RULE, "unhedge", "safety", asset, f"{RULE}: never net short: {why}", legs=legs, exposure_change=change)
