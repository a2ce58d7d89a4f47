"""Moves between own wallets: sent once, found again though they carry no id of ours."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from bot.core.orders import MoveIntent, OrderIntent, Placed
from bot.ports.errors import Denied
from bot.ports.venue import Gap
from tests.unit.venues.ccxt.scripted import NOW_MS, Answer, Stage, a_move, a_stage, refusal, yes

MOVE, HISTORY = "POST /sapi/v1/asset/transfer", "GET /sapi/v1/asset/transfer"


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with a_stage() as made:
        yield made


def a_row(
    number: int, *, status: str = "CONFIRMED", amount: str = "100.00000000", asset: str = "USDT"
) -> dict[str, Any]:
    return {
        "asset": asset,
        "amount": amount,
        "type": "MAIN_UMFUTURE",
        "status": status,
        "tranId": number,
        "timestamp": NOW_MS,
    }


def history(*rows: dict[str, Any]) -> Answer:
    return Answer({"total": len(rows), "rows": list(rows)} if rows else {"total": 0})


async def test_a_transfer_says_what_the_intent_says(stage: Stage) -> None:
    stage.script.on(MOVE, {"tranId": 11})
    assert await stage.venue.move(a_move(), yes) == (Placed.ACCEPTED, "")
    said = stage.script.last(MOVE)
    assert (said["asset"], said["amount"], said["type"]) == ("USDT", "100", "MAIN_UMFUTURE")


async def test_a_permit_that_says_no_moves_nothing(stage: Stage) -> None:
    def no(intent: OrderIntent | MoveIntent) -> None:
        raise Denied(f"halt: {intent.client_id}")

    assert await stage.venue.move(a_move(), no) == (Placed.DENIED, "halt: bm0")
    assert stage.script.count(MOVE) == 0


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        (refusal(-5013, "Asset transfer failed: insufficient balance"), Placed.REJECTED),
        (Answer("", 200), Placed.UNKNOWN),
        (Answer({}, 200), Placed.UNKNOWN),
        (Answer("<html>", 502), Placed.UNKNOWN),
        (Answer({"tranId": 1}, manner="cut"), Placed.UNKNOWN),
        (Answer(manner="hang_up"), Placed.UNKNOWN),
        (Answer({"tranId": 1}, after_s=0.5), Placed.UNKNOWN),
    ],
)
async def test_each_answer_has_its_verdict_and_is_asked_for_once(stage: Stage, answer: Answer, verdict: Placed) -> None:
    stage.script.on(MOVE, answer)
    found, why = await stage.venue.move(a_move(), yes)
    assert found is verdict
    assert why
    assert stage.script.count(MOVE) == 1


@pytest.mark.parametrize(
    ("status", "verdict"),
    [("CONFIRMED", Placed.ACCEPTED), ("PENDING", Placed.UNKNOWN), ("FAILED", Placed.REJECTED), ("ODD", Placed.UNKNOWN)],
)
async def test_a_transfer_is_found_by_its_number(stage: Stage, status: str, verdict: Placed) -> None:
    stage.script.on(MOVE, {"tranId": 11})
    await stage.venue.move(a_move(), yes)
    stage.script.on(HISTORY, history(a_row(12), a_row(11, status=status)))
    assert await stage.venue.find_move(a_move()) is verdict


async def test_a_transfer_whose_number_was_lost_is_known_by_its_looks(stage: Stage) -> None:
    stage.script.on(HISTORY, history(a_row(1, amount="99"), a_row(2, asset="BTC"), a_row(3)))
    assert await stage.venue.find_move(a_move()) is Placed.ACCEPTED
    assert await stage.venue.find_move(a_move("bm1")) is Placed.UNKNOWN  # number 3 is the other's, and it is early


async def test_absence_is_proof_only_when_nothing_can_arrive_any_more(stage: Stage) -> None:
    stage.script.on(HISTORY, history())
    assert await stage.venue.find_move(a_move()) is Placed.UNKNOWN
    stage.clock.at = a_move().sent_before + timedelta(seconds=19)
    assert await stage.venue.find_move(a_move()) is Placed.UNKNOWN
    stage.clock.at += timedelta(seconds=1)
    assert await stage.venue.find_move(a_move()) is Placed.REJECTED


async def test_a_transfer_that_the_venue_accepted_is_never_called_absent(stage: Stage) -> None:
    stage.script.on(MOVE, {"tranId": 11})
    await stage.venue.move(a_move(), yes)
    stage.script.on(HISTORY, history())
    stage.clock.at += timedelta(hours=1)
    assert await stage.venue.find_move(a_move()) is Placed.UNKNOWN


async def test_a_history_that_cannot_be_read_is_a_gap(stage: Stage) -> None:
    stage.script.on(HISTORY, Answer("<html>", 503))
    assert isinstance(await stage.venue.find_move(a_move()), Gap)


async def test_the_same_intent_is_not_moved_twice(stage: Stage) -> None:
    stage.script.on(MOVE, {"tranId": 11})
    await stage.venue.move(a_move(), yes)
    assert (await stage.venue.move(a_move(), yes))[0] is Placed.EXISTS
    assert stage.script.count(MOVE) == 1


async def test_a_lost_answer_does_not_let_the_same_intent_leave_again(stage: Stage) -> None:
    stage.script.on(MOVE, Answer(manner="hang_up"), {"tranId": 11})
    await stage.venue.move(a_move(), yes)
    assert (await stage.venue.move(a_move(), yes))[0] is Placed.EXISTS
    assert stage.script.count(MOVE) == 1
