"""Owns the venue's filters: what is wrong with a request whatever the account holds. Pure; raises `Refusal`."""

from __future__ import annotations

import re
from decimal import Decimal

from bot.core.instruments import Market, is_swap
from bot.core.numbers import ONE, floor_to, plain
from bot.venues.simulated.records import OrderRequest, Refusal, RefusalCode, Rules

CLIENT_ID = re.compile(r"[.A-Z:/a-z0-9_-]{1,36}")


def check_request(request: OrderRequest, market: Market) -> None:
    """Refuse what no market state could make right: parameters, step, tick, minimum amount."""
    _check_parameters(request)
    amount, price = request.amount, request.price
    if price is not None and market.tick and floor_to(price, market.tick) != price:
        raise Refusal(RefusalCode.BAD_TICK, f"price {plain(price)} is no multiple of {plain(market.tick)}")
    if market.step and floor_to(amount, market.step) != amount:
        raise Refusal(RefusalCode.BAD_STEP, f"amount {plain(amount)} is no multiple of {plain(market.step)}")
    if market.min_amount and amount < market.min_amount:
        raise Refusal(RefusalCode.MIN_AMOUNT, f"amount {plain(amount)} is under {plain(market.min_amount)}")


def _check_parameters(request: OrderRequest) -> None:
    limit = request.type == "limit"
    faults = {
        f"amount {request.amount} must be a number above 0": not (request.amount.is_finite() and request.amount > 0),
        "a limit order needs a price above 0": limit
        and (request.price is None or not request.price.is_finite() or request.price <= 0),
        "a market order has no price": not limit and request.price is not None,
        "a market order is filled at once: it has no post-only, and cannot be all-or-nothing": not limit
        and request.tif in ("post_only", "fok"),
        "spot knows no reduce-only": request.reduce_only and not is_swap(request.symbol),
        f"client id {request.client_id!r} must match {CLIENT_ID.pattern}": bool(request.client_id)
        and CLIENT_ID.fullmatch(request.client_id) is None,
    }
    for why, wrong in faults.items():
        if wrong:
            raise Refusal(RefusalCode.BAD_PARAMETER, why)


def check_at_price(request: OrderRequest, market: Market, now: Decimal, rules: Rules) -> None:
    """Refuse what the price ``now`` makes wrong: minimum notional, price band."""
    price = request.price if request.price is not None else now
    exempt = request.reduce_only and is_swap(request.symbol)
    if market.min_notional and not exempt and request.amount * price < market.min_notional:
        why = f"notional {plain(request.amount * price)} is under {plain(market.min_notional)}"
        raise Refusal(RefusalCode.MIN_NOTIONAL, why)
    if request.price is None:
        return
    buying = request.side == "buy"
    if is_swap(request.symbol):
        # A perpetual's limit may rest as far away as it likes; only the side that would take is bounded.
        low, high = (None, ONE + rules.swap_band) if buying else (ONE - rules.swap_band, None)
    else:
        low, high = rules.spot_down, rules.spot_up
    if (low is not None and price < now * low) or (high is not None and price > now * high):
        bounds = f"{plain(now * low) if low else 'any'} to {plain(now * high) if high else 'any'}"
        raise Refusal(RefusalCode.PRICE_BAND, f"price {plain(price)} is outside {bounds}")
