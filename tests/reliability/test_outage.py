"""A day without the venue: what was under way is kept, and settled before anything new."""

from __future__ import annotations

from datetime import timedelta

from bot.core.orders import OrderState
from bot.ports.store import OrderRow
from tests.unit.engine.world import MINE, World, a_world

HOUR = timedelta(hours=1)


def rows_of(world: World) -> list[OrderRow]:
    """The record's orders, read beside the bot."""
    book = world.database.find(MINE)
    assert book is not None
    return list(book.orders.values())


async def test_an_order_outlives_a_day_without_the_venue_and_is_settled_before_anything_new() -> None:
    world = await a_world()
    world.venue.answers = ["lost"]
    await world.cycle()
    lost = next(row for rows in (await world.orders()).values() for row in rows if row.state is OrderState.UNKNOWN)
    sent = len(world.venue.placed)
    world.venue.blind = world.venue.lists_gap = world.venue.trades_gap = True

    for _ in range(24):
        await world.cycle(later=HOUR)
        rows = (await world.orders())[lost.intent.symbol]
        assert [row.state for row in rows if row.intent.client_id == lost.intent.client_id] == [OrderState.UNKNOWN]
        assert [each for each in world.venue.placed[sent:] if each.symbol == lost.intent.symbol] == []

    world.venue.blind = world.venue.lists_gap = world.venue.trades_gap = False
    states: list[OrderState] = []  # of the lost order, at each send that follows

    def look(_intent: object) -> None:
        states.append(next(each.state for each in rows_of(world) if each.intent.client_id == lost.intent.client_id))

    world.venue.before_place = look
    outcome = await world.cycle(later=HOUR)
    row = next(each for each in rows_of(world) if each.intent.client_id == lost.intent.client_id)
    assert row.state is OrderState.FILLED
    assert row.filled == abs(lost.intent.qty)
    assert outcome.count(OrderState.UNKNOWN) == 0
    assert states
    assert set(states) == {OrderState.FILLED}
