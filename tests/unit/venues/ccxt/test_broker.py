"""Orders on a wire that lies, stalls and hangs up: sent once, judged rightly, found again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from bot.core.orders import MoveIntent, OrderIntent, OrderState, OrderView, Placed, TimeInForce
from bot.ports.errors import Denied, Rejected
from bot.ports.venue import Gap
from tests.unit.venues.ccxt.scripted import (
    NOW_MS,
    SWAP,
    Answer,
    D,
    Stage,
    a_stage,
    an_intent,
    refusal,
    spot_order,
    spot_trade,
    yes,
)

SEND, FIND, CANCEL = "POST /api/v3/order", "GET /api/v3/order", "DELETE /api/v3/order"
OPEN, TRADES = "GET /api/v3/openOrders", "GET /api/v3/myTrades"
HTML = "<html><body>busy</body></html>"


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with a_stage() as made:
        yield made


def no(intent: OrderIntent | MoveIntent) -> None:
    raise Denied(f"halt: {intent.client_id}")


# ---- what is sent


@pytest.mark.parametrize(
    ("tif", "sent"),
    [
        ("ioc", {"type": "LIMIT", "timeInForce": "IOC"}),
        ("gtc", {"type": "LIMIT", "timeInForce": "GTC"}),
        ("post_only", {"type": "LIMIT_MAKER"}),
    ],
)
async def test_a_spot_order_says_what_the_intent_says(stage: Stage, tif: TimeInForce, sent: dict[str, str]) -> None:
    stage.script.on(SEND, spot_order())
    await stage.venue.place(an_intent(qty="-0.5", price="60000.10", tif=tif), yes)
    said = stage.script.last(SEND)
    assert sent.items() <= said.items()
    assert (said["symbol"], said["side"], said["quantity"], said["price"]) == ("BTCUSDT", "SELL", "0.5", "60000.1")
    assert said["newClientOrderId"] == "bt0"
    assert said["timestamp"] == str(NOW_MS)
    assert said["recvWindow"] == "5000"
    assert not {"reduceOnly", "quoteOrderQty"} & said.keys()
    assert ("timeInForce" in said) is ("timeInForce" in sent)


@pytest.mark.parametrize(("tif", "word"), [("ioc", "IOC"), ("gtc", "GTC"), ("post_only", "GTX")])
async def test_a_futures_order_may_be_reduce_only(stage: Stage, tif: TimeInForce, word: str) -> None:
    intent = an_intent(symbol=SWAP, qty="0.5", tif=tif, reduce_only=True)
    await stage.venue.place(intent, yes)
    said = stage.script.last("POST /fapi/v1/order")
    assert (said["side"], said["reduceOnly"], said["timeInForce"], said["newClientOrderId"]) == (
        "BUY",
        "true",
        word,
        "bt0",
    )


@pytest.mark.parametrize(("qty", "price"), [("0.500001", "60000"), ("0.5", "60000.001")])
async def test_what_is_off_the_grid_is_not_sent_rounded(stage: Stage, qty: str, price: str) -> None:
    verdict, _, why = await stage.venue.place(an_intent(qty=qty, price=price), yes)
    assert verdict is Placed.REJECTED
    assert "grid" in why
    assert stage.script.count(SEND) == 0


async def test_an_accepted_order_is_seen_as_the_venue_tells_it(stage: Stage) -> None:
    stage.script.on(SEND, spot_order(status="EXPIRED", filled="0.2"))
    verdict, view, why = await stage.venue.place(an_intent(), yes)
    assert (verdict, why) == (Placed.ACCEPTED, "")
    assert view == OrderView(
        client_id="bt0",
        venue_id="7",
        state=OrderState.EXPIRED,
        filled=D("0.2"),
        price_avg=D("60000.1"),
        symbol="BTC/USDT",
        amount=D("0.5"),
        side="buy",
        price=D("60000.1"),
    )


# ---- the permit


async def test_the_permit_is_asked_after_the_connection_and_before_the_first_byte(stage: Stage) -> None:
    """The connection is new (the script hung up), so that asking happens behind a real connect."""
    stage.script.on(SEND, spot_order())
    stage.script.hang_up()
    await asyncio.sleep(0.01)
    seen: list[int] = []

    def permit(intent: OrderIntent | MoveIntent) -> None:
        del intent
        seen.append(stage.script.count(SEND))

    verdict, _, why = await stage.venue.place(an_intent(), permit)
    assert verdict is Placed.ACCEPTED, why
    assert (seen, stage.script.count(SEND)) == ([0], 1)


async def test_a_permit_that_says_no_sends_nothing(stage: Stage) -> None:
    before = len(stage.script.asked)
    assert await stage.venue.place(an_intent(), no) == (Placed.DENIED, None, "halt: bt0")
    await asyncio.sleep(0.01)
    assert len(stage.script.asked) == before
    assert stage.venue.requests.get(SEND, 0) == 0


async def test_a_denied_intent_may_be_sent_later(stage: Stage) -> None:
    stage.script.on(SEND, spot_order())
    await stage.venue.place(an_intent(), no)
    assert (await stage.venue.place(an_intent(), yes))[0] is Placed.ACCEPTED


async def test_a_redirect_does_not_send_an_order_twice(stage: Stage) -> None:
    stage.script.on(SEND, Answer("", 307, {"location": "/api/v3/order"}), spot_order())
    verdict, _, _ = await stage.venue.place(an_intent(), yes)
    assert verdict is Placed.UNKNOWN
    assert stage.script.count(SEND) == 1


# ---- verdicts on the wire


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        (Answer(HTML, 200, {"content-type": "text/html"}), Placed.UNKNOWN),
        (Answer("", 200), Placed.UNKNOWN),
        (Answer({}, 200), Placed.UNKNOWN),
        (Answer([], 200), Placed.UNKNOWN),
        (Answer("null", 200), Placed.UNKNOWN),
        (Answer('{"orderId": NaN}', 200), Placed.UNKNOWN),
        (Answer(spot_order(orderId=None)), Placed.UNKNOWN),
        (Answer(spot_order("bsomebody")), Placed.UNKNOWN),
        (Answer(spot_order(status="ODD")), Placed.UNKNOWN),
        (Answer(spot_order(executedQty="NaN")), Placed.UNKNOWN),
        (Answer(spot_order(), manner="cut"), Placed.UNKNOWN),
        (Answer(manner="hang_up"), Placed.UNKNOWN),
        (Answer(spot_order(), after_s=0.6), Placed.UNKNOWN),
        (Answer(HTML, 502, {"content-type": "text/html"}), Placed.UNKNOWN),
        (Answer("", 504), Placed.UNKNOWN),
        (refusal(-1000, "unknown"), Placed.UNKNOWN),
        (refusal(-1007, "Timeout waiting for response from backend server.", 408), Placed.UNKNOWN),
        (refusal(-1008, "Server is busy", 503), Placed.UNKNOWN),
        (refusal(-2010, "Account has insufficient balance for requested action."), Placed.REJECTED),
        (refusal(-2010, "Order would immediately match and take."), Placed.REJECTED),
        (refusal(-1013, "Filter failure: LOT_SIZE"), Placed.REJECTED),
        (refusal(-1021, "Timestamp for this request is outside of the recvWindow."), Placed.REJECTED),
        (refusal(-1121, "Invalid symbol."), Placed.REJECTED),
        (refusal(-2015, "Invalid API-key, IP, or permissions for action.", 401), Placed.REJECTED),
        (refusal(-1003, "Too much request weight used", 429, retry_after="3"), Placed.REJECTED),
        (refusal(-2010, "Duplicate order sent."), Placed.EXISTS),
    ],
)
async def test_each_answer_has_its_verdict_and_is_asked_for_once(stage: Stage, answer: Answer, verdict: Placed) -> None:
    stage.script.on(SEND, answer)
    found, view, why = await stage.venue.place(an_intent(), yes)
    assert (found, view) == (verdict, None), why
    assert why
    assert stage.script.count(SEND) == 1


@pytest.mark.parametrize(
    ("code", "verdict"),
    [
        (-2019, Placed.REJECTED),
        (-2022, Placed.REJECTED),
        (-4116, Placed.EXISTS),
        (-4164, Placed.REJECTED),
        (-5022, Placed.REJECTED),
        (-4016, Placed.REJECTED),
    ],
)
async def test_futures_codes_are_read_though_the_venue_is_not_at_its_own_address(
    stage: Stage, code: int, verdict: Placed
) -> None:
    stage.script.on("POST /fapi/v1/order", refusal(code, "said so"))
    assert (await stage.venue.place(an_intent(symbol=SWAP), yes))[0] is verdict


async def test_a_venue_that_cannot_be_reached_was_sent_nothing() -> None:
    async with a_stage() as stage:
        stage.venue._line.client.urls["api"]["private"] = "http://127.0.0.1:9/api/v3"  # noqa: SLF001 - a dead port
        verdict, _, why = await stage.venue.place(an_intent(), yes)
        assert verdict is Placed.REJECTED
        assert "never left" in why


async def test_an_order_is_not_sent_into_a_pause(stage: Stage) -> None:
    stage.script.on(SEND, refusal(-1003, "quiet", 429, retry_after="9"))
    await stage.venue.place(an_intent("bt1"), yes)
    verdict, _, why = await stage.venue.place(an_intent("bt2"), yes)
    assert verdict is Placed.DENIED
    assert "quiet" in why
    assert stage.script.count(SEND) == 1


async def test_too_many_orders_leave_the_reads_alone(stage: Stage) -> None:
    stage.script.on(SEND, refusal(-1015, "Too many new orders", 429, retry_after="9"))
    stage.script.on(OPEN, [])
    await stage.venue.place(an_intent("bt1"), yes)
    assert (await stage.venue.place(an_intent("bt2"), yes))[0] is Placed.DENIED
    assert await stage.venue.open_orders(["BTC/USDT"]) == []


async def test_an_intent_that_left_is_not_sent_again_whatever_became_of_it(stage: Stage) -> None:
    """Binance forgets the id of a closed order and would fill the same intent twice."""
    stage.script.on(SEND, Answer(manner="hang_up"), spot_order())
    assert (await stage.venue.place(an_intent(), yes))[0] is Placed.UNKNOWN
    assert (await stage.venue.place(an_intent(), yes))[0] is Placed.EXISTS
    assert stage.script.count(SEND) == 1


# ---- cancellation


async def test_a_cancelled_task_waits_for_the_answer_of_what_has_left(stage: Stage) -> None:
    stage.script.on(SEND, Answer(spot_order(), after_s=0.15))
    task = asyncio.create_task(stage.venue.place(an_intent(), yes))
    await stage.script.came(SEND)
    task.cancel()
    await asyncio.sleep(0.01)
    assert not task.done()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await stage.venue.place(an_intent(), yes))[0] is Placed.EXISTS


async def test_a_task_cancelled_before_its_order_left_sends_nothing(stage: Stage) -> None:
    stage.script.on(SEND, spot_order())
    stage.script.hang_up()  # so that there is a connection to be waited for
    await asyncio.sleep(0.01)
    task = asyncio.create_task(stage.venue.place(an_intent(), yes))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.sleep(0.05)
    assert stage.script.count(SEND) == 0


async def test_closing_waits_for_an_order_under_way() -> None:
    async with a_stage() as stage:
        stage.script.on(SEND, Answer(spot_order(), after_s=0.15))
        task = asyncio.create_task(stage.venue.place(an_intent(), yes))
        await stage.script.came(SEND)
        await stage.venue.close()
        assert (await task)[0] is Placed.ACCEPTED


# ---- finding


async def test_an_order_is_found_by_its_client_id(stage: Stage) -> None:
    stage.script.on(FIND, spot_order(status="NEW", filled="0"))
    found = await stage.venue.find(an_intent())
    assert isinstance(found, OrderView)
    assert found.state is OrderState.OPEN
    assert stage.script.last(FIND)["origClientOrderId"] == "bt0"
    assert "orderId" not in stage.script.last(FIND)


async def test_an_order_is_absent_only_when_id_open_orders_and_trades_agree(stage: Stage) -> None:
    stage.script.on(FIND, refusal(-2013, "Order does not exist."))
    stage.script.on(OPEN, [])
    stage.script.on(TRADES, [])
    assert await stage.venue.find(an_intent()) is None
    assert [stage.script.count(what) for what in (FIND, OPEN, TRADES)] == [1, 1, 1]


async def test_an_order_that_only_the_open_orders_know_is_found(stage: Stage) -> None:
    stage.script.on(FIND, refusal(-2013, "Order does not exist."))
    stage.script.on(OPEN, [spot_order("bother", status="NEW", filled="0"), spot_order(status="NEW", filled="0")])
    found = await stage.venue.find(an_intent())
    assert isinstance(found, OrderView)
    assert found.client_id == "bt0"


async def test_an_order_that_only_a_trade_betrays_is_found(stage: Stage) -> None:
    stage.script.on(FIND, refusal(-2013, "Order does not exist."), spot_order("bother", orderId=6), spot_order())
    stage.script.on(OPEN, [])
    stage.script.on(TRADES, [spot_trade(1, 6), spot_trade(2, 7), spot_trade(3, 7)])
    found = await stage.venue.find(an_intent())
    assert isinstance(found, OrderView)
    assert (found.client_id, found.state) == ("bt0", OrderState.FILLED)


@pytest.mark.parametrize("silent", [FIND, OPEN, TRADES])
async def test_a_surface_that_cannot_be_read_is_no_proof(stage: Stage, silent: str) -> None:
    stage.script.on(FIND, refusal(-2013, "Order does not exist."))
    stage.script.on(OPEN, [])
    stage.script.on(TRADES, [])
    stage.script.on(silent, Answer(HTML, 503))
    assert isinstance(await stage.venue.find(an_intent()), Gap)


async def test_an_answer_about_another_order_is_a_gap(stage: Stage) -> None:
    stage.script.on(FIND, spot_order("bsomebody"))
    assert isinstance(await stage.venue.find(an_intent()), Gap)


# ---- cancelling


@pytest.mark.parametrize(
    "answer",
    [
        Answer(spot_order("cancel-1", origClientOrderId="bt0", status="CANCELED", filled="0")),
        refusal(-2011, "Unknown order sent."),
        Answer(manner="hang_up"),
        Answer(HTML, 200),
        Answer(manner="silent"),
    ],
)
async def test_whatever_a_cancel_answers_what_is_true_is_looked_up(stage: Stage, answer: Answer) -> None:
    stage.script.on(CANCEL, answer)
    stage.script.on(FIND, spot_order(status="FILLED"))
    view = await stage.venue.cancel(an_intent())
    assert isinstance(view, OrderView)
    assert (view.state, view.filled) == (OrderState.FILLED, D("0.5"))
    assert stage.script.last(CANCEL)["origClientOrderId"] == "bt0"


# ---- setting up futures

CONFIG, LEVERAGE, MARGIN = "GET /fapi/v1/symbolConfig", "POST /fapi/v1/leverage", "POST /fapi/v1/marginType"
MODE, SET_MODE = "GET /fapi/v1/positionSide/dual", "POST /fapi/v1/positionSide/dual"


def a_config(leverage: int = 2, margin: str = "CROSSED") -> list[dict[str, Any]]:
    return [{"symbol": "BTCUSDT", "marginType": margin, "leverage": leverage}]


async def test_nothing_is_set_that_stands_already(stage: Stage) -> None:
    stage.script.on(MODE, {"dualSidePosition": False})
    stage.script.on(CONFIG, a_config())
    await stage.venue.prepare(SWAP, D(2), "cross")
    assert [stage.script.count(what) for what in (LEVERAGE, MARGIN, SET_MODE)] == [0, 0, 0]


async def test_what_differs_is_set_and_read_back(stage: Stage) -> None:
    stage.script.on(MODE, {"dualSidePosition": True}, {"dualSidePosition": False})
    stage.script.on(SET_MODE, {"code": 200, "msg": "success"})
    stage.script.on(CONFIG, a_config(20, "ISOLATED"), a_config(2))
    stage.script.on(MARGIN, {"code": 200, "msg": "success"})
    stage.script.on(LEVERAGE, {"symbol": "BTCUSDT", "leverage": 2})
    await stage.venue.prepare(SWAP, D(2), "cross")
    assert stage.script.last(LEVERAGE)["leverage"] == "2"
    assert stage.script.last(MARGIN)["marginType"] == "CROSSED"
    assert stage.script.last(SET_MODE)["dualSidePosition"] == "false"
    assert stage.script.count(CONFIG) == 2


async def test_no_change_needed_and_lost_answers_are_fine_when_reading_back_agrees(stage: Stage) -> None:
    stage.script.on(MODE, {"dualSidePosition": False})
    stage.script.on(CONFIG, a_config(20, "ISOLATED"), a_config(2))
    stage.script.on(MARGIN, refusal(-4046, "No need to change margin type."))
    stage.script.on(LEVERAGE, Answer(manner="hang_up"))
    await stage.venue.prepare(SWAP, D(2), "cross")
    assert [stage.script.count(what) for what in (LEVERAGE, MARGIN)] == [1, 1]


async def test_a_set_up_that_reading_back_does_not_show_is_refused_with_the_reason(stage: Stage) -> None:
    stage.script.on(MODE, {"dualSidePosition": False})
    stage.script.on(CONFIG, a_config(20))
    stage.script.on(LEVERAGE, refusal(-4028, "Leverage 2 is not valid"))
    with pytest.raises(Rejected, match=r"must be 2 x cross.*Leverage 2 is not valid"):
        await stage.venue.prepare(SWAP, D(2), "cross")


async def test_an_account_that_stays_in_hedge_mode_is_refused(stage: Stage) -> None:
    stage.script.on(MODE, {"dualSidePosition": True})
    stage.script.on(SET_MODE, refusal(-4068, "Position side cannot be changed if there exists position."))
    with pytest.raises(Rejected, match="hedge mode"):
        await stage.venue.prepare(SWAP, D(2), "cross")
