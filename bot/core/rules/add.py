"""Owns the addition: when a laggard may be added to, and how much of it (R-A5, R-A10, R-A11, R-A15). Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import ROUND_FLOOR, Decimal

from bot.core.assessment import Exposure, Readings, Trend
from bot.core.desk import Desk
from bot.core.futures import (
    buying_power,
    least_rest,
    longs,
    margin_of,
    mark,
    no_long,
    opened,
    own_cash,
    own_margin,
    own_powder,
    paced,
    parts_of,
    prefund,
    sales,
)
from bot.core.numbers import CENT, ONE, ZERO, fraction, utc_text
from bot.core.policy import Policy
from bot.core.sizing import CLOSE_ENOUGH, goal_of, left_of, percent, points, sign_of, step
from bot.core.wishes import Hold, Leg, Move, Wish

RULE = "R-A11"
BRIDGE = "R-A12"
HALF = Decimal("0.5")
LEAST_CUT = Decimal("0.01")  # of E: what dry powder must leave of a larger step
STRESS_STOPS_ADDS = 2
LEAST_MOVE = Decimal(10)  # a transfer of less is not worth its cycle
AFTER_TRIM = timedelta(days=30)
TRIES = 2  # transfers sent without money arriving, after which the step makes do with the spot wallet


@dataclass(frozen=True, slots=True)
class _Leave:
    """What the trend allows: a share of an increment (0 = no), why, and what would change it."""

    speed: Decimal
    why: str
    nearest: str = ""


def wish(desk: Desk, asset: str) -> Wish | Hold | None:
    """The next step of bringing an underweight asset back; a hold with its nearest flip; None where it has no cause."""
    return _next(desk, asset, bridges=True)


def instead(desk: Desk, asset: str) -> Wish | None:
    """Spot with what dry powder there is, asked where R-G10 refused this plan's bridge on the asset (R-A11)."""
    if not any(item.asset == asset and item.rule == BRIDGE for item in desk.refused):
        return None
    made = _next(desk, asset, bridges=False)
    return replace(made, why=f"{made.why}; its bridge is not worth its cost") if isinstance(made, Wish) else None


def _next(desk: Desk, asset: str, *, bridges: bool) -> Wish | Hold | None:
    exposure = desk.exposure(asset)
    episode = desk.memory.episode(asset)
    if episode is not None and not (episode.direction in ("add", "calendar") and sign_of(episode) == "up"):
        episode = None
    trigger = desk.trigger(asset, "under")
    laggard = _takes_proceeds(desk, exposure)
    if trigger is None and episode is None and not laggard:
        return None
    earlier = desk.touched(asset) or desk.asked(asset)
    if earlier is not None:
        return Hold(asset, "R-W8", f"{earlier.rule} already acts on {asset} in this plan", "the next cycle")
    refill = next(iter(desk.triggers("stables", "refill")), None)
    if refill is not None:
        return Hold(asset, "R-W3", f"the stable floor comes first: {refill.why}", _refilled(desk))
    goal = episode.goal if episode else (trigger.goal if trigger and trigger.goal is not None else None)
    goal = goal_of(exposure, desk.policy, "under") if goal is None else goal
    gap = fraction(goal - desk.ledger.net(asset))
    if gap <= CLOSE_ENOUGH:
        return None
    short = -min(ZERO, desk.ledger.contracts.get(asset, ZERO)) - desk.risk_short(asset)
    reasons = desk.why(asset, "under") or f"{episode.rule if episode else ''}: the episode goes on to {percent(goal)}"
    if trigger is None and episode is None:
        reasons = "R-A5: this plan's sales pay for the laggard"
    if short > 0:
        return _close_short(desk, asset, short, gap, reasons)
    leave = _leave(desk, exposure)
    if leave.speed <= 0:
        return Hold(asset, "R-A10", leave.why, leave.nearest)
    increment = desk.policy.add_for(asset).increment
    size, left = step(gap, increment, leave.speed), left_of(episode, increment)
    if left is not None:
        size = min(size, left)
    step_of = _Step(size, goal, f"{reasons}; {leave.why}", whole=left is None, way=gap)
    return (_bridged(desk, exposure, step_of) if bridges else None) or _spot(desk, asset, step_of)


@dataclass(frozen=True, slots=True)
class _Step:
    """What is wished for: ``size`` now of the ``way`` to ``goal``, fractions of E."""

    size: Decimal
    goal: Decimal
    why: str
    whole: bool
    way: Decimal


def _takes_proceeds(desk: Desk, exposure: Exposure) -> bool:
    """Half a band or more under target while this plan's trims brought money in (R-A5)."""
    return _trimmed(desk) and -desk.drift(exposure.asset) >= fraction(HALF * exposure.band)


def _bridged(desk: Desk, exposure: Exposure, wanted: _Step) -> Wish | None:
    """A leveraged long for what dry powder does not reach, or by the route (R-A11, R-A12); None leaves it to spot."""
    asset, read = exposure.asset, exposure.readings
    keys, add = desk.policy.bridge_for(asset), desk.policy.add_for(asset)
    at_once = desk.policy.targets.model == "momentum" and bool(read.bottoming)
    by_route = add.route == "bridge" or at_once
    if not (read.bottoming or by_route) or desk.seen.regime == "bear" or no_long(desk, asset):
        return None
    leverage = min(keys.leverage, keys.leverage_cap)
    fees = ONE + 2 * desk.taker(desk.spot(asset))
    if not by_route and wanted.size <= fraction(buying_power(desk) / fees / desk.equity):
        return None  # with what this plan's sales bring, spot is paid for
    # Margin is sent as it is: it can't be scaled to what a sale brought in (see `backed`).
    powder = fraction(own_powder(desk) / fees / desk.equity)
    margin, spot = parts_of(powder, wanted.size, wanted.way, add.increment, leverage, by_route=by_route)
    spot = min(spot, fraction(own_cash(desk) / fees / desk.equity))
    room = max(ZERO, keys.max_exposure - longs(desk)) / leverage
    if margin > room:  # what the limit leaves of dry powder buys spot
        margin, spot = room, ZERO if by_route else max(ZERO, min(powder - room, wanted.size - room * leverage))
    notional = margin * leverage * desk.equity
    market = desk.market(desk.contract(asset).symbol)
    # Less than one round of its conversion is not worth a position: what dry powder there is buys spot.
    least = desk.policy.convert.slice * desk.equity
    if market is None or notional < max(least, market.smallest(mark(desk, asset)) * mark(desk, asset)):
        return None
    need = margin_of(desk, asset, notional, leverage)
    funding = prefund(desk, asset, need, need, f"{asset}'s bridge")
    if funding is not None:
        return funding
    price = desk.ledger.prices.get(asset)
    bought = [Leg(desk.spot(asset), spot * desk.equity / price, price)] if spot > 0 and price is not None else []
    legs = (*bought, opened(desk, asset, notional / mark(desk, asset), "bridge", leverage))
    why = f"{wanted.why}; bridge of {points(margin * leverage)} points on {points(margin)} of margin"
    return Wish(
        BRIDGE, "bridge", "normal", asset, why, legs=legs, exposure_change=fraction(spot + margin * leverage),
        direction="add", goal=wanted.goal, whole=wanted.whole,
    )  # fmt: skip


def _leave(desk: Desk, exposure: Exposure) -> _Leave:
    """R-A10: no falling knife, nothing overextended, parabolic or unknown, not in bear or stress."""
    read = exposure.readings
    if not desk.policy.signals.enabled:
        return _Leave(ONE, "signals off")
    if desk.seen.regime == "bear":
        return _Leave(ZERO, "bear regime: no adds", "the regime neutral or bull, now bear")
    if desk.seen.stress >= STRESS_STOPS_ADDS:
        return _Leave(ZERO, f"stress {desk.seen.stress}: no adds", _less_stress(desk))
    last = desk.memory.last_trades.get(exposure.asset)
    if last is not None and last.direction == "down" and desk.snapshot.at - last.at < AFTER_TRIM:
        recovered = read.trend == Trend.STRONG_UP or read.recovered
        if not recovered:
            days = (desk.snapshot.at - last.at).days
            trend = read.trend.value if read.trend else "unknown"
            nearest = f"strong up or two closes of recovery, now {trend}; or {AFTER_TRIM.days} days, now {days}"
            return _Leave(ZERO, f"reduced {days} days ago: no adding back yet (R-A15)", nearest)
    if read.trend is None:
        return _Leave(ZERO, "trend unknown: no adds", _bars_missing(desk, exposure.asset))
    return _trend_leave(read, read.trend, desk.policy)


def _bars_missing(desk: Desk, asset: str) -> str:
    """The fewest bars that a trend can be told from, and those at hand."""
    signals = desk.policy.signals
    frames = desk.snapshot.candles.get(desk.spot(asset)) or desk.snapshot.candles.get(desk.contract(asset).symbol) or {}
    bars = frames.get(signals.timeframe)
    have = 0 if bars is None else len(bars)
    return f"{signals.averages.fast} fresh closed bars of {signals.timeframe}, now {have}"


def _trend_leave(read: Readings, trend: Trend, policy: Policy) -> _Leave:
    if read.parabolic:
        keys = policy.narrative
        nearest = (
            f"a rise under {percent(keys.parabolic_return)} in {keys.parabolic_window.days} days, now that or more"
        )
        return _Leave(ZERO, "parabolic: no adds", nearest)
    if read.overextended:
        return _Leave(ZERO, "overextended above its average: no adds", _nearer(read, policy))
    if trend == Trend.STRONG_DOWN and not read.bottoming:
        rsi = f"RSI {read.rsi:.0f}" if read.rsi is not None else "RSI unknown"
        return _Leave(
            ZERO,
            "falling knife: strong down without bottoming",
            f"{rsi}, needs under {policy.signals.rsi.oversold:.0f} with support or a histogram rolling up; "
            "or a bullish divergence",
        )
    if trend == Trend.STABILISING_DOWN and not (read.at_support or read.oversold or read.bottoming):
        return _Leave(HALF, "stabilising down without support: half an increment")
    return _Leave(ONE, f"trend {trend.value}")


def _refilled(desk: Desk) -> str:
    stables = desk.policy.targets.stables
    liquid = fraction(desk.ledger.liquid / desk.equity)
    return f"liquid stables of {percent(stables.floor + stables.refill)}, now {percent(liquid)}"


def _less_stress(desk: Desk) -> str:
    calm = f"no alarm now, a level less after {desk.policy.stress.calm_closes} calmer daily closes"
    return f"stress under {STRESS_STOPS_ADDS}, now {desk.seen.stress} ({', '.join(desk.seen.alarms) or calm})"


def _nearer(read: Readings, policy: Policy) -> str:
    """The close at which an asset is no longer overextended, and the one it has."""
    if read.close is None or read.atr is None or read.ema_fast is None:
        return f"a close within {policy.signals.atr.overextended:f} ATR of the average"
    most = read.ema_fast + float(policy.signals.atr.overextended) * read.atr
    return f"a close of at most {most:.6g} ({policy.signals.atr.overextended:f} ATR over EMA), now {read.close:.6g}"


def _close_short(desk: Desk, asset: str, short: Decimal, gap: Decimal, reasons: str) -> Wish | Hold | None:
    """A short on the asset is closed before any spot is bought (R-A11), at the pace of increments."""
    mark = desk.ledger.marks.get(asset)
    if mark is None:
        return None
    wait = paced(desk, asset)
    if wait is not None:
        now = utc_text(desk.snapshot.at)
        return Hold(asset, "R-A8", "the short is closed before spot is bought", f"from {utc_text(wait)}, now {now}")
    size = min(step(gap, desk.policy.add_for(asset).increment), fraction(short * mark / desk.equity))
    contract = desk.contract(asset)
    coins = least_rest(desk, asset, short, min(short, size * desk.equity / mark))
    leg = Leg(contract.symbol, coins / contract.coins, mark * contract.coins, "hedge", reduce_only=True)
    return Wish(
        "R-A8", "unhedge", "upkeep", asset, f"{reasons}; the short is closed before spot is bought",
        legs=(leg,), exposure_change=fraction(coins * mark / desk.equity),
    )  # fmt: skip


def _spot(desk: Desk, asset: str, step_of: _Step) -> Wish | Hold:
    symbol = desk.spot(asset)
    price, market = desk.ledger.prices.get(asset), desk.market(symbol)
    if price is None:
        return Hold(asset, "R-G3", f"{asset} has no sane price", "a sane price")
    if market is None or not market.active:
        return Hold(asset, "R-G11", f"{symbol} is not traded on this venue", "a listed, active market")
    powder, episode = buying_power(desk), desk.memory.episode(asset)
    wanted = step_of.size * desk.equity
    fetch = _fetched(desk, asset, min(wanted * (ONE + market.taker), powder))
    if fetch is not None:
        return fetch
    money = min(wanted, min(powder, _cash(desk)) / (ONE + market.taker))
    # A cut to crumbs is none: else what the floor's refill just sold for is spent a few coins at a time.
    least = max(market.smallest(price) * price, min(wanted, LEAST_CUT * desk.equity))
    if money < least:
        return Hold(
            asset,
            "R-A11",
            f"dry powder {powder:.2f} is too little: liquid stables {desk.ledger.liquid:.2f}, floor {desk.floor:.2f}",
            f"{least * (ONE + market.taker):.2f} of dry powder, now {powder:.2f}",
        )
    leg = Leg(symbol, money / price, price)
    funded = sales(desk) if money * (ONE + market.taker) > min(own_powder(desk), own_cash(desk)) else ()
    text = (
        step_of.why
        if money == wanted
        else f"{step_of.why}; cut to the dry powder of {points(powder / desk.equity)} points"
    )
    return Wish(
        RULE, "add", "normal", asset, text, legs=(leg,), exposure_change=fraction(money / desk.equity),
        direction=episode.direction if episode else "add", goal=step_of.goal, whole=step_of.whole, funded_by=funded,
    )  # fmt: skip


def _cash(desk: Desk) -> Decimal:
    """What the wallet that buys are paid from has."""
    return max(ZERO, desk.ledger.stables_spot - desk.ledger.reserved)


def _fetched(desk: Desk, asset: str, needed: Decimal) -> Wish | None:
    """Dry powder in the futures wallet comes over before it is spent (R-A20); None where nothing is missing."""
    ledger = desk.ledger
    idle = own_margin(desk) if ledger.movable and not ledger.unified else ZERO
    amount = min(needed - _cash(desk), idle).quantize(CENT, ROUND_FLOOR)
    if amount < LEAST_MOVE or desk.moving.get("spot") or desk.memory.wishes.get(f"{asset}:transfer:", 0) >= TRIES:
        return None
    why = f"R-A20: {asset}'s addition needs {needed:.2f}, the spot wallet has {_cash(desk):.2f}"
    move = Move(desk.policy.accounting_currency, amount, "futures", "spot")
    return Wish("R-A20", "transfer", "upkeep", asset, why, moves=(move,))


def _trimmed(desk: Desk) -> bool:
    """Whether a trim of this plan brings money in (R-A5)."""
    return any(
        item.cls == "normal" and any(leg.qty < 0 and leg.purpose == "spot" for leg in item.legs)
        for item in desk.approved
    )
