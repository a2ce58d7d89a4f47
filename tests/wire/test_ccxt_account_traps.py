"""Traps of margin, leverage and position mode, on the wires that are replayed."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from bot.ports.errors import Denied, VenueError
from bot.ports.venue import Gap
from bot.venues.ccxt.client import Way
from bot.venues.ccxt.limits import Traffic
from bot.venues.ccxt.profiles import Setup
from bot.venues.ccxt.venue import PROFILES
from tests.contract.venue.conftest import SetClock
from tests.unit.venues.simulated.scenes import START, SWAP
from tests.wire.replay.asked import ALL, D, fund, intent, no, yes
from tests.wire.replay.play import a_stage
from tests.wire.replay.stage import PASSPHRASE, Said


@pytest.mark.parametrize("name", ALL)
async def test_a_futures_balance_is_without_unrealised_profit(name: str) -> None:
    async with a_stage(name) as stage:
        fund(stage, name)
        await stage.venue.place(intent(symbol=SWAP, qty="10"), yes)
        for price in ("90", "110"):
            stage.scene.move(SWAP, stage.clock.at, price)
            stage.exchange.advance(stage.clock.at)
            held, found = stage.exchange.futures(), await stage.venue.balances()
            assert not isinstance(found, Gap), found
            assert held.unrealised != 0
            spot = stage.exchange.balances()["USDT"]
            wallets = {one.wallet: one for one in found if one.asset == "USDT"}
            whole = held.wallet_balance + (spot.free + spot.locked if name == "bybit" else 0)
            mine = wallets["unified" if name == "bybit" else "futures"]
            assert mine.total == whole
            assert mine.free <= mine.total
            stage.clock.at += timedelta(minutes=1)


@pytest.mark.parametrize("name", ALL)
async def test_leverage_that_is_so_already_is_success(name: str) -> None:
    async with a_stage(name) as stage:
        fund(stage, name)
        for _ in range(2):
            await stage.venue.prepare(SWAP, D(3), "cross")
        assert stage.exchange.leverage(SWAP) == 3


async def test_not_modified_is_success_when_reading_back_agrees() -> None:
    """Bybit's 110043 is a bad request to ccxt; what stands afterwards decides."""
    async with a_stage("bybit") as stage:
        await stage.venue.prepare(SWAP, D(3), "cross")
        stage.instead(("POST", "/v5/position/set-leverage"), no("bybit", 110043))
        await stage.venue.prepare(SWAP, D(3), "cross")
        with pytest.raises(VenueError, match="110043"):
            await stage.venue.prepare(SWAP, D(5), "cross")


HEDGED = {
    "bybit": (
        ("GET", "/v5/position/list"),
        {
            "retCode": 0,
            "retMsg": "OK",
            "result": {
                "list": [{"symbol": "BTCUSDT", "side": "Buy", "size": "1", "positionIdx": 1, "avgPrice": "100"}]
            },
        },
    ),
    "bingx": (
        ("GET", "/openApi/swap/v2/user/positions"),
        {
            "code": 0,
            "data": [{"symbol": "BTC-USDT", "positionSide": "LONG", "positionAmt": "1", "onlyOnePosition": False}],
        },
    ),
    "weex": (
        ("GET", "/capi/v3/account/position/allPosition"),
        [{"symbol": "BTCUSDT", "side": "LONG", "size": "1", "separatedMode": "SEPARATED"}],
    ),
}


@pytest.mark.parametrize("name", list(HEDGED))
async def test_an_account_in_hedge_mode_is_a_gap_on_each_venue(name: str) -> None:
    async with a_stage(name) as stage:
        way, body = HEDGED[name]
        stage.instead(way, Said(body))
        found = await stage.venue.positions()
        assert isinstance(found, Gap)
        assert "switch" in found.why or "account" in found.why


async def test_a_classic_bybit_account_is_refused() -> None:
    """Market amounts and wallets mean something else there."""
    async with a_stage("bybit") as stage:
        result = {"userID": 1, "uta": 0, "readOnly": 0, "permissions": {}, "ips": []}
        stage.instead(("GET", "/v5/user/query-api"), Said({"retCode": 0, "retMsg": "", "result": result}))
        with pytest.raises(VenueError, match="must be a unified trading account"):
            await stage.venue.kind()


async def test_a_wrong_passphrase_is_the_keys_fault_and_not_repeated() -> None:
    async with a_stage("weex") as stage:
        said = Said({"code": -1049, "msg": "API key or passphrase incorrect."}, 401)
        stage.instead(("GET", "/api/v3/account/"), said)
        found = await stage.venue.balances()
        assert isinstance(found, Gap)
        assert found.why.startswith("Unauthorized: ")
        assert "passphrase" in found.why
        assert PASSPHRASE not in found.why


async def test_mexc_rates_and_marks_come_from_one_question() -> None:
    async with a_stage("mexc") as stage:
        before = len(stage.asked())
        funding = await stage.venue.funding()
        assert not isinstance(funding, Gap), funding
        asked = [one.path for one in stage.asked()[before:] if "/contract/" in one.path]
        assert asked == ["/api/v1/contract/ticker"]
        assert set(funding) == {SWAP}


@pytest.mark.parametrize("name", ["binance", *ALL])
async def test_no_call_that_acts_on_many_orders_is_listed(name: str) -> None:
    """Batches may half fail, and cancelling all would take other people's orders: neither can be asked for.

    What arms a dead-man's switch is listed apart, and leaves only where one was asked for.
    """
    clock = SetClock(START)
    made = PROFILES[name]().client(Setup("production"), clock, Traffic(clock, {}))
    try:
        paths = [path.lower() for (method, path), way in made.ways.items() if method != "GET" and way is not Way.SWITCH]
        assert paths
        forbidden = ("batch", "cancel-all", "cancelall", "allopenorders", "cancel_all", "withdraw", "closeposition")
        assert [path for path in paths for word in forbidden if word in path] == []
        for method, path in [asked for asked, way in made.ways.items() if way is Way.SWITCH]:
            with pytest.raises(Denied, match=r"venue\.dead_man is 0s"):
                await made.fetch(f"https://example.invalid{path}", method)
    finally:
        await made.close()


def test_the_hedged_answers_are_json() -> None:
    assert json.loads(json.dumps([body for _, body in HEDGED.values()]))
