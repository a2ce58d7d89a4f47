"""The real ccxt client's implicit methods against the local exchange's flexible savings."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import ccxt.async_support as ccxt
import pytest

from bot.core.numbers import milliseconds
from bot.local_exchange.server import LocalExchange
from tests.unit.local_exchange.still_scene import START, SetClock, an_exchange
from tests.wire.bench import KEYS, Client

pytestmark = pytest.mark.asyncio
PRODUCT = "USDT001"
DAY = timedelta(days=1)
STEP = timedelta(seconds=3)


@dataclass
class Desk:
    client: Client
    clock: SetClock
    saved: list[bytes]

    async def put(self, amount: str, **more: Any) -> Any:
        asked = {"productId": PRODUCT, "amount": amount, **more}
        return await self.client.sapiPostSimpleEarnFlexibleSubscribe(asked)

    async def take(self, amount: str | None = None, **more: Any) -> Any:
        asked = {"productId": PRODUCT} | ({"amount": amount} if amount else {}) | more
        return await self.client.sapiPostSimpleEarnFlexibleRedeem(asked)

    async def coins(self) -> dict[str, str]:
        rows = (await self.client.private_get_account())["balances"]
        return {row["asset"]: row["free"] for row in rows}


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    clock, saved = SetClock(), []

    async def save(state: bytes) -> None:
        saved.append(state)

    server = LocalExchange(an_exchange(), clock, key=KEYS.key, secret=KEYS.secret, save=save)
    client = Client(await server.start(), clock)
    try:
        yield Desk(client, clock, saved)
    finally:
        await client.close()
        await server.stop()


async def test_one_flexible_product_is_offered_for_the_stablecoin(desk: Desk) -> None:
    listed = await desk.client.sapiGetSimpleEarnFlexibleList({"asset": "USDT"})
    (row,) = listed["rows"]
    assert listed["total"] == 1
    assert row["productId"] == PRODUCT
    assert row["latestAnnualPercentageRate"] == "0.03000000"
    assert row["minPurchaseAmount"] == "0.10000000"
    assert (row["canPurchase"], row["canRedeem"], row["isSoldOut"]) == (True, True, False)
    assert (await desk.client.sapiGetSimpleEarnFlexibleList({"asset": "BTC"})) == {"rows": [], "total": 0}


async def test_what_is_subscribed_becomes_ld_coins_and_what_is_redeemed_comes_back(desk: Desk) -> None:
    bought = await desk.put("1000.5", autoSubscribe="false")
    assert bought == {"purchaseId": bought["purchaseId"], "success": True}
    assert await desk.coins() == {"BTC": "0.6", "LDUSDT": "1000.5", "USDT": "38999.5"}
    (position,) = (await desk.client.sapiGetSimpleEarnFlexiblePosition({"asset": "USDT"}))["rows"]
    assert (position["totalAmount"], position["productId"], position["autoSubscribe"]) == (
        "1000.50000000",
        PRODUCT,
        False,
    )
    left = await desk.client.sapiGetSimpleEarnFlexiblePersonalLeftQuota({"productId": PRODUCT})
    assert left == {"leftPersonalQuota": "9998999.50000000"}
    assert (await desk.take("0.5"))["success"] is True
    assert (await desk.coins())["LDUSDT"] == "1000"
    desk.clock.at += STEP
    assert (await desk.take(redeemAll="true"))["success"] is True
    assert await desk.coins() == {"BTC": "0.6", "USDT": "40000"}
    assert (await desk.client.sapiGetSimpleEarnFlexiblePosition())["total"] == 0


async def test_ld_coins_are_a_balance_of_their_own_to_the_client(desk: Desk) -> None:
    await desk.put("250")
    balance = await desk.client.fetch_balance()
    assert (balance["LDUSDT"]["free"], balance["USDT"]["free"]) == (250, 39_750)


async def test_both_histories_prove_what_was_done_and_find_it_by_number(desk: Desk) -> None:
    bought = await desk.put("100")
    desk.clock.at += STEP
    await desk.put("200")
    sold = await desk.take("50")
    rows = (await desk.client.sapiGetSimpleEarnFlexibleHistorySubscriptionRecord({"asset": "USDT"}))["rows"]
    assert [row["amount"] for row in rows] == ["200.00000000", "100.00000000"]
    found = await desk.client.sapiGetSimpleEarnFlexibleHistorySubscriptionRecord({"purchaseId": bought["purchaseId"]})
    assert found == {
        "rows": [
            {
                "amount": "100.00000000",
                "asset": "USDT",
                "time": milliseconds(START),
                "purchaseId": bought["purchaseId"],
                "productId": PRODUCT,
                "type": "NORMAL",
                "sourceAccount": "SPOT",
                "status": "SUCCESS",
            }
        ],
        "total": 1,
    }
    assert await desk.client.sapiGetSimpleEarnFlexibleHistoryRedemptionRecord({"productId": PRODUCT}) == {
        "rows": [
            {
                "amount": "50.00000000",
                "asset": "USDT",
                "time": milliseconds(START + STEP),
                "projectId": PRODUCT,
                "redeemId": sold["redeemId"],
                "destAccount": "SPOT",
                "status": "PAID",
            }
        ],
        "total": 1,
    }
    assert (await desk.client.sapiGetAssetTransfer({"type": "MAIN_UMFUTURE"}))["total"] == 0


async def test_histories_show_thirty_days_and_pages(desk: Desk) -> None:
    for amount in ("1", "2", "3"):
        await desk.put(amount)
        desk.clock.at += STEP
    ask = desk.client.sapiGetSimpleEarnFlexibleHistorySubscriptionRecord
    second = await ask({"size": 1, "current": 2})
    assert ([row["amount"] for row in second["rows"]], second["total"]) == (["2.00000000"], 3)
    from_second = await ask({"startTime": milliseconds(START + STEP)})
    assert [row["amount"] for row in from_second["rows"]] == ["3.00000000", "2.00000000"]
    desk.clock.at = START + 40 * DAY
    assert (await ask())["total"] == 0
    assert (await ask({"startTime": milliseconds(START)}))["total"] == 3
    assert (await ask({"endTime": milliseconds(START)}))["total"] == 1
    with pytest.raises(ccxt.ExchangeError, match="-1127"):
        await ask({"startTime": milliseconds(START), "endTime": milliseconds(START + 91 * DAY)})


async def test_interest_is_paid_at_midnight_and_listed_as_a_reward(desk: Desk) -> None:
    await desk.put("3650")
    desk.clock.at = START + 2 * DAY
    (position,) = (await desk.client.sapiGetSimpleEarnFlexiblePosition())["rows"]
    assert position["totalAmount"] == "3650.60002465"
    assert position["cumulativeTotalRewards"] == "0.60002465"
    assert position["yesterdayRealTimeRewards"] == "0.30002465"
    rows = (await desk.client.sapiGetSimpleEarnFlexibleHistoryRewardsRecord({"type": "REALTIME"}))["rows"]
    assert [(row["rewards"], row["time"]) for row in rows] == [
        ("0.30002465", milliseconds(START + 2 * DAY)),
        ("0.3", milliseconds(START + DAY)),
    ]
    assert (await desk.client.sapiGetSimpleEarnFlexibleHistoryRewardsRecord({"type": "BONUS"}))["total"] == 0
    assert await desk.client.fapiPrivateGetIncome() == []


async def test_refusals_are_binances_own_and_move_nothing(desk: Desk) -> None:
    for error, code, said in (
        (ccxt.BadSymbol, "-6001", desk.put("1", productId="BTC001")),
        (ccxt.BadRequest, "-6005", desk.put("0.09")),
        (ccxt.InsufficientFunds, "-6012", desk.put("40000.01")),
        (ccxt.InsufficientFunds, "-6012", desk.put("1", sourceAccount="FUND")),
        (ccxt.InsufficientFunds, "-6018", desk.take("1")),
        (ccxt.BadRequest, "-6006", desk.take(redeemAll="true")),
        (ccxt.BadRequest, "-1102", desk.take()),
        (ccxt.BadRequest, "-1130", desk.take("1", destAccount="ATTIC")),
        (ccxt.BadRequest, "-1130", desk.put("1.123456789")),
    ):
        with pytest.raises(error, match=code):
            await said
    assert await desk.coins() == {"BTC": "0.6", "USDT": "40000"}


async def test_the_same_direction_waits_three_seconds(desk: Desk) -> None:
    await desk.put("1")
    with pytest.raises(ccxt.RateLimitExceeded, match="-6009"):
        await desk.put("1")
    await desk.take("1")
    desk.clock.at += STEP
    await desk.put("2")
    assert (await desk.coins())["LDUSDT"] == "2"


async def test_a_subscription_is_kept_before_it_is_answered(desk: Desk) -> None:
    await desk.put("77")
    assert b'"earning":{"USDT":["77"' in desk.saved[-1]
