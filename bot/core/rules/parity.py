"""Owns the futures overlay of risk parity: shorts and longs that bring shares of risk to their budgets (R-T5). Pure."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from bot.core.assessment import RiskShare, Trend
from bot.core.costs import funding_view
from bot.core.desk import Desk, is_lift
from bot.core.futures import closed, longs, margin_of, mark, no_long, no_short, opened, prefund
from bot.core.memory import Bridge
from bot.core.numbers import ONE, ZERO, fraction
from bot.core.sizing import percent, points, step
from bot.core.wishes import Hold, Wish

RULE = "R-T5"
HALF = Decimal("0.5")
UNDONE_UNDER = Decimal("1.05")
LOWERED_OVER = Decimal("0.95")
STRESS_STOPS_ADDS = 2
TOLERANCE_OF_GOAL = Decimal("0.001")


def wishes(desk: Desk) -> list[Wish | Hold]:
    """Shares over budget by the tolerance are shorted down to it, by increments; undone when no longer needed."""
    made: list[Wish | Hold] = [*_lowered(desk)]
    held = [item for item in desk.seen.exposures if item.net >= HALF * item.target]
    if len(held) < len(desk.seen.exposures) and not any(item.purpose == "risk" for item in desk.memory.hedges):
        return made  # shares of risk mean little in a portfolio that is still being filled
    for asset in sorted(desk.seen.risk):
        wish = _of(desk, asset, desk.seen.risk[asset])
        if wish is not None:
            made.append(wish)
    return made


def lifts(desk: Desk) -> list[Wish | Hold]:
    """With `lift`, shares under budget by the tolerance are raised to it by a long, once nothing else wants to act.

    A short of this plan moves every share, and so does an addition that is due: both come first.
    """
    keys = desk.policy.targets.risk_parity
    filling = any(-item.drift >= item.band or item.net < HALF * item.target for item in desk.seen.exposures)
    if not keys.lift or filling or any(item.kind == "risk_hedge" for item in desk.approved):
        return []
    made = []
    for asset in sorted(desk.seen.risk):
        risk, lifted = desk.seen.risk[asset], desk.lifted(asset)
        working = lifted and risk.at_budget - desk.ledger.net(asset) > TOLERANCE_OF_GOAL
        low = risk.share < (ONE - keys.tolerance) * risk.budget or (working and risk.share < risk.budget)
        if low and desk.touched(asset) is None and desk.asked(asset) is None:
            made.append(_long(desk, asset, risk))
    return made


def _long(desk: Desk, asset: str, risk: RiskShare) -> Wish | Hold:
    """One increment of the long within the bridges' limits (R-A12), paid by dry powder."""
    keys = desk.policy.bridge_for(asset)
    share = f"share of risk {percent(risk.share)}, budget {percent(risk.budget)}"
    barred = _no_lift(desk, asset) or no_long(desk, asset, lifting=True)
    if barred:
        least = ONE - desk.policy.targets.risk_parity.tolerance
        nearest = f"a share of at least {percent(least * risk.budget)}, now {percent(risk.share)}; or what bars it gone"
        return Hold(asset, RULE, f"{share}, but {barred}", nearest)
    leverage = min(keys.leverage, keys.leverage_cap)
    size = step(fraction(risk.at_budget - desk.ledger.net(asset)), desk.policy.add_for(asset).increment)
    powder = fraction(desk.dry_powder / desk.equity / (ONE / leverage + desk.taker(desk.contract(asset).symbol)))
    room = max(ZERO, keys.max_exposure - longs(desk))
    size = min(size, powder, room)
    least = desk.policy.hedge_for(asset).min_size
    if size < least:
        taken = f"bridges of {percent(longs(desk))} and dry powder for {percent(powder)}"
        why = f"{share}, but {taken} leave {percent(size)}"
        return Hold(asset, RULE, why, f"room for {percent(least)}, now {percent(max(ZERO, size))}")
    notional = size * desk.equity
    need = margin_of(desk, asset, notional, leverage)
    funding = prefund(desk, asset, need, need, f"{asset}'s lift")
    if funding is not None:
        return funding
    leg = opened(desk, asset, notional / mark(desk, asset), "bridge", leverage)
    why = f"{RULE}: {share}: lifted by {points(risk.at_budget - desk.ledger.net(asset))} points, {points(size)} now"
    return Wish(RULE, "bridge", "normal", asset, why, legs=(leg,), exposure_change=fraction(size))


def _no_lift(desk: Desk, asset: str) -> str:
    """Why an asset is not lifted now: what forbids an addition forbids this one too (R-A10)."""
    read = desk.exposure(asset).readings
    if desk.seen.regime == "bear" or desk.seen.stress >= STRESS_STOPS_ADDS:
        return f"regime {desk.seen.regime}, stress {desk.seen.stress}"
    if not desk.policy.signals.enabled:
        return ""
    if read.trend is None or (read.trend == Trend.STRONG_DOWN and not read.bottoming):
        return f"trend {read.trend.value if read.trend else 'unknown'}"
    return "overextended" if read.overextended else "parabolic" if read.parabolic else ""


def _lowered(desk: Desk) -> Iterator[Wish]:
    """Longs that lift are closed by increments: no longer needed, too dear, or as old as a bridge may get."""
    for item in desk.memory.bridges:
        asset, _ = desk.asset_of(item.symbol)
        lifted = desk.lifted(asset) if is_lift(item) and asset in desk.policy.assets else ZERO
        if not lifted or desk.ledger.marks.get(asset) is None:
            continue
        why = _no_longer(desk, asset, item)
        if why:
            coins = min(lifted, step_coins(desk, asset, lifted))
            change = -fraction(coins * mark(desk, asset) / desk.equity)
            leg = closed(desk, asset, -coins, "bridge")
            yield Wish(RULE, "risk_hedge", "derisk", asset, f"{RULE}: {why}", legs=(leg,), exposure_change=change)


def _no_longer(desk: Desk, asset: str, item: Bridge) -> str:
    keys, risk = desk.policy.bridge_for(asset), desk.seen.risk.get(asset)
    if not desk.policy.targets.risk_parity.lift or desk.policy.targets.model != "risk-parity":
        return "shares of risk are no longer lifted"
    if risk is not None and risk.without > LOWERED_OVER * risk.budget:
        return f"share of risk {percent(risk.without)} without the long, budget {percent(risk.budget)}"
    view = funding_view(item.symbol, desk)
    if view is not None and view.paid_by_long() > keys.funding_limit:
        return f"longs pay {percent(view.paid_by_long())} a year, limit {percent(keys.funding_limit)}"
    age = desk.snapshot.at - item.opened_at
    return f"the long is {age.days} days old, at most {keys.max_age.days}" if age >= keys.max_age else ""


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
        most = desk.policy.targets.risk_parity.tolerance + ONE
        nearest = f"a share of at most {percent(most * risk.budget)}, now {percent(risk.share)}; or what bars it gone"
        return Hold(asset, RULE, f"{share}, but {barred}", nearest)
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
