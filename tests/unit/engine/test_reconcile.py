"""What becomes of everything sent: by proof from the venue, over restarts, over lost answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.clocks import StepClock
from bot.core.events import Event
from bot.core.orders import OrderState, OrderView
from bot.engine.verify import verify
from tests.builders import D
from tests.unit.engine.world import ProcessEnded, World, a_world
from tests.unit.venues.simulated.scenes import SPOT, SWAP

SHORTLY = timedelta(seconds=30)


async def ended_at_the_send(world: World, leg: int) -> None:
    """Run a cycle whose process ends in the last line before the send of a leg."""

    def end(intent: object) -> None:
        if getattr(intent, "leg", None) == leg:
            raise ProcessEnded

    world.venue.before_place = end
    with pytest.raises(ProcessEnded):
        await world.cycle()


async def states(world: World) -> dict[str, list[OrderState]]:
    return {symbol: [row.state for row in rows] for symbol, rows in (await world.orders()).items()}


async def test_an_intent_that_was_never_sent_is_denied_at_the_next_start() -> None:
    world = await a_world()
    await ended_at_the_send(world, leg=0)
    assert await states(world) == {SPOT: [OrderState.SUBMITTED], SWAP: [OrderState.INTENDED]}
    after = await world.restarted()
    await after.engine.reconciler.run(after.policy)
    assert (await states(after))[SWAP] == [OrderState.DENIED]
    row = (await after.orders())[SWAP][0]
    assert row.why == "never sent: the process ended before"


async def test_a_submitted_order_that_never_arrived_is_unknown_until_the_bound_and_absent_past_it() -> None:
    world = await a_world()
    await ended_at_the_send(world, leg=0)
    after = await world.restarted()
    await after.cycle(later=SHORTLY)
    assert (await states(after))[SPOT][0] == OrderState.UNKNOWN
    late = await after.cycle(later=timedelta(seconds=120))
    assert (await states(after))[SPOT][0] == OrderState.ABSENT
    assert [item.wish.kind for item in late.plan.actions] == ["trim"]
    assert (await verify(after.record)).clean


async def test_nothing_is_sent_on_a_symbol_whose_order_is_unknown() -> None:
    world = await a_world()
    world.venue.answers = ["never"]
    first = await world.cycle()
    assert first.count(OrderState.UNKNOWN) == 1
    second = await world.cycle(later=SHORTLY)
    assert not second.plan.actions
    assert len((await world.orders())[SPOT]) == 1


async def test_a_lost_answer_is_resolved_by_finding_the_order() -> None:
    world = await a_world()
    world.venue.answers = ["lost"]
    first = await world.cycle()
    assert first.count(OrderState.UNKNOWN) == 1
    assert (await states(world)) == {SPOT: [OrderState.UNKNOWN], SWAP: [OrderState.DENIED]}
    assert world.held() == D(570)
    await world.cycle(later=SHORTLY)
    assert (await states(world))[SPOT][0] == OrderState.FILLED
    fills = await world.bodies("fill")
    assert sum(D(str(fill["qty"])) for fill in fills if fill["symbol"] == SPOT) == world.held() - D(600)


async def test_the_leg_that_a_lost_answer_kept_back_is_owed_and_completed() -> None:
    world = await a_world()
    world.venue.answers = ["lost"]
    first = await world.cycle()
    second = await world.cycle(later=SHORTLY)
    (broken,) = await world.bodies("pair.broken")
    assert (broken["symbol"], broken["contracts"]) == (SWAP, "-20")
    assert first.plan.action_id(0) == broken["action"]
    wished = [*(item.wish for item in second.plan.actions), *(item.wish for item in second.plan.blocked)]
    assert next((wish.rule, wish.repairs) for wish in wished) == ("R-W7", broken["action"])
    await world.cycle()
    await world.cycle()  # at the latest when the interval between two increments is over
    assert world.short() >= D(20)
    assert not (await world.store.memory()).broken


async def test_a_lost_answer_of_an_order_that_arrived_is_never_sent_again() -> None:
    world = await a_world()
    world.venue.answers = ["lost", "lost", "lost", "lost"]
    for _ in range(6):
        await world.cycle()
    ids = [intent.client_id for intent in world.venue.placed]
    assert len(ids) == len(set(ids))
    assert (await verify(world.record)).clean


async def test_while_the_venue_cannot_be_asked_the_order_stays_unknown() -> None:
    world = await a_world()
    world.venue.answers = ["lost"]
    await world.cycle()
    world.venue.blind = True
    for _ in range(3):
        await world.cycle()
    assert (await states(world))[SPOT] == [OrderState.UNKNOWN]
    world.venue.blind = False
    await world.cycle()
    assert (await states(world))[SPOT][0] == OrderState.FILLED


async def test_a_process_that_ended_between_the_legs_leaves_a_pair_that_the_next_one_completes() -> None:
    world = await a_world()
    await ended_at_the_send(world, leg=1)
    assert world.held() == D(570)
    assert world.short() == 0
    after = await world.restarted()
    # Its short was submitted and never arrived: only past the bound is that known, and the leg owed.
    await after.cycle(later=SHORTLY)
    assert not await after.bodies("pair.broken")
    await after.cycle(later=timedelta(seconds=120))
    assert [body["symbol"] for body in await after.bodies("pair.broken")] == [SWAP]
    await after.cycle()
    await after.cycle()
    assert after.short() >= D(20)
    assert not (await after.store.memory()).broken
    assert (await verify(after.record)).clean


async def test_reconciling_twice_changes_nothing() -> None:
    world = await a_world()
    world.venue.answers = ["lost"]
    await world.cycle()
    await world.clock.until(world.clock.now() + SHORTLY)
    await world.engine.reconciler.run(world.policy)
    before = await world.kinds()
    await world.engine.reconciler.run(world.policy)
    assert await world.kinds() == before


async def test_a_refused_order_is_recorded_and_its_later_leg_is_not_sent() -> None:
    world = await a_world()
    world.venue.answers = ["refused"]
    outcome = await world.cycle()
    assert await states(world) == {SPOT: [OrderState.REJECTED], SWAP: [OrderState.DENIED]}
    assert not outcome.count(OrderState.FILLED)
    assert not await world.bodies("pair.broken")


async def test_the_episode_keeps_what_was_not_filled_to_be_done() -> None:
    world = await a_world()
    world.venue.answers = ["refused"]
    await world.cycle()
    episode = (await world.store.memory()).episode("BTC")
    assert episode is not None
    assert (episode.left, episode.last_increment_at) == (D("0.05"), None)


async def test_a_settlement_that_a_crash_swallowed_is_told_by_the_next_process() -> None:
    world = await a_world()
    world.store.ends_at = "episode.worked"
    with pytest.raises(ProcessEnded):
        await world.cycle()
    assert await states(world) == {SPOT: [OrderState.FILLED], SWAP: [OrderState.FILLED]}
    after = await world.restarted()
    await after.engine.reconciler.run(after.policy)
    episode = (await after.store.memory()).episode("BTC")
    assert episode is not None
    assert episode.left == 0


async def test_an_order_is_at_its_end_only_once_its_trades_are_booked() -> None:
    world = await a_world()
    world.venue.hides_trades = True
    await world.cycle()
    assert (await states(world))[SPOT] == [OrderState.PARTLY_FILLED]
    world.venue.hides_trades = False
    await world.cycle(later=SHORTLY)
    row = (await world.orders())[SPOT][0]
    assert (row.state, row.filled) == (OrderState.FILLED, D(30))


async def test_what_is_known_to_be_filled_in_part_is_not_untold_by_an_older_answer() -> None:
    world = await a_world()
    world.venue.hides_trades = True
    await world.cycle()
    row = (await world.orders())[SPOT][0]
    old = OrderView(row.intent.client_id, "1", OrderState.OPEN, D(0), None, SPOT)
    assert (row.state, row.filled) == (OrderState.PARTLY_FILLED, D(0))
    assert await world.engine.recorder.learned(row, old) == ([], OrderState.PARTLY_FILLED)
    found_again = replace(row, state=OrderState.UNKNOWN, filled=D(3))
    made, state = await world.engine.recorder.learned(found_again, old)
    assert (len(made), state) == (1, OrderState.PARTLY_FILLED)


async def test_a_trade_that_the_venue_lists_past_the_bound_is_still_booked_and_only_once() -> None:
    world = await a_world()
    world.venue.hides_trades = True
    await world.cycle()
    await world.cycle(later=timedelta(seconds=150))
    row = (await world.orders())[SPOT][0]
    assert (row.state, row.filled) == (OrderState.PARTLY_FILLED, D(0))  # a question, however long
    assert "0 of 30 filled are in the venue's list of trades" in world.alerts.texts
    world.venue.hides_trades = False
    for _ in range(2):
        await world.cycle(later=SHORTLY)
    row = (await world.orders())[SPOT][0]
    assert (row.state, row.filled) == (OrderState.FILLED, D(30))
    assert (await verify(world.record)).clean


async def test_a_clock_that_steps_ahead_before_the_send_loses_no_trade() -> None:
    world = await a_world()
    ours = world.clock
    world.venue._clock = StepClock(ours.now())  # noqa: SLF001 - the venue's time goes its own way from here
    keep = world.store.append

    async def set_meanwhile(events: Sequence[Event], fence: int) -> None:
        if any(event.kind == "order.submitted" for event in events):
            await ours.until(ours.now() + timedelta(seconds=20))
        await keep(events, fence)

    world.store.append = set_meanwhile  # type: ignore[method-assign]
    await world.cycle()
    row = (await world.orders())[SPOT][0]
    assert (row.state, row.filled) == (OrderState.FILLED, D(30))


async def test_trades_that_ought_to_show_and_do_not_are_looked_for_further_back() -> None:
    world = await a_world()
    world.venue.hides_trades = True
    await world.cycle()
    row = (await world.orders())[SPOT][0]
    world.venue.hides_trades = False
    ahead = timedelta(hours=5)  # so far off was our clock when it was sent
    sent = replace(row, created_at=row.created_at + ahead, submitted_at=row.created_at + ahead)
    view = await world.venue.find(row.intent)
    assert isinstance(view, OrderView)
    assert (await world.engine.recorder.learned(sent, view))[1] == OrderState.PARTLY_FILLED
    await world.clock.until(row.created_at + ahead + timedelta(minutes=3))
    assert (await world.engine.recorder.learned(sent, view))[1] == OrderState.FILLED
