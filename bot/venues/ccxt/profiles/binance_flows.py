"""Owns Binance's money movements as events: funding, flows, transfers, interest, insurance clearances."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import ccxt.async_support as ccxt

from bot.core.events import Event
from bot.core.numbers import milliseconds, plain
from bot.ports.errors import Malformed
from bot.venues.ccxt import mapping
from bot.venues.ccxt.profiles import binance_savings

PAGE = 1_000
PAGES_MOST = 20
DEPOSIT_DONE = frozenset({1, 6})  # credited; credited but not to be withdrawn yet
WITHDRAWAL_DONE = 6
INCOME_FLOWS: Mapping[str, str] = {"INSURANCE_CLEAR": "other", "TRANSFER": "transfer", "WELCOME_BONUS": "other"}


async def flows_of(client: Any, since: datetime, *, swap: bool, sapi: bool) -> list[Event]:
    """Oldest first. Keys hold the venue's own numbers, so that reading twice is recording once."""
    found = await _income(client, since) if swap else []
    if sapi:
        found += await _deposits(client, since)
        found += await _withdrawals(client, since)
        found += await _interest(client, since)
    return sorted((event for event in found if event.at >= since), key=lambda event: (event.at, event.key))


async def _income(client: Any, since: datetime) -> list[Event]:
    """Pages by time; a page's last instant is asked again, since several payments share it."""
    found: dict[str, Event] = {}
    start_ms = milliseconds(since)
    for _ in range(PAGES_MOST):
        rows = await client.fapiPrivateGetIncome({"startTime": start_ms, "limit": PAGE})
        if not isinstance(rows, list):
            raise Malformed("income: must be a list")
        found |= {event.key: event for event in (_income_event(client, row) for row in rows) if event is not None}
        last_ms = int(rows[-1]["time"]) if rows else start_ms
        if len(rows) < PAGE:
            return list(found.values())
        # A whole page of one instant would never end: step over it.
        start_ms = last_ms if last_ms > start_ms else last_ms + 1
    raise Malformed(f"income since {since.isoformat()}: more than {PAGES_MOST * PAGE} rows; ask from a later instant")


def _income_event(client: Any, row: Mapping[str, Any]) -> Event | None:
    kind, what = str(row["incomeType"]), f"income {row.get('tranId')}"
    at, amount = mapping.instant(row.get("time"), what), mapping.decimal(row.get("income"), what)
    key = f"binance:income:{kind}:{row['tranId']}:{row.get('symbol') or row['asset']}"
    if kind == "FUNDING_FEE":
        listed = client.markets_by_id.get(row["symbol"], ())
        symbol = next((str(one["symbol"]) for one in listed if one["linear"]), None)
        # Binance's income is negative where it was paid; ours counts what we paid.
        return Event(key, at, "funding", {"symbol": symbol, "paid": plain(-amount)}) if symbol else None
    if kind not in INCOME_FLOWS:
        return None
    moved = abs(amount) if kind == "TRANSFER" else amount
    return Event(key, at, "flow", {"asset": str(row["asset"]), "amount": plain(moved), "kind": INCOME_FLOWS[kind]})


async def _interest(client: Any, since: datetime) -> list[Event]:
    """What savings paid; an account that may have none (some countries' may not) is paid nothing."""
    try:
        return await binance_savings.interest_of(client, since)
    except (ccxt.PermissionDenied, ccxt.BadSymbol):
        return []


async def _deposits(client: Any, since: datetime) -> list[Event]:
    rows = await client.sapiGetCapitalDepositHisrec({"startTime": milliseconds(since), "limit": PAGE})
    if len(rows) >= PAGE:
        raise Malformed(f"deposits since {since.isoformat()}: {PAGE} or more; ask from a later instant")
    return [
        _flow(f"binance:deposit:{row['id']}", mapping.instant(row.get("insertTime"), "deposit"), row, "deposit", 1)
        for row in rows
        if row.get("status") in DEPOSIT_DONE
    ]


async def _withdrawals(client: Any, since: datetime) -> list[Event]:
    rows = await client.sapiGetCapitalWithdrawHistory({"startTime": milliseconds(since), "limit": PAGE})
    if len(rows) >= PAGE:
        raise Malformed(f"withdrawals since {since.isoformat()}: {PAGE} or more; ask from a later instant")
    found = []
    for row in rows:
        if row.get("status") != WITHDRAWAL_DONE:
            continue
        at = datetime.strptime(str(row["applyTime"]), "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
        found.append(_flow(f"binance:withdrawal:{row['id']}", at, row, "withdrawal", -1))
    return found


def _flow(key: str, at: datetime, row: Mapping[str, Any], kind: str, sign: int) -> Event:
    amount = mapping.decimal(row.get("amount"), kind)
    if kind == "withdrawal":
        amount += mapping.decimal_or_none(row.get("transactionFee"), "withdrawal fee") or 0
    return Event(key, at, "flow", {"asset": str(row["coin"]), "amount": plain(sign * amount), "kind": kind})
