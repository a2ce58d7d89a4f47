"""The local exchange in Bybit's dialect: who may come in, how often, one wallet, its settings, savings and flows."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import aiohttp
import ccxt.async_support as ccxt
import pytest

from bot.core.numbers import milliseconds
from bot.local_exchange.app import Terms
from bot.local_exchange.bybit.limits import Budget
from tests.unit.local_exchange.still_scene import SPOT, START, SWAP
from tests.wire import bench as binance
from tests.wire.bench import HOUR, KEYS
from tests.wire.bybit_bench import Bench, Client, a_bench

pytestmark = pytest.mark.asyncio
D = Decimal


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    async with a_bench() as made:
        await made.client.load_markets()
        yield made


# ---- who may come in


async def test_a_wrong_key_a_wrong_secret_and_a_wrong_time_are_refused(bench: Bench) -> None:
    cases: list[tuple[dict[str, Any], type[Exception], str]] = [
        ({"apiKey": "z" * 64}, ccxt.AuthenticationError, "10003"),
        ({"secret": "z" * 64}, ccxt.AuthenticationError, "10004"),
    ]
    for more, error, code in cases:
        stranger = Client(bench.url, bench.clock, **more)
        with pytest.raises(error, match=code):
            await stranger.fetch_balance()
        await stranger.close()
    late = Client(bench.url, type(bench.clock)(START - timedelta(seconds=6)))
    with pytest.raises(ccxt.InvalidNonce, match=r"10002.*recv_window\[5000\]"):
        await late.fetch_balance()
    await late.close()


async def test_a_body_that_was_changed_under_way_is_refused(bench: Bench) -> None:
    body = b'{"category":"spot","symbol":"BTCUSDT","side":"Buy","orderType":"Market","qty":"1000"}'
    asked = bench.client.sign("v5/order/create", ["private"], "POST", {"category": "spot"})
    async with aiohttp.ClientSession() as line, line.post(asked["url"], data=body, headers=asked["headers"]) as answer:
        assert (await answer.json())["retCode"] == 10004
    assert bench.exchange.order_requests == 0


async def test_each_kind_of_account_is_reached_in_its_own_dialect_only(bench: Bench) -> None:
    other = binance.Client(bench.url, bench.clock)
    assert (await other.fetch_ticker(SPOT))["last"] == 50_000
    with pytest.raises(ccxt.AuthenticationError, match="--venue binance"):
        await other.fetch_balance()
    await other.close()
    async with a_bench(Terms()) as separate:
        assert (await separate.client.fetch_ticker(SPOT))["last"] == 50_000
        with pytest.raises(ccxt.AuthenticationError, match="--venue bybit"):
            await separate.client.fetch_balance()


async def test_the_key_trades_and_never_withdraws(bench: Bench) -> None:
    said = (await bench.client.private_get_v5_user_query_api())["result"]
    assert (said["readOnly"], said["uta"], said["apiKey"]) == (0, 1, KEYS.key)
    assert said["permissions"]["Wallet"] == ["AccountTransfer"]
    assert (await bench.client.private_get_v5_account_info())["result"]["unifiedMarginStatus"] == 6


async def test_who_asks_too_often_is_told_when_to_come_back_and_an_address_is_shut_out() -> None:
    async with a_bench(Terms(unified=True, v5=Budget(address_1m=8))) as bench:
        for _ in range(6):
            assert (await bench.ask("/v5/account/info"))["retCode"] == 0
        await bench.client.public_get_v5_market_time()
        await bench.client.public_get_v5_market_time()
        with pytest.raises(ccxt.BaseError, match="10018"):
            await bench.client.public_get_v5_market_time()
        bench.clock.at = START + timedelta(minutes=1)
        assert (await bench.ask("/v5/account/info"))["retCode"] == 0
    async with a_bench() as bench:
        for _ in range(50):
            assert (await bench.ask("/v5/user/query-api"))["retCode"] == 0
        assert (await bench.ask("/v5/user/query-api"))["retCode"] == 10006
        bench.clock.at = START + timedelta(seconds=5)
        assert (await bench.ask("/v5/user/query-api"))["retCode"] == 0


# ---- one wallet


async def test_one_wallet_pays_for_spot_and_stands_behind_perpetuals(bench: Bench) -> None:
    await bench.client.set_leverage(1, SWAP)
    await bench.client.create_order(SWAP, "market", "sell", 0.4, params={"clientOrderId": "b-1"})
    wallet = (await bench.client.fetch_balance())["USDT"]
    assert wallet["used"] == 20_000
    assert 19_970 < wallet["free"] < 20_000
    with pytest.raises(ccxt.InsufficientFunds, match="170131"):
        await bench.client.create_order(SPOT, "limit", "buy", 0.42, 49_000)
    await bench.client.create_order(SPOT, "limit", "buy", 0.4, 49_000, {"clientOrderId": "b-2"})
    wallet = (await bench.client.fetch_balance())["USDT"]
    assert wallet["used"] == 39_600
    with pytest.raises(ccxt.InsufficientFunds, match="110007"):
        await bench.client.create_order(SWAP, "market", "sell", 0.02)
    await bench.client.cancel_order(None, SPOT, {"orderLinkId": "b-2"})
    await bench.client.create_order(SWAP, "market", "sell", 0.02)


async def test_equity_moves_with_the_mark_and_the_wallet_does_not(bench: Bench) -> None:
    await bench.client.create_order(SWAP, "market", "buy", 0.1)
    before = (await bench.client.fetch_balance())["USDT"]["total"]
    bench.scene.moves[START + HOUR] = D(51_000)
    bench.clock.at = START + HOUR
    account = (await bench.ask("/v5/account/wallet-balance", "accountType=UNIFIED&coin=USDT"))["result"]["list"][0]
    (coin,) = account["coin"]
    assert float(coin["walletBalance"]) == before
    assert float(coin["equity"]) == pytest.approx(before + 99.99)
    assert (coin["unrealisedPnl"], account["totalPerpUPL"]) == ("99.99000000", "99.99000000")
    assert float(account["totalEquity"]) == pytest.approx(before + 99.99 + 0.6 * 51_000)


async def test_profit_of_spot_keeps_a_position_alive(bench: Bench) -> None:
    """At leverage 20 a short of 1.2 BTC has 40,000 behind it; sold coins are margin from the next request on."""
    await bench.client.create_order(SWAP, "market", "sell", 1.2)
    await bench.client.create_order(SPOT, "market", "sell", 0.6)
    (held,) = await bench.client.fetch_positions()
    bench.scene.moves[START + HOUR] = D(100_000)
    bench.clock.at = START + 2 * HOUR
    assert held["liquidationPrice"] > 100_000
    assert [row["side"] for row in await bench.client.fetch_positions()] == ["short"]
    bench.scene.moves[START + 3 * HOUR] = D(115_000)
    bench.clock.at = START + 4 * HOUR
    assert await bench.client.fetch_positions() == []
    assert (await bench.client.fetch_balance())["USDT"]["total"] >= 0


async def test_moves_between_the_engines_wallets_are_told_to_nobody(bench: Bench) -> None:
    await bench.client.create_order(SWAP, "market", "sell", 0.1)
    await bench.client.create_order(SPOT, "market", "buy", 0.1)
    assert bench.exchange.transfers()
    assert (await bench.ask("/v5/asset/transfer/query-inter-transfer-list"))["result"]["list"] == []
    assert (await bench.ask("/v5/earn/order", "category=FlexibleSaving"))["result"]["list"] == []


# ---- settings


async def test_leverage_is_set_read_back_and_setting_it_again_is_no_change(bench: Bench) -> None:
    await bench.client.set_leverage(3, SWAP)
    assert (await bench.client.fetch_leverage(SWAP))["longLeverage"] == 3
    with pytest.raises(ccxt.BadRequest, match="110043"):
        await bench.client.set_leverage(3, SWAP)
    raw = {"category": "linear", "symbol": "BTCUSDT"}
    for buys, sells in (("3", "4"), ("126", "126"), ("2.5", "2.5")):
        with pytest.raises(ccxt.BadRequest, match="10001"):
            await bench.client.private_post_v5_position_set_leverage(
                {**raw, "buyLeverage": buys, "sellLeverage": sells}
            )


async def test_one_way_is_no_change_and_hedge_mode_is_refused(bench: Bench) -> None:
    with pytest.raises(ccxt.NoChange, match="110025"):
        await bench.client.set_position_mode(hedged=False, symbol=SWAP)
    with pytest.raises(ccxt.BadRequest, match="110029"):
        await bench.client.set_position_mode(hedged=True, symbol=SWAP)


async def test_margin_mode_is_the_whole_accounts_and_bound_while_something_is_open(bench: Bench) -> None:
    await bench.client.set_margin_mode("isolated")
    assert (await bench.client.private_get_v5_account_info())["result"]["marginMode"] == "ISOLATED_MARGIN"
    await bench.client.set_margin_mode("cross")
    await bench.client.create_order("ETH/USDT:USDT", "market", "buy", 1)
    with pytest.raises(ccxt.ExchangeError, match="3400045"):
        await bench.client.set_margin_mode("isolated")
    assert {bench.exchange.margin_mode(symbol) for symbol in (SWAP, "ETH/USDT:USDT")} == {"cross"}
    with pytest.raises(ccxt.PermissionDenied, match="100028"):
        await bench.client.private_post_v5_position_switch_isolated({"category": "linear", "symbol": "BTCUSDT"})


async def test_fees_are_told_by_symbol_and_for_a_side(bench: Bench) -> None:
    assert (await bench.client.fetch_trading_fee(SPOT))["taker"] == 0.001
    assert (await bench.client.fetch_trading_fees())[SWAP]["maker"] == 0.0002


# ---- what comes, goes and is saved


async def test_deposits_and_withdrawals_pass_the_funding_wallet(bench: Bench) -> None:
    bench.exchange.deposit("USDT", D(500))
    bench.exchange.withdraw("BTC", D("0.1"))
    rows = (await bench.ask("/v5/asset/transfer/query-inter-transfer-list"))["result"]["list"]
    assert [(row["coin"], row["amount"], row["fromAccountType"], row["toAccountType"]) for row in rows] == [
        ("BTC", "0.1", "UNIFIED", "FUND"),
        ("USDT", "500", "FUND", "UNIFIED"),
    ]
    (came,) = (await bench.ask("/v5/asset/deposit/query-record"))["result"]["rows"]
    (went,) = (await bench.ask("/v5/asset/withdraw/query-record"))["result"]["rows"]
    assert (came["coin"], came["amount"], went["coin"], went["status"]) == ("USDT", "500", "BTC", "success")
    held = await bench.ask("/v5/asset/transfer/query-account-coins-balance", "accountType=FUND")
    assert held["result"]["balance"] == []


async def test_a_transfer_by_the_client_is_refused_with_the_venues_codes(bench: Bench) -> None:
    await bench.client.fetch_time()
    for source, to, code in (("FUND", "UNIFIED", "131212"), ("UNIFIED", "FUND", "131231"), ("FUND", "FUND", "131211")):
        raw = {"coin": "USDT", "amount": "10", "fromAccountType": source, "toAccountType": to}
        with pytest.raises(ccxt.BaseError, match=code):
            await bench.client.private_post_v5_asset_transfer_inter_transfer(
                {**raw, "transferId": "4e4c100e-c488-4234-b4ea-dc93d78b069b"}
            )


async def test_savings_take_earn_and_give_back_and_an_id_works_once(bench: Bench) -> None:
    await bench.client.create_order(SWAP, "market", "sell", 0.1)  # all that is free lies behind it
    (product,) = (await bench.ask("/v5/earn/product", "category=FlexibleSaving&coin=USDT"))["result"]["list"]
    assert (product["estimateApr"], product["status"]) == ("3%", "Available")
    order = {
        "category": "FlexibleSaving",
        "orderType": "Stake",
        "accountType": "UNIFIED",
        "amount": "10000",
        "coin": "USDT",
        "productId": product["productId"],
        "orderLinkId": "b-earn",
    }
    placed = (await bench.client.private_post_v5_earn_place_order(order))["result"]
    with pytest.raises(ccxt.BaseError, match="180008"):
        await bench.client.private_post_v5_earn_place_order(order)
    with pytest.raises(ccxt.BaseError, match="180007"):
        await bench.client.private_post_v5_earn_place_order({**order, "amount": "40000", "orderLinkId": "b-more"})
    bench.clock.at = START + 25 * HOUR
    (saved,) = (await bench.ask("/v5/earn/position", "category=FlexibleSaving"))["result"]["list"]
    (paid,) = (await bench.ask("/v5/earn/yield", "category=FlexibleSaving"))["result"]["yield"]
    assert saved["coin"] == "USDT"
    assert D(saved["amount"]) == 10_000 + D(paid["amount"])
    assert D(paid["amount"]) == pytest.approx(D(10_000) * D("0.03") / 365, rel=D("0.01"))
    redeem = {**order, "orderType": "Redeem", "amount": "4000", "orderLinkId": "b-back"}
    await bench.client.private_post_v5_earn_place_order(redeem)
    rows = (await bench.ask("/v5/earn/order", "category=FlexibleSaving"))["result"]["list"]
    assert [(row["orderType"], row["orderValue"], row["orderLinkId"]) for row in rows] == [
        ("Redeem", "4000", "b-back"),
        ("Stake", "10000", "b-earn"),
    ]
    assert rows[1]["orderId"] == placed["orderId"]
    assert (await bench.client.fetch_balance())["USDT"]["total"] == pytest.approx(34_000, abs=20)


async def test_what_was_done_is_kept_before_it_is_answered_and_looking_is_not(bench: Bench) -> None:
    await bench.client.fetch_balance()
    kept = len(bench.saved)
    await bench.client.fetch_positions()
    assert len(bench.saved) == kept
    await bench.client.create_order(SPOT, "limit", "buy", 0.1, 49_000)
    assert len(bench.saved) == kept + 1
    assert bench.saved[-1] == bench.exchange.dump()


async def test_nothing_of_the_secret_is_in_an_answer(bench: Bench) -> None:
    stamp = milliseconds(bench.clock.at)
    headers = {"X-BAPI-API-KEY": KEYS.key, "X-BAPI-TIMESTAMP": str(stamp), "X-BAPI-SIGN": "0" * 64}
    async with aiohttp.ClientSession() as line, line.get(f"{bench.url}/v5/account/info", headers=headers) as answer:
        body = await answer.text()
    assert "10004" in body
    assert KEYS.secret not in body
