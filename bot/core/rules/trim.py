"""Owns the trim: how fast, how much, and how it splits into a sale and a short (R-A1 to R-A4, R-T9). Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

from bot.core.assessment import Exposure, Trend
from bot.core.costs import cost_of, funding_view
from bot.core.desk import Desk
from bot.core.futures import (
    change_of,
    closed,
    margin_in_reach,
    margin_of,
    no_futures,
    no_short,
    opened,
    prefund,
    sale,
    sellable,
    tax_of,
)
from bot.core.futures import mark as mark_of
from bot.core.memory import Episode
from bot.core.numbers import ONE, ZERO, fraction, plain
from bot.core.policy import Policy
from bot.core.sizing import CLOSE_ENOUGH, edge_of, goal_of, left_of, percent, points, sign_of, step
from bot.core.wishes import Hold, Leg, Wish

RULE = "R-A3"
ROUTES = ("sale", "short", "mix")  # of equal price the first is taken


@dataclass(frozen=True, slots=True)
class _Pace:
    """How fast the trend lets an overweight be trimmed, why, and what would change it."""

    speed: Decimal
    to_edge: bool
    why: str
    nearest: str = ""


def wish(desk: Desk, asset: str) -> Wish | Hold | None:
    """The next step of bringing an overweight asset back; a hold with its nearest flip; None where it has no cause."""
    exposure = desk.exposure(asset)
    episode = desk.memory.episode(asset)
    # An exit (R-A17) goes on as long as its reason does: where an asset is wanted, a trim does not finish it.
    own = ("trim", "calendar") if exposure.target else ("trim", "calendar", "exit")
    if episode is not None and not (episode.direction in own and sign_of(episode) == "down"):
        episode = None
    trigger = desk.trigger(asset, "over")
    if trigger is None and episode is None:
        return None
    earlier = desk.touched(asset) or desk.asked(asset)
    if earlier is not None:
        return Hold(asset, "R-W8", f"{earlier.rule} already acts on {asset} in this plan", "the next cycle")
    if exposure.target == 0:
        return _exit(desk, exposure)
    drift = desk.drift(asset)
    asked = episode is None or episode.direction != "calendar"
    pace = _unasked(desk, asset) if asked else _Pace(ONE, to_edge=False, why="calendar: the trend is not asked")
    pace = pace or _pace(exposure, drift, desk.policy)
    goal = _goal(desk, exposure, episode, pace)
    excess = fraction(desk.ledger.net(asset) - goal)
    if excess <= CLOSE_ENOUGH:
        return None
    if pace.speed <= 0:
        return Hold(asset, "R-A1", pace.why, pace.nearest)
    increment = desk.policy.trim_for(asset).increment
    size, left = step(excess, increment, pace.speed), left_of(episode, increment)
    whole = left is None
    if left is not None:
        size = min(size, left)
    reasons = desk.why(asset, "over") or f"{episode.rule if episode else ''}: the episode goes on to {percent(goal)}"
    return _split(desk, exposure, size, goal, f"{reasons}; {pace.why}", whole=whole)


def _unasked(desk: Desk, asset: str) -> _Pace | None:
    """Flagged narratives and calendar slots trim without asking the trend (R-A18, R-W1)."""
    for item in desk.triggers(asset, "over"):
        if item.rule in ("R-W4", "R-W1"):
            what = "narrative flagged" if item.rule == "R-W4" else "calendar"
            return _Pace(ONE, to_edge=False, why=f"{what}: the trend is not asked")
    return None


def _exit(desk: Desk, exposure: Exposure) -> Wish | Hold | None:
    """Where nothing of an asset is wanted, the trend is not asked and nothing is hedged: it is sold (R-W2, R-A8)."""
    asset, net = exposure.asset, desk.ledger.net(exposure.asset)
    price, long = desk.ledger.prices.get(asset), max(ZERO, desk.ledger.contracts.get(asset, ZERO))
    if price is None:
        return Hold(asset, "R-G3", f"{asset} has no sane price", "a sane price")
    if net <= CLOSE_ENOUGH:
        return None
    coins = step(net, desk.policy.trim_for(asset).increment) * desk.equity / price
    if long and desk.ledger.marks.get(asset) is not None:
        legs: tuple[Leg, ...] = (closed(desk, asset, -min(long, coins), "bridge"),)
    else:
        free = sellable(desk, asset)
        if not free:
            return Hold(
                asset, "R-T9", f"{asset} is not wanted, but no free coins may be sold", _coins_lacking(desk, asset)
            )
        legs = sale(desk, asset, min(coins, free))
    why = desk.why(asset, "over") or "the exit goes on"
    return Wish(
        "R-W2", "exit", "derisk", asset, f"{why}; nothing of it is wanted", legs=legs,
        exposure_change=fraction(change_of(desk, legs)), direction="exit", goal=ZERO,
    )  # fmt: skip


def _pace(exposure: Exposure, drift: Decimal, policy: Policy) -> _Pace:
    """R-A1: the trend sets the share of an increment; beyond the hard band at least one, to the band's edge."""
    speeds = policy.trim_for(exposure.asset).speed
    read = exposure.readings
    hard = fraction(policy.hard_band_for(exposure.asset) * exposure.band)
    if not policy.signals.enabled:
        return _Pace(ONE, to_edge=False, why="signals off")
    if read.exhausted or read.parabolic:
        return _Pace(ONE, to_edge=False, why="exhausted" if read.exhausted else "parabolic")
    if read.trend == Trend.STRONG_UP:
        slow = _Pace(speeds.overextended, to_edge=False, why="strong up but overextended")
        if not read.overextended:
            rsi = f"RSI {read.rsi:.0f}, " if read.rsi is not None else ""
            nearest = (
                f"{rsi}exhausted needs two signs of four; or a drift of {points(hard)} points, now {points(drift)}"
            )
            slow = _Pace(speeds.strong_up, to_edge=False, why="trend intact: strong up, let it run", nearest=nearest)
    elif read.trend == Trend.WEAKENING_UP:
        slow = _Pace(speeds.weakening_up, to_edge=False, why="weakening up")
    else:
        return _Pace(ONE, to_edge=False, why=f"trend {read.trend.value}" if read.trend else "trend unknown: as a range")
    if drift >= hard and slow.speed < 1:
        return _Pace(ONE, to_edge=True, why=f"{slow.why}, but beyond the hard band of {points(hard)} points")
    return slow


def _goal(desk: Desk, exposure: Exposure, episode: Episode | None, pace: _Pace) -> Decimal:
    if pace.to_edge:
        return edge_of(exposure, "over")
    if episode is not None and episode.goal is not None:
        return episode.goal
    # The first trigger of the precedence that says where to go: a narrative's goal before the band's.
    goals = [item.goal for item in desk.triggers(exposure.asset, "over") if item.goal is not None]
    return goals[0] if goals else goal_of(exposure, desk.policy, "over")


@dataclass(frozen=True, slots=True)
class _Parts:
    """A step in coins: closed of a long, sold in spot, shorted."""

    closed: Decimal
    sold: Decimal
    shorted: Decimal
    why: str


def _split(desk: Desk, exposure: Exposure, size: Decimal, goal: Decimal, why: str, *, whole: bool) -> Wish | Hold:
    asset = exposure.asset
    price = desk.ledger.prices.get(asset)
    if price is None:
        return Hold(asset, "R-G3", f"{asset} has no sane price", "a sane price")
    worth = mark_of(desk, asset)
    long = max(ZERO, desk.ledger.contracts.get(asset, ZERO)) - desk.lifted(asset)
    reduced = min(size, fraction(long * worth / desk.equity)) if long else ZERO
    share, prices = _route(desk, asset, (size - reduced) * desk.equity)
    parts = _shares(desk, exposure, size - reduced, share)
    need = _margin_missing(desk, asset, parts, goal)
    if need is not None:
        return need
    legs = _legs(desk, asset, replace(parts, closed=reduced * desk.equity / worth))
    if not legs:
        why = parts.why or "nothing of it may be sold and none hedged"
        return Hold(asset, "R-T9", why, _coins_lacking(desk, asset))
    episode = desk.memory.episode(asset)
    text = "; ".join(part for part in (why, parts.why, prices.get("why", "")) if part)
    return Wish(
        RULE, "trim", "normal", asset, text, legs=legs, exposure_change=fraction(change_of(desk, legs)),
        direction=episode.direction if episode else "trim", goal=goal, whole=whole,
        notes={"prices": {name: prices[name] for name in ROUTES}} if prices else {},
    )  # fmt: skip


def _coins_lacking(desk: Desk, asset: str) -> str:
    """What would let coins be sold: more of them than are kept, and free (R-T9)."""
    held, free = desk.ledger.coins.get(asset, ZERO), desk.ledger.free.get(asset, ZERO)
    kept = desk.policy.targets.keep.get(asset, ZERO)
    return f"over {plain(kept)} coins held and some free, now {plain(held)} and {plain(free)}; or one to hedge"


def _route(desk: Desk, asset: str, money: Decimal) -> tuple[Decimal, Mapping[str, str]]:
    """The share of a step that is hedged; under `route: cheapest` the cheapest of three, with all three prices."""
    trim = desk.policy.trim_for(asset)
    mixed = ONE - trim.spot_share
    if trim.prefer == "hedge" or trim.route != "cheapest" or money <= 0:
        return (ONE if trim.prefer == "hedge" else mixed), {}
    shares = {"sale": ZERO, "short": ONE, "mix": mixed}
    found = {name: _price(desk, asset, money, shares[name]) for name in ROUTES}
    known = [name for name in ROUTES if found[name] is not None]
    able = known if not no_short(desk, asset) else ["sale"]
    best = min(able, key=lambda name: found[name] or ZERO)
    prices = {name: "unknown" if price is None else f"{price:.2f}" for name, price in found.items()}
    told = ", ".join(f"{name} {prices[name]}" for name in ROUTES)
    return shares[best], {**prices, "why": f"the cheapest is the {best}: {told}"}


def _price(desk: Desk, asset: str, money: Decimal, share: Decimal) -> Decimal | None:
    """What reducing by ``money`` costs over the holding time, funding signed; None where funding is not known."""
    price, contract = desk.ledger.prices.get(asset), desk.contract(asset)
    hedged = bool(share) and not no_futures(desk, asset) and funding_view(contract.symbol, desk) is not None
    if price is None or (share and not hedged):
        return None
    leverage = desk.policy.hedge_for(asset).leverage
    legs = [Leg(desk.spot(asset), -money * (ONE - share) / price, price)] if share < ONE else []
    if share:
        legs.append(opened(desk, asset, -money * share / mark_of(desk, asset), "hedge", leverage))
    cost = cost_of(legs, desk)
    # Not its total, which is never under 0: a short that is paid funding is worth just that much more.
    return cost.fees + cost.spread + cost.impact + cost.funding + tax_of(legs, desk)


def _legs(desk: Desk, asset: str, parts: _Parts) -> tuple[Leg, ...]:
    """Reduce first, the sale pays the margin, then the short (R-A3)."""
    legs = []
    if parts.closed > 0:
        legs.append(closed(desk, asset, -parts.closed, "bridge"))
    if parts.sold > 0:
        legs.append(Leg(desk.spot(asset), -parts.sold, desk.ledger.prices[asset] or ONE))
    if parts.shorted > 0:
        legs.append(opened(desk, asset, -parts.shorted, "hedge", desk.policy.hedge_for(asset).leverage))
    return tuple(legs)


def _shares(desk: Desk, exposure: Exposure, size: Decimal, share: Decimal) -> _Parts:
    """Coins to sell and to short for ``size`` of E: the share, what may not be hedged, what may not be sold."""
    asset = exposure.asset
    price = desk.ledger.prices[asset] or ONE
    mark = mark_of(desk, asset)
    hedge = desk.policy.hedge_for(asset)
    banned = no_short(desk, asset)
    banned = f"{banned}: all sold" if banned else ""
    free = sellable(desk, asset)
    whole = size * desk.equity
    short = ZERO if banned else whole * share / mark
    sold = min((whole - short * mark) / price, free)
    # What may not be sold (kept coins) is hedged instead; what may not be hedged is sold instead.
    if not banned:
        short = max(short, (whole - sold * price) / mark)
    room = _room(desk, asset, whole, price, mark)
    reach = margin_in_reach(desk, asset)
    if reach is not None:
        room = min(room, reach / margin_of(desk, asset, mark, hedge.leverage))
    short = max(ZERO, min(short, room))
    if short * mark < hedge.min_size * desk.equity:
        banned = banned or (f"short under {points(hedge.min_size)} points: all sold" if short else "")
        short = ZERO
    sold = min(max(sold, (whole - short * mark) / price), free)
    return _Parts(ZERO, sold, short, banned)


def _room(desk: Desk, asset: str, whole: Decimal, price: Decimal, mark: Decimal) -> Decimal:
    """Coins that may be shorted beside the sale of the rest of ``whole`` (R-A7): what is sold can't be hedged."""
    ratio = desk.policy.hedge_for(asset).max_ratio
    held = desk.ledger.coins.get(asset, ZERO) * ratio + min(ZERO, desk.ledger.contracts.get(asset, ZERO))
    # short <= held - ratio x sold, where sold = (whole - short x mark) / price, or at most what is free
    slack, kept = held - ratio * whole / price, ONE - ratio * mark / price
    beside = slack / kept if kept > 0 else (whole / mark if slack >= 0 else ZERO)
    return max(beside, held - ratio * sellable(desk, asset))


def _margin_missing(desk: Desk, asset: str, parts: _Parts, goal: Decimal) -> Wish | None:
    """The transfer that must have arrived before the short (R-A20): for the whole way, so that one is enough."""
    if parts.shorted <= 0:
        return None
    trim, hedge = desk.policy.trim_for(asset), desk.policy.hedge_for(asset)
    now = margin_of(desk, asset, parts.shorted * mark_of(desk, asset), hedge.leverage)
    way = max(ZERO, desk.ledger.net(asset) - goal) * desk.equity * (ONE - trim.spot_share)
    return prefund(desk, asset, now, way / hedge.leverage, f"{asset}'s hedge")
