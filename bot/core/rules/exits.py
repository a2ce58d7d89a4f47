"""Owns the exit: an illiquid asset in stress or in a dead sector, and a delisting (R-A17). Pure."""

from __future__ import annotations

from bot.core.assessment import Exposure
from bot.core.desk import Desk
from bot.core.futures import change_of, closed, delisted, free_needed, sale, sellable
from bot.core.numbers import ZERO, fraction
from bot.core.prices import half_spread
from bot.core.sizing import step
from bot.core.wishes import Hold, Leg, Wish

RULE = "R-A17"


def wishes(desk: Desk) -> list[Wish | Hold]:
    """Slices of an increment, cut by R-G5 to what the book can bear; where it takes nothing they wait."""
    made = []
    for exposure in desk.seen.exposures:
        why = leaving(desk, exposure)
        held = desk.ledger.coins.get(exposure.asset, ZERO) or desk.ledger.contracts.get(exposure.asset, ZERO)
        if not why or not held:
            continue
        wish = _slice(desk, exposure, why)
        if wish is not None:
            made.append(wish)
    return made


def leaving(desk: Desk, exposure: Exposure) -> str:
    """Why an asset is being left, and so is not added to either; empty while it may stay."""
    if delisted(desk, exposure.asset):
        return "its delisting is announced"
    illiquid = desk.seen.market.illiquid
    why = illiquid.get(exposure.asset)
    if not why or (desk.policy.regime.index in illiquid and not why.startswith("position")):
        return ""  # a market that is dry as a whole is stress (R-S15): only what is dry beside a liquid index is left
    if why.startswith("spread") and _tradable(desk, exposure.asset):
        return ""  # twice next to nothing is still next to nothing
    if desk.seen.stress > 0:
        return f"illiquid ({why}) in stress {desk.seen.stress}"
    members = desk.policy.targets.sleeves[exposure.sleeve].members
    if len(members) > 1 and all(name in illiquid for name in members):
        return f"illiquid ({why}) like its whole sleeve {exposure.sleeve}"
    return ""


def _tradable(desk: Desk, asset: str) -> bool:
    """Whether the spread is one that normal orders may pay (R-G5)."""
    half = half_spread(desk.spot(asset), desk.snapshot)
    return half is not None and half * 20_000 <= desk.policy.windows.max_spread_bp


def _slice(desk: Desk, exposure: Exposure, why: str) -> Wish | Hold | None:
    """Futures first, then spot."""
    asset = exposure.asset
    price = desk.ledger.prices.get(asset)
    coins = desk.ledger.contracts.get(asset, ZERO)
    legs: tuple[Leg, ...] = ()
    if coins > 0 and desk.ledger.marks.get(asset) is not None:
        legs = (closed(desk, asset, -coins, "bridge"),)
    elif price is not None:
        weight = desk.ledger.spot_weight(asset)
        part = step(fraction(weight), desk.policy.trim_for(asset).increment)
        amount = min(part * desk.equity / price, sellable(desk, asset))
        market = desk.market(desk.spot(asset))
        if market is not None and desk.ledger.coins.get(asset, ZERO) < market.smallest(price):
            return None  # what the venue does not take any more is carried
        if amount <= 0:
            return Hold(asset, RULE, f"{why}, but no coins may be sold", free_needed(desk, asset))
        legs = sale(desk, asset, amount)
    if not legs:
        return None
    return Wish(
        RULE, "exit", "derisk", asset, f"{RULE}: {why}", legs=legs, exposure_change=fraction(change_of(desk, legs)),
        direction="exit", goal=ZERO,
    )  # fmt: skip
