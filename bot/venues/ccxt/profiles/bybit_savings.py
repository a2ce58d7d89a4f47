"""Owns Bybit's flexible savings (R-A19): products, what lies in them, stakes and redemptions, what they paid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Literal

import ccxt.async_support as ccxt

from bot.core.events import Event
from bot.core.numbers import milliseconds, plain
from bot.core.orders import MoveIntent
from bot.core.snapshot import Balance, Saving
from bot.ports.errors import Rejected
from bot.venues.ccxt import mapping
from bot.venues.ccxt.profiles import Moved, answers
from bot.venues.ccxt.profiles.binance_savings import STABLECOINS

CATEGORY = {"category": "FlexibleSaving"}
PERCENT = Decimal(100)
SPAN = timedelta(days=7)
PAGE = "100"
STATES: Mapping[str, Literal["done", "pending", "failed"]] = {
    "SUCCESS": "done",
    "FAIL": "failed",
    "PENDING": "pending",
}


def _rows(answer: Any, what: str) -> list[Mapping[str, Any]]:
    return answers.rows(answers.row(answers.row(answer, what).get("result"), what).get("list"), what)


async def _products(client: Any, asset: str | None = None) -> list[tuple[str, Saving]]:
    asked = CATEGORY | ({"coin": asset} if asset else {})
    rows = _rows(await client.publicGetV5EarnProduct(asked), "savings products")
    return [
        (
            str(row["coin"]),
            Saving(
                product=str(row["productId"]),
                rate=mapping.decimal(str(row.get("estimateApr", "")).rstrip("%"), "savings rate") / PERCENT,
                instant=str(row.get("redeemProcessingMinute", "0")) == "0",
                min=mapping.decimal_or_none(row.get("minStakeAmount"), "least stake") or Decimal(0),
            ),
        )
        for row in rows
        if row.get("status") == "Available" and row.get("coin") in STABLECOINS
    ]


async def savings_of(client: Any) -> dict[str, Saving]:
    """The best product open for staking of every stablecoin, one question."""
    found: dict[str, Saving] = {}
    for asset, saving in await _products(client):
        if asset not in found or saving.rate > found[asset].rate:
            found[asset] = saving
    return found


async def saved(client: Any) -> list[Balance]:
    """What lies in savings. A key that may not see them cannot park either: they are not asked for again."""
    try:
        rows = _rows(await client.privateGetV5EarnPosition(CATEGORY), "savings")
    except ccxt.PermissionDenied:
        client.earns = False
        return []
    found: dict[str, Decimal] = {}
    for row in rows:
        asset = str(row["coin"])
        found[asset] = found.get(asset, Decimal(0)) + mapping.decimal(row.get("amount"), f"{asset}: saved")
    at = client.clock.now()
    return [Balance(wallet="earn", asset=asset, free=amount, at=at) for asset, amount in found.items()]


async def send(client: Any, intent: MoveIntent) -> str | None:
    """Stake or redeem under our own id; which product is asked first. Raises `Rejected`."""
    stake = intent.to == "earn"
    order = {
        **CATEGORY,
        "orderType": "Stake" if stake else "Redeem",
        "accountType": "UNIFIED",
        "amount": plain(intent.amount),
        "coin": intent.asset,
        "productId": await (_best(client, intent.asset) if stake else _held(client, intent)),
        "orderLinkId": intent.client_id,
    }
    answer = answers.row((await client.privatePostV5EarnPlaceOrder(order)).get("result"), "savings order")
    return str(answer["orderId"]) if answer.get("orderId") else None


async def _best(client: Any, asset: str) -> str:
    products = [saving for coin, saving in await _products(client, asset) if coin == asset]
    if not products:
        raise Rejected(f"no flexible savings of {asset} are open for staking")
    return max(products, key=lambda saving: saving.rate).product


async def _held(client: Any, intent: MoveIntent) -> str:
    rows = _rows(await client.privateGetV5EarnPosition({**CATEGORY, "coin": intent.asset}), "savings")
    held = [(mapping.decimal(row.get("amount"), "saved"), str(row["productId"])) for row in rows]
    most, product = max(held, default=(Decimal(0), ""))
    if most < intent.amount:
        raise Rejected(f"{plain(intent.amount)} {intent.asset} are more than the {plain(most)} in one savings product")
    return product


async def moves_of(client: Any, *, redeemed: bool, since: datetime) -> Sequence[Moved]:
    """GET earn/order since then: stakes or redemptions."""
    now = client.clock.now()
    wanted = "Redeem" if redeemed else "Stake"

    async def ask(cursor: str | None) -> Any:
        span = {
            "startTime": str(milliseconds(max(since, now - SPAN))),
            "endTime": str(milliseconds(now)),
            "limit": PAGE,
        }
        return await client.privateGetV5EarnOrder({**CATEGORY, **span, **({"cursor": cursor} if cursor else {})})

    return [
        Moved(
            str(row["orderId"]),
            str(row["coin"]),
            mapping.decimal(row.get("orderValue"), "savings amount"),
            mapping.instant(row.get("createdAt"), "savings time"),
            STATES.get(str(row.get("status")).upper(), "pending"),
            row.get("orderLinkId") or None,
        )
        for row in await answers.by_cursor(ask, "savings orders")
        if row.get("orderType") == wanted
    ]


async def interest_of(client: Any, since: datetime) -> list[Event]:
    """GET earn/yield, week by week: what savings paid."""
    found: dict[str, Event] = {}
    now, start = client.clock.now(), since
    while client.earns and start <= now:
        span = {"startTime": str(milliseconds(start)), "endTime": str(milliseconds(min(start + SPAN, now)))}

        async def ask(cursor: str | None, span: Mapping[str, str] = span) -> Any:
            more = {"cursor": cursor} if cursor else {}
            return await client.privateGetV5EarnYield({**CATEGORY, **span, "limit": PAGE, **more})

        try:
            rows = await answers.by_cursor(ask, "interest")
        except ccxt.PermissionDenied:
            client.earns = False
            break
        for row in rows:
            amount = mapping.decimal(row.get("amount"), "interest")
            at = mapping.instant(row.get("createdAt"), "interest time")
            key = f"bybit:interest:{row['id']}"
            body = {"asset": str(row["coin"]), "amount": plain(amount), "kind": "interest"}
            found[key] = Event(key, at, "flow", body)
        start += SPAN
    return list(found.values())
