"""Owns how money is rounded and what a fill costs; nothing is ever rounded in the account's favour."""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Decimal

from bot.core.instruments import Market

LAST_UNIT = Decimal("1e-8")


def at_most(value: Decimal) -> Decimal:
    """Money cut down to the last unit: what a fill is worth."""
    return value.quantize(LAST_UNIT, ROUND_FLOOR)


def at_least(value: Decimal) -> Decimal:
    """Money raised to the last unit: what is locked or owed.

    Raised locks and cut payments keep ``locked <= total`` through any row of partial fills.
    """
    return value.quantize(LAST_UNIT, ROUND_CEILING)


def evenly(value: Decimal) -> Decimal:
    """Money to the nearest unit: a share of a cost that is wholly booked in the end."""
    return value.quantize(LAST_UNIT, ROUND_HALF_EVEN)


def fee_of(market: Market, received: Decimal, *, maker: bool) -> Decimal:
    """The fee on what a fill is counted in (base bought, quote sold, or a perpetual's notional)."""
    return at_least(received * (market.maker if maker else market.taker))
