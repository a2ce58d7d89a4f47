"""Reads in bulk: exact, retried where that helps, a Gap where it does not, and quiet when the venue wants quiet."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from bot.core.snapshot import Funding, Ticker
from bot.ports.venue import Gap
from tests.unit.venues.ccxt.scripted import (
    NOW,
    NOW_MS,
    SPOT,
    SWAP,
    Answer,
    D,
    Stage,
    an_intent,
    refusal,
    spot_order,
    spot_trade,
    yes,
)
from tests.unit.venues.ccxt.served import ACCOUNT, BOOK_TICKER, FUTURES, HOUR_MS, HTML, PREMIUM, QUOTES, RISK, serving


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with serving() as made:
        yield made


# ---- market data


async def test_quotes_are_exact_and_an_empty_side_is_unknown(stage: Stage) -> None:
    assert await stage.venue.quotes() == {
        "BTC/USDT": Ticker(bid=D("60000.1"), ask=D("60000.2"), quote_volume=D("123456.78"), at=NOW),
        "LDO/USDT": Ticker(ask=D("2.1"), at=NOW),
        SWAP: Ticker(last=D("60001.23456789"), quote_volume=D(9), at=NOW - timedelta(seconds=1)),
    }


async def test_funding_has_the_interval_that_is_not_the_usual_one(stage: Stage) -> None:
    assert await stage.venue.funding() == {
        SWAP: Funding(
            rate=D("0.0001"), interval_hours=D(4), next_at=NOW + timedelta(hours=1), at=NOW - timedelta(seconds=1)
        )
    }


async def test_quotes_and_funding_of_one_cycle_cost_two_requests(stage: Stage) -> None:
    await asyncio.gather(stage.venue.quotes(), stage.venue.funding())
    before = len(stage.script.asked)
    stage.clock.at += timedelta(minutes=1)
    await asyncio.gather(stage.venue.quotes(), stage.venue.funding())
    assert len(stage.script.asked) - before == 2


async def test_a_whole_cycle_of_reads_costs_five_requests(stage: Stage) -> None:
    stage.script.on(ACCOUNT, {"balances": [], "uid": 5})
    stage.script.on(FUTURES, {"assets": []})
    stage.script.on(RISK, [])

    async def cycle() -> None:
        venue = stage.venue
        await asyncio.gather(venue.quotes(), venue.funding(), venue.balances(), venue.positions())

    await cycle()
    before = len(stage.script.asked)
    stage.clock.at += timedelta(minutes=1)
    await cycle()
    assert len(stage.script.asked) - before == 5


async def test_without_volumes_there_are_still_quotes(stage: Stage) -> None:
    stage.script.on("GET /api/v3/ticker/24hr", refusal(-1000, "later", 500))
    quotes = await stage.venue.quotes()
    assert not isinstance(quotes, Gap)
    assert quotes[SPOT].quote_volume is None


@pytest.mark.parametrize("bad", ["NaN", "-1", "abc", "Infinity"])
async def test_an_absurd_number_is_a_gap_and_no_number(stage: Stage, bad: str) -> None:
    stage.script.on(BOOK_TICKER, [QUOTES[0] | {"bidPrice": bad}])
    gap = await stage.venue.quotes()
    assert isinstance(gap, Gap)
    assert bad in gap.why


@pytest.mark.parametrize("body", [{}, [1, 2], "7", {"code": 0}, [[]]])
async def test_an_answer_of_another_shape_is_a_gap(stage: Stage, body: Any) -> None:
    stage.script.on(BOOK_TICKER, body)
    assert isinstance(await stage.venue.quotes(), Gap)


async def test_mark_prices_that_cannot_be_read_are_a_gap_in_both(stage: Stage) -> None:
    stage.script.on(PREMIUM, refusal(-1102, "no"))
    assert isinstance(await stage.venue.quotes(), Gap)
    assert isinstance(await stage.venue.funding(), Gap)


def klines(first: int, count: int) -> list[list[Any]]:
    return [[(first + n) * HOUR_MS, "1", "2", "0.5", "1.5", "9", (first + n + 1) * HOUR_MS - 1] for n in range(count)]


async def test_candles_are_read_in_pages(stage: Stage) -> None:
    start = NOW_MS // HOUR_MS - 1500
    stage.script.on("GET /api/v3/klines", klines(start, 1000), klines(start + 1000, 501))
    bars = await stage.venue.candles(SPOT, "1h", NOW - timedelta(hours=1500), 3000)
    assert not isinstance(bars, Gap)
    assert len(bars) == 1500  # the one that has begun is not closed
    asked = [one.said for one in stage.script.asked if one.path.endswith("klines")]
    assert [(one["startTime"], one["limit"]) for one in asked] == [
        (str(start * HOUR_MS), "1000"),
        (str((start + 1000) * HOUR_MS), "1000"),
    ]


async def test_a_venue_that_serves_the_same_page_for_ever_is_left(stage: Stage) -> None:
    start = NOW_MS // HOUR_MS - 5000
    stage.script.on("GET /api/v3/klines", klines(start, 1000))
    bars = await stage.venue.candles(SPOT, "1h", NOW - timedelta(hours=5000), 3000)
    assert not isinstance(bars, Gap)
    assert (len(bars), stage.script.count("GET /api/v3/klines")) == (1000, 2)


async def test_a_book_is_asked_in_a_depth_the_venue_serves_and_cut_to_what_was_asked(stage: Stage) -> None:
    levels = [[f"{60000 - n}.10", "0.123456789012345678"] for n in range(20)]
    asks = [[f"{60001 + n}.10", "2"] for n in range(20)]
    stage.script.on("GET /fapi/v1/depth", {"lastUpdateId": 1, "T": NOW_MS, "bids": levels, "asks": asks})
    book = await stage.venue.book(SWAP, 12)
    assert not isinstance(book, Gap)
    assert stage.script.last("GET /fapi/v1/depth")["limit"] == "20"
    assert (len(book.bids), len(book.asks)) == (12, 12)
    assert book.bids[0] == (D("60000.1"), D("0.123456789012345678"))


# ---- account


async def test_balances_tell_savings_apart_from_coins_that_only_look_like_them(stage: Stage) -> None:
    rows = [("BTC", "0.1", "0.2"), ("LDUSDT", "500", "0"), ("LDO", "3", "0"), ("USDT", "0", "0"), ("LDXYZ", "1", "0")]
    balances = [{"asset": asset, "free": free, "locked": locked} for asset, free, locked in rows]
    stage.script.on(ACCOUNT, {"balances": balances})
    wallet = {"asset": "USDT", "walletBalance": "100.5", "availableBalance": "130", "updateTime": 0}
    stage.script.on(FUTURES, {"assets": [wallet, wallet | {"asset": "BNB", "walletBalance": "0"}]})
    found = await stage.venue.balances()
    assert not isinstance(found, Gap)
    assert [(one.wallet, one.asset, one.free, one.locked) for one in found] == [
        ("spot", "BTC", D("0.1"), D("0.2")),
        ("earn", "USDT", D(500), D(0)),
        ("spot", "LDO", D(3), D(0)),
        ("spot", "LDXYZ", D(1), D(0)),
        ("futures", "USDT", D("100.5"), D(0)),  # unrealised profit is available, but it is no money yet
    ]


@pytest.mark.parametrize("row", [{"asset": "BTC", "free": "NaN", "locked": "0"}, {"asset": "BTC", "free": "1"}, {}])
async def test_a_balance_that_cannot_be_read_is_a_gap_for_all(stage: Stage, row: dict[str, str]) -> None:
    stage.script.on(ACCOUNT, {"balances": [row]})
    stage.script.on(FUTURES, {"assets": []})
    assert isinstance(await stage.venue.balances(), Gap)


A_RISK = {
    "symbol": "BTCUSDT",
    "positionSide": "BOTH",
    "positionAmt": "-0.250",
    "entryPrice": "61000.5",
    "markPrice": "60000.1",
    "unRealizedProfit": "250.10",
    "liquidationPrice": "0",
    "isolatedMargin": "0",
    "notional": "-15000.025",
    "initialMargin": "7500.0125",
    "maintMargin": "60.0001",
    "updateTime": NOW_MS,
}


async def test_positions_are_exact_and_take_their_leverage_from_the_settings_once(stage: Stage) -> None:
    stage.script.on(RISK, [A_RISK, A_RISK | {"symbol": "ETHUSDT"}, A_RISK | {"positionAmt": "0"}])
    stage.script.on("GET /fapi/v1/symbolConfig", [{"symbol": "BTCUSDT", "marginType": "CROSSED", "leverage": 2}])
    for _ in range(2):
        found = await stage.venue.positions()
        assert not isinstance(found, Gap)
        (one,) = found
        assert (one.side, one.quantity, one.entry_price, one.mark_price) == (
            "short",
            D("-0.25"),
            D("61000.5"),
            D("60000.1"),
        )
        assert (one.leverage, one.margin_mode, one.liquidation_price) == (D(2), "cross", None)
        assert (one.initial_margin, one.maintenance_margin, one.unrealised_pnl) == (
            D("7500.0125"),
            D("60.0001"),
            D("250.10"),
        )
    assert stage.script.count("GET /fapi/v1/symbolConfig") == 1


async def test_an_account_in_hedge_mode_is_a_gap(stage: Stage) -> None:
    stage.script.on(RISK, [A_RISK | {"positionSide": "SHORT"}])
    gap = await stage.venue.positions()
    assert isinstance(gap, Gap)
    assert "one-way" in gap.why


async def test_fills_know_the_orders_that_were_ours(stage: Stage) -> None:
    stage.script.on("POST /api/v3/order", spot_order())
    await stage.venue.place(an_intent(), yes)
    stage.script.on("GET /api/v3/myTrades", [spot_trade(2, 99, isBuyer=False), spot_trade(1, 7, time=NOW_MS - 5)])
    found = await stage.venue.fills(SPOT, NOW - timedelta(hours=1))
    assert not isinstance(found, Gap)
    assert [(one.trade_id, one.client_id, one.qty, one.fee, one.fee_asset) for one in found] == [
        ("1", "bt0", D("0.5"), D("0.0005"), "BTC"),
        ("2", None, D("-0.5"), D("0.0005"), "BTC"),
    ]


async def test_a_trade_of_an_order_never_seen_is_named_by_asking_for_that_order_once(stage: Stage) -> None:
    theirs = "bl" + "a" * 24
    stage.script.on("GET /api/v3/myTrades", [spot_trade(1, 8, time=NOW_MS - 5), spot_trade(2)])
    stage.script.on("GET /api/v3/order", spot_order(theirs), refusal(-2013, "Order does not exist."))
    for _ in range(3):
        found = await stage.venue.fills(SPOT, NOW - timedelta(hours=1))
        assert not isinstance(found, Gap)
        assert {one.client_id for one in found} == {theirs, None}
    assert stage.script.count("GET /api/v3/order") == 2


async def test_where_an_order_cannot_be_asked_for_the_trades_are_a_gap_and_nobodys_at_all(stage: Stage) -> None:
    stage.script.on("GET /api/v3/myTrades", [spot_trade(1)])
    stage.script.on("GET /api/v3/order", Answer(HTML, status=502))
    found = await stage.venue.fills(SPOT, NOW - timedelta(hours=1))
    assert isinstance(found, Gap)


async def test_at_most_ten_orders_are_asked_for_in_one_look(stage: Stage) -> None:
    trades = [spot_trade(number, 1_000 + number, time=NOW_MS + number) for number in range(25)]
    stage.script.on("GET /api/v3/myTrades", trades)
    stage.script.on("GET /api/v3/order", refusal(-2013, "Order does not exist."))
    await stage.venue.fills(SPOT, NOW - timedelta(hours=1))
    assert stage.script.count("GET /api/v3/order") == 10
    assert {one.said["orderId"] for one in stage.script.asked if one.path == "/api/v3/order"} == {
        str(1_000 + number) for number in range(15, 25)
    }  # the newest


async def test_futures_fills_step_over_quiet_weeks(stage: Stage) -> None:
    trade = {
        "symbol": "BTCUSDT",
        "id": 5,
        "orderId": 9,
        "side": "SELL",
        "price": "60000",
        "qty": "0.1",
        "quoteQty": "6000",
        "commission": "3",
        "commissionAsset": "USDT",
        "time": NOW_MS - 1000,
        "buyer": False,
        "maker": False,
        "positionSide": "BOTH",
    }
    stage.script.on("GET /fapi/v1/userTrades", [], [], [trade])
    found = await stage.venue.fills(SWAP, NOW - timedelta(days=20))
    assert not isinstance(found, Gap)
    assert [(one.trade_id, one.qty, one.fee) for one in found] == [("5", D("-0.1"), D(3))]
    assert stage.script.count("GET /fapi/v1/userTrades") == 3


async def test_flows_are_told_with_our_signs(stage: Stage) -> None:
    base = {"asset": "USDT", "time": NOW_MS}
    stage.script.on(
        "GET /fapi/v1/income",
        [
            base | {"incomeType": "FUNDING_FEE", "symbol": "BTCUSDT", "income": "-1.25", "tranId": 1},
            base | {"incomeType": "COMMISSION", "symbol": "BTCUSDT", "income": "-9", "tranId": 2},
            base | {"incomeType": "INSURANCE_CLEAR", "symbol": "BTCUSDT", "income": "-30", "tranId": 3},
        ],
    )
    deposit = {"id": "d1", "coin": "USDT", "amount": "500", "status": 1, "insertTime": NOW_MS + 1000}
    stage.script.on("GET /sapi/v1/capital/deposit/hisrec", [deposit, deposit | {"id": "d2", "status": 0}])
    withdrawal = {"id": "w1", "coin": "BTC", "amount": "0.5", "transactionFee": "0.0001", "status": 6}
    stage.script.on(
        "GET /sapi/v1/capital/withdraw/history",
        [withdrawal | {"applyTime": "2026-03-01 12:00:05"}, withdrawal | {"id": "w2", "status": 4}],
    )
    found = await stage.venue.flows(NOW - timedelta(days=1))
    assert not isinstance(found, Gap)
    assert [(one.kind, dict(one.body)) for one in found] == [
        ("funding", {"symbol": SWAP, "paid": "1.25"}),
        ("flow", {"asset": "USDT", "amount": "-30", "kind": "other"}),
        ("flow", {"asset": "USDT", "amount": "500", "kind": "deposit"}),
        ("flow", {"asset": "BTC", "amount": "-0.5001", "kind": "withdrawal"}),
    ]


async def test_a_key_that_can_withdraw_is_told(stage: Stage) -> None:
    said = {
        "ipRestrict": True,
        "enableWithdrawals": True,
        "enableFutures": True,
        "enableSpotAndMarginTrading": True,
        "permitsUniversalTransfer": False,
        "enablePortfolioMarginTrading": False,
    }
    stage.script.on("GET /sapi/v1/account/apiRestrictions", said)
    report = await stage.venue.key()
    assert (report.can_withdraw, report.ip_bound, report.can_trade_swap) == (True, True, True)
    assert "may not move" in report.note


async def test_a_key_that_nobody_can_judge_is_unknown_and_not_fine(stage: Stage) -> None:
    stage.script.on("GET /sapi/v1/account/apiRestrictions", refusal(-1102, "no"))
    report = await stage.venue.key()
    assert report.can_withdraw is None
    assert report.note
