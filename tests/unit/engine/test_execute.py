"""One decision worked: what goes out, in which order, and what each answer means."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from bot.core.orders import OrderState, Placed
from bot.core.snapshot import Kill
from bot.core.wishes import Leg, Move, Wish
from bot.engine.action import Sender, works
from bot.engine.execute import Executor, Sent
from bot.engine.permit import SendPermit
from bot.ports.venue import Gap
from tests.builders import D
from tests.unit.engine.world import World, a_world
from tests.unit.venues.simulated.scenes import SPOT, SWAP, a_market

SOON = timedelta(seconds=20)


def a_leg(qty: str, symbol: str = SPOT, *, reduce_only: bool = False) -> Leg:
    swap = symbol == SWAP
    limit = D(98) if qty.startswith("-") else D(102)
    return Leg(symbol, D(qty), D(100), "hedge" if swap else "spot", reduce_only, D(2) if swap else None, limit)


def a_wish(*legs: Leg, **over: Any) -> Wish:
    values: dict[str, Any] = {"rule": "R-A3", "kind": "trim", "cls": "derisk", "asset": "BTC", "why": "as asked"}
    return Wish(**{**values, "legs": legs, **over})


async def executed(world: World, *wishes: Wish, moving: bool = False, level: Kill = "off") -> list[Sent]:
    """The next decision of this world, as if its actions had been these."""
    engine, policy = world.engine, world.policy
    engine.recorder.policy = policy
    decision, snapshot = await engine.decide(policy, await engine.observer.read(policy))
    approved = decision.actions[0]
    decision = replace(decision, actions=tuple(replace(approved, wish=wish) for wish in wishes))
    sender = Sender("paper", "main", engine.recorder.fence, snapshot.at + policy.cycle / 2)
    todo = works(decision, policy, snapshot, sender)
    world.number += 1
    await world.store.begin(
        f"e{world.number}", snapshot, policy, decision, [order for work in todo for order in work.orders],
        [move for work in todo for move in work.moves], engine.recorder.fence,
    )  # fmt: skip
    permit = SendPermit(lambda: level, lambda: float("inf"), world.clock)
    executor = Executor(world.parts, engine.recorder, permit, asyncio.Lock(), world.kill.look_if_old)
    return list(await executor.run(todo, policy, snapshot.markets, moving=moving))


def ends(sent: Sequence[Sent]) -> list[tuple[OrderState, Decimal]]:
    return [(item.state, item.filled) for item in sent]


# ---- answers


@pytest.mark.parametrize(
    ("answer", "state", "filled"),
    [
        ("ok", OrderState.FILLED, "-5"),
        ("exists", OrderState.FILLED, "-5"),  # told as known before: looked up, and found
        ("lost", OrderState.UNKNOWN, "0"),
        ("never", OrderState.UNKNOWN, "0"),
        ("raises", OrderState.UNKNOWN, "0"),
        ("refused", OrderState.REJECTED, "0"),
    ],
)
async def test_every_answer_to_a_send_has_its_state(answer: Any, state: OrderState, filled: str) -> None:
    world = await a_world()
    world.venue.answers = [answer]
    assert ends(await executed(world, a_wish(a_leg("-5")))) == [(state, D(filled))]


async def test_an_answer_without_an_order_is_looked_up_and_unknown_where_it_is_not_found() -> None:
    world = await a_world()
    world.venue.answers = ["exists"]
    world.venue.after_place = lambda intent: world.venue.forgets.add(intent.client_id)
    assert ends(await executed(world, a_wish(a_leg("-5")))) == [(OrderState.UNKNOWN, D(0))]


async def test_nothing_else_goes_to_a_symbol_whose_order_has_no_known_outcome() -> None:
    world = await a_world()
    world.venue.answers = ["lost"]
    sent = await executed(world, a_wish(a_leg("-5")), a_wish(a_leg("-6"), asset="BTC", rule="R-A4"))
    assert [item.state for item in sent] == [OrderState.UNKNOWN, OrderState.DENIED]
    assert "an own order stands on it" in sent[1].why
    assert len(world.venue.placed) == 1


async def test_leverage_that_cannot_be_set_keeps_the_short_back_and_leaves_a_broken_pair() -> None:
    world = await a_world()
    world.venue.unprepared = "the account is in hedge mode"
    sent = await executed(world, a_wish(a_leg("-5"), a_leg("-3", SWAP)))
    assert [item.state for item in sent] == [OrderState.FILLED, OrderState.DENIED]
    assert "could not be set: the account is in hedge mode" in sent[1].why
    assert [body["contracts"] for body in await world.bodies("pair.broken")] == ["-3"]


async def test_what_would_be_under_the_venues_least_is_not_sent() -> None:
    world = await a_world()
    world.scene.listed[SWAP] = a_market().model_copy(update={"min_notional": D(250)})
    world.venue.answers = ["ok"]
    world.scene.depth = D(1)  # twenty coins on one side: two thirds of thirty
    sent = await executed(world, a_wish(a_leg("-30"), a_leg("-3", SWAP)))
    assert 0 < abs(sent[0].filled) < 30
    assert "is under the venue's least of 2.5" in sent[1].why
    assert not await world.bodies("pair.broken")


# ---- the same order twice


async def test_the_same_order_of_another_decision_a_moment_later_is_refused() -> None:
    world = await a_world()
    await executed(world, a_wish(a_leg("-5")))
    await world.clock.until(world.clock.now() + SOON)
    sent = await executed(world, a_wish(a_leg("-5.02")))
    assert [item.state for item in sent] == [OrderState.DENIED]
    assert "was the same order, -5, a moment ago" in sent[0].why
    assert world.held() == D(595)


async def test_after_a_restart_too() -> None:
    world = await a_world()
    await executed(world, a_wish(a_leg("-5")))
    after = await world.restarted()
    await after.clock.until(after.clock.now() + SOON)
    assert [item.state for item in await executed(after, a_wish(a_leg("-5")))] == [OrderState.DENIED]


@pytest.mark.parametrize(
    ("leg", "later"),
    [
        (a_leg("-6"), SOON),  # another size
        (a_leg("5"), SOON),  # the other way
        (a_leg("-5", SWAP), SOON),  # elsewhere
        (a_leg("-5"), timedelta(minutes=1)),  # later
    ],
)
async def test_what_differs_is_no_twin(leg: Leg, later: timedelta) -> None:
    world = await a_world()
    await executed(world, a_wish(a_leg("-5")))
    await world.clock.until(world.clock.now() + later)
    assert [item.state for item in await executed(world, a_wish(leg))] == [OrderState.FILLED]


async def test_what_took_no_effect_may_be_sent_again_at_once() -> None:
    world = await a_world()
    world.venue.answers = ["refused"]
    await executed(world, a_wish(a_leg("-5")))
    await world.clock.until(world.clock.now() + SOON)
    assert [item.state for item in await executed(world, a_wish(a_leg("-5")))] == [OrderState.FILLED]


async def test_what_only_closes_is_never_kept_back_as_a_twin() -> None:
    world = await a_world()
    await executed(world, a_wish(a_leg("-10", SWAP)))
    for _ in range(2):
        await world.clock.until(world.clock.now() + SOON)
        sent = await executed(world, a_wish(a_leg("3", SWAP, reduce_only=True), cls="safety"))
        assert [item.state for item in sent] == [OrderState.FILLED]
    assert world.short() == D(4)


async def test_two_actions_of_one_decision_are_no_twins() -> None:
    world = await a_world()
    sent = await executed(world, a_wish(a_leg("-5")), a_wish(a_leg("-5"), rule="R-A4"))
    assert [item.state for item in sent] == [OrderState.FILLED, OrderState.FILLED]


# ---- what leans on another action


async def leaning(world: World, first: Wish, second: Wish, word: str, *, answer: Any = "ok") -> list[Sent]:
    """Execute two wishes, the second of which names the first in ``word``."""
    engine = world.engine
    engine.recorder.policy = world.policy
    decision, _ = await engine.decide(world.policy, await engine.observer.read(world.policy))
    world.venue.answers = [answer]
    named: dict[str, Any] = {word: (decision.action_id(0),)}
    return await executed(world, first, replace(second, **named))


async def test_what_depends_on_an_action_that_was_done_goes_on() -> None:
    world = await a_world()
    sent = await leaning(world, a_wish(a_leg("-5")), a_wish(a_leg("-4", SWAP), rule="R-A4"), "depends_on")
    assert [item.state for item in sent] == [OrderState.FILLED, OrderState.FILLED]


async def test_what_depends_on_an_action_that_failed_stays() -> None:
    world = await a_world()
    sent = await leaning(
        world, a_wish(a_leg("-5")), a_wish(a_leg("-4", SWAP), rule="R-A4"), "depends_on", answer="refused"
    )
    assert "on which it depends, was not done" in sent[1].why


async def test_what_depends_on_an_action_that_was_not_sent_stays() -> None:
    world = await a_world()
    (sent,) = await executed(world, a_wish(a_leg("-5"), depends_on=("d0-1",)))
    assert "d0-1, on which it depends, was not done" in sent.why


async def test_what_is_paid_for_in_full_is_bought_whole() -> None:
    world = await a_world()
    buy = a_wish(a_leg("4"), kind="add", rule="R-A10")
    sent = await leaning(world, a_wish(a_leg("-5", SPOT)), buy, "funded_by")
    assert sent[1].filled == D(4)


async def test_what_a_sale_did_not_bring_in_is_not_bought() -> None:
    world = await a_world()
    world.scene.depth = D(1)
    buy = a_wish(a_leg("30"), kind="add", rule="R-A10")
    sent = await leaning(world, a_wish(a_leg("-30")), buy, "funded_by")
    assert sent[0].filled == D(-20)
    assert sent[1].asked == D(20)


async def test_where_a_sale_brought_nothing_in_nothing_is_bought() -> None:
    world = await a_world()
    buy = a_wish(a_leg("5"), kind="add", rule="R-A10")
    sent = await leaning(world, a_wish(a_leg("-5")), buy, "funded_by", answer="refused")
    assert "what pays for it brought nothing in" in sent[1].why


async def test_what_is_paid_for_by_an_action_that_was_not_sent_stays() -> None:
    world = await a_world()
    (sent,) = await executed(world, a_wish(a_leg("5"), funded_by=("d0-1",)))
    assert "d0-1, which pays for it, was not sent" in sent.why


async def test_what_only_sells_needs_nobody_to_pay_for_it() -> None:
    world = await a_world()
    sent = await leaning(world, a_wish(a_leg("-5")), a_wish(a_leg("-4"), rule="R-A4"), "funded_by", answer="refused")
    assert sent[1].filled == D(-4)


# ---- transfers


def a_transfer(amount: str = "100", *legs: Leg, **over: Any) -> Wish:
    return a_wish(*legs, kind="transfer", cls="upkeep", moves=(Move("USDT", D(amount), "spot", "futures"),), **over)


@pytest.mark.parametrize(
    ("answer", "seen", "state"),
    [
        ("ok", [], OrderState.FILLED),
        ("late", [Placed.UNKNOWN], OrderState.UNKNOWN),
        ("late", [Gap("transfers", "timed out")], OrderState.UNKNOWN),
        ("lost", [], OrderState.UNKNOWN),
        ("raises", [], OrderState.UNKNOWN),
        ("refused", [], OrderState.REJECTED),
        ("denied", [], OrderState.DENIED),
    ],
)
async def test_every_answer_to_a_transfer_has_its_state(answer: Any, seen: Any, state: OrderState) -> None:
    world = await a_world()
    world.venue.transfers_answer, world.venue.moves_seen = [answer], seen
    sent = await executed(world, a_transfer("100", a_leg("-5", SWAP)))
    done = state == OrderState.FILLED
    assert [item.state for item in sent] == [state, OrderState.FILLED if done else OrderState.DENIED]
    if not done:
        assert "its transfer has not arrived" in sent[1].why


async def test_while_an_earlier_transfer_has_no_known_outcome_none_is_sent() -> None:
    world = await a_world()
    sent = await executed(world, a_transfer(), moving=True)
    assert [item.state for item in sent] == [OrderState.DENIED]
    assert "an earlier transfer has no known outcome yet" in sent[0].why


@pytest.mark.parametrize("answer", ["lost", "raises"])
async def test_after_a_transfer_without_a_known_outcome_no_other_of_its_decision_is_sent(answer: Any) -> None:
    world = await a_world()
    world.venue.transfers_answer, world.venue.moves_seen = [answer], []
    sent = await executed(world, a_transfer("100"), a_transfer("50", a_leg("-5", SWAP)), a_wish(a_leg("-5")))
    assert [item.state for item in sent[:3]] == [OrderState.UNKNOWN, OrderState.DENIED, OrderState.DENIED]
    assert f"the outcome of {sent[0].client_id} is not known yet" in sent[1].why
    assert sent[3].filled == D(-5)  # what needs no transfer goes on


async def test_a_transfer_that_may_not_leave_is_denied_before_it_is_asked_for() -> None:
    world = await a_world()
    assert [item.state for item in await executed(world, a_transfer(), level="halt")] == [OrderState.DENIED]
