"""Owns Bybit's money movements as events: funding, the funding account's transfers, interest; and its executions."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from bot.core.events import Event
from bot.core.numbers import milliseconds, plain
from bot.venues.ccxt import mapping
from bot.venues.ccxt.profiles import answers, bybit_savings

WEEK_MS = int(timedelta(days=7) / timedelta(milliseconds=1))
PAGE = "100"
TRANSFER_PAGE = "50"


async def flows_of(client: Any, since: datetime, *, swap: bool) -> list[Event]:
    """Oldest first. Keys hold the venue's own numbers, so that reading twice is recording once."""
    found = await _funding(client, since) if swap else []
    found += await _transfers(client, since)
    found += await bybit_savings.interest_of(client, since)
    return sorted((event for event in found if event.at >= since), key=lambda event: (event.at, event.key))


async def executions(client: Any, asked: Mapping[str, str], since_ms: int) -> list[Mapping[str, Any]]:
    """GET execution/list, newest first within a week; every week from then until now, every page of each."""
    found: list[Mapping[str, Any]] = []
    start_ms, now_ms = since_ms, client.milliseconds()
    while start_ms <= now_ms:
        span = {"startTime": str(start_ms), "endTime": str(min(start_ms + WEEK_MS, now_ms)), "limit": PAGE}

        async def ask(cursor: str | None, span: Mapping[str, str] = span) -> Any:
            return await client.privateGetV5ExecutionList({**asked, **span, **({"cursor": cursor} if cursor else {})})

        found += await answers.by_cursor(ask, "executions")
        start_ms += WEEK_MS
    return found


async def _funding(client: Any, since: datetime) -> list[Event]:
    """Executions of the kind Funding: their fee is positive where we paid."""
    rows = await executions(client, {"category": "linear", "execType": "Funding"}, milliseconds(since))
    found = {}
    for symbol, row in answers.named(client, rows, swap=True):
        what = f"funding {row.get('execId')}"
        paid = mapping.decimal(row.get("execFee"), what)
        key = f"bybit:funding:{row['execId']}"
        found[key] = Event(
            key, mapping.instant(row.get("execTime"), what), "funding", {"symbol": symbol, "paid": plain(paid)}
        )
    return list(found.values())


async def _transfers(client: Any, since: datetime) -> list[Event]:
    """What came into the unified account is a deposit, what left it a withdrawal, wherever it came from or went."""

    async def ask(cursor: str | None) -> Any:
        asked = {"startTime": str(milliseconds(since)), "limit": TRANSFER_PAGE, "status": "SUCCESS"}
        return await client.privateGetV5AssetTransferQueryInterTransferList(
            {**asked, **({"cursor": cursor} if cursor else {})}
        )

    found = []
    for row in await answers.by_cursor(ask, "transfers"):
        came, went = row.get("toAccountType") == "UNIFIED", row.get("fromAccountType") == "UNIFIED"
        if came is went:
            continue
        what = f"transfer {row.get('transferId')}"
        amount = mapping.decimal(row.get("amount"), what)
        body = {
            "asset": str(row["coin"]),
            "amount": plain(amount if came else -amount),
            "kind": "deposit" if came else "withdrawal",
        }
        at = mapping.instant(row.get("timestamp"), what)
        found.append(Event(f"bybit:transfer:{row['transferId']}", at, "flow", body))
    return found
