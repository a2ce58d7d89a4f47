"""A venue that refuses every order."""

from __future__ import annotations

from datetime import timedelta

from bot.core.orders import OrderState
from tests.builders import a_policy
from tests.unit.engine.world import a_world

AN_HOUR = 4


async def test_where_everything_is_refused_no_more_is_sent_than_an_hour_may_have() -> None:
    policy = a_policy(pace={"increment_interval": "1m", "orders_per_minute": 2, "orders_per_hour": AN_HOUR})
    world = await a_world(policy=policy)
    world.venue.answers = ["refused"] * 500
    for _ in range(50):
        await world.cycle(later=timedelta(minutes=1))
    tried = 500 - len(world.venue.answers)
    assert 1 <= tried <= AN_HOUR
    states = [row.state for rows in (await world.orders()).values() for row in rows]
    assert states.count(OrderState.REJECTED) == tried
