"""Owns liquidity windows: whether a schedule is open, when it opens next, and what the book can bear (R-G5). Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from bot.core.numbers import ZERO
from bot.core.policy import Policy, parse_window
from bot.core.prices import book_of, day_volume, half_spread
from bot.core.snapshot import Snapshot

VOLUME_AS_DEPTH = Decimal("0.001")  # of 24 h volume, where there is no book (rulebook section 3)
DAY_MINUTES = 24 * 60
MINUTE = timedelta(minutes=1)


def is_open(schedule: str | Sequence[str], at: datetime) -> bool:
    """Whether an instant lies in any window of the schedule (`always`, or lines such as `Mon-Fri 13:00-17:00`, UTC)."""
    if isinstance(schedule, str):
        return True
    minute = at.hour * 60 + at.minute
    for line in schedule:
        window = parse_window(line)
        if window.start < window.end:
            if at.weekday() in window.days and window.start <= minute < window.end:
                return True
        elif (at.weekday() in window.days and minute >= window.start) or (
            (at.weekday() - 1) % 7 in window.days and minute < window.end
        ):
            return True
    return False


def next_open(schedule: str | Sequence[str], at: datetime) -> datetime:
    """The first instant at or after ``at`` at which the schedule is open."""
    if is_open(schedule, at) or isinstance(schedule, str):
        return at
    midnight = at.replace(hour=0, minute=0, second=0, microsecond=0)
    starts = [
        midnight + timedelta(days=day) + window.start * MINUTE
        for window in map(parse_window, schedule)
        for day in range(8)
        if (at.weekday() + day) % 7 in window.days
    ]
    return min(start for start in starts if start > at)


@dataclass(frozen=True, slots=True)
class Liquidity:
    """One side of a market: depth within reach in quote and spread as a fraction of the mid; None = unknown."""

    depth: Decimal | None
    spread: Decimal | None
    source: str


def liquidity(symbol: str, other: str, *, buying: bool, snapshot: Snapshot, policy: Policy) -> Liquidity:
    """What a taker finds within `windows.depth_within`: the book, else the ticker's spread, a share of 24 h volume."""
    fresh = policy.limits.age_max.quotes
    half = half_spread(symbol, snapshot, fresh)
    spread = half * 2 if half is not None else None
    book = book_of(symbol, snapshot, fresh)
    if book is not None:
        mid = (book.bids[0][0] + book.asks[0][0]) / 2
        reach = mid * policy.windows.depth_within
        side = book.asks if buying else book.bids
        depth = sum((price * amount for price, amount in side if abs(price - mid) <= reach), ZERO)
        return Liquidity(depth, spread, "book")
    volume = day_volume(symbol, other, snapshot)
    history = snapshot.history.get(symbol)
    estimates = [volume * VOLUME_AS_DEPTH] if volume is not None else []
    if history is not None and history.depth_median is not None:
        estimates.append(history.depth_median)
    if spread is None and history is not None:
        spread = history.spread_median
    return Liquidity(min(estimates) if estimates else None, spread, "0.1 % of 24 h volume")


def impact(
    symbol: str, notional: Decimal, *, buying: bool, snapshot: Snapshot, major: bool, limit: timedelta
) -> Decimal:
    """Expected price impact beyond half the spread, a fraction: walks a book younger than ``limit``; else 2 or 5 bp."""
    book = book_of(symbol, snapshot, limit)
    if book is None:
        return Decimal("0.0002") if major else Decimal("0.0005")
    side = book.asks if buying else book.bids
    best = side[0][0]
    left, paid, taken = notional, ZERO, ZERO
    for price, amount in side:
        part = min(left, price * amount)
        paid += part
        taken += part / price
        left -= part
        if left <= 0:
            break
    if taken == 0:
        return Decimal("0.0005")
    if left > 0:  # the visible book is too thin: the rest at its worst price
        taken += left / side[-1][0]
        paid += left
    return abs(paid / taken / best - 1)
