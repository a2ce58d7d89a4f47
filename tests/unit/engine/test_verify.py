"""A record that was tampered with is found out, and by the right name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.clocks import StepClock
from bot.core.events import Event
from bot.core.orders import OrderState
from bot.engine.invariants import Evidence, nothing_sent_while_stopped
from bot.engine.verify import verify
from bot.ports.store import OrderRow
from bot.store.memory import Book
from tests.builders import NOON, D, an_intent
from tests.unit.engine.world import a_world
from tests.unit.venues.simulated.scenes import START


def another_plan(book: Book) -> None:
    row, snapshot, policy = book.decisions[0]
    told = row.plan_json.replace('"equity":"100000.00"', '"equity":"100001.00"')
    book.decisions[0] = (replace(row, plan_json=told), snapshot, policy)


def a_trade_lost(book: Book) -> None:
    book.fills.pop()


def a_trade_twice(book: Book) -> None:
    book.fills.append(book.fills[-1])


def an_order_sent_twice(book: Book) -> None:
    book.events.append(next(event for event in book.events if event.kind == "order.submitted"))


def an_order_never_announced(book: Book) -> None:
    book.events[:] = [event for event in book.events if event.kind != "order.submitted"]


def an_order_sent_before_its_decision_was_committed(book: Book) -> None:
    place = next(at for at, event in enumerate(book.events) if event.kind == "order.submitted")
    book.events.insert(0, book.events.pop(place))


def an_order_sent_long_before_its_decision(book: Book) -> None:
    place, event = next((at, one) for at, one in enumerate(book.events) if one.kind == "order.submitted")
    book.events[place] = replace(event, at=event.at - timedelta(hours=1))


def more_than_intended(book: Book) -> None:
    name, row = next(iter(book.orders.items()))
    book.orders[name] = replace(row, filled=abs(row.intent.qty) + 1)


def a_broken_step(book: Book) -> None:
    name, row = next(iter(book.orders.items()))
    book.orders[name] = replace(row, sent_qty=row.intent.qty + D("0.0001"))


def sent_while_halted(book: Book) -> None:
    at = book.events[0].at
    book.events.insert(0, Event("control:1", at, "control", {"what": "kill", "value": "halt"}))


def back_from_the_end(book: Book) -> None:
    event = next(event for event in book.events if event.kind == "order.state")
    body = {**event.body, "state": OrderState.OPEN.value}
    book.events.append(Event("odd", event.at, "order.state", body))


def a_fact_forgotten(book: Book) -> None:
    book.events[:] = [event for event in book.events if event.kind != "seen"]


@pytest.mark.parametrize(
    ("tamper", "found"),
    [
        (another_plan, "made again it differs in equity"),
        (a_trade_lost, "I5 fills add up"),
        (a_trade_twice, "I5 fills add up"),
        (an_order_sent_twice, "I2 sent once"),
        (an_order_never_announced, "I1 committed before sent"),
        (an_order_sent_before_its_decision_was_committed, "I1 committed before sent"),
        (an_order_sent_long_before_its_decision, "I1 committed before sent"),
        (more_than_intended, "I4 filled within the intent"),
        (a_broken_step, "I13 whole steps"),
        (sent_while_halted, "I9 nothing sent while stopped"),
        (back_from_the_end, "I16 legal histories"),
        (a_fact_forgotten, "memory: folding all"),
    ],
)
async def test_what_was_tampered_with_is_named(tamper: Callable[[Book], None], found: str) -> None:
    world = await a_world()
    await world.cycle()
    assert (await verify(world.record)).clean
    tamper(world.database.books["main", "paper", "binance", "local"])
    report = await verify(world.record)
    assert not report.clean
    assert any(found in line for line in report.lines), report.lines


async def test_a_clock_that_is_set_back_between_a_decision_and_its_orders_proves_nothing_against_them() -> None:
    class Settable(StepClock):
        def back(self, by: timedelta) -> None:
            self._now -= by

    clock = Settable(START)
    world = await a_world(clock=clock)
    world.venue.after_place = lambda _intent: clock.back(timedelta(seconds=4))
    decided = (await world.cycle()).plan.at
    sent = [event.at async for event in world.record.events() if event.kind == "order.submitted"]
    assert sent[-1] < decided
    report = await verify(world.record)
    assert report.clean, report.lines


async def test_a_decision_of_another_version_is_named_and_not_compared() -> None:
    world = await a_world()
    await world.cycle()
    book = world.database.books["main", "paper", "binance", "local"]
    row, snapshot, policy = book.decisions[0]
    book.decisions[0] = (replace(row, version="0.0.9"), snapshot, policy)
    report = await verify(world.record)
    assert "1 decisions were made by version 0.0.9: not compared" in report.lines
    assert (report.decisions, report.clean) == (0, True)
    compared = await verify(world.record, any_version=True)
    assert (compared.decisions, compared.identical) == (1, 1)


@pytest.mark.parametrize(
    ("pruned", "said"), [(0, ""), (2, " (2 holds are older than their inputs are kept: readings only)")]
)
async def test_the_verdict_says_how_many_holds_could_not_be_made_again(pruned: int, said: str) -> None:
    world = await a_world()
    for _ in range(3):
        await world.cycle()
    book = world.database.books["main", "paper", "binance", "local"]
    for number in range(1, 1 + pruned):
        row, _, policy = book.decisions[number]
        book.decisions[number] = (row, None, policy)
    report = await verify(world.record)
    whole = 3 - pruned
    assert report.verdict.startswith(f"{whole} of {whole} identical{said}, ")


async def test_progress_is_told() -> None:
    world = await a_world()
    for _ in range(3):
        await world.cycle()
    told: list[int] = []
    await verify(world.record, progress=told.append)
    assert told == [1, 2, 3]


@pytest.mark.parametrize(("levels", "wrong"), [(["flatten", "halt"], 0), (["halt"], 1), (["flatten", "halt", "?"], 0)])
def test_a_lower_level_asked_for_later_does_not_end_the_closing_of_positions(levels: list[str], wrong: int) -> None:
    intent = an_intent(symbol="BTC/USDT:USDT", qty="1", kind="flatten", reduce_only=True)
    asked = [
        Event(f"control:{at}", NOON, "control", {"what": "kill", "value": level}) for at, level in enumerate(levels)
    ]
    sent = Event("sent", NOON, "order.submitted", {"client_id": intent.client_id})
    row = OrderRow(intent, OrderState.FILLED, D(1), NOON, NOON)
    faults = nothing_sent_while_stopped(Evidence([*asked, sent], [row]))
    assert len(faults) == wrong
