"""Owns the liquidity window: the schedule, and the live spread and depth (R-G5). Pure."""

from __future__ import annotations

from decimal import Decimal

from bot.core.desk import Desk
from bot.core.instruments import is_swap
from bot.core.numbers import ONE, utc_text
from bot.core.verdicts import Verdict, passed
from bot.core.windows import is_open, liquidity, next_open
from bot.core.wishes import Leg, Wish

GATE = "R-G5"
WIDER = {"floor": Decimal(3), "derisk": Decimal(3)}  # these may pay three times the spread


def schedule(wish: Wish, desk: Desk) -> tuple[Wish, Verdict]:
    """Whether the schedule is open at the instant of the decision."""
    hours = desk.policy.windows.schedule
    if is_open(hours, desk.snapshot.at):
        return wish, passed(GATE)
    opens = next_open(hours, desk.snapshot.at)
    return wish, Verdict(
        GATE,
        "defer",
        f"outside the window {', '.join(hours)}",
        f"window opens {utc_text(opens)}, now {utc_text(desk.snapshot.at)}",
        until=opens,
    )


def live(wish: Wish, desk: Desk) -> tuple[Wish, Verdict]:
    """Each leg at most a share of one side's depth, the spread not too wide; too large is made smaller."""
    limit_bp = desk.policy.windows.max_spread_bp * WIDER.get(wish.cls, ONE)
    share = ONE
    tightest = nearest = ""
    for leg in wish.legs:
        other = _other(leg, desk)
        found = liquidity(leg.symbol, other, buying=leg.qty > 0, snapshot=desk.snapshot, policy=desk.policy)
        if found.spread is None or found.depth is None:
            return wish, Verdict(
                GATE, "defer", f"{leg.symbol}: neither book nor volume is known", "a book, or 24 h volume, now none"
            )
        spread_bp = found.spread * 10_000
        if spread_bp > limit_bp:
            nearest = f"a spread of {limit_bp:.1f} bp, now {spread_bp:.1f} bp"
            return wish, Verdict(GATE, "defer", f"{leg.symbol}: spread {spread_bp:.1f} bp", nearest)
        allowed = found.depth * desk.policy.windows.depth_share
        if leg.notional > allowed and allowed / leg.notional < share:
            share = allowed / leg.notional
            tightest = (
                f"{leg.symbol}: {leg.notional:.0f} wanted, {allowed:.0f} is {desk.policy.windows.depth_share:.0%} of "
            )
            tightest += f"the {found.source} within {desk.policy.windows.depth_within:.1%}"
            nearest = (
                f"{leg.notional / desk.policy.windows.depth_share:.0f} in the {found.source}, now {found.depth:.0f}"
            )
    if share == 0:
        return wish, Verdict(GATE, "defer", tightest, nearest)
    if share < ONE:
        return wish.scaled(share), Verdict(GATE, "resize", tightest, nearest, scale=share)
    return wish, passed(GATE)


def _other(leg: Leg, desk: Desk) -> str:
    asset, _ = desk.asset_of(leg.symbol)
    return desk.spot(asset) if is_swap(leg.symbol) else desk.contract(asset).symbol
