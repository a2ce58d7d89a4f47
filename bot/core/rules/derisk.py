"""Owns the shedding of risk: down to the stressed target, and the bear regime's step (R-A16, R-T2). Pure."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from bot.core.assessment import Exposure
from bot.core.desk import Desk
from bot.core.futures import (
    BEAR_HEDGE,
    bear_hedge,
    change_of,
    free_needed,
    margin_of,
    mark,
    no_short,
    opened,
    prefund,
    sale,
    sellable,
)
from bot.core.numbers import ONE, ZERO, fraction
from bot.core.sizing import AT_GOAL, least_way, left_of, percent, points, step
from bot.core.wishes import Hold, Leg, Wish

STRESS = "R-A16"
BEAR = "R-T2"
BETA_UNKNOWN = Decimal("1.5")
HALF = Decimal("0.5")
BEAR_STEP = Decimal("0.01")
ONCE_IN = timedelta(days=30)  # the bear step of an asset, as its hedge


def wishes(desk: Desk) -> list[Wish | Hold]:
    """Highest beta first; nothing at stress 0 outside a bear regime."""
    if desk.seen.stress <= 0 and desk.seen.regime != "bear":
        return []
    betas = desk.seen.market.betas
    ranked = sorted(desk.seen.exposures, key=lambda item: (-betas.get(item.asset, BETA_UNKNOWN), item.asset))
    made = [_of(desk, item) for item in ranked]
    return [item for item in made if item is not None]


def step_beside(desk: Desk, asset: str) -> Wish | Hold | None:
    """The step to the bear target where a gate keeps back the hedge of what is over the neutral one.

    Else it waits until that hedge stands, so that it sells nothing that is hedged (R-A6).
    """
    if desk.seen.regime != "bear" or desk.seen.stress > 0 or desk.asked(asset) is not None:
        return None
    refused = any(item.asset == asset and item.rule == BEAR_HEDGE for item in desk.refused)
    return _bear_step(desk, desk.exposure(asset)) if refused else None


def _of(desk: Desk, exposure: Exposure) -> Wish | Hold | None:
    asset = exposure.asset
    net = desk.ledger.net(asset)
    target = exposure.target
    working = _working(desk, asset, STRESS) and net - target > least_way(desk.policy, asset)
    if desk.seen.stress > 0 and (net - target > fraction(HALF * exposure.band) or working):
        why = f"stress {desk.seen.stress} ({_alarms(desk)}): target scaled to {percent(target)}"
        return _down(desk, exposure, net - target, target, STRESS, why)
    if desk.seen.regime != "bear" or bear_hedge(desk, asset):
        return None
    return _bear_step(desk, exposure)


def _bear_step(desk: Desk, exposure: Exposure) -> Wish | Hold | None:
    """What lies between the neutral and the bear target; once begun it goes on to the goal it had then."""
    asset, target = exposure.asset, exposure.target
    net, neutral = desk.ledger.net(asset), desk.seen.neutral.get(asset, target)
    episode = desk.memory.episode(asset)
    begun = episode is not None and _working(desk, asset, BEAR)
    if not begun and _stepped(desk, asset):
        return None  # what is over now is a matter of bands
    over = net - max(target, episode.goal) if episode is not None and begun else min(net, neutral) - target
    if over < (least_way(desk.policy, asset) if begun else BEAR_STEP):
        return None
    why = f"bear regime: target {percent(target)}, in neutral {percent(neutral)}"
    return _down(desk, exposure, over, fraction(net - over), BEAR, why)


def _stepped(desk: Desk, asset: str) -> bool:
    """Whether the bear step was made, so that what R-A6 hedges and holds is not sold by another one."""
    ended = desk.memory.ended.get(asset)
    made = ended is not None and (ended.rule, ended.why) == (BEAR, AT_GOAL)
    return ended is not None and made and desk.snapshot.at - ended.at < ONCE_IN


def _working(desk: Desk, asset: str, rule: str) -> bool:
    episode = desk.memory.episode(asset)
    return episode is not None and episode.direction == "derisk" and episode.rule == rule


def _alarms(desk: Desk) -> str:
    """The alarms of now; where none is left, how the level that still stands comes down (R-S15)."""
    calm = f"no alarm now, a level less after {desk.policy.stress.calm_closes} calmer daily closes"
    return ", ".join(desk.seen.alarms) or calm


def _down(desk: Desk, exposure: Exposure, way: Decimal, goal: Decimal, rule: str, why: str) -> Wish | Hold | None:
    asset = exposure.asset
    episode = desk.memory.episode(asset)
    increment = desk.policy.trim_for(asset).increment
    size = step(fraction(way), increment)
    left = left_of(episode, increment) if episode is not None and episode.direction == "derisk" else None
    if left is not None:
        size = min(size, left)
    price = desk.ledger.prices.get(asset)
    if price is None:
        return None
    legs: tuple[Leg, ...] = ()
    if desk.policy.trim_for(asset).prefer == "hedge" and not no_short(desk, asset):
        made = _short(desk, asset, size)
        if isinstance(made, Wish):
            return made
        legs = made
    if not legs:
        coins = min(size * desk.equity / price, sellable(desk, asset))
        if coins <= 0:
            return Hold(asset, rule, f"{why}, but no coins may be sold", free_needed(desk, asset))
        # The bear step leaves the bear hedge alone; any other sale of hedged spot closes its share of the short (R-A8).
        alone = rule == BEAR and any(item.reason.startswith(BEAR_HEDGE) for item in desk.hedges(asset, "hedge"))
        legs = (Leg(desk.spot(asset), -coins, price),) if alone else sale(desk, asset, coins)
    text = f"{rule}: {why}; {points(way)} points over"
    return Wish(
        rule, "derisk", "derisk", asset, text, legs=legs, exposure_change=fraction(change_of(desk, legs)),
        direction="derisk", goal=goal, whole=left is None,
    )  # fmt: skip


def _short(desk: Desk, asset: str, size: Decimal) -> tuple[Leg, ...] | Wish:
    """Under `prefer: hedge` a short within R-A7, else nothing (and the caller sells)."""
    hedge = desk.policy.hedge_for(asset)
    room = desk.ledger.coins.get(asset, ZERO) * min(ONE, hedge.max_ratio) + min(
        ZERO, desk.ledger.contracts.get(asset, ZERO)
    )
    coins = min(size * desk.equity / mark(desk, asset), room)
    if coins * mark(desk, asset) < hedge.min_size * desk.equity:
        return ()
    need = margin_of(desk, asset, coins * mark(desk, asset), hedge.leverage)
    return prefund(desk, asset, need, need, f"{asset}'s hedge") or (
        opened(desk, asset, -coins, "hedge", hedge.leverage),
    )
