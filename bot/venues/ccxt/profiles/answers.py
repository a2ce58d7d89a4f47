"""Owns how a profile reads a venue's raw answer: rows, symbols, flags, pages. Asks nothing by itself."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeVar

import ccxt.async_support as ccxt

from bot.core.instruments import Market
from bot.core.numbers import ZERO, plain
from bot.core.snapshot import Balance
from bot.ports.errors import Malformed
from bot.venues.ccxt import errors, mapping
from bot.venues.ccxt.profiles import Quoted

PAGES_MOST = 100
LIST_NAMES = ("list", "rows", "yield")
T = TypeVar("T")
Row = Mapping[str, Any]


def rows(answer: Any, what: str) -> list[Row]:
    """A list of objects; raises `Malformed`."""
    if not isinstance(answer, list) or not all(isinstance(row, Mapping) for row in answer):
        raise Malformed(f"{what}: must be a list of objects, is {type(answer).__name__}")
    return answer


def row(answer: Any, what: str) -> Row:
    """An object; raises `Malformed`."""
    if not isinstance(answer, Mapping):
        raise Malformed(f"{what}: must be an object, is {type(answer).__name__}")
    return answer


def named(client: Any, answer: Any, *, swap: bool, name: str = "symbol") -> list[tuple[str, Row]]:
    """Rows under our symbols; what is not listed among the loaded markets (dated futures, new coins) is left out."""
    found = []
    for one in rows(answer, "answer"):
        symbol = symbol_of(client, one.get(name), swap=swap)
        if symbol is not None:
            found.append((symbol, one))
    return found


def symbol_of(client: Any, market_id: Any, *, swap: bool) -> str | None:
    """Our symbol for a venue's own, None where it is not listed on that side."""
    listed = client.markets_by_id.get(market_id, ())
    symbol = next((str(one["symbol"]) for one in listed if (one["linear"] is True) is swap), None)
    return symbol if symbol is not None and (not swap or symbol.partition(":")[2].isalnum()) else None


def flag(value: Any) -> bool | None:
    """A JSON true or false; anything else is unknown."""
    return value if isinstance(value, bool) else None


def quoted(tickers: Iterable[tuple[str, Row]], *, bid: str = "bidPrice", ask: str = "askPrice") -> list[Quoted]:
    """Best bid and ask out of rows under our symbols; a side that shows 0 has nobody."""
    return [
        Quoted(
            symbol,
            mapping.positive_or_none(one.get(bid), f"{symbol}: bid"),
            mapping.positive_or_none(one.get(ask), f"{symbol}: ask"),
        )
        for symbol, one in tickers
    ]


def spot_balance(one: Row, at: datetime) -> Balance:
    """A row of ``asset``, ``free`` and ``locked``."""
    asset = str(one["asset"])
    free = mapping.decimal(one.get("free"), f"{asset}: free")
    return Balance(
        wallet="spot", asset=asset, free=free, locked=mapping.decimal(one.get("locked"), f"{asset}: locked"), at=at
    )


def swap_balance(asset: str, one: Row, at: datetime, *, wallet: Any, free: str) -> Balance:
    """``wallet``: what the account holds without unrealised profit; ``free``: the name of what backs new positions.

    No more than the wallet is free: unrealised profit is not money yet. Raises `Malformed` for a wallet below 0.
    """
    held = mapping.decimal(wallet, f"{asset}: wallet balance")
    if held < 0:
        raise Malformed(f"the futures wallet stands at {plain(held)} {asset}")
    usable = min(max(mapping.decimal(one.get(free), f"{asset}: available"), ZERO), held)
    return Balance(wallet="futures", asset=asset, free=usable, locked=held - usable, at=at)


async def or_nothing(asked: Awaitable[dict[str, T]]) -> dict[str, T]:
    """What the venue refuses to tell is not known (the list price stands in for a fee); no answer is still an error."""
    try:
        return await asked
    except ccxt.ExchangeError:
        return {}


async def by_cursor(ask: Callable[[str | None], Awaitable[Any]], what: str) -> list[Row]:
    """Every page of a list with a ``nextPageCursor``; raises `Malformed` beyond a hundred pages."""
    found: list[Row] = []
    cursor: str | None = None
    for _ in range(PAGES_MOST):
        page = row(row(await ask(cursor), what).get("result"), what)
        found += rows(next((page[name] for name in LIST_NAMES if name in page), None), what)
        cursor = page.get("nextPageCursor") or None
        if cursor is None:
            return found
    raise Malformed(f"{what}: more than {PAGES_MOST} pages; ask from a later instant")


def loaded_markets(
    client: Any,
    fees: Mapping[str, tuple[Decimal, Decimal]],
    maintenance: Mapping[str, Decimal],
    *,
    least_notional: Decimal | None = None,
) -> dict[str, Market]:
    """Loaded spot and linear markets; one that cannot be read is left out: what is not listed is not traded.

    ``least_notional`` stands in where the venue tells none.
    """
    found: dict[str, Market] = {}
    for symbol, unified in client.markets.items():
        if not (unified.get("spot") or (unified.get("swap") and unified.get("linear"))):
            continue
        maker, taker = fees.get(symbol, (None, None))
        try:
            made = mapping.market(unified, maker=maker, taker=taker, maintenance=maintenance.get(symbol))
        except (Malformed, *errors.PARSING):
            continue
        if made.min_notional is None and least_notional is not None:
            made = made.model_copy(update={"min_notional": least_notional})
        found[symbol] = made
    return found
