"""What is read of the world into a snapshot, and what is asked for because a first plan wants it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from bot.core.memory import Memory
from bot.core.snapshot import Feeds
from bot.engine.arithmetic import decide
from bot.engine.observe import Observer, book_symbols
from bot.engine.stop import Standing
from bot.ports.venue import Gap
from tests.builders import a_market, a_policy, a_snapshot
from tests.unit.engine.world import a_world
from tests.unit.venues.simulated.scenes import SPOT, SWAP


def test_both_markets_of_a_wished_asset_get_a_book_though_the_plan_dropped_a_leg() -> None:
    policy = a_policy(trim={"spot_share": "1"})
    snapshot = a_snapshot()
    made = decide(snapshot, policy)
    wishes = [*(item.wish for item in made.actions), *(item.wish for item in made.blocked)]
    assert {leg.symbol for wish in wishes for leg in wish.legs} == {SPOT}
    assert book_symbols(made, policy, snapshot.markets) == [SPOT, SWAP]


def test_a_market_that_is_not_listed_is_not_asked_for_a_book() -> None:
    policy = a_policy(trim={"spot_share": "1"})
    snapshot = a_snapshot(markets={SPOT: a_market()})
    assert book_symbols(decide(snapshot, policy), policy, snapshot.markets) == [SPOT]


async def test_savings_are_in_the_snapshot_for_stables_only() -> None:
    world = await a_world()
    outcome = await world.cycle()
    assert set(outcome.snapshot.savings) == {"USDT"}
    assert outcome.snapshot.savings["USDT"].rate > Decimal(0)


class HalfBlindFeeds:
    """Dominance holds, sentiment does not."""

    async def read(self) -> Feeds:
        return Feeds(dominance=((1.0, Decimal(50)),))

    def gaps(self) -> Sequence[Gap]:
        return (Gap("feed sentiment", "timed out after 10 s"),)


async def test_a_feed_that_fails_is_named_among_what_could_not_be_read() -> None:
    world = await a_world()
    observer = Observer(replace(world.parts, feeds=HalfBlindFeeds()))
    reads = await observer.read(world.policy)
    made = observer.snapshot(reads, world.policy, Memory(), Standing(), (), {})
    assert made.gaps == ("feed sentiment: timed out after 10 s",)
    assert made.feeds.dominance is not None
    assert made.feeds.sentiment is None
