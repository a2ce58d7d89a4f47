"""Owns the freshness and sanity of what a wish rests on (R-G2, R-G3). Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from bot.core.desk import Desk
from bot.core.instruments import is_swap
from bot.core.prices import stale
from bot.core.verdicts import Verdict, passed
from bot.core.wishes import Wish

FRESH = "R-G2"
SANE = "R-G3"
FEED = "feed "  # how the gap of a configured feed begins
FED = ("add", "bridge", "park")  # what a configured feed must be there for; nothing else waits for one


def fresh(wish: Wish, desk: Desk) -> tuple[Wish, Verdict]:
    """Balances, positions and the quotes of the legs, each within its age (R-G2)."""
    ages = desk.policy.limits.age_max
    now = desk.snapshot.at
    missing = [gap for gap in desk.snapshot.gaps if gap.startswith(("balances", "positions"))]
    if missing:
        return wish, Verdict(FRESH, "defer", missing[0], f"{missing[0].partition(':')[0]} from the venue, now none")
    unfed = [gap for gap in desk.snapshot.gaps if gap.startswith(FEED)] if wish.kind in FED else []
    if unfed:
        name = unfed[0].partition(":")[0]
        return wish, Verdict(FRESH, "defer", unfed[0], f"a fresh value of the configured {name}, now none")
    found = _oldest((desk.snapshot.balances_since,), now, ages.balances)
    if found:
        nearest = f"balances at most {_seconds(ages.balances)} old, now {found}"
        return wish, Verdict(FRESH, "defer", f"balances are {found} old", nearest)
    found = _oldest((desk.snapshot.positions_since,), now, ages.positions)
    if found:
        nearest = f"positions at most {_seconds(ages.positions)} old, now {found}"
        return wish, Verdict(FRESH, "defer", f"positions are {found} old", nearest)
    for leg in wish.legs:
        ticker = desk.snapshot.tickers.get(leg.symbol)
        found = _oldest([None if ticker is None else ticker.at], now, ages.quotes)
        if found:
            nearest = f"a quote of {leg.symbol} at most {_seconds(ages.quotes)} old, now {found}"
            return wish, Verdict(FRESH, "defer", f"{leg.symbol}'s quote is too old", nearest)
    return wish, passed(FRESH)


def sane(wish: Wish, desk: Desk) -> tuple[Wish, Verdict]:
    """A known equity and sane prices of the legs; never net short is restored even without them (R-G3)."""
    if desk.ledger.equity is None and wish.cls != "safety":
        why = "; ".join(desk.seen.unknown[:3]) or "equity unknown"
        return wish, Verdict(SANE, "defer", f"equity is unknown: {why}", "a sane price for everything held, now none")
    for leg in wish.legs:
        asset, _ = desk.asset_of(leg.symbol)
        price = desk.ledger.marks.get(asset) if is_swap(leg.symbol) else desk.ledger.prices.get(asset)
        if price is None or leg.price <= 0:
            return wish, Verdict(
                SANE, "defer", f"{leg.symbol} has no sane price", f"a sane price of {leg.symbol}, now none"
            )
    return wish, passed(SANE)


def _oldest(instants: Iterable[datetime | None], now: datetime, limit: timedelta) -> str:
    known = [at for at in instants if at is not None]
    if not known or not stale(min(known), now, limit):
        return ""
    return _seconds(now - min(known))


def _seconds(span: timedelta) -> str:
    return f"{span.total_seconds():.0f} s"
