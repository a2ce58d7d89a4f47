"""Owns the translation of the engine's refusals into Bybit's codes and texts; spot's and perpetuals' differ."""

from __future__ import annotations

from bot.local_exchange.bybit import errors
from bot.local_exchange.bybit.errors import V5Error
from bot.venues.simulated.exchange import Refusal, RefusalCode

_R = RefusalCode
_SPOT: dict[RefusalCode, tuple[int, str]] = {
    _R.UNKNOWN_SYMBOL: (170121, "Invalid symbol."),
    _R.MARKET_CLOSED: (170151, "This trading pair is not open yet."),
    _R.BAD_STEP: (170137, "Order quantity has too many decimals."),
    _R.BAD_TICK: (170134, "Order price has too many decimals."),
    _R.MIN_AMOUNT: (170136, "Order quantity exceeded lower limit."),
    _R.MIN_NOTIONAL: (170140, "Order value exceeded lower limit."),
    _R.INSUFFICIENT_BALANCE: (170131, "Insufficient balance."),
    _R.TOO_MANY_ORDERS: (170810, "The number of active orders exceeds the limit."),
    _R.WOULD_TAKE: (170218, "The LIMIT-MAKER order is rejected due to invalid price."),
    _R.DUPLICATE_CLIENT_ID: (170141, "Duplicate clientOrderId"),
}
_SWAP: dict[RefusalCode, tuple[int, str]] = {
    _R.UNKNOWN_SYMBOL: (10001, "params error: symbol invalid"),
    _R.MARKET_CLOSED: (110066, "Trading is currently not allowed."),
    _R.BAD_STEP: (10001, "Qty invalid"),
    _R.BAD_TICK: (10001, "Price invalid"),
    _R.MIN_AMOUNT: (10001, "The number of contracts exceeds minimum limit allowed"),
    _R.MIN_NOTIONAL: (110094, "Order does not meet minimum order value"),
    _R.PRICE_BAND: (110003, "Order price exceeds the allowable range."),
    _R.INSUFFICIENT_BALANCE: (110007, "ab not enough for new order"),
    _R.INSUFFICIENT_MARGIN: (110007, "ab not enough for new order"),
    _R.REDUCE_ONLY_REJECTED: (110017, "current position is zero, cannot fix reduce-only order qty"),
    _R.TOO_MANY_ORDERS: (110020, "Not allowed to have more than 500 active orders"),
    _R.DUPLICATE_CLIENT_ID: (110072, "OrderLinkedID is duplicate"),
    _R.MARGIN_MODE: (110073, "Set margin mode failed"),
    _R.ISOLATED_LEVERAGE: (110013, "Cannot set leverage due to risk limit level"),
    _R.POSITION_SIDE: (110029, "This symbol does not support hedge mode"),
}


def of(refusal: Refusal, *, swap: bool, buys: bool = True) -> V5Error:
    """The code and text of a refusal; what Bybit has no word for is a parameter error and says why."""
    if refusal.code is _R.PRICE_BAND and not swap:
        # The limit itself stands in the engine's sentence.
        return V5Error(170193 if buys else 170194, f"{'Buy' if buys else 'Sell'} order price is too far: {refusal.why}")
    if refusal.code is _R.ORDER_NOT_FOUND:
        return errors.no_such_order(swap=swap)
    known = (_SWAP if swap else _SPOT).get(refusal.code)
    return V5Error(*known) if known else errors.bad(refusal.why)


def of_leverage(refusal: Refusal) -> V5Error:
    """Where the margin does not bear it, it is a position's margin, not an order's."""
    if refusal.code is _R.INSUFFICIENT_MARGIN:
        return V5Error(110044, "Available margin is insufficient")
    return of(refusal, swap=True)
