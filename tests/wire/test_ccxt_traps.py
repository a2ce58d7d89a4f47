"""Each documented trap of ccxt and of the five venues has a test of its own; the table below says which."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from bot.core.numbers import milliseconds
from bot.core.orders import OrderState, Placed, client_id
from bot.ports.errors import VenueError
from bot.ports.venue import Gap
from bot.venues.ccxt.limits import Traffic
from bot.venues.ccxt.profiles import Profile, Setup
from bot.venues.ccxt.venue import PROFILES
from tests.builders import an_intent
from tests.contract.venue.conftest import SetClock
from tests.unit.venues.simulated.scenes import SPOT, START, SWAP
from tests.wire.replay.asked import ALL, D, fund, intent, no, yes
from tests.wire.replay.play import a_stage
from tests.wire.replay.stage import Said

PLACE = {
    ("bybit", SPOT): ("POST", "/v5/order/create"),
    ("bybit", SWAP): ("POST", "/v5/order/create"),
    ("bingx", SPOT): ("POST", "/openApi/spot/v1/trade/order"),
    ("bingx", SWAP): ("POST", "/openApi/swap/v2/trade/order"),
    ("weex", SPOT): ("POST", "/api/v3/order"),
    ("weex", SWAP): ("POST", "/capi/v3/order"),
    ("mexc", SPOT): ("POST", "/api/v3/order"),
    ("mexc", SWAP): ("POST", "/api/v1/private/order/create"),
}


# ---- one instance, its throttle, its markets


@pytest.mark.parametrize("name", ALL)
async def test_one_instance_asks_for_spot_and_perpetuals(name: str) -> None:
    async with a_stage(name) as stage:
        quotes = await stage.venue.quotes()
        assert not isinstance(quotes, Gap), quotes
        assert {SPOT, SWAP} <= set(quotes)
        assert sum(stage.venue.requests.values()) == len(stage.asked())


@pytest.mark.parametrize(("name", "most"), [("bybit", 3), ("bingx", 2), ("weex", 2), ("mexc", 2)])
async def test_loading_markets_asks_no_more_than_it_must(name: str, most: int) -> None:
    async with a_stage(name) as stage:
        assert len(stage.asked()) <= most
        assert not [one for one in stage.asked() if "currenc" in one.path or "coin" in one.path.lower()]


@pytest.mark.parametrize("name", ["binance", *ALL])
async def test_ccxts_throttle_is_the_leaky_bucket(name: str) -> None:
    """The rolling window dies of a cost above its size and then hangs for ever; it is never switched on."""
    clock = SetClock(START)
    made = PROFILES[name]().client(Setup("production"), clock, Traffic(clock, {}))
    try:
        assert made.enableRateLimit is True
        assert made.throttler.config.get("algorithm") == "leakyBucket"
    finally:
        await made.close()


@pytest.mark.parametrize("name", ["bingx", "weex", "mexc"])
@pytest.mark.parametrize("environment", ["testnet", "demo"])
def test_a_testnet_that_does_not_trade_spot_is_refused(name: str, environment: Any) -> None:
    clock = SetClock(START)
    with pytest.raises(VenueError, match=f"venue.environment: is {environment}, must be production or local: {name}"):
        PROFILES[name]().client(Setup(environment), clock, Traffic(clock, {}))


# ---- orders as they are sent


@pytest.mark.parametrize(("name", "symbol"), list(PLACE))
async def test_no_brokers_name_is_on_our_orders(name: str, symbol: str) -> None:
    async with a_stage(name) as stage:
        fund(stage, name)
        await stage.venue.place(intent(symbol=symbol), yes)
        sent = stage.last(*PLACE[name, symbol])
        told = f"{dict(sent.headers)} {sent.query} {sent.body}".lower()
        assert "ccxt" not in told
        assert "weex111125" not in told
        assert not {"referer", "x-source-key", "source"} & set(sent.headers)


@pytest.mark.parametrize(
    ("name", "symbol", "word"),
    [
        ("bybit", SPOT, "orderLinkId"),
        ("bybit", SWAP, "orderLinkId"),
        ("bingx", SPOT, "newClientOrderId"),
        ("bingx", SWAP, "clientOrderID"),
        ("weex", SPOT, "newClientOrderId"),
        ("weex", SWAP, "newClientOrderId"),
        ("mexc", SPOT, "newClientOrderId"),
        ("mexc", SWAP, "externalOid"),
    ],
)
async def test_an_order_says_its_client_id_in_the_venues_own_words(name: str, symbol: str, word: str) -> None:
    async with a_stage(name) as stage:
        fund(stage, name)
        await stage.venue.place(intent(symbol=symbol), yes)
        assert stage.last(*PLACE[name, symbol]).said[word] == "bt0"


@pytest.mark.parametrize("name", ["binance", *ALL])
@pytest.mark.parametrize("tif", ["ioc", "gtc", "post_only"])
def test_no_order_is_a_market_order(name: str, tif: Any) -> None:
    """A price with a market order turns coins into money on four venues; a limit is what we decided."""
    profile: Profile = PROFILES[name]()
    for symbol in (SPOT, SWAP):
        assert profile.order_type(intent(symbol=symbol, tif=tif)) in ("limit", 3)


@pytest.mark.parametrize(("name", "symbol"), [one for one in PLACE if one[1] == SPOT])
async def test_spot_is_never_told_to_reduce_only(name: str, symbol: str) -> None:
    async with a_stage(name) as stage:
        await stage.venue.place(intent(symbol=symbol, reduce_only=True), yes)
        assert "reduceOnly" not in stage.last(*PLACE[name, symbol]).said


def test_a_client_id_is_fit_for_every_venue() -> None:
    """Lower case for BingX, letters and digits alone, at most 28 of them for the venue that has the least room."""
    made = client_id("live", "main", "decision", "action", 3, 7)
    assert made.isalnum()
    assert made == made.lower()
    assert made[0].isalpha()
    assert len(made) <= 28


async def test_weex_quantities_are_coins_whatever_a_contract_is_said_to_be() -> None:
    async with a_stage("weex") as stage:
        fund(stage, "weex")
        market = (await stage.venue.markets())[SWAP]
        assert (market.step, market.min_amount, market.contract_size) == (D("0.001"), D("0.001"), D(1))
        await stage.venue.place(intent(symbol=SWAP, qty="-0.5"), yes)
        assert stage.last(*PLACE["weex", SWAP]).said["quantity"] == "0.5"
        positions = await stage.venue.positions()
        assert not isinstance(positions, Gap), positions
        assert [one.quantity for one in positions] == [D("-0.5")]


async def test_mexc_is_sent_contracts_and_read_in_coins() -> None:
    async with a_stage("mexc") as stage:
        fund(stage, "mexc")
        market = (await stage.venue.markets())[SWAP]
        assert (market.step, market.contract_size) == (D("0.001"), D("0.001"))
        order = intent(symbol=SWAP, qty="-0.5")
        await stage.venue.place(order, yes)
        assert stage.last(*PLACE["mexc", SWAP]).said["vol"] == 500
        found, positions = await stage.venue.find(order), await stage.venue.positions()
        assert found is not None
        assert not isinstance(found, Gap), found
        assert not isinstance(positions, Gap), positions
        assert (found.amount, found.filled) == (D("0.5"), D("0.5"))
        assert [one.quantity for one in positions] == [D("-0.5")]


@pytest.mark.parametrize("name", ["weex", "mexc"])
async def test_a_flip_takes_two_orders(name: str) -> None:
    """A sale that does not reduce would open a short beside the long."""
    async with a_stage(name) as stage:
        fund(stage, name)
        assert (await stage.venue.place(intent("bt1", symbol=SWAP, qty="2"), yes))[0] is Placed.ACCEPTED
        verdict, _, why = await stage.venue.place(intent("bt2", symbol=SWAP, qty="-3"), yes)
        assert (verdict, "close it reduce-only first" in why) == (Placed.REJECTED, True)
        closing = intent("bt3", symbol=SWAP, qty="-2", reduce_only=True)
        assert (await stage.venue.place(closing, yes))[0] is Placed.ACCEPTED
        assert (await stage.venue.place(intent("bt4", symbol=SWAP, qty="-1"), yes))[0] is Placed.ACCEPTED
        assert [one.quantity for one in stage.exchange.positions()] == [D(-1)]
        assert stage.exchange.order_requests == 3


# ---- answers


@pytest.mark.parametrize(("name", "symbol"), list(PLACE))
@pytest.mark.parametrize("body", ["", "<html>try again</html>"])
async def test_an_unreadable_success_leaves_the_order_unknown(name: str, symbol: str, body: str) -> None:
    async with a_stage(name) as stage:
        stage.instead(PLACE[name, symbol], Said(body))
        verdict, view, why = await stage.venue.place(intent(symbol=symbol), yes)
        assert (verdict, view) == (Placed.UNKNOWN, None), why
        assert len([one for one in stage.asked() if (one.method, one.path) == PLACE[name, symbol]]) == 1


@pytest.mark.parametrize(("name", "symbol"), list(PLACE))
async def test_an_answer_cut_off_leaves_the_order_unknown(name: str, symbol: str) -> None:
    async with a_stage(name) as stage:
        stage.instead(PLACE[name, symbol], Said({"code": 0, "data": {"orderId": "1" * 200}}, cut=True))
        verdict, view, why = await stage.venue.place(intent(symbol=symbol), yes)
        assert (verdict, view) == (Placed.UNKNOWN, None), why


KNOWS_NOT = {
    "bybit": (10000, 10016),
    "bingx": (500, 100503, 987654),
    "weex": (-1000, -1054, -987654),
    "mexc": (500, 20001, 88009, 987654),
}


@pytest.mark.parametrize(("name", "code"), [(name, code) for name, codes in KNOWS_NOT.items() for code in codes])
async def test_a_server_that_does_not_know_itself_leaves_the_order_unknown(name: str, code: int) -> None:
    async with a_stage(name) as stage:
        stage.instead(PLACE[name, SPOT], no(name, code))
        verdict, _, why = await stage.venue.place(intent(), yes)
        assert verdict is Placed.UNKNOWN, why


@pytest.mark.parametrize(
    ("name", "symbol", "said"),
    [
        ("bybit", SWAP, no("bybit", 110072)),
        ("bybit", SPOT, no("bybit", 170141)),
        ("bingx", SWAP, no("bingx", 101481)),
        ("bingx", SPOT, no("bingx", 109201)),
        ("weex", SPOT, Said({"code": -1142, "msg": "DUPLICATE_CLIENT_ORDER_ID"}, 400)),
        ("mexc", SPOT, Said({"code": 30002, "msg": "Duplicate client order id"}, 400)),
    ],
)
async def test_a_duplicate_exists_and_is_not_refused(name: str, symbol: str, said: Said) -> None:
    async with a_stage(name) as stage:
        stage.instead(PLACE[name, symbol], said)
        assert (await stage.venue.place(intent(symbol=symbol), yes))[0] is Placed.EXISTS


@pytest.mark.parametrize("name", ALL)
async def test_a_429_whose_body_says_something_else_pauses_the_venue(name: str) -> None:
    async with a_stage(name) as stage:
        stage.instead(
            PLACE[name, SPOT],
            Said({"code": 987654, "retCode": 987654, "msg": "slow", "retMsg": "slow"}, 429, Retry_After="30"),
        )
        verdict, _, why = await stage.venue.place(intent(), yes)
        assert verdict is Placed.REJECTED, why
        assert stage.venue.paused_until is not None
        asked = len(stage.asked())
        assert isinstance(await stage.venue.quotes(), Gap)
        assert len(stage.asked()) == asked


async def test_a_bybit_ban_of_our_address_pauses_for_ten_minutes() -> None:
    async with a_stage("bybit") as stage:
        stage.instead(("GET", "/v5/market/tickers"), Said("access too frequent.", 403))
        assert isinstance(await stage.venue.quotes(), Gap)
        until = stage.venue.paused_until
        assert until is not None
        assert 590 < (until - START).total_seconds() <= 600


async def test_a_bingx_endpoint_that_is_closed_to_us_pauses_until_it_opens() -> None:
    async with a_stage("bingx") as stage:
        opens = milliseconds(START + timedelta(seconds=90))
        text = f"code:100410:the endpoint is in the disabled period and will be unblocked after {opens}"
        stage.instead(PLACE["bingx", SPOT], Said({"code": 100410, "msg": text}))
        verdict, _, why = await stage.venue.place(intent(), yes)
        assert verdict is Placed.REJECTED, why
        until = stage.venue.paused_until
        assert until is not None
        assert 80 < (until - START).total_seconds() <= 90


async def test_a_busy_bingx_leaves_the_order_unknown_and_pauses_nothing() -> None:
    async with a_stage("bingx") as stage:
        stage.instead(PLACE["bingx", SPOT], Said({"code": 100410, "msg": "The current system is busy"}))
        assert (await stage.venue.place(intent(), yes))[0] is Placed.UNKNOWN
        assert stage.venue.paused_until is None


async def test_a_weex_order_that_came_too_late_was_not_placed() -> None:
    async with a_stage("weex") as stage:
        stage.instead(PLACE["weex", SPOT], Said({"code": -1046, "msg": "Request timestamp expired"}, 400))
        assert (await stage.venue.place(intent(), yes))[0] is Placed.REJECTED


@pytest.mark.parametrize(("name", "symbol"), list(PLACE))
async def test_an_acknowledgement_is_accepted_and_its_outcome_looked_up(name: str, symbol: str) -> None:
    async with a_stage(name) as stage:
        fund(stage, name)
        order = intent(symbol=symbol)
        assert await stage.venue.place(order, yes) == (Placed.ACCEPTED, None, "")
        found = await stage.venue.find(order)
        assert found is not None
        assert not isinstance(found, Gap), found
        assert (found.state, found.filled, found.client_id) == (OrderState.FILLED, D(1), "bt0")


@pytest.mark.parametrize(
    ("name", "symbol", "path", "said"),
    [
        ("bybit", SPOT, "/v5/order/realtime", {"orderLinkId": "bt0", "category": "spot"}),
        ("bybit", SWAP, "/v5/order/realtime", {"orderLinkId": "bt0", "category": "linear"}),
        ("bingx", SPOT, "/openApi/spot/v1/trade/query", {"clientOrderID": "bt0"}),
        ("bingx", SWAP, "/openApi/swap/v2/trade/order", {"clientOrderID": "bt0"}),
        ("weex", SPOT, "/api/v3/order", {"origClientOrderId": "bt0"}),
        ("weex", SWAP, "/capi/v3/order", {"origClientOrderId": "bt0"}),
        ("mexc", SPOT, "/api/v3/order", {"origClientOrderId": "bt0"}),
        ("mexc", SWAP, "/api/v1/private/order/external/BTC_USDT/bt0", {}),
    ],
)
async def test_an_order_is_looked_up_in_the_venues_own_words(
    name: str, symbol: str, path: str, said: Mapping[str, str]
) -> None:
    async with a_stage(name) as stage:
        fund(stage, name)
        order = intent(symbol=symbol)
        await stage.venue.place(order, yes)
        assert not isinstance(await stage.venue.find(order), Gap | None)
        asked = stage.last("GET", path)
        assert said.items() <= asked.said.items()
        assert "None" not in f"{asked.path}?{asked.query}"


@pytest.mark.parametrize(
    ("name", "symbol", "way", "said"),
    [
        ("bybit", SPOT, ("POST", "/v5/order/cancel"), {"orderLinkId": "bt0", "orderFilter": "Order"}),
        ("bybit", SWAP, ("POST", "/v5/order/cancel"), {"orderLinkId": "bt0", "category": "linear"}),
        ("bingx", SPOT, ("POST", "/openApi/spot/v1/trade/cancel"), {"clientOrderID": "bt0"}),
        ("bingx", SWAP, ("DELETE", "/openApi/swap/v2/trade/order"), {"clientOrderID": "bt0"}),
        ("weex", SPOT, ("DELETE", "/api/v3/order"), {"origClientOrderId": "bt0"}),
        ("weex", SWAP, ("DELETE", "/capi/v3/order"), {"origClientOrderId": "bt0"}),
        ("mexc", SPOT, ("DELETE", "/api/v3/order"), {"origClientOrderId": "bt0"}),
        (
            "mexc",
            SWAP,
            ("POST", "/api/v1/private/order/cancel_with_external"),
            {"list": [{"symbol": "BTC_USDT", "externalOid": "bt0"}]},
        ),
    ],
)
async def test_a_cancel_names_the_client_id_in_the_venues_own_words(
    name: str, symbol: str, way: tuple[str, str], said: Mapping[str, Any]
) -> None:
    async with a_stage(name) as stage:
        fund(stage, name)
        order = an_intent(client_id="bt0", symbol=symbol, qty="1", price="90", tif="gtc", at=START)
        await stage.venue.place(order, yes)
        found = await stage.venue.cancel(order)
        assert not isinstance(found, Gap), found
        assert found.state is OrderState.CANCELLED
        assert said.items() <= stage.last(*way).said.items()


@pytest.mark.parametrize(("name", "symbol"), list(PLACE))
async def test_an_order_that_is_not_there_is_absent_whatever_the_venue_calls_it(name: str, symbol: str) -> None:
    async with a_stage(name) as stage:
        assert await stage.venue.find(intent("bnever", symbol=symbol)) is None
        assert isinstance(await stage.venue.cancel(intent("bnever", symbol=symbol)), Gap)


@pytest.mark.parametrize(
    ("name", "raw", "state"),
    [
        ("bybit", {"orderStatus": "PartiallyFilledCanceled"}, OrderState.CANCELLED),
        ("bybit", {"orderStatus": "PartiallyFilledCanceled", "timeInForce": "IOC"}, OrderState.EXPIRED),
        ("bybit", {"orderStatus": "Cancelled", "rejectReason": "EC_PostOnlyWillTakeLiquidity"}, OrderState.REJECTED),
        ("bingx", {"status": "EXPIRED"}, OrderState.EXPIRED),
        ("bingx", {"status": "PENDING"}, OrderState.OPEN),
        ("weex", {"status": "PARTIALLY_FILLED"}, OrderState.PARTLY_FILLED),
        ("weex", {"status": "partial_fill"}, OrderState.PARTLY_FILLED),
        ("weex", {"status": "EXPIRED"}, OrderState.EXPIRED),
        ("mexc", {"status": "PARTIALLY_CANCELED"}, OrderState.CANCELLED),
        ("mexc", {"state": 5}, OrderState.REJECTED),
        ("mexc", {"state": 4, "orderType": 3}, OrderState.EXPIRED),
        ("mexc", {}, None),
    ],
)
def test_each_status_word_has_its_state(name: str, raw: Mapping[str, Any], state: OrderState | None) -> None:
    assert PROFILES[name]().state(raw) is state


@pytest.mark.parametrize("name", ALL)
def test_a_status_word_nobody_knows_is_told(name: str) -> None:
    with pytest.raises(VenueError, match=r"order status '(ASLEEP|asleep)' is none of"):
        PROFILES[name]().state({"status": "ASLEEP", "orderStatus": "ASLEEP"})
