"""Owns what becomes of a hedge: unwound, converted into a sale, or kept (R-A8). Pure."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from bot.core.assessment import Exposure, Trend
from bot.core.costs import funding_view
from bot.core.desk import Desk
from bot.core.futures import free_needed, least_rest, paced
from bot.core.memory import Hedge
from bot.core.numbers import ZERO, fraction, utc_text
from bot.core.sizing import percent, points, step
from bot.core.wishes import Hold, Leg, Wish

RULE = "R-A8"


def wish(desk: Desk, asset: str) -> Wish | Hold | None:
    """Asked of the unhedged drift, in the rule's order; None without a short."""
    if desk.ledger.contracts.get(asset, ZERO) >= 0:
        return None
    risk = desk.risk_short(asset)
    short = -min(ZERO, desk.ledger.contracts.get(asset, ZERO)) - risk
    mark, price = desk.ledger.marks.get(asset), desk.ledger.prices.get(asset)
    if not short or mark is None or price is None or desk.touched(asset) is not None:
        return None
    wait = paced(desk, asset)
    if wait is not None:
        return Hold(
            asset, RULE, f"hedged: the last step was at {utc_text(desk.memory.last_trades[asset].at)}",
            f"the next one from {utc_text(wait)}, now {utc_text(desk.snapshot.at)}",
        )  # fmt: skip
    exposure = desk.exposure(asset)
    spot = fraction(desk.ledger.spot_weight(asset))
    net = desk.ledger.net(asset)
    hedge = desk.policy.hedge_for(asset)
    unhedged = fraction(spot - risk * mark / desk.equity - exposure.target)
    increment = desk.policy.trim_for(asset).increment
    size = fraction(short * mark / desk.equity)
    if net < exposure.band_low:
        part = step(min(size, exposure.target - net), increment)
        return _unwind(desk, exposure, part, f"net {percent(net)} is under the lower edge {percent(exposure.band_low)}")
    if unhedged <= hedge.unwind * exposure.band:
        part = step(size, increment)
        return _unwind(desk, exposure, part, f"spot alone is {points(unhedged)} points over target: no longer needed")
    return _convert_or_keep(desk, exposure, min(step(size, increment), size), unhedged)


def _unwind(desk: Desk, exposure: Exposure, size: Decimal, why: str) -> Wish:
    """Buys the short back, reduce-only; net exposure rises by it."""
    leg = _cover(desk, exposure.asset, size)
    return Wish(RULE, "unhedge", "upkeep", exposure.asset, f"{RULE}: {why}", legs=(leg,), exposure_change=size)


def _cover(desk: Desk, asset: str, size: Decimal) -> Leg:
    mark, contract = desk.ledger.marks[asset], desk.contract(asset)
    assert mark is not None  # noqa: S101 - asked by `wish`
    short = -desk.ledger.contracts[asset] - desk.risk_short(asset)
    coins = least_rest(desk, asset, short, min(short, size * desk.equity / mark))
    return Leg(contract.symbol, coins / contract.coins, mark * contract.coins, "hedge", reduce_only=True)


def _convert_or_keep(desk: Desk, exposure: Exposure, size: Decimal, unhedged: Decimal) -> Wish | Hold:
    asset = exposure.asset
    hedge, contract = desk.policy.hedge_for(asset), desk.contract(asset)
    facts = [item for item in desk.memory.hedges if item.symbol == contract.symbol and item.purpose == "hedge"]
    opened = min((item.opened_at for item in facts), default=None)
    why = _due(desk, exposure, facts, opened)
    if not why:
        return Hold(
            asset, RULE, f"hedged: spot is {points(unhedged)} points over target, the short stands",
            f"unhedged drift of {points(hedge.unwind * exposure.band)} points or less, now {points(unhedged)}",
        )  # fmt: skip
    price = desk.ledger.prices[asset]
    assert price is not None  # noqa: S101 - asked by `wish`
    cover = _cover(desk, asset, size)
    coins = cover.qty * contract.coins
    kept = desk.policy.targets.keep.get(asset, ZERO)
    free = min(desk.ledger.free.get(asset, ZERO), desk.ledger.coins.get(asset, ZERO) - kept)
    if coins > free:
        coins = max(ZERO, free)
        cover = _cover(desk, asset, fraction(coins * cover.price / contract.coins / desk.equity))
    if coins <= 0:
        return Hold(asset, "R-T9", f"{why}, but no free coins may be sold", free_needed(desk, asset))
    sale = Leg(desk.spot(asset), -coins, price)
    # The short goes first: were the sale filled alone, fully hedged coins would be net short (R-A7).
    return Wish(RULE, "convert", "upkeep", asset, f"{RULE}: {why}: close the short, sell the spot", legs=(cover, sale))


def _due(desk: Desk, exposure: Exposure, facts: list[Hedge], opened: datetime | None) -> str:
    """Why a hedge turns into a sale; empty while it may stand."""
    hedge = desk.policy.hedge_for(exposure.asset)
    view = funding_view(desk.contract(exposure.asset).symbol, desk)
    if view is not None and view.paid_by_short() > hedge.funding_limit:
        return f"shorts pay {percent(view.paid_by_short())} a year, limit {percent(hedge.funding_limit)}"
    if opened is not None and desk.snapshot.at - opened > hedge.max_age:
        return f"the hedge is {(desk.snapshot.at - opened).days} days old, at most {hedge.max_age.days}"
    bear = any(item.reason.startswith("R-A6") for item in facts)
    if exposure.readings.regime_trend == Trend.STRONG_DOWN and not bear:
        if desk.policy.trim_for(exposure.asset).prefer == "hedge":
            return ""
        return "strong down on the regime timeframe"
    return ""
