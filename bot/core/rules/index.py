"""Owns the index hedge: BTC and ETH shorts against the whole book in a bear regime (R-A9). Pure."""

from __future__ import annotations

from decimal import Decimal

from bot.core.costs import funding_view
from bot.core.desk import Desk
from bot.core.futures import closed, margin_of, mark, no_futures, opened, prefund
from bot.core.numbers import ZERO, fraction
from bot.core.sizing import percent, step
from bot.core.wishes import Wish

RULE = "R-A9"
BETA_UNKNOWN = Decimal("1.5")
FIFTH = Decimal("0.2")


def wanted(desk: Desk) -> Decimal:
    """min(max, ratio x sum of beta x net) as a fraction of E; 0 outside a bear regime."""
    keys = desk.policy.hedge.index
    if desk.seen.regime != "bear" or not keys.enabled or not desk.policy.hedge.enabled:
        return ZERO
    betas = desk.seen.market.betas
    exposed = sum(
        (betas.get(item.asset, BETA_UNKNOWN) * desk.ledger.net(item.asset) for item in desk.seen.exposures), ZERO
    )
    return fraction(max(ZERO, min(keys.max, keys.ratio * exposed)))


def wishes(desk: Desk) -> list[Wish]:
    """Each index asset towards its part of what is wanted, by increments; off by a fifth or less is left alone."""
    names = [name for name in desk.policy.hedge.index.assets if name in desk.policy.assets]
    if not wanted(desk) and not any(desk.ledger.index_weight(name) for name in names):
        return []
    able = [name for name in names if not _barred(desk, name)]
    target = wanted(desk)
    made = []
    for name in names:
        part = target / len(able) if name in able else ZERO
        have = -desk.ledger.index_weight(name)
        if abs(part - have) <= FIFTH * part or (not part and not have):
            continue
        # Unknown funding is no reason to drop a hedge that stands, and none to make it larger.
        if part > have and funding_view(desk.contract(name).symbol, desk) is None:
            continue
        wish = _towards(desk, name, part, have)
        if wish is not None:
            made.append(wish)
    return made


def _barred(desk: Desk, asset: str) -> str:
    why = no_futures(desk, asset)
    if why or desk.ledger.contracts.get(asset, ZERO) > 0:
        return why or "a long stands on its perpetual"
    view = funding_view(desk.contract(asset).symbol, desk)
    limit = desk.policy.hedge_for(asset).funding_limit
    return f"shorts pay {percent(view.paid_by_short())} a year" if view and view.paid_by_short() > limit else ""


def _towards(desk: Desk, asset: str, part: Decimal, have: Decimal) -> Wish | None:
    size = step(fraction(abs(part - have)), desk.policy.trim_for(asset).increment)
    if desk.ledger.marks.get(asset) is None or not size:
        return None
    coins = size * desk.equity / mark(desk, asset)
    if part < have:
        coins = min(coins, -desk.ledger.index.get(asset, ZERO))
        why = f"{RULE}: index hedge {percent(have)} down to {percent(part)}: {_barred(desk, asset) or desk.seen.regime}"
        return Wish(RULE, "index_hedge", "derisk", asset, why, legs=(closed(desk, asset, coins, "index"),))
    hedge = desk.policy.hedge_for(asset)
    if size < hedge.min_size:
        return None
    need = margin_of(desk, asset, coins * mark(desk, asset), hedge.leverage)
    way = margin_of(desk, asset, (part - have) * desk.equity, hedge.leverage)
    funding = prefund(desk, asset, need, way, f"the index hedge on {asset}")
    if funding is not None:
        return funding
    why = f"{RULE}: bear regime, index hedge wanted {percent(part)} on {asset}, has {percent(have)}"
    leg = opened(desk, asset, -coins, "index", hedge.leverage)
    return Wish(RULE, "index_hedge", "derisk", asset, why, legs=(leg,))
