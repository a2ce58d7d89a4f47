"""Owns the bear hedge: one short instead of a sale, and what is held while it stands (R-A6). Pure."""

from __future__ import annotations

from decimal import Decimal

from bot.core.desk import Desk
from bot.core.futures import bear_hedge, bear_hedged, margin_of, mark, opened, prefund
from bot.core.numbers import fraction
from bot.core.sizing import percent, points
from bot.core.wishes import Hold, Wish

RULE = "R-A6"
BEAR_STEP = "R-T2"


def wish(desk: Desk, asset: str) -> Wish | Hold | None:
    """In a bear regime, asked before the trim; None leaves the asset to it."""
    earlier = desk.asked(asset)
    # The step to the bear target is sold beside the hedge of what is over the neutral one, it does not replace it.
    if desk.seen.regime != "bear" or (earlier is not None and earlier.rule != BEAR_STEP):
        return None
    exposure = desk.exposure(asset)
    neutral = desk.seen.neutral.get(asset, exposure.target)
    band = desk.seen.neutral_bands.get(asset, exposure.band)
    over = fraction(desk.ledger.net(asset) - neutral)
    coins = bear_hedge(desk, asset)
    if not coins:
        return _held(desk, asset, over, band) if bear_hedged(desk, asset) else None
    hedge, worth = desk.policy.hedge_for(asset), mark(desk, asset)
    need = margin_of(desk, asset, coins * worth, hedge.leverage)
    funding = prefund(desk, asset, need, need, f"{asset}'s bear hedge")
    if funding is not None:
        return funding
    why = f"{RULE}: bear regime, {points(over)} points over the neutral target {percent(neutral)}: hedged, not sold"
    return Wish(
        RULE, "hedge", "normal", asset, why, legs=(opened(desk, asset, -coins, "hedge", hedge.leverage),),
        exposure_change=-fraction(coins * worth / desk.equity), goal=neutral,
    )  # fmt: skip


def _held(desk: Desk, asset: str, over: Decimal, band: Decimal) -> Hold | None:
    """What is still over the neutral target is held; narratives and the hard band still act."""
    if over <= 0:
        return None
    hard = fraction(desk.policy.hard_band_for(asset) * band)
    narrative = any(item.rule == "R-W4" for item in desk.triggers(asset, "over"))
    if over >= hard or narrative:
        return None
    return Hold(
        asset, RULE, f"hedged in bear: {points(over)} points over the neutral target, the short stands",
        f"{points(hard)} points over it (hard band), now {points(over)}",
    )  # fmt: skip
