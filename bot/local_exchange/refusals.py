"""Owns the translation of the engine's refusals into Binance's codes and texts; spot's and futures' differ."""

from __future__ import annotations

from bot.core.numbers import plain
from bot.local_exchange import errors
from bot.local_exchange.calls import Call, text
from bot.local_exchange.errors import WireError
from bot.venues.simulated.exchange import Refusal, RefusalCode

_R = RefusalCode
_SPOT: dict[RefusalCode, tuple[int, str]] = {
    _R.UNKNOWN_SYMBOL: (-1121, "Invalid symbol."),
    _R.MARKET_CLOSED: (-1013, "Market is closed."),
    _R.BAD_STEP: (-1013, "Filter failure: LOT_SIZE"),
    _R.MIN_AMOUNT: (-1013, "Filter failure: LOT_SIZE"),
    _R.BAD_TICK: (-1013, "Filter failure: PRICE_FILTER"),
    _R.MIN_NOTIONAL: (-1013, "Filter failure: NOTIONAL"),
    _R.PRICE_BAND: (-1013, "Filter failure: PERCENT_PRICE_BY_SIDE"),
    _R.TOO_MANY_ORDERS: (-1013, "Filter failure: MAX_NUM_ORDERS"),
    _R.INSUFFICIENT_BALANCE: (-2010, "Account has insufficient balance for requested action."),
    _R.WOULD_TAKE: (-2010, "Order would immediately match and take."),
    _R.DUPLICATE_CLIENT_ID: (-2010, "Duplicate order sent."),
}
_SWAP: dict[RefusalCode, tuple[int, str]] = {
    _R.UNKNOWN_SYMBOL: (-1121, "Invalid symbol."),
    _R.MARKET_CLOSED: (-4140, "Invalid symbol status for opening position."),
    _R.BAD_STEP: (-1111, "Precision is over the maximum defined for this asset."),
    _R.MIN_AMOUNT: (-4004, "Quantity less than min quantity."),
    _R.BAD_TICK: (-4014, "Price not increased by tick size."),
    _R.PRICE_BAND: (-4131, "The counterparty's best price does not meet the PERCENT_PRICE filter limit."),
    _R.TOO_MANY_ORDERS: (-2025, "Reach max open order limit."),
    _R.INSUFFICIENT_BALANCE: (-2019, "Margin is insufficient."),
    _R.INSUFFICIENT_MARGIN: (-2019, "Margin is insufficient."),
    _R.REDUCE_ONLY_REJECTED: (-2022, "ReduceOnly Order is rejected."),
    _R.WOULD_TAKE: (
        -5022,
        (
            "Due to the order could not be executed as maker, the Post Only order will be rejected. "
            "The order will not be recorded in the order history"
        ),
    ),
    _R.DUPLICATE_CLIENT_ID: (-4116, "ClientOrderId is duplicated."),
    _R.MARGIN_MODE: (-4048, "Margin type cannot be changed if there exists position."),
    _R.ISOLATED_LEVERAGE: (-4161, "Leverage reduction is not supported in Isolated Margin Mode with open positions."),
    _R.POSITION_SIDE: (-4084, "Method is not allowed currently. Coming soon."),
}


# Binance numbers what savings refuse on its own; which of -6006 and -6018 a redemption of too much gets is not written.
_SUBSCRIBE: dict[RefusalCode, tuple[int, str]] = {
    _R.NO_SAVINGS: (-6001, "Daily product not exist."),
    _R.MIN_AMOUNT: (-6005, "Smaller than min purchase limit."),
    _R.SAVINGS_QUOTA: (-6011, "Exceeding the maximum num allowed to purchase per user."),
    _R.INSUFFICIENT_BALANCE: (-6012, "Balance not enough."),
}
_REDEEM: dict[RefusalCode, tuple[int, str]] = {_R.INSUFFICIENT_BALANCE: (-6018, "Asset not enough.")}


def of_savings(refusal: Refusal, *, redeems: bool) -> WireError:
    """What the venue answers to a subscription or a redemption that its engine refused."""
    known = (_REDEEM if redeems else _SUBSCRIBE).get(refusal.code)
    return WireError(*known) if known else of(refusal, swap=False)


def of_order(refusal: Refusal, call: Call, symbol: str) -> WireError:
    """What the venue answers to an order that its engine refused."""
    if call.swap and refusal.code is _R.MIN_NOTIONAL:
        least = text(call.listing.markets[symbol].min_notional)
        return WireError(-4164, f"Order's notional must be no smaller than {least} (unless you choose reduce only).")
    if call.swap and refusal.code is _R.PRICE_BAND and "price" in call.said:
        return _beyond_the_cap(call, symbol)
    return of(refusal, swap=call.swap)


def _beyond_the_cap(call: Call, symbol: str) -> WireError:
    # A limit too far from mark has codes of its own; -4131 is a market order's.
    band = call.exchange.rules.swap_band
    mark = call.scene.price(symbol, call.at)
    tick = call.listing.markets[symbol].tick
    buys = call.said.get("side", "").upper() == "BUY"
    edge = (1 + band if buys else 1 - band) * (mark or 0)
    shown = plain(edge.quantize(tick) if tick else edge)
    return (
        WireError(-4016, f"Limit price can't be higher than {shown}.")
        if buys
        else WireError(-4024, f"Limit price can't be lower than {shown}.")
    )


def of(refusal: Refusal, *, swap: bool) -> WireError:
    """The code and text of any other refusal; what Binance has no word for is an illegal parameter and says why."""
    if refusal.code is _R.ORDER_NOT_FOUND:
        return errors.no_such_order()
    known = (_SWAP if swap else _SPOT).get(refusal.code)
    return WireError(*known) if known else WireError(-1130, f"Data sent for a parameter is not valid: {refusal.why}")
