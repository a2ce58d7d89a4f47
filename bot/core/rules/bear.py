"""Owns the bear hedge: one short instead of a sale, and what is held while it stands (R-A6). Pure."""

from __future__ import annotations

from decimal import Decimal

from bot.core.desk import Desk
from bot.core.futures import margin_of, mark, no_short, opened, prefund
from bot.core.numbers import ONE, ZERO, fraction
from bot.core.sizing import percent, points
from bot.core.wishes import Hold, Wish

RULE = "R-A6"
BEAR_STEP = "R-T2"
HALF = Decimal("0.5")


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
    if _standing(desk, asset):
        return _held(desk, asset, over, band)
    if over < fraction(HALF * band) or _lately(desk, asset) or no_short(desk, asset):
        return None
    hedge = desk.policy.hedge_for(asset)
    worth = mark(desk, asset)
    held, contracts = desk.ledger.coins.get(asset, ZERO), desk.ledger.contracts.get(asset, ZERO)
    room = held * min(ONE, hedge.max_ratio) + min(ZERO, contracts)
    coins = min(min(hedge.bear_size, over) * desk.equity / worth, room)
    if coins <= 0 or coins * worth < hedge.min_size * desk.equity:
        return None
    need = margin_of(desk, asset, coins * worth, hedge.leverage)
    funding = prefund(desk, asset, need, need, f"{asset}'s bear hedge")
    if funding is not None:
        return funding
    why = f"{RULE}: bear regime, {points(over)} points over the neutral target {percent(neutral)}: hedged, not sold"
    return Wish(
        RULE, "hedge", "normal", asset, why, legs=(opened(desk, asset, -coins, "hedge", hedge.leverage),),
        exposure_change=-fraction(coins * worth / desk.equity), goal=neutral,
    )  # fmt: skip


def _lately(desk: Desk, asset: str) -> bool:
    """Whether a bear hedge was opened on the asset less than `max_age` ago."""
    last = desk.memory.last_bear_hedge.get(asset)
    return last is not None and desk.snapshot.at - last < desk.policy.hedge_for(asset).max_age


def _standing(desk: Desk, asset: str) -> bool:
    """Whether a bear hedge stands; one opened beside a trim's short goes on under the older one's reason."""
    facts = desk.hedges(asset, "hedge")
    return any(item.reason.startswith(RULE) for item in facts) or (bool(facts) and _lately(desk, asset))


def _held(desk: Desk, asset: str, over: Decimal, band: Decimal) -> Hold | None:
    """What is still over the neutral target is held; narratives and the hard band still act."""
    if over <= 0:
        return None
    hard = fraction(desk.policy.hard_band_for(asset) * band)
    narrative = any(item.rule == "R-W4" and item.subject == asset for item in desk.seen.triggers)
    if over >= hard or narrative:
        return None
    return Hold(
        asset, RULE, f"hedged in bear: {points(over)} points over the neutral target, the short stands",
        f"{points(hard)} points over it (hard band), now {points(over)}",
    )  # fmt: skip
