"""Owns what a book still offers after our own fills: depth eaten, depth grown back, levels walked. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from bot.core.numbers import ONE, ZERO, floor_to
from bot.core.snapshot import Book
from bot.venues.simulated.fees import at_least
from bot.venues.simulated.records import Side
from bot.venues.simulated.state import Eaten

Levels = Sequence[tuple[Decimal, Decimal]]


class Bite(NamedTuple):
    """A part of an order met by one level."""

    price: Decimal
    amount: Decimal


def opposite(book: Book, side: Side) -> Levels:
    """What an order of ``side`` takes from, best first."""
    return book.asks if side == "buy" else book.bids


def missing(eaten: Eaten | None, at: datetime, recovery: timedelta) -> Decimal:
    """What own fills took and has not grown back; it comes back evenly over ``recovery``."""
    if eaten is None or at - eaten.at >= recovery:
        return ZERO
    share = Decimal((at - eaten.at) // timedelta(microseconds=1)) / Decimal(recovery // timedelta(microseconds=1))
    return at_least(eaten.amount * (ONE - share))


def walk(
    levels: Levels, side: Side, amount: Decimal, limit: Decimal, gone: Decimal, step: Decimal | None
) -> list[Bite]:
    """Take up to ``amount`` from levels at ``limit`` or better, after the first ``gone`` units, in whole steps."""
    bites: list[Bite] = []
    for price, size in levels:
        if amount <= 0 or (price > limit if side == "buy" else price < limit):
            break
        skipped = min(gone, size)
        gone -= skipped
        here = min(amount, floor_to(size - skipped, step))
        if here > 0:
            bites.append(Bite(price, here))
            amount -= here
    return bites


def within(levels: Levels, reach: Decimal, gone: Decimal, step: Decimal | None) -> Decimal:
    """What came to a resting order when the price went ``reach`` beyond it: the depth that far from the best level."""
    if not levels:
        return ZERO
    best = levels[0][0]
    offered = sum((size for price, size in levels if abs(price - best) <= reach), ZERO)
    return max(ZERO, floor_to(offered - gone, step))
