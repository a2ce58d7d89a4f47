"""A dead-man's switch over each wire: what rests goes once nothing is heard, and stays after a good end."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from urllib.parse import parse_qs

import pytest

from bot.core.orders import Placed
from bot.ports.dead_man import DeadMan
from bot.ports.errors import Rejected, Transient, VenueError
from bot.venues.ccxt.venue import PROFILES
from bot.venues.simulated.exchange import OrderStatus
from tests.unit.venues.simulated.scenes import SPOT, SWAP
from tests.wire.replay.asked import D, fund, intent, no, yes
from tests.wire.replay.play import Stage, a_stage
from tests.wire.replay.stage import Said

WINDOW = timedelta(seconds=120)
COUNTDOWN = ("POST", "/fapi/v1/countdownCancelAll")


def switch(stage: Stage, window: timedelta = WINDOW) -> DeadMan:
    made = stage.venue.dead_man(window)
    assert made is not None
    return made


async def rests(stage: Stage, symbol: str, client_id: str = "bt0") -> None:
    """A limit buy under the market."""
    order = replace(intent(client_id, symbol=symbol, qty="1", tif="gtc"), price=D(90))
    placed, _, why = await stage.venue.place(order, yes)
    assert placed is Placed.ACCEPTED, why


async def passed(stage: Stage, seconds: float) -> None:
    """Time goes by at the venue, and somebody asks it something."""
    stage.clock.at += timedelta(seconds=seconds)
    await stage.venue.balances()


def standing(stage: Stage, client_id: str = "bt0", symbol: str = SWAP) -> OrderStatus:
    return stage.exchange.order(symbol, client_id=client_id).status


def seconds(stage: Stage) -> list[tuple[str, int]]:
    """What Binance was asked to count down, in order."""
    found = []
    for one in stage.asked():
        if (one.method, one.path) == COUNTDOWN:
            said = {name: values[0] for name, values in parse_qs(f"{one.query}&{one.body}").items()}
            found.append((said["symbol"], int(said["countdownTime"]) // 1000))
    return found


# ---- Binance: a countdown for each perpetual


async def test_binance_cancels_what_rests_once_nothing_is_heard_for_the_window() -> None:
    async with a_stage("binance") as stage:
        fund(stage, "binance")
        await rests(stage, SWAP)
        await switch(stage).alive({SWAP})
        await passed(stage, 119)
        assert standing(stage) is OrderStatus.NEW
        await passed(stage, 2)
        assert standing(stage) is OrderStatus.CANCELED


async def test_binance_counts_anew_at_each_sign_of_life() -> None:
    async with a_stage("binance") as stage:
        fund(stage, "binance")
        await rests(stage, SWAP)
        alive = switch(stage, timedelta(seconds=5))
        for _ in range(3):
            await alive.alive({SWAP})
            await passed(stage, 4)
            await asyncio.sleep(0.55 * alive.every_s)
        assert standing(stage) is OrderStatus.NEW


async def test_binance_has_none_for_spot_and_is_asked_for_none() -> None:
    async with a_stage("binance") as stage:
        await rests(stage, SPOT)
        await switch(stage).alive({SPOT})
        assert seconds(stage) == []
        assert "a dead-man's switch on spot" in {one.what for one in PROFILES["binance"]().lacks}


async def test_binance_stops_counting_where_nothing_rests_any_more_and_at_the_end() -> None:
    async with a_stage("binance") as stage:
        alive = switch(stage)
        await alive.alive({SWAP})
        await alive.alive({SWAP})  # woken by another order: this countdown is fresh still
        await alive.alive(())
        await alive.alive({SWAP})
        await alive.disarm()
        assert seconds(stage) == [("BTCUSDT", 120), ("BTCUSDT", 0), ("BTCUSDT", 120), ("BTCUSDT", 0)]


async def test_an_order_that_may_rest_wakes_the_switch_and_one_that_takes_does_not() -> None:
    async with a_stage("binance") as stage:
        alive = switch(stage)
        await alive.alive(())
        waiting = asyncio.create_task(alive.sent())
        await stage.venue.place(intent("bt1"), yes)
        await asyncio.sleep(0)
        assert not waiting.done()
        await rests(stage, SPOT, "bt2")
        await asyncio.wait_for(waiting, 5)


async def test_a_refusal_is_raised_for_the_task_that_tells_it() -> None:
    async with a_stage("binance") as stage:
        stage.instead(COUNTDOWN, no("binance", -1130, 400))
        with pytest.raises(VenueError, match="dead-man's switch of BTC/USDT:USDT"):
            await switch(stage).alive({SWAP})


# ---- Bybit: a private stream that must not fall silent


async def test_bybit_cancels_spot_and_perpetuals_once_the_stream_is_gone_for_the_window() -> None:
    async with a_stage("bybit") as stage:
        await rests(stage, SPOT, "bt1")
        await rests(stage, SWAP, "bt2")
        alive = switch(stage)
        await alive.alive({SPOT, SWAP})
        await passed(stage, 500)  # heard all the while
        await alive.alive({SPOT, SWAP})
        assert standing(stage, "bt1", SPOT) is standing(stage, "bt2") is OrderStatus.NEW
        await alive.close()  # without a word, as a killed process does
        await asyncio.sleep(0.1)
        await passed(stage, 119)
        assert standing(stage, "bt1", SPOT) is standing(stage, "bt2") is OrderStatus.NEW
        await passed(stage, 2)
        assert standing(stage, "bt1", SPOT) is standing(stage, "bt2") is OrderStatus.CANCELED


async def test_bybit_misses_nobody_after_a_good_end() -> None:
    async with a_stage("bybit") as stage:
        await rests(stage, SWAP)
        alive = switch(stage)
        await alive.alive({SWAP})
        await alive.disarm()
        await asyncio.sleep(0.1)
        await passed(stage, 500)
        assert standing(stage) is OrderStatus.NEW


async def test_bybits_stream_comes_back_by_itself_and_nothing_is_cancelled() -> None:
    async with a_stage("bybit") as stage:
        await rests(stage, SWAP)
        alive = switch(stage)
        await alive.alive({SWAP})
        await alive.close()
        await asyncio.sleep(0.1)
        await passed(stage, 60)
        await alive.alive({SWAP})
        await passed(stage, 500)
        assert standing(stage) is OrderStatus.NEW
        await alive.disarm()


async def test_bybit_is_not_connected_to_before_something_rests() -> None:
    async with a_stage("bybit") as stage:
        await switch(stage).alive(())
        assert [one.path for one in stage.asked() if "disconnected" in one.path] == []


async def test_protection_that_bybit_has_not_switched_on_is_one_clear_line() -> None:
    async with a_stage("bybit") as stage:
        off = {"dcpInfos": [{"product": "SPOT", "dcpStatus": "ON", "timeWindow": "10"}]}
        stage.instead(
            ("GET", "/v5/account/query-dcp-info"), Said({"retCode": 0, "retMsg": "OK", "result": off, "time": 1})
        )
        with pytest.raises(Rejected, match="off for DERIVATIVES: Bybit switches it on for an account on request"):
            await switch(stage).alive({SWAP})


async def test_bybits_stream_refuses_a_wrong_signature() -> None:
    async with a_stage("bybit") as stage:
        keys = stage.venue._line.setup.credentials  # noqa: SLF001 - no key of ours is ever wrong by itself
        object.__setattr__(keys, "secret", "x" * 64)
        stage.instead(("POST", "/v5/order/disconnected-cancel-all"), Said({"retCode": 0, "retMsg": "OK", "result": {}}))
        on = {"dcpInfos": [{"product": one, "dcpStatus": "ON"} for one in ("SPOT", "DERIVATIVES")]}
        stage.instead(("GET", "/v5/account/query-dcp-info"), Said({"retCode": 0, "retMsg": "OK", "result": on}))
        alive = switch(stage)
        with pytest.raises(Rejected, match="refuses auth"):
            await alive.alive({SWAP})
        await alive.close()


async def test_a_stream_that_cannot_be_had_is_transient() -> None:
    async with a_stage("bybit") as stage:
        alive = switch(stage)
        object.__setattr__(stage.venue._line.setup, "url", "http://127.0.0.1:9")  # noqa: SLF001 - nobody listens there
        with pytest.raises(Transient, match="private stream"):
            await alive.alive({SWAP})
        await alive.close()


# ---- BingX: a countdown for each side, as documented


async def test_bingx_counts_down_each_side_where_something_rests() -> None:
    async with a_stage("bingx") as stage:
        swap, spot = (("POST", f"/openApi/{one}/trade/cancelAllAfter") for one in ("swap/v2", "spot/v1"))
        for path in (swap, spot):
            stage.instead(
                path, Said({"code": 0, "msg": "", "data": {"triggerTime": 1712645434, "status": "ACTIVATED"}})
            )
        alive = switch(stage)
        await alive.alive({SWAP})
        await alive.alive({SPOT})
        said = [(one.path.split("/")[2], parse_qs(one.query)) for one in stage.asked() if "cancelAllAfter" in one.path]
        assert [(side, asked["type"], asked["timeOut"]) for side, asked in said] == [
            ("swap", ["ACTIVATE"], ["120"]),
            ("swap", ["CLOSE"], ["0"]),
            ("spot", ["ACTIVATE"], ["120"]),
        ]


# ---- who has none


@pytest.mark.parametrize("name", ["weex", "mexc"])
async def test_a_venue_without_one_is_refused_with_one_line(name: str) -> None:
    async with a_stage(name, opened=False) as stage:
        with pytest.raises(Rejected, match=f"^venue.dead_man: {name} has no dead-man's switch, must be 0s"):
            stage.venue.dead_man(WINDOW)
        assert stage.venue.dead_man(timedelta(0)) is None


@pytest.mark.parametrize(
    ("name", "right"), [("binance", "5s to 300s"), ("bybit", "3s to 300s"), ("bingx", "10s to 120s")]
)
async def test_a_window_that_the_venue_does_not_take_is_refused_with_one_line(name: str, right: str) -> None:
    async with a_stage(name, opened=False) as stage:
        with pytest.raises(Rejected, match=f"^venue.dead_man: is 3600s, must be from {right} at {name}"):
            stage.venue.dead_man(timedelta(hours=1))
