"""Owns MEXC's money movements as events and moves, and the trades of its perpetuals, each read page by page."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Literal

from bot.core.events import Event
from bot.core.numbers import ZERO, from_milliseconds, milliseconds, plain
from bot.ports.errors import Malformed, Rejected
from bot.venues.ccxt import mapping
from bot.venues.ccxt.profiles import Moved, answers

PAGE = 100
PAGES_MOST = 40
DEALS_WINDOW_MS = int(timedelta(days=90) / timedelta(milliseconds=1)) - 1
DEPOSITED, WITHDRAWN = "5", "7"
ACCOUNTS = {"spot": "SPOT", "futures": "FUTURES"}
STATES: Mapping[str, Literal["done", "pending", "failed"]] = {"SUCCESS": "done", "FAILED": "failed"}
Rows = list[Mapping[str, Any]]


async def flows_of(client: Any, since: datetime, *, swap: bool) -> list[Event]:
    """Oldest first. Keys hold the venue's own numbers, so that reading twice is recording once."""
    found: list[Event] = []
    if swap:
        found += await _funding(client, since)
        for source, to in (("spot", "futures"), ("futures", "spot")):
            for moved in await moves_of(client, source, to, since):
                body = {"asset": moved.asset, "amount": plain(moved.amount), "kind": "transfer"}
                if moved.state == "done":
                    found.append(Event(f"mexc:transfer:{moved.venue_id}", moved.at, "flow", body))
    found += await _chain(client, since)
    return sorted((event for event in found if event.at >= since), key=lambda event: (event.at, event.key))


async def moves_of(client: Any, source: str, to: str, since: datetime) -> Sequence[Moved]:
    """GET capital/transfer of one direction."""
    if {source, to} != set(ACCOUNTS):
        raise Rejected(f"money is moved between spot and futures here, not from {source} to {to}")
    asked = {"fromAccountType": ACCOUNTS[source], "toAccountType": ACCOUNTS[to], "startTime": milliseconds(since)}

    async def ask(page: int) -> Rows:
        answer = await client.spotPrivateGetCapitalTransfer({**asked, "page": page, "size": PAGE})
        return answers.rows(answers.row(answer, "transfers").get("rows") or [], "transfers")

    return [
        Moved(
            str(row["tranId"]),
            str(row["asset"]),
            mapping.decimal(row.get("amount"), "transfer amount"),
            mapping.instant(row.get("timestamp"), "transfer time"),
            STATES.get(str(row.get("status")).upper(), "pending"),
        )
        for row in await _pages(ask, "transfers")
    ]


async def deals(client: Any, symbol: str, since_ms: int) -> list[Any]:
    """GET order_deals, ninety days at a time."""
    market = client.market(symbol)
    found: list[Any] = []
    start_ms, now_ms = since_ms, client.milliseconds()
    while start_ms <= now_ms:
        span = {"start_time": start_ms, "end_time": min(start_ms + DEALS_WINDOW_MS, now_ms)}

        async def ask(page: int, span: Mapping[str, int] = span) -> Rows:
            asked = {"symbol": market["id"], "page_num": page, "page_size": PAGE, **span}
            answer = await client.contractPrivateGetOrderListOrderDeals(asked)
            return answers.rows(answers.row(answer, "fills").get("data") or [], "fills")

        found += [client.parse_trade(row, market) for row in await _pages(ask, f"fills {symbol}")]
        start_ms += DEALS_WINDOW_MS + 1
    return found


async def settled(client: Any, symbol: str, since_ms: int, page_size: int) -> list[tuple[int, Decimal]]:
    """What a perpetual settled at from ``since_ms`` on, oldest first."""
    what = f"funding history {symbol}"

    async def ask(page: int) -> Rows:
        asked = {"symbol": client.market(symbol)["id"], "page_num": page, "page_size": page_size}
        data = answers.row(answers.row(await client.contractPublicGetFundingRateHistory(asked), what).get("data"), what)
        return answers.rows(data.get("resultList") or [], what)

    rows = await _pages(ask, what, until=lambda row: int(row["settleTime"]) < since_ms)
    found = [(int(row["settleTime"]), mapping.decimal(row.get("fundingRate"), what)) for row in rows]
    return sorted(one for one in found if one[0] >= since_ms)


async def _funding(client: Any, since: datetime) -> list[Event]:
    """GET funding_records, newest first; below 0 was paid by us."""

    async def ask(page: int) -> Rows:
        answer = await client.contractPrivateGetPositionFundingRecords({"page_num": page, "page_size": PAGE})
        data = answers.row(answers.row(answer, "funding").get("data"), "funding")
        return answers.rows(data.get("resultList") or [], "funding")

    found = []
    rows = await _pages(ask, "funding", until=lambda row: int(row["settleTime"]) < milliseconds(since))
    for symbol, row in answers.named(client, rows, swap=True):
        what = f"funding {row.get('id')}"
        paid = -mapping.decimal(row.get("funding"), what)
        at = mapping.instant(row.get("settleTime"), what)
        found.append(Event(f"mexc:funding:{row['id']}", at, "funding", {"symbol": symbol, "paid": plain(paid)}))
    return found


async def _chain(client: Any, since: datetime) -> list[Event]:
    """Deposits and withdrawals."""
    asked = {"startTime": milliseconds(since), "limit": 1000}
    found = []
    for row in answers.rows(await client.spotPrivateGetCapitalDepositHisrec(asked), "deposits"):
        if str(row.get("status")) == DEPOSITED:
            at, amount = (
                mapping.instant(row.get("insertTime"), "deposit"),
                mapping.decimal(row.get("amount"), "deposit"),
            )
            body = {"asset": str(row["coin"]), "amount": plain(amount), "kind": "deposit"}
            found.append(Event(f"mexc:deposit:{row['txId']}", at, "flow", body))
    for row in answers.rows(await client.spotPrivateGetCapitalWithdrawHistory(asked), "withdrawals"):
        if str(row.get("status")) == WITHDRAWN:
            said = row.get("applyTime")
            at = from_milliseconds(int(str(said))) if str(said).isdecimal() else mapping.utc(said, "withdrawal time")
            fee = mapping.decimal_or_none(row.get("transactionFee"), "withdrawal fee") or ZERO
            amount = mapping.decimal(row.get("amount"), "withdrawal") + fee
            body = {"asset": str(row["coin"]), "amount": plain(-amount), "kind": "withdrawal"}
            found.append(Event(f"mexc:withdrawal:{row['id']}", at, "flow", body))
    return found


async def _pages(
    ask: Callable[[int], Awaitable[Rows]], what: str, until: Callable[[Mapping[str, Any]], bool] | None = None
) -> Rows:
    """Pages numbered from 1, until a short one or one that reaches ``until``; raises `Malformed` beyond forty."""
    found: Rows = []
    for number in range(1, PAGES_MOST + 1):
        rows = await ask(number)
        found += rows
        if len(rows) < PAGE or (until is not None and until(rows[-1])):
            return found
    raise Malformed(f"{what}: more than {PAGES_MOST} pages; ask from later")
