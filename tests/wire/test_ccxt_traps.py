"""Each documented trap of ccxt and of the five venues has a test of its own; the table below says which."""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from bot.core.numbers import milliseconds
from bot.core.orders import OrderIntent, OrderState, Placed, client_id
from bot.ports.errors import VenueError
from bot.ports.venue import Gap
from bot.venues.ccxt.limits import Traffic
from bot.venues.ccxt.profiles import Profile, Setup
from bot.venues.ccxt.venue import PROFILES
from tests.builders import an_intent
from tests.contract.venue.conftest import SetClock
from tests.unit.venues.simulated.scenes import SPOT, START, SWAP
from tests.wire.replay.play import Stage, a_stage
from tests.wire.replay.stage import Said

D = Decimal
ROOT = Path(__file__).parents[2]
ALL = ("bybit", "bingx", "weex", "mexc")
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
HERE = "tests/wire/test_ccxt_traps.py"
CONTRACT = "tests/contract/venue/test_venue_contract.py"
UNIT = "tests/unit/venues/ccxt"

#: The trap -> where it is held. Numbers are the facts every adapter has to know, words the rows of the order table.
TRAPS: Mapping[str, tuple[str, ...]] = {
    "1 one instance for spot and perpetuals": (f"{HERE}::test_one_instance_asks_for_spot_and_perpetuals",),
    "2 an order without an id": (f"{HERE}::test_an_unreadable_success_leaves_the_order_unknown",),
    "3 a truncated or bare error": (
        f"{HERE}::test_an_answer_cut_off_leaves_the_order_unknown",
        f"{HERE}::test_a_server_that_does_not_know_itself_leaves_the_order_unknown",
    ),
    "4 cancelling a task": (f"{UNIT}/test_broker.py::test_a_cancelled_task_waits_for_the_answer_of_what_has_left",),
    "5 ccxt's own retries": (
        f"{UNIT}/test_client.py::test_ccxts_own_retries_cannot_send_an_order_twice",
        f"{UNIT}/test_client.py::test_where_ccxt_is_told_to_send_again_no_request_leaves",
    ),
    "6 an id that may be used again": (
        f"{UNIT}/test_broker.py::test_an_intent_that_left_is_not_sent_again_whatever_became_of_it",
    ),
    "7 look-up by client id": (f"{HERE}::test_an_order_is_looked_up_in_the_venues_own_words",),
    "8 a price on a market order": (f"{HERE}::test_no_order_is_a_market_order",),
    "9 what a perpetual balance means": (f"{HERE}::test_a_futures_balance_is_without_unrealised_profit",),
    "10 WEEX's contract size": (f"{HERE}::test_weex_quantities_are_coins_whatever_a_contract_is_said_to_be",),
    "11 MEXC's contracts": (f"{HERE}::test_mexc_is_sent_contracts_and_read_in_coins",),
    "12 sided orders": (f"{HERE}::test_a_flip_takes_two_orders",),
    "13 unmapped status words": (f"{HERE}::test_each_status_word_has_its_state",),
    "14 a revoked key": (f"{UNIT}/test_client.py::test_a_key_that_worked_and_is_revoked_is_no_rate_limit",),
    "15 error tables by address": (
        f"{UNIT}/test_broker.py::test_futures_codes_are_read_though_the_venue_is_not_at_its_own_address",
    ),
    "16 what loading markets costs": (f"{HERE}::test_loading_markets_asks_no_more_than_it_must",),
    "17 the throttler": (
        f"{UNIT}/test_limits.py::test_at_most_two_reads_are_under_way_and_an_order_passes_them",
        f"{HERE}::test_ccxts_throttle_is_the_leaky_bucket",
    ),
    "18 brokers' names": (f"{HERE}::test_no_brokers_name_is_on_our_orders",),
    "19 MEXC's funding": (f"{HERE}::test_mexc_rates_and_marks_come_from_one_question",),
    "20 testnets": (f"{HERE}::test_a_testnet_that_does_not_trade_spot_is_refused",),
    "client id, as sent": (f"{HERE}::test_an_order_says_its_client_id_in_the_venues_own_words",),
    "client id, its form": (f"{HERE}::test_a_client_id_is_fit_for_every_venue",),
    "create answer": (f"{HERE}::test_an_acknowledgement_is_accepted_and_its_outcome_looked_up",),
    "lookup by client id": (f"{HERE}::test_an_order_is_looked_up_in_the_venues_own_words",),
    "cancel by client id": (f"{HERE}::test_a_cancel_names_the_client_id_in_the_venues_own_words",),
    "duplicate id answer": (f"{HERE}::test_a_duplicate_exists_and_is_not_refused",),
    "not-found answer": (f"{HERE}::test_an_order_that_is_not_there_is_absent_whatever_the_venue_calls_it",),
    "market order amount": (f"{HERE}::test_no_order_is_a_market_order",),
    "classic account of Bybit": (f"{HERE}::test_a_classic_bybit_account_is_refused",),
    "post-only": (f"{CONTRACT}::test_a_post_only_order_that_would_not_take_rests",),
    "IOC": (f"{CONTRACT}::test_an_ioc_order_that_finds_too_little_gives_up_the_rest",),
    "reduceOnly": (f"{HERE}::test_spot_is_never_told_to_reduce_only",),
    "hedge mode": (f"{HERE}::test_an_account_in_hedge_mode_is_a_gap_on_each_venue",),
    "set leverage": (f"{HERE}::test_leverage_that_is_so_already_is_success",),
    "set margin mode": (f"{HERE}::test_leverage_that_is_so_already_is_success",),
    "set position mode": (f"{UNIT}/test_broker.py::test_an_account_that_stays_in_hedge_mode_is_refused",),
    "position mode read": (f"{CONTRACT}::test_leverage_is_set_read_back_and_seen_on_the_position",),
    "batch create": (f"{HERE}::test_no_call_that_acts_on_many_orders_is_listed",),
    "cancel all": (f"{HERE}::test_no_call_that_acts_on_many_orders_is_listed",),
    "dead man's switch": (f"{HERE}::test_no_call_that_acts_on_many_orders_is_listed",),
    "transfer": (f"{CONTRACT}::test_a_transfer_arrives_and_is_found",),
    "fees of a fill": (f"{CONTRACT}::test_an_ioc_order_fills_at_once_and_pays_its_fee",),
    "fee dust": (f"{CONTRACT}::test_balances_are_the_opening_plus_fills_minus_fees",),
    "the quantity is what filled, not a word": (
        f"{UNIT}/test_mapping.py::test_the_state_is_by_what_is_filled_first_and_the_word_second",
    ),
}


def yes(intent: Any) -> None:
    del intent


def intent(client_id: str = "bt0", *, symbol: str = SPOT, qty: str = "-1", **more: Any) -> OrderIntent:
    return an_intent(
        client_id=client_id, symbol=symbol, qty=qty, price="99" if qty[0] == "-" else "101", at=START, **more
    )


def fund(stage: Stage, name: str) -> None:
    if name != "bybit":
        stage.exchange.transfer("USDT", D(5_000), "spot", "futures")


# ---- the table


def test_every_trap_has_a_test_that_exists() -> None:
    assert {key.split(" ")[0] for key in TRAPS} >= {str(number) for number in range(1, 21)}
    for places in TRAPS.values():
        for place in places:
            file, _, name = place.partition("::")
            tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
            functions = [one.name for one in tree.body if isinstance(one, ast.AsyncFunctionDef | ast.FunctionDef)]
            assert name in functions, place


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


def no(name: str, code: int, status: int = 200) -> Said:
    words = {"bybit": "retCode"}
    text = {"retMsg": "no", "msg": "no", "message": "no"}
    return Said({words.get(name, "code"): code, "success": False, **text}, status)


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


# ---- the account


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
    """Batches may half fail, and cancelling all would take other people's orders: neither can be asked for."""
    clock = SetClock(START)
    made = PROFILES[name]().client(Setup("production"), clock, Traffic(clock, {}))
    try:
        paths = [path.lower() for method, path in made.ways if method != "GET"]
        assert paths
        forbidden = ("batch", "cancel-all", "cancelall", "allopenorders", "cancel_all", "withdraw", "closeposition")
        assert [path for path in paths for word in forbidden if word in path] == []
    finally:
        await made.close()


def test_the_hedged_answers_are_json() -> None:
    assert json.loads(json.dumps([body for _, body in HEDGED.values()]))
