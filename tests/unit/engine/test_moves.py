"""Transfers through bad lines and ended processes: each is made once or not at all, and `verify` proves it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.core.events import Event
from bot.core.orders import OrderState
from bot.engine.verify import verify
from bot.store.memory import Book
from tests.builders import D, a_policy
from tests.unit.engine.world import OPENING, ProcessEnded, World, a_world

SAVING = a_policy(savings={"enabled": True})
AT_TARGET = {"USDT": D(40_000), "BTC": D(400)}
HOUR = timedelta(hours=1)


async def a_saver() -> World:
    return await a_world(policy=SAVING, opening=AT_TARGET, futures="0")


async def a_hedger() -> World:
    """More BTC than wanted and no margin: a hedge needs money in the futures wallet first."""
    return await a_world(policy=a_policy(), opening=OPENING, futures="0")


async def lived(world: World, *, cycles: int, restarts: bool) -> World:
    """Some cycles; where the process ends in one of them, or between any two, another goes on."""
    for _ in range(cycles):
        try:
            await world.cycle()
        except ProcessEnded:
            world = await world.restarted()
            continue
        if restarts:
            world = await world.restarted()
    return world


async def made_once(world: World) -> None:
    """What the record calls done is what the exchange did, no more and no less; nothing is a question any more."""
    rows = await world.store.moves(unfinished=False)
    done = [(row.intent.asset, row.intent.amount, row.intent.to) for row in rows if row.state == OrderState.FILLED]
    assert sorted(done) == sorted((one.asset, one.amount, one.to) for one in world.exchange.transfers())
    assert not await world.store.moves()
    report = await verify(world.record)
    assert report.clean, report.lines


@pytest.mark.parametrize("restarts", [False, True])
@pytest.mark.parametrize("answer", ["lost", "raises", "late", "refused", "denied", "ends"])
@pytest.mark.parametrize("start", [a_saver, a_hedger])
async def test_whatever_becomes_of_a_transfer_it_is_made_once(
    start: Callable[[], Any], answer: Any, restarts: bool
) -> None:
    world = await start()
    world.venue.transfers_answer = [answer]
    world = await lived(world, cycles=6, restarts=restarts)
    assert world.exchange.transfers()  # the need did not go away, so that it was seen to in the end
    await made_once(world)


@pytest.mark.parametrize("answer", ["lost", "raises"])
async def test_while_its_fate_is_unknown_no_other_is_sent(answer: Any) -> None:
    world = await a_saver()
    world.venue.transfers_answer = [answer]
    world.venue.moves_seen = []
    await world.cycle()
    (row,) = await world.store.moves()
    assert row.state == OrderState.UNKNOWN
    before = len(world.exchange.transfers())
    await world.cycle(later=timedelta(seconds=30))
    assert len(world.exchange.transfers()) == before
    world = await lived(world, cycles=3, restarts=False)
    await made_once(world)


async def test_margin_that_nobody_needs_any_more_comes_back() -> None:
    world = await a_world(policy=a_policy(), opening=AT_TARGET, futures="9000")
    kinds: list[str] = []
    for _ in range(6):
        kinds += [item.wish.kind for item in (await world.cycle(later=6 * HOUR)).plan.actions]
    assert "transfer" in kinds
    assert world.exchange.transfers()[-1].to == "spot"
    after = await world.restarted()
    assert not [item for item in (await after.cycle(later=HOUR)).plan.actions if item.wish.kind == "transfer"]
    report = await verify(after.record)
    assert report.clean, report.lines


# ---- what a record may not say


def another_amount(book: Book) -> None:
    at, event = next((at, each) for at, each in enumerate(book.events) if each.kind == "move.submitted")
    book.events[at] = replace(event, body={**event.body, "amount": "1"})


def sent_twice(book: Book) -> None:
    event = next(each for each in book.events if each.kind == "move.submitted")
    book.events.append(replace(event, key="once more"))


def sent_before_it_was_decided(book: Book) -> None:
    at, event = next((at, each) for at, each in enumerate(book.events) if each.kind == "move.submitted")
    book.events[at] = replace(event, at=event.at - HOUR)


def sent_while_halted(book: Book) -> None:
    at = book.events[0].at
    book.events.insert(0, Event("control:1", at, "control", {"what": "kill", "value": "halt"}))


def back_from_the_end(book: Book) -> None:
    event = next(each for each in book.events if each.kind == "move.state" and each.body["state"] == "filled")
    book.events.append(replace(event, key="odd", body={**event.body, "state": "unknown"}))


def sent_into_the_dark(book: Book) -> None:
    at, event = next((at, each) for at, each in enumerate(book.events) if each.kind == "move.submitted")
    dark = {"client_id": "other", "state": "unknown", "to": "futures", "why": ""}
    earlier = replace(event, key="e", body={**event.body, "client_id": "other", "decision_id": "earlier"})
    told = [
        replace(event, key=f"d{state}", kind="move.state", body={**dark, "state": state})
        for state in ("submitted", "unknown")
    ]
    book.events[at:at] = [told[0], earlier, told[1]]


def sent_beside_one_in_the_dark(book: Book) -> None:
    sent_into_the_dark(book)
    at, event = next((at, each) for at, each in enumerate(book.events) if each.key == "e")
    mine = next(each for each in book.events if each.kind == "move.submitted" and each.key != "e")
    book.events[at] = replace(event, body={**event.body, "decision_id": mine.body["decision_id"]})


@pytest.mark.parametrize(
    ("tamper", "found"),
    [
        (another_amount, "I17 moved as decided"),
        (sent_twice, "I17 moved as decided"),
        (sent_before_it_was_decided, "I17 moved as decided"),
        (sent_while_halted, "I9 nothing sent while stopped"),
        (back_from_the_end, "I16 legal histories"),
        (sent_into_the_dark, "I18 one transfer after the other"),
        (sent_beside_one_in_the_dark, "I18 one transfer after the other"),
    ],
)
async def test_a_record_of_transfers_that_was_tampered_with_is_named(
    tamper: Callable[[Book], None], found: str
) -> None:
    world = await a_saver()
    await world.cycle()
    assert (await verify(world.record)).clean
    tamper(world.database.books["main", "paper", "binance", "local"])
    report = await verify(world.record)
    assert any(found in line for line in report.lines), report.lines
