"""Owns the futures overlay of risk parity: a short that brings a share of risk to its budget (R-T5). Pure."""

from __future__ import annotations

from decimal import Decimal

from bot.core.assessment import RiskShare
from bot.core.desk import Desk
from bot.core.futures import closed, margin_of, mark, no_short, opened, prefund
from bot.core.numbers import ONE, ZERO, fraction
from bot.core.sizing import percent, points, step
from bot.core.wishes import Hold, Wish

RULE = "R-T5"
HALF = Decimal("0.5")
UNDONE_UNDER = Decimal("1.05")
TOLERANCE_OF_GOAL = Decimal("0.001")


def wishes(desk: Desk) -> list[Wish | Hold]:
    """Shares over budget by the tolerance are shorted down to it, by increments; undone when no longer needed."""
    made = []
    held = [item for item in desk.seen.exposures if item.net >= HALF * item.target]
    if len(held) < len(desk.seen.exposures) and not any(item.purpose == "risk" for item in desk.memory.hedges):
        return []  # shares of risk mean little in a portfolio that is still being filled
    for asset in sorted(desk.seen.risk):
        wish = _of(desk, asset, desk.seen.risk[asset])
        if wish is not None:
            made.append(wish)
    return made


def _of(desk: Desk, asset: str, risk: RiskShare) -> Wish | Hold | None:
    standing = sum((item.contracts for item in desk.hedges(asset, "risk")), ZERO) * desk.contract(asset).coins
    standing = min(standing, max(ZERO, -desk.ledger.contracts.get(asset, ZERO)))  # what is left of it
    # Short of its target beside others that are under their bands, it is not too large: they are too small (a portfolio
    # that is being filled).
    if not standing and desk.drift(asset) < 0 and any(-item.drift >= item.band for item in desk.seen.exposures):
        return None
    over = ONE + desk.policy.targets.risk_parity.tolerance
    if standing and risk.without < UNDONE_UNDER * risk.budget:
        coins = min(standing, step_coins(desk, asset, standing))
        why = f"{RULE}: share of risk {percent(risk.without)} without the short, budget {percent(risk.budget)}"
        leg = closed(desk, asset, coins, "risk")
        change = fraction(coins * mark(desk, asset) / desk.equity)
        return Wish(RULE, "risk_hedge", "derisk", asset, why, legs=(leg,), exposure_change=change)
    working = standing and desk.ledger.net(asset) - risk.at_budget > TOLERANCE_OF_GOAL
    if risk.share <= over * risk.budget and not (working and risk.share > risk.budget):
        return None
    return _short(desk, asset, risk)


def step_coins(desk: Desk, asset: str, coins: Decimal) -> Decimal:
    """One increment of a size in coins."""
    worth = mark(desk, asset)
    return step(fraction(coins * worth / desk.equity), desk.policy.trim_for(asset).increment) * desk.equity / worth


def _short(desk: Desk, asset: str, risk: RiskShare) -> Wish | Hold | None:
    net = desk.ledger.net(asset)
    size = step(fraction(net - max(ZERO, risk.at_budget)), desk.policy.trim_for(asset).increment)
    hedge = desk.policy.hedge_for(asset)
    barred = no_short(desk, asset)
    share = f"share of risk {percent(risk.share)}, budget {percent(risk.budget)}"
    if barred:
        return Hold(asset, RULE, f"{share}, but {barred}", "a perpetual, margin and cheap funding")
    worth = mark(desk, asset)
    room = desk.ledger.coins.get(asset, ZERO) * min(ONE, hedge.max_ratio) + min(
        ZERO, desk.ledger.contracts.get(asset, ZERO)
    )
    coins = min(size * desk.equity / worth, room)
    if coins * worth < hedge.min_size * desk.equity:
        return None
    need = margin_of(desk, asset, coins * worth, hedge.leverage)
    way = margin_of(desk, asset, (net - risk.at_budget) * desk.equity, hedge.leverage)
    funding = prefund(desk, asset, need, way, f"{asset}'s risk short")
    if funding is not None:
        return funding
    why = f"{RULE}: {share}: {points(net - risk.at_budget)} points to its budget"
    leg = opened(desk, asset, -coins, "risk", hedge.leverage)
    return Wish(
        RULE, "risk_hedge", "derisk", asset, why, legs=(leg,), exposure_change=-fraction(coins * worth / desk.equity)
    )
