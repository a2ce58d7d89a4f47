"""Owns where ccxt's words end and ours begin: numbers, instants, order states, orders, fills, candles. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from bot.core.instruments import Market
from bot.core.numbers import ONE, ZERO, from_milliseconds
from bot.core.orders import Fill, OrderState, OrderView
from bot.ports.errors import Malformed

BAR_COLUMNS = 6
_TERMINAL = (OrderState.CANCELLED, OrderState.EXPIRED, OrderState.REJECTED)
_UNITS_MS = {"m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}


def decimal(value: Any, what: str) -> Decimal:
    """An exact, finite decimal; a float is read by its shortest text. Raises `Malformed`."""
    found = decimal_or_none(value, what)
    if found is None:
        raise Malformed(f"{what} is missing")
    return found


def decimal_or_none(value: Any, what: str) -> Decimal | None:
    """As `decimal`; None where the venue said nothing (absent or empty)."""
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        raise Malformed(f"{what} is {value!r}, must be a number")
    try:
        found = value if isinstance(value, Decimal) else Decimal(str(value))
    except InvalidOperation as error:
        raise Malformed(f"{what} is {value!r}, must be a number") from error
    if not found.is_finite():
        raise Malformed(f"{what} is {value!r}, must be finite")
    return found


def positive_or_none(value: Any, what: str) -> Decimal | None:
    """As `decimal_or_none`; a 0 says that there is none (an entry price, a liquidation price); raises below 0."""
    found = decimal_or_none(value, what)
    if found is not None and found < 0:
        raise Malformed(f"{what} is {found}, must not be negative")
    return found or None


def instant(ms: Any, what: str) -> datetime:
    """A UTC instant from whole milliseconds; raises `Malformed`."""
    found = decimal(ms, what)
    if not 0 < found < Decimal(10) ** 14:
        raise Malformed(f"{what} is {ms!r}, must be milliseconds since 1970")
    return from_milliseconds(int(found))


def utc(text: Any, what: str) -> datetime:
    """A UTC instant from ISO text, which says UTC where it names no zone; raises `Malformed`."""
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError as error:
        raise Malformed(f"{what} is {text!r}, must be an instant such as 2026-01-31T12:00:00") from error
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)


def side(word: Any, what: str) -> Literal["buy", "sell"]:
    """A side, upper or lower case; raises `Malformed`."""
    text = str(word).lower()
    if text == "buy":
        return "buy"
    if text == "sell":
        return "sell"
    raise Malformed(f"{what} has side {word!r}, must be buy or sell")


def order_state(said: OrderState | None, filled: Decimal, amount: Decimal) -> OrderState:
    """The state by what is filled first and the venue's word second."""
    if amount > 0 and filled >= amount:
        return OrderState.FILLED
    if said in _TERMINAL:
        return said
    if said is OrderState.FILLED:  # a remainder the venue gave up: closed, though not all of it was filled
        return OrderState.EXPIRED
    return OrderState.PARTLY_FILLED if filled > 0 else OrderState.OPEN


def order_view(
    unified: Mapping[str, Any], *, client_id: str, said: OrderState | None, size: Decimal = ONE
) -> OrderView:
    """An order as ccxt parsed it (contracts times ``size`` are base units); raises `Malformed`."""
    what = f"order {client_id}"
    amount = decimal(unified.get("amount"), f"{what}: amount") * size
    filled = (decimal_or_none(unified.get("filled"), f"{what}: filled") or ZERO) * size
    if filled < 0 or amount < 0:
        raise Malformed(f"{what}: amount {amount}, filled {filled}: must not be negative")
    return OrderView(
        client_id=client_id,
        venue_id=str(unified["id"]),
        state=order_state(said, filled, amount),
        filled=filled,
        price_avg=positive_or_none(unified.get("average"), f"{what}: average") if filled else None,
        symbol=str(unified["symbol"]),
        amount=amount,
        side=side(unified.get("side"), what),
        price=positive_or_none(unified.get("price"), f"{what}: price"),
        reduce_only=unified.get("reduceOnly") is True,
    )


def fill(unified: Mapping[str, Any], *, client_id: str | None, size: Decimal = ONE) -> Fill:
    """A trade of ours as ccxt parsed it; raises `Malformed`, also where the fee is not told."""
    what = f"trade {unified.get('id')}"
    amount = decimal(unified.get("amount"), f"{what}: amount") * size
    price = decimal(unified.get("price"), f"{what}: price")
    fee = unified.get("fee") or {}
    if amount <= 0 or price <= 0 or not unified.get("id"):
        raise Malformed(f"{what}: amount {amount} at {price}: must be positive, with an id")
    if not fee.get("currency"):
        raise Malformed(f"{what}: its fee has no asset")
    return Fill(
        trade_id=str(unified["id"]),
        client_id=client_id,
        symbol=str(unified["symbol"]),
        qty=amount if side(unified.get("side"), what) == "buy" else -amount,
        price=price,
        fee=decimal(fee.get("cost"), f"{what}: fee"),
        fee_asset=str(fee["currency"]),
        at=instant(unified.get("timestamp"), f"{what}: time"),
        venue_order_id=str(unified["order"]) if unified.get("order") else None,
    )


def market(
    unified: Mapping[str, Any], *, maker: Decimal | None, taker: Decimal | None, maintenance: Decimal | None
) -> Market:
    """Filters in base units, from ccxt's TICK_SIZE precisions; fees as given, else the venue's list price."""
    what = str(unified["symbol"])
    size = positive_or_none(unified.get("contractSize"), f"{what}: contract size") or ONE
    precision, limits = unified["precision"], unified["limits"]
    step = positive_or_none(precision.get("amount"), f"{what}: step")
    least = decimal_or_none(limits["amount"].get("min"), f"{what}: least amount")
    return Market(
        step=step * size if step else None,
        tick=positive_or_none(precision.get("price"), f"{what}: tick"),
        min_amount=least * size if least is not None else None,
        min_notional=decimal_or_none(limits["cost"].get("min"), f"{what}: least notional"),
        maker=decimal(unified.get("maker"), f"{what}: maker fee") if maker is None else maker,
        taker=decimal(unified.get("taker"), f"{what}: taker fee") if taker is None else taker,
        contract_size=size,
        maintenance_rate=maintenance,
        active=unified.get("active") is True,
    )


def span_ms(timeframe: str) -> int:
    """A bar's length; raises ValueError."""
    try:
        return int(timeframe[:-1]) * _UNITS_MS[timeframe[-1:]]
    except (KeyError, ValueError) as error:
        message = f"timeframe {timeframe!r} must be like 15m, 4h, 1d or 1w"
        raise ValueError(message) from error


def bars(rows: Sequence[Sequence[Any]], timeframe: str, now_ms: int) -> NDArray[np.float64]:
    """Closed bars, oldest first, each once; raises `Malformed` on a number that is none or cannot be."""
    try:
        found = np.array([row[:BAR_COLUMNS] for row in rows], dtype=np.float64).reshape(-1, BAR_COLUMNS)
    except (TypeError, ValueError) as error:
        raise Malformed(f"candles are not rows of six numbers: {error}") from error
    if not np.isfinite(found).all() or (found[:, :5] <= 0).any() or (found[:, 5] < 0).any():
        raise Malformed("candles hold a number that is not finite, a price not above 0 or a negative volume")
    found = found[found[:, 0] + span_ms(timeframe) <= now_ms]
    _, first = np.unique(found[:, 0], return_index=True)
    closed: NDArray[np.float64] = found[first]
    return closed
