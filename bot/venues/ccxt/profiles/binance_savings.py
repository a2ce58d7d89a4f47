"""Owns Binance's flexible savings (R-A19): products, subscriptions, redemptions, their history, what they paid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Literal

from bot.core.events import Event
from bot.core.numbers import milliseconds, plain
from bot.core.orders import MoveIntent
from bot.core.snapshot import Saving
from bot.ports.errors import Malformed, Rejected
from bot.venues.ccxt import mapping
from bot.venues.ccxt.profiles import Moved

STABLECOINS = ("DAI", "FDUSD", "TUSD", "USD1", "USDC", "USDT")
PAGE = 100
PAGES_MOST = 20
REWARD_DAYS = timedelta(days=30)  # what a question with a start and no end is answered for
STATES: Mapping[str, Literal["done", "pending", "failed"]] = {
    "SUCCESS": "done",
    "PAID": "done",
    "FAILED": "failed",
}


async def savings_of(client: Any) -> dict[str, Saving]:
    """The best product open for subscription of every listed stablecoin; one question each (weight 150)."""
    listed = {part for unified in client.markets.values() for part in (unified["base"], unified["quote"])}
    found: dict[str, Saving] = {}
    for asset in STABLECOINS:
        if asset in listed:
            rows = await _products(client, asset)
            if rows:
                found[asset] = max(rows, key=lambda row: row.rate)
    return found


async def _products(client: Any, asset: str) -> list[Saving]:
    """What can be bought now and sold at once."""
    answer = await client.sapiGetSimpleEarnFlexibleList({"asset": asset, "size": PAGE})
    return [
        Saving(
            product=str(row["productId"]),
            rate=mapping.decimal(row.get("latestAnnualPercentageRate"), f"{asset}: savings rate"),
            instant=row.get("canRedeem") is True,
            min=mapping.decimal(row.get("minPurchaseAmount"), f"{asset}: least subscription"),
        )
        for row in _rows(answer, f"{asset}: savings products")
        if row.get("asset") == asset and row.get("canPurchase") is True and row.get("isSoldOut") is not True
    ]


async def send(client: Any, intent: MoveIntent) -> str | None:
    """Subscribe or redeem; the venue's number, None where the answer has none.

    Which product is asked first, without a ticket, so that nothing has left when that fails. Raises `Rejected`.
    """
    amount = {"amount": plain(intent.amount)}
    if intent.to == "earn":
        products = await _products(client, intent.asset)
        if not products:
            raise Rejected(f"no flexible savings of {intent.asset} are open for subscription")
        product = max(products, key=lambda row: row.rate).product
        # Without a word Binance would from then on park all of the coin, every day, by itself.
        asked = {"productId": product, "autoSubscribe": "false", "sourceAccount": "SPOT"}
        answer = await client.sapiPostSimpleEarnFlexibleSubscribe(asked | amount)
        return _number(answer, "purchaseId")
    asked = {"productId": await _held_product(client, intent), "destAccount": "SPOT"}
    return _number(await client.sapiPostSimpleEarnFlexibleRedeem(asked | amount), "redeemId")


async def _held_product(client: Any, intent: MoveIntent) -> str:
    answer = await client.sapiGetSimpleEarnFlexiblePosition({"asset": intent.asset, "size": PAGE})
    held = [
        (mapping.decimal(row.get("totalAmount"), f"{intent.asset}: saved"), str(row["productId"]))
        for row in _rows(answer, f"{intent.asset}: savings positions")
        if row.get("asset") == intent.asset
    ]
    most, product = max(held, default=(Decimal(0), ""))
    if most < intent.amount:
        raise Rejected(f"{plain(intent.amount)} {intent.asset} are more than the {plain(most)} in one savings product")
    return product


def _number(answer: Any, name: str) -> str | None:
    said = answer.get(name) if isinstance(answer, dict) and answer.get("success") is not False else None
    return None if said is None else str(said)


async def moves_of(client: Any, *, redeemed: bool, since: datetime) -> Sequence[Moved]:
    """Subscriptions or redemptions of the last days, newest first, one page; what Binance did by itself is left out."""
    asked = {"startTime": milliseconds(since), "size": PAGE}
    if redeemed:
        answer = await client.sapiGetSimpleEarnFlexibleHistoryRedemptionRecord(asked)
    else:
        answer = await client.sapiGetSimpleEarnFlexibleHistorySubscriptionRecord(asked)
    return [
        Moved(
            str(row["redeemId" if redeemed else "purchaseId"]),
            str(row["asset"]),
            mapping.decimal(row.get("amount"), "savings amount"),
            mapping.instant(row.get("time"), "savings time"),
            STATES.get(str(row.get("status")).upper(), "pending"),
        )
        for row in _rows(answer, "savings history")
        if redeemed or row.get("type") == "NORMAL"
    ]


async def interest_of(client: Any, since: datetime) -> list[Event]:
    """What savings paid since then, in any coin. Rewards carry no number: product, coin, kind and instant name them."""
    found: dict[str, Event] = {}
    now, start = client.clock.now(), since
    while start <= now:
        for number in range(1, PAGES_MOST + 2):
            if number > PAGES_MOST:
                raise Malformed(f"interest since {start.isoformat()}: more than {PAGES_MOST} pages; ask from later")
            span = {"startTime": milliseconds(start), "endTime": milliseconds(min(start + REWARD_DAYS, now))}
            asked = {"type": "ALL", "size": PAGE, "current": number} | span
            rows = _rows(await client.sapiGetSimpleEarnFlexibleHistoryRewardsRecord(asked), "savings rewards")
            found |= {event.key: event for event in (_interest(row) for row in rows)}
            if len(rows) < PAGE:
                break
        start += REWARD_DAYS
    return list(found.values())


def _interest(row: Mapping[str, Any]) -> Event:
    asset = str(row["asset"])
    at = mapping.instant(row.get("time"), "interest time")
    key = f"binance:interest:{row.get('projectId')}:{asset}:{row.get('type')}:{milliseconds(at)}"
    amount = mapping.decimal(row.get("rewards"), "interest")
    return Event(key, at, "flow", {"asset": asset, "amount": plain(amount), "kind": "interest"})


def _rows(answer: Any, what: str) -> list[Mapping[str, Any]]:
    rows = answer.get("rows") if isinstance(answer, dict) else None
    if rows is None and isinstance(answer, dict) and answer.get("total") in (0, "0"):
        return []
    if not isinstance(rows, list):
        raise Malformed(f"{what}: the answer has no rows")
    return rows
