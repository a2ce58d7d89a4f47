"""Flexible savings on a scripted wire: what is asked, what is believed, what a lost answer means."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from bot.core.orders import MoveIntent, Placed
from bot.core.snapshot import Saving
from bot.ports.venue import Gap
from tests.unit.venues.ccxt.scripted import NOW, NOW_MS, Answer, Stage, a_stage, refusal, yes

D = Decimal
EARN = "/sapi/v1/simple-earn/flexible"
LIST, POSITION = f"GET {EARN}/list", f"GET {EARN}/position"
PUT, TAKE = f"POST {EARN}/subscribe", f"POST {EARN}/redeem"
PUTS, TAKES, PAID = (f"GET {EARN}/history/{name}Record" for name in ("subscription", "redemption", "rewards"))


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with a_stage() as made:
        made.script.on(LIST, rows(a_product()))
        made.script.on(POSITION, rows({"asset": "USDT", "productId": "USDT001", "totalAmount": "500.00000000"}))
        yield made


def rows(*found: dict[str, Any]) -> Answer:
    return Answer({"rows": list(found), "total": len(found)})


def a_product(product: str = "USDT001", **more: Any) -> dict[str, Any]:
    return {
        "asset": "USDT",
        "latestAnnualPercentageRate": "0.03120000",
        "canPurchase": True,
        "canRedeem": True,
        "isSoldOut": False,
        "minPurchaseAmount": "0.10000000",
        "productId": product,
        "status": "PURCHASING",
    } | more


def parked(client_id: str = "bm0", amount: str = "100") -> MoveIntent:
    return MoveIntent(client_id, "d", "a", "USDT", D(amount), "spot", "earn", NOW + timedelta(minutes=1), 1)


def recalled(client_id: str = "bm1", amount: str = "100") -> MoveIntent:
    return MoveIntent(client_id, "d", "a", "USDT", D(amount), "earn", "spot", NOW + timedelta(minutes=1), 1)


async def test_products_are_read_once_an_hour_by_the_venues_clock(stage: Stage) -> None:
    known = {"USDT": Saving(product="USDT001", rate=D("0.0312"), instant=True, min=D("0.1"))}
    assert await stage.venue.savings() == known
    stage.clock.at += timedelta(minutes=59)
    assert await stage.venue.savings() == known
    assert stage.script.count(LIST) == 1
    stage.clock.at += timedelta(minutes=1)
    await stage.venue.savings()
    assert stage.script.count(LIST) == 2
    assert stage.script.last(LIST)["asset"] == "USDT"


async def test_the_best_product_that_is_open_is_the_one(stage: Stage) -> None:
    stage.script.on(
        LIST,
        rows(
            a_product("USDT002", latestAnnualPercentageRate="0.9", isSoldOut=True),
            a_product("USDT003", latestAnnualPercentageRate="0.8", canPurchase=False),
            a_product("USDC001", latestAnnualPercentageRate="0.7", asset="USDC"),
            a_product("USDT004", latestAnnualPercentageRate="0.05", canRedeem=False),
            a_product(),
        ),
    )
    assert await stage.venue.savings() == {
        "USDT": Saving(product="USDT004", rate=D("0.05"), instant=False, min=D("0.1"))
    }
    stage.script.on(LIST, rows(a_product(isSoldOut=True)))
    stage.clock.at += timedelta(hours=1)
    assert await stage.venue.savings() == {}


async def test_a_list_that_cannot_be_read_is_a_gap_and_is_asked_again(stage: Stage) -> None:
    for answer in (Answer("<html>", 503), Answer({"total": 3}), rows(a_product(latestAnnualPercentageRate="NaN"))):
        stage.script.on(LIST, answer)
        assert isinstance(await stage.venue.savings(), Gap)
    stage.script.on(LIST, rows(a_product()))
    assert not isinstance(await stage.venue.savings(), Gap)


async def test_a_subscription_never_lets_the_venue_park_by_itself(stage: Stage) -> None:
    stage.script.on(PUT, {"purchaseId": 11, "success": True})
    assert await stage.venue.move(parked(amount="100.5"), yes) == (Placed.ACCEPTED, "")
    said = stage.script.last(PUT)
    assert (said["productId"], said["amount"], said["sourceAccount"], said["autoSubscribe"]) == (
        "USDT001",
        "100.5",
        "SPOT",
        "false",
    )


async def test_a_redemption_takes_from_the_product_that_holds_enough(stage: Stage) -> None:
    stage.script.on(
        POSITION,
        rows(
            {"asset": "USDT", "productId": "USDT002", "totalAmount": "20"},
            {"asset": "USDT", "productId": "USDT001", "totalAmount": "500"},
        ),
    )
    stage.script.on(TAKE, {"redeemId": 12, "success": True})
    assert await stage.venue.move(recalled(), yes) == (Placed.ACCEPTED, "")
    said = stage.script.last(TAKE)
    assert (said["productId"], said["amount"], said["destAccount"]) == ("USDT001", "100", "SPOT")


async def test_nothing_is_sent_when_the_product_is_not_known(stage: Stage) -> None:
    stage.script.on(LIST, rows(a_product(isSoldOut=True)))
    verdict, why = await stage.venue.move(parked(), yes)
    assert verdict is Placed.REJECTED
    assert "no flexible savings of USDT are open" in why
    stage.script.on(POSITION, rows())
    assert (await stage.venue.move(recalled(), yes))[0] is Placed.REJECTED
    stage.script.on(LIST, Answer("<html>", 502))
    assert (await stage.venue.move(parked("bm2"), yes))[0] is Placed.REJECTED
    assert stage.script.count(PUT) == stage.script.count(TAKE) == 0


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        (refusal(-6012, "Balance not enough."), Placed.REJECTED),
        (refusal(-6009, "Request frequency too high."), Placed.REJECTED),
        (refusal(-1000), Placed.UNKNOWN),
        (Answer({"success": False, "purchaseId": 3}), Placed.UNKNOWN),
        (Answer({}), Placed.UNKNOWN),
        (Answer("<html>", 502), Placed.UNKNOWN),
        (Answer({"purchaseId": 3, "success": True}, manner="cut"), Placed.UNKNOWN),
        (Answer(manner="hang_up"), Placed.UNKNOWN),
    ],
)
async def test_each_answer_has_its_verdict_and_is_asked_for_once(stage: Stage, answer: Answer, verdict: Placed) -> None:
    stage.script.on(PUT, answer)
    found, why = await stage.venue.move(parked(), yes)
    assert found is verdict
    assert why
    assert stage.script.count(PUT) == 1
    assert (await stage.venue.move(parked(), yes))[0] is Placed.EXISTS
    assert stage.script.count(PUT) == 1


def a_put(number: int, *, amount: str = "100.00000000", **more: Any) -> dict[str, Any]:
    return {
        "amount": amount,
        "asset": "USDT",
        "time": NOW_MS,
        "purchaseId": number,
        "type": "NORMAL",
        "sourceAccount": "SPOT",
        "status": "SUCCESS",
    } | more


@pytest.mark.parametrize(
    ("more", "verdict"),
    [
        ({}, Placed.ACCEPTED),
        ({"status": "PURCHASING"}, Placed.UNKNOWN),
        ({"status": "FAILED"}, Placed.REJECTED),
        ({"type": "AUTO"}, Placed.UNKNOWN),  # the venue's own doing, and it is early
        ({"amount": "99"}, Placed.UNKNOWN),
    ],
)
async def test_a_lost_subscription_is_known_by_its_looks(stage: Stage, more: dict[str, Any], verdict: Placed) -> None:
    stage.script.on(PUT, Answer(manner="hang_up"))
    await stage.venue.move(parked(), yes)
    stage.script.on(PUTS, rows(a_put(11) | more))
    assert await stage.venue.find_move(parked()) is verdict


async def test_a_lost_redemption_is_known_by_its_looks_or_absent_at_last(stage: Stage) -> None:
    stage.script.on(TAKE, Answer(manner="hang_up"))
    await stage.venue.move(recalled(), yes)
    stage.script.on(TAKES, Answer({"total": 0}))
    assert await stage.venue.find_move(recalled()) is Placed.UNKNOWN
    stage.clock.at = recalled().sent_before + timedelta(seconds=20)
    assert await stage.venue.find_move(recalled()) is Placed.REJECTED
    stage.script.on(
        TAKES, rows({"amount": "100.00000000", "asset": "USDT", "time": NOW_MS, "redeemId": 5, "status": "PAID"})
    )
    assert await stage.venue.find_move(recalled()) is Placed.ACCEPTED


async def test_interest_is_read_by_spans_and_pages_and_named_once(stage: Stage) -> None:
    for what in ("GET /fapi/v1/income", "GET /sapi/v1/capital/deposit/hisrec", "GET /sapi/v1/capital/withdraw/history"):
        stage.script.on(what, [])
    reward = {"asset": "USDT", "projectId": "USDT001", "type": "REALTIME", "rewards": "0.01"}
    full = [reward | {"time": NOW_MS - number} for number in range(100)]
    stage.script.on(PAID, rows(*full), rows(reward | {"time": NOW_MS - 100}, full[0]), rows())
    found = await stage.venue.flows(NOW - timedelta(days=31))
    assert not isinstance(found, Gap)
    assert len(found) == 101
    assert {(one.kind, one.body["kind"], one.body["amount"]) for one in found} == {("flow", "interest", "0.01")}
    assert stage.script.count(PAID) == 3
    assert stage.script.last(PAID)["type"] == "ALL"


@pytest.mark.parametrize(("answer", "is_gap"), [(refusal(-6003), False), (Answer("<html>", 503), True)])
async def test_an_account_without_savings_has_flows_and_a_failed_read_has_none(
    stage: Stage, answer: Answer, *, is_gap: bool
) -> None:
    for what in ("GET /fapi/v1/income", "GET /sapi/v1/capital/deposit/hisrec", "GET /sapi/v1/capital/withdraw/history"):
        stage.script.on(what, [])
    stage.script.on(PAID, answer)
    assert isinstance(await stage.venue.flows(NOW - timedelta(days=1)), Gap) is is_gap
