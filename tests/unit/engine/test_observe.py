"""What is read of the world into a snapshot, and what is asked for because a first plan wants it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from bot.core.memory import Memory
from bot.core.plan_record import Plan
from bot.core.snapshot import Feeds
from bot.core.verdicts import Refused, Verdict, VerdictKind
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


def refused(*verdicts: Verdict) -> Plan:
    """The one wish of a plan, stopped by these instead."""
    made = decide(a_snapshot(), a_policy())
    item = (made.actions or made.blocked)[0]
    return replace(made, actions=(), blocked=(Refused(item.wish, 3, verdicts),))


LATER = datetime(2030, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    "verdict",
    [
        Verdict("R-G6", "defer", until=LATER),
        Verdict("R-G6", "defer"),
        Verdict("R-G5", "defer", until=LATER),  # a schedule
        Verdict("R-G1", "veto"),
        Verdict("R-G15", "veto"),
    ],
    ids=["interval", "orders", "schedule", "kill", "runaway"],
)
def test_no_book_is_asked_for_a_wish_that_no_book_lets_through(verdict: Verdict) -> None:
    markets = a_snapshot().markets
    assert book_symbols(refused(verdict), a_policy(), markets) == []
    assert book_symbols(refused(Verdict("R-G5", "defer"), verdict), a_policy(), markets) == []


@pytest.mark.parametrize("gate", ["R-G3", "R-G4", "R-G5", "R-G10", "R-G11", "R-G17"])
def test_a_book_is_asked_for_a_wish_that_it_may_let_through(gate: str) -> None:
    kind: VerdictKind = "veto" if gate in ("R-G10", "R-G11") else "defer"
    cut = Verdict("R-G6", "resize", scale=Decimal("0.5"))  # made smaller is not stopped
    assert SPOT in book_symbols(refused(Verdict(gate, kind), cut), a_policy(), a_snapshot().markets)


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


def test_the_book_of_what_is_quoted_and_not_believed_is_asked_for() -> None:
    snapshot = a_snapshot()
    far = {
        SWAP: snapshot.tickers[SWAP].model_copy(update={"bid": Decimal(900), "ask": Decimal(901), "last": Decimal(900)})
    }
    seen = snapshot.model_copy(update={"tickers": {**snapshot.tickers, **far}, "books": {}, "candles": {}})
    assert book_symbols(decide(seen, a_policy()), a_policy(), seen.markets, seen.tickers) == [SPOT]
    assert book_symbols(decide(seen, a_policy()), a_policy(), seen.markets) == []
